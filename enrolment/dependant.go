// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"slices"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/population"
)

// AddDependant adds a dependant; number, name and birth date are compared with
// the registry, and a registered relation is its own proof. Whoever the
// registry knows otherwise than stated is refused without saying how.
func (o *Office) AddDependant(ctx context.Context, by audit.Actor, d DossierID, x Dependant) (Dossier, error) {
	x.Name = population.NormaliseName(x.Name)
	bad := fault.New(fault.Invalid, "enrolment.dependant.invalid")
	if x.Name == "" || len(x.Name) > 300 {
		bad.With("name", "enrolment.applicant.name")
	}
	if x.Birth.IsZero() {
		bad.With("birth", "enrolment.applicant.birth_date")
	}
	if !slices.Contains([]string{"child", "ward", "parent", "grandchild", "grandparent", "sibling", "spouse", "other"}, x.Relation) {
		bad.With("relation", "enrolment.dependant.relation")
	}
	if !x.Until.IsZero() && x.Until.Before(o.today()) {
		bad.With("until", "enrolment.dependant.until")
	}
	if len(bad.Fields) > 0 {
		return Dossier{}, bad
	}
	return o.change(ctx, by, d, step{act: actEdit, action: "dependant.added", do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		x.Person, x.Proof = id.Person{}, ""
		if !x.Number.IsZero() {
			m, err := o.c.Population.MatchTx(ctx, tx, f.look(by, population.FieldNumber, population.FieldName, population.FieldBirthDate), population.Declared{Number: x.Number, Name: x.Name, BirthDate: x.Birth})
			if err != nil {
				return err
			}
			if m.Person.IsZero() || m.Name != population.Equal || m.BirthDate != population.Equal || m.Dead {
				return fault.New(fault.Invalid, "enrolment.dependant.differs").With("number", "enrolment.dependant.differs")
			}
			x.Person = m.Person
		}
		if x.Person == f.person || slices.ContainsFunc(f.Dependants, func(y Dependant) bool { return !x.Person.IsZero() && y.Person == x.Person }) {
			return fault.New(fault.Conflict, "enrolment.dependant.twice")
		}
		if len(f.Dependants) >= 20 {
			return fault.New(fault.Conflict, "enrolment.paper.most")
		}
		if !x.Person.IsZero() && !f.foreigner {
			list, err := o.c.Population.ListRelationsTx(ctx, tx, f.look(by), f.person)
			if err != nil {
				return err
			}
			for _, r := range list {
				if r.Other == x.Person && r.To.IsZero() && (string(r.Kind) == x.Relation || x.Relation == "parent" && (r.Kind == population.Father || r.Kind == population.Mother)) {
					x.Proof = "registry"
				}
			}
		}
		if x.Proof == "" {
			p, err := f.paper(x.Paper)
			if err != nil || !p.Seen || o.fits(ctx, tx, p.Kind, "dependant") != nil {
				return fault.New(fault.Invalid, "enrolment.dependant.paper").With("paper", "enrolment.dependant.paper")
			}
			x.Proof = p.Kind
		} else {
			x.Paper = PaperID{}
		}
		if x.Until.IsZero() && x.Relation == "child" {
			x.Until = adult(x.Birth)
		}
		f.Dependants = append(f.Dependants, x)
		return nil
	}})
}

// adult is the day on which somebody is of age; of an inexact birth date the
// last possible one.
func adult(birth clock.Date) clock.Date {
	d := clock.Date{Year: birth.Year + 18, Month: birth.Month, Day: birth.Day}
	if d.Month == 0 {
		d.Month, d.Day = 12, 31
	}
	last := clock.Date{Year: d.Year, Month: d.Month, Day: 28}
	for next := last.AddDays(1); next.Month == d.Month; next = next.AddDays(1) {
		last = next
	}
	if d.Day == 0 || d.Day > last.Day {
		d.Day = last.Day
	}
	return d
}

// RemoveDependant takes the nth dependant back, counted from 0.
func (o *Office) RemoveDependant(ctx context.Context, by audit.Actor, d DossierID, n int) (Dossier, error) {
	return o.change(ctx, by, d, step{act: actEdit, action: "dependant.removed", do: func(_ *db.Tx, f *file, _ part, _ office.Staff) error {
		if n < 0 || n >= len(f.Dependants) {
			return fault.New(fault.NotFound, "enrolment.dependant.none")
		}
		f.Dependants = slices.Delete(f.Dependants, n, n+1)
		return nil
	}})
}
