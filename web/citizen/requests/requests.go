// SPDX-License-Identifier: Apache-2.0

// Package requests is where she asks whoever holds her data: to see it, to have
// it corrected, deleted or used less, or to object; and where she follows what
// became of that, with the law's days beside it.
//
// It offers only those to whom she once let it go, and Danh itself. Nothing is
// ticked for her. A receipt can be printed; what was answered stays readable for
// as long as the law keeps it.
package requests

import (
	"embed"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/partner/ground"
	"danh/provider"
	"danh/provider/right"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the pages stand on.
type Config struct {
	Provider *provider.Provider
	Desk     *right.Desk
	Clock    clock.Clock
}

type journey struct {
	Config
	site *page.Site
	j    *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site, site.Journey(files)}
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /requests": d.list, "GET /requests/new": d.ask, "POST /requests/new": d.make, "GET /requests/{code}": d.show,
		"GET /requests/{code}/receipt": d.receipt, "GET /requests/{code}/back": d.askBack, "POST /requests/{code}/back": d.takeBack,
	} {
		mux.Handle(pattern, session.Require(h))
	}
}

// item is a request in a reader's words.
type item struct {
	right.Case
	Who    string
	Kind   string // text key
	State  string // text key
	Tone   string
	Late   bool
	Left   string // days to go, in words; "" when none
	Fields []string
	Events []page.Event
	Ground string // of a refusal
	Law    string // that sets the days
}

func (d *journey) item(r *http.Request, c right.Case) item {
	language := page.Language(r)
	now := d.Clock.Now()
	it := item{Case: c, Who: c.Name.In(language), Kind: "right.kind." + string(c.Kind), State: "right.state." + string(c.State), Tone: "info", Law: ground.Name(c.Source).In(language), Late: c.Late || c.Overdue(now)}
	switch {
	case it.Late && c.Open():
		it.State, it.Tone = "right.state.overdue", "danger"
	case c.State == right.Done:
		it.Tone = "ok"
	case c.State == right.Refused:
		it.Tone = "warn"
	case c.State == right.TakenBack:
		it.Tone = "quiet"
	}
	if c.Open() && !it.Late {
		days := int(clock.DateOf(c.Due).Time().Sub(clock.DateOf(now).Time()) / (24 * time.Hour))
		it.Left = d.j.Say(language, "requests.left", map[string]string{"n": strconv.Itoa(days)})
	}
	for _, f := range c.Fields {
		it.Fields = append(it.Fields, d.field(language, f))
	}
	if c.Reason != "" {
		for _, reason := range right.Reasons {
			if reason.Key == c.Reason {
				it.Ground = reason.Source.In(language)
			}
		}
	}
	it.Events = d.events(c, now)
	return it
}

// events is the course of a request: what was, and by when the law wants the rest.
func (d *journey) events(c right.Case, now time.Time) []page.Event {
	out := []page.Event{{Line: "solid", Icon: "send", Text: "requests.event.made", At: c.MadeAt}}
	switch {
	case c.State == right.TakenBack:
		return append(out, page.Event{Line: "dashed", Icon: "x", Text: "right.state.taken_back", At: c.EndedAt})
	case !c.AcknowledgedAt.IsZero():
		out = append(out, page.Event{Line: "solid", Icon: "check", Text: "requests.event.acknowledged", At: c.AcknowledgedAt, Bad: c.AcknowledgedAt.After(c.AckDue)})
	default:
		out = append(out, page.Event{Line: "dotted", Icon: "clock", Text: "requests.event.ack_due", At: c.AckDue, Bad: c.Unacknowledged(now)})
	}
	if !c.EscalatedAt.IsZero() {
		out = append(out, page.Event{Line: "solid", Icon: "alert", Text: "requests.event.escalated", At: c.EscalatedAt, Bad: true})
	}
	if c.Open() {
		return append(out, page.Event{Line: "dotted", Icon: "flag", Text: "requests.event.due", At: c.Due, Bad: c.Overdue(now)})
	}
	return append(out, page.Event{Line: "solid", Icon: "flag", Text: "right.state." + string(c.State), At: c.EndedAt, Bad: c.Late})
}

// field names a field; one without words here is told by its claim.
func (d *journey) field(language, f string) string {
	if t := d.j.Say(language, "right.field."+f, nil); t != "right.field."+f {
		return t
	}
	return strings.ReplaceAll(f, "_", " ")
}

func (d *journey) list(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	all, err := d.Desk.List(r.Context(), s.Account)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	var open, past []item
	for _, c := range all {
		if it := d.item(r, c); c.Open() {
			open = append(open, it)
		} else {
			past = append(past, it)
		}
	}
	d.j.Render(w, r, http.StatusOK, "list", page.View{Title: "requests.title", Lede: "requests.lede", Back: "/consents", Task: "requests.task",
		Data: map[string]any{"Open": open, "Past": past}})
}

// holder is somebody who may be asked.
type holder struct{ Href, Name, Why string }

// ask shows whom she may ask, then the form.
func (d *journey) ask(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Has("of") {
		d.form(w, r, http.StatusOK, page.FormFrom(r))
		return
	}
	s, _ := session.From(r.Context())
	all, err := d.Provider.ListConsents(r.Context(), s.Account)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	language := page.Language(r)
	var holders []holder
	seen := map[string]bool{}
	for _, c := range all { // the latest of each client and purpose
		key := string(c.Client) + "\x00" + c.Purpose
		if seen[key] || d.Provider.IsOwnDoor(r.Context(), c.Client) {
			continue
		}
		seen[key] = true
		holders = append(holders, holder{"/requests/new?of=" + c.ID.String(), c.Shown.Client.In(language), c.Shown.Purposes["openid"].In(language)})
	}
	d.j.Render(w, r, http.StatusOK, "whom", page.View{Title: "requests.whom", Lede: "requests.whom.lede", Back: "/requests", Task: "requests.task",
		Data: map[string]any{"Holders": holders}})
}

// of reads whom a request is to, from the address: the consent, or Danh.
func (d *journey) of(r *http.Request, value string) (provider.Consent, error) {
	if value == "danh" {
		return provider.Consent{}, nil
	}
	s, _ := session.From(r.Context())
	key, err := provider.ParseConsentID(value)
	if err != nil {
		return provider.Consent{}, provider.ErrNoConsent
	}
	return d.Provider.FindConsent(r.Context(), s.Account, key)
}

type box struct{ Name, Label string }

func (d *journey) form(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	c, err := d.of(r, f.Value("of"))
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	language := page.Language(r)
	name := "Danh"
	var boxes []box
	if !c.ID.IsZero() {
		name = c.Shown.Client.In(language)
		for _, field := range c.List() {
			boxes = append(boxes, box{"field." + string(field), d.field(language, string(field))})
		}
	}
	var kinds []page.Choice
	for _, k := range right.Kinds {
		l, err := d.Desk.LimitOf(r.Context(), k)
		if err != nil {
			d.j.Fail(w, r, err)
			return
		}
		days := l.Answer
		if len(c.Shown.Given) > 0 {
			days = l.Shared
		}
		hint := d.j.Say(language, "requests.kind."+string(k)+".hint", nil) + " " + d.j.Say(language, "requests.days", map[string]string{"n": strconv.Itoa(days)})
		kinds = append(kinds, page.Choice{Value: string(k), Text: "right.kind." + string(k), Hint: page.Raw(hint)})
	}
	d.j.Render(w, r, status, "new", page.View{Title: "requests.new", Args: map[string]string{"partner": name}, Back: "/requests/new", Task: "requests.task", Form: f,
		Data: map[string]any{"Of": f.Value("of"), "Kinds": kinds, "Boxes": boxes, "Danh": c.ID.IsZero()}})
}

func (d *journey) make(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	c, err := d.of(r, f.Value("of"))
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	if f.Value("kind") == "" {
		f.Add("kind", "right.kind")
		d.form(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	in := right.Ask{Kind: right.Kind(f.Value("kind")), Consent: c.ID, Words: f.Value("words")}
	for _, field := range c.List() {
		if f.Has("field."+string(field), "yes") {
			in.Fields = append(in.Fields, string(field))
		}
	}
	s, _ := session.From(r.Context())
	code, err := d.Desk.Make(r.Context(), s, in)
	if err != nil {
		if !f.FromFault(err) {
			d.j.Fail(w, r, err)
			return
		}
		d.form(w, r, fault.Status(err), f)
		return
	}
	d.site.Flash(w, "ok", "requests.made")
	http.Redirect(w, r, "/requests/"+url.PathEscape(code), http.StatusSeeOther)
}

func (d *journey) find(w http.ResponseWriter, r *http.Request) (item, bool) {
	s, _ := session.From(r.Context())
	c, err := d.Desk.Find(r.Context(), s.Account, r.PathValue("code"))
	if err != nil {
		d.j.Fail(w, r, err)
		return item{}, false
	}
	return d.item(r, c), true
}

func (d *journey) show(w http.ResponseWriter, r *http.Request) {
	if it, ok := d.find(w, r); ok {
		d.j.Render(w, r, http.StatusOK, "show", page.View{Title: it.Kind, Lede: page.Raw(it.Who), Back: "/requests", Task: "requests.task", Data: it})
	}
}

func (d *journey) receipt(w http.ResponseWriter, r *http.Request) {
	if it, ok := d.find(w, r); ok {
		d.j.Render(w, r, http.StatusOK, "receipt", page.View{Layout: page.Print, Title: "requests.receipt", Back: "/requests/" + it.Code, Task: "requests.task", Data: it})
	}
}

func (d *journey) askBack(w http.ResponseWriter, r *http.Request) {
	if it, ok := d.find(w, r); ok {
		d.j.Render(w, r, http.StatusOK, "back", page.View{Title: "requests.back.title", Back: "/requests/" + it.Code, Task: "requests.task", Data: it})
	}
}

func (d *journey) takeBack(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	if err := d.Desk.TakeBack(r.Context(), s, r.PathValue("code")); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.site.Flash(w, "ok", "requests.taken_back")
	http.Redirect(w, r, "/requests", http.StatusSeeOther)
}
