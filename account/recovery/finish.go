// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"fmt"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// Course is what the browser that began a request sees of it. It holds nothing
// that an account or a registry said.
type Course struct {
	Kind      Kind
	State     State
	Code      string
	Way       string
	OTP       bool   // the chosen way needs a code to the phone on record
	Given     bool   // and it was given
	ByOffice  string // the counter that asked, waiting for its second officer
	PhoneDone bool   // the new phone's code was confirmed
	CodeSent  bool   // a code was asked for
	CodeEnds  time.Time
	CodeAgain time.Time
	Begun     time.Time
	Due       time.Time
	Expires   time.Time
	Ended     time.Time
	Why       string
	Label     string
}

// Ready reports whether the wait is over and it can be finished.
func (c Course) Ready(now time.Time) bool { return c.State == Waiting && !c.Due.After(now) }

// Find finds the request of a browser's token.
func (d *Desk) Find(ctx context.Context, t account.Token) (Course, error) {
	r, err := findByToken(ctx, d.c.DB.Read(), t)
	if err != nil {
		return Course{}, err
	}
	c := Course{Kind: r.Kind, State: r.State, Code: r.Code, Way: r.Way, Given: r.has(ByOTP), PhoneDone: !r.PhoneAt.IsZero(), CodeSent: r.CodeSent > 0,
		CodeEnds: r.CodeEnds, Begun: r.Begun, Due: r.Due, Expires: r.Expires, Ended: r.Ended, Why: r.Why, Label: r.Label}
	if !r.CounterAt.IsZero() && !r.has(ByCounter) {
		c.ByOffice = r.Office
	}
	if r.State == Proving && !r.Expires.After(d.c.Clock.Now()) {
		c.State = Lapsed
	}
	if r.Way != "" {
		rule, _, err := d.rule(ctx, d.c.DB.Read(), r.Kind, r.Way)
		if err != nil {
			return c, err
		}
		c.OTP = rule.OTP
	}
	pause, err := d.span(ctx, "code_pause_seconds", time.Second)
	c.CodeAgain = r.CodeSentAt.Add(pause)
	return c, err
}

// Finish does what was asked for, once the wait is over, in the browser that
// began. pw is her new password where the kind takes one. It gives a session
// where there is one to be had: else she signs in as ever.
//
// Everything is one transaction that begins with the request's own move, so that
// of two at once one finishes, and what was stopped a moment ago stays stopped.
func (d *Desk) Finish(ctx context.Context, t account.Token, pw account.Password, remote account.RemoteInfo) (account.Token, error) {
	r, err := d.at(ctx, t, Waiting)
	if err != nil {
		return "", err
	}
	now := d.c.Clock.Now()
	if !r.Kind.Proved() {
		return "", moved()
	}
	if r.Due.After(now) {
		return "", fault.New(fault.Conflict, "account.recovery.early")
	}
	if string(remote.Device.Fingerprint()) != string(r.Browser) {
		return "", notFound() // the token alone, in another browser
	}
	var fresh account.Fresh
	if r.Kind.NewPassword() {
		if fresh, err = d.c.Accounts.PreparePassword(ctx, r.Account, pw); err != nil {
			return "", err
		}
	}
	var token account.Token
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		token = ""
		r, err := find(ctx, tx, r.ID)
		if err != nil {
			return err
		}
		if r.State != Waiting {
			return moved()
		}
		a, err := d.c.Accounts.FindByPersonTx(ctx, tx, r.Person)
		if err != nil {
			return err
		}
		if a.ID != r.Account || a.Status.Over() {
			return moved()
		}
		if a.Status != account.Active && r.ProvedBy != ByCounter {
			return fault.New(fault.Forbidden, "account.recovery.locked")
		}
		// Whoever locks her account because of a request has answered it: it does
		// not wait for the day on which she unlocks it.
		if r.ProvedBy != ByCounter {
			if locked, err := d.c.Accounts.LockedSinceTx(ctx, tx, r.Account, r.Begun); err != nil {
				return err
			} else if locked {
				return fault.New(fault.Forbidden, "account.recovery.locked")
			}
		}
		by := audit.Citizen(account.Owner(r.Account), r.Person)
		ok, err := d.moveTx(ctx, tx, by, r, Done, r.Why, time.Time{}, time.Time{})
		if err != nil {
			return err
		}
		if !ok {
			return moved()
		}
		// The earlier channels hear of it before any of them is given up.
		if err := d.c.Accounts.TellTx(ctx, tx, by, r.Account, "recovery_done", map[string]string{"lost": string(r.Kind)}); err != nil {
			return err
		}
		if r.Kind.EndsDevices() {
			if err := d.c.Accounts.RemoveDevicesTx(ctx, tx, by, r.Account, "recovered"); err != nil {
				return err
			}
		}
		if r.Kind.NewPhone() {
			phone, err := d.c.Seal.Open(ctx, tx, id.Person(r.ID), sealPhone, r.Phone)
			if err != nil {
				return err
			}
			if err := d.c.Accounts.SetPhoneTx(ctx, tx, by, r.Account, string(phone), r.PhoneAt); err != nil {
				return err
			}
		}
		if r.Kind == Passcode {
			if err := d.c.Accounts.ResetPasscodeTx(ctx, tx, by, r.Account); err != nil {
				return err
			}
		}
		if r.Kind.NewPassword() {
			if err := d.c.Accounts.ResetPasswordTx(ctx, tx, by, fresh); err != nil {
				return err
			}
			// A strange browser that weak evidence let finish is no device of hers: there
			// she signs in with the password, and a code, like everywhere else.
			if a.Status == account.Active && (r.Kind.EndsDevices() || r.Known || r.Why != "weak") {
				if token, err = d.c.Accounts.WelcomeTx(ctx, tx, r.Account, remote, []account.Factor{account.FactorPassword}); err != nil {
					return err
				}
			}
		}
		if _, err := tx.ExecContext(ctx, `UPDATE account_recovery_link SET used_at = $2 WHERE recovery = $1 AND used_at IS NULL`, r.ID, clock.Micros(now)); err != nil {
			return fmt.Errorf("use up the links: %w", err)
		}
		return d.endOthersTx(ctx, tx, by, r)
	})
	return token, err
}

// endOthersTx ends what else was asked for about the account: what was proved
// before is not carried on behind what has just been done.
func (d *Desk) endOthersTx(ctx context.Context, tx *db.Tx, by audit.Actor, done row) error {
	var others []row
	if err := db.Each(ctx, tx, `SELECT `+columns+` FROM account_recovery WHERE account = $1 AND id <> $2 AND state IN ('begun', 'proving', 'waiting') AND kind <> 'death'`, []any{done.Account, done.ID}, func(s db.Row) error {
		r, err := scan(s)
		others = append(others, r)
		return err
	}); err != nil {
		return fmt.Errorf("list other requests: %w", err)
	}
	for _, r := range others {
		if _, err := d.moveTx(ctx, tx, by, r, Stopped, "superseded", time.Time{}, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}
