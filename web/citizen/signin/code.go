// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"net/http"
	"net/url"
	"time"

	"danh/account"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/web/citizen/session"
)

// askCode asks for the code that was sent to her phone because the browser is
// not known.
func (d *journey) askCode(w http.ResponseWriter, r *http.Request) {
	d.showCode(w, r, http.StatusOK, session.LocalPath(r.URL.Query().Get("return")), &page.Form{})
}

func (d *journey) showCode(w http.ResponseWriter, r *http.Request, status int, back string, f *page.Form) {
	w.Header().Set("Cache-Control", "no-store")
	if _, ok := session.From(r.Context()); ok {
		http.Redirect(w, r, or(back, "/"), http.StatusSeeOther)
		return
	}
	n, err := d.Accounts.FindNewDevice(r.Context(), d.Guard.Token(r), d.Guard.Remote(w, r))
	if fault.Is(err, fault.NotFound) {
		http.Redirect(w, r, "/signin?return="+url.QueryEscape(or(back, "/")), http.StatusSeeOther)
		return
	}
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	f.Values.Del("code") // never shown again
	d.Guard.LetOn(w, r, back)
	now := d.Clock.Now()
	d.j.Render(w, r, status, "code", page.View{Task: "code.task", Title: "code.title", Lede: "code.lede", Args: map[string]string{"phone": n.Phone}, Back: "/signin", Form: f,
		Data: map[string]any{"Return": back, "Until": n.CodeEnds, "Alive": n.Left > 0 && n.CodeEnds.After(now), "Total": 3 * time.Minute,
			"Again": !n.CodeAgain.After(now), "AgainAt": n.CodeAgain, "Sends": n.Sends}})
}

func (d *journey) takeCode(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	back := session.LocalPath(f.Value("return"))
	if !f.Require("code") {
		d.showCode(w, r, http.StatusUnprocessableEntity, back, f)
		return
	}
	t, s, err := d.Accounts.ConfirmDevice(r.Context(), account.DeviceCode{Token: d.Guard.Token(r), Code: f.Value("code"), Once: f.Has("once", "yes"), Remote: d.Guard.Remote(w, r), Door: "citizen"})
	if err != nil {
		d.refuseCode(w, r, back, f, err)
		return
	}
	d.Guard.Set(w, t)
	to := or(back, "/")
	if !s.Once {
		to = session.Welcome + "?return=" + url.QueryEscape(to)
	}
	if s.MustChangePassword {
		to = "/security/password?return=" + url.QueryEscape(to)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (d *journey) codeAgain(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	back := session.LocalPath(f.Value("return"))
	if err := d.Accounts.SendDeviceCode(r.Context(), d.Guard.Token(r), d.Guard.Remote(w, r)); err != nil {
		d.refuseCode(w, r, back, &page.Form{}, err)
		return
	}
	http.Redirect(w, r, session.Code+"?return="+url.QueryEscape(or(back, "/")), http.StatusSeeOther)
}

func (d *journey) refuseCode(w http.ResponseWriter, r *http.Request, back string, f *page.Form, err error) {
	if fault.Is(err, fault.NotFound) { // over, or another browser's
		http.Redirect(w, r, "/signin?return="+url.QueryEscape(or(back, "/")), http.StatusSeeOther)
		return
	}
	if !f.FromFault(err) {
		d.j.Fail(w, r, err)
		return
	}
	d.showCode(w, r, fault.Status(err), back, f)
}
