// SPDX-License-Identifier: Apache-2.0

// Package cases owns "Hồ sơ của tôi": drafts and cases, the course of each, the
// receipt to print, tracking by code for whoever holds it, and what a guest is
// told about notices that name her.
//
// A case is shown whole to the account that filed it and to nobody else; the
// public page shows its state only, for the code and the phone's last digits.
package cases

import (
	"embed"
	"net/http"
	"slices"
	"sync"
	"time"

	"danh/enrolment"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/procedure"
	"danh/web/portal/session"
)

//go:embed *.html *.text.json
var files embed.FS

type cases struct {
	desk    *procedure.Desk
	cards   *enrolment.Office // nil: no card can be asked for here
	clock   clock.Clock
	journey *page.Journey
	site    *page.Site
	tries   tries
}

// Mount puts the journey on the door.
func Mount(mux *http.ServeMux, site *page.Site, desk *procedure.Desk, cards *enrolment.Office, c clock.Clock) {
	k := &cases{desk: desk, cards: cards, clock: c, journey: site.Journey(files), site: site}
	mux.HandleFunc("GET /cases", session.Require(k.as(k.list)))
	mux.HandleFunc("GET /cases/{case}", session.Require(k.as(k.one)))
	mux.HandleFunc("GET /cases/{case}/receipt", session.Require(k.as(k.receipt)))
	mux.HandleFunc("GET /told/{guest}", session.Require(k.as(k.told)))
	mux.HandleFunc("POST /told/{guest}", session.Require(k.as(k.dispute)))
	mux.HandleFunc("GET /track", k.askTrack)
	mux.HandleFunc("POST /track", k.track)
}

func (k *cases) as(h func(http.ResponseWriter, *http.Request, procedure.Applicant)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := session.Applicant(r, k.desk)
		if err != nil {
			k.journey.Fail(w, r, err)
			return
		}
		h(w, r, a)
	}
}

func (k *cases) list(w http.ResponseWriter, r *http.Request, a procedure.Applicant) {
	all, err := k.desk.List(r.Context(), a, 100)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	told, err := k.desk.ListTold(r.Context(), a)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	// Appointments and cards are people's: those of whoever acts for an
	// organisation are none of its.
	var appointments []office.Booking
	if !a.Account.Organisation {
		if appointments, err = k.desk.Diary().List(r.Context(), a.By); err != nil {
			k.journey.Fail(w, r, err)
			return
		}
	}
	var cards []enrolment.Request
	if k.cards != nil && !a.Account.Organisation {
		if cards, err = k.cards.ListRequests(r.Context(), a.By); err != nil {
			k.journey.Fail(w, r, err)
			return
		}
		cards = slices.DeleteFunc(cards, func(x enrolment.Request) bool { return x.Name == "" }) // its person was forgotten
	}
	var drafts, sent []procedure.Case
	for _, c := range all {
		switch {
		case c.State != procedure.Draft:
			sent = append(sent, c)
		case c.Touched:
			drafts = append(drafts, c)
		}
	}
	k.journey.Render(w, r, http.StatusOK, "list", page.View{Layout: page.Desk, Title: "cases.title", Lede: "cases.lede", Nav: "cases",
		Data: map[string]any{"Drafts": drafts, "Sent": sent, "Told": told, "Appointments": appointments, "Cards": cards}})
}

var errNone = fault.New(fault.NotFound, "case.not_found")

// find is the case that the path names, when it is the applicant's own.
func (k *cases) find(r *http.Request, a procedure.Applicant) (procedure.Case, error) {
	id, err := procedure.ParseCaseID(r.PathValue("case"))
	if err != nil {
		return procedure.Case{}, errNone
	}
	return k.desk.Find(r.Context(), a, id)
}

// one shows a case: where it stands, its course, what was written.
func (k *cases) one(w http.ResponseWriter, r *http.Request, a procedure.Applicant) {
	c, err := k.find(r, a)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	if c.State == procedure.Draft {
		http.Redirect(w, r, "/lodging/"+c.ID.String()+"/"+draftStep(c), http.StatusSeeOther)
		return
	}
	k.journey.Render(w, r, http.StatusOK, "case", page.View{Layout: page.Desk, Task: page.Raw(k.journey.Say(page.Language(r), "cases.lodging", nil) + " · " + c.Office),
		Title: "cases.case", Args: map[string]string{"code": c.Code}, Nav: "cases", Back: "/cases", BackTo: "cases.title",
		Data: map[string]any{"Case": c, "Sent": r.URL.Query().Get("sent") == "1", "Events": course(c.State, c.Events, c.DueAt, c.Office),
			"Guests": guests(c), "Place": c.Notice.Place.Line(), "Disputed": c.State == procedure.Disputed}})
}

func draftStep(c procedure.Case) string {
	switch {
	case c.Step == procedure.StepReview && c.Guests > 0:
		return "review"
	case c.Step == procedure.StepGuest || c.Step == procedure.StepReview:
		return "guest/1"
	}
	return "place"
}

// line is a guest as the case shows her to the notifier: what she typed.
type line struct {
	N                int
	Name             string
	From, Until      clock.Date
	Time             string
	Document, Number string
}

func guests(c procedure.Case) []line {
	var out []line
	for i, g := range c.Notice.Guests {
		n := g.Number
		if len(n) > 4 {
			n = "•••• " + n[len(n)-4:]
		}
		out = append(out, line{i + 1, g.Name, g.From, g.Until, g.Time, string(g.Document), n})
	}
	return out
}

// course is the timeline, the latest first. A notice is received at once, so
// its clock has run out in one step; what may still come is dotted.
func course(state procedure.State, events []procedure.Event, due time.Time, office string) []page.Event {
	var out []page.Event
	for i := len(events) - 1; i >= 0; i-- {
		e := events[i]
		p := page.Event{Line: "solid", Text: "event." + e.Kind, Sub: "event." + e.Kind + ".sub", At: e.At}
		switch e.Kind {
		case "late":
			p.Bad, p.Icon = true, "clock"
		case "disputed":
			p.Line, p.Bad, p.Icon = "dashed", true, "flag"
		case "received":
			if office != "" {
				p.Sub = page.Text{VI: office + " nhận được; thông tin đã nằm trong CSDL cư trú.", EN: "Received by " + office + "; the stay stands in the residence registry."}
			}
		}
		if e.Kind == "late" && !due.IsZero() {
			at := due.In(clock.Vietnam).Format("15:04 02/01/2006")
			p.Sub = page.Text{VI: "Hạn là `" + at + "`. Hồ sơ vẫn được nhận; việc gửi muộn được ghi lại.", EN: "It was due by `" + at + "`. The case was taken all the same; that it came late is kept."}
		}
		out = append(out, p)
	}
	if state == procedure.Disputed {
		out = append([]page.Event{{Line: "dotted", Text: "event.check", Sub: "event.check.sub"}}, out...)
	}
	return out
}

func (k *cases) receipt(w http.ResponseWriter, r *http.Request, a procedure.Applicant) {
	c, err := k.find(r, a)
	if err == nil && c.State == procedure.Draft {
		err = errNone
	}
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	k.journey.Render(w, r, http.StatusOK, "receipt", page.View{Layout: page.Print, Title: "receipt.title",
		Data: map[string]any{"Case": c, "Guests": guests(c), "Facts": k.receiptFacts(r, c)}})
}

// receiptFacts are what a receipt says; of an organisation its code, and who
// sent it when it was not the notifier herself.
func (k *cases) receiptFacts(r *http.Request, c procedure.Case) []page.Fact {
	n := c.Notice
	out := []page.Fact{{Label: "receipt.procedure", Value: k.journey.Say(page.Language(r), "cases.lodging", nil)}, {Label: "receipt.office", Value: c.Office},
		{Label: "receipt.at", Value: c.SubmittedAt, Mono: true}, {Label: "receipt.due", Value: c.DueAt, Mono: true},
		{Label: "receipt.place", Value: n.Place.Line()}, {Label: "receipt.notifier", Value: n.Notifier.Name.Value}}
	if n.Notifier.Organisation {
		out = append(out, page.Fact{Label: "receipt.enterprise", Value: n.Notifier.Number.Value, Mono: true})
	}
	if n.Filer != "" {
		out = append(out, page.Fact{Label: "receipt.filer", Value: n.Filer})
	}
	return out
}

// told shows a guest a notice that names her.
func (k *cases) told(w http.ResponseWriter, r *http.Request, a procedure.Applicant) {
	k.showTold(w, r, a, http.StatusOK, &page.Form{})
}

func (k *cases) showTold(w http.ResponseWriter, r *http.Request, a procedure.Applicant, status int, f *page.Form) {
	id, err := procedure.ParseGuestID(r.PathValue("guest"))
	if err != nil {
		k.journey.Fail(w, r, errNone)
		return
	}
	t, err := k.desk.FindTold(r.Context(), a, id)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	var reasons []page.Choice
	for _, v := range procedure.DisputeReasons {
		reasons = append(reasons, page.Choice{Value: v, Text: "told.reason." + v})
	}
	k.journey.Render(w, r, status, "told", page.View{Layout: page.Desk, Title: "told.title", Lede: "told.lede", Back: "/cases", BackTo: "cases.title", Nav: "cases", Form: f,
		Data: map[string]any{"Told": t, "Reasons": reasons, "Category": "told.by." + string(t.Category)}})
}

func (k *cases) dispute(w http.ResponseWriter, r *http.Request, a procedure.Applicant) {
	id, err := procedure.ParseGuestID(r.PathValue("guest"))
	if err != nil {
		k.journey.Fail(w, r, errNone)
		return
	}
	f := page.FormFrom(r)
	if err := k.desk.Dispute(r.Context(), a, id, f.Value("reason")); err != nil {
		if !f.FromFault(err) {
			k.journey.Fail(w, r, err)
			return
		}
		k.showTold(w, r, a, http.StatusUnprocessableEntity, f)
		return
	}
	k.site.Flash(w, "ok", "portal.disputed")
	http.Redirect(w, r, "/told/"+id.String(), http.StatusSeeOther)
}

func (k *cases) askTrack(w http.ResponseWriter, r *http.Request) {
	k.showTrack(w, r, http.StatusOK, &page.Form{})
}

func (k *cases) showTrack(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	k.journey.Render(w, r, status, "track", page.View{Layout: page.Desk, Title: "track.title", Lede: "track.lede", Nav: "cases", Form: f})
}

// track is a POST although it changes nothing: a code and digits in an address
// would stay in histories and logs.
func (k *cases) track(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	if !f.Require("code", "digits") {
		k.showTrack(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	if wait := k.tries.take(r.RemoteAddr, k.clock.Now()); wait > 0 {
		f.FromFault(fault.New(fault.TooMany, "track.too_many").In(wait))
		k.showTrack(w, r, http.StatusTooManyRequests, f)
		return
	}
	t, err := k.desk.Track(r.Context(), f.Value("code"), f.Digits("digits"))
	if fault.Is(err, fault.NotFound) {
		f.Add("", "track.not_found")
		k.showTrack(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	if err != nil {
		if !f.FromFault(err) {
			k.journey.Fail(w, r, err)
			return
		}
		k.showTrack(w, r, fault.Status(err), f)
		return
	}
	k.journey.Render(w, r, http.StatusOK, "tracked", page.View{Layout: page.Desk, Task: "cases.lodging", Title: "cases.case", Args: map[string]string{"code": t.Code},
		Back: "/track", BackTo: "track.again", Nav: "cases",
		Data: map[string]any{"Tracked": t, "Events": course(t.State, t.Events, time.Time{}, t.Office), "Disputed": t.State == procedure.Disputed}})
}

// tries bounds how often one address may try codes; it is coarse and in memory,
// the count per code is durable in the room.
type tries struct {
	mu sync.Mutex
	m  map[string][]time.Time
}

const (
	triesPer    = 20
	triesWindow = 10 * time.Minute
)

// take counts a try and says how long to wait when there were too many.
func (t *tries) take(remote string, now time.Time) time.Duration {
	host := remote
	for i := len(remote) - 1; i >= 0; i-- {
		if remote[i] == ':' {
			host = remote[:i]
			break
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil || len(t.m) > 10_000 {
		t.m = map[string][]time.Time{}
	}
	var kept []time.Time
	for _, at := range t.m[host] {
		if now.Sub(at) < triesWindow {
			kept = append(kept, at)
		}
	}
	if len(kept) >= triesPer {
		t.m[host] = kept
		return triesWindow - now.Sub(kept[0])
	}
	t.m[host] = append(kept, now)
	return 0
}
