// SPDX-License-Identifier: Apache-2.0

// Package agenda owns the page of a day's appointments at an office, for those who
// enrol people there and for those who decide: who is expected by code and time,
// and whether she came.
//
// It shows no name: an appointment is called up by its code. The diary judges
// when somebody may be marked as missed. Beside it stands what guests contradicted
// among the lodging notices to the office, by code and reason.
package agenda

import (
	"embed"
	"net/http"
	"strings"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/page"
	"danh/office"
	"danh/procedure"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

type agenda struct {
	diary   *office.Diary
	notices *procedure.Desk // nil where notices are not taken in
	clock   clock.Clock
	journey *page.Journey
	site    *page.Site
	desk    bool // the door opens visits
}

// Mount puts the journey on the door.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, diary *office.Diary, notices *procedure.Desk, desk bool, c clock.Clock) {
	a := &agenda{desk: desk, diary: diary, notices: notices, clock: c, journey: site.Journey(files), site: site}
	if notices != nil {
		mux.HandleFunc("GET /disputes", guard.Require(office.Registrar, a.disputes))
	}
	mux.HandleFunc("GET /agenda", guard.RequireAny(a.show, office.IntakeOfficer, office.Registrar))
	mux.HandleFunc("POST /agenda", guard.RequireAny(a.mark, office.IntakeOfficer, office.Registrar))
}

// hour is a bar of the day's drawing.
type hour struct {
	Hour, Count      int
	X, Y, Tall, Text int
}

type line struct {
	office.Expected
	Name     page.Text
	Came     bool // may be marked as attended
	NotCame  bool // may be marked as missed
	StateKey string
	Tone     string
	Purpose  string // of the visit that her procedure leads to
}

// purposeOf is the visit's purpose that an officer most likely needs; she may
// choose another.
func purposeOf(procedure string) string {
	switch {
	case strings.HasSuffix(procedure, "the-can-cuoc"):
		return "card"
	case procedure == "nang-muc-2":
		return "enrolment"
	}
	return "residence"
}

var tones = map[office.BookingState]string{office.Booked: "info", office.Attended: "ok", office.Missed: "danger", office.Past: "warn"}

func (a *agenda) show(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	form := page.FormFrom(r)
	today := clock.DateOf(a.clock.Now())
	day, err := clock.ParseDate(form.Value("day"))
	if err != nil || !day.Exact() {
		day = today
	}
	a.render(w, r, by, http.StatusOK, day, form)
}

func (a *agenda) render(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, day clock.Date, form *page.Form) {
	list, err := a.diary.ListDay(r.Context(), by, day)
	if err != nil {
		a.journey.Fail(w, r, err)
		return
	}
	now := a.clock.Now()
	o, _ := session.From(r.Context())
	_, decides := o.Holds(office.Registrar)
	var lines []line
	count := map[office.BookingState]int{}
	for _, e := range list {
		l := line{Expected: e, Name: page.Text{VI: e.NameVI, EN: e.NameEN}, StateKey: "agenda.state." + string(e.State), Tone: tones[e.State], Purpose: purposeOf(e.Procedure)}
		l.Came = e.State != office.Attended && !now.Before(e.Start.Add(-time.Hour))
		l.NotCame = e.State != office.Missed && !now.Before(e.End)
		count[e.State]++
		lines = append(lines, l)
	}
	a.journey.Render(w, r, status, "day", page.View{Layout: page.Desk, Wide: true, Title: "agenda.title", Lede: "agenda.lede", Args: map[string]string{"day": day.Vietnamese(), "office": by.Name}, Nav: "agenda", Form: form,
		Data: map[string]any{"Lines": lines, "Hours": hours(list), "Count": count, "All": len(list), "Notices": decides && a.notices != nil, "Desk": a.desk, "Day": day.String(), "Today": day == clock.DateOf(now),
			"Before": "/agenda?day=" + day.AddDays(-1).String(), "After": "/agenda?day=" + day.AddDays(1).String()}})
}

// hours are the day's appointments by hour, for the drawing; the table holds
// the same figures.
func hours(list []office.Expected) []hour {
	var out []hour
	most := 1
	for h := 7; h <= 17; h++ {
		n := 0
		for _, e := range list {
			if e.Start.In(clock.Vietnam).Hour() == h {
				n++
			}
		}
		most = max(most, n)
		out = append(out, hour{Hour: h, Count: n})
	}
	for i := range out {
		out[i].X = 2 + i*24
		out[i].Tall = out[i].Count * 48 / most
		out[i].Y = 70 - out[i].Tall
		out[i].Text = out[i].X + 9
	}
	return out
}

func (a *agenda) mark(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	form := page.FormFrom(r)
	day, err := clock.ParseDate(form.Value("day"))
	if err != nil || !day.Exact() {
		day = clock.DateOf(a.clock.Now())
	}
	if !form.OK() || !form.Require("code", "came") {
		a.render(w, r, by, http.StatusUnprocessableEntity, day, form)
		return
	}
	err = a.diary.Mark(r.Context(), by, form.Value("code"), form.Value("came") == "yes")
	switch {
	case err == nil:
		a.site.Flash(w, "ok", "agenda.marked")
		http.Redirect(w, r, "/agenda?day="+day.String(), http.StatusSeeOther)
	case form.FromFault(err):
		a.render(w, r, by, http.StatusConflict, day, form)
	default:
		a.journey.Fail(w, r, err)
	}
}

// disputes lists what guests said is not so, the longest waiting first.
func (a *agenda) disputes(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	list, all, err := a.notices.ListDisputed(r.Context(), by)
	if err != nil {
		a.journey.Fail(w, r, err)
		return
	}
	a.journey.Render(w, r, http.StatusOK, "disputes", page.View{Layout: page.Desk, Wide: true, Title: "agenda.disputes", Lede: "agenda.disputes.lede", Args: map[string]string{"office": by.Name}, Back: "/agenda", BackTo: "agenda.back", Nav: "agenda",
		Data: map[string]any{"List": list, "All": all}})
}
