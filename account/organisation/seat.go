// SPDX-License-Identifier: Apache-2.0

package organisation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"danh/account"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	registry "danh/registry/organisation"
)

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
