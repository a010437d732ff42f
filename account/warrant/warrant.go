// SPDX-License-Identifier: Apache-2.0

// Package warrant owns the requests of competent bodies and service providers to
// lock an account, from the day an officer takes one in to the day its ground ends
// (Law on Identification, article 34; Decree 69/2024, article 30).
//
// It refuses to lock on one officer's word: whoever took a request in or passed it
// on does not decide it, and whoever asks to end it does not confirm that. The
// working days that the law gives are counted from dated rows, shown, and a missed
// one stays to be seen. What the document says is sealed. Until it is decided a
// request stands in nobody's own log; from then on it does. Each step is one
// conditional update with its entry, so of two officers one takes it.
package warrant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/seal"
	"danh/office"
	"danh/registry/population"
)

// State is how far a request is.
type State string

// The states.
const (
	Received  State = "received"  // an officer took it in
	Forwarded State = "forwarded" // it waits for the second officer
	Standing  State = "locked"    // the account is locked by it
	Refused   State = "refused"
	Ending    State = "ending" // its end was asked for, with a document
	Ended     State = "ended"
)

// Reasons are why a request is refused.
var Reasons = []string{"form", "nobody", "level", "over"}

// Ground is a dated row: who may ask, and within which working days an office
// passes it on and decides it.
type Ground struct {
	Key         string
	AskedBy     string // body, provider
	LeastLevel  account.Level
	ForwardDays int
	DecideDays  int
	Source      string
	Verified    bool // read at the official gazette
}

// Config is what the desk stands on.
type Config struct {
	DB       *db.DB
	Clock    clock.Clock
	Seal     *seal.Sealer
	Audit    *audit.Log
	Roster   *office.Roster // nil: nobody may do anything here
	Calendar account.WorkingDays
	Accounts *account.Keeper
}

// Desk takes requests in and decides them. It is safe for concurrent use.
type Desk struct{ c Config }

// New opens the desk.
func New(c Config) *Desk { return &Desk{c} }

type warrantKind struct{}

type warrantID = id.ID[warrantKind]

// Request is what a body's document says.
type Request struct {
	Ground   string
	Number   population.Number
	Body     string     // who asks: "Cơ quan Cảnh sát điều tra …"
	Document string     // its number
	Day      clock.Date // of the document
	Words    string     // what it says, as far as needed
	Until    clock.Date // the last day on which the ground holds; zero: until a document ends it
}

// said is what is sealed of a request.
type said struct {
	Number   string `json:"number"`
	Body     string `json:"body"`
	Document string `json:"document"`
	Day      string `json:"day"`
	Words    string `json:"words,omitempty"`
}

const (
	sealSaid   = "account_warrant.said"
	sealEnding = "account_warrant.ending_said"
	purpose    = "account.warrant"
)

var (
	takers   = []office.Role{office.IntakeOfficer, office.Registrar}
	deciders = []office.Role{office.Approver}
	readers  = []office.Role{office.IntakeOfficer, office.Registrar, office.Approver}
)

func (d *Desk) staff(ask func(office.Role) (office.Staff, error), roles []office.Role) (s office.Staff, err error) {
	err = fault.New(fault.Forbidden, "office.staff.no_role")
	if d.c.Roster == nil {
		return s, err
	}
	for _, r := range roles {
		if s, err = ask(r); err == nil || !fault.Is(err, fault.Forbidden) {
			return s, err
		}
	}
	return s, err
}

func (d *Desk) require(ctx context.Context, by audit.Actor, roles []office.Role) (office.Staff, error) {
	return d.staff(func(r office.Role) (office.Staff, error) { return d.c.Roster.Require(ctx, by, r) }, roles)
}

func (d *Desk) requireTx(ctx context.Context, tx *db.Tx, by audit.Actor, roles []office.Role) (office.Staff, error) {
	return d.staff(func(r office.Role) (office.Staff, error) { return d.c.Roster.RequireTx(ctx, tx, by, r) }, roles)
}

// ListGrounds lists the grounds in force today.
func (d *Desk) ListGrounds(ctx context.Context) ([]Ground, error) {
	return d.grounds(ctx, d.c.DB.Read())
}

func (d *Desk) grounds(ctx context.Context, q db.Q) ([]Ground, error) {
	rows, err := q.QueryContext(ctx, `SELECT ground, asked_by, least_level, forward_days, decide_days, source, verified FROM account_warrant_ground
		WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to >= $1) ORDER BY ground`, clock.DateOf(d.c.Clock.Now()))
	if err != nil {
		return nil, fmt.Errorf("list grounds: %w", err)
	}
	defer rows.Close()
	var out []Ground
	for rows.Next() {
		var g Ground
		if err := rows.Scan(&g.Key, &g.AskedBy, &g.LeastLevel, &g.ForwardDays, &g.DecideDays, &g.Source, &g.Verified); err != nil {
			return nil, fmt.Errorf("list grounds: %w", err)
		}
		out = append(out, g)
	}
	return out, rows.Err()
}

func (d *Desk) ground(ctx context.Context, q db.Q, key string) (Ground, error) {
	all, err := d.grounds(ctx, q)
	if err != nil {
		return Ground{}, err
	}
	i := slices.IndexFunc(all, func(g Ground) bool { return g.Key == key })
	if i < 0 {
		return Ground{}, fault.New(fault.Invalid, "warrant.form").With("ground", "warrant.ground")
	}
	return all[i], nil
}

// check refuses a request whose form is not right.
func (d *Desk) check(ctx context.Context, in *Request) error {
	f := fault.New(fault.Invalid, "warrant.form")
	switch _, err := d.ground(ctx, d.c.DB.Read(), in.Ground); {
	case fault.Is(err, fault.Invalid):
		f.With("ground", "warrant.ground")
	case err != nil:
		return err
	}
	n, err := population.ParseNumber(in.Number.Reveal())
	if err != nil {
		f.With("number", "population.number.form")
	}
	in.Number = n
	for _, x := range []struct {
		name        string
		v           *string
		least, most int
	}{{"body", &in.Body, 3, 200}, {"document", &in.Document, 1, 100}, {"words", &in.Words, 0, 500}} {
		*x.v = strings.TrimSpace(*x.v)
		if l := utf8.RuneCountInString(*x.v); l < x.least || l > x.most {
			f.With(x.name, "warrant."+x.name)
		}
	}
	today := clock.DateOf(d.c.Clock.Now())
	if in.Day.Day == 0 || today.Before(in.Day) || in.Day.Before(today.AddDays(-3650)) {
		f.With("day", "warrant.day")
	}
	if !in.Until.IsZero() && (in.Until.Day == 0 || in.Until.Before(today)) {
		f.With("until", "warrant.until")
	}
	if len(f.Fields) > 0 {
		return f
	}
	return nil
}

// Receive takes a request in and gives its code. The days to pass it on run from
// now.
func (d *Desk) Receive(ctx context.Context, by audit.Actor, in Request) (string, error) {
	if _, err := d.require(ctx, by, takers); err != nil {
		return "", err
	}
	if err := d.check(ctx, &in); err != nil {
		return "", err
	}
	now, key := d.c.Clock.Now(), id.New[warrantKind]()
	code := id.NewCaseCode("YC", now)
	plain, err := json.Marshal(said{in.Number.Reveal(), in.Body, in.Document, in.Day.String(), in.Words})
	if err != nil {
		return "", fmt.Errorf("keep what a request says: %w", err)
	}
	var until any
	if !in.Until.IsZero() {
		until = in.Until.String()
	}
	return code, d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.requireTx(ctx, tx, by, takers)
		if err != nil {
			return err
		}
		g, err := d.ground(ctx, tx, in.Ground)
		if err != nil {
			return err
		}
		sealed, err := d.c.Seal.SealTx(ctx, tx, id.Person(key), sealSaid, plain)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO account_warrant (id, code, ground, number_index, said, until_day, state, received_at, received_by, received_person, received_office, forward_due, holds)
			VALUES ($1, $2, $3, $4, $5, $6, 'received', $7, $8, $9, $10, $11, FALSE)`,
			key, code, g.Key, d.c.Seal.Blind("account.warrant", in.Number.Reveal()), sealed, until, clock.Micros(now), by.Account, s.Person, s.OfficeName,
			clock.Micros(d.c.Calendar.AddWorkingDays(now, g.ForwardDays))); err != nil {
			return fmt.Errorf("take a request in: %w", err)
		}
		return d.noteTx(ctx, tx, by, "received", code, g, id.Person{})
	})
}

// noteTx writes a step down. Whom it is about stands in it from the decision on.
func (d *Desk) noteTx(ctx context.Context, tx *db.Tx, by audit.Actor, step, code string, g Ground, about id.Person) error {
	return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.warrant." + step, Subject: about, Purpose: purpose, Ground: g.Source, Detail: map[string]string{"code": code, "ground": g.Key}})
}

// Forward passes a request on to the second officer; the days to decide run from
// now.
func (d *Desk) Forward(ctx context.Context, by audit.Actor, code string) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.requireTx(ctx, tx, by, takers)
		if err != nil {
			return err
		}
		r, err := d.find(ctx, tx, code)
		if err != nil {
			return err
		}
		now := d.c.Clock.Now()
		g, err := d.ruled(ctx, tx, r)
		if err != nil {
			return err
		}
		if err := moved(tx.ExecContext(ctx, `UPDATE account_warrant SET state = 'forwarded', forwarded_at = $2, forwarded_by = $3, forwarded_person = $4, decide_due = $5 WHERE id = $1 AND state = 'received'`,
			r.id, clock.Micros(now), by.Account, s.Person, clock.Micros(d.c.Calendar.AddWorkingDays(now, g.DecideDays)))); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, by, "forwarded", r.Code, g, id.Person{})
	})
}

// ruled is the ground's row of the day on which the request came in: what was
// begun under it is finished under it.
func (d *Desk) ruled(ctx context.Context, q db.Q, r row) (Ground, error) {
	var g Ground
	err := q.QueryRowContext(ctx, `SELECT ground, asked_by, least_level, forward_days, decide_days, source, verified FROM account_warrant_ground
		WHERE ground = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to >= $2)`, r.Ground.Key, clock.DateOf(r.ReceivedAt)).
		Scan(&g.Key, &g.AskedBy, &g.LeastLevel, &g.ForwardDays, &g.DecideDays, &g.Source, &g.Verified)
	if err != nil {
		return g, fmt.Errorf("find the row of a ground: %w", err)
	}
	return g, nil
}

func errMoved() error { return fault.New(fault.Conflict, "warrant.moved") }

// moved turns an update that touched nothing into the answer that somebody else
// was first.
func moved(res interface{ RowsAffected() (int64, error) }, err error) error {
	if err != nil {
		return fmt.Errorf("move a request: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(errMoved(), err)
	}
	return nil
}
