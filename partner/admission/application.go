// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/partner"
	"danh/partner/lint"
)

// Application is a request for production.
type Application struct {
	ID        ApplicationID
	Code      string
	Party     partner.PartyID
	State     State
	Text      []byte // the document, word for word
	Hash      []byte
	MadeAt    time.Time
	DueAt     time.Time // zero while no clock runs
	CheckedAt time.Time
	CheckedBy string // the office
	DecidedAt time.Time
	DecidedBy string
	Until     time.Time
	Words     string // of the officers, for the party

	madeBy, madePerson, checker, checkerPerson id.Person
}

// Document is what was handed in.
func (a Application) Document() lint.Document { return read(a.Text) }

// State is how far an application has come.
type State string

// The states.
const (
	Agreeing   State = "agreeing"   // other legal representatives have yet to agree
	Waiting    State = "waiting"    // an officer checks it
	Supplement State = "supplement" // the party mends it; the clock stands
	Checked    State = "checked"    // another officer approves it
	Approved   State = "approved"
	Refused    State = "refused"
	Withdrawn  State = "withdrawn"
)

// Open reports whether an application is still to be decided.
func (s State) Open() bool {
	return s == Agreeing || s == Waiting || s == Supplement || s == Checked
}

type applicationKind struct{}

// ApplicationID is the key of an application.
type ApplicationID = id.ID[applicationKind]

const applicationColumns = `a.id, a.code, a.party, a.state, a.document, a.hash, a.made_at, a.made_by, a.made_person, COALESCE(a.due_at, 0), COALESCE(a.checked_at, 0), a.checked_by, a.checked_person, a.checked_office, COALESCE(a.decided_at, 0), a.decided_office, COALESCE(a.until, 0), a.words`

func scanApplication(r db.Row) (Application, error) {
	var a Application
	var text string
	var made, due, checked, decided, until int64
	err := r.Scan(&a.ID, &a.Code, &a.Party, &a.State, &text, &a.Hash, &made, &a.madeBy, &a.madePerson, &due, &checked, &a.checker, &a.checkerPerson, &a.CheckedBy, &decided, &a.DecidedBy, &until, &a.Words)
	a.Text = []byte(text)
	a.MadeAt, a.DueAt, a.CheckedAt, a.DecidedAt, a.Until = clock.FromMicros(made), clock.FromMicros(due), clock.FromMicros(checked), clock.FromMicros(decided), clock.FromMicros(until)
	return a, err
}

func findApplication(ctx context.Context, q db.Q, where string, args ...any) (Application, error) {
	a, err := scanApplication(q.QueryRowContext(ctx, `SELECT `+applicationColumns+` FROM partner_application a WHERE `+where, args...))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return a, fmt.Errorf("find an application: %w", err)
	}
	return a, err
}
