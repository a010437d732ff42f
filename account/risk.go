// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
)

// A change of how she signs in that comes from a browser, or a town, of which the
// account knew nothing until now is what a thief does first. One goes through; the
// next waits, which is the time in which the alarm of the first one reaches her.

const riskScope = "risk"

// riskWindow is how long the next one waits; zero: no rule asks it.
func (k *Keeper) riskWindow(f inForce) time.Duration {
	w := f.duration("risk_hours", time.Hour)
	if w > 0 && k.c.CoolOff > 0 {
		return k.c.CoolOff
	}
	return w
}

// strange reports whether a session's browser is younger than the window, while
// the account has an older one, or is in a town in which none of its browsers was
// before that. Who is watched has no way around it: a password, a code or a fresh
// passkey makes the browser no older.
func (k *Keeper) strange(ctx context.Context, q db.Q, s Session, window time.Duration) (bool, error) {
	if s.Device.IsZero() {
		return false, nil
	}
	since := clock.Micros(k.c.Clock.Now().Add(-window))
	var yes bool
	err := q.QueryRowContext(ctx, `SELECT d.first_at > $3 AND EXISTS (SELECT 1 FROM account_device o WHERE o.account = d.account AND o.first_at < d.first_at)
			OR d.place_vi <> '' AND d.place_since > $3 AND EXISTS (SELECT 1 FROM account_device o WHERE o.account = d.account AND o.first_at < d.place_since)
				AND NOT EXISTS (SELECT 1 FROM account_device o WHERE o.account = d.account AND o.id <> d.id AND o.place_vi = d.place_vi AND o.place_since < d.place_since)
		FROM account_device d WHERE d.account = $1 AND d.id = $2`, s.Account, s.Device, since).Scan(&yes)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look how well a browser is known: %w", err)
	}
	return yes, nil
}

func errRisky(wait time.Duration) error {
	return fault.New(fault.TooMany, "account.risky").In(max(wait.Round(time.Second), time.Second))
}

// checkRisk refuses a risky change at its beginning; riskTx decides.
func (k *Keeper) checkRisk(ctx context.Context, s Session, f inForce) error {
	window := k.riskWindow(f)
	if window == 0 {
		return nil
	}
	if yes, err := k.strange(ctx, k.c.DB.Read(), s, window); err != nil || !yes {
		return err
	}
	now := k.c.Clock.Now()
	var ends int64
	err := k.c.DB.Read().QueryRowContext(ctx, `SELECT ends_at FROM account_limit WHERE scope = $1 AND key = $2 AND hits > 0 AND ends_at > $3`, riskScope, s.Account[:], clock.Micros(now)).Scan(&ends)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for a risky change: %w", err)
	}
	return errRisky(clock.FromMicros(ends).Sub(now))
}

// riskTx lets the first risky change of a window through and refuses the next, by
// one conditional update.
func (k *Keeper) riskTx(ctx context.Context, tx *db.Tx, s Session, f inForce) error {
	window := k.riskWindow(f)
	if window == 0 {
		return nil
	}
	yes, err := k.strange(ctx, tx, s, window)
	if err != nil || !yes {
		return err
	}
	wait, err := k.hitTx(ctx, tx, riskScope, s.Account[:], 1, window)
	if err == nil && wait > 0 {
		err = errRisky(wait)
	}
	return err
}

// RiskTx is the same for a risky change that another package of the room makes.
func (k *Keeper) RiskTx(ctx context.Context, tx *db.Tx, s Session) error {
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	return k.riskTx(ctx, tx, s, f)
}
