// SPDX-License-Identifier: Apache-2.0

// Package call is where an officer of an open dossier says that she is about to
// telephone, and gets the two digits that she says first.
//
// There is no number to dial here: she has it in the dossier, or not at all.
package call

import (
	"embed"
	"net/http"

	"danh/audit"
	"danh/enrolment"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	office *enrolment.Office
	j      *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, o *enrolment.Office) {
	d := &journey{o, site.Journey(files)}
	mux.HandleFunc("GET /dossiers/{id}/call", guard.RequireAny(d.ask, office.IntakeOfficer, office.Approver))
	mux.HandleFunc("POST /dossiers/{id}/call", guard.RequireAny(d.announce, office.IntakeOfficer, office.Approver))
}

func (d *journey) ask(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	d.show(w, r, by, http.StatusOK, &page.Form{})
}

func (d *journey) show(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, f *page.Form) {
	key, err := enrolment.ParseDossierID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "enrolment.not_found"))
		return
	}
	x, err := d.office.Find(r.Context(), by, key)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	var reasons []page.Choice
	for _, v := range enrolment.CallReasons {
		reasons = append(reasons, page.Choice{Value: v, Text: "call.reason." + v})
	}
	d.j.Render(w, r, status, "ask", page.View{Layout: page.Desk, Title: "call.title", Lede: "call.lede", Task: "call.task", Back: "/dossiers/" + key.String(), BackTo: "call.back", Nav: "dossiers", Form: f,
		Data: map[string]any{"Code": x.Code, "Reasons": reasons}})
}

func (d *journey) announce(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	key, err := enrolment.ParseDossierID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "enrolment.not_found"))
		return
	}
	c, err := d.office.AnnounceCall(r.Context(), by, key, f.Value("reason"))
	if err != nil {
		if !f.FromFault(err) {
			d.j.Fail(w, r, err)
			return
		}
		d.show(w, r, by, fault.Status(err), f)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	d.j.Render(w, r, http.StatusOK, "say", page.View{Layout: page.Desk, Title: "call.say", Task: "call.task", Back: "/dossiers/" + key.String(), BackTo: "call.back", Nav: "dossiers", Data: c})
}
