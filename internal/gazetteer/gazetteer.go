// SPDX-License-Identifier: Apache-2.0

// Package gazetteer owns the published facts about Vietnam's administrative
// units, as they were compiled into the program: units with validity, which
// unit went into which, and what the first digits of a personal identification
// number stand for. PROVENANCE.md says where each fact comes from.
//
// It answers no question about them. The registry loads the facts into its
// tables, where an operator may add to them, and answers from there; the
// sandbox writes its synthetic addresses with them. Nothing here changes at
// run time.
package gazetteer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"

	"danh/internal/clock"
)

//go:embed gazetteer.tsv.gz
var packed []byte

// Level is the tier of a unit.
type Level string

// The tiers. Districts were abolished on 2025-07-01.
const (
	Province Level = "province"
	District Level = "district"
	Commune  Level = "commune"
)

// Unit is one version of an administrative unit. Codes are used again: only
// Code and From together name a version.
type Unit struct {
	Code   string     // 2 digits province, 3 district, 5 commune
	Level  Level      //
	Kind   string     // Tỉnh, Thành phố, Quận, Huyện, Thị xã, Phường, Xã, Thị trấn, Đặc khu
	Name   string     // without the kind
	Parent string     // code, valid at the same time; "" for a province
	From   clock.Date // 1900-01-01 stands for "before 2025-07-01, day not known"
	To     clock.Date // first day on which it is no longer valid; zero while it is
}

// Succession says that the unit Old went on On into New, wholly or in part.
type Succession struct {
	Old, New string
	Whole    bool
	On       clock.Date
	Basis    string // set, recoded or derived: see PROVENANCE.md
}

// NumberPlace is what the first three digits of a number stand for.
type NumberPlace struct {
	Code string
	Kind string // province (of the 63), country
	Name string
}

// Facts is everything.
type Facts struct {
	Units       []Unit
	Successions []Succession
	Places      []NumberPlace
}

// Edition names the compiled-in facts: it changes exactly when they do.
func Edition() string {
	h := sha256.Sum256(packed)
	return hex.EncodeToString(h[:8])
}

// Read unpacks the facts. The result shares its strings with one buffer of
// about 1 MB: keep copies of what is to live long.
func Read() (*Facts, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("gazetteer: %w", err)
	}
	var all strings.Builder
	all.Grow(1 << 20)
	if _, err := bufio.NewReader(z).WriteTo(&all); err != nil {
		return nil, fmt.Errorf("gazetteer: %w", err)
	}
	f := &Facts{Units: make([]Unit, 0, 14200), Successions: make([]Succession, 0, 10700), Places: make([]NumberPlace, 0, 260)}
	rest, no := all.String(), 0
	var c [8]string
	for rest != "" {
		no++
		var l string
		l, rest, _ = strings.Cut(rest, "\n")
		n := split(l, &c)
		bad := func() error { return fmt.Errorf("gazetteer: line %d is damaged", no) }
		switch c[0] {
		case "danh-gazetteer":
			if no != 1 || c[1] != "1" {
				return nil, bad()
			}
		case "P", "D", "C":
			from, ok1 := day(c[5])
			to, ok2 := day(c[6])
			if n != 7 || !ok1 || !ok2 {
				return nil, bad()
			}
			level := Province
			if c[0] == "D" {
				level = District
			} else if c[0] == "C" {
				level = Commune
			}
			f.Units = append(f.Units, Unit{c[1], level, c[2], c[3], c[4], from, to})
		case "S":
			on, ok := day(c[4])
			if n != 6 || !ok {
				return nil, bad()
			}
			f.Successions = append(f.Successions, Succession{c[1], c[2], c[3] == "w", on, c[5]})
		case "N":
			if n != 4 {
				return nil, bad()
			}
			f.Places = append(f.Places, NumberPlace{c[1], c[2], c[3]})
		default:
			return nil, bad()
		}
	}
	return f, nil
}

func split(l string, c *[8]string) int {
	n := 0
	for n < len(c)-1 {
		i := strings.IndexByte(l, '\t')
		if i < 0 {
			break
		}
		c[n], l = l[:i], l[i+1:]
		n++
	}
	c[n] = l
	return n + 1
}

func day(s string) (clock.Date, bool) {
	if s == "" {
		return clock.Date{}, true
	}
	if len(s) != 10 {
		return clock.Date{}, false
	}
	num := func(s string) (n int) {
		for i := range len(s) {
			n = n*10 + int(s[i]-'0')
		}
		return n
	}
	d := clock.Date{Year: num(s[:4]), Month: num(s[5:7]), Day: num(s[8:])}
	return d, d.Month >= 1 && d.Month <= 12 && d.Day >= 1 && d.Day <= 31
}

// ValidAt reports whether this version of the unit is valid on a day.
func (u Unit) ValidAt(d clock.Date) bool {
	return !Less(d, u.From) && (u.To.IsZero() || Less(d, u.To))
}

// Less orders exact dates; it is cheaper than their times.
func Less(a, b clock.Date) bool {
	if a.Year != b.Year {
		return a.Year < b.Year
	}
	if a.Month != b.Month {
		return a.Month < b.Month
	}
	return a.Day < b.Day
}
