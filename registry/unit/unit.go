// SPDX-License-Identifier: Apache-2.0

// Package unit owns the administrative units: which province, district or
// commune had which code and name on which day, and what became of it. Of the
// 3,321 communes since the merger of 2025 nearly all bear a code that another
// commune bore before, most under another name: a code means something only
// together with a day.
//
// It refuses to guess: where a commune was divided, Current gives all its
// successors and marks them as parts, and where the facts are silent it gives
// none. The tables are loaded from the compiled-in gazetteer; rows that an
// operator adds (edition 'operator') are kept. A Directory holds all units in
// about 4 MiB, reads them once, when they are first asked for, and is safe for concurrent use.
package unit

import (
	"embed"
	"slices"
	"strings"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/gazetteer"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the room's tables.
var Schema = db.Schema{Room: "unit", FS: schemaFS}

// Level is the tier of a unit.
type Level = gazetteer.Level

// The tiers. Districts were abolished on 2025-07-01.
const (
	Province = gazetteer.Province
	District = gazetteer.District
	Commune  = gazetteer.Commune
)

// Unit is one version of a unit. Its To is the first day on which it was no
// longer valid, zero while it is; From 1900-01-01 stands for "before
// 2025-07-01, day not known".
type Unit = gazetteer.Unit

// Place is what the first three digits of a personal identification number
// stand for: one of the 63 provinces of before the merger, or a country.
type Place = gazetteer.NumberPlace

// Successor is a unit that another went into.
type Successor struct {
	Unit  Unit
	Whole bool   // false: only a part went here, and the code alone cannot tell which
	Basis string // set, recoded, derived or operator: how sure the fact is, see the gazetteer's PROVENANCE.md
}

// facts is everything, arranged for look-up.
type facts struct {
	units       []Unit // by code, then from
	folds       []fold // parallel to units
	successions []gazetteer.Succession
	places      map[string]Place
	children    map[string][]int32
}

// fold is what is searched.
type fold struct {
	from, to int    // validity as yyyymmdd, to exclusive
	name     string // "kim lien"
	full     string // " phuong kim lien thanh pho ha noi"
}

func number(d clock.Date) int { return d.Year*10000 + d.Month*100 + d.Day }

func arrange(g *gazetteer.Facts) *facts {
	f := &facts{units: g.Units, successions: g.Successions, places: make(map[string]Place, len(g.Places)), children: map[string][]int32{}}
	slices.SortFunc(f.units, func(a, b Unit) int {
		if c := strings.Compare(a.Code, b.Code); c != 0 {
			return c
		}
		return number(a.From) - number(b.From)
	})
	slices.SortFunc(f.successions, func(a, b gazetteer.Succession) int {
		if c := strings.Compare(a.Old, b.Old); c != 0 {
			return c
		}
		return strings.Compare(a.New, b.New)
	})
	for _, p := range g.Places {
		f.places[p.Code] = p
	}
	f.folds = make([]fold, len(f.units))
	folded := map[string]string{} // full text of a parent version
	kinds := map[string]string{}
	for _, level := range []Level{Province, District, Commune} {
		for i := range f.units {
			u := &f.units[i]
			if u.Level != level {
				continue
			}
			o := &f.folds[i]
			o.from, o.to = number(u.From), number(u.To)
			if u.To.IsZero() {
				o.to = 99999999
			}
			o.name = Fold(u.Name)
			kind, ok := kinds[u.Kind]
			if !ok {
				kind = " " + Fold(u.Kind) + " "
				kinds[u.Kind] = kind
			}
			above := ""
			if u.Parent != "" {
				f.children[u.Parent] = append(f.children[u.Parent], int32(i))
				if p, ok := f.parent(*u); ok {
					above = folded[p.Code+p.From.String()]
				}
			}
			o.full = kind + o.name + above
			if level != Commune {
				folded[u.Code+u.From.String()] = o.full
			}
		}
	}
	return f
}

// versions gives the range of a code's versions.
func (f *facts) versions(code string) []Unit {
	i, _ := slices.BinarySearchFunc(f.units, code, func(u Unit, c string) int { return strings.Compare(u.Code, c) })
	j := i
	for j < len(f.units) && f.units[j].Code == code {
		j++
	}
	return f.units[i:j]
}

func (f *facts) find(code string, at clock.Date) (Unit, bool) {
	for _, u := range f.versions(code) {
		if u.ValidAt(at) {
			return u, true
		}
	}
	return Unit{}, false
}

// parent is the version of the parent that lasts longest beside this version:
// a province may change its kind while its communes stay what they are.
func (f *facts) parent(u Unit) (Unit, bool) {
	var last Unit
	ok := false
	for _, p := range f.versions(u.Parent) {
		if (u.To.IsZero() || gazetteer.Less(p.From, u.To)) && (p.To.IsZero() || gazetteer.Less(u.From, p.To)) {
			last, ok = p, true
		}
	}
	return last, ok
}
