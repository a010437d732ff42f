// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/andybalholm/cascadia"

	"danh/internal/browse"
	"danh/internal/db"
	"danh/tour"
)

const (
	applicants = 8 // who open accounts at the same time
	kills      = 3
)

// TestKilledDuringSignUps kills the server again and again, by a signal that
// it cannot see, while people open accounts over HTTP. What a page told
// somebody must be true after each restart: she can sign in, is told once that
// the account is open, and finds each change in her list of changes. Whoever
// was interrupted goes on where she stood.
func TestKilledDuringSignUps(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers and kills them")
	}
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			s, log := running(t, e, 3000)
			c := openAccounts(t, s)
			for range kills {
				c.await(t, 6)
				time.Sleep(rand.N(300 * time.Millisecond))
				if err := s.serve.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				var died *exec.ExitError
				if err := s.serve.Wait(); !errors.As(err, &died) || died.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("the server ended by itself: %v\n%s", err, tail(log.String()))
				}
				if err := s.startServe(t.Context()); err != nil {
					t.Fatalf("after a kill: %v\n%s", err, tail(log.String()))
				}
				c.signIn(t)
			}
			opened := c.finish(t)
			if c.interrupted.Load() == 0 {
				t.Error("no kill met anybody in the middle: nothing was tried")
			}
			promised(t, opened)
			auditVerifies(t, s)
			t.Logf("%d accounts, %d times somebody was interrupted by %d kills", len(opened), c.interrupted.Load(), kills)
		})
	}
}

// TestStoppedUnderLoad ends the server as an operator does: requests under way
// are answered, the exit code is 0 within --stop-after, and nothing that was
// acknowledged is lost.
func TestStoppedUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers and stops them")
	}
	const patience = 15 * time.Second
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			s, log := running(t, e, 3000, "DANH_STOP_AFTER="+patience.String())
			c := openAccounts(t, s)
			for range 2 {
				c.await(t, 4)
				began := time.Now()
				if err := s.serve.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				if err := s.serve.Wait(); err != nil {
					t.Fatalf("the exit code is not 0: %v\n%s", err, tail(log.String()))
				}
				if took := time.Since(began); took > patience+2*time.Second {
					t.Errorf("the stop took %s", took)
				}
				if strings.Contains(log.String(), "cut off") {
					t.Error("requests were cut off")
				}
				if err := s.startServe(t.Context()); err != nil {
					t.Fatalf("after a stop: %v\n%s", err, tail(log.String()))
				}
				c.signIn(t)
			}
			opened := c.finish(t)
			if n := c.cut.Load(); n > 0 {
				t.Errorf("%d requests that the server had taken were not answered", n)
			}
			promised(t, opened)
			auditVerifies(t, s)
		})
	}
}

// crowd is people who open accounts, one after the other in each of a few browsers.
type crowd struct {
	stop        chan struct{}
	checked     int // how many of the opened have signed in
	wg          sync.WaitGroup
	interrupted atomic.Int64
	cut         atomic.Int64 // closed by the server without an answer; the kernel resets those it never saw

	mu     sync.Mutex
	opened []*resident
	stuck  []error
}

// resident is an applicant whom a page told that her account is open.
type resident struct {
	*tour.Applicant
	signIns, tried int // sign-ins that were acknowledged, and all that were begun
}

func openAccounts(t *testing.T, s *stack) *crowd {
	c := &crowd{stop: make(chan struct{})}
	for range applicants {
		c.wg.Go(func() {
			for {
				select {
				case <-c.stop:
					return
				case <-time.After(rand.N(300 * time.Millisecond)): // the sandbox has only so many people
				}
				if err := c.one(t.Context(), s); err != nil {
					c.mu.Lock()
					c.stuck = append(c.stuck, err)
					c.mu.Unlock()
					return
				}
			}
		})
	}
	t.Cleanup(func() {
		select {
		case <-c.stop:
		default:
			close(c.stop)
		}
		c.wg.Wait()
	})
	return c
}

// one lets somebody open an account, however often the server goes away.
func (c *crowd) one(ctx context.Context, s *stack) error {
	a, err := tour.Take(ctx, s.env(), "min=20&max=80&phone=own&exact=1")
	if err != nil {
		return err
	}
	for end := time.Now().Add(2 * time.Minute); ; {
		if err = a.Open(ctx); err == nil {
			break
		}
		if strings.HasSuffix(err.Error(), "EOF") {
			c.cut.Add(1)
		}
		if ctx.Err() != nil || errors.Is(err, tour.ErrAnswered) || time.Now().After(end) {
			return err
		}
		c.interrupted.Add(1)
		if err := s.ready(ctx, s.env().Citizen+"/readyz", "the server"); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened = append(c.opened, &resident{Applicant: a})
	return nil
}

func (c *crowd) list() []*resident {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*resident(nil), c.opened...)
}

// await waits until n more accounts are open.
func (c *crowd) await(t *testing.T, n int) {
	t.Helper()
	from := len(c.list())
	for end := time.Now().Add(90 * time.Second); len(c.list()) < from+n; {
		if time.Now().After(end) {
			c.mu.Lock()
			defer c.mu.Unlock()
			t.Fatalf("only %d accounts were opened in time; stuck: %v", len(c.opened)-from, c.stuck)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// signIn signs in everybody who was told since the last time that her account
// is open; all of them sign in once more at the end.
func (c *crowd) signIn(t *testing.T) {
	t.Helper()
	all := c.list()
	for i, r := range all[c.checked:] {
		r.tried++
		if _, err := r.SignIn(t.Context()); err != nil {
			t.Errorf("account %d was acknowledged and is lost: %v", c.checked+i, err)
			continue
		}
		r.signIns++
	}
	c.checked = len(all)
}

// finish lets everybody who has begun come to her end.
func (c *crowd) finish(t *testing.T) []*resident {
	t.Helper()
	close(c.stop)
	c.wg.Wait()
	for _, err := range c.stuck {
		t.Errorf("somebody did not get her account: %v", err)
	}
	return c.opened
}

// promised holds the server to what it told these people.
func promised(t *testing.T, opened []*resident) {
	t.Helper()
	if len(opened) < 2*applicants {
		t.Fatalf("only %d accounts were opened", len(opened))
	}
	// A message that was being sent when its worker died is taken over when
	// the worker's lease has run out.
	patience := time.Now().Add(150 * time.Second)
	for i, r := range opened {
		for {
			err := told(t.Context(), r)
			if err == nil {
				break
			}
			if !errors.Is(err, errNotYet) || time.Now().After(patience) {
				t.Errorf("account %d: %v", i, err)
				break
			}
			time.Sleep(500 * time.Millisecond)
		}
		if err := noted(t.Context(), r); err != nil {
			t.Errorf("account %d: %v", i, err)
		}
	}
}

var errNotYet = errors.New("not yet")

// told checks that she was told once, on her phone and in her inbox.
func told(ctx context.Context, r *resident) error {
	texts, err := r.Texts(ctx)
	if err != nil {
		return err
	}
	n := 0
	for _, text := range texts {
		if strings.Contains(text, "Tài khoản định danh mức 1 của bạn đã mở") {
			n++
		}
	}
	switch {
	case n == 0:
		return fmt.Errorf("the message that the account is open did not come to the phone: %w", errNotYet)
	case n > 1:
		return fmt.Errorf("the phone shows %d times that the account is open", n)
	}
	return nil
}

// noted checks the inbox and the list of changes: each acknowledged change has
// exactly one entry, and what was not acknowledged at most one.
func noted(ctx context.Context, r *resident) error {
	r.tried++
	v, err := r.SignIn(ctx)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	r.signIns++
	p, err := v.Page(ctx, "/inbox")
	if err != nil {
		return err
	}
	in := 0
	for _, n := range p.All(`main a[href^="/inbox/"]`) {
		if strings.Contains(browse.TextOf(n), "Tài khoản định danh của bạn đã mở") {
			in++
		}
	}
	if in != 1 {
		return fmt.Errorf("the inbox says %d times that the account is open", in)
	}
	changes, openings := map[string]int{}, 0
	for next := "/looked?show=changes"; next != ""; {
		if p, err = v.Page(ctx, next); err != nil {
			return err
		}
		for _, item := range p.All("li.look") {
			// A card may stand for several entries of a day, each behind a link of its own.
			what, _, _ := strings.Cut(browse.TextOf(cascadia.Query(item, cascadia.MustCompile(".who p"))), " · ")
			each := cascadia.QueryAll(item, cascadia.MustCompile("details a.ask"))
			if len(each) == 0 {
				each = cascadia.QueryAll(item, cascadia.MustCompile("a.ask"))
			}
			changes[what] += len(each)
			if what != "Đối chiếu khi mở tài khoản" {
				continue
			}
			for _, a := range each {
				action, err := proved(ctx, v, browse.Attr(a, "href"))
				if err != nil {
					return err
				}
				if action == "account.opened" {
					openings++
				}
			}
		}
		next = ""
		if older := p.All(`main a[href*="before="]`); len(older) > 0 {
			next = "/looked" + browse.Attr(older[0], "href")[strings.Index(browse.Attr(older[0], "href"), "?"):]
		}
	}
	if openings != 1 {
		return fmt.Errorf("the opening stands %d times among the changes (%v)", openings, changes)
	}
	if n := changes["Đăng nhập"]; n < r.signIns || n > r.tried {
		return fmt.Errorf("%d sign-ins stand among the changes; %d were acknowledged, %d begun", n, r.signIns, r.tried)
	}
	if p, err = v.Page(ctx, "/looked"); err != nil {
		return err
	}
	if len(p.All("li.look")) == 0 {
		return errors.New("the comparison with the registry is not among the looks")
	}
	return nil
}

// proved takes an entry's proof home and reads which action it proves; the
// sealer may still be at work.
func proved(ctx context.Context, v *tour.Visit, at string) (action string, err error) {
	var p *browse.Page
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if p, err = v.Page(ctx, at+"/proof"); err == nil {
			break
		}
		if time.Now().After(end) {
			return "", fmt.Errorf("no proof of a change: %w", err)
		}
	}
	var doc struct {
		Entry []string `json:"entry"`
	}
	if err := p.JSON(&doc); err != nil {
		return "", err
	}
	for _, l := range doc.Entry {
		if name, value, _ := strings.Cut(l, " "); name == "action" {
			return value, nil
		}
	}
	return "", errors.New("the proof names no action")
}

func auditVerifies(t *testing.T, s *stack) {
	t.Helper()
	var out bytes.Buffer
	if err := s.self(context.Background(), &out, "audit", "verify"); err != nil {
		t.Errorf("audit verify: %v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "as it was written") {
		t.Errorf("audit verify says %q", out.String())
	}
}
