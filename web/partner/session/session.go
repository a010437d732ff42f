// SPDX-License-Identifier: Apache-2.0

// Package session owns how the partner door knows who is signed in: the sealed
// cookie of an ordinary OpenID client, and the account behind it, read with
// every request.
//
// It refuses to believe the cookie about anything but the account's key. What
// somebody may do for a party is read by the room that is asked, in the
// transaction of the change.
package session

import (
	"context"
	"embed"
	"net/http"
	"net/url"

	"danh/account"
	"danh/audit"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/page"
	"danh/internal/relyingparty"
)

// Texts are the words of the guard's faults and of what takes a passkey.
//
//go:embed session.text.json
var Texts embed.FS

// Visitor is who is signed in.
type Visitor struct {
	Account  account.ID
	Person   id.Person
	Name     string
	Session  string
	ACR      string // how she signed in
	Level    int    // 0 while the account does not stand or its holder was not proofed
	Standing Standing
}

// Standing says whether an account can do anything here.
type Standing string

// The standings.
const (
	Good        Standing = "good"
	Provisional Standing = "provisional"
	Inactive    Standing = "inactive"
)

// Actor is the visitor as the rooms know her.
func (v Visitor) Actor() audit.Actor {
	a := audit.Citizen(account.Owner(v.Account), v.Person)
	a.Session = v.Session
	return a
}

// Guard reads who is signed in.
type Guard struct {
	client   *relyingparty.Client
	accounts *account.Keeper
	fail     func(http.ResponseWriter, *http.Request, error)
	j        *page.Journey
}

// New returns the door's guard, which shows its pages at the site.
func New(c *relyingparty.Client, k *account.Keeper, site *page.Site) *Guard {
	return &Guard{client: c, accounts: k, fail: site.Fail, j: site.Journey(pages)}
}

type key struct{}

type acting struct{}

// ErrActing is told to whoever acts for a child or an organisation: she does not
// do so here, and signing in again would bring her to the same place.
var ErrActing = fault.New(fault.Forbidden, "partner.acting")

// Acting reports whether whoever is signed in acts for somebody else.
func Acting(ctx context.Context) bool { return ctx.Value(acting{}) != nil }

// Load reads the request's session and account into the context.
func (g *Guard) Load(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := g.client.Session(w, r)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		if who.Act != nil {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), acting{}, true)))
			return
		}
		v, err := g.read(r.Context(), who)
		if err != nil {
			g.fail(w, r, err)
			return
		}
		ctx := context.WithValue(r.Context(), key{}, v)
		next.ServeHTTP(w, r.WithContext(page.WithPerson(ctx, page.Person{Name: v.Name, Href: "/clients"})))
	})
}

func (g *Guard) read(ctx context.Context, who relyingparty.Identity) (Visitor, error) {
	v := Visitor{Name: who.Text("name"), Session: who.SessionID, ACR: who.ACR, Standing: Inactive}
	var err error
	if v.Account, err = account.ParseID(who.Subject); err != nil {
		return v, nil
	}
	a, err := g.accounts.Find(ctx, v.Account)
	switch {
	case fault.Is(err, fault.NotFound):
		return v, nil
	case err != nil:
		return v, err
	case a.Status == account.Active && a.Provisional:
		v.Standing = Provisional
	case a.Status == account.Active:
		v.Person, v.Level, v.Standing = a.Person, int(a.Level), Good
	}
	return v, nil
}

// From gives who is signed in.
func From(ctx context.Context) (Visitor, bool) {
	v, ok := ctx.Value(key{}).(Visitor)
	return v, ok
}

// Signed leads visitors who are not signed in through the sign-in and back.
func (g *Guard) Signed(next func(http.ResponseWriter, *http.Request, Visitor)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if v, ok := From(r.Context()); ok {
			w.Header().Set("Cache-Control", "no-store")
			next(w, r, v)
			return
		}
		if Acting(r.Context()) {
			g.fail(w, r, ErrActing)
			return
		}
		back := r.URL.RequestURI()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			back = r.URL.Path
		}
		http.Redirect(w, r, "/signin?return="+url.QueryEscape(back), http.StatusSeeOther)
	}
}
