// SPDX-License-Identifier: Apache-2.0

// Package dependants is where she sees whom she represents and who represents
// her, and says yes or no to each use of a child's or ward's own account; and
// the page on which that account's browser waits for her.
//
// It refuses to show a use to anybody but who represents the account's person
// today. The waiting browser learns nothing but whether it may go on.
package dependants

import (
	"embed"
	"net/http"
	"net/url"
	"time"

	"danh/account"
	"danh/internal/clock"
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
	Clock    clock.Clock
}

type journey struct {
	Config
	j *page.Journey
}

// Mount puts the journey on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site.Journey(files)}
	mux.Handle("GET /dependants", session.Require(http.HandlerFunc(d.show)))
	mux.Handle("POST /dependants/use", session.Here(http.HandlerFunc(d.answer)))
	mux.HandleFunc("GET "+session.Waiting, d.wait)
}

// link is one representation in the reader's words.
type link struct {
	account.Representation
	Mine     bool // she is the representative
	Standing bool
	Word     string // for the relation
	Paper    string // for the proof
}

// Ended is the day on which a link ended.
func (l link) Ended() clock.Date {
	if l.EndedAt.IsZero() {
		return l.Until // its day is over, and nobody has tidied it up yet
	}
	return clock.DateOf(l.EndedAt)
}

// words says a relation and its proof; papers of kinds that this page has no
// word for were seen at the counter all the same.
func (d *journey) words(r *http.Request, x *link) {
	say := func(key, or string) string {
		if s := d.j.Say(page.Language(r), key, nil); s != key {
			return s
		}
		return d.j.Say(page.Language(r), or, nil)
	}
	x.Word, x.Paper = say("relation."+x.Relation, "relation.other"), say("proof."+x.Proof, "proof.other")
}

type view struct {
	Waiting, Answered []account.Use
	Mine, Hers, Past  []link
	MayAct            bool // for one of them at least
}

func (d *journey) show(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	links, err := d.Accounts.ListRepresentations(r.Context(), s.Actor())
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	uses, err := d.Accounts.ListUses(r.Context(), s.Actor(), 20)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	now := d.Clock.Now()
	var v view
	for _, u := range uses {
		if u.Waiting(now) {
			v.Waiting = append(v.Waiting, u)
		} else {
			v.Answered = append(v.Answered, u)
		}
	}
	for _, l := range links {
		x := link{Representation: l, Mine: l.Representative == s.Person, Standing: l.Standing(clock.DateOf(now))}
		d.words(r, &x)
		switch {
		case !x.Standing:
			v.Past = append(v.Past, x)
		case x.Mine:
			v.Mine = append(v.Mine, x)
			v.MayAct = v.MayAct || x.Confirms
		default:
			v.Hers = append(v.Hers, x)
		}
	}
	d.j.Render(w, r, http.StatusOK, "list", page.View{Task: "dependants.task", Title: "dependants.title", Lede: "dependants.lede", Back: "/", Data: v})
}

func (d *journey) answer(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	a, err1 := account.ParseID(f.Value("account"))
	which, err2 := account.ParseSessionID(f.Value("use"))
	answer := f.Value("answer")
	if err1 != nil || err2 != nil || answer != "yes" && answer != "no" {
		d.j.Fail(w, r, fault.New(fault.NotFound, "account.use.none"))
		return
	}
	if err := d.Accounts.AnswerUse(r.Context(), s.Actor(), a, which, answer == "yes"); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/dependants", http.StatusSeeOther)
}

// wait is the page of the browser that was signed in and may not go on yet. It
// asks again by itself until there is an answer.
func (d *journey) wait(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	to := session.LocalPath(r.URL.Query().Get("return"))
	if to == "" {
		to = "/"
	}
	if _, ok := session.From(r.Context()); ok {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	u, err := d.Accounts.FindAwaiting(r.Context(), d.Guard.Token(r))
	if fault.Is(err, fault.NotFound) {
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
		return
	}
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	now := d.Clock.Now()
	p := page.View{Task: "dependants.wait.task", Title: "dependants.wait", Lede: "dependants.wait.lede",
		Data: map[string]any{"Until": u.EndsAt, "Total": u.EndsAt.Sub(u.AskedAt).Round(time.Second), "Waiting": u.Waiting(now), "Refused": !u.AnsweredAt.IsZero() && !u.Confirmed}}
	if !u.Waiting(now) {
		d.Guard.Clear(w)
		p.Title, p.Lede = "dependants.over", "dependants.over.lede"
		if !u.AnsweredAt.IsZero() && !u.Confirmed {
			p.Title, p.Lede = "dependants.refused", "dependants.refused.lede"
		}
	} else {
		w.Header().Set("Refresh", "5; url="+session.Waiting+"?return="+url.QueryEscape(to))
	}
	d.j.Render(w, r, http.StatusOK, "wait", p)
}
