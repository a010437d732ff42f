// SPDX-License-Identifier: Apache-2.0

// Package stepup is where somebody who is signed in proves herself more
// strongly or afresh, because what she wants to do demands it, and the table of
// what each thing demands.
//
// It offers only what helps, from what she has: a passkey, this device's key,
// her passcode, the password. A code that can be relayed (QR) is never among
// them. When nothing she has is enough it says so, and what to do. It leads
// nowhere but to a path of this door.
package stepup

import (
	"embed"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"danh/account"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the journey stands on.
type Config struct {
	Accounts *account.Keeper
	Guard    *session.Guard
}

type journey struct {
	Config
	j *page.Journey
}

// Mount puts the journey on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site.Journey(files)}
	mux.Handle("GET /stepup", session.Require(http.HandlerFunc(d.ask)))
	mux.Handle("POST /stepup", session.Require(http.HandlerFunc(d.raise)))
	mux.HandleFunc("GET /demands", d.list)
}

func (d *journey) ask(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	d.show(w, r, http.StatusOK, want{q.Get("journey"), q.Get("acr"), q.Get("return")}, &page.Form{}, "")
}

// want is what led here: a journey of this door, or a class that a relying party
// asked for.
type want struct{ Journey, ACR, Return string }

func (v want) query() string {
	q := url.Values{"return": {v.Return}}
	if v.ACR != "" {
		q.Set("acr", v.ACR)
	} else {
		q.Set("journey", v.Journey)
	}
	return q.Encode()
}

func (d *journey) ways(r *http.Request, s account.Session, v want, remote account.RemoteInfo) (account.Ways, error) {
	if v.ACR == "" {
		return d.Accounts.Ways(r.Context(), s, v.Journey, remote)
	}
	demand, ok := account.ParseACR(v.ACR)
	if !ok {
		return account.Ways{}, fault.New(fault.NotFound, "fault.not_found")
	}
	return d.Accounts.WaysTo(r.Context(), s, demand, remote)
}

// name is a journey in words.
func (d *journey) name(language, journey string) string {
	key := "demand." + journey
	if s := d.j.Say(language, key, nil); s != key {
		return s
	}
	return d.j.Say(language, "demand.other", nil)
}

func (d *journey) show(w http.ResponseWriter, r *http.Request, status int, v want, f *page.Form, problem string) {
	s, _ := session.From(r.Context())
	if v.Return = session.LocalPath(v.Return); v.Return == "" {
		v.Return = "/"
	}
	remote := d.Guard.Remote(w, r)
	ways, err := d.ways(r, s, v, remote)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	if ways.Met {
		http.Redirect(w, r, v.Return, http.StatusSeeOther)
		return
	}
	if ways.Level {
		d.j.Fail(w, r, ways.Demand.Meet(s, time.Time{}))
		return
	}
	f.Values.Del("passcode") // never shown again
	var out account.Prospects
	never := !ways.Enough && !ways.Password && !ways.Code
	if never {
		if out, err = d.Accounts.Prospects(r.Context(), s, remote); err != nil {
			d.j.Fail(w, r, err)
			return
		}
	}
	data := map[string]any{"Never": never, "Out": out, "Sets": ways.Unset && out.Passcode,
		"Make": "/security/passkeys/new?return=" + url.QueryEscape(v.Return), "Set": "/security/passcode?return=" + url.QueryEscape(v.Return), "Ways": ways, "Want": v, "Problem": problem,
		"Again": "/signin?fresh=1&return=" + url.QueryEscape(v.Return), "Code": "/signin?fresh=1&code=1&return=" + url.QueryEscape(v.Return),
		"Can": ways.Passkey || ways.Device || ways.Passcode, "Old": ways.Demand.MaxAge > 0 && s.Assurance >= ways.Demand.Assurance}
	if data["Can"].(bool) {
		c, err := d.Accounts.BeginRaise(r.Context(), s, remote)
		if err != nil {
			d.j.Fail(w, r, err)
			return
		}
		data["Ceremony"], data["Options"], data["Challenge"] = c.Token.Reveal(), string(c.Options), c.Challenge
	}
	d.Guard.LetOn(w, r, v.Return)
	language := page.Language(r)
	what := d.name(language, v.Journey)
	if v.ACR != "" {
		what = d.j.Say(language, "stepup.partner", nil)
	}
	d.j.Render(w, r, status, "stepup", page.View{Title: "stepup.title", Lede: "stepup.lede", Task: "stepup.task", Back: "/", Form: f,
		Args: map[string]string{"what": what, "n": strconv.Itoa(ways.Demand.Assurance)}, Data: data})
}

func (d *journey) raise(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	v := want{f.Value("journey"), f.Value("acr"), f.Value("return")}
	signature, err := base64.RawURLEncoding.DecodeString(f.Value("signature"))
	if err != nil {
		signature = []byte("?") // refused like every other that is wrong
	}
	t, _, err := d.Accounts.Raise(r.Context(), s, d.Guard.Token(r), account.Proof{Ceremony: account.Token(f.Value("ceremony")), Answer: []byte(f.Secret("credential")),
		Signature: signature, Passcode: account.Passcode(f.Digits("passcode")), Remote: d.Guard.Remote(w, r)}, "citizen")
	if err != nil {
		d.refuse(w, r, v, f, err)
		return
	}
	// What she proved may be a part of what is needed: the page decides anew.
	d.Guard.Set(w, t)
	http.Redirect(w, r, "/stepup?"+v.query(), http.StatusSeeOther)
}

// refuse says on the page where it happened that it did not work.
func (d *journey) refuse(w http.ResponseWriter, r *http.Request, v want, f *page.Form, err error) {
	ft := fault.Of(err)
	switch {
	case ft == nil, ft.Kind == fault.NotFound:
		d.j.Fail(w, r, err)
	case len(ft.Fields) > 0 && f.FromFault(err):
		d.show(w, r, fault.Status(err), v, f, "")
	case ft.Kind == fault.TooMany:
		f.FromFault(err)
		d.show(w, r, fault.Status(err), v, f, "")
	case ft.Kind == fault.Invalid, ft.Kind == fault.Conflict, ft.Key == "account.passcode.closed":
		d.show(w, r, fault.Status(err), v, f, ft.Key)
	default:
		d.j.Fail(w, r, err)
	}
}

// asked is a demand in words.
type asked struct {
	account.Demand
	Name string
}

// Minutes is how old the proof may be.
func (a asked) Minutes() int { return int(a.MaxAge / time.Minute) }

// list is the table for everybody: it says nothing about anybody.
func (d *journey) list(w http.ResponseWriter, r *http.Request) {
	all, err := d.Accounts.ListDemands(r.Context())
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	var out []asked
	for _, x := range all {
		if n := d.name(page.Language(r), x.Journey); n != d.j.Say(page.Language(r), "demand.other", nil) {
			out = append(out, asked{x, n})
		}
	}
	d.j.Render(w, r, http.StatusOK, "demands", page.View{Title: "demands.title", Lede: "demands.lede", Task: "stepup.task", Back: "/security", Data: out})
}
