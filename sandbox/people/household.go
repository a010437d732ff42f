// SPDX-License-Identifier: Apache-2.0

package people

// home is one household.
type home struct {
	head    int32
	at      *commune
	since   when
	members int
}

// largest is the size up to which people move in with each other.
const largest = 7

// settle gives every living person a household: couples first, with the
// children who are still at home, then whoever is left.
func (c *clan) settle() {
	d := &c.dice
	first := c.asOf - 8*year
	for i := range c.people {
		if p := &c.people[i]; p.died != 0 && p.died < first {
			p.dropped = true // died before the register's time
		}
	}
	for _, k := range c.couples {
		c.house(k)
	}
	for i := range c.people {
		if c.alive(int32(i)) && c.people[i].home == none {
			c.place(int32(i))
		}
	}
	for i := range c.people {
		p := &c.people[i]
		if !c.alive(int32(i)) || c.age(int32(i)) < 18 || !d.chance(0.0007) {
			continue
		}
		for _, g := range []int32{p.father, p.mother, p.spouse} { // who cannot act for herself has a guardian
			if c.alive(g) && !(g == p.spouse && p.divorced) && c.people[g].guardian == none {
				p.guardian = g
				break
			}
		}
	}
}

// house settles a couple.
func (c *clan) house(k couple) {
	d := &c.dice
	h, w := k.husband, k.wife
	if !c.alive(h) && !c.alive(w) {
		return
	}
	if c.people[h].divorced && c.alive(h) && c.alive(w) {
		c.open(w, c.near(w), c.since(k))
		c.takeIn(h, w, false)
		if !c.joinParents(h, 0.5, 1) {
			c.open(h, c.near(h), c.since(k))
		}
		return
	}
	adult := h
	if !c.alive(h) {
		adult = w
	}
	size := 0
	for _, i := range []int32{h, w} {
		if c.alive(i) {
			size++
		}
	}
	for i := range c.people {
		if p := &c.people[i]; c.alive(int32(i)) && (p.mother == w || p.father == h) && p.spouse == none {
			size++
		}
	}
	chance := 0.28
	for _, parent := range []int32{c.people[h].father, c.people[h].mother} {
		if c.alive(parent) && c.age(parent) >= 68 {
			chance = 0.55 // the old live with a son
		}
	}
	if !c.joinParents(h, chance, size) && !c.joinParents(w, 0.05, size) {
		c.open(adult, c.near(adult), c.since(k))
	}
	at := c.people[h].home
	if at == none {
		at = c.people[w].home
	}
	for _, i := range []int32{h, w} {
		if c.alive(i) && c.people[i].home == none {
			c.enter(i, at)
		}
	}
	c.takeIn(h, w, d.chance(0.5))
}

// since is the day on which a couple began its household.
func (c *clan) since(k couple) when {
	s := k.since + when(c.dice.n(6*372))
	if s >= c.asOf {
		s = k.since
	}
	return s
}

// near chooses where somebody's new household stands.
func (c *clan) near(i int32) *commune {
	d := &c.dice
	at := c.people[i].bornAt
	switch {
	case d.chance(0.58):
		return at
	case d.chance(0.5):
		return at.prov.communes[d.n(len(at.prov.communes))]
	}
	prov := c.atlas.provinces[c.atlas.cities.draw(d)]
	return prov.communes[d.n(len(prov.communes))]
}

func (c *clan) open(i int32, at *commune, since when) {
	c.homes = append(c.homes, home{head: i, at: at, since: since})
	c.enter(i, int32(len(c.homes)-1))
}

func (c *clan) enter(i, at int32) {
	c.people[i].home = at
	c.homes[at].members++
}

// joinParents moves somebody in with her parents when there is room.
func (c *clan) joinParents(i int32, chance float64, size int) bool {
	if i == none || c.people[i].died != 0 {
		return false
	}
	for _, parent := range []int32{c.people[i].father, c.people[i].mother} {
		if c.alive(parent) && c.people[parent].home != none {
			at := c.people[parent].home
			if c.homes[at].members+size > largest || !c.dice.chance(chance) {
				return false
			}
			c.enter(i, at)
			return true
		}
	}
	return false
}

// takeIn lets the couple's unmarried children live with them.
func (c *clan) takeIn(h, w int32, keep bool) {
	d := &c.dice
	at := c.people[w].home
	if !c.alive(w) || at == none {
		at = c.people[h].home
	}
	for i := range c.people {
		p := &c.people[i]
		if at == none || !c.alive(int32(i)) || p.home != none || p.mother != w && p.father != h || p.spouse != none {
			continue
		}
		age := c.age(int32(i))
		if age >= 24 && !keep && d.chance(0.35) || age >= 18 && c.homes[at].members >= largest {
			continue
		}
		c.enter(int32(i), at)
	}
}

// place settles who has no household: the unmarried who left home, children of
// a mother alone, orphans.
func (c *clan) place(i int32) {
	d := &c.dice
	p := &c.people[i]
	minor := c.age(i) < 18
	for _, parent := range []int32{p.mother, p.father} {
		if c.alive(parent) && c.people[parent].home != none && (minor || c.homes[c.people[parent].home].members < largest && d.chance(0.5)) {
			c.enter(i, c.people[parent].home)
			return
		}
		if minor && c.alive(parent) {
			c.place(parent)
			c.enter(i, c.people[parent].home)
			return
		}
	}
	if !minor {
		c.open(i, c.near(i), max(p.birth+18*year, c.asOf-when(d.between(0, 20)*372)-100))
		return
	}
	if g := c.relative(i); g != none {
		p.guardian = g
		c.enter(i, c.people[g].home)
		return
	}
	// Nobody could raise the child: then the mother has not died after all.
	m := p.mother
	if m == none {
		m = p.father
	}
	c.people[m].died, c.people[m].dropped = 0, false
	if c.people[m].home == none {
		c.open(m, c.near(m), max(c.people[m].birth+18*year, p.birth-year))
	}
	c.enter(i, c.people[m].home)
}

// relative finds an orphan's guardian: a grandparent, else an aunt or uncle, else a grown sibling.
func (c *clan) relative(i int32) int32 {
	p := &c.people[i]
	able := func(g int32) bool { return c.alive(g) && c.people[g].home != none && c.age(g) >= 20 }
	var grand [4]int32
	for j, parent := range []int32{p.father, p.mother} {
		grand[2*j], grand[2*j+1] = none, none
		if parent != none {
			grand[2*j], grand[2*j+1] = c.people[parent].father, c.people[parent].mother
		}
	}
	for _, g := range grand {
		if able(g) && c.age(g) < 80 {
			return g
		}
	}
	for j := range c.people {
		q := &c.people[j]
		for _, g := range grand {
			if g != none && (q.father == g || q.mother == g) && able(int32(j)) {
				return int32(j)
			}
		}
		if q.mother != none && q.mother == p.mother && able(int32(j)) {
			return int32(j)
		}
	}
	return none
}

// relation is what a member is to the head.
func (c *clan) relation(head, i int32) string {
	h, p := &c.people[head], &c.people[i]
	parentOf := func(a *human, b int32) bool { return b != none && (a.father == b || a.mother == b) }
	switch {
	case i == head:
		return "head"
	case h.spouse == i && !h.divorced:
		return "spouse"
	case parentOf(p, head):
		return "child"
	case parentOf(h, i):
		return "parent"
	case p.guardian == head:
		return "ward"
	case p.father != none && parentOf(&c.people[p.father], head), p.mother != none && parentOf(&c.people[p.mother], head):
		return "grandchild"
	case h.father != none && parentOf(&c.people[h.father], i), h.mother != none && parentOf(&c.people[h.mother], i):
		return "grandparent"
	case p.mother != none && p.mother == h.mother, p.father != none && p.father == h.father:
		return "sibling"
	}
	return "other"
}
