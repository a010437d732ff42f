// SPDX-License-Identifier: Apache-2.0

package partnerdoor_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/partner"
	. "danh/provider/providertest"
	"danh/provider/verify"
	"danh/web/citizen"
	partnerdoor "danh/web/partner"
)

type house struct {
	*House
	door    string
	browser *webtest.Client

	compares *verify.Desk
	lan      account.Session
}

func open(t testing.TB, d *db.DB) *house {
	t.Helper()
	var citizens, partners http.Handler
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { citizens.ServeHTTP(w, r) }))
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { partners.ServeHTTP(w, r) }))
	t.Cleanup(issuer.Close)
	t.Cleanup(own.Close)
	h := &house{House: New(t, d, issuer.URL), door: own.URL, browser: webtest.New(t, own.URL)}
	h.Clock.Set(time.Now()) // the relying party's library keeps its own time
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(partner.EnsureOwnDoors(t.Context(), h.Partners, h.Keys, []partner.Door{{ID: "partner", Origin: own.URL}}))
	secret, err := partner.DoorSecret(h.Keys, "partner")
	check(err)
	key, err := h.Keys.Secret("cookie-partner", 32)
	check(err)
	citizens = citizen.Door(citizen.Config{Accounts: h.Keeper, Provider: h.Provider, Notify: h.Notify, Audit: h.Audit, Clock: h.Clock, Log: h.Log})
	partners, err = partnerdoor.Door(partnerdoor.Config{Origin: own.URL, Issuer: issuer.URL, Secret: secret.Reveal(), Key: key, Clock: h.Clock, Log: h.Log, Accounts: h.Keeper})
	check(err)
	return h
}

func run(t *testing.T, body func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, d *db.DB) { body(t, open(t, d)) })
}

func TestGuideIsForEverybodyAndNamesTheProvidersOwnAddresses(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		p := h.browser.Get("/").Want(200, "Cổng đối tác", "Cách kết nối").Click("Cách kết nối").At("/guide")
		for _, path := range []string{"/clients", "/start", "/api", "/errors"} {
			if !p.Has(`main a[href="` + path + `"]`) {
				t.Errorf("nothing leads to %s", path)
			}
		}
		p.Want(200, "fapi2", "purpose:delivery", "danh_match", h.Issuer+"/bc-authorize", h.Issuer+"/verify", "/consents/list")
		p.Want(200, h.Issuer+"/par", h.Issuer+"/token", h.Issuer+"/userinfo", "offline_access", "birthdate", "personal_number", "so từng chữ")
		h.browser.Get(p.Attr(`code a`, "href")).Want(200)
		for _, path := range []string{"/start", "/api", "/openapi.json", "/errors"} {
			h.browser.Get(path).Want(200)
		}
		h.browser.English().Get("/guide").Want(200, "How to connect", "compared letter by letter")
	})
}

func TestSignedInPersonSeesThatSheAdministersNothingYet(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		h.SignInLan(t, true)
		p := h.browser.Get("/clients").Want(200, "Đăng nhập").Submit("Đăng nhập", "number", accounttest.Lan.Numbers[1].Number, "password", string(accounttest.Password))
		p.Want(200, "Cổng đối tác").Submit("Đồng ý").At("/clients").Want(200, "chưa quản lý ứng dụng nào", "Việc tiếp theo").Lacks("đang ở dạng tạm", Secret.Reveal())
		if h.browser.Cookie("danh-partner") == "" {
			t.Fatal("the session's cookie does not bear the door's name")
		}
		h.browser.Get("/clients").Submit("Đăng xuất")
		if h.browser.Cookie("danh-partner") != "" {
			t.Fatal("signing out left the session")
		}
	})
}

func TestProvisionalAccountIsToldSo(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		h.SignInLan(t, false)
		h.browser.Get("/clients").Submit("Đăng nhập", "number", accounttest.Lan.Numbers[1].Number, "password", string(accounttest.Password)).
			Submit("Đồng ý").At("/clients").Want(200, "đang ở dạng tạm", "xác minh tại công an")
	})
}

func TestDeclinedSignInIsNoSession(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		h.SignInLan(t, true)
		h.browser.Get("/clients").Submit("Đăng nhập", "number", accounttest.Lan.Numbers[1].Number, "password", string(accounttest.Password)).
			Submit("Từ chối").Want(http.StatusForbidden, "Bạn chưa đăng nhập")
		if h.browser.Cookie("danh-partner") != "" {
			t.Fatal("a session without consent")
		}
		h.browser.Get("/callback?state=x&code=y").Want(http.StatusUnprocessableEntity, "không dùng được nữa")
	})
}

// TestPartnerDoorInTheBrowser looks at the pages in Chromium. With
// DANH_SHOTS=folder it leaves pictures there.
func TestPartnerDoorInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := open(t, dbtest.Open(t, db.SQLite, Schemas))
	h.SignInLan(t, true)
	b := webtest.Chromium(t)
	b.Tab(1280, false).Go(h.door+"/clients").Fill("Số định danh", accounttest.Lan.Numbers[1].Number).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập").
		Want("Cổng đối tác").Click("Đồng ý").Want("chưa quản lý ứng dụng nào")
	for _, width := range []int{1280, 360} {
		for _, dark := range []bool{false, true} {
			for name, path := range map[string]string{"home": "/", "guide": "/guide", "api": "/api", "clients": "/clients"} {
				tab := b.Tab(width, dark).Go(h.door + path).Accessible()
				for _, p := range tab.Problems() {
					t.Errorf("%s: %s", name, p)
				}
				if dir := os.Getenv("DANH_SHOTS"); dir != "" {
					tab.Shot(filepath.Join(dir, fmt.Sprintf("partner-%s-%d-%v.png", name, width, dark)))
				}
			}
		}
	}
}
