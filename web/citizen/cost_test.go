// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"danh/account/accounttest"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/provider/providertest"
	"danh/web/citizen"
)

// cost is what one request takes.
type cost struct {
	reads, writes, transactions int
	signatures                  int // JWTs in the answer
	in, out                     int // bytes on the wire, headers included
}

func (c cost) String() string {
	return fmt.Sprintf("| %d | %d | %d | %d | %d | %d |", c.reads, c.writes, c.transactions, c.signatures, c.in, c.out)
}

// wire counts the bytes of a listener's connections.
type wire struct {
	net.Listener
	in, out atomic.Int64
}

type counted struct {
	net.Conn
	w *wire
}

func (w *wire) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	return counted{c, w}, err
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.w.in.Add(int64(n))
	return n, err
}

func (c counted) Write(b []byte) (int, error) {
	c.w.out.Add(int64(len(b))) // before the reader can have them
	return c.Conn.Write(b)
}

// scales weighs one request after the other at the citizen's door.
type scales struct {
	t    *testing.T
	base string
	wire *wire
	rec  *tracetest.SpanRecorder
	http *http.Client
	got  map[string]cost
}

func weigh(t *testing.T, d *db.DB) (*scales, *providertest.House) {
	s := &scales{t: t, rec: tracetest.NewSpanRecorder(), got: map[string]cost{}}
	tracer := sdk.NewTracerProvider(sdk.WithSpanProcessor(s.rec), sdk.WithSampler(sdk.AlwaysSample())).Tracer("test")
	var door http.Handler
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, span := tracer.Start(r.Context(), "request")
		defer span.End()
		door.ServeHTTP(w, r.WithContext(ctx))
	}))
	s.wire = &wire{Listener: server.Listener}
	server.Listener = s.wire
	server.Start()
	t.Cleanup(server.Close)
	s.base = server.URL
	h := providertest.New(t, d, s.base)
	h.Clock.Set(time.Now())
	door = citizen.Door(citizen.Config{Accounts: h.Keeper, Provider: h.Provider, Notify: h.Notify, Audit: h.Audit, Clock: h.Clock, Log: h.Log})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.http = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 1}}
	return s, h
}

var jwt = regexp.MustCompile(`"eyJ[\w-]+\.[\w-]+\.[\w-]+"`)

// do sends a request, wants a status and writes down under name what it cost.
func (s *scales) do(name string, r *http.Request, status int) (*http.Response, []byte) {
	s.t.Helper()
	s.rec.Reset()
	in, out := s.wire.in.Load(), s.wire.out.Load()
	res, err := s.http.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode != status {
		s.t.Fatalf("%s: %d %s", name, res.StatusCode, body)
	}
	c := cost{signatures: len(jwt.FindAll(body, -1)), in: int(s.wire.in.Load() - in), out: int(s.wire.out.Load() - out)}
	for _, span := range s.rec.Ended() {
		if span.Name() == "transaction" {
			c.transactions++
		}
		for _, a := range span.Attributes() {
			if a.Key != "db.query.text" {
				continue
			}
			if strings.HasPrefix(a.Value.AsString(), "SELECT") {
				c.reads++
			} else {
				c.writes++
			}
		}
	}
	if name != "" {
		s.got[name] = c
	}
	return res, body
}

func (s *scales) request(method, path string, v url.Values) *http.Request {
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(v.Encode())
	} else if v != nil {
		path += "?" + v.Encode()
	}
	r, err := http.NewRequest(method, s.base+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (s *scales) partner(path string, v url.Values) *http.Request {
	r := s.request(http.MethodPost, path, v)
	r.SetBasicAuth("bank", providertest.Secret.Reveal())
	return r
}

func (s *scales) read(body []byte, into any) {
	s.t.Helper()
	if err := json.Unmarshal(body, into); err != nil {
		s.t.Fatal(err)
	}
}

const costScope = "openid profile number offline_access"

// TestWhatARequestCosts holds docs/performance.md to what requests do: a query
// more, or a tenth more bytes, is a change that somebody must have meant.
func TestWhatARequestCosts(t *testing.T) {
	dbtest.Run(t, providertest.Schemas, func(t *testing.T, d *db.DB) {
		want := documented(t)
		s, h := weigh(t, d)
		_, session := h.SignInLan(t, true)
		h.Tokens(t, session, costScope) // she has agreed
		number := h.Person(accounttest.Lan).Declared.Number.Reveal()
		signIn := url.Values{"number": {number}, "password": {string(accounttest.Password)}}
		s.do("", s.request("GET", "/.well-known/openid-configuration", nil), 200) // the connection stands
		s.do("GET /signin", s.request("GET", "/signin", nil), 200)
		s.do("", s.request("POST", "/signin", signIn), 303) // the browser is known from here on
		s.do("POST /signin", s.request("POST", "/signin", signIn), 303)
		jar := s.http.Jar
		s.http.Jar = nil // partners keep no cookies
		s.do("GET /.well-known/openid-configuration", s.request("GET", "/.well-known/openid-configuration", nil), 200)
		s.do("GET /jwks", s.request("GET", "/jwks", nil), 200)
		v := providertest.Request(costScope)
		v.Del("client_id")
		var pushed struct {
			Name string `json:"request_uri"`
		}
		_, body := s.do("POST /par", s.partner("/par", v), 201)
		s.read(body, &pushed)
		s.http.Jar = jar
		res, _ := s.do("GET /authorize", s.request("GET", "/authorize", url.Values{"client_id": {"bank"}, "request_uri": {pushed.Name}}), 303)
		s.http.Jar = nil
		to, err := res.Location()
		if err != nil || to.Query().Get("code") == "" {
			t.Fatalf("no code: %v %v", to, err)
		}
		var tokens struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
		}
		_, body = s.do("POST /token, code", s.partner("/token", url.Values{"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")},
			"redirect_uri": {providertest.BankRedirect}, "code_verifier": {providertest.Verifier}}), 200)
		s.read(body, &tokens)
		info := s.request("GET", "/userinfo", nil)
		info.Header.Set("Authorization", "Bearer "+tokens.Access)
		if _, body = s.do("GET /userinfo", info, 200); !strings.Contains(string(body), number) {
			t.Errorf("userinfo lacks what was agreed: %s", body)
		}
		if _, body = s.do("POST /introspect", s.partner("/introspect", url.Values{"token": {tokens.Access}}), 200); !strings.Contains(string(body), `"active":true`) {
			t.Errorf("a living token is called dead: %s", body)
		}
		_, body = s.do("POST /token, refresh", s.partner("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}}), 200)
		s.read(body, &tokens)
		s.do("POST /revoke", s.partner("/revoke", url.Values{"token": {tokens.Refresh}}), 200)

		for name, got := range s.got {
			w, ok := want[name]
			delete(want, name)
			if !ok {
				t.Errorf("docs/performance.md does not name it: | `%s` %v", name, got)
				continue
			}
			near := func(a, b int) bool { return 10*a <= 11*b && 10*b <= 11*a }
			exact := got
			exact.in, exact.out = w.in, w.out
			if exact != w || !near(got.in, w.in) || !near(got.out, w.out) {
				t.Errorf("docs/performance.md says\n| `%s` %v and it is\n| `%s` %v", name, w, name, got)
			}
		}
		for name := range want {
			t.Errorf("docs/performance.md names %s, which is not measured", name)
		}
	})
}

// documented reads the table: name, reads, writes, transactions, signatures,
// bytes in, bytes out; further columns are for people.
func documented(t *testing.T) map[string]cost {
	t.Helper()
	b, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]cost{}
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(line, "|")
		if len(cells) < 9 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			continue
		}
		var c cost
		for i, at := range []*int{&c.reads, &c.writes, &c.transactions, &c.signatures, &c.in, &c.out} {
			if *at, err = strconv.Atoi(strings.TrimSpace(cells[i+2])); err != nil {
				t.Fatalf("docs/performance.md: %q: %v", line, err)
			}
		}
		out[strings.Trim(strings.TrimSpace(cells[1]), "`")] = c
	}
	if len(out) == 0 {
		t.Fatal("docs/performance.md holds no table")
	}
	return out
}
