// SPDX-License-Identifier: Apache-2.0

package procedure

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"danh/account"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// State is where a case stands.
type State string

// The states of a case.
const (
	Draft    State = "draft"
	Received State = "received" // the stay stands in the residence registry
	Disputed State = "disputed" // a guest says that it is not so
)

// Case is a draft or a case.
type Case struct {
	ID          CaseID
	Account     account.ID
	Procedure   string
	State       State
	Step        string // where a draft is to be taken up again
	Code        string
	UnitCode    string
	Office      string // the office's public name
	Guests      int
	Touched     bool // something was written into it since it was opened
	Late        bool
	DueAt       time.Time
	CreatedAt   time.Time
	UpdatedAt   time.Time
	SubmittedAt time.Time
	ExpiresAt   time.Time // drafts only
	Notice      Notice    // empty in lists and after its retention ended
	Events      []Event   // empty in lists
	version     int64
}

// Event is something that happened to a case.
type Event struct {
	At      time.Time
	Kind    string // opened, submitted, late, received, disputed
	Ordinal int    // the guest it is about, from 1; 0 for the whole case
}

const caseColumns = `account, id, procedure, state, step, version, code, unit_code, office_name, guests, late, due_at, created_at, updated_at, submitted_at, expires_at`

func scanCase(row interface{ Scan(...any) error }, more ...any) (Case, error) {
	var c Case
	var code sql.NullString
	var due, sent, expires sql.NullInt64
	var created, updated int64
	err := row.Scan(append([]any{&c.Account, &c.ID, &c.Procedure, &c.State, &c.Step, &c.version, &code, &c.UnitCode, &c.Office, &c.Guests, &c.Late,
		&due, &created, &updated, &sent, &expires}, more...)...)
	if err != nil {
		return Case{}, err
	}
	c.Code, c.Touched = code.String, c.version > 0
	c.DueAt, c.SubmittedAt, c.ExpiresAt = clock.FromMicros(due.Int64), clock.FromMicros(sent.Int64), clock.FromMicros(expires.Int64)
	c.CreatedAt, c.UpdatedAt = clock.FromMicros(created), clock.FromMicros(updated)
	return c, nil
}

var errNoCase = fault.New(fault.NotFound, "case.not_found")

// sealedColumn binds the payload to its place.
const sealedColumn = "procedure_case.payload"

// find reads one case of an account with what was written.
func (d *Desk) find(ctx context.Context, q db.Q, a account.ID, c CaseID) (Case, error) {
	var sealed []byte
	out, err := scanCase(q.QueryRowContext(ctx, `SELECT `+caseColumns+`, payload FROM procedure_case WHERE account = $1 AND id = $2`, a, c), &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return Case{}, errNoCase
	}
	if err != nil {
		return Case{}, fmt.Errorf("find case: %w", err)
	}
	if sealed == nil {
		return out, nil
	}
	plain, err := d.c.Seal.Open(ctx, q, id.Person(c), sealedColumn, sealed)
	if err != nil {
		return Case{}, fmt.Errorf("open case: %w", err)
	}
	if err := json.Unmarshal(plain, &out.Notice); err != nil {
		return Case{}, fmt.Errorf("read case: %w", err)
	}
	return out, nil
}

// Find gives the applicant one of her own drafts or cases. Another account's
// case is not found, like one that does not exist.
func (d *Desk) Find(ctx context.Context, a Applicant, c CaseID) (Case, error) {
	var out Case
	err := d.c.DB.Snapshot(ctx, func(q db.Q) error {
		var err error
		if out, err = d.find(ctx, q, a.Account.ID, c); err != nil {
			return err
		}
		out.Events, err = events(ctx, q, a.Account.ID, c)
		return err
	})
	return out, err
}

func events(ctx context.Context, q db.Q, a account.ID, c CaseID) ([]Event, error) {
	rows, err := q.QueryContext(ctx, `SELECT at, kind, ordinal FROM procedure_event WHERE account = $1 AND case_id = $2 ORDER BY seq`, a, c)
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	defer rows.Close()
	var out []Event
	for rows.Next() {
		var e Event
		var at int64
		if err := rows.Scan(&at, &e.Kind, &e.Ordinal); err != nil {
			return nil, fmt.Errorf("list events: %w", err)
		}
		e.At = clock.FromMicros(at)
		out = append(out, e)
	}
	return out, rows.Err()
}

// addEvent appends to a case's course. The caller has changed the case in the
// same transaction, so no two append at once.
func addEvent(ctx context.Context, tx *db.Tx, a account.ID, c CaseID, at time.Time, kind string, ordinal int) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO procedure_event (account, case_id, seq, at, kind, ordinal)
		SELECT $1, $2, COALESCE(MAX(seq), 0) + 1, $3, $4, $5 FROM procedure_event WHERE account = $1 AND case_id = $2`,
		a, c, clock.Micros(at), kind, ordinal)
	if err != nil {
		return fmt.Errorf("note %s: %w", kind, err)
	}
	return nil
}

// List gives the applicant's drafts and cases, the latest touched first.
func (d *Desk) List(ctx context.Context, a Applicant, limit int) ([]Case, error) {
	rows, err := d.c.DB.Read().QueryContext(ctx, `SELECT `+caseColumns+` FROM procedure_case WHERE account = $1
		AND (expires_at IS NULL OR expires_at > $2) ORDER BY updated_at DESC, id DESC LIMIT $3`, a.Account.ID, clock.Micros(d.c.Clock.Now()), limit)
	if err != nil {
		return nil, fmt.Errorf("list cases: %w", err)
	}
	defer rows.Close()
	var out []Case
	for rows.Next() {
		c, err := scanCase(rows)
		if err != nil {
			return nil, fmt.Errorf("list cases: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}
