// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"fmt"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/office"
)

// confirmers are the roles that confirm a pairing, and see which wait.
var confirmers = []office.Role{office.IntakeOfficer, office.Registrar, office.Approver}

// Confirm lets a pairing take effect: another officer of its office has compared
// the key's fingerprint with what the machine shows. Whoever asked for the code
// cannot, under this account or another of hers: one officer alone could pair a
// machine of her own and sign stored pictures as living fingers.
func (d *Desk) Confirm(ctx context.Context, by audit.Actor, which ID) error {
	err := d.db.Write(ctx, func(tx *db.Tx) error {
		at, err := d.desks(ctx, tx, by, confirmers)
		if err != nil {
			return err
		}
		for _, s := range at {
			res, err := tx.ExecContext(ctx, `UPDATE enrolment_counter SET confirmed_at = $3, confirmed_by = $4
				WHERE id = $1 AND office = $2 AND confirmed_at IS NULL AND ended_at IS NULL AND paired_by <> $4 AND (paired_person IS NULL OR paired_person <> $5)`,
				which, s.Office, clock.Micros(d.clock.Now()), by.Account, by.Person)
			if err != nil {
				return fmt.Errorf("confirm counter: %w", err)
			}
			if n, err := res.RowsAffected(); err != nil {
				return fmt.Errorf("confirm counter: %w", err)
			} else if n == 1 {
				return d.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "enrolment.counter.confirmed", Purpose: "enrolment.counter", Detail: map[string]string{"counter": which.String()}})
			}
			// Why not, in words that lead on.
			var own, waiting int
			if err := tx.QueryRowContext(ctx, `SELECT COALESCE(SUM(CASE WHEN paired_by = $3 OR paired_person = $4 THEN 1 ELSE 0 END), 0), COUNT(*) FROM enrolment_counter
				WHERE id = $1 AND office = $2 AND confirmed_at IS NULL AND ended_at IS NULL`, which, s.Office, by.Account, by.Person).Scan(&own, &waiting); err != nil {
				return fmt.Errorf("find counter: %w", err)
			}
			if waiting > 0 && own > 0 {
				return fault.New(fault.Forbidden, "enrolment.counter.own")
			}
		}
		return fault.New(fault.NotFound, "enrolment.counter.none")
	})
	return d.refused(ctx, by, "enrolment.counter.confirmed", err)
}
