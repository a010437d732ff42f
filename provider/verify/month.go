// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"fmt"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/partner"
)

// Month is what a partner's calls for a purpose came to: counts about nobody.
type Month struct {
	Month   string `json:"month"` // "2026-11", in Vietnam
	Purpose string `json:"purpose"`
	Calls   int64  `json:"calls"`
	Yes     int64  `json:"yes"` // claims that matched
	No      int64  `json:"no"`
	Unknown int64  `json:"unknown"`
	Limited int64  `json:"limited"` // calls that were not answered
}

// Share is how many of the claims that could be compared matched, in percent.
func (m Month) Share() int {
	if m.Yes+m.No == 0 {
		return 0
	}
	return int(100 * m.Yes / (m.Yes + m.No))
}

func (d *Desk) countTx(ctx context.Context, tx *db.Tx, q question, out map[string]string, now time.Time) error {
	var n [4]int64 // yes, no, unknown, limited
	for _, v := range out {
		switch v {
		case Yes:
			n[0]++
		case No:
			n[1]++
		default:
			n[2]++
		}
	}
	if out == nil {
		n[3]++
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO provider_verify_month (client, purpose, month, calls, yes, no, unknown, limited) VALUES ($1, $2, $3, 1, $4, $5, $6, $7)
		ON CONFLICT (client, purpose, month) DO UPDATE SET calls = provider_verify_month.calls + 1, yes = provider_verify_month.yes + excluded.yes, no = provider_verify_month.no + excluded.no,
			unknown = provider_verify_month.unknown + excluded.unknown, limited = provider_verify_month.limited + excluded.limited`,
		string(q.client.ID), q.purpose, now.In(clock.Vietnam).Format("2006-01"), n[0], n[1], n[2], n[3])
	if err != nil {
		return fmt.Errorf("count the answers: %w", err)
	}
	return nil
}

// ListMonths lists what a client's verifications came to, the latest month
// first, two years back at most.
func (d *Desk) ListMonths(ctx context.Context, client partner.ID) ([]Month, error) {
	var out []Month
	err := db.Each(ctx, d.c.DB.Read(), `SELECT month, purpose, calls, yes, no, unknown, limited FROM provider_verify_month WHERE client = $1 ORDER BY month DESC, purpose LIMIT 500`,
		[]any{string(client)}, func(r db.Row) error {
			var m Month
			if err := r.Scan(&m.Month, &m.Purpose, &m.Calls, &m.Yes, &m.No, &m.Unknown, &m.Limited); err != nil {
				return err
			}
			out = append(out, m)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("list the months: %w", err)
	}
	return out, nil
}

// Purges deletes the tries of days that are over.
func Purges() []db.Purge {
	var out []db.Purge
	for _, table := range []string{"provider_verify_try", "provider_verify_miss"} {
		out = append(out, db.Purge{Name: table, Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			res, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE at < $1`, clock.Micros(now.Add(-48*time.Hour)))
			if err != nil {
				return 0, err
			}
			return res.RowsAffected()
		}})
	}
	return out
}
