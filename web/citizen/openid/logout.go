// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"net/http"
	"net/url"

	"danh/account"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/provider"
	"danh/web/citizen/session"
)

// logout is the end-session endpoint (OpenID Connect RP-Initiated Logout 1.0,
// section 2). Without proof that the wish is hers, she is asked.
func (d *door) logout(w http.ResponseWriter, r *http.Request) {
	v, ok := query(w, r)
	if !ok {
		d.j.Fail(w, r, fault.New(fault.Invalid, "provider.logout"))
		return
	}
	d.endSession(w, r, v, false)
}

// confirmLogout is her yes on the page; it must come from that page.
func (d *door) confirmLogout(w http.ResponseWriter, r *http.Request) {
	v, ok := form(w, r)
	if !ok {
		d.j.Fail(w, r, fault.New(fault.Invalid, "provider.logout"))
		return
	}
	if v.Get("answer") != "yes" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	v.Del("answer")
	d.endSession(w, r, v, true)
}

func (d *door) endSession(w http.ResponseWriter, r *http.Request, v url.Values, confirmed bool) {
	var s *account.Session
	if found, ok := session.From(r.Context()); ok {
		s = &found
	}
	out, err := d.Provider.EndSession(r.Context(), v, s)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	// A post of another site comes without her cookie: whether she is signed in
	// is only known once she has answered the question.
	if (out.Confirm || s == nil && r.Method == http.MethodPost) && !confirmed {
		keep := map[string]string{}
		for _, k := range []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state"} {
			if s := v.Get(k); s != "" {
				keep[k] = s
			}
		}
		name := ""
		if out.Client != nil {
			name = out.Client.Name.In(page.Language(r))
		}
		if out.Return != "" {
			page.AllowFormAction(w, provider.Origin(out.Return))
		}
		d.j.Render(w, r, http.StatusOK, "logout", page.View{Title: "logout.title", Task: "logout.task", Data: map[string]any{"Keep": keep, "Client": name}})
		return
	}
	if s != nil {
		if err := d.Provider.SignOut(r.Context(), *s); err != nil {
			d.j.Fail(w, r, err)
			return
		}
		d.Guard.Clear(w)
	}
	if out.Return != "" {
		http.Redirect(w, r, out.Return, http.StatusSeeOther)
		return
	}
	d.j.Render(w, r, http.StatusOK, "goodbye", page.View{Title: "goodbye.title", Lede: "goodbye.lede"})
}
