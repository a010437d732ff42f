// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/account"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/keys"
	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
)

// A sender is a client whose tokens are bound to its keys. These are the ways
// of whoever has stolen something of it, and of itself with the wrong thing.

// code brings the sender a code.
func code(t *testing.T, h *House, s account.Session, f *Sender, scope string) string {
	t.Helper()
	c := f.Caller(t, provider.PushPath)
	p, err := h.Provider.Push(t.Context(), c.Client, c.Binding, f.Request(scope))
	ok(t, err)
	got := h.Agree(t, s, p.RequestURI[len("urn:ietf:params:oauth:request_uri:"):]).Values.Get("code")
	if got == "" {
		t.Fatal("no code")
	}
	return got
}

func redeem(t *testing.T, h *House, by provider.Caller, code string) (provider.Tokens, error) {
	t.Helper()
	return h.Provider.Redeem(t.Context(), by.Client, by.Binding, code, SenderRedirect, Verifier)
}

// tokens brings the sender tokens.
func tokens(t *testing.T, h *House, s account.Session, f *Sender, scope string) provider.Tokens {
	t.Helper()
	tok, err := redeem(t, h, f.Caller(t, provider.TokenPath), code(t, h, s, f, scope))
	ok(t, err)
	return tok
}

func boundOf(t *testing.T, token string) (out struct {
	Bound provider.Binding `json:"cnf"`
	Type  string
}) {
	t.Helper()
	o, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	ok(t, err)
	ok(t, json.Unmarshal(o.UnsafePayloadWithoutVerification(), &out))
	return out
}

func TestTokensAreBoundToTheSender(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		f := h.Sends(t, "credit")
		tok := tokens(t, h, s, f, "openid profile offline_access")
		if tok.TokenType != "DPoP" || boundOf(t, tok.AccessToken).Bound.JKT == "" {
			t.Fatalf("token of type %s, cnf %+v", tok.TokenType, boundOf(t, tok.AccessToken).Bound)
		}
		_, err := h.Provider.UserInfo(t.Context(), f.Access(t, tok.AccessToken))
		ok(t, err)
		a, err := h.Provider.Introspect(t.Context(), h.Client(t, "credit"), tok.AccessToken)
		ok(t, err)
		if !a.Active || a.Type != "DPoP" || a.Bound == nil || a.Bound.JKT != boundOf(t, tok.AccessToken).Bound.JKT {
			t.Errorf("introspection says %+v", a)
		}
		// The refresh token is bound to the client, which may change its key with it.
		old := f.DPoP
		f.DPoP = NewKey(t)
		c := f.Caller(t, provider.TokenPath)
		next, err := h.Provider.Refresh(t.Context(), c.Client, c.Binding, tok.RefreshToken, "")
		ok(t, err)
		_, err = h.Provider.UserInfo(t.Context(), f.Access(t, next.AccessToken))
		ok(t, err)
		f.DPoP = old
		_, err = h.Provider.UserInfo(t.Context(), f.Access(t, next.AccessToken))
		refused(t, err, "invalid_token")
	})
}

func TestTokenStolenWithoutItsKey(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		f := h.Sends(t, "credit")
		thief := h.Sends(t, "thief")
		tok := tokens(t, h, s, f, "openid profile").AccessToken
		at := h.Issuer + provider.UserInfoPath
		for name, c := range map[string]struct {
			a    provider.Access
			code string
		}{
			"as a bearer token":            {provider.Access{Token: tok, Method: "GET", Endpoint: at}, "invalid_token"},
			"as a bearer token with proof": {provider.Access{Token: tok, Method: "GET", Endpoint: at, Proof: f.Prove(t, "GET", at, tok)}, "invalid_token"},
			"without a proof":              {provider.Access{Token: tok, DPoP: true, Method: "GET", Endpoint: at}, "invalid_dpop_proof"},
			"with another's key":           {thief.Access(t, tok), "invalid_token"},
			"proof for another method":     {provider.Access{Token: tok, DPoP: true, Method: "GET", Endpoint: at, Proof: f.Prove(t, "POST", at, tok)}, "invalid_dpop_proof"},
			"proof for another address":    {provider.Access{Token: tok, DPoP: true, Method: "GET", Endpoint: at, Proof: f.Prove(t, "GET", h.Issuer+"/token", tok)}, "invalid_dpop_proof"},
			"proof for another token":      {provider.Access{Token: tok, DPoP: true, Method: "GET", Endpoint: at, Proof: f.Prove(t, "GET", at, tok+"x")}, "invalid_dpop_proof"},
			"proof for no token":           {provider.Access{Token: tok, DPoP: true, Method: "GET", Endpoint: at, Proof: f.Prove(t, "GET", at, "")}, "invalid_dpop_proof"},
			"proof without our nonce":      {f.Access(t, tok, func(p *Proof) { delete(p.Claims, "nonce") }), "use_dpop_nonce"},
			"proof with a made-up nonce":   {f.Access(t, tok, func(p *Proof) { p.Claims["nonce"] = "made-up" }), "use_dpop_nonce"},
			"proof of an hour ago":         {f.Access(t, tok, func(p *Proof) { p.Claims["iat"] = h.Clock.Now().Add(-time.Hour).Unix() }), "invalid_dpop_proof"},
		} {
			_, err := h.Provider.UserInfo(t.Context(), c.a)
			if e, _ := err.(*provider.Error); e == nil || e.Code != c.code {
				t.Errorf("%s: %v, want %s", name, err, c.code)
			}
		}
		_, err := h.Provider.UserInfo(t.Context(), f.Access(t, tok)) // the owner is not harmed
		ok(t, err)
	})
}

// A proof made in advance, while somebody else held the key for a moment, is
// worth nothing once its nonce is old.
func TestProofMadeInAdvance(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		f := h.Sends(t, "credit")
		tok := tokens(t, h, s, f, "openid").AccessToken
		later := h.Clock.Now().Add(8 * time.Minute)
		kept := f.Access(t, tok, func(p *Proof) { p.Claims["iat"] = later.Unix() })
		h.Clock.Advance(8 * time.Minute)
		_, err := h.Provider.UserInfo(t.Context(), kept)
		refused(t, err, "use_dpop_nonce")
	})
}

func TestProofReplayedInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		f := h.Sends(t, "credit")
		a := f.Access(t, tokens(t, h, s, f, "openid profile").AccessToken)
		won, errs := storm(func() ([]byte, error) { return h.Provider.UserInfo(context.Background(), a) })
		if len(won) != 1 {
			t.Fatalf("%d of %d used one proof", len(won), parallel)
		}
		for _, err := range errs {
			refused(t, err, "invalid_dpop_proof")
		}
		// And at the endpoints where the client proves itself.
		proof := f.Prove(t, "POST", h.Issuer+provider.TokenPath, "")
		var creds []provider.Credentials
		for range 2 {
			c := f.Credentials(t, provider.TokenPath)
			c.Proof = proof
			creds = append(creds, c)
		}
		_, err := h.Provider.Authenticate(t.Context(), creds[0])
		ok(t, err)
		_, err = h.Provider.Authenticate(t.Context(), creds[1])
		refused(t, err, "invalid_dpop_proof")
	})
}

func TestAssertionReplayedInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		f := h.Sends(t, "credit")
		c := f.Credentials(t, provider.TokenPath)
		c.Proof = ""
		won, errs := storm(func() (provider.Caller, error) { return h.Provider.Authenticate(context.Background(), c) })
		if len(won) != 1 {
			t.Fatalf("%d of %d used one assertion", len(won), parallel)
		}
		for _, err := range errs {
			refused(t, err, "invalid_client")
		}
	})
}

// FAPI 2.0 Security Profile, section 5.3.2.1: the issuer, as a text, is the only
// audience of an assertion.
func TestAssertionForAnotherServer(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		f := h.Sends(t, "credit")
		for name, aud := range map[string]any{
			"another server": "https://other.example", "the token endpoint": h.Issuer + provider.TokenPath, "the endpoint that is called": h.Issuer + provider.PushPath,
			"a list": []string{h.Issuer}, "a list of two": []string{h.Issuer, "https://other.example"}, "nobody": "", "with a slash": h.Issuer + "/", "none": nil,
		} {
			c := f.Credentials(t, provider.PushPath)
			c.Assertion = f.Assertion(t, func(claims map[string]any, _ *jose.SigningKey) { claims["aud"] = aud })
			_, err := h.Provider.Authenticate(t.Context(), c)
			if e, _ := err.(*provider.Error); e == nil || e.Code != "invalid_client" {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, change := range map[string]func(map[string]any, *jose.SigningKey){
			"of another issuer": func(c map[string]any, _ *jose.SigningKey) { c["iss"] = "bank" },
			"about another":     func(c map[string]any, _ *jose.SigningKey) { c["sub"] = "bank" },
			"without jti":       func(c map[string]any, _ *jose.SigningKey) { delete(c, "jti") },
			"over":              func(c map[string]any, _ *jose.SigningKey) { c["exp"] = h.Clock.Now().Add(-time.Minute).Unix() },
			"for a day":         func(c map[string]any, _ *jose.SigningKey) { c["exp"] = h.Clock.Now().Add(24 * time.Hour).Unix() },
			"from the future":   func(c map[string]any, _ *jose.SigningKey) { c["iat"] = h.Clock.Now().Add(2 * time.Minute).Unix() },
			"not yet":           func(c map[string]any, _ *jose.SigningKey) { c["nbf"] = h.Clock.Now().Add(2 * time.Minute).Unix() },
			"by a foreign key":  func(_ map[string]any, k *jose.SigningKey) { k.Key = jose.JSONWebKey{Key: NewKey(t), KeyID: "k1"} },
			"by its DPoP key":   func(_ map[string]any, k *jose.SigningKey) { k.Key = jose.JSONWebKey{Key: f.DPoP, KeyID: "k1"} },
			"by a shared secret": func(_ map[string]any, k *jose.SigningKey) {
				*k = jose.SigningKey{Algorithm: jose.HS256, Key: make([]byte, 32)}
			},
		} {
			c := f.Credentials(t, provider.PushPath)
			c.Assertion = f.Assertion(t, change)
			_, err := h.Provider.Authenticate(t.Context(), c)
			if e, _ := err.(*provider.Error); e == nil || e.Code != "invalid_client" {
				t.Errorf("%s: %v", name, err)
			}
		}
		// Ten seconds of another clock are not held against it.
		c := f.Credentials(t, provider.PushPath)
		c.Assertion = f.Assertion(t, func(c map[string]any, _ *jose.SigningKey) { c["iat"] = h.Clock.Now().Add(10 * time.Second).Unix() })
		_, err := h.Provider.Authenticate(t.Context(), c)
		ok(t, err)
	})
}

// Clients of the plain profile may name the endpoint, and no more than older
// libraries do: what was made for somebody else is refused, and so is what is
// too large to be looked into or signed by an algorithm that nobody agreed on.
func TestAssertionOfAPlainClient(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		call := func(text string) error {
			_, err := h.Provider.Authenticate(t.Context(), provider.Credentials{ID: "clinic", AssertionType: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", Assertion: text, Method: "POST", Endpoint: h.Issuer + provider.PushPath})
			return err
		}
		for _, aud := range []any{h.Issuer, h.Issuer + provider.TokenPath, []string{h.Issuer, h.Issuer + provider.PushPath}} {
			ok(t, call(h.Assertion(t, func(c map[string]any, _ *jose.SigningKey) { c["aud"] = aud })))
		}
		h.Meets(t, provider.MTLS{Origin: "https://mtls.id.example"})
		for _, aud := range []string{"https://mtls.id.example" + provider.TokenPath, "https://mtls.id.example" + provider.PushPath} {
			ok(t, call(h.Assertion(t, func(c map[string]any, _ *jose.SigningKey) { c["aud"] = aud })))
		}
		rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
		ok(t, err)
		c := h.Client(t, "clinic")
		c.JWKS.Keys = append(slices.Clone(c.JWKS.Keys), jose.JSONWebKey{Key: &rsaKey.PublicKey, KeyID: "rsa", Use: "sig"})
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
			return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), c)
		}))
		ok(t, call(h.Assertion(t, func(_ map[string]any, k *jose.SigningKey) {
			*k = jose.SigningKey{Algorithm: jose.PS256, Key: jose.JSONWebKey{Key: rsaKey, KeyID: "rsa"}}
		})))
		for name, change := range map[string]func(map[string]any, *jose.SigningKey){
			"another server":           func(c map[string]any, _ *jose.SigningKey) { c["aud"] = "https://other.example" },
			"another server beside us": func(c map[string]any, _ *jose.SigningKey) { c["aud"] = []string{h.Issuer, "https://other.example"} },
			"another endpoint":         func(c map[string]any, _ *jose.SigningKey) { c["aud"] = h.Issuer + provider.RevokePath },
			"another one over TLS":     func(c map[string]any, _ *jose.SigningKey) { c["aud"] = "https://mtls.id.example" + provider.RevokePath },
			"nobody":                   func(c map[string]any, _ *jose.SigningKey) { delete(c, "aud") },
			"too large":                func(c map[string]any, _ *jose.SigningKey) { c["more"] = strings.Repeat("m", 8<<10) },
			"RS256": func(_ map[string]any, k *jose.SigningKey) {
				*k = jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: rsaKey, KeyID: "rsa"}}
			},
		} {
			if e, _ := call(h.Assertion(t, change)).(*provider.Error); e == nil || e.Code != provider.InvalidClient {
				t.Errorf("%s: %v", name, e)
			}
		}
	})
}

// A client assertion is believed by the registered keys alone: not by one that it
// brings or points at in its header, not by the public key taken for a shared
// secret, and not by nobody's signature.
func TestAssertionAlgorithmConfusionAndKeyInjection(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		f, evil := h.Sends(t, "credit"), NewKey(t)
		public := jose.JSONWebKey{Key: &f.Key.PublicKey, KeyID: "k1"}
		der, err := x509.MarshalPKIXPublicKey(&f.Key.PublicKey)
		ok(t, err)
		jwk, err := public.MarshalJSON()
		ok(t, err)
		injected, err := jose.JSONWebKey{Key: &evil.PublicKey, KeyID: "k1"}.MarshalJSON()
		ok(t, err)
		cert := Certify(t, nil, pkix.Name{CommonName: "credit"}, h.Clock.Now())
		by := func(key *ecdsa.PrivateKey) func([]byte) []byte {
			return func(in []byte) []byte {
				sum := sha256.Sum256(in)
				r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
				ok(t, err)
				return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
			}
		}
		shared := func(secret []byte) func([]byte) []byte {
			return func(in []byte) []byte {
				m := hmac.New(sha256.New, secret)
				m.Write(in)
				return m.Sum(nil)
			}
		}
		nobody := func([]byte) []byte { return nil }
		for name, c := range map[string]struct {
			header map[string]any
			sign   func([]byte) []byte
		}{
			"jwk":                {map[string]any{"alg": "ES256", "jwk": json.RawMessage(injected)}, by(evil)},
			"jwk, with her kid":  {map[string]any{"alg": "ES256", "kid": "k1", "jwk": json.RawMessage(injected)}, by(evil)},
			"jku":                {map[string]any{"alg": "ES256", "kid": "k1", "jku": "https://evil.example/jwks"}, by(evil)},
			"x5u":                {map[string]any{"alg": "ES256", "x5u": "https://evil.example/cert"}, by(evil)},
			"x5c":                {map[string]any{"alg": "ES256", "x5c": []string{base64.StdEncoding.EncodeToString(cert.Leaf.Raw)}}, by(cert.PrivateKey.(*ecdsa.PrivateKey))},
			"DER as the secret":  {map[string]any{"alg": "HS256", "kid": "k1"}, shared(der)},
			"PEM as the secret":  {map[string]any{"alg": "HS256", "kid": "k1"}, shared(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))},
			"JWK as the secret":  {map[string]any{"alg": "HS256", "kid": "k1"}, shared(jwk)},
			"none":               {map[string]any{"alg": "none"}, nobody},
			"None":               {map[string]any{"alg": "None", "kid": "k1"}, nobody},
			"no signature":       {map[string]any{"alg": "ES256", "kid": "k1"}, nobody},
			"critical extension": {map[string]any{"alg": "ES256", "kid": "k1", "crit": []string{"b64"}, "b64": true}, by(f.Key)},
		} {
			head, err := json.Marshal(c.header)
			ok(t, err)
			good := f.Credentials(t, provider.TokenPath)
			in := base64.RawURLEncoding.EncodeToString(head) + "." + strings.Split(good.Assertion, ".")[1]
			bad := good
			bad.Assertion = in + "." + base64.RawURLEncoding.EncodeToString(c.sign([]byte(in)))
			if _, err := h.Provider.Authenticate(t.Context(), bad); err == nil || err.(*provider.Error).Code != provider.InvalidClient {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := h.Provider.Authenticate(t.Context(), good); err != nil {
				t.Errorf("the same by the registered key: %v", err)
			}
		}
	})
}

func TestCodeBoundToAKeyRedeemedWithAnother(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		f := h.Sends(t, "credit")
		got := code(t, h, s, f, "openid") // its request was pushed with a proof
		mine := f.DPoP
		f.DPoP = NewKey(t)
		_, err := redeem(t, h, f.Caller(t, provider.TokenPath), got)
		refused(t, err, "invalid_grant")
		f.DPoP = mine
		_, err = redeem(t, h, f.Caller(t, provider.TokenPath), got)
		refused(t, err, "invalid_grant") // a code has one try

		// The same by the parameter, from a client that pushes without a proof.
		v := url.Values(f.Request("openid"))
		jkt := f.Caller(t, provider.TokenPath).Binding.JKT
		v.Set("dpop_jkt", jkt)
		c := h.Client(t, "credit")
		p, err := h.Provider.Push(t.Context(), c, Unbound, v)
		ok(t, err)
		got = h.Agree(t, s, p.RequestURI[len("urn:ietf:params:oauth:request_uri:"):]).Values.Get("code")
		f.DPoP = NewKey(t)
		_, err = redeem(t, h, f.Caller(t, provider.TokenPath), got)
		refused(t, err, "invalid_grant")

		// Parameter and proof must agree.
		other := f.Caller(t, provider.PushPath)
		_, err = h.Provider.Push(t.Context(), other.Client, other.Binding, v)
		refused(t, err, "invalid_dpop_proof")
		v.Set("dpop_jkt", "short")
		_, err = h.Provider.Push(t.Context(), c, Unbound, v)
		refused(t, err, "invalid_request")
	})
}

// One server, two addresses (RFC 8705, section 5): a proof may name either.
func TestProofsAtTheAddressForCertificates(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		h.Meets(t, provider.MTLS{Origin: "https://mtls.id.example"})
		var meta struct {
			Token   string            `json:"token_endpoint"`
			Aliases map[string]string `json:"mtls_endpoint_aliases"`
		}
		ok(t, json.Unmarshal(h.Provider.Metadata(), &meta))
		for name, path := range map[string]string{"token_endpoint": provider.TokenPath, "pushed_authorization_request_endpoint": provider.PushPath,
			"userinfo_endpoint": provider.UserInfoPath, "introspection_endpoint": provider.IntrospectPath, "revocation_endpoint": provider.RevokePath} {
			if meta.Aliases[name] != "https://mtls.id.example"+path {
				t.Errorf("%s is at %q", name, meta.Aliases[name])
			}
		}
		if meta.Token != h.Issuer+provider.TokenPath || meta.Aliases["authorization_endpoint"] != "" || meta.Aliases["jwks_uri"] != "" {
			t.Errorf("described as %+v", meta)
		}
		f := h.Sends(t, "credit")
		for at, code := range map[string]string{"https://mtls.id.example/token": "", "https://mtls.id.example/par": "invalid_dpop_proof", "https://other.example/token": "invalid_dpop_proof"} {
			c := f.Credentials(t, provider.TokenPath)
			c.Proof = f.Prove(t, "POST", at, "")
			_, err := h.Provider.Authenticate(t.Context(), c)
			if code == "" {
				ok(t, err)
			} else {
				refused(t, err, code)
			}
		}
	})
}

// A client that promised bound tokens gets no others.
func TestDowngradeToBearer(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		f := h.Sends(t, "credit")
		got := code(t, h, s, f, "openid offline_access")
		c := f.Credentials(t, provider.TokenPath)
		c.Proof = ""
		bare, err := h.Provider.Authenticate(t.Context(), c)
		ok(t, err)
		_, err = redeem(t, h, bare, got)
		refused(t, err, "invalid_dpop_proof")
		tok, err := redeem(t, h, f.Caller(t, provider.TokenPath), got) // nothing was used up
		ok(t, err)
		_, err = h.Provider.Refresh(t.Context(), bare.Client, bare.Binding, tok.RefreshToken, "")
		refused(t, err, "invalid_dpop_proof")

		// Bearer tokens from before a client's promise are over with it.
		plain := h.Sends(t, "later", func(_ *Sender, c *partner.Client) { c.Profile, c.Settings.DPoPBound = partner.OIDC, false })
		c = plain.Credentials(t, provider.TokenPath)
		c.Proof = ""
		by, err := h.Provider.Authenticate(t.Context(), c)
		ok(t, err)
		old, err := redeem(t, h, by, code(t, h, s, plain, "openid profile"))
		if err == nil {
			t.Fatal("the push was bound to a key, and the code was redeemed without it")
		}
		p, err := h.Provider.Push(t.Context(), by.Client, Unbound, plain.Request("openid profile"))
		ok(t, err)
		old, err = redeem(t, h, by, h.Agree(t, s, p.RequestURI[len("urn:ietf:params:oauth:request_uri:"):]).Values.Get("code"))
		ok(t, err)
		_, err = h.Provider.UserInfo(t.Context(), Token(old.AccessToken))
		ok(t, err)
		_, err = h.Provider.UserInfo(t.Context(), plain.Access(t, old.AccessToken))
		refused(t, err, "invalid_token") // not bound: the scheme DPoP is not for it
		h.Sends(t, "later")
		_, err = h.Provider.UserInfo(t.Context(), Token(old.AccessToken))
		refused(t, err, "invalid_token")
	})
}

// FAPI 2.0 Security Profile, section 5.3.2.2: only pushed requests, and nothing
// beside their name.
func TestRequestThatWasNotPushed(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		f := h.Sends(t, "credit")
		_, out, err := h.Provider.Begin(t.Context(), f.Request("openid"), Browser)
		ok(t, err)
		if out == nil || out.Values.Get("error") != "invalid_request" || out.Values.Get("code") != "" || out.Values.Get("iss") != h.Issuer {
			t.Fatalf("a request in the address was answered %+v", out)
		}
		c := f.Caller(t, provider.PushPath)
		push := func() string {
			p, err := h.Provider.Push(t.Context(), c.Client, c.Binding, f.Request("openid"))
			ok(t, err)
			return p.RequestURI
		}
		uri := push()
		// What stands beside the name was never authenticated, and is not read.
		smuggled := url.Values{"client_id": {"credit"}, "request_uri": {uri}, "scope": {"openid profile number"}, "redirect_uri": {"https://evil.example/cb"}, "state": {"evil"}, "nonce": {"evil"},
			"claims": {`{"userinfo":{"email":{"essential":true}}}`}, "response_mode": {"form_post"}, "code_challenge": {strings.Repeat("A", 43)}, "prompt": {"none"}, "acr_values": {"urn:danh:acr:l2:a3"}, "dpop_jkt": {"x"}}
		handle, out, err := h.Provider.Begin(t.Context(), smuggled, Browser)
		ok(t, err)
		if out != nil {
			t.Fatalf("answered %+v", out)
		}
		v := provider.Visit{Handle: handle, Browser: Browser, Session: &s}
		q, err := h.Provider.Ask(t.Context(), v)
		ok(t, err)
		if len(q.Lines) != 0 {
			t.Errorf("she is asked for %+v", q.Lines)
		}
		a := h.Agree(t, s, handle)
		if a.RedirectURI != SenderRedirect || a.FormPost || a.Values.Get("state") != f.Request("openid")["state"][0] {
			t.Errorf("the answer is %+v", a)
		}
		tok, err := redeem(t, h, f.Caller(t, provider.TokenPath), a.Values.Get("code"))
		ok(t, err)
		if tok.Scope != "openid" || strings.Contains(payload(t, tok.IDToken), "evil") {
			t.Errorf("%+v", tok)
		}
		uri = push()
		h.Sends(t, "other")
		_, _, err = h.Provider.Begin(t.Context(), url.Values{"client_id": {"other"}, "request_uri": {uri}}, Browser)
		wrong(t, err, "provider.stale")
		handle, _, err = h.Provider.Begin(t.Context(), url.Values{"client_id": {"credit"}, "request_uri": {uri}}, Browser)
		ok(t, err)
		first := h.Agree(t, s, handle)
		if first.Values.Get("code") == "" {
			t.Fatal("no code")
		}
		again, _, err := h.Provider.Begin(t.Context(), url.Values{"client_id": {"credit"}, "request_uri": {uri}}, Browser)
		if err == nil {
			_, err = h.Provider.Continue(t.Context(), provider.Visit{Handle: again, Browser: Browser, Session: &s})
		}
		wrong(t, err, "provider.stale") // a name works once
		uri = push()
		h.Clock.Advance(2 * time.Minute)
		late, _, err := h.Provider.Begin(t.Context(), url.Values{"client_id": {"credit"}, "request_uri": {uri}}, Browser)
		if err == nil {
			_, err = h.Provider.Continue(t.Context(), provider.Visit{Handle: late, Browser: Browser, Session: &s})
		}
		wrong(t, err, "provider.stale")
	})
}

// A code in the hands of another client, or redeemed where another server's
// answer was expected (mix-up), is worth nothing; every answer names its issuer.
func TestMixUp(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		f, evil := h.Sends(t, "credit"), h.Sends(t, "evil")
		c := f.Caller(t, provider.PushPath)
		p, err := h.Provider.Push(t.Context(), c.Client, c.Binding, f.Request("openid"))
		ok(t, err)
		a := h.Agree(t, s, p.RequestURI[len("urn:ietf:params:oauth:request_uri:"):])
		if a.Values.Get("iss") != h.Issuer {
			t.Fatal("the answer does not say whose it is")
		}
		_, err = redeem(t, h, evil.Caller(t, provider.TokenPath), a.Values.Get("code"))
		refused(t, err, "invalid_grant")
		tok, err := redeem(t, h, f.Caller(t, provider.TokenPath), a.Values.Get("code"))
		ok(t, err)
		// An attacker's server cannot use here what a client sent to it.
		c2 := f.Credentials(t, provider.TokenPath)
		c2.Assertion = f.Assertion(t, func(claims map[string]any, _ *jose.SigningKey) { claims["aud"] = "https://attacker.example" })
		_, err = h.Provider.Authenticate(t.Context(), c2)
		refused(t, err, "invalid_client")
		theirs := f.Prove(t, "GET", "https://attacker.example/userinfo", tok.AccessToken)
		_, err = h.Provider.UserInfo(t.Context(), provider.Access{Token: tok.AccessToken, DPoP: true, Method: "GET", Endpoint: h.Issuer + provider.UserInfoPath, Proof: theirs})
		refused(t, err, "invalid_dpop_proof")
	})
}

func TestCertificateSwapped(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		f := h.Sends(t, "credit", SelfSigned(t))
		thief := h.Sends(t, "thief", SelfSigned(t))
		tok := tokens(t, h, s, f, "openid profile offline_access")
		if tok.TokenType != "Bearer" || boundOf(t, tok.AccessToken).Bound.X5T == "" {
			t.Fatalf("token of type %s, cnf %+v", tok.TokenType, boundOf(t, tok.AccessToken).Bound)
		}
		_, err := h.Provider.UserInfo(t.Context(), f.Access(t, tok.AccessToken))
		ok(t, err)
		_, err = h.Provider.UserInfo(t.Context(), thief.Access(t, tok.AccessToken))
		refused(t, err, "invalid_token")
		_, err = h.Provider.UserInfo(t.Context(), Token(tok.AccessToken)) // no certificate at all
		refused(t, err, "invalid_token")

		for name, cert := range map[string]*x509.Certificate{
			"another client's": thief.TLS.Leaf,
			"of the same name": Certify(t, nil, pkix.Name{CommonName: "credit"}, h.Clock.Now()).Leaf,
			"none":             nil,
		} {
			c := f.Credentials(t, provider.TokenPath)
			c.Certificate = cert
			_, err := h.Provider.Authenticate(t.Context(), c)
			if e, _ := err.(*provider.Error); e == nil || e.Code != "invalid_client" {
				t.Errorf("certificate %s: %v", name, err)
			}
		}

		// Between the push and the token: the code stays with the certificate that
		// asked for it, even when the client has a second one.
		got := code(t, h, s, f, "openid")
		second := Certify(t, nil, pkix.Name{CommonName: "credit"}, h.Clock.Now())
		c := h.Client(t, "credit")
		c.JWKS.Keys = append(c.JWKS.Keys, jose.JSONWebKey{Key: second.Leaf.PublicKey, KeyID: "t2", Certificates: []*x509.Certificate{second.Leaf}})
		h.Sends(t, "credit", func(_ *Sender, n *partner.Client) { *n = c })
		f.TLS = second
		by := f.Caller(t, provider.TokenPath)
		_, err = redeem(t, h, by, got)
		refused(t, err, "invalid_grant")

		early := h.Sends(t, "early", func(f *Sender, c *partner.Client) {
			f.TLS = Certify(t, nil, pkix.Name{CommonName: "early"}, h.Clock.Now(), func(c *x509.Certificate) { c.NotBefore = h.Clock.Now().Add(time.Hour) })
			c.AuthMethod, c.Settings = partner.SelfSignedTLS, partner.Settings{TLSBound: true}
			c.JWKS = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: f.TLS.Leaf.PublicKey, Certificates: []*x509.Certificate{f.TLS.Leaf}}}}
		})
		_, err = h.Provider.Authenticate(t.Context(), early.Credentials(t, provider.TokenPath))
		refused(t, err, "invalid_client") // and they begin

		h.Clock.Advance(48 * time.Hour)
		_, err = h.Provider.Authenticate(t.Context(), f.Credentials(t, provider.TokenPath))
		refused(t, err, "invalid_client") // certificates end
	})
}

func TestCertificateOfAnotherAuthority(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		now := h.Clock.Now()
		ours, theirs := Authority(t, "State Bank CA", now), Authority(t, "State Bank CA", now)
		between := Certify(t, ours, pkix.Name{CommonName: "Between"}, now, func(c *x509.Certificate) {
			c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
		})
		roots := x509.NewCertPool()
		roots.AddCert(ours.Leaf)
		h.Meets(t, provider.MTLS{Origin: "https://mtls.id.example", Roots: roots})
		name := pkix.Name{Country: []string{"VN"}, Organization: []string{"Ngân hàng, Sông Hậu"}, CommonName: "client-1"}
		good := Certify(t, ours, name, now, func(c *x509.Certificate) { c.DNSNames = []string{"api.credit.example"} })
		register := func(id partner.ID, s partner.Settings) *Sender {
			return h.Sends(t, id, func(f *Sender, c *partner.Client) {
				f.TLS, c.AuthMethod, c.JWKS.Keys = good, partner.TLSClient, nil
				s.TLSBound = true
				c.Settings = s
			})
		}
		byName := register("credit", partner.Settings{TLSSubjectDN: good.Leaf.Subject.String()})
		spaced := register("spaced", partner.Settings{TLSSubjectDN: `cn=client-1, o=Ngân hàng\, Sông Hậu, c=VN`})
		bySAN := register("insurer", partner.Settings{TLSSANDNS: "API.credit.example"})
		for _, f := range []*Sender{byName, spaced, bySAN} {
			_, err := h.Provider.Authenticate(t.Context(), f.Credentials(t, provider.TokenPath))
			if err != nil {
				t.Errorf("%s: %v", f.ID, err)
			}
		}
		deep := Certify(t, between, name, now)
		c := byName.Credentials(t, provider.TokenPath)
		c.Certificate, c.Chain = deep.Leaf, []*x509.Certificate{between.Leaf}
		_, err := h.Provider.Authenticate(t.Context(), c)
		ok(t, err)

		other := name
		other.CommonName = "client-2"
		for what, cert := range map[string]*tls.Certificate{
			"of an authority by the same name": Certify(t, theirs, name, now, func(c *x509.Certificate) { c.DNSNames = []string{"api.credit.example"} }),
			"that signs itself":                Certify(t, nil, name, now, func(c *x509.Certificate) { c.DNSNames = []string{"api.credit.example"} }),
			"by another name":                  Certify(t, ours, other, now),
			"for servers":                      Certify(t, ours, name, now, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }),
			"that is over":                     Certify(t, ours, name, now, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Minute) }),
			"that is not yet":                  Certify(t, ours, name, now, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Minute) }),
			"with what was sent after it":      deep, // its chain is not
		} {
			for _, f := range []*Sender{byName, bySAN} {
				c := f.Credentials(t, provider.TokenPath)
				c.Certificate, c.Chain = cert.Leaf, nil
				_, err := h.Provider.Authenticate(t.Context(), c)
				if e, _ := err.(*provider.Error); e == nil || e.Code != "invalid_client" {
					t.Errorf("certificate %s for %s: %v", what, f.ID, err)
				}
			}
		}
		// Without the operator's authorities nobody is vouched for.
		h.Meets(t, provider.MTLS{})
		_, err = h.Provider.Authenticate(t.Context(), byName.Credentials(t, provider.TokenPath))
		refused(t, err, "invalid_client")
	})
}

// Two credentials at once are none, and no credential stands in for another.
func TestCredentialsMixed(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		jwt, cert := h.Sends(t, "credit"), h.Sends(t, "insurer", SelfSigned(t))
		for name, c := range map[string]provider.Credentials{
			"assertion and secret":              {ID: "credit", Basic: true, Secret: Secret, AssertionType: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", Assertion: jwt.Assertion(t)},
			"certificate of a key client":       {ID: "credit", Certificate: cert.TLS.Leaf},
			"certificate of a secret client":    {ID: "bank", Certificate: cert.TLS.Leaf},
			"secret of a certificate client":    {ID: "insurer", Basic: true, Secret: Secret, Certificate: cert.TLS.Leaf},
			"certificate without a client":      {Certificate: cert.TLS.Leaf},
			"certificate of an unknown client":  {ID: "nobody", Certificate: cert.TLS.Leaf},
			"assertion of a certificate client": {ID: "insurer", AssertionType: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", Assertion: cert.Assertion(t)},
			"nothing":                           {ID: "credit"},
		} {
			c.Method, c.Endpoint = "POST", h.Issuer+provider.TokenPath
			_, err := h.Provider.Authenticate(t.Context(), c)
			if e, _ := err.(*provider.Error); e == nil || e.Code != "invalid_client" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Tokens for a request that she answered on her phone are bound like all others.
func TestDowngradeWithoutABrowser(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		h.Sends(t, "credit")
		h.Sends(t, "insurer", SelfSigned(t))
		for id, code := range map[partner.ID]string{"credit": "invalid_dpop_proof", "insurer": "invalid_request"} {
			err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
				_, err := h.Provider.GrantAfarTx(t.Context(), tx, h.Client(t, id), Unbound, s.Account, [16]byte{1}, "{}", "{}")
				return err
			})
			refused(t, err, code)
		}
	})
}

// The next key is in the published set before it signs, and what the former one
// signed is good for as long as it may live: whoever keeps the set for a day
// never meets a key that it does not know.
func TestKeysRotateWithOverlap(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		f := h.Sends(t, "credit")
		published := func() map[string]bool {
			b, err := h.Provider.JWKS()
			ok(t, err)
			var set jose.JSONWebKeySet
			ok(t, json.Unmarshal(b, &set))
			out := map[string]bool{}
			for _, k := range set.Keys {
				if !k.IsPublic() || k.Algorithm != "ES256" || k.Use != "sig" {
					t.Errorf("published as %s %s", k.Algorithm, k.Use)
				}
				out[k.KeyID] = true
			}
			return out
		}
		kid := func(token string) string {
			o, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
			ok(t, err)
			return o.Signatures[0].Protected.KeyID
		}
		first := tokens(t, h, s, f, "openid profile")
		for purpose, token := range map[keys.Purpose]string{keys.AccessToken: first.AccessToken, keys.IDToken: first.IDToken} {
			next, err := h.Keys.Rotate(purpose, 5*time.Minute)
			ok(t, err)
			if cached := published(); !cached[next] || !cached[kid(token)] {
				t.Fatalf("%s: the next key is not published before it signs", purpose)
			}
		}
		cached := published()
		if still := tokens(t, h, s, f, "openid"); kid(still.AccessToken) != kid(first.AccessToken) || kid(still.IDToken) != kid(first.IDToken) {
			t.Error("the next key signs before the time that it was announced for")
		}
		h.Clock.Advance(6 * time.Minute)
		second := tokens(t, h, s, f, "openid profile")
		for _, token := range []string{second.AccessToken, second.IDToken} {
			if !cached[kid(token)] {
				t.Error("a client that kept the key set meets an unknown key")
			}
		}
		if kid(second.AccessToken) == kid(first.AccessToken) || kid(second.IDToken) == kid(first.IDToken) {
			t.Fatal("nothing rotated")
		}
		_, err := h.Provider.UserInfo(t.Context(), f.Access(t, first.AccessToken)) // signed by the former key
		ok(t, err)
		if now := published(); !now[kid(first.AccessToken)] || !now[kid(first.IDToken)] {
			t.Error("the former key is gone while its tokens live")
		}
	})
}
