// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"fmt"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

const batch = 500

// Purges ends what nobody finished and forgets what is long over: the keys go
// first, so that not even a copy of the rows can be read.
func (d *Desk) Purges() []db.Purge {
	return []db.Purge{
		{Name: "account_recovery_lapse", Every: 15 * time.Minute, Run: d.lapse},
		{Name: "account_recovery_link", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			res, err := tx.ExecContext(ctx, `DELETE FROM account_recovery_link WHERE expires_at < $1`, clock.Micros(now))
			if err != nil {
				return 0, fmt.Errorf("forget links: %w", err)
			}
			return res.RowsAffected()
		}},
		{Name: "account_recovery", Every: 24 * time.Hour, Run: d.forget},
	}
}

func (d *Desk) lapse(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	var over []row
	if err := db.Each(ctx, tx, `SELECT `+columns+` FROM account_recovery WHERE expires_at < $1 AND state IN ('begun', 'proving', 'waiting') ORDER BY expires_at LIMIT $2`, []any{clock.Micros(now), batch}, func(s db.Row) error {
		r, err := scan(s)
		over = append(over, r)
		return err
	}); err != nil {
		return 0, fmt.Errorf("list what lapses: %w", err)
	}
	for _, r := range over {
		if _, err := d.moveTx(ctx, tx, system, r, Lapsed, "", time.Time{}, time.Time{}); err != nil {
			return 0, err
		}
	}
	return int64(len(over)), nil
}

// forget deletes requests about nobody after a month, and the others when the
// history of use may be forgotten.
func (d *Desk) forget(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	days, err := d.value(ctx, "recovery_days")
	if err != nil {
		return 0, err
	}
	var gone []id.Person
	if err := db.Each(ctx, tx, `SELECT id FROM account_recovery WHERE ended_at < $1 OR ended_at < $2 AND account IS NULL ORDER BY ended_at LIMIT $3`,
		[]any{clock.Micros(now.AddDate(0, 0, -days)), clock.Micros(now.AddDate(0, -1, 0)), batch}, func(s db.Row) error {
			var r id.Person
			err := s.Scan(&r)
			gone = append(gone, r)
			return err
		}); err != nil {
		return 0, fmt.Errorf("list what is forgotten: %w", err)
	}
	for _, r := range gone {
		if err := d.c.Seal.DestroyTx(ctx, tx, r); err != nil {
			return 0, err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM account_recovery_link WHERE recovery = $1`, r); err != nil {
			return 0, fmt.Errorf("forget links: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM account_recovery WHERE id = $1`, r); err != nil {
			return 0, fmt.Errorf("forget a request: %w", err)
		}
	}
	return int64(len(gone)), nil
}
