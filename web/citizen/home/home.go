// SPDX-License-Identifier: Apache-2.0

// Package home is the first page of the citizen's door: her account, what it
// can do at its level, and where everything else is.
//
// It refuses to show a provisional account anything that she did not declare
// herself, and says plainly what is missing and how to finish it.
package home

import (
	"context"
	"embed"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/page"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the page stands on.
type Config struct {
	Accounts      *account.Keeper
	Clock         clock.Clock
	Unread        func(ctx context.Context, a account.ID) (int, error)   // unread messages; nil: none are counted
	Portal        string                                                 // address of the public-service portal, may be empty
	Organisations bool                                                   // organisations have pages
	Dossiers      bool                                                   // dossiers at the counter have pages
	Asked         func(ctx context.Context, by audit.Actor) (int, error) // officers who wait for her answer; nil: none can ask
	Calls         func(ctx context.Context, by audit.Actor) (int, error) // officers who are about to telephone; nil: none say so here
	Recoveries    func(context.Context, account.Session) (int, error)    // counts who asks to get her account back; nil: nobody does here
	Afar          func(context.Context, account.Session) (int, error)    // counts the partners that wait for her answer; nil: none can ask
}

type journey struct {
	Config
	j *page.Journey
}

// Mount puts the page on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site.Journey(files)}
	mux.Handle("GET /{$}", session.Require(http.HandlerFunc(d.show)))
	mux.Handle("GET /account", session.Require(http.HandlerFunc(d.account)))
	mux.Handle("POST /account/carrier", session.Require(http.HandlerFunc(d.carrier)))
}

// feature is one line of the table of what the account can do.
type feature struct {
	Name  string
	OK    bool
	Later bool   // at any level: there is no journey for it yet
	Key   string // why not
}

type view struct {
	Account       account.Account
	Declared      account.Declared
	Number        string // in groups of three
	Unread        int
	Portal        string
	Dossiers      bool
	Organisations bool // there is a registry of organisations here
	Visits        bool // officers at a counter can ask her
	Asked         int  // and so many do
	Telling       bool // officers announce their calls
	Asks          int  // requests to get her account back
	Asking        bool // partners can ask her on her phone
	Afar          int  // and so many wait for her answer
	Calls         int  // and so many are about to telephone
	Level1        []feature
	Level2        []feature
	Acting        bool // whoever reads acts for somebody else: what is only the holder's own is left out
	Days          int  // until the password ends, when that is soon; else -1
}

func (d *journey) read(r *http.Request) (v view, err error) {
	s, _ := session.From(r.Context())
	v.Portal, v.Dossiers, v.Organisations, v.Days = d.Portal, d.Dossiers, d.Organisations, -1
	if v.Account, err = d.Accounts.Find(r.Context(), s.Account); err != nil {
		return v, err
	}
	if v.Declared, err = d.Accounts.Own(r.Context(), s); err != nil {
		return v, err
	}
	v.Number = grouped(v.Declared.Number.Reveal())
	if !v.Account.Organisation {
		v.Declared.Name = asName(v.Declared.Name)
	}
	if d.Unread != nil {
		if v.Unread, err = d.Unread(r.Context(), s.Account); err != nil {
			return v, err
		}
	}
	if v.Acting = s.Acting != nil; v.Acting {
		if v.Portal != "" {
			v.Portal += "/signin?return=/procedures" // there too she acts once she signs in anew
		}
		return v, nil
	}
	if v.Visits = d.Asked != nil && !v.Account.Provisional; v.Visits {
		if v.Asked, err = d.Asked(r.Context(), s.Actor()); err != nil {
			return v, err
		}
	}
	if v.Telling = d.Calls != nil; v.Telling {
		if v.Calls, err = d.Calls(r.Context(), s.Actor()); err != nil {
			return v, err
		}
	}
	if v.Asking = d.Afar != nil; v.Asking {
		if v.Afar, err = d.Afar(r.Context(), s); err != nil {
			return v, err
		}
	}
	if d.Recoveries != nil {
		if v.Asks, err = d.Recoveries(r.Context(), s); err != nil {
			return v, err
		}
	}
	warn, err := d.Accounts.Value(r.Context(), "password_warn_days")
	if err != nil {
		return v, err
	}
	if left := int(s.PasswordEnds.Sub(d.Clock.Now()).Hours() / 24); !s.PasswordEnds.IsZero() && left <= warn {
		v.Days = max(left, 0)
	}
	return v, nil
}

// grouped writes a number as it is read out: 001 190 001 234.
func grouped(n string) string {
	var parts []string
	for len(n) > 3 {
		parts, n = append(parts, n[:3]), n[3:]
	}
	return strings.Join(append(parts, n), " ")
}

// asName writes a name that was typed in small or in capital letters alone as
// names are written. One that mixes them stays as its holder writes it.
func asName(s string) string {
	if s != strings.ToLower(s) && s != strings.ToUpper(s) {
		return s
	}
	words := strings.Fields(strings.ToLower(s))
	for i, w := range words {
		r, n := utf8.DecodeRuneInString(w)
		words[i] = string(unicode.ToUpper(r)) + w[n:]
	}
	return strings.Join(words, " ")
}

// called is how the page addresses its reader: an organisation by its whole name.
func (v view) called() string {
	if v.Account.Organisation {
		return v.Declared.Name
	}
	return given(v.Declared.Name)
}

// given is the name that a Vietnamese person is called by: the last word.
func given(name string) string {
	words := strings.Fields(name)
	if len(words) == 0 {
		return name
	}
	return words[len(words)-1]
}

func (d *journey) show(w http.ResponseWriter, r *http.Request) {
	v, err := d.read(r)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	lede := "home.lede"
	if v.Account.Provisional {
		lede = "home.lede.provisional"
	}
	d.j.Render(w, r, http.StatusOK, "home", page.View{Title: "home.title", Args: map[string]string{"name": v.called()}, Lede: lede, Head: page.Home, Nav: "home", Data: v})
}

// quiet features are parts of this door, not things to do.
var quiet = map[string]bool{"home": true, "security": true, "inbox": true, "looked": true, "identity_shown": true}

func (d *journey) account(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	v, err := d.read(r)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	all, err := d.Accounts.ListFeatures(r.Context())
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	today := clock.DateOf(d.Clock.Now())
	for _, f := range all {
		if quiet[f.Name] {
			continue
		}
		line := feature{Name: f.Name, OK: true}
		switch {
		case !f.OpenOn(today):
			line.OK, line.Later, line.Key = false, true, "home.later"
		case s.Level < f.Level:
			line.OK, line.Key = false, "home.need.level_2"
		case s.Provisional && !f.Provisional:
			line.OK, line.Key = false, "home.need.proof"
		}
		if f.Level >= 2 {
			v.Level2 = append(v.Level2, line)
		} else {
			v.Level1 = append(v.Level1, line)
		}
	}
	d.j.Render(w, r, http.StatusOK, "account", page.View{Title: "home.account", Back: "/", Task: "home.account", Data: v})
}

// carrier asks the carrier again whose phone it is.
func (d *journey) carrier(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	if _, err := d.Accounts.RecheckCarrier(r.Context(), s); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}
