// SPDX-License-Identifier: Apache-2.0

package dpop_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/provider/dpop"
)

// The proof and the token of RFC 9449, sections 4.1 and 7.1.
const (
	rfcProof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	rfcJKT   = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	rfcToken = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
	rfcHash  = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
)

func TestProofOfTheStandard(t *testing.T) {
	e := dpop.Expect{Method: "POST", URLs: []string{"https://server.example.com/token"}, Now: time.Unix(1562262616, 0)}
	p, err := dpop.Check(rfcProof, e)
	if err != nil || p.JKT != rfcJKT {
		t.Fatalf("%s %v", p.JKT, err)
	}
	if dpop.Hash(rfcToken) != rfcHash {
		t.Error("ath differs from the standard's")
	}
	if !dpop.IsThumbprint(rfcJKT) || dpop.IsThumbprint(rfcJKT[1:]) || dpop.IsThumbprint("") || dpop.IsThumbprint(rfcJKT+"=") {
		t.Error("thumbprints are not told from other texts")
	}
}

type draft struct {
	key    any
	alg    jose.SignatureAlgorithm
	typ    string
	extra  map[jose.HeaderKey]any
	bare   bool // no key in the header
	claims map[string]any
}

func (d draft) sign(t testing.TB) string {
	t.Helper()
	opts := &jose.SignerOptions{EmbedJWK: !d.bare}
	if d.typ != "" {
		opts.WithType(jose.ContentType(d.typ))
	}
	for k, v := range d.extra {
		opts.WithHeader(k, v)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: d.alg, Key: d.key}, opts)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(d.claims)
	if err != nil {
		t.Fatal(err)
	}
	o, err := s.Sign(b)
	if err != nil {
		t.Fatal(err)
	}
	out, err := o.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var now = time.Unix(1_800_000_000, 0)

const at = "https://id.example/token"

func good(t testing.TB) draft {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	return draft{key: key, alg: jose.ES256, typ: "dpop+jwt",
		claims: map[string]any{"jti": "one", "htm": "POST", "htu": at, "iat": now.Unix(), "ath": dpop.Hash("token")}}
}

var expect = dpop.Expect{Method: "POST", URLs: []string{at, "https://mtls.id.example:8443/token"}, Token: "token", Now: now}

func TestProofsThatAreTaken(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	ok(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	for name, change := range map[string]func(*draft){
		"as it should be":      func(*draft) {},
		"EdDSA":                func(d *draft) { d.key, d.alg = ed, jose.EdDSA },
		"PS256":                func(d *draft) { d.key, d.alg = rsaKey, jose.PS256 },
		"the other address":    func(d *draft) { d.claims["htu"] = "https://mtls.id.example:8443/token" },
		"capitals and port":    func(d *draft) { d.claims["htu"] = "HTTPS://ID.Example:443/token" },
		"a query":              func(d *draft) { d.claims["htu"] = at + "?a=b#c" },
		"escaped letters":      func(d *draft) { d.claims["htu"] = "https://id.example/%74oken" },
		"a little in future":   func(d *draft) { d.claims["iat"] = now.Add(10 * time.Second).Unix() },
		"a minute old":         func(d *draft) { d.claims["iat"] = now.Add(-time.Minute).Unix() },
		"fractions of seconds": func(d *draft) { d.claims["iat"] = float64(now.Unix()) + 0.5 },
		"more claims":          func(d *draft) { d.claims["sub"] = "x" },
		"more in the header":   func(d *draft) { d.extra = map[jose.HeaderKey]any{"kid": "k", "more": "x"} },
		"nbf and exp":          func(d *draft) { d.claims["nbf"], d.claims["exp"] = now.Unix(), now.Add(5*time.Minute).Unix() },
	} {
		d := good(t)
		change(&d)
		p, err := dpop.Check(d.sign(t), expect)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		key := jose.JSONWebKey{Key: d.key}
		sum, err := key.Thumbprint(crypto.SHA256)
		ok(t, err)
		if p.JKT != base64.RawURLEncoding.EncodeToString(sum) {
			t.Errorf("%s: another key's thumbprint", name)
		}
	}
}

func TestProofsThatAreRefused(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	ok(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	ok(t, err)
	for name, change := range map[string]func(*draft){
		"a weak key":    func(d *draft) { d.key, d.alg = weak, jose.PS256 },
		"another type":  func(d *draft) { d.typ = "JWT" },
		"no type":       func(d *draft) { d.typ = "" },
		"shared secret": func(d *draft) { d.key, d.alg, d.bare = []byte(strings.Repeat("k", 32)), jose.HS256, true },
		"RS256":         func(d *draft) { d.key, d.alg = rsaKey, jose.RS256 },
		"another curve": func(d *draft) { d.key, d.alg = p384, jose.ES384 },
		"no key":        func(d *draft) { d.bare = true },
		"another's public key": func(d *draft) {
			d.bare, d.extra = true, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: &other.PublicKey}}
		},
		"the private key in it": func(d *draft) { d.bare, d.extra = true, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: d.key}} },
		"a secret as key": func(d *draft) {
			d.bare, d.extra = true, map[jose.HeaderKey]any{"jwk": map[string]string{"kty": "oct", "k": "AAAA"}}
		},
		"a critical header":      func(d *draft) { d.extra = map[jose.HeaderKey]any{"crit": []string{"b64"}, "b64": false} },
		"no jti":                 func(d *draft) { delete(d.claims, "jti") },
		"a jti of a kilobyte":    func(d *draft) { d.claims["jti"] = strings.Repeat("j", 1000) },
		"another method":         func(d *draft) { d.claims["htm"] = "GET" },
		"method in small":        func(d *draft) { d.claims["htm"] = "post" },
		"no method":              func(d *draft) { delete(d.claims, "htm") },
		"another path":           func(d *draft) { d.claims["htu"] = "https://id.example/userinfo" },
		"a path below":           func(d *draft) { d.claims["htu"] = at + "/" },
		"another host":           func(d *draft) { d.claims["htu"] = "https://attacker.example/token" },
		"the host as user":       func(d *draft) { d.claims["htu"] = "https://id.example@attacker.example/token" },
		"a user before it":       func(d *draft) { d.claims["htu"] = "https://user@id.example/token" },
		"another port":           func(d *draft) { d.claims["htu"] = "https://id.example:8443/token" },
		"plain http":             func(d *draft) { d.claims["htu"] = "http://id.example/token" },
		"a path alone":           func(d *draft) { d.claims["htu"] = "/token" },
		"no address":             func(d *draft) { delete(d.claims, "htu") },
		"an address as list":     func(d *draft) { d.claims["htu"] = []string{at} },
		"no time":                func(d *draft) { delete(d.claims, "iat") },
		"an hour old":            func(d *draft) { d.claims["iat"] = now.Add(-time.Hour).Unix() },
		"at the end of its time": func(d *draft) { d.claims["iat"] = now.Add(-dpop.Past).Unix() },
		"a minute in the future": func(d *draft) { d.claims["iat"] = now.Add(time.Minute).Unix() },
		"time without end":       func(d *draft) { d.claims["iat"] = 1e300 },
		"over by its own word":   func(d *draft) { d.claims["exp"] = now.Add(-time.Minute).Unix() },
		"not yet by its word":    func(d *draft) { d.claims["nbf"] = now.Add(time.Minute).Unix() },
		"another token":          func(d *draft) { d.claims["ath"] = dpop.Hash("another") },
		"no token":               func(d *draft) { delete(d.claims, "ath") },
		"the token itself":       func(d *draft) { d.claims["ath"] = "token" },
		"too large":              func(d *draft) { d.claims["more"] = strings.Repeat("m", dpop.Size) },
	} {
		d := good(t)
		change(&d)
		if _, err := dpop.Check(d.sign(t), expect); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	whole := good(t).sign(t)
	parts := strings.Split(whole, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"dpop+jwt","alg":"none"}`))
	mallory := good(t)
	mallory.claims["jti"] = "two"
	for name, s := range map[string]string{
		"nothing": "", "not signed": none + "." + parts[1] + ".", "signature cut": parts[0] + "." + parts[1] + ".",
		"body of another": parts[0] + "." + strings.Split(mallory.sign(t), ".")[1] + "." + parts[2],
		"as JSON":         `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
	} {
		if _, err := dpop.Check(s, expect); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// A proof is named by its key and its jti: two proofs are told apart, one proof
// has one name.
func TestNamesOfProofs(t *testing.T) {
	name := func(d draft) []byte {
		p, err := dpop.Check(d.sign(t), expect)
		ok(t, err)
		return p.Name
	}
	a, b := good(t), good(t)
	first := name(a)
	if !bytes.Equal(first, name(a)) {
		t.Error("the same jti and key have two names")
	}
	if bytes.Equal(first, name(b)) {
		t.Error("the same jti of two keys has one name")
	}
	a.claims["jti"] = "two"
	if bytes.Equal(first, name(a)) {
		t.Error("two jti of one key have one name")
	}
}

func TestNonces(t *testing.T) {
	n := dpop.NewNonces([]byte("secret"))
	s := n.At(now)
	for _, c := range []struct {
		after time.Duration
		fresh bool
	}{{0, true}, {2 * time.Minute, true}, {3 * time.Minute, true}, {7 * time.Minute, false}, {-10 * time.Minute, false}} {
		if got := n.Fresh(s, now.Add(c.after)); got != c.fresh {
			t.Errorf("after %s: fresh is %v", c.after, got)
		}
	}
	if n.Fresh("", now) || n.Fresh(s[:10], now) || dpop.NewNonces([]byte("another")).Fresh(s, now) {
		t.Error("a made-up nonce is taken")
	}
	if n.At(now) == n.At(now.Add(4*time.Minute)) {
		t.Error("the nonce does not change")
	}
}

// FuzzProof: whatever is sent is answered, and a proof that is taken is so again.
func FuzzProof(f *testing.F) {
	f.Add(rfcProof)
	f.Add(good(f).sign(f))
	f.Add("..")
	f.Add("e30.e30.")
	e := dpop.Expect{Method: "POST", URLs: []string{"https://server.example.com/token", at}, Now: time.Unix(1562262616, 0)}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := dpop.Check(s, e)
		q, again := dpop.Check(s, e)
		if (err == nil) != (again == nil) || !bytes.Equal(p.Name, q.Name) {
			t.Fatal("one proof, two answers")
		}
		if err == nil && (!dpop.IsThumbprint(p.JKT) || !p.Until.After(e.Now)) {
			t.Fatalf("taken without key or time: %+v", p)
		}
	})
}
