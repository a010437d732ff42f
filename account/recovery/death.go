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
	"danh/registry/population"
)

// settleDeathTx makes a case for registrars of a report. Whoever reports gets no
// access to anything; the account locks when the registry says so. Its holder, if
// there is one, is told, and says with one tap that she is alive.
func (d *Desk) settleDeathTx(ctx context.Context, tx *db.Tx, r row) error {
	days, err := d.value(ctx, "recovery_death_days")
	if err != nil {
		return err
	}
	if !r.Account.IsZero() {
		if _, err := tx.ExecContext(ctx, `UPDATE account_recovery SET account = $2, person = $3 WHERE id = $1`, r.ID, r.Account, r.Person); err != nil {
			return fmt.Errorf("keep who it is about: %w", err)
		}
	}
	due := d.c.Clock.Now().AddDate(0, 0, days)
	ok, err := d.moveTx(ctx, tx, system, r, Waiting, "", due, due)
	if err != nil || !ok || r.Account.IsZero() {
		return err
	}
	r.Due, r.Expires = due, due
	return d.tellTx(ctx, tx, system, r, "recovery_death", map[string]string{"until": said(due)})
}

// Report is a line of the registrars' queue.
type Report struct {
	Code  string
	State State
	Begun time.Time
	Due   time.Time
}

// ReportFile is a whole report as a registrar reads it.
type ReportFile struct {
	Report
	Number, Name string
	BirthDate    clock.Date
	Words        string
}

// ListDeaths lists the reports that wait, the oldest first.
func (d *Desk) ListDeaths(ctx context.Context, by audit.Actor, limit int) ([]Report, error) {
	if err := d.require(ctx, by, office.Registrar); err != nil {
		return nil, err
	}
	var out []Report
	err := db.Each(ctx, d.c.DB.Read(), `SELECT code, state, begun_at, due_at FROM account_recovery WHERE kind = 'death' AND state = 'waiting' ORDER BY begun_at, id LIMIT $1`, []any{limit}, func(s db.Row) error {
		var r Report
		var begun, due int64
		err := s.Scan(&r.Code, &r.State, &begun, &due)
		r.Begun, r.Due = clock.FromMicros(begun), clock.FromMicros(due)
		out = append(out, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	return out, nil
}

func (d *Desk) require(ctx context.Context, by audit.Actor, role office.Role) error {
	if d.c.Roster == nil {
		return fault.New(fault.Forbidden, "office.staff.no_role")
	}
	_, err := d.c.Roster.Require(ctx, by, role)
	return err
}

func (d *Desk) findDeath(ctx context.Context, code string) (row, error) {
	return scan(d.c.DB.Read().QueryRowContext(ctx, `SELECT `+columns+` FROM account_recovery WHERE code = $1 AND kind = 'death'`, tidyCode(code)))
}

// FindDeath opens a report. That somebody read it is in the log before it answers.
func (d *Desk) FindDeath(ctx context.Context, by audit.Actor, code string) (ReportFile, error) {
	if err := d.require(ctx, by, office.Registrar); err != nil {
		return ReportFile{}, err
	}
	r, err := d.findDeath(ctx, code)
	if err != nil {
		return ReportFile{}, err
	}
	det, err := d.details(ctx, d.c.DB.Read(), r)
	if err != nil {
		return ReportFile{}, err
	}
	f := ReportFile{Report: Report{r.Code, r.State, r.Begun, r.Due}, Number: det.Number, Name: det.Name, BirthDate: det.BirthDate, Words: det.Words}
	return f, d.c.Audit.Record(ctx, audit.Entry{Actor: by, Action: "account.recovery.read", Subject: r.Person, Purpose: Purpose, Detail: map[string]string{"request": r.ID.String()}})
}

// CloseDeath ends a report that came to nothing. One that is true ends by the
// registry's news alone.
func (d *Desk) CloseDeath(ctx context.Context, by audit.Actor, code string) error {
	if err := d.require(ctx, by, office.Registrar); err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := d.c.Roster.RequireTx(ctx, tx, by, office.Registrar); err != nil {
			return err
		}
		r, err := scan(tx.QueryRowContext(ctx, `SELECT `+columns+` FROM account_recovery WHERE code = $1 AND kind = 'death'`, tidyCode(code)))
		if err != nil {
			return err
		}
		if r.State != Waiting {
			return moved()
		}
		ok, err := d.moveTx(ctx, tx, by, r, Refused, "unfounded", time.Time{}, time.Time{})
		if err == nil && !ok {
			err = moved()
		}
		return err
	})
}

// HandleDeath ends the reports of a death that the registry knows, and whatever
// else was asked for about the account. It subscribes to the population
// registry's news; deliveries may repeat.
func (d *Desk) HandleDeath(ctx context.Context, e population.Event) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		var open []row
		if err := db.Each(ctx, tx, `SELECT `+columns+` FROM account_recovery WHERE person = $1 AND state IN ('begun', 'proving', 'waiting')`, []any{id.Person(e.Person)}, func(s db.Row) error {
			r, err := scan(s)
			open = append(open, r)
			return err
		}); err != nil {
			return fmt.Errorf("list requests: %w", err)
		}
		for _, r := range open {
			to := Refused
			if r.Kind == Death && r.State == Waiting {
				to = Done
			}
			if _, err := d.moveTx(ctx, tx, system, r, to, "death", time.Time{}, time.Time{}); err != nil {
				return err
			}
		}
		return nil
	})
}
