// SPDX-License-Identifier: Apache-2.0

// Package freeze is where somebody who is frightened locks her account: by one
// tap when she is signed in, by the link in a message when she is not; and where
// she has it unlocked by what a thief does not have.
//
// Showing a page changes nothing, so a program that fetches the links of
// messages locks nobody out. It refuses to say whether an account is locked to
// anybody who has not proved whose it is.
package freeze

import (
	"embed"
	"net/http"

	"danh/account"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	accounts *account.Keeper
	guard    *session.Guard
	site     *page.Site
	j        *page.Journey
}

// Mount puts the journey on the mux.
func Mount(mux *http.ServeMux, site *page.Site, k *account.Keeper, guard *session.Guard) {
	d := &journey{k, guard, site, site.Journey(files)}
	mux.HandleFunc("GET /freeze", d.ask)
	mux.HandleFunc("POST /freeze", d.freeze)
	mux.HandleFunc("GET /freeze/{link}", d.askLink)
	mux.HandleFunc("POST /freeze/{link}", d.useLink)
	mux.HandleFunc("GET /frozen", d.frozen)
	mux.HandleFunc("GET /unfreeze", d.askThaw)
	mux.HandleFunc("POST /unfreeze", d.thaw)
}

// ask shows the one button, or, to somebody who is not signed in, the ways that
// are open to her.
func (d *journey) ask(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if _, ok := session.From(r.Context()); ok {
		d.j.Render(w, r, http.StatusOK, "freeze", page.View{Title: "freeze.title", Lede: "freeze.lede", Back: "/security", Task: "freeze.task"})
		return
	}
	numbers, err := d.accounts.Scams().ListNumbers(r.Context())
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.j.Render(w, r, http.StatusOK, "help", page.View{Title: "freeze.title", Lede: "freeze.help.lede", Back: "/signin", Task: "freeze.task", Data: map[string]any{"Numbers": numbers}})
}

func (d *journey) freeze(w http.ResponseWriter, r *http.Request) {
	s, ok := session.From(r.Context())
	if !ok { // it ended meanwhile: perhaps because she froze it elsewhere
		http.Redirect(w, r, "/freeze", http.StatusSeeOther)
		return
	}
	if err := d.accounts.Freeze(r.Context(), s); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	if s.Acting != nil { // it was a child's or a ward's account: her own session goes on
		if err := d.accounts.StopActing(r.Context(), s); err != nil {
			d.j.Fail(w, r, err)
			return
		}
		d.site.Flash(w, "ok", "account.acting.frozen")
		http.Redirect(w, r, "/dependants", http.StatusSeeOther)
		return
	}
	d.guard.Clear(w)
	http.Redirect(w, r, "/frozen", http.StatusSeeOther)
}

func (d *journey) askLink(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if err := d.accounts.FindFreezeLink(r.Context(), account.Token(r.PathValue("link"))); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.j.Render(w, r, http.StatusOK, "freeze", page.View{Title: "freeze.title", Lede: "freeze.link.lede", Task: "freeze.task"})
}

func (d *journey) useLink(w http.ResponseWriter, r *http.Request) {
	if err := d.accounts.FreezeByLink(r.Context(), account.Token(r.PathValue("link"))); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/frozen", http.StatusSeeOther)
}

// frozen says what holds now. It looks at nobody's account: it is the same page
// for everybody who opens it.
func (d *journey) frozen(w http.ResponseWriter, r *http.Request) {
	d.j.Render(w, r, http.StatusOK, "frozen", page.View{Title: "freeze.done", Lede: "freeze.done.lede", Task: "freeze.task"})
}

func (d *journey) askThaw(w http.ResponseWriter, r *http.Request) {
	d.showThaw(w, r, http.StatusOK, &page.Form{}, "")
}

func (d *journey) showThaw(w http.ResponseWriter, r *http.Request, status int, f *page.Form, problem string) {
	c, err := d.accounts.BeginPasskeySignIn(r.Context(), nil, d.guard.Remote(w, r))
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	d.j.Render(w, r, status, "unfreeze", page.View{Title: "unfreeze.title", Lede: "unfreeze.lede", Back: "/signin", Task: "unfreeze.task", Form: f,
		Data: map[string]any{"Ceremony": c.Token.Reveal(), "Options": string(c.Options), "Problem": problem}})
}

func (d *journey) thaw(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	in := account.ThawRequest{Number: f.Digits("number"), Password: account.Password(f.Secret("password")),
		Ceremony: account.Token(f.Value("ceremony")), Answer: []byte(f.Secret("credential")), Remote: d.guard.Remote(w, r)}
	for _, secret := range []string{"password", "credential", "ceremony"} { // never shown again
		f.Values.Del(secret)
	}
	if in.Password == "" {
		f.Add("password", "problem.required")
	}
	if !f.Require("number") || !f.OK() {
		d.showThaw(w, r, http.StatusUnprocessableEntity, f, "")
		return
	}
	due, err := d.accounts.AskThaw(r.Context(), in)
	if err != nil {
		ft := fault.Of(err)
		switch {
		case ft == nil || ft.Kind == fault.Forbidden:
			d.j.Fail(w, r, err)
		case len(ft.Fields) > 0 || ft.Kind == fault.TooMany:
			f.FromFault(err)
			d.showThaw(w, r, fault.Status(err), f, "")
		default:
			d.showThaw(w, r, fault.Status(err), f, ft.Key)
		}
		return
	}
	d.j.Render(w, r, http.StatusOK, "waiting", page.View{Title: "unfreeze.wait", Lede: "unfreeze.wait.lede", Args: map[string]string{"at": due.In(clock.Vietnam).Format("15:04 02/01/2006")}, Task: "unfreeze.task",
		Data: map[string]any{"Due": due}})
}
