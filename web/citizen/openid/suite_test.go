// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
)

// What the OpenID Foundation's suite asks of a server in its plan
// fapi2-security-profile-final-test-plan, one case for a module and under the
// module's name (docs/conformance.md). The cases are our own: they are written
// from the standards that the modules quote.

// suite is a sender at a door over TLS, where Lan is signed in.
type suite struct {
	*door
	f *Sender
	// What the next requests say otherwise than good ones.
	push, token, proof, assertion func(map[string]any)
	form                          func(url.Values)
}

func (s *suite) reset() { s.push, s.token, s.proof, s.assertion, s.form = nil, nil, nil, nil, nil }

// call posts a form with a fresh assertion and proof, as the case wants them.
func (s *suite) call(t *testing.T, path string, v url.Values, change ...func(*http.Request)) (int, map[string]any) {
	t.Helper()
	form := url.Values{"client_id": {string(s.f.ID)}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
	for k, l := range v {
		form[k] = l
	}
	form.Set("client_assertion", s.f.Assertion(t, func(c map[string]any, _ *jose.SigningKey) {
		if s.assertion != nil {
			s.assertion(c)
		}
	}))
	if s.form != nil {
		s.form(form)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Issuer+path, strings.NewReader(form.Encode()))
	ok(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("DPoP", s.f.Prove(t, http.MethodPost, s.Issuer+path, "", func(p *Proof) {
		if s.proof != nil {
			s.proof(p.Claims)
		}
	}))
	for _, c := range change {
		c(r)
	}
	res, doc := s.read(t, s.f, r)
	return res.StatusCode, doc
}

func (s *suite) request(change ...string) url.Values {
	v := url.Values(s.f.Request("openid profile offline_access"))
	v.Set("redirect_uri", s.Party.URL+"/cb")
	for i := 0; i < len(change); i += 2 {
		if change[i+1] == "" {
			v.Del(change[i])
		} else {
			v.Set(change[i], change[i+1])
		}
	}
	return v
}

// pushed gives the name of a pushed request.
func (s *suite) pushed(t *testing.T, change ...string) string {
	t.Helper()
	status, doc := s.call(t, provider.PushPath, s.request(change...))
	if status != http.StatusCreated {
		t.Fatalf("push: %d %v", status, doc)
	}
	return doc["request_uri"].(string)
}

// bare is the address with nothing but the pushed request's name (RFC 9101,
// section 5).
func (s *suite) bare(request string) string {
	return s.Issuer + provider.AuthorizePath + "?" + url.Values{"client_id": {string(s.f.ID)}, "request_uri": {request}}.Encode()
}

// address has beside it what OpenID Connect Core 1.0, section 6.1, wants to stand
// there once more, as the suite does by default.
func (s *suite) address(request string) string {
	return s.bare(request) + "&" + url.Values{"response_type": {"code"}, "scope": {"openid profile offline_access"}, "redirect_uri": {s.Party.URL + "/cb"}}.Encode()
}

// back is what the browser brings back for a pushed request.
func (s *suite) back(t *testing.T, request string) url.Values {
	t.Helper()
	return s.from(t, s.address(request))
}

// from is what it brings back from an address.
func (s *suite) from(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(s.walk(t, address))
	ok(t, err)
	return u.Query()
}

func (s *suite) redeem(t *testing.T, code string, change ...func(*http.Request)) (int, map[string]any) {
	t.Helper()
	return s.call(t, provider.TokenPath, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {s.Party.URL + "/cb"}, "code_verifier": {Verifier}}, change...)
}

func (s *suite) code(t *testing.T, change ...string) string {
	t.Helper()
	return s.back(t, s.pushed(t, change...)).Get("code")
}

// good plays a whole flow and gives the claims of the ID token.
func (s *suite) good(t *testing.T, change ...string) (answer url.Values, id map[string]any) {
	t.Helper()
	answer = s.back(t, s.pushed(t, change...))
	return answer, s.rest(t, answer)
}

// rest plays what is left of a flow after the answer.
func (s *suite) rest(t *testing.T, answer url.Values) (id map[string]any) {
	t.Helper()
	status, doc := s.redeem(t, answer.Get("code"))
	if status != http.StatusOK {
		t.Fatalf("token: %d %v", status, doc)
	}
	access := doc["access_token"].(string)
	if res, who := s.look(t, s.f, access, func(r *http.Request) {
		r.Header.Set("DPoP", s.f.Prove(t, http.MethodGet, s.Issuer+provider.UserInfoPath, access, func(p *Proof) {
			if s.proof != nil {
				s.proof(p.Claims)
			}
		}))
	}); res.StatusCode != http.StatusOK {
		t.Fatalf("userinfo: %d %v", res.StatusCode, who)
	}
	o, err := jose.ParseSignedCompact(doc["id_token"].(string), []jose.SignatureAlgorithm{jose.ES256})
	ok(t, err)
	ok(t, json.Unmarshal(o.UnsafePayloadWithoutVerification(), &id))
	return id
}

// refused fails unless an endpoint answered with one of the errors.
func refused(t *testing.T, status int, doc map[string]any, errors ...string) {
	t.Helper()
	for _, e := range errors {
		want := http.StatusBadRequest
		if e == "invalid_client" {
			want = http.StatusUnauthorized
		}
		if doc["error"] == e && status == want {
			return
		}
	}
	t.Errorf("%d %v, want %q", status, doc, errors)
}

// closed fails unless the browser meets an error page of ours, and no code leaves.
func (s *suite) closed(t *testing.T, address string) {
	t.Helper()
	s.Party.Clear()
	if p := s.Browser.Get(address); p.Status < 400 || s.Party.Got() != nil {
		t.Errorf("%d at %s", p.Status, p.URL.Path)
	}
}

func TestSuiteOfTheFAPIProfile(t *testing.T) {
	secure(t, nil, func(t *testing.T, d *door, f *Sender) {
		d.lan(t, true)
		s := &suite{door: d, f: f}
		other := d.Sends(t, "second", func(_ *Sender, c *partner.Client) { c.RedirectURIs = []string{d.Party.URL + "/cb"} })
		seconds := func(claim string, n int) func(map[string]any) {
			return func(c map[string]any) { c[claim] = d.Clock.Now().Add(time.Duration(n) * time.Second).Unix() }
		}
		for _, c := range []struct {
			name string
			run  func(t *testing.T)
		}{
			{"happy-flow", func(t *testing.T) { s.good(t) }},
			{"par-without-duplicate-parameters", func(t *testing.T) { s.rest(t, s.from(t, s.bare(s.pushed(t)))) }},
			{"ensure-dpopproof-at-par-endpoint-binding-success", func(t *testing.T) { s.good(t) }},
			{"ensure-dpop-auth-code-binding-success", func(t *testing.T) { s.good(t, "dpop_jkt", jktOf(t, f)) }},
			{"ensure-other-scope-order-succeeds", func(t *testing.T) { s.good(t, "scope", "offline_access profile openid") }},
			{"ensure-authorization-request-without-state-success", func(t *testing.T) {
				if a, _ := s.good(t, "state", ""); a.Has("state") {
					t.Error("a state was made up")
				}
			}},
			{"ensure-authorization-request-with-long-state", func(t *testing.T) {
				long := strings.Repeat("s", 1000)
				if a, _ := s.good(t, "state", long); a.Get("state") != long {
					t.Error("another state")
				}
			}},
			{"ensure-authorization-request-without-nonce-success", func(t *testing.T) {
				if _, id := s.good(t, "nonce", ""); id["nonce"] != nil {
					t.Error("a nonce was made up")
				}
			}},
			{"ensure-authorization-request-with-64-char-nonce-success", func(t *testing.T) {
				if _, id := s.good(t, "nonce", strings.Repeat("n", 64)); id["nonce"] != strings.Repeat("n", 64) {
					t.Error("another nonce")
				}
			}},
			{"ensure-authorization-request-with-long-nonce", func(t *testing.T) {
				if _, id := s.good(t, "nonce", strings.Repeat("n", 384)); id["nonce"] != strings.Repeat("n", 384) {
					t.Error("another nonce")
				}
			}},
			{"check-dpop-proof-nbf-exp", func(t *testing.T) {
				s.proof = func(c map[string]any) { seconds("nbf", 0)(c); seconds("exp", 300)(c) }
				s.good(t)
			}},
			{"ensure-dpopproof-with-iat-10seconds-before-succeeds", func(t *testing.T) { s.proof = seconds("iat", -10); s.good(t) }},
			{"ensure-dpopproof-with-iat-10seconds-after-succeeds", func(t *testing.T) { s.proof = seconds("iat", 10); s.good(t) }},
			{"access-token-type-header-case-sensitivity", func(t *testing.T) {
				_, doc := s.redeem(t, s.code(t))
				access := doc["access_token"].(string)
				if res, who := d.look(t, f, access, func(r *http.Request) { r.Header.Set("Authorization", "dPOp "+access) }); res.StatusCode != http.StatusOK {
					t.Errorf("%d %v", res.StatusCode, who)
				}
			}},
			{"par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted", func(t *testing.T) {
				s.assertion = func(c map[string]any) { seconds("nbf", 8)(c); seconds("iat", 8)(c) }
				s.pushed(t)
			}},
			{"par-ensure-reused-request-uri-prior-to-auth-completion-succeeds", func(t *testing.T) {
				request := s.pushed(t, "prompt", "login")
				d.Browser.Get(s.address(request)).Want(200, "")
				if s.back(t, request).Get("code") == "" {
					t.Error("the second visit was refused")
				}
			}},
			{"state-only-outside-request-object-not-used", func(t *testing.T) {
				if a := s.from(t, s.address(s.pushed(t, "state", ""))+"&state=outside"); a.Has("state") || a.Get("code") == "" {
					t.Errorf("answered %v", a)
				}
			}},
			{"ensure-different-state-inside-and-outside-request-object", func(t *testing.T) {
				if a := s.from(t, s.address(s.pushed(t))+"&state=another"); a.Get("state") != "s-1" || a.Get("code") == "" {
					t.Errorf("answered %v", a)
				}
			}},
			{"ensure-different-nonce-inside-and-outside-request-object", func(t *testing.T) {
				if id := s.rest(t, s.from(t, s.address(s.pushed(t))+"&nonce=another")); id["nonce"] != "n-1" {
					t.Errorf("%v", id)
				}
			}},
			{"ensure-unsigned-authorization-request-without-using-par-fails", func(t *testing.T) {
				d.Party.Clear()
				d.Browser.Get(d.Issuer + provider.AuthorizePath + "?" + s.request().Encode())
				if got := d.Party.Got(); got.Get("error") != "invalid_request" || got.Has("code") || got.Get("iss") != d.Issuer {
					t.Errorf("answered %v", got)
				}
			}},
			{"par-attempt-reuse-request_uri", func(t *testing.T) {
				request := s.pushed(t)
				s.back(t, request)
				s.closed(t, s.address(request))
			}},
			{"par-attempt-to-use-expired-request_uri", func(t *testing.T) {
				request := s.pushed(t)
				d.Clock.Advance(91 * time.Second)
				s.closed(t, s.address(request))
			}},
			{"par-attempt-to-use-request_uri-for-different-client", func(t *testing.T) {
				s.closed(t, strings.Replace(s.address(s.pushed(t)), "client_id=credit", "client_id=second", 1))
			}},
			{"par-authorization-request-containing-request_uri-form-param", func(t *testing.T) {
				status, doc := s.call(t, provider.PushPath, s.request("request_uri", "urn:ietf:params:oauth:request_uri:x"))
				refused(t, status, doc, "invalid_request")
			}},
			{"par-attempt-invalid-http-method", func(t *testing.T) {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, d.Issuer+provider.PushPath, strings.NewReader(s.request().Encode()))
				ok(t, err)
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if res, _ := d.read(t, f, r); res.StatusCode != http.StatusMethodNotAllowed {
					t.Errorf("%d", res.StatusCode)
				}
			}},
			{"ensure-registered-redirect-uri", func(t *testing.T) {
				status, doc := s.call(t, provider.PushPath, s.request("redirect_uri", d.Party.URL+"/cb/other"))
				refused(t, status, doc, "invalid_request")
			}},
			{"ensure-redirect-uri-in-authorization-request", func(t *testing.T) {
				status, doc := s.call(t, provider.PushPath, s.request("redirect_uri", ""))
				refused(t, status, doc, "invalid_request")
			}},
			{"ensure-response-type-code-idtoken-fails", func(t *testing.T) {
				status, doc := s.call(t, provider.PushPath, s.request("response_type", "code id_token"))
				refused(t, status, doc, "unsupported_response_type", "invalid_request")
			}},
			{"ensure-response-type-token-fails", func(t *testing.T) {
				status, doc := s.call(t, provider.PushPath, s.request("response_type", "token"))
				refused(t, status, doc, "unsupported_response_type", "invalid_request")
			}},
			{"par-ensure-pkce-required", func(t *testing.T) {
				status, doc := s.call(t, provider.PushPath, s.request("code_challenge", "", "code_challenge_method", ""))
				refused(t, status, doc, "invalid_request")
			}},
			{"par-plain-pkce-rejected", func(t *testing.T) {
				status, doc := s.call(t, provider.PushPath, s.request("code_challenge", Verifier, "code_challenge_method", "plain"))
				refused(t, status, doc, "invalid_request")
			}},
			{"ensure-pkce-code-verifier-required", func(t *testing.T) {
				code := s.code(t)
				s.form = func(v url.Values) { v.Del("code_verifier") }
				status, doc := s.redeem(t, code)
				refused(t, status, doc, "invalid_grant")
			}},
			{"incorrect-pkce-code-verifier-rejected", func(t *testing.T) {
				code := s.code(t)
				s.form = func(v url.Values) { v.Set("code_verifier", strings.Repeat("w", 43)) }
				status, doc := s.redeem(t, code)
				refused(t, status, doc, "invalid_grant")
			}},
			{"ensure-mismatched-dpop-jkt-fails", func(t *testing.T) {
				status, doc := s.call(t, provider.PushPath, s.request("dpop_jkt", jktOf(t, other)))
				refused(t, status, doc, "invalid_dpop_proof", "invalid_request")
			}},
			{"ensure-token-endpoint-fails-with-mismatched-dpop-jkt", func(t *testing.T) {
				form, status, doc := s.request("dpop_jkt", jktOf(t, other)), 0, map[string]any(nil)
				status, doc = s.call(t, provider.PushPath, form, func(r *http.Request) { r.Header.Del("DPoP") })
				if status != http.StatusCreated {
					t.Fatalf("push: %d %v", status, doc)
				}
				status, doc = s.redeem(t, s.back(t, doc["request_uri"].(string)).Get("code"))
				refused(t, status, doc, "invalid_grant", "invalid_dpop_proof", "invalid_request")
			}},
			{"ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt", func(t *testing.T) {
				code := s.code(t)
				mine := f.DPoP
				f.DPoP = NewKey(t)
				status, doc := s.redeem(t, code)
				f.DPoP = mine
				refused(t, status, doc, "invalid_grant", "invalid_dpop_proof", "invalid_request")
			}},
			{"ensure-holder-of-key-required", func(t *testing.T) {
				// Pushed without a proof too, so that the code is bound to no key.
				bare := func(r *http.Request) { r.Header.Del("DPoP") }
				status, doc := s.call(t, provider.PushPath, s.request(), bare)
				if status != http.StatusCreated {
					t.Fatalf("push: %d %v", status, doc)
				}
				status, doc = s.redeem(t, s.back(t, doc["request_uri"].(string)).Get("code"), bare)
				refused(t, status, doc, "invalid_dpop_proof", "invalid_grant", "invalid_request")
			}},
			{"ensure-client-id-in-token-endpoint", func(t *testing.T) {
				code := s.code(t)
				s.form = func(v url.Values) { v.Set("client_id", "second") }
				status, doc := s.redeem(t, code)
				refused(t, status, doc, "invalid_client", "invalid_grant")
			}},
			{"ensure-authorization-code-is-bound-to-client", func(t *testing.T) {
				// With her consent to the other client and with the same key, so that nothing
				// but whose code it is stands in its way.
				second := &suite{door: d, f: other}
				second.good(t)
				code, own := s.code(t), other.DPoP
				other.DPoP = f.DPoP
				status, doc := second.redeem(t, code)
				other.DPoP = own
				refused(t, status, doc, "invalid_grant")
			}},
			{"attempt-reuse-authorization-code-after-one-second", func(t *testing.T) {
				code := s.code(t)
				_, first := s.redeem(t, code)
				d.Clock.Advance(time.Second)
				status, doc := s.redeem(t, code)
				refused(t, status, doc, "invalid_grant")
				if res, _ := d.look(t, f, first["access_token"].(string)); res.StatusCode != http.StatusUnauthorized {
					t.Error("what the code gave first lives on")
				}
			}},
			{"ensure-token-endpoint-fails-with-expired-auth-code", func(t *testing.T) {
				code := s.code(t)
				d.Clock.Advance(61 * time.Second)
				status, doc := s.redeem(t, code)
				refused(t, status, doc, "invalid_grant")
			}},
			{"ensure-client-assertion-in-token-endpoint", func(t *testing.T) {
				code := s.code(t)
				s.form = func(v url.Values) { v.Del("client_assertion"); v.Del("client_assertion_type") }
				status, doc := s.redeem(t, code)
				refused(t, status, doc, "invalid_client")
			}},
			{"ensure-client-assertion-with-exp-is-5-minutes-in-past-fails", func(t *testing.T) {
				code := s.code(t)
				s.assertion = func(c map[string]any) { seconds("exp", -300)(c); seconds("iat", -360)(c) }
				status, doc := s.redeem(t, code)
				refused(t, status, doc, "invalid_client")
			}},
			{"ensure-client-assertion-with-wrong-aud-fails", func(t *testing.T) {
				code := s.code(t)
				s.assertion = func(c map[string]any) { c["aud"] = "https://other.example" }
				status, doc := s.redeem(t, code)
				refused(t, status, doc, "invalid_client")
			}},
			{"ensure-client-assertion-with-no-sub-fails", func(t *testing.T) {
				code := s.code(t)
				s.assertion = func(c map[string]any) { delete(c, "sub") }
				status, doc := s.redeem(t, code)
				refused(t, status, doc, "invalid_client")
			}},
			{"ensure-signed-client-assertion-with-RS256-fails", func(t *testing.T) {
				key, err := rsa.GenerateKey(rand.Reader, 2048)
				ok(t, err)
				byRSA := d.Sends(t, "by-rsa", func(_ *Sender, c *partner.Client) {
					c.JWKS.Keys[0] = jose.JSONWebKey{Key: &key.PublicKey, KeyID: "k1", Use: "sig"}
				})
				v := url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "redirect_uri": {"x"}, "code_verifier": {Verifier}}
				for alg, want := range map[jose.SignatureAlgorithm]string{jose.RS256: "invalid_client", jose.PS256: "invalid_grant"} {
					status, doc := (&suite{door: d, f: byRSA, form: func(v url.Values) {
						v.Set("client_assertion", byRSA.Assertion(t, func(_ map[string]any, k *jose.SigningKey) {
							*k = jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}
						}))
					}}).call(t, provider.TokenPath, v)
					refused(t, status, doc, want)
				}
			}},
			{"par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails", func(t *testing.T) {
				s.assertion = func(c map[string]any) { seconds("nbf", 65)(c); seconds("iat", 65)(c); seconds("exp", 125)(c) }
				status, doc := s.call(t, provider.PushPath, s.request())
				refused(t, status, doc, "invalid_client")
			}},
			{"par-test-array-as-audience-fails", func(t *testing.T) {
				s.assertion = func(c map[string]any) { c["aud"] = []string{d.Issuer} }
				status, doc := s.call(t, provider.PushPath, s.request())
				refused(t, status, doc, "invalid_client")
			}},
			{"par-test-par-endpoint-url-as-audience-fails", func(t *testing.T) {
				s.assertion = func(c map[string]any) { c["aud"] = d.Issuer + provider.PushPath }
				status, doc := s.call(t, provider.PushPath, s.request())
				refused(t, status, doc, "invalid_client")
			}},
			{"par-test-token-endpoint-url-as-audience-fails", func(t *testing.T) {
				s.assertion = func(c map[string]any) { c["aud"] = d.Issuer + provider.TokenPath }
				status, doc := s.call(t, provider.PushPath, s.request())
				refused(t, status, doc, "invalid_client")
			}},
			// Tokens of this profile do not rotate (section 5.3.2.1-9): whoever loses the
			// answer sends the same one again.
			{"refresh-token", func(t *testing.T) {
				_, doc := s.redeem(t, s.code(t))
				v := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {doc["refresh_token"].(string)}}
				status, doc := s.call(t, provider.TokenPath, v, func(r *http.Request) { r.Header.Del("DPoP") })
				refused(t, status, doc, "invalid_dpop_proof", "invalid_grant", "invalid_request")
				s.form = func(v url.Values) { v.Del("client_assertion"); v.Del("client_assertion_type") }
				status, doc = s.call(t, provider.TokenPath, v)
				refused(t, status, doc, "invalid_client")
				s.reset()
				status, doc = (&suite{door: d, f: other}).call(t, provider.TokenPath, v)
				refused(t, status, doc, "invalid_grant")
				for range 3 {
					if status, doc = s.call(t, provider.TokenPath, v); status != http.StatusOK || doc["token_type"] != "DPoP" || doc["id_token"] == nil || doc["refresh_token"] != v.Get("refresh_token") {
						t.Errorf("refresh: %d %v", status, doc)
					}
				}
			}},
		} {
			t.Run(c.name, func(t *testing.T) {
				s.reset()
				d.Clock.Advance(time.Second)
				c.run(t)
			})
		}
	})
}

func jktOf(t *testing.T, f *Sender) string {
	t.Helper()
	return f.Caller(t, provider.TokenPath).Binding.JKT
}
