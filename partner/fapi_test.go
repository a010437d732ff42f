// SPDX-License-Identifier: Apache-2.0

package partner_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"danh/internal/fault"
	"danh/partner"
)

func sender(t *testing.T) partner.Client {
	t.Helper()
	c := bank()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	c.Profile, c.AuthMethod, c.SecretHash = partner.FAPI2, partner.PrivateKeyJWT, nil
	c.JWKS = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey}}}
	c.Settings.DPoPBound = true
	return c
}

func TestSendersThatMayBe(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		ok(t, err)
		strong, err := rsa.GenerateKey(rand.Reader, 2048)
		ok(t, err)
		for name, change := range map[string]func(c *partner.Client){
			"as it should be": func(*partner.Client) {},
			"EdDSA":           func(c *partner.Client) { c.JWKS.Keys[0].Key = public },
			"PS256":           func(c *partner.Client) { c.JWKS.Keys[0] = jose.JSONWebKey{Key: &strong.PublicKey, Algorithm: "PS256"} },
			"tokens bound to certificates": func(c *partner.Client) {
				c.Settings.DPoPBound, c.Settings.TLSBound = false, true
			},
			"a name in certificates": func(c *partner.Client) {
				c.AuthMethod, c.JWKS.Keys, c.Settings.TLSSubjectDN = partner.TLSClient, nil, "CN=bank,O=Bank,C=VN"
			},
			"this machine": func(c *partner.Client) { c.RedirectURIs = []string{"http://127.0.0.1:1234/cb"} },
		} {
			c := sender(t)
			change(&c)
			if err := h.register(t, officer, c); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestSendersThatMustNotBe(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		ok(t, err)
		strong, err := rsa.GenerateKey(rand.Reader, 2048)
		ok(t, err)
		for name, change := range map[string]func(c *partner.Client){
			"a secret": func(c *partner.Client) {
				c.AuthMethod, c.SecretHash = partner.SecretBasic, partner.Secret("secret").Hash()
			},
			"bearer tokens":  func(c *partner.Client) { c.Settings.DPoPBound = false },
			"another curve":  func(c *partner.Client) { c.JWKS.Keys[0].Key = &p384.PublicKey },
			"RS256":          func(c *partner.Client) { c.JWKS.Keys[0] = jose.JSONWebKey{Key: &strong.PublicKey, Algorithm: "RS256"} },
			"plain http":     func(c *partner.Client) { c.RedirectURIs = []string{"http://bank.example/cb"} },
			"no certificate": func(c *partner.Client) { c.AuthMethod = partner.SelfSignedTLS },
			"certificates by no name": func(c *partner.Client) {
				c.AuthMethod = partner.TLSClient
			},
			"certificates by two names": func(c *partner.Client) {
				c.AuthMethod, c.Settings.TLSSubjectDN, c.Settings.TLSSANDNS = partner.TLSClient, "CN=bank", "bank.example"
			},
			"certificates by half a name": func(c *partner.Client) { c.AuthMethod, c.Settings.TLSSubjectDN = partner.TLSClient, "bank" },
		} {
			c := sender(t)
			change(&c)
			if err := h.register(t, officer, c); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestNamesInCertificates(t *testing.T) {
	cert := &x509.Certificate{Subject: pkix.Name{Country: []string{"VN"}, Organization: []string{"Bank, Inc"}, CommonName: "c1"}, DNSNames: []string{"api.bank.example"}}
	for _, c := range []struct {
		s    partner.Settings
		want bool
	}{
		{partner.Settings{TLSSubjectDN: `CN=c1,O=Bank\, Inc,C=VN`}, true},
		{partner.Settings{TLSSubjectDN: `cn = c1, o = Bank\, Inc, c = VN`}, true},
		{partner.Settings{TLSSubjectDN: `C=VN,O=Bank\, Inc,CN=c1`}, false},
		{partner.Settings{TLSSubjectDN: `CN=c1`}, false},
		{partner.Settings{TLSSubjectDN: `CN=c1,O=Bank\, Inc,C=VN,ST=x`}, false},
		{partner.Settings{TLSSubjectDN: `CN=C1,O=Bank\, Inc,C=VN`}, false},
		{partner.Settings{TLSSANDNS: "api.bank.example"}, true},
		{partner.Settings{TLSSANDNS: "API.bank.example"}, true},
		{partner.Settings{TLSSANDNS: "bank.example"}, false},
		{partner.Settings{TLSSANDNS: "*.bank.example"}, false},
		{partner.Settings{}, false},
	} {
		if got := c.s.NamesTLS(cert); got != c.want {
			t.Errorf("%q %q: %v", c.s.TLSSubjectDN, c.s.TLSSANDNS, got)
		}
	}
	// One value that reads like two: a comma inside it stays inside.
	sly := &x509.Certificate{Subject: pkix.Name{CommonName: "c1,O=Bank"}}
	if (partner.Settings{TLSSubjectDN: "CN=c1,O=Bank"}).NamesTLS(sly) {
		t.Error("a name with a comma in it stands for two names")
	}
}
