// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/account"
	. "danh/account/accounttest"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
)

// TestAComputerAndAPhoneInTheBrowser plays a sign-in by QR code in two real
// browsers: the computer's page goes on by itself, and every page on the way is
// held to WCAG 2.2 AA and to the width of its window.
func TestAComputerAndAPhoneInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	shots := os.Getenv("DANH_SHOTS")
	for _, look := range []struct {
		name            string
		computer, phone int
		dark            bool
	}{{"light", 1280, 360, false}, {"dark", 1280, 360, true}, {"narrow", 360, 390, false}} {
		t.Run(look.name, func(t *testing.T) {
			var door http.Handler
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.ServeHTTP(w, r) }))
			t.Cleanup(server.Close)
			base := strings.Replace(server.URL, "127.0.0.1", "localhost", 1) // passkeys are bound to a name
			h := New(t, dbtest.Open(t, db.SQLite, Schemas), func(c *account.Config) { c.Citizen = base })
			h.Clock.Set(time.Now()) // the countdowns are the browser's
			lan := h.Register(t, Lan)
			h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
			_, s := h.Open(t, lan, phone)
			key := h.Enlist(t, s, base)
			door = doorOf(h)
			page := func(tab *webtest.Tab, name string) *webtest.Tab {
				t.Helper()
				tab.Accessible()
				if n := tab.Overflow(); n > 0 {
					t.Errorf("%s is %d px wider than the window", name, n)
				}
				if shots != "" {
					tab.Shot(filepath.Join(shots, name+"-"+look.name+".png"))
				}
				return tab
			}
			hers := webtest.Chromium(t).Tab(look.phone, look.dark)
			hers.Go(base+"/signin").Fill("Số định danh", lan.Declared.Number.Reveal()).Fill("Mật khẩu", string(Password)).Click("Đăng nhập").Want("Nguyễn Thị Phương Lan")
			hers.Authenticator(true, key)
			computer := webtest.Chromium(t).Tab(look.computer, look.dark)
			ask := func() (code, number string) {
				t.Helper()
				return webtest.Eval[string](computer, `document.querySelector('.spoken .n').textContent`), webtest.Eval[string](computer, `document.querySelector('.match .n').textContent`)
			}
			// await waits until the computer's page has gone on by itself.
			await := func(words string) {
				t.Helper()
				for end := time.Now().Add(20 * time.Second); !strings.Contains(computer.Text(), words); {
					if time.Now().After(end) {
						t.Fatalf("the computer's page does not say %q", words)
					}
					time.Sleep(200 * time.Millisecond)
				}
			}
			page(computer.Go(base+"/signin?return=/security"), "qr-signin").Click("Đăng nhập bằng mã QR")
			page(computer.Want("Đăng nhập bằng điện thoại", "Chỉ quét bằng điện thoại của chính bạn"), "qr-computer")
			code, number := ask()
			// A wrong number first: the computer says so by itself.
			page(hers.Go(base+"/q"), "qr-enter").Fill("Mã để gõ", code).Click("Tiếp tục")
			page(hers.Want("Một máy tính muốn vào tài khoản của bạn", "Ai gửi cho bạn mã này là lừa đảo"), "qr-phone")
			wrong := webtest.Eval[string](hers, `[...document.querySelectorAll('.picks button')].map((b) => b.textContent.trim()).find((n) => n !== "`+number+`")`)
			page(hers.Click("Số "+wrong).Want("Số chưa đúng, mã đã bị hủy"), "qr-wrong")
			await("Điện thoại đã chọn sai số")
			page(computer, "qr-over").Click("Mã mới")
			code, number = ask()
			hers.Go(base + "/q/" + code).Click("Số " + number)
			page(hers.Want("Cho máy tính này vào tài khoản?", code, number), "qr-approve")
			await("Duyệt trên điện thoại")
			page(computer, "qr-picked")
			page(hers.Click("Xác nhận").Want("Đã duyệt"), "qr-done")
			await("Đang đăng nhập")
			if got := webtest.Eval[string](computer, `location.pathname`); got != "/security" {
				t.Errorf("the computer is at %s", got)
			}
			page(computer.Want("đăng nhập bằng mã QR"), "qr-security")
			for _, tab := range []*webtest.Tab{hers, computer} {
				if p := tab.Problems(); len(p) > 0 {
					t.Error(p)
				}
			}
		})
	}
}
