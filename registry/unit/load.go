// SPDX-License-Identifier: Apache-2.0

package unit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/gazetteer"
)

// Load brings the tables to the edition of the compiled-in facts; it costs one
// read when they are there already. It is one transaction and safe to run by
// several servers at once: the edition's row is taken first, so the second
// waits and then finds nothing to do.
func Load(ctx context.Context, d *db.DB) error {
	edition := gazetteer.Edition()
	var have string
	err := d.Read().QueryRowContext(ctx, `SELECT edition FROM unit_edition WHERE only_row = 1`).Scan(&have)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("load units: %w", err)
	}
	if have == edition {
		return nil
	}
	g, err := gazetteer.Read()
	if err != nil {
		return fmt.Errorf("load units: %w", err)
	}
	err = d.Write(ctx, func(tx *db.Tx) error {
		var taken string
		err := tx.QueryRowContext(ctx, `INSERT INTO unit_edition (only_row, edition) VALUES (1, $1)
			ON CONFLICT (only_row) DO UPDATE SET edition = excluded.edition WHERE unit_edition.edition <> excluded.edition
			RETURNING edition`, edition).Scan(&taken)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // another server was quicker
		}
		if err != nil {
			return err
		}
		var n int64
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM unit_unit`).Scan(&n); err != nil {
			return err
		}
		if n == 0 {
			return copyAll(ctx, tx, g, edition)
		}
		return renew(ctx, tx, g, edition)
	})
	if err != nil {
		return fmt.Errorf("load units: %w", err)
	}
	return nil
}

func null(d clock.Date) any {
	if d.IsZero() {
		return nil
	}
	return d.String()
}

func rows[T any](list []T, row func(T) []any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, v := range list {
			if !yield(row(v), nil) {
				return
			}
		}
	}
}

func copyAll(ctx context.Context, tx *db.Tx, g *gazetteer.Facts, edition string) error {
	if _, err := db.CopyIn(ctx, tx, "unit_unit", []string{"code", "valid_from", "valid_to", "level", "kind", "name", "parent", "edition"},
		rows(g.Units, func(u Unit) []any {
			return []any{u.Code, u.From.String(), null(u.To), string(u.Level), u.Kind, u.Name, u.Parent, edition}
		})); err != nil {
		return err
	}
	if _, err := db.CopyIn(ctx, tx, "unit_succession", []string{"old_code", "on_day", "new_code", "whole", "basis", "edition"},
		rows(g.Successions, func(s gazetteer.Succession) []any {
			return []any{s.Old, s.On.String(), s.New, s.Whole, s.Basis, edition}
		})); err != nil {
		return err
	}
	_, err := db.CopyIn(ctx, tx, "unit_pin_place", []string{"code", "kind", "name", "edition"},
		rows(g.Places, func(p Place) []any { return []any{p.Code, p.Kind, p.Name, edition} }))
	return err
}

// renew replaces an earlier edition's facts and leaves the operator's rows,
// which win over ours.
func renew(ctx context.Context, tx *db.Tx, g *gazetteer.Facts, edition string) error {
	for _, u := range g.Units {
		if _, err := tx.ExecContext(ctx, `INSERT INTO unit_unit (code, valid_from, valid_to, level, kind, name, parent, edition)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (code, valid_from) DO UPDATE SET valid_to = excluded.valid_to,
			level = excluded.level, kind = excluded.kind, name = excluded.name, parent = excluded.parent, edition = excluded.edition
			WHERE unit_unit.edition <> 'operator'`,
			u.Code, u.From.String(), null(u.To), string(u.Level), u.Kind, u.Name, u.Parent, edition); err != nil {
			return err
		}
	}
	for _, s := range g.Successions {
		if _, err := tx.ExecContext(ctx, `INSERT INTO unit_succession (old_code, on_day, new_code, whole, basis, edition)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (old_code, on_day, new_code) DO UPDATE SET whole = excluded.whole,
			basis = excluded.basis, edition = excluded.edition WHERE unit_succession.edition <> 'operator'`,
			s.Old, s.On.String(), s.New, s.Whole, s.Basis, edition); err != nil {
			return err
		}
	}
	for _, p := range g.Places {
		if _, err := tx.ExecContext(ctx, `INSERT INTO unit_pin_place (code, kind, name, edition) VALUES ($1, $2, $3, $4)
			ON CONFLICT (code) DO UPDATE SET kind = excluded.kind, name = excluded.name, edition = excluded.edition
			WHERE unit_pin_place.edition <> 'operator'`, p.Code, p.Kind, p.Name, edition); err != nil {
			return err
		}
	}
	for _, stale := range []string{
		`DELETE FROM unit_unit WHERE edition <> $1 AND edition <> 'operator'`,
		`DELETE FROM unit_succession WHERE edition <> $1 AND edition <> 'operator'`,
		`DELETE FROM unit_pin_place WHERE edition <> $1 AND edition <> 'operator'`,
	} {
		if _, err := tx.ExecContext(ctx, stale, edition); err != nil {
			return err
		}
	}
	return nil
}
