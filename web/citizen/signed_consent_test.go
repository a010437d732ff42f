// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	. "danh/account/accounttest"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/partner"
	"danh/provider/providertest"
	"danh/web/citizen"
)

// bank is a relying party that asks for the personal number, before the whole
// door.
type bank struct {
	*providertest.House
	c        *webtest.Client
	callback string
	got      func() url.Values
}

func banks(t *testing.T, body func(t *testing.T, b *bank)) {
	t.Helper()
	dbtest.Run(t, providertest.Schemas, func(t *testing.T, d *db.DB) {
		var door http.Handler
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.ServeHTTP(w, r) }))
		t.Cleanup(server.Close)
		var got url.Values
		party := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r.URL.Query()
			_, _ = io.WriteString(w, "<!doctype html><html lang=vi><title>x</title><h1>Cảm ơn</h1>")
		}))
		t.Cleanup(party.Close)
		base := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
		b := &bank{callback: party.URL + "/cb", got: func() url.Values { return got }}
		b.House = providertest.New(t, d, base, func(c *partner.Client) { c.RedirectURIs = append(c.RedirectURIs, b.callback) })
		desk := b.Signs(t)
		door = citizen.Door(citizen.Config{Accounts: b.Keeper, Approvals: desk, Provider: b.Provider, Notify: b.Notify, Audit: b.Audit, Clock: b.Clock, Log: b.Log})
		b.c = webtest.New(t, base)
		body(t, b)
	})
}

func (b *bank) request(scope string) url.Values {
	v := providertest.Request(scope)
	v.Set("redirect_uri", b.callback)
	v.Set("claims", `{"userinfo":{"phone_number":null}}`)
	return v
}

func TestSheSignsAConsent(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		_, first := b.SignInLan(t, true)
		key := b.Enlist(t, first, b.Issuer)
		b.c.Get("/authorize?"+b.request("openid profile number").Encode()).At("/signin").
			Submit("Đăng nhập", "number", b.Person(Lan).Declared.Number.Reveal(), "password", string(Password)).At("/consent")
		p := b.c.Get("/authorize?" + b.request("openid profile number").Encode()).At("/consent")
		p = p.Submit("Đồng ý", "take.phone_number", "yes")
		if !strings.HasPrefix(p.URL.Path, "/approve/") {
			t.Fatalf("she is at %s", p.URL)
		}
		p.Want(200, "Ngân hàng Lúa Vàng", "001190001234", "Nguyễn Thị Phương Lan", providertest.Phone[1:], "Số điện thoại", "Chia sẻ dữ liệu của tôi")
		if got := p.Texts("dd .g3 span"); strings.Join(got, " ") != "001 190 001 234 "+providertest.Phone[:4]+" "+providertest.Phone[4:7]+" "+providertest.Phone[7:] {
			t.Errorf("the numbers are grouped as %q", got)
		}
		if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' "+strings.TrimSuffix(b.callback, "/cb")) {
			t.Errorf("the form could not lead back to the partner: %s", csp)
		}
		approve := p.URL.Path
		answer, err := key.Assert([]byte(p.Attr("form[data-proof]", "data-options")), b.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		p.Submit("Xác nhận", "credential", string(answer)).Want(200, "Cảm ơn")
		code := b.got().Get("code")
		if code == "" {
			t.Fatalf("%v", b.got())
		}
		tok, err := b.Provider.Redeem(t.Context(), b.Client(t, "bank"), providertest.Unbound, code, b.callback, providertest.Verifier)
		if err != nil {
			t.Fatal(err)
		}
		if status, _, body := b.userinfo(t, tok.AccessToken); status != 200 || !strings.Contains(body, "001190001234") || !strings.Contains(body, "phone_number") {
			t.Fatalf("%d %s", status, body)
		}
		b.c.Get(approve).Want(409)
		// The record says what she signed it by, not only what she had signed in by.
		b.c.Get("/consents/record").Want(200, "khoá đăng nhập trên máy", "mật khẩu", "bạn đã ký văn bản")
		// RFC 9470: a row of the field from today on.
		err = b.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO account_demand (journey, valid_from, level, assurance, max_age_seconds, source, verified) VALUES ('field:personal_number', $1, 2, 3, 60, 'test', TRUE)`, clock.DateOf(b.Clock.Now()))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		b.Clock.Advance(2 * time.Minute)
		status, header, body := b.userinfo(t, tok.AccessToken)
		want := `Bearer realm="danh", error="insufficient_user_authentication", error_description="a stronger or fresher sign-in is needed", acr_values="urn:danh:acr:l2:a3", max_age="60"`
		if status != 401 || header != want || !strings.Contains(body, `"insufficient_user_authentication"`) || strings.Contains(body, "001190001234") {
			t.Errorf("%d %s\n%s", status, header, body)
		}
		// The authorization endpoint leads to what it takes.
		v := b.request("openid profile number")
		v.Set("acr_values", "urn:danh:acr:l2:a3")
		b.c.Get("/authorize?" + v.Encode()).At("/signin/passkey")
	})
}

// The form that makes a passkey may lead back to the partner for which it is made:
// whoever agreed before goes there at once, and browsers hold that to form-action.
func TestKeyMadeForAPartnerLeadsToIt(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		_, first := b.SignInLan(t, true)
		key := b.Enlist(t, first, b.Issuer)
		p := b.c.Get("/authorize?"+b.request("openid profile").Encode()).At("/signin").
			Submit("Đăng nhập", "number", b.Person(Lan).Declared.Number.Reveal(), "password", string(Password)).At("/consent")
		request := "request=" + p.URL.Query().Get("request")
		p = b.c.Get("/security/passkeys/new").At("/stepup")
		answer, err := key.Assert([]byte(p.Attr("form[data-proof]", "data-options")), b.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		p.Submit(byPasskey, "credential", string(answer)).At("/security/passkeys/new")
		out := "form-action 'self' " + strings.TrimSuffix(b.callback, "/cb") + ";"
		for back, want := range map[string]string{
			"/authorize?" + request: out, "/consent?" + request: out, "/signin/device?return=" + url.QueryEscape("/authorize?"+request): out,
			"/inbox": "form-action 'self';", "/consent?request=none": "form-action 'self';",
		} {
			for _, page := range []*webtest.Page{
				b.c.Get("/security/passkeys/new?return="+url.QueryEscape(back)).Want(200).Submit("Tiếp tục").Want(200, "Tạo khoá"),
				b.c.Get("/security/passcode?return="+url.QueryEscape(back)).Want(200, "Lưu mã passcode"),
			} {
				if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, want) {
					t.Errorf("%s for %s: %s", page.URL, back, csp)
				}
			}
		}
		// A key that was not made loses nothing: what it was to be made for is kept.
		p = b.c.Get("/security/passkeys/new?return=/inbox").Want(200).Submit("Tiếp tục").Want(200).Submit("Tạo khoá", "credential", "{}")
		if p.Status < 400 || p.Value("return") != "/inbox" {
			t.Errorf("a broken key: %d, back to %q", p.Status, p.Value("return"))
		}
	})
}

// Whoever has a password alone is told before she says yes what it takes, and
// not after it; what is optional does not stand in the way of the rest.
func TestPasswordAloneIsToldBeforeTheYes(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		_, first := b.SignInLan(t, true)
		p := b.c.Get("/authorize?"+b.request("openid profile number").Encode()).At("/signin").
			Submit("Đăng nhập", "number", b.Person(Lan).Declared.Number.Reveal(), "password", string(Password)).At("/consent")
		p.Want(200, "cần thứ mà bạn chưa có", "yêu cầu chờ đến", "Tạo khoá đăng nhập")
		if n := len(p.All(`button[value="yes"]`)); n != 0 {
			t.Errorf("%d buttons lead to a yes that she cannot sign", n)
		}
		if p.Attr(`#short a[href^="/security/passkeys/new?return=/consent?request="]`, "href") == "" {
			t.Error("nothing leads on, and back")
		}
		b.c.Get("/authorize?" + b.request("openid profile").Encode()).At("/consent").Want(200).Lacks("cần thứ mà bạn chưa có")
		// Only the number takes it, and she may leave it out.
		v := b.request("openid profile")
		v.Set("claims", `{"userinfo":{"personal_number":null}}`)
		optional := b.c.Get("/authorize?"+v.Encode()).At("/consent").Want(200, "Mục tùy chọn có số định danh")
		if len(optional.All(`button[value="yes"]`)) != 1 {
			t.Error("a yes to the rest is not there")
		}
		// With a passkey the page that waited lets her.
		b.Enlist(t, first, b.Issuer)
		p = b.c.Get("/authorize?" + b.request("openid profile number").Encode()).At("/consent").Lacks("cần thứ mà bạn chưa có")
		if p = p.Submit("Đồng ý"); !strings.HasPrefix(p.URL.Path, "/approve/") {
			t.Errorf("she is at %s", p.URL)
		}
		// In a session of a browser that is not hers (a code by QR, or once only) she
		// sees what is asked for, and may say no or sign in better.
		if err := b.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE account_session SET device = NULL WHERE account = $1`, first.Account)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		p = b.c.Get("/authorize?"+b.request("openid profile number").Encode()).At("/consent").Want(200, "Ở phiên này bạn chưa ký đồng ý được", Lan.Name)
		if n := len(p.All(`button[value="yes"]`)); n != 0 {
			t.Errorf("%d buttons lead to a yes that she cannot sign", n)
		}
		p.Click("Đăng nhập ở đây để ký").At("/signin").Want(200, "Mật khẩu")
		p = b.c.Stop().Get(p.URL.String()).Submit("Từ chối")
		if to := p.Header.Get("Location"); !strings.Contains(to, "error=access_denied") {
			t.Errorf("a no is answered by %s", to)
		}
	})
}

// She looks at the page of the approval and says no: the partner gets nothing,
// and she can still tell it so.
func TestSheRefusesToSignAConsent(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		_, first := b.SignInLan(t, true)
		b.Enlist(t, first, b.Issuer)
		p := b.c.Get("/authorize?"+b.request("openid profile number").Encode()).At("/signin").
			Submit("Đăng nhập", "number", b.Person(Lan).Declared.Number.Reveal(), "password", string(Password)).At("/consent")
		p = p.Submit("Đồng ý")
		p = p.Submit("Từ chối").Want(200, "Bạn đã từ chối")
		if b.got() != nil {
			t.Fatalf("%v", b.got())
		}
		// The address that a yes would have led to, by hand.
		b.c.Get(p.Attr(`a[href^="/consent"]`, "href")+"&approval="+strings.TrimPrefix(p.URL.Path, "/approve/")).Want(409, "không còn đúng như khi bạn xác nhận")
		p.Click("Quay lại nơi bạn bắt đầu").At("/consent").Submit("Từ chối").Want(200, "Cảm ơn")
		if b.got().Get("error") != "access_denied" {
			t.Errorf("%v", b.got())
		}
	})
}

func (b *bank) userinfo(t *testing.T, token string) (status int, challenge, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.Issuer+"/userinfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("WWW-Authenticate"), string(text)
}
