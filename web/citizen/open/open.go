// SPDX-License-Identifier: Apache-2.0

// Package open is the journey in which she opens an account: who she is, a
// portrait, her phone and its code, an e-mail address if she likes, a
// password. She may leave it and come back within a day.
//
// It refuses to say why an opening cannot go on at once: every such opening
// ends on the same page with a code, a deadline and the way to an office. It
// shows nothing but what she typed.
package open

import (
	"context"
	"embed"
	"errors"
	"net/http"
	"net/url"
	"time"

	"danh/account"
	"danh/account/contact"
	"danh/account/portrait"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/registry/population"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Office is where an applicant can go.
type Office struct{ Name, Address, Phone string }

// Config is what the journey stands on.
type Config struct {
	Accounts *account.Keeper
	Guard    *session.Guard
	Clock    clock.Clock
	Offices  func(ctx context.Context, text string) ([]Office, error) // finds offices by place; nil shows no finder
}

type journey struct {
	Config
	j *page.Journey
}

// Mount puts the journey on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site.Journey(files)}
	mux.HandleFunc("GET /open", d.begin)
	mux.HandleFunc("POST /open", d.start)
	mux.HandleFunc("GET /open/young", d.young)
	for _, s := range []struct {
		path string
		step account.Step
		show func(http.ResponseWriter, *http.Request, account.Opening, *page.Form, int)
		take func(http.ResponseWriter, *http.Request, account.Token, account.Opening)
	}{
		{"/open/details", account.StepDetails, d.askDetails, d.takeDetails},
		{"/open/portrait", account.StepPortrait, d.askPortrait, d.takePortrait},
		{"/open/phone", account.StepPhone, d.askPhone, d.takePhone},
		{"/open/code", account.StepCode, d.askCode, d.takeCode},
		{"/open/email", account.StepEmail, d.askEmail, d.takeEmail},
		{"/open/password", account.StepPassword, d.askPassword, d.takePassword},
	} {
		mux.HandleFunc("GET "+s.path, func(w http.ResponseWriter, r *http.Request) {
			if _, o, ok := d.at(w, r, s.step); ok {
				s.show(w, r, o, &page.Form{}, http.StatusOK)
			}
		})
		mux.HandleFunc("POST "+s.path, func(w http.ResponseWriter, r *http.Request) {
			if t, o, ok := d.at(w, r, s.step); ok {
				s.take(w, r, t, o)
			}
		})
	}
	mux.HandleFunc("POST /open/code/again", d.again)
	mux.HandleFunc("GET /open/done", d.done)
	mux.HandleFunc("GET /open/case", d.showCase)
	mux.HandleFunc("GET /case", d.askCase)
	mux.HandleFunc("POST /case", d.takeCase)
	if c.Offices != nil {
		mux.HandleFunc("GET /case/office", d.office)
	}
}

// back lists which earlier question may be answered again at a step.
var back = map[account.Step]account.Step{
	account.StepPortrait: account.StepDetails, account.StepCode: account.StepPhone, account.StepPassword: account.StepEmail,
}

func path(s account.Step) string { return "/open/" + string(s) }

// at finds the opening of this browser and makes sure that it stands at the
// step, or at the one behind it; otherwise she is led to where she is.
func (d *journey) at(w http.ResponseWriter, r *http.Request, step account.Step) (account.Token, account.Opening, bool) {
	t := d.Guard.Opening(r)
	o, err := d.Accounts.FindOpening(r.Context(), t)
	switch {
	case fault.Is(err, fault.NotFound):
		d.Guard.SetOpening(w, "")
		http.Redirect(w, r, "/open", http.StatusSeeOther)
		return "", o, false
	case err != nil:
		d.j.Fail(w, r, err)
		return "", o, false
	case o.Step != step && back[o.Step] != step:
		http.Redirect(w, r, path(o.Step), http.StatusSeeOther)
		return "", o, false
	}
	return t, o, true
}

// went leads on to where the opening stands, or shows what is wrong.
func (d *journey) went(w http.ResponseWriter, r *http.Request, o account.Opening, err error, f *page.Form, show func(http.ResponseWriter, *http.Request, account.Opening, *page.Form, int)) {
	ft := fault.Of(err)
	switch {
	case err == nil:
		http.Redirect(w, r, path(o.Step), http.StatusSeeOther)
	case ft != nil && ft.Key == "account.opening.moved":
		http.Redirect(w, r, "/open/details", http.StatusSeeOther) // which leads to where she is
	case ft != nil && ft.Key == "account.opening.too_young":
		http.Redirect(w, r, "/open/young", http.StatusSeeOther)
	case f.FromFault(err):
		show(w, r, o, f, fault.Status(err))
	default:
		d.j.Fail(w, r, err)
	}
}

func (d *journey) begin(w http.ResponseWriter, r *http.Request) {
	to := d.Accounts.SafeReturn(r.URL.Query().Get("return"))
	if _, ok := session.From(r.Context()); ok {
		d.j.Render(w, r, http.StatusOK, "already", page.View{Title: "open.already", Lede: "open.already.lede", Data: to})
		return
	}
	o, err := d.Accounts.FindOpening(r.Context(), d.Guard.Opening(r))
	resume := err == nil && o.Step != account.StepDone && o.Step != account.StepCase
	if err != nil && !fault.Is(err, fault.NotFound) {
		d.j.Fail(w, r, err)
		return
	}
	d.j.Render(w, r, http.StatusOK, "begin", page.View{Title: "open.title", Lede: "open.lede", Data: map[string]any{"Return": to, "Resume": resume, "Step": path(o.Step), "Until": o.ExpiresAt}})
}

func (d *journey) start(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	t, o, err := d.Accounts.StartOpening(r.Context(), page.Language(r), f.Value("return"), d.Guard.Remote(w, r))
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.Guard.SetOpening(w, t)
	http.Redirect(w, r, path(o.Step), http.StatusSeeOther)
}

const steps = 6

func (d *journey) ask(w http.ResponseWriter, r *http.Request, status int, name string, n int, f *page.Form, data any, behind string) {
	d.j.Render(w, r, status, name, page.View{Task: "open.task", Title: "open." + name, Lede: "open." + name + ".lede", Back: behind, Step: n, Steps: steps, Form: f, Data: data})
}

func (d *journey) askDetails(w http.ResponseWriter, r *http.Request, o account.Opening, f *page.Form, status int) {
	if f.Values == nil && !o.Declared.Number.IsZero() {
		f.Set("number", o.Declared.Number.Reveal()).Set("name", o.Declared.Name).Set("birth_date", o.Declared.BirthDate.Vietnamese()).Set("sex", string(o.Declared.Sex))
	}
	d.ask(w, r, status, "details", 1, f, nil, "/open")
}

func (d *journey) takeDetails(w http.ResponseWriter, r *http.Request, t account.Token, o account.Opening) {
	f := page.FormFrom(r)
	f.Require("number", "name", "birth_date")
	if f.Value("sex") == "" {
		f.Add("sex", "problem.choose")
	}
	n, err := population.ParseNumber(f.Value("number"))
	if err != nil && f.Value("number") != "" {
		f.Add("number", "population.number.form")
	}
	b, err := clock.ParseDate(f.Value("birth_date"))
	if err != nil && f.Value("birth_date") != "" {
		f.Add("birth_date", "problem.date")
	}
	if !f.OK() {
		d.askDetails(w, r, o, f, http.StatusUnprocessableEntity)
		return
	}
	next, err := d.Accounts.Declare(r.Context(), t, account.Declared{Number: n, Name: f.Value("name"), BirthDate: b, Sex: population.Sex(f.Value("sex"))}, d.Guard.Remote(w, r))
	d.went(w, r, or(next, o), err, f, d.askDetails)
}

// or keeps what was shown when a step failed before it knew more.
func or(next, was account.Opening) account.Opening {
	if next.ID.IsZero() {
		return was
	}
	return next
}

func (d *journey) askPortrait(w http.ResponseWriter, r *http.Request, _ account.Opening, f *page.Form, status int) {
	d.ask(w, r, status, "portrait", 2, f, nil, "/open/details")
}

func (d *journey) takePortrait(w http.ResponseWriter, r *http.Request, t account.Token, o account.Opening) {
	r.Body = http.MaxBytesReader(w, r.Body, portrait.MaxBytes+1<<20)
	f := &page.Form{Values: url.Values{}}
	file, err := firstFile(r, "portrait")
	if err != nil {
		var big *http.MaxBytesError
		key := "account.portrait.missing"
		if errors.As(err, &big) {
			key = "account.portrait.too_large"
		}
		f.Add("portrait", key)
		d.askPortrait(w, r, o, f, http.StatusUnprocessableEntity)
		return
	}
	next, err := d.Accounts.PutPortrait(r.Context(), t, file)
	d.went(w, r, or(next, o), err, f, d.askPortrait)
}

func (d *journey) askPhone(w http.ResponseWriter, r *http.Request, o account.Opening, f *page.Form, status int) {
	if f.Values == nil && o.Declared.Phone != "" {
		f.Set("phone", contact.National(o.Declared.Phone))
	}
	d.ask(w, r, status, "phone", 3, f, nil, "")
}

func (d *journey) takePhone(w http.ResponseWriter, r *http.Request, t account.Token, o account.Opening) {
	f := page.FormFrom(r)
	if !f.Require("phone") {
		d.askPhone(w, r, o, f, http.StatusUnprocessableEntity)
		return
	}
	next, err := d.Accounts.SendCode(r.Context(), t, f.Value("phone"))
	if ft := fault.Of(err); ft != nil && ft.Kind == fault.TooMany && o.Step == account.StepCode && samePhone(f.Value("phone"), o) {
		http.Redirect(w, r, "/open/code", http.StatusSeeOther) // a code is on its way already
		return
	}
	d.went(w, r, or(next, o), err, f, d.askPhone)
}

func samePhone(typed string, o account.Opening) bool {
	p, err := contact.ParsePhone(typed)
	return err == nil && p == o.Declared.Phone
}

func (d *journey) askCode(w http.ResponseWriter, r *http.Request, o account.Opening, f *page.Form, status int) {
	f.Values = nil
	now := d.Clock.Now()
	d.j.Render(w, r, status, "code", page.View{Task: "open.task", Title: "open.code", Lede: "open.code.lede", Args: map[string]string{"phone": contact.MaskPhone(o.Declared.Phone)}, Back: "/open/phone", Step: 4, Steps: steps, Form: f,
		Data: map[string]any{"Until": o.CodeEnds, "Alive": o.CodeEnds.After(now), "Total": 3 * time.Minute, "Again": !o.CodeAgain.After(now), "AgainAt": o.CodeAgain}})
}

func (d *journey) takeCode(w http.ResponseWriter, r *http.Request, t account.Token, o account.Opening) {
	f := page.FormFrom(r)
	if !f.Require("code") {
		d.askCode(w, r, o, f, http.StatusUnprocessableEntity)
		return
	}
	next, err := d.Accounts.ConfirmCode(r.Context(), t, f.Value("code"))
	if ft := fault.Of(err); ft != nil && ft.Key == "account.phone.taken" {
		f = &page.Form{}
		d.went(w, r, or(next, o), err, f, d.askPhone)
		return
	}
	d.went(w, r, or(next, o), err, f, d.askCode)
}

func (d *journey) again(w http.ResponseWriter, r *http.Request) {
	t, o, ok := d.at(w, r, account.StepCode)
	if !ok {
		return
	}
	f := &page.Form{}
	next, err := d.Accounts.SendCode(r.Context(), t, o.Declared.Phone)
	d.went(w, r, or(next, o), err, f, d.askCode)
}

func (d *journey) askEmail(w http.ResponseWriter, r *http.Request, o account.Opening, f *page.Form, status int) {
	if f.Values == nil {
		f.Set("email", o.Declared.Email)
	}
	d.ask(w, r, status, "email", 5, f, nil, "")
}

func (d *journey) takeEmail(w http.ResponseWriter, r *http.Request, t account.Token, o account.Opening) {
	f := page.FormFrom(r)
	next, err := d.Accounts.SetEmail(r.Context(), t, f.Value("email"))
	d.went(w, r, or(next, o), err, f, d.askEmail)
}

func (d *journey) askPassword(w http.ResponseWriter, r *http.Request, _ account.Opening, f *page.Form, status int) {
	f.Values = nil // passwords are never shown again
	d.ask(w, r, status, "password", 6, f, nil, "/open/email")
}

func (d *journey) takePassword(w http.ResponseWriter, r *http.Request, t account.Token, o account.Opening) {
	f := page.FormFrom(r)
	pw := f.Secret("password")
	switch {
	case pw == "":
		f.Add("password", "problem.required")
	case pw != f.Secret("again"):
		f.Add("again", "account.password.not_same")
	}
	if !f.OK() {
		d.askPassword(w, r, o, f, http.StatusUnprocessableEntity)
		return
	}
	s, next, err := d.Accounts.SetPassword(r.Context(), t, account.Password(pw), d.Guard.Remote(w, r))
	if s != "" {
		d.Guard.Set(w, s)
	}
	d.went(w, r, or(next, o), err, f, d.askPassword)
}

func (d *journey) done(w http.ResponseWriter, r *http.Request) {
	_, o, ok := d.at(w, r, account.StepDone)
	if !ok {
		return
	}
	a, err := d.Accounts.Find(r.Context(), o.Account)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	_, signedIn := session.From(r.Context())
	to := o.ReturnTo
	if to == "" {
		to = "/"
	}
	d.j.Render(w, r, http.StatusOK, "done", page.View{Title: "open.done", Lede: "open.done.lede", Data: map[string]any{
		"Provisional": a.Provisional, "Return": to, "Elsewhere": o.ReturnTo != "", "SignedIn": signedIn, "At": a.OpenedAt}})
}

func (d *journey) young(w http.ResponseWriter, r *http.Request) {
	d.j.Render(w, r, http.StatusOK, "young", page.View{Title: "open.young", Lede: "open.young.lede", Back: "/open"})
}

func (d *journey) showCase(w http.ResponseWriter, r *http.Request) {
	_, o, ok := d.at(w, r, account.StepCase)
	if !ok {
		return
	}
	d.renderCase(w, r, *o.Case)
}

func (d *journey) renderCase(w http.ResponseWriter, r *http.Request, c account.Case) {
	title, lede := "open.case", "open.case.lede"
	if c.Outcome != account.NotYetDecided {
		title, lede = "open.case.decided", "open.case.decided.lede"
	}
	d.j.Render(w, r, http.StatusOK, "case", page.View{Title: title, Lede: lede, Form: &page.Form{}, Data: map[string]any{"Case": c, "Finder": d.Offices != nil}})
}

// office finds the way to an office. It asks for a place instead of knowing
// one: where she lives would say that the registry knows her.
func (d *journey) office(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	place := f.Value("place")
	var found []Office
	if place != "" {
		var err error
		if found, err = d.Offices(r.Context(), place); err != nil {
			d.j.Fail(w, r, err)
			return
		}
	}
	d.j.Render(w, r, http.StatusOK, "office", page.View{Title: "open.case.office", Back: "/case", Form: f, Data: map[string]any{"Place": place, "Offices": found}})
}

func (d *journey) askCase(w http.ResponseWriter, r *http.Request) {
	d.j.Render(w, r, http.StatusOK, "track", page.View{Title: "track.title", Lede: "track.lede", Form: &page.Form{}})
}

func (d *journey) takeCase(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	view := page.View{Title: "track.title", Lede: "track.lede", Form: f}
	if !f.Require("case", "proof") {
		d.j.Render(w, r, http.StatusUnprocessableEntity, "track", view)
		return
	}
	c, err := d.Accounts.FindCase(r.Context(), f.Value("case"), f.Value("proof"), d.Guard.Remote(w, r))
	switch {
	case err == nil:
		d.renderCase(w, r, c)
	case fault.Is(err, fault.NotFound):
		f.Add("case", "account.case.not_found")
		d.j.Render(w, r, http.StatusNotFound, "track", view)
	case f.FromFault(err):
		d.j.Render(w, r, fault.Status(err), "track", view)
	default:
		d.j.Fail(w, r, err)
	}
}
