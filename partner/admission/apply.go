// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

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
