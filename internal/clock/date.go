// SPDX-License-Identifier: Apache-2.0

package clock

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Date is a calendar date, exact to the day, the month or only the year.
// Month and Day are 0 where they are unknown. The zero Date means "none".
type Date struct {
	Year, Month, Day int
}

// ErrDate says that a text is no calendar date.
var ErrDate = errors.New("clock: not a calendar date")

// ParseDate reads a date as people write it: 2/9/1990, 02-09-1990, 02.09.1990,
// 02091990, 9/1990, 1990, and ISO 1990-09-02. Day comes before month unless
// the year comes first. Years before 1850 and after 2200 are refused.
func ParseDate(s string) (Date, error) {
	s = strings.TrimSpace(s)
	sep := func(r rune) bool { return r == '/' || r == '-' || r == '.' || r == ' ' }
	parts := strings.FieldsFunc(s, sep)
	if len(parts) == 1 && len(s) == 8 {
		parts = []string{s[:2], s[2:4], s[4:]}
	}
	n := make([]int, len(parts))
	for i, p := range parts {
		v, err := strconv.Atoi(p)
		if err != nil || v < 0 || len(p) > 4 {
			return Date{}, ErrDate
		}
		n[i] = v
	}
	var d Date
	switch {
	case len(n) == 1 && len(parts[0]) == 4:
		d = Date{Year: n[0]}
	case len(n) == 2 && len(parts[0]) == 4:
		d = Date{n[0], n[1], 0}
	case len(n) == 2 && len(parts[1]) == 4:
		d = Date{n[1], n[0], 0}
	case len(n) == 3 && len(parts[0]) == 4:
		d = Date{n[0], n[1], n[2]}
	case len(n) == 3 && len(parts[2]) == 4:
		d = Date{n[2], n[1], n[0]}
	default:
		return Date{}, ErrDate
	}
	if len(n) > 1 && d.Month == 0 || len(n) > 2 && d.Day == 0 || !d.valid() {
		return Date{}, ErrDate
	}
	return d, nil
}

func (d Date) valid() bool {
	if d.Year < 1850 || d.Year > 2200 || d.Month < 0 || d.Month > 12 || d.Day < 0 || d.Day > 31 || d.Month == 0 && d.Day != 0 {
		return false
	}
	if d.Day == 0 {
		return true
	}
	return time.Date(d.Year, time.Month(d.Month), d.Day, 0, 0, 0, 0, time.UTC).Day() == d.Day
}

// DateOf is the calendar date of an instant in Vietnam.
func DateOf(t time.Time) Date {
	y, m, day := t.In(Vietnam).Date()
	return Date{y, int(m), day}
}

// Time is the first instant of the date in Vietnam; unknown months and days
// count as the first. The zero Date gives the zero time.
func (d Date) Time() time.Time {
	if d.IsZero() {
		return time.Time{}
	}
	return time.Date(d.Year, time.Month(max(d.Month, 1)), max(d.Day, 1), 0, 0, 0, 0, Vietnam)
}

// IsZero reports whether there is no date.
func (d Date) IsZero() bool { return d == Date{} }

// Exact reports whether the day is known.
func (d Date) Exact() bool { return d.Day != 0 }

// String is the ISO form, as exact as the date is: 1990-09-02, 1990-09, 1990.
func (d Date) String() string {
	switch {
	case d.IsZero():
		return ""
	case d.Month == 0:
		return fmt.Sprintf("%04d", d.Year)
	case d.Day == 0:
		return fmt.Sprintf("%04d-%02d", d.Year, d.Month)
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// Vietnamese is the form people read: 02/09/1990, 09/1990, 1990.
func (d Date) Vietnamese() string {
	switch {
	case d.IsZero():
		return ""
	case d.Month == 0:
		return fmt.Sprintf("%04d", d.Year)
	case d.Day == 0:
		return fmt.Sprintf("%02d/%04d", d.Month, d.Year)
	}
	return fmt.Sprintf("%02d/%02d/%04d", d.Day, d.Month, d.Year)
}

// Before orders dates by what is surely known: an unknown month or day counts
// as the first.
func (d Date) Before(e Date) bool { return d.Time().Before(e.Time()) }

// AgeOn is the age in whole years on the day of another date, counted to the
// day. A person whose day or month is unknown has the lowest age she can have:
// she turns a year older with the last possible day.
func (d Date) AgeOn(on Date) int {
	m, day := d.Month, d.Day
	if m == 0 {
		m, day = 12, 31
	} else if day == 0 {
		day = 31
	}
	age := on.Year - d.Year
	if on.Month < m || on.Month == m && on.Day < day {
		age--
	}
	return age
}

// AddDays is the date n days later; the date must be exact.
func (d Date) AddDays(n int) Date {
	t := time.Date(d.Year, time.Month(d.Month), d.Day+n, 0, 0, 0, 0, time.UTC)
	return Date{t.Year(), int(t.Month()), t.Day()}
}

// Value stores the ISO text; the zero Date is NULL.
func (d Date) Value() (driver.Value, error) {
	if d.IsZero() {
		return nil, nil
	}
	return d.String(), nil
}

// Scan reads the ISO text; NULL and "" become the zero Date.
func (d *Date) Scan(src any) error {
	var s string
	switch v := src.(type) {
	case nil:
	case string:
		s = v
	case []byte:
		s = string(v)
	default:
		return fmt.Errorf("clock: cannot read a date from %T", src)
	}
	if s == "" {
		*d = Date{}
		return nil
	}
	v, err := ParseDate(s)
	*d = v
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Date) UnmarshalText(b []byte) error { return d.Scan(string(b)) }
