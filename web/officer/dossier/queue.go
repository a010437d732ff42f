// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"danh/audit"
	"danh/enrolment"
	"danh/internal/clock"
	"danh/internal/page"
	"danh/office"
	"danh/web/officer/session"
)

// shown are the tabs of the queue.
var shown = []string{"mine", "decide", "booked", "online", "office", "handover", "closed"}

// perPage is how many dossiers a page of the queue has.
const perPage = 50

type tab struct {
	Name, Href string
	Count      int
	Counted    bool
	Current    bool
}

// line is a dossier of the queue with its clock.
type line struct {
	enrolment.Row
	Key  int // the digit that opens it, 0 for none
	Left time.Duration
}

type group struct {
	Name, Tone, Clock string
	Lines             []line
}

func (k *desk) list(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	form := page.FormFrom(r)
	f := enrolment.Filter{Show: form.Value("show"), Code: form.Value("code"), Limit: perPage}
	known := false
	for _, s := range shown {
		known = known || s == f.Show
	}
	if !known {
		f.Show = "mine"
		if who, _ := session.From(r.Context()); !takesIn(who) {
			f.Show = "decide"
		}
	}
	if f.Code != "" {
		f.Show = "office"
	}
	if f.Show == "booked" {
		k.listBooked(w, r, by, form)
		return
	}
	if n, err := strconv.ParseInt(form.Value("before"), 10, 64); err == nil {
		f.Before = clock.FromMicros(n)
	}
	q, err := k.Office.List(r.Context(), by, f)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	if f.Code != "" && len(q.Rows) == 1 && q.Rows[0].Mine != "" {
		http.Redirect(w, r, path(q.Rows[0].ID, ""), http.StatusSeeOther)
		return
	}
	current := f.Show
	if f.Code != "" {
		current = ""
	}
	tabs := k.tabs(r, q.Counts, current)
	pages := page.Pages{}
	if !q.Next.IsZero() {
		pages.Older = "/dossiers?" + url.Values{"show": {f.Show}, "before": {strconv.FormatInt(clock.Micros(q.Next), 10)}}.Encode()
	}
	if !f.Before.IsZero() {
		pages.Newer = "/dossiers?show=" + f.Show
	}
	groups := k.group(q.Rows)
	count := map[string]int{}
	for _, g := range groups {
		count[g.Name] = len(g.Lines)
	}
	k.journey.Render(w, r, http.StatusOK, "list", page.View{Layout: page.Desk, Wide: true, Title: "dossier.title", Lede: "dossier.lede", Nav: "dossiers", Form: form,
		Data: map[string]any{"Tabs": tabs, "Show": f.Show, "Groups": groups, "Count": count, "Pages": pages, "Code": f.Code, "Office": by.Name}})
}

func takesIn(o session.Officer) bool {
	_, ok := o.Holds(office.IntakeOfficer)
	return ok
}

// tabs are the groups of the queue that this officer has: only who takes in
// expects people and takes up what came from the portal.
func (k *desk) tabs(r *http.Request, counts map[string]int, current string) []tab {
	who, _ := session.From(r.Context())
	_, decides := who.Holds(office.Approver)
	var out []tab
	for _, s := range shown {
		switch s {
		case "booked", "online", "mine", "handover":
			if !takesIn(who) {
				continue
			}
		case "decide":
			if !decides {
				continue
			}
		}
		n, counted := counts[s]
		out = append(out, tab{Name: s, Href: "/dossiers?show=" + s, Count: n, Counted: counted, Current: s == current})
	}
	return out
}

// listBooked shows who is expected with a request: a dossier begins with it as
// soon as she stands at the counter.
func (k *desk) listBooked(w http.ResponseWriter, r *http.Request, by audit.Actor, form *page.Form) {
	list, err := k.Office.ListBooked(r.Context(), by)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	q, err := k.Office.List(r.Context(), by, enrolment.Filter{Show: "mine", Limit: 1})
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	q.Counts["booked"] = len(list)
	k.journey.Render(w, r, http.StatusOK, "list", page.View{Layout: page.Desk, Wide: true, Title: "dossier.title", Lede: "dossier.lede", Nav: "dossiers", Form: form,
		Data: map[string]any{"Tabs": k.tabs(r, q.Counts, "booked"), "Show": "booked", "Booked": list, "Groups": []group(nil), "Pages": page.Pages{}, "Code": "", "Office": by.Name}})
}

// group sorts dossiers by what their clock means today, in Vietnamese days.
func (k *desk) group(rows []enrolment.Row) []group {
	now := k.Config.Clock.Now()
	today := clock.DateOf(now)
	all := []group{{Name: "late", Tone: "danger", Clock: "solid"}, {Name: "today", Tone: "warn", Clock: "solid"}, {Name: "later", Tone: "info", Clock: "solid"},
		{Name: "counter", Tone: "quiet", Clock: "dotted"}, {Name: "stopped", Tone: "warn", Clock: "dashed"}, {Name: "decided", Tone: "ok", Clock: "solid"}}
	for i, row := range rows {
		l := line{Row: row, Left: row.DueAt.Sub(now).Abs()}
		if i < 9 {
			l.Key = i + 1
		}
		at := 2
		switch {
		case row.State == enrolment.Draft:
			at = 3
		case row.State == enrolment.Supplement:
			at = 4
		case row.State != enrolment.Waiting && row.State != enrolment.Received && row.State != enrolment.Checking:
			at = 5
		case row.Late:
			at = 0
		case clock.DateOf(row.DueAt) == today:
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
