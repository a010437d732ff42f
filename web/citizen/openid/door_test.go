// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"danh/account/accounttest"
	"danh/internal/relyingparty"
	"danh/partner"
)

// TestOwnDoorSignsIn lets an own door sign her in with the client that our
// doors use: no back door, the same endpoints, the account's id as subject.
func TestOwnDoorSignsIn(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		s := d.lan(t, true)
		var rp *relyingparty.Client
		mux := http.NewServeMux()
		mux.HandleFunc("GET /in", func(w http.ResponseWriter, r *http.Request) {
			if err := rp.Begin(w, r, "/me"); err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
			}
		})
		mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
			_, to, err := rp.Callback(w, r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusForbidden)
				return
			}
			http.Redirect(w, r, to, http.StatusSeeOther)
		})
		mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
			id, ok := rp.Session(w, r)
			_, _ = fmt.Fprintf(w, "<p>%v|%s|%s|%s|%v|%d</p>", ok, id.Subject, id.Text("name"), id.Claims["name"].Source, id.Verified("name"), id.Number("account_level"))
		})
		portal := httptest.NewServer(mux)
		t.Cleanup(portal.Close)
		ok(t, partner.EnsureOwnDoors(t.Context(), d.Partners, d.Keys, []partner.Door{{ID: "portal", Origin: portal.URL}}))
		secret, err := partner.DoorSecret(d.Keys, "portal")
		ok(t, err)
		rp, err = relyingparty.New(relyingparty.Config{Issuer: d.Issuer, ClientID: "portal", Secret: secret.Reveal(), RedirectURL: portal.URL + partner.CallbackPath,
			PostLogoutURL: portal.URL + partner.LoggedOutPath, Scopes: []string{"profile", "number", "residence", "level"}, Cookie: "danh-portal", Key: bytes.Repeat([]byte{7}, 32), Clock: d.Clock,
			Claims: `{"userinfo":{"verified_claims":{"verification":{"trust_framework":null,"time":null,"evidence":[{"type":null}]},"claims":{"name":null,"birthdate":null}}}}`})
		ok(t, err)

		p := d.Browser.Get(portal.URL+"/in").At("/signin").Submit("Đăng nhập", "number", number, "password", string(accounttest.Password))
		p.At("/consent").Want(200, "Cổng dịch vụ công Danh", "Dịch vụ của chính Danh", "điền sẵn vào tờ khai")
		p.Submit("Đồng ý").At("/me").Want(200, fmt.Sprintf("true|%s|Nguyễn Thị Phương Lan|population registry|true|1", s.Account))
		// The next time she is not asked.
		d.Browser.Get(portal.URL+"/in").At("/me").Want(200, "true|")
	})
}
