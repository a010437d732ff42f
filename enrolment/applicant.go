// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"danh/account/contact"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/office"
	"danh/registry/immigration"
	"danh/registry/population"
	"danh/registry/residence"
)

// SaveApplicant keeps what was typed and compares it with the registry. A
// version that is not the latest is a Conflict that loses nothing: the page
// shows both.
func (o *Office) SaveApplicant(ctx context.Context, by audit.Actor, d DossierID, version int, a Applicant) (Dossier, error) {
	bad := clean(&a)
	return o.change(ctx, by, d, step{act: actEdit, action: "applicant.saved", fields: []string{"applicant"}, do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		if version != f.version {
			return fault.New(fault.Conflict, "enrolment.version")
		}
		if f.foreigner && a.Document.Number == "" {
			bad.With("document", "enrolment.applicant.document")
		}
		if len(bad.Fields) > 0 {
			return bad
		}
		if a.Phone != f.Applicant.Phone {
			f.PhoneState, f.content.Carrier = "", ""
		}
		compare := o.compareCitizenTx
		if f.foreigner {
			compare = o.compareForeignerTx
		}
		found, err := compare(ctx, tx, by, f, a)
		if err != nil {
			return err
		}
		f.Differences = carryOver(f.Differences, found)
		f.Applicant = a
		f.version++
		return nil
	}})
}

// clean puts what was typed into its one form and says what cannot be.
func clean(a *Applicant) *fault.Fault {
	bad := fault.New(fault.Invalid, "enrolment.applicant.invalid")
	text := func(field string, s *string, most int) {
		*s = strings.Join(strings.Fields(*s), " ")
		if utf8.RuneCountInString(*s) > most {
			bad.With(field, "enrolment.applicant.long")
		}
	}
	a.Name = population.NormaliseName(a.Name)
	for field, r := range map[string]*Relative{"father": &a.Father, "mother": &a.Mother, "spouse": &a.Spouse, "guardian": &a.Guardian} {
		r.Name = population.NormaliseName(r.Name)
		text(field+".name", &r.Name, 150)
		text(field+".nationality", &r.Nationality, 60)
	}
	text("name", &a.Name, 150)
	for field, s := range map[string]*string{"nationality": &a.Nationality, "ethnicity": &a.Ethnicity, "religion": &a.Religion} {
		text(field, s, 60)
	}
	text("origin", &a.Origin, 300)
	text("residence", &a.Residence, 300)
	text("marks", &a.Marks, 200)
	if a.Name == "" {
		bad.With("name", "enrolment.applicant.name")
	}
	if a.BirthDate.IsZero() {
		bad.With("birth_date", "enrolment.applicant.birth_date")
	}
	if a.Sex != population.Male && a.Sex != population.Female && a.Sex != "" {
		bad.With("sex", "enrolment.applicant.sex")
	}
	var err error
	if a.Phone != "" {
		if a.Phone, err = contact.ParsePhone(a.Phone); err != nil {
			bad.With("phone", "enrolment.applicant.phone")
		}
	}
	if a.Email, err = contact.ParseEmail(a.Email); err != nil {
		bad.With("email", "enrolment.applicant.email")
	}
	a.Document.Number = strings.ToUpper(strings.Join(strings.Fields(a.Document.Number), ""))
	return bad
}

// differ collects the fields in which two sides speak and disagree.
type differ struct {
	out    []Difference
	asOf   time.Time
	source string
}

func (x *differ) add(field, registered, declared string, same bool) {
	if registered != "" && declared != "" && !same {
		x.out = append(x.out, Difference{Field: field, Registered: registered, Declared: declared, AsOf: x.asOf, Source: x.source})
	}
}

func (x *differ) name(field, registered, declared string) {
	x.add(field, registered, declared, population.CompareNames(registered, declared) == population.Equal)
}

func (x *differ) date(field string, registered, declared clock.Date) {
	x.add(field, registered.String(), declared.String(), population.CompareBirthDates(registered, declared) == population.Equal)
}

// text compares words as people write them: case, spaces and signs aside.
func (x *differ) text(field, registered, declared string) {
	x.add(field, registered, declared, population.FoldName(registered) == population.FoldName(declared))
}

func (x *differ) number(field string, registered, declared population.Number) {
	x.add(field, registered.Reveal(), declared.Reveal(), registered.Equal(declared))
}

func (o *Office) compareCitizenTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file, a Applicant) ([]Difference, error) {
	look := f.look(by, population.FieldNumber, population.FieldNumbers, population.FieldName, population.FieldBirthDate, population.FieldSex,
		population.FieldOrigin, population.FieldNationality, population.FieldEthnicity, population.FieldReligion)
	p, err := o.c.Population.FindTx(ctx, tx, look, f.person)
	if err != nil {
		return nil, err
	}
	if !a.Number.Equal(p.Number) {
		return nil, fault.New(fault.Invalid, "enrolment.applicant.invalid").With("number", "enrolment.applicant.number")
	}
	x := &differ{asOf: p.UpdatedAt, source: "source.population"}
	x.name("name", p.Name, a.Name)
	x.date("birth_date", p.BirthDate, a.BirthDate)
	x.text("sex", string(p.Sex), string(a.Sex))
	x.text("nationality", p.Nationality, nation(a.Nationality))
	x.text("ethnicity", p.Ethnicity, a.Ethnicity)
	x.text("religion", p.Religion, a.Religion)
	if p.Origin != nil {
		x.text("origin", p.Origin.Text, a.Origin)
	}
	for i := len(p.Numbers) - 1; i >= 0 && !a.OldNumber.IsZero(); i-- {
		if n := p.Numbers[i]; !n.To.IsZero() {
			x.number("old_number", n.Number, a.OldNumber)
			break
		}
	}
	if err := o.compareRelativesTx(ctx, tx, by, f, a, x); err != nil {
		return nil, err
	}
	look.Fields = []string{residence.FieldPermanent, residence.FieldTemporary}
	home, err := o.c.Residence.FindResidenceTx(ctx, tx, look, f.person)
	if err != nil {
		return nil, err
	}
	if at := home.Current(); at != nil {
		x.asOf, x.source = home.AsOf, "source.residence"
		same := population.FoldName(at.Text) == population.FoldName(a.Residence) ||
			home.Permanent != nil && population.FoldName(home.Permanent.Text) == population.FoldName(a.Residence)
		x.add("residence", at.Text, a.Residence, same)
	}
	return x.out, nil
}

// nation is a nationality in the registry's code, where people write the word.
func nation(s string) string {
	switch population.FoldName(s) {
	case "viet nam", "vietnam", "vn", "vnm":
		return "VNM"
	}
	return s
}

// compareRelativesTx compares parents, spouse and guardian. A relative of whom
// the registry knows nothing is no difference.
func (o *Office) compareRelativesTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file, a Applicant, x *differ) error {
	list, err := o.c.Population.ListRelationsTx(ctx, tx, f.look(by), f.person)
	if err != nil {
		return err
	}
	stated := map[population.RelationKind]Relative{population.Father: a.Father, population.Mother: a.Mother, population.Spouse: a.Spouse, population.Guardian: a.Guardian}
	for _, r := range list {
		s, ok := stated[r.Kind]
		if !ok || !r.To.IsZero() || s.Name == "" && s.Number.IsZero() {
			continue
		}
		other, err := o.c.Population.FindTx(ctx, tx, f.look(by, population.FieldName, population.FieldNumber), r.Other)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		x.name(string(r.Kind)+".name", other.Name, s.Name)
		x.number(string(r.Kind)+".number", other.Number, s.Number)
	}
	return nil
}

func (o *Office) compareForeignerTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file, a Applicant) ([]Difference, error) {
	p, err := o.c.Immigration.FindTx(ctx, tx, f.look(by, "name", "birth_date", "sex", "nationality", "address", "documents"), f.person)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(p.Documents, func(d immigration.Document) bool {
		return d.Kind == a.Document.Kind && d.Country == a.Document.Country && strings.EqualFold(d.Number, a.Document.Number) && d.Counts(o.today())
	}) {
		return nil, fault.New(fault.Invalid, "enrolment.applicant.invalid").With("document", "enrolment.applicant.document")
	}
	x := &differ{asOf: p.UpdatedAt, source: "source.immigration"}
	x.text("name", p.Name, a.Name)
	x.date("birth_date", p.BirthDate, a.BirthDate)
	x.text("sex", string(p.Sex), string(a.Sex))
	x.text("nationality", p.Nationality, a.Nationality)
	x.text("residence", p.Address, a.Residence)
	return x.out, nil
}

// carryOver keeps how a difference was resolved when both sides still say the same.
func carryOver(was, found []Difference) []Difference {
	for i, d := range found {
		k := slices.IndexFunc(was, func(w Difference) bool {
			return w.Field == d.Field && w.Registered == d.Registered && w.Declared == d.Declared
		})
		if k >= 0 {
			found[i].Keep, found[i].Paper, found[i].Words = was[k].Keep, was[k].Paper, was[k].Words
		}
	}
	return found
}

// Resolve settles a difference: keep is "registered" or "declared"; declared
// needs a paper that was seen.
func (o *Office) Resolve(ctx context.Context, by audit.Actor, d DossierID, field, keep string, p PaperID, words string) (Dossier, error) {
	return o.change(ctx, by, d, step{act: actEdit, action: "difference.resolved", fields: []string{"applicant"}, do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		k := slices.IndexFunc(f.Differences, func(x Difference) bool { return x.Field == field })
		if k < 0 {
			return fault.New(fault.NotFound, "enrolment.difference.none")
		}
		words = strings.TrimSpace(words)
		if utf8.RuneCountInString(words) > 500 {
			return fault.New(fault.Invalid, "enrolment.applicant.long").With("words", "enrolment.applicant.long")
		}
		if err := o.notBarred(ctx, tx, "words", words); err != nil {
			return err
		}
		switch keep {
		case "registered":
			p = PaperID{}
		case "declared":
			i := slices.IndexFunc(f.Papers, func(x Paper) bool { return x.ID == p })
			if i < 0 || !f.Papers[i].Seen || f.Papers[i].For != "evidence" {
				return fault.New(fault.Invalid, "enrolment.difference.paper").With("paper", "enrolment.difference.paper")
			}
		default:
			return fault.New(fault.Invalid, "enrolment.difference.keep").With("keep", "enrolment.difference.keep")
		}
		x := &f.Differences[k]
		x.Keep, x.Paper, x.Words = keep, p, words
		return nil
	}})
}

// stated is what the dossier goes on with: what was typed, and what is
// registered where the difference was settled so.
func (f *file) stated() Applicant {
	a := f.Applicant
	for _, d := range f.Differences {
		if d.Keep != "registered" {
			continue
		}
		switch d.Field {
		case "name":
			a.Name = d.Registered
		case "birth_date":
			_ = a.BirthDate.UnmarshalText([]byte(d.Registered))
		case "sex":
			a.Sex = population.Sex(d.Registered)
		case "nationality":
			a.Nationality = d.Registered
		case "ethnicity":
			a.Ethnicity = d.Registered
		case "religion":
			a.Religion = d.Registered
		case "origin":
			a.Origin = d.Registered
		case "residence":
			a.Residence = d.Registered
		case "old_number":
			a.OldNumber = population.Number(d.Registered)
		}
		for name, r := range map[string]*Relative{"father": &a.Father, "mother": &a.Mother, "spouse": &a.Spouse, "guardian": &a.Guardian} {
			switch d.Field {
			case name + ".name":
				r.Name = d.Registered
			case name + ".number":
				r.Number = population.Number(d.Registered)
			}
		}
	}
	return a
}

// correction is what the approval writes into the population registry: the
// fields that it can correct, declared and proved by a paper.
func (f *file) correction() (c population.Correction, any bool) {
	for _, d := range f.Differences {
		if d.Keep != "declared" {
			continue
		}
		switch d.Field {
		case "name":
			c.Name = f.Applicant.Name
		case "birth_date":
			c.BirthDate = f.Applicant.BirthDate
		case "sex":
			c.Sex = f.Applicant.Sex
		case "nationality":
			c.Nationality = nation(f.Applicant.Nationality)
		case "ethnicity":
			c.Ethnicity = f.Applicant.Ethnicity
		default:
			continue
		}
		any = true
	}
	return c, any
}
