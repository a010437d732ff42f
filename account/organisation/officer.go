// SPDX-License-Identifier: Apache-2.0

package organisation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	registry "danh/registry/organisation"
	"danh/registry/population"
)

// TakePaper takes in form TK02, which the representative hands in at a counter
// with the signatures of all the others. The application is complete with it,
// and a second officer decides.
func (d *Desk) TakePaper(ctx context.Context, by audit.Actor, n registry.Number, applicant population.Number) (Application, error) {
	var a Application
	err := d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := d.requireTx(ctx, tx, by, takers); err != nil {
			return err
		}
		o, err := d.c.Registry.FindByNumberTx(ctx, tx, look(by), n)
		if err != nil {
			return err
		}
		p, err := d.c.Population.FindByNumberTx(ctx, tx, audit.Look{By: by, Purpose: purpose, Ground: ground, Fields: []string{population.FieldName}}, applicant)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.Forbidden, "organisation.not_representative")
		}
		if err != nil {
			return err
		}
		if p.ID == by.Person {
			return fault.New(fault.Forbidden, "account.staff.own")
		}
		if err := d.representsTx(ctx, tx, p.ID, o.ID); err != nil {
			return err
		}
		key, err := d.beginTx(ctx, tx, by, o, p.ID, true)
		if err != nil {
			return err
		}
		if a, err = d.readTx(ctx, tx, by, key); err != nil {
			return err
		}
		held := true
		for _, x := range a.Representative {
			if x.Person.IsZero() {
				held = false
				continue
			}
			if err := d.answerTx(ctx, tx, key, x.Person, "paper", by.Account); err != nil {
				return err
			}
		}
		if err := d.completeTx(ctx, tx, a, held); err != nil {
			return err
		}
		a, err = d.readTx(ctx, tx, by, key)
		return err
	})
	return a, err
}

// List lists the applications that wait for an officer, those due first. It
// names organisations and no people.
func (d *Desk) List(ctx context.Context, by audit.Actor) ([]Application, error) {
	var out []Application
	err := d.c.DB.Write(ctx, func(tx *db.Tx) error {
		out = nil
		if _, err := d.requireTx(ctx, tx, by, readers); err != nil {
			return err
		}
		err := db.Each(ctx, tx, `SELECT `+columns+` WHERE state IN ('deciding', 'supplement') ORDER BY due_at, id LIMIT 100`, nil, func(s db.Row) error {
			a, err := scan(s)
			out = append(out, a)
			return err
		})
		if err != nil {
			return fmt.Errorf("list applications: %w", err)
		}
		for i := range out {
			if out[i].Organisation, err = d.c.Registry.FindTx(ctx, tx, look(by), out[i].Organisation.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// Find finds an application by its code, for an officer.
func (d *Desk) Find(ctx context.Context, by audit.Actor, code string) (a Application, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := d.requireTx(ctx, tx, by, readers); err != nil {
			return err
		}
		a, err = d.byCodeTx(ctx, tx, by, code)
		return err
	})
	return a, err
}

func (d *Desk) byCodeTx(ctx context.Context, tx *db.Tx, by audit.Actor, code string) (Application, error) {
	var key ApplicationID
	err := tx.QueryRowContext(ctx, `SELECT id FROM account_organisation_application WHERE code = $1`, code).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return Application{}, errNone()
	}
	if err != nil {
		return Application{}, fmt.Errorf("find application: %w", err)
	}
	return d.readTx(ctx, tx, by, key)
}

// AskSupplement asks for what is missing: from now on the clock stands.
func (d *Desk) AskSupplement(ctx context.Context, by audit.Actor, code, what string) error {
	what, ok := short(what, 3, 500)
	if !ok {
		return fault.New(fault.Invalid, "account.organisation.asked").With("asked", "account.organisation.asked")
	}
	return d.step(ctx, by, code, func(tx *db.Tx, a Application) error {
		if err := moved(tx.ExecContext(ctx, `UPDATE account_organisation_application SET state = 'supplement', stopped_at = $2, asked = $3 WHERE id = $1 AND state = 'deciding'`, a.ID, clock.Micros(d.c.Clock.Now()), what)); err != nil {
			return err
		}
		if err := d.tellPersonTx(ctx, tx, by, a.Applicant, "organisation_supplement", map[string]string{"organisation": a.Organisation.Name, "code": a.Code}); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, by, "account.organisation.supplement", a.Organisation.ID, a.Applicant)
	})
}

// Supplied notes that what was asked for has come: the clock goes on with the
// days that were left.
func (d *Desk) Supplied(ctx context.Context, by audit.Actor, code string) error {
	return d.step(ctx, by, code, func(tx *db.Tx, a Application) error {
		var due int64
		err := tx.QueryRowContext(ctx, `SELECT due_at FROM account_organisation_application WHERE id = $1 AND state = 'supplement'`, a.ID).Scan(&due)
		if errors.Is(err, sql.ErrNoRows) {
			return errMoved()
		}
		if err != nil {
			return fmt.Errorf("find the due day: %w", err)
		}
		now, was := d.c.Clock.Now(), clock.FromMicros(due)
		next := was.Add(now.Sub(a.StoppedAt))
		if a.Held {
			next = d.c.Calendar.AddWorkingDays(was, d.c.Calendar.WorkingDaysBetween(clock.DateOf(a.StoppedAt), clock.DateOf(now)))
		}
		if err := moved(tx.ExecContext(ctx, `UPDATE account_organisation_application SET state = 'deciding', due_at = $2, stopped_us = stopped_us + $3, stopped_at = NULL WHERE id = $1 AND state = 'supplement'`,
			a.ID, clock.Micros(next), now.Sub(a.StoppedAt).Microseconds())); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, by, "account.organisation.supplied", a.Organisation.ID, a.Applicant)
	})
}

func (d *Desk) step(ctx context.Context, by audit.Actor, code string, do func(*db.Tx, Application) error) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := d.requireTx(ctx, tx, by, readers); err != nil {
			return err
		}
		a, err := d.byCodeTx(ctx, tx, by, code)
		if err != nil {
			return err
		}
		if a.of(by.Person) {
			return fault.New(fault.Forbidden, "account.staff.own")
		}
		return do(tx, a)
	})
}

// Decide opens the account or refuses it, for one of Reasons. The second officer
// does, who did not take the paper in and represents nothing of it. What the
// registry says at this moment counts: a status or a representative that changed
// since the paper was taken in stops it.
func (d *Desk) Decide(ctx context.Context, by audit.Actor, code string, open bool, why string) error {
	if !open && !slices.Contains(Reasons, why) {
		return fault.New(fault.Invalid, "account.organisation.why").With("why", "account.organisation.why")
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.requireTx(ctx, tx, by, deciders)
		if err != nil {
			return err
		}
		a, err := d.byCodeTx(ctx, tx, by, code)
		if err != nil {
			return err
		}
		if a.Paper && a.takenBy == by.Account {
			return fault.New(fault.Forbidden, "account.organisation.same")
		}
		if a.of(s.Person) {
			return fault.New(fault.Forbidden, "account.staff.own")
		}
		if a.State != Deciding {
			return errMoved()
		}
		if !open {
			return d.endTx(ctx, tx, by, a, Refused, why)
		}
		for _, p := range a.Representative {
			if !p.Person.IsZero() && p.Said != "yes" && p.Said != "paper" {
				return fault.New(fault.Conflict, "account.organisation.consents")
			}
		}
		return d.openTx(ctx, tx, by, a, by.Account, s.OfficeName)
	})
}

// Purges withdraw applications whose representatives did not answer in half a
// year, and forget offers that nobody answered.
func (d *Desk) Purges() []db.Purge {
	return []db.Purge{offerPurge, {Name: "account_organisation_application", Every: offerPurge.Every, Run: d.withdrawOld}}
}
