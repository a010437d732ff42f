// SPDX-License-Identifier: Apache-2.0

// Package visit owns coming and going at the portal: signing in at the issuer
// and coming back, registering for an account, signing out, and the page that
// says what the portal knows about her.
//
// It refuses to ask for a number or a password: those are typed at the
// citizen's door alone.
package visit

import (
	"embed"
	"net/http"
	"net/url"

	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/internal/relyingparty"
	"danh/web/portal/session"
)

//go:embed *.html *.text.json
var files embed.FS

type visit struct {
	client  *relyingparty.Client
	journey *page.Journey
	site    *page.Site
	origin  string
}

// Mount puts the journey on the door.
func Mount(mux *http.ServeMux, site *page.Site, client *relyingparty.Client, origin string) {
	v := &visit{client: client, journey: site.Journey(files), site: site, origin: origin}
	mux.HandleFunc("GET /signin", v.signIn)
	mux.HandleFunc("GET /callback", v.callback)
	mux.HandleFunc("POST /signout", func(w http.ResponseWriter, r *http.Request) { client.Logout(w, r) })
	// The session here ends at once; at the issuer, where acting began, she ends it
	// for all doors.
	mux.HandleFunc("POST "+session.StopActing, func(w http.ResponseWriter, r *http.Request) {
		client.Forget(w)
		http.Redirect(w, r, client.Issuer()+"/acting", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /register", v.register)
	mux.HandleFunc("GET /me", session.Require(v.me))
}

func (v *visit) signIn(w http.ResponseWriter, r *http.Request) {
	back := page.Local(r.URL.Query().Get("return"))
	opts := []relyingparty.Option{relyingparty.UILocales(page.Language(r))}
	if r.URL.Query().Get("again") != "" {
		opts = append(opts, relyingparty.Prompt("login"))
	}
	if err := v.client.Begin(w, r, back, opts...); err != nil {
		v.journey.Fail(w, r, err)
	}
}

// callback ends in a redirect, so that reloading the page never repeats a code.
func (v *visit) callback(w http.ResponseWriter, r *http.Request) {
	_, back, err := v.client.Callback(w, r)
	if err == nil {
		http.Redirect(w, r, back, http.StatusSeeOther)
		return
	}
	f := fault.Of(err)
	if f == nil || f.Kind == fault.Unavailable {
		v.journey.Fail(w, r, err)
		return
	}
	key := "declined"
	if f != relyingparty.ErrDeclined {
		key = "stale"
	}
	v.journey.Render(w, r, fault.Status(err), "again", page.View{
		Layout: page.Desk, Title: "signin." + key + ".title", Lede: "signin." + key + ".lede", Data: session.SignIn(page.Local(back))})
}

// register leads to the opening of an account at the citizen's door and back
// to the very procedure she came for.
func (v *visit) register(w http.ResponseWriter, r *http.Request) {
	back := page.Local(r.URL.Query().Get("return"))
	if _, ok := session.From(r.Context()); ok {
		http.Redirect(w, r, back, http.StatusSeeOther)
		return
	}
	v.journey.Render(w, r, http.StatusOK, "register", page.View{Layout: page.Desk, Title: "register.title", Lede: "register.lede", Back: back,
		Data: map[string]string{
			"Open":   v.client.Issuer() + "/open?return=" + url.QueryEscape(v.origin+session.SignIn(back)),
			"SignIn": session.SignIn(back),
		}})
}

// me shows what her account let the portal know, and where each value comes from.
func (v *visit) me(w http.ResponseWriter, r *http.Request) {
	id, _ := session.From(r.Context())
	var facts []page.Fact
	var body struct {
		Number string `json:"number"`
	}
	organisation := id.Decode("organisation", &body)
	person, home, seat := "source.population", "source.residence", "me.address"
	if organisation {
		person, home, seat = "source.organisation", "source.organisation", "me.seat"
	}
	add := func(label, claim string, mono bool) {
		c, ok := id.Claims[claim]
		if !ok {
			return
		}
		f := page.Fact{Label: label, Value: id.Text(claim), Mono: mono, Declared: c.Source == ""}
		if d, err := clock.ParseDate(id.Text(claim)); err == nil && claim == "birthdate" {
			f.Value = d
		}
		if c.Source != "" {
			f.Source, f.At = person, c.AsOf
		}
		facts = append(facts, f)
	}
	if organisation {
		add("me.organisation", "name", false)
		c := id.Claims["organisation"]
		facts = append(facts, page.Fact{Label: "me.enterprise", Value: body.Number, Mono: true, Source: person, At: c.AsOf})
	} else {
		add("me.name", "name", false)
	}
	add("me.birth", "birthdate", true)
	add("me.number", "personal_number", true)
	add("me.phone", "phone_number", true)
	add("me.email", "email", false)
	var address struct {
		Formatted string `json:"formatted"`
	}
	if id.Decode("address", &address) {
		f := page.Fact{Label: seat, Value: address.Formatted, Declared: !id.Verified("address")}
		if id.Verified("address") {
			f.Source, f.At = home, id.Claims["address"].AsOf
		}
		facts = append(facts, f)
	}
	v.journey.Render(w, r, http.StatusOK, "me", page.View{Layout: page.Desk, Title: "me.title", Lede: "me.lede",
		Data: map[string]any{"Facts": facts, "Level": id.Number("account_level"), "Organisation": organisation, "Acting": id.Act != nil, "Provisional": id.Bool("provisional"), "Issuer": v.client.Issuer(), "Since": id.SignedIn}})
}
