// SPDX-License-Identifier: Apache-2.0

// Package desk owns the officer's pages about people: finding whoever stands at
// the counter, opening a visit by chip, fingers, her phone or without proof, the
// folio that a visit lets her see, breaking the glass, and the reviews of that.
//
// A search shows a name, a birth year and four digits. Numbers travel in forms
// and never in an address. A visit without proof says so on every page. The
// pages decide nothing: whatever they send is judged by the room.
package desk

import (
	"embed"
	"net/http"
	"slices"
	"strings"

	"danh/audit"
	"danh/biometric/raster"
	"danh/enrolment/counter"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/page"
	"danh/internal/reader"
	"danh/office"
	"danh/registry/population"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the journey stands on.
type Config struct {
	Visits   *visit.Desk
	Counters *counter.Desk // nil: no reader is paired with this door
	Clock    clock.Clock
}

type desk struct {
	Config
	journey *page.Journey
	site    *page.Site
}

// script is the module that speaks to the counter's reader; its journey serves it.
const script = "/counters/reader.js"

// Mount puts the journey on the door.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, c Config) {
	k := &desk{Config: c, journey: site.Journey(files), site: site}
	staff := func(next func(http.ResponseWriter, *http.Request, audit.Actor)) http.HandlerFunc {
		return guard.RequireAny(next, office.IntakeOfficer, office.Approver, office.Registrar)
	}
	mux.HandleFunc("GET /desk", staff(k.ask))
	mux.HandleFunc("POST /desk", staff(k.search))
	mux.HandleFunc("POST /desk/symbol", staff(k.symbol))
	mux.HandleFunc("GET "+scannerPath, k.scanner)
	mux.HandleFunc("GET /visits", staff(func(w http.ResponseWriter, r *http.Request, _ audit.Actor) {
		http.Redirect(w, r, "/desk", http.StatusSeeOther)
	}))
	mux.HandleFunc("POST /visits", staff(k.open))
	mux.HandleFunc("POST /visits/fingers", staff(k.askFingers))
	mux.HandleFunc("GET /visits/{id}", staff(k.show))
	mux.HandleFunc("POST /visits/{id}/end", staff(k.end))
	mux.HandleFunc("GET /breakglass", staff(k.askBreak))
	mux.HandleFunc("POST /breakglass", staff(k.breakGlass))
	mux.HandleFunc("GET /reviews", guard.Require(office.Approver, k.reviews))
	mux.HandleFunc("POST /reviews/{id}", guard.Require(office.Approver, k.review))
}

func (k *desk) ask(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	form := page.FormFrom(r)
	k.render(w, r, by, http.StatusOK, form, nil, form.Value("purpose")) // an appointment leads here with its own
}

// found is a person whom a search showed, with what opens a visit with her.
type found struct {
	visit.Hit
	Number  string // typed or scanned; it goes on in the form alone
	Printed string
}

// search answers in place: what was typed must not stand in an address.
func (k *desk) search(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	r.Body = http.MaxBytesReader(nil, r.Body, raster.MaxBytes+1<<20)
	_ = r.ParseMultipartForm(raster.MaxBytes + 2<<20)
	form := page.FormFrom(r)
	if err := photo(r, form); err != nil && !form.FromFault(err) {
		k.journey.Fail(w, r, err)
		return
	}
	q := visit.Query{Name: form.Value("name"), Document: form.Value("document"), Country: form.Value("country")}
	text, printed := form.Value("q"), ""
	switch s, ok := visit.ReadScanned(text, clock.DateOf(k.Clock.Now())); {
	case ok && !s.Document.IsZero():
		q.Kind, q.Country, q.Document = s.Document.Kind, s.Document.Country, s.Document.Number
	case ok:
		q.Number, printed = s.Number.Reveal(), s.Printed
	default:
		q.Number = form.Digits("q")
	}
	if d := form.Value("birth_date"); d != "" {
		var err error
		if q.BirthDate, err = clock.ParseDate(d); err != nil {
			form.Add("birth_date", "problem.date")
		}
	}
	var hits []found
	if form.OK() {
		list, err := k.Visits.Search(r.Context(), by, q)
		switch {
		case err == nil:
			for _, h := range list {
				hits = append(hits, found{Hit: h, Number: q.Number, Printed: printed})
			}
			form.Set("q", "").Set("found", "yes")
		case onForm(form, err):
		default:
			k.journey.Fail(w, r, err)
			return
		}
	}
	status := http.StatusOK
	if !form.OK() {
		status = http.StatusUnprocessableEntity
	}
	k.render(w, r, by, status, form, hits, form.Value("purpose"))
}

// onForm puts a fault on the form; the room's word for a number is the page's
// one field.
func onForm(form *page.Form, err error) bool {
	if f := fault.Of(err); f != nil {
		for i := range f.Fields {
			if f.Fields[i].Name == "number" {
				f.Fields[i].Name = "q"
			}
		}
	}
	return form.FromFault(err)
}

func (k *desk) render(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, form *page.Form, hits []found, purpose string) {
	purposes, err := k.Visits.ListPurposes(r.Context())
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	today, err := k.Visits.List(r.Context(), by)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	named := func(p visit.Purpose) bool { return p.Name == purpose }
	if !slices.ContainsFunc(purposes, named) {
		purpose = "enrolment"
	}
	form.Set("purpose", purpose)
	i := slices.IndexFunc(purposes, named)
	o, _ := session.From(r.Context())
	_, approves := o.Holds(office.Approver)
	data := map[string]any{"Hits": hits, "Searched": form.Has("found", "yes"), "Purposes": choices(purposes), "Purpose": purpose, "Unproved": i >= 0 && purposes[i].Unproved,
		"Today": today, "Office": by.Name, "Approves": approves, "Now": k.Clock.Now()}
	k.withReader(w, r, data)
	k.journey.Render(w, r, status, "desk", page.View{Layout: page.Desk, Wide: true, Title: "desk.title", Lede: "desk.lede", Nav: "desk", Form: form, Data: data})
}

// withReader lets a page read by the counter's reader, when the officer may.
func (k *desk) withReader(w http.ResponseWriter, r *http.Request, data map[string]any) {
	o, _ := session.From(r.Context())
	_, reads := o.Holds(office.IntakeOfficer)
	data["Reads"] = reads && k.Counters != nil
	data["Script"], data["Scanner"] = script, scannerPath
	if reads && k.Counters != nil {
		page.AllowConnect(w, reader.AgentOrigin)
	}
}

func choices(list []visit.Purpose) []page.Choice {
	var out []page.Choice
	for _, p := range list {
		hint := "desk.purpose.proof"
		if p.Unproved {
			hint = "desk.purpose.any"
		}
		out = append(out, page.Choice{Value: p.Name, Text: page.Text{VI: upper(p.VI), EN: upper(p.EN)}, Hint: hint})
	}
	return out
}

// upper begins a choice with a capital; the rows serve in sentences as well.
func upper(s string) string {
	if s == "" {
		return s
	}
	r := []rune(s)
	return strings.ToUpper(string(r[:1])) + string(r[1:])
}

// person reads whom a form means: somebody whom a search showed, or a number.
func person(form *page.Form) (o visit.Opening) {
	o.Way, o.Purpose, o.Printed = visit.Way(form.Value("way")), form.Value("purpose"), form.Value("printed")
	if p, err := id.Parse[any](form.Value("person")); err == nil {
		o.Person = id.Person(p)
	}
	if o.Person.IsZero() {
		o.Number, _ = population.ParseNumber(form.Value("number"))
	}
	return o
}
