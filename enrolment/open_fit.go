// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"cmp"
	"context"
	"slices"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/office"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/population"
	"danh/registry/residence"
)

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
