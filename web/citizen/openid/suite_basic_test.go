// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/account/accounttest"
	. "danh/provider/providertest"
)

// What the OpenID Foundation's suite asks of a server in its plan
// oidcc-basic-certification-test-plan, one case for a module and under the
// module's name (docs/conformance.md).

// basic is the bank at a door where Lan has an account.
type basic struct{ *door }

func (b basic) wish(change ...string) url.Values {
	v := b.request("openid profile")
	for i := 0; i < len(change); i += 2 {
		if change[i+1] == "" {
			v.Del(change[i])
		} else {
			v.Set(change[i], change[i+1])
		}
	}
	return v
}

// answered walks through whatever pages there are and gives what came back.
func (b basic) answered(t *testing.T, change ...string) url.Values {
	t.Helper()
	b.Party.Clear()
	b.walk(t, b.Issuer+"/authorize?"+b.wish(change...).Encode())
	return b.Party.Got()
}

// silent expects that no page is shown.
func (b basic) silent(t *testing.T, change ...string) url.Values {
	t.Helper()
	b.Party.Clear()
	b.Browser.Get("/authorize?" + b.wish(change...).Encode())
	return b.Party.Got()
}

// tokens redeems what came back, and reads the ID token by the published keys.
func (b basic) tokens(t *testing.T, back url.Values) (answer, id map[string]any) {
	t.Helper()
	if back.Get("iss") != b.Issuer || back.Get("error") != "" {
		t.Fatalf("came back with %v", back)
	}
	answer = b.redeem(t, back.Get("code"))
	var set jose.JSONWebKeySet
	ok(t, json.Unmarshal([]byte(second(send(t, get(t, b.Issuer+"/jwks")))), &set))
	o, err := jose.ParseSignedCompact(answer["id_token"].(string), []jose.SignatureAlgorithm{jose.ES256})
	ok(t, err)
	keys := set.Key(o.Signatures[0].Protected.KeyID)
	if len(keys) != 1 {
		t.Fatal("the key of the ID token is not published")
	}
	payload, err := o.Verify(keys[0].Key)
	ok(t, err)
	ok(t, json.Unmarshal(payload, &id))
	return answer, id
}

func (b basic) info(t *testing.T, r *http.Request) map[string]any {
	t.Helper()
	res, body := send(t, r)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("userinfo: %d %s", res.StatusCode, body)
	}
	return doc(t, body)
}

func (b basic) read(t *testing.T, back url.Values) map[string]any {
	t.Helper()
	answer, id := b.tokens(t, back)
	r := get(t, b.Issuer+"/userinfo")
	r.Header.Set("Authorization", "Bearer "+answer["access_token"].(string))
	out := b.info(t, r)
	if out["sub"] != id["sub"] {
		t.Errorf("two subjects: %v, %v", out["sub"], id["sub"])
	}
	return out
}

func (b basic) invalid(t *testing.T, code string) {
	t.Helper()
	res, body := b.call(t, "/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {b.Party.URL + "/cb"}, "code_verifier": {Verifier}})
	if res.StatusCode != http.StatusBadRequest || doc(t, body)["error"] != "invalid_grant" {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

// unsigned is a request object that nobody signed.
func unsigned(t *testing.T, v url.Values) string {
	t.Helper()
	m := map[string]any{}
	for k := range v {
		m[k] = v.Get(k)
	}
	p, err := json.Marshal(m)
	ok(t, err)
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(p) + "."
}

func TestSuiteOfTheBasicProfile(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.Email = "lan@thu.example"
		d.lan(t, true)
		b := basic{d}
		succeeds := func(change ...string) func(*testing.T) {
			return func(t *testing.T) { b.read(t, b.answered(t, change...)) }
		}
		for _, c := range []struct {
			name string
			run  func(t *testing.T)
		}{
			{"server", func(t *testing.T) {
				back := b.answered(t)
				answer, id := b.tokens(t, back)
				now := float64(d.Clock.Now().Unix())
				if back.Get("state") != "s-1" || answer["token_type"] != "Bearer" || id["iss"] != d.Issuer || id["aud"] != "bank" || id["nonce"] != "n-1" || id["sub"] == "" ||
					id["exp"].(float64) <= now || id["iat"].(float64) > now || id["at_hash"] == nil {
					t.Errorf("%v %v", answer, id)
				}
			}},
			{"response-type-missing", func(t *testing.T) {
				if got := b.silent(t, "response_type", ""); got.Get("error") != "invalid_request" || got.Get("state") != "s-1" {
					t.Errorf("answered %v", got)
				}
			}},
			{"idtoken-signature", func(t *testing.T) { b.tokens(t, b.answered(t)) }},
			{"idtoken-unsigned", func(t *testing.T) {
				m := doc(t, second(send(t, get(t, d.Issuer+"/.well-known/openid-configuration"))))
				if algs, _ := m["id_token_signing_alg_values_supported"].([]any); len(algs) != 1 || algs[0] != "ES256" {
					t.Errorf("ID tokens are signed by %v", algs)
				}
			}},
			{"userinfo-get", succeeds()},
			{"userinfo-post-header", func(t *testing.T) {
				answer, _ := b.tokens(t, b.answered(t))
				r, err := http.NewRequest(http.MethodPost, d.Issuer+"/userinfo", nil)
				ok(t, err)
				r.Header.Set("Authorization", "Bearer "+answer["access_token"].(string))
				if b.info(t, r)["name"] != accounttest.Lan.Name {
					t.Error("not hers")
				}
			}},
			{"userinfo-post-body", func(t *testing.T) {
				answer, _ := b.tokens(t, b.answered(t))
				r, err := http.NewRequest(http.MethodPost, d.Issuer+"/userinfo", strings.NewReader(url.Values{"access_token": {answer["access_token"].(string)}}.Encode()))
				ok(t, err)
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if b.info(t, r)["name"] != accounttest.Lan.Name {
					t.Error("not hers")
				}
				r = get(t, d.Issuer+"/userinfo?access_token="+answer["access_token"].(string))
				if res, _ := send(t, r); res.StatusCode != http.StatusUnauthorized {
					t.Errorf("a token in the address: %d", res.StatusCode)
				}
			}},
			{"ensure-request-without-nonce-succeeds-for-code-flow", func(t *testing.T) {
				if _, id := b.tokens(t, b.answered(t, "nonce", "")); id["nonce"] != nil {
					t.Error("a nonce was made up")
				}
			}},
			{"scope-profile", func(t *testing.T) {
				if u := b.read(t, b.answered(t)); u["name"] != accounttest.Lan.Name || u["birthdate"] != "1990-09-02" || u["gender"] != "female" || u["phone_number"] != nil || u["email"] != nil {
					t.Errorf("%v", u)
				}
			}},
			{"scope-email", func(t *testing.T) {
				if u := b.read(t, b.answered(t, "scope", "openid email")); u["email"] != d.Email || u["email_verified"] != false || u["name"] != nil {
					t.Errorf("nobody has shown that mail reaches her there: %v", u)
				}
			}},
			{"scope-address", func(t *testing.T) {
				if u := b.read(t, b.answered(t, "scope", "openid address")); u["address"] != nil {
					t.Errorf("a scope that is not there released %v", u)
				}
				if a, _ := b.read(t, b.answered(t, "scope", "openid residence"))["address"].(map[string]any); a["formatted"] != Home {
					t.Errorf("%v", a)
				}
			}},
			{"scope-phone", func(t *testing.T) {
				if u := b.read(t, b.answered(t, "scope", "openid phone")); u["phone_number"] != "+84912345678" || u["phone_number_verified"] != true || u["name"] != nil {
					t.Errorf("%v", u)
				}
			}},
			{"scope-all", func(t *testing.T) {
				if u := b.read(t, b.answered(t, "scope", "openid profile email address phone residence")); u["name"] == nil || u["email"] == nil || u["phone_number"] == nil || u["address"] == nil {
					t.Errorf("%v", u)
				}
			}},
			{"alternate-happy-flow", func(t *testing.T) {
				v := b.wish("scope", "profile openid")
				keys := slices.Sorted(maps.Keys(v))
				slices.Reverse(keys)
				var parts []string
				for _, k := range keys {
					parts = append(parts, k+"="+url.QueryEscape(v.Get(k)))
				}
				b.Party.Clear()
				d.walk(t, d.Issuer+"/authorize?"+strings.Join(parts, "&"))
				if u := b.read(t, d.Party.Got()); u["name"] == nil {
					t.Errorf("%v", u)
				}
			}},
			{"display-page", succeeds("display", "page")},
			{"display-popup", succeeds("display", "popup")},
			{"prompt-login", func(t *testing.T) {
				_, first := b.tokens(t, b.answered(t))
				d.Clock.Advance(2 * time.Second)
				d.Browser.Get("/authorize?" + b.wish("prompt", "login").Encode()).At("/signin")
				d.Clock.Advance(time.Second)
				if _, id := b.tokens(t, b.answered(t, "prompt", "login")); id["auth_time"].(float64) <= first["auth_time"].(float64) || id["sub"] != first["sub"] {
					t.Errorf("%v then %v", first, id)
				}
			}},
			{"prompt-none-not-logged-in", func(t *testing.T) {
				d.Browser.Forget()
				if got := b.silent(t, "prompt", "none"); got.Get("error") != "login_required" || got.Has("code") {
					t.Errorf("answered %v", got)
				}
			}},
			{"prompt-none-logged-in", func(t *testing.T) {
				_, first := b.tokens(t, b.answered(t))
				d.Clock.Advance(2 * time.Second)
				if _, id := b.tokens(t, b.silent(t, "prompt", "none")); id["auth_time"] != first["auth_time"] || id["sub"] != first["sub"] {
					t.Errorf("%v then %v", first, id)
				}
			}},
			{"max-age-1", func(t *testing.T) {
				_, first := b.tokens(t, b.answered(t))
				d.Clock.Advance(2 * time.Second)
				if got := b.silent(t, "max_age", "1"); got != nil {
					t.Fatalf("answered %v without a sign-in", got)
				}
				if _, id := b.tokens(t, b.answered(t, "max_age", "1")); id["auth_time"].(float64) <= first["auth_time"].(float64) {
					t.Errorf("%v then %v", first, id)
				}
			}},
			{"max-age-10000", func(t *testing.T) {
				_, first := b.tokens(t, b.answered(t, "max_age", "15000"))
				d.Clock.Advance(2 * time.Second)
				if _, id := b.tokens(t, b.silent(t, "max_age", "10000")); id["auth_time"] == nil || id["auth_time"] != first["auth_time"] {
					t.Errorf("%v then %v", first, id)
				}
			}},
			{"ensure-request-with-unknown-parameter-succeeds", succeeds("extra", "foobar")},
			{"id-token-hint", func(t *testing.T) {
				answer, first := b.tokens(t, b.answered(t))
				if _, id := b.tokens(t, b.silent(t, "prompt", "none", "id_token_hint", answer["id_token"].(string))); id["sub"] != first["sub"] {
					t.Errorf("%v then %v", first, id)
				}
			}},
			{"login-hint", succeeds("login_hint", "buffy@id.example")},
			{"ui-locales", succeeds("ui_locales", "se")},
			{"claims-locales", succeeds("claims_locales", "se")},
			{"ensure-request-with-acr-values-succeeds", func(t *testing.T) {
				b.tokens(t, b.answered(t, "acr_values", "1 2"))
				if _, id := b.tokens(t, b.answered(t, "acr_values", "urn:danh:acr:l1:a1")); id["acr"] != "urn:danh:acr:l1:a1" {
					t.Errorf("%v", id)
				}
			}},
			{"codereuse", func(t *testing.T) {
				back := b.answered(t)
				b.tokens(t, back)
				b.invalid(t, back.Get("code"))
			}},
			{"codereuse-30seconds", func(t *testing.T) {
				back := b.answered(t)
				answer, _ := b.tokens(t, back)
				d.Clock.Advance(30 * time.Second)
				b.invalid(t, back.Get("code"))
				if res, _ := d.userinfo(t, answer["access_token"].(string)); res.StatusCode != http.StatusUnauthorized {
					t.Errorf("what the code gave first lives on: %d", res.StatusCode)
				}
			}},
			{"ensure-registered-redirect-uri", func(t *testing.T) {
				b.Party.Clear()
				d.Browser.Get("/authorize?"+b.wish("redirect_uri", d.Party.URL+"/cb/other").Encode()).Want(422, "Không nhận ra dịch vụ")
				if d.Party.Got() != nil {
					t.Error("it was gone to")
				}
			}},
			{"ensure-post-request-succeeds", func(t *testing.T) {
				b.answered(t)
				b.Party.Clear()
				d.Browser.PostFrom("https://bank.example", "/authorize", b.wish()).Want(200, "Cảm ơn")
				b.read(t, d.Party.Got())
			}},
			{"request-uri-unsigned-supported-correctly-or-rejected-as-unsupported", func(t *testing.T) {
				m := doc(t, second(send(t, get(t, d.Issuer+"/.well-known/openid-configuration"))))
				if m["request_uri_parameter_supported"] != false {
					t.Error("metadata says that it is supported")
				}
				b.Party.Clear()
				if p := d.Browser.Get("/authorize?" + b.wish("request_uri", d.Party.URL+"/request.jwt").Encode()); p.Status < 400 || d.Party.Got() != nil {
					t.Errorf("%d, and %v came back", p.Status, d.Party.Got())
				}
			}},
			{"unsigned-request-object-supported-correctly-or-rejected-as-unsupported", func(t *testing.T) {
				if got := b.silent(t, "request", unsigned(t, b.wish())); got.Get("error") != "invalid_request_object" || got.Has("code") {
					t.Errorf("answered %v", got)
				}
			}},
			{"ensure-request-object-with-redirect-uri", func(t *testing.T) {
				// Of two addresses that are both registered neither is taken from an object
				// that nobody signed.
				if got := b.silent(t, "request", unsigned(t, b.wish("redirect_uri", BankRedirect))); got.Get("error") != "invalid_request_object" || got.Has("code") {
					t.Errorf("answered %v", got)
				}
			}},
			{"claims-essential", func(t *testing.T) {
				if u := b.read(t, b.answered(t, "scope", "openid", "claims", `{"userinfo":{"name":{"essential":true}}}`)); u["name"] != accounttest.Lan.Name || u["birthdate"] != nil {
					t.Errorf("%v", u)
				}
			}},
			{"refresh-token", func(t *testing.T) {
				answer, first := b.tokens(t, b.answered(t, "scope", "openid profile offline_access"))
				v := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {answer["refresh_token"].(string)}}
				if res, body := d.callAs(t, "shop", Secret.Reveal(), "/token", v); res.StatusCode != http.StatusBadRequest || doc(t, body)["error"] != "invalid_grant" {
					t.Errorf("another client's: %d %s", res.StatusCode, body)
				}
				res, body := d.call(t, "/token", v)
				next := doc(t, body)
				if res.StatusCode != http.StatusOK || next["refresh_token"] == answer["refresh_token"] {
					t.Fatalf("%d %s", res.StatusCode, body)
				}
				if id := doc(t, decode(t, next["id_token"].(string))); id["sub"] != first["sub"] || id["aud"] != "bank" || id["auth_time"] != first["auth_time"] {
					t.Errorf("%v then %v", first, id)
				}
			}},
			{"ensure-request-with-valid-pkce-succeeds", succeeds("code_challenge", Challenge(), "code_challenge_method", "S256")},
		} {
			t.Run(c.name, func(t *testing.T) {
				d.Clock.Advance(time.Second)
				c.run(t)
			})
		}
	})
}
