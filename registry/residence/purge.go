// SPDX-License-Identifier: Apache-2.0

package residence

import (
	"context"
	"errors"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

// Purges deletes stays and import records whose time is over, by the dated
// rules stay.keep_days and import.keep_days.
func (r *Registry) Purges() []db.Purge {
	return []db.Purge{
		{Name: "residence_stay", Every: time.Hour, Run: r.purgeStays},
		{Name: "residence_import", Every: 24 * time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			days, err := rule(ctx, tx, "import.keep_days", clock.DateOf(now))
			if err != nil {
				return 0, err
			}
			res, err := tx.ExecContext(ctx, `DELETE FROM residence_import WHERE updated_at < $1`, clock.Micros(now.AddDate(0, 0, -days)))
			if err != nil {
				return 0, err
			}
			return res.RowsAffected()
		}},
	}
}

func (r *Registry) purgeStays(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	days, err := rule(ctx, tx, "stay.keep_days", clock.DateOf(now))
	if err != nil {
		return 0, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT id FROM residence_stay WHERE valid_from < $1 ORDER BY valid_from LIMIT 1000`, clock.DateOf(now).AddDays(-days).String())
	if err != nil {
		return 0, err
	}
	var ids []StayID
	for rows.Next() {
		var s StayID
		if err := rows.Scan(&s); err != nil {
			rows.Close()
			return 0, err
		}
		ids = append(ids, s)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, err
	}
	for _, s := range ids {
		if err := r.seal.DestroyTx(ctx, tx, id.Person(s)); err != nil {
			return 0, err
		}
		for _, q := range []string{`DELETE FROM residence_stay_party WHERE stay = $1`, `DELETE FROM residence_stay WHERE id = $1`} {
			if _, err := tx.ExecContext(ctx, q, s); err != nil {
				return 0, err
			}
		}
	}
	return int64(len(ids)), nil
}
