// SPDX-License-Identifier: Apache-2.0

// Package signin is the page where she signs in to the citizen's door, for
// herself or because a relying party asked, and the way out again.
//
// It refuses to tell an unknown number from a wrong password or a locked
// account, to refill a password, and to lead anywhere but to a path of this
// door. Signing in always gives the browser a fresh session.
package signin

import (
	"embed"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"

	"danh/account"
	"danh/internal/clock"
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
	Clock    clock.Clock
	Codes    bool // there is a journey for signing in by a QR code
}

type journey struct {
	Config
	j *page.Journey
}

// Mount puts the journey on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site.Journey(files)}
	mux.HandleFunc("GET /signin", d.ask)
	mux.HandleFunc("POST /signin", d.signIn)
	mux.HandleFunc("POST /signout", d.signOut)
	mux.HandleFunc("POST /signin/passkey/options", d.options)
	mux.HandleFunc("POST /signin/passkey", d.usePasskey)
	mux.HandleFunc("GET "+session.Code, d.askCode)
	mux.HandleFunc("POST "+session.Code, d.takeCode)
	mux.HandleFunc("POST "+session.Code+"/again", d.codeAgain)
	mux.Handle("GET /signin/passkey", session.Require(http.HandlerFunc(d.askPasskey)))
}

// view is what the page holds beside the form.
type view struct {
	Request, Return string
	Tries, Of       int
	Minutes         string
	Problem         string // of a passkey
	Also            bool   // she is signed in by something else already
	Passkeys        bool   // they work at this address
	Text            bool   // she wants to give a code by text message as well
	Challenge       string // what the browser's own key signs
	Code            bool   // she may sign in by a QR code
	Short           bool   // a QR code signed her in, and that was not enough
}

func (d *journey) ask(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	v := view{Request: q.Get("request"), Return: session.LocalPath(q.Get("return")), Text: q.Get("code") != ""}
	s, ok := session.From(r.Context())
	if ok && v.Request == "" && q.Get("fresh") == "" {
		http.Redirect(w, r, or(v.Return, "/"), http.StatusSeeOther)
		return
	}
	v.Also = ok && v.Request != "" && !s.Passkey.IsZero() && s.Assurance == 2
	v.Short = ok && s.FromAfar()
	d.show(w, r, http.StatusOK, v, &page.Form{})
}

func (d *journey) show(w http.ResponseWriter, r *http.Request, status int, v view, f *page.Form) {
	// The browser gets its long-lived cookie before anything is posted: were two
	// answers to hand out two, its session could be bound to the one that is lost.
	v.Passkeys = d.Accounts.TakesPasskeys() && !v.Also
	v.Challenge = d.Accounts.DeviceChallenge(d.Guard.Remote(w, r))
	v.Code = d.Codes && !v.Also && !v.Short
	p := page.View{Title: "signin.title", Lede: "signin.lede", Form: f, Data: v}
	if v.Request != "" {
		p.Lede = "signin.lede_request"
		d.Guard.LetAnswer(w, r, v.Request)
	}
	d.j.Render(w, r, status, "signin", p)
}

func (d *journey) signIn(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	v := view{Request: f.Value("request"), Return: session.LocalPath(f.Value("return")), Text: f.Has("code", "yes")}
	pw := f.Secret("password")
	f.Values.Del("password") // never shown again
	if !f.Require("number") || pw == "" {
		if pw == "" {
			f.Add("password", "problem.required")
		}
		d.show(w, r, http.StatusUnprocessableEntity, v, f)
		return
	}
	t, s, err := d.Accounts.SignIn(r.Context(), account.SignIn{Number: f.Digits("number"), Password: account.Password(pw), Key: key(f), Code: v.Text,
		Remote: d.Guard.Remote(w, r), Former: d.Guard.Token(r), Door: "citizen"})
	if err != nil {
		d.refuse(w, r, v, f, err)
		return
	}
	d.Guard.Set(w, t)
	to := or(v.Return, "/")
	if v.Request != "" {
		to = "/authorize?request=" + url.QueryEscape(v.Request)
	}
	if s.NewDevice {
		http.Redirect(w, r, session.Code+"?return="+url.QueryEscape(to), http.StatusSeeOther)
		return
	}
	if s.MustChangePassword {
		to = "/security/password?return=" + url.QueryEscape(to)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// key reads what the browser's own key signed, where the page's script ran.
func key(f *page.Form) account.DeviceSignature {
	s, err := base64.RawURLEncoding.DecodeString(f.Value("device_signature"))
	if err != nil {
		return account.DeviceSignature{}
	}
	return account.DeviceSignature{Challenge: f.Value("device_challenge"), Signature: s}
}

// refuse shows what happened, what next, and how many tries are left; it is
// the same page for an unknown number.
func (d *journey) refuse(w http.ResponseWriter, r *http.Request, v view, f *page.Form, err error) {
	if ft := fault.Of(err); ft != nil && ft.Key == "account.signin.wrong" {
		v.Tries, _ = strconv.Atoi(ft.Args["left"])
		v.Of, v.Minutes = v.Tries, ft.Args["minutes"]
		f.Add("password", "signin.wrong")
		d.show(w, r, http.StatusUnprocessableEntity, v, f)
		return
	}
	if !f.FromFault(err) {
		d.j.Fail(w, r, err)
		return
	}
	d.show(w, r, fault.Status(err), v, f)
}

func (d *journey) signOut(w http.ResponseWriter, r *http.Request) {
	if s, ok := session.From(r.Context()); ok {
		if err := d.Accounts.SignOut(r.Context(), s.Holder().Actor(), s.Holder().ID); err != nil {
			d.j.Fail(w, r, err)
			return
		}
	}
	d.Guard.Clear(w)
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
