// SPDX-License-Identifier: Apache-2.0

package admission

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
	"danh/partner"
	"danh/partner/lint"
	"danh/registry/organisation"
	"danh/registry/unit"
)

// ListRepresented lists the organisations for which the actor may apply: those
// that she represents by law today.
func (d *Desk) ListRepresented(ctx context.Context, by audit.Actor) ([]organisation.Representation, error) {
	if err := d.level2(ctx, by); err != nil {
		return nil, err
	}
	return d.c.Organisations.RepresentedBy(ctx, audit.Look{By: by, Purpose: purpose, Ground: ground}, by.Person)
}

// begin is the document that a party finds to fill in.
func begin(name string) lint.Document {
	return lint.Document{Name: partner.Text{VI: name}, Profile: string(partner.FAPI2), AuthMethod: string(partner.PrivateKeyJWT), RedirectURIs: []string{}, Purposes: []lint.Purpose{}}
}

// Open begins with an organisation: it gets its number, and the representative
// is its first owner. name is hers, to stand in the party's log.
func (d *Desk) Open(ctx context.Context, by audit.Actor, org organisation.ID, name string) (party partner.PartyID, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		o, err := d.representsTx(ctx, tx, by, org)
		if err != nil {
			return err
		}
		// Whoever represents it by law takes an owner's place where others began: also
		// when these are gone, or are to go.
		var there string
		err = tx.QueryRowContext(ctx, `SELECT id FROM partner_party WHERE organisation = $1 AND ended_at IS NULL`, organisation.Subject(o.ID)).Scan(&there)
		if err == nil {
			party = partner.PartyID(there)
			return d.joinTx(ctx, tx, by, party, partner.Owner, name, by.Account)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("find an organisation's party: %w", err)
		}
		var n int64
		if err := tx.QueryRowContext(ctx, `UPDATE partner_number SET last = last + 1 WHERE only_row = 1 RETURNING last`).Scan(&n); err != nil {
			return fmt.Errorf("take a party's number: %w", err)
		}
		party = partner.PartyID(fmt.Sprintf("DT-%04d", n))
		taken, err := d.c.Partners.KnownTx(ctx, tx, (partner.Party{ID: party}).Production())
		if err != nil || taken {
			return errors.Join(fault.New(fault.Conflict, "partner.party.taken"), err)
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO partner_party (id, key, organisation, number, name, name_key, draft, draft_version, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8) ON CONFLICT DO NOTHING`,
			string(party), id.NewPerson(), organisation.Subject(o.ID), o.Number.String(), o.Name, unit.Fold(o.Name+" "+string(o.Number)+" "+string(party)), string(begin(o.Name).Text()), clock.Micros(d.c.Clock.Now())))
		if err != nil {
			return fmt.Errorf("begin a party: %w", err)
		}
		if !ok {
			return fault.New(fault.Conflict, "partner.party.there")
		}
		if err := d.joinTx(ctx, tx, by, party, partner.Owner, name, by.Account); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, by, party, "party.opened", "", by.Person)
	})
	return party, err
}

// File is a party as one of its staff sees it.
type File struct {
	partner.Party
	Roles   []partner.Role
	Doc     lint.Document // the draft
	Report  lint.Report   // of the draft, for production
	Changes []lint.Change // since what was approved
	Current *Application  // the latest; nil when there was none
	Agreed  []Agreement   // of the current application, while it is open

	LiveKeys  Keys
	TrialKeys Keys
}

// ApprovedDocument is what holds; zero before the first approval.
func (f File) ApprovedDocument() lint.Document { return read(f.Approved) }

// TrialReport is what the checker says of a draft for the trial.
func (d *Desk) TrialReport(p partner.Party) lint.Report { return d.check(p.Draft, true) }

// Find opens a party for one of its staff.
func (d *Desk) Find(ctx context.Context, by audit.Actor, party partner.PartyID) (File, error) {
	p, err := d.requireTx(ctx, d.c.DB.Read(), by, party, seeing)
	if err != nil {
		return File{}, err
	}
	return d.file(ctx, by, p)
}

func (d *Desk) file(ctx context.Context, by audit.Actor, p partner.Party) (f File, err error) {
	f = File{Party: p, Report: d.check(p.Draft, false)}
	f.Doc = f.Report.Document
	if len(p.Approved) > 0 {
		f.Changes = lint.Compare(read(p.Approved), f.Doc)
	}
	if f.Roles, err = d.c.Partners.RolesOf(ctx, by.Account, p.ID, d.c.Clock.Now()); err != nil {
		return f, err
	}
	if f.LiveKeys, f.TrialKeys, err = readKeys(ctx, d.c.DB.Read(), p.ID); err != nil {
		return f, err
	}
	a, err := findApplication(ctx, d.c.DB.Read(), `party = $1 ORDER BY made_at DESC, id DESC LIMIT 1`, string(p.ID))
	if errors.Is(err, sql.ErrNoRows) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	f.Current = &a
	if a.State.Open() {
		f.Agreed, err = d.agreements(ctx, by, p, a)
	}
	return f, err
}

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

// maxDraft bounds a draft's text.
const maxDraft = 100 << 10

// SaveDraft keeps what was filled in so far, be it right or not. version is what
// the writer read; whoever saved in between is not overwritten.
func (d *Desk) SaveDraft(ctx context.Context, by audit.Actor, party partner.PartyID, version int64, doc lint.Document) error {
	text := doc.Text()
	if len(text) > maxDraft {
		return fault.New(fault.Invalid, "partner.draft.long")
	}
	// Asking for the household book is not even kept as a wish.
	for _, f := range d.check(text, true).Findings {
		if f.Code == "book" {
			return fault.New(fault.Invalid, "partner.book").With("book", "partner.book")
		}
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		p, err := d.requireTx(ctx, tx, by, party, editing)
		if err != nil {
			return err
		}
		if string(p.Draft) == string(text) {
			return nil
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_party SET draft = $3, draft_version = draft_version + 1 WHERE id = $1 AND draft_version = $2 AND ended_at IS NULL`, string(party), version, string(text)))
		if err != nil {
			return fmt.Errorf("save a draft: %w", err)
		}
		if !ok {
			return fault.New(fault.Conflict, "partner.draft.moved")
		}
		var parts []string
		for _, c := range lint.Compare(read(p.Draft), doc) {
			part, _, _ := strings.Cut(c.Path, ".")
			if !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
		return d.noteTx(ctx, tx, by, party, "draft.saved", strings.Join(parts, " "), id.Person{})
	})
}

// Submit hands the draft in for production. Only a legal representative may, and
// nothing with an error in it is taken.
func (d *Desk) Submit(ctx context.Context, by audit.Actor, party partner.PartyID) (code string, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		p, err := d.requireTx(ctx, tx, by, party, seeing)
		if err != nil {
			return err
		}
		if _, err := d.representsTx(ctx, tx, by, organisation.ID(p.Organisation)); err != nil {
			return err
		}
		report := d.check(p.Draft, false)
		if !report.OK() {
			return fault.New(fault.Conflict, "partner.draft.errors")
		}
		if len(p.Approved) > 0 {
			if changes := lint.Compare(read(p.Approved), report.Document); len(changes) == 0 && p.Live(d.c.Clock.Now().AddDate(0, 0, renewDays)) {
				return fault.New(fault.Conflict, "partner.draft.same")
			}
		}
		live, _, err := readKeys(ctx, tx, party)
		if err != nil {
			return err
		}
		if !live.serve(report.Document, d.c.Clock.Now()) {
			return fault.New(fault.Conflict, "partner.keys.missing")
		}
		now := clock.Micros(d.c.Clock.Now())
		before, err := findApplication(ctx, tx, `party = $1 AND state IN ('agreeing', 'waiting', 'supplement', 'checked')`, string(party))
		switch {
		case err == nil && before.State == Supplement:
			// The same case goes on with another text; whoever agreed to the former one
			// has to agree anew.
			code = before.Code
			ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_application SET state = 'agreeing', document = $2, hash = $3, made_at = $4, made_by = $5, made_person = $6, checked_at = NULL, checked_by = NULL, checked_person = NULL, checked_office = ''
				WHERE id = $1 AND state = 'supplement'`, before.ID, string(p.Draft), hashOf(p.Draft), now, by.Account, by.Person))
			if err != nil || !ok {
				return errors.Join(fault.New(fault.Conflict, "partner.application.moved"), err)
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM partner_agreement WHERE application = $1`, before.ID); err != nil {
				return fmt.Errorf("ask representatives anew: %w", err)
			}
		case err == nil:
			return fault.New(fault.Conflict, "partner.application.open")
		case !errors.Is(err, sql.ErrNoRows):
			return err
		default:
			code = id.NewCaseCode("DK", d.c.Clock.Now())
			ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO partner_application (id, code, party, state, document, hash, made_at, made_by, made_person) VALUES ($1, $2, $3, 'agreeing', $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
				id.New[applicationKind](), code, string(party), string(p.Draft), hashOf(p.Draft), now, by.Account, by.Person))
			if err != nil {
				return fmt.Errorf("hand in an application: %w", err)
			}
			if !ok {
				return fault.New(fault.Conflict, "partner.application.open")
			}
		}
		if err := d.noteTx(ctx, tx, by, party, "application.made", code, by.Person); err != nil {
			return err
		}
		a, err := findApplication(ctx, tx, `code = $1`, code)
		if err != nil {
			return err
		}
		return d.agreeTx(ctx, tx, by, p, a)
	})
	return code, err
}

// renewDays before its end an approval may be asked for again unchanged.
const renewDays = 90

// Agreement is one legal representative's place at an application.
type Agreement struct {
	Name     string // as the registry has it
	Position string
	Mine     bool
	Known    bool // the population registry knows her: only then can she agree
	At       time.Time
	person   id.Person
}

// agreements lists who represents the party by law today, and who of them agreed
// to the document as it was handed in.
func (d *Desk) agreements(ctx context.Context, by audit.Actor, p partner.Party, a Application) (out []Agreement, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		out, err = d.agreementsTx(ctx, tx, by, p, a)
		return err
	})
	return out, err
}

func (d *Desk) agreementsTx(ctx context.Context, tx *db.Tx, by audit.Actor, p partner.Party, a Application) ([]Agreement, error) {
	when := map[id.Person]int64{}
	err := db.Each(ctx, tx, `SELECT person, agreed_at FROM partner_agreement WHERE application = $1 AND hash = $2`, []any{a.ID, a.Hash}, func(r db.Row) error {
		var who id.Person
		var at int64
		err := r.Scan(&who, &at)
		when[who] = at
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read agreements: %w", err)
	}
	// All of a party's staff see who has yet to agree; the registry itself would
	// show it to those alone who act for the organisation.
	looker := by
	if by.Kind == audit.KindCitizen {
		looker = audit.System("partner")
	}
	list, err := d.c.Organisations.RepresentativesTx(ctx, tx, audit.Look{By: looker, Purpose: purpose, Ground: ground}, organisation.ID(p.Organisation))
	if err != nil {
		return nil, err
	}
	var out []Agreement
	for _, r := range list {
		if r.Standing(d.today()) {
			out = append(out, Agreement{Name: r.Name, Position: r.Position, Mine: r.Person == by.Person && !by.Person.IsZero(), Known: !r.Person.IsZero(), At: clock.FromMicros(when[r.Person]), person: r.Person})
		}
	}
	return out, nil
}

func complete(list []Agreement) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(a Agreement) bool { return a.At.IsZero() || !a.Known })
}

// agreeTx writes a representative's yes down and, when it was the last one, lets
// the clock run.
func (d *Desk) agreeTx(ctx context.Context, tx *db.Tx, by audit.Actor, p partner.Party, a Application) error {
	now := d.c.Clock.Now()
	if _, err := tx.ExecContext(ctx, `INSERT INTO partner_agreement (person, application, account, hash, agreed_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (person, application) DO UPDATE SET account = excluded.account, hash = excluded.hash, agreed_at = excluded.agreed_at`, by.Person, a.ID, by.Account, a.Hash, clock.Micros(now)); err != nil {
		return fmt.Errorf("agree to an application: %w", err)
	}
	list, err := d.agreementsTx(ctx, tx, by, p, a)
	if err != nil {
		return err
	}
	if !complete(list) {
		if d.c.Tell == nil || a.madePerson != by.Person {
			return nil
		}
		for _, x := range list {
			if x.Known && x.At.IsZero() {
				if err := d.c.Tell(ctx, tx, by, x.person, "partner_agree", map[string]string{"organisation": p.Name, "code": a.Code}); err != nil {
					return err
				}
			}
		}
		return nil
	}
	var left sql.NullInt64
	if err := tx.QueryRowContext(ctx, `SELECT left_days FROM partner_application WHERE id = $1`, a.ID).Scan(&left); err != nil {
		return fmt.Errorf("read a deadline: %w", err)
	}
	days := decideDays
	if left.Valid {
		days = int(left.Int64)
	}
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_application SET state = 'waiting', complete_at = COALESCE(complete_at, $2), due_at = $3 WHERE id = $1 AND state = 'agreeing'`,
		a.ID, clock.Micros(now), clock.Micros(d.c.Calendar.AddWorkingDays(now, days))))
	if err != nil || !ok {
		return errors.Join(fault.New(fault.Conflict, "partner.application.moved"), err)
	}
	return nil
}

// decideDays is how many working days officers have from a complete
// application. No law sets it; the installation promises it (docs/partners.md).
const decideDays = 15

// Asked is an application that waits for the reader's own agreement.
type Asked struct {
	Application
	Organisation string
}

// ListAsked lists the applications that wait for the actor's agreement.
func (d *Desk) ListAsked(ctx context.Context, by audit.Actor) ([]Asked, error) {
	if err := d.level2(ctx, by); err != nil {
		if fault.Is(err, fault.Forbidden) {
			return nil, nil
		}
		return nil, err
	}
	orgs, err := d.c.Organisations.RepresentedBy(ctx, audit.Look{By: by, Purpose: purpose, Ground: ground}, by.Person)
	if err != nil {
		return nil, err
	}
	var out []Asked
	for _, o := range orgs {
		a, err := findApplication(ctx, d.c.DB.Read(), `state = 'agreeing' AND party = (SELECT p.id FROM partner_party p WHERE p.organisation = $1 AND p.ended_at IS NULL)
			AND NOT EXISTS (SELECT 1 FROM partner_agreement g WHERE g.application = a.id AND g.person = $2 AND g.hash = a.hash)`, organisation.Subject(o.Organisation.ID), by.Person)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Asked{a, o.Organisation.Name})
	}
	return out, nil
}

// FindAsked opens an application for a legal representative who is to agree.
func (d *Desk) FindAsked(ctx context.Context, by audit.Actor, code string) (a Asked, agreed []Agreement, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		var p partner.Party
		a.Application, p, err = d.askedTx(ctx, tx, by, code)
		if err != nil {
			return err
		}
		a.Organisation = p.Name
		agreed, err = d.agreementsTx(ctx, tx, by, p, a.Application)
		return err
	})
	return a, agreed, err
}

func (d *Desk) askedTx(ctx context.Context, tx *db.Tx, by audit.Actor, code string) (Application, partner.Party, error) {
	a, err := findApplication(ctx, tx, `code = $1`, strings.ToUpper(strings.TrimSpace(code)))
	if errors.Is(err, sql.ErrNoRows) {
		return a, partner.Party{}, fault.New(fault.NotFound, "partner.application.unknown")
	}
	if err != nil {
		return a, partner.Party{}, err
	}
	p, err := partner.FindPartyIn(ctx, tx, a.Party)
	if err != nil {
		return a, p, err
	}
	if _, err = d.representsTx(ctx, tx, by, organisation.ID(p.Organisation)); fault.Is(err, fault.Forbidden) && fault.Of(err).Key == "partner.not_representative" {
		err = fault.New(fault.NotFound, "partner.application.unknown") // no oracle
	}
	return a, p, err
}

// Agree is a legal representative's yes to the document whose hash she was
// shown: to no other.
func (d *Desk) Agree(ctx context.Context, by audit.Actor, code string, hash []byte) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		a, p, err := d.askedTx(ctx, tx, by, code)
		if err != nil {
			return err
		}
		if a.State != Agreeing || string(a.Hash) != string(hash) {
			return fault.New(fault.Conflict, "partner.application.moved")
		}
		if err := d.noteTx(ctx, tx, by, p.ID, "application.agreed", a.Code, by.Person); err != nil {
			return err
		}
		return d.agreeTx(ctx, tx, by, p, a)
	})
}

// Withdraw takes an application back. A legal representative or an owner may.
func (d *Desk) Withdraw(ctx context.Context, by audit.Actor, party partner.PartyID) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := d.requireTx(ctx, tx, by, party, staffer); err != nil {
			return err
		}
		var code string
		err := tx.QueryRowContext(ctx, `UPDATE partner_application SET state = 'withdrawn', decided_at = $2, due_at = NULL WHERE party = $1 AND state IN ('agreeing', 'waiting', 'supplement', 'checked') RETURNING code`,
			string(party), clock.Micros(d.c.Clock.Now())).Scan(&code)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.Conflict, "partner.application.moved")
		}
		if err != nil {
			return fmt.Errorf("withdraw an application: %w", err)
		}
		return d.noteTx(ctx, tx, by, party, "application.withdrawn", code, id.Person{})
	})
}

// Narrow puts changes into force at once that only take away; others go through
// four eyes.
func (d *Desk) Narrow(ctx context.Context, by audit.Actor, party partner.PartyID) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		p, err := d.requireTx(ctx, tx, by, party, editing)
		if err != nil {
			return err
		}
		if !p.Live(d.c.Clock.Now()) {
			return fault.New(fault.Conflict, "partner.not_live")
		}
		report := d.check(p.Draft, false)
		if !report.OK() {
			return fault.New(fault.Conflict, "partner.draft.errors")
		}
		if changes := lint.Compare(read(p.Approved), report.Document); !lint.Narrowing(changes) {
			return fault.New(fault.Forbidden, "partner.draft.wider")
		}
		// A thief of a sign-in would first see to it that nobody hears of what comes
		// next: those who were named so far are told of it too.
		if was := read(p.Approved); !slices.Equal(mails(was), mails(report.Document)) {
			if err := d.tellPartyTx(ctx, tx, by, p, was, "partner_contacts_changed", map[string]string{"client": string(p.Production()), "at": d.c.Clock.Now().In(clock.Vietnam).Format("15:04 02/01/2006")}); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `UPDATE partner_party SET approved = $2 WHERE id = $1`, string(party), string(p.Draft)); err != nil {
			return fmt.Errorf("narrow a party: %w", err)
		}
		p.Approved = p.Draft
		if err := d.serveTx(ctx, tx, by, p, false); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, by, party, "narrowed", "", id.Person{})
	})
}

func mails(d lint.Document) []string {
	var out []string
	for _, c := range d.Contacts {
		out = append(out, c.Mail)
	}
	return out
}
