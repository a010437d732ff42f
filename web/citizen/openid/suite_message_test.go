// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509/pkix"
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

	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
)

// What the OpenID Foundation's suite asks of a server that takes signed requests
// and gives signed answers, in its plan fapi2-message-signing-final-test-plan,
// beyond the modules of the security profile (TestSuiteOfTheFAPIProfile).

// object signs a request of the sender's; change alters what is said, and by
// which key.
func (s *suite) object(t *testing.T, v url.Values, change func(claims map[string]any, key *jose.SigningKey)) string {
	t.Helper()
	return s.f.Assertion(t, func(c map[string]any, key *jose.SigningKey) {
		delete(c, "sub")
		c["nbf"] = s.Clock.Now().Unix()
		for k := range v {
			c[k] = v.Get(k)
		}
		if change != nil {
			change(c, key)
		}
	})
}

// pushObject pushes a request object, with what stands beside it.
func (s *suite) pushObject(t *testing.T, object string, beside ...string) (int, map[string]any) {
	t.Helper()
	v := url.Values{"request": {object}}
	for i := 0; i < len(beside); i += 2 {
		v.Set(beside[i], beside[i+1])
	}
	return s.call(t, provider.PushPath, v)
}

// taken expects that a request object is taken, and gives what it led to.
func (s *suite) taken(t *testing.T, object string, beside ...string) url.Values {
	t.Helper()
	status, doc := s.pushObject(t, object, beside...)
	if status != 201 {
		t.Fatalf("push: %d %v", status, doc)
	}
	return s.back(t, doc["request_uri"].(string))
}

func TestSuiteOfSignedMessages(t *testing.T) {
	secure(t, func(_ *Sender, c *partner.Client) { c.Settings.RequireSigned = true }, func(t *testing.T, d *door, f *Sender) {
		d.lan(t, true)
		s := &suite{door: d, f: f}
		other := d.Sends(t, "second")
		signed := func(t *testing.T, change func(map[string]any)) string {
			return s.object(t, s.request(), func(c map[string]any, _ *jose.SigningKey) {
				if change != nil {
					change(c)
				}
			})
		}
		at := func(name string, d2 time.Duration) func(map[string]any) {
			return func(c map[string]any) { c[name] = d.Clock.Now().Add(d2).Unix() }
		}
		without := func(name string) func(map[string]any) { return func(c map[string]any) { delete(c, name) } }
		bad := func(change func(map[string]any), errors ...string) func(*testing.T) {
			return func(t *testing.T) {
				status, doc := s.pushObject(t, signed(t, change))
				refused(t, status, doc, append(errors, "invalid_request_object")...)
			}
		}
		for _, c := range []struct {
			name string
			run  func(t *testing.T)
		}{
			{"happy-flow", func(t *testing.T) {
				back := s.taken(t, signed(t, func(c map[string]any) { c["response_mode"] = "jwt" }))
				if len(back) != 1 {
					t.Fatalf("beside the signed answer: %v", back)
				}
				m := doc(t, decode(t, back.Get("response")))
				if m["iss"] != d.Issuer || m["aud"] != string(f.ID) || m["state"] != "s-1" || m["exp"] == nil {
					t.Fatalf("%v", m)
				}
				if status, tok := s.redeem(t, m["code"].(string)); status != 200 || tok["token_type"] != "DPoP" {
					t.Errorf("%d %v", status, tok)
				}
			}},
			{"ensure-request-object-with-multiple-aud-succeeds", func(t *testing.T) {
				if s.taken(t, signed(t, func(c map[string]any) { c["aud"] = []string{"https://other.example", d.Issuer} })).Get("code") == "" {
					t.Error("no code")
				}
			}},
			{"ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted", func(t *testing.T) {
				if s.taken(t, signed(t, at("nbf", 8*time.Second))).Get("code") == "" {
					t.Error("no code")
				}
			}},
			{"ensure-different-nonce-inside-and-outside-request-object", func(t *testing.T) {
				_, tok := s.redeem(t, s.taken(t, signed(t, nil), "nonce", "another").Get("code"))
				if id := doc(t, decode(t, tok["id_token"].(string))); id["nonce"] != "n-1" {
					t.Errorf("%v", id)
				}
			}},
			{"ensure-different-state-inside-and-outside-request-object", func(t *testing.T) {
				if back := s.taken(t, signed(t, nil), "state", "another"); back.Get("state") != "s-1" {
					t.Errorf("%v", back)
				}
			}},
			{"state-only-outside-request-object-not-used", func(t *testing.T) {
				if back := s.taken(t, signed(t, without("state")), "state", "outside"); back.Has("state") || back.Get("code") == "" {
					t.Errorf("%v", back)
				}
			}},
			{"ensure-request-object-without-exp-fails", bad(without("exp"))},
			{"ensure-request-object-without-nbf-fails", bad(without("nbf"))},
			{"ensure-request-object-without-redirect-uri-fails", bad(without("redirect_uri"), "invalid_request")},
			{"ensure-expired-request-object-fails", bad(func(c map[string]any) {
				at("exp", -time.Minute)(c)
				at("nbf", -2*time.Minute)(c)
				at("iat", -2*time.Minute)(c)
			})},
			{"ensure-request-object-with-bad-aud-fails", bad(func(c map[string]any) { c["aud"] = "https://other.example" })},
			{"ensure-request-object-with-exp-over-60-fails", bad(at("exp", 70*time.Minute))},
			{"ensure-request-object-with-nbf-over-60-fails", bad(func(c map[string]any) {
				at("nbf", -70*time.Minute)(c)
				at("iat", -70*time.Minute)(c)
				at("exp", time.Minute)(c)
			})},
			{"ensure-signed-request-object-with-RS256-fails", func(t *testing.T) {
				key, err := rsa.GenerateKey(rand.Reader, 2048)
				ok(t, err)
				byRSA := &suite{door: d, f: d.Sends(t, "by-rsa", func(_ *Sender, c *partner.Client) {
					c.JWKS.Keys = append(c.JWKS.Keys, jose.JSONWebKey{Key: &key.PublicKey, KeyID: "r1", Use: "sig"})
					c.RedirectURIs = []string{d.Party.URL + "/cb"}
				})}
				for alg, want := range map[jose.SignatureAlgorithm]int{jose.RS256: 400, jose.PS256: 201} {
					status, doc := byRSA.pushObject(t, byRSA.object(t, byRSA.request(), func(_ map[string]any, k *jose.SigningKey) {
						*k = jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: "r1"}}
					}))
					if status != want || status == 400 && doc["error"] != "invalid_request_object" {
						t.Errorf("%s: %d %v", alg, status, doc)
					}
				}
			}},
			{"ensure-request-object-signature-algorithm-is-not-none", func(t *testing.T) {
				parts := strings.Split(signed(t, nil), ".")
				status, doc := s.pushObject(t, base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))+"."+parts[1]+".")
				refused(t, status, doc, "invalid_request_object")
			}},
			{"ensure-request-object-with-invalid-signature-fails", func(t *testing.T) {
				parts := strings.Split(signed(t, nil), ".")
				sig, err := base64.RawURLEncoding.DecodeString(parts[2])
				ok(t, err)
				sig[5] ^= 1
				status, doc := s.pushObject(t, parts[0]+"."+parts[1]+"."+base64.RawURLEncoding.EncodeToString(sig))
				refused(t, status, doc, "invalid_request_object")
			}},
			{"ensure-matching-key-in-authorization-request", func(t *testing.T) {
				status, doc := s.pushObject(t, s.object(t, s.request(), func(_ map[string]any, k *jose.SigningKey) {
					k.Key = jose.JSONWebKey{Key: other.Key, KeyID: "k1"}
				}))
				refused(t, status, doc, "invalid_request_object")
			}},
			{"ensure-unsigned-request-at-par-endpoint-fails", func(t *testing.T) {
				status, doc := s.call(t, provider.PushPath, s.request())
				refused(t, status, doc, "invalid_request")
			}},
			{"ensure-unsigned-authorization-request-without-using-par-fails", func(t *testing.T) {
				d.Party.Clear()
				d.Browser.Get(d.Issuer + provider.AuthorizePath + "?" + s.request().Encode())
				if got := d.Party.Got(); got.Get("error") != "invalid_request" || got.Has("code") {
					t.Errorf("answered %v", got)
				}
			}},
			{"par-authorization-request-containing-request_uri", bad(func(c map[string]any) { c["request_uri"] = "urn:ietf:params:oauth:request_uri:x" })},
		} {
			t.Run(c.name, func(t *testing.T) {
				s.reset()
				d.Clock.Advance(time.Second)
				c.run(t)
			})
		}
	})
}

// What the plan fapi-ciba-id1-test-plan asks about how clients prove themselves
// at the two endpoints; the rest of it is tested at the desk (provider/ciba).
func TestSuiteOfAskingAfar(t *testing.T) {
	afar := func(_ *Sender, c *partner.Client) {
		c.Settings.BackchannelMode, c.Settings.BackchannelAlg = "poll", "ES256"
	}
	secure(t, afar, func(t *testing.T, d *door, f *Sender) {
		d.lan(t, true)
		s := &suite{door: d, f: f}
		d.Sends(t, "second", afar)
		wish := url.Values{"scope": {"openid profile"}, "login_hint": {"phone:" + Phone}, "binding_message": {"K7"}}
		ask := func(t *testing.T) (int, map[string]any) {
			return s.call(t, provider.BackchannelPath, url.Values{"request": {s.object(t, wish, nil)}})
		}
		name := func(t *testing.T) url.Values {
			status, doc := ask(t)
			if status != 200 {
				t.Fatalf("%d %v", status, doc)
			}
			return url.Values{"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {doc["auth_req_id"].(string)}}
		}
		// Two clients that certificates prove: of the variant mtls.
		one, two := d.Sends(t, "insurer", afar, SelfSigned(t)), d.Sends(t, "insurer-two", afar, SelfSigned(t))
		byTLS := func(t *testing.T, client partner.ID, path string, v url.Values) (int, map[string]any) {
			form := maps.Clone(v)
			form.Set("client_id", string(client))
			res, doc := d.read(t, one, post(t, d.Issuer+path, form))
			return res.StatusCode, doc
		}
		signedByTLS := func(t *testing.T) url.Values {
			return url.Values{"request": {(&suite{door: d, f: one}).object(t, wish, func(_ map[string]any, k *jose.SigningKey) {
				k.Key = jose.JSONWebKey{Key: one.TLS.PrivateKey, KeyID: "t1"}
			})}}
		}
		byRS256 := func(t *testing.T, path string, v url.Values) {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			ok(t, err)
			id := partner.ID("rsa" + strings.ReplaceAll(path, "/", "-"))
			r := d.Sends(t, id, afar, func(_ *Sender, c *partner.Client) {
				c.JWKS.Keys[0] = jose.JSONWebKey{Key: &key.PublicKey, KeyID: "k1", Use: "sig"}
			})
			status, doc := (&suite{door: d, f: r, form: func(v url.Values) {
				v.Set("client_assertion", r.Assertion(t, func(_ map[string]any, k *jose.SigningKey) {
					*k = jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}
				}))
			}}).call(t, path, v)
			refused(t, status, doc, "invalid_client")
		}
		for _, c := range []struct {
			name string
			run  func(t *testing.T)
		}{
			{"ensure-client-assertion-with-iss-aud-to-token-endpoint-succeeds", func(t *testing.T) {
				status, doc := s.call(t, provider.TokenPath, name(t))
				refused(t, status, doc, "authorization_pending")
			}},
			// By default the modules write the token endpoint into assertions, as FAPI 1 lets
			// them, and hold a certificate: that is a client of the profile oidc here.
			{"assertions-for-the-token-endpoint", func(t *testing.T) {
				p := &suite{door: d, assertion: func(c map[string]any) { c["aud"] = d.Issuer + provider.TokenPath }, f: d.Sends(t, "plain", afar, func(f *Sender, c *partner.Client) {
					f.TLS = Certify(t, nil, pkix.Name{CommonName: "plain"}, d.Clock.Now())
					c.Profile, c.Settings.DPoPBound, c.Settings.TLSBound = partner.OIDC, false, true
				})}
				bare := func(r *http.Request) { r.Header.Del("DPoP") }
				status, doc := p.call(t, provider.BackchannelPath, url.Values{"request": {p.object(t, wish, nil)}}, bare)
				if status != 200 {
					t.Fatalf("%d %v", status, doc)
				}
				status, doc = p.call(t, provider.TokenPath, url.Values{"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {doc["auth_req_id"].(string)}}, bare)
				refused(t, status, doc, "authorization_pending")
				// A bank of the FAPI 2.0 profile names the issuer alone.
				s.assertion = p.assertion
				status, doc = ask(t)
				refused(t, status, doc, "invalid_client")
			}},
			{"ensure-wrong-client-id-in-backchannel-authorization-request", func(t *testing.T) {
				s.form = func(v url.Values) { v.Set("client_id", "second") }
				status, doc := ask(t)
				refused(t, status, doc, "invalid_client")
				status, doc = byTLS(t, two.ID, provider.BackchannelPath, wish)
				refused(t, status, doc, "invalid_client")
			}},
			{"ensure-wrong-client-id-in-token-endpoint-request", func(t *testing.T) {
				v := name(t)
				s.form = func(v url.Values) { v.Set("client_id", "second") }
				status, doc := s.call(t, provider.TokenPath, v)
				refused(t, status, doc, "invalid_client")
				_, asked := byTLS(t, one.ID, provider.BackchannelPath, signedByTLS(t))
				v.Set("auth_req_id", asked["auth_req_id"].(string))
				status, doc = byTLS(t, two.ID, provider.TokenPath, v)
				refused(t, status, doc, "invalid_client")
				status, doc = byTLS(t, one.ID, provider.TokenPath, v)
				refused(t, status, doc, "authorization_pending")
			}},
			{"ensure-different-client-id-and-issuer-in-backchannel-authorization-request", func(t *testing.T) {
				status, doc := byTLS(t, two.ID, provider.BackchannelPath, signedByTLS(t))
				refused(t, status, doc, "invalid_client")
				if status, doc = byTLS(t, one.ID, provider.BackchannelPath, signedByTLS(t)); status != 200 {
					t.Errorf("the same with its own name: %d %v", status, doc)
				}
				status, doc = s.call(t, provider.BackchannelPath, url.Values{"request": {s.object(t, wish, func(c map[string]any, _ *jose.SigningKey) { c["client_id"], c["iss"] = "second", "second" })}})
				refused(t, status, doc, "invalid_request", "invalid_request_object")
			}},
			{"ensure-without-client-assertion-in-backchannel-authorization-request", func(t *testing.T) {
				s.form = func(v url.Values) { v.Del("client_assertion"); v.Del("client_assertion_type") }
				status, doc := ask(t)
				refused(t, status, doc, "invalid_client")
			}},
			{"ensure-without-client-assertion-in-token-endpoint-request", func(t *testing.T) {
				v := name(t)
				s.form = func(v url.Values) { v.Del("client_assertion"); v.Del("client_assertion_type") }
				status, doc := s.call(t, provider.TokenPath, v)
				refused(t, status, doc, "invalid_client")
			}},
			{"ensure-client-assertion-signature-algorithm-in-backchannel-authorization-request-is-RS256-fails", func(t *testing.T) {
				byRS256(t, provider.BackchannelPath, wish)
			}},
			{"ensure-client-assertion-signature-algorithm-in-token-endpoint-request-is-RS256-fails", func(t *testing.T) {
				byRS256(t, provider.TokenPath, name(t))
			}},
			{"ensure-unsigned-backchannel-authorization-request-fails", func(t *testing.T) {
				status, doc := s.call(t, provider.BackchannelPath, wish)
				refused(t, status, doc, "invalid_request")
			}},
			{"ensure-mtls-holder-of-key-required", func(t *testing.T) {
				// While she has not answered yet, as the module does.
				_, asked := byTLS(t, one.ID, provider.BackchannelPath, signedByTLS(t))
				v := url.Values{"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {asked["auth_req_id"].(string)}}
				cert := one.TLS
				one.TLS = nil
				status, doc := byTLS(t, one.ID, provider.TokenPath, v)
				one.TLS = cert
				refused(t, status, doc, "invalid_client")
				status, doc = byTLS(t, one.ID, provider.TokenPath, v)
				refused(t, status, doc, "authorization_pending")
				// One that proves itself by an assertion and holds a certificate beside it.
				k := &suite{door: d, f: d.Sends(t, "keyed", afar, func(f *Sender, c *partner.Client) {
					f.TLS = Certify(t, nil, pkix.Name{CommonName: "keyed"}, d.Clock.Now())
					c.Settings.DPoPBound, c.Settings.TLSBound = false, true
				})}
				bare := func(r *http.Request) { r.Header.Del("DPoP") }
				d.Clock.Advance(11 * time.Minute)
				status, doc = k.call(t, provider.BackchannelPath, url.Values{"request": {k.object(t, wish, nil)}}, bare)
				if status != 200 {
					t.Fatalf("%d %v", status, doc)
				}
				v.Set("auth_req_id", doc["auth_req_id"].(string))
				cert, k.f.TLS = k.f.TLS, nil
				status, doc = k.call(t, provider.TokenPath, v, bare)
				k.f.TLS = cert
				refused(t, status, doc, "invalid_request", "invalid_grant", "invalid_client")
				status, doc = k.call(t, provider.TokenPath, v, bare)
				refused(t, status, doc, "authorization_pending")
			}},
		} {
			t.Run(c.name, func(t *testing.T) {
				s.reset()
				d.Clock.Advance(11 * time.Minute) // so that nobody is asked too often
				c.run(t)
			})
		}
	})
}

func post(t *testing.T, address string, v url.Values) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(v.Encode()))
	ok(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// What the plans of the FAPI profile and of logout look for in the metadata.
func described(t *testing.T, d *door) map[string]any {
	t.Helper()
	res, err := d.through(nil).Do(get(t, d.Issuer+provider.DiscoveryPath))
	ok(t, err)
	defer res.Body.Close()
	var m map[string]any
	ok(t, json.NewDecoder(res.Body).Decode(&m))
	return m
}

func TestFAPIMetadata(t *testing.T) {
	secure(t, nil, func(t *testing.T, d *door, _ *Sender) {
		m := described(t, d)
		for name, want := range map[string]any{
			"issuer": d.Issuer, "token_endpoint": d.Issuer + "/token", "pushed_authorization_request_endpoint": d.Issuer + "/par", "jwks_uri": d.Issuer + "/jwks",
			"authorization_response_iss_parameter_supported": true, "tls_client_certificate_bound_access_tokens": true, "claims_parameter_supported": true,
			"request_parameter_supported": true, "request_uri_parameter_supported": false,
		} {
			if m[name] != want {
				t.Errorf("%s is %v", name, m[name])
			}
		}
		for name, c := range map[string]struct{ has, lacks []string }{
			"response_types_supported":                         {[]string{"code"}, []string{"token", "id_token", "code id_token"}},
			"grant_types_supported":                            {[]string{"authorization_code", "refresh_token"}, []string{"implicit", "password"}},
			"code_challenge_methods_supported":                 {[]string{"S256"}, []string{"plain"}},
			"token_endpoint_auth_methods_supported":            {[]string{"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"}, []string{"none", "client_secret_post", "client_secret_jwt"}},
			"token_endpoint_auth_signing_alg_values_supported": {[]string{"ES256", "PS256"}, []string{"RS256", "HS256", "none"}},
			"dpop_signing_alg_values_supported":                {[]string{"ES256", "PS256"}, []string{"RS256", "HS256", "none"}},
			"request_object_signing_alg_values_supported":      {[]string{"ES256", "PS256"}, []string{"RS256", "HS256", "none"}},
			"authorization_signing_alg_values_supported":       {[]string{"ES256"}, []string{"RS256", "HS256", "none"}},
			"response_modes_supported":                         {[]string{"query", "jwt"}, []string{"fragment"}},
		} {
			list, _ := m[name].([]any)
			for _, v := range c.has {
				if !slices.Contains(list, any(v)) {
					t.Errorf("%s lacks %s: %v", name, v, list)
				}
			}
			for _, v := range c.lacks {
				if slices.Contains(list, any(v)) {
					t.Errorf("%s has %s", name, v)
				}
			}
		}
	})
}

func TestLogoutIsDescribed(t *testing.T) {
	secure(t, nil, func(t *testing.T, d *door, _ *Sender) {
		if m := described(t, d); m["backchannel_logout_supported"] != true || m["backchannel_logout_session_supported"] != true || m["end_session_endpoint"] != d.Issuer+"/logout" {
			t.Errorf("%v", m)
		}
	})
}
