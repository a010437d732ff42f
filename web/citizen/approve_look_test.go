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
	"danh/account/approval"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/web/citizen"
)

// TestApprovalsInTheBrowser plays step-up, passcode and approvals in a real
// browser with its virtual authenticator: by passkey, by the key of the device,
// refused, and with an authenticator that does not verify its user. Every page is
// held to WCAG 2.2 AA and to the width of its window.
func TestApprovalsInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	shots := os.Getenv("DANH_SHOTS")
	for _, look := range []struct {
		name  string
		width int
		dark  bool
	}{{"light", 360, false}, {"dark", 360, true}, {"wide", 1280, false}} {
		t.Run(look.name, func(t *testing.T) {
			var door http.Handler
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.ServeHTTP(w, r) }))
			t.Cleanup(server.Close)
			base := strings.Replace(server.URL, "127.0.0.1", "localhost", 1) // passkeys are bound to a name
			h := New(t, dbtest.Open(t, db.SQLite, Schemas), func(c *account.Config) { c.Citizen = base })
			h.Clock.Set(time.Now()) // the countdowns are the browser's
			desk := approval.New(approval.Config{DB: h.DB, Clock: h.Clock, Seal: h.Seal, Audit: h.Audit, Accounts: h.Keeper})
			door = citizen.Door(citizen.Config{Accounts: h.Keeper, Approvals: desk, Notify: h.Notify, Audit: h.Audit, Clock: h.Clock, Log: h.Log})
			lan := h.Register(t, Lan)
			h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
			_, first := h.Open(t, lan, phone)
			key := h.Enlist(t, first, base)
			h.AskCodes(t)
			tab := webtest.Chromium(t).Tab(look.width, look.dark)
			page := func(name string) *webtest.Tab {
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
			until := func(what, js string) {
				t.Helper()
				for end := time.Now().Add(20 * time.Second); !webtest.Eval[bool](tab, js); time.Sleep(100 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("%s did not come: %s %q", what, tab.URL(), tab.Text())
					}
				}
			}
			at := func(path string) {
				t.Helper()
				until(path, `location.pathname === '`+path+`' && document.readyState === 'complete'`)
			}
			says := func(words string) {
				t.Helper()
				until(words, `document.readyState === 'complete' && document.body.innerText.includes(`+"`"+words+"`"+`)`)
			}
			// 1. Her device, with its key.
			tab.Go(base+"/signin?return=/security").Fill("Số định danh", lan.Declared.Number.Reveal()).Fill("Mật khẩu", string(Password)).Click("Đăng nhập")
			at("/signin/code")
			tab.Fill("Mã xác minh", h.Code(t, phone)).Click("Tiếp tục")
			at("/signin/device")
			until("the key", `document.querySelector('form[data-device-key]')?.dataset.kept === 'yes'`)
			tab.Authenticator(true, key)
			// 2. The passcode: the code's sign-in is enough while it is young, later it takes a passkey.
			h.Clock.Advance(11 * time.Minute)
			tab.Go(base + "/security/passcode")
			at("/stepup")
			page("stepup").Want("Đặt hoặc đổi mã passcode", "Không cán bộ nào hỏi")
			tab.Click(byPasskey)
			at("/security/passcode")
			page("passcode").Fill("Mã passcode mới", "123456").Fill("Nhập lại mã mới", "123456").Click("Lưu mã passcode")
			says("dãy số liền nhau")
			page("passcode-weak").Fill("Mã passcode mới", "730418").Fill("Nhập lại mã mới", "730418").Click("Lưu mã passcode")
			at("/security")
			page("passcode-done").Want("Đã lưu mã passcode")
			tab.Go(base + "/demands")
			page("demands").Want("Chuyển tiền")
			// 3. Approvals.
			session := func() account.Session {
				t.Helper()
				all, err := h.Keeper.ListSessions(t.Context(), first.Account)
				if err != nil || len(all) == 0 {
					t.Fatalf("%v %v", all, err)
				}
				for _, s := range all {
					if s.ID != first.ID {
						s.Account, s.Person, s.Level = first.Account, first.Person, 2
						return s
					}
				}
				t.Fatal("no session of the browser")
				return account.Session{}
			}
			ask := func(journey string) approval.ID {
				t.Helper()
				doc := transfer()
				doc.Journey = journey
				a, err := desk.Ask(t.Context(), session(), doc, "/security?from=here")
				if err != nil {
					t.Fatal(err)
				}
				tab.Go(base + "/approve/" + a.String())
				return a
			}
			state := func(a approval.ID) approval.State {
				t.Helper()
				x, err := desk.Find(t.Context(), session(), a)
				if err != nil {
					t.Fatal(err)
				}
				return x.State
			}
			a := ask("transfer")
			page("approve").Want("Hộ kinh doanh <b>Tư Sáng</b>", "1.250.000 đồng", "Còn lại để trả lời")
			tab.Fill("Mã passcode", "111222").Click("Xác nhận")
			says("Còn 9 lần thử")
			page("approve-wrong").Fill("Mã passcode", "730418").Click("Xác nhận")
			at("/security")
			if got := state(a); got != approval.Approved {
				t.Errorf("by passkey: %s", got)
			}
			a = ask("qr_approve")
			page("approve-device").Fill("Mã passcode", "730418").Click("Dùng khoá của máy này thay cho vân tay")
			at("/security")
			if got := state(a); got != approval.Approved {
				t.Errorf("by the device's key: %s", got)
			}
			a = ask("transfer")
			tab.Click("Từ chối")
			says("Bạn đã từ chối")
			page("approve-refused")
			if got := state(a); got != approval.Refused {
				t.Errorf("refused: %s", got)
			}
			for _, p := range tab.Problems() {
				if !strings.Contains(p, "status of 422") { // what was typed wrongly on purpose
					t.Error(p)
				}
			}
		})
	}
}

// An authenticator that does not verify its user approves nothing.
func TestUnverifiedUserApprovesNothingInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	var door http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	base := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	h := New(t, dbtest.Open(t, db.SQLite, Schemas), func(c *account.Config) { c.Citizen = base })
	h.Clock.Set(time.Now())
	door = doorOf(h)
	lan := h.Register(t, Lan)
	h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
	_, first := h.Open(t, lan, phone)
	key := h.Enlist(t, first, base)
	tab := webtest.Chromium(t).Tab(360, false)
	tab.Go(base+"/signin").Fill("Số định danh", lan.Declared.Number.Reveal()).Fill("Mật khẩu", string(Password)).Click("Đăng nhập")
	tab.Authenticator(false, key)
	tab.Go(base + "/security/passcode").Click(byPasskey)
	for end := time.Now().Add(20 * time.Second); !strings.Contains(tab.Text(), "Máy chưa xác nhận"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s %q", tab.URL(), tab.Text())
		}
	}
	if got := webtest.Eval[string](tab, `location.pathname`); got != "/stepup" {
		t.Errorf("she is at %s", got)
	}
}
