// SPDX-License-Identifier: Apache-2.0

// Package feed owns the people feed: the file in which a population and
// residence source hands its records over, one JSON object a line
// (docs/feed.md is the format's description).
//
// It knows form, not truth: whether a number has the right shape is checked
// here, whether it is somebody else's is the registry's business. It refuses
// whatever the description does not name, says which field is wrong and how
// to mend it, and never repeats a value: the errors go to logs and reject
// files. A reader holds one line; a file of any length is read in flat memory.
package feed

import (
	"fmt"

	"danh/internal/clock"
)

// Format and Version stand in the first line of every feed.
const (
	Format  = "danh-people"
	Version = 1
)

// Header is the first line.
type Header struct {
	Source string     // who hands the records over, e.g. "sandbox-people"; refs are unique within it
	Count  int64      // people in the file
	Seed   uint64     // of a generated file, else 0
	AsOf   clock.Date // the day on which the records were true
}

// Person is one person with everything that the population source knows.
type Person struct {
	Ref         string     // the source's key, stable between deliveries
	Numbers     []Number   // in order of time; at most one 12-digit number has no To
	Name        string     // as registered, NFC
	BirthDate   clock.Date // only a year, or year and month, where no more is registered
	Sex         string     // male, female
	Origin      *Place     // quê quán
	BirthPlace  *Place     // nơi đăng ký khai sinh
	Nationality string     // ISO 3166-1 alpha-3
	Ethnicity   string     // dân tộc
	Religion    string     // optional
	Marital     string     // single, married, widowed, divorced; optional
	Died        clock.Date // zero while alive
	Relations   []Relation
}

// Number is an identity number with the time in which it was the person's.
type Number struct {
	Number string     // 12 digits, or the old 9
	From   clock.Date // zero when the source does not know
	To     clock.Date // zero while it is hers
	Reason string     // why it ended: replaced, sex, birth_year, wrong_data, fraud
}

// Place names a place in words, with the administrative unit and the day from
// which that version of the unit is valid.
type Place struct {
	Text     string
	Unit     string     // 2, 3 or 5 digits; "" abroad
	UnitFrom clock.Date // the unit's version; zero exactly when Unit is ""
}

// Relation says that the person of Ref is the person's father, mother, spouse,
// child, guardian or ward. The person of Ref says the counterpart of it.
type Relation struct {
	Kind string
	Ref  string
}

// Household is a household at its permanent residence.
type Household struct {
	Ref     string
	Head    string // ref of a member
	Address Place
	Since   clock.Date // of the household at this address
	Former  []Former   // earlier addresses, oldest first
	Members []Member
}

// Former is an earlier address.
type Former struct {
	Address  Place
	From, To clock.Date
}

// Member is a person of a household.
type Member struct {
	Ref      string
	Relation string // to the head: head, spouse, child, parent, grandchild, grandparent, sibling, ward, other
	Since    clock.Date
}

// Temporary is a registered temporary residence.
type Temporary struct {
	Ref      string
	Person   string
	Address  Place
	From, To clock.Date
}

// Stay is a notified overnight stay.
type Stay struct {
	Ref      string
	Person   string
	Address  Place
	From, To clock.Date
	Reason   string
}

// Record is one line after the header: exactly one field is set.
type Record struct {
	Person    *Person
	Household *Household
	Temporary *Temporary
	Stay      *Stay
}

// LineError says what is wrong with one line. It carries no value of the line
// and may go to a log. Reading can go on with the following line.
type LineError struct {
	Line    int    // counted from 1, the header included
	Field   string // e.g. "person.numbers[1].number"; "" for the line as a whole
	Problem string // what is wrong
	Mend    string // how to mend it
}

func (e *LineError) Error() string {
	at := fmt.Sprintf("feed: line %d", e.Line)
	if e.Field != "" {
		at += ", field " + e.Field
	}
	return at + ": " + e.Problem + "; " + e.Mend
}

// Current is the person's 12-digit number that is in force, or "".
func (p *Person) Current() string {
	for _, n := range p.Numbers {
		if len(n.Number) == 12 && n.To.IsZero() {
			return n.Number
		}
	}
	return ""
}
