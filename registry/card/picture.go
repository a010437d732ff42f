// SPDX-License-Identifier: Apache-2.0

package card

import (
	"context"
	"encoding/binary"
	"fmt"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/id"
	"danh/registry/card/chip"
	"danh/registry/card/lds"
	"danh/registry/card/picture"
	"danh/registry/population"
)

// DrawFaces paints both faces of a card as PNG from its chip's files, after the
// look's entry is committed.
func (r *Registry) DrawFaces(ctx context.Context, look audit.Look, person id.Person, card ID) (front, back []byte, err error) {
	i, _, err := r.ReadChip(ctx, look, person, card)
	if err != nil {
		return nil, nil, err
	}
	c, err := chip.Read(i, r.clock.Now())
	if err != nil {
		return nil, nil, fmt.Errorf("draw card: %w", err)
	}
	p := c.Personal
	text, err := PrintedOf(*p).Text()
	if err != nil {
		return nil, nil, fmt.Errorf("draw card: %w", err)
	}
	zone, err := c.Zone.TD1()
	if err != nil {
		return nil, nil, fmt.Errorf("draw card: %w", err)
	}
	expires := lds.Unlimited
	if !p.Expires.IsZero() {
		expires = p.Expires.Vietnamese()
	}
	return picture.Draw(picture.Card{Seed: binary.BigEndian.Uint32(card[12:]), Number: p.Number, Name: p.Name, Birth: p.Birth.Vietnamese(), Sex: p.Sex, Nation: p.Nationality,
		Origin: p.Origin, Residence: p.Residence, Issued: p.Issued.Vietnamese(), Expires: expires, Portrait: c.Face.Image, QR: text, Zone: zone})
}

// PrintedOf is what is printed for a chip's personal data.
func PrintedOf(p lds.Personal) Printed {
	out := Printed{Number: population.Number(p.Number), OldNumber: population.Number(p.OldNumber), Name: p.Name, Birth: p.Birth, Sex: population.Male, Address: p.Residence, Issued: p.Issued}
	if p.Sex == Sex(population.Female) {
		out.Sex = population.Female
	}
	if !p.Birth.Exact() { // the symbol knows a day or a year
		out.Birth = clock.Date{Year: p.Birth.Year}
	}
	return out
}
