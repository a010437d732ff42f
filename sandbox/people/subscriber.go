// SPDX-License-Identifier: Apache-2.0

package people

import (
	"encoding/json"
	"io"

	"danh/internal/clock"
)

// Subscriber is one line of the carrier's list: who registered a SIM.
type Subscriber struct {
	Phone     string     `json:"phone"`
	Number    string     `json:"number"` // as registered then: some still carry the old 9 digits
	Name      string     `json:"name"`
	BirthDate clock.Date `json:"birth_date"`
	Since     clock.Date `json:"since"`
}

// subscriberWriter buffers lines; the first error stays for flush.
type subscriberWriter struct {
	w   io.Writer
	buf []byte
	err error
}

func (s *subscriberWriter) add(l Subscriber) {
	if s.w == nil {
		return
	}
	// The values are our own digits, letters and dates: nothing needs an escape
	// but what the general encoder would also write, so it is spared.
	b := append(s.buf, `{"phone":"`...)
	b = append(append(b, l.Phone...), `","number":"`...)
	b = append(append(b, l.Number...), `","name":"`...)
	b = append(append(b, l.Name...), `","birth_date":"`...)
	b = append(append(b, l.BirthDate.String()...), `","since":"`...)
	b = append(append(b, l.Since.String()...), "\"}\n"...)
	if s.buf = b; len(b) > 64<<10 {
		_ = s.flush() // the error is kept
	}
}

func (s *subscriberWriter) flush() error {
	if s.w != nil && s.err == nil && len(s.buf) > 0 {
		_, s.err = s.w.Write(s.buf)
	}
	s.buf = s.buf[:0]
	return s.err
}

// ReadSubscribers reads the list line by line.
func ReadSubscribers(r io.Reader, each func(Subscriber) error) error {
	for d := json.NewDecoder(r); ; {
		var s Subscriber
		if err := d.Decode(&s); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := each(s); err != nil {
			return err
		}
	}
}

// subscribe gives the person whose record was just written her SIMs. Most
// adults have one in their own name, some two, some none; some SIMs are in a
// parent's name, which the list then shows as one more of the parent's.
func (c *clan) subscribe(i int32) {
	d := &c.dice
	age, own := c.age(i), 0
	switch {
	case age < 14:
	case age < 18:
		if d.chance(0.25) {
			own = 1
		}
	case age < 70:
		switch r := d.unit(); {
		case r < 0.82:
			own = 1
		case r < 0.92:
			own = 2
		}
	case d.chance(0.55):
		own = 1
	}
	for j := range c.people { // SIMs of her children that she registered
		if p := &c.people[j]; p.mother == i && c.alive(int32(j)) && c.age(int32(j)) >= 12 && c.age(int32(j)) < 22 && d.chance(0.3) {
			own++
		}
	}
	p := &c.person
	for range own {
		s := Subscriber{Phone: c.numbers.phone(d), Number: p.Numbers[len(p.Numbers)-1].Number, Name: p.Name, BirthDate: p.BirthDate}
		start := max(when(2008*372), c.people[i].birth+14*year)
		s.Since = (start + when(d.n(int(max(1, c.asOf-start))))).date()
		if first := p.Numbers[0].Number; len(first) == 9 && d.chance(0.03) {
			s.Number = first
		}
		c.stats.Subscribers++
		c.subs.add(s)
	}
}
