// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"slices"

	"danh/account"
	"danh/audit"
	"danh/enrolment/visit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

// representative reads who acts for a child or a ward: somebody else with an
// own account of level 2 who is at the counter and proved to be, and whose
// relation is registered or still to be proved by a paper.
func (o *Office) representative(ctx context.Context, by audit.Actor, f *file, w Opening) (*visit.Visit, error) {
	if !f.need.representative {
		if w.Representative != "" {
			return nil, fault.New(fault.Invalid, "enrolment.representative.none").With("representative", "enrolment.representative.none")
		}
		return nil, nil
	}
	missing := fault.New(fault.Invalid, "enrolment.representative.needed").With("representative", "enrolment.representative.needed")
	key, err := visit.ParseID(w.Representative)
	if err != nil {
		return nil, missing
	}
	relations := map[string]population.RelationKind{"father": population.Father, "mother": population.Mother, "guardian": population.Guardian}
	relation, ok := relations[w.Relation]
	if !ok || f.kind == Ward && relation != population.Guardian && f.Age >= 18 {
		return nil, fault.New(fault.Invalid, "enrolment.representative.relation").With("relation", "enrolment.representative.relation")
	}
	v, err := o.c.Visits.Require(ctx, by, key)
	if err != nil {
		return nil, err
	}
	switch {
	case v.Person == f.person:
		return nil, missing
	case v.Person == by.Person:
		f.representative = v.Person
		return nil, fault.New(fault.Forbidden, "enrolment.own_matter")
	case !v.Proved:
		return nil, fault.New(fault.Conflict, "enrolment.representative.unproved")
	}
	a, err := o.c.Accounts.FindByPerson(ctx, v.Person)
	if fault.Is(err, fault.NotFound) || err == nil && (a.Level < 2 || a.Status != account.Active || a.Provisional) {
		return nil, fault.New(fault.Conflict, "enrolment.representative.account")
	}
	if err != nil {
		return nil, err
	}
	look := f.look(by)
	r := &Representative{Person: v.Person, Name: v.Name, Tail: v.NumberTail, Relation: w.Relation}
	if !v.Foreigner {
		look.Fields = []string{population.FieldNumber}
		who, err := o.c.Population.Find(ctx, look, v.Person)
		if err != nil {
			return nil, err
		}
		f.RepNumber = who.Number.Reveal()
	}
	if !f.foreigner {
		look.Fields = nil
		list, err := o.c.Population.ListRelations(ctx, look, f.person)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(list, func(x population.Relation) bool {
			return x.Kind == relation && x.Other == v.Person && x.To.IsZero()
		}) {
			r.Proof = "registry"
		}
	}
	f.representative, f.content.Representative, f.proved = v.Person, r, !v.Flagged()
	return &v, nil
}

// notFamilyTx refuses an officer with her own family; the attempt is recorded.
func (o *Office) notFamilyTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file, look audit.Look) error {
	if by.Person == f.person || by.Person == f.representative {
		return fault.New(fault.Forbidden, "enrolment.own_matter")
	}
	family, err := o.familyTx(ctx, tx, f, look)
	if err != nil {
		return err
	}
	kin, err := o.kinTx(ctx, tx, by.Person, look)
	if err != nil {
		return err
	}
	if slices.Contains(family, by.Person) || slices.Contains(kin, f.person) || !f.representative.IsZero() && slices.Contains(kin, f.representative) {
		return fault.New(fault.Forbidden, "enrolment.own_family")
	}
	return nil
}

// familyTx lists who must not act in her matter: her registered relatives.
func (o *Office) familyTx(ctx context.Context, tx *db.Tx, f *file, look audit.Look) ([]id.Person, error) {
	if f.foreigner {
		return nil, nil
	}
	return o.kinTx(ctx, tx, f.person, look)
}

// kinTx lists somebody's registered relatives. A relation may be registered
// with one of the two alone, so both sides are asked.
func (o *Office) kinTx(ctx context.Context, tx *db.Tx, person id.Person, look audit.Look) ([]id.Person, error) {
	look.Fields = nil
	list, err := o.c.Population.ListRelationsTx(ctx, tx, look, person)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []id.Person
	for _, r := range list {
		out = append(out, r.Other)
	}
	return out, nil
}
