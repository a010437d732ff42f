// SPDX-License-Identifier: Apache-2.0

// Package visit is where she says on her own phone that she stands before an
// officer: which office asks, what for, and which of three numbers is on the
// officer's screen.
//
// Nothing is pre-chosen and there is no plain yes: whoever does not see the
// screen cannot know the number, and one wrong pick ends the request. The right
// number is never on this page.
package visit

import (
	"embed"
	"net/http"
	"strconv"

	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	desk  *visit.Desk
	clock clock.Clock
	site  *page.Site
	j     *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, desk *visit.Desk, c clock.Clock) {
	d := &journey{desk: desk, clock: c, site: site, j: site.Journey(files)}
	mux.Handle("GET /visits", session.Require(http.HandlerFunc(d.list)))
	mux.Handle("POST /visits/{id}", session.Here(http.HandlerFunc(d.answer)))
}

// request is what waits for her answer.
type request struct {
	visit.Visit
	Purpose page.Text
}

func (d *journey) list(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	list, err := d.desk.ListAsked(r.Context(), s.Actor())
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	purposes, err := d.desk.ListPurposes(r.Context())
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	var out []request
	for _, v := range list {
		q := request{Visit: v}
		for _, p := range purposes {
			if p.Name == v.Purpose {
				q.Purpose = page.Text{VI: p.VI, EN: p.EN}
			}
		}
		out = append(out, q)
	}
	d.j.Render(w, r, http.StatusOK, "list", page.View{Title: "visit.title", Lede: "visit.lede", Back: "/", BackTo: "visit.back", Task: "visit.task", Data: out})
}

func (d *journey) answer(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	form := page.FormFrom(r)
	key, err := visit.ParseID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "enrolment.visit.not_found"))
		return
	}
	answer := form.Value("answer")
	number, err := strconv.Atoi(answer)
	if answer != "no" && err != nil {
		d.j.Fail(w, r, fault.New(fault.Invalid, "visit.pick"))
		return
	}
	if err := d.desk.Answer(r.Context(), s.Actor(), key, number, answer != "no"); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	if answer == "no" {
		d.site.Flash(w, "ok", "visit.declined")
	} else {
		d.site.Flash(w, "ok", "visit.approved")
	}
	http.Redirect(w, r, "/visits", http.StatusSeeOther)
}
