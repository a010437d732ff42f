// SPDX-License-Identifier: Apache-2.0

package scam

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
)

// Waiting is a line of the queue: nothing of what was said.
type Waiting struct {
	Code  string
	Kind  Kind
	State State
	At    time.Time
}

// File is a whole report as a registrar reads it.
type File struct {
	Waiting
	Place, Words string
	SignedIn     bool // whoever reported was
	Office       string
}

func (d *Desk) require(ctx context.Context, by audit.Actor) error {
	if d.c.Roster == nil {
		return fault.New(fault.Forbidden, "office.staff.no_role")
	}
	_, err := d.c.Roster.Require(ctx, by, office.Registrar)
	return err
}

// ListWaiting lists the open reports, the oldest first, and how many there are.
func (d *Desk) ListWaiting(ctx context.Context, by audit.Actor, limit int) ([]Waiting, int, error) {
	if err := d.require(ctx, by); err != nil {
		return nil, 0, err
	}
	var n int
	if err := d.c.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM account_scam_report WHERE state = 'open'`).Scan(&n); err != nil {
		return nil, 0, fmt.Errorf("count reports: %w", err)
	}
	rows, err := d.c.DB.Read().QueryContext(ctx, `SELECT code, kind, state, at FROM account_scam_report WHERE state = 'open' ORDER BY at, id LIMIT $1`, limit)
	if err != nil {
		return nil, 0, fmt.Errorf("list reports: %w", err)
	}
	defer rows.Close()
	var out []Waiting
	for rows.Next() {
		var w Waiting
		var at int64
		if err := rows.Scan(&w.Code, &w.Kind, &w.State, &at); err != nil {
			return nil, 0, fmt.Errorf("list reports: %w", err)
		}
		w.At = clock.FromMicros(at)
		out = append(out, w)
	}
	return out, n, rows.Err()
}

// FindFile opens a report. That somebody read it is in the log before it answers.
func (d *Desk) FindFile(ctx context.Context, by audit.Actor, code string) (File, error) {
	if err := d.require(ctx, by); err != nil {
		return File{}, err
	}
	q := d.c.DB.Read()
	var f File
	var key reportID
	var place, words []byte
	var at int64
	err := q.QueryRowContext(ctx, `SELECT id, code, kind, state, at, place, words, reporter IS NOT NULL, decided_office FROM account_scam_report WHERE code = $1`, tidy(code)).
		Scan(&key, &f.Code, &f.Kind, &f.State, &at, &place, &words, &f.SignedIn, &f.Office)
	if errors.Is(err, sql.ErrNoRows) {
		return File{}, notFound()
	}
	if err != nil {
		return File{}, fmt.Errorf("find a report: %w", err)
	}
	f.At = clock.FromMicros(at)
	p, err1 := d.c.Seal.Open(ctx, q, id.Person(key), sealPlace, place)
	w, err2 := d.c.Seal.Open(ctx, q, id.Person(key), sealWords, words)
	if err := errors.Join(err1, err2); err != nil {
		return File{}, fmt.Errorf("open a report: %w", err)
	}
	f.Place, f.Words = string(p), string(w)
	return f, d.c.Audit.Record(ctx, audit.Entry{Actor: by, Action: "scam.read", Purpose: "scam", Detail: map[string]string{"code": f.Code}})
}

// Decision is what becomes of a report: a trick of its own, one that is known,
// or nothing.
type Decision struct {
	Publish      bool
	Title, Words Words   // of a trick of its own
	Known        TrickID // or the one that it belongs to
}

// Decide decides an open report.
func (d *Desk) Decide(ctx context.Context, by audit.Actor, code string, in Decision) error {
	if d.c.Roster == nil {
		return fault.New(fault.Forbidden, "office.staff.no_role")
	}
	fresh := in.Publish && in.Known.IsZero()
	if fresh {
		f := fault.New(fault.Invalid, "scam.publish.form")
		for name, v := range map[string]*string{"title_vi": &in.Title.VI, "title_en": &in.Title.EN} {
			if *v = strings.TrimSpace(*v); utf8.RuneCountInString(*v) < 5 || utf8.RuneCountInString(*v) > 120 {
				f.With(name, "scam.publish.title")
			}
		}
		for name, v := range map[string]*string{"words_vi": &in.Words.VI, "words_en": &in.Words.EN} {
			if *v = strings.TrimSpace(*v); utf8.RuneCountInString(*v) < 10 || utf8.RuneCountInString(*v) > 1000 {
				f.With(name, "scam.publish.words")
			}
		}
		if len(f.Fields) > 0 {
			return f
		}
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.c.Roster.RequireTx(ctx, tx, by, office.Registrar)
		if err != nil {
			return err
		}
		now := clock.Micros(d.c.Clock.Now())
		state, trick := Closed, any(nil)
		switch {
		case fresh:
			t := id.New[trickKind]()
			state, trick = Published, t
			var kind Kind
			if err := tx.QueryRowContext(ctx, `SELECT kind FROM account_scam_report WHERE code = $1`, tidy(code)).Scan(&kind); errors.Is(err, sql.ErrNoRows) {
				return notFound()
			} else if err != nil {
				return fmt.Errorf("find a report: %w", err)
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO account_scam_trick (id, kind, title_vi, title_en, words_vi, words_en, office, since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
				t, string(kind), in.Title.VI, in.Title.EN, in.Words.VI, in.Words.EN, s.OfficeName, now); err != nil {
				return fmt.Errorf("publish a trick: %w", err)
			}
		case in.Publish:
			state, trick = Published, in.Known
			var one int
			if err := tx.QueryRowContext(ctx, `SELECT 1 FROM account_scam_trick WHERE id = $1 AND ended_at IS NULL`, in.Known).Scan(&one); errors.Is(err, sql.ErrNoRows) {
				return fault.New(fault.Invalid, "scam.known").With("known", "scam.known")
			} else if err != nil {
				return fmt.Errorf("find a trick: %w", err)
			}
		}
		res, err := tx.ExecContext(ctx, `UPDATE account_scam_report SET state = $2, trick = $3, decided_at = $4, decided_by = $5, decided_office = $6 WHERE code = $1 AND state = 'open'`,
			tidy(code), string(state), trick, now, by.Account, s.OfficeName)
		if err != nil {
			return fmt.Errorf("decide a report: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(fault.New(fault.Conflict, "scam.decided"), err)
		}
		return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "scam.decided", Purpose: "scam", Detail: map[string]string{"code": tidy(code), "state": string(state)}})
	})
}

// WithdrawTrick takes a trick off the public list.
func (d *Desk) WithdrawTrick(ctx context.Context, by audit.Actor, t TrickID) error {
	if d.c.Roster == nil {
		return fault.New(fault.Forbidden, "office.staff.no_role")
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := d.c.Roster.RequireTx(ctx, tx, by, office.Registrar); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `UPDATE account_scam_trick SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL`, t, clock.Micros(d.c.Clock.Now()))
		if err != nil {
			return fmt.Errorf("withdraw a trick: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(fault.New(fault.NotFound, "scam.not_found"), err)
		}
		return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "scam.withdrawn", Purpose: "scam", Detail: map[string]string{"trick": t.String()}})
	})
}
