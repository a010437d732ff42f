// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"io"
	"strconv"

	"danh/internal/clock"
)

// Writer writes a feed. It is not safe for concurrent use. Errors of the
// underlying writer are kept and returned by Flush, so that a generator need
// not ask after every line.
type Writer struct {
	w   io.Writer
	buf []byte
	err error
}

// NewWriter writes the header line.
func NewWriter(w io.Writer, h Header) *Writer {
	f := &Writer{w: w, buf: make([]byte, 0, 128<<10)}
	b := append(f.buf, `{"format":"`...)
	b = append(b, Format...)
	b = append(b, `","version":`...)
	b = strconv.AppendInt(b, Version, 10)
	b = field(b, "source", h.Source)
	b = append(b, `,"count":`...)
	b = strconv.AppendInt(b, h.Count, 10)
	b = append(b, `,"seed":`...)
	b = strconv.AppendUint(b, h.Seed, 10)
	f.end(date(b, "as_of", h.AsOf))
	return f
}

// Flush writes what is buffered and returns the first error.
func (f *Writer) Flush() error {
	if f.err == nil && len(f.buf) > 0 {
		_, f.err = f.w.Write(f.buf)
	}
	f.buf = f.buf[:0]
	return f.err
}

func (f *Writer) end(b []byte) {
	f.buf = append(b, '}', '\n')
	if len(f.buf) > 64<<10 {
		_ = f.Flush() // the error is kept
	}
}

// Person writes a person.
func (f *Writer) Person(p *Person) {
	b := append(f.buf, `{"type":"person","ref":`...)
	b = quote(b, p.Ref)
	b = append(b, `,"numbers":[`...)
	for i := range p.Numbers {
		n := &p.Numbers[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"number":`...)
		b = quote(b, n.Number)
		b = date(b, "from", n.From)
		b = date(b, "to", n.To)
		b = field(b, "reason", n.Reason)
		b = append(b, '}')
	}
	b = append(b, ']')
	b = field(b, "name", p.Name)
	b = date(b, "birth_date", p.BirthDate)
	b = field(b, "sex", p.Sex)
	b = place(b, "origin", p.Origin)
	b = place(b, "birth_place", p.BirthPlace)
	b = field(b, "nationality", p.Nationality)
	b = field(b, "ethnicity", p.Ethnicity)
	b = field(b, "religion", p.Religion)
	b = field(b, "marital", p.Marital)
	b = date(b, "died", p.Died)
	if len(p.Relations) > 0 {
		b = append(b, `,"relations":[`...)
		for i, r := range p.Relations {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"kind":`...)
			b = quote(b, r.Kind)
			b = field(b, "ref", r.Ref)
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	f.end(b)
}

// Household writes a household.
func (f *Writer) Household(h *Household) {
	b := append(f.buf, `{"type":"household","ref":`...)
	b = quote(b, h.Ref)
	b = field(b, "head", h.Head)
	b = place(b, "address", &h.Address)
	b = date(b, "since", h.Since)
	if len(h.Former) > 0 {
		b = append(b, `,"former":[{`...)
		for i := range h.Former {
			if i > 0 {
				b = append(b, `,{`...)
			}
			b = placeBody(append(b, `"address":`...), &h.Former[i].Address)
			b = date(b, "from", h.Former[i].From)
			b = date(b, "to", h.Former[i].To)
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	b = append(b, `,"members":[`...)
	for i := range h.Members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"ref":`...)
		b = quote(b, h.Members[i].Ref)
		b = field(b, "relation", h.Members[i].Relation)
		b = date(b, "since", h.Members[i].Since)
		b = append(b, '}')
	}
	f.end(append(b, ']'))
}

// Temporary writes a temporary residence.
func (f *Writer) Temporary(t *Temporary) {
	f.end(span(f.buf, "temporary", t.Ref, t.Person, &t.Address, t.From, t.To))
}

// Stay writes a stay.
func (f *Writer) Stay(s *Stay) {
	b := span(f.buf, "stay", s.Ref, s.Person, &s.Address, s.From, s.To)
	f.end(field(b, "reason", s.Reason))
}

// Record writes whichever record is set.
func (f *Writer) Record(r Record) {
	switch {
	case r.Person != nil:
		f.Person(r.Person)
	case r.Household != nil:
		f.Household(r.Household)
	case r.Temporary != nil:
		f.Temporary(r.Temporary)
	case r.Stay != nil:
		f.Stay(r.Stay)
	}
}

func span(b []byte, kind, ref, person string, a *Place, from, to clock.Date) []byte {
	b = append(b, `{"type":"`...)
	b = append(b, kind...)
	b = append(b, '"')
	b = field(b, "ref", ref)
	b = field(b, "person", person)
	b = place(b, "address", a)
	b = date(b, "from", from)
	return date(b, "to", to)
}

// field appends ,"name":"value" unless the value is empty.
func field(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return quote(key(b, name), value)
}

func key(b []byte, name string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

func place(b []byte, name string, p *Place) []byte {
	if p == nil {
		return b
	}
	return placeBody(key(b, name), p)
}

func placeBody(b []byte, p *Place) []byte {
	b = append(b, `{"text":`...)
	b = quote(b, p.Text)
	b = field(b, "unit", p.Unit)
	b = date(b, "unit_from", p.UnitFrom)
	return append(b, '}')
}

func date(b []byte, name string, d clock.Date) []byte {
	if d.IsZero() {
		return b
	}
	b = append(key(b, name), '"', byte('0'+d.Year/1000%10), byte('0'+d.Year/100%10), byte('0'+d.Year/10%10), byte('0'+d.Year%10))
	if d.Month > 0 {
		b = append(b, '-', byte('0'+d.Month/10), byte('0'+d.Month%10))
		if d.Day > 0 {
			b = append(b, '-', byte('0'+d.Day/10), byte('0'+d.Day%10))
		}
	}
	return append(b, '"')
}

const hex = "0123456789abcdef"

// quote appends a JSON string; what is not ASCII stays as it is.
func quote(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		if c >= 0x20 {
			b = append(b, '\\', c)
		} else {
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		start = i + 1
	}
	return append(append(b, s[start:]...), '"')
}
