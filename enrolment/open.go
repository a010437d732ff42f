// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"danh/account"
	"danh/audit"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/population"
	"danh/registry/residence"
)

// Opening says for what a dossier is opened.
type Opening struct {
	Visit          string // the key of an open visit of this officer
	Kind           Kind
	Cause          string // of a card kind: age, change, lost, stolen, damaged, boundary; "" by the kind's row
	Relation       string // of a child or ward: what the person of the other visit is to her
	Representative string // the key of the representative's own open visit
	Language       string
	Request        string // the key of a request that she sent to this office: kind, cause and relation are its
}

// Open opens a dossier in a visit. A dossier of hers that stands open with the
// same officer for the same purpose goes on in the visit instead.
func (o *Office) Open(ctx context.Context, by audit.Actor, w Opening) (Dossier, error) {
	var f *file
	d, err := o.open(ctx, by, w, &f)
	if err != nil {
		return Dossier{}, errors.Join(fmt.Errorf("open dossier: %w", err), o.noteRefused(ctx, by, f, "opened", err))
	}
	return d, nil
}

func (o *Office) open(ctx context.Context, by audit.Actor, w Opening, whom **file) (Dossier, error) {
	visitID, err := visit.ParseID(w.Visit)
	if err != nil {
		return Dossier{}, fault.New(fault.Invalid, "enrolment.visit.unknown").With("visit", "enrolment.visit.unknown")
	}
	// 1. Who came, and as whom the officer acts. The transaction that follows
	// asks both again.
	staff, err := o.c.Roster.Require(ctx, by, office.IntakeOfficer)
	if err != nil {
		return Dossier{}, err
	}
	came, err := o.c.Visits.Require(ctx, by, visitID)
	if err != nil {
		return Dossier{}, err
	}
	asked, err := o.requested(ctx, by, staff, came.Person, &w)
	if err != nil {
		return Dossier{}, err
	}
	now := o.c.Clock.Now()
	f := &file{person: came.Person, id: id.New[dossierKind](), code: newCode(now), kind: w.Kind, state: Draft, office: staff.Office, officeName: staff.OfficeName,
		intake: by.Account, intakePerson: by.Person, visit: id.Person(visitID), proved: !came.Flagged(), foreigner: came.Foreigner, language: language(w.Language), openedAt: now}
	if !slices.Contains(Kinds, w.Kind) {
		return Dossier{}, fault.New(fault.Invalid, "enrolment.kind.unknown").With("kind", "enrolment.kind.unknown")
	}
	if (w.Kind == Foreigner) != came.Foreigner {
		return Dossier{}, fault.New(fault.Conflict, "enrolment.kind.registry")
	}
	var stated account.Declared
	if asked != nil {
		f.code = asked.Code
		if stated, err = o.declaredOf(ctx, by, asked); err != nil {
			return Dossier{}, err
		}
	}
	*whom = f
	if came.Person == by.Person {
		return Dossier{}, fault.New(fault.Forbidden, "enrolment.own_matter")
	}
	// 2. Her registry says whether she can be what the dossier is for.
	look := audit.Look{By: by, Purpose: purpose, Ground: "Nghị định 69/2024/NĐ-CP, Điều 10"}
	if err := o.identify(ctx, look, f); err != nil {
		return Dossier{}, err
	}
	if f.need, err = needOn(ctx, o.c.DB.Read(), w.Kind, f.Age, o.today()); err != nil {
		return Dossier{}, err
	}
	look.Ground = f.need.ground
	if err := o.competent(ctx, look, f); err != nil {
		return Dossier{}, err
	}
	if err := o.cards(ctx, look, f, w.Cause); err != nil {
		return Dossier{}, err
	}
	if err := o.accountFits(ctx, f); err != nil {
		return Dossier{}, err
	}
	rep, err := o.representative(ctx, by, f, w)
	if err != nil {
		return Dossier{}, err
	}
	// 3. One transaction opens it, or goes on with the one that is open.
	var out Dossier
	err = o.c.DB.Write(ctx, func(tx *db.Tx) error {
		if s, err := o.c.Roster.RequireTx(ctx, tx, by, office.IntakeOfficer); err != nil {
			return err
		} else if s.Office != f.office {
			return fault.New(fault.Conflict, "enrolment.moved")
		}
		if _, err := o.c.Visits.RequireTx(ctx, tx, by, visitID); err != nil {
			return err
		}
		if rep != nil {
			if _, err := o.c.Visits.RequireTx(ctx, tx, by, rep.ID); err != nil {
				return err
			}
		}
		if err := o.notFamilyTx(ctx, tx, by, f, look); err != nil {
			return err
		}
		stands, err := o.openOfTx(ctx, tx, f.person)
		if err != nil {
			return err
		}
		action := "opened"
		if stands != nil {
			if stands.kind != f.kind || stands.intake != by.Account || stands.office != f.office || stands.state != Draft && stands.state != Supplement {
				return fault.New(fault.Conflict, "enrolment.open_already")
			}
			stands.visit, stands.proved = f.visit, f.proved
			if err := o.saveTx(ctx, tx, stands); err != nil {
				return err
			}
			f, action = stands, "resumed"
		} else {
			f.Events = []Event{{At: now, Name: "opened", By: f.officeName}}
			if err := o.insertTx(ctx, tx, f); err != nil {
				return err
			}
			if asked != nil {
				if err := o.takeRequestTx(ctx, tx, by, f, asked, stated); err != nil {
					return err
				}
			}
		}
		if err := o.c.Audit.RecordTx(ctx, tx, f.entry(by, action)); err != nil {
			return err
		}
		out, err = o.showTx(ctx, tx, by, f, first)
		return err
	})
	return out, err
}

func language(s string) string {
	if s == "en" {
		return "en"
	}
	return "vi"
}

// openOfTx is the dossier about a person that stands open, or nil.
func (o *Office) openOfTx(ctx context.Context, tx *db.Tx, person id.Person) (*file, error) {
	f, sealed, err := o.scan(ctx, tx, tx.QueryRowContext(ctx, `UPDATE enrolment_dossier SET revision = revision + 1 WHERE person = $1 AND closed_at IS NULL RETURNING `+columns, person))
	if errors.Is(err, errNotYours) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return f, o.openContent(ctx, tx, f, sealed)
}

// identify reads who she is in her registry: name, age, and that she lives or
// that her papers count.
func (o *Office) identify(ctx context.Context, look audit.Look, f *file) error {
	var birth clock.Date
	if f.foreigner {
		who, err := o.c.Immigration.Find(ctx, look, f.person)
		if err != nil {
			return err
		}
		if !who.StandingOn(o.today()).OK() {
			return fault.New(fault.Conflict, "enrolment.stay_ended")
		}
		f.Name, birth = who.Name, who.BirthDate
		for _, d := range who.Documents {
			if d.Kind == immigration.Passport && d.Counts(o.today()) && len(d.Number) >= 4 {
				f.Tail = d.Number[len(d.Number)-4:]
			}
		}
	} else {
		look.Fields = []string{population.FieldNumber, population.FieldName, population.FieldBirthDate}
		who, err := o.c.Population.Find(ctx, look, f.person)
		if err != nil {
			return err
		}
		if who.Dead {
			return fault.New(fault.Conflict, "enrolment.dead")
		}
		if who.Number.IsZero() {
			return fault.New(fault.Conflict, "enrolment.no_number")
		}
		f.Name, birth = who.Name, who.BirthDate
		f.Tail = tail(who.Number)
	}
	f.Age = birth.AgeOn(o.today())
	return nil
}

func tail(n population.Number) string {
	s := n.Reveal()
	return s[max(0, len(s)-4):]
}

// competent refuses at an office that may not do this today: by the kind's
// procedure, for everybody or for the people of its own area.
func (o *Office) competent(ctx context.Context, look audit.Look, f *file) error {
	at := o.today()
	here, err := o.c.Offices.Find(ctx, f.office)
	if err != nil {
		return err
	}
	list, err := o.c.Offices.Serves(ctx, here, at)
	if err != nil {
		return err
	}
	not := fault.New(fault.Conflict, "enrolment.office.not_competent")
	k := slices.IndexFunc(list, func(c office.Competence) bool { return c.Procedure == f.need.procedure })
	if k < 0 {
		return not
	}
	if list[k].Area == office.Any {
		return nil
	}
	look.Fields = []string{residence.FieldPermanent, residence.FieldTemporary}
	home, err := o.c.Residence.FindResidence(ctx, look, f.person)
	if err != nil {
		return err
	}
	for _, a := range []*residence.Address{home.Permanent, home.Temporary} {
		if a == nil || a.UnitCode == "" {
			continue
		}
		able, err := o.c.Offices.Competent(ctx, f.need.procedure, a.UnitCode, at)
		if err != nil {
			return err
		}
		for _, c := range able {
			if slices.ContainsFunc(c.Offices, func(x office.Office) bool { return x.ID == f.office }) {
				return nil
			}
		}
	}
	return not
}

// cards settles whether a card is made, why, and what she must hold or not.
func (o *Office) cards(ctx context.Context, look audit.Look, f *file, cause string) error {
	f.MakesCard = f.need.makesCard == "yes"
	if f.foreigner {
		return nil
	}
	look.Fields = []string{card.FieldCard}
	held, err := o.c.Cards.ListByPerson(ctx, look, f.person)
	if err != nil {
		return err
	}
	var inForce *card.Card
	for i, c := range held {
		switch {
		case c.State == card.Held:
			return fault.New(fault.Conflict, "enrolment.card.held")
		case c.State == card.Produced && f.need.makesCard != "no":
			return fault.New(fault.Conflict, "enrolment.card.made")
		case c.InForce():
			inForce = &held[i]
		}
	}
	chip := inForce != nil && (inForce.Kind == card.Chip || inForce.Kind == card.IDCard)
	switch f.need.holds {
	case "card":
		if inForce == nil || inForce.Kind == card.OldPaper {
			return fault.New(fault.Conflict, "enrolment.kind.needs_card")
		}
	case "no_card":
		if len(held) > 0 {
			return fault.New(fault.Conflict, "enrolment.kind.has_card")
		}
	case "old":
		if chip {
			return fault.New(fault.Conflict, "enrolment.kind.has_card")
		}
	}
	if (f.kind == Renewal || f.kind == Reissue) && len(held) == 0 {
		return fault.New(fault.Conflict, "enrolment.kind.needs_card")
	}
	if f.need.makesCard == "unless_held" {
		f.MakesCard = inForce == nil
	}
	if cause != "" && !slices.Contains(causesOf[f.kind], cause) {
		return fault.New(fault.Invalid, "enrolment.card.cause").With("cause", "enrolment.card.cause")
	}
	if !f.MakesCard {
		return nil
	}
	part := &CardPart{Cause: f.need.cause}
	if f.kind == Reissue {
		cause = cmp.Or(cause, "lost")
	}
	if c, ok := causes[cause]; ok {
		part.Cause, f.Lose = c.cause, c.lose
	}
	if f.need.makesCard == "unless_held" && len(held) > 0 { // an earlier one ended
		part.Cause = card.Reissue
	}
	if part.Cause == card.Convert && len(held) == 0 {
		part.OldCard = "" // her old paper is not in the registry: it is asked for
	} else if inForce == nil {
		part.OldCard = "none"
	}
	if f.Lose != "" {
		part.OldCard = "lost"
	}
	fee, err := o.c.Cards.FindFee(ctx, part.Cause, o.today(), false)
	if err != nil {
		return err
	}
	part.Fee, part.FeeSource = fee.Amount, fee.Source
	f.content.Card = part
	return nil
}

// accountFits refuses early what the approval would refuse for her account.
func (o *Office) accountFits(ctx context.Context, f *file) error {
	a, err := o.c.Accounts.FindByPerson(ctx, f.person)
	none := fault.Is(err, fault.NotFound)
	if err != nil && !none {
		return err
	}
	stands := !none && !a.Provisional
	switch {
	case f.need.account > 0 && !stands:
		return fault.New(fault.Conflict, "enrolment.account.needed")
	case f.need.account > 0 && int(a.Level) != f.need.account:
		return fault.New(fault.Conflict, "enrolment.account.level")
	case f.need.level > 0 && !f.MakesCard && stands && int(a.Level) >= f.need.level:
		return fault.New(fault.Conflict, "enrolment.account.stands")
	case f.need.level > 0 && stands && int(a.Level) < f.need.level && a.Status == account.Locked:
		return fault.New(fault.Conflict, "enrolment.account.locked")
	}
	return nil
}

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
