// SPDX-License-Identifier: Apache-2.0

package password

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Personal is what an attacker who knows the holder would try.
type Personal struct {
	Name   string
	Digits []string // numbers, phones, birth dates as written: compared by their digits
	Birth  [3]int   // year, month, day; zero where unknown
}

// Policy is what a password must look like.
type Policy struct {
	Least, Most int // runes
}

// Problems lists what is wrong with a password as message keys, in the order
// in which the page names its rules; empty when it may be used.
func (p Policy) Problems(pw Password, who Personal) []string {
	s := pw.normal()
	var out []string
	n := utf8.RuneCountInString(s)
	if n < p.Least {
		out = append(out, "account.password.too_short")
	}
	if n > p.Most || len(s) > 4*p.Most {
		return append(out, "account.password.too_long")
	}
	var upper, lower, digit, special bool
	for _, r := range s {
		switch {
		case unicode.IsUpper(r):
			upper = true
		case unicode.IsLower(r):
			lower = true
		case unicode.IsDigit(r):
			digit = true
		case !unicode.IsLetter(r) && !unicode.IsControl(r) && !unicode.IsMark(r):
			special = true
		}
		if unicode.IsControl(r) {
			out = append(out, "account.password.control")
			break
		}
	}
	for _, c := range []struct {
		ok  bool
		key string
	}{{upper, "account.password.no_upper"}, {lower, "account.password.no_lower"}, {digit, "account.password.no_digit"}, {special, "account.password.no_special"}} {
		if !c.ok {
			out = append(out, c.key)
		}
	}
	if common(s) {
		out = append(out, "account.password.common")
	}
	return append(out, who.problems(s)...)
}

// problems finds the holder's own data in a password.
func (w Personal) problems(s string) []string {
	var out []string
	letters, digits := plainLetters(s), digitsOf(s)
	for _, part := range nameParts(w.Name) {
		if strings.Contains(letters, part) {
			out = append(out, "account.password.has_name")
			break
		}
	}
	for _, d := range w.Digits {
		if d = digitsOf(d); len(d) >= 6 && sharesRun(digits, d, 6) {
			out = append(out, "account.password.has_number")
			break
		}
	}
	for _, b := range w.births() {
		if strings.Contains(digits, b) {
			out = append(out, "account.password.has_birth_date")
			break
		}
	}
	return out
}

// births lists how people write the birth date in digits.
func (w Personal) births() []string {
	y, m, d := two(w.Birth[0]/100)+two(w.Birth[0]%100), two(w.Birth[1]), two(w.Birth[2])
	if w.Birth[0] == 0 || w.Birth[1] == 0 || w.Birth[2] == 0 {
		return nil
	}
	return []string{d + m + y, m + d + y, y + m + d, d + m + y[2:], y[2:] + m + d}
}

func two(n int) string { return string([]byte{byte('0' + n/10%10), byte('0' + n%10)}) }

// nameParts gives what of a name counts as found: the given name from three
// letters, other parts from four, because shorter ones (An, Thị) are in half
// of all words, and the last two parts written together.
func nameParts(name string) []string {
	f := strings.Fields(strings.ToLower(name))
	for i := range f {
		f[i] = plainLetters(f[i])
	}
	var out []string
	for i, p := range f {
		if len(p) >= 4 || i == len(f)-1 && len(p) >= 3 {
			out = append(out, p)
		}
	}
	if n := len(f); n >= 2 && len(f[n-2]+f[n-1]) >= 4 {
		out = append(out, f[n-2]+f[n-1])
	}
	return out
}

// plainLetters folds to a–z: case and diacritics dropped, đ as d, and the
// digits and signs that stand for letters (0 for o, @ for a) read as letters.
func plainLetters(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(s)) {
		switch r {
		case 'đ':
			r = 'd'
		case '0':
			r = 'o'
		case '1', '!':
			r = 'i'
		case '3':
			r = 'e'
		case '4', '@':
			r = 'a'
		case '5', '$':
			r = 's'
		case '7':
			r = 't'
		}
		if r >= 'a' && r <= 'z' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// sharesRun reports whether two digit strings share a run of n digits.
func sharesRun(a, b string, n int) bool {
	for i := 0; i+n <= len(b); i++ {
		if strings.Contains(a, b[i:i+n]) {
			return true
		}
	}
	return false
}
