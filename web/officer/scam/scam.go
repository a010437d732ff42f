// SPDX-License-Identifier: Apache-2.0

// Package scam is where a registrar reads what people reported of calls,
// messages and sites, and puts the tricks among it into words for everybody.
//
// What somebody wrote is shown to the one who opens it, is in the log, and never
// becomes public: a trick has the registrar's words.
package scam

import (
	"embed"
	"net/http"

	"danh/account/scam"
	"danh/audit"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	desk *scam.Desk
	site *page.Site
	j    *page.Journey
}

const most = 200

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, d *scam.Desk) {
	k := &journey{d, site, site.Journey(files)}
	mux.HandleFunc("GET /scams", guard.Require(office.Registrar, k.list))
	mux.HandleFunc("GET /scams/{code}", guard.Require(office.Registrar, k.find))
	mux.HandleFunc("POST /scams/{code}", guard.Require(office.Registrar, k.decide))
	mux.HandleFunc("POST /scams/tricks/{id}/end", guard.Require(office.Registrar, k.withdraw))
}

func (k *journey) list(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	waiting, n, err := k.desk.ListWaiting(r.Context(), by, most)
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	tricks, err := k.desk.ListTricks(r.Context())
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	k.j.Render(w, r, http.StatusOK, "list", page.View{Layout: page.Desk, Title: "scams.title", Lede: "scams.lede", Nav: "scams", Data: map[string]any{"Waiting": waiting, "All": n, "Tricks": tricks}})
}

func (k *journey) find(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	k.show(w, r, by, http.StatusOK, &page.Form{})
}

func (k *journey) show(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, f *page.Form) {
	file, err := k.desk.FindFile(r.Context(), by, r.PathValue("code"))
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	tricks, err := k.desk.ListTricks(r.Context())
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	known := []page.Choice{{Text: "scams.known.none"}}
	for _, t := range tricks {
		known = append(known, page.Choice{Value: t.ID.String(), Text: page.Text{VI: t.Title.VI, EN: t.Title.EN}})
	}
	w.Header().Set("Cache-Control", "no-store")
	k.j.Render(w, r, status, "show", page.View{Layout: page.Desk, Title: page.Raw(file.Code), Task: "scams.task", Back: "/scams", BackTo: "scams.title", Nav: "scams", Form: f,
		Data: map[string]any{"File": file, "Known": known, "Any": len(tricks) > 0}})
}

func (k *journey) decide(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	in := scam.Decision{Title: scam.Words{VI: f.Value("title_vi"), EN: f.Value("title_en")}, Words: scam.Words{VI: f.Value("words_vi"), EN: f.Value("words_en")}}
	switch f.Value("act") {
	case "publish":
		in.Publish = true
	case "known":
		t, err := scam.ParseTrickID(f.Value("known"))
		if err != nil || t.IsZero() {
			f.Add("known", "scam.known")
			k.show(w, r, by, http.StatusUnprocessableEntity, f)
			return
		}
		in.Publish, in.Known = true, t
	case "close":
	default:
		k.j.Fail(w, r, fault.New(fault.NotFound, "fault.not_found"))
		return
	}
	if err := k.desk.Decide(r.Context(), by, r.PathValue("code"), in); err != nil {
		if !f.FromFault(err) {
			k.j.Fail(w, r, err)
			return
		}
		k.show(w, r, by, fault.Status(err), f)
		return
	}
	k.site.Flash(w, "ok", "scams.done")
	http.Redirect(w, r, "/scams", http.StatusSeeOther)
}

func (k *journey) withdraw(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	t, err := scam.ParseTrickID(r.PathValue("id"))
	if err != nil {
		k.j.Fail(w, r, fault.New(fault.NotFound, "scam.not_found"))
		return
	}
	if err := k.desk.WithdrawTrick(r.Context(), by, t); err != nil {
		k.j.Fail(w, r, err)
		return
	}
	k.site.Flash(w, "ok", "scams.withdrawn")
	http.Redirect(w, r, "/scams", http.StatusSeeOther)
}
