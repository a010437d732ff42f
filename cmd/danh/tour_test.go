// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"danh/internal/db"
	"danh/tour"
)

// TestToursPassOnBothEngines plays every tour against real processes, and then
// reads the servers' logs for personal data and their metrics.
func TestToursPassOnBothEngines(t *testing.T) {
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		t.Run(string(e), func(t *testing.T) {
			s, log := running(t, e, 600, "DANH_COOL_OFF=2s")
			env := staffed(t, s, true)
			for _, x := range tour.All() {
				var out bytes.Buffer
				if err := tour.Run(context.Background(), x.Name, env, &out); err != nil {
					t.Errorf("%v\n%s\n%s", err, out.String(), tail(log.String()))
				}
			}
			noPersonalData(t, s, log.String())
			if e == db.SQLite {
				t.Run("metrics", func(t *testing.T) { metricsNameNobody(t, s, env) })
				t.Run("parties", func(t *testing.T) { demosHaveParties(t, s) })
			}
			var out bytes.Buffer
			if err := s.self(context.Background(), &out, "audit", "verify"); err != nil {
				t.Errorf("audit verify: %v\n%s", err, out.String())
			}
		})
	}
}

// demosHaveParties begins a party for each demonstration as danh up does, and
// loads a client for it: it keeps its party, and goes to no other.
func demosHaveParties(t *testing.T, s *stack) {
	document := filepath.Join(t.TempDir(), "danh.json")
	text, err := os.ReadFile("../../demo/shop/danh.json")
	if err == nil {
		err = os.WriteFile(document, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	party := map[string]string{}
	for head, of := range map[string]string{"representative": "Ngân hàng Sông Hậu", "merchant": "Cửa hàng Bến Nước"} {
		d, file := &demo{head: head, of: of}, filepath.Join(t.TempDir(), head)
		for range 2 {
			if party[head], err = s.demoParty(t.Context(), d, file); err != nil || !strings.HasPrefix(party[head], "DT-") {
				t.Fatalf("%s: %q %v", of, party[head], err)
			}
		}
	}
	load := func(more ...string) error {
		return s.self(t.Context(), io.Discard, append([]string{"partner", "load", "--id", "demo-shop", document}, more...)...)
	}
	if err := load("--party", party["merchant"]); err != nil {
		t.Fatal(err)
	}
	if err := load(); err != nil {
		t.Error(err)
	}
	if err := load("--party", party["representative"]); err == nil || !strings.Contains(err.Error(), party["merchant"]) {
		t.Errorf("a party's client became another one's: %v", err)
	}
	if err := load("--party", "DT-9999"); err == nil || !strings.Contains(err.Error(), "no party DT-9999") {
		t.Errorf("a party that is not there: %v", err)
	}

	// Also one whose time is over stays its party's.
	g, err := openGround(t.Context(), dataFlags{Data: s.dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer g.db.Close()
	if err := g.db.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE partner_client SET valid_until = 1 WHERE id = 'demo-shop'`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := load("--party", party["representative"]); err == nil || !strings.Contains(err.Error(), party["merchant"]) {
		t.Errorf("a client whose time is over became another party's: %v", err)
	}

	// A connection that was ended keeps nobody from starting again.
	dir := filepath.Join(s.dir, "sandbox", "gone")
	for file, text := range map[string]string{filepath.Join(demoPrograms(), "danh-demo-gone"): "#!/bin/sh\ncat '" + document + "'\n", filepath.Join(dir, "party"): "DT-9999"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	if lines, err := s.startDemos(t.Context(), &demo{name: "gone", id: "demo-gone"}); err != nil || len(lines) != 1 || !strings.Contains(lines[0], "no demonstration gone: it cannot be registered") {
		t.Errorf("%q %v", lines, err)
	}
}

// staffed opens the accounts of the sample officers, and of the sample
// organisations' people when they are needed, as danh up does, and says where
// everything is.
func staffed(t *testing.T, s *stack, heads bool) tour.Env {
	t.Helper()
	if _, err := s.openStaff(t.Context()); err != nil {
		t.Fatal(err)
	}
	if heads {
		if _, err := s.openHeads(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	env := s.env()
	var err error
	if env.Staff, err = tour.ReadStaff(s.staffFile()); err != nil || len(env.Staff) < 3 {
		t.Fatalf("%d sample officers: %v", len(env.Staff), err)
	}
	return env
}

// noPersonalData looks in a log for anything of any synthetic person.
func noPersonalData(t *testing.T, s *stack, log string) {
	t.Helper()
	resp, err := http.Get(s.env().Sandbox + "/people.json?dead=1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var all []struct {
		Number    string   `json:"number"`
		OldNumber string   `json:"old_number"`
		Name      string   `json:"name"`
		Phones    []string `json:"phones"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil || len(all) < 200 {
		t.Fatalf("%d people: %v", len(all), err)
	}
	if len(log) < 2000 {
		t.Fatalf("the log has only %d bytes: nothing was looked through", len(log))
	}
	for _, p := range all {
		for _, v := range append([]string{p.Number, p.OldNumber, p.Name}, p.Phones...) {
			if v != "" && strings.Contains(log, v) {
				t.Errorf("the log contains a person's data (%d characters)", len(v))
			}
		}
		for _, ph := range p.Phones {
			if strings.Contains(log, strings.TrimPrefix(ph, "0")) {
				t.Error("the log contains a phone without its leading zero")
			}
		}
	}
}

// TestTourFailsWhereAnAnswerIsCorrupted: for each step, a proxy between the
// tour and the world corrupts one answer, and the tour fails at that very step.
// Steps take turns in whether it is the first or the last; with DANH_TOUR_ALL
// set it is once the one and once the other, at twice the time.
func TestTourFailsWhereAnAnswerIsCorrupted(t *testing.T) {
	for _, x := range tour.All() {
		t.Run(x.Name, func(t *testing.T) {
			t.Parallel() // much of a tour waits for messages
			// An officer may search for forty people in an hour and open thirty visits,
			// and few people hold cards: after some plays there is another officer.
			most := map[string]int{"counter": 18, "child": 8, "upgrade": 18, "foreigner": 26, "squatter": 26, "freeze": 18, "recovery": 18, "bank": 25, "organisation": 20}[x.Name]
			var s *stack
			var env tour.Env
			plays := 0
			play := func(t *testing.T, step, nth int) played {
				switch {
				case plays == 0 && most == 0:
					s, _ = running(t, db.SQLite, 2000)
					env = s.env()
				case most > 0 && plays%most == 0:
					if s != nil {
						s.stop()
					}
					s, _ = running(t, db.SQLite, 600, "DANH_COOL_OFF=2s")
					env = staffed(t, s, x.Name == "bank" || x.Name == "organisation")
				}
				plays++
				return play(t, env, x.Name, step, nth)
			}
			clean := play(t, -1, 0)
			if clean.err != nil {
				t.Fatalf("without corruption: %v\n%s", clean.err, clean.out)
			}
			if len(clean.answers) < 10 {
				t.Fatalf("only %d steps", len(clean.answers))
			}
			spoilt, asked := 0, 0
			for step, n := range clean.answers {
				if n > 0 {
					asked++
				}
				which := slices.Compact([]int{0, n - 1})
				if len(which) == 2 && os.Getenv("DANH_TOUR_ALL") == "" {
					which = which[step%2 : step%2+1]
				}
				for _, nth := range which {
					if n == 0 {
						continue // a step that only looks at what the step before it got
					}
					got := play(t, step, nth)
					if !got.spoilt && got.err != nil {
						t.Errorf("nothing was corrupted yet, and the tour ended in step %d with %v\n%s", got.last+1, got.err, got.out)
					}
					if !got.spoilt && nth > 0 {
						got = play(t, step, 0) // fewer answers than in the clean run: it waited less for a message
					}
					if !got.spoilt {
						continue
					}
					spoilt++
					if !errors.Is(got.err, tour.ErrFailed) || got.last != step {
						t.Errorf("answer %d of step %d was corrupted, and the tour ended in step %d with %v\n%s", nth+1, step+1, got.last+1, got.err, got.out)
					}
				}
			}
			if spoilt < asked || asked < 10 {
				t.Fatalf("only %d answers were corrupted in %d steps", spoilt, asked)
			}
		})
	}
}

type played struct {
	err     error
	out     string
	answers []int // answers per step
	last    int   // the step in which the tour ended
	spoilt  bool  // an answer was corrupted
}

// play plays a tour through a forward proxy that corrupts the nth answer of a
// step, both counted from 0; a negative step leaves everything as it is.
func play(t *testing.T, env tour.Env, name string, corrupt, nth int) played {
	t.Helper()
	var mu sync.Mutex
	now := 0
	p := played{}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RequestURI = ""
		resp, err := transport.RoundTrip(r)
		if err != nil {
			http.Error(w, "bad gateway", http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		mu.Lock()
		spoil := now == corrupt && p.answers[now] == nth
		p.answers[now]++
		p.spoilt = p.spoilt || spoil
		mu.Unlock()
		for k, v := range resp.Header {
			w.Header()[k] = v
		}
		if spoil {
			w.Header().Del("Content-Length")
			w.Header().Del("Content-Encoding")
			if w.Header().Get("Location") != "" {
				w.Header().Set("Location", "/nowhere")
			}
			body = []byte(garble(string(body)))
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = w.Write(body)
	}))
	defer proxy.Close()
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	env.Proxy = u
	env.OnStep = func(n int, _ string) {
		mu.Lock()
		defer mu.Unlock()
		now, p.last = n, n
		for len(p.answers) <= n {
			p.answers = append(p.answers, 0)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var out bytes.Buffer
	p.err = tour.Run(ctx, name, env, &out)
	p.out = out.String()
	return p
}

// garble changes every letter and digit.
func garble(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r < 'z', r >= 'A' && r < 'Z', r >= '0' && r < '9', r > 127:
			return r + 1
		case r == 'z' || r == 'Z' || r == '9':
			return r - 1
		}
		return r
	}, s)
}
