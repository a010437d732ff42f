// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"danh/account"
	"danh/account/contact"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
)

// at finds the browser's request where it must stand in one of some states.
func (d *Desk) at(ctx context.Context, t account.Token, states ...State) (row, error) {
	r, err := findByToken(ctx, d.c.DB.Read(), t)
	if err != nil {
		return r, err
	}
	if !r.Expires.After(d.c.Clock.Now()) {
		return r, notFound()
	}
	for _, s := range states {
		if r.State == s {
			return r, nil
		}
	}
	return r, moved()
}

// Choose says by which way she will prove herself. It can be chosen anew until
// she has.
func (d *Desk) Choose(ctx context.Context, t account.Token, way string) error {
	r, err := d.at(ctx, t, Begun, Proving)
	if err != nil {
		return err
	}
	if _, allowed, err := d.rule(ctx, d.c.DB.Read(), r.Kind, way); err != nil {
		return err
	} else if !allowed || way == knownDevice {
		return fault.New(fault.Invalid, "account.recovery.way").With("way", "account.recovery.way")
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_recovery SET way = $2 WHERE id = $1 AND state IN ('begun', 'proving')`, r.ID, way))
		if err != nil {
			return fmt.Errorf("choose a way: %w", err)
		}
		if !ok {
			return moved()
		}
		r, err := find(ctx, tx, r.ID)
		if err != nil {
			return err
		}
		return d.advanceTx(ctx, tx, audit.Anonymous(), r)
	})
}

// AskCode has a code sent: to the phone on record, or to the new one when the
// request brings one, which is phone then.
func (d *Desk) AskCode(ctx context.Context, t account.Token, phone string) error {
	r, err := d.at(ctx, t, Proving)
	if err != nil {
		return err
	}
	most, err := d.value(ctx, "code_sends")
	if err != nil {
		return err
	}
	perPhone, err := d.value(ctx, "code_per_phone")
	if err != nil {
		return err
	}
	pause, err := d.span(ctx, "code_pause_seconds", time.Second)
	if err != nil {
		return err
	}
	now := d.c.Clock.Now()
	to := "old"
	if r.Kind.NewPhone() {
		to = "new"
		if phone, err = contact.ParsePhone(phone); err != nil {
			return err
		}
	} else {
		phone = ""
	}
	if wait := r.CodeSentAt.Add(pause).Sub(now); !r.CodeSentAt.IsZero() && wait > 0 {
		return tooMany(wait)
	}
	if !r.CounterAt.IsZero() { // what an officer vouched for stays as it was
		return moved()
	}
	if r.CodeSent >= most {
		return fault.New(fault.TooMany, "account.too_many").In(time.Hour)
	}
	var wait time.Duration
	err = d.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		key := r.ID[:]
		if phone != "" {
			key = d.c.Seal.Blind("account.recovery.phone", phone)
		}
		wait, err = d.c.Accounts.CountTx(ctx, tx, "recovery.code", key, perPhone, time.Hour)
		return err
	})
	if err != nil {
		return err
	}
	if wait > 0 {
		return tooMany(wait)
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		var sealed []byte
		if phone != "" {
			if sealed, err = d.c.Seal.SealTx(ctx, tx, id.Person(r.ID), sealPhone, []byte(phone)); err != nil {
				return err
			}
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_recovery SET code_hash = NULL, code_tries = 0, code_to = $3, code_sent = code_sent + 1, code_sent_at = $4, phone = $5, phone_at = NULL
			WHERE id = $1 AND state = 'proving' AND code_sent = $2 AND counter_at IS NULL`, r.ID, r.CodeSent, to, clock.Micros(now), sealed))
		if err != nil {
			return fmt.Errorf("ask for a code: %w", err)
		}
		if !ok {
			return moved()
		}
		return d.c.Jobs.EnqueueTx(ctx, tx, jobCode, payload{Recovery: r.ID, Sent: r.CodeSent + 1})
	})
}

// ConfirmCode takes the code. The try is counted before it is looked at, and a
// right code is used up, by one statement each in one transaction.
func (d *Desk) ConfirmCode(ctx context.Context, t account.Token, code string) error {
	r, err := d.at(ctx, t, Proving)
	if err != nil {
		return err
	}
	if code = digits(code); len(code) != 6 {
		return fault.New(fault.Invalid, "account.code.form").With("code", "account.code.form")
	}
	most, err := d.value(ctx, "code_tries")
	if err != nil {
		return err
	}
	tries, right := 0, false
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		now := d.c.Clock.Now()
		right = false
		err := tx.QueryRowContext(ctx, `UPDATE account_recovery SET code_tries = code_tries + 1 WHERE id = $1 AND state = 'proving' AND code_tries < $2 AND code_sent > 0 RETURNING code_tries`, r.ID, most).Scan(&tries)
		if errors.Is(err, sql.ErrNoRows) {
			tries = most
			return nil
		}
		if err != nil {
			return fmt.Errorf("try a code: %w", err)
		}
		right, err = db.Changed(tx.ExecContext(ctx, `UPDATE account_recovery SET code_hash = NULL, phone_at = CASE WHEN code_to = 'new' THEN CAST($3 AS BIGINT) ELSE phone_at END
			WHERE id = $1 AND code_hash = $2 AND code_ends_at > $3`, r.ID, d.codeHash(r.ID, code), clock.Micros(now)))
		if err != nil || !right {
			return err
		}
		r, err := find(ctx, tx, r.ID)
		if err != nil {
			return err
		}
		if r.CodeTo == "old" {
			return d.proveTx(ctx, tx, audit.Anonymous(), r, ByOTP)
		}
		return d.advanceTx(ctx, tx, audit.Anonymous(), r)
	})
	switch {
	case err != nil:
		return err
	case !right && tries >= most:
		return fault.New(fault.Invalid, "account.code.over").With("code", "account.code.over")
	case !right:
		return fault.New(fault.Invalid, "account.code.wrong").With("code", "account.code.wrong").Arg("left", strconv.Itoa(most-tries))
	}
	return nil
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// proveTx adds a piece of evidence, and carries the request on when it is enough.
// What proves a request about nobody, or one that only a counter may prove, is
// not kept.
func (d *Desk) proveTx(ctx context.Context, tx *db.Tx, by audit.Actor, r row, evidence string) error {
	if r.Account.IsZero() || r.Barred && evidence != ByCounter {
		return nil
	}
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_recovery SET evidence = evidence || $2 WHERE id = $1 AND state = 'proving'`, r.ID, " "+evidence))
	if err != nil {
		return fmt.Errorf("keep evidence: %w", err)
	}
	if !ok {
		return moved()
	}
	r.Evidence += " " + evidence
	if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.recovery.proved", Subject: r.Person, Purpose: Purpose, Detail: map[string]string{"by": evidence, "request": r.ID.String()}}); err != nil {
		return err
	}
	return d.advanceTx(ctx, tx, by, r)
}

// advanceTx begins the wait once what was proved is what the rule of the chosen
// way asks for. Every channel is told of the deadline.
func (d *Desk) advanceTx(ctx context.Context, tx *db.Tx, by audit.Actor, r row) error {
	if r.State != Proving || r.Account.IsZero() || r.Way == "" || r.Barred && r.Way != ByCounter {
		return nil
	}
	name := r.Way
	if name == ByOTP && r.Known {
		if _, allowed, err := d.rule(ctx, tx, r.Kind, knownDevice); err != nil {
			return err
		} else if allowed {
			name = knownDevice
		}
	}
	rule, allowed, err := d.rule(ctx, tx, r.Kind, name)
	if err != nil || !allowed {
		return err
	}
	if !r.has(r.Way) || rule.OTP && !r.has(ByOTP) || r.Kind.NewPhone() && r.PhoneAt.IsZero() {
		return nil
	}
	days, err := d.value(ctx, "recovery_finish_days")
	if err != nil {
		return err
	}
	due := d.c.Clock.Now().Add(rule.Wait)
	why := ""
	if rule.Weak {
		why = "weak"
	}
	expires := due.AddDate(0, 0, days)
	ok, err := d.moveTx(ctx, tx, by, r, Waiting, why, due, expires)
	if err != nil {
		return err
	}
	if !ok {
		return moved()
	}
	if _, err := tx.ExecContext(ctx, `UPDATE account_recovery SET proved_by = $2 WHERE id = $1`, r.ID, name); err != nil {
		return fmt.Errorf("keep the rule: %w", err)
	}
	r.Due, r.Expires = due, expires
	if rule.Wait == 0 {
		return nil // it is told when it is done, in a moment
	}
	for _, before := range []time.Duration{24 * time.Hour, time.Hour} {
		if rule.Wait > before {
			if err := d.c.Jobs.EnqueueTx(ctx, tx, jobRemind, payload{Recovery: r.ID}, job.At(due.Add(-before))); err != nil {
				return err
			}
		}
	}
	return d.tellTx(ctx, tx, by, r, "recovery_waiting", map[string]string{"until": said(due)})
}
