// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"danh/internal/db"
	"danh/internal/dbtest"
)

// program builds the real program once, with the flags of make build.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "danh-program-")
	if err != nil {
		return "", err
	}
	exe := filepath.Join(dir, "danh")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", exe, "danh/cmd/danh")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build danh: %w\n%s", err, out)
	}
	return exe, os.Setenv("DANH_EXECUTABLE", exe)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if exe := os.Getenv("DANH_EXECUTABLE"); exe != "" {
		os.RemoveAll(filepath.Dir(exe))
	}
	os.Exit(code)
}

// safeBuffer is a log that may be read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// running starts the product and its neighbours as real processes on an
// engine, with synthetic people, and stops them when the test ends.
func running(t *testing.T, e db.Engine, people int, extra ...string) (*stack, *safeBuffer) {
	t.Helper()
	p, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	return runningOn(t, e, people, p, extra...)
}

// runningOn is running on ports that are known beforehand.
func runningOn(t *testing.T, e db.Engine, people int, p ports, extra ...string) (*stack, *safeBuffer) {
	t.Helper()
	if _, err := program(); err != nil {
		t.Fatal(err)
	}
	log := &safeBuffer{}
	s := &stack{dir: t.TempDir(), ports: p, log: log, extra: append([]string{"DANH_LOG=debug"}, extra...)}
	if e == db.PostgreSQL {
		s.database = dbtest.URL(t, e, nil)
	}
	ctx := context.Background()
	if err := s.prepare(ctx, people, 1, func(string) {}); err != nil {
		t.Fatalf("%v\n%s", err, tail(log.String()))
	}
	if people >= drawnFrom {
		if err := os.WriteFile(s.cards(), drawnCards(t, s), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.immigrants(), drawn.immigrants, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.immigrantPrints(), drawn.prints, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.prepareCards(ctx, func(string) {}); err != nil {
			t.Fatalf("%v\n%s", err, tail(log.String()))
		}
	}
	t.Cleanup(s.stop)
	if err := s.startSandbox(ctx); err != nil {
		t.Fatalf("%v\n%s", err, tail(log.String()))
	}
	if err := s.startServe(ctx); err != nil {
		t.Fatalf("%v\n%s", err, tail(log.String()))
	}
	return s, log
}

// drawnFrom is how many people a feed needs so that its first adults are those
// of every larger one.
const drawnFrom = 300

// drawn are the sample cards: drawing them takes seconds, and the first adults
// of every feed of one seed are the same.
var drawn struct {
	sync.Mutex
	cards, immigrants, prints []byte
}

func drawnCards(t *testing.T, s *stack) []byte {
	t.Helper()
	drawn.Lock()
	defer drawn.Unlock()
	if drawn.cards == nil {
		if err := s.self(t.Context(), io.Discard, "sandbox", "cards", "--people", s.people(), "--out", s.cards(), "--immigrants", s.immigrants(), "--immigrant-prints", s.immigrantPrints()); err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			to   *[]byte
			file string
		}{{&drawn.cards, s.cards()}, {&drawn.immigrants, s.immigrants()}, {&drawn.prints, s.immigrantPrints()}} {
			b, err := os.ReadFile(x.file)
			if err != nil {
				t.Fatal(err)
			}
			*x.to = b
		}
	}
	return drawn.cards
}

func tail(s string) string {
	all := strings.Split(s, "\n")
	return strings.Join(all[max(0, len(all)-15):], "\n")
}
