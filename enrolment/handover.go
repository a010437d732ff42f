// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"fmt"

	"danh/audit"
	"danh/enrolment/visit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/office"
	"danh/registry/card"
	"danh/registry/card/chip"
)

// Chip is what is written into a card's chip: its files, and the private key
// that no one keeps.
type Chip struct {
	Image chip.Image
	COM   []byte
	Key   []byte // PKCS #8; nothing after the first time
}

// Personalise gives the files and the key of a produced card's chip to the
// office that writes it. The key is given once and forgotten in the same
// commit: a chip that failed then is a card that is made anew.
func (o *Office) Personalise(ctx context.Context, by audit.Actor, d DossierID) (Chip, error) {
	f, _, err := o.peek(ctx, by, d, actHandOver)
	if err != nil {
		return Chip{}, err
	}
	var out Chip
	if out.Image, out.COM, err = o.c.Cards.ReadChip(ctx, f.look(by, card.FieldFiles), f.person, f.card); err != nil {
		return Chip{}, err
	}
	_, err = o.change(ctx, by, d, step{act: actHandOver, action: "chip.personalised", fields: []string{"chip"}, do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		var err error
		if out.Key, err = o.readFile(ctx, tx, f, fileChipKey); err != nil {
			return err
		}
		return o.dropFileTx(ctx, tx, f, fileChipKey)
	}})
	if err != nil {
		return Chip{}, err
	}
	return out, nil
}

// HandOver hands the card over against identity: visit is an open, proved visit
// of hers or of her representative. An earlier card gives way to it.
func (o *Office) HandOver(ctx context.Context, by audit.Actor, d DossierID, visitKey string) (Dossier, error) {
	key, err := visit.ParseID(visitKey)
	if err != nil {
		return Dossier{}, fault.New(fault.Invalid, "enrolment.visit.unknown").With("visit", "enrolment.visit.unknown")
	}
	return o.change(ctx, by, d, step{act: actHandOver, action: "card.handed_over", fields: []string{"card"}, do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		v, err := o.c.Visits.RequireTx(ctx, tx, by, key)
		switch {
		case err != nil:
			return err
		case v.Person != f.person && (f.representative.IsZero() || v.Person != f.representative):
			return fault.New(fault.Conflict, "enrolment.handover.other")
		case v.Flagged():
			return fault.New(fault.Conflict, "enrolment.handover.unproved")
		case f.Online != nil && v.Way != visit.Chip && v.Way != visit.Finger:
			// The account that asked for the card can approve on a phone: whoever has
			// it from somebody else would collect the card as well.
			return fault.New(fault.Conflict, "enrolment.handover.body")
		case f.Online != nil && !f.settled():
			return fault.New(fault.Conflict, "enrolment.handover.unsettled")
		}
		if err := o.c.Cards.DecideTx(ctx, tx, by, card.Decision{Person: f.person, Card: f.card, Step: card.HandOver, Ground: f.need.ground}); err != nil {
			return err
		}
		// A key that was never asked for has no chip to go to any more.
		if err := o.dropFileTx(ctx, tx, f, fileChipKey); err != nil {
			return err
		}
		c := *f.content.Card
		c.State = card.Delivered
		f.content.Card = &c
		now := o.c.Clock.Now()
		f.state, f.closedAt = Done, now
		f.Events = append(f.Events, Event{At: now, Name: "handed_over", By: f.officeName})
		return nil
	}})
}

// refreshCard reads what has become of the card.
func (o *Office) refreshCard(ctx context.Context, look audit.Look, f *file) error {
	if f.card.IsZero() || f.content.Card == nil {
		return nil
	}
	c, err := o.c.Cards.Find(ctx, look, f.person, f.card)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the card of a dossier: %w", err)
	}
	p := *f.content.Card
	p.State = c.State
	f.content.Card = &p
	return nil
}
