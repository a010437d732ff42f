// SPDX-License-Identifier: Apache-2.0

// Package hotline is the one page of whoever answers the telephone: a number and
// the caller's words lock an account.
//
// It shows nothing of anybody and answers alike for every number: whoever sits
// here, or pretends to, learns not even whether somebody has an account.
package hotline

import (
	"embed"
	"net/http"

	"danh/account"
	"danh/audit"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	accounts *account.Keeper
	site     *page.Site
	j        *page.Journey
}

// Mount puts the page on the mux.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, k *account.Keeper) {
	d := &journey{k, site, site.Journey(files)}
	mux.HandleFunc("GET /hotline", guard.Require(office.Hotline, d.ask))
	mux.HandleFunc("POST /hotline", guard.Require(office.Hotline, d.freeze))
}

func (d *journey) ask(w http.ResponseWriter, r *http.Request, _ audit.Actor) {
	d.show(w, r, http.StatusOK, &page.Form{})
}

func (d *journey) show(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	w.Header().Set("Cache-Control", "no-store")
	d.j.Render(w, r, status, "hotline", page.View{Layout: page.Desk, Title: "hotline.title", Lede: "hotline.lede", Nav: "hotline", Form: f})
}

func (d *journey) freeze(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	err := d.accounts.FreezeByCall(r.Context(), by, f.Digits("number"), f.Value("words"))
	if err != nil {
		if !f.FromFault(err) {
			d.j.Fail(w, r, err)
			return
		}
		d.show(w, r, fault.Status(err), f)
		return
	}
	d.site.Flash(w, "ok", "hotline.done")
	http.Redirect(w, r, "/hotline", http.StatusSeeOther)
}
