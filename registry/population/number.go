// SPDX-License-Identifier: Apache-2.0

package population

import (
	"crypto/subtle"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"danh/internal/fault"
)

// Number is a personal identification number of 12 digits, or the 9 digits of
// an old identity card. It prints masked, refuses to be stored or encoded in
// the clear, and is written out only by Reveal. The zero Number means "none".
type Number string

// Kind tells the two forms of a number apart.
type Kind string

// The kinds of number.
const (
	PIN   Kind = "pin"  // 12 digits, số định danh cá nhân
	OldID Kind = "old9" // 9 digits, chứng minh nhân dân
)

// ParseNumber reads 12 or 9 digits as people write them, with spaces, dots or
// hyphens between them. Nothing beyond the count of digits is asked: the
// structure of a PIN only hints (see Hints), because a registered number may
// contradict it lawfully.
func ParseNumber(s string) (Number, error) {
	var b [12]byte
	n := 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			if n == len(b) {
				return "", errForm()
			}
			b[n] = byte(r)
			n++
		case r == ' ' || r == '.' || r == '-' || r == '\u00a0' || r == '\t':
		default:
			return "", errForm()
		}
	}
	if n != 12 && n != 9 {
		return "", errForm()
	}
	return Number(b[:n]), nil
}

func errForm() error {
	return fault.New(fault.Invalid, "population.number.form").With("number", "population.number.form")
}

// Kind is the number's kind.
func (n Number) Kind() Kind {
	if len(n) == 9 {
		return OldID
	}
	return PIN
}

// IsZero reports whether there is no number.
func (n Number) IsZero() bool { return n == "" }

// Reveal writes the number out. It belongs on the bearer's own page, in an
// approved answer or a print, never in a log, a URL or an error.
func (n Number) Reveal() string { return string(n) }

// String is the masked form, "•••• 0123".
func (n Number) String() string {
	if len(n) < 9 {
		return "••••"
	}
	return "•••• " + string(n[len(n)-4:])
}

// GoString is the masked form.
func (n Number) GoString() string { return n.String() }

// Format prints the masked form whatever the verb, so that no verb of fmt
// writes the number out.
func (n Number) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(n.String())) }

// LogValue is the masked form.
func (n Number) LogValue() slog.Value { return slog.StringValue(n.String()) }

var errReveal = errors.New("population: a number is written out only by Reveal")

// MarshalText refuses: an encoder that meets a number by accident fails
// instead of writing it out or storing the mask.
func (n Number) MarshalText() ([]byte, error) {
	if n == "" {
		return nil, nil
	}
	return nil, errReveal
}

// Value refuses: numbers are stored sealed and found by blind index.
func (n Number) Value() (driver.Value, error) { return nil, errReveal }

// Equal compares in constant time.
func (n Number) Equal(m Number) bool { return subtle.ConstantTimeCompare([]byte(n), []byte(m)) == 1 }

// Structure is what a PIN says about its bearer: NĐ 137/2015, Article 13, form
// PPP G YY NNNNNN, without a check digit.
type Structure struct {
	Place   string // PPP: province or country of birth registration, e.g. "079"
	Century int    // of birth: 1900, 2000 …
	Sex     Sex
	Year    int // of birth
}

// Structure reads the parts of a PIN; an old number has none.
func (n Number) Structure() (Structure, bool) {
	if len(n) != 12 {
		return Structure{}, false
	}
	g := int(n[3] - '0')
	s := Structure{Place: string(n[:3]), Century: 1900 + g/2*100, Sex: Male}
	if g%2 == 1 {
		s.Sex = Female
	}
	s.Year = s.Century + int(n[4]-'0')*10 + int(n[5]-'0')
	return s, true
}

// Hint is something about a number that deserves a second look. It is never a
// ground to refuse: sex and birth year can be corrected while the number stays
// until it is re-established (NĐ 70/2024, Article 11(7)).
type Hint string

// The hints.
const (
	HintSex   Hint = "population.hint.sex"
	HintYear  Hint = "population.hint.year"
	HintPlace Hint = "population.hint.place"
)

// Hints compares a PIN's structure with what was declared.
func Hints(d Declared) []Hint {
	s, ok := d.Number.Structure()
	if !ok {
		return nil
	}
	var out []Hint
	if d.Sex != "" && d.Sex != s.Sex {
		out = append(out, HintSex)
	}
	if d.BirthDate.Year != 0 && d.BirthDate.Year != s.Year {
		out = append(out, HintYear)
	}
	// Provinces are 001–096; countries of birth registration 101–295.
	if strings.HasPrefix(s.Place, "000") || s.Place > "096" && s.Place < "101" || s.Place > "295" {
		out = append(out, HintPlace)
	}
	return out
}
