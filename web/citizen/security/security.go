// SPDX-License-Identifier: Apache-2.0

// Package security is where she sees from which browsers her account is used,
// ends sessions, and changes her password.
//
// It refuses to show a session's secret or an address; a session is named by a
// key that opens nothing.
package security

import (
	"context"
	"embed"
	"net/http"

	"danh/account"
	"danh/account/place"
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

	// Codes counts the recovery codes that she has left. Nil: nothing gets an
	// account back here, and the page does not offer codes.
	Codes func(ctx context.Context, s account.Session) (int, error)
}

type journey struct {
	Config
	j *page.Journey
}

// Mount puts the journey on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site.Journey(files)}
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /security":             d.show,
		"POST /security/end":        d.end,
		"GET /security/everywhere":  d.askEverywhere,
		"POST /security/everywhere": d.everywhere,
		"GET /security/password":    d.askPassword,
		"POST /security/password":   d.changePassword,
	} {
		mux.Handle(pattern, session.Require(h))
	}
}

func (d *journey) show(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	list, err := d.Accounts.ListSessions(r.Context(), s.Account)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	devices, err := d.Accounts.ListDevices(r.Context(), s.Account)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	codes, tone := 0, ""
	if d.Codes != nil {
		if codes, err = d.Codes(r.Context(), s); err != nil {
			d.j.Fail(w, r, err)
			return
		}
		if codes <= 2 { // time for another set
			tone = "warn"
		}
	}
	d.j.Render(w, r, http.StatusOK, "security", page.View{Title: "security.title", Back: "/", Task: "security.task",
		Data: map[string]any{"Sessions": list, "Mine": s.ID, "Devices": devices, "Here": s.Holder().Device, "Phone": phone, "Ends": s.PasswordEnds, "Counted": d.Codes != nil, "Codes": codes, "Tone": tone, "Near": d.near(page.Language(r))}})
}

// phone reports whether a device is carried about.
func phone(v account.Device) bool {
	return v.Platform == "iPhone" || v.Platform == "iPad" || v.Platform == "Android"
}

// near says where a sign-in came from as far as anybody knows: a town, never an
// address.
func (d *journey) near(lang string) func(place.Place) string {
	return func(p place.Place) string {
		if !p.Known() {
			return d.j.Say(lang, "security.nowhere", nil)
		}
		return d.j.Say(lang, "security.near", map[string]string{"place": p.In(lang)})
	}
}

func (d *journey) end(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	which, err := account.ParseSessionID(page.FormFrom(r).Value("session"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "security.gone"))
		return
	}
	// The statement is bound to the actor's own account: another's key ends nothing.
	if err := d.Accounts.SignOut(r.Context(), s.Actor(), which); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/security", http.StatusSeeOther)
}

func (d *journey) askEverywhere(w http.ResponseWriter, r *http.Request) {
	d.j.Render(w, r, http.StatusOK, "everywhere", page.View{Title: "security.everywhere", Lede: "security.everywhere.lede", Back: "/security", Task: "security.task"})
}

func (d *journey) everywhere(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	if err := d.Accounts.SignOutEverywhere(r.Context(), s.Actor(), account.SessionID{}); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.Guard.Clear(w)
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

func (d *journey) askPassword(w http.ResponseWriter, r *http.Request) {
	f := &page.Form{}
	f.Set("return", session.LocalPath(r.URL.Query().Get("return")))
	d.showPassword(w, r, http.StatusOK, f)
}

func (d *journey) showPassword(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	s, _ := session.From(r.Context())
	v := page.View{Title: "security.password", Lede: "security.password.lede", Back: "/security", Task: "security.task", Form: f,
		Data: map[string]any{"Return": session.LocalPath(f.Value("return")), "Must": s.MustChangePassword, "Ends": s.PasswordEnds}}
	if s.MustChangePassword {
		v.Back, v.Lede = "", "security.password.must"
	}
	d.Guard.LetOn(w, r, session.LocalPath(f.Value("return")))
	for _, name := range []string{"old", "password", "again"} { // never shown again
		f.Values.Del(name)
	}
	d.j.Render(w, r, status, "password", v)
}

func (d *journey) changePassword(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	old, pw := f.Secret("old"), f.Secret("password")
	if old == "" {
		f.Add("old", "problem.required")
	}
	if pw == "" {
		f.Add("password", "problem.required")
	} else if pw != f.Secret("again") {
		f.Add("again", "account.password.not_same")
	}
	if !f.OK() {
		d.showPassword(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	err := d.Accounts.ChangePassword(r.Context(), s, account.Password(old), account.Password(pw))
	switch {
	case err == nil:
	case f.FromFault(err):
		d.showPassword(w, r, fault.Status(err), f)
		return
	default:
		d.j.Fail(w, r, err)
		return
	}
	to := session.LocalPath(f.Value("return"))
	if to == "" {
		to = "/security?changed=1"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
