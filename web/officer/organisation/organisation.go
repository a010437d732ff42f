// SPDX-License-Identifier: Apache-2.0

// Package organisation is where officers take in form TK02, ask for what is
// missing and decide the applications of organisations that the registries
// alone cannot: with the law's day beside each.
//
// Whoever took a paper in is not offered its decision, and the room refuses it.
package organisation

import (
	"embed"
	"net/http"

	desk "danh/account/organisation"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/registry/organisation"
	"danh/registry/population"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	desk  *desk.Desk
	clock clock.Clock
	site  *page.Site
	j     *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, d *desk.Desk, c clock.Clock) {
	k := &journey{d, c, site, site.Journey(files)}
	all := []office.Role{office.Registrar, office.IntakeOfficer, office.Approver}
	for pattern, h := range map[string]struct {
		do    func(http.ResponseWriter, *http.Request, audit.Actor)
		roles []office.Role
	}{
		"GET /organisations":                    {k.list, all},
		"GET /organisations/new":                {k.ask, all[:2]},
		"POST /organisations/new":               {k.take, all[:2]},
		"GET /organisations/{code}":             {k.find, all},
		"POST /organisations/{code}/supplement": {k.supplement, all},
		"POST /organisations/{code}/supplied":   {k.supplied, all},
		"POST /organisations/{code}/decide":     {k.decide, []office.Role{office.Approver}},
	} {
		mux.HandleFunc(pattern, guard.RequireAny(h.do, h.roles...))
	}
}

func (k *journey) list(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	list, err := k.desk.List(r.Context(), by)
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	o, _ := session.From(r.Context())
	_, takes := o.Holds(office.Registrar)
	if !takes {
		_, takes = o.Holds(office.IntakeOfficer)
	}
	k.j.Render(w, r, http.StatusOK, "list", page.View{Layout: page.Desk, Title: "organisations.title", Lede: "organisations.lede", Nav: "organisations", Data: map[string]any{"Lines": list, "Takes": takes, "Now": k.clock.Now()}})
}

func (k *journey) ask(w http.ResponseWriter, r *http.Request, _ audit.Actor) {
	k.showForm(w, r, http.StatusOK, &page.Form{})
}

func (k *journey) showForm(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	w.Header().Set("Cache-Control", "no-store")
	k.j.Render(w, r, status, "new", page.View{Layout: page.Desk, Title: "organisations.new", Lede: "organisations.new.lede", Task: "organisations.task", Back: "/organisations", BackTo: "organisations.title", Nav: "organisations", Form: f})
}

func (k *journey) take(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	n, err := organisation.ParseNumber(f.Value("code"))
	if err != nil {
		f.Add("code", "organisation.number.invalid")
	}
	p, err := population.ParseNumber(f.Digits("number"))
	if err != nil {
		f.Add("number", "organisations.number.form")
	}
	if !f.Has("signed", "yes") {
		f.Add("signed", "organisations.signed.needed")
	}
	if !f.OK() {
		k.showForm(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	a, err := k.desk.TakePaper(r.Context(), by, n, p)
	if err != nil {
		ft := fault.Of(err)
		if ft == nil {
			k.j.Fail(w, r, err)
			return
		}
		f.Add("code", ft.Key)
		k.showForm(w, r, fault.Status(err), f)
		return
	}
	k.site.Flash(w, "ok", "organisations.taken")
	http.Redirect(w, r, "/organisations/"+a.Code, http.StatusSeeOther)
}

func (k *journey) find(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	k.show(w, r, by, http.StatusOK, &page.Form{})
}

func (k *journey) show(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, f *page.Form) {
	a, err := k.desk.Find(r.Context(), by, r.PathValue("code"))
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	o, _ := session.From(r.Context())
	_, decides := o.Holds(office.Approver)
	w.Header().Set("Cache-Control", "no-store")
	k.j.Render(w, r, status, "show", page.View{Layout: page.Desk, Title: page.Raw(a.Organisation.Name), Task: "organisations.task", Back: "/organisations", BackTo: "organisations.title", Nav: "organisations", Form: f,
		Data: map[string]any{"A": a, "Decides": decides && !a.TakenBy(by), "Late": a.Late(k.clock.Now())}})
}

// done goes back to the application after a step, or shows what was wrong.
func (k *journey) done(w http.ResponseWriter, r *http.Request, by audit.Actor, f *page.Form, err error) {
	if err != nil {
		if ft := fault.Of(err); ft == nil || ft.Kind != fault.Invalid || !f.FromFault(err) {
			k.j.Fail(w, r, err)
			return
		}
		k.show(w, r, by, http.StatusUnprocessableEntity, f)
		return
	}
	http.Redirect(w, r, "/organisations/"+r.PathValue("code"), http.StatusSeeOther)
}

func (k *journey) supplement(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	k.done(w, r, by, f, k.desk.AskSupplement(r.Context(), by, r.PathValue("code"), f.Value("asked")))
}

func (k *journey) supplied(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	k.done(w, r, by, page.FormFrom(r), k.desk.Supplied(r.Context(), by, r.PathValue("code")))
}

func (k *journey) decide(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	k.done(w, r, by, f, k.desk.Decide(r.Context(), by, r.PathValue("code"), f.Value("answer") == "yes", f.Value("why")))
}
