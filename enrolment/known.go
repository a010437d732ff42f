// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"time"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/registry/population"
	"danh/registry/residence"
)

// Known is what the registries hold of the applicant, for a form that begins
// with it: nothing is typed that is known.
type Known struct {
	Applicant   Applicant
	Source      string // source.population or source.immigration
	AsOf        time.Time
	ResidenceAt time.Time // of the residence registry; zero when it holds none
}

// FindKnown reads what the registries hold, for the intake officer while she
// takes the dossier in. The look is recorded. Numbers of relatives are not
// among it: whoever states one types it.
func (o *Office) FindKnown(ctx context.Context, by audit.Actor, d DossierID) (Known, error) {
	f, _, err := o.peek(ctx, by, d, actEdit)
	if err != nil {
		return Known{}, err
	}
	var out Known
	err = o.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if f.foreigner {
			out, err = o.knownForeignerTx(ctx, tx, by, f)
		} else {
			out, err = o.knownCitizenTx(ctx, tx, by, f)
		}
		return err
	})
	return out, err
}

func (o *Office) knownForeignerTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file) (Known, error) {
	p, err := o.c.Immigration.FindTx(ctx, tx, f.look(by, "name", "birth_date", "sex", "nationality", "address", "documents"), f.person)
	if err != nil {
		return Known{}, err
	}
	out := Known{Source: "source.immigration", AsOf: p.UpdatedAt, Applicant: Applicant{Name: p.Name, BirthDate: p.BirthDate, Sex: p.Sex, Nationality: p.Nationality, Residence: p.Address}}
	for _, x := range p.Documents {
		if x.Counts(o.today()) {
			out.Applicant.Document = Document{Kind: x.Kind, Country: x.Country, Number: x.Number}
			break
		}
	}
	return out, nil
}

func (o *Office) knownCitizenTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file) (Known, error) {
	look := f.look(by, population.FieldNumber, population.FieldNumbers, population.FieldName, population.FieldBirthDate, population.FieldSex,
		population.FieldOrigin, population.FieldNationality, population.FieldEthnicity, population.FieldReligion)
	p, err := o.c.Population.FindTx(ctx, tx, look, f.person)
	if err != nil {
		return Known{}, err
	}
	a := Applicant{Number: p.Number, Name: p.Name, BirthDate: p.BirthDate, Sex: p.Sex, Nationality: p.Nationality, Ethnicity: p.Ethnicity, Religion: p.Religion}
	if p.Origin != nil {
		a.Origin = p.Origin.Text
	}
	for _, n := range p.Numbers {
		if !n.To.IsZero() {
			a.OldNumber = n.Number
		}
	}
	list, err := o.c.Population.ListRelationsTx(ctx, tx, f.look(by), f.person)
	if err != nil {
		return Known{}, err
	}
	stated := map[population.RelationKind]*Relative{population.Father: &a.Father, population.Mother: &a.Mother, population.Spouse: &a.Spouse, population.Guardian: &a.Guardian}
	for _, r := range list {
		s, ok := stated[r.Kind]
		if !ok || !r.To.IsZero() {
			continue
		}
		other, err := o.c.Population.FindTx(ctx, tx, f.look(by, population.FieldName), r.Other)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return Known{}, err
		}
		s.Name = other.Name
	}
	out := Known{Source: "source.population", AsOf: p.UpdatedAt}
	look.Fields = []string{residence.FieldPermanent, residence.FieldTemporary}
	home, err := o.c.Residence.FindResidenceTx(ctx, tx, look, f.person)
	if err != nil {
		return Known{}, err
	}
	if at := home.Current(); at != nil {
		a.Residence, out.ResidenceAt = at.Text, home.AsOf
	}
	out.Applicant = a
	return out, nil
}

// Stated is what the dossier goes on with: what she stated, and what is
// registered wherever a difference was settled so. It is what she reviews and
// what is printed.
func (d Dossier) Stated() Applicant {
	var f file
	f.Applicant, f.Differences = d.Applicant, d.Differences
	return f.stated()
}
