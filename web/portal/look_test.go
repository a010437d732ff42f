// SPDX-License-Identifier: Apache-2.0

package portal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/account/accounttest"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/procedure/proceduretest"
)

// TestPortalInTheBrowser walks the notice in Chromium, where the content
// security policy decides whether forms may lead from door to door, and looks
// at every page for WCAG 2.2 AA violations and overflow.
func TestPortalInTheBrowser(t *testing.T) {
	w := open(t, dbtest.Open(t, db.SQLite, proceduretest.Schemas, proceduretest.Facts))
	w.SignInLan(t, true)
	shots := os.Getenv("DANH_SHOTS") // a folder to keep pictures in
	b := webtest.Chromium(t)
	for i, c := range []struct {
		name  string
		width int
		dark  bool
	}{{"1280-light", 1280, false}, {"360-dark", 360, true}, {"390-light", 390, false}} {
		tab := b.Tab(c.width, c.dark)
		look := func(name string) {
			t.Helper()
			tab.Accessible()
			if n := tab.Overflow(); n > 0 {
				t.Errorf("%s at %s: %d px wider than the window", name, c.name, n)
			}
			for _, p := range tab.Problems() {
				if !strings.Contains(p, "status of 422") { // a form with something to mend
					t.Errorf("%s at %s: %v", name, c.name, p)
				}
			}
			if shots != "" {
				tab.Shot(filepath.Join(shots, "portal-"+name+"-"+c.name+".png"))
			}
		}
		for name, path := range map[string]string{"home": "/", "procedures": "/procedures?q=tam+tru", "procedure": "/procedures/thong-bao-luu-tru", "offices": "/offices?q=kim+lien",
			"guides": "/guides", "guide": "/guides/lua-dao", "track": "/track", "register": "/register"} {
			tab.Go(w.Portal.URL + path)
			look(name)
		}
		tab.Go(w.Portal.URL+"/").Fill("Tìm thủ tục", "thong bao luu tr")
		for n := 0; webtest.Eval[string](tab, `document.querySelector(".sug mark")?.textContent ?? ""`) != "Thông báo lưu tr"; n++ {
			if n == 50 {
				t.Fatal("no suggestion appears while typing")
			}
			time.Sleep(50 * time.Millisecond)
		}
		look("suggest")
		tab.Go(w.Portal.URL + "/lodging")
		if i == 0 {
			tab.Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập")
			tab.Want("Cổng dịch vụ công Danh").Click("Đồng ý")
		} else if strings.Contains(tab.URL(), "/signin") {
			tab.Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập")
		}
		tab.Want("Trước khi bắt đầu", "Từ CSDL dân cư")
		look("start")
		tab.Click("Bắt đầu").Want("Khách ở đâu?")
		look("place")
		tab.Fill("Xã, phường, đặc khu", "kim lien ha noi").Click("Lưu và đi tiếp").Want("Ai đến ở nhà bạn?")
		tab.Fill("Họ và tên khách", "Trần Văn Minh").Fill("Ngày sinh của khách", "30/1/1985").Fill("Số giấy tờ", "07908500432").Fill("Ngày đi", "12/01/2027").Click("Thăm người thân").Click("Lưu và đi tiếp")
		tab.Want("Còn 2 chỗ cần sửa")
		look("guest-wrong")
		tab.Fill("Số giấy tờ", minhNumber).Fill("Ngày đi", clock.DateOf(w.Clock.Now()).AddDays(3).Vietnamese()).Click("Lưu và đi tiếp").Want("Xem lại trước khi gửi")
		look("review")
		tab.Click("Gửi thông báo").Want("Đã gửi và đã tiếp nhận")
		look("case")
		kase := tab.URL()
		tab.Go(strings.TrimSuffix(kase, "?sent=1") + "/receipt")
		look("receipt")
		tab.Go(w.Portal.URL + "/cases").Want("Đã gửi")
		look("cases")
		tab.Go(w.Portal.URL + "/me").Want("Cổng biết về bạn")
		look("me")
		tab.Click("Đăng xuất")
		if strings.HasPrefix(tab.URL(), w.Citizen.URL) {
			tab.Click("Đăng xuất")
		}
		tab.Go(w.Portal.URL + "/")
	}
}
