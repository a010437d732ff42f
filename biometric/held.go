// SPDX-License-Identifier: Apache-2.0

package biometric

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

// HeldTx says how many fingers of a person a gallery holds and when the latest
// of them were kept. It gives no print.
func (b *Bureau) HeldTx(ctx context.Context, q db.Q, person id.Person, gallery string) (fingers int, at time.Time, err error) {
	var latest sql.NullInt64
	err = q.QueryRowContext(ctx, `SELECT COUNT(DISTINCT position), MAX(created_at) FROM biometric_template
		WHERE person = $1 AND gallery = $2 AND missing = ''`, person, gallery).Scan(&fingers, &latest)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("look for held prints: %w", err)
	}
	if latest.Valid {
		at = clock.FromMicros(latest.Int64)
	}
	return fingers, at, nil
}
