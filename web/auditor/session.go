// SPDX-License-Identifier: Apache-2.0

package auditor

import (
	"context"
	"net/http"
	"net/url"

	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/page"
)

var (
	errNoPage  = fault.New(fault.NotFound, "auditor.no_page")
	errNoStaff = fault.New(fault.Forbidden, "auditor.no_staff")
)

type staffKey struct{}

// staff is who works; handlers behind require have somebody.
func staff(ctx context.Context) Staff { s, _ := ctx.Value(staffKey{}).(Staff); return s }

// require lets staff in, leads strangers through the sign-in and refuses
// everybody else.
func (d *door) require(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		s, signedIn, ok := d.who(w, r)
		switch {
		case !signedIn:
			back := "/"
			if r.Method == http.MethodGet {
				back = r.URL.RequestURI()
			}
			http.Redirect(w, r, "/signin?return="+url.QueryEscape(back), http.StatusSeeOther)
		case !ok:
			d.j.Fail(w, r, errNoStaff)
		default:
			ctx := page.WithPerson(context.WithValue(r.Context(), staffKey{}, s), page.Person{Name: s.Office, Href: "/"})
			next(w, r.WithContext(ctx))
		}
	}
}

func (d *door) who(w http.ResponseWriter, r *http.Request) (s Staff, signedIn, ok bool) {
	if d.c.Session != nil {
		s, ok = d.c.Session(r)
		return s, ok, ok
	}
	i, in := d.client.Session(w, r)
	if !in {
		return Staff{}, false, false
	}
	account, err := id.Parse[struct{}](i.Subject)
	if err != nil || d.c.Staff == nil {
		return Staff{}, true, false
	}
	office, ok := d.c.Staff(r.Context(), i.Subject)
	return Staff{Account: id.Person(account), Office: office, Session: i.SessionID}, true, ok
}

func (d *door) signIn(w http.ResponseWriter, r *http.Request) {
	if err := d.client.Begin(w, r, page.Local(r.URL.Query().Get("return"))); err != nil {
		d.j.Fail(w, r, err)
	}
}

func (d *door) callback(w http.ResponseWriter, r *http.Request) {
	_, back, err := d.client.Callback(w, r)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, page.Local(back), http.StatusSeeOther)
}
