// SPDX-License-Identifier: Apache-2.0

// Package warrant is where officers take in, pass on and decide what competent
// bodies and service providers ask: that an account be locked, and later that it
// be unlocked.
//
// The days that the law gives stand beside each request, and a day that was missed
// stays to be seen. Whoever began a step is not offered its end.
package warrant

import (
	"embed"
	"net/http"

	"danh/account/warrant"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/registry/population"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	desk *warrant.Desk
	site *page.Site
	j    *page.Journey
}

const most = 200

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, d *warrant.Desk) {
	k := &journey{d, site, site.Journey(files)}
	all := []office.Role{office.Registrar, office.IntakeOfficer, office.Approver}
	takers := all[:2]
	for pattern, h := range map[string]struct {
		do    func(http.ResponseWriter, *http.Request, audit.Actor)
		roles []office.Role
	}{
		"GET /warrants":                 {k.list, all},
		"GET /warrants/new":             {k.ask, takers},
		"POST /warrants/new":            {k.receive, takers},
		"GET /warrants/{code}":          {k.find, all},
		"POST /warrants/{code}/forward": {k.forward, takers},
		"POST /warrants/{code}/decide":  {k.decide, []office.Role{office.Approver}},
		"POST /warrants/{code}/end":     {k.askEnd, takers},
		"POST /warrants/{code}/ended":   {k.confirmEnd, []office.Role{office.Approver}},
	} {
		mux.HandleFunc(pattern, guard.RequireAny(h.do, h.roles...))
	}
}

func (k *journey) list(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	lines, err := k.desk.List(r.Context(), by, most)
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	o, _ := session.From(r.Context())
	_, takes := o.Holds(office.Registrar)
	if !takes {
		_, takes = o.Holds(office.IntakeOfficer)
	}
	k.j.Render(w, r, http.StatusOK, "list", page.View{Layout: page.Desk, Title: "warrants.title", Lede: "warrants.lede", Nav: "warrants", Data: map[string]any{"Lines": lines, "Takes": takes}})
}

func (k *journey) ask(w http.ResponseWriter, r *http.Request, _ audit.Actor) {
	k.showForm(w, r, http.StatusOK, &page.Form{})
}

func (k *journey) showForm(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	grounds, err := k.desk.ListGrounds(r.Context())
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	var choices []page.Choice
	for _, g := range grounds {
		choices = append(choices, page.Choice{Value: g.Key, Text: "warrants.ground." + g.Key, Hint: page.Raw(g.Source)})
	}
	w.Header().Set("Cache-Control", "no-store")
	k.j.Render(w, r, status, "new", page.View{Layout: page.Desk, Title: "warrants.new", Lede: "warrants.new.lede", Task: "warrants.task", Back: "/warrants", BackTo: "warrants.title", Nav: "warrants", Form: f, Data: map[string]any{"Grounds": choices}})
}

func (k *journey) receive(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	in := warrant.Request{Ground: f.Value("ground"), Number: population.Number(f.Digits("number")), Body: f.Value("body"), Document: f.Value("document"), Words: f.Value("words")}
	for name, into := range map[string]*clock.Date{"day": &in.Day, "until": &in.Until} {
		v := f.Value(name)
		if v == "" {
			continue
		}
		day, err := clock.ParseDate(v)
		if err != nil {
			f.Add(name, "problem.date")
			continue
		}
		*into = day
	}
	if !f.OK() {
		k.showForm(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	code, err := k.desk.Receive(r.Context(), by, in)
	if err != nil {
		if !f.FromFault(err) {
			k.j.Fail(w, r, err)
			return
		}
		k.showForm(w, r, fault.Status(err), f)
		return
	}
	k.site.Flash(w, "ok", "warrants.received")
	http.Redirect(w, r, "/warrants/"+code, http.StatusSeeOther)
}

func (k *journey) find(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	k.show(w, r, by, http.StatusOK, &page.Form{})
}

func (k *journey) show(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, f *page.Form) {
	file, err := k.desk.Find(r.Context(), by, r.PathValue("code"))
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	k.j.Render(w, r, status, "show", page.View{Layout: page.Desk, Title: page.Raw(file.Code), Task: "warrants.task", Back: "/warrants", BackTo: "warrants.title", Nav: "warrants", Form: f,
		Data: map[string]any{"File": file, "Number": file.Number.Reveal(), "Ground": file.Line.Ground, "Until": file.Line.Until}})
}

// done goes back to the request after a step, or shows what was wrong.
func (k *journey) done(w http.ResponseWriter, r *http.Request, by audit.Actor, f *page.Form, err error, word string) {
	if err != nil {
		if ft := fault.Of(err); ft == nil || ft.Kind != fault.Invalid || !f.FromFault(err) {
			k.j.Fail(w, r, err)
			return
		}
		k.show(w, r, by, fault.Status(err), f)
		return
	}
	k.site.Flash(w, "ok", word)
	http.Redirect(w, r, "/warrants/"+r.PathValue("code"), http.StatusSeeOther)
}

func (k *journey) forward(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	k.done(w, r, by, page.FormFrom(r), k.desk.Forward(r.Context(), by, r.PathValue("code")), "warrants.forwarded")
}

func (k *journey) decide(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	if f.Value("answer") == "yes" {
		k.done(w, r, by, f, k.desk.Approve(r.Context(), by, r.PathValue("code")), "warrants.locked")
		return
	}
	k.done(w, r, by, f, k.desk.Refuse(r.Context(), by, r.PathValue("code"), f.Value("why")), "warrants.refused")
}

func (k *journey) askEnd(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	k.done(w, r, by, f, k.desk.AskEnd(r.Context(), by, r.PathValue("code"), f.Value("ending")), "warrants.ending")
}

func (k *journey) confirmEnd(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	yes := f.Value("answer") == "yes"
	word := "warrants.stays"
	if yes {
		word = "warrants.ended"
	}
	k.done(w, r, by, f, k.desk.ConfirmEnd(r.Context(), by, r.PathValue("code"), yes), word)
}
