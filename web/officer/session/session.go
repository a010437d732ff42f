// SPDX-License-Identifier: Apache-2.0

// Package session owns how the officer's door knows who is signed in and what
// she may do: the sealed cookie of an ordinary OpenID client, and the roster,
// both read with every request.
//
// It refuses to believe the cookie about anything but the account's key and how
// she signed in, which must have been with a passkey. The account must stand at
// level 2; roles come from the roster, so an appointment that has ended opens
// nothing on the next click.
package session

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/page"
	"danh/internal/relyingparty"
	"danh/office"
)

// Officer is who is signed in, with or without a role.
type Officer struct {
	Account  account.ID
	Person   id.Person
	Name     string
	Session  string
	Standing Standing
	Roles    []office.Staff
}

// Standing says whether an account may hold a role at all.
type Standing string

// The standings.
const (
	Good        Standing = "good"
	Provisional Standing = "provisional" // its holder was not proofed
	Inactive    Standing = "inactive"    // locked, closed or gone
	Low         Standing = "low"         // below level 2
)

// Demand is the class of authentication that the doors of staff demand: an
// account of level 2, signed in with assurance 3. By the rows of
// account_assurance a password is 1 and a passkey beside it 3, so no code that
// travels by SMS opens these doors.
const Demand = "urn:danh:acr:l2:a3"

// Holds finds the appointment to a role.
func (o Officer) Holds(role office.Role) (office.Staff, bool) {
	i := slices.IndexFunc(o.Roles, func(s office.Staff) bool { return s.Role == role })
	if i < 0 {
		return office.Staff{}, false
	}
	return o.Roles[i], true
}

// As is the officer acting in a role: under the public name of her office,
// never under her own.
func (o Officer) As(role office.Role) audit.Actor {
	name := "Danh"
	if s, ok := o.Holds(role); ok && s.OfficeName != "" {
		name = s.OfficeName
	}
	a := audit.Officer(account.Owner(o.Account), o.Person, name)
	a.Session = o.Session
	return a
}

// Guard reads who is signed in.
type Guard struct {
	client   *relyingparty.Client
	accounts *account.Keeper
	roster   *office.Roster
	clock    clock.Clock
	fail     func(http.ResponseWriter, *http.Request, error)
}

// New returns the door's guard; fail shows a fault.
func New(c *relyingparty.Client, k *account.Keeper, r *office.Roster, clk clock.Clock, fail func(http.ResponseWriter, *http.Request, error)) *Guard {
	return &Guard{client: c, accounts: k, roster: r, clock: clk, fail: fail}
}

type key struct{}

// Load reads the request's session, account and roles into the context.
func (g *Guard) Load(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := g.client.Session(w, r)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		o, err := g.read(r.Context(), who)
		if err != nil {
			g.fail(w, r, err)
			return
		}
		ctx := context.WithValue(r.Context(), key{}, o)
		ctx = page.WithPerson(ctx, page.Person{Name: o.Name, Href: "/me"})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (g *Guard) read(ctx context.Context, who relyingparty.Identity) (Officer, error) {
	o := Officer{Name: who.Text("name"), Session: who.SessionID, Standing: Inactive}
	var err error
	if o.Account, err = account.ParseID(who.Subject); err != nil {
		return o, fault.New(fault.StepUp, "signin.needed")
	}
	a, err := g.accounts.Find(ctx, o.Account)
	switch {
	case fault.Is(err, fault.NotFound):
		return o, nil
	case err != nil:
		return o, err
	case a.Status != account.Active:
		return o, nil
	case a.Provisional:
		o.Standing = Provisional
		return o, nil
	case a.Level < 2:
		o.Standing = Low
		return o, nil
	}
	o.Person, o.Standing = a.Person, Good
	list, err := g.roster.RolesOf(ctx, account.Owner(a.ID), g.clock.Now())
	if err != nil {
		return o, err
	}
	for _, s := range list {
		if s.Person == a.Person {
			o.Roles = append(o.Roles, s)
		}
	}
	return o, nil
}

// From gives who is signed in.
func From(ctx context.Context) (Officer, bool) {
	o, ok := ctx.Value(key{}).(Officer)
	return o, ok
}

// SignIn is the address that signs in and leads on to a path of this door.
func SignIn(path string) string { return "/signin?return=" + url.QueryEscape(path) }

// Signed leads visitors who are not signed in through the sign-in and back.
func (g *Guard) Signed(next func(http.ResponseWriter, *http.Request, Officer)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if o, ok := From(r.Context()); ok {
			next(w, r, o)
			return
		}
		back := r.URL.RequestURI()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			back = r.URL.Path // the page of the same name
		}
		http.Redirect(w, r, SignIn(back), http.StatusSeeOther)
	}
}

// Require is Signed for those who hold a role; others are told so. by is who
// acts, for the room that is asked.
func (g *Guard) Require(role office.Role, next func(w http.ResponseWriter, r *http.Request, by audit.Actor)) http.HandlerFunc {
	return g.Signed(func(w http.ResponseWriter, r *http.Request, o Officer) {
		if _, ok := o.Holds(role); !ok {
			g.fail(w, r, fault.New(fault.Forbidden, "office.staff.no_role"))
			return
		}
		next(w, r, o.As(role))
	})
}

// RequireAny is Require for those who hold one of several roles; by acts in the
// first of them that she holds.
func (g *Guard) RequireAny(next func(w http.ResponseWriter, r *http.Request, by audit.Actor), roles ...office.Role) http.HandlerFunc {
	return g.Signed(func(w http.ResponseWriter, r *http.Request, o Officer) {
		for _, role := range roles {
			if _, ok := o.Holds(role); ok {
				next(w, r, o.As(role))
				return
			}
		}
		g.fail(w, r, fault.New(fault.Forbidden, "office.staff.no_role"))
	})
}
