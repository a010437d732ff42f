// SPDX-License-Identifier: Apache-2.0

package enrolment

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

// shows are the lists of the queue. $1 is the officer's account, $2 her office;
// each list names both, so that both engines know their types.
var shows = map[string]string{
	"mine":     `intake = $1 AND office = $2 AND state IN ('draft', 'checking', 'supplement', 'waiting')`,
	"online":   `intake <> $1 AND office = $2 AND state = 'received'`,
	"decide":   `second = $1 AND (office = $2 OR office <> $2) AND state = 'waiting'`,
	"office":   `intake <> $1 AND office = $2 AND state IN ('draft', 'checking', 'supplement', 'waiting')`,
	"handover": `(intake = $1 OR intake <> $1) AND office = $2 AND state = 'approved'`,
	"closed":   `(intake = $1 OR second = $1) AND (office = $2 OR office <> $2) AND state IN ('done', 'refused', 'withdrawn')`,
}

// List lists the queue of the officer's office. Names in it are hers to call
// people up by; nothing else of them is shown, and the list is recorded once.
func (o *Office) List(ctx context.Context, by audit.Actor, w Filter) (Queue, error) {
	if w.Show == "" {
		w.Show = "mine"
	}
	where, ok := shows[w.Show]
	if !ok {
		return Queue{}, fault.New(fault.Invalid, "enrolment.filter").With("show", "enrolment.filter")
	}
	if w.Limit < 1 || w.Limit > 200 {
		w.Limit = 50
	}
	out := Queue{Counts: map[string]int{}}
	err := o.c.DB.Write(ctx, func(tx *db.Tx) error {
		out = Queue{Counts: map[string]int{}}
		at, err := o.eitherTx(ctx, tx, by)
		if err != nil {
			return err
		}
		for name, where := range shows {
			if name == "closed" {
				continue
			}
			var n int
			if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM enrolment_dossier WHERE `+where, by.Account, at).Scan(&n); err != nil {
				return fmt.Errorf("count the queue: %w", err)
			}
			out.Counts[name] = n
		}
		since, err := o.closedSince(ctx, tx)
		if err != nil {
			return err
		}
		if w.Code != "" {
			code, ok := ParseCode(w.Code)
			if !ok {
				return nil
			}
			// A code that was handed in is looked for in whatever she may see.
			return o.rowsTx(ctx, tx, by, &out, w, `code = $3 AND (intake = $1 OR second = $1 OR office = $2) AND (closed_at IS NULL OR closed_at >= $4)`, by.Account, at, code, clock.Micros(since))
		}
		before := w.Before
		if before.IsZero() {
			before = o.c.Clock.Now().Add(time.Hour)
		}
		return o.rowsTx(ctx, tx, by, &out, w, where+` AND opened_at < $3 AND (closed_at IS NULL OR closed_at >= $4)`, by.Account, at, clock.Micros(before), clock.Micros(since))
	})
	return out, err
}

// eitherTx is the office of an officer who takes in or decides.
func (o *Office) eitherTx(ctx context.Context, tx *db.Tx, by audit.Actor) (office.ID, error) {
	s, err := o.c.Roster.RequireTx(ctx, tx, by, office.IntakeOfficer)
	if fault.Is(err, fault.Forbidden) {
		s, err = o.c.Roster.RequireTx(ctx, tx, by, office.Approver)
	}
	return s.Office, err
}

func (o *Office) rowsTx(ctx context.Context, tx *db.Tx, by audit.Actor, out *Queue, w Filter, where string, args ...any) error {
	args = append(args, w.Limit+1)
	rows, err := tx.QueryContext(ctx, `SELECT `+columns+` FROM enrolment_dossier WHERE `+where+fmt.Sprintf(` ORDER BY opened_at DESC, id DESC LIMIT $%d`, len(args)), args...)
	if err != nil {
		return fmt.Errorf("list the queue: %w", err)
	}
	defer rows.Close()
	type one struct {
		f      *file
		sealed []byte
	}
	var all []one
	for rows.Next() {
		f, sealed, err := o.scan(ctx, tx, rows)
		if err != nil {
			return err
		}
		all = append(all, one{f, sealed})
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("list the queue: %w", err)
	}
	rows.Close()
	if len(all) > w.Limit {
		all = all[:w.Limit]
		out.Next = all[w.Limit-1].f.openedAt
	}
	now := o.c.Clock.Now()
	for _, x := range all {
		if err := o.openContent(ctx, tx, x.f, x.sealed); err != nil {
			return err
		}
		f := x.f
		r := Row{ID: f.id, Code: f.code, Kind: f.kind, State: f.state, Name: f.Name, Tail: f.Tail, OpenedAt: f.openedAt, DueAt: f.dueAt, Late: f.late(now), Missing: f.missing}
		switch by.Account {
		case f.intake:
			r.Mine = "intake"
		case f.second:
			r.Mine = "second"
		}
		if r.Mine == "" {
			if r.Abandoned, err = o.abandonedTx(ctx, tx, f); err != nil {
				return err
			}
		}
		out.Rows = append(out.Rows, r)
		if err := o.c.Audit.RecordTx(ctx, tx, f.entry(by, "queue.read", "name")); err != nil {
			return err
		}
	}
	return nil
}

// ofPerson lists the dossiers about somebody and about those whom she represents.
func (o *Office) ofPerson(ctx context.Context, q db.Q, person id.Person) ([]*file, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+columns+` FROM enrolment_dossier WHERE (person = $1 OR representative = $1) AND state <> 'draft' ORDER BY opened_at DESC LIMIT 50`, person)
	if err != nil {
		return nil, fmt.Errorf("list dossiers: %w", err)
	}
	defer rows.Close()
	var all []*file
	var sealed [][]byte
	for rows.Next() {
		f, s, err := o.scan(ctx, q, rows)
		if err != nil {
			return nil, err
		}
		all, sealed = append(all, f), append(sealed, s)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list dossiers: %w", err)
	}
	rows.Close()
	for i, f := range all {
		if err := o.openContent(ctx, q, f, sealed[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}
