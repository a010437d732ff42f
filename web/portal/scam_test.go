// SPDX-License-Identifier: Apache-2.0

package portal_test

import (
	"net/http"
	"regexp"
	"testing"

	"danh/internal/webtest"
)

// Anybody reports, without signing in, and sees how far the report is.
func TestAnybodyReportsAScam(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		c := webtest.New(t, w.Portal.URL)
		c.Get("/").Click("Báo lừa đảo").At("/report")
		p := c.Get("/report").Want(200, "Không cần đăng nhập")
		p.Submit("Gửi báo cáo", "words", "ngắn").Want(422, "Hãy chọn một mục", "10 đến 2000")
		p = p.Submit("Gửi báo cáo", "kind", "call", "place", "0999888777", "words", "Họ xưng công an và đòi đọc mã sáu số").Want(200, "Đã nhận báo cáo", "Không", "lừa đảo")
		p.Lacks("0999888777")
		code := regexp.MustCompile(`LD-26-[2-9A-Z]{4}-[2-9A-Z]{4}`).FindString(p.Text("main"))
		if code == "" {
			t.Fatal("no code")
		}
		c.Get("/report/track").Submit("Xem", "code", code).Want(200, "Đang chờ cán bộ đọc").Lacks("0999888777")
		c.Get("/report/track").Submit("Xem", "code", "LD-26-AAAA-AAAA").Want(http.StatusNotFound, "Không có báo cáo")
		c.Get("/tricks").Want(200, "Chưa công bố thủ đoạn nào")
		if p := c.Get("/hotlines").Want(200, "0693187344", "Thủ Đức", "Chưa đối chiếu"); !p.Has(`a[href="tel:0693187344"]`) {
			t.Error("the number cannot be called")
		}
	})
}
