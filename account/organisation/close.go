// SPDX-License-Identifier: Apache-2.0

package organisation

import (
	"context"

	"danh/account"
	"danh/audit"
	"danh/internal/db"
	registry "danh/registry/organisation"
)

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
