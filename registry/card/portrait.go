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
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/card/lds"
)

// FieldPortrait is named by entries about looks at a portrait.
const FieldPortrait = "portrait"

// portraitColumn binds a portrait to its day.
func portraitColumn(taken clock.Date) string { return "card_portrait.jpeg/" + taken.String() }

func (r *Registry) keepPortraitTx(ctx context.Context, tx *db.Tx, person id.Person, taken clock.Date, jpeg []byte) error {
	sealed, err := r.seal.SealTx(ctx, tx, person, portraitColumn(taken), jpeg)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO card_portrait (person, taken_on, jpeg) VALUES ($1, $2, $3)
		ON CONFLICT (person, taken_on) DO UPDATE SET jpeg = excluded.jpeg`, person, taken, sealed); err != nil {
		return fmt.Errorf("keep portrait: %w", err)
	}
	return nil
}

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
	var sealed []byte
	var at clock.Date
	err := q.QueryRowContext(ctx, `SELECT taken_on, jpeg FROM card_portrait WHERE person = $1 ORDER BY taken_on DESC LIMIT 1`, person).Scan(&at, &sealed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, at, fmt.Errorf("find portrait: %w", err)
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
	k, err := r.seal.Find(ctx, q, person)
	if err != nil {
		return nil, at, fmt.Errorf("find portrait: %w", err)
	}
	if inChip && (!kept || !issued.Before(at)) {
		file, err := k.Open(fileColumn(card, "dg2"), group)
		if err != nil {
			return nil, at, fmt.Errorf("find portrait: %w", err)
		}
		face, err := lds.ParseDG2(file)
		if err != nil {
			return nil, at, fmt.Errorf("find portrait: %w", err)
		}
		return face.Image, issued, nil
	}
	jpeg, err := k.Open(portraitColumn(at), sealed)
	if err != nil {
		return nil, at, fmt.Errorf("find portrait: %w", err)
	}
	return jpeg, at, nil
}
