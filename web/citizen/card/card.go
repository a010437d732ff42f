// SPDX-License-Identifier: Apache-2.0

// Package card is where she sees her identity card as the card registry has
// it, both faces, until when it is valid and what became of earlier ones, and
// where she reports it lost.
//
// It shows her own cards only, and refuses their faces to an account whose
// holder was not proofed in person (Decree 69/2024, article 9). Reporting a
// loss asks once more: a lost card never comes back.
package card

import (
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"slices"

	"danh/account"
	"danh/audit"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/registry/card"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	cards    *card.Registry
	accounts *account.Keeper
	site     *page.Site
	j        *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, accounts *account.Keeper, cards *card.Registry) {
	d := &journey{cards: cards, accounts: accounts, site: site, j: site.Journey(files)}
	mux.Handle("GET /card", session.Require(http.HandlerFunc(d.show)))
	mux.Handle("GET /card/{id}/lost", session.Require(http.HandlerFunc(d.ask)))
	mux.Handle("POST /card/{id}/lost", session.Require(http.HandlerFunc(d.lose)))
}

func look(s account.Session) audit.Look {
	return audit.Look{By: s.Actor(), Purpose: "card.own", Ground: "own_data"}
}

type face struct {
	Label string // text key
	Image template.URL
}

type view struct {
	Card    *card.Card // the present one
	Number  string
	Faces   []face
	Level2  bool
	Loss    bool // it can be reported lost
	Earlier []card.Card
}

// present is the card that matters now: in force, in custody, or about to be
// handed over; else the latest.
func present(all []card.Card) (*card.Card, []card.Card) {
	if len(all) == 0 {
		return nil, nil
	}
	i := slices.IndexFunc(all, func(c card.Card) bool { return c.State == card.Delivered || c.State == card.Held })
	if i < 0 {
		i = max(0, slices.IndexFunc(all, func(c card.Card) bool { return c.State == card.Produced }))
	}
	return &all[i], slices.Concat(all[:i:i], all[i+1:])
}

func (d *journey) show(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	if err := d.accounts.Allow(r.Context(), s, "identity_shown"); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	all, err := d.cards.ListByPerson(r.Context(), look(s), s.Person)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	var v view
	v.Card, v.Earlier = present(all)
	v.Level2 = d.accounts.Allow(r.Context(), s, "eid") == nil
	if v.Card != nil {
		v.Number = v.Card.Number.Reveal()
		v.Loss = v.Card.State == card.Delivered || v.Card.State == card.Held // one that is not handed over yet is not hers to lose
	}
	if v.Card != nil && v.Level2 && v.Card.Kind == card.IDCard {
		front, back, err := d.cards.DrawFaces(r.Context(), look(s), s.Person, v.Card.ID)
		switch {
		case fault.Is(err, fault.NotFound): // its files' time is over
		case err != nil:
			d.j.Fail(w, r, err)
			return
		default:
			// One page, one look: two more requests would stand in her log as two more.
			v.Faces = []face{{"card.front", inline(front)}, {"card.back", inline(back)}}
		}
	}
	d.j.Render(w, r, http.StatusOK, "show", page.View{Title: "card.title", Task: "card.task", Back: "/", Data: v})
}

// inline puts a picture that was drawn here into the page.
func inline(png []byte) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))
}

// loss is what the question about a loss shows.
type loss struct {
	ID   card.ID
	Tail string
}

func (d *journey) find(w http.ResponseWriter, r *http.Request) (card.Card, bool) {
	s, _ := session.From(r.Context())
	key, err := card.ParseID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "card.not_found"))
		return card.Card{}, false
	}
	err = d.accounts.Allow(r.Context(), s, "identity_shown")
	var c card.Card
	if err == nil {
		c, err = d.cards.Find(r.Context(), look(s), s.Person, key)
	}
	if err != nil {
		d.j.Fail(w, r, err)
		return card.Card{}, false
	}
	return c, true
}

func (d *journey) ask(w http.ResponseWriter, r *http.Request) {
	if c, ok := d.find(w, r); ok {
		d.question(w, r, http.StatusOK, c, &page.Form{})
	}
}

func (d *journey) question(w http.ResponseWriter, r *http.Request, status int, c card.Card, f *page.Form) {
	d.j.Render(w, r, status, "lost", page.View{Title: "card.lost.title", Lede: "card.lost.lede", Task: "card.task", Back: "/card", Form: f, Data: loss{c.ID, c.Number.String()}})
}

func (d *journey) lose(w http.ResponseWriter, r *http.Request) {
	c, ok := d.find(w, r)
	if !ok {
		return
	}
	f := page.FormFrom(r)
	if f.Value("why") != "lost" && f.Value("why") != "stolen" {
		f.Add("why", "problem.choose")
		d.question(w, r, http.StatusUnprocessableEntity, c, f)
		return
	}
	s, _ := session.From(r.Context())
	if err := d.cards.Decide(r.Context(), s.Actor(), card.Decision{Person: s.Person, Card: c.ID, Step: card.Lose, Reason: f.Value("why")}); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.site.Flash(w, "ok", "card.lost.done")
	http.Redirect(w, r, "/card", http.StatusSeeOther)
}
