// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"strconv"
	"strings"

	"danh/internal/clock"
)

// need and must report a problem with a field beneath the current one.
func (p *line) need(ok bool, field, mend string) { p.must(ok, field, "the field is missing", mend) }

func (p *line) must(ok bool, field, problem, mend string) {
	switch {
	case ok || p.err != nil:
	case field == "":
		p.fail(problem, mend)
	default:
		p.in(field, func() { p.fail(problem, mend) })
	}
}

// words reads a text for people.
func (p *line) words(needed bool) string {
	s := p.text()
	p.must(len(s) <= maxText, "", "the text is too long", "write at most "+strconv.Itoa(maxText)+" bytes")
	p.must(!needed || strings.TrimSpace(s) != "", "", "the text is empty", "write it, or leave the object out")
	for i := 0; i < len(s); i++ {
		p.must(s[i] >= 0x20 && s[i] != 0x7f, "", "the text has a control character", "remove it")
	}
	return s
}

// ref reads a source's key: letters, digits and - _ . : only.
func (p *line) ref() string {
	s := p.text()
	if p.err != nil {
		return ""
	}
	ok := len(s) > 0 && len(s) <= maxRef
	for i := 0; i < len(s) && ok; i++ {
		c := s[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == ':'
	}
	p.must(ok, "", "this is no usable key", "use 1 to 64 letters, digits and - _ . :")
	return s
}

func (p *line) digits() string {
	s := p.text()
	p.must((len(s) == 12 || len(s) == 9) && allDigits(s), "", "this is no identity number", "write 12 digits, or 9 for an old identity card, without spaces")
	return s
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func (p *line) nationality() string {
	s := p.text()
	ok := len(s) == 3
	for i := 0; i < len(s) && ok; i++ {
		ok = s[i] >= 'A' && s[i] <= 'Z'
	}
	p.must(ok, "", "this is no country code", "write three capital letters (ISO 3166-1), e.g. VNM")
	return s
}

// date reads an ISO date as exact as it is: 1990-09-02, 1990-09 or 1990.
func (p *line) date() clock.Date {
	s := p.text()
	if p.err != nil {
		return clock.Date{}
	}
	d, ok := isoDate(s)
	p.must(ok, "", "this is no date", "write year-month-day (1990-09-02), or only 1990-09 or 1990 where no more is known")
	return d
}

func (p *line) day() clock.Date {
	d := p.date()
	p.must(d.Exact(), "", "the day is missing", "write year-month-day")
	return d
}

// isoDate is the strict and fast reader of the stored form; years as in clock.ParseDate.
func isoDate(s string) (clock.Date, bool) {
	two := func(i int) int {
		a, b := s[i]-'0', s[i+1]-'0'
		if a > 9 || b > 9 {
			return -1
		}
		return int(a)*10 + int(b)
	}
	var d clock.Date
	if len(s) != 4 && len(s) != 7 && len(s) != 10 {
		return d, false
	}
	c, y := two(0), two(2)
	if c < 0 || y < 0 {
		return d, false
	}
	if d.Year = c*100 + y; d.Year < 1850 || d.Year > 2200 {
		return d, false
	}
	if len(s) >= 7 {
		if d.Month = two(5); s[4] != '-' || d.Month < 1 || d.Month > 12 {
			return d, false
		}
	}
	if len(s) == 10 {
		if d.Day = two(8); s[7] != '-' || d.Day < 1 || d.Day > daysIn(d.Year, d.Month) {
			return d, false
		}
	}
	return d, true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

func (p *line) oneOf(list []string) string {
	s := p.text()
	if p.err != nil {
		return ""
	}
	if i := index(list, s); i >= 0 {
		return list[i]
	}
	p.fail("this word is not of the list", "write one of "+strings.Join(list, ", "))
	return ""
}
