// SPDX-License-Identifier: Apache-2.0

package cert_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"
	"time"

	"danh/registry/card/cert"
)

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

var name = cert.Name{Country: "VN", Organisation: "Danh SPECIMEN", Common: "Danh SPECIMEN CSCA"}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func authority(t testing.TB, n cert.Name, k *ecdsa.PrivateKey) *cert.Certificate {
	t.Helper()
	der, err := cert.MakeAuthority(n, k, now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	c, err := cert.Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func signer(t testing.TB, n cert.Name, a *cert.Certificate, k *ecdsa.PrivateKey) *cert.Certificate {
	t.Helper()
	return signerFor(t, newKey(t), n, a, k)
}

func signerFor(t testing.TB, own *ecdsa.PrivateKey, n cert.Name, a *cert.Certificate, k *ecdsa.PrivateKey) *cert.Certificate {
	t.Helper()
	der, err := cert.MakeSigner(n, own.Public(), a.Raw, k, now.AddDate(0, -1, 0), now.AddDate(0, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	c, err := cert.Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAgreesWithTheStandardLibrary compares what both parsers read.
func TestAgreesWithTheStandardLibrary(t *testing.T) {
	k := newKey(t)
	a := authority(t, name, k)
	for _, c := range []*cert.Certificate{a, signer(t, name, a, k)} {
		std, err := x509.ParseCertificate(c.Raw)
		if err != nil {
			t.Fatal(err)
		}
		if std.SerialNumber.Cmp(c.Serial) != 0 || !bytes.Equal(std.RawSubject, c.Subject) || !bytes.Equal(std.RawIssuer, c.Issuer) || !std.NotAfter.Equal(c.NotAfter) ||
			std.IsCA != c.CA || !bytes.Equal(std.SubjectKeyId, c.KeyID) || !bytes.Equal(std.RawSubjectPublicKeyInfo, c.SPKI) || c.Country() != "VN" {
			t.Errorf("%+v", c)
		}
	}
	if err := a.CheckAuthority(); err != nil {
		t.Fatal(err)
	}
}

// TestRefusedSigners: each attack on the chain has its refusal.
func TestRefusedSigners(t *testing.T) {
	k, other := newKey(t), newKey(t)
	a := authority(t, name, k)
	good := signerFor(t, other, name, a, k)
	if err := good.CheckSigner(a, now); err != nil {
		t.Fatal(err)
	}
	sameName := authority(t, name, other) // the attack: an authority of the same name with a key of its own
	abroad := name
	abroad.Country = "XX"
	for what, c := range map[string]struct {
		signer, authority *cert.Certificate
		at                time.Time
		want              error
	}{
		"same name, other key":               {signer(t, name, sameName, other), a, now, cert.ErrIssuer},
		"another country's signer":           {signer(t, abroad, a, k), a, now, cert.ErrIssuer},
		"expired":                            {good, a, now.AddDate(0, 2, 0), cert.ErrExpired},
		"not yet valid":                      {good, a, now.AddDate(0, -2, 0), cert.ErrExpired},
		"the authority itself signs":         {a, a, now, cert.ErrUse},
		"a signer takes itself for a signer": {signer(t, name, good, other), good, now, cert.ErrUse},
	} {
		if err := c.signer.CheckSigner(c.authority, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", what, err, c.want)
		}
	}
	if err := good.CheckAuthority(); !errors.Is(err, cert.ErrUse) {
		t.Errorf("a signer passes for an authority: %v", err)
	}
}

// TestWhatIsNotUnderstoodIsRefused: an unknown critical extension, a curve
// that is not on the list, SHA-1, something behind the certificate.
func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	k := newKey(t)
	issue := func(change func(*x509.Certificate)) []byte {
		c := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{Country: []string{"VN"}, CommonName: "x"}, NotBefore: now, NotAfter: now.AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature}
		change(c)
		der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	plain := issue(func(*x509.Certificate) {})
	if _, err := cert.Parse(plain); err != nil {
		t.Fatal(err)
	}
	ext := func(critical bool) []byte {
		return issue(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 23, 136, 9, 9}, Critical: critical, Value: []byte{5, 0}}}
		})
	}
	if _, err := cert.Parse(ext(false)); err != nil {
		t.Errorf("an extension that may be passed over is refused: %v", err)
	}
	sha1 := bytes.ReplaceAll(plain, []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2}, []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 0x66})
	for what, der := range map[string][]byte{"critical": ext(true), "algorithm": sha1, "trailing": append(bytes.Clone(plain), 0), "cut": plain[:len(plain)-1], "empty": nil} {
		if _, err := cert.Parse(der); err == nil {
			t.Errorf("%s went through", what)
		}
	}
}

func FuzzParse(f *testing.F) {
	k := newKey(f)
	a := authority(f, name, k)
	f.Add(a.Raw)
	f.Add(signer(f, name, a, k).Raw)
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := cert.Parse(der)
		if err != nil {
			return
		}
		if !bytes.Equal(c.Raw, der) {
			t.Fatal("the certificate is not the bytes it was read from")
		}
		_ = c.Country()
		if c.CheckSigner(a, now) == nil && !bytes.Equal(c.Issuer, a.Subject) {
			t.Fatal("accepted under another's name")
		}
		_ = c.CheckAuthority()
	})
}
