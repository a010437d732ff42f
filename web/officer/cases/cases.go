// SPDX-License-Identifier: Apache-2.0

// Package cases owns the registrar's queue: openings that did not match, the
// most urgent first, each with what was typed, how it compared, and a decision
// from a list of grounds.
//
// The queue shows four digits of a number and no name. A case is shown whole
// once the look is in the log, where the person concerned sees it. The ground
// of a decision never leaves this door.
package cases

import (
	"embed"
	"net/http"
	"strings"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/registry/population"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

type cases struct {
	desk    *account.CaseDesk
	clock   clock.Clock
	journey *page.Journey
	site    *page.Site
}

// Mount puts the journey on the door.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, desk *account.CaseDesk, c clock.Clock) {
	k := &cases{desk: desk, clock: c, journey: site.Journey(files), site: site}
	mux.HandleFunc("GET /cases", guard.Require(office.Registrar, k.list))
	mux.HandleFunc("GET /cases/{code}", guard.Require(office.Registrar, k.show))
	mux.HandleFunc("POST /cases/{code}", guard.Require(office.Registrar, k.decide))
}

// most is how long a list may grow; the most urgent come first.
const most = 200

// line is a case of the queue with its clock.
type line struct {
	account.WaitingCase
	Key  int           // the digit that opens it, 0 for none
	Left time.Duration // until the deadline; how long it is over, when Over
}

type group struct {
	Name  string // text key: overdue, today, later
	Tone  string // of its tags
	Lines []line
}

func (k *cases) list(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	waiting, n, err := k.desk.ListWaiting(r.Context(), by, most)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	decided, err := k.desk.ListDecided(r.Context(), by, 10)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	groups := k.group(waiting)
	count := map[string]int{}
	for _, g := range groups {
		count[g.Name] = len(g.Lines)
	}
	k.journey.Render(w, r, http.StatusOK, "list", page.View{Layout: page.Desk, Wide: true, Title: "cases.title", Lede: "cases.lede", Nav: "cases",
		Data: map[string]any{"Groups": groups, "Count": count, "All": n, "Shown": len(waiting), "Decided": decided, "Office": by.Name}})
}

// group sorts cases by what their deadline means today, in Vietnamese days.
func (k *cases) group(list []account.WaitingCase) []group {
	now := k.clock.Now()
	today := clock.DateOf(now)
	all := []group{{Name: "overdue", Tone: "danger"}, {Name: "today", Tone: "warn"}, {Name: "later", Tone: "info"}}
	for i, c := range list {
		l := line{WaitingCase: c, Left: c.DueAt.Sub(now).Abs()}
		if i < 9 {
			l.Key = i + 1
		}
		at := 2
		switch {
		case !now.Before(c.DueAt):
			at = 0
		case clock.DateOf(c.DueAt) == today:
			at = 1
		}
		all[at].Lines = append(all[at].Lines, l)
	}
	var out []group
	for _, g := range all {
		if len(g.Lines) > 0 {
			out = append(out, g)
		}
	}
	return out
}

func (k *cases) show(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f, err := k.desk.FindFile(r.Context(), by, r.PathValue("code"))
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	k.render(w, r, http.StatusOK, f, by, &page.Form{})
}

// verdict is one line of the comparison.
type verdict struct {
	Label string
	Typed string
	Mono  bool
	Said  population.Verdict
	Tone  string
}

var tones = map[population.Verdict]string{population.Equal: "ok", population.Close: "warn", population.Different: "danger", population.Unknown: "quiet"}

func (k *cases) render(w http.ResponseWriter, r *http.Request, status int, f account.CaseFile, by audit.Actor, form *page.Form) {
	d, e := f.Declared, f.Evidence
	var lines []verdict
	for _, v := range []verdict{
		{Label: "field.number", Typed: f.Number, Mono: true, Said: e.Number},
		{Label: "field.name", Typed: d.Name, Said: e.Name},
		{Label: "field.birth_date", Typed: d.BirthDate.Vietnamese(), Mono: true, Said: e.BirthDate},
		{Label: "field.sex", Typed: k.journey.Say(page.Language(r), "cases.sex."+string(d.Sex), nil), Said: e.Sex},
	} {
		v.Tone = tones[v.Said]
		lines = append(lines, v)
	}
	now := k.clock.Now()
	course := []page.Event{{Line: "solid", Text: "cases.opened", At: f.OpenedAt}}
	due := page.Event{Line: "dotted", Text: "cases.due", At: f.DueAt}
	if late := !now.Before(f.DueAt); f.Status == account.CaseOpen && late || f.Status == account.CaseDecided && f.Decided.After(f.DueAt) {
		due = page.Event{Line: "solid", Icon: "alert", Text: "cases.missed", Sub: "cases.missed.sub", At: f.DueAt, Bad: true}
	} else if f.Status == account.CaseDecided {
		due = page.Event{Line: "dotted", Text: "cases.due", Sub: "cases.kept", At: f.DueAt}
	}
	decided := page.Event{Line: "solid", Text: "cases.outcome." + string(f.Outcome), Sub: page.Raw(f.Office), At: f.Decided}
	switch {
	case f.Status != account.CaseDecided:
		course = append(course, due)
	case f.Decided.After(f.DueAt):
		course = append(course, due, decided)
	default:
		course = append(course, decided, due)
	}
	var choices []page.Choice
	for _, o := range []account.Outcome{account.MayTryAgain, account.MustComeToUs} {
		for _, g := range account.CaseGrounds[o] {
			choices = append(choices, page.Choice{Value: string(o) + ":" + g, Text: "cases.ground." + g, Hint: "cases.means." + string(o)})
		}
	}
	k.journey.Render(w, r, status, "case", page.View{Layout: page.Desk, Task: "cases.task", Title: page.Raw(f.Code), Back: "/cases", BackTo: "cases.back", Nav: "cases", Form: form,
		Data: map[string]any{"File": f, "Verdicts": lines, "Course": course, "Choices": choices, "Office": by.Name, "Open": f.Status == account.CaseOpen,
			"Due": f.DueAt, "Late": !now.Before(f.DueAt), "Left": f.DueAt.Sub(now).Abs()}})
}

func (k *cases) decide(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	code := r.PathValue("code")
	form := page.FormFrom(r)
	outcome, ground, _ := strings.Cut(form.Value("decision"), ":")
	err := k.desk.Decide(r.Context(), by, code, account.Outcome(outcome), ground)
	switch {
	case err == nil:
		k.site.Flash(w, "ok", "cases.done")
		http.Redirect(w, r, "/cases", http.StatusSeeOther)
	case fault.Is(err, fault.Invalid):
		f, ferr := k.desk.FindFile(r.Context(), by, code)
		if ferr != nil {
			k.journey.Fail(w, r, ferr)
			return
		}
		form.Add("decision", "problem.choose")
		k.render(w, r, http.StatusUnprocessableEntity, f, by, form)
	default:
		k.journey.Fail(w, r, err)
	}
}
