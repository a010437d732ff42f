// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

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
	var clients []partner.ID // its two, what was derived from them, and what the operator registered for it
	if err := db.Each(ctx, tx, `SELECT id FROM partner_client WHERE party = $1 AND retired_at IS NULL ORDER BY id`, []any{string(party)}, func(r db.Row) error {
		var c partner.ID
		err := r.Scan(&c)
		clients = append(clients, c)
		return err
	}); err != nil {
		return fmt.Errorf("list a party's clients: %w", err)
	}
	for _, c := range clients {
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
