// SPDX-License-Identifier: Apache-2.0

package visit

import (
	"context"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
)

// atCounter are the roles that meet people.
var atCounter = []office.Role{office.IntakeOfficer, office.Approver, office.Registrar}

// staffTx is under which appointment an officer acts, read in the step's own
// transaction. Whoever holds several acts for the office that she names.
func (d *Desk) staffTx(ctx context.Context, tx *db.Tx, by audit.Actor) (office.Staff, error) {
	var found office.Staff
	for _, role := range atCounter {
		s, err := d.c.Roster.RequireTx(ctx, tx, by, role)
		if fault.Is(err, fault.Forbidden) {
			continue
		}
		if err != nil {
			return office.Staff{}, err
		}
		if found.ID.IsZero() || s.OfficeName == by.Name && found.OfficeName != by.Name {
			found = s
		}
	}
	if found.ID.IsZero() {
		return office.Staff{}, fault.New(fault.Forbidden, "office.staff.no_role")
	}
	return found, nil
}

// refuse records what an officer was refused and gives the refusal back, to be
// committed. The person is zero when the attempt was about nobody in particular.
func (d *Desk) refuse(ctx context.Context, tx *db.Tx, by audit.Actor, action string, person id.Person, why error) error {
	e := audit.Entry{Actor: by, Action: action, Subject: person, Purpose: "enrolment.visit", Outcome: "refused"}
	if f := fault.Of(why); f != nil {
		e.Detail = map[string]string{"why": f.Key}
	} else {
		return why
	}
	if err := d.c.Audit.RecordTx(ctx, tx, e); err != nil {
		return err
	}
	return keep(why)
}

// enter is the first step of whatever an officer tries: her role, and how
// often she tried. The count stands whatever follows.
func (d *Desk) enter(ctx context.Context, by audit.Actor, action, scope, limit string, window time.Duration) (office.Staff, error) {
	var staff office.Staff
	err := d.write(ctx, func(tx *db.Tx) (err error) {
		if staff, err = d.staffTx(ctx, tx, by); err != nil {
			return d.refuse(ctx, tx, by, action, id.Person{}, err)
		}
		wait, err := d.hitTx(ctx, tx, scope, by.Account, limit, window)
		if err != nil {
			return err
		}
		if wait > 0 {
			return d.refuse(ctx, tx, by, action, id.Person{}, tooMany(wait))
		}
		return nil
	})
	return staff, err
}

func tooMany(wait time.Duration) error {
	return fault.New(fault.TooMany, "enrolment.visit.too_many").In(max(wait.Round(time.Second), time.Second))
}

// hitTx counts one attempt and says how long to wait when there were too many.
func (d *Desk) hitTx(ctx context.Context, tx *db.Tx, scope string, key id.Person, limit string, window time.Duration) (time.Duration, error) {
	most, err := rule(ctx, tx, limit, d.today())
	if err != nil {
		return 0, err
	}
	now := d.c.Clock.Now()
	var hits int
	var ends int64
	err = tx.QueryRowContext(ctx, `INSERT INTO enrolment_visit_limit (scope, key, hits, ends_at) VALUES ($1, $2, 1, $4)
		ON CONFLICT (scope, key) DO UPDATE SET
			hits    = CASE WHEN enrolment_visit_limit.ends_at <= $3 THEN 1 ELSE enrolment_visit_limit.hits + 1 END,
			ends_at = CASE WHEN enrolment_visit_limit.ends_at <= $3 THEN excluded.ends_at ELSE enrolment_visit_limit.ends_at END
		RETURNING hits, ends_at`, scope, key, clock.Micros(now), clock.Micros(now.Add(window))).Scan(&hits, &ends)
	if err != nil {
		return 0, fmt.Errorf("count an attempt: %w", err)
	}
	if hits > most {
		return clock.FromMicros(ends).Sub(now), nil
	}
	return 0, nil
}

// endOf is when a visit that opens at an instant ends by itself: after its time,
// and not long after the office has closed.
func (d *Desk) endOf(ctx context.Context, at office.ID, now time.Time) (time.Time, error) {
	q, day := d.c.DB.Read(), clock.DateOf(now)
	long, err := span(ctx, q, "visit_minutes", time.Minute, day)
	if err != nil {
		return time.Time{}, err
	}
	after, err := span(ctx, q, "after_hours_minutes", time.Minute, day)
	if err != nil {
		return time.Time{}, err
	}
	outside, err := span(ctx, q, "outside_hours_minutes", time.Minute, day)
	if err != nil {
		return time.Time{}, err
	}
	o, err := d.c.Offices.Find(ctx, at)
	if err != nil {
		return time.Time{}, err
	}
	h, err := d.c.Offices.Hours(ctx, o, day)
	if err != nil {
		return time.Time{}, err
	}
	ends := now.Add(long)
	if until, open := h.Until(now); !open {
		ends = earlier(ends, now.Add(outside))
	} else {
		ends = earlier(ends, until.Add(after))
	}
	return ends, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
