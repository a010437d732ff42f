// SPDX-License-Identifier: Apache-2.0

package office

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/notify"
)

// Wish is what a citizen asks for.
type Wish struct {
	Key            BookingID // of the form: sent twice, it books once
	Procedure      string
	NameVI, NameEN string // the procedure's name
	Office         ID
	Start          time.Time
}

// errMoved says that somebody else was quicker: look again.
var errMoved = errors.New("somebody was quicker")

const bookingAttempts = 24

// place is what a wish needs at an office: checked against hours, holidays,
// competence and capacity. Whether it is still free is seen in the transaction.
type place struct {
	office Office
	slot   Slot
	cap    capacity
	rules  bookingRules
}

func (d *Diary) place(ctx context.Context, o ID, procedure string, start time.Time) (place, error) {
	gone := fault.New(fault.Invalid, "booking.invalid").With("at", "booking.no_slot")
	office, err := d.c.Offices.Find(ctx, o)
	if err != nil {
		return place{}, err
	}
	p := place{office: office}
	if p.rules, err = readRules(ctx, d.c.DB.Read(), clock.DateOf(d.c.Clock.Now())); err != nil {
		return place{}, err
	}
	day, c, err := d.day(ctx, p.rules, office, procedure, clock.DateOf(start))
	if err != nil {
		return place{}, err
	}
	i := slices.IndexFunc(day.Slots, func(s Slot) bool { return s.Start.Equal(start) })
	if i < 0 {
		return place{}, gone
	}
	p.slot, p.cap = day.Slots[i], c
	return p, nil
}

func citizen(by audit.Actor) error {
	if by.Kind != audit.KindCitizen || by.Account.IsZero() || by.Person.IsZero() {
		return fault.New(fault.Forbidden, "booking.not_yours")
	}
	return nil
}

// Book makes an appointment. Sent again with the same key, also at the same
// moment, it gives the one that is there.
//
//  1. The wish is checked against the tables. Nothing has happened.
//  2. In one transaction, the appointment, its desk and its code are inserted;
//     the keys of the three decide between those who want the same. Who loses
//     looks again, until there is nothing left to have.
//  3. Entry, message and reminder follow in that transaction: a crash before its
//     commit leaves nothing.
func (d *Diary) Book(ctx context.Context, by audit.Actor, w Wish) (Booking, error) {
	if err := citizen(by); err != nil {
		return Booking{}, err
	}
	if w.Key.IsZero() || w.Procedure == "" || w.NameVI == "" || w.NameEN == "" {
		return Booking{}, fault.New(fault.Invalid, "booking.invalid")
	}
	if b, err := d.Find(ctx, by, w.Key); err == nil || !fault.Is(err, fault.NotFound) {
		return b, err
	}
	p, err := d.place(ctx, w.Office, w.Procedure, w.Start)
	if err != nil {
		return Booking{}, err
	}
	to, err := d.c.Reach(ctx, by.Account)
	if err != nil {
		return Booking{}, fmt.Errorf("find how to reach her: %w", err)
	}
	for range bookingAttempts {
		err := d.c.DB.Write(ctx, func(tx *db.Tx) error { return d.book(ctx, tx, by, w, p, to) })
		switch {
		case err == nil:
			return d.Find(ctx, by, w.Key)
		case !errors.Is(err, errMoved):
			return Booking{}, err
		}
	}
	return Booking{}, fault.New(fault.Conflict, "booking.full")
}

func (d *Diary) book(ctx context.Context, tx *db.Tx, by audit.Actor, w Wish, p place, to notify.Recipient) error {
	now := d.c.Clock.Now()
	if _, err := d.find(ctx, tx, by, w.Key); err == nil || !fault.Is(err, fault.NotFound) {
		return err // another tab was quicker with the same form
	}
	// What is over no longer stands in the way, whether or not an office said who came.
	if _, err := tx.ExecContext(ctx, `UPDATE office_appointment SET state = 'past', version = version + 1 WHERE account = $1 AND state = 'booked' AND ends_at <= $2`,
		by.Account, clock.Micros(now)); err != nil {
		return fmt.Errorf("put past appointments away: %w", err)
	}
	if err := barred(ctx, tx, by, p.rules, now); err != nil {
		return err
	}
	standing, err := listBookings(ctx, tx, `a.account = $1 AND a.state = 'booked'`, by.Account)
	if err != nil {
		return err
	}
	used := map[int]bool{}
	for _, b := range standing {
		used[b.nth] = true
		if b.Procedure == w.Procedure {
			return fault.New(fault.Conflict, "booking.have_one")
		}
		if b.Start.Before(p.slot.End) && b.End.After(p.slot.Start) {
			return fault.New(fault.Conflict, "booking.same_time")
		}
	}
	nth := lowest(used, p.rules["appointment.at_once"])
	if nth == 0 {
		return fault.New(fault.Conflict, "booking.too_many").Arg("n", strconv.Itoa(p.rules["appointment.at_once"]))
	}
	code := bookingCode()
	err = once(tx.ExecContext(ctx, `INSERT INTO office_appointment (account, id, person, procedure, name_vi, name_en, office, starts_at, ends_at, state, code, nth, changes, version, booked_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'booked', $10, $11, 0, 1, $12, $12) ON CONFLICT DO NOTHING`,
		by.Account, w.Key, by.Person, w.Procedure, w.NameVI, w.NameEN, w.Office, clock.Micros(p.slot.Start), clock.Micros(p.slot.End), code, nth, clock.Micros(now)))
	if err != nil {
		return err
	}
	if err := once(tx.ExecContext(ctx, `INSERT INTO office_appointment_code (code, account, booking) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, code, by.Account, w.Key)); err != nil {
		return err
	}
	if err := d.sit(ctx, tx, p, by, w.Key); err != nil {
		return err
	}
	b := Booking{ID: w.Key, Account: by.Account, Person: by.Person, Procedure: w.Procedure, NameVI: w.NameVI, NameEN: w.NameEN, Office: w.Office,
		OfficeName: p.office.Name, Address: p.office.Address, Start: p.slot.Start, End: p.slot.End, State: Booked, Code: code, version: 1}
	return d.told(ctx, tx, by, to, b, "booked", p.rules)
}

// sit takes the lowest free desk of a slot; its key decides who gets it.
func (d *Diary) sit(ctx context.Context, tx *db.Tx, p place, by audit.Actor, key BookingID) error {
	taken, err := listSeats(ctx, tx, p.office.ID, p.cap.pool, p.slot.Start, p.slot.End)
	if err != nil {
		return err
	}
	number := lowest(taken.during(p.slot.Start, p.slot.End), p.cap.desks)
	if number == 0 {
		return fault.New(fault.Conflict, "booking.full")
	}
	return once(tx.ExecContext(ctx, `INSERT INTO office_seat (office, pool, starts_at, seat, ends_at, account, booking) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		p.office.ID, p.cap.pool, clock.Micros(p.slot.Start), number, clock.Micros(p.slot.End), by.Account, key))
}

// barred applies the rules against booking for nothing: so many missed ones bar
// for a while, and so many bookings a day are enough.
func barred(ctx context.Context, q db.Q, by audit.Actor, r bookingRules, now time.Time) error {
	var missed, today int
	var last int64
	err := q.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(MAX(starts_at), 0) FROM office_appointment WHERE account = $1 AND state = 'missed' AND starts_at > $2`,
		by.Account, clock.Micros(now.Add(-r.span("missed_days", 24*time.Hour)))).Scan(&missed, &last)
	if err != nil {
		return fmt.Errorf("count missed appointments: %w", err)
	}
	until := clock.FromMicros(last).Add(r.span("bar_days", 24*time.Hour))
	if missed >= r["appointment.missed"] && now.Before(until) {
		return fault.New(fault.TooMany, "booking.barred").Arg("until", clock.DateOf(until).Vietnamese()).In(until.Sub(now))
	}
	err = q.QueryRowContext(ctx, `SELECT COUNT(*) FROM office_appointment WHERE account = $1 AND booked_at > $2`, by.Account, clock.Micros(now.Add(-24*time.Hour))).Scan(&today)
	if err != nil {
		return fmt.Errorf("count appointments of the day: %w", err)
	}
	if today >= r["appointment.per_day"] {
		return fault.New(fault.TooMany, "booking.per_day").In(24 * time.Hour)
	}
	return nil
}

// Change moves an appointment to another time, perhaps at another office. Sent
// again it changes nothing. The old place is free from the moment that the new
// one is hers, and stays hers when that fails.
func (d *Diary) Change(ctx context.Context, by audit.Actor, key BookingID, o ID, start time.Time) (Booking, error) {
	if err := citizen(by); err != nil {
		return Booking{}, err
	}
	to, err := d.c.Reach(ctx, by.Account)
	if err != nil {
		return Booking{}, fmt.Errorf("find how to reach her: %w", err)
	}
	for range bookingAttempts {
		b, err := d.Find(ctx, by, key)
		if err != nil {
			return Booking{}, err
		}
		if b.Start.Equal(start) && b.Office == o && b.State == Booked {
			return b, nil
		}
		p, err := d.place(ctx, o, b.Procedure, start)
		if err != nil {
			return Booking{}, err
		}
		if err := d.open(b); err != nil {
			return Booking{}, err
		}
		if b.Changes >= p.rules["appointment.changes"] {
			return Booking{}, fault.New(fault.Conflict, "booking.changes").Arg("n", strconv.Itoa(b.Changes))
		}
		err = d.c.DB.Write(ctx, func(tx *db.Tx) error { return d.move(ctx, tx, by, b, p, to) })
		switch {
		case err == nil:
			return d.Find(ctx, by, key)
		case !errors.Is(err, errMoved):
			return Booking{}, err
		}
	}
	return Booking{}, fault.New(fault.Conflict, "booking.full")
}

// open says why an appointment can no longer be touched.
func (d *Diary) open(b Booking) error {
	if b.State != Booked || !b.Start.After(d.c.Clock.Now()) {
		return fault.New(fault.Conflict, "booking.over")
	}
	return nil
}

func (d *Diary) move(ctx context.Context, tx *db.Tx, by audit.Actor, b Booking, p place, to notify.Recipient) error {
	now := d.c.Clock.Now()
	others, err := listBookings(ctx, tx, `a.account = $1 AND a.state = 'booked' AND a.id <> $2`, by.Account, b.ID)
	if err != nil {
		return err
	}
	for _, x := range others {
		if x.Start.Before(p.slot.End) && x.End.After(p.slot.Start) {
			return fault.New(fault.Conflict, "booking.same_time")
		}
	}
	err = once(tx.ExecContext(ctx, `UPDATE office_appointment SET office = $3, starts_at = $4, ends_at = $5, changes = changes + 1, version = version + 1, updated_at = $6, reminded_at = NULL
		WHERE account = $1 AND id = $2 AND state = 'booked' AND version = $7 AND starts_at > $6`,
		by.Account, b.ID, p.office.ID, clock.Micros(p.slot.Start), clock.Micros(p.slot.End), clock.Micros(now), b.version))
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM office_seat WHERE account = $1 AND booking = $2`, by.Account, b.ID); err != nil {
		return fmt.Errorf("free the desk: %w", err)
	}
	if err := d.sit(ctx, tx, p, by, b.ID); err != nil {
		return err
	}
	b.Office, b.OfficeName, b.Address, b.Start, b.End = p.office.ID, p.office.Name, p.office.Address, p.slot.Start, p.slot.End
	b.version++
	return d.told(ctx, tx, by, to, b, "changed", p.rules)
}

// Cancel gives a place back, until the appointment begins. Sent again it
// changes nothing.
func (d *Diary) Cancel(ctx context.Context, by audit.Actor, key BookingID) (Booking, error) {
	if err := citizen(by); err != nil {
		return Booking{}, err
	}
	to, err := d.c.Reach(ctx, by.Account)
	if err != nil {
		return Booking{}, fmt.Errorf("find how to reach her: %w", err)
	}
	for range bookingAttempts {
		b, err := d.Find(ctx, by, key)
		if err != nil || b.State == Cancelled {
			return b, err
		}
		if err := d.open(b); err != nil {
			return Booking{}, err
		}
		err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
			err := once(tx.ExecContext(ctx, `UPDATE office_appointment SET state = 'cancelled', version = version + 1, updated_at = $3
				WHERE account = $1 AND id = $2 AND state = 'booked' AND version = $4 AND starts_at > $3`, by.Account, b.ID, clock.Micros(d.c.Clock.Now()), b.version))
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM office_seat WHERE account = $1 AND booking = $2`, by.Account, b.ID); err != nil {
				return fmt.Errorf("free the desk: %w", err)
			}
			return d.told(ctx, tx, by, to, b, "cancelled", nil)
		})
		if err != nil && !errors.Is(err, errMoved) {
			return Booking{}, err
		}
	}
	return Booking{}, fault.New(fault.Conflict, "booking.over")
}

// lowest is the lowest free number from 1 to n, or 0.
func lowest(used map[int]bool, n int) int {
	for i := 1; i <= n; i++ {
		if !used[i] {
			return i
		}
	}
	return 0
}

// bookingSymbols are letters and digits that nobody confuses when read out.
const bookingSymbols = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

// bookingCode is what she shows at the desk: LH-7K3-M9Q. It opens nothing: whom
// it belongs to is seen by the office alone.
func bookingCode() string {
	out := make([]byte, 0, 6)
	for len(out) < 6 {
		var r [16]byte
		_, _ = rand.Read(r[:])
		for _, v := range r {
			if v < 240 && len(out) < 6 { // the largest multiple of 30 in a byte
				out = append(out, bookingSymbols[v%30])
			}
		}
	}
	return "LH-" + string(out[:3]) + "-" + string(out[3:])
}
