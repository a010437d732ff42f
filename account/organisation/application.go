// SPDX-License-Identifier: Apache-2.0

package organisation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	registry "danh/registry/organisation"
)

// State is how far an application is.
type State string

// The states.
const (
	Consenting State = "consenting" // representatives have yet to consent
	Deciding   State = "deciding"   // complete: an officer decides
	Supplement State = "supplement" // an officer asked for something, and the clock stands
	Opened     State = "opened"
	Refused    State = "refused"
	Withdrawn  State = "withdrawn"
)

// Over reports whether nothing more comes of it.
func (s State) Over() bool { return s == Opened || s == Refused || s == Withdrawn }

// Reasons are why an officer refuses an application.
var Reasons = []string{"data", "paper", "authority"}

type applicationKind struct{}

// ApplicationID is an application's key.
type ApplicationID = id.ID[applicationKind]

// ParseApplicationID reads an application's key.
func ParseApplicationID(s string) (ApplicationID, error) { return id.Parse[applicationKind](s) }

// Application is an application as its people and officers see it.
type Application struct {
	ID             ApplicationID
	Code           string
	Organisation   registry.Organisation
	Applicant      id.Person
	Paper          bool // form TK02 at a counter
	State          State
	Held           bool // its data stand in the national database
	MadeAt         time.Time
	CompleteAt     time.Time
	Due            time.Time // by the law; zero while consents are missing or the clock stands
	StoppedAt      time.Time
	Asked          string // what an officer asked for
	Why            string // it was refused
	DecidedAt      time.Time
	Representative []Answer // who represents it today, and what each said

	takenBy id.Person // the account of the officer who took the paper
}

// Late reports whether the law's day is over.
func (a Application) Late(now time.Time) bool { return !a.Due.IsZero() && a.Due.Before(now) }

// TakenBy reports whether an officer took its paper in.
func (a Application) TakenBy(by audit.Actor) bool { return a.Paper && a.takenBy == by.Account }

// Answer is what a representative said.
type Answer struct {
	registry.Representative
	Said string // "", yes, no, paper
	At   time.Time
}

// of reports whether somebody represents the application's organisation today.
func (a Application) of(p id.Person) bool {
	return slices.ContainsFunc(a.Representative, func(x Answer) bool { return x.Person == p && !p.IsZero() })
}

func errNone() error  { return fault.New(fault.NotFound, "account.organisation.application.none") }
func errMoved() error { return fault.New(fault.Conflict, "account.organisation.moved") }

// moved turns an update that touched nothing into the answer that somebody else
// was first.
func moved(res sql.Result, err error) error {
	ok, err := db.Changed(res, err)
	if err != nil {
		return fmt.Errorf("move an application: %w", err)
	}
	if !ok {
		return errMoved()
	}
	return nil
}

const columns = `id, code, organisation, applicant, by_account, paper, state, held, made_at, complete_at, due_at, stopped_at, COALESCE(asked, ''), COALESCE(why, ''), decided_at FROM account_organisation_application`

func scan(s db.Row) (a Application, err error) {
	var complete, due, stopped, decided sql.NullInt64
	var made int64
	err = s.Scan(&a.ID, &a.Code, &a.Organisation.ID, &a.Applicant, &a.takenBy, &a.Paper, &a.State, &a.Held, &made, &complete, &due, &stopped, &a.Asked, &a.Why, &decided)
	at := func(n sql.NullInt64) time.Time {
		if !n.Valid {
			return time.Time{}
		}
		return clock.FromMicros(n.Int64)
	}
	a.MadeAt, a.CompleteAt, a.Due, a.StoppedAt, a.DecidedAt = clock.FromMicros(made), at(complete), at(due), at(stopped), at(decided)
	if a.State == Supplement {
		a.Due = time.Time{}
	}
	return a, err
}

// readTx reads an application with its organisation and who represents it now.
// An entry about the look stands in each of their logs.
func (d *Desk) readTx(ctx context.Context, tx *db.Tx, by audit.Actor, key ApplicationID) (Application, error) {
	a, err := scan(tx.QueryRowContext(ctx, `SELECT `+columns+` WHERE id = $1`, key))
	if errors.Is(err, sql.ErrNoRows) {
		return a, errNone()
	}
	if err != nil {
		return a, fmt.Errorf("find application: %w", err)
	}
	return a, d.fillTx(ctx, tx, by, &a)
}

func (d *Desk) fillTx(ctx context.Context, tx *db.Tx, by audit.Actor, a *Application) (err error) {
	if a.Organisation, err = d.c.Registry.FindTx(ctx, tx, look(by), a.Organisation.ID); err != nil {
		return err
	}
	list, err := d.c.Registry.RepresentativesTx(ctx, tx, look(by), a.Organisation.ID)
	if fault.Is(err, fault.Forbidden) {
		return errNone()
	}
	if err != nil {
		return err
	}
	said := map[id.Person]Answer{}
	err = db.Each(ctx, tx, `SELECT person, answer, answered_at FROM account_organisation_consent WHERE application = $1`, []any{a.ID}, func(s db.Row) error {
		var p id.Person
		var x Answer
		var at int64
		err := s.Scan(&p, &x.Said, &at)
		x.At = clock.FromMicros(at)
		said[p] = x
		return err
	})
	if err != nil {
		return fmt.Errorf("list consents: %w", err)
	}
	a.Representative = nil
	for _, p := range list {
		x := said[p.Person]
		x.Representative = p
		a.Representative = append(a.Representative, x)
	}
	return nil
}

// FindOwn finds an application of an organisation that its reader represents.
func (d *Desk) FindOwn(ctx context.Context, s account.Session, key ApplicationID) (a Application, err error) {
	if err := s.OwnOnly(); err != nil {
		return a, err
	}
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if a, err = d.readTx(ctx, tx, s.Actor(), key); err == nil && !a.of(s.Person) {
			return errNone()
		}
		return err
	})
	return a, err
}
