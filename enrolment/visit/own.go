// SPDX-License-Identifier: Apache-2.0

package visit

import (
	"context"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
)

// Find is a visit of the officer's own.
func (d *Desk) Find(ctx context.Context, by audit.Actor, visit ID) (v Visit, err error) {
	err = d.write(ctx, func(tx *db.Tx) (err error) {
		v, _, err = d.ownTx(ctx, tx, by, visit)
		return err
	})
	return v, err
}

// ownTx finds a visit of the officer who asks, at the office where she works.
// Another's is absent to her, and her attempt is recorded about its person.
func (d *Desk) ownTx(ctx context.Context, tx *db.Tx, by audit.Actor, visit ID) (Visit, office.Staff, error) {
	v, err := d.one(ctx, tx, `id = $1`, visit)
	if err != nil {
		return Visit{}, office.Staff{}, err
	}
	staff, err := d.staffTx(ctx, tx, by)
	if err != nil {
		return Visit{}, staff, d.refuse(ctx, tx, by, "enrolment.visit.read", v.Person, err)
	}
	if v.Officer != by.Account {
		return Visit{}, staff, d.refuse(ctx, tx, by, "enrolment.visit.read", v.Person, notFound())
	}
	if staff.Office != v.Office {
		return Visit{}, staff, d.refuse(ctx, tx, by, "enrolment.visit.read", v.Person, fault.New(fault.Forbidden, "enrolment.visit.elsewhere"))
	}
	return v, staff, nil
}

// List lists the officer's visits of today, the latest first.
func (d *Desk) List(ctx context.Context, by audit.Actor) ([]Visit, error) {
	var out []Visit
	err := d.write(ctx, func(tx *db.Tx) error {
		if _, err := d.staffTx(ctx, tx, by); err != nil {
			return d.refuse(ctx, tx, by, "enrolment.visit.listed", id.Person{}, err)
		}
		var err error
		out, err = d.list(ctx, tx, `officer = $1 AND made_at >= $2 ORDER BY made_at DESC, id DESC LIMIT 100`, by.Account, clock.Micros(d.today().Time()))
		return err
	})
	return out, err
}

// RequireTx is a visit in which an officer may act at this moment: her own,
// open, of a person who came. A look without a visit is none.
func (d *Desk) RequireTx(ctx context.Context, tx *db.Tx, by audit.Actor, visit ID) (Visit, error) {
	v, _, err := d.ownTx(ctx, tx, by, visit)
	if err != nil {
		return Visit{}, err
	}
	if v.State != Open {
		return Visit{}, d.refuse(ctx, tx, by, "enrolment.visit.used", v.Person, fault.New(fault.Conflict, "enrolment.visit.over"))
	}
	if v.Way == Broken {
		return Visit{}, d.refuse(ctx, tx, by, "enrolment.visit.used", v.Person, fault.New(fault.Forbidden, "enrolment.visit.broken"))
	}
	return v, nil
}

// Require is RequireTx in a transaction of its own.
func (d *Desk) Require(ctx context.Context, by audit.Actor, visit ID) (v Visit, err error) {
	err = d.write(ctx, func(tx *db.Tx) (err error) {
		v, err = d.RequireTx(ctx, tx, by, visit)
		return err
	})
	return v, err
}

// Close ends a visit; ended twice it changes nothing.
func (d *Desk) Close(ctx context.Context, by audit.Actor, visit ID) error {
	return d.write(ctx, func(tx *db.Tx) error {
		v, _, err := d.ownTx(ctx, tx, by, visit)
		if err != nil {
			return err
		}
		done, err := db.Changed(tx.ExecContext(ctx, `UPDATE enrolment_visit SET state = 'closed', closed_at = $3, closed_why = 'officer' WHERE person = $1 AND id = $2 AND closed_at IS NULL`,
			v.Person, v.ID, clock.Micros(d.c.Clock.Now())))
		if err != nil || !done {
			return err
		}
		return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "enrolment.visit.closed", Subject: v.Person, Purpose: "visit." + v.Purpose, Detail: map[string]string{"visit": v.ID.String()}})
	})
}
