// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
)

// hitTx counts one attempt under a key and answers how long to wait when there
// were more than most within the window. The count stands once committed,
// whatever becomes of the attempt.
func (k *Keeper) hitTx(ctx context.Context, tx *db.Tx, scope string, key []byte, most int, window time.Duration) (time.Duration, error) {
	now := k.c.Clock.Now()
	var hits int
	var ends int64
	err := tx.QueryRowContext(ctx, `INSERT INTO account_limit (scope, key, hits, since, last_at, until, ends_at) VALUES ($1, $2, 1, $3, $4, 0, $5)
		ON CONFLICT (scope, key) DO UPDATE SET
			hits    = CASE WHEN account_limit.ends_at <= excluded.since THEN 1 ELSE account_limit.hits + 1 END,
			since   = CASE WHEN account_limit.ends_at <= excluded.since THEN excluded.since ELSE account_limit.since END,
			ends_at = CASE WHEN account_limit.ends_at <= excluded.since THEN excluded.ends_at ELSE account_limit.ends_at END,
			last_at = excluded.last_at
		RETURNING hits, ends_at`, scope, key, clock.Micros(now), clock.Micros(now), clock.Micros(now.Add(window))).Scan(&hits, &ends)
	if err != nil {
		return 0, fmt.Errorf("count an attempt: %w", err)
	}
	if hits > most {
		return clock.FromMicros(ends).Sub(now), nil
	}
	return 0, nil
}

// guessTx counts an attempt at a secret before the secret is looked at, so
// that attempts in parallel cannot outrun the count. From the slow-th attempt
// on each bars the next for a while, doubling; the lock-th bars for long.
// wait is how long to wait when this attempt is barred already; left how many
// attempts remain before the long bar; struck that this attempt reached it.
func (k *Keeper) guessTx(ctx context.Context, tx *db.Tx, scope string, key []byte, f inForce) (wait time.Duration, left int, struck bool, err error) {
	now := k.c.Clock.Now()
	slow, lock := f.value("signin_slow_after"), f.value("signin_lock_after")
	bar := f.duration("signin_lock_minutes", time.Minute)
	var hits int
	err = tx.QueryRowContext(ctx, `INSERT INTO account_limit (scope, key, hits, since, last_at, until, ends_at) VALUES ($1, $2, 1, $3, $4, 0, $5)
		ON CONFLICT (scope, key) DO UPDATE SET
			hits    = CASE WHEN account_limit.ends_at <= excluded.since THEN 1 ELSE account_limit.hits + 1 END,
			since   = CASE WHEN account_limit.ends_at <= excluded.since THEN excluded.since ELSE account_limit.since END,
			ends_at = excluded.ends_at,
			last_at = excluded.last_at
		WHERE account_limit.until <= excluded.since
		RETURNING hits`, scope, key, clock.Micros(now), clock.Micros(now), clock.Micros(now.Add(24*time.Hour))).Scan(&hits)
	if errors.Is(err, sql.ErrNoRows) {
		var until int64
		if err := tx.QueryRowContext(ctx, `SELECT until FROM account_limit WHERE scope = $1 AND key = $2`, scope, key).Scan(&until); err != nil {
			return 0, 0, false, fmt.Errorf("read a bar: %w", err)
		}
		return clock.FromMicros(until).Sub(now), 0, false, nil
	}
	if err != nil {
		return 0, 0, false, fmt.Errorf("count a guess: %w", err)
	}
	left = max(lock-hits, 0)
	if hits < slow {
		return 0, left, false, nil
	}
	until, ends := now.Add(5*time.Second<<min(hits-slow, 8)), now.Add(24*time.Hour)
	if hits >= lock {
		until = now.Add(bar)
		ends, struck = until, true // afterwards counting begins anew
	}
	if _, err := tx.ExecContext(ctx, `UPDATE account_limit SET until = $3, ends_at = $4 WHERE scope = $1 AND key = $2`,
		scope, key, clock.Micros(until), clock.Micros(ends)); err != nil {
		return 0, 0, false, fmt.Errorf("bar: %w", err)
	}
	return 0, left, struck, nil
}

// forgiveTx forgets the attempts under a key after one that succeeded.
func (k *Keeper) forgiveTx(ctx context.Context, tx *db.Tx, scope string, key []byte) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM account_limit WHERE scope = $1 AND key = $2`, scope, key)
	return err
}

func tooMany(wait time.Duration) error {
	return fault.New(fault.TooMany, "account.too_many").In(max(wait.Round(time.Second), time.Second))
}

// spray counts per coarse address in memory: it slows one sender who tries
// many numbers. It is lost at a restart, which the durable counts are not.
// Loopback is not counted: there, everybody has the one address of a proxy.
type spray struct {
	clock clock.Clock
	mu    sync.Mutex
	m     map[sprayKey]*sprayCount
}

type sprayKey struct {
	scope  string
	prefix netip.Prefix
}

type sprayCount struct {
	hits int
	ends time.Time
}

const sprayKeys = 50_000

func newSpray(c clock.Clock) *spray { return &spray{clock: c, m: map[sprayKey]*sprayCount{}} }

// coarse is the sender's network: /24 of IPv4, /56 of IPv6.
func coarse(address string) (netip.Prefix, bool) {
	a, err := netip.ParseAddr(address)
	if err != nil || a.IsLoopback() {
		return netip.Prefix{}, false
	}
	a = a.Unmap().WithZone("")
	bits := 56
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	return p, err == nil
}

// over says how long the address has to wait, without counting.
func (s *spray) over(scope, address string, most int) time.Duration {
	return s.count(scope, address, most, 0, 0)
}

// hit counts and says how long to wait when there were more than most.
func (s *spray) hit(scope, address string, most int, window time.Duration) time.Duration {
	return s.count(scope, address, most, window, 1)
}

func (s *spray) count(scope, address string, most int, window time.Duration, add int) time.Duration {
	p, ok := coarse(address)
	if !ok {
		return 0
	}
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	k := sprayKey{scope, p}
	c := s.m[k]
	if c != nil && !c.ends.After(now) {
		delete(s.m, k)
		c = nil
	}
	if c == nil {
		if add == 0 {
			return 0
		}
		if len(s.m) >= sprayKeys {
			for old, v := range s.m {
				if !v.ends.After(now) || len(s.m) >= sprayKeys {
					delete(s.m, old)
				}
			}
		}
		c = &sprayCount{ends: now.Add(window)}
		s.m[k] = c
	}
	if c.hits += add; c.hits >= most+add {
		return c.ends.Sub(now)
	}
	return 0
}
