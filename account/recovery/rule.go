// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
)

// Ways by which somebody proves herself. A page offers them; which row of the
// rules they lead to depends on the browser too.
const (
	ByChip    = "chip"
	ByPasskey = "passkey"
	ByCodes   = "codes"
	ByCounter = "counter"
	ByDevice  = "device" // signed in, and proved on her device
	ByOTP     = "otp"    // details and a code to the phone on record

	knownDevice = "known_device" // the row of ByOTP on a browser that the account was used by
)

// Rule is the dated row that says what a piece of evidence is worth for a kind.
type Rule struct {
	Evidence string
	OTP      bool // a code to the phone on record is needed besides
	Weak     bool // risky acts wait afterwards
	Wait     time.Duration
}

// rule finds a row in force; false when the evidence is not allowed.
func (d *Desk) rule(ctx context.Context, q db.Q, k Kind, evidence string) (Rule, bool, error) {
	r := Rule{Evidence: evidence}
	var hours int
	var allowed bool
	err := q.QueryRowContext(ctx, `SELECT allowed, otp, weak, wait_hours FROM account_recovery_rule WHERE kind = $1 AND evidence = $2 AND valid_from <= $3 AND (valid_to IS NULL OR valid_to >= $3)
		ORDER BY valid_from DESC LIMIT 1`, string(k), evidence, clock.DateOf(d.c.Clock.Now())).Scan(&allowed, &r.OTP, &r.Weak, &hours)
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("read a rule: %w", err)
	}
	r.Wait = d.wait(hours)
	return r, allowed, nil
}

// wait shortens what is longer than nothing where the operator tries things out.
func (d *Desk) wait(hours int) time.Duration {
	if hours > 0 && d.c.CoolOff > 0 {
		return d.c.CoolOff
	}
	return time.Duration(hours) * time.Hour
}

// Way is what a page offers: by what, and how long it can be stopped then.
type Way struct {
	Name  string
	OTP   bool
	Wait  time.Duration
	Known time.Duration // of ByOTP on a browser that the account was used by before
}

// ListWays lists what proves somebody for a kind today, the shortest wait first.
func (d *Desk) ListWays(ctx context.Context, k Kind) ([]Way, error) {
	var out []Way
	known := time.Duration(-1)
	err := db.Each(ctx, d.c.DB.Read(), `SELECT evidence, otp, wait_hours FROM account_recovery_rule WHERE kind = $1 AND allowed AND valid_from <= $2 AND (valid_to IS NULL OR valid_to >= $2) ORDER BY wait_hours, evidence`,
		[]any{string(k), clock.DateOf(d.c.Clock.Now())}, func(s db.Row) error {
			var w Way
			var hours int
			if err := s.Scan(&w.Name, &w.OTP, &hours); err != nil {
				return err
			}
			w.Wait = d.wait(hours)
			if w.Name == knownDevice {
				known = w.Wait
				return nil
			}
			out = append(out, w)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("list ways: %w", err)
	}
	for i := range out {
		if out[i].Name == ByOTP && known >= 0 {
			out[i].Known = known
		}
	}
	return out, nil
}
