// SPDX-License-Identifier: Apache-2.0

// Package people owns the synthetic population: it writes a people feed
// (docs/feed.md) of any size, and the carrier's list of who registered which
// SIM. It stands for the outside source that hands people over, so it knows
// the feed's format and nothing of the registry.
//
// Nobody in the file is real. Names, households, relations, numbers, deaths
// and moves follow plausible frequencies; the same count, seed and day give
// the same bytes on any machine. Families are written one after another: the
// memory does not grow with the file.
package people

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"danh/internal/clock"
	"danh/internal/feed"
)

// Source is the feed's source name.
const Source = "sandbox-people"

// Least is the smallest file: the sample people come first.
const Least = 23

// Config says what to write.
type Config struct {
	Count       int64            // people, samples included; at least Least
	Seed        uint64           //
	AsOf        clock.Date       // exact, 2020 to 2100: the day on which the file is true
	Out         io.Writer        // the feed
	Subscribers io.Writer        // one JSON object a line; nil for none
	Progress    func(done Stats) // called now and then; nil for none
}

// Stats counts what was written.
type Stats struct {
	People, Households, Temporary, Stays, Subscribers int64
}

type generator struct {
	dice      dice
	atlas     *atlas
	namers    map[string]*namer
	numbers   *register
	asOf      when
	today     clock.Date
	feed      *feed.Writer
	subs      *subscriberWriter
	stats     Stats
	person    feed.Person // scratch
	numbersOf []feed.Number
	relations []feed.Relation
	members   []feed.Member
	former    []feed.Former
}

// Write writes the files. It stops between two families when ctx ends.
func Write(ctx context.Context, c Config) (Stats, error) {
	if c.Count < Least {
		return Stats{}, fmt.Errorf("people: the count must be at least %d", Least)
	}
	if !c.AsOf.Exact() || c.AsOf.Year < 2020 || c.AsOf.Year > 2100 {
		return Stats{}, fmt.Errorf("people: the day must lie between 2020 and 2100")
	}
	a, err := openAtlas()
	if err != nil {
		return Stats{}, err
	}
	g := &generator{
		dice: dice{s: mix(c.Seed ^ 0x64616e68)}, atlas: a, namers: namers(), numbers: newRegister(c.Seed),
		asOf: whenOf(c.AsOf), today: c.AsOf,
		feed: feed.NewWriter(c.Out, feed.Header{Source: Source, Count: c.Count, Seed: c.Seed, AsOf: c.AsOf}),
		subs: &subscriberWriter{w: c.Subscribers},
	}
	g.samples()
	k := &clan{generator: g}
	for n := 0; g.stats.People < c.Count; n++ {
		if n%64 == 0 {
			if err := ctx.Err(); err != nil {
				return g.stats, err
			}
			if c.Progress != nil {
				c.Progress(g.stats)
			}
		}
		k.grow()
		k.write(c.Count - g.stats.People)
	}
	if err := g.feed.Flush(); err != nil {
		return g.stats, fmt.Errorf("people: write the feed: %w", err)
	}
	if err := g.subs.flush(); err != nil {
		return g.stats, fmt.Errorf("people: write the subscribers: %w", err)
	}
	return g.stats, nil
}

// write puts a clan into the feed: household by household with its people
// before it, the dead at the end. At most limit people are written.
func (c *clan) write(limit int64) {
	n := int64(0)
	for i := range c.people {
		if p := &c.people[i]; !p.dropped {
			if n++; n > limit {
				p.dropped = true
				continue
			}
			p.ref = "p" + strconv.FormatInt(c.stats.People+n, 10)
		}
	}
	c.stats.People += min(n, limit)
	for at := range c.homes {
		for i := range c.people {
			if c.alive(int32(i)) && c.people[i].home == int32(at) {
				c.writePerson(int32(i))
			}
		}
		c.writeHome(int32(at))
	}
	for i := range c.people {
		if p := &c.people[i]; !p.dropped && p.died != 0 {
			c.writePerson(int32(i))
		}
	}
}

func (c *clan) writePerson(i int32) {
	d, p, h := &c.dice, &c.person, &c.people[i]
	birth := h.birth.date()
	*p = feed.Person{Ref: h.ref, Name: h.name, Sex: sexOf(h.male), Nationality: "VNM", Ethnicity: h.group.name, BirthDate: birth}
	if h.died != 0 {
		p.Died = h.died.date()
	}
	// The older the birth, the likelier only its year is on record.
	if by := birth.Year; by < 1945 && d.chance(0.2) || by < 1960 && d.chance(0.07) {
		p.BirthDate = clock.Date{Year: by}
	} else if by < 1960 && d.chance(0.01) {
		p.BirthDate = clock.Date{Year: by, Month: birth.Month}
	}
	origin := h.origin.before("")
	p.Origin = &origin
	place := h.bornAt.prov.number
	var born feed.Place
	switch {
	case birth.Year >= 1980 && d.chance(0.0015):
		code := c.atlas.countries[d.n(len(c.atlas.countries))]
		place, born = atoi(code), feed.Place{Text: c.atlas.names[code]}
	case h.birth >= whenOf(merger()):
		place, born = h.bornAt.prov.merged, h.bornAt.current[0].after("", birth)
	default:
		born = h.bornAt.before("")
	}
	p.BirthPlace = &born
	if r := d.unit(); r < 0.06 && h.group.name == "Kinh" {
		p.Religion = h.bornAt.prov.religion
	} else if r < 0.09 {
		p.Religion = "Phật giáo"
	}
	p.Marital = "single"
	switch {
	case h.married == 0:
	case h.divorced:
		p.Marital = "divorced"
	case c.people[h.spouse].died != 0:
		p.Marital = "widowed"
	default:
		p.Marital = "married"
	}
	c.writeNumbers(h, place)
	p.Numbers = c.numbersOf
	c.writeRelations(i)
	p.Relations = c.relations
	c.feed.Person(p)
	if h.died == 0 {
		c.subscribe(i)
	}
}

// writeNumbers gives somebody her numbers with their history.
func (c *clan) writeNumbers(h *human, place int) {
	d := &c.dice
	c.numbersOf = c.numbersOf[:0]
	last := c.asOf
	if h.died != 0 {
		last = h.died
	}
	by := int(h.birth / year)
	start := when(2016*372) + when(d.n(6*372+200)) // personal numbers were given out from 2016 on
	if h.birth >= 2016*year {
		start = h.birth + when(5+d.n(40))
	}
	start = min(start, last)
	if by <= 2004 && by > 1900 {
		from := h.birth + 15*year + when(d.n(6*372))
		only := by < 1975 && d.chance(0.004)
		if from < start-60 && d.chance(0.96) || only {
			if n := c.numbers.oldID(h.bornAt.prov, d); n != "" {
				old := feed.Number{Number: n, From: from.date()}
				if only {
					c.numbersOf = append(c.numbersOf, old)
					return
				}
				old.To, old.Reason = start.date(), "replaced"
				c.numbersOf = append(c.numbersOf, old)
			}
		}
	}
	if last-start > 100 && d.chance(0.004) { // established anew (Decree 70/2024, article 11)
		to := start + 30 + when(d.n(int(last-start-60)))
		old := feed.Number{From: start.date(), To: to.date()}
		switch r := d.unit(); {
		case r < 0.25:
			old.Number, old.Reason = c.numbers.pin(place, !h.male, by), "sex"
		case r < 0.55:
			old.Number, old.Reason = c.numbers.pin(place, h.male, by+1-2*d.n(2)), "birth_year"
		case r < 0.9:
			old.Number, old.Reason = c.numbers.pin(place, h.male, by), "wrong_data"
		default:
			old.Number, old.Reason = c.numbers.pin(place, h.male, by), "fraud"
		}
		c.numbersOf, start = append(c.numbersOf, old), to
	}
	c.numbersOf = append(c.numbersOf, feed.Number{Number: c.numbers.pin(place, h.male, by), From: start.date()})
}

// writeRelations lists everybody of the clan to whom somebody is related, and
// only who is on record; the other writes the counterpart by the same rules.
func (c *clan) writeRelations(i int32) {
	c.relations = c.relations[:0]
	add := func(kind string, j int32) {
		if j != none && !c.people[j].dropped {
			c.relations = append(c.relations, feed.Relation{Kind: kind, Ref: c.people[j].ref})
		}
	}
	h := &c.people[i]
	add("father", h.father)
	add("mother", h.mother)
	if !h.divorced {
		add("spouse", h.spouse)
	}
	add("guardian", h.guardian)
	for j := range c.people {
		if p := &c.people[j]; p.father == i || p.mother == i {
			add("child", int32(j))
		}
	}
	for j := range c.people {
		if c.people[j].guardian == i {
			add("ward", int32(j))
		}
	}
}

func (c *clan) writeHome(at int32) {
	d, h := &c.dice, &c.homes[at]
	c.members = c.members[:0]
	head := h.head
	if !c.alive(head) || c.people[head].home != at {
		head = none
	}
	for i := range c.people {
		if c.alive(int32(i)) && c.people[i].home == at && (head == none || c.age(int32(i)) >= 18 && c.age(head) < 18) {
			head = int32(i)
		}
	}
	if head == none {
		return
	}
	for i := range c.people {
		if p := &c.people[i]; c.alive(int32(i)) && p.home == at {
			since := max(h.since, p.birth)
			if p.married != 0 && int32(i) != head && since < p.married {
				since = max(p.married, h.since)
			}
			c.members = append(c.members, feed.Member{Ref: p.ref, Relation: c.relation(head, int32(i)), Since: since.date()})
		}
	}
	line := c.atlas.street(d, h.at)
	next := h.at.current[d.n(len(h.at.current))]
	hh := feed.Household{Ref: "h" + strconv.FormatInt(c.stats.Households+1, 10), Head: c.people[head].ref, Members: c.members, Since: h.since.date()}
	c.stats.Households++
	c.former = c.former[:0]
	if d.chance(0.12) && h.since > 1990*year { // the household moved here from elsewhere
		from := h.at.prov.communes[d.n(len(h.at.prov.communes))]
		to := hh.Since
		if h.since > whenOf(merger()) {
			to = merger()
		}
		c.former = append(c.former, feed.Former{Address: from.before(c.atlas.street(d, from)), From: (min(h.since, whenOf(merger())) - when(d.between(1, 9)*372)).date(), To: to})
	}
	switch merged := whenOf(merger()); {
	case h.since >= merged:
		hh.Address = next.after(line, hh.Since)
	case c.asOf >= merged && d.chance(0.7): // the snapshot was renewed under the current units
		hh.Address = next.after(line, merger())
		c.former = append(c.former, feed.Former{Address: h.at.before(line), From: hh.Since, To: merger()})
		hh.Since = merger()
	default:
		hh.Address = h.at.before(line)
	}
	hh.Former = c.former
	c.feed.Household(&hh)
	for i := range c.people {
		if c.alive(int32(i)) && c.people[i].home == at {
			c.away(int32(i), h.at)
		}
	}
}

// away writes the temporary residence of some who work or study elsewhere, and
// a few stays.
func (c *clan) away(i int32, from *commune) {
	d := &c.dice
	age := c.age(i)
	if age < 18 {
		return
	}
	if age <= 40 && !from.urban && d.chance(0.12) {
		prov := c.atlas.provinces[c.atlas.cities.draw(d)]
		to := prov.communes[d.n(len(prov.communes))]
		start := c.asOf - when(d.n(2*372))
		line := c.atlas.street(d, to)
		t := feed.Temporary{Ref: "t" + strconv.FormatInt(c.stats.Temporary+1, 10), Person: c.people[i].ref, From: start.date(), To: (start + 2*year - 1).date()}
		if start >= whenOf(merger()) {
			t.Address = to.current[0].after(line, t.From)
		} else {
			t.Address = to.before(line)
		}
		c.stats.Temporary++
		c.feed.Temporary(&t)
	}
	if d.chance(0.004) {
		to := from.prov.communes[d.n(len(from.prov.communes))]
		start := c.asOf - when(d.n(29))
		s := feed.Stay{Ref: "s" + strconv.FormatInt(c.stats.Stays+1, 10), Person: c.people[i].ref, From: start.date(), To: (start + when(1+d.n(4))).date(), Reason: "Thăm người thân"}
		if line := c.atlas.street(d, to); start >= whenOf(merger()) {
			s.Address = to.current[0].after(line, s.From)
		} else {
			s.Address = to.before(line)
		}
		c.stats.Stays++
		c.feed.Stay(&s)
	}
}

func sexOf(male bool) string {
	if male {
		return "male"
	}
	return "female"
}
