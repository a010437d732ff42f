// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestCallerBehindProxies(t *testing.T) {
	trust, err := parseProxies([]string{"10.0.0.0/8", "::1", " 192.0.2.9 ", ""})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		peer string
		said []string
		want string
	}{
		"through one proxy":                     {"10.0.0.7:4711", []string{"203.0.113.5"}, "203.0.113.5:0"},
		"through two":                           {"10.0.0.7:4711", []string{"203.0.113.5, 192.0.2.9"}, "203.0.113.5:0"},
		"in two header lines":                   {"10.0.0.7:4711", []string{"203.0.113.5", "192.0.2.9"}, "203.0.113.5:0"},
		"an address made up by the caller":      {"10.0.0.7:4711", []string{"198.51.100.1, 203.0.113.5"}, "203.0.113.5:0"},
		"a proxy's address made up by her":      {"10.0.0.7:4711", []string{"10.9.9.9, 203.0.113.5"}, "203.0.113.5:0"},
		"a header from somebody else":           {"203.0.113.5:4711", []string{"198.51.100.1"}, "203.0.113.5:4711"},
		"noise before the last hop":             {"10.0.0.7:4711", []string{"<script>, 203.0.113.5"}, "203.0.113.5:0"},
		"noise alone":                           {"10.0.0.7:4711", []string{"unknown"}, "10.0.0.7:0"},
		"no header":                             {"10.0.0.7:4711", nil, "10.0.0.7:0"},
		"IPv6":                                  {"[::1]:4711", []string{"2001:db8::5"}, "[2001:db8::5]:0"},
		"an IPv4 address written as IPv6":       {"[::ffff:10.0.0.7]:4711", []string{"::ffff:203.0.113.5"}, "203.0.113.5:0"},
		"from inside, through nothing but ours": {"10.0.0.7:4711", []string{"10.1.1.1"}, "10.1.1.1:0"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		for _, v := range c.said {
			r.Header.Add("X-Forwarded-For", v)
		}
		var got string
		trust.behind("", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr })).ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
		if r.RemoteAddr != c.peer {
			t.Errorf("%s: the server's request was changed", name)
		}
	}
	for _, bad := range []string{"proxy.example", "10.0.0.0/33", "10.0.0"} {
		if _, err := parseProxies([]string{bad}); err == nil {
			t.Errorf("%s is taken for an address", bad)
		}
	}
}

// Without the proxy's address every caller would be counted as one.
func TestBeyondLoopbackNeedsTheProxysAddress(t *testing.T) {
	f := serveFlags{Host: "10.0.0.5", PasswordMax: 64}
	if err := f.complete(); err == nil {
		t.Error("listens beyond this machine without knowing its proxy")
	}
	f.Proxies = []string{"10.0.0.7"}
	if err := f.complete(); err != nil {
		t.Error(err)
	}
}
