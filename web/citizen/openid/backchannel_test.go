// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/account/accounttest"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/partner"
	. "danh/provider/providertest"
)

// onPhone answers what waits on her phone: by the number and her signature, by a
// no, or by saying that it was not she.
func (d *door) onPhone(t testing.TB, phone *webtest.Client, answer string) *webtest.Page {
	t.Helper()
	p := phone.Get("/asked").Want(200, "Ai đang chờ bạn trả lời")
	p = phone.Get(p.Attr(`nav a[href^="/asked/"]`, "href")).Want(200, "chờ bạn trả lời", "Chỉ đồng ý việc bạn vừa tự bắt đầu")
	if match, ok := strings.CutPrefix(answer, "answer:"); ok {
		p = p.Submit("Số "+match).Want(200, "Trả lời yêu cầu từ xa", match)
		return p.Submit("Xác nhận", "passcode", passcode).Want(200, "Bạn đã đồng ý")
	}
	return p.Submit(answer)
}

func (d *door) ciba(client string, more ...string) url.Values {
	v := url.Values{"scope": {"openid profile"}, "login_hint": {"phone:" + Phone}, "binding_message": {"K7 5.000.000"}}
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

func afarClients(c *partner.Client) {
	if c.ID != "portal" {
		c.Settings.BackchannelMode = "poll"
	}
	if c.ID == "clinic" {
		c.Settings.BackchannelAlg = "ES256"
	}
}

// The clients that other people wrote ask her phone, and hold every answer to the
// standard.
func TestPeersAskHerPhone(t *testing.T) {
	for script, clients := range map[string][]string{"openid-client-ciba.js": {"bank"}, "oauth4webapi-ciba.js": {"bank", "clinic"}} {
		for _, client := range clients {
			t.Run(script+"/"+client, func(t *testing.T) {
				t.Parallel()
				dbtest.Run(t, Schemas, func(t *testing.T, data *db.DB) {
					d := open(t, data, afarClients)
					d.lan(t, true)
					phone := d.phone(t)
					ok(t, d.DB.Write(t.Context(), func(tx *db.Tx) error {
						_, err := tx.ExecContext(t.Context(), `UPDATE account_rule SET value = 1 WHERE name = 'backchannel_poll_seconds'`)
						return err
					}))
					d.Clock.Advance(2 * time.Minute)
					d.Clock.Set(time.Now())
					given := map[string]any{"issuer": d.Issuer, "client": client, "hint": "phone:" + Phone, "secret": Secret.Reveal()}
					if client == "clinic" {
						delete(given, "secret")
						given["jwk"] = jose.JSONWebKey{Key: d.ClinicKey, KeyID: "c1"}
					}
					got := d.peer(t, script, given, func(what string) string {
						if what == "refuse:" {
							what = "Từ chối"
						}
						d.onPhone(t, phone, what)
						return d.Issuer
					})
					claims, _ := got["claims"].(map[string]any)
					info, _ := got["userinfo"].(map[string]any)
					if info["name"] != "Nguyễn Thị Phương Lan" || claims["acr"] != "urn:danh:acr:l1:a2" || claims["urn:openid:params:jwt:claim:auth_req_id"] != got["request"] || got["interval"] != 1.0 {
						t.Errorf("%v", got)
					}
					if script == "oauth4webapi-ciba.js" && (got["first"] != "authorization_pending" || got["second"] != "slow_down" || got["again"] != "invalid_grant" || got["expires"] != 120.0) {
						t.Errorf("%v", got)
					}
				})
			})
		}
	}
}

// What a client is told is JSON that nobody keeps; who does not prove itself is
// told nothing.
func TestAskingHerPhoneOverHTTP(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, data *db.DB) {
		d := open(t, data, afarClients)
		d.lan(t, true)
		phone := d.phone(t)
		res, body := d.call(t, "/bc-authorize", d.ciba("bank"))
		if res.StatusCode != http.StatusOK || res.Header.Get("Cache-Control") != "no-store" || !strings.Contains(body, `"auth_req_id"`) || !strings.Contains(body, `"danh_match"`) || strings.Contains(body, "Lan") {
			t.Fatalf("%d %v %s", res.StatusCode, res.Header, body)
		}
		if res, body = d.callAs(t, "bank", "wrong", "/bc-authorize", d.ciba("bank")); res.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "invalid_client") {
			t.Errorf("%d %s", res.StatusCode, body)
		}
		for _, path := range []string{"/bc-authorize", "/token"} { // a client with a key that signs nothing
			if res, body = d.callAs(t, "", "", path, d.ciba("clinic", "client_id", "clinic", "grant_type", "urn:openid:params:grant-type:ciba")); res.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "invalid_client") {
				t.Errorf("%s without an assertion: %d %s", path, res.StatusCode, body)
			}
		}
		if res, body = d.call(t, "/bc-authorize", d.ciba("bank", "client_id", "shop")); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("another client's id: %d %s", res.StatusCode, body)
		}
		if res, body = d.call(t, "/bc-authorize", d.ciba("bank", "login_hint", "")); res.StatusCode != http.StatusBadRequest || !strings.Contains(body, "invalid_request") {
			t.Errorf("%d %s", res.StatusCode, body)
		}
		if res, body = d.callAs(t, "portal", "wrong", "/bc-authorize", d.ciba("portal")); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%d %s", res.StatusCode, body)
		}
		res, body = d.call(t, "/token", url.Values{"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {"made-up"}})
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(body, "invalid_grant") {
			t.Errorf("%d %s", res.StatusCode, body)
		}
		for range 4 {
			d.call(t, "/bc-authorize", d.ciba("bank"))
		}
		if res, _ = d.call(t, "/bc-authorize", d.ciba("bank")); res.StatusCode != http.StatusOK {
			t.Errorf("the sixth: %d", res.StatusCode)
		}
		if res, body = d.call(t, "/bc-authorize", d.ciba("bank")); res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
			t.Errorf("the seventh: %d %s", res.StatusCode, body)
		}
		// Another site cannot answer for her, and another person's page is not there.
		p := phone.Get("/asked")
		at := p.Attr(`nav a[href^="/asked/"]`, "href")
		phone.PostFrom("https://evil.example", at, url.Values{"answer": {"47"}}).Want(403)
		phone.PostFrom("https://evil.example", "/asked/stop", url.Values{"client": {""}}).Want(403)
		phone.Get("/asked/nonsense").Want(404)
		webtest.New(t, d.Issuer).Get(at).At("/signin")
		// A wrong number ends it; refuse and report are alike.
		q := phone.Get(at)
		if no, report := q.Attr(`button[value="no"]`, "class"), q.Attr(`button[value="report"]`, "class"); no == "" || report == "" {
			t.Errorf("%q %q", no, report)
		}
		q.Submit("Không phải tôi").Want(200, "Đã báo: không phải bạn", "Khóa tài khoản")
		p = phone.Get("/asked").Want(200, "Bạn đã báo: không phải tôi", "Hiện không được hỏi bạn").Submit("Cho lại").Want(200, "Đã cho hỏi lại")
		p.Submit("Tắt với tất cả").Want(200, "Đang tắt").Submit("Bật lại").Want(200, "Đang cho")
	})
}

// Whoever has a password alone is told so before she picks the number, and can
// say no as before.
func TestPasswordAloneIsToldBeforeThePick(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, data *db.DB) {
		d := open(t, data, afarClients)
		d.lan(t, true)
		phone := webtest.New(t, d.Issuer)
		phone.Get("/signin").Submit("Đăng nhập", "number", number, "password", string(accounttest.Password))
		_, body := d.call(t, "/bc-authorize", d.ciba("bank", "scope", "openid profile phone"))
		p := phone.Get("/asked")
		at := p.Attr(`nav a[href^="/asked/"]`, "href")
		p = phone.Get(at).Want(200, "cần thứ mà bạn chưa có", "yêu cầu chờ đến", "Tạo khoá đăng nhập").Lacks(`class="picks`)
		if got := strings.Join(p.Texts(".give .g3 span"), " "); got != "0912 345 678" { // as on every other page
			t.Errorf("the number is grouped as %q", got)
		}
		p.Submit("Từ chối").Want(200)
		res, body := d.call(t, "/token", url.Values{"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {doc(t, body)["auth_req_id"].(string)}})
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(body, "access_denied") {
			t.Errorf("%d %s", res.StatusCode, body)
		}
	})
}

// A session that a phone approved by QR code is no phone of hers.
func TestAComputerDoesNotAnswer(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, data *db.DB) {
		d := open(t, data, afarClients)
		d.lan(t, true)
		phone := d.phone(t)
		p := d.Browser.Get("/signin").Submit("Đăng nhập bằng mã QR")
		d.approve(t, phone, p, "Tài khoản định danh của bạn")
		d.Browser.Get(p.URL.Path).Submit("Tiếp tục")
		d.call(t, "/bc-authorize", d.ciba("bank"))
		d.Browser.Get("/asked").Want(403, "Máy này không trả lời được yêu cầu từ xa")
	})
}
