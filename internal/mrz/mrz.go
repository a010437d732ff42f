// SPDX-License-Identifier: Apache-2.0

// Package mrz owns the machine-readable zone of cards and passports: ICAO Doc
// 9303, part 5 (TD1, three lines of 30) and part 4 (TD3, two lines of 44), with
// the check digits of part 3, section 4.9.
//
// It reads what it writes and refuses a zone with a wrong check digit, a
// character outside A–Z, 0–9 and '<', or a date that is none. A zone proves
// nothing by itself: whoever can print can compute its check digits.
package mrz

import (
	"errors"
	"fmt"
	"strings"

	"danh/internal/clock"
)

// Zone is what a machine-readable zone says.
type Zone struct {
	Document    string     // one or two letters: "ID", "I", "P"
	Issuer      string     // issuing state, one to three letters
	Number      string     // document number, at most 9 letters and digits
	Nationality string     // as Issuer
	Birth       clock.Date // with an unknown month or day where the zone leaves them open
	Sex         string     // "M", "F", or "" when unspecified
	Expiry      clock.Date // zero when the document does not expire
	Optional    string     // first optional data, without trailing filler
	Optional2   string     // second, TD1 only
	Primary     string     // primary identifier, words separated by single spaces
	Secondary   string     // secondary identifier
	Truncated   bool       // the name fills its field: the rest of it may be missing
}

// The ways in which a zone is refused.
var (
	ErrShape     = errors.New("mrz: not three lines of 30 or two of 44 characters A–Z, 0–9 and <")
	ErrCheck     = errors.New("mrz: a check digit is wrong")
	ErrDate      = errors.New("mrz: a date is none")
	ErrField     = errors.New("mrz: a field holds what it cannot")
	ErrTransform = errors.New("mrz: a value cannot be written in a machine-readable zone")
)

// never is written for a document without an expiry date. Part 3 knows no such
// document; national cards write the last day that two digits can say.
const never = "991231"

// weights of part 3, section 4.9.
var weights = [3]int{7, 3, 1}

// Check is the check digit over a field (Doc 9303-3, section 4.9): digits count
// themselves, A–Z 10 to 35, '<' nothing.
func Check(field string) byte {
	sum := 0
	for i := range len(field) {
		v := 0
		switch c := field[i]; {
		case c >= '0' && c <= '9':
			v = int(c - '0')
		case c >= 'A' && c <= 'Z':
			v = int(c-'A') + 10
		}
		sum += v * weights[i%3]
	}
	return byte('0' + sum%10)
}

func letters(s string, digits bool) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'A' || c > 'Z') && (!digits || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// inner reports whether s is letters and digits with fillers only inside.
func inner(s string) bool {
	return letters(strings.ReplaceAll(s, "<", ""), true) && !strings.HasSuffix(s, "<")
}

func pad(s string, n int) string { return s + strings.Repeat("<", n-len(s)) }

func trim(s string) string { return strings.TrimRight(s, "<") }

// writeDate is YYMMDD, with fillers for what is unknown (part 3, section 4.8).
func writeDate(d clock.Date) string {
	part := func(v int) string {
		if v == 0 {
			return "<<"
		}
		return fmt.Sprintf("%02d", v)
	}
	return fmt.Sprintf("%02d", d.Year%100) + part(d.Month) + part(d.Day)
}

// readDate reads YYMMDD; century gives the year for its last two digits.
func readDate(s string, century func(yy int) int) (clock.Date, error) {
	two := func(p string) (int, bool) {
		if p == "<<" {
			return 0, true
		}
		if p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9' {
			return 0, false
		}
		return int(p[0]-'0')*10 + int(p[1]-'0'), p != "00"
	}
	yy, ok := two(s[:2])
	if s[:2] == "00" {
		yy, ok = 0, true
	}
	m, okM := two(s[2:4])
	day, okD := two(s[4:])
	if !ok || s[:2] == "<<" || !okM || !okD || m == 0 && day != 0 {
		return clock.Date{}, ErrDate
	}
	d := clock.Date{Year: century(yy), Month: m, Day: day}
	if d.Day != 0 && d.AddDays(0) != d || d.Month > 12 {
		return clock.Date{}, ErrDate
	}
	return d, nil
}

// bornBy places a birth year in the last hundred years; of a two-digit year
// nothing more can be known. The month is not looked at, so that a zone reads the
// same all year.
func bornBy(on clock.Date) func(int) int {
	return func(yy int) int {
		y := on.Year - on.Year%100 + yy
		if y > on.Year {
			y -= 100
		}
		return y
	}
}

// expires places an expiry year within fifty years of the day of reading.
func expires(on clock.Date) func(int) int {
	return func(yy int) int {
		y := on.Year - on.Year%100 + yy
		switch {
		case y > on.Year+50:
			y -= 100
		case y <= on.Year-50:
			y += 100
		}
		return y
	}
}
