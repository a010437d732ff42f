// SPDX-License-Identifier: Apache-2.0

package office

import (
	"context"
	"fmt"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
)

// DayKind says how a day differs from the week's rule.
type DayKind string

// The kinds of days.
const (
	PublicHoliday DayKind = "holiday"
	Compensation  DayKind = "compensation" // off because a holiday fell on a weekend (Labour Code 2019, article 111(3))
	Swapped       DayKind = "swapped"      // off in exchange for a weekend day
	Working       DayKind = "working"      // that weekend day
)

// Holiday is a day that differs from the week's rule.
type Holiday struct {
	Day     clock.Date
	Kind    DayKind
	Name    string // Vietnamese
	NameEn  string
	Source  string
	Checked bool // read at least in copies of the source
}

// Calendar knows which days are working days. Working days are Monday to
// Friday: desks are open on Saturday morning, but the law does not count it.
type Calendar struct {
	days map[clock.Date]Holiday
	last int // the last year with announced or expected days
}

// OpenCalendar reads the table. A server reads it at start; a row that is added
// later counts from the next start.
func OpenCalendar(ctx context.Context, d *db.DB) (*Calendar, error) {
	rows, err := d.Read().QueryContext(ctx, `SELECT day, kind, name_vi, name_en, source, verified FROM office_holiday`)
	if err != nil {
		return nil, fmt.Errorf("read the calendar: %w", err)
	}
	defer rows.Close()
	c := &Calendar{days: map[clock.Date]Holiday{}}
	for rows.Next() {
		var h Holiday
		if err := rows.Scan(&h.Day, &h.Kind, &h.Name, &h.NameEn, &h.Source, &h.Checked); err != nil {
			return nil, fmt.Errorf("read the calendar: %w", err)
		}
		c.days[h.Day] = h
		c.last = max(c.last, h.Day.Year)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the calendar: %w", err)
	}
	if len(c.days) == 0 {
		return nil, fmt.Errorf("read the calendar: the table is empty: Load has not run")
	}
	return c, nil
}

// Holiday is the day's row, if it differs from the week's rule.
func (c *Calendar) Holiday(day clock.Date) (Holiday, bool) {
	h, ok := c.days[day]
	return h, ok
}

// KnownUntil is the last year of the table. Later days are judged by the week
// and the fixed dates alone: Tết, Hùng Kings' day and swaps are missing.
func (c *Calendar) KnownUntil() int { return c.last }

// Off reports whether a day is off by the calendar, whatever its weekday.
func (c *Calendar) Off(day clock.Date) bool {
	if h, ok := c.days[day]; ok {
		return h.Kind != Working
	}
	if day.Year > c.last {
		switch [2]int{day.Month, day.Day} {
		case [2]int{1, 1}, [2]int{4, 30}, [2]int{5, 1}, [2]int{9, 2}, [2]int{11, 24}:
			return true // Labour Code 2019, article 112; Resolution 28/2026/QH16
		}
	}
	return false
}

// IsWorkingDay reports whether deadlines run on a day.
func (c *Calendar) IsWorkingDay(day clock.Date) bool {
	if h, ok := c.days[day]; ok {
		return h.Kind == Working
	}
	switch weekday(day) {
	case time.Saturday, time.Sunday:
		return false
	}
	return !c.Off(day)
}

// AddWorkingDays is the end of the n-th working day after an instant, in
// Vietnam: the day of the instant does not count, and the last day runs until
// midnight (Civil Code 2015, articles 147 and 148). With n of 0 or less it is
// the end of the same day, or of the next working day when that is none.
func (c *Calendar) AddWorkingDays(t time.Time, n int) time.Time {
	day := clock.DateOf(t)
	if n <= 0 {
		for !c.IsWorkingDay(day) {
			day = day.AddDays(1)
		}
		return endOf(day)
	}
	for n > 0 {
		day = day.AddDays(1)
		if c.IsWorkingDay(day) {
			n--
		}
	}
	return endOf(day)
}

// AddDays is the end of the n-th calendar day after an instant; when that is no
// working day, the end of the next one (Civil Code 2015, article 148(5)).
func (c *Calendar) AddDays(t time.Time, n int) time.Time {
	day := clock.DateOf(t).AddDays(n)
	for !c.IsWorkingDay(day) {
		day = day.AddDays(1)
	}
	return endOf(day)
}

// WorkingDaysBetween counts the working days after one day up to and with
// another; it is negative when the other lies earlier.
func (c *Calendar) WorkingDaysBetween(from, to clock.Date) int {
	sign := 1
	if to.Before(from) {
		from, to, sign = to, from, -1
	}
	n := 0
	for day := from; day.Before(to); {
		day = day.AddDays(1)
		if c.IsWorkingDay(day) {
			n++
		}
	}
	return sign * n
}

// endOf is the last stored instant of a day in Vietnam.
func endOf(day clock.Date) time.Time { return day.AddDays(1).Time().Add(-time.Microsecond) }

func weekday(d clock.Date) time.Weekday {
	return time.Date(d.Year, time.Month(d.Month), d.Day, 0, 0, 0, 0, time.UTC).Weekday()
}
