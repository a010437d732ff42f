// SPDX-License-Identifier: Apache-2.0

package warrant

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

// Line is a request in a list: its clocks, and nobody's data.
type Line struct {
	Code       string
	Ground     Ground // in a list its key alone
	State      State
	ReceivedAt time.Time
	Office     string // that took it in

	ForwardDue, ForwardedAt time.Time
	DecideDue, DecidedAt    time.Time // zero: not yet
	Until                   clock.Date
	Why                     string // of a refusal
	EndedAt                 time.Time
	EndedWhy                string // document, day

	ForwardLate, DecideLate bool // the day was missed, or is being missed
}

// Due is the day that runs now; zero when none does.
func (l Line) Due() time.Time {
	switch l.State {
	case Received:
		return l.ForwardDue
	case Forwarded:
		return l.DecideDue
	}
	return time.Time{}
}

// File is a request as an officer sees it who opens it.
type File struct {
	Line
	Request
	Ending string // the document that is to end it

	Account  account.Account // of the number; zero: nobody's. From when it waits for the decision
	Forwards bool            // she who looks may pass it on
	Decides  bool            // she may decide it, or confirm its end
	Ends     bool            // she may ask for its end
}

// row is a request with what its reader is not shown.
type row struct {
	Line
	id                           warrantID
	said, endingSaid             []byte
	account                      account.ID
	holds                        bool
	receiver, forwarder, ender   id.Person // accounts
	receiverP, forwarderP, endsP id.Person // persons
}

const columns = `id, code, ground, said, COALESCE(until_day, ''), state, received_at, received_by, received_person, received_office, forward_due, COALESCE(forwarded_at, 0), forwarded_by, forwarded_person,
	COALESCE(decide_due, 0), COALESCE(decided_at, 0), COALESCE(why, ''), account, holds, ending_by, ending_person, ending_said, COALESCE(ended_at, 0), COALESCE(ended_why, '') FROM account_warrant `

func (d *Desk) scan(s interface{ Scan(...any) error }) (row, error) {
	var r row
	var until string
	var received, forwardDue, forwarded, decideDue, decided, ended int64
	err := s.Scan(&r.id, &r.Code, &r.Ground.Key, &r.said, &until, &r.State, &received, &r.receiver, &r.receiverP, &r.Office, &forwardDue, &forwarded, &r.forwarder, &r.forwarderP,
		&decideDue, &decided, &r.Why, &r.account, &r.holds, &r.ender, &r.endsP, &r.endingSaid, &ended, &r.EndedWhy)
	if err != nil {
		return r, err
	}
	if until != "" {
		if r.Until, err = clock.ParseDate(until); err != nil {
			return r, fmt.Errorf("read a day: %w", err)
		}
	}
	now := d.c.Clock.Now()
	at := func(v int64) time.Time {
		if v == 0 {
			return time.Time{}
		}
		return clock.FromMicros(v)
	}
	r.ReceivedAt, r.ForwardDue, r.ForwardedAt, r.DecideDue, r.DecidedAt, r.EndedAt = at(received), at(forwardDue), at(forwarded), at(decideDue), at(decided), at(ended)
	late := func(due, done time.Time) bool {
		if done.IsZero() {
			done = now
		}
		return !due.IsZero() && done.After(due)
	}
	r.ForwardLate, r.DecideLate = late(r.ForwardDue, r.ForwardedAt), late(r.DecideDue, r.DecidedAt)
	return r, nil
}

func (d *Desk) find(ctx context.Context, q db.Q, code string) (row, error) {
	r, err := d.scan(q.QueryRowContext(ctx, `SELECT `+columns+`WHERE code = $1`, strings.ToUpper(strings.TrimSpace(code))))
	if errors.Is(err, sql.ErrNoRows) {
		return r, fault.New(fault.NotFound, "warrant.not_found")
	}
	if err != nil {
		return r, fmt.Errorf("find a request: %w", err)
	}
	return r, nil
}

// List lists the requests: those that wait for somebody first, the most urgent
// before the others, then those that stand and those that are over, the latest
// before the others.
func (d *Desk) List(ctx context.Context, by audit.Actor, limit int) ([]Line, error) {
	if _, err := d.require(ctx, by, readers); err != nil {
		return nil, err
	}
	rows, err := d.c.DB.Read().QueryContext(ctx, `SELECT `+columns+`ORDER BY CASE state WHEN 'received' THEN 0 WHEN 'forwarded' THEN 0 WHEN 'ending' THEN 1 WHEN 'locked' THEN 2 ELSE 3 END,
		CASE state WHEN 'received' THEN forward_due WHEN 'forwarded' THEN decide_due ELSE -received_at END, id LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	defer rows.Close()
	var out []Line
	for rows.Next() {
		r, err := d.scan(rows)
		if err != nil {
			return nil, fmt.Errorf("list requests: %w", err)
		}
		out = append(out, r.Line)
	}
	return out, rows.Err()
}

// Find opens a request. The look is in the log before it answers; in the holder's
// own once the request was decided: before, it would warn whom it is about.
func (d *Desk) Find(ctx context.Context, by audit.Actor, code string) (File, error) {
	s, err := d.require(ctx, by, readers)
	if err != nil {
		return File{}, err
	}
	q := d.c.DB.Read()
	r, err := d.find(ctx, q, code)
	if err != nil {
		return File{}, err
	}
	f := File{Line: r.Line}
	if f.Line.Ground, err = d.ruled(ctx, q, r); err != nil {
		return File{}, err
	}
	if f.Request, err = d.open(ctx, q, r); err != nil {
		return File{}, err
	}
	if r.endingSaid != nil {
		plain, err := d.c.Seal.Open(ctx, q, id.Person(r.id), sealEnding, r.endingSaid)
		if err != nil {
			return File{}, fmt.Errorf("open what ends a request: %w", err)
		}
		f.Ending = string(plain)
	}
	if r.State != Received {
		switch f.Account, err = d.c.Accounts.FindByNumber(ctx, f.Number); {
		case fault.Is(err, fault.NotFound):
		case err != nil:
			return File{}, err
		case f.Account.Person == s.Person:
			return File{}, fault.New(fault.Forbidden, "account.staff.own")
		}
	}
	_, takes := d.require(ctx, by, takers)
	_, decides := d.require(ctx, by, deciders)
	f.Forwards = r.State == Received && takes == nil
	f.Ends = r.State == Standing && takes == nil
	f.Decides = decides == nil && (r.State == Forwarded && !r.took(by, s.Person) || r.State == Ending && !r.ends(by, s.Person))
	e := audit.Entry{Actor: by, Action: "account.warrant.read", Purpose: purpose, Ground: f.Line.Ground.Source, Fields: []string{"number"}, Detail: map[string]string{"code": r.Code}}
	if !r.account.IsZero() {
		e.Subject = f.Account.Person
	}
	if err := d.c.Audit.Record(ctx, e); err != nil {
		return File{}, fmt.Errorf("record the look: %w", err)
	}
	return f, nil
}

// took reports whether somebody took a request in or passed it on, with this
// account or another of hers.
func (r row) took(by audit.Actor, person id.Person) bool {
	return r.receiver == by.Account || r.forwarder == by.Account || r.receiverP == person || r.forwarderP == person
}

// ends reports whether somebody asked for a request's end.
func (r row) ends(by audit.Actor, person id.Person) bool {
	return r.ender == by.Account || r.endsP == person
}

// open reads what a request says.
func (d *Desk) open(ctx context.Context, q db.Q, r row) (Request, error) {
	plain, err := d.c.Seal.Open(ctx, q, id.Person(r.id), sealSaid, r.said)
	if err != nil {
		return Request{}, fmt.Errorf("open a request: %w", err)
	}
	var s said
	if err := json.Unmarshal(plain, &s); err != nil {
		return Request{}, fmt.Errorf("read a request: %w", err)
	}
	day, err := clock.ParseDate(s.Day)
	if err != nil {
		return Request{}, fmt.Errorf("read a request's day: %w", err)
	}
	n, err := population.ParseNumber(s.Number)
	if err != nil {
		return Request{}, fmt.Errorf("read a request's number: %w", err)
	}
	return Request{Ground: r.Ground.Key, Number: n, Body: s.Body, Document: s.Document, Day: day, Words: s.Words, Until: r.Until}, nil
}
