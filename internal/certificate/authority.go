// SPDX-License-Identifier: Apache-2.0

// Package certificate owns the installation's own certificate authority, the
// server's certificate that it makes, and what certificate a caller showed.
//
// The authority's key is one of the installation's keys (internal/keys); its
// certificate lies in the data folder, so that browsers and partners who trust
// it do so through restarts. It may stand for the names that it was made for
// and for nothing else. The server's own key is never written anywhere: each
// process makes one, and a fresh certificate in time.
package certificate

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"danh/internal/clock"
	"danh/internal/keys"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 30 * 24 * time.Hour
	renewBefore   = 10 * 24 * time.Hour
	early         = time.Hour // for clocks that are late
)

// Config says for which names and where.
type Config struct {
	Dir   string // the folder of the certificates; made when missing
	Keys  *keys.Store
	Clock clock.Clock
	Names []string // further names and addresses beside those of this machine
}

// Authority makes certificates. It is safe for concurrent use.
type Authority struct {
	c    Config
	cert *x509.Certificate
	key  crypto.Signer
	pem  []byte // all that may be trusted: the one that signs and those of former and next keys

	mu   sync.Mutex
	leaf *tls.Certificate
}

// local are the names of this machine.
var local = []string{"localhost", "127.0.0.1", "::1"}

// Open opens the authority, making what is missing.
func Open(c Config) (*Authority, error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of certificates: %w", err)
	}
	a := &Authority{c: c}
	kid, _ := c.Keys.Signer(keys.Authority)
	for _, k := range c.Keys.Public(keys.Authority) {
		signer, ok := c.Keys.SignerOf(keys.Authority, k.KID)
		if !ok {
			return nil, errors.New("a key of the authority is missing")
		}
		cert, err := a.load(k, signer)
		if err != nil {
			return nil, err
		}
		a.pem = append(a.pem, encode(cert.Raw)...)
		if k.KID == kid {
			a.cert, a.key = cert, signer
		}
	}
	return a, write(a.File(), a.pem)
}

// File is where the certificates to trust lie, for people and programs.
func (a *Authority) File() string { return filepath.Join(a.c.Dir, "ca.pem") }

// PEM is the content of File.
func (a *Authority) PEM() []byte { return a.pem }

// Pool trusts the system's authorities and this one.
func (a *Authority) Pool() *x509.CertPool {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(a.pem)
	return pool
}

// load reads the certificate of a key, or makes it. One that may not stand for
// all names of today is made anew under the same key.
func (a *Authority) load(k keys.PublicKey, signer crypto.Signer) (*x509.Certificate, error) {
	path := filepath.Join(a.c.Dir, "ca."+k.KID+".pem")
	want := a.constrained()
	if text, err := os.ReadFile(path); err == nil {
		b, _ := pem.Decode(text)
		if b == nil {
			return nil, fmt.Errorf("%s is no certificate", path)
		}
		cert, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		same := cert.CheckSignatureFrom(cert) == nil && samePublic(cert.PublicKey, k.Key)
		if same && slices.Equal(cert.PermittedDNSDomains, want.PermittedDNSDomains) && len(cert.PermittedIPRanges) == len(want.PermittedIPRanges) &&
			a.c.Clock.Now().Before(cert.NotAfter.Add(-leafLife)) {
			return cert, nil
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	now := a.c.Clock.Now()
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Danh, this installation", OrganizationalUnit: []string{k.KID[:8]}},
		NotBefore: now.Add(-early), NotAfter: now.Add(authorityLife), IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, PermittedDNSDomainsCritical: true,
		PermittedDNSDomains: want.PermittedDNSDomains, PermittedIPRanges: want.PermittedIPRanges,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, signer.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("make the authority's certificate: %w", err)
	}
	if err := write(path, encode(der)); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// constrained are the names that the authority may stand for: whoever trusts it
// trusts it for nothing else (RFC 5280, section 4.2.1.10).
func (a *Authority) constrained() x509.Certificate {
	var c x509.Certificate
	for _, n := range a.names() {
		if ip := net.ParseIP(n); ip != nil {
			if v4 := ip.To4(); v4 != nil {
				ip = v4
			}
			c.PermittedIPRanges = append(c.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))})
		} else {
			c.PermittedDNSDomains = append(c.PermittedDNSDomains, n)
		}
	}
	return c
}

func (a *Authority) names() []string {
	out := slices.Clone(local)
	for _, n := range a.c.Names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// Certificate gives the server's certificate, a fresh one when the last is old;
// it is what tls.Config.GetCertificate wants.
func (a *Authority) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.c.Clock.Now()
	if a.leaf != nil && now.Before(a.leaf.Leaf.NotAfter.Add(-renewBefore)) && !now.Before(a.leaf.Leaf.NotBefore) {
		return a.leaf, nil
	}
	t := &x509.Certificate{Subject: pkix.Name{CommonName: "localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, n := range a.names() {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	leaf, err := a.make(t, leafLife)
	if err != nil {
		return nil, err
	}
	a.leaf = leaf
	return leaf, nil
}

func (a *Authority) make(t *x509.Certificate, life time.Duration) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of a certificate: %w", err)
	}
	now := a.c.Clock.Now()
	t.SerialNumber, t.NotBefore, t.NotAfter = serial(), now.Add(-early), now.Add(life)
	t.KeyUsage, t.BasicConstraintsValid = x509.KeyUsageDigitalSignature, true
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: cert}, nil
}

func serial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b)
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b)
}

func samePublic(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

func encode(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// write keeps a file whole, and leaves it alone when it is as it should be.
func write(path string, b []byte) error {
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, b) {
		return nil
	}
	tmp := fmt.Sprintf("%s.%x.tmp", path, sha256.Sum256(b))
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return fmt.Errorf("keep a certificate: %w", err)
	}
	return os.Rename(tmp, path)
}

// Parse reads certificates in PEM.
func Parse(text []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return out, nil
		}
		if b.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
}
