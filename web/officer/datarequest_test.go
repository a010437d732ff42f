// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"danh/account"
	"danh/account/accounttest"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/office"
	"danh/provider/right"
	"danh/web/citizen"
	"danh/web/officer"
)

// answerers is a console whose officers answer requests about data, and Minh,
// who asks Danh to delete his.
func answerers(t *testing.T, d *db.DB) (c *console, desk *right.Desk, code string, minh account.Session) {
	t.Helper()
	c = open(t, d, func(c *console, _ *citizen.Config, o *officer.Config) {
		desk = right.New(right.Config{DB: d, Clock: c.Clock, Seal: c.Seal, Audit: c.Audit, Notify: c.Notify, Jobs: c.Jobs, Accounts: c.Keeper, Partners: c.Partners, Provider: c.Provider,
			Calendar: must[*office.Calendar](t)(office.OpenCalendar(t.Context(), d)), Roster: c.roster})
		o.Rights = desk
	})
	_, minh = c.Open(t, c.Person(accounttest.Minh), "0987654321")
	code = must[string](t)(desk.Make(t.Context(), minh, right.Ask{Kind: right.Deletion, Words: "Xoá hết giúp tôi."}))
	return c, desk, code, minh
}

// What is asked of Danh waits for registrars; a refusal names the law that orders
// to keep, and she reads it.
func TestOfficerRefusesADeletionByTheLaw(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		c, desk, code, minh := answerers(t, d)
		s := c.staff(t)
		c.appoint(t, s, office.IntakeOfficer)
		c.signIn(t, "/data-requests").Want(403, "Bạn không giữ việc này")
		c.appoint(t, s, office.Registrar)
		c.browser.Get("/data-requests").Want(200, "Gửi tới Danh", code)
		p := c.browser.Get("/data-requests/"+code).Want(200, "Xoá hết giúp tôi.", "Nghị định 356/2025/NĐ-CP", "Luật buộc giữ").Lacks(accounttest.Minh.Numbers[0].Number)
		p = p.Submit("Đã nhận").Want(200, "Đã xác nhận")
		p.Submit("Gửi trả lời", "answer", "refused", "words", "Không được.").Want(422, "Chọn căn cứ từ chối")
		p.Submit("Gửi trả lời", "answer", "refused", "reason", "retention", "words", "Lịch sử sử dụng phải giữ 5 năm theo luật.").Want(200, "Đã trả lời", "Không có yêu cầu nào")
		mine := must[right.Case](t)(desk.Find(t.Context(), minh.Account, code))
		if mine.State != right.Refused || mine.Reason != "retention" || mine.Office != c.office.Name {
			t.Errorf("she reads %+v", mine)
		}
		// Nobody answers a request of her own.
		own := must[string](t)(desk.Make(t.Context(), s, right.Ask{Kind: right.Access}))
		c.browser.Get("/data-requests/"+own).Submit("Gửi trả lời", "answer", "done", "words", "Đã gửi cho tôi rồi.").Want(403, "của chính bạn")
	}, offices)
}

func TestDataRequestsInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	c, _, code, _ := answerers(t, dbtest.Open(t, db.SQLite, schemas, offices))
	s := c.staff(t)
	c.appoint(t, s, office.Registrar)
	b := webtest.Chromium(t)
	first := b.Tab(1280, false).Go(c.door+"/data-requests").Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập")
	first.Authenticator(true, c.key).Click("Dùng khoá đăng nhập").Want("Bàn làm việc cán bộ").Click("Đồng ý").Want("Gửi tới Danh")
	for _, width := range []int{1280, 360} {
		tab := b.Tab(width, width == 360)
		for name, path := range map[string]string{"data-requests": "/data-requests", "data-request": "/data-requests/" + code} {
			tab.Go(c.door + path).Accessible()
			if n := tab.Overflow(); n > 0 {
				t.Errorf("%s is %d px wider than the window", name, n)
			}
			if dir := os.Getenv("DANH_SHOTS"); dir != "" {
				tab.Shot(filepath.Join(dir, fmt.Sprintf("%s-%d.png", name, width)))
			}
		}
	}
}
