// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/account/accounttest"
	"danh/internal/db"
	"danh/internal/dbtest"
	. "danh/provider/providertest"
)

func doc(t testing.TB, body string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return v
}

// signIn walks through the real pages up to the relying party.
func (d *door) signIn(t testing.TB, v url.Values) url.Values {
	t.Helper()
	p := d.Browser.Get("/authorize?" + v.Encode())
	if p.Has(`input[name="password"]`) {
		p = p.Submit("Đăng nhập", "number", number, "password", string(accounttest.Password))
	}
	if p.Has(`form[action="/consent"]`) {
		p = p.Submit("Đồng ý")
	}
	p.Want(http.StatusOK, "Cảm ơn")
	return d.Party.Got()
}

func (d *door) redeem(t testing.TB, code string) map[string]any {
	t.Helper()
	res, body := d.call(t, "/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {d.Party.URL + "/cb"}, "code_verifier": {Verifier}})
	if res.StatusCode != http.StatusOK || res.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	return doc(t, body)
}

func (d *door) userinfo(t testing.TB, token string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, d.Issuer+"/userinfo", nil)
	ok(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	return send(t, r)
}

func TestSheSignsInElsewhere(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		v := d.request("openid profile number residence level")
		v.Set("claims", `{"userinfo":{"verified_claims":{"verification":{"trust_framework":null,"time":null},"claims":{"name":null,"birthdate":null,"address":null}},"email":null,"odd":[1,{"x":true}],"name":"odd too"}}`)
		p := d.Browser.Get("/authorize?" + v.Encode()).Want(http.StatusOK).At("/signin")
		if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' "+d.Party.URL) {
			t.Errorf("the sign-in form could not lead back: %s", csp)
		}
		p = p.Submit("Đăng nhập", "number", number, "password", string(accounttest.Password))
		p.At("/consent").Want(http.StatusOK, "Ngân hàng Lúa Vàng", "mở tài khoản thanh toán", "Nguyễn Thị Phương Lan", "02/09/1990", "Nữ", "001190001234", Home, "Cơ sở dữ liệu dân cư", "Từ chối", "Đồng ý")
		if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' "+d.Party.URL+";") {
			t.Errorf("the consent form could not lead back: %s", csp)
		}
		if !p.Has(`input[name="take.email"]`) || p.Has(`input[name="take.email"][checked]`) || p.Has(`input[name="take.name"]`) {
			t.Error("what is optional must stand unticked, what is required is no box")
		}
		p = p.Submit("Đồng ý")
		p.Want(http.StatusOK, "Cảm ơn")
		got := d.Party.Got()
		if got.Get("state") != "s-1" || got.Get("iss") != d.Issuer {
			t.Errorf("the answer is %v", got)
		}
		tok := d.redeem(t, got.Get("code"))
		if tok["token_type"] != "Bearer" || tok["refresh_token"] != nil || tok["expires_in"].(float64) != 600 {
			t.Errorf("token answer %v", tok)
		}
		res, body := d.userinfo(t, tok["access_token"].(string))
		info := doc(t, body)
		if res.StatusCode != 200 || info["name"] != "Nguyễn Thị Phương Lan" || info["birthdate"] != "1990-09-02" || info["gender"] != "female" ||
			info["personal_number"] != "001190001234" || info["account_level"] != 1.0 || info["provisional"] != false || info["email"] != nil || info["phone_number"] != nil {
			t.Errorf("released: %s", body)
		}
		if a := info["address"].(map[string]any); a["formatted"] != Home || a["unit_code"] != "00037" {
			t.Errorf("address %v", a)
		}
		vc := info["verified_claims"].([]any)
		first := vc[0].(map[string]any)
		if len(vc) != 2 || first["claims"].(map[string]any)["name"] != "Nguyễn Thị Phương Lan" || first["verification"].(map[string]any)["trust_framework"] != "vn_identification_law" ||
			!strings.HasPrefix(first["verification"].(map[string]any)["time"].(string), "2026-") || !strings.Contains(body, `"population registry"`) || !strings.Contains(body, `"residence registry"`) {
			t.Errorf("verified: %s", body)
		}
		if src := info["claims_provenance"].(map[string]any)["name"].(map[string]any)["source"]; src != "population registry" {
			t.Errorf("provenance %v", src)
		}
		// The look stands in her log, under the bank's name and her consent.
		var n int
		ok(t, d.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE action = 'population.read' AND actor_partner = 'bank' AND ground LIKE 'consent:%' AND subject = $1`,
			d.Person(accounttest.Lan).ID).Scan(&n))
		if n != 1 {
			t.Errorf("%d entries about the bank's look", n)
		}
		// The second time nobody asks her anything.
		if p := d.Browser.Get("/authorize?" + v.Encode()); !strings.Contains(p.Body, "Cảm ơn") {
			t.Errorf("she was asked again: %s", p.URL)
		}
		// Pushed, and in silence.
		v.Set("prompt", "none")
		v.Set("response_mode", "form_post")
		res, body = d.call(t, "/par", v)
		if res.StatusCode != http.StatusCreated {
			t.Fatalf("%d %s", res.StatusCode, body)
		}
		page := d.Browser.Get("/authorize?" + url.Values{"client_id": {"bank"}, "request_uri": {doc(t, body)["request_uri"].(string)}}.Encode())
		if page.Attr("form", "action") != d.Party.URL+"/cb" || page.Attr(`input[name="state"]`, "value") != "s-1" || page.Attr(`input[name="code"]`, "value") == "" ||
			!strings.Contains(page.Header.Get("Content-Security-Policy"), "form-action "+d.Party.URL) {
			t.Errorf("form post: %s", page.Body)
		}
		// She sees the consent and takes it back.
		list := d.Browser.Get("/consents").Want(200, "Ngân hàng Lúa Vàng")
		d.Browser.Get(list.Attr(`a[href^="/consents/"]`, "href")).Want(200, "Họ và tên", "Nơi cư trú", "Đang có hiệu lực").
			Click("Rút lại").Want(200, "Rút lại sự đồng ý cho Ngân hàng Lúa Vàng?").Submit("Rút lại").Want(200, "Đã rút lại")
		res, body = d.userinfo(t, tok["access_token"].(string))
		if res.StatusCode != http.StatusUnauthorized || !strings.Contains(res.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("after withdrawal: %d %s", res.StatusCode, body)
		}
		v.Del("response_mode")
		d.Browser.Get("/authorize?" + v.Encode())
		if d.Party.Got().Get("error") != "consent_required" {
			t.Errorf("after withdrawal the silent answer is %v", d.Party.Got())
		}
	})
}

func TestProvisionalAccountReleasesOnlyWhatWasDeclared(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, false)
		v := d.request("openid profile number phone residence level")
		v.Set("claims", `{"userinfo":{"verified_claims":{"verification":{"trust_framework":null},"claims":{"name":null,"address":null}}}}`)
		p := d.Browser.Get("/authorize?"+v.Encode()).Submit("Đăng nhập", "number", number, "password", string(accounttest.Password))
		p.Want(200, "tạm thời", "Bạn tự khai").Lacks(Home)
		p.Submit("Đồng ý")
		tok := d.redeem(t, d.Party.Got().Get("code"))
		_, body := d.userinfo(t, tok["access_token"].(string))
		info := doc(t, body)
		if info["verified_claims"] != nil || info["address"] != nil || info["provisional"] != true || strings.Contains(body, "population registry") ||
			info["claims_provenance"].(map[string]any)["name"].(map[string]any)["source"] != "declared" {
			t.Errorf("released: %s", body)
		}
		var n int
		ok(t, d.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE action = 'population.read'`).Scan(&n))
		if n != 0 {
			t.Errorf("the registry was read %d times for a provisional account", n)
		}
		if strings.Contains(tok["id_token"].(string), ".") && !strings.Contains(decode(t, tok["id_token"].(string)), `"urn:danh:acr:l0:a1"`) {
			t.Error("a provisional account must be level 0")
		}
	})
}

func decode(t testing.TB, token string) string {
	t.Helper()
	o, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	ok(t, err)
	return string(o.UnsafePayloadWithoutVerification())
}

func TestSheRefuses(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		d.Browser.Get("/authorize?"+d.request("openid profile").Encode()).Submit("Đăng nhập", "number", number, "password", string(accounttest.Password)).Submit("Từ chối")
		if d.Party.Got().Get("error") != "access_denied" || d.Party.Got().Get("iss") != d.Issuer || d.Party.Got().Get("code") != "" {
			t.Errorf("the answer is %v", d.Party.Got())
		}
	})
}

func TestCrossSitePostToConsent(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		p := d.Browser.Get("/authorize?"+d.request("openid profile").Encode()).Submit("Đăng nhập", "number", number, "password", string(accounttest.Password))
		handle := p.URL.Query().Get("request")
		d.Party.Clear()
		d.Browser.PostFrom("https://evil.example", "/consent", url.Values{"request": {handle}, "answer": {"yes"}}).Want(http.StatusForbidden)
		d.Browser.PostFrom("https://evil.example", "/logout/confirm", url.Values{"answer": {"yes"}}).Want(http.StatusForbidden)
		if d.Party.Got() != nil {
			t.Error("another site agreed for her")
		}
		// Another site may begin a request by form; that is all it can.
		d.Browser.PostFrom("https://shop.example", "/authorize", d.request("openid profile")).Want(200, "Ngân hàng Lúa Vàng")
		if d.Party.Got() != nil {
			t.Error("beginning a request finished it")
		}
	})
}

// TestPostsOfRelyingParties: browsers send a foreign site's post without our
// cookies. She is found all the same, and no flow of another tab is lost.
func TestPostsOfRelyingParties(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		tab := d.Browser.Get("/authorize?" + d.request("openid profile").Encode()).At("/signin")
		d.Browser.PostFrom("https://bank.example", "/authorize", d.request("openid profile")).At("/signin")
		tab.Submit("Đăng nhập", "number", number, "password", string(accounttest.Password)).At("/consent").Submit("Đồng ý").Want(200, "Cảm ơn")
		d.Party.Clear()
		silent := d.request("openid profile")
		silent.Set("prompt", "none")
		d.Browser.PostFrom("https://bank.example", "/authorize", silent).Want(200, "Cảm ơn")
		if got := d.Party.Got(); got.Get("code") == "" {
			t.Errorf("she is signed in and has agreed, and the answer is %v", got)
		}
		// Signing out by such a post must not be claimed before it is done.
		hint := d.redeem(t, d.Party.Got().Get("code"))["id_token"].(string)
		bye := d.Party.URL + "/bye"
		d.Party.Clear()
		p := d.Browser.PostFrom("https://bank.example", "/logout", url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {bye}}).Want(200, "Bạn muốn đăng xuất?")
		if d.Party.Got() != nil {
			t.Error("the bank was told that she is signed out")
		}
		d.Browser.Get("/consents").At("/consents")
		p.Submit("Đăng xuất").Want(200, "Cảm ơn")
		d.Browser.Get("/consents").At("/signin")
	})
}

func TestAnotherBrowserFinishes(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		link := d.Browser.Get("/authorize?" + d.request("openid profile").Encode()).At("/signin").URL.String() // the attacker's
		d.Browser.Forget()
		d.Browser.Get(link).Submit("Đăng nhập", "number", number, "password", string(accounttest.Password)).Want(http.StatusForbidden, "trình duyệt khác")
		if d.Party.Got() != nil {
			t.Error("the attacker got an answer")
		}
	})
}

func TestResumeAfterFinish(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		p := d.Browser.Get("/authorize?"+d.request("openid profile").Encode()).Submit("Đăng nhập", "number", number, "password", string(accounttest.Password))
		link := p.URL.String()
		p.Submit("Đồng ý")
		d.Party.Clear()
		d.Browser.Get(link).Want(http.StatusConflict, "không còn dùng được")
		d.Browser.Get(strings.Replace(link, "/consent?", "/authorize?", 1)).Want(http.StatusConflict)
		p.Submit("Đồng ý").Want(http.StatusConflict)
		if d.Party.Got() != nil {
			t.Error("a finished request gave another answer")
		}
	})
}

func TestFreshSignInOnDemand(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		first := d.signIn(t, d.request("openid profile"))
		before := decode(t, d.redeem(t, first.Get("code"))["id_token"].(string))
		for _, c := range []struct{ key, value string }{{"prompt", "login"}, {"max_age", "0"}} {
			d.Clock.Advance(3 * time.Second)
			v := d.request("openid profile")
			v.Set(c.key, c.value)
			p := d.Browser.Get("/authorize?" + v.Encode()).At("/signin")
			d.Clock.Advance(time.Second)
			p.Submit("Đăng nhập", "number", number, "password", string(accounttest.Password)).Want(200, "Cảm ơn")
			after := decode(t, d.redeem(t, d.Party.Got().Get("code"))["id_token"].(string))
			if doc(t, after)["auth_time"].(float64) <= doc(t, before)["auth_time"].(float64) {
				t.Errorf("%s: auth_time did not move", c.key)
			}
		}
		// An id_token_hint of somebody else in silence.
		v := d.request("openid profile")
		v.Set("prompt", "none")
		v.Set("claims", `{"id_token":{"sub":{"value":"somebody-else"}}}`)
		d.Browser.Get("/authorize?" + v.Encode())
		if d.Party.Got().Get("error") != "login_required" {
			t.Errorf("the answer is %v", d.Party.Got())
		}
		v.Set("claims", `{"id_token":{"acr":{"essential":true,"value":"urn:danh:acr:l2:a3"}}}`)
		d.Browser.Get("/authorize?" + v.Encode())
		if d.Party.Got().Get("error") != "unmet_authentication_requirements" {
			t.Errorf("the answer is %v", d.Party.Got())
		}
	})
}

func TestClientAuthentication(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		ask := url.Values{"token": {"x"}}
		alike := map[string]bool{}
		for _, c := range [][2]string{{"bank", "wrong"}, {"nobody", "wrong"}, {"clinic", "wrong"}, {"bank", ""}, {"", ""}, {"BANK", Secret.Reveal()}} {
			res, body := d.callAs(t, c[0], c[1], "/introspect", ask)
			if res.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s: %d %s", c[0], res.StatusCode, body)
			}
			alike[body] = true
		}
		if len(alike) != 1 {
			t.Errorf("wrong clients are told apart: %v", alike)
		}
		if res, _ := d.call(t, "/introspect", ask); res.StatusCode != 200 {
			t.Errorf("the bank is refused: %d", res.StatusCode)
		}
		// In the body a secret counts for nothing.
		if res, _ := d.callAs(t, "", "", "/introspect", url.Values{"token": {"x"}, "client_id": {"bank"}, "client_secret": {Secret.Reveal()}}); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("client_secret_post: %d", res.StatusCode)
		}

		asserted := func(a string) int {
			res, _ := d.callAs(t, "", "", "/introspect", url.Values{"token": {"x"}, "client_id": {"clinic"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {a}})
			return res.StatusCode
		}
		good := d.Assertion(t, nil)
		if asserted(good) != 200 {
			t.Fatal("a good assertion is refused")
		}
		if asserted(good) != http.StatusUnauthorized {
			t.Error("an assertion was used twice")
		}
		set := func(k string, v any) string {
			return d.Assertion(t, func(c map[string]any, _ *jose.SigningKey) { c[k] = v })
		}
		public, err := json.Marshal(jose.JSONWebKey{Key: &d.ClinicKey.PublicKey})
		ok(t, err)
		for name, a := range map[string]string{
			"for another server":  set("aud", "https://other.example"),
			"for two servers":     set("aud", []string{d.Issuer, "https://other.example"}),
			"for nobody":          set("aud", []string{}),
			"over":                set("exp", d.Clock.Now().Add(-time.Minute).Unix()),
			"without end":         set("exp", 0),
			"for a year":          set("exp", d.Clock.Now().Add(365*24*time.Hour).Unix()),
			"not yet":             set("nbf", d.Clock.Now().Add(time.Hour).Unix()),
			"without name":        set("jti", ""),
			"of another subject":  set("sub", "bank"),
			"of another issuer":   set("iss", "bank"),
			"alg none":            "eyJhbGciOiJub25lIn0." + strings.Split(d.Assertion(t, nil), ".")[1] + ".",
			"by an unknown key":   d.Assertion(t, func(_ map[string]any, k *jose.SigningKey) { k.Key = jose.JSONWebKey{Key: stranger(t), KeyID: "c1"} }),
			"HS256 by public key": d.Assertion(t, func(_ map[string]any, k *jose.SigningKey) { k.Algorithm, k.Key = jose.HS256, public }),
			"no token":            "x",
		} {
			if got := asserted(a); got != http.StatusUnauthorized {
				t.Errorf("assertion %s: %d", name, got)
			}
		}
		if asserted(set("aud", d.Issuer+"/token")) != 200 {
			t.Error("the token endpoint as audience is refused")
		}
	})
}

func TestEndpointsSpeakTheirErrors(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		for name, c := range map[string]struct {
			path   string
			form   url.Values
			status int
			code   string
		}{
			"no grant type":      {"/token", url.Values{}, 400, "invalid_request"},
			"password grant":     {"/token", url.Values{"grant_type": {"password"}, "username": {"x"}, "password": {"y"}}, 400, "unsupported_grant_type"},
			"client credentials": {"/token", url.Values{"grant_type": {"client_credentials"}}, 400, "unauthorized_client"},
			"repeated":           {"/token", url.Values{"grant_type": {"authorization_code", "refresh_token"}}, 400, "invalid_request"},
			"empty push":         {"/par", url.Values{}, 400, "invalid_request"},
			"push of a push":     {"/par", url.Values{"request_uri": {"urn:x"}}, 400, "invalid_request"},
			"no token":           {"/introspect", url.Values{}, 400, "invalid_request"},
			"no token to revoke": {"/revoke", url.Values{}, 400, "invalid_request"},
			"too large":          {"/token", url.Values{"grant_type": {strings.Repeat("x", 100_000)}}, 400, "invalid_request"},
		} {
			res, body := d.call(t, c.path, c.form)
			if res.StatusCode != c.status || doc(t, body)["error"] != c.code || res.Header.Get("Cache-Control") != "no-store" || strings.Contains(body, "xxxx") {
				t.Errorf("%s: %d %s", name, res.StatusCode, body)
			}
		}
		r, err := http.NewRequest(http.MethodPost, d.Issuer+"/token", strings.NewReader(`{"grant_type":"authorization_code"}`))
		ok(t, err)
		r.SetBasicAuth("bank", Secret.Reveal())
		r.Header.Set("Content-Type", "application/json")
		if res, body := send(t, r); res.StatusCode != 400 {
			t.Errorf("JSON to the token endpoint: %d %s", res.StatusCode, body)
		}
		res, body := d.userinfo(t, "")
		if res.StatusCode != 401 || res.Header.Get("WWW-Authenticate") != `Bearer realm="danh"` || body != "" {
			t.Errorf("userinfo without token: %d %s %s", res.StatusCode, res.Header.Get("WWW-Authenticate"), body)
		}
		if res, _ := d.call(t, "/revoke", url.Values{"token": {"unknown"}}); res.StatusCode != 200 {
			t.Errorf("revoking an unknown token: %d", res.StatusCode)
		}
		d.Browser.Get("/authorize?"+url.Values{"client_id": {"bank"}, "redirect_uri": {"https://evil.example"}}.Encode()).Want(422, "Không nhận ra dịch vụ")
	})
}

func TestMetadataAndKeysRotate(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		_, one := send(t, get(t, d.Issuer+"/.well-known/openid-configuration"))
		_, two := send(t, get(t, d.Issuer+"/.well-known/oauth-authorization-server"))
		m := doc(t, one)
		if one != two || m["issuer"] != d.Issuer || m["pushed_authorization_request_endpoint"] != d.Issuer+"/par" || m["authorization_response_iss_parameter_supported"] != true {
			t.Errorf("metadata %s", one)
		}
		before := doc(t, second(send(t, get(t, d.Issuer+"/jwks"))))["keys"].([]any)
		d.lan(t, true)
		old := d.redeem(t, d.signIn(t, d.request("openid")).Get("code"))
		kid, err := d.Keys.Rotate("id-token", time.Hour)
		ok(t, err)
		after := second(send(t, get(t, d.Issuer+"/jwks")))
		if len(doc(t, after)["keys"].([]any)) != len(before)+1 || !strings.Contains(after, kid) || strings.Contains(after, `"d"`) {
			t.Errorf("keys after rotation: %s", after)
		}
		d.Clock.Advance(61 * time.Minute)
		d.Browser.Get("/signin")
		fresh := d.redeem(t, d.signIn(t, d.request("openid")).Get("code"))
		if header(t, fresh["id_token"].(string)) != kid || header(t, old["id_token"].(string)) == kid {
			t.Error("the next key does not sign")
		}
		if !strings.Contains(second(send(t, get(t, d.Issuer+"/jwks"))), header(t, old["id_token"].(string))) {
			t.Error("the former key left the set too early")
		}
	})
}

func header(t testing.TB, token string) string {
	t.Helper()
	o, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	ok(t, err)
	return o.Signatures[0].Protected.KeyID
}

func get(t testing.TB, u string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, u, nil)
	ok(t, err)
	return r
}

func second(_ *http.Response, body string) string { return body }

func TestLogout(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		tok := d.redeem(t, d.signIn(t, d.request("openid profile")).Get("code"))
		bye := d.Party.URL + "/bye"
		// A link without proof asks her, and says no to a strange address.
		d.Browser.Get("/logout").Want(200, "Bạn muốn đăng xuất?").Submit("Ở lại")
		d.Browser.Get("/logout?" + url.Values{"client_id": {"bank"}, "post_logout_redirect_uri": {"https://evil.example/"}}.Encode()).Want(422)
		d.Browser.Get("/logout?" + url.Values{"client_id": {"bank"}, "post_logout_redirect_uri": {bye + "/"}}.Encode()).Want(422)
		d.Browser.Get("/logout?" + url.Values{"id_token_hint": {"eyJhbGciOiJub25lIn0.e30."}, "post_logout_redirect_uri": {bye}}.Encode()).Want(422)
		d.Browser.Get("/consents").At("/consents")
		// A hint that no longer says anything, because its key has gone, does not keep her from leaving.
		d.Browser.Get("/logout?"+url.Values{"client_id": {"bank"}, "id_token_hint": {"eyJhbGciOiJub25lIn0.e30."}, "post_logout_redirect_uri": {bye}}.Encode()).
			Want(200, "Bạn muốn đăng xuất?", "Ngân hàng Lúa Vàng")
		d.Party.Clear()
		d.Browser.Get("/logout?"+url.Values{"id_token_hint": {tok["id_token"].(string)}, "post_logout_redirect_uri": {bye}, "state": {"z"}}.Encode()).Want(200, "Cảm ơn")
		if d.Party.Got().Get("state") != "z" {
			t.Errorf("after logout %v", d.Party.Got())
		}
		d.Browser.Get("/consents").At("/signin")
		if res, _ := d.userinfo(t, tok["access_token"].(string)); res.StatusCode != 401 {
			t.Error("a grant of the session outlived it")
		}
	})
}

func TestSubjectsArePairwise(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		s := d.lan(t, true)
		bank := doc(t, decode(t, d.redeem(t, d.signIn(t, d.request("openid")).Get("code"))["id_token"].(string)))["sub"]
		v := d.request("openid")
		v.Set("client_id", "shop")
		code := d.signIn(t, v).Get("code")
		_, body := d.callAs(t, "shop", Secret.Reveal(), "/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {d.Party.URL + "/cb"}, "code_verifier": {Verifier}})
		shop := doc(t, decode(t, doc(t, body)["id_token"].(string)))["sub"]
		if bank == shop || strings.Contains(bank.(string), s.Account.String()) || len(bank.(string)) < 40 {
			t.Errorf("subjects %v and %v", bank, shop)
		}
	})
}

func TestLanguageOfTheRelyingParty(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		v := d.request("openid")
		v.Set("ui_locales", "fr en-GB vi")
		p := d.Browser.Get("/authorize?" + v.Encode()).At("/signin")
		if p.Attr("html", "lang") != "en" {
			t.Errorf("the page speaks %s", p.Attr("html", "lang"))
		}
		v.Set("ui_locales", "vi")
		if p = d.Browser.Get("/authorize?" + v.Encode()); p.Attr("html", "lang") != "en" {
			t.Error("a relying party changed the language that she reads")
		}
	})
}

func TestRequestsBegunInMasses(t *testing.T) {
	t.Parallel()
	d := open(t, dbtest.Open(t, db.SQLite, Schemas))
	v := d.request("openid").Encode()
	d.Browser.Stop()
	for range 600 {
		d.Browser.Get("/authorize?" + v).Want(http.StatusSeeOther)
	}
	if p := d.Browser.Get("/authorize?"+v).Want(http.StatusTooManyRequests, "Quá nhiều yêu cầu"); p.Header.Get("Retry-After") == "" {
		t.Error("nobody says when to try again")
	}
	res, body := d.call(t, "/par", d.request("openid"))
	if res.StatusCode != http.StatusCreated {
		t.Fatal(body)
	}
	d.Browser.Get("/authorize?client_id=bank&request_uri=" + url.QueryEscape(doc(t, body)["request_uri"].(string))).Want(http.StatusSeeOther)
	d.Clock.Advance(time.Minute)
	d.Browser.Get("/authorize?" + v).Want(http.StatusSeeOther)
}
