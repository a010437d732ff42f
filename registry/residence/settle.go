// SPDX-License-Identifier: Apache-2.0

package residence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// SettleStayTx writes down what an office found of a disputed stay: that the
// guest is right, and it is refuted, or that it stands. It counts once.
func (r *Registry) SettleStayTx(ctx context.Context, tx *db.Tx, by audit.Actor, stay StayID, upheld bool) error {
	if by.Kind != audit.KindOfficer {
		return fault.New(fault.Forbidden, "residence.stay.forbidden")
	}
	state := StayRecorded
	if upheld {
		state = StayRefuted
	}
	var guest, notifier id.Person
	err := tx.QueryRowContext(ctx, `UPDATE residence_stay SET state = $2 WHERE id = $1 AND state = $3 RETURNING guest_person, notifier`, stay, string(state), string(StayDisputed)).Scan(&guest, &notifier)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.Conflict, "residence.stay.settled")
	}
	if err != nil {
		return fmt.Errorf("settle stay: %w", err)
	}
	for _, p := range []id.Person{guest, notifier} {
		if p.IsZero() {
			continue
		}
		if err := r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "residence.stay_settled", Subject: p, Purpose: "residence.purpose.dispute",
			Ground: groundStay, Fields: []string{FieldStays}, Detail: map[string]string{"state": string(state)}}); err != nil {
			return fmt.Errorf("settle stay: %w", err)
		}
	}
	return nil
}
