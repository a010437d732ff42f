// SPDX-License-Identifier: Apache-2.0

// Package visit owns coming and going at the officer's door: the first page,
// signing in at the issuer and coming back, signing out, and the page that
// says which roles somebody holds, or why she holds none.
//
// It refuses to ask for a number or a password: those are typed at the
// citizen's door alone.
package visit

import (
	"embed"
	"net/http"

	"danh/internal/fault"
	"danh/internal/page"
	"danh/internal/relyingparty"
	"danh/office"
	"danh/partner"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

type visit struct {
	client  *relyingparty.Client
	journey *page.Journey
	agenda  bool // the door has the page of appointments
}

// Mount puts the journey on the door.
func Mount(mux *http.ServeMux, site *page.Site, client *relyingparty.Client, guard *session.Guard, agenda bool) {
	v := &visit{client: client, journey: site.Journey(files), agenda: agenda}
	mux.HandleFunc("GET /{$}", v.home)
	mux.HandleFunc("GET /signin", v.signIn)
	mux.HandleFunc("GET "+partner.CallbackPath, v.callback)
	mux.HandleFunc("POST /signout", func(w http.ResponseWriter, r *http.Request) { client.Logout(w, r) })
	mux.HandleFunc("GET /me", guard.Signed(v.me))
}

// home leads whoever holds a role to her work.
func (v *visit) home(w http.ResponseWriter, r *http.Request) {
	o, ok := session.From(r.Context())
	if !ok {
		v.journey.Render(w, r, http.StatusOK, "home", page.View{Layout: page.Desk, Title: "visit.home", Lede: "visit.home.lede", Data: session.SignIn("/")})
		return
	}
	to := "/me"
	if _, ok := o.Holds(office.Hotline); ok {
		to = "/hotline"
	}
	if _, ok := o.Holds(office.Approver); ok {
		to = "/dossiers?show=decide"
	}
	if _, ok := o.Holds(office.IntakeOfficer); ok {
		to = "/desk"
	}
	if _, ok := o.Holds(office.Operator); ok {
		to = "/operations"
	}
	if _, ok := o.Holds(office.Registrar); ok {
		to = "/cases"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (v *visit) signIn(w http.ResponseWriter, r *http.Request) {
	back := page.Local(r.URL.Query().Get("return"))
	if err := v.client.Begin(w, r, back, relyingparty.UILocales(page.Language(r))); err != nil {
		v.journey.Fail(w, r, err)
	}
}

// callback ends in a redirect, so that reloading the page never repeats a code.
func (v *visit) callback(w http.ResponseWriter, r *http.Request) {
	_, back, err := v.client.Callback(w, r)
	if err == nil {
		http.Redirect(w, r, back, http.StatusSeeOther)
		return
	}
	f := fault.Of(err)
	if f == relyingparty.ErrUnmet {
		v.journey.Render(w, r, fault.Status(err), "unmet", page.View{Layout: page.Desk, Title: "signin.unmet.title", Lede: "signin.unmet.lede",
			Data: map[string]string{"Again": session.SignIn(page.Local(back)), "Issuer": v.client.Issuer()}})
		return
	}
	if f == nil || f.Kind == fault.Unavailable {
		v.journey.Fail(w, r, err)
		return
	}
	key := "stale"
	if f == relyingparty.ErrDeclined {
		key = "declined"
	}
	v.journey.Render(w, r, fault.Status(err), "again", page.View{
		Layout: page.Desk, Title: "signin." + key + ".title", Lede: "signin." + key + ".lede", Data: session.SignIn(page.Local(back))})
}

// me says which roles somebody holds. Whoever holds none is told what
// happened, why, and what to do.
func (v *visit) me(w http.ResponseWriter, r *http.Request, o session.Officer) {
	_, receives := o.Holds(office.IntakeOfficer)
	_, decides := o.Holds(office.Registrar)
	view := page.View{Layout: page.Desk, Title: "visit.me", Lede: "visit.me.lede",
		Data: map[string]any{"Officer": o, "Issuer": v.client.Issuer(), "Agenda": v.agenda && (receives || decides)}}
	if len(o.Roles) == 0 {
		view.Title, view.Lede = "visit.none", "visit.none.lede"
	}
	v.journey.Render(w, r, http.StatusOK, "me", view)
}
