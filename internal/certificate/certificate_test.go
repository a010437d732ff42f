// SPDX-License-Identifier: Apache-2.0

package certificate_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/internal/certificate"
	"danh/internal/clock"
	"danh/internal/keys"
)

type house struct {
	dir   string
	clock *clock.Fake
}

func newHouse(t *testing.T) *house {
	return &house{t.TempDir(), clock.NewFake(time.Now())}
}

func (h *house) keys(t *testing.T) *keys.Store {
	t.Helper()
	k, err := keys.Open(keys.Config{Dir: filepath.Join(h.dir, "keys"), Clock: h.clock})
	ok(t, err)
	return k
}

func (h *house) open(t *testing.T, names ...string) *certificate.Authority {
	t.Helper()
	a, err := certificate.Open(certificate.Config{Dir: filepath.Join(h.dir, "tls"), Keys: h.keys(t), Clock: h.clock, Names: names})
	ok(t, err)
	return a
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// trusts reports whether somebody who trusts the file believes the server.
func (h *house) trusts(t *testing.T, file []byte, server *certificate.Authority, name string) bool {
	t.Helper()
	c, err := server.Certificate(nil)
	ok(t, err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(file) {
		t.Fatal("nothing to trust")
	}
	_, err = c.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: name, CurrentTime: h.clock.Now()})
	return err == nil
}

func TestAuthorityStaysThroughRestarts(t *testing.T) {
	h := newHouse(t)
	a := h.open(t)
	file, err := os.ReadFile(a.File())
	ok(t, err)
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		if !h.trusts(t, file, a, name) {
			t.Errorf("not trusted as %s", name)
		}
	}
	if h.trusts(t, file, a, "id.example") {
		t.Error("it stands for a name that it was not made for")
	}
	b := h.open(t)
	if string(b.PEM()) != string(file) || !h.trusts(t, file, b, "localhost") {
		t.Error("after a restart it is another authority")
	}
	ca, err := a.Certificate(nil)
	ok(t, err)
	cb, err := b.Certificate(nil)
	ok(t, err)
	if cb.Leaf.Equal(ca.Leaf) {
		t.Error("two processes have one key: it was written somewhere")
	}
	all, err := filepath.Glob(filepath.Join(h.dir, "tls", "*"))
	ok(t, err)
	for _, f := range all {
		text, err := os.ReadFile(f)
		ok(t, err)
		if strings.Contains(string(text), "PRIVATE") {
			t.Errorf("%s holds a private key", f)
		}
	}
}

// Whoever trusts the authority trusts it for its own names: a thief of its key
// cannot stand for a bank.
func TestAuthorityForForeignNames(t *testing.T) {
	h := newHouse(t)
	a := h.open(t)
	k := h.keys(t)
	_, signer := k.Signer(keys.Authority)
	block, _ := pem.Decode(a.PEM())
	ca, err := x509.ParseCertificate(block.Bytes)
	ok(t, err)
	for _, leaf := range []*x509.Certificate{{DNSNames: []string{"bank.example"}}, {IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)}}, {DNSNames: []string{"localhost", "bank.example"}}} {
		leaf.SerialNumber, leaf.Subject, leaf.NotBefore, leaf.NotAfter = big.NewInt(1), pkix.Name{CommonName: "x"}, h.clock.Now().Add(-time.Hour), h.clock.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, leaf, ca, signer.Public(), signer)
		ok(t, err)
		c, err := x509.ParseCertificate(der)
		ok(t, err)
		pool := x509.NewCertPool()
		pool.AddCert(ca)
		if _, err := c.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: h.clock.Now()}); err == nil {
			t.Errorf("believed for %v %v", leaf.DNSNames, leaf.IPAddresses)
		}
	}
}

func TestFurtherNames(t *testing.T) {
	h := newHouse(t)
	before := h.open(t)
	after := h.open(t, "id.danh.example", "10.0.0.5")
	for _, name := range []string{"localhost", "id.danh.example", "10.0.0.5"} {
		if !h.trusts(t, after.PEM(), after, name) {
			t.Errorf("not trusted as %s", name)
		}
	}
	if h.trusts(t, before.PEM(), after, "id.danh.example") {
		t.Error("who trusted it for this machine trusts it for more")
	}
}

func TestCertificateIsRenewed(t *testing.T) {
	h := newHouse(t)
	a := h.open(t)
	first, err := a.Certificate(nil)
	ok(t, err)
	again, err := a.Certificate(nil)
	ok(t, err)
	if !again.Leaf.Equal(first.Leaf) {
		t.Error("every connection gets a certificate of its own")
	}
	for range 6 {
		h.clock.Advance(15 * 24 * time.Hour)
		if !h.trusts(t, a.PEM(), a, "localhost") {
			t.Fatal("the certificate ran out")
		}
	}
	last, err := a.Certificate(nil)
	ok(t, err)
	if last.Leaf.Equal(first.Leaf) {
		t.Error("three months with one certificate")
	}
}

// A rotation of the authority's key: the next is to be trusted before it signs.
func TestAuthorityKeyRotates(t *testing.T) {
	h := newHouse(t)
	h.open(t)
	_, err := h.keys(t).Rotate(keys.Authority, 48*time.Hour)
	ok(t, err)
	mid := h.open(t)
	file := mid.PEM()
	if n := strings.Count(string(file), "BEGIN"); n != 2 {
		t.Fatalf("%d certificates to trust", n)
	}
	h.clock.Advance(49 * time.Hour)
	if !h.trusts(t, file, h.open(t), "localhost") {
		t.Error("who fetched the file in time meets an authority that it does not know")
	}
}

func client(t *testing.T) (*tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "client"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	ok(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, der
}

func TestShown(t *testing.T) {
	h := newHouse(t)
	a := h.open(t)
	mine, der := client(t)
	var got []*x509.Certificate
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = certificate.Shown(r) }))
	s.Listener = tls.NewListener(s.Listener, &tls.Config{ClientAuth: tls.RequestClientCert, GetCertificate: a.Certificate, MinVersion: tls.VersionTLS12})
	s.Start()
	defer s.Close()
	for _, with := range []bool{true, false} {
		conf := &tls.Config{RootCAs: a.Pool(), MinVersion: tls.VersionTLS12}
		if with {
			conf.Certificates = []tls.Certificate{*mine}
		}
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: conf}}
		res, err := c.Get(strings.Replace(s.URL, "http:", "https:", 1))
		ok(t, err)
		res.Body.Close()
		if with != (len(got) == 1 && string(got[0].Raw) == string(der)) {
			t.Errorf("a certificate is shown: %v; %d arrived", with, len(got))
		}
	}
	if certificate.Shown(httptest.NewRequest("GET", "/", nil)) != nil {
		t.Error("a plain connection shows a certificate")
	}
}

func TestForwarded(t *testing.T) {
	_, der := client(t)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	for name, c := range map[string]struct {
		value string
		good  bool
	}{
		"RFC 9440":           {":" + base64.StdEncoding.EncodeToString(der) + ":", true},
		"escaped PEM":        {url.PathEscape(text), true},
		"escaped as a query": {strings.ReplaceAll(url.QueryEscape(text), "+", "%20"), true},
		"nothing":            {"", false},
		"null":               {"(null)", false},
		"one colon":          {":" + base64.StdEncoding.EncodeToString(der), false},
		"no base64":          {":%%%:", false},
		"no certificate":     {":AAAA:", false},
		"two in PEM":         {url.PathEscape(text + text), false},
		"a key":              {url.PathEscape(strings.ReplaceAll(text, "CERTIFICATE", "PUBLIC KEY")), false},
	} {
		got := certificate.Shown(certificate.Forwarded(httptest.NewRequest("GET", "/", nil), c.value))
		if c.good != (len(got) == 1 && string(got[0].Raw) == string(der)) {
			t.Errorf("%s: %d certificates", name, len(got))
		}
	}
}

func FuzzForwarded(f *testing.F) {
	f.Add(":AAAA:")
	f.Add("-----BEGIN%20CERTIFICATE-----")
	f.Fuzz(func(t *testing.T, s string) {
		if got := certificate.Shown(certificate.Forwarded(httptest.NewRequest("GET", "/", nil), s)); len(got) > 1 {
			t.Fatal("more than one certificate")
		}
	})
}
