// SPDX-License-Identifier: Apache-2.0

// Package place owns the operator's list of networks and roughly where each is.
//
// It refuses a list with anything doubtful in it, and names the line. It answers
// with a town, never with an address, and coordinates are rounded to a tenth of a
// degree (about eleven kilometres): whoever reads them later learns no street. A
// network that is not in the list is at no place; nothing is guessed. A book does
// not change once it was read and is safe for concurrent use.
package place

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Place is a town or a region. The zero place is a place that nobody knows.
type Place struct {
	VI, EN   string // "Đà Nẵng", "Da Nang"
	Lat, Lon float64
}

// Known reports whether it is a place at all.
func (p Place) Known() bool { return p.VI != "" }

// In is its name in a language.
func (p Place) In(language string) string {
	if language == "en" {
		return p.EN
	}
	return p.VI
}

const earth = 6371 // kilometres, mean radius

// Distance is the great circle between two places in kilometres.
func Distance(a, b Place) float64 {
	rad := func(d float64) float64 { return d * math.Pi / 180 }
	h := hav(rad(b.Lat-a.Lat)) + math.Cos(rad(a.Lat))*math.Cos(rad(b.Lat))*hav(rad(b.Lon-a.Lon))
	return 2 * earth * math.Asin(math.Min(1, math.Sqrt(h)))
}

func hav(x float64) float64 { s := math.Sin(x / 2); return s * s }

// Speed is how fast somebody was who was at one place and then at another, in
// kilometres an hour. Places closer than slack kilometres are one: a carrier's
// exits move about. In no time at all it is infinite.
func Speed(a, b Place, between time.Duration, slack float64) (distance, speed float64) {
	if distance = Distance(a, b); distance <= slack {
		return distance, 0
	}
	if between <= 0 {
		return distance, math.Inf(1)
	}
	return distance, distance / between.Hours()
}

// Book is a list that was read.
type Book struct {
	at   map[netip.Prefix]Place
	bits []int // lengths that occur, the longest first; IPv6 as 1000 + length
}

// header is the first line of a list.
var header = []string{"network", "place_vi", "place_en", "lat", "lon"}

const longest = 60 // characters of a name

// Parse reads a list: CSV in UTF-8, the header line
// network,place_vi,place_en,lat,lon, then a line per network in CIDR notation
// with degrees north and east. Of networks within each other the smaller counts.
func Parse(r io.Reader) (*Book, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord, in.ReuseRecord = len(header), true
	first, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("places: the list is empty; its first line is " + strings.Join(header, ","))
	}
	if err != nil {
		return nil, fmt.Errorf("places: %w", err)
	}
	if !slices.Equal(first, header) {
		return nil, errors.New("places: line 1: the first line must be " + strings.Join(header, ","))
	}
	b := &Book{at: map[netip.Prefix]Place{}}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("places: %w", err) // names the line itself
		}
		line, _ := in.FieldPos(0)
		if err := b.add(row); err != nil {
			return nil, fmt.Errorf("places: line %d: %w", line, err)
		}
	}
	if len(b.at) == 0 {
		return nil, errors.New("places: the list names no network")
	}
	slices.SortFunc(b.bits, func(x, y int) int { return y - x })
	return b, nil
}

func (b *Book) add(row []string) error {
	net, err := netip.ParsePrefix(row[0])
	if err != nil {
		return fmt.Errorf("%q is no network; write it like 203.0.113.0/24", row[0])
	}
	if net.Masked() != net {
		return fmt.Errorf("%s has bits behind its length; it would be %s", net, net.Masked())
	}
	if net.Addr().Is4In6() {
		return fmt.Errorf("%s is an IPv4 network written as IPv6", net)
	}
	if net.Bits() == 0 {
		return fmt.Errorf("%s is everywhere, which is no place", net)
	}
	if _, ok := b.at[net]; ok {
		return fmt.Errorf("%s stands twice", net)
	}
	p := Place{VI: row[1], EN: row[2]}
	for _, name := range []string{p.VI, p.EN} {
		if name == "" || utf8.RuneCountInString(name) > longest || name != strings.TrimSpace(name) || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" .,-'()", r)
		}) {
			return fmt.Errorf("%q is no name of a place: 1 to %d letters, digits, spaces and . , - ' ( )", name, longest)
		}
	}
	if p.Lat, err = degrees(row[3], 90); err != nil {
		return fmt.Errorf("lat: %w", err)
	}
	if p.Lon, err = degrees(row[4], 180); err != nil {
		return fmt.Errorf("lon: %w", err)
	}
	b.at[net] = p
	if key := bitsKey(net); !slices.Contains(b.bits, key) {
		b.bits = append(b.bits, key)
	}
	return nil
}

func bitsKey(p netip.Prefix) int {
	if p.Addr().Is6() {
		return 1000 + p.Bits()
	}
	return p.Bits()
}

func degrees(s string, most float64) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.Abs(v) > most {
		return 0, fmt.Errorf("%q is not between %g and %g degrees", s, -most, most)
	}
	return math.Round(v*10) / 10, nil
}

// Len is how many networks the book holds.
func (b *Book) Len() int { return len(b.at) }

// Place says roughly where an address is; false when the book does not know.
func (b *Book) Place(address string) (Place, bool) {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return Place{}, false
	}
	a = a.Unmap().WithZone("")
	for _, key := range b.bits {
		bits := key % 1000
		if (key >= 1000) != a.Is6() {
			continue
		}
		net, err := a.Prefix(bits)
		if err != nil {
			continue
		}
		if p, ok := b.at[net]; ok {
			return p, true
		}
	}
	return Place{}, false
}
