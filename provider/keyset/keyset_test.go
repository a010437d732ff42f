// SPDX-License-Identifier: Apache-2.0

package keyset_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/internal/clock"
	"danh/provider/keyset"
)

// site is a partner's server.
type site struct {
	mu    sync.Mutex
	body  string
	err   error
	gate  chan struct{}
	times atomic.Int64
}

func (s *site) Get(ctx context.Context, _ string, _ int) ([]byte, error) {
	s.times.Add(1)
	s.mu.Lock()
	body, err, gate := s.body, s.err, s.gate
	s.mu.Unlock()
	if gate != nil {
		<-gate
	}
	return []byte(body), err
}

func (s *site) serves(body string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body, s.err = body, err
}

func ec(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func set(t *testing.T, keys ...jose.JSONWebKey) string {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func open(s *site) (*keyset.Directory, *clock.Fake) {
	c := clock.NewFake(time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC))
	return keyset.New(s, c, slog.New(slog.DiscardHandler)), c
}

func kids(s jose.JSONWebKeySet) string {
	var out []string
	for _, k := range s.Keys {
		out = append(out, k.KeyID)
	}
	return strings.Join(out, " ")
}

const at = "https://bank.example/jwks"

// A client that turns its key round is found out at its first request with the
// new key, and a stranger who names keys that are not there cannot make the
// server fetch more than once a minute.
func TestUnknownKeyIsFetchedAtMostOnceAMinute(t *testing.T) {
	a, b := ec(t), ec(t)
	s := &site{}
	s.serves(set(t, jose.JSONWebKey{Key: &a.PublicKey, KeyID: "a"}), nil)
	d, c := open(s)
	if got := kids(d.Of(t.Context(), at, "a")); got != "a" || s.times.Load() != 1 {
		t.Fatal(got, s.times.Load())
	}
	for range 5 {
		d.Of(t.Context(), at, "a")
	}
	if s.times.Load() != 1 {
		t.Fatalf("a known key is fetched %d times", s.times.Load())
	}
	s.serves(set(t, jose.JSONWebKey{Key: &a.PublicKey, KeyID: "a"}, jose.JSONWebKey{Key: &b.PublicKey, KeyID: "b"}), nil)
	c.Advance(61 * time.Second)
	if got := kids(d.Of(t.Context(), at, "b")); got != "a b" {
		t.Fatalf("the new key is not found: %s", got)
	}
	for i := range 200 {
		d.Of(t.Context(), at, fmt.Sprint("forged-", i))
	}
	if n := s.times.Load(); n != 2 {
		t.Fatalf("a flood of unknown keys: %d fetches", n)
	}
}

// While an address does not answer, or answers nonsense, the last good set serves.
func TestLastGoodSetIsKept(t *testing.T) {
	a := ec(t)
	s := &site{}
	s.serves(set(t, jose.JSONWebKey{Key: &a.PublicKey, KeyID: "a"}), nil)
	d, c := open(s)
	d.Of(t.Context(), at, "a")
	for _, bad := range []struct {
		body string
		err  error
	}{{"", errors.New("no answer")}, {"<html>", nil}, {`{"keys":[]}`, nil}, {`{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"a"}]}`, nil}} {
		s.serves(bad.body, bad.err)
		c.Advance(time.Hour)
		n := s.times.Load()
		if got := kids(d.Of(t.Context(), at, "a")); got != "a" {
			t.Errorf("%q: %q", bad.body, got)
		}
		for i := 0; s.times.Load() == n && i < 100; i++ {
			time.Sleep(5 * time.Millisecond)
		}
		if s.times.Load() != n+1 {
			t.Errorf("an old set is not fetched again")
		}
		if got := kids(d.Of(t.Context(), at, "none")); got != "a" {
			t.Errorf("%q: %q", bad.body, got)
		}
	}
}

// A slow address holds up only who needs a key that is not there, and one fetch
// serves all of them.
func TestSlowAddressHoldsNobodyUp(t *testing.T) {
	a := ec(t)
	s := &site{}
	s.serves(set(t, jose.JSONWebKey{Key: &a.PublicKey, KeyID: "a"}), nil)
	d, c := open(s)
	d.Of(t.Context(), at, "a")
	c.Advance(time.Hour)
	gate := make(chan struct{})
	s.mu.Lock()
	s.gate = gate
	s.mu.Unlock()
	began := time.Now()
	for range 100 {
		if got := kids(d.Of(t.Context(), at, "a")); got != "a" {
			t.Fatal(got)
		}
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("known keys waited %v", d)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	d.Of(ctx, at, "b") // gives up with its caller
	close(gate)
	if s.times.Load() != 2 {
		t.Errorf("%d fetches", s.times.Load())
	}
}
