// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
	"danh/office"
	"danh/partner"
	"danh/partner/lint"
	"danh/registry/organisation"
	"danh/registry/unit"
)

// Row is a line of the officers' queue.
type Row struct {
	Application
	Organisation string
	Number       string
	Change       bool // the party is approved already and wants something else
	Late         bool
}

// officers of either role see the queue: a registrar checks, an approver decides.
func (d *Desk) officer(ask func(office.Role) (office.Staff, error), roles ...office.Role) (s office.Staff, err error) {
	err = fault.New(fault.Forbidden, "office.staff.no_role")
	for _, r := range roles {
		if s, err = ask(r); err == nil || !fault.Is(err, fault.Forbidden) {
			return s, err
		}
	}
	return s, err
}

func (d *Desk) officerTx(ctx context.Context, tx *db.Tx, by audit.Actor, roles ...office.Role) (office.Staff, error) {
	return d.officer(func(r office.Role) (office.Staff, error) { return d.c.Roster.RequireTx(ctx, tx, by, r) }, roles...)
}

// Queue is a list of applications with how many there are in each group.
type Queue struct {
	Rows   []Row
	Counts map[string]int
}

// The groups of the queue.
var groups = map[string]string{
	"check":   `a.state = 'waiting'`,
	"approve": `a.state = 'checked'`,
	"party":   `a.state IN ('agreeing', 'supplement')`,
	"decided": `a.state IN ('approved', 'refused', 'withdrawn')`,
}

// Groups lists the groups in order.
var Groups = []string{"check", "approve", "party", "decided"}

// List lists the applications of a group, what is due first; find narrows it to
// parties by name, number or code, without regard to diacritics.
func (d *Desk) List(ctx context.Context, by audit.Actor, group, find string, limit int) (Queue, error) {
	q := Queue{Counts: map[string]int{}}
	if _, err := d.officer(func(r office.Role) (office.Staff, error) { return d.c.Roster.Require(ctx, by, r) }, office.Registrar, office.Approver); err != nil {
		return q, err
	}
	where, ok := groups[group]
	if !ok {
		return q, fault.New(fault.NotFound, "partner.application.unknown")
	}
	args := []any{limit}
	if words := strings.Fields(unit.Fold(find)); len(words) > 0 {
		for i, w := range words {
			if i == 8 {
				break
			}
			args = append(args, "%"+w+"%")
			where += fmt.Sprintf(` AND (p.name_key LIKE $%d OR LOWER(a.code) LIKE $%d)`, len(args), len(args))
		}
	}
	now := d.c.Clock.Now()
	err := db.Each(ctx, d.c.DB.Read(), `SELECT `+applicationColumns+`, p.name, p.number, p.approved <> '' FROM partner_application a JOIN partner_party p ON p.id = a.party
		WHERE `+where+` ORDER BY COALESCE(a.due_at, 9000000000000000000), a.made_at DESC LIMIT $1`, args, func(r db.Row) error {
		var row Row
		var err error
		row.Application, err = scanApplication(more{r, []any{&row.Organisation, &row.Number, &row.Change}})
		row.Late = !row.DueAt.IsZero() && row.DueAt.Before(now)
		q.Rows = append(q.Rows, row)
		return err
	})
	if err != nil {
		return q, fmt.Errorf("list applications: %w", err)
	}
	for _, g := range Groups {
		var n int
		if err := d.c.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM partner_application a WHERE `+groups[g]).Scan(&n); err != nil {
			return q, fmt.Errorf("count applications: %w", err)
		}
		q.Counts[g] = n
	}
	return q, nil
}

// more scans some columns after those of an application.
type more struct {
	r    db.Row
	into []any
}

func (m more) Scan(into ...any) error { return m.r.Scan(append(into, m.into...)...) }

// Dossier is an application as an officer sees it.
type Dossier struct {
	Application
	Party         partner.Party
	Organisation  organisation.Organisation
	Report        lint.Report
	Changes       []lint.Change // since the last approval; empty when it is the first
	Agreed        []Agreement
	Credentials   []partner.Credential
	CheckedByMe   bool // then she cannot approve it
	MayCheck      bool
	MayApprove    bool
	Late          bool
	PastDecisions []Application
}

// OpenDossier opens an application for an officer. The looks at the registry are in the
// log before it answers.
func (d *Desk) OpenDossier(ctx context.Context, by audit.Actor, code string) (x Dossier, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := d.officerTx(ctx, tx, by, office.Registrar, office.Approver); err != nil {
			return err
		}
		x, err = d.dossierTx(ctx, tx, by, code)
		return err
	})
	if err != nil {
		return x, err
	}
	holds := func(r office.Role) bool { _, err := d.c.Roster.Require(ctx, by, r); return err == nil }
	x.MayCheck = x.State == Waiting && holds(office.Registrar)
	x.MayApprove = x.State == Checked && holds(office.Approver) && !x.CheckedByMe
	return x, nil
}

func (d *Desk) dossierTx(ctx context.Context, tx *db.Tx, by audit.Actor, code string) (x Dossier, err error) {
	x.Application, err = findApplication(ctx, tx, `code = $1`, strings.ToUpper(strings.TrimSpace(code)))
	if errors.Is(err, sql.ErrNoRows) {
		return x, fault.New(fault.NotFound, "partner.application.unknown")
	}
	if err != nil {
		return x, err
	}
	if x.Party, err = partner.FindPartyIn(ctx, tx, x.Application.Party); err != nil {
		return x, err
	}
	if x.Organisation, err = d.c.Organisations.FindTx(ctx, tx, audit.Look{By: by, Purpose: purpose, Ground: ground}, organisation.ID(x.Party.Organisation)); err != nil {
		return x, err
	}
	x.Report = d.check(x.Text, false)
	if len(x.Party.Approved) > 0 {
		x.Changes = lint.Compare(read(x.Party.Approved), x.Report.Document)
	}
	if x.Agreed, err = d.agreementsTx(ctx, tx, by, x.Party, x.Application); err != nil {
		return x, err
	}
	live, _, err := readKeys(ctx, tx, x.Party.ID)
	if err != nil {
		return x, err
	}
	x.Credentials = live.Credentials(x.Report.Document.AuthMethod)
	x.CheckedByMe = x.State == Checked && (x.checker == by.Account || x.checkerPerson == by.Person)
	x.Late = !x.DueAt.IsZero() && x.DueAt.Before(d.c.Clock.Now())
	err = db.Each(ctx, tx, `SELECT `+applicationColumns+` FROM partner_application a WHERE party = $1 AND code <> $2 AND decided_at IS NOT NULL ORDER BY decided_at DESC LIMIT 10`, []any{string(x.Party.ID), x.Code}, func(r db.Row) error {
		a, err := scanApplication(r)
		x.PastDecisions = append(x.PastDecisions, a)
		return err
	})
	return x, err
}

// mineTx refuses officers who work for the party or represent it.
func (d *Desk) mineTx(ctx context.Context, tx *db.Tx, by audit.Actor, x Dossier) error {
	own := fault.New(fault.Forbidden, "partner.application.own")
	roles, err := partner.RolesIn(ctx, tx, by.Account, x.Party.ID, d.c.Clock.Now())
	if err != nil {
		return err
	}
	if len(roles) > 0 || x.madePerson == by.Person || x.madeBy == by.Account {
		return own
	}
	for _, a := range x.Agreed {
		if a.person == by.Person {
			return own
		}
	}
	return nil
}

func words(s string, must bool) (string, error) {
	s = strings.TrimSpace(s)
	if n := utf8.RuneCountInString(s); n > 2000 || must && n < 3 {
		return s, fault.New(fault.Invalid, "partner.words").With("words", "partner.words")
	}
	return s, nil
}

// decide is what every step of the officers has in common.
func (d *Desk) decide(ctx context.Context, by audit.Actor, code string, roles []office.Role, step func(ctx context.Context, tx *db.Tx, s office.Staff, x Dossier) (moved bool, err error)) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.officerTx(ctx, tx, by, roles...)
		if err != nil {
			return err
		}
		x, err := d.dossierTx(ctx, tx, by, code)
		if err != nil {
			return err
		}
		if err := d.mineTx(ctx, tx, by, x); err != nil {
			return err
		}
		moved, err := step(ctx, tx, s, x)
		if err == nil && !moved {
			err = fault.New(fault.Conflict, "partner.application.moved")
		}
		return err
	})
}

// Check is the first officer's word that the application is in order.
func (d *Desk) Check(ctx context.Context, by audit.Actor, code, say string) error {
	say, err := words(say, false)
	if err != nil {
		return err
	}
	return d.decide(ctx, by, code, []office.Role{office.Registrar}, func(ctx context.Context, tx *db.Tx, s office.Staff, x Dossier) (bool, error) {
		if err := d.fit(x); err != nil {
			return false, err
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_application SET state = 'checked', checked_at = $2, checked_by = $3, checked_person = $4, checked_office = $5, words = $6 WHERE id = $1 AND state = 'waiting'`,
			x.ID, clock.Micros(d.c.Clock.Now()), by.Account, by.Person, s.OfficeName, say))
		if err != nil || !ok {
			return ok, err
		}
		return true, d.noteTx(ctx, tx, by, x.Party.ID, "application.checked", x.Code, id.Person{})
	})
}

// fit refuses what must not be approved, whoever says so.
func (d *Desk) fit(x Dossier) error {
	switch {
	case x.Organisation.Status != organisation.Active:
		return fault.New(fault.Conflict, "partner.organisation."+string(x.Organisation.Status))
	case !x.Party.EndedAt.IsZero():
		return fault.New(fault.Conflict, "partner.party.ended")
	case !x.Report.OK():
		return fault.New(fault.Conflict, "partner.draft.errors")
	case !complete(x.Agreed):
		return fault.New(fault.Conflict, "partner.application.disagreed") // representatives changed since
	}
	return nil
}

// AskBack asks the party to mend something. The clock stands until it has.
func (d *Desk) AskBack(ctx context.Context, by audit.Actor, code, say string) error {
	say, err := words(say, true)
	if err != nil {
		return err
	}
	return d.decide(ctx, by, code, []office.Role{office.Registrar, office.Approver}, func(ctx context.Context, tx *db.Tx, s office.Staff, x Dossier) (bool, error) {
		left := 1 // somebody who was late answers within a day
		if now := d.c.Clock.Now(); x.DueAt.After(now) {
			left = max(1, d.c.Calendar.WorkingDaysBetween(clock.DateOf(now), clock.DateOf(x.DueAt)))
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_application SET state = 'supplement', due_at = NULL, left_days = $2, words = $3 WHERE id = $1 AND state IN ('waiting', 'checked')`, x.ID, left, say))
		if err != nil || !ok {
			return ok, err
		}
		if err := d.tellPartyTx(ctx, tx, by, x.Party, x.Report.Document, "partner_supplement", map[string]string{"code": x.Code}); err != nil {
			return false, err
		}
		return true, d.noteTx(ctx, tx, by, x.Party.ID, "application.asked_back", x.Code, id.Person{})
	})
}

// Refuse ends an application, with the reason that the party reads.
func (d *Desk) Refuse(ctx context.Context, by audit.Actor, code, say string) error {
	say, err := words(say, true)
	if err != nil {
		return err
	}
	return d.decide(ctx, by, code, []office.Role{office.Approver}, func(ctx context.Context, tx *db.Tx, s office.Staff, x Dossier) (bool, error) {
		if x.State != Checked && x.State != Waiting || x.CheckedByMe {
			if x.CheckedByMe {
				return false, fault.New(fault.Forbidden, "partner.application.same")
			}
			return false, nil
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_application SET state = 'refused', decided_at = $2, decided_by = $3, decided_office = $4, words = $5, due_at = NULL WHERE id = $1 AND state IN ('waiting', 'checked')`,
			x.ID, clock.Micros(d.c.Clock.Now()), by.Account, s.OfficeName, say))
		if err != nil || !ok {
			return ok, err
		}
		if err := d.tellPartyTx(ctx, tx, by, x.Party, x.Report.Document, "partner_refused", map[string]string{"code": x.Code}); err != nil {
			return false, err
		}
		return true, d.noteTx(ctx, tx, by, x.Party.ID, "application.refused", x.Code, id.Person{})
	})
}

// Years for which an approval may be given.
const maxYears = 3

// Approve is the second officer's: never hers who checked. From its commit on
// the party's client serves what was handed in, word for word.
func (d *Desk) Approve(ctx context.Context, by audit.Actor, code string, years int) error {
	if years < 1 || years > maxYears {
		return fault.New(fault.Invalid, "partner.years").With("years", "partner.years")
	}
	return d.decide(ctx, by, code, []office.Role{office.Approver}, func(ctx context.Context, tx *db.Tx, s office.Staff, x Dossier) (bool, error) {
		if x.State != Checked {
			return false, nil
		}
		if x.CheckedByMe {
			return false, fault.New(fault.Forbidden, "partner.application.same")
		}
		if err := d.fit(x); err != nil {
			return false, err
		}
		now := d.c.Clock.Now()
		until := clock.DateOf(now.AddDate(years, 0, 0)).AddDays(1).Time().Add(-time.Microsecond) // the whole day counts
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_application SET state = 'approved', decided_at = $2, decided_by = $3, decided_office = $4, until = $5, due_at = NULL
			WHERE id = $1 AND state = 'checked' AND checked_by <> $3 AND checked_person <> $6`, x.ID, clock.Micros(now), by.Account, s.OfficeName, clock.Micros(until), by.Person))
		if err != nil || !ok {
			return ok, err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE partner_party SET approved = $2, approved_at = $3, approved_until = $4, name = $5 WHERE id = $1 AND ended_at IS NULL`,
			string(x.Party.ID), string(x.Text), clock.Micros(now), clock.Micros(until), x.Organisation.Name); err != nil {
			return false, fmt.Errorf("approve a party: %w", err)
		}
		p := x.Party
		p.Approved, p.ApprovedUntil = x.Text, until
		if err := d.serveTx(ctx, tx, by, p, false); err != nil {
			return false, err
		}
		if err := d.tellPartyTx(ctx, tx, by, p, x.Report.Document, "partner_approved", map[string]string{"code": x.Code, "client": string(p.Production()), "until": clock.DateOf(until).Vietnamese()}); err != nil {
			return false, err
		}
		return true, d.noteTx(ctx, tx, by, p.ID, "application.approved", x.Code, id.Person{})
	})
}

// Standing is a party as officers see it in their list.
type Standing struct {
	partner.Party
	Ends []partner.Credential // what ends within 60 days, or has
}

// ListParties lists parties for officers, without regard to diacritics.
func (d *Desk) ListParties(ctx context.Context, by audit.Actor, find string, limit int) ([]Standing, error) {
	if _, err := d.officer(func(r office.Role) (office.Staff, error) { return d.c.Roster.Require(ctx, by, r) }, office.Registrar, office.Approver); err != nil {
		return nil, err
	}
	where, args := `TRUE`, []any{limit}
	for i, w := range strings.Fields(unit.Fold(find)) {
		if i == 8 {
			break
		}
		args = append(args, "%"+w+"%")
		where += fmt.Sprintf(` AND name_key LIKE $%d`, len(args))
	}
	var out []Standing
	err := db.Each(ctx, d.c.DB.Read(), `SELECT `+partner.PartyColumns+` FROM partner_party WHERE `+where+` ORDER BY ended_at IS NOT NULL, id LIMIT $1`, args, func(r db.Row) error {
		p, err := partner.ScanParty(r)
		out = append(out, Standing{Party: p})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list parties: %w", err)
	}
	soon := d.c.Clock.Now().AddDate(0, 0, 60)
	for i := range out {
		if !out[i].Live(d.c.Clock.Now()) {
			continue
		}
		live, _, err := readKeys(ctx, d.c.DB.Read(), out[i].ID)
		if err != nil { // one party's mistake is not the others'
			d.c.Log.ErrorContext(ctx, "a party's keys cannot be read", "party", string(out[i].ID), "err", err)
			continue
		}
		for _, c := range live.Credentials(read(out[i].Approved).AuthMethod) {
			if !c.Until.IsZero() && c.Until.Before(soon) {
				out[i].Ends = append(out[i].Ends, c)
			}
		}
	}
	return out, nil
}

// End ends a party: its clients are retired in the same commit.
func (d *Desk) End(ctx context.Context, by audit.Actor, party partner.PartyID, say string) error {
	say, err := words(say, true)
	if err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := d.officerTx(ctx, tx, by, office.Approver); err != nil {
			return err
		}
		return d.endTx(ctx, tx, by, party, say)
	})
}

func (d *Desk) endTx(ctx context.Context, tx *db.Tx, by audit.Actor, party partner.PartyID, why string) error {
	p, err := partner.FindPartyIn(ctx, tx, party)
	if err != nil {
		return err
	}
	now := clock.Micros(d.c.Clock.Now())
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_party SET ended_at = $2, ended_why = $3 WHERE id = $1 AND ended_at IS NULL`, string(party), now, why))
	if err != nil {
		return fmt.Errorf("end a party: %w", err)
	}
	if !ok {
		return fault.New(fault.Conflict, "partner.party.ended")
	}
	for _, c := range []partner.ID{p.Production(), p.TrialClient()} {
		if err := d.c.Partners.RetireTx(ctx, tx, by, c); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE partner_application SET state = 'withdrawn', decided_at = $2, due_at = NULL WHERE party = $1 AND state IN ('agreeing', 'waiting', 'supplement', 'checked')`, string(party), now); err != nil {
		return fmt.Errorf("end a party's application: %w", err)
	}
	if err := d.tellPartyTx(ctx, tx, by, p, answering(p), "partner_ended", map[string]string{}); err != nil {
		return err
	}
	return d.noteTx(ctx, tx, by, party, "party.ended", "", id.Person{})
}

// HandleOrganisation ends the party of an organisation that was dissolved or
// suspended. Deliveries repeat: the registry says what is true.
func (d *Desk) HandleOrganisation(ctx context.Context, e organisation.Event) error {
	by := audit.System("partner")
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		var party string
		err := tx.QueryRowContext(ctx, `SELECT id FROM partner_party WHERE organisation = $1 AND ended_at IS NULL`, organisation.Subject(e.Organisation)).Scan(&party)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("find an organisation's party: %w", err)
		}
		o, err := d.c.Organisations.FindTx(ctx, tx, audit.Look{By: by, Purpose: purpose, Ground: ground}, e.Organisation)
		if err != nil || o.Status == organisation.Active {
			return err
		}
		return d.endTx(ctx, tx, by, partner.PartyID(party), string(o.Status))
	})
}

// answering is the document whose contacts answer for a party: what was approved
// and, before that, the draft.
func answering(p partner.Party) lint.Document {
	if len(p.Approved) > 0 {
		return read(p.Approved)
	}
	return read(p.Draft)
}

// tellPartyTx writes to the party's contacts.
func (d *Desk) tellPartyTx(ctx context.Context, tx *db.Tx, by audit.Actor, p partner.Party, doc lint.Document, template string, data map[string]string) error {
	if d.c.Notify == nil {
		return nil
	}
	data["organisation"], data["party"], data["link"] = p.Name, string(p.ID), d.c.Door+"/parties/"+string(p.ID)
	seen := map[string]bool{}
	for _, c := range doc.Contacts {
		if c.Mail == "" || seen[c.Mail] {
			continue
		}
		seen[c.Mail] = true
		m := notify.Message{To: notify.Recipient{Owner: p.Key, Email: c.Mail}, Template: template, Data: data, Purpose: purpose}
		if _, err := d.c.Notify.SendTx(ctx, tx, by, m); err != nil {
			return fmt.Errorf("write to a party: %w", err)
		}
	}
	return nil
}
