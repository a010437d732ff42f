// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"danh/account"
	. "danh/account/accounttest"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
)

// TestADeviceInTheBrowser plays the life of a device in a real browser: the code
// of the first sign-in, the key that the page makes, finger or face by the
// browser's virtual authenticator, asked for and from the list of the number's
// field, and its removal. Every page is held to WCAG 2.2 AA and to its width.
func TestADeviceInTheBrowser(t *testing.T) {
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
			h.AskCodes(t)
			lan := h.Register(t, Lan)
			h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
			_, first := h.Open(t, lan, phone)
			door = doorOf(h)
			tab := webtest.Chromium(t).Tab(look.width, look.dark)
			tab.Authenticator(true)
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
			password := func() {
				t.Helper()
				tab.Fill("Số định danh", lan.Declared.Number.Reveal()).Fill("Mật khẩu", string(Password)).Click("Đăng nhập")
			}
			leave := func() { t.Helper(); tab.Go(base + "/").Click("Đăng xuất") }

			// 1. The code, wrong once.
			tab.Go(base + "/signin?return=/security")
			password()
			at("/signin/code")
			page("device-code").Want("Máy này chưa từng dùng tài khoản của bạn", "Đây không phải máy của tôi")
			code := h.Code(t, phone)
			wrong := "000000"
			if code == wrong {
				wrong = "000001"
			}
			tab.Fill("Mã xác minh", wrong).Click("Tiếp tục")
			page("device-code-wrong").Want("Còn 4 lần thử")
			tab.Fill("Mã xác minh", code).Click("Tiếp tục")
			// 2. The device is hers: the page makes its key, she takes finger or face.
			at("/signin/device")
			until("the key", `document.querySelector('form[data-device-key]')?.dataset.kept === 'yes'`)
			page("device-welcome").Want("Máy này đã là của bạn", "của người khác").Click("Để sau")
			at("/security")
			// 3. The next time the key takes the code's place.
			leave()
			tab.Go(base + "/signin?return=/signin/device")
			until("the signature", `document.querySelector('[name=device_signature]').value !== ''`)
			password()
			at("/signin/device")
			tab.Click("Bật vân tay, khuôn mặt")
			page("device-passkey").Click("Tạo khoá")
			at("/")
			tab.Go(base + "/security")
			page("device-security").Want("Máy này")
			// 4. By finger: the page after the sign-out waits in the list of the number's
			// field, and this authenticator's user touches it at once.
			leave()
			for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
				all, err := h.Keeper.ListSessions(t.Context(), first.Account)
				if err != nil {
					t.Fatal(err)
				}
				if slices.ContainsFunc(all, func(s account.Session) bool { return slices.Contains(s.AMR, "hwk") && s.Assurance == 2 }) {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("no passkey signed her in: %+v", all)
				}
			}
			at("/")
			if webtest.Eval[bool](tab, `(async () => { const r = indexedDB.open('danh', 1); const d = await new Promise((ok) => { r.onsuccess = () => ok(r.result); });
				const p = await new Promise((ok) => { const g = d.transaction('key').objectStore('key').get('device'); g.onsuccess = () => ok(g.result); }); d.close(); return p.privateKey.extractable; })()`) {
				t.Error("the device's key can be taken out")
			}
			list, err := h.Keeper.ListDevices(t.Context(), first.Account)
			if err != nil || len(list) != 2 || !list[0].Key || list[0].Passkeys != 1 {
				t.Fatalf("devices: %+v %v", list, err)
			}
			// 5. Its page, and its end.
			tab.Go(base + "/security/devices/" + list[0].ID.String())
			page("device-one").Want("khoá nằm trong máy").Fill("Tên thiết bị", "Máy của Lan").Click("Đổi tên")
			tab.Want("Máy của Lan")
			tab.Go(base + "/security/devices/" + list[0].ID.String() + "/remove")
			page("device-remove").Want("Gỡ Máy của Lan?", "bạn bị đăng xuất").Click("Gỡ")
			// Its passkey is refused, and its password is a stranger's.
			until("the refusal", `(document.body?.innerText ?? '').includes('Khoá này không dùng được')`)
			for _, p := range tab.Problems() {
				if !strings.Contains(p, "status of 4") {
					t.Error(p)
				}
			}
		})
	}
}

// TestNoFingerNoSignIn: where the authenticator does not verify its user, the
// passkey opens nothing, in the list or by the button.
func TestNoFingerNoSignIn(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	var door http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	base := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	h := New(t, dbtest.Open(t, db.SQLite, Schemas), func(c *account.Config) { c.Citizen = base })
	h.Clock.Set(time.Now())
	lan := h.Register(t, Lan)
	_, s := h.Open(t, lan, phone)
	key := h.Enlist(t, s, base)
	door = doorOf(h)
	tab := webtest.Chromium(t).Tab(360, false)
	tab.Authenticator(false, key)
	tab.Go(base + "/signin?return=/security").Click("Dùng khoá đăng nhập")
	for end := time.Now().Add(15 * time.Second); !strings.Contains(tab.Text(), "Máy chưa đưa ra khoá nào"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the page stays %s: %s", tab.URL(), tab.Text())
		}
	}
	if tab.Go(base + "/security"); !strings.Contains(tab.URL(), "/signin") {
		t.Errorf("signed in without a finger: %s", tab.URL())
	}
}
