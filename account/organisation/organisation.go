// SPDX-License-Identifier: Apache-2.0

// Package organisation owns how an organisation comes to an account and whom it
// lets use it: the application of a legal representative, the consent of all
// the others, the days that the law gives, and the mandates that are offered
// and accepted (Decree 69/2024, articles 12 and 13).
//
// Who represents an organisation is the registry's word, asked in the very
// transaction that needs it: a former representative's consent is worth
// nothing, and a new one must consent too. It refuses to open an account on a
// counter officer's word alone. Each step is one conditional update with its
// entries; an offer is accepted once.
package organisation

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/seal"
	"danh/notify"
	"danh/office"
	registry "danh/registry/organisation"
	"danh/registry/population"
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

// Days counts what the law gives; office.Calendar is one.
type Days interface {
	AddWorkingDays(t time.Time, n int) time.Time
	AddDays(t time.Time, n int) time.Time
	WorkingDaysBetween(from, to clock.Date) int
}

// Config is what the desk stands on.
type Config struct {
	DB         *db.DB
	Clock      clock.Clock
	Seal       *seal.Sealer
	Audit      *audit.Log
	Notify     *notify.Sender
	Roster     *office.Roster // nil: no officer may do anything here
	Calendar   Days
	Accounts   *account.Keeper
	Registry   *registry.Registry
	Population *population.Registry
	Citizen    string // address of the citizen's door, for links in messages
}

// Desk takes applications in and gives mandates. It is safe for concurrent use.
type Desk struct{ c Config }

// New opens the desk.
func New(c Config) *Desk { return &Desk{c} }

// Texts are the messages of the room's faults, in Vietnamese and English.
//
//go:embed organisation.text.json
var Texts embed.FS

type applicationKind struct{}

// ApplicationID is an application's key.
type ApplicationID = id.ID[applicationKind]

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

const (
	ground  = "NĐ 69/2024, Điều 12"
	purpose = "account.organisation"
)

var (
	takers   = []office.Role{office.IntakeOfficer, office.Registrar}
	deciders = []office.Role{office.Approver}
	readers  = []office.Role{office.IntakeOfficer, office.Registrar, office.Approver}
)

func look(by audit.Actor) audit.Look { return audit.Look{By: by, Purpose: purpose, Ground: ground} }

func (d *Desk) requireTx(ctx context.Context, tx *db.Tx, by audit.Actor, roles []office.Role) (s office.Staff, err error) {
	err = fault.New(fault.Forbidden, "office.staff.no_role")
	if d.c.Roster == nil {
		return s, err
	}
	for _, r := range roles {
		if s, err = d.c.Roster.RequireTx(ctx, tx, by, r); err == nil || !fault.Is(err, fault.Forbidden) {
			return s, err
		}
	}
	return s, err
}

// herself refuses whoever is not at her own account of level 2.
func (d *Desk) herself(ctx context.Context, s account.Session) error {
	if err := s.OwnOnly(); err != nil {
		return err
	}
	a, err := d.c.Accounts.Find(ctx, s.Account)
	if err != nil {
		return err
	}
	if a.Status != account.Active || a.Provisional || a.Level < 2 || a.Organisation || a.Person != s.Person {
		return fault.New(fault.Forbidden, "account.allow.level_2")
	}
	return nil
}

// representsTx refuses whoever does not represent an organisation by law today.
func (d *Desk) representsTx(ctx context.Context, tx *db.Tx, person id.Person, o registry.ID) error {
	a, err := d.c.Registry.AuthorityTx(ctx, tx, person, o)
	if err != nil {
		return err
	}
	if a.Relation != registry.LegalRepresentative {
		return fault.New(fault.Forbidden, "organisation.not_representative")
	}
	return nil
}

// Apply applies for the account of the organisation with a code, for one of its
// legal representatives at level 2. It counts as her consent. When nobody else
// has to consent, the account is open.
func (d *Desk) Apply(ctx context.Context, s account.Session, n registry.Number) (Application, error) {
	if err := d.herself(ctx, s); err != nil {
		return Application{}, err
	}
	if err := d.c.Accounts.Meet(ctx, s, "act_for"); err != nil {
		return Application{}, err
	}
	var key ApplicationID
	err := d.c.DB.Write(ctx, func(tx *db.Tx) error {
		o, err := d.c.Registry.FindByNumberTx(ctx, tx, look(s.Actor()), n)
		if err != nil {
			return err
		}
		if err := d.representsTx(ctx, tx, s.Person, o.ID); err != nil {
			return err
		}
		key, err = d.beginTx(ctx, tx, s.Actor(), o, s.Person, false)
		if err != nil {
			return err
		}
		if err := d.answerTx(ctx, tx, key, s.Person, "yes", id.Person(s.Account)); err != nil {
			return err
		}
		return d.advanceTx(ctx, tx, s.Actor(), key)
	})
	if err != nil {
		return Application{}, err
	}
	return d.FindOwn(ctx, s, key)
}

// beginTx makes an application, when there is no account and no other one.
func (d *Desk) beginTx(ctx context.Context, tx *db.Tx, by audit.Actor, o registry.Organisation, applicant id.Person, paper bool) (ApplicationID, error) {
	if o.Status != registry.Active {
		return ApplicationID{}, fault.New(fault.Conflict, "organisation.not_active")
	}
	if _, err := d.c.Accounts.FindByPersonTx(ctx, tx, o.Subject()); err == nil {
		return ApplicationID{}, fault.New(fault.Conflict, "account.organisation.open")
	} else if !fault.Is(err, fault.NotFound) {
		return ApplicationID{}, err
	}
	now, key := d.c.Clock.Now(), id.New[applicationKind]()
	ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO account_organisation_application (id, code, organisation, applicant, by_account, paper, state, held, made_at)
		VALUES ($1, $2, $3, $4, $5, $6, 'consenting', FALSE, $7) ON CONFLICT DO NOTHING`, key, id.NewCaseCode("TC", now), o.ID, applicant, by.Account, paper, clock.Micros(now)))
	if err != nil {
		return key, fmt.Errorf("apply: %w", err)
	}
	if !ok {
		return key, fault.New(fault.Conflict, "account.organisation.applied")
	}
	return key, d.noteTx(ctx, tx, by, "account.organisation.applied", o.ID, applicant)
}

// noteTx writes a step into the organisation's log, and into a person's.
func (d *Desk) noteTx(ctx context.Context, tx *db.Tx, by audit.Actor, action string, o registry.ID, people ...id.Person) error {
	for _, subject := range append([]id.Person{registry.Subject(o)}, people...) {
		if subject.IsZero() {
			continue
		}
		if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: action, Subject: subject, Purpose: purpose, Ground: ground}); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) answerTx(ctx context.Context, tx *db.Tx, a ApplicationID, person id.Person, said string, by id.Person) error {
	ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO account_organisation_consent (application, person, answer, answered_at, by_account) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		a, person, said, clock.Micros(d.c.Clock.Now()), by))
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if !ok {
		return fault.New(fault.Conflict, "account.organisation.answered")
	}
	return nil
}

// advanceTx asks the registry who represents the organisation now and what each
// of them said. Those who have not answered are asked; when all consented and
// the registry knows them all, the account opens; when it does not, an officer
// decides within the longer time.
func (d *Desk) advanceTx(ctx context.Context, tx *db.Tx, by audit.Actor, key ApplicationID) error {
	a, err := d.readTx(ctx, tx, audit.System("account"), key)
	if err != nil {
		return err
	}
	if a.State != Consenting {
		return errMoved()
	}
	held, all, missing := true, true, []id.Person{}
	for _, p := range a.Representative {
		switch {
		case p.Said == "no":
			return d.endTx(ctx, tx, by, a, Refused, "consent")
		case p.Person.IsZero():
			held = false // only paper can show who that is
			all = all && a.Paper
		case p.Said == "" && !a.Paper:
			all = false
			missing = append(missing, p.Person)
		}
	}
	if !all {
		for _, p := range missing {
			if err := d.tellPersonTx(ctx, tx, by, p, "organisation_consent_asked", map[string]string{"organisation": a.Organisation.Name, "link": d.c.Citizen + "/organisations"}); err != nil {
				return err
			}
		}
		return nil
	}
	if held && !a.Paper {
		return d.openTx(ctx, tx, by, a, id.Person{}, "")
	}
	return d.completeTx(ctx, tx, a, held)
}

// completeTx begins the law's days.
func (d *Desk) completeTx(ctx context.Context, tx *db.Tx, a Application, held bool) error {
	now := d.c.Clock.Now()
	due, err := d.due(ctx, now, held)
	if err != nil {
		return err
	}
	return moved(tx.ExecContext(ctx, `UPDATE account_organisation_application SET state = 'deciding', held = $2, complete_at = $3, due_at = $4 WHERE id = $1 AND state = 'consenting'`,
		a.ID, held, clock.Micros(now), clock.Micros(due)))
}

// due is the last instant that the law gives (Decree 69/2024, article 13): by
// dated rows, three working days when the data stand in the national database,
// and else fifteen days of the calendar.
func (d *Desk) due(ctx context.Context, from time.Time, held bool) (time.Time, error) {
	name, add := "organisation_other_days", d.c.Calendar.AddDays
	if held {
		name, add = "organisation_working_days", d.c.Calendar.AddWorkingDays
	}
	n, err := d.c.Accounts.Value(ctx, name)
	if err != nil {
		return time.Time{}, err
	}
	return add(from, n), nil
}

// openTx opens the account and tells everybody who represents the organisation.
func (d *Desk) openTx(ctx context.Context, tx *db.Tx, by audit.Actor, a Application, decided id.Person, officeName string) error {
	now := d.c.Clock.Now()
	if err := moved(tx.ExecContext(ctx, `UPDATE account_organisation_application SET state = 'opened', held = $2, complete_at = COALESCE(complete_at, $3), decided_at = $3, decided_by = $4, decided_office = $5
		WHERE id = $1 AND state IN ('consenting', 'deciding')`, a.ID, a.Held || officeName == "", clock.Micros(now), decided, officeName)); err != nil {
		return err
	}
	if _, err := d.c.Accounts.OpenOrganisationTx(ctx, tx, by, a.Organisation); err != nil {
		return err
	}
	for _, p := range a.Representative {
		if err := d.tellPersonTx(ctx, tx, by, p.Person, "organisation_opened", map[string]string{"organisation": a.Organisation.Name}); err != nil {
			return err
		}
	}
	return nil
}

// endTx ends an application without an account.
func (d *Desk) endTx(ctx context.Context, tx *db.Tx, by audit.Actor, a Application, to State, why string) error {
	if err := moved(tx.ExecContext(ctx, `UPDATE account_organisation_application SET state = $2, decided_at = $3, decided_by = $4, why = $5 WHERE id = $1 AND state IN ('consenting', 'deciding', 'supplement')`,
		a.ID, string(to), clock.Micros(d.c.Clock.Now()), by.Account, why)); err != nil {
		return err
	}
	for _, p := range a.Representative {
		if err := d.tellPersonTx(ctx, tx, by, p.Person, "organisation_refused", map[string]string{"organisation": a.Organisation.Name}); err != nil {
			return err
		}
	}
	return d.noteTx(ctx, tx, by, "account.organisation."+string(to), a.Organisation.ID)
}

// tellPersonTx tells the holder of a person's open account, if there is one.
func (d *Desk) tellPersonTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person, template string, data map[string]string) error {
	if person.IsZero() {
		return nil
	}
	a, err := d.c.Accounts.FindByPersonTx(ctx, tx, person)
	if fault.Is(err, fault.NotFound) || err == nil && a.Provisional {
		return nil
	}
	if err != nil {
		return err
	}
	to, err := d.c.Accounts.RecipientTx(ctx, tx, a.ID)
	if err != nil {
		return err
	}
	data["at"] = d.c.Clock.Now().In(clock.Vietnam).Format("15:04 02/01/2006")
	_, err = d.c.Notify.SendTx(ctx, tx, by, notify.Message{To: to, Template: template, Purpose: purpose, Data: data})
	return err
}

// Consent is another representative's word on an application, from her own
// account of level 2. A no ends it.
func (d *Desk) Consent(ctx context.Context, s account.Session, key ApplicationID, yes bool) error {
	if err := d.herself(ctx, s); err != nil {
		return err
	}
	if err := d.c.Accounts.Meet(ctx, s, "act_for"); err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		a, err := d.readTx(ctx, tx, s.Actor(), key)
		if err != nil {
			return err
		}
		if !a.of(s.Person) { // to everybody else there is no such application
			return errNone()
		}
		said := "no"
		if yes {
			said = "yes"
		}
		if err := d.answerTx(ctx, tx, key, s.Person, said, id.Person(s.Account)); err != nil {
			return err
		}
		if err := d.noteTx(ctx, tx, s.Actor(), "account.organisation.consented."+said, a.Organisation.ID, s.Person); err != nil {
			return err
		}
		return d.advanceTx(ctx, tx, s.Actor(), key)
	})
}

// Withdraw ends an application that one of its representatives made.
func (d *Desk) Withdraw(ctx context.Context, s account.Session, key ApplicationID) error {
	if err := d.herself(ctx, s); err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		a, err := d.readTx(ctx, tx, s.Actor(), key)
		if err != nil {
			return err
		}
		if !a.of(s.Person) {
			return errNone()
		}
		return d.endTx(ctx, tx, s.Actor(), a, Withdrawn, "")
	})
}

// of reports whether somebody represents the application's organisation today.
func (a Application) of(p id.Person) bool {
	return slices.ContainsFunc(a.Representative, func(x Answer) bool { return x.Person == p && !p.IsZero() })
}

// Close closes an organisation's account at the wish of a representative; the
// others are told.
func (d *Desk) Close(ctx context.Context, s account.Session, o registry.ID) error {
	if err := d.herself(ctx, s); err != nil {
		return err
	}
	if err := d.c.Accounts.Meet(ctx, s, "act_for"); err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := d.representsTx(ctx, tx, s.Person, o); err != nil {
			return err
		}
		acc, err := d.c.Accounts.FindByPersonTx(ctx, tx, registry.Subject(o))
		if err != nil {
			return err
		}
		org, err := d.c.Registry.FindTx(ctx, tx, look(s.Actor()), o)
		if err != nil {
			return err
		}
		all, err := d.c.Registry.RepresentativesTx(ctx, tx, look(s.Actor()), o)
		if err != nil {
			return err
		}
		if err := d.c.Accounts.CloseTx(ctx, tx, audit.System("account"), acc.ID, "organisation_request"); err != nil {
			return err
		}
		for _, p := range all {
			if err := d.tellPersonTx(ctx, tx, s.Actor(), p.Person, "organisation_closed", map[string]string{"organisation": org.Name}); err != nil {
				return err
			}
		}
		return d.noteTx(ctx, tx, s.Actor(), "account.organisation.closed", o, s.Person)
	})
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

func short(s string, least, most int) (string, bool) {
	s = strings.TrimSpace(s)
	n := utf8.RuneCountInString(s)
	return s, n >= least && n <= most
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

// Seat is an organisation as somebody who may act for it sees it.
type Seat struct {
	Organisation registry.Organisation
	Relation     string
	Position     string           // of a legal representative
	Mandate      registry.Mandate // of who holds one
	Account      account.Account  // zero ID: it has none
	Pending      *Application     // one under way, for representatives
}

// ListSeats lists what the holder of a session represents or holds a mandate of.
func (d *Desk) ListSeats(ctx context.Context, s account.Session) ([]Seat, error) {
	if err := s.OwnOnly(); err != nil {
		return nil, err
	}
	own, err := d.c.Registry.RepresentedBy(ctx, look(s.Actor()), s.Person)
	if err != nil {
		return nil, err
	}
	mandates, err := d.c.Registry.MandatesOf(ctx, look(s.Actor()), s.Person)
	if err != nil {
		return nil, err
	}
	var out []Seat
	for _, r := range own {
		out = append(out, Seat{Organisation: r.Organisation, Relation: registry.LegalRepresentative, Position: r.Position})
	}
	today := clock.DateOf(d.c.Clock.Now())
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		list := slices.Clone(out)
		for _, m := range mandates {
			if !m.EndedAt.IsZero() || m.Until.Before(today) {
				continue
			}
			o, err := d.c.Registry.FindTx(ctx, tx, look(s.Actor()), m.Organisation)
			if err != nil {
				return err
			}
			list = append(list, Seat{Organisation: o, Relation: registry.Mandated, Mandate: m})
		}
		for i := range list {
			x := &list[i]
			acc, err := d.c.Accounts.FindByPersonTx(ctx, tx, x.Organisation.Subject())
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			x.Account = acc
			if x.Relation != registry.LegalRepresentative {
				continue
			}
			a, err := scan(tx.QueryRowContext(ctx, `SELECT `+columns+` WHERE organisation = $1 AND state IN ('consenting', 'deciding', 'supplement')`, x.Organisation.ID))
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return fmt.Errorf("find application: %w", err)
			}
			if err := d.fillTx(ctx, tx, s.Actor(), &a); err != nil {
				return err
			}
			x.Pending = &a
		}
		out = list
		return nil
	})
	return out, err
}
