// SPDX-License-Identifier: Apache-2.0

package providertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/audit"
	"danh/internal/db"
	"danh/partner"
	"danh/provider"
	"danh/provider/dpop"
)

// Sender is a client of the FAPI 2.0 profile with its keys.
type Sender struct {
	h    *House
	ID   partner.ID
	Key  *ecdsa.PrivateKey // signs its assertions
	DPoP *ecdsa.PrivateKey // proves its requests
	TLS  *tls.Certificate  // nil: it has none
}

// SenderRedirect is where a sender's answers go unless a test changes it.
const SenderRedirect = "https://credit.example/cb"

// NewKey makes a key on P-256.
func NewKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Sends registers a client of the FAPI 2.0 profile: with private_key_jwt and
// DPoP unless change says otherwise.
func (h *House) Sends(t testing.TB, id partner.ID, change ...func(*Sender, *partner.Client)) *Sender {
	t.Helper()
	s := &Sender{h: h, ID: id, Key: NewKey(t), DPoP: NewKey(t)}
	c := partner.Client{ID: id, Name: partner.Text{VI: "Quỹ tín dụng Sen", EN: "Lotus Credit"}, Profile: partner.FAPI2, AuthMethod: partner.PrivateKeyJWT,
		JWKS:         jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &s.Key.PublicKey, KeyID: "k1", Algorithm: "ES256", Use: "sig"}}},
		RedirectURIs: []string{SenderRedirect}, Asks: h.Client(t, "bank").Asks, Sector: "credit.example", Settings: partner.Settings{DPoPBound: true}}
	for _, f := range change {
		f(s, &c)
	}
	if err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
		return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), c)
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

// SelfSigned gives a sender a certificate that is registered itself, to which
// its tokens are bound in place of a DPoP key.
func SelfSigned(t testing.TB) func(*Sender, *partner.Client) {
	return func(s *Sender, c *partner.Client) {
		s.TLS = Certify(t, nil, pkix.Name{CommonName: string(c.ID)}, s.h.Clock.Now())
		c.AuthMethod = partner.SelfSignedTLS
		c.JWKS = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: s.TLS.Leaf.PublicKey, KeyID: "t1", Certificates: []*x509.Certificate{s.TLS.Leaf}}}}
		c.Settings.DPoPBound, c.Settings.TLSBound = false, true
	}
}

// Certify makes a client's certificate; without an authority it signs itself.
func Certify(t testing.TB, by *tls.Certificate, name pkix.Name, now time.Time, change ...func(*x509.Certificate)) *tls.Certificate {
	t.Helper()
	key := NewKey(t)
	n, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: n, Subject: name, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true}
	for _, f := range change {
		f(c)
	}
	parent, signer := c, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// Authority makes a certificate that makes others.
func Authority(t testing.TB, name string, now time.Time) *tls.Certificate {
	return Certify(t, nil, pkix.Name{CommonName: name}, now, func(c *x509.Certificate) {
		c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
	})
}

func random() string {
	b := make([]byte, 12)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Assertion signs the sender's client assertion; change alters it first.
func (s *Sender) Assertion(t testing.TB, change ...func(claims map[string]any, key *jose.SigningKey)) string {
	t.Helper()
	now := s.h.Clock.Now()
	claims := map[string]any{"iss": s.ID, "sub": s.ID, "aud": s.h.Issuer, "jti": random(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: s.Key, KeyID: "k1"}}
	for _, f := range change {
		f(claims, &key)
	}
	return sign(t, key, claims)
}

// Proof is what a DPoP proof says, before it is signed.
type Proof struct {
	Key    any // private
	Alg    jose.SignatureAlgorithm
	Type   string
	Header map[jose.HeaderKey]any
	Claims map[string]any
}

// Prove signs a DPoP proof for a request; change alters it first.
func (s *Sender) Prove(t testing.TB, method, url, token string, change ...func(*Proof)) string {
	t.Helper()
	p := Proof{Key: s.DPoP, Alg: jose.ES256, Type: "dpop+jwt", Header: map[jose.HeaderKey]any{},
		Claims: map[string]any{"jti": random(), "htm": method, "htu": url, "iat": s.h.Clock.Now().Unix(), "nonce": s.h.Provider.Nonce()}}
	if token != "" {
		p.Claims["ath"] = dpop.Hash(token)
	}
	for _, f := range change {
		f(&p)
	}
	return p.Sign(t)
}

// Sign signs a proof and puts the public key into it.
func (p Proof) Sign(t testing.TB) string {
	t.Helper()
	opts := (&jose.SignerOptions{EmbedJWK: true}).WithType(jose.ContentType(p.Type))
	for k, v := range p.Header {
		opts.WithHeader(k, v)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: p.Alg, Key: p.Key}, opts)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(p.Claims)
	if err != nil {
		t.Fatal(err)
	}
	o, err := signer.Sign(b)
	if err != nil {
		t.Fatal(err)
	}
	out, err := o.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Credentials are the sender's at an endpoint, with a fresh assertion and proof
// or with its certificate.
func (s *Sender) Credentials(t testing.TB, path string) provider.Credentials {
	t.Helper()
	c := provider.Credentials{ID: string(s.ID), Method: "POST", Endpoint: s.h.Issuer + path}
	if s.TLS != nil {
		c.Certificate = s.TLS.Leaf
	} else {
		c.AssertionType, c.Assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", s.Assertion(t)
		c.Proof = s.Prove(t, "POST", c.Endpoint, "")
	}
	return c
}

// Caller authenticates the sender at an endpoint.
func (s *Sender) Caller(t testing.TB, path string) provider.Caller {
	t.Helper()
	c, err := s.h.Provider.Authenticate(t.Context(), s.Credentials(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Request is a good authorization request of the sender's.
func (s *Sender) Request(scope string) map[string][]string {
	v := Request(scope)
	v.Set("client_id", string(s.ID))
	v.Set("redirect_uri", SenderRedirect)
	return v
}

// Access is a token in the sender's hands, at userinfo.
func (s *Sender) Access(t testing.TB, token string, change ...func(*Proof)) provider.Access {
	t.Helper()
	a := provider.Access{Token: token, Method: "GET", Endpoint: s.h.Issuer + provider.UserInfoPath}
	if s.TLS != nil {
		a.Certificate = s.TLS.Leaf
		return a
	}
	a.DPoP, a.Proof = true, s.Prove(t, a.Method, a.Endpoint, token, change...)
	return a
}
