// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"strconv"
	"strings"

	"danh/internal/clock"
)

// The fields of each object, in the order in which the writer puts them.
var (
	headerFields    = []string{"format", "version", "source", "count", "seed", "as_of"}
	personFields    = []string{"type", "ref", "numbers", "name", "birth_date", "sex", "origin", "birth_place", "nationality", "ethnicity", "religion", "marital", "died", "relations"}
	numberFields    = []string{"number", "from", "to", "reason"}
	placeFields     = []string{"text", "unit", "unit_from"}
	relationFields  = []string{"kind", "ref"}
	householdFields = []string{"type", "ref", "head", "address", "since", "former", "members"}
	formerFields    = []string{"address", "from", "to"}
	memberFields    = []string{"ref", "relation", "since"}
	temporaryFields = []string{"type", "ref", "person", "address", "from", "to"}
	stayFields      = []string{"type", "ref", "person", "address", "from", "to", "reason"}
)

// The closed lists of the format.
var (
	Sexes     = []string{"male", "female"}
	Maritals  = []string{"single", "married", "widowed", "divorced"}
	Reasons   = []string{"replaced", "sex", "birth_year", "wrong_data", "fraud"}
	Relations = []string{"father", "mother", "spouse", "child", "guardian", "ward"}
	Members   = []string{"head", "spouse", "child", "parent", "grandchild", "grandparent", "sibling", "ward", "other"}
)

// Bounds of one record; a line that exceeds them is damaged or hostile.
const (
	maxText = 500
	maxRef  = 64
	maxList = 64
)

func (p *line) header() Header {
	var h Header
	p.object(headerFields, func(key string) bool {
		switch key {
		case "format":
			if p.text() != Format {
				p.fail("this is no people feed", `the first line starts with {"format":"`+Format+`"`)
			}
		case "version":
			if p.natural() != Version {
				p.fail("this version of the format is unknown", "write version "+strconv.Itoa(Version))
			}
		case "source":
			h.Source = p.ref()
		case "count":
			h.Count = int64(p.natural() & (1<<62 - 1))
		case "seed":
			h.Seed = p.natural()
		case "as_of":
			h.AsOf = p.day()
		}
		return true
	})
	p.end()
	p.need(h.Source != "", "source", "name who hands the records over")
	p.need(!h.AsOf.IsZero(), "as_of", "give the day on which the records were true")
	return h
}

// record reads one line after the header. The type comes first in the line, so
// that a reader need not look ahead.
func (p *line) record() Record {
	var r Record
	switch p.kind() {
	case "person":
		p.field = append(p.field[:0], "person"...)
		r.Person = p.person()
	case "household":
		p.field = append(p.field[:0], "household"...)
		r.Household = p.household()
	case "temporary":
		p.field = append(p.field[:0], "temporary"...)
		r.Temporary = p.temporary()
	case "stay":
		p.field = append(p.field[:0], "stay"...)
		r.Stay = p.stay()
	default:
		p.fail("the record's type is unknown", `start the line with {"type":"person", "household", "temporary" or "stay"`)
	}
	p.end()
	return r
}

// kind reads the type without moving past the opening brace.
func (p *line) kind() string {
	defer func() { p.i = 0 }()
	if !p.expect('{') || p.text() != "type" || !p.expect(':') {
		p.err = nil
		return ""
	}
	t := p.text()
	p.err = nil
	return t
}

func (p *line) person() *Person {
	h := &Person{}
	p.object(personFields, func(key string) bool {
		switch key {
		case "type":
			p.text()
		case "ref":
			h.Ref = p.ref()
		case "numbers":
			p.array(maxList, func() { h.Numbers = append(h.Numbers, p.number()) })
		case "name":
			h.Name = p.words(true)
		case "birth_date":
			h.BirthDate = p.date()
		case "sex":
			h.Sex = p.oneOf(Sexes)
		case "origin":
			h.Origin = p.place()
		case "birth_place":
			h.BirthPlace = p.place()
		case "nationality":
			h.Nationality = p.nationality()
		case "ethnicity":
			h.Ethnicity = p.words(false)
		case "religion":
			h.Religion = p.words(false)
		case "marital":
			h.Marital = p.oneOf(Maritals)
		case "died":
			h.Died = p.date()
		case "relations":
			p.array(maxList, func() { h.Relations = append(h.Relations, p.relation()) })
		}
		return true
	})
	p.need(h.Ref != "", "ref", "give the source's stable key of the person")
	p.need(h.Name != "", "name", "give the full name as registered")
	p.need(!h.BirthDate.IsZero(), "birth_date", "give the date, or only the year where no more is registered")
	p.need(h.Sex != "", "sex", "write male or female")
	p.need(len(h.Numbers) > 0, "numbers", "give at least one identity number")
	current := 0
	for _, n := range h.Numbers {
		if len(n.Number) == 12 && n.To.IsZero() {
			current++
		}
	}
	p.must(current <= 1, "numbers", "two 12-digit numbers are in force", `give the earlier one its "to" and "reason"`)
	p.must(h.Died.IsZero() || h.Died.Year >= h.BirthDate.Year, "died", "the death lies before the birth", "correct one of the two dates")
	for _, r := range h.Relations {
		p.must(r.Ref != h.Ref, "relations", "the person is related to herself", "correct the relation's ref")
	}
	return h
}

func (p *line) number() Number {
	var n Number
	p.object(numberFields, func(key string) bool {
		switch key {
		case "number":
			n.Number = p.digits()
		case "from":
			n.From = p.date()
		case "to":
			n.To = p.date()
		case "reason":
			n.Reason = p.oneOf(Reasons)
		}
		return true
	})
	p.need(n.Number != "", "number", "give 12 digits, or 9 for an old identity card")
	p.must(n.From.IsZero() || n.To.IsZero() || !n.To.Before(n.From), "to", "it ends before it begins", "correct from or to")
	p.must(n.Reason == "" || !n.To.IsZero(), "reason", "a number in force cannot have ended for a reason", `add "to" or remove "reason"`)
	return n
}

func (p *line) place() *Place {
	a := &Place{}
	p.object(placeFields, func(key string) bool {
		switch key {
		case "text":
			a.Text = p.words(true)
		case "unit":
			a.Unit = p.text()
			p.must(a.Unit == "" || len(a.Unit) <= 5 && len(a.Unit) != 4 && len(a.Unit) != 1 && allDigits(a.Unit), "", "this is no unit code", "write 2, 3 or 5 digits, or nothing abroad")
		case "unit_from":
			a.UnitFrom = p.day()
		}
		return true
	})
	p.need(a.Text != "", "text", "give the place in words")
	p.must((a.Unit == "") == a.UnitFrom.IsZero(), "unit_from", "a unit and its version go together", "give both unit and unit_from, or neither")
	return a
}

func (p *line) relation() Relation {
	var r Relation
	p.object(relationFields, func(key string) bool {
		if key == "kind" {
			r.Kind = p.oneOf(Relations)
		} else {
			r.Ref = p.ref()
		}
		return true
	})
	p.need(r.Kind != "", "kind", "write one of "+strings.Join(Relations, ", "))
	p.need(r.Ref != "", "ref", "give the other person's ref")
	return r
}

func (p *line) household() *Household {
	h := &Household{}
	address := false
	p.object(householdFields, func(key string) bool {
		switch key {
		case "type":
			p.text()
		case "ref":
			h.Ref = p.ref()
		case "head":
			h.Head = p.ref()
		case "address":
			h.Address, address = *p.place(), true
		case "since":
			h.Since = p.date()
		case "former":
			p.array(maxList, func() { h.Former = append(h.Former, p.former()) })
		case "members":
			p.array(200, func() { h.Members = append(h.Members, p.member()) })
		}
		return true
	})
	p.need(h.Ref != "", "ref", "give the source's stable key of the household")
	p.need(address, "address", "give the address of permanent residence")
	p.need(len(h.Members) > 0, "members", "give at least one member")
	head, seen := h.Head == "", map[string]bool{}
	for _, m := range h.Members {
		p.must(!seen[m.Ref], "members", "a person is a member twice", "keep one of the entries")
		seen[m.Ref] = true
		head = head || m.Ref == h.Head
	}
	p.must(head, "head", "the head is no member", "add the head to the members")
	return h
}

func (p *line) former() Former {
	var f Former
	p.object(formerFields, func(key string) bool {
		switch key {
		case "address":
			f.Address = *p.place()
		case "from":
			f.From = p.date()
		case "to":
			f.To = p.date()
		}
		return true
	})
	p.need(f.Address.Text != "", "address", "give the earlier address")
	return f
}

func (p *line) member() Member {
	var m Member
	p.object(memberFields, func(key string) bool {
		switch key {
		case "ref":
			m.Ref = p.ref()
		case "relation":
			m.Relation = p.oneOf(Members)
		case "since":
			m.Since = p.date()
		}
		return true
	})
	p.need(m.Ref != "", "ref", "give the member's person ref")
	p.need(m.Relation != "", "relation", "write one of "+strings.Join(Members, ", "))
	return m
}

func (p *line) temporary() *Temporary {
	t := &Temporary{}
	address := false
	p.object(temporaryFields, func(key string) bool {
		switch key {
		case "type":
			p.text()
		case "ref":
			t.Ref = p.ref()
		case "person":
			t.Person = p.ref()
		case "address":
			t.Address, address = *p.place(), true
		case "from":
			t.From = p.day()
		case "to":
			t.To = p.day()
		}
		return true
	})
	p.span(t.Ref, t.Person, address, t.From, t.To)
	return t
}

func (p *line) stay() *Stay {
	s := &Stay{}
	address := false
	p.object(stayFields, func(key string) bool {
		switch key {
		case "type":
			p.text()
		case "ref":
			s.Ref = p.ref()
		case "person":
			s.Person = p.ref()
		case "address":
			s.Address, address = *p.place(), true
		case "from":
			s.From = p.day()
		case "to":
			s.To = p.day()
		case "reason":
			s.Reason = p.words(false)
		}
		return true
	})
	p.span(s.Ref, s.Person, address, s.From, s.To)
	return s
}

func (p *line) span(ref, person string, address bool, from, to clock.Date) {
	p.need(ref != "", "ref", "give the source's stable key of the record")
	p.need(person != "", "person", "give the person's ref")
	p.need(address, "address", "give the address")
	p.need(!from.IsZero(), "from", "give the first day")
	p.must(to.IsZero() || !to.Before(from), "to", "it ends before it begins", "correct from or to")
}
