// SPDX-License-Identifier: Apache-2.0

// Package passcode is where she sets her passcode, the six digits that the
// server checks, and changes it.
//
// It refuses to show what was typed again. A first passcode takes a fresh and
// strong sign-in; a change also takes the old one; a closed or forgotten one is
// recovery's matter.
package passcode

import (
	"embed"
	"net/http"
	"net/url"

	"danh/account"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the journey stands on.
type Config struct {
	Accounts *account.Keeper
	Guard    *session.Guard
}

type journey struct {
	Config
	site *page.Site
	j    *page.Journey
}

const home = "/security/passcode"

// Mount puts the journey on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site, site.Journey(files)}
	mux.Handle("GET "+home, session.Require(http.HandlerFunc(d.ask)))
	mux.Handle("POST "+home, session.Require(http.HandlerFunc(d.set)))
}

func (d *journey) ask(w http.ResponseWriter, r *http.Request) {
	f := &page.Form{}
	f.Set("return", session.LocalPath(page.FormFrom(r).Value("return")))
	d.show(w, r, http.StatusOK, f)
}

func (d *journey) show(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	s, _ := session.From(r.Context())
	p, err := d.Accounts.FindPasscode(r.Context(), s.Holder().Account)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	for _, name := range []string{"old", "passcode", "again"} { // never shown again
		f.Values.Del(name)
	}
	v := page.View{Title: "passcode.title", Lede: "passcode.lede", Back: "/security", Task: "passcode.task", Form: f, Data: p}
	if p.Closed {
		v.Title, v.Lede = "passcode.closed", "passcode.closed.lede"
		d.j.Render(w, r, status, "closed", v)
		return
	}
	// What the change demands is asked for before she types anything.
	if err := d.Accounts.Meet(r.Context(), s.Holder(), "passcode_change"); err != nil {
		if !session.StepUpTo(w, r, err, back(f)) {
			d.j.Fail(w, r, err)
		}
		return
	}
	if p.Set {
		v.Title, v.Lede = "passcode.change", "passcode.change.lede"
	}
	d.Guard.LetOn(w, r, session.LocalPath(f.Value("return")))
	d.j.Render(w, r, status, "set", v)
}

func (d *journey) set(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	old, code, again := f.Digits("old"), f.Digits("passcode"), f.Digits("again")
	if code == "" {
		f.Add("passcode", "problem.required")
	} else if code != again {
		f.Add("again", "account.passcode.not_same")
	}
	if !f.OK() {
		d.show(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	err := d.Accounts.SetPasscode(r.Context(), s, account.Passcode(old), account.Passcode(code))
	switch {
	case err == nil:
		d.site.Flash(w, "ok", "account.passcode.done")
		to := session.LocalPath(f.Value("return"))
		if to == "" {
			to = "/security"
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	case session.StepUpTo(w, r, err, back(f)):
	case fault.Of(err) != nil && fault.Of(err).Key == "account.passcode.closed":
		d.show(w, r, fault.Status(err), f)
	case f.FromFault(err):
		d.show(w, r, fault.Status(err), f)
	default:
		d.j.Fail(w, r, err)
	}
}

// back is this page, with where she goes from it.
func back(f *page.Form) string {
	if to := session.LocalPath(f.Value("return")); to != "" {
		return home + "?" + url.Values{"return": {to}}.Encode()
	}
	return home
}
