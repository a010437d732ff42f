// SPDX-License-Identifier: Apache-2.0

package desk

import (
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/page"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/population"
	"danh/registry/residence"
)

// tones colour the states of a card.
var tones = map[card.State]string{card.Produced: "info", card.Delivered: "ok", card.Lost: "danger", card.Held: "warn", card.Revoked: "danger", card.Expired: "quiet", card.Replaced: "quiet"}

// paper is a foreigner's document with what has become of it.
type paper struct {
	immigration.Document
	Tone, Standing string
}

// facts are what a part says in lines.
func (k *desk) facts(f visit.Folio, data map[string]any) {
	var list []page.Fact
	switch {
	case f.Foreigner != nil:
		list = foreigner(*f.Foreigner)
		on := clock.DateOf(k.Clock.Now())
		var papers []paper
		for _, d := range f.Foreigner.Documents {
			p := paper{d, "ok", "desk.paper.counts"}
			if !d.Counts(on) {
				p.Tone, p.Standing = "danger", "desk.paper.over"
			}
			papers = append(papers, p)
		}
		data["Papers"] = papers
	case f.Person != nil:
		list = citizen(*f.Person)
	case f.Residence != nil:
		list = home(*f.Residence)
	}
	data["Facts"], data["Tones"] = list, tones
}

func foreigner(f immigration.Foreigner) []page.Fact {
	return []page.Fact{
		{Label: "field.name", Value: page.Raw(f.Name), Source: "desk.source.immigration", At: f.UpdatedAt},
		{Label: "field.birth_date", Value: page.Raw(f.BirthDate.Vietnamese()), Mono: true},
		{Label: "field.sex", Value: sex(f.Sex)},
		{Label: "desk.nationality", Value: nation(f.Nationality)},
		{Label: "desk.address", Value: page.Raw(f.Address)},
	}
}

func sex(s population.Sex) page.Text {
	return map[population.Sex]page.Text{population.Female: {VI: "Nữ", EN: "Female"}, population.Male: {VI: "Nam", EN: "Male"}}[s]
}

// nation is a country's name; a code that is none stays as it came.
func nation(code string) page.Text {
	r, err := language.ParseRegion(code)
	if err != nil || code == "" {
		return page.Text{VI: code, EN: code}
	}
	return page.Text{VI: display.Regions(language.Vietnamese).Name(r), EN: display.Regions(language.English).Name(r)}
}

func place(p *population.Place) page.Raw {
	if p == nil {
		return ""
	}
	return page.Raw(p.Text)
}

// citizen shows the number in part: the whole one stands on her card and in
// her dossier, and a glance at a screen needs none.
func citizen(p population.Person) []page.Fact {
	list := []page.Fact{
		{Label: "field.number", Value: page.Raw(p.Number.String()), Mono: true, Source: "source.population", At: p.UpdatedAt},
		{Label: "field.name", Value: page.Raw(p.Name)},
		{Label: "field.birth_date", Value: page.Raw(p.BirthDate.Vietnamese()), Mono: true},
		{Label: "field.sex", Value: sex(p.Sex)},
		{Label: "desk.birth_place", Value: place(p.BirthPlace)},
		{Label: "desk.origin", Value: place(p.Origin)},
		{Label: "desk.nationality", Value: nation(p.Nationality)},
		{Label: "desk.ethnicity", Value: page.Raw(p.Ethnicity)},
	}
	if p.Dead {
		list = append(list, page.Fact{Label: "desk.died", Value: page.Raw(p.Died.Vietnamese()), Mono: true})
	}
	return list
}

func home(r residence.Residence) []page.Fact {
	address := func(a *residence.Address) page.Raw {
		if a == nil {
			return ""
		}
		return page.Raw(a.Text)
	}
	list := []page.Fact{
		{Label: "desk.permanent", Value: address(r.Permanent)},
		{Label: "desk.permanent.since", Value: page.Raw(r.PermanentSince.Vietnamese()), Mono: true, Source: "source.residence", At: r.AsOf},
		{Label: "desk.temporary", Value: address(r.Temporary), Empty: "desk.temporary.none"},
	}
	if !r.TemporaryUntil.IsZero() {
		list = append(list, page.Fact{Label: "desk.temporary.until", Value: page.Raw(r.TemporaryUntil.Vietnamese()), Mono: true})
	}
	return list
}
