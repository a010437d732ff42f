// SPDX-License-Identifier: Apache-2.0

package card

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/delivery"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/card/lds"
)

// FieldPortrait is named by entries about looks at a portrait.
const FieldPortrait = "portrait"

func (r *Registry) shelf() delivery.Shelf { return delivery.Shelf{Room: "card", Seal: r.seal} }

// FindPortrait finds the latest portrait on record, with the day on which it
// was taken or its card was made: of a chip made here, or one that came with an
// earlier card. NotFound when there is none.
func (r *Registry) FindPortrait(ctx context.Context, look audit.Look, person id.Person) (jpeg []byte, at clock.Date, err error) {
	if err = checkLook(look, person); err == nil {
		jpeg, at, err = r.findPortrait(ctx, r.db.Read(), person)
	}
	if err = r.recorded(ctx, look, actionRead, person, []string{FieldPortrait}, err); err != nil {
		return nil, clock.Date{}, err
	}
	return jpeg, at, nil
}

func (r *Registry) findPortrait(ctx context.Context, q db.Q, person id.Person) ([]byte, clock.Date, error) {
	jpeg, at, err := r.shelf().FindPortrait(ctx, q, person)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, at, err
	}
	kept := err == nil
	var card ID
	var group []byte
	var issued clock.Date
	err = q.QueryRowContext(ctx, `SELECT c.id, c.issued_on, g.file FROM card_card c JOIN card_data_group g ON g.person = c.person AND g.card = c.id
		WHERE c.person = $1 AND g.name = 'dg2' ORDER BY c.issued_on DESC, c.made_at DESC LIMIT 1`, person).Scan(&card, &issued, &group)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, at, fmt.Errorf("find portrait: %w", err)
	}
	inChip := err == nil
	if !kept && !inChip {
		return nil, clock.Date{}, fault.New(fault.NotFound, "card.portrait.not_found")
	}
	if kept && (!inChip || issued.Before(at)) {
		return jpeg, at, nil
	}
	file, err := r.seal.Open(ctx, q, person, fileColumn(card, "dg2"), group)
	if err != nil {
		return nil, at, fmt.Errorf("find portrait: %w", err)
	}
	face, err := lds.ParseDG2(file)
	if err != nil {
		return nil, at, fmt.Errorf("find portrait: %w", err)
	}
	return face.Image, issued, nil
}
