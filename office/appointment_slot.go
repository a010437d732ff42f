// SPDX-License-Identifier: Apache-2.0

package office

import (
	"context"
	"fmt"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
)

// Slot is a time at which an office takes people by appointment.
type Slot struct {
	Start, End time.Time
	Free       int
}

// Day is a day as somebody who wants an appointment sees it.
type Day struct {
	Date    clock.Date
	Slots   []Slot
	Free    int     // places
	Holiday Holiday // zero when it is none
}

// First is the day's first free time; zero when it is full.
func (d Day) First() time.Time {
	for _, s := range d.Slots {
		if s.Free > 0 {
			return s.Start
		}
	}
	return time.Time{}
}

// Slots are an office's times of a day that can still be booked for a
// procedure, with the full ones. A day that is off has none, and neither has
// one on which the office does not do the procedure.
func (d *Diary) Slots(ctx context.Context, o Office, procedure string, day clock.Date) (Day, error) {
	rules, err := readRules(ctx, d.c.DB.Read(), clock.DateOf(d.c.Clock.Now()))
	if err != nil {
		return Day{}, err
	}
	out, _, err := d.day(ctx, rules, o, procedure, day)
	return out, err
}

// Days are the days from today on that can be booked ahead. Days without hours
// are left out, but for holidays that fall on a day when the office would be open.
func (d *Diary) Days(ctx context.Context, o Office, procedure string) ([]Day, error) {
	today := clock.DateOf(d.c.Clock.Now())
	rules, err := readRules(ctx, d.c.DB.Read(), today)
	if err != nil {
		return nil, err
	}
	var out []Day
	for n := 0; n <= rules["appointment.ahead_days"]; n++ {
		day, _, err := d.day(ctx, rules, o, procedure, today.AddDays(n))
		if err != nil {
			return nil, err
		}
		if len(day.Slots) > 0 || day.Holiday.Name != "" {
			out = append(out, day)
		}
	}
	return out, nil
}

// NextFree is the first free time within the days ahead; zero when there is none.
func (d *Diary) NextFree(ctx context.Context, o Office, procedure string) (time.Time, error) {
	today := clock.DateOf(d.c.Clock.Now())
	rules, err := readRules(ctx, d.c.DB.Read(), today)
	if err != nil {
		return time.Time{}, err
	}
	for n := 0; n <= rules["appointment.ahead_days"]; n++ {
		day, _, err := d.day(ctx, rules, o, procedure, today.AddDays(n))
		if err != nil {
			return time.Time{}, err
		}
		if at := day.First(); !at.IsZero() {
			return at, nil
		}
	}
	return time.Time{}, nil
}

func (d *Diary) day(ctx context.Context, rules bookingRules, o Office, procedure string, on clock.Date) (Day, capacity, error) {
	out := Day{Date: on}
	now := d.c.Clock.Now()
	today := clock.DateOf(now)
	if on.Before(today) || today.AddDays(rules["appointment.ahead_days"]).Before(on) {
		return out, capacity{}, nil
	}
	hours, err := d.c.Offices.Hours(ctx, o, on)
	if err != nil {
		return out, capacity{}, err
	}
	spans := hours.On(on)
	if len(spans) == 0 {
		if h, ok := hours.cal.Holiday(on); ok && h.Kind != Working && len(hours.Week[(int(weekday(on))+6)%7]) > 0 {
			out.Holiday = h
		}
		return out, capacity{}, nil
	}
	if may, err := d.c.Offices.may(ctx, o, procedure, on); err != nil || !may {
		return out, capacity{}, err
	}
	c, err := d.capacity(ctx, o, procedure, on)
	if err != nil || c.desks <= 0 {
		return out, c, err
	}
	taken, err := listSeats(ctx, d.c.DB.Read(), o.ID, c.pool, on.Time(), on.AddDays(1).Time())
	if err != nil {
		return out, c, err
	}
	soonest := now.Add(rules.span("lead_minutes", time.Minute))
	for _, s := range spans {
		closes := on.Time().Add(time.Duration(s.Closes) * time.Minute)
		for at := on.Time().Add(time.Duration(s.Opens) * time.Minute); !at.Add(c.slot).After(closes); at = at.Add(c.slot) {
			if at.Before(soonest) {
				continue
			}
			slot := Slot{Start: at, End: at.Add(c.slot)}
			slot.Free = max(0, c.desks-len(taken.during(slot.Start, slot.End)))
			out.Slots = append(out.Slots, slot)
			out.Free += slot.Free
		}
	}
	return out, c, nil
}

// seat is a taken desk.
type seat struct {
	number     int
	start, end time.Time
}

type seats []seat

// during are the numbers taken at some time of a slot. Appointments of an
// earlier slot length may lie across two slots.
func (s seats) during(start, end time.Time) map[int]bool {
	out := map[int]bool{}
	for _, t := range s {
		if t.start.Before(end) && t.end.After(start) {
			out[t.number] = true
		}
	}
	return out
}

func listSeats(ctx context.Context, q db.Q, o ID, pool string, from, to time.Time) (seats, error) {
	rows, err := q.QueryContext(ctx, `SELECT seat, starts_at, ends_at FROM office_seat WHERE office = $1 AND pool = $2 AND starts_at < $3 AND starts_at >= $4 AND ends_at > $5`,
		o, pool, clock.Micros(to), clock.Micros(from.Add(-24*time.Hour)), clock.Micros(from))
	if err != nil {
		return nil, fmt.Errorf("read taken desks: %w", err)
	}
	defer rows.Close()
	var out seats
	for rows.Next() {
		var s seat
		var start, end int64
		if err := rows.Scan(&s.number, &start, &end); err != nil {
			return nil, fmt.Errorf("read taken desks: %w", err)
		}
		s.start, s.end = clock.FromMicros(start), clock.FromMicros(end)
		out = append(out, s)
	}
	return out, rows.Err()
}
