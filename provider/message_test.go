// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
)

const (
	bankAPI  = "https://api.bank.example/"
	otherAPI = "https://api.other.example/"
)

// messages runs a house in which the clinic signs and the bank has an API.
func messages(t *testing.T, body func(t *testing.T, h *House), change ...func(*partner.Client)) {
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, d *db.DB) {
		body(t, New(t, d, issuer, append(change, func(c *partner.Client) {
			switch c.ID {
			case "bank":
				c.Settings.Resources = []string{bankAPI, otherAPI}
			case "clinic":
				c.Settings.Serves = []string{bankAPI}
			}
		})...))
	})
}

// clinics is a good request of the clinic.
func clinics(scope string) url.Values {
	v := Request(scope)
	v.Set("client_id", "clinic")
	v.Set("redirect_uri", ClinicRedirect)
	return v
}

// object signs a request of the clinic; change alters it first.
func object(t *testing.T, h *House, v url.Values, change ...func(map[string]any)) string {
	t.Helper()
	now := h.Clock.Now()
	m := map[string]any{"iss": "clinic", "aud": issuer, "exp": now.Add(time.Minute).Unix(), "nbf": now.Unix(), "jti": "jti-" + v.Get("state")}
	for k := range v {
		m[k] = v.Get(k)
	}
	for _, f := range change {
		f(m)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: h.ClinicKey, KeyID: "c1"}}, (&jose.SignerOptions{}).WithType("oauth-authz-req+jwt"))
	ok(t, err)
	b, err := json.Marshal(m)
	ok(t, err)
	o, err := s.Sign(b)
	ok(t, err)
	text, err := o.CompactSerialize()
	ok(t, err)
	return text
}

func wrapped(text string) url.Values { return url.Values{"client_id": {"clinic"}, "request": {text}} }

func TestSignedRequest(t *testing.T) {
	messages(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		clinic := h.Client(t, "clinic")
		a := h.Agree(t, s, h.Push(t, clinic, wrapped(object(t, h, clinics("openid profile")))))
		if a.Values.Get("state") != "s-1" || a.Values.Get("code") == "" {
			t.Fatalf("answered %v", a.Values)
		}
		// In the address: the same.
		v := clinics("openid profile")
		v.Set("state", "s-2")
		handle, out, err := h.Provider.Begin(t.Context(), wrapped(object(t, h, v)), Browser)
		ok(t, err)
		if out != nil {
			t.Fatalf("refused %v", out.Values)
		}
		if a = h.Agree(t, s, handle); a.Values.Get("state") != "s-2" {
			t.Fatalf("answered %v", a.Values)
		}
	})
}

// RFC 9101, section 6.3: what stands beside the object is not read.
func TestParameterSmugglingBesideTheRequestObject(t *testing.T) {
	messages(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		clinic := h.Client(t, "clinic")
		signed := clinics("openid")
		for _, k := range []string{"state", "nonce"} {
			signed.Del(k)
		}
		v := url.Values{"client_id": {"clinic"}}
		for k, list := range (url.Values{"scope": {"openid profile number"}, "state": {"evil"}, "nonce": {"evil"}, "redirect_uri": {"https://evil.example/cb"}, "prompt": {"none"},
			"claims": {`{"userinfo":{"email":{"essential":true}}}`}, "response_mode": {"form_post"}, "code_challenge": {strings.Repeat("A", 43)}}) {
			v[k] = list
		}
		for name, begin := range map[string]func() string{
			"pushed": func() string {
				v.Set("request", object(t, h, signed, func(m map[string]any) { m["jti"] = "1" }))
				return h.Push(t, clinic, v)
			},
			"in the address": func() string {
				v.Set("request", object(t, h, signed, func(m map[string]any) { m["jti"] = "2" }))
				handle, out, err := h.Provider.Begin(t.Context(), v, Browser)
				ok(t, err)
				if out != nil {
					t.Fatalf("refused %v", out.Values)
				}
				return handle
			},
		} {
			visit := provider.Visit{Handle: begin(), Browser: Browser, Session: &s}
			d, err := h.Provider.Continue(t.Context(), visit)
			ok(t, err)
			if d.Kind == provider.AskConsent {
				q, visit := asking(t, h, visit)
				if len(q.Lines) != 0 {
					t.Errorf("%s: she is asked for %v", name, q.Lines)
				}
				d.Answer, err = h.Provider.Approve(t.Context(), visit, nil)
				ok(t, err)
			}
			if a := d.Answer; a == nil || a.RedirectURI != ClinicRedirect || a.Values.Has("state") || a.FormPost {
				t.Fatalf("%s: answered %+v", name, a)
			}
			_, err = h.Provider.Redeem(t.Context(), clinic, provider.Binding{}, d.Answer.Values.Get("code"), ClinicRedirect, Verifier)
			ok(t, err)
		}
		// What must be in the object and stands beside it is missing.
		short := clinics("openid")
		short.Del("code_challenge")
		v = wrapped(object(t, h, short))
		v.Set("code_challenge", Challenge())
		_, err := h.Provider.Push(t.Context(), clinic, provider.Binding{}, v)
		refused(t, err, "invalid_request")
	})
}

func TestRequestObjectReplayed(t *testing.T) {
	messages(t, func(t *testing.T, h *House) {
		clinic := h.Client(t, "clinic")
		text := object(t, h, clinics("openid"))
		won, errs := storm(func() (provider.Pushed, error) {
			return h.Provider.Push(context.Background(), clinic, provider.Binding{}, wrapped(text))
		})
		if len(won) != 1 {
			t.Fatalf("%d of %d used the object", len(won), parallel)
		}
		for _, err := range errs {
			refused(t, err, "invalid_request_object")
		}
		// Seen in an address and brought again: whoever listens is told no more than
		// that, where the client can be told.
		v := wrapped(text)
		v.Set("redirect_uri", ClinicRedirect)
		_, out, err := h.Provider.Begin(t.Context(), v, Browser)
		ok(t, err)
		if out == nil || out.Values.Get("error") != "invalid_request_object" || out.RedirectURI != ClinicRedirect {
			t.Fatalf("answered %+v", out)
		}
	})
}

func TestRequestObjectThatIsRefused(t *testing.T) {
	messages(t, func(t *testing.T, h *House) {
		clinic, bank := h.Client(t, "clinic"), h.Client(t, "bank")
		good := object(t, h, clinics("openid"))
		// Another client's: by its credential, or by its name in the address.
		_, err := h.Provider.Push(t.Context(), bank, provider.Binding{}, url.Values{"request": {good}})
		refused(t, err, "invalid_request_object")
		_, _, err = h.Provider.Begin(t.Context(), url.Values{"client_id": {"bank"}, "request": {good}}, Browser)
		wrong(t, err, "provider.client")
		// An address that is not registered is never gone to, also when it is signed.
		v := clinics("openid")
		v.Set("redirect_uri", "https://evil.example/cb")
		_, _, err = h.Provider.Begin(t.Context(), wrapped(object(t, h, v)), Browser)
		wrong(t, err, "provider.client")
		_, err = h.Provider.Push(t.Context(), clinic, provider.Binding{}, url.Values{"request": {good + "x"}})
		refused(t, err, "invalid_request_object")
		// By reference: a name of ours, or nothing. It is not fetched.
		for _, u := range []string{"https://clinic.example/request.jwt", "http://127.0.0.1:1/", "urn:x", "file:///etc/passwd"} {
			_, _, err = h.Provider.Begin(t.Context(), url.Values{"client_id": {"clinic"}, "request_uri": {u}}, Browser)
			wrong(t, err, "provider.stale")
		}
		pushed, err := h.Provider.Push(t.Context(), clinic, provider.Binding{}, wrapped(good))
		ok(t, err)
		_, _, err = h.Provider.Begin(t.Context(), url.Values{"client_id": {"clinic"}, "request_uri": {pushed.RequestURI}, "request": {good}}, Browser)
		wrong(t, err, "provider.stale")
	})
}

func TestUnsignedRequestOfAClientThatSigns(t *testing.T) {
	messages(t, func(t *testing.T, h *House) {
		clinic := h.Client(t, "clinic")
		_, err := h.Provider.Push(t.Context(), clinic, provider.Binding{}, clinics("openid"))
		refused(t, err, "invalid_request")
		_, out, err := h.Provider.Begin(t.Context(), clinics("openid"), Browser)
		ok(t, err)
		if out.Values.Get("error") != "invalid_request" {
			t.Fatalf("answered %v", out.Values)
		}
		_, err = h.Provider.Push(t.Context(), clinic, provider.Binding{}, wrapped(object(t, h, clinics("openid"))))
		refused(t, err, "invalid_request_object") // signed, but not by the algorithm it registered
	}, func(c *partner.Client) {
		if c.ID == "clinic" {
			c.Settings.RequireSigned, c.Settings.RequestAlg = true, "PS256"
		}
	})
}

// opened reads a signed answer with the published keys, as its client does.
func opened(t *testing.T, h *House, a *provider.Answer) map[string]any {
	t.Helper()
	if len(a.Values) != 1 {
		t.Fatalf("beside the signed answer: %v", a.Values)
	}
	doc, err := h.Provider.JWKS()
	ok(t, err)
	var set jose.JSONWebKeySet
	ok(t, json.Unmarshal(doc, &set))
	o, err := jose.ParseSignedCompact(a.Values.Get("response"), []jose.SignatureAlgorithm{jose.ES256})
	ok(t, err)
	key := set.Key(o.Signatures[0].Protected.KeyID)
	if len(key) != 1 {
		t.Fatal("its key is not published")
	}
	b, err := o.Verify(key[0].Key)
	ok(t, err)
	var m map[string]any
	ok(t, json.Unmarshal(b, &m))
	return m
}

func TestSignedAnswer(t *testing.T) {
	messages(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		bank := h.Client(t, "bank")
		for _, c := range []struct {
			mode string
			form bool
		}{{"jwt", false}, {"query.jwt", false}, {"form_post.jwt", true}} {
			v := Request("openid profile")
			v.Set("response_mode", c.mode)
			a := h.Agree(t, s, h.Push(t, bank, v))
			m := opened(t, h, a)
			life, _ := m["exp"].(float64)
			if a.FormPost != c.form || m["iss"] != issuer || m["aud"] != "bank" || m["state"] != "s-1" || m["code"] == "" ||
				life <= float64(h.Clock.Now().Unix()) || life > float64(h.Clock.Now().Add(10*time.Minute).Unix()) {
				t.Errorf("%s: %v", c.mode, m)
			}
			code, _ := m["code"].(string)
			_, err := h.Provider.Redeem(t.Context(), bank, provider.Binding{}, code, BankRedirect, Verifier)
			ok(t, err)
			// Errors are signed as well: before anything is kept, in silence, by her no.
			v.Set("scope", "openid nothing profile")
			v.Set("claims", "[]")
			_, out, err := h.Provider.Begin(t.Context(), v, Browser)
			ok(t, err)
			if m := opened(t, h, out); m["error"] != "invalid_request" || m["state"] != "s-1" || out.FormPost != c.form {
				t.Errorf("%s: %v", c.mode, m)
			}
			v = Request("openid profile")
			v.Set("response_mode", c.mode)
			v.Set("prompt", "none")
			d, err := h.Provider.Continue(t.Context(), provider.Visit{Handle: h.Push(t, bank, v), Browser: Browser})
			ok(t, err)
			if m := opened(t, h, d.Answer); m["error"] != "login_required" {
				t.Errorf("%s: %v", c.mode, m)
			}
			v.Set("prompt", "consent")
			visit := provider.Visit{Handle: h.Push(t, bank, v), Browser: Browser, Session: &s}
			_, err = h.Provider.Continue(t.Context(), visit)
			ok(t, err)
			no, err := h.Provider.Decline(t.Context(), visit)
			ok(t, err)
			if m := opened(t, h, no); m["error"] != "access_denied" {
				t.Errorf("%s: %v", c.mode, m)
			}
		}
		for _, mode := range []string{"fragment", "fragment.jwt", "web_message", "query.jws"} {
			v := Request("openid")
			v.Set("response_mode", mode)
			_, err := h.Provider.Push(t.Context(), bank, provider.Binding{}, v)
			refused(t, err, "invalid_request")
		}
	})
}

// An answer is for one client, and nothing else that this server signs passes for one.
func TestSignedAnswerIsForOneClientAndNothingElse(t *testing.T) {
	messages(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		v := Request("openid profile")
		v.Set("response_mode", "jwt")
		a := h.Agree(t, s, h.Push(t, h.Client(t, "bank"), v))
		if m := opened(t, h, a); m["aud"] == "shop" || m["sub"] != nil {
			t.Errorf("%v", m)
		}
		// It is no ID token and no access token.
		v = Request("openid profile")
		v.Set("id_token_hint", a.Values.Get("response"))
		_, err := h.Provider.Push(t.Context(), h.Client(t, "bank"), provider.Binding{}, v)
		refused(t, err, "invalid_request")
		if active(t, h, "bank", a.Values.Get("response")) {
			t.Error("an answer passes for an access token")
		}
	})
}

// The server of a resource learns that a token is worth nothing when the client
// that got it was ended, its time is over, or its purpose was taken back: nobody
// else tells it.
func TestTokenOfAClientThatWasEnded(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, h *House){
		"retired": func(t *testing.T, h *House) {
			ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RetireTx(t.Context(), tx, audit.System("test"), "bank") }))
		},
		"over": func(t *testing.T, h *House) {
			change(t, h, "bank", func(c *partner.Client) { c.ValidUntil = h.Clock.Now() })
		},
		"without its purpose": func(t *testing.T, h *House) {
			change(t, h, "bank", func(c *partner.Client) { c.Purposes = nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			messages(t, func(t *testing.T, h *House) {
				_, s := h.SignInLan(t, true)
				bank := h.Client(t, "bank")
				v := Request("openid purpose:statements email offline_access")
				v["resource"] = []string{bankAPI}
				code := h.Agree(t, s, h.Push(t, bank, v)).Values.Get("code")
				tok, err := h.Provider.Redeem(t.Context(), bank, provider.Binding{}, code, BankRedirect, Verifier)
				ok(t, err)
				if !active(t, h, "clinic", tok.AccessToken) {
					t.Fatal("the API's server does not learn what the token is worth")
				}
				end(t, h)
				if active(t, h, "clinic", tok.AccessToken) {
					t.Error("the token is still worth something")
				}
				if name == "without its purpose" && (active(t, h, "bank", tok.AccessToken) || active(t, h, "bank", tok.RefreshToken)) {
					t.Error("the client is told that they are")
				}
			})
		})
	}
}

// Whoever comes to sign out from a service whose approval ended since is asked
// and can, and is led nowhere.
func TestSignOutFromAClientThatWasEnded(t *testing.T) {
	messages(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		tok := h.Tokens(t, s, "openid profile")
		v := url.Values{"id_token_hint": {tok.IDToken}, "post_logout_redirect_uri": {h.Client(t, "bank").PostLogoutURIs[0]}}
		out, err := h.Provider.EndSession(t.Context(), v, &s)
		ok(t, err)
		if out.Confirm || out.Return == "" {
			t.Fatalf("%+v", out)
		}
		change(t, h, "bank", func(c *partner.Client) { c.ValidUntil = h.Clock.Now() })
		out, err = h.Provider.EndSession(t.Context(), v, &s)
		if err != nil || !out.Confirm || out.Return != "" || out.Client != nil {
			t.Errorf("%+v %v", out, err)
		}
		// A name alone, which anybody can write, is an unknown client's.
		if _, err := h.Provider.EndSession(t.Context(), url.Values{"client_id": {"nobody"}}, &s); err == nil {
			t.Error("an unknown client is known")
		}
	})
}

func TestResources(t *testing.T) {
	messages(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		bank := h.Client(t, "bank")
		v := Request("openid profile offline_access")
		v["resource"] = []string{bankAPI, otherAPI}
		code := h.Agree(t, s, h.Push(t, bank, v)).Values.Get("code")
		tok, err := h.Provider.Redeem(t.Context(), bank, provider.Binding{}, code, BankRedirect, Verifier, provider.Narrow{Resources: []string{bankAPI}})
		ok(t, err)
		if aud := claimsOf(t, tok.AccessToken)["aud"]; aud != bankAPI {
			t.Errorf("aud %v", aud)
		}
		// The API's own server learns what the token is worth; somebody else does not.
		a, err := h.Provider.Introspect(t.Context(), h.Client(t, "clinic"), tok.AccessToken)
		ok(t, err)
		if !a.Active || a.Client != "bank" || a.Subject == "" || len(a.Audience) != 1 || a.Audience[0] != bankAPI {
			t.Errorf("the API's server learns %+v", a)
		}
		if !active(t, h, "bank", tok.AccessToken) || active(t, h, "shop", tok.AccessToken) {
			t.Error("who may ask about the token is wrong")
		}
		// A token for the API opens nothing here, so the API cannot read her data with it.
		_, err = h.Provider.UserInfo(t.Context(), provider.Access{Token: tok.AccessToken})
		refused(t, err, "invalid_token")
		next, err := h.Provider.Refresh(t.Context(), bank, provider.Binding{}, tok.RefreshToken, "", provider.Narrow{Resources: []string{otherAPI}})
		ok(t, err)
		if aud := claimsOf(t, next.AccessToken)["aud"]; aud != otherAPI {
			t.Errorf("aud %v", aud)
		}
		if active(t, h, "clinic", next.AccessToken) {
			t.Error("a server learns of a token for another resource")
		}
		// Wider than granted: refused, and the refresh token still works.
		_, err = h.Provider.Refresh(t.Context(), bank, provider.Binding{}, next.RefreshToken, "", provider.Narrow{Resources: []string{issuer}})
		refused(t, err, "invalid_target")
		next, err = h.Provider.Refresh(t.Context(), bank, provider.Binding{}, next.RefreshToken, "")
		ok(t, err)
		if aud, _ := claimsOf(t, next.AccessToken)["aud"].([]any); len(aud) != 2 {
			t.Errorf("aud %v", aud)
		}
		// Without the parameter a token is for this server.
		plain := h.Tokens(t, s, "openid profile")
		if aud := claimsOf(t, plain.AccessToken)["aud"]; aud != issuer {
			t.Errorf("aud %v", aud)
		}
		if active(t, h, "clinic", plain.AccessToken) {
			t.Error("the API's server learns of a token that is not for it")
		}
	})
}

// A token without a key that is for this server and an API would open /userinfo in
// the API's hands. For this server alone it opens it, and the API does not get that one.
func TestBearerTokenForTwoServersOpensNothingHere(t *testing.T) {
	messages(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		bank := h.Client(t, "bank")
		v := Request("openid profile offline_access")
		v["resource"] = []string{bankAPI, issuer}
		code := h.Agree(t, s, h.Push(t, bank, v)).Values.Get("code")
		both, err := h.Provider.Redeem(t.Context(), bank, provider.Binding{}, code, BankRedirect, Verifier)
		ok(t, err)
		if aud, _ := claimsOf(t, both.AccessToken)["aud"].([]any); len(aud) != 2 {
			t.Fatalf("aud %v", aud)
		}
		_, err = h.Provider.UserInfo(t.Context(), provider.Access{Token: both.AccessToken})
		refused(t, err, "invalid_token")
		alone, err := h.Provider.Refresh(t.Context(), bank, provider.Binding{}, both.RefreshToken, "", provider.Narrow{Resources: []string{issuer}})
		ok(t, err)
		if _, err := h.Provider.UserInfo(t.Context(), provider.Access{Token: alone.AccessToken}); err != nil {
			t.Errorf("for this server alone: %v", err)
		}
	})
}

func TestResourceThatIsNotApproved(t *testing.T) {
	messages(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		for _, c := range []struct {
			client   partner.ID
			resource string
		}{{"bank", "https://evil.example/"}, {"bank", strings.TrimSuffix(bankAPI, "/")}, {"bank", ""}, {"bank", bankAPI + "#x"}, {"shop", bankAPI}, {"clinic", bankAPI}} {
			v := Request("openid")
			if c.client == "shop" {
				v.Set("redirect_uri", ShopRedirect)
			} else if c.client == "clinic" {
				v.Set("redirect_uri", ClinicRedirect)
			}
			v.Set("client_id", string(c.client))
			v["resource"] = []string{c.resource}
			_, err := h.Provider.Push(t.Context(), h.Client(t, c.client), provider.Binding{}, v)
			refused(t, err, "invalid_target")
		}
		_, err := h.Provider.Redeem(t.Context(), h.Client(t, "bank"), provider.Binding{}, h.Code(t, s, "openid"), BankRedirect, Verifier, provider.Narrow{Resources: []string{bankAPI}})
		refused(t, err, "invalid_target") // approved for the client, never asked of her
	})
}
