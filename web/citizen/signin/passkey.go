// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"encoding/json"
	"net/http"
	"net/url"

	"danh/account"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/web/citizen/session"
)

// options gives a challenge to a page that asks by script: for anybody's
// passkey, whoever is signed in.
func (d *journey) options(w http.ResponseWriter, r *http.Request) {
	c, err := d.Accounts.BeginPasskeySignIn(r.Context(), nil, d.Guard.Remote(w, r))
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if err != nil {
		if fault.Of(err) == nil {
			d.j.Fail(w, r, err)
			return
		}
		w.WriteHeader(fault.Status(err))
		_, _ = w.Write([]byte("{}"))
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"ceremony": c.Token.Reveal(), "publicKey": c.Options})
}

// stepUp is what the page of the second factor holds.
type stepUp struct {
	Request, Return, Ceremony, Options, Problem string
	None                                        bool // she has no passkey
}

// askPasskey asks whoever is signed in for one of her passkeys.
func (d *journey) askPasskey(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	d.showPasskey(w, r, http.StatusOK, stepUp{Request: q.Get("request"), Return: session.LocalPath(q.Get("return"))})
}

func (d *journey) showPasskey(w http.ResponseWriter, r *http.Request, status int, v stepUp) {
	s, _ := session.From(r.Context())
	c, err := d.Accounts.BeginPasskeySignIn(r.Context(), &s, d.Guard.Remote(w, r))
	switch f := fault.Of(err); {
	case f != nil && f.Key == "account.passkey.none":
		v.None = true
	case err != nil:
		d.j.Fail(w, r, err)
		return
	default:
		v.Ceremony, v.Options = c.Token.Reveal(), string(c.Options)
	}
	d.Guard.LetAnswer(w, r, v.Request)
	p := page.View{Title: "signin.passkey.title", Lede: "signin.passkey.lede", Form: &page.Form{}, Data: v}
	if v.None {
		p.Title, p.Lede = "signin.passkey.none", "signin.passkey.none.lede"
	}
	d.j.Render(w, r, status, "passkey", p)
}

// usePasskey takes the device's answer: it opens a session, or raises the one
// that asked.
func (d *journey) usePasskey(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	request, back := f.Value("request"), session.LocalPath(f.Value("return"))
	in := account.PasskeySignIn{Ceremony: account.Token(f.Value("ceremony")), Answer: []byte(f.Secret("credential")), Remote: d.Guard.Remote(w, r), Former: d.Guard.Token(r), Door: "citizen"}
	s, signedIn := session.From(r.Context())
	raising := signedIn && f.Value("raise") == "yes"
	if raising {
		in.Session = &s
	}
	t, got, err := d.Accounts.SignInWithPasskey(r.Context(), in)
	if err != nil {
		d.refusePasskey(w, r, in, request, back, raising, err)
		return
	}
	d.Guard.Set(w, t)
	to := or(back, "/")
	if request != "" {
		to = "/authorize?request=" + url.QueryEscape(request)
	}
	if got.MustChangePassword {
		to = "/security/password?return=" + url.QueryEscape(to)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// refusePasskey says on the page where it happened that it did not work.
func (d *journey) refusePasskey(w http.ResponseWriter, r *http.Request, in account.PasskeySignIn, request, back string, raising bool, err error) {
	ft := fault.Of(err)
	if ft == nil || ft.Kind != fault.Invalid && ft.Kind != fault.Conflict {
		d.j.Fail(w, r, err)
		return
	}
	if raising {
		// The passkey may just have ended, and the session with it.
		if _, gone := d.Accounts.FindSessionOn(r.Context(), d.Guard.Token(r), in.Remote.Device); gone == nil {
			d.showPasskey(w, r, fault.Status(err), stepUp{Request: request, Return: back, Problem: ft.Key})
			return
		}
		d.Guard.Clear(w)
	}
	d.show(w, r, fault.Status(err), view{Request: request, Return: back, Problem: ft.Key}, &page.Form{})
}
