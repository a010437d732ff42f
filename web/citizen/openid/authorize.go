// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"

	"danh/internal/fault"
	"danh/provider"
	"danh/web/citizen/session"
)

// Browser reads and sets the cookie that binds requests to a browser from its
// first hop on. The consent page reads it too.
type Browser struct{ Secure bool }

func (b Browser) name() string {
	if b.Secure {
		return "__Host-danh-authz"
	}
	return "danh-authz"
}

// Read gives the browser's mark, or "" when it has none.
func (b Browser) Read(r *http.Request) string {
	c, err := r.Cookie(b.name())
	if err != nil || len(c.Value) != 43 {
		return ""
	}
	return c.Value
}

// mark gives the browser's mark, making one at the first hop.
func (b Browser) mark(w http.ResponseWriter, r *http.Request) string {
	if v := b.Read(r); v != "" {
		return v
	}
	raw := make([]byte, 32)
	rand.Read(raw)
	v := base64.RawURLEncoding.EncodeToString(raw)
	http.SetCookie(w, &http.Cookie{Name: b.name(), Value: v, Path: "/", HttpOnly: true, Secure: b.Secure, SameSite: http.SameSiteLaxMode})
	return v
}

// authorize is the authorization endpoint and the place where every step comes
// back to: a client's request begins here, and /authorize?request=… goes on
// with one that is under way.
func (d *door) authorize(w http.ResponseWriter, r *http.Request) {
	v, ok := query(w, r)
	if !ok {
		d.j.Fail(w, r, fault.New(fault.Invalid, "provider.client"))
		return
	}
	// Browsers withhold our cookies from a post of another site, so nothing is
	// decided on one: it begins a request, and a redirect brings the cookies.
	browser := ""
	if r.Method != http.MethodPost {
		browser = Browser{d.Secure}.mark(w, r)
	}
	handle := v.Get("request")
	if handle == "" || v.Has("client_id") {
		var out *provider.Answer
		var err error
		if !v.Has("request_uri") {
			if err = d.brake.begin(r); err != nil {
				d.j.Fail(w, r, err)
				return
			}
		}
		handle, out, err = d.Provider.Begin(r.Context(), v, browser)
		if err != nil {
			d.j.Fail(w, r, err)
			return
		}
		if out != nil {
			Send(w, r, out)
			return
		}
	}
	if r.Method == http.MethodPost {
		http.Redirect(w, r, provider.AuthorizePath+"?request="+url.QueryEscape(handle), http.StatusSeeOther)
		return
	}
	visit := provider.Visit{Handle: handle, Browser: browser}
	if s, ok := session.From(r.Context()); ok {
		visit.Session = &s
	}
	step, err := d.Provider.Continue(r.Context(), visit)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.speak(w, r, step.Language)
	back := url.QueryEscape(handle)
	switch step.Kind {
	case provider.Issue, provider.Refuse:
		Send(w, r, step.Answer)
	case provider.SignIn:
		http.Redirect(w, r, "/signin?request="+back, http.StatusSeeOther)
	case provider.UsePasskey:
		http.Redirect(w, r, "/signin/passkey?request="+back, http.StatusSeeOther)
	case provider.RaiseSession:
		http.Redirect(w, r, "/stepup?"+url.Values{"acr": {step.ACR}, "return": {"/authorize?request=" + back}}.Encode(), http.StatusSeeOther)
	case provider.AskConsent:
		http.Redirect(w, r, "/consent?request="+back, http.StatusSeeOther)
	case provider.ChangePassword:
		http.Redirect(w, r, "/security/password?return="+url.QueryEscape("/authorize?request="+back), http.StatusSeeOther)
	}
}

// speak follows ui_locales when the reader has chosen no language herself.
func (d *door) speak(w http.ResponseWriter, r *http.Request, language string) {
	if language == "" {
		return
	}
	if _, err := r.Cookie("danh-lang"); err == nil {
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "danh-lang", Value: language, Path: "/", HttpOnly: true, Secure: d.Secure, SameSite: http.SameSiteLaxMode})
}

// formPostScript is all that runs on the page that carries an answer by a form.
const formPostScript = `document.forms[0].submit()`

// Send lets the browser carry an answer to the client: in the address, or by a
// form that posts itself (OAuth 2.0 Form Post Response Mode).
func Send(w http.ResponseWriter, r *http.Request, a *provider.Answer) {
	w.Header().Set("Cache-Control", "no-store")
	if !a.FormPost {
		http.Redirect(w, r, a.URL(), http.StatusSeeOther)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src '"+formPostHash+"'; form-action "+a.Origin()+"; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	_ = formPostPage.Execute(w, struct {
		To     string
		Values url.Values
	}{a.RedirectURI, a.Values})
}
