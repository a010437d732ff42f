// SPDX-License-Identifier: Apache-2.0

package outward_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"danh/internal/outward"
)

func client(t *testing.T, c outward.Config) *outward.Client {
	t.Helper()
	o, err := outward.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// names is a name server on this machine; answer gives the addresses of a name
// each time that it is asked for.
func names(t *testing.T, answer func(name string) []netip.Addr) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Header.Response, m.Additionals = true, nil
			for _, a := range answer(strings.TrimSuffix(q.Name.String(), ".")) {
				h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET}
				if a.Is4() && q.Type == dnsmessage.TypeA {
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
				}
				if a.Is6() && q.Type == dnsmessage.TypeAAAA {
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
				}
			}
			out, err := m.Pack()
			if err == nil {
				_, _ = pc.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

// server is an https server on this machine that counts who connects, under a
// name of the public DNS, with a certificate for it.
func server(t *testing.T, h http.HandlerFunc) (s *httptest.Server, roots *x509.CertPool, connections *atomic.Int64) {
	t.Helper()
	connections = &atomic.Int64{}
	s = httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, c http.ConnState) {
		if c == http.StateNew {
			connections.Add(1)
		}
	}
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	roots = x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s, roots, connections
}

func port(s *httptest.Server) string {
	u, _ := url.Parse(s.URL)
	return u.Port()
}

// Every address that is not public is refused before a byte leaves, by its text
// or, behind a name, by where the name leads.
func TestSSRFInwardAddresses(t *testing.T) {
	s, roots, connections := server(t, func(http.ResponseWriter, *http.Request) { t.Error("a request came through") })
	p := port(s)
	for _, host := range []string{
		"127.0.0.1", "127.1", "127.8.8.8", "0.0.0.0", "0", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.1.", "localhost", "LOCALHOST", "localhost.",
		"a.localhost", "printer.local", "metadata.google.internal", "metadata", "router.lan", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
		"255.255.255.255", "8.8.8.8", // a number is never a partner
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[fe80::1%25lo]", "[fd00::1]", "[ff02::1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]", "[::127.0.0.1]",
		"①②⑦.⓪.⓪.①", "127。0。0。1", "exam_ple..com", "exa mple.com", "bank.example\\@127.0.0.1", "1.2.3.4.5", "bank.0x7f",
	} {
		c := client(t, outward.Config{Roots: roots})
		for _, address := range []string{"https://" + host + ":" + p + "/jwks", "https://" + host + "/jwks"} {
			if err := c.Check(address); !errors.Is(err, outward.ErrRefused) {
				t.Errorf("%s passes the look at its text: %v", address, err)
			}
			if _, err := c.Get(t.Context(), address, 0); !errors.Is(err, outward.ErrRefused) {
				t.Errorf("%s: %v", address, err)
			}
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestSSRFSchemesUsersAndPorts(t *testing.T) {
	c := client(t, outward.Config{})
	for _, address := range []string{
		"http://bank.example/", "ftp://bank.example/", "file:///etc/passwd", "gopher://bank.example/", "unix:///run/x", "//bank.example/", "bank.example/jwks", "https:bank.example", "https:///jwks",
		"https://user@bank.example/", "https://user:pass@bank.example/", "https://bank.example@127.0.0.1/", "https://bank.example/#here", "https://bank.example:22/", "https://bank.example:25/",
		"https://bank.example:0/", "https://bank.example:99999/", "https://bank.example:80/", "https://%31%32%37.0.0.1/", "https://bank%2eexample/", "javascript:alert(1)", "data:application/json,{}", "",
	} {
		if err := c.Check(address); !errors.Is(err, outward.ErrRefused) {
			t.Errorf("%q passes: %v", address, err)
		}
		if _, err := c.Get(t.Context(), address, 0); !errors.Is(err, outward.ErrRefused) {
			t.Errorf("%q is tried: %v", address, err)
		}
	}
	for _, address := range []string{"https://bank.example/jwks?v=1", "https://BANK.example:443/", "https://id.bank.example:8443/x", "https://xn--ngn-hng-jua.example/"} {
		if err := c.Check(address); err != nil {
			t.Errorf("%q is refused", address)
		}
	}
}

// A good name that leads inside: at once, after it led outside (rebinding), or
// with an outside address beside.
func TestSSRFNamesThatLeadInside(t *testing.T) {
	s, roots, connections := server(t, func(http.ResponseWriter, *http.Request) { t.Error("a request came through") })
	for _, a := range []string{"127.0.0.1", "0.0.0.0", "10.1.2.3", "172.31.255.255", "192.168.0.1", "169.254.169.254", "100.127.0.1", "198.18.0.1", "192.0.0.1", "240.0.0.1", "224.0.0.1", "255.255.255.255",
		"192.0.2.1", "198.51.100.1", "203.0.113.1", "::1", "::", "::ffff:127.0.0.1", "fe80::1", "fd12::1", "fec0::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::1", "2001::1",
		"2001:db8::1", "::7f00:1", "::ffff:0:127.0.0.1", "100::1", "4000::1"} {
		addr := netip.MustParseAddr(a)
		if outward.Public(addr) {
			t.Errorf("%s counts as public", a)
		}
		c := client(t, outward.Config{Roots: roots})
		c.Resolve(names(t, func(string) []netip.Addr { return []netip.Addr{addr} }))
		if _, err := c.Get(t.Context(), "https://example.com:"+port(s)+"/", 0); !errors.Is(err, outward.ErrRefused) {
			t.Errorf("a name that leads to %s: %v", a, err)
		}
	}
	for _, a := range []string{"1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "172.15.0.1", "172.32.0.1", "100.128.0.1", "11.0.0.1"} {
		if !outward.Public(netip.MustParseAddr(a)) {
			t.Errorf("%s does not count as public", a)
		}
	}
	// Rebinding: the first question is answered with an outside address, every
	// further one with this machine's. However often it is asked, what is
	// connected to is what was looked at.
	asked := atomic.Int64{}
	c := client(t, outward.Config{Roots: roots, Timeout: 300 * time.Millisecond})
	c.Resolve(names(t, func(string) []netip.Addr {
		if asked.Add(1) <= 2 { // A and AAAA of the first look
			return []netip.Addr{netip.MustParseAddr("192.0.2.7")}
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	}))
	for range 4 {
		if _, err := c.Get(t.Context(), "https://example.com:"+port(s)+"/", 0); err == nil {
			t.Error("the name led inside")
		}
	}
	if asked.Load() < 4 {
		t.Fatalf("the name server was asked %d times", asked.Load())
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestSSRFRedirectInside(t *testing.T) {
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer inside.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		partner := httptest.NewServer(http.RedirectHandler(inside.URL+"/admin", status))
		c := client(t, outward.Config{Allow: []string{partner.URL, inside.URL}})
		if _, err := c.Get(t.Context(), partner.URL, 0); !errors.Is(err, outward.ErrAnswer) {
			t.Errorf("%d: %v", status, err)
		}
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, partner.URL, strings.NewReader("logout_token=x"))
		if a, err := c.Do(r); err != nil || a.Status != status {
			t.Errorf("%d: %v %v", status, a.Status, err)
		}
		partner.Close()
	}
}

// What the operator lists is spoken to; the next port, another scheme, and a
// listed name that leads to a cloud's metadata are not.
func TestOperatorsList(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "here") }))
	defer s.Close()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a port that was not listed") }))
	defer other.Close()
	c := client(t, outward.Config{Allow: []string{s.URL}})
	if b, err := c.Get(t.Context(), s.URL+"/x", 0); err != nil || string(b) != "here" {
		t.Fatal(string(b), err)
	}
	for _, address := range []string{other.URL, strings.Replace(s.URL, "127.0.0.1", "localhost", 1), strings.Replace(s.URL, "http:", "https:", 1), strings.Replace(s.URL, "127.0.0.1", "127.0.0.2", 1)} {
		if _, err := c.Get(t.Context(), address, 0); !errors.Is(err, outward.ErrRefused) {
			t.Errorf("%s: %v", address, err)
		}
	}
	every := client(t, outward.Config{Allow: []string{"http://localhost:*"}})
	if b, err := every.Get(t.Context(), strings.Replace(s.URL, "127.0.0.1", "localhost", 1), 0); err != nil || string(b) != "here" {
		t.Error(string(b), err)
	}
	// A listed host name may be private, and may not become this machine or a link.
	tlsServer, roots, connections := server(t, func(w http.ResponseWriter, _ *http.Request) {})
	for _, a := range []string{"127.0.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1", "224.0.0.1"} {
		listed := client(t, outward.Config{Roots: roots, Allow: []string{"https://bank.lan:" + port(tlsServer)}})
		listed.Resolve(names(t, func(string) []netip.Addr { return []netip.Addr{netip.MustParseAddr(a)} }))
		if _, err := listed.Get(t.Context(), "https://bank.lan:"+port(tlsServer)+"/", 0); !errors.Is(err, outward.ErrRefused) {
			t.Errorf("a listed name that leads to %s: %v", a, err)
		}
	}
	if connections.Load() != 0 {
		t.Error("connected")
	}
	for _, bad := range []string{"bank.lan", "http://bank.lan", "https://bank.lan:*", "https://bank.lan/path", "http://localhost:1:*", "ftp://localhost", "https://u@bank.lan", ""} {
		if _, err := outward.New(outward.Config{Allow: []string{bad}}); err == nil {
			t.Errorf("the list takes %q", bad)
		}
	}
}

// TLS below 1.2 and certificates that do not hold end the talk.
func TestTLSMustHold(t *testing.T) {
	old, roots, _ := server(t, func(http.ResponseWriter, *http.Request) {})
	c := client(t, outward.Config{Allow: []string{old.URL}})
	if _, err := c.Get(t.Context(), old.URL, 0); !errors.Is(err, outward.ErrFailed) || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
	c = client(t, outward.Config{Allow: []string{old.URL}, Roots: roots})
	if _, err := c.Get(t.Context(), old.URL, 0); err != nil {
		t.Error(err)
	}
	weak := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("TLS 1.1 was spoken") }))
	weak.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	weak.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	weak.StartTLS()
	defer weak.Close()
	roots.AddCert(weak.Certificate())
	c = client(t, outward.Config{Allow: []string{weak.URL}, Roots: roots})
	if _, err := c.Get(t.Context(), weak.URL, 0); !errors.Is(err, outward.ErrFailed) {
		t.Error(err)
	}
}

func TestHugeSlowAndPackedAnswers(t *testing.T) {
	bomb := &bytes.Buffer{}
	z := gzip.NewWriter(bomb)
	for range 64 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	z.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/huge":
			for range 100 {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		case "/exact":
			_, _ = w.Write(make([]byte, 1000))
		case "/bomb":
			if r.Header.Get("Accept-Encoding") != "identity" {
				t.Error("packed answers are asked for")
			}
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		case "/headers":
			for i := range 100 {
				w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 1000))
			}
		case "/silent":
			<-r.Context().Done()
		case "/drip":
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte("x"))
				w.(http.Flusher).Flush()
				time.Sleep(20 * time.Millisecond)
			}
		}
	}))
	defer s.Close()
	c := client(t, outward.Config{Allow: []string{s.URL}, Timeout: 400 * time.Millisecond})
	for path, want := range map[string]error{"/huge": outward.ErrLarge, "/bomb": outward.ErrAnswer, "/headers": outward.ErrFailed, "/silent": outward.ErrFailed, "/drip": outward.ErrFailed} {
		began := time.Now()
		if _, err := c.Get(t.Context(), s.URL+path, 0); !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
		if d := time.Since(began); d > 3*time.Second {
			t.Errorf("%s held the caller for %v", path, d)
		}
	}
	if b, err := c.Get(t.Context(), s.URL+"/exact", 1000); err != nil || len(b) != 1000 {
		t.Error(len(b), err)
	}
	if _, err := c.Get(t.Context(), s.URL+"/exact", 999); !errors.Is(err, outward.ErrLarge) {
		t.Error(err)
	}
}

// A proxy of the environment could see and turn round every request.
func TestProxyOfTheEnvironmentIsNotAsked(t *testing.T) {
	if client(t, outward.Config{}).Proxied() {
		t.Error("a proxy is asked")
	}
}

// A header that names another host must not smuggle a request past a shared
// front of many sites.
func TestHostHeaderIsTheAddresss(t *testing.T) {
	c := client(t, outward.Config{})
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://bank.example/", nil)
	r.Host = "inside.example"
	if _, err := c.Do(r); !errors.Is(err, outward.ErrRefused) {
		t.Error(err)
	}
}

// Addresses may carry secrets: neither errors nor the log hold one.
func TestErrorsHoldNoAddress(t *testing.T) {
	log := &bytes.Buffer{}
	c := client(t, outward.Config{Log: slog.New(slog.NewTextHandler(log, nil)), Timeout: 300 * time.Millisecond})
	c.Resolve(names(t, func(string) []netip.Addr { return []netip.Addr{netip.MustParseAddr("10.0.0.1")} }))
	_, err := c.Get(t.Context(), "https://example.com/hook/s3cret?token=s3cret", 0)
	if err == nil || strings.Contains(err.Error()+log.String(), "s3cret") {
		t.Error(err, log.String())
	}
	if !strings.Contains(log.String(), "example.com") {
		t.Error("the operator is not told which host it was")
	}
}
