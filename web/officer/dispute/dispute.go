// SPDX-License-Identifier: Apache-2.0

// Package dispute is where a registrar looks into a lodging notice that a guest
// contradicted, and says what she found.
//
// It shows what the notifier wrote of that guest and of no other, numbers by
// their last digits, once the look is in the log of both. The list stands beside
// the agenda. The room judges area and authority again with the decision.
package dispute

import (
	"embed"
	"net/http"
	"strconv"

	"danh/audit"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/procedure"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

type dispute struct {
	desk    *procedure.Desk
	site    *page.Site
	journey *page.Journey
}

// Mount puts the journey on the door.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, desk *procedure.Desk) {
	k := &dispute{desk: desk, site: site, journey: site.Journey(files)}
	mux.HandleFunc("GET /disputes/{code}/{guest}", guard.Require(office.Registrar, k.find))
	mux.HandleFunc("POST /disputes/{code}/{guest}", guard.Require(office.Registrar, k.decide))
}

func (k *dispute) find(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	k.show(w, r, by, http.StatusOK, &page.Form{})
}

// key reads which guest of the notice it is.
func (k *dispute) key(w http.ResponseWriter, r *http.Request) (code string, guest int, ok bool) {
	guest, err := strconv.Atoi(r.PathValue("guest"))
	if err != nil || guest < 1 {
		k.journey.Fail(w, r, fault.New(fault.NotFound, "dispute.not_found"))
		return "", 0, false
	}
	return r.PathValue("code"), guest, true
}

// tail leaves the last four characters of a number.
func tail(n string) string {
	if len(n) <= 4 {
		return n
	}
	return "···· " + n[len(n)-4:]
}

func (k *dispute) show(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, f *page.Form) {
	code, guest, ok := k.key(w, r)
	if !ok {
		return
	}
	d, err := k.desk.FindDispute(r.Context(), by, code, guest)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	k.journey.Render(w, r, status, "dispute", page.View{Layout: page.Desk, Task: "dispute.task", Title: page.Raw(d.Code), Back: "/disputes", BackTo: "dispute.back", Nav: "agenda", Form: f,
		Data: map[string]any{"Dispute": d, "Number": tail(d.Guest.Number), "Office": by.Name,
			"Choices": []page.Choice{{Value: string(procedure.Upheld), Text: "dispute.upheld", Hint: "dispute.upheld.hint"}, {Value: string(procedure.Unfounded), Text: "dispute.unfounded", Hint: "dispute.unfounded.hint"}}}})
}

func (k *dispute) decide(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	code, guest, ok := k.key(w, r)
	if !ok {
		return
	}
	f := page.FormFrom(r)
	if err := k.desk.DecideDispute(r.Context(), by, code, guest, procedure.Outcome(f.Value("outcome")), f.Value("words")); err != nil {
		if !f.FromFault(err) {
			k.journey.Fail(w, r, err)
			return
		}
		k.show(w, r, by, fault.Status(err), f)
		return
	}
	k.site.Flash(w, "ok", "dispute.done")
	http.Redirect(w, r, "/disputes", http.StatusSeeOther)
}
