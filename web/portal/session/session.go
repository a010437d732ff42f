// SPDX-License-Identifier: Apache-2.0

// Package session owns how the portal knows who is signed in: the sealed
// cookie of an ordinary OpenID client, read once per request.
//
// It refuses to know more than the account let the portal know. A request
// without a living session goes on as nobody; journeys that need somebody wrap
// their handlers in Require, which leads through the sign-in and back.
package session

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"danh/account"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/internal/relyingparty"
	"danh/procedure"
)

type key struct{}

// Load reads the request's session and puts it into the context. What a page
// that was drawn for somebody else sends is refused by fail.
func Load(c *relyingparty.Client, fail func(http.ResponseWriter, *http.Request, error), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, ok := c.Session(w, r); ok {
			ctx := context.WithValue(r.Context(), key{}, id)
			ctx = page.WithPerson(ctx, page.Person{Name: id.Text("name"), Href: "/me"})
			if id.Act != nil {
				ctx = page.WithActing(ctx, band(id))
			}
			r = r.WithContext(ctx)
			if !page.Bound(r) {
				fail(w, r, fault.New(fault.Conflict, "acting.stale"))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// StopActing is where a post ends acting for somebody at this door.
const StopActing = "/acting/stop"

var relations = map[string]page.Text{"father": {VI: "Cha", EN: "Father"}, "mother": {VI: "Mẹ", EN: "Mother"}, "guardian": {VI: "Người giám hộ", EN: "Guardian"},
	"legal_representative": {VI: "Người đại diện theo pháp luật", EN: "Legal representative"}, "mandate": {VI: "Người được ủy quyền", EN: "Holder of a mandate"}}

// band is what every page says while a representative acts: the account that
// signed in is the child's or ward's, and the issuer named who holds the phone.
func band(id relyingparty.Identity) page.Acting {
	a := page.Acting{Name: id.Text("name"), Relation: page.Text{VI: "Người đại diện", EN: "Representative"}, Bind: id.SessionID, Stop: StopActing}
	if t, ok := relations[id.Act.Relation]; ok {
		a.Relation = t
	}
	if d, err := clock.ParseDate(id.Act.Until); err == nil {
		a.Until = d.Vietnamese()
	}
	if id.Act.Ends > 0 {
		a.Ends = time.Unix(id.Act.Ends, 0)
	}
	if a.Name == "" {
		a.Name = id.Text("given_name")
	}
	return a
}

// From gives who is signed in.
func From(ctx context.Context) (relyingparty.Identity, bool) {
	id, ok := ctx.Value(key{}).(relyingparty.Identity)
	return id, ok
}

// SignIn is the address that signs in and leads on to a path of the portal.
func SignIn(path string) string { return "/signin?return=" + url.QueryEscape(path) }

// SignInAgain is SignIn for what a session that lies about must not do: the
// issuer asks for the password also when it knows her.
func SignInAgain(path string) string { return SignIn(path) + "&again=yes" }

// Require leads visitors who are not signed in through the sign-in and back.
func Require(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := From(r.Context()); ok {
			next(w, r)
			return
		}
		back := r.URL.RequestURI()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			back = r.URL.Path // the page of the same name, where there is one
		}
		http.Redirect(w, r, SignIn(back), http.StatusSeeOther)
	}
}

// Applicant is who is signed in as the desk knows her. Own doors get the
// account's key as the subject.
func Applicant(r *http.Request, d *procedure.Desk) (procedure.Applicant, error) {
	id, ok := From(r.Context())
	if !ok {
		return procedure.Applicant{}, fault.New(fault.StepUp, "signin.needed")
	}
	a, err := account.ParseID(id.Subject)
	if err != nil {
		return procedure.Applicant{}, fault.New(fault.StepUp, "signin.needed")
	}
	if id.Act == nil {
		return d.Applicant(r.Context(), a, id.SessionID)
	}
	by, err := account.ParseID(id.Act.Subject)
	if err != nil {
		return procedure.Applicant{}, fault.New(fault.StepUp, "signin.needed")
	}
	return d.ApplicantFor(r.Context(), a, by, id.SessionID)
}

// Person is Applicant where only people have a place: an appointment about
// somebody's residence, a card. In an organisation's name it is refused; what
// whoever acts has of her own is no affair of the organisation's.
func Person(r *http.Request, d *procedure.Desk) (procedure.Applicant, error) {
	a, err := Applicant(r, d)
	if err == nil && a.Account.Organisation {
		err = fault.New(fault.Forbidden, "acting.person_only")
	}
	return a, err
}
