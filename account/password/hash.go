// SPDX-License-Identifier: Apache-2.0

// Package password owns what a password must look like and how it is kept:
// the composition that the law's practice asks for, the refusal of common and
// personal ones, and Argon2id (RFC 9106) behind a semaphore.
//
// It refuses to compute more hashes at a time than there are processors: each
// takes 19 MiB and some 20 ms. Callers queue for a moment and are then turned
// away with TooMany, so that a flood of sign-ins cannot exhaust the server.
package password

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"danh/internal/fault"
)

// Password is a password as it was typed. It prints redacted.
type Password string

// String hides the password.
func (Password) String() string { return "[redacted]" }

// GoString hides the password.
func (Password) GoString() string { return "[redacted]" }

// LogValue hides the password.
func (Password) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// normal is the form that is hashed: the same letters typed on two systems
// give the same bytes.
func (p Password) normal() string { return norm.NFC.String(string(p)) }

// Params are the costs of Argon2id.
type Params struct {
	Time    uint32 // passes
	Memory  uint32 // KiB
	Threads uint8
}

// Default is OWASP's second recommendation: 19 MiB, two passes, one lane.
var Default = Params{Time: 2, Memory: 19 << 10, Threads: 1}

const (
	saltLen = 16
	keyLen  = 32
	// queue is how many callers per processor may wait for their turn: with
	// 20 ms each, the last one waits a little over a second.
	queue = 64
)

// Hasher makes and checks hashes. It is safe for concurrent use.
type Hasher struct {
	params  Params
	pepper  []byte
	slots   chan struct{}
	waiting atomic.Int64
	runs    atomic.Int64
	decoy   string
}

// NewHasher returns a hasher; zero params mean Default. A pepper, when there is
// one, is mixed in by HMAC-SHA-256 before Argon2id and is not kept with the hash.
func NewHasher(p Params, pepper []byte) *Hasher {
	if p == (Params{}) {
		p = Default
	}
	h := &Hasher{params: p, pepper: pepper, slots: make(chan struct{}, runtime.NumCPU())}
	salt, sum := make([]byte, saltLen), make([]byte, keyLen)
	rand.Read(salt)
	rand.Read(sum)
	h.decoy = h.encode(salt, sum)
	return h
}

// Decoy is a hash that no password has, at the price of a true one: it is
// compared when there is no account, so that both cost the same.
func (h *Hasher) Decoy() string { return h.decoy }

// Runs counts the computed hashes.
func (h *Hasher) Runs() int64 { return h.runs.Load() }

func (h *Hasher) acquire(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	if h.waiting.Add(1) > int64(queue*cap(h.slots)) {
		h.waiting.Add(-1)
		return fault.New(fault.TooMany, "account.busy").In(2 * time.Second)
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
}

func (h *Hasher) sum(p Password, salt []byte, c Params, peppered bool) []byte {
	in := []byte(p.normal())
	if peppered {
		m := hmac.New(sha256.New, h.pepper)
		m.Write(in)
		in = m.Sum(nil)
	}
	h.runs.Add(1)
	return argon2.IDKey(in, salt, c.Time, c.Memory, c.Threads, keyLen)
}

// Hash gives the string to keep: the PHC form with its costs and salt.
func (h *Hasher) Hash(ctx context.Context, p Password) (string, error) {
	if err := h.acquire(ctx); err != nil {
		return "", err
	}
	defer func() { <-h.slots }()
	salt := make([]byte, saltLen)
	rand.Read(salt)
	return h.encode(salt, h.sum(p, salt, h.params, len(h.pepper) > 0)), nil
}

func (h *Hasher) encode(salt, sum []byte) string {
	key := ""
	if len(h.pepper) > 0 {
		key = ",keyid=1"
	}
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d%s$%s$%s", argon2.Version,
		h.params.Memory, h.params.Time, h.params.Threads, key, b.EncodeToString(salt), b.EncodeToString(sum))
}

var errForm = errors.New("password: not a hash of ours")

// Check compares a password with a kept hash in constant time. stale says that
// the hash was made with other costs or another pepper setting: make it anew.
func (h *Hasher) Check(ctx context.Context, kept string, p Password) (ok, stale bool, err error) {
	parts := strings.Split(kept, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, false, errForm
	}
	var c Params
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Time, &c.Threads); err != nil {
		return false, false, errForm
	}
	peppered := strings.HasSuffix(parts[3], ",keyid=1")
	if peppered && len(h.pepper) == 0 {
		return false, false, errors.New("password: the hash needs a pepper that is not configured")
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(want) != keyLen {
		return false, false, errForm
	}
	if err := h.acquire(ctx); err != nil {
		return false, false, err
	}
	defer func() { <-h.slots }()
	got := h.sum(p, salt, c, peppered)
	return subtle.ConstantTimeCompare(got, want) == 1, c != h.params || peppered != (len(h.pepper) > 0), nil
}
