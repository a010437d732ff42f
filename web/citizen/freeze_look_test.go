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
	"danh/account/place"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/sandbox"
	"danh/web/citizen"
)

// TestFreezePagesInTheBrowser looks at everything that somebody who is frightened
// comes by, in both themes at 360 px: Security with places, the one button, the
// page of a link, the page after it, the ways of somebody who is not signed in,
// and the way back. With DANH_SHOTS=folder it leaves pictures there.
func TestFreezePagesInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	book, err := place.Parse(strings.NewReader(string(sandbox.Places)))
	if err != nil {
		t.Fatal(err)
	}
	for _, dark := range []bool{false, true} {
		look := map[bool]string{false: "light", true: "dark"}[dark]
		t.Run(look, func(t *testing.T) {
			var door http.Handler
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.ServeHTTP(w, r) }))
			t.Cleanup(server.Close)
			base := strings.Replace(server.URL, "127.0.0.1", "localhost", 1) // passkeys are bound to a name
			h := New(t, dbtest.Open(t, db.SQLite, Schemas), func(c *account.Config) { c.Citizen, c.Places = base, book })
			h.Clock.Set(time.Now())
			door = citizen.Door(citizen.Config{Accounts: h.Keeper, Notify: h.Notify, Audit: h.Audit, Clock: h.Clock, Log: h.Log})
			lan := h.Register(t, Lan)
			h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
			h.Open(t, lan, phone)
			if _, _, err := h.Keeper.SignIn(t.Context(), account.SignIn{Number: lan.Declared.Number.Reveal(), Password: Password, Door: "citizen",
				Remote: account.RemoteInfo{Address: "127.0.2.7", Label: "Chrome, Android", Device: account.NewToken()}}); err != nil {
				t.Fatal(err)
			}
			link := freezePathIn(t, h, phone, "gần Đà Nẵng")
			tab := webtest.Chromium(t).Tab(360, dark)
			page := func(name, path, says string) {
				t.Helper()
				tab.Go(base + path).Want(says)
				tab.Accessible()
				if n := tab.Overflow(); n > 0 {
					t.Errorf("%s is %d px wider than the window", name, n)
				}
				for _, p := range tab.Problems() {
					t.Errorf("%s: %s", name, p)
				}
				if dir := os.Getenv("DANH_SHOTS"); dir != "" {
					tab.Shot(filepath.Join(dir, name+"-"+look+".png"))
				}
			}
			page("freeze-help", "/freeze", "113")
			page("freeze-link", link, "Nó chỉ khóa")
			page("frozen", "/frozen", "Tài khoản đã khóa")
			page("unfreeze", "/unfreeze", "Mở lại tài khoản đã khóa")
			tab.Go(base+"/signin?return=/security").Fill("Số định danh", lan.Declared.Number.Reveal()).Fill("Mật khẩu", string(Password)).Click("Đăng nhập").Want("gần Đà Nẵng")
			page("security-places", "/security", "không rõ nơi")
			page("freeze", "/freeze", "Chỉ bạn mở lại được")
		})
	}
}
