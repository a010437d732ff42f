// SPDX-License-Identifier: Apache-2.0

// Package looked is where she sees who looked at her data: day by day, who,
// for what, under which ground, which fields, and whether it was stopped; and
// where she takes a proof of each entry home.
//
// It shows entries about her alone and refuses to name other citizens; who
// represents an organisation by law sees who of its people acted for it. An
// account whose holder was not proved sees only what it did itself: what
// others did with the person's data is not a stranger's to read. Reading this
// page makes no entry.
package looked

import (
	"context"
	"embed"
	"net/http"
	"net/url"
	"strings"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/page"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Names gives a partner's public name in a language, or "" when it is not known
// any more. The log itself holds the Vietnamese name of the time.
type Names func(ctx context.Context, client, language string) string

// Fellows gives the name of somebody who acted for the organisation for which a
// session acts, or "" to whom it is not told.
type Fellows func(ctx context.Context, s account.Session, acted id.Person) string

type journey struct {
	log     *audit.Log
	fellows Fellows
	clock   clock.Clock
	names   Names
	j       *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, log *audit.Log, c clock.Clock, names Names, fellows Fellows) {
	d := &journey{log: log, fellows: fellows, clock: c, names: names, j: site.Journey(files)}
	mux.Handle("GET /looked", session.Require(http.HandlerFunc(d.list)))
	mux.Handle("GET /looked/{id}", session.Require(http.HandlerFunc(d.show)))
	mux.Handle("GET /looked/{id}/proof", session.Require(http.HandlerFunc(d.proof)))
	mux.HandleFunc("GET /looked/key", d.key)
}

// tabs are the ways to narrow the list, in their order.
var tabs = []struct {
	Name  string
	Show  audit.Show
	Kinds []audit.Kind
}{
	{"looks", audit.ShowLooks, nil},
	{"state", audit.ShowLooks, []audit.Kind{audit.KindOfficer, audit.KindSystem}},
	{"partners", audit.ShowLooks, []audit.Kind{audit.KindPartner}},
	{"stopped", audit.ShowStopped, nil},
	{"changes", audit.ShowChanges, nil},
}

type tab struct {
	Name, Href string
	Current    bool
}

type dayOf struct {
	Near    string // text key of today and yesterday, else ""
	Weekday string
	Date    clock.Date
	Items   []bundle
}

// query is whose entries the reader may see; ok is false when there are none.
func (d *journey) query(r *http.Request) (q audit.Query, provisional, ok bool) {
	s, _ := session.From(r.Context())
	q.Subject = s.Person
	if s.Provisional {
		q.Account = id.Person(s.Account)
	}
	return q, s.Provisional, !s.Person.IsZero()
}

func (d *journey) list(w http.ResponseWriter, r *http.Request) {
	q, provisional, ok := d.query(r)
	in := r.URL.Query()
	form := page.FormFrom(r)
	current := tabs[0]
	for _, t := range tabs {
		if t.Name == in.Get("show") {
			current = t
		}
	}
	q.Show, q.Kinds, q.Limit = current.Show, current.Kinds, 120
	period := url.Values{}
	for _, name := range []string{"from", "to"} {
		v := form.Value(name)
		if v == "" {
			continue
		}
		date, err := clock.ParseDate(v)
		if err != nil || !date.Exact() {
			form.Add(name, "problem.date")
			continue
		}
		period.Set(name, v)
		if name == "from" {
			q.From = date.Time()
		} else {
			q.To = date.AddDays(1).Time()
		}
	}
	before, err := audit.ParseID(in.Get("before"))
	if in.Get("before") != "" && err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "audit.entry.not_found"))
		return
	}
	var found []audit.Recorded
	var next audit.ID
	var sum summary
	if ok && form.OK() {
		if sum, err = d.sum(r, q); err != nil {
			d.j.Fail(w, r, err)
			return
		}
		q.Before = before
		if found, next, err = d.log.ListBySubject(r.Context(), q); err != nil {
			d.j.Fail(w, r, err)
			return
		}
	}
	var nav []tab
	for _, t := range tabs {
		v := url.Values{"show": {t.Name}}
		for k := range period {
			v.Set(k, period.Get(k))
		}
		nav = append(nav, tab{Name: "looked.tab." + t.Name, Href: "/looked?" + v.Encode(), Current: t.Name == current.Name})
	}
	var pages page.Pages
	if !next.IsZero() {
		v := url.Values{"show": {current.Name}, "before": {next.String()}}
		for k := range period {
			v.Set(k, period.Get(k))
		}
		pages.Older = "/looked?" + v.Encode()
	}
	if !before.IsZero() {
		v := url.Values{"show": {current.Name}}
		for k := range period {
			v.Set(k, period.Get(k))
		}
		pages.Newer = "/looked?" + v.Encode()
	}
	d.j.Render(w, r, http.StatusOK, "list", page.View{Title: "looked.title", Task: "looked.task", Back: "/", Nav: "looked", Form: form, Data: map[string]any{
		"Tabs": nav, "Show": current.Name, "Days": d.days(r, found), "Pages": pages, "Sum": sum,
		"Provisional": provisional, "Narrow": len(period) > 0 || !form.OK(), "First": before.IsZero(),
	}})
}

// days groups entries by Vietnamese calendar day, and each day's by who did
// what for.
func (d *journey) days(r *http.Request, found []audit.Recorded) (out []dayOf) {
	today := clock.DateOf(d.clock.Now())
	for _, e := range found {
		date := clock.DateOf(e.At)
		if n := len(out); n == 0 || out[n-1].Date != date {
			g := dayOf{Date: date, Weekday: weekday(date, page.Language(r))}
			switch date {
			case today:
				g.Near = "looked.today"
			case today.AddDays(-1):
				g.Near = "looked.yesterday"
			}
			out = append(out, g)
		}
		last := &out[len(out)-1]
		last.Items = bundled(last.Items, d.item(r, e))
	}
	return out
}

var weekdays = map[string][7]string{
	page.Vietnamese: {"Chủ nhật", "Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy"},
	page.English:    {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
}

func weekday(d clock.Date, language string) string { return weekdays[language][d.Time().Weekday()] }

func (d *journey) find(w http.ResponseWriter, r *http.Request) (audit.Recorded, bool) {
	q, provisional, ok := d.query(r)
	entry, err := audit.ParseID(r.PathValue("id"))
	if err != nil || !ok {
		d.j.Fail(w, r, fault.New(fault.NotFound, "audit.entry.not_found"))
		return audit.Recorded{}, false
	}
	e, err := d.log.Find(r.Context(), q.Subject, entry)
	if err == nil && provisional && e.Actor.Account != q.Account {
		err = fault.New(fault.NotFound, "audit.entry.not_found")
	}
	if err != nil {
		d.j.Fail(w, r, err)
		return audit.Recorded{}, false
	}
	return e, true
}

func (d *journey) show(w http.ResponseWriter, r *http.Request) {
	e, ok := d.find(w, r)
	if !ok {
		return
	}
	it := d.item(r, e)
	d.j.Render(w, r, http.StatusOK, "show", page.View{Title: page.Raw(it.Who), Task: "looked.task", Back: "/looked", Nav: "looked", Data: it})
}

// proof sends the proof as a file to keep.
func (d *journey) proof(w http.ResponseWriter, r *http.Request) {
	e, ok := d.find(w, r)
	if !ok {
		return
	}
	p, err := d.log.FindProof(r.Context(), e.Subject, e.ID)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	doc, err := p.JSON()
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="danh-proof-`+e.At.In(clock.Vietnam).Format("20060102-150405")+`.json"`)
	_, _ = w.Write(doc)
}

// key publishes the keys that sign the log's checkpoints; it is for everybody.
func (d *journey) key(w http.ResponseWriter, r *http.Request) {
	k, err := d.log.VerifierKeys()
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(strings.Join(k, "\n") + "\n"))
}

// summary is the last thirty days at a glance.
type summary struct {
	Total, Stopped int64
	Bars           []bar
	Busy           []busy // the days on which there was something, for readers who see no picture
}

type bar struct {
	X, Y, H int
	Class   string
}

type busy struct {
	Date          clock.Date
	Done, Stopped int64
}

const span = 30

func (d *journey) sum(r *http.Request, q audit.Query) (summary, error) {
	today := clock.DateOf(d.clock.Now())
	first := today.AddDays(-(span - 1))
	q.From, q.To, q.Kinds, q.Show = first.Time(), time.Time{}, nil, audit.ShowLooks
	days, err := d.log.CountByDay(r.Context(), q)
	if err != nil {
		return summary{}, err
	}
	var s summary
	byDate, most := map[clock.Date]audit.Day{}, int64(1)
	for _, day := range days {
		byDate[day.Date] = day
		most = max(most, day.Done, day.Stopped)
		s.Total, s.Stopped = s.Total+day.Done, s.Stopped+day.Stopped
		s.Busy = append(s.Busy, busy{day.Date, day.Done, day.Stopped})
	}
	for i := range span {
		day, x := byDate[first.AddDays(i)], 7*i
		switch n := max(day.Done, day.Stopped); {
		case n == 0:
			s.Bars = append(s.Bars, bar{x, 41, 3, "z"})
		default:
			h := 6 + int(32*n/most)
			class := ""
			if day.Stopped > 0 {
				class = "bad"
			}
			s.Bars = append(s.Bars, bar{x, 44 - h, h, class})
		}
	}
	return s, nil
}
