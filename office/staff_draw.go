// SPDX-License-Identifier: Apache-2.0

package office

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// Draw says from among whom a second officer is drawn.
type Draw struct {
	Office    ID
	Elsewhere bool        // from any office but that one
	Not       []id.Person // who may not be drawn: the first officer, the subject, her representative
}

// DrawTx draws the second pair of eyes at random, so that nobody can choose
// who will look. Unavailable when there is nobody to draw.
func (r *Roster) DrawTx(ctx context.Context, tx *db.Tx, role Role, d Draw) (Staff, error) {
	where := `s.role = $1 AND s.valid_from <= $2 AND (s.valid_to IS NULL OR s.valid_to > $2) AND s.office = $3 ORDER BY s.id`
	if d.Elsewhere {
		where = `s.role = $1 AND s.valid_from <= $2 AND (s.valid_to IS NULL OR s.valid_to > $2) AND s.office IS NOT NULL AND s.office <> $3 ORDER BY s.id`
	}
	list, err := listStaff(ctx, tx, where, string(role), clock.Micros(r.clock.Now()), d.Office)
	if err != nil {
		return Staff{}, err
	}
	list = slices.DeleteFunc(list, func(s Staff) bool { return slices.Contains(d.Not, s.Person) })
	if len(list) == 0 {
		return Staff{}, fault.New(fault.Unavailable, "office.staff.none_to_draw")
	}
	n, err := rand.Int(rand.Reader, big.NewInt(int64(len(list))))
	if err != nil {
		return Staff{}, fmt.Errorf("draw a second officer: %w", err)
	}
	return list[n.Int64()], nil
}
