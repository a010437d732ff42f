// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/tour"
)

// TestReadyFollowsTheDatabase: while the database is out of reach the server
// says so to its balancer and to people, goes on living, and recovers by
// itself.
func TestReadyFollowsTheDatabase(t *testing.T) {
	if _, err := program(); err != nil {
		t.Fatal(err)
	}
	behind := dbtest.URL(t, db.PostgreSQL, nil)
	u, err := url.Parse(behind)
	if err != nil {
		t.Fatal(err)
	}
	wire := &cable{to: u.Host}
	if u.Host, err = wire.plugIn("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wire.pullOut)
	p, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	log := &safeBuffer{}
	s := &stack{dir: t.TempDir(), ports: p, log: log, database: u.String()}
	if err := s.prepare(t.Context(), 300, 1, func(string) {}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	if err := s.startSandbox(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.startServe(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, tail(log.String()))
	}
	becomes := func(want int) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			got := status(t, s.env().Citizen+"/readyz")
			if got == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("/readyz answers %d, not %d\n%s", got, want, tail(log.String()))
			}
		}
	}
	becomes(http.StatusOK)
	wire.pullOut()
	becomes(http.StatusServiceUnavailable)
	if got := status(t, s.env().Citizen+"/healthz"); got != http.StatusOK {
		t.Errorf("/healthz answers %d while only the database is away", got)
	}
	if got := status(t, s.env().Portal+"/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("the portal's /readyz answers %d", got)
	}
	if got := status(t, s.env().Citizen+"/case"); got >= 500 && got != http.StatusInternalServerError && got != http.StatusServiceUnavailable {
		t.Errorf("a page answers %d", got)
	}
	if m := metrics(t, s); !strings.Contains(m, "\ndanh_database_up 0\n") {
		t.Error("the metrics do not say that the database is away")
	}
	if _, err := wire.plugIn(u.Host); err != nil {
		t.Fatal(err)
	}
	becomes(http.StatusOK)
	a, err := tour.Take(t.Context(), s.env(), "min=20&max=80&phone=own&exact=1")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Open(t.Context()); err != nil {
		t.Errorf("after the database came back: %v\n%s", err, tail(log.String()))
	}
}

// TestTwoServersShareOneDatabase: a session that one server opened is known to
// the other, each goes on without the other, and one log holds both.
func TestTwoServersShareOneDatabase(t *testing.T) {
	s, log := running(t, db.PostgreSQL, 300)
	q, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	q.sandbox, q.smpp, q.smtp = s.ports.sandbox, s.ports.smpp, s.ports.smtp
	two := &stack{dir: s.dir, database: s.database, ports: q, log: log, extra: []string{
		"DANH_ISSUER=" + s.env().Citizen, "DANH_PORTAL_URL=" + s.env().Portal, "DANH_OFFICER_URL=" + s.env().Officer,
		"DANH_PARTNER_URL=" + s.env().Partner, "DANH_AUDITOR_URL=" + s.env().Auditor}}
	t.Cleanup(two.stop)
	second := fmt.Sprintf("http://localhost:%d", q.citizen) // its env names the issuer that both share
	if err := two.startServe(t.Context()); err != nil {
		t.Fatalf("the second server: %v\n%s", err, tail(log.String()))
	}
	a, err := tour.Take(t.Context(), s.env(), "min=20&max=80&phone=own&exact=1")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	v, err := a.SignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Page(t.Context(), "/security"); err != nil {
		t.Error(err)
	}
	other := v.At(second)
	if _, err := other.Page(t.Context(), "/security"); err != nil {
		t.Errorf("the other server does not know the session: %v", err)
	}
	toldAll(t, []*resident{{Applicant: a}})
	// The one that answers people may end; the other goes on and seals.
	if err := s.serve.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.serve.Wait() // by the kill
	elsewhere := s.env()
	elsewhere.Citizen = second
	b, err := tour.Take(t.Context(), elsewhere, "min=20&max=80&phone=own&exact=1")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Open(t.Context()); err != nil {
		t.Errorf("opening at the other server: %v", err)
	}
	if _, err := other.Page(t.Context(), "/looked"); err != nil {
		t.Errorf("the session ended with the server that opened it: %v", err)
	}
	if err := s.startServe(t.Context()); err != nil {
		t.Fatal(err)
	}
	toldAll(t, []*resident{{Applicant: b}})
	auditVerifies(t, s)
}

// TestRequestUnderWayIsAnswered sends half of a form, ends the server, and
// sends the other half: the answer comes, and then the server is gone.
func TestRequestUnderWayIsAnswered(t *testing.T) {
	s, log := running(t, db.SQLite, 300)
	body := bytes.NewBufferString("number=001190999901&password=" + strings.Repeat("x", 40))
	// By hand, for the moment at which the server has begun to read.
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports.citizen))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head := fmt.Sprintf("POST /signin HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", s.ports.citizen, "application/x-www-form-urlencoded", body.Len())
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != http.StatusContinue { // it is being read: it is under way
		t.Fatalf("the server does not wait for the body: %+v %v", resp, err)
	}
	type answer struct {
		status int
		err    error
	}
	got := make(chan answer, 1)
	go func() {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			got <- answer{0, err}
			return
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		got <- answer{resp.StatusCode, err}
	}()
	if _, err := conn.Write(body.Next(body.Len() / 2)); err != nil {
		t.Fatal(err)
	}
	if err := s.serve.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// No new connections from here on.
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports.citizen))
		if err != nil {
			break
		}
		c.Close()
		if time.Now().After(end) {
			t.Fatal("the server goes on taking connections")
		}
	}
	if _, err := io.Copy(conn, body); err != nil {
		t.Error(err)
	}
	if a := <-got; a.err != nil || a.status != http.StatusUnprocessableEntity && a.status != http.StatusUnauthorized {
		t.Errorf("the request under way was answered %d, %v", a.status, a.err)
	}
	if err := s.serve.Wait(); err != nil {
		t.Errorf("the exit code is not 0: %v\n%s", err, tail(log.String()))
	}
}

// toldAll waits until each was told that her account is open.
func toldAll(t *testing.T, few []*resident) {
	t.Helper()
	for i, r := range few {
		for end := time.Now().Add(150 * time.Second); ; time.Sleep(300 * time.Millisecond) {
			err := told(t.Context(), r)
			if err == nil {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("account %d: %v", i, err)
			}
		}
	}
}

func status(t *testing.T, address string) int {
	t.Helper()
	c := &http.Client{Timeout: 15 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Get(address)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func metrics(t *testing.T, s *stack) string {
	t.Helper()
	resp, err := http.Get(fmt.Sprintf("http://localhost:%d/metrics", s.ports.metrics))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("metrics: %d, %v", resp.StatusCode, err)
	}
	return string(b)
}

// cable is the network between the server and its database.
type cable struct {
	to    string
	mu    sync.Mutex
	at    net.Listener
	ends  []net.Conn
	wg    sync.WaitGroup
	apart bool
}

func (c *cable) plugIn(at string) (string, error) {
	l, err := net.Listen("tcp", at)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	c.at, c.apart = l, false
	c.mu.Unlock()
	c.wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", c.to)
			if err != nil {
				in.Close()
				continue
			}
			c.mu.Lock()
			if c.apart {
				in.Close()
				out.Close()
			}
			c.ends = append(c.ends, in, out)
			c.mu.Unlock()
			c.wg.Go(func() { _, _ = io.Copy(out, in); out.Close() })
			c.wg.Go(func() { _, _ = io.Copy(in, out); in.Close() })
		}
	})
	return l.Addr().String(), nil
}

func (c *cable) pullOut() {
	c.mu.Lock()
	c.apart = true
	c.at.Close()
	for _, e := range c.ends {
		e.Close()
	}
	c.ends = nil
	c.mu.Unlock()
	c.wg.Wait()
}
