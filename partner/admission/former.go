// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/partner"
	"danh/registry/organisation"
)

// HandleRepresentatives ends the places of owners who held them because they
// represented the organisation by law, and do no more: from then on its keys and
// its people are not theirs to change. Deliveries repeat; the registry says what
// is true.
func (d *Desk) HandleRepresentatives(ctx context.Context, e organisation.Event) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		var party string
		err := tx.QueryRowContext(ctx, `SELECT id FROM partner_party WHERE organisation = $1 AND ended_at IS NULL`, organisation.Subject(e.Organisation)).Scan(&party)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("find an organisation's party: %w", err)
		}
		return d.endFormerTx(ctx, tx, partner.PartyID(party), e.Organisation)
	})
}

// endFormer looks through all parties: a representation also ends by its day.
func (d *Desk) endFormer(ctx context.Context) error {
	type place struct {
		party        partner.PartyID
		organisation organisation.ID
	}
	var list []place
	if err := db.Each(ctx, d.c.DB.Read(), `SELECT id, organisation FROM partner_party WHERE ended_at IS NULL ORDER BY id`, nil, func(r db.Row) error {
		var p place
		err := r.Scan(&p.party, &p.organisation)
		list = append(list, p)
		return err
	}); err != nil {
		return fmt.Errorf("list parties: %w", err)
	}
	for _, p := range list {
		if err := d.c.DB.Write(ctx, func(tx *db.Tx) error { return d.endFormerTx(ctx, tx, p.party, p.organisation) }); err != nil {
			d.c.Log.ErrorContext(ctx, "a party's owners cannot be looked at", "party", string(p.party), "err", err)
		}
	}
	return nil
}

// endFormerTx ends such places at a party. An owner whom another one invited
// does not stand on the registry, and stays.
func (d *Desk) endFormerTx(ctx context.Context, tx *db.Tx, party partner.PartyID, org organisation.ID) error {
	by := audit.System("partner")
	type place struct{ account, key, person id.Person }
	var list []place
	if err := db.Each(ctx, tx, `SELECT account, id, person FROM partner_staff WHERE party = $1 AND role = 'owner' AND begun_by = account AND ended_at IS NULL ORDER BY id`, []any{string(party)}, func(r db.Row) error {
		var p place
		err := r.Scan(&p.account, &p.key, &p.person)
		list = append(list, p)
		return err
	}); err != nil {
		return fmt.Errorf("list a party's owners: %w", err)
	}
	for _, p := range list {
		a, err := d.c.Organisations.AuthorityTx(ctx, tx, p.person, org)
		if err != nil {
			return err
		}
		if a.Relation == organisation.LegalRepresentative {
			continue
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_staff SET ended_at = $3 WHERE account = $1 AND id = $2 AND ended_at IS NULL`, p.account, p.key, clock.Micros(d.c.Clock.Now())))
		if err != nil {
			return fmt.Errorf("end an owner's place: %w", err)
		}
		if !ok {
			continue
		}
		if err := d.uninviteTx(ctx, tx, party, p.account); err != nil {
			return err
		}
		if err := d.noteTx(ctx, tx, by, party, "staff.removed", string(partner.Owner), p.person); err != nil {
			return err
		}
	}
	return nil
}
