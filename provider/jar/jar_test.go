// SPDX-License-Identifier: Apache-2.0

package jar_test

import (
	"bytes"
	"compress/flate"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/provider/jar"
)

var now = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

const issuer = "https://id.test"

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	return k
}

func claims(change ...func(map[string]any)) map[string]any {
	c := map[string]any{"iss": "bank", "aud": issuer, "exp": now.Add(time.Minute).Unix(), "nbf": now.Unix(), "iat": now.Unix(), "jti": "j1",
		"client_id": "bank", "response_type": "code", "scope": "openid", "max_age": 300, "claims": map[string]any{"userinfo": map[string]any{"name": nil}}}
	for _, f := range change {
		f(c)
	}
	return c
}

func signed(t testing.TB, alg jose.SignatureAlgorithm, key any, payload any, headers map[string]any) string {
	t.Helper()
	opts := &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{}}
	for k, v := range headers {
		opts.ExtraHeaders[jose.HeaderKey(k)] = v
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opts)
	ok(t, err)
	b, raw := payload.([]byte)
	if !raw {
		b, err = json.Marshal(payload)
		ok(t, err)
	}
	o, err := s.Sign(b)
	ok(t, err)
	out, err := o.CompactSerialize()
	ok(t, err)
	return out
}

// forged signs any header by hand.
func forged(t testing.TB, header map[string]any, payload any, sign func(input []byte) []byte) string {
	t.Helper()
	h, err := json.Marshal(header)
	ok(t, err)
	p, isRaw := payload.([]byte)
	if !isRaw {
		p, err = json.Marshal(payload)
		ok(t, err)
	}
	input := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(p)
	return input + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(input)))
}

func byEC(t testing.TB, k *ecdsa.PrivateKey) func([]byte) []byte {
	return func(in []byte) []byte {
		sum := sha256.Sum256(in)
		r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
		ok(t, err)
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out
	}
}

func rules(keys ...jose.JSONWebKey) jar.Rules {
	return jar.Rules{Client: "bank", Issuer: issuer, Keys: func(string) []jose.JSONWebKey { return keys }, Strict: true, Now: now}
}

func TestRequestObject(t *testing.T) {
	ec := newKey(t)
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	edPub, ed, err := ed25519.GenerateKey(rand.Reader)
	ok(t, err)
	for _, c := range []struct {
		alg       jose.SignatureAlgorithm
		with, pub any
		typ       string
	}{
		{jose.ES256, ec, &ec.PublicKey, "oauth-authz-req+jwt"}, {jose.PS256, big, &big.PublicKey, "JWT"}, {jose.EdDSA, ed, edPub, ""},
		{jose.ES256, ec, &ec.PublicKey, "application/oauth-authz-req+jwt"},
	} {
		headers := map[string]any{}
		if c.typ != "" {
			headers["typ"] = c.typ
		}
		o, err := jar.Read(signed(t, c.alg, c.with, claims(func(m map[string]any) { m["resource"] = []string{"https://a", "https://b"} }), headers),
			rules(jose.JSONWebKey{Key: c.pub, KeyID: "k"}))
		if err != nil {
			t.Errorf("%s: %v", c.alg, err)
			continue
		}
		v := o.Values
		if v.Get("scope") != "openid" || v.Get("max_age") != "300" || v.Get("claims") != `{"userinfo":{"name":null}}` || len(v["resource"]) != 2 ||
			v.Has("iss") || v.Has("aud") || v.Has("exp") || v.Has("jti") || o.ID != "j1" || !o.Expires.Equal(now.Add(time.Minute+jar.Drift)) {
			t.Errorf("%s: read %v", c.alg, o)
		}
	}
}

// refused reads an object that must be refused for one reason.
func refused(t *testing.T, name, text string, r jar.Rules, why string) {
	t.Helper()
	_, err := jar.Read(text, r)
	var e *jar.Error
	if !errors.As(err, &e) || !strings.Contains(e.Description, why) {
		t.Errorf("%s: %v, want %q", name, err, why)
	}
}

// A public key is public: whoever takes it as the secret of an HMAC must not be
// believed, in any form in which the key may have been read.
func TestRequestObjectAlgorithmConfusion(t *testing.T) {
	k := newKey(t)
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	ok(t, err)
	jwk, err := json.Marshal(jose.JSONWebKey{Key: &k.PublicKey, KeyID: "k"})
	ok(t, err)
	for name, secret := range map[string][]byte{"DER": der, "PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "JWK": jwk} {
		for _, alg := range []string{"HS256", "hs256"} {
			text := forged(t, map[string]any{"alg": alg, "kid": "k"}, claims(), func(in []byte) []byte {
				m := hmac.New(sha256.New, secret)
				m.Write(in)
				return m.Sum(nil)
			})
			refused(t, name, text, rules(jose.JSONWebKey{Key: &k.PublicKey, KeyID: "k"}), "ES256, PS256 or EdDSA")
		}
	}
	for _, alg := range []string{"none", "None", "NONE", "", "RS256", "ES256K"} {
		refused(t, alg, forged(t, map[string]any{"alg": alg}, claims(), func([]byte) []byte { return nil }), rules(jose.JSONWebKey{Key: &k.PublicKey}), "ES256, PS256 or EdDSA")
	}
	// The algorithm that the client registered is the only one, also of good ones;
	// and a key that says what it is for is for nothing else.
	r := rules(jose.JSONWebKey{Key: &k.PublicKey})
	r.Algorithm = "PS256"
	refused(t, "pinned", signed(t, jose.ES256, k, claims(), nil), r, "registered algorithm")
	refused(t, "key for another algorithm", signed(t, jose.ES256, k, claims(), nil), rules(jose.JSONWebKey{Key: &k.PublicKey, Algorithm: "ES384"}), "no registered key")
	refused(t, "key to encrypt", signed(t, jose.ES256, k, claims(), nil), rules(jose.JSONWebKey{Key: &k.PublicKey, Use: "enc"}), "no registered key")
	// An unsigned one with a signature cut off.
	text := signed(t, jose.ES256, k, claims(), nil)
	refused(t, "signature cut off", text[:strings.LastIndex(text, ".")+1], rules(jose.JSONWebKey{Key: &k.PublicKey}), "")
}

// Whatever an object says about keys, only registered ones count.
func TestRequestObjectKeyInjectionInHeaders(t *testing.T) {
	hers, evil := newKey(t), newKey(t)
	registered := jose.JSONWebKey{Key: &hers.PublicKey, KeyID: "k"}
	pub, err := jose.JSONWebKey{Key: &evil.PublicKey}.MarshalJSON()
	ok(t, err)
	for name, v := range map[string]any{
		"jwk": json.RawMessage(pub), "jku": "https://evil.example/jwks", "x5u": "https://evil.example/cert", "x5c": []string{"MIIB"},
	} {
		for _, by := range []*ecdsa.PrivateKey{evil, hers} { // also signed well: there is no reason for it
			refused(t, name, forged(t, map[string]any{"alg": "ES256", name: v}, claims(), byEC(t, by)), rules(registered), "only registered ones count")
		}
	}
	for _, kid := range []string{"other", "../../../dev/null", "k' OR 1=1 --", "file:///etc/passwd"} {
		refused(t, "kid "+kid, forged(t, map[string]any{"alg": "ES256", "kid": kid}, claims(), byEC(t, hers)), rules(registered), "no registered key")
	}
	refused(t, "own kid, another's key", forged(t, map[string]any{"alg": "ES256", "kid": "k"}, claims(), byEC(t, evil)), rules(registered), "no registered key")
	refused(t, "no keys at all", forged(t, map[string]any{"alg": "ES256"}, claims(), byEC(t, evil)), rules(), "no registered key")
	for _, name := range []string{"crit", "b64"} {
		h := map[string]any{"alg": "ES256", "crit": []string{"b64"}, "b64": true}
		if name == "b64" {
			h = map[string]any{"alg": "ES256", "b64": false}
		}
		refused(t, name, forged(t, h, claims(), byEC(t, hers)), rules(registered), "critical headers")
	}
	// Two algorithms in one header: whoever reads the first sees another one.
	h := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","alg":"ES256"}`))
	refused(t, "header with two algorithms", h+".e30.AAAA", rules(registered), "header of the request object is malformed")
}

func TestRequestObjectOversizeOrCompressed(t *testing.T) {
	k := newKey(t)
	registered := jose.JSONWebKey{Key: &k.PublicKey}
	refused(t, "oversize", signed(t, jose.ES256, k, claims(func(m map[string]any) { m["state"] = strings.Repeat("a", jar.MaxSize) }), nil), rules(registered), "too large")
	refused(t, "oversize header", forged(t, map[string]any{"alg": "ES256", "kid": strings.Repeat("k", 2000)}, claims(), byEC(t, k)), rules(registered), "header")
	refused(t, "many members", signed(t, jose.ES256, k, claims(func(m map[string]any) {
		for i := range 100 {
			m["x"+strings.Repeat("y", i)] = 1
		}
	}), nil), rules(registered), "each member once")

	// A few bytes that become very many: JWE with zip, and zip in a JWS.
	var deep bytes.Buffer
	w, err := flate.NewWriter(&deep, flate.BestCompression)
	ok(t, err)
	_, err = w.Write(bytes.Repeat([]byte(" "), 10<<20))
	ok(t, err)
	ok(t, w.Close())
	refused(t, "zip in a JWS", forged(t, map[string]any{"alg": "ES256", "zip": "DEF"}, deep.Bytes(), byEC(t, k)), rules(registered), "compression")
	enc, err := jose.NewEncrypter(jose.A128GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: &k.PublicKey}, &jose.EncrypterOptions{Compression: jose.DEFLATE})
	ok(t, err)
	e, err := enc.Encrypt(bytes.Repeat([]byte(" "), 1<<20))
	ok(t, err)
	text, err := e.CompactSerialize()
	ok(t, err)
	refused(t, "JWE", text, rules(registered), "encrypted")
	// A signed object within a signed object is none.
	refused(t, "nested", signed(t, jose.ES256, k, []byte(signed(t, jose.ES256, k, claims(), nil)), map[string]any{"cty": "JWT"}), rules(registered), "one JSON object")
	for _, junk := range []string{"", "..", "a.b", "a.b.c", "{}", "e30.e30.", "....", `{"payload":"e30","signatures":[]}`} {
		refused(t, junk, junk, rules(registered), "")
	}
}

func TestRequestObjectClaims(t *testing.T) {
	k := newKey(t)
	registered := jose.JSONWebKey{Key: &k.PublicKey}
	unix := func(d time.Duration) int64 { return now.Add(d).Unix() }
	for name, c := range map[string]struct {
		change func(map[string]any)
		why    string
	}{
		"another client's":      {func(m map[string]any) { m["iss"] = "shop" }, "iss"},
		"no iss":                {func(m map[string]any) { delete(m, "iss") }, "iss"},
		"another client_id":     {func(m map[string]any) { m["client_id"] = "shop" }, "client_id"},
		"another server's":      {func(m map[string]any) { m["aud"] = "https://evil.example" }, "aud"},
		"no aud":                {func(m map[string]any) { delete(m, "aud") }, "aud"},
		"sub":                   {func(m map[string]any) { m["sub"] = "bank" }, "sub"},
		"expired":               {func(m map[string]any) { m["exp"] = unix(-31 * time.Second) }, "expired"},
		"without end":           {func(m map[string]any) { delete(m, "exp") }, "expired"},
		"exp as text":           {func(m map[string]any) { m["exp"] = "tomorrow" }, "expired"},
		"long life":             {func(m map[string]any) { m["exp"] = unix(61 * time.Minute) }, "60 minutes"},
		"old nbf":               {func(m map[string]any) { m["nbf"] = unix(-62 * time.Minute); m["iat"] = m["nbf"] }, "60 minutes"},
		"from tomorrow":         {func(m map[string]any) { m["nbf"] = unix(31 * time.Second) }, "not valid yet"},
		"made tomorrow":         {func(m map[string]any) { m["iat"] = unix(31 * time.Second) }, "not valid yet"},
		"no nbf":                {func(m map[string]any) { delete(m, "nbf") }, "nbf"},
		"no jti":                {func(m map[string]any) { delete(m, "jti") }, "jti"},
		"jti that is no text":   {func(m map[string]any) { m["jti"] = 1 }, "jti"},
		"long jti":              {func(m map[string]any) { m["jti"] = strings.Repeat("j", 301) }, "jti"},
		"request in it":         {func(m map[string]any) { m["request"] = "x" }, "holds no other"},
		"request_uri in it":     {func(m map[string]any) { m["request_uri"] = "urn:x" }, "holds no other"},
		"resource is an object": {func(m map[string]any) { m["resource"] = map[string]any{} }, "resource"},
	} {
		refused(t, name, signed(t, jose.ES256, k, claims(c.change), nil), rules(registered), c.why)
	}
	refused(t, "a member twice", signed(t, jose.ES256, k, []byte(`{"iss":"bank","iss":"bank"}`), nil), rules(registered), "each member once")
	refused(t, "more after it", signed(t, jose.ES256, k, []byte(`{"iss":"bank"}{}`), nil), rules(registered), "each member once")
	refused(t, "typ of an access token", signed(t, jose.ES256, k, claims(), map[string]any{"typ": "at+jwt"}), rules(registered), "typ")
	// What FAPI asks for beyond RFC 9101 is not asked of others.
	lax := rules(registered)
	lax.Strict = false
	_, err := jar.Read(signed(t, jose.ES256, k, claims(func(m map[string]any) { delete(m, "nbf"); delete(m, "jti"); delete(m, "iat") }), nil), lax)
	ok(t, err)
}

// Whatever comes, nothing is read from an object that no registered key signed.
func FuzzRequestObject(f *testing.F) {
	k := newKey(f)
	good := signed(f, jose.ES256, k, claims(), nil)
	f.Add(good)
	f.Add("e30.e30.AA")
	f.Add(good[:len(good)-4])
	r := rules(jose.JSONWebKey{Key: &k.PublicKey})
	f.Fuzz(func(t *testing.T, s string) {
		o, err := jar.Read(s, r)
		if err == nil && (len(s) > jar.MaxSize || o.Values.Get("scope") != "openid") {
			t.Fatalf("read %v", o)
		}
	})
}
