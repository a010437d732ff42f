// SPDX-License-Identifier: Apache-2.0

package lodging

import (
	"fmt"
	"net/http"
	"strings"

	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/procedure"
)

// showGuest asks for one guest. Nothing here comes from a register: what
// stands in the fields is what was typed before.
func (l *lodging) showGuest(w http.ResponseWriter, r *http.Request, s step) {
	n, err := ordinal(r)
	guests := s.kase.Notice.Guests
	if err != nil || n > len(guests)+1 {
		l.fail(w, r, fault.New(fault.NotFound, "case.not_found"))
		return
	}
	if s.kase.Notice.Place.Address.UnitCode == "" {
		http.Redirect(w, r, s.path("/place"), http.StatusSeeOther)
		return
	}
	f := &page.Form{}
	if typed, ok := s.kase.Notice.Typed[fmt.Sprintf("%s-%d", procedure.StepGuest, n)]; ok {
		for k, v := range typed {
			f.Set(k, v)
		}
	} else if n <= len(guests) {
		fillGuest(f, guests[n-1])
	} else {
		l.propose(f, guests)
	}
	if v := r.URL.Query().Get("document"); v != "" {
		f.Set("document", v)
	}
	l.askGuest(w, r, s, n, http.StatusOK, f)
}

// propose fills in when the guests come: like the guest before, or now. Who
// they are is never proposed.
func (l *lodging) propose(f *page.Form, guests []procedure.Guest) {
	now := l.clock.Now().In(clock.Vietnam)
	f.Set("document", string(procedure.ByPIN)).Set("from", clock.DateOf(now).Vietnamese()).Set("time", now.Format("15:04"))
	if k := len(guests); k > 0 {
		g := guests[k-1]
		f.Set("from", g.From.Vietnamese()).Set("time", g.Time).Set("until", g.Until.Vietnamese()).Set("reason", g.Reason).Set("reason_text", g.ReasonText)
	}
}

func fillGuest(f *page.Form, g procedure.Guest) {
	f.Set("name", g.Name).Set("birth_date", g.BirthDate.Vietnamese()).Set("document", string(g.Document)).Set("number", g.Number).Set("country", g.Country).
		Set("why", g.Why).Set("from", g.From.Vietnamese()).Set("time", g.Time).Set("until", g.Until.Vietnamese()).Set("reason", g.Reason).Set("reason_text", g.ReasonText)
}

func (l *lodging) askGuest(w http.ResponseWriter, r *http.Request, s step, n, status int, f *page.Form) {
	var documents, reasons []page.Choice
	for _, d := range procedure.Documents {
		documents = append(documents, page.Choice{Value: string(d), Text: "lodging.document." + string(d), Hint: "lodging.document." + string(d) + ".hint"})
	}
	for _, v := range procedure.Reasons {
		reasons = append(reasons, page.Choice{Value: v, Text: "lodging.reason." + v})
	}
	title := "lodging.guest.title"
	if s.kase.Notice.Place.Category != procedure.Household {
		title = "lodging.guest.title_place"
	}
	due := s.kase.Notice.Guests
	l.journey.Render(w, r, status, "guest", page.View{Layout: page.Desk, Task: "lodging.task", Title: title, Back: s.path("/place"), BackTo: "lodging.back_place",
		Nav: "cases", Step: 2, Steps: 3, Form: f,
		Data: map[string]any{"Documents": documents, "Reasons": reasons, "Countries": countries(page.Language(r)), "Case": s.kase, "N": n, "Known": n <= len(s.kase.Notice.Guests),
			"Facts": factsOf(s.kase), "Due": l.due(s.rules, due), "Rail": rail(s, 2), "Saved": saved(s.kase), "Max": s.rules.MaxDays, "Document": f.Value("document")}})
}

func factsOf(c procedure.Case) []page.Fact {
	out := facts(c.Notice.Notifier, procedure.Place{})[:1]
	p := c.Notice.Place
	f := page.Fact{Label: "lodging.step.place", Value: p.Line()}
	if p.Source != "" {
		f.Source, f.At = placeSource(p), p.AsOf
	}
	return append(out, f)
}

// guestFields are the fields of the form, as they are kept until they stand.
var guestFields = []string{"name", "birth_date", "document", "number", "country", "why", "from", "time", "until", "reason", "reason_text"}

func (l *lodging) saveGuest(w http.ResponseWriter, r *http.Request, s step) {
	n, err := ordinal(r)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	f := page.FormFrom(r)
	g := procedure.Guest{Name: strings.Join(strings.Fields(f.Value("name")), " "), Document: procedure.Document(f.Value("document")), Why: f.Value("why"),
		Country: f.Value("country"), Reason: f.Value("reason"), ReasonText: f.Value("reason_text")}
	switch g.Document {
	case procedure.ByPIN, procedure.ByOld:
		g.Number, g.Country, g.Why = f.Digits("number"), "", ""
	case procedure.ByPassport:
		g.Number, g.Why = strings.ToUpper(f.Digits("number")), ""
	case procedure.ByNone:
		g.Number, g.Country = "", ""
	}
	g.BirthDate, _ = clock.ParseDate(f.Value("birth_date"))
	g.From, _ = clock.ParseDate(f.Value("from"))
	g.Until, _ = clock.ParseDate(f.Value("until"))
	g.Time, _ = procedure.ParseTime(f.Value("time"))
	if g.Reason != "other" {
		g.ReasonText = ""
	}
	typed := map[string]string{}
	for _, k := range guestFields {
		typed[k] = f.Value(k)
	}
	err = l.desk.SaveGuest(r.Context(), s.applicant, s.kase.ID, n, g, typed)
	if err == nil {
		next := s.path("/review")
		if f.Value("then") == "more" {
			next = s.path(fmt.Sprintf("/guest/%d", max(n, len(s.kase.Notice.Guests))+1))
		}
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	if !f.FromFault(err) {
		l.fail(w, r, err)
		return
	}
	for i, p := range f.Problems {
		if p.Key == "problem.date" || f.Value(p.Field) == "" && strings.HasSuffix(p.Key, ".form") {
			f.Problems[i].Key = "problem.required"
		}
	}
	l.askGuest(w, r, s, n, http.StatusUnprocessableEntity, f)
}

func (l *lodging) removeGuest(w http.ResponseWriter, r *http.Request, s step) {
	n, err := ordinal(r)
	if err == nil {
		err = l.desk.RemoveGuest(r.Context(), s.applicant, s.kase.ID, n)
	}
	if err != nil {
		l.fail(w, r, err)
		return
	}
	next := s.path("/review")
	if len(s.kase.Notice.Guests) == 1 {
		next = s.path("/guest/1")
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// review shows everything once more. What the law asks and what happens next
// stand beside the one strong button.
func (l *lodging) review(w http.ResponseWriter, r *http.Request, s step) {
	l.showReview(w, r, s, http.StatusOK, &page.Form{})
}

func (l *lodging) showReview(w http.ResponseWriter, r *http.Request, s step, status int, f *page.Form) {
	if len(s.kase.Notice.Guests) == 0 {
		http.Redirect(w, r, s.path("/guest/1"), http.StatusSeeOther)
		return
	}
	type drawn struct {
		N     int
		Name  string
		Facts []page.Fact
	}
	var list []drawn
	for i, g := range s.kase.Notice.Guests {
		list = append(list, drawn{i + 1, g.Name, l.guestFacts(r, g, s.path(fmt.Sprintf("/guest/%d", i+1)))})
	}
	due := l.due(s.rules, s.kase.Notice.Guests)
	l.journey.Render(w, r, status, "review", page.View{Layout: page.Desk, Task: "lodging.task", Title: "lodging.review.title", Lede: "lodging.review.lede",
		Back: s.path("/guest/1"), BackTo: "lodging.back_guest", Nav: "cases", Step: 3, Steps: 3, Form: f,
		Data: map[string]any{"Case": s.kase, "Facts": factsOf(s.kase), "Guests": list, "Due": due, "Rail": rail(s, 3), "Saved": saved(s.kase),
			"Next": len(list) + 1, "Full": len(list) >= s.rules.MaxGuests, "Category": "lodging.category." + string(s.kase.Notice.Place.Category), "UnitName": s.kase.Notice.Place.UnitName}})
}

// guestFacts are a guest's data in a summary; change leads to mending them.
func (l *lodging) guestFacts(r *http.Request, g procedure.Guest, change string) []page.Fact {
	number := page.Fact{Label: "lodging.document." + string(g.Document), Value: g.Number, Mono: true}
	switch g.Document {
	case procedure.ByPassport:
		number.Value = g.Number + " (" + g.Country + ")"
	case procedure.ByNone:
		number = page.Fact{Label: "lodging.document.none", Value: g.Why}
	}
	reason := page.Fact{Label: "lodging.reason", Value: l.journey.Say(page.Language(r), "lodging.reason."+g.Reason, nil)}
	if g.Reason == "other" {
		reason.Value = g.ReasonText
	}
	return []page.Fact{{Label: "field.name", Value: g.Name, Change: change}, {Label: "field.birth_date", Value: g.BirthDate, Mono: true}, number,
		{Label: "lodging.arrives", Value: g.Time + ", " + g.From.Vietnamese(), Mono: true}, {Label: "lodging.leaves", Value: g.Until, Mono: true}, reason}
}

func (l *lodging) send(w http.ResponseWriter, r *http.Request, s step) {
	c, err := l.desk.Submit(r.Context(), s.applicant, s.kase.ID, page.Language(r))
	if err == nil {
		http.Redirect(w, r, "/cases/"+c.ID.String()+"?sent=1", http.StatusSeeOther)
		return
	}
	f := &page.Form{}
	if !f.FromFault(err) {
		l.fail(w, r, err)
		return
	}
	l.showReview(w, r, s, http.StatusUnprocessableEntity, f)
}
