// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"danh/internal/certificate"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/keys"
	"danh/tour"
)

func TestAddressOfTheTLSPort(t *testing.T) {
	for _, c := range []struct {
		issuer, given string
		port          int
		want          string // "" without a good one
		bad           bool
	}{
		{"http://localhost:8080", "", 8443, "https://localhost:8443", false},
		{"https://localhost:8443", "", 8443, "https://localhost:8443", false},
		{"https://localhost:9443", "", 9443, "https://localhost:9443", false},
		{"https://id.example", "", 8443, "", false},
		{"https://id.example", "https://mtls.id.example", 8443, "https://mtls.id.example", false},
		{"https://id.example", "https://mtls.id.example/", 0, "https://mtls.id.example", false},
		{"http://localhost:8080", "", 0, "", false},
		{"https://id.example", "http://mtls.id.example", 8443, "", true},
		{"https://id.example", "https://mtls.id.example/path", 8443, "", true},
		{"https://id.example", "mtls", 8443, "", true},
	} {
		f := serveFlags{Host: "localhost", Issuer: c.issuer, PasswordMax: 64, tlsFlags: tlsFlags{TLSPort: c.port, TLSURL: c.given}}
		if err := f.complete(); (err != nil) != c.bad || err == nil && f.TLSURL != c.want {
			t.Errorf("%s with %q on %d: %q, %v", c.issuer, c.given, c.port, f.TLSURL, err)
		}
	}
	f := serveFlags{Host: "localhost", PasswordMax: 64, tlsFlags: tlsFlags{TLSPort: 8443, TLSCert: "x.pem"}}
	if f.complete() == nil {
		t.Error("a certificate without its key is taken")
	}
}

func ownCertificate(t *testing.T) (*tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "client"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, der
}

// TLS 1.2 at least, no suites that BCP 195 warns of, certificates of clients
// asked for where programs come and not where people do.
func TestHowTheTLSPortSpeaks(t *testing.T) {
	k, err := keys.Open(keys.Config{Dir: filepath.Join(t.TempDir(), "keys"), Clock: clock.System()})
	if err != nil {
		t.Fatal(err)
	}
	own, err := certificate.Open(certificate.Config{Dir: t.TempDir(), Keys: k, Clock: clock.System(), Names: []string{"id.localhost"}})
	if err != nil {
		t.Fatal(err)
	}
	f := serveFlags{Issuer: "https://id.localhost", tlsFlags: tlsFlags{TLSURL: "https://localhost:8443"}}
	conf, err := f.tlsConfig(own)
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	s := httptest.NewUnstartedServer(withAuthority(own, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { shown = len(certificate.Shown(r)) })))
	s.Listener = secured([]net.Listener{s.Listener}, conf)[0]
	s.Start()
	defer s.Close()
	dial := func(change func(*tls.Config)) error {
		mine := &tls.Config{RootCAs: own.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12}
		change(mine)
		c, err := tls.Dial("tcp", s.Listener.Addr().String(), mine)
		if err == nil {
			c.Close()
		}
		return err
	}
	for name, c := range map[string]struct {
		change func(*tls.Config)
		good   bool
	}{
		"TLS 1.3": {func(*tls.Config) {}, true},
		"TLS 1.2": {func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, true},
		"TLS 1.1": {func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, false},
		"CBC": {func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}, false},
		"no forward secrecy": {func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		}, false},
		"nobody trusted": {func(c *tls.Config) { c.RootCAs = x509.NewCertPool() }, false},
	} {
		if err := dial(c.change); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	mine, _ := ownCertificate(t)
	for name, want := range map[string]int{"localhost": 1, "id.localhost": 0} {
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: own.Pool(), ServerName: name, Certificates: []tls.Certificate{*mine}, MinVersion: tls.VersionTLS12}}}
		res, err := c.Get("https://" + s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if shown != want {
			t.Errorf("at %s %d certificates are shown", name, shown)
		}
	}
	res, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: own.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12}}}).Get("https://" + s.Listener.Addr().String() + "/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "application/pem-certificate-chain" {
		t.Errorf("/ca.pem: %d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
}

// A header stands for a certificate when a trusted proxy sets it, and when
// nobody else does.
func TestCertificateMadeUpByAHeader(t *testing.T) {
	trust, err := parseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	_, der := ownCertificate(t)
	value := ":" + base64.StdEncoding.EncodeToString(der) + ":"
	for name, c := range map[string]struct {
		peer, header string
		said         []string
		want         int
	}{
		"a proxy's":               {"10.0.0.7:4711", "Client-Cert", []string{value}, 1},
		"somebody else's":         {"203.0.113.5:4711", "Client-Cert", []string{value}, 0},
		"where none is expected":  {"10.0.0.7:4711", "", []string{value}, 0},
		"in another header":       {"10.0.0.7:4711", "X-SSL-Cert", []string{value}, 0},
		"two of them":             {"10.0.0.7:4711", "Client-Cert", []string{value, value}, 0},
		"nothing that is a proof": {"10.0.0.7:4711", "Client-Cert", []string{"CN=bank"}, 0},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		for _, v := range c.said {
			r.Header.Add("Client-Cert", v)
		}
		if c.want == 0 && c.peer == "10.0.0.7:4711" {
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}} // the proxy's own
		}
		got := -1
		trust.behind(c.header, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = len(certificate.Shown(r)) })).ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%s: %d certificates", name, got)
		}
	}
	got := -1
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Client-Cert", value)
	proxies(nil).behind("Client-Cert", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = len(certificate.Shown(r)) })).ServeHTTP(httptest.NewRecorder(), r)
	if got != 0 {
		t.Error("without proxies a header stands for a certificate")
	}
}

func TestAuthoritiesOfClients(t *testing.T) {
	_, der := ownCertificate(t) // signs itself: a root
	file := filepath.Join(t.TempDir(), "ca.pem")
	for name, c := range map[string]struct {
		text []byte
		good bool
	}{
		"one":     {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), true},
		"none":    {nil, false},
		"a key":   {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), false},
		"rubbish": {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), false},
	} {
		if err := os.WriteFile(file, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		f := serveFlags{tlsFlags: tlsFlags{ClientCA: file}}
		m, err := f.meets()
		if (err == nil) != c.good || c.good && m.Roots == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if m, err := (&serveFlags{}).meets(); err != nil || m.Roots != nil {
		t.Error("somebody is trusted without being named")
	}
}

// The whole stack at an https issuer: our own doors reach it, and outside
// clients that were told whom to trust.
func TestStackOverTLS(t *testing.T) {
	p, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	issuer := fmt.Sprintf("https://localhost:%d", p.tls)
	s, log := runningOn(t, db.SQLite, 100, p, "DANH_ISSUER="+issuer)
	env := s.env()
	if env.Citizen != issuer || env.Trust == nil {
		t.Fatalf("the citizen door is said to be at %s", env.Citizen)
	}
	for _, name := range []string{"account", "portal"} {
		var out bytes.Buffer
		if err := tour.Run(t.Context(), name, env, &out); err != nil {
			t.Errorf("%v\n%s\n%s", err, out.String(), tail(log.String()))
		}
	}
	env.Trust = nil
	if _, err := env.Browser().Open(t.Context(), issuer+"/"); err == nil {
		t.Error("somebody who was not told whom to trust believes the door")
	}
}
