// SPDX-License-Identifier: Apache-2.0

package people

import "strconv"

// register hands out numbers. It holds one counter per place, sex and year, so
// its size does not grow with the file; shuffle makes the numbers distinct.
type register struct {
	seed   uint64
	pins   []uint32 // place*1000 + century-and-sex digit*100 + year
	oldIDs [1000]uint32
	phones [1000]uint32
	mobile *table
	buf    [12]byte
}

// Serials from here on are kept for the sample people.
const (
	reservedSerial = 999900
	reservedPhone  = 1000 // phones whose last seven digits are below
)

func newRegister(seed uint64) *register {
	return &register{seed: seed, pins: make([]uint32, 300_000), mobile: words(mobile)}
}

// pin is the next 12-digit number PPP G YY NNNNNN (Decree 137/2015, article
// 13; Circular 07/2016): place of birth registration, century and sex, year,
// serial. There is no check digit.
func (r *register) pin(place int, male bool, year int) string {
	g := (year/100 - 19) * 2
	if !male {
		g++
	}
	bucket := place*1000 + g*100 + year%100
	for {
		n := r.pins[bucket]
		r.pins[bucket]++
		if serial := shuffle(r.seed^uint64(bucket)<<32, n%1_000_000, 1000, 1000); serial < reservedSerial {
			return r.digits(uint64(bucket)*1_000_000+uint64(serial), 12)
		}
	}
}

// oldID is the next 9-digit number of a province, or "" when its prefixes are
// used up (beyond some tens of millions of people).
func (r *register) oldID(p *province, d *dice) string {
	first := d.n(len(p.oldID))
	for i := range p.oldID {
		prefix := p.oldID[(first+i)%len(p.oldID)]
		n := r.oldIDs[prefix]
		if n >= 1_000_000 {
			continue
		}
		r.oldIDs[prefix]++
		if serial := shuffle(r.seed^uint64(prefix)<<40, n, 1000, 1000); serial < reservedSerial {
			return r.digits(uint64(prefix)*1_000_000+uint64(serial), 9)
		}
	}
	return ""
}

// Mobile prefixes in use, by carrier.
const mobile = "098:6 097:6 096:5 086:4 032:3 033:3 034:4 035:4 036:4 037:4 038:4 039:4 " +
	"091:5 094:4 088:3 081:2 082:2 083:3 084:2 085:2 090:5 093:5 089:2 070:2 076:2 077:2 078:2 079:2 " +
	"092:2 052:1 056:1 058:1 099:0.5 059:0.5 087:0.7 055:0.4"

func (r *register) phone(d *dice) string {
	for {
		p := r.mobile.draw(d)
		prefix := atoi(p)
		n := r.phones[prefix]
		if n >= 10_000_000 {
			continue
		}
		r.phones[prefix]++
		if rest := shuffle(r.seed^uint64(prefix)<<48, n, 1000, 10000); rest >= reservedPhone {
			return r.digits(uint64(prefix)*10_000_000+uint64(rest), 10)
		}
	}
}

func (r *register) digits(n uint64, width int) string {
	for i := width - 1; i >= 0; i-- {
		r.buf[i] = byte('0' + n%10)
		n /= 10
	}
	return string(r.buf[:width])
}

func itoa(n int) string { return strconv.Itoa(n) }
