// SPDX-License-Identifier: Apache-2.0

package people

import (
	"math"

	"danh/internal/clock"
)

// when is a day in a calendar of twelve months of 31 days: exact enough to let
// lives unfold, and cheap. Its real date has the day cut to the month.
type when int32

const year when = 372

func whenOf(d clock.Date) when {
	return when(d.Year*372 + (max(d.Month, 1)-1)*31 + max(d.Day, 1) - 1)
}

func (w when) date() clock.Date {
	d := clock.Date{Year: int(w / 372), Month: int(w/31%12) + 1, Day: int(w%31) + 1}
	switch d.Month {
	case 4, 6, 9, 11:
		d.Day = min(d.Day, 30)
	case 2:
		d.Day = min(d.Day, 28)
	}
	return d
}

// human is one simulated life.
type human struct {
	male     bool
	divorced bool
	dropped  bool // not on record: died before the register began, or beyond the count
	birth    when
	died     when // 0 while alive
	married  when // 0 = never
	father   int32
	mother   int32
	spouse   int32
	guardian int32
	home     int32
	group    *namer
	family   string
	name     string
	bornAt   *commune
	origin   *commune
	ref      string
}

// couple has had its children made when it leaves the queue.
type couple struct {
	husband, wife int32
	since         when
	first         int32 // a child that is there already, or none
	inLaw         bool
}

const none = int32(-1)

// clan is a family over several generations with its in-laws. All relations lie
// within one clan, so the file can be written clan by clan in flat memory.
type clan struct {
	*generator
	people  []human
	couples []couple
	homes   []home
	at      *commune // where the family comes from
}

// capacity bounds a clan, and so the memory.
const capacity = 220

// grow plays a clan's lives from the first couple until the file's day.
func (c *clan) grow() {
	d := &c.dice
	c.people, c.couples, c.homes = c.people[:0], c.couples[:0], c.homes[:0]
	prov := c.atlas.provinces[c.atlas.draw.draw(d)]
	c.at = prov.communes[d.n(len(prov.communes))]
	group := c.namers[prov.shares.draw(d)]

	// The root's birth years are spread so that the living make up about the
	// pyramid of the 2024 census (people_test.go holds the shares).
	born := when(c.asOf/year)*year - when(45*372+d.n(57*372))
	husband := c.add(true, born, none, none, group)
	wife := c.add(false, born+when(d.bell(2.5, 2.5)*372), none, none, group)
	c.marry(husband, wife, max(c.people[husband].birth+when(d.between(21, 30))*year, c.people[wife].birth+18*year), none, false)
	for i := 0; i < len(c.couples); i++ {
		c.children(i)
	}
	c.settle()
}

// add makes a human with a whole life; parents may be none.
func (c *clan) add(male bool, birth when, father, mother int32, group *namer) int32 {
	d := &c.dice
	h := human{male: male, birth: birth, father: father, mother: mother, spouse: none, guardian: none, home: none, group: group, bornAt: c.at, origin: c.at}
	if father != none {
		h.origin = c.people[father].origin
		h.family = c.people[father].family
	}
	switch {
	case mother != none && (father == none || group.maternal || d.chance(0.02)):
		h.family = c.people[mother].family
	case father == none:
		h.family = group.drawFamily(d, c.at.prov.south)
	}
	if mother != none {
		h.bornAt = c.people[mother].bornAt
	}
	h.name = group.full(d, h.family, male, int(birth/year))
	for i := range c.people { // siblings do not share a name
		if p := &c.people[i]; p.name == h.name {
			h.name = group.full(d, h.family, male, int(birth/year))
			break
		}
	}
	h.died = c.death(male, birth, birth)
	c.people = append(c.people, h)
	return int32(len(c.people) - 1)
}

// death draws a day of death after alive, by Gompertz's law with a few
// accidents; 0 when she lives on the file's day.
func (c *clan) death(male bool, birth, alive when) when {
	d := &c.dice
	a, b := 2.0e-5, 0.100
	if male {
		a, b = 4.5e-5, 0.097
	}
	for range 30 {
		age := math.Log(1-b/a*math.Log(d.unit())) / b
		if d.chance(0.012) {
			age = d.unit() * 70
		}
		if at := birth + when(age*372); at > alive {
			if at > c.asOf {
				return 0
			}
			return at
		}
	}
	return 0
}

// marry joins two people from a day on.
func (c *clan) marry(husband, wife int32, on when, first int32, inLaw bool) {
	h, w := &c.people[husband], &c.people[wife]
	h.spouse, w.spouse, h.married, w.married = wife, husband, on, on
	if h.died != 0 && h.died <= on {
		h.died = c.death(true, h.birth, on)
	}
	if w.died != 0 && w.died <= on {
		w.died = c.death(false, w.birth, on)
	}
	c.couples = append(c.couples, couple{husband, wife, on, first, inLaw})
}

// children gives a couple its children, and those of age a spouse.
func (c *clan) children(i int) {
	d := &c.dice
	k := c.couples[i]
	group := c.people[k.husband].group
	if c.people[k.wife].group.maternal {
		group = c.people[k.wife].group
	}
	mean := 1.8
	switch y := k.since / year; {
	case y < 1975:
		mean = 4.6
	case y < 1988:
		mean = 3.6
	case y < 2000:
		mean = 2.5
	case y < 2010:
		mean = 2.0
	}
	if group.name != "Kinh" && group.name != "Hoa" {
		mean += 0.4
	}
	n := int(max(0, d.bell(mean, 0.55+mean/7)) + 0.5)
	if k.since/year > 1990 {
		n = min(n, 4)
	}
	end := c.asOf
	if c.asOf-k.since > 2*year && d.chance(0.07) {
		until := k.since + when(d.between(2, 16)*372)
		if h, w := &c.people[k.husband], &c.people[k.wife]; until < c.asOf && (h.died == 0 || h.died > until) && (w.died == 0 || w.died > until) {
			h.divorced, w.divorced, end = true, true, until
		}
	}
	if w := &c.people[k.wife]; w.died != 0 {
		end = min(end, w.died-1)
	}
	if h := &c.people[k.husband]; h.died != 0 {
		end = min(end, h.died)
	}
	end = min(end, c.people[k.wife].birth+43*year)
	born := k.since + when(200+d.n(700))
	if k.first != none {
		born = c.people[k.first].birth + when(500+d.n(1000))
		n--
	}
	for ; n > 0 && born < end; n-- {
		child := c.add(d.chance(0.522), born, k.husband, k.wife, group)
		c.settleDown(child, k.inLaw)
		born += when(450 + d.n(1100))
	}
}

// settleDown marries a child when its time has come.
func (c *clan) settleDown(child int32, inLaw bool) {
	d := &c.dice
	p := c.people[child]
	late := 0.0
	if p.birth/year >= 1985 {
		late = 1.8
	}
	if p.group.name != "Kinh" {
		late -= 2.5
	}
	age, least := max(d.bell(23+late, 3.2), 18.1), 18.1
	if p.male {
		age, least = max(d.bell(26+late, 3.6), 20.1), 20.1
	}
	on := p.birth + when(age*372)
	if on >= c.asOf || p.died != 0 && p.died <= on {
		return
	}
	if !d.chance(0.93) || len(c.people) >= capacity {
		if !p.male && d.chance(0.25) && p.birth+31*year < c.asOf && (p.died == 0 || p.died > p.birth+32*year) && len(c.people) < capacity {
			c.add(d.chance(0.5), p.birth+30*year, none, child, p.group) // she raises a child alone
		}
		return
	}
	group := p.group
	if !d.chance(0.93) {
		group = c.namers[c.at.prov.shares.draw(d)]
	}
	gap := when(d.bell(2.6, 2.6) * 372)
	birth := p.birth - gap
	if p.male {
		birth, least = p.birth+gap, 18.1
	} else {
		least = 20.1
	}
	birth = min(birth, on-when(least*372))
	home := c.at
	if d.chance(0.35) { // the other family lives elsewhere
		prov := c.at.prov
		if d.chance(0.25) {
			prov = c.atlas.provinces[c.atlas.draw.draw(d)]
		}
		c.at = prov.communes[d.n(len(prov.communes))]
	}
	defer func() { c.at = home }()
	father, mother := none, none
	chance := 0.55
	if inLaw {
		chance = 0.3
	}
	if d.chance(chance) && len(c.people) < capacity-20 {
		father = c.add(true, birth-when(d.between(22, 36)*372), none, none, group)
		mother = c.add(false, birth-when(d.between(20, 32)*372), none, none, group)
	}
	spouse := c.add(!p.male, birth, father, mother, group)
	if p.male {
		c.marry(child, spouse, on, none, inLaw)
	} else {
		c.marry(spouse, child, on, none, inLaw)
	}
	if father != none {
		c.marry(father, mother, birth-year, spouse, true)
		for _, parent := range []int32{father, mother} {
			if h := &c.people[parent]; h.died != 0 && h.died <= birth {
				h.died = c.death(h.male, h.birth, birth)
			}
		}
	}
}

func (c *clan) alive(i int32) bool { return i != none && c.people[i].died == 0 && !c.people[i].dropped }

func (c *clan) age(i int32) int { return int((c.asOf - c.people[i].birth) / year) }
