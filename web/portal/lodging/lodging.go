// SPDX-License-Identifier: Apache-2.0

// Package lodging owns the pages of the lodging notice: before you start,
// where, who, look it through, sent.
//
// The notifier's own data come from what her account released and say so; a
// guest's data are typed. Every step is saved before the next is shown, also
// when something has to be mended, and everything works without JavaScript.
package lodging

import (
	"embed"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/internal/relyingparty"
	"danh/procedure"
	"danh/registry/residence"
	"danh/registry/unit"
	"danh/web/portal/session"
)

//go:embed *.html *.text.json
var files embed.FS

type lodging struct {
	desk    *procedure.Desk
	units   *unit.Directory
	clock   clock.Clock
	journey *page.Journey
	site    *page.Site
}

// Mount puts the journey on the door.
func Mount(mux *http.ServeMux, site *page.Site, desk *procedure.Desk, units *unit.Directory, c clock.Clock) {
	l := &lodging{desk: desk, units: units, clock: c, journey: site.Journey(files), site: site}
	mux.HandleFunc("GET /lodging", session.Require(l.start))
	mux.HandleFunc("POST /lodging", session.Require(l.open))
	mux.HandleFunc("GET /lodging/{case}/place", session.Require(l.with(l.showPlace)))
	mux.HandleFunc("POST /lodging/{case}/place", session.Require(l.with(l.savePlace)))
	mux.HandleFunc("GET /lodging/{case}/guest/{n}", session.Require(l.with(l.showGuest)))
	mux.HandleFunc("POST /lodging/{case}/guest/{n}", session.Require(l.with(l.saveGuest)))
	mux.HandleFunc("POST /lodging/{case}/guest/{n}/remove", session.Require(l.with(l.removeGuest)))
	mux.HandleFunc("GET /lodging/{case}/review", session.Require(l.with(l.review)))
	mux.HandleFunc("POST /lodging/{case}/review", session.Require(l.with(l.send)))
	mux.HandleFunc("POST /lodging/{case}/discard", session.Require(l.with(l.discard)))
}

// step is one request about one draft of who is signed in.
type step struct {
	applicant procedure.Applicant
	kase      procedure.Case
	rules     procedure.Rules
}

func (s step) path(tail string) string { return "/lodging/" + s.kase.ID.String() + tail }

// with finds the draft. A draft of another account is not found. One that was
// sent already leads to its case.
func (l *lodging) with(h func(http.ResponseWriter, *http.Request, step)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := session.Applicant(r, l.desk)
		if err != nil {
			l.fail(w, r, err)
			return
		}
		id, err := procedure.ParseCaseID(r.PathValue("case"))
		if err != nil {
			l.fail(w, r, fault.New(fault.NotFound, "case.not_found"))
			return
		}
		c, err := l.desk.Find(r.Context(), a, id)
		if err != nil {
			l.fail(w, r, err)
			return
		}
		if c.State != procedure.Draft {
			http.Redirect(w, r, "/cases/"+c.ID.String(), http.StatusSeeOther)
			return
		}
		rules, err := l.desk.Rules(r.Context(), l.desk.Today())
		if err != nil {
			l.fail(w, r, err)
			return
		}
		h(w, r, step{applicant: a, kase: c, rules: rules})
	}
}

func (l *lodging) fail(w http.ResponseWriter, r *http.Request, err error) { l.journey.Fail(w, r, err) }

// noted is a released claim with where it comes from. Only what a register
// vouches for gets a source.
func noted(id relyingparty.Identity, claim string) procedure.Noted {
	n := procedure.Noted{Value: id.Text(claim)}
	if c, ok := id.Claims[claim]; ok && c.Source != "" {
		n.Source, n.AsOf = c.Source, c.AsOf
	}
	return n
}

// body is the organisation for which whoever is signed in acts.
type body struct {
	Number string `json:"number"`
	Name   string `json:"name"`
}

func notifier(id relyingparty.Identity) procedure.Notifier {
	var b body
	if id.Decode("organisation", &b) && b.Number != "" {
		n := procedure.Notifier{Name: noted(id, "name"), Number: noted(id, "organisation"), Organisation: true}
		n.Number.Value = b.Number
		return n
	}
	return procedure.Notifier{Name: noted(id, "name"), Number: noted(id, "personal_number"), BirthDate: noted(id, "birthdate"), Phone: id.Text("phone_number")}
}

// address is the address claim of protocols: OpenID Connect Core 1.0, section
// 5.1.1, with the administrative unit and its version.
type address struct {
	Formatted string `json:"formatted"`
	UnitCode  string `json:"unit_code"`
	UnitFrom  string `json:"unit_from"`
	UnitName  string `json:"unit_name"`
	AsOf      string `json:"as_of"`
}

// home is her registered residence as a proposal for the place of stay. The
// unit of an old address is followed to today's; where it was divided, she is
// asked, for nobody can know.
func (l *lodging) home(id relyingparty.Identity) procedure.Place {
	var a address
	if !id.Decode("address", &a) || a.Formatted == "" {
		return procedure.Place{}
	}
	p := procedure.Place{Category: procedure.Household, Address: residence.Address{Text: a.Formatted}}
	register := "residence"
	if n := notifier(id); n.Organisation {
		p.Category, p.Name, register = procedure.Hotel, n.Name.Value, "organisation"
	}
	if id.Verified("address") {
		p.Source, p.AsOf = register, id.Claims["address"].AsOf
	}
	today := l.desk.Today()
	from, err := clock.ParseDate(a.UnitFrom)
	if err != nil {
		// A code without its day is ambiguous: most of today's codes bore another
		// name before. The name that came with it decides.
		u, ok := l.units.Find(a.UnitCode, today)
		if !ok || a.UnitName == "" || unit.Fold(l.units.FullName(u)) != unit.Fold(a.UnitName) {
			return p
		}
		from = u.From
	}
	list := l.units.Current(a.UnitCode, from)
	if len(list) != 1 {
		for _, s := range list {
			p.Maybe = append(p.Maybe, s.Unit.Code)
		}
		return p
	}
	u := list[0].Unit
	p.Address.UnitCode, p.Address.UnitFrom, p.UnitName = u.Code, u.From, l.units.FullName(u)
	return p
}

// start says what is needed and shows what is filled in, before anything is kept.
func (l *lodging) start(w http.ResponseWriter, r *http.Request) {
	a, err := session.Applicant(r, l.desk)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	p, err := l.desk.FindProcedure(r.Context(), procedure.Lodging)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	rules, err := l.desk.Rules(r.Context(), l.desk.Today())
	if err != nil {
		l.fail(w, r, err)
		return
	}
	list, err := l.desk.List(r.Context(), a, 20)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	var drafts []procedure.Case
	for _, c := range list {
		if c.State == procedure.Draft && c.Procedure == procedure.Lodging && c.Touched {
			drafts = append(drafts, c)
		}
	}
	id, _ := session.From(r.Context())
	l.journey.Render(w, r, http.StatusOK, "start", page.View{Layout: page.Desk, Task: "lodging.task", Title: "lodging.start.title", Lede: "lodging.start.lede",
		Back: "/procedures/" + procedure.Lodging, Nav: "cases",
		Data: map[string]any{"Facts": facts(notifier(id), l.home(id)), "Open": p.Open, "Drafts": drafts, "Provisional": a.Account.Provisional, "Organisation": notifier(id).Organisation, "Due": l.due(rules, nil), "Days": rules.DraftDays}})
}

func (l *lodging) open(w http.ResponseWriter, r *http.Request) {
	a, err := session.Applicant(r, l.desk)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	id, _ := session.From(r.Context())
	c, err := l.desk.OpenLodging(r.Context(), a, notifier(id), l.home(id))
	if err != nil {
		l.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/lodging/"+c.ID.String()+"/place", http.StatusSeeOther)
}

func (l *lodging) discard(w http.ResponseWriter, r *http.Request, s step) {
	if err := l.desk.Discard(r.Context(), s.applicant, s.kase.ID); err != nil {
		l.fail(w, r, err)
		return
	}
	l.site.Flash(w, "ok", "portal.draft_discarded")
	http.Redirect(w, r, "/cases", http.StatusSeeOther)
}

// facts are the notifier's own data, as the pages show them: sunk with source
// and date when a register vouches for them, marked as declared otherwise.
func facts(n procedure.Notifier, home procedure.Place) []page.Fact {
	one := func(label string, v procedure.Noted, value any, source string) page.Fact {
		f := page.Fact{Label: label, Value: value, Declared: v.Source == "" && v.Value != ""}
		if v.Source != "" {
			f.Source, f.At = source, v.AsOf
		}
		return f
	}
	source, number, seat := "source.population", "field.number", homeLabel(n)
	if n.Organisation {
		source, number = "source.organisation", "lodging.enterprise"
	}
	out := []page.Fact{one("lodging.notifier", n.Name, n.Name.Value, source)}
	if n.Number.Value != "" {
		f := one(number, n.Number, n.Number.Value, source)
		f.Mono = true
		out = append(out, f)
	}
	if home.Address.Text != "" {
		out = append(out, one(seat, procedure.Noted{Value: home.Address.Text, Source: home.Source, AsOf: home.AsOf}, home.Address.Text, placeSource(home)))
	}
	return out
}

// homeLabel is what the address is that a register gives of a notifier.
func homeLabel(n procedure.Notifier) string {
	if n.Organisation {
		return "lodging.seat"
	}
	return "lodging.home"
}

// placeSource is the text key of the register that a place was filled in from.
func placeSource(p procedure.Place) string {
	if p.Source == "" {
		return ""
	}
	return "source." + p.Source
}

// dueBox is the box with the deadline, drawn by the server.
type dueBox struct {
	At              time.Time
	Late            bool
	Span            time.Duration // the whole time for the notice
	Cutoff, Morning string
}

// due is the deadline of the guests that are there or, without one, of a guest
// who arrives at this moment.
func (l *lodging) due(rules procedure.Rules, guests []procedure.Guest) dueBox {
	now := l.clock.Now()
	d := dueBox{At: procedure.Notice{Guests: guests}.Due(rules), Cutoff: hour(rules.Cutoff), Morning: hour(rules.LateUntil)}
	if len(guests) == 0 {
		d.At = rules.Deadline(now)
	}
	d.Late = !now.Before(d.At)
	d.Span = max(rules.Cutoff/2, d.At.Sub(now))
	return d
}

func hour(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// ordinal is the guest's number in the path.
func ordinal(r *http.Request) (int, error) {
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 1 || n > 99 {
		return 0, errors.Join(fault.New(fault.NotFound, "case.not_found"), err)
	}
	return n, nil
}
