// SPDX-License-Identifier: Apache-2.0

// Package webtest owns the two readers that tests of doors use: a Client that
// reads pages and fills the forms it finds there, as an official could do from
// a script, and a Browser, which is the real Chromium.
//
// A Client sends only what the page offers: a field or a button that is not in
// the page fails the test, so a broken form cannot pass. It follows redirects
// across doors and keeps cookies as a browser does. It refuses nothing on its
// own; what must not appear is asked for with Lacks.
package webtest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// Client reads pages like a person without scripts.
type Client struct {
	T      testing.TB
	Base   string // "http://127.0.0.1:1234"
	Header http.Header
	http   *http.Client
	jar    *jar
}

// New makes a client for a server that is already there.
func New(t testing.TB, base string) *Client {
	j := newJar()
	return &Client{T: t, Base: strings.TrimSuffix(base, "/"), Header: http.Header{}, jar: j,
		http: &http.Client{Jar: j, Timeout: 60 * time.Second}}
}

// Trust lets the client believe a server's authorities.
func (c *Client) Trust(pool *x509.CertPool) {
	c.http.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
}

// Serve starts a handler on a loopback port for the length of the test and
// makes a client for it.
func Serve(t testing.TB, h http.Handler) *Client {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return New(t, s.URL)
}

// English makes the client read the English pages.
func (c *Client) English() *Client {
	u, err := url.Parse(c.Base)
	if err != nil {
		c.T.Fatal(err)
	}
	c.jar.SetCookies(u, []*http.Cookie{{Name: "danh-lang", Value: "en", Path: "/"}})
	return c
}

// Cookie is a kept cookie's value for the client's server, "" when there is none.
func (c *Client) Cookie(name string) string {
	u, err := url.Parse(c.Base + "/")
	if err != nil {
		c.T.Fatal(err)
	}
	for _, k := range c.jar.Cookies(u) {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

// Forget drops all cookies, as another browser would start.
func (c *Client) Forget() {
	c.jar.mu.Lock()
	defer c.jar.mu.Unlock()
	c.jar.kept = map[string][]*http.Cookie{}
}

// Stop makes redirects end the journey: the answer is then the redirect itself.
func (c *Client) Stop() *Client {
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// Follow undoes Stop.
func (c *Client) Follow() *Client {
	c.http.CheckRedirect = nil
	return c
}

// Get reads a page; path may be a whole URL.
func (c *Client) Get(path string) *Page {
	c.T.Helper()
	return c.do(http.MethodGet, c.absolute(path), nil, "", "none")
}

// Post sends a form that no page offered: for attacks and for APIs. The
// request says that it comes from the same origin.
func (c *Client) Post(path string, form url.Values) *Page {
	c.T.Helper()
	return c.do(http.MethodPost, c.absolute(path), strings.NewReader(form.Encode()), "application/x-www-form-urlencoded", "same-origin")
}

// PostFrom sends a form as another site would make a browser send it: without
// the cookies that are for this site's own posts.
func (c *Client) PostFrom(origin, path string, form url.Values) *Page {
	c.T.Helper()
	old := c.Header
	c.Header = old.Clone()
	c.Header.Set("Origin", origin)
	defer func() { c.Header = old }()
	c.jar.mu.Lock()
	c.jar.foreign = true
	c.jar.mu.Unlock()
	return c.do(http.MethodPost, c.absolute(path), strings.NewReader(form.Encode()), "application/x-www-form-urlencoded", "cross-site")
}

func (c *Client) absolute(path string) string {
	if strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://") {
		return path
	}
	return c.Base + path
}

func (c *Client) do(method, target string, body io.Reader, kind, site string) *Page {
	c.T.Helper()
	r, err := http.NewRequest(method, target, body)
	if err != nil {
		c.T.Fatalf("%s %s: %v", method, target, err)
	}
	maps.Copy(r.Header, c.Header)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	// What a browser says about where a request comes from (Fetch Metadata).
	r.Header.Set("Sec-Fetch-Site", site)
	if method != http.MethodGet && r.Header.Get("Origin") == "" {
		r.Header.Set("Origin", r.URL.Scheme+"://"+r.URL.Host)
	}
	res, err := c.http.Do(r)
	if err != nil {
		c.T.Fatalf("%s %s: %v", method, target, err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.T.Fatalf("%s %s: %v", method, target, err)
	}
	p := &Page{client: c, T: c.T, Status: res.StatusCode, Header: res.Header, URL: res.Request.URL, Body: string(b)}
	p.Doc, err = html.Parse(bytes.NewReader(b))
	if err != nil {
		c.T.Fatalf("%s %s: %v", method, target, err)
	}
	return p
}

func keys(v url.Values) string {
	return fmt.Sprint(slices.Sorted(maps.Keys(v)))
}
