// SPDX-License-Identifier: Apache-2.0

package organisation

import (
	"context"
	"fmt"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	registry "danh/registry/organisation"
)

// Close closes an organisation's account at the wish of a representative; the
// others are told. With it end the mandates that were given for its use, and
// what is offered: whoever opens an account anew gives them anew. Who represents
// the organisation stays the registry's word.
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
		told := map[id.Person]bool{}
		for _, p := range all {
			told[p.Person] = true
			if err := d.tellPersonTx(ctx, tx, s.Actor(), p.Person, "organisation_closed", map[string]string{"organisation": org.Name}); err != nil {
				return err
			}
		}
		if err := d.endGivenTx(ctx, tx, s.Actor(), org, told); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, s.Actor(), "account.organisation.closed", o, s.Person)
	})
}

// endGivenTx ends the mandates that were given for the use of an organisation's
// account, and takes back what is offered. Their holders are told, but for who
// has been told already.
func (d *Desk) endGivenTx(ctx context.Context, tx *db.Tx, by audit.Actor, o registry.Organisation, told map[id.Person]bool) error {
	// The offers first: whoever is accepting one at this moment is waited for, and
	// her mandate is among those that end.
	if err := d.withdrawTx(ctx, tx, by, o.ID); err != nil {
		return err
	}
	list, err := d.c.Registry.EndMandatesTx(ctx, tx, by, o.ID, "closed")
	if err != nil {
		return err
	}
	for _, m := range list {
		if told[m.Person] {
			continue
		}
		if err := d.tellPersonTx(ctx, tx, by, m.Person, "mandate_ended", map[string]string{"organisation": o.Name}); err != nil {
			return err
		}
	}
	return nil
}

// withdrawTx takes back all that an organisation offers.
func (d *Desk) withdrawTx(ctx context.Context, tx *db.Tx, by audit.Actor, o registry.ID) error {
	offered, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_organisation_offer SET answered_at = $2, answer = 'withdrawn' WHERE organisation = $1 AND answered_at IS NULL`, o, clock.Micros(d.c.Clock.Now())))
	if err != nil {
		return fmt.Errorf("withdraw offers: %w", err)
	}
	if !offered {
		return nil
	}
	return d.noteTx(ctx, tx, by, "account.organisation.mandate_withdrawn", o)
}

// HandleDissolved tells the holders of mandates that ended because their
// organisation was dissolved, once, and takes back what it offers. It subscribes
// to the registry's news; deliveries may repeat.
func (d *Desk) HandleDissolved(ctx context.Context, e registry.Event) error {
	by := audit.System("account")
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		o, err := d.c.Registry.FindTx(ctx, tx, look(by), e.Organisation)
		if err != nil {
			return err
		}
		if o.Status == registry.Dissolved { // what was offered after it came back stays
			if err := d.withdrawTx(ctx, tx, by, o.ID); err != nil {
				return err
			}
		}
		list, err := d.c.Registry.TakeUntoldTx(ctx, tx, o.ID)
		if err != nil {
			return err
		}
		for _, p := range list {
			if err := d.tellPersonTx(ctx, tx, by, p, "mandate_ended", map[string]string{"organisation": o.Name}); err != nil {
				return err
			}
		}
		return nil
	})
}

// openedTx refuses what is given for the use of an account that is not there.
func (d *Desk) openedTx(ctx context.Context, tx *db.Tx, o registry.ID) error {
	a, err := d.c.Accounts.FindByPersonTx(ctx, tx, registry.Subject(o))
	if fault.Is(err, fault.NotFound) || err == nil && a.Status != account.Active {
		return fault.New(fault.Conflict, "account.organisation.none")
	}
	return err
}
