// SPDX-License-Identifier: Apache-2.0

// Package card is where an officer acts on the card of somebody before her:
// reports it lost, takes it into custody, gives it back, revokes it.
//
// It shows cards within a visit alone and only the steps that the officer's
// role and the card's state allow; the room decides again when one is taken.
package card

import (
	"embed"
	"net/http"

	"danh/audit"
	"danh/enrolment/keep"
	"danh/enrolment/visit"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/registry/card"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	visits *visit.Desk
	office *keep.Desk
	site   *page.Site
	j      *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, visits *visit.Desk, o *keep.Desk) {
	d := &journey{visits: visits, office: o, site: site, j: site.Journey(files)}
	mux.HandleFunc("GET /visits/{id}/cards", guard.RequireAny(d.list, office.IntakeOfficer, office.Approver))
	mux.HandleFunc("POST /visits/{id}/cards/{card}", guard.RequireAny(d.keep, office.IntakeOfficer, office.Approver))
}

// line is a card with what may be done with it.
type line struct {
	card.Card
	Steps []step
	Form  *page.Form
}

type step struct {
	Name    string
	Reasons []page.Choice
}

func (d *journey) list(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	d.show(w, r, by, http.StatusOK, card.ID{}, nil)
}

// show shows the cards; the form that was sent wrongly keeps what it held.
func (d *journey) show(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, wrong card.ID, f *page.Form) {
	in, err := visit.ParseID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "enrolment.visit.not_found"))
		return
	}
	folio, err := d.visits.Look(r.Context(), by, in, visit.PartCards)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	lines := make([]line, 0, len(folio.Cards))
	for _, c := range folio.Cards {
		l := line{Card: c, Form: &page.Form{}}
		if f != nil && c.ID == wrong {
			l.Form = f
		}
		steps, err := d.office.ListCardSteps(r.Context(), by, c.State)
		if err != nil {
			d.j.Fail(w, r, err)
			return
		}
		for _, s := range steps {
			x := step{Name: string(s.Step)}
			for _, k := range s.Reasons {
				x.Reasons = append(x.Reasons, page.Choice{Value: k, Text: "card.reason." + k})
			}
			l.Steps = append(l.Steps, x)
		}
		lines = append(lines, l)
	}
	d.j.Render(w, r, status, "list", page.View{Layout: page.Desk, Title: "card.title", Task: "card.task", Back: "/visits/" + in.String(), Form: f,
		Data: map[string]any{"Visit": folio.Visit, "Cards": lines}})
}

func (d *journey) keep(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	in, err := visit.ParseID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "enrolment.visit.not_found"))
		return
	}
	c, err := card.ParseID(r.PathValue("card"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "card.not_found"))
		return
	}
	f := page.FormFrom(r)
	if err := d.office.KeepCard(r.Context(), by, in, c, card.Step(f.Value("step")), f.Value("reason")); err != nil {
		if !f.FromFault(err) {
			d.j.Fail(w, r, err)
			return
		}
		d.show(w, r, by, fault.Status(err), c, f)
		return
	}
	d.site.Flash(w, "ok", "card.kept")
	http.Redirect(w, r, "/visits/"+in.String()+"/cards", http.StatusSeeOther)
}
