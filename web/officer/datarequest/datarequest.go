// SPDX-License-Identifier: Apache-2.0

// Package datarequest is where officers answer what people ask of Danh about
// their data, and see what partners left lying past the law's days.
//
// A partner's request is not answered here: an officer reminds the partner, and
// that is written down. A refusal names its ground of law; nobody answers a
// request of her own.
package datarequest

import (
	"embed"
	"net/http"
	"strings"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/provider/right"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	desk  *right.Desk
	clock clock.Clock
	site  *page.Site
	j     *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, desk *right.Desk, c clock.Clock) {
	k := &journey{desk, c, site, site.Journey(files)}
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request, audit.Actor){
		"GET /data-requests": k.list, "GET /data-requests/{code}": k.find, "POST /data-requests/{code}/acknowledge": k.acknowledge,
		"POST /data-requests/{code}/answer": k.answer, "POST /data-requests/{code}/remind": k.remind,
	} {
		mux.HandleFunc(pattern, guard.Require(office.Registrar, h))
	}
}

type line struct {
	right.Case
	State string // text key
	Late  bool
	Who   string
}

func (k *journey) line(r *http.Request, c right.Case) line {
	now := k.clock.Now()
	l := line{Case: c, State: "right.state." + string(c.State), Late: c.Overdue(now) || c.Unacknowledged(now), Who: c.Name.In(page.Language(r))}
	if c.Overdue(now) {
		l.State = "right.state.overdue"
	}
	return l
}

func (k *journey) list(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	all, err := k.desk.Queue(r.Context(), by)
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	var ours, theirs []line
	for _, c := range all {
		if c.Ours() {
			ours = append(ours, k.line(r, c))
		} else {
			theirs = append(theirs, k.line(r, c))
		}
	}
	k.j.Render(w, r, http.StatusOK, "list", page.View{Layout: page.Desk, Title: "data.title", Lede: "data.lede", Nav: "data", Data: map[string]any{"Ours": ours, "Theirs": theirs}})
}

func (k *journey) find(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	k.show(w, r, by, http.StatusOK, &page.Form{})
}

func (k *journey) show(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, f *page.Form) {
	c, err := k.desk.FindAt(r.Context(), by, r.PathValue("code"))
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	var reasons []page.Choice
	for _, reason := range right.ReasonsFor(c.Kind) {
		reasons = append(reasons, page.Choice{Value: reason.Key, Text: "right.reason." + reason.Key, Hint: page.Text{VI: reason.Source.VI, EN: reason.Source.EN}})
	}
	var fields []string
	for _, name := range c.Fields {
		t := k.j.Say(page.Language(r), "right.field."+name, nil)
		if t == "right.field."+name {
			t = strings.ReplaceAll(name, "_", " ")
		}
		fields = append(fields, t)
	}
	w.Header().Set("Cache-Control", "no-store")
	k.j.Render(w, r, status, "show", page.View{Layout: page.Desk, Title: page.Raw(c.Code), Task: "data.task", Back: "/data-requests", BackTo: "data.title", Nav: "data", Form: f,
		Data: map[string]any{"C": k.line(r, c), "Reasons": reasons, "Fields": fields, "Left": c.Due.Sub(k.clock.Now()).Round(time.Hour)}})
}

// done goes back to the request after a step, or shows what was wrong.
func (k *journey) done(w http.ResponseWriter, r *http.Request, by audit.Actor, f *page.Form, err error, word, to string) {
	if err != nil {
		if ft := fault.Of(err); ft == nil || ft.Kind != fault.Invalid || !f.FromFault(err) {
			k.j.Fail(w, r, err)
			return
		}
		k.show(w, r, by, fault.Status(err), f)
		return
	}
	k.site.Flash(w, "ok", word)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (k *journey) acknowledge(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	code := r.PathValue("code")
	k.done(w, r, by, page.FormFrom(r), k.desk.AcknowledgeAt(r.Context(), by, code), "data.acknowledged", "/data-requests/"+code)
}

func (k *journey) answer(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	code := r.PathValue("code")
	a := right.Answer{Done: f.Value("answer") == "done", Reason: f.Value("reason"), Words: f.Value("words")}
	k.done(w, r, by, f, k.desk.CloseAt(r.Context(), by, code, a), "data.answered", "/data-requests")
}

func (k *journey) remind(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	code := r.PathValue("code")
	k.done(w, r, by, page.FormFrom(r), k.desk.Remind(r.Context(), by, code), "data.reminded", "/data-requests/"+code)
}
