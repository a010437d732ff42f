// SPDX-License-Identifier: Apache-2.0

// Package passkey is where she sees, names, removes and makes the passkeys of
// her account.
//
// It refuses to make one on the strength of a password alone: it leads through a
// stronger sign-in, and asks staff for the one-time code that they are given by
// hand. What a passkey is and what it is worth is the account room's matter.
package passkey

import (
	"embed"
	"net/http"

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

// Mount puts the journey on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site, site.Journey(files)}
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /security/passkeys":              d.list,
		"GET /security/passkeys/new":          d.ask,
		"POST /security/passkeys/new":         d.begin,
		"POST /security/passkeys":             d.finish,
		"GET /security/passkeys/{id}":         d.one,
		"POST /security/passkeys/{id}/name":   d.rename,
		"POST /security/passkeys/{id}/remove": d.remove,
	} {
		mux.Handle(pattern, session.Require(h))
	}
}

const home = "/security/passkeys"

// again leads through a fresh sign-in and back, by what she used before.
func again(w http.ResponseWriter, r *http.Request, s account.Session) {
	to := "/signin?fresh=1&return=" + home
	if !s.Passkey.IsZero() {
		to = "/signin/passkey?return=" + home
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (d *journey) list(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	all, err := d.Accounts.ListPasskeys(r.Context(), s.Account)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.j.Render(w, r, http.StatusOK, "list", page.View{Title: "passkey.title", Lede: "passkey.lede", Task: "passkey.task", Back: "/security",
		Data: map[string]any{"All": all, "Mine": s.Passkey}})
}

// ask asks for the code, where one is needed, and leads whoever signed in by too
// little through more.
func (d *journey) ask(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	code, err := d.Accounts.PasskeyTakesCode(r.Context(), s)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	if !code && s.Passkey.IsZero() && !s.Provisional {
		if err := d.Accounts.Meet(r.Context(), s, "passkey_add"); err != nil {
			d.j.Fail(w, r, err)
			return
		}
	}
	f := &page.Form{}
	f.Set("return", session.LocalPath(page.FormFrom(r).Value("return")))
	d.show(w, r, http.StatusOK, f)
}

func (d *journey) show(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	s, _ := session.From(r.Context())
	all, err := d.Accounts.ListPasskeys(r.Context(), s.Account)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	code, err := d.Accounts.PasskeyTakesCode(r.Context(), s)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	on, err := d.Accounts.TakesPasskeysOn(r.Context(), s)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	f.Values.Del("code") // never shown again
	d.Guard.LetOn(w, r, session.LocalPath(f.Value("return")))
	v := page.View{Title: "passkey.new", Lede: "passkey.new.lede", Task: "passkey.task", Back: home, Form: f,
		Data: map[string]any{"Code": code, "Have": len(all) > 0, "Low": code && s.Level < 2 || s.Provisional, "Off": !on, "Label": session.Label(r.UserAgent())}}
	d.j.Render(w, r, status, "new", v)
}

// begin checks what allows a passkey and shows the page that has the device
// make it. Its challenge lives for minutes and is answered once, so the page is
// the answer to the post itself.
func (d *journey) begin(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	code, err := d.Accounts.PasskeyTakesCode(r.Context(), s)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	if code && !f.Require("code") {
		d.show(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	c, err := d.Accounts.BeginPasskey(r.Context(), s, f.Value("code"), d.Guard.Remote(w, r))
	if err != nil {
		d.refuse(w, r, f, err)
		return
	}
	d.Guard.LetOn(w, r, session.LocalPath(f.Value("return")))
	d.j.Render(w, r, http.StatusOK, "make", page.View{Title: "passkey.make", Lede: "passkey.make.lede", Task: "passkey.task", Back: home, Form: &page.Form{},
		Data: map[string]any{"Options": string(c.Options), "Ceremony": c.Token.Reveal(), "Label": f.Value("label"), "Return": session.LocalPath(f.Value("return"))}})
}

// refuse leads whoever signed in too long ago through the sign-in, and says
// everything else where she stands.
func (d *journey) refuse(w http.ResponseWriter, r *http.Request, f *page.Form, err error) {
	if session.StepUpTo(w, r, err, home+"/new") {
		return
	}
	if fault.Is(err, fault.StepUp) {
		s, _ := session.From(r.Context())
		again(w, r, s)
		return
	}
	if !f.FromFault(err) {
		d.j.Fail(w, r, err)
		return
	}
	d.show(w, r, fault.Status(err), f)
}

func (d *journey) finish(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	_, err := d.Accounts.FinishPasskey(r.Context(), s, account.Token(f.Value("ceremony")), []byte(f.Secret("credential")), f.Value("label"), d.Guard.Remote(w, r))
	if err != nil {
		again := &page.Form{} // for what she makes it is not lost
		again.Set("return", session.LocalPath(f.Value("return")))
		d.refuse(w, r, again, err)
		return
	}
	d.site.Flash(w, "ok", "passkey.made")
	to := session.LocalPath(f.Value("return"))
	if to == "" {
		to = home
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// one shows a passkey with what can be done to it.
func (d *journey) one(w http.ResponseWriter, r *http.Request) {
	d.showOne(w, r, http.StatusOK, nil)
}

func (d *journey) showOne(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	s, _ := session.From(r.Context())
	all, err := d.Accounts.ListPasskeys(r.Context(), s.Account)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	for _, p := range all {
		if p.ID.String() != r.PathValue("id") {
			continue
		}
		if f == nil {
			f = &page.Form{}
			f.Set("label", p.Label)
		}
		d.j.Render(w, r, status, "one", page.View{Title: page.Raw(p.Label), Task: "passkey.task", Back: home, Form: f,
			Data: map[string]any{"Passkey": p, "Last": len(all) == 1}})
		return
	}
	d.j.Fail(w, r, fault.New(fault.NotFound, "account.passkey.gone"))
}

func (d *journey) rename(w http.ResponseWriter, r *http.Request) {
	d.change(w, r, func(s account.Session, p account.PasskeyID, f *page.Form) error {
		return d.Accounts.RenamePasskey(r.Context(), s, p, f.Value("label"))
	})
}

func (d *journey) remove(w http.ResponseWriter, r *http.Request) {
	d.change(w, r, func(s account.Session, p account.PasskeyID, _ *page.Form) error {
		return d.Accounts.RemovePasskey(r.Context(), s, p)
	})
}

func (d *journey) change(w http.ResponseWriter, r *http.Request, do func(account.Session, account.PasskeyID, *page.Form) error) {
	s, _ := session.From(r.Context())
	p, err := account.ParsePasskeyID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "account.passkey.gone"))
		return
	}
	f := page.FormFrom(r)
	err = do(s, p, f)
	switch {
	case err == nil:
		http.Redirect(w, r, home, http.StatusSeeOther)
	case session.StepUpTo(w, r, err, home+"/"+p.String()):
	case fault.Is(err, fault.StepUp):
		again(w, r, s)
	case fault.Is(err, fault.Invalid) && f.FromFault(err):
		d.showOne(w, r, fault.Status(err), f)
	default:
		d.j.Fail(w, r, err)
	}
}
