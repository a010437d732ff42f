// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
)

// AskAtCounterTx is the first officer's part: the person of her visit, whose
// biometrics proved her, brings the code of her request. A second officer is
// drawn, whom nobody chooses, from another office when elsewhere. The visit is the caller's to require, in tx.
func (d *Desk) AskAtCounterTx(ctx context.Context, tx *db.Tx, by audit.Actor, s office.Staff, person id.Person, code string, elsewhere bool) error {
	none := fault.New(fault.NotFound, "account.recovery.code").With("code", "account.recovery.code")
	r, err := scan(tx.QueryRowContext(ctx, `SELECT `+columns+` FROM account_recovery WHERE code = $1`, tidyCode(code)))
	if fault.Is(err, fault.NotFound) {
		return none
	}
	if err != nil {
		return err
	}
	// Another person's request, and one about nobody, are none.
	if r.Account.IsZero() || r.Person != person || !r.Kind.Proved() {
		return none
	}
	if r.State != Proving || !r.Expires.After(d.c.Clock.Now()) {
		return moved()
	}
	if _, allowed, err := d.rule(ctx, tx, r.Kind, ByCounter); err != nil {
		return err
	} else if !allowed {
		return fault.New(fault.Forbidden, "account.recovery.way")
	}
	if r.Kind.NewPhone() && r.PhoneAt.IsZero() {
		return fault.New(fault.Conflict, "account.recovery.phone_first")
	}
	if !r.CounterAt.IsZero() { // else whoever asks again and again draws whom she likes
		return moved()
	}
	second, err := d.c.Roster.DrawTx(ctx, tx, office.Approver, office.Draw{Office: s.Office, Elsewhere: elsewhere, Not: []id.Person{s.Person, person}})
	if err != nil {
		return err
	}
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_recovery SET way = 'counter', counter_by = $2, counter_by_person = $3, counter_office = $4, counter_at = $5, confirms_by = $6, confirms_by_person = $7
		WHERE id = $1 AND state = 'proving' AND counter_at IS NULL`, r.ID, by.Account, s.Person, s.OfficeName, clock.Micros(d.c.Clock.Now()), second.Account, second.Person))
	if err != nil {
		return fmt.Errorf("ask at a counter: %w", err)
	}
	if !ok {
		return moved()
	}
	return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.recovery.asked", Subject: person, Purpose: Purpose, Ground: "NĐ 69/2024, Điều 30", Detail: map[string]string{"kind": string(r.Kind), "request": r.ID.String()}})
}

// Asked is a request that a first officer vouches for, as the second one sees it.
type Asked struct {
	Code   string
	Kind   Kind
	Label  string
	Begun  time.Time
	At     time.Time
	Office string
	Person id.Person
}

// ListAsked lists what waits for the officer who was drawn.
func (d *Desk) ListAsked(ctx context.Context, by audit.Actor) ([]Asked, error) {
	if err := d.require(ctx, by, office.Approver); err != nil {
		return nil, err
	}
	var out []Asked
	err := db.Each(ctx, d.c.DB.Read(), `SELECT `+columns+` FROM account_recovery WHERE confirms_by = $1 AND state = 'proving' AND way = 'counter' AND expires_at > $2 ORDER BY counter_at, id`, []any{by.Account, clock.Micros(d.c.Clock.Now())}, func(s db.Row) error {
		r, err := scan(s)
		out = append(out, Asked{r.Code, r.Kind, r.Label, r.Begun, r.CounterAt, r.Office, r.Person})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list what waits for a second officer: %w", err)
	}
	return out, nil
}

// Confirm is the second officer's part: who was drawn confirms what another
// vouches for, or refuses it. One officer alone, under whichever account,
// confirms nothing.
func (d *Desk) Confirm(ctx context.Context, by audit.Actor, code string, yes bool) error {
	if err := d.require(ctx, by, office.Approver); err != nil {
		return err
	}
	var refused error
	var r row
	err := d.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		refused = nil
		s, err := d.c.Roster.RequireTx(ctx, tx, by, office.Approver)
		if err != nil {
			return err
		}
		if r, err = scan(tx.QueryRowContext(ctx, `SELECT `+columns+` FROM account_recovery WHERE code = $1`, tidyCode(code))); err != nil {
			return err
		}
		if r.CounterAt.IsZero() || r.State != Proving || r.Way != ByCounter || !r.Expires.After(d.c.Clock.Now()) {
			return moved()
		}
		if r.ConfirmsBy != by.Account || r.CounterBy == by.Account || r.CounterPerson == s.Person || r.Person == s.Person {
			refused = fault.New(fault.Forbidden, "account.recovery.not_drawn")
			return nil
		}
		if !yes {
			if _, err := d.moveTx(ctx, tx, by, r, Refused, "counter", time.Time{}, time.Time{}); err != nil {
				return err
			}
			return d.c.Accounts.TellTx(ctx, tx, by, r.Account, "recovery_stopped", map[string]string{"lost": string(r.Kind)})
		}
		return d.proveTx(ctx, tx, by, r, ByCounter)
	})
	if err == nil && refused != nil {
		err = refused
		if e := d.c.Audit.Record(ctx, audit.Entry{Actor: by, Action: "account.recovery.proved", Subject: r.Person, Purpose: Purpose, Outcome: "refused", Detail: map[string]string{"by": ByCounter, "request": r.ID.String()}}); e != nil {
			return e
		}
	}
	return err
}
