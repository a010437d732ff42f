// SPDX-License-Identifier: Apache-2.0

package procedure

import (
	"context"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/office"
)

// Contradicted is a notice that a guest contradicted, as a registrar's list shows
// it: by its code, without anybody's name.
type Contradicted struct {
	Code        string
	Reason      string // of DisputeReasons
	Fits        bool   // name and birth date are the guest's too, not the number alone
	Guests      int    // of the notice
	SubmittedAt time.Time
	DisputedAt  time.Time
}

// mostDisputed bounds the list; what waits longest comes first.
const mostDisputed = 200

// ListDisputed lists what guests contradicted among the notices to the
// registrar's own office.
func (d *Desk) ListDisputed(ctx context.Context, by audit.Actor) ([]Contradicted, error) {
	s, err := office.OpenRoster(d.c.DB, d.c.Clock, d.c.Audit).Require(ctx, by, office.Registrar)
	if err != nil {
		return nil, err
	}
	rows, err := d.c.DB.Read().QueryContext(ctx, `SELECT k.code, g.reason, g.fits, k.guests, k.submitted_at, g.disputed_at FROM procedure_guest g
		JOIN procedure_case k ON k.account = g.case_account AND k.id = g.case_id
		WHERE k.state = 'disputed' AND k.office = $1 AND g.disputed_at IS NOT NULL ORDER BY g.disputed_at, k.code LIMIT $2`, s.Office, mostDisputed)
	if err != nil {
		return nil, fmt.Errorf("list disputed notices: %w", err)
	}
	defer rows.Close()
	var out []Contradicted
	for rows.Next() {
		var x Contradicted
		var submitted, disputed int64
		if err := rows.Scan(&x.Code, &x.Reason, &x.Fits, &x.Guests, &submitted, &disputed); err != nil {
			return nil, fmt.Errorf("list disputed notices: %w", err)
		}
		x.SubmittedAt, x.DisputedAt = clock.FromMicros(submitted), clock.FromMicros(disputed)
		out = append(out, x)
	}
	return out, rows.Err()
}
