// SPDX-License-Identifier: Apache-2.0

package population

import (
	"time"

	"danh/internal/clock"
	"danh/internal/id"
)

// Declared is what somebody states about a person.
type Declared struct {
	Number    Number
	Name      string
	BirthDate clock.Date
	Sex       Sex
}

// Verdict is the outcome for one field.
type Verdict string

// The verdicts. Unknown means that one of the two sides says nothing.
const (
	Equal     Verdict = "equal"
	Close     Verdict = "close"
	Different Verdict = "different"
	Unknown   Verdict = "unknown"
)

// Match is the comparison of what was declared with the registry, field by
// field; it is the evidence of a level-1 proofing. It holds no declared and no
// registered value.
type Match struct {
	Person     id.Person // zero when the number is unknown
	Number     Verdict
	Name       Verdict
	BirthDate  Verdict
	Sex        Verdict
	Dead       bool
	Current    bool      // the declared number is the one in force; false for an earlier or old one
	Matched    bool      // all four fields are equal and the person lives
	SourceTime time.Time // as of when the registry's record was true
}

// Compare is the comparison alone, without a look-up. It is pure; the rules
// and their reasons are docs/decisions/0012.
func Compare(record Person, d Declared) Match {
	m := Match{Person: record.ID, Number: Different}
	switch {
	case d.Number == "" || record.Number == "" && len(record.Numbers) == 0:
		m.Number = Unknown
	case record.Number != "" && d.Number.Equal(record.Number):
		m.Number, m.Current = Equal, true
	default:
		for _, h := range record.Numbers {
			if d.Number.Equal(h.Number) {
				m.Number = Equal
				m.Current = h.To.IsZero()
				break
			}
		}
	}
	return m.fields(record, d)
}

// fields fills in everything but the number's verdict.
func (m Match) fields(record Person, d Declared) Match {
	m.Name = CompareNames(record.Name, d.Name)
	m.BirthDate = CompareBirthDates(record.BirthDate, d.BirthDate)
	m.Sex = compareSex(record.Sex, d.Sex)
	m.Dead = record.Dead
	m.SourceTime = record.UpdatedAt
	m.Matched = m.Number == Equal && m.Name == Equal && m.BirthDate == Equal && m.Sex == Equal && !m.Dead
	return m
}

// CompareNames compares a registered with a declared name. Equal names have
// the same letters and tones in the same words; case, composition, spaces and
// the place of a tone within its word do not matter. Close names differ only
// in diacritics, in i for y, or in how the words are set apart.
func CompareNames(registered, declared string) Verdict {
	a, b := exactKey(registered), exactKey(declared)
	switch {
	case a == "" || b == "":
		return Unknown
	case a == b:
		return Equal
	case closeKey(registered) == closeKey(declared):
		return Close
	}
	return Different
}

// CompareBirthDates compares by what the registry knows: where only a year is
// registered, a declared day within it is equal. A declaration less exact than
// the registry, or with day and month exchanged, is close.
func CompareBirthDates(registered, declared clock.Date) Verdict {
	switch {
	case registered.IsZero() || declared.IsZero():
		return Unknown
	case registered == declared:
		return Equal
	case registered.Year != declared.Year:
		return Different
	case registered.Month == 0:
		return Equal
	case declared.Month == 0:
		return Close
	case registered.Month == declared.Month && registered.Day == 0:
		return Equal
	case registered.Month == declared.Month && declared.Day == 0:
		return Close
	case registered.Day != 0 && registered.Day == declared.Month && registered.Month == declared.Day:
		return Close
	}
	return Different
}

func compareSex(registered, declared Sex) Verdict {
	switch {
	case registered == "" || declared == "":
		return Unknown
	case registered == declared:
		return Equal
	}
	return Different
}
