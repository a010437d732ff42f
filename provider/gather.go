// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
	"danh/partner/ground"
	"danh/provider/claim"
	"danh/registry/card"
	"danh/registry/population"
	"danh/registry/residence"
)

// fact is one field's content: as claims, as people read it, and where it is from.
type fact struct {
	claims map[string]any
	shown  string
	words  partner.Text // when what is shown is a code
	source string
	asOf   time.Time
}

// in is what people read in a language.
func (f fact) in(language string) string {
	if f.words != (partner.Text{}) {
		return f.words.In(language)
	}
	return f.shown
}

// registered are the fields that the population registry answers, by its names
// for them. Of a birth date that only an age follows from, the log says so.
var registered = func() map[Field]string {
	m := map[Field]string{Name: population.FieldName, BirthDate: population.FieldBirthDate, Sex: population.FieldSex, Number: population.FieldNumber}
	for f := range claim.Ages {
		m[f] = population.FieldAge
	}
	return m
}()

// housed are the fields that the residence registry answers, by its names.
var housed = map[Field][]string{
	Address: {residence.FieldPermanent, residence.FieldTemporary}, claim.Permanent: {residence.FieldPermanent}, claim.Temporary: {residence.FieldTemporary},
	claim.Household: {residence.FieldHousehold, residence.FieldSize},
}

// gather reads the fields about a person from whoever owns them. A provisional
// account is one of which nobody has shown that it is hers: of it only what was
// declared is read, and the registries are not even asked.
func (p *Provider) gather(ctx context.Context, look audit.Look, a account.ID, person id.Person, provisional bool, fields []Field) (map[Field]fact, error) {
	out := map[Field]fact{}
	people, homes := map[string]bool{}, map[string]bool{}
	var declared []string
	recorded := false // by a room that was asked
	for _, f := range fields {
		name, ok := registered[f]
		switch {
		case ok && !provisional:
			people[name] = true
		case f == Phone || f == Email || ok && name != population.FieldAge:
			declared = append(declared, string(f))
		case !provisional:
			for _, name := range housed[f] {
				homes[name] = true
			}
		}
	}
	by := func(fields map[string]bool) audit.Look {
		l := look
		l.Fields, recorded = slices.Sorted(maps.Keys(fields)), true
		return l
	}
	if len(people) > 0 {
		rec, err := p.c.Population.Find(ctx, by(people), person)
		if err != nil {
			return nil, fmt.Errorf("release from the population registry: %w", err)
		}
		fill(out, fields, rec.Name, rec.BirthDate, rec.Sex, rec.Number, populationName, rec.UpdatedAt)
		fillAges(out, fields, rec.BirthDate, p.c.Clock.Now(), rec.UpdatedAt)
	}
	if len(homes) > 0 {
		home, err := p.c.Residence.FindResidence(ctx, by(homes), person)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, fmt.Errorf("release from the residence registry: %w", err)
		}
		if err == nil {
			p.fillHome(out, fields, home)
		}
	}
	if slices.Contains(fields, claim.Card) && p.c.Cards != nil && !provisional {
		all, err := p.c.Cards.ListByPerson(ctx, by(map[string]bool{card.FieldCard: true}), person)
		if err != nil {
			return nil, fmt.Errorf("release from the card registry: %w", err)
		}
		fillCard(out, all, slices.Contains(fields, Number))
	}
	if len(declared) > 0 {
		l := look
		l.Fields, recorded = declared, true
		d, err := p.c.Accounts.FindDeclared(ctx, l, a)
		if err != nil {
			return nil, fmt.Errorf("release from the account: %w", err)
		}
		if provisional {
			fill(out, fields, d.Name, d.BirthDate, d.Sex, d.Number, sourceDeclared, d.At)
		}
		if slices.Contains(fields, Phone) && d.Phone != "" {
			out[Phone] = fact{claims: map[string]any{"phone_number": d.Phone, "phone_number_verified": d.PhoneVerified}, shown: d.Phone, source: sourceAccount, asOf: d.At}
		}
		if slices.Contains(fields, Email) && d.Email != "" {
			out[Email] = fact{claims: map[string]any{"email": d.Email, "email_verified": d.EmailVerified}, shown: d.Email, source: sourceAccount, asOf: d.At}
		}
	}
	if slices.Contains(fields, Level) {
		acc, err := p.c.Accounts.Find(ctx, a)
		if err != nil {
			return nil, fmt.Errorf("release the level: %w", err)
		}
		if !recorded { // no other room was asked, and recorded the look
			l := look
			l.Fields = []string{string(Level)}
			if err := p.c.Audit.Record(ctx, l.Entry("account.level.read", person)); err != nil {
				return nil, fmt.Errorf("record the look: %w", err)
			}
		}
		level := int(acc.Level)
		out[Level] = fact{claims: map[string]any{"account_level": level, "provisional": acc.Provisional}, shown: fmt.Sprint(level), source: sourceAccount, asOf: acc.OpenedAt}
	}
	return out, nil
}

func fill(out map[Field]fact, fields []Field, name string, birth clock.Date, sex population.Sex, number population.Number, source string, asOf time.Time) {
	put := func(f Field, claim string, value any, shown string) {
		if shown != "" && slices.Contains(fields, f) {
			out[f] = fact{claims: map[string]any{claim: value}, shown: shown, source: source, asOf: asOf}
		}
	}
	put(Name, "name", name, name)
	put(BirthDate, "birthdate", birth.String(), birth.Vietnamese())
	put(Sex, "gender", string(sex), string(sex))
	if f, ok := out[Sex]; ok {
		f.words = sexes[sex]
		out[Sex] = f
	}
	put(Number, "personal_number", number.Reveal(), number.Reveal())
}

// sexes are the codes of the register in words.
var sexes = map[population.Sex]partner.Text{"male": {VI: "Nam", EN: "Male"}, "female": {VI: "Nữ", EN: "Female"}}

// matching says what a purpose may compare; it reads nothing.
func matching(c partner.Client) fact {
	var vi, en []string
	for _, f := range compared(c) {
		vi, en = append(vi, f.VI), append(en, f.EN)
	}
	return fact{shown: strings.Join(c.Only.Matches, " "), words: partner.Text{VI: strings.Join(vi, ", "), EN: strings.Join(en, ", ")}}
}

// compared names what a purpose may compare.
func compared(c partner.Client) []partner.Text {
	var out []partner.Text
	for _, m := range c.Only.Matches {
		f, ok := ground.FindField(m)
		if !ok {
			f.Text = partner.Text{VI: m, EN: m}
		}
		out = append(out, f.Text)
	}
	return out
}

var yesNo = map[bool]partner.Text{true: {VI: "Có", EN: "Yes"}, false: {VI: "Không", EN: "No"}}

func fillAges(out map[Field]fact, fields []Field, birth clock.Date, now, asOf time.Time) {
	for f, old := range AgesOn(birth, now) {
		if slices.Contains(fields, f) {
			out[f] = fact{claims: map[string]any{string(f): old}, shown: strconv.FormatBool(old), words: yesNo[old], source: populationName, asOf: asOf}
		}
	}
}

// AgesOn says of each age whether whoever was born on a date has reached it, on
// the day that it is in Vietnam, and nothing of ages at which the date is too
// vague to tell. Whoever was born on 29 February turns older with 1 March of a
// common year: a term without its day ends with its month (Civil Code
// 91/2015/QH13, article 148).
func AgesOn(birth clock.Date, now time.Time) map[Field]bool {
	out := map[Field]bool{}
	if birth.IsZero() {
		return out
	}
	first, today := birth, clock.DateOf(now)
	first.Month, first.Day = max(first.Month, 1), max(first.Day, 1)
	for f, age := range claim.Ages {
		if surely, perhaps := birth.AgeOn(today) >= age, first.AgeOn(today) >= age; surely == perhaps {
			out[f] = surely
		}
	}
	return out
}

// addressClaim is an address with the unit that it lay in when it was
// registered (OpenID Connect Core 1.0, section 5.1.1, and our own members).
type addressClaim struct {
	Formatted string `json:"formatted"`
	Country   string `json:"country,omitempty"`
	UnitCode  string `json:"unit_code,omitempty"`
	UnitFrom  string `json:"unit_from,omitempty"`
	UnitName  string `json:"unit_name,omitempty"`
	Kind      string `json:"kind"` // "permanent", "temporary"
	Since     string `json:"since,omitempty"`
	Until     string `json:"until,omitempty"`
	AsOf      string `json:"as_of"`
}

func (p *Provider) address(at residence.Address, kind string, since, until clock.Date, asOf time.Time) addressClaim {
	c := addressClaim{Formatted: at.Text, UnitCode: at.UnitCode, UnitFrom: at.UnitFrom.String(), Kind: kind, Since: since.String(), Until: until.String(), AsOf: asOf.UTC().Format(time.RFC3339)}
	if at.UnitCode != "" {
		c.Country = "VN"
		if p.c.Units != nil {
			if u, ok := p.c.Units.Version(at.UnitCode, at.UnitFrom); ok {
				c.UnitName = p.c.Units.FullName(u)
			}
		}
	}
	return c
}

// householdClaim is her own place in a household and how many live in it. Who
// the others are is theirs to say: the household book is gone (Law on Residence
// 68/2020/QH14, article 38), and this is no way around it.
type householdClaim struct {
	Head     bool   `json:"head"`
	Relation string `json:"relation"`
	Size     int    `json:"size"`
}

func (p *Provider) fillHome(out map[Field]fact, fields []Field, home residence.Residence) {
	put := func(f Field, c addressClaim, asOf time.Time) {
		if slices.Contains(fields, f) {
			out[f] = fact{claims: map[string]any{string(f): c}, shown: c.Formatted, source: residenceName, asOf: asOf}
		}
	}
	if a := home.Permanent; a != nil {
		c := p.address(*a, "permanent", home.PermanentSince, clock.Date{}, home.PermanentAsOf)
		put(claim.Permanent, c, home.PermanentAsOf)
		put(Address, c, home.PermanentAsOf)
	}
	if a := home.Temporary; a != nil {
		c := p.address(*a, "temporary", home.TemporaryFrom, home.TemporaryUntil, home.TemporaryAsOf)
		put(claim.Temporary, c, home.TemporaryAsOf)
		put(Address, c, home.TemporaryAsOf) // goes before the permanent one
	}
	if slices.Contains(fields, claim.Household) && !home.Household.IsZero() {
		c := householdClaim{Head: home.Relation == "head", Relation: home.Relation, Size: home.HouseholdSize}
		who := relations[home.Relation]
		if who == (partner.Text{}) {
			who = relations["other"]
		}
		n := strconv.Itoa(c.Size)
		out[claim.Household] = fact{claims: map[string]any{"household": c}, shown: home.Relation + " " + n, source: residenceName, asOf: home.PermanentAsOf,
			words: partner.Text{VI: who.VI + ", hộ có " + n + " người", EN: who.EN + ", a household of " + n}}
	}
}

var relations = map[string]partner.Text{
	"head": {VI: "Chủ hộ", EN: "Head of the household"}, "spouse": {VI: "Vợ, chồng của chủ hộ", EN: "Spouse of its head"}, "child": {VI: "Con của chủ hộ", EN: "Child of its head"},
	"parent": {VI: "Cha, mẹ của chủ hộ", EN: "Parent of its head"}, "sibling": {VI: "Anh, chị, em của chủ hộ", EN: "Sibling of its head"},
	"grandparent": {VI: "Ông, bà của chủ hộ", EN: "Grandparent of its head"}, "grandchild": {VI: "Cháu của chủ hộ", EN: "Grandchild of its head"},
	"other": {VI: "Thành viên hộ", EN: "Member of the household"},
}

// cardClaim is the card that she may use or, when there is none, her latest.
// Its number is her personal number, and takes the same ground.
type cardClaim struct {
	Kind    string `json:"kind"`
	Number  string `json:"number,omitempty"`
	Issued  string `json:"date_of_issuance"`
	Expires string `json:"date_of_expiry,omitempty"` // absent: it does not expire
	Status  string `json:"status"`                   // "delivered" is in force; "held", "lost", "revoked", "expired", …
	InForce bool   `json:"in_force"`
	AsOf    string `json:"as_of"`
}

func fillCard(out map[Field]fact, all []card.Card, number bool) {
	all = slices.DeleteFunc(slices.Clone(all), func(c card.Card) bool { return c.State == card.Produced }) // nobody has it yet
	if len(all) == 0 {
		return
	}
	at := max(0, slices.IndexFunc(all, card.Card.InForce))
	c := all[at]
	v := cardClaim{Kind: string(c.Kind), Issued: c.IssuedOn.String(), Expires: c.ExpiresOn.String(), Status: string(c.State), InForce: c.InForce(), AsOf: c.StateAt.UTC().Format(time.RFC3339)}
	if number {
		v.Number = c.Number.Reveal()
	}
	until := partner.Text{VI: "không thời hạn", EN: "without expiry"}
	if !c.ExpiresOn.IsZero() {
		until = partner.Text{VI: "đến " + c.ExpiresOn.Vietnamese(), EN: "until " + c.ExpiresOn.Vietnamese()}
	}
	state := partner.Text{VI: "không dùng được", EN: "cannot be used"}
	if v.InForce {
		state = partner.Text{VI: "còn giá trị", EN: "in force"}
	}
	out[claim.Card] = fact{claims: map[string]any{"card": v}, shown: strings.Join([]string{v.Issued, v.Expires, v.Status}, " "), source: cardName, asOf: c.StateAt,
		words: partner.Text{VI: "Cấp " + c.IssuedOn.Vietnamese() + ", " + until.VI + ", " + state.VI, EN: "Issued " + c.IssuedOn.Vietnamese() + ", " + until.EN + ", " + state.EN}}
}
