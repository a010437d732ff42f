// SPDX-License-Identifier: Apache-2.0

// Package auditor owns the door of those who watch over the audit log: its
// signed head, whether it is whole, and a search for what was done by whom.
//
// It shows no personal data: neither subjects nor citizens' accounts leave the
// log through this door, and each search is itself an entry. Head, keys and
// tiles hold hashes alone and are open to everybody, so that anybody may hold
// today's log against yesterday's. One verification runs at a time.
package auditor

import (
	"context"
	"embed"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/id"
	"danh/internal/observe"
	"danh/internal/page"
	"danh/internal/relyingparty"
	"danh/partner"
)

//go:embed *.html *.text.json
var files embed.FS

// Staff is a signed-in member of an oversight body.
type Staff struct {
	Account id.Person // the account's key
	Office  string    // the public name of her body
	Session string
}

// Config is what the door stands on.
type Config struct {
	Origin string // "http://127.0.0.1:8084", as browsers see it
	Issuer string // the citizen's door
	Secret string // of the client "auditor" (partner.DoorSecret)
	Key    []byte // 32 bytes that seal the session cookie (keys.Secret "cookie-auditor")
	Clock  clock.Clock
	Log    *slog.Logger
	Audit  *audit.Log
	HTTP   *http.Client // to the issuer; nil for a sensible one
	// Staff says whether an account, by its key, may work here and for which
	// body. It is asked with every request. Nil lets nobody in.
	Staff func(ctx context.Context, account string) (office string, ok bool)
	// Session replaces the OpenID sign-in; for tests of the pages.
	Session func(r *http.Request) (Staff, bool)
}

// demand is the class of authentication that every session here must have: an
// account of level 2, signed in with a passkey beside the password.
const demand = "urn:danh:acr:l2:a3"

type door struct {
	c      Config
	client *relyingparty.Client
	site   *page.Site
	j      *page.Journey

	mu      sync.Mutex
	running bool
	checked int64
	last    *result
}

// Door gives the handler of the auditor's door.
func Door(c Config) (http.Handler, error) {
	if c.Audit == nil || c.Clock == nil {
		return nil, errors.New("auditor: the log and a clock are needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Origin = strings.TrimRight(c.Origin, "/")
	secure := strings.HasPrefix(c.Origin, "https://")
	d := &door{c: c}
	d.site = page.New(page.Config{
		Door: "auditor", Secure: secure, Log: c.Log, Clock: c.Clock, Brand: page.Text{VI: "Giám sát nhật ký", EN: "Oversight of the log"},
		Nav: []page.Link{
			{ID: "head", Href: "/", Icon: "shield", Text: page.Text{VI: "Sổ nhật ký", EN: "The log"}},
			{ID: "entries", Href: "/entries", Icon: "search", Text: page.Text{VI: "Tìm trong sổ", EN: "Search"}},
		},
	})
	d.j = d.site.Journey(files)
	mux := http.NewServeMux()
	if c.Session == nil {
		var err error
		d.client, err = relyingparty.New(relyingparty.Config{
			Issuer: c.Issuer, ClientID: "auditor", Secret: c.Secret, RedirectURL: c.Origin + partner.CallbackPath, PostLogoutURL: c.Origin + partner.LoggedOutPath,
			Demand: demand, Cookie: "danh-auditor", Secure: secure, Key: c.Key, Clock: c.Clock, Log: c.Log, HTTP: c.HTTP,
		})
		if err != nil {
			return nil, err
		}
		mux.HandleFunc("GET /signin", d.signIn)
		mux.HandleFunc("GET "+partner.CallbackPath, d.callback)
		mux.HandleFunc("POST /signout", func(w http.ResponseWriter, r *http.Request) { d.client.Logout(w, r) })
	}
	mux.HandleFunc("GET /{$}", d.require(d.head))
	mux.HandleFunc("POST /verify", d.require(d.verify))
	mux.HandleFunc("GET /entries", d.require(d.entries))
	mux.HandleFunc("GET /checkpoint", d.tile)
	mux.HandleFunc("GET /tile/{path...}", d.tile)
	mux.HandleFunc("GET /key", d.key)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { d.j.Fail(w, r, errNoPage) })
	d.site.Places(mux)
	if d.client == nil {
		return d.site.Wrap(mux), nil
	}
	// Signing out leads on to the issuer: browsers hold the redirects of a form
	// to form-action too.
	issuer, routed := d.client.IssuerOrigin(), observe.Route(mux)
	return d.site.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page.AllowFormAction(w, issuer)
		routed.ServeHTTP(w, r)
	})), nil
}
