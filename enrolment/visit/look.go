// SPDX-License-Identifier: Apache-2.0

package visit

import (
	"context"
	"fmt"
	"slices"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/population"
	"danh/registry/residence"
)

// Relative is somebody of her family, or of her household.
type Relative struct {
	Relation  string // father, mother, spouse …; in a household, to its head
	Name      string
	BirthYear int
	Dead      bool
	Since     clock.Date // of a member
	Herself   bool
}

// Folio is one part of what the registries hold, as it was at the look.
type Folio struct {
	Visit     Visit
	Part      Part
	Person    *population.Person
	Foreigner *immigration.Foreigner
	Relatives []Relative
	Residence *residence.Residence
	Household *residence.Household
	Members   []Relative
	Cards     []card.Card
	CardHeld  bool // her card is in custody, so she cannot show it
	Portrait  []byte
	TakenOn   clock.Date // the portrait
}

// allowed says which parts a visit lets an officer see, and on which ground.
func (d *Desk) allowedTx(ctx context.Context, tx *db.Tx, by audit.Actor, v Visit) ([]Part, func(fields ...string) audit.Look, error) {
	if v.Way == Broken {
		r, err := findReason(ctx, tx, v.Purpose, clock.DateOf(v.MadeAt))
		return r.Parts, func(fields ...string) audit.Look {
			return audit.Look{By: by, Purpose: "visit.broken." + r.Name, Ground: r.Ground, Fields: fields}
		}, err
	}
	p, err := findPurpose(ctx, tx, v.Purpose, clock.DateOf(v.MadeAt))
	return p.Parts, func(fields ...string) audit.Look { return p.look(by, !v.Flagged(), fields...) }, err
}

// Parts lists what a visit lets its officer see.
func (d *Desk) Parts(ctx context.Context, by audit.Actor, visit ID) (out []Part, err error) {
	err = d.write(ctx, func(tx *db.Tx) error {
		v, _, err := d.ownTx(ctx, tx, by, visit)
		if err != nil {
			return err
		}
		out, _, err = d.allowedTx(ctx, tx, by, v)
		return err
	})
	return out, err
}

// Look shows one part to the officer of an open visit. The authority and the
// fact that she looked are one commit; each registry then records its own look
// with the visit's purpose and ground before it answers.
func (d *Desk) Look(ctx context.Context, by audit.Actor, visit ID, what Part) (Folio, error) {
	f := Folio{Part: what}
	var look func(...string) audit.Look
	err := d.write(ctx, func(tx *db.Tx) error {
		v, _, err := d.ownTx(ctx, tx, by, visit)
		if err != nil {
			return err
		}
		if v.State != Open {
			return d.refuse(ctx, tx, by, "enrolment.visit.read", v.Person, fault.New(fault.Conflict, "enrolment.visit.over"))
		}
		var allowed []Part
		if allowed, look, err = d.allowedTx(ctx, tx, by, v); err != nil {
			return err
		}
		if !slices.Contains(allowed, what) {
			return d.refuse(ctx, tx, by, "enrolment.visit.read", v.Person, fault.New(fault.Forbidden, "enrolment.visit.part"))
		}
		f.Visit = v
		_, err = tx.ExecContext(ctx, `INSERT INTO enrolment_visit_look (person, visit, part, times, last_at) VALUES ($1, $2, $3, 1, $4)
			ON CONFLICT (person, visit, part) DO UPDATE SET times = enrolment_visit_look.times + 1, last_at = excluded.last_at`,
			v.Person, v.ID, string(what), clock.Micros(d.c.Clock.Now()))
		if err != nil {
			return fmt.Errorf("note a look: %w", err)
		}
		return nil
	})
	if err != nil {
		return Folio{}, err
	}
	if f.Visit.Foreigner {
		err = d.lookForeigner(ctx, look, &f)
	} else {
		err = d.lookCitizen(ctx, look, &f)
	}
	if err != nil {
		return Folio{}, err
	}
	return f, nil
}

// personFields are those that a counter has a use for. Religion and marital
// state are not among them.
var personFields = []string{population.FieldNumber, population.FieldName, population.FieldBirthDate, population.FieldSex, population.FieldOrigin,
	population.FieldBirthPlace, population.FieldNationality, population.FieldEthnicity, population.FieldDied}

func (d *Desk) lookCitizen(ctx context.Context, look func(...string) audit.Look, f *Folio) error {
	person := f.Visit.Person
	switch f.Part {
	case PartPerson:
		p, err := d.c.Population.Find(ctx, look(personFields...), person)
		if err != nil {
			return err
		}
		f.Person = &p
		if f.Relatives, err = d.relatives(ctx, look, person); err != nil {
			return err
		}
		cards, err := d.c.Cards.ListByPerson(ctx, look(), person)
		f.CardHeld = slices.ContainsFunc(cards, func(c card.Card) bool { return c.State == card.Held })
		return err
	case PartResidence, PartHousehold:
		r, err := d.c.Residence.FindResidence(ctx, look(residence.FieldResidence), person)
		if err != nil {
			return err
		}
		f.Residence = &r
		if f.Part == PartResidence || r.Household.IsZero() {
			return nil
		}
		h, err := d.c.Residence.FindHousehold(ctx, look(residence.FieldHousehold), r.Household)
		if err != nil {
			return err
		}
		f.Household = &h
		for _, m := range h.Members {
			x := Relative{Relation: m.Relation, Name: f.Visit.Name, Herself: true}
			if m.Person != person {
				if x, err = d.relative(ctx, look, m.Person, m.Relation); err != nil {
					return err
				}
			}
			x.Since = m.Since
			f.Members = append(f.Members, x)
		}
		return nil
	case PartCards:
		var err error
		f.Cards, err = d.c.Cards.ListByPerson(ctx, look(), person)
		f.CardHeld = slices.ContainsFunc(f.Cards, func(c card.Card) bool { return c.State == card.Held })
		return err
	case PartPortrait:
		return d.portrait(ctx, look, f)
	}
	return fault.New(fault.Invalid, "enrolment.visit.part")
}

// relatives are those whose relation holds, each a look of her own.
func (d *Desk) relatives(ctx context.Context, look func(...string) audit.Look, person id.Person) ([]Relative, error) {
	list, err := d.c.Population.ListRelations(ctx, look(population.FieldRelations), person)
	if err != nil {
		return nil, err
	}
	var out []Relative
	for _, r := range list {
		if !r.To.IsZero() {
			continue
		}
		x, err := d.relative(ctx, look, r.Other, string(r.Kind))
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

func (d *Desk) relative(ctx context.Context, look func(...string) audit.Look, person id.Person, relation string) (Relative, error) {
	p, err := d.c.Population.Find(ctx, look(population.FieldName, population.FieldBirthDate), person)
	if fault.Is(err, fault.NotFound) {
		return Relative{Relation: relation}, nil
	}
	return Relative{Relation: relation, Name: p.Name, BirthYear: p.BirthDate.Year, Dead: p.Dead}, err
}

func (d *Desk) lookForeigner(ctx context.Context, look func(...string) audit.Look, f *Folio) error {
	switch f.Part {
	case PartPerson, PartResidence, PartCards:
		x, err := d.c.Immigration.Find(ctx, look(), f.Visit.Person)
		f.Foreigner = &x
		return err
	case PartPortrait:
		return d.portrait(ctx, look, f)
	case PartHousehold:
		return fault.New(fault.NotFound, "enrolment.visit.no_household")
	}
	return fault.New(fault.Invalid, "enrolment.visit.part")
}
