// SPDX-License-Identifier: Apache-2.0

// Package signal is where an officer looks at what might be a theft: sign-ins
// too far apart, one device with many accounts, one number with many failed
// openings.
//
// It says why in words and in figures, and shows neither a name nor a number: what
// is to be decided does not need them. A lock takes a second officer; the page
// offers the first one no way to be both.
package signal

import (
	"embed"
	"fmt"
	"net/http"

	"danh/account/signal"
	"danh/audit"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	desk *signal.Desk
	site *page.Site
	j    *page.Journey
}

const most = 200

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, d *signal.Desk) {
	k := &journey{d, site, site.Journey(files)}
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request, audit.Actor){
		"GET /signals":                 k.list,
		"GET /signals/{code}":          k.find,
		"POST /signals/{code}":         k.decide,
		"POST /signals/{code}/confirm": k.confirm,
	} {
		mux.HandleFunc(pattern, guard.RequireAny(h, office.Registrar, office.Approver))
	}
}

func (k *journey) list(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	waiting, n, err := k.desk.ListWaiting(r.Context(), by, most)
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	k.j.Render(w, r, http.StatusOK, "list", page.View{Layout: page.Desk, Title: "signals.title", Lede: "signals.lede", Nav: "signals", Data: map[string]any{"Waiting": waiting, "All": n}})
}

func (k *journey) find(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	k.show(w, r, by, http.StatusOK, &page.Form{})
}

func (k *journey) show(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, f *page.Form) {
	file, err := k.desk.FindFile(r.Context(), by, r.PathValue("code"))
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	k.j.Render(w, r, status, "show", page.View{Layout: page.Desk, Title: "signal." + string(file.Kind), Task: "signals.task", Meta: page.Raw(file.Code), Back: "/signals", BackTo: "signals.title", Nav: "signals", Form: f,
		Data: map[string]any{"File": file, "Why": k.why(page.Language(r), file)}})
}

// why says the reason in words: what was seen, and from when on it counts.
func (k *journey) why(lang string, f signal.File) string {
	n := func(i int) string { return fmt.Sprint(i) }
	s := f.Seen
	switch {
	case f.Kind == signal.Travel && s.From != nil && s.To != nil:
		args := map[string]string{"from": s.From.In(lang), "to": s.To.In(lang), "km": n(s.Km), "minutes": n(s.Minutes), "kmh": n(s.Kmh), "most": n(f.Threshold)}
		if s.Kmh == 0 {
			return k.j.Say(lang, "signals.why.travel.at_once", args)
		}
		return k.j.Say(lang, "signals.why.travel", args)
	case f.Kind == signal.Unasked:
		return k.j.Say(lang, "signals.why.unasked", map[string]string{"party": s.Party})
	case f.Kind == signal.Accounts:
		return k.j.Say(lang, "signals.why.accounts", map[string]string{"n": n(s.Accounts), "days": n(s.Days), "most": n(f.Threshold)})
	}
	return k.j.Say(lang, "signals.why.openings."+s.What, map[string]string{"n": n(s.Stops), "hours": n(s.Hours), "most": n(f.Threshold)})
}

func (k *journey) decide(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	what := signal.Outcome(f.Value("outcome"))
	if err := k.desk.Decide(r.Context(), by, r.PathValue("code"), what, f.Value("words")); err != nil {
		if !f.FromFault(err) {
			k.j.Fail(w, r, err)
			return
		}
		k.show(w, r, by, fault.Status(err), f)
		return
	}
	done := "signals.done"
	if what == signal.Locked {
		done = "signals.proposed"
	}
	k.site.Flash(w, "ok", done)
	http.Redirect(w, r, "/signals", http.StatusSeeOther)
}

func (k *journey) confirm(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	yes := page.FormFrom(r).Value("answer") == "yes"
	if err := k.desk.Confirm(r.Context(), by, r.PathValue("code"), yes); err != nil {
		k.j.Fail(w, r, err)
		return
	}
	done := "signals.given_back"
	if yes {
		done = "signals.locked"
	}
	k.site.Flash(w, "ok", done)
	http.Redirect(w, r, "/signals", http.StatusSeeOther)
}
