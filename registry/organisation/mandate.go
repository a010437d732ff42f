// SPDX-License-Identifier: Apache-2.0

package organisation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

type mandateKind struct{}

// MandateID is the key of a mandate.
type MandateID = id.ID[mandateKind]

// ParseMandateID reads a mandate's key.
func ParseMandateID(s string) (MandateID, error) { return id.Parse[mandateKind](s) }

// Scope is one thing that a mandate covers.
type Scope string

// The scopes. Giving mandates, and consenting to an account of the organisation,
// are none: they stay with who represents it by law.
const (
	Procedures Scope = "procedure" // file procedures and see their cases
	Partner    Scope = "partner"   // work at the partner door
	Consents   Scope = "consent"   // sign in at others in its name, and give its data
	Payments   Scope = "payment"   // pay in its name
)

// Scopes lists them.
var Scopes = []Scope{Procedures, Partner, Consents, Payments}

// Mandate is what an organisation lets a person do in its name.
//
// Its principal is the organisation. That whoever signed it ceases to represent
// it does not end it; a revocation by anybody who represents it today does, and
// so do its last day, the person's resignation, the end of the organisation's
// account and its dissolution (Civil Code 2015, articles 140(3), 141).
type Mandate struct {
	ID           MandateID
	Organisation ID
	Person       id.Person
	Grantor      id.Person // who represented it when it was given
	Scopes       []Scope
	From, Until  clock.Date
	GrantedAt    time.Time
	EndedAt      time.Time
	EndedWhy     string // "revoked", "resigned", "replaced", "date", "dissolved", "closed"

	Name          string // of the organisation, as MandatesOf gives it
	GrantorFormer bool   // who gave it does not represent it any more, as MandatesFrom says
}

// Standing reports whether a mandate holds on a day.
func (m Mandate) Standing(on clock.Date) bool {
	return m.EndedAt.IsZero() && !on.Before(m.From) && !m.Until.Before(on)
}

// Covers reports whether a mandate covers a thing.
func (m Mandate) Covers(s Scope) bool { return slices.Contains(m.Scopes, s) }

const (
	mandateGround = "Bộ luật Dân sự 2015, Điều 138"
	maxYears      = 5
)

// Period says until when a mandate lasts that begins on a day: a mandate that
// names no last day ends after one year (Civil Code 2015, article 140(2)(b)).
func Period(from, until clock.Date) clock.Date {
	if until.IsZero() {
		return yearsOn(from, 1).AddDays(-1)
	}
	return until
}

func yearsOn(d clock.Date, n int) clock.Date {
	d.Year += n
	if d.Month == 2 && d.Day == 29 {
		d.Day = 28
	}
	return d
}

// CheckMandate refuses scopes and periods that no mandate has.
func (r *Registry) CheckMandate(m Mandate) error {
	if len(m.Scopes) == 0 {
		return fault.New(fault.Invalid, "organisation.mandate.scope").With("scope", "organisation.mandate.scope")
	}
	for _, s := range m.Scopes {
		if !slices.Contains(Scopes, s) {
			return fault.New(fault.Invalid, "organisation.mandate.scope").With("scope", "organisation.mandate.scope")
		}
	}
	if !m.From.Exact() || !m.Until.Exact() || m.From.Before(r.today()) || m.Until.Before(m.From) || yearsOn(m.From, maxYears).Before(m.Until) {
		return fault.New(fault.Invalid, "organisation.mandate.period").With("until", "organisation.mandate.period")
	}
	return nil
}

// GrantTx gives a mandate, in place of one that the person holds of the same
// organisation. Grantor must represent it by law today, and by is the person
// who accepts it, the grantor, or an officer.
func (r *Registry) GrantTx(ctx context.Context, tx *db.Tx, by audit.Actor, m Mandate) (Mandate, error) {
	if by.Kind != audit.KindOfficer && (by.Kind != audit.KindCitizen || by.Person != m.Person && by.Person != m.Grantor) {
		return Mandate{}, fault.New(fault.Forbidden, "organisation.mandate.forbidden")
	}
	if m.Until.IsZero() {
		m.Until = Period(m.From, m.Until)
	}
	if m.From.Before(r.today()) { // it was offered some days ago
		m.From = r.today()
	}
	if err := r.CheckMandate(m); err != nil {
		return Mandate{}, err
	}
	// The organisation's row is held: a dissolution at this moment ends this mandate
	// too, or is read here.
	if _, err := tx.ExecContext(ctx, `UPDATE organisation_organisation SET updated_at = updated_at WHERE id = $1`, m.Organisation); err != nil {
		return Mandate{}, fmt.Errorf("hold an organisation: %w", err)
	}
	o, err := r.read(ctx, tx, byID, m.Organisation)
	if err != nil {
		return Mandate{}, err
	}
	if o.Status != Active {
		return Mandate{}, fault.New(fault.Conflict, "organisation.not_active")
	}
	if a, err := r.AuthorityTx(ctx, tx, m.Grantor, m.Organisation); err != nil {
		return Mandate{}, err
	} else if a.Relation != LegalRepresentative {
		return Mandate{}, fault.New(fault.Forbidden, "organisation.mandate.forbidden")
	}
	if a, err := r.AuthorityTx(ctx, tx, m.Person, m.Organisation); err != nil {
		return Mandate{}, err
	} else if a.Relation == LegalRepresentative {
		return Mandate{}, fault.New(fault.Conflict, "organisation.mandate.self")
	}
	now := r.clock.Now()
	if _, err := tx.ExecContext(ctx, `UPDATE organisation_mandate SET ended_at = $3, ended_why = 'replaced' WHERE person = $1 AND organisation = $2 AND ended_at IS NULL`, m.Person, m.Organisation, clock.Micros(now)); err != nil {
		return Mandate{}, fmt.Errorf("replace mandate: %w", err)
	}
	m.ID, m.GrantedAt, m.EndedAt, m.EndedWhy = id.New[mandateKind](), now, time.Time{}, ""
	if _, err := tx.ExecContext(ctx, `INSERT INTO organisation_mandate (person, id, organisation, grantor, scopes, valid_from, valid_to, granted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		m.Person, m.ID, m.Organisation, m.Grantor, joinScopes(m.Scopes), m.From, m.Until, clock.Micros(now)); err != nil {
		return Mandate{}, fmt.Errorf("grant mandate: %w", err)
	}
	return m, r.mandateEntriesTx(ctx, tx, by, "organisation.mandate.granted", m)
}

// mandateEntriesTx writes one fact into the person's log and the organisation's.
func (r *Registry) mandateEntriesTx(ctx context.Context, tx *db.Tx, by audit.Actor, action string, m Mandate) error {
	for _, subject := range []id.Person{m.Person, Subject(m.Organisation)} {
		if err := r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: action, Subject: subject, Purpose: "organisation.purpose.mandate", Ground: mandateGround,
			Fields: []string{FieldMandates}, Detail: map[string]string{"scopes": joinScopes(m.Scopes), "until": m.Until.String(), "why": m.EndedWhy}}); err != nil {
			return err
		}
	}
	return nil
}

// RevokeTx ends a mandate at once: anybody who represents the organisation
// today may, its holder ("resigned"), and an officer.
func (r *Registry) RevokeTx(ctx context.Context, tx *db.Tx, by audit.Actor, o ID, mandate MandateID) (Mandate, error) {
	m, err := scanMandate(tx.QueryRowContext(ctx, `SELECT `+mandateColumns+` WHERE m.organisation = $1 AND m.id = $2 AND m.ended_at IS NULL`, o, mandate))
	if errors.Is(err, sql.ErrNoRows) {
		return Mandate{}, fault.New(fault.NotFound, "organisation.mandate.not_found")
	}
	if err != nil {
		return Mandate{}, fmt.Errorf("find mandate: %w", err)
	}
	m.EndedWhy = "revoked"
	if by.Kind != audit.KindOfficer {
		a, err := r.AuthorityTx(ctx, tx, by.Person, o)
		if err != nil {
			return Mandate{}, err
		}
		switch {
		case by.Kind != audit.KindCitizen:
			return Mandate{}, fault.New(fault.Forbidden, "organisation.mandate.forbidden")
		case a.Relation == LegalRepresentative:
		case by.Person == m.Person:
			m.EndedWhy = "resigned"
		default: // to everybody else there is no such mandate
			return Mandate{}, fault.New(fault.NotFound, "organisation.mandate.not_found")
		}
	}
	m.EndedAt = r.clock.Now()
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE organisation_mandate SET ended_at = $3, ended_why = $4 WHERE person = $1 AND id = $2 AND ended_at IS NULL`, m.Person, m.ID, clock.Micros(m.EndedAt), m.EndedWhy))
	if err != nil {
		return Mandate{}, fmt.Errorf("revoke mandate: %w", err)
	}
	if !ok {
		return Mandate{}, fault.New(fault.NotFound, "organisation.mandate.not_found")
	}
	return m, r.mandateEntriesTx(ctx, tx, by, "organisation.mandate.ended", m)
}

const mandateColumns = `m.person, m.id, m.organisation, m.grantor, m.scopes, m.valid_from, m.valid_to, m.granted_at, COALESCE(m.ended_at, 0), COALESCE(m.ended_why, ''), o.name,
	NOT EXISTS (SELECT 1 FROM organisation_representative p WHERE p.organisation = m.organisation AND p.person = m.grantor AND p.ended_on IS NULL)
	FROM organisation_mandate m JOIN organisation_organisation o ON o.id = m.organisation`

func scanMandate(s db.Row) (Mandate, error) {
	var m Mandate
	var scopes string
	var granted, ended int64
	err := s.Scan(&m.Person, &m.ID, &m.Organisation, &m.Grantor, &scopes, &m.From, &m.Until, &granted, &ended, &m.EndedWhy, &m.Name, &m.GrantorFormer)
	m.Scopes, m.GrantedAt = splitScopes(scopes), clock.FromMicros(granted)
	if ended > 0 {
		m.EndedAt = clock.FromMicros(ended)
	}
	return m, err
}

func joinScopes(list []Scope) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), " ")
}

func splitScopes(s string) []Scope {
	var out []Scope
	for _, f := range strings.Fields(s) {
		out = append(out, Scope(f))
	}
	return out
}

// MandatesOf lists the mandates that a person holds, past ones of a year included.
func (r *Registry) MandatesOf(ctx context.Context, look audit.Look, person id.Person) ([]Mandate, error) {
	return looked(ctx, r, func(tx *db.Tx) ([]Mandate, error) {
		err := checkPersonal(look, person)
		var out []Mandate
		if err == nil {
			out, err = r.mandates(ctx, tx, "m.person = $1", person)
		}
		return out, r.entryTx(ctx, tx, look, actionMandates, person, []string{FieldMandates}, err)
	})
}

// MandatesFrom lists the mandates that an organisation has given, for who
// represents it. Each of their holders finds an entry in her log.
func (r *Registry) MandatesFrom(ctx context.Context, look audit.Look, o ID) ([]Mandate, error) {
	return looked(ctx, r, func(tx *db.Tx) ([]Mandate, error) {
		err := checkLook(look)
		if err == nil && look.By.Kind == audit.KindCitizen {
			a, aerr := r.AuthorityTx(ctx, tx, look.By.Person, o)
			if aerr != nil {
				return nil, aerr
			}
			if a.Relation != LegalRepresentative {
				err = fault.New(fault.Forbidden, "organisation.read.forbidden")
			}
		}
		var out []Mandate
		if err == nil {
			out, err = r.mandates(ctx, tx, "m.organisation = $1", o)
		}
		if err = r.entryTx(ctx, tx, look, actionMandates, Subject(o), []string{FieldMandates}, err); err != nil {
			return nil, err
		}
		told := map[id.Person]bool{}
		for _, m := range out {
			if told[m.Person] {
				continue
			}
			told[m.Person] = true
			if err := r.entryTx(ctx, tx, look, actionMandates, m.Person, []string{FieldMandates}, nil); err != nil {
				return nil, err
			}
		}
		return out, nil
	})
}

func (r *Registry) mandates(ctx context.Context, q db.Q, where string, arg any) ([]Mandate, error) {
	var out []Mandate
	err := db.Each(ctx, q, `SELECT `+mandateColumns+` WHERE `+where+` AND (m.ended_at IS NULL OR m.ended_at > $2) ORDER BY m.granted_at DESC, m.id DESC LIMIT 200`,
		[]any{arg, clock.Micros(r.clock.Now().AddDate(-1, 0, 0))}, func(s db.Row) error {
			m, err := scanMandate(s)
			out = append(out, m)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list mandates: %w", err)
	}
	return out, nil
}

// LegalRepresentative and Mandated are the relations by which somebody acts for
// an organisation.
const (
	LegalRepresentative = "legal_representative"
	Mandated            = "mandate"
)

// Authority is by what a person may act for an organisation today.
type Authority struct {
	Relation string // "" when she may not at all
	Mandate  MandateID
	Scopes   []Scope    // all of them for a legal representative
	Until    clock.Date // the last day; zero while none is set
	Active   bool       // whether the organisation works
}

// Covers reports whether the authority covers a thing.
func (a Authority) Covers(s Scope) bool {
	return a.Relation != "" && a.Active && slices.Contains(a.Scopes, s)
}

// AuthorityTx asks by what a person may act for an organisation at this moment.
// It shows nobody's data: its caller asks about the person who stands before
// it, and what she does by it has an entry of its own.
func (r *Registry) AuthorityTx(ctx context.Context, q db.Q, person id.Person, o ID) (Authority, error) {
	if person.IsZero() || o.IsZero() {
		return Authority{}, nil
	}
	var status Status
	var position, scopes sql.NullString
	var until, mandateUntil clock.Date
	var mandate MandateID
	err := q.QueryRowContext(ctx, `SELECT o.status, p.position, p.valid_to, m.id, m.scopes, m.valid_to FROM organisation_organisation o
		LEFT JOIN organisation_representative p ON p.organisation = o.id AND p.person = $1 AND p.ended_on IS NULL AND p.valid_from <= $3 AND (p.valid_to IS NULL OR p.valid_to >= $3)
		LEFT JOIN organisation_mandate m ON m.organisation = o.id AND m.person = $1 AND m.ended_at IS NULL AND m.valid_from <= $3 AND m.valid_to >= $3
		WHERE o.id = $2 LIMIT 1`, person, o, r.today()).Scan(&status, &position, &until, &mandate, &scopes, &mandateUntil)
	if errors.Is(err, sql.ErrNoRows) {
		return Authority{}, nil
	}
	if err != nil {
		return Authority{}, fmt.Errorf("ask for the authority: %w", err)
	}
	a := Authority{Active: status == Active}
	switch {
	case position.Valid:
		a.Relation, a.Scopes, a.Until = LegalRepresentative, Scopes, until
	case scopes.Valid:
		a.Relation, a.Mandate, a.Scopes, a.Until = Mandated, mandate, splitScopes(scopes.String), mandateUntil
	}
	return a, nil
}

// Authority is AuthorityTx outside a transaction.
func (r *Registry) Authority(ctx context.Context, person id.Person, o ID) (Authority, error) {
	return r.AuthorityTx(ctx, r.db.Read(), person, o)
}

// EndMandatesTx ends all mandates that an organisation has given, and gives
// them: the organisation is no more ("dissolved"), or the account for whose use
// they were given is closed ("closed"). It asks nobody's authority; the caller has.
func (r *Registry) EndMandatesTx(ctx context.Context, tx *db.Tx, by audit.Actor, o ID, why string) (ended []Mandate, err error) {
	for {
		list, err := r.mandates(ctx, tx, "m.organisation = $1 AND m.ended_at IS NULL", o)
		if err != nil || len(list) == 0 {
			return ended, err
		}
		for _, m := range list {
			if err := r.endTx(ctx, tx, by, m, why); err != nil {
				return nil, err
			}
		}
		ended = append(ended, list...)
	}
}

// TakeUntoldTx gives the holders whose mandates ended because the organisation is
// no more, each once: whoever asks tells them in the same transaction.
func (r *Registry) TakeUntoldTx(ctx context.Context, tx *db.Tx, o ID) (holders []id.Person, err error) {
	err = db.Each(ctx, tx, `UPDATE organisation_mandate SET told_at = $2 WHERE organisation = $1 AND ended_why = 'dissolved' AND told_at IS NULL RETURNING person`,
		[]any{o, clock.Micros(r.clock.Now())}, func(s db.Row) error {
			var p id.Person
			err := s.Scan(&p)
			holders = append(holders, p)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("take who is to be told: %w", err)
	}
	return holders, nil
}

func (r *Registry) endTx(ctx context.Context, tx *db.Tx, by audit.Actor, m Mandate, why string) error {
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE organisation_mandate SET ended_at = $3, ended_why = $4 WHERE person = $1 AND id = $2 AND ended_at IS NULL`, m.Person, m.ID, clock.Micros(r.clock.Now()), why))
	if err != nil {
		return fmt.Errorf("end mandate: %w", err)
	}
	if !ok {
		return nil
	}
	m.EndedWhy = why
	return r.mandateEntriesTx(ctx, tx, by, "organisation.mandate.ended", m)
}

// Purges ends the mandates whose last day is over. They give no power from the
// first minute of the next day, whether it has run or not.
func (r *Registry) Purges() []db.Purge {
	return []db.Purge{{Name: "organisation_mandate", Every: 10 * time.Minute, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
		var list []Mandate
		err := db.Each(ctx, tx, `SELECT `+mandateColumns+` WHERE m.ended_at IS NULL AND m.valid_to < $1 ORDER BY m.valid_to LIMIT 200`, []any{clock.DateOf(now)}, func(s db.Row) error {
			m, err := scanMandate(s)
			list = append(list, m)
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("list mandates that are over: %w", err)
		}
		for _, m := range list {
			if err := r.endTx(ctx, tx, audit.System("organisation"), m, "date"); err != nil {
				return 0, err
			}
		}
		return int64(len(list)), nil
	}}}
}
