// SPDX-License-Identifier: Apache-2.0

package office

import (
	"context"
	"errors"
	"slices"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
)

// Expected is an appointment as its office sees it: when, what for, which code
// she will show. Who she is the officer learns when she is there.
type Expected struct {
	Code           string
	Procedure      string
	Start, End     time.Time
	State          BookingState
	NameVI, NameEN string // of the procedure, as it was booked
}

// receivers are the roles that meet the people who booked: those who enrol them
// at the counter, and those who decide their cases.
var receivers = []Role{IntakeOfficer, Registrar}

// received gives the offices at which an officer meets them.
func (d *Diary) received(ctx context.Context, q db.Q, by audit.Actor) (out []ID, err error) {
	var none error
	for _, role := range receivers {
		s, err := d.roster.require(ctx, q, by, role)
		switch {
		case fault.Is(err, fault.Forbidden):
			none = err
		case err != nil:
			return nil, err
		case !slices.Contains(out, s.Office):
			out = append(out, s.Office)
		}
	}
	if len(out) == 0 {
		return nil, none
	}
	return out, nil
}

// ListDay lists the appointments of a day at the officer's own office.
func (d *Diary) ListDay(ctx context.Context, by audit.Actor, day clock.Date) ([]Expected, error) {
	offices, err := d.received(ctx, d.c.DB.Read(), by)
	if err != nil {
		return nil, err
	}
	var out []Expected
	for _, o := range offices {
		list, err := listBookings(ctx, d.c.DB.Read(), `a.office = $1 AND a.starts_at >= $2 AND a.starts_at < $3 AND a.state <> 'cancelled' ORDER BY a.starts_at, a.code`,
			o, clock.Micros(day.Time()), clock.Micros(day.AddDays(1).Time()))
		if err != nil {
			return nil, err
		}
		for _, b := range list {
			out = append(out, Expected{b.Code, b.Procedure, b.Start, b.End, b.State, b.NameVI, b.NameEN})
		}
	}
	slices.SortStableFunc(out, func(a, b Expected) int { return a.Start.Compare(b.Start) })
	return out, nil
}

// Mark says whether she came: Attended from the beginning on, Missed when the
// time is over, both for some days, and one may be corrected into the other.
// Only an intake officer or a registrar of that very office may; another's try
// is recorded.
func (d *Diary) Mark(ctx context.Context, by audit.Actor, code string, came bool) error {
	state, action := Missed, "office.appointment.missed"
	if came {
		state, action = Attended, "office.appointment.attended"
	}
	var strange Booking // of another office
	err := d.c.DB.Write(ctx, func(tx *db.Tx) error {
		offices, err := d.received(ctx, tx, by)
		if err != nil {
			return err
		}
		list, err := listBookings(ctx, tx, `a.account = (SELECT c.account FROM office_appointment_code c WHERE c.code = $1)
			AND a.id = (SELECT c.booking FROM office_appointment_code c WHERE c.code = $1)`, code)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return errNoBooking
		}
		b, now := list[0], d.c.Clock.Now()
		if !slices.Contains(offices, b.Office) {
			strange = b
			return errNoBooking
		}
		rules, err := readRules(ctx, tx, clock.DateOf(now))
		if err != nil {
			return err
		}
		from := b.End
		if came {
			from = b.Start.Add(-time.Hour) // people come early
		}
		if now.Before(from) || now.After(b.End.Add(rules.span("mark_days", 24*time.Hour))) {
			return fault.New(fault.Conflict, "booking.mark_time")
		}
		if b.State == state {
			return nil
		}
		err = once(tx.ExecContext(ctx, `UPDATE office_appointment SET state = $3, version = version + 1, updated_at = $4
			WHERE account = $1 AND id = $2 AND version = $5 AND state IN ('booked', 'past', 'missed', 'attended')`, b.Account, b.ID, string(state), clock.Micros(now), b.version))
		if errors.Is(err, errMoved) {
			return fault.New(fault.Conflict, "booking.over")
		}
		if err != nil {
			return err
		}
		return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: action, Subject: b.Person, Purpose: bookingPurpose,
			Detail: map[string]string{"appointment": b.Code, "procedure": b.Procedure, "office": b.OfficeName}})
	})
	if !strange.ID.IsZero() {
		return errors.Join(err, d.c.Audit.Record(ctx, audit.Entry{Actor: by, Action: action, Subject: strange.Person, Purpose: bookingPurpose, Outcome: "refused",
			Detail: map[string]string{"appointment": strange.Code}}))
	}
	return err
}
