// SPDX-License-Identifier: Apache-2.0

// Package recovery is where officers help somebody who lost what she signs in
// with: one vouches for her within a visit, a second one who was drawn confirms
// it, and registrars read what relatives report of a death.
//
// It shows neither password nor code of hers, and nothing that an officer does
// here opens an account to the officer: what was asked for is finished in the
// browser that asked.
package recovery

import (
	"embed"
	"net/http"

	"danh/account/recovery"
	"danh/audit"
	"danh/enrolment/keep"
	"danh/enrolment/visit"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the pages stand on.
type Config struct {
	Desk *recovery.Desk
	Keep *keep.Desk // nil: nobody vouches here
}

type journey struct {
	Config
	site *page.Site
	j    *page.Journey
}

const most = 200

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, c Config) {
	d := &journey{c, site, site.Journey(files)}
	if c.Keep != nil {
		staff := func(next func(http.ResponseWriter, *http.Request, audit.Actor)) http.HandlerFunc {
			return guard.RequireAny(next, office.IntakeOfficer, office.Approver)
		}
		mux.HandleFunc("GET /visits/{id}/recovery", staff(d.ask))
		mux.HandleFunc("POST /visits/{id}/recovery", staff(d.vouch))
	}
	mux.HandleFunc("GET /recoveries", guard.Require(office.Approver, d.list))
	mux.HandleFunc("POST /recoveries/{code}", guard.Require(office.Approver, d.confirm))
	mux.HandleFunc("GET /deaths", guard.Require(office.Registrar, d.deaths))
	mux.HandleFunc("GET /deaths/{code}", guard.Require(office.Registrar, d.death))
	mux.HandleFunc("POST /deaths/{code}", guard.Require(office.Registrar, d.closeDeath))
}

func (d *journey) ask(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	d.show(w, r, by, http.StatusOK, &page.Form{})
}

func (d *journey) show(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, f *page.Form) {
	in, err := visit.ParseID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "enrolment.visit.not_found"))
		return
	}
	v, err := d.Keep.FindVouching(r.Context(), by, in)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.j.Render(w, r, status, "vouch", page.View{Layout: page.Desk, Title: "recovery.vouch", Lede: "recovery.vouch.lede", Task: "recovery.task", Back: "/visits/" + v.ID.String() + "/account", Nav: "desk", Form: f,
		Data: map[string]any{"Visit": v, "Proved": v.Proved && v.Way == visit.Finger}})
}

func (d *journey) vouch(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	in, err := visit.ParseID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "enrolment.visit.not_found"))
		return
	}
	if !f.Require("code") {
		d.show(w, r, by, http.StatusUnprocessableEntity, f)
		return
	}
	if err := d.Keep.VouchRecovery(r.Context(), by, in, f.Value("code")); err != nil {
		if ft := fault.Of(err); ft == nil || len(ft.Fields) == 0 || !f.FromFault(err) {
			d.j.Fail(w, r, err)
			return
		}
		d.show(w, r, by, fault.Status(err), f)
		return
	}
	d.site.Flash(w, "ok", "recovery.vouched")
	http.Redirect(w, r, "/visits/"+in.String()+"/recovery", http.StatusSeeOther)
}

func (d *journey) list(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	list, err := d.Desk.ListAsked(r.Context(), by)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.j.Render(w, r, http.StatusOK, "list", page.View{Layout: page.Desk, Title: "recovery.list", Lede: "recovery.list.lede", Nav: "recoveries", Data: list})
}

func (d *journey) confirm(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	yes := page.FormFrom(r).Value("answer") == "yes"
	if err := d.Desk.Confirm(r.Context(), by, r.PathValue("code"), yes); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	key := "recovery.refused"
	if yes {
		key = "recovery.confirmed"
	}
	d.site.Flash(w, "ok", key)
	http.Redirect(w, r, "/recoveries", http.StatusSeeOther)
}

func (d *journey) deaths(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	list, err := d.Desk.ListDeaths(r.Context(), by, most)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.j.Render(w, r, http.StatusOK, "deaths", page.View{Layout: page.Desk, Title: "recovery.deaths", Lede: "recovery.deaths.lede", Nav: "deaths", Data: list})
}

func (d *journey) death(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f, err := d.Desk.FindDeath(r.Context(), by, r.PathValue("code"))
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	d.j.Render(w, r, http.StatusOK, "death", page.View{Layout: page.Desk, Title: page.Raw(f.Code), Task: "recovery.deaths", Back: "/deaths", BackTo: "recovery.deaths", Nav: "deaths", Data: f})
}

func (d *journey) closeDeath(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	if err := d.Desk.CloseDeath(r.Context(), by, r.PathValue("code")); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.site.Flash(w, "ok", "recovery.closed")
	http.Redirect(w, r, "/deaths", http.StatusSeeOther)
}
