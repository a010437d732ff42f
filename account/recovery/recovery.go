// SPDX-License-Identifier: Apache-2.0

// Package recovery owns how somebody gets her account back: after a forgotten
// password or passcode, a lost phone, a new phone number, both, a changed
// identity number; and what a relative reports of a death.
//
// It refuses haste and silence. What does not prove her before two officers can
// be stopped by one tap until a deadline that every channel of hers was told; a
// code to the old phone alone gets nothing back, and a SIM that was changed a
// while ago receives none. A request about nobody looks like one about somebody:
// whether there is an account is found out by a job, and told to its channels only.
//
// A request moves by one conditional update in the transaction that records it,
// so that of two moves one happens; after a crash it stands where it stood.
package recovery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"danh/account"
	"danh/account/approval"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
	"danh/notify"
	"danh/office"
	"danh/registry/card"
)

// Purpose is why recoveries look at data and write to people.
const Purpose = "account.recovery"

// SIMCheck asks the carrier whose a phone is and when its SIM was changed last.
// It answers account.Unknown, not an error, when the carrier has no answer.
type SIMCheck interface {
	CheckSIM(ctx context.Context, s account.Subscriber) (account.SIM, error)
}

// Config is what the desk stands on.
type Config struct {
	DB        *db.DB
	Clock     clock.Clock
	Log       *slog.Logger
	Seal      *seal.Sealer
	Jobs      *job.Queue
	Audit     *audit.Log
	Notify    *notify.Sender
	Accounts  *account.Keeper
	Approvals *approval.Desk // nil: no device proves anything
	Cards     *card.Registry // nil: no chip proves anything
	Roster    *office.Roster // nil: no counter proves anything
	Carrier   SIMCheck       // nil: the answer is always Unknown
	Citizen   string         // address of the citizen's door, for links in messages
	CoolOff   time.Duration  // instead of every wait of the rules; 0: the rules. Never set beyond loopback
}

// Desk takes requests and carries them through. It is safe for concurrent use.
type Desk struct{ c Config }

// New opens the desk and registers its jobs on the queue.
func New(c Config) *Desk {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Carrier == nil {
		c.Carrier = silent{}
	}
	d := &Desk{c}
	d.handleJobs()
	c.Accounts.HoldBack(d.Quiet)
	return d
}

type silent struct{}

func (silent) CheckSIM(context.Context, account.Subscriber) (account.SIM, error) {
	return account.SIM{Answer: account.Unknown}, nil
}

type recoveryKind struct{}

// ID is a request's key.
type ID = id.ID[recoveryKind]

// ParseID reads a request's key.
func ParseID(s string) (ID, error) { return id.Parse[recoveryKind](s) }

const (
	sealDetails = "account_recovery.details"
	sealPhone   = "account_recovery.phone"
)

// tidy accepts letters and digits as people copy them.
func tidy(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, strings.ToUpper(s))
}

func tidyCode(s string) string {
	if s = tidy(s); len(s) != 12 {
		return ""
	}
	return s[:2] + "-" + s[2:4] + "-" + s[4:8] + "-" + s[8:]
}

func notFound() error { return fault.New(fault.NotFound, "account.recovery.none") }
func moved() error    { return fault.New(fault.Conflict, "account.recovery.moved") }

func tooMany(wait time.Duration) error {
	return fault.New(fault.TooMany, "account.too_many").In(max(wait.Round(time.Second), time.Second))
}

// row is a request as it lies in its table.
type row struct {
	ID              ID
	Code            string
	Kind            Kind
	State           State
	Account         account.ID
	Person          id.Person
	Barred          bool
	Details, Phone  []byte
	Language, Label string
	Browser         []byte
	Known           bool
	Way, Evidence   string
	PhoneAt         time.Time
	CodeTo          string
	CodeSent        int
	CodeSentAt      time.Time
	CodeEnds        time.Time
	ProvedBy        string
	Office          string
	CounterBy       id.Person
	CounterPerson   id.Person
	CounterAt       time.Time
	ConfirmsBy      id.Person
	Begun, Due      time.Time
	Expires, Ended  time.Time
	Why             string
}

func (r row) has(word string) bool {
	for _, w := range strings.Fields(r.Evidence) {
		if w == word {
			return true
		}
	}
	return false
}

// nobody reports that no evidence but a counter's can carry the request on.
func (r row) nobody() bool { return r.Account.IsZero() || r.Barred }

const columns = `id, code, kind, state, account, person, barred, details, phone, language, label, browser, known, way, evidence, phone_at, code_to, code_sent, code_sent_at, code_ends_at,
	proved_by, COALESCE(counter_office, ''), counter_by, counter_by_person, counter_at, confirms_by, begun_at, due_at, expires_at, ended_at, ended_why`

func scan(s db.Row) (row, error) {
	var r row
	var phoneAt, sent, ends, counter, due, ended sql.NullInt64
	var begun, expires int64
	err := s.Scan(&r.ID, &r.Code, &r.Kind, &r.State, &r.Account, &r.Person, &r.Barred, &r.Details, &r.Phone, &r.Language, &r.Label, &r.Browser, &r.Known, &r.Way, &r.Evidence, &phoneAt,
		&r.CodeTo, &r.CodeSent, &sent, &ends, &r.ProvedBy, &r.Office, &r.CounterBy, &r.CounterPerson, &counter, &r.ConfirmsBy, &begun, &due, &expires, &ended, &r.Why)
	if errors.Is(err, sql.ErrNoRows) {
		return r, notFound()
	}
	if err != nil {
		return r, fmt.Errorf("read a request: %w", err)
	}
	at := func(n sql.NullInt64) (t time.Time) {
		if n.Valid {
			t = clock.FromMicros(n.Int64)
		}
		return t
	}
	r.PhoneAt, r.CodeSentAt, r.CodeEnds, r.CounterAt, r.Due, r.Ended = at(phoneAt), at(sent), at(ends), at(counter), at(due), at(ended)
	r.Begun, r.Expires = clock.FromMicros(begun), clock.FromMicros(expires)
	return r, nil
}

func find(ctx context.Context, q db.Q, r ID) (row, error) {
	return scan(q.QueryRowContext(ctx, `SELECT `+columns+` FROM account_recovery WHERE id = $1`, r))
}

func findByToken(ctx context.Context, q db.Q, t account.Token) (row, error) {
	if t == "" {
		return row{}, notFound()
	}
	return scan(q.QueryRowContext(ctx, `SELECT `+columns+` FROM account_recovery WHERE token_hash = $1`, t.Fingerprint()))
}

// value is a dated rule's value.
func (d *Desk) value(ctx context.Context, name string) (int, error) {
	return d.c.Accounts.Value(ctx, name)
}

func (d *Desk) span(ctx context.Context, name string, unit time.Duration) (time.Duration, error) {
	n, err := d.value(ctx, name)
	return time.Duration(n) * unit, err
}
