// SPDX-License-Identifier: Apache-2.0

// Package activate is where somebody who was proofed at a counter wakes her
// account: the number, the code that was sent to her, and a password.
//
// It refuses to tell whether a number has an account that waits. The code
// stands in no address and in no cookie: the browser keeps a token that lives
// for minutes.
package activate

import (
	"embed"
	"net/http"
	"strconv"

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
	j *page.Journey
}

// Mount puts the journey on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site.Journey(files)}
	mux.HandleFunc("GET /activate", d.ask)
	mux.HandleFunc("POST /activate", d.take)
	mux.HandleFunc("GET /activate/password", d.askPassword)
	mux.HandleFunc("POST /activate/password", d.activate)
	mux.Handle("GET /activate/done", session.Require(http.HandlerFunc(d.done)))
}

func (d *journey) ask(w http.ResponseWriter, r *http.Request) {
	d.show(w, r, http.StatusOK, &page.Form{})
}

func (d *journey) show(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	f.Values.Del("code")
	d.j.Render(w, r, status, "ask", page.View{Task: "activate.task", Title: "activate.title", Lede: "activate.lede", Back: "/signin", Step: 1, Steps: 2, Form: f})
}

func (d *journey) take(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	if !f.Require("number", "code") {
		d.show(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	t, err := d.Accounts.FindActivation(r.Context(), f.Digits("number"), f.Digits("code"), d.Guard.Remote(w, r))
	if err != nil {
		if !f.FromFault(err) || len(f.Problems) == 0 && fault.Is(err, fault.Conflict) {
			d.j.Fail(w, r, err)
			return
		}
		d.show(w, r, fault.Status(err), f)
		return
	}
	d.Guard.SetActivation(w, t)
	http.Redirect(w, r, "/activate/password", http.StatusSeeOther)
}

func (d *journey) askPassword(w http.ResponseWriter, r *http.Request) {
	if err := d.Accounts.FindActivating(r.Context(), d.Guard.Activation(r)); err != nil {
		d.again(w, r, err)
		return
	}
	d.showPassword(w, r, http.StatusOK, &page.Form{})
}

// again leads back to the code when the browser's time is over.
func (d *journey) again(w http.ResponseWriter, r *http.Request, err error) {
	if !fault.Is(err, fault.NotFound) {
		d.j.Fail(w, r, err)
		return
	}
	d.Guard.SetActivation(w, "")
	http.Redirect(w, r, "/activate", http.StatusSeeOther)
}

func (d *journey) showPassword(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	f.Values.Del("password")
	f.Values.Del("again")
	d.j.Render(w, r, status, "password", page.View{Task: "activate.task", Title: "activate.password", Lede: "activate.password.lede", Back: "/activate", Step: 2, Steps: 2, Form: f})
}

func (d *journey) activate(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	pw := f.Secret("password")
	if pw == "" {
		f.Add("password", "problem.required")
	} else if pw != f.Secret("again") {
		f.Add("again", "account.password.not_same")
	}
	if !f.OK() {
		d.showPassword(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	t, _, err := d.Accounts.Activate(r.Context(), d.Guard.Activation(r), account.Password(pw), d.Guard.Remote(w, r))
	if fault.Is(err, fault.NotFound) {
		d.again(w, r, err)
		return
	}
	if err != nil {
		if !f.FromFault(err) {
			d.j.Fail(w, r, err)
			return
		}
		d.showPassword(w, r, fault.Status(err), f)
		return
	}
	d.Guard.SetActivation(w, "")
	d.Guard.Set(w, t)
	http.Redirect(w, r, "/activate/done", http.StatusSeeOther)
}

func (d *journey) done(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	d.j.Render(w, r, http.StatusOK, "done", page.View{Task: "activate.task", Title: "activate.done", Lede: "activate.done.lede", Data: map[string]any{"Level": strconv.Itoa(int(s.Level))}})
}
