// SPDX-License-Identifier: Apache-2.0

package clock

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Period is a length of time by the calendar, as people and laws state it: "P5Y"
// (ISO 8601-1, section 5.5.2). The zero value is no time at all.
type Period struct{ Years, Months, Days int }

var errPeriod = errors.New("clock: not a period such as P5Y or P90D")

// ParsePeriod reads a duration of ISO 8601 in years, months, weeks and days; ""
// is the zero period. Hours are no part of it: what law and partners state in
// days ends with a day.
func ParsePeriod(s string) (Period, error) {
	var p Period
	if s == "" {
		return p, nil
	}
	if len(s) < 3 || len(s) > 20 || s[0] != 'P' {
		return p, errPeriod
	}
	units := "YMWD"
	for rest := s[1:]; rest != ""; {
		i := 0
		for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
			i++
		}
		n, err := strconv.Atoi(rest[:i])
		if err != nil || n > 9999 || i == len(rest) {
			return Period{}, errPeriod
		}
		at := -1
		for j := range len(units) {
			if units[j] == rest[i] {
				at = j
			}
		}
		if at < 0 {
			return Period{}, errPeriod
		}
		switch units[at] {
		case 'Y':
			p.Years = n
		case 'M':
			p.Months = n
		case 'W':
			p.Days += 7 * n
		case 'D':
			p.Days += n
		}
		units, rest = units[at+1:], rest[i+1:]
	}
	return p, nil
}

// IsZero reports whether the period is no time at all.
func (p Period) IsZero() bool { return p == Period{} }

// After is the instant at which a period that begins with t is over, counted by
// Vietnam's calendar.
func (p Period) After(t time.Time) time.Time {
	return t.In(Vietnam).AddDate(p.Years, p.Months, p.Days)
}

// In tells the period in a language: "5 năm", "1 year 6 months".
func (p Period) In(language string) string {
	var parts []string
	for _, u := range []struct {
		n            int
		vi, one, all string
	}{{p.Years, "năm", "year", "years"}, {p.Months, "tháng", "month", "months"}, {p.Days, "ngày", "day", "days"}} {
		switch {
		case u.n == 0:
		case language != "en":
			parts = append(parts, strconv.Itoa(u.n)+" "+u.vi)
		case u.n == 1:
			parts = append(parts, "1 "+u.one)
		default:
			parts = append(parts, strconv.Itoa(u.n)+" "+u.all)
		}
	}
	return strings.Join(parts, " ")
}
