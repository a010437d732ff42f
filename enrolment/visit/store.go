// SPDX-License-Identifier: Apache-2.0

package visit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/seal"
)

// kept is a refusal whose transaction is committed all the same: its entry and
// its count are what remains of it.
type kept struct{ error }

func (k kept) Unwrap() error { return k.error }

func keep(err error) error { return kept{err} }

// write runs a transaction; a kept refusal commits.
func (d *Desk) write(ctx context.Context, fn func(tx *db.Tx) error) error {
	var refused error
	err := d.c.DB.Write(ctx, func(tx *db.Tx) error {
		refused = nil
		err := fn(tx)
		var k kept
		if errors.As(err, &k) {
			refused = k.error
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return refused
}

const sealShown = "enrolment_visit.shown"

// shown is what of a person stands on a visit, sealed under her key.
type shown struct {
	Name string `json:"name"`
	Tail string `json:"tail"`
}

const columns = `person, id, way, state, purpose, foreigner, proved, uploaded, shown, officer, office, office_name, account, matching, choices, evidence,
	made_at, COALESCE(opened_at, 0), ends_at, COALESCE(closed_at, 0)`

type row struct {
	Visit
	shown []byte
}

// scan reads a row as it stands at an instant: what is over is over before any
// job has said so.
func scan(s db.Row, now time.Time) (row, error) {
	var r row
	var choices string
	var made, opened, ends, closed int64
	v := &r.Visit
	err := s.Scan(&v.Person, &v.ID, &v.Way, &v.State, &v.Purpose, &v.Foreigner, &v.Proved, &v.Uploaded, &r.shown, &v.Officer, &v.Office, &v.OfficeName,
		&v.account, &v.Matching, &choices, &v.Evidence, &made, &opened, &ends, &closed)
	if err != nil {
		return row{}, err
	}
	for c := range strings.SplitSeq(choices, ",") {
		if n, err := strconv.Atoi(c); err == nil {
			v.Choices = append(v.Choices, n)
		}
	}
	v.MadeAt, v.OpenedAt, v.EndsAt, v.ClosedAt = clock.FromMicros(made), zero(opened), clock.FromMicros(ends), zero(closed)
	if !v.EndsAt.After(now) {
		switch v.State {
		case Asked:
			v.State, v.ClosedAt = Lapsed, v.EndsAt
		case Open:
			v.State, v.ClosedAt = Closed, v.EndsAt
		}
	}
	if v.Proved {
		v.ProofedTo = v.Person
	}
	return r, nil
}

func zero(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return clock.FromMicros(us)
}

// list reads visits with their names.
func (d *Desk) list(ctx context.Context, q db.Q, where string, args ...any) ([]Visit, error) {
	now := d.c.Clock.Now()
	var rows []row
	err := db.Each(ctx, q, `SELECT `+columns+` FROM enrolment_visit WHERE `+where, args, func(s db.Row) error {
		r, err := scan(s, now)
		rows = append(rows, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read visits: %w", err)
	}
	out := make([]Visit, len(rows))
	for i, r := range rows {
		plain, err := d.c.Seal.Open(ctx, q, r.Person, sealShown, r.shown)
		if errors.Is(err, seal.ErrDestroyed) {
			out[i] = r.Visit // she was forgotten; that there was a visit was not
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open a visit's name: %w", err)
		}
		var s shown
		if err := json.Unmarshal(plain, &s); err != nil {
			return nil, errors.New("visit: a sealed name does not parse")
		}
		out[i] = r.Visit
		out[i].Name, out[i].NumberTail = s.Name, s.Tail
	}
	return out, nil
}

func (d *Desk) one(ctx context.Context, q db.Q, where string, args ...any) (Visit, error) {
	list, err := d.list(ctx, q, where, args...)
	if err != nil {
		return Visit{}, err
	}
	if len(list) == 0 {
		return Visit{}, notFound()
	}
	return list[0], nil
}

func notFound() error { return fault.New(fault.NotFound, "enrolment.visit.not_found") }

// insert writes a visit that was made up.
func (d *Desk) insert(ctx context.Context, tx *db.Tx, v Visit, officer id.Person) error {
	plain, err := json.Marshal(shown{v.Name, v.NumberTail})
	if err != nil {
		return err
	}
	sealed, err := d.c.Seal.SealTx(ctx, tx, v.Person, sealShown, plain)
	if err != nil {
		return fmt.Errorf("seal a visit's name: %w", err)
	}
	var choices []string
	for _, n := range v.Choices {
		choices = append(choices, strconv.Itoa(n))
	}
	var opened, account any
	if !v.OpenedAt.IsZero() {
		opened = clock.Micros(v.OpenedAt)
	}
	if !v.account.IsZero() {
		account = v.account
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO enrolment_visit (person, id, way, state, purpose, foreigner, proved, uploaded, shown, officer, officer_person, office, office_name,
		account, matching, choices, evidence, made_at, opened_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
		v.Person, v.ID, string(v.Way), string(v.State), v.Purpose, v.Foreigner, v.Proved, v.Uploaded, sealed, v.Officer, officer, v.Office, v.OfficeName,
		account, v.Matching, strings.Join(choices, ","), v.Evidence, clock.Micros(v.MadeAt), opened, clock.Micros(v.EndsAt))
	if err != nil {
		return fmt.Errorf("write a visit: %w", err)
	}
	return nil
}
