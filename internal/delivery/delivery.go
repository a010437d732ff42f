// SPDX-License-Identifier: Apache-2.0

// Package delivery owns how a registry keeps what a source delivers about a
// person besides its records: a keyed digest of her last line, so that a file
// may be loaded again, and her portrait, sealed with her key.
//
// The tables are the registry's own, <room>_delivery and <room>_portrait, and
// only that room names a Shelf over them. It decides nothing, records no looks
// and opens no transaction: its callers do. What is kept is kept by the
// caller's commit, or not at all.
package delivery

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/seal"
)

// Shelf is the two tables of a room.
type Shelf struct {
	Room string // the tables' prefix: a constant, for it becomes part of statements
	Seal *seal.Sealer
}

// State is what is known of a line.
type State int

// The states.
const (
	Fresh State = iota // to be taken in
	Known              // it was taken in before
	Older              // what is held is more recent
)

// Digest is a keyed digest of a line: nobody finds the line by trying.
func (s Shelf) Digest(line any) ([]byte, error) {
	plain, err := json.Marshal(line)
	if err != nil {
		return nil, fmt.Errorf("digest a delivery: %w", err)
	}
	return s.Seal.Blind(s.Room+".delivery", string(plain)), nil
}

// LookTx says whether a line must be taken in.
func (s Shelf) LookTx(ctx context.Context, tx *db.Tx, person id.Person, digest []byte, asOf clock.Date) (State, error) {
	var held []byte
	var day clock.Date
	err := tx.QueryRowContext(ctx, `SELECT digest, as_of FROM `+s.Room+`_delivery WHERE person = $1`, person).Scan(&held, &day)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Fresh, nil
	case err != nil:
		return Fresh, fmt.Errorf("look for a delivery: %w", err)
	case bytes.Equal(held, digest):
		return Known, nil
	case asOf.Before(day):
		return Older, nil
	}
	return Fresh, nil
}

// KeepTx notes a line as the last one.
func (s Shelf) KeepTx(ctx context.Context, tx *db.Tx, person id.Person, digest []byte, asOf clock.Date) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO `+s.Room+`_delivery (person, digest, as_of) VALUES ($1, $2, $3)
		ON CONFLICT (person) DO UPDATE SET digest = excluded.digest, as_of = excluded.as_of`, person, digest, asOf); err != nil {
		return fmt.Errorf("keep a delivery: %w", err)
	}
	return nil
}

// column binds a portrait to its day.
func (s Shelf) column(taken clock.Date) string { return s.Room + "_portrait.jpeg/" + taken.String() }

// KeepPortraitTx keeps a portrait of a day in place of another of that day.
func (s Shelf) KeepPortraitTx(ctx context.Context, tx *db.Tx, person id.Person, taken clock.Date, jpeg []byte) error {
	sealed, err := s.Seal.SealTx(ctx, tx, person, s.column(taken), jpeg)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO `+s.Room+`_portrait (person, taken_on, jpeg) VALUES ($1, $2, $3)
		ON CONFLICT (person, taken_on) DO UPDATE SET jpeg = excluded.jpeg`, person, taken, sealed); err != nil {
		return fmt.Errorf("keep a portrait: %w", err)
	}
	return nil
}

// FindPortrait finds the latest portrait; sql.ErrNoRows when there is none.
func (s Shelf) FindPortrait(ctx context.Context, q db.Q, person id.Person) (jpeg []byte, taken clock.Date, err error) {
	var sealed []byte
	if err = q.QueryRowContext(ctx, `SELECT taken_on, jpeg FROM `+s.Room+`_portrait WHERE person = $1 ORDER BY taken_on DESC LIMIT 1`, person).Scan(&taken, &sealed); err != nil {
		return nil, clock.Date{}, fmt.Errorf("find a portrait: %w", err)
	}
	if jpeg, err = s.Seal.Open(ctx, q, person, s.column(taken), sealed); err != nil {
		return nil, clock.Date{}, fmt.Errorf("find a portrait: %w", err)
	}
	return jpeg, taken, nil
}
