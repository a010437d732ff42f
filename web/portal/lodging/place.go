// SPDX-License-Identifier: Apache-2.0

package lodging

import (
	"net/http"

	"danh/internal/clock"
	"danh/internal/page"
	"danh/procedure"
	"danh/registry/residence"
	"danh/registry/unit"
)

// showPlace asks where the guests stay. The registered residence stands there
// as a proposal that she can change.
func (l *lodging) showPlace(w http.ResponseWriter, r *http.Request, s step) {
	f := placeForm(s)
	_, offers := l.commune(f, s.kase.Notice.Place)
	l.askPlace(w, r, s, http.StatusOK, f, offers)
}

func placeForm(s step) *page.Form {
	f := &page.Form{}
	if typed, ok := s.kase.Notice.Typed[procedure.StepPlace]; ok {
		for k, v := range typed {
			f.Set(k, v)
		}
		return f
	}
	p := s.kase.Notice.Place
	f.Set("category", string(p.Category)).Set("place_name", p.Name).Set("address", p.Address.Text)
	if p.Address.UnitCode != "" {
		f.Set("commune", p.UnitName)
	}
	return f
}

func (l *lodging) askPlace(w http.ResponseWriter, r *http.Request, s step, status int, f *page.Form, offers []unit.Unit) {
	var categories []page.Choice
	for _, c := range procedure.Categories {
		categories = append(categories, page.Choice{Value: string(c), Text: "lodging.category." + string(c)})
	}
	var choices []page.Choice
	for _, o := range offers {
		choices = append(choices, page.Choice{Value: o.Code, Text: page.Raw(l.units.FullName(o))})
	}
	p := s.kase.Notice.Place
	l.journey.Render(w, r, status, "place", page.View{Layout: page.Desk, Task: "lodging.task", Title: "lodging.place.title",
		Back: "/cases", BackTo: "lodging.to_cases", Nav: "cases", Step: 1, Steps: 3, Form: f,
		Data: map[string]any{"Categories": categories, "Offers": choices, "Divided": len(p.Maybe) > 0 && f.Value("commune") == "", "Case": s.kase, "Proposed": p.Source != "" && f.Value("address") == p.Address.Text, "Place": p, "Home": homeLabel(s.kase.Notice.Notifier), "Source": placeSource(p),
			"Due": l.due(s.rules, s.kase.Notice.Guests), "Rail": rail(s, 1), "Saved": saved(s.kase)}})
}

// maxOffers is how many communes are offered when a name fits several.
const maxOffers = 10

// savePlace finds the commune she means. A name that fits several is asked
// again with the communes to choose from.
func (l *lodging) savePlace(w http.ResponseWriter, r *http.Request, s step) {
	f := page.FormFrom(r)
	p := procedure.Place{Maybe: s.kase.Notice.Place.Maybe, Category: procedure.Category(f.Value("category")), Name: f.Value("place_name"), Address: residence.Address{Text: f.Value("address")}}
	if p.Category == procedure.Household || p.Category == procedure.Self {
		p.Name = ""
	}
	u, offers := l.commune(f, s.kase.Notice.Place)
	if u.Code != "" {
		p.Address.UnitCode, p.Address.UnitFrom, p.UnitName = u.Code, u.From, l.units.FullName(u)
	}
	if old := s.kase.Notice.Place; p.Address.Text == old.Address.Text && (old.Address.UnitCode == "" || p.Address.UnitCode == old.Address.UnitCode) {
		p.Source, p.AsOf = old.Source, old.AsOf // she left the registry's words as they are
	}
	typed := map[string]string{}
	for _, k := range []string{"category", "place_name", "address", "commune", "unit"} {
		typed[k] = f.Value(k)
	}
	err := l.desk.SavePlace(r.Context(), s.applicant, s.kase.ID, p, typed)
	if err == nil {
		next := s.path("/guest/1")
		if len(s.kase.Notice.Guests) > 0 {
			next = s.path("/review")
		}
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	if !f.FromFault(err) {
		l.fail(w, r, err)
		return
	}
	switch {
	case len(offers) > 1 && f.Value("commune") != "":
		mend(f, "commune", "lodging.commune.which")
	case f.Value("commune") != "" && u.Code == "":
		mend(f, "commune", "lodging.commune.unknown")
	}
	l.askPlace(w, r, s, http.StatusUnprocessableEntity, f, offers)
}

// mend words a problem more closely.
func mend(f *page.Form, field, key string) {
	for i := range f.Problems {
		if f.Problems[i].Field == field {
			f.Problems[i].Key = key
		}
	}
}

// commune is the one commune that the typed name fits, or the one of several
// that was chosen; otherwise those it may be. Without a name it may be any part
// of the commune where she is registered, when that was divided.
func (l *lodging) commune(f *page.Form, p procedure.Place) (unit.Unit, []unit.Unit) {
	text, chosen := f.Value("commune"), f.Value("unit")
	var list []unit.Unit
	if text != "" {
		list = l.units.Search(text, l.desk.Today(), maxOffers, unit.Commune)
	} else {
		for _, code := range p.Maybe {
			if u, ok := l.units.Find(code, l.desk.Today()); ok && u.Level == unit.Commune {
				list = append(list, u)
			}
		}
	}
	for _, u := range list {
		// A choice counts as long as it still fits the name in the field.
		if u.Code == chosen || unit.Fold(l.units.FullName(u)) == unit.Fold(text) {
			return u, nil
		}
	}
	if len(list) == 1 && text != "" {
		return list[0], nil
	}
	return unit.Unit{}, list
}

// saved is what the pages say about the draft.
type savedNote struct {
	At, Until clock.Date
	Hour      string
}

func saved(c procedure.Case) savedNote {
	return savedNote{At: clock.DateOf(c.UpdatedAt), Until: clock.DateOf(c.ExpiresAt), Hour: c.UpdatedAt.In(clock.Vietnam).Format("15:04")}
}

// rail is the list of steps at the left.
func rail(s step, now int) []page.Step {
	n := s.kase.Notice
	state := func(i int, done bool) string {
		switch {
		case i == now:
			return "now"
		case done:
			return "done"
		}
		return "later"
	}
	placed := n.Place.Address.UnitCode != "" && n.Place.Address.Text != ""
	out := []page.Step{{State: state(1, placed), Text: "lodging.step.place", Href: s.path("/place")}}
	if placed && now != 1 {
		out[0].Sub = page.Raw(n.Place.Address.Text)
	}
	guest := page.Step{State: state(2, len(n.Guests) > 0), Text: "lodging.step.guests"}
	if len(n.Guests) > 0 {
		guest.Href = s.path("/guest/1")
	}
	return append(out, guest, page.Step{State: state(3, false), Text: "lodging.step.review"})
}
