// SPDX-License-Identifier: Apache-2.0

// Package privacy is where a partner's staff see the consents that people gave
// to their organisation and answer what people ask about their data.
//
// It shows the names under which the partner knows people and never another;
// requests are for the owner and whoever is in charge of data, consents for
// all of the staff. Roles are read with every request: one that was ended a
// moment ago opens nothing.
package privacy

import (
	"embed"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"danh/account"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/page"
	"danh/partner"
	"danh/provider"
	"danh/provider/right"
	"danh/provider/verify"
	"danh/web/partner/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the pages stand on.
type Config struct {
	Provider *provider.Provider
	Partners *partner.Directory
	Desk     *right.Desk
	Verify   *verify.Desk // nil: nothing is compared
	Clock    clock.Clock
}

type journey struct {
	Config
	site  *page.Site
	j     *page.Journey
	guard *session.Guard
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, c Config) {
	d := &journey{c, site, site.Journey(files), guard}
	mux.HandleFunc("GET /consents", d.signed(d.consents))
	mux.HandleFunc("GET /requests", d.signed(d.list))
	mux.HandleFunc("GET /requests/{code}", d.signed(d.find))
	mux.HandleFunc("POST /requests/{code}/acknowledge", d.signed(d.act("privacy.acknowledged", d.acknowledge)))
	mux.HandleFunc("POST /requests/{code}/answer", d.signed(d.act("privacy.answered", d.answer)))
}

// staff is who is signed in, with what she may do.
type staff struct {
	session.Visitor
	account id.Person
	at      []partner.Membership
}

// parties lists the parties at which she holds one of the roles; none: any.
func (s staff) parties(roles ...partner.Role) []partner.PartyID {
	var out []partner.PartyID
	for _, m := range s.at {
		if (len(roles) == 0 || slices.Contains(roles, m.Role)) && !slices.Contains(out, m.Party) {
			out = append(out, m.Party)
		}
	}
	return out
}

func (d *journey) signed(next func(http.ResponseWriter, *http.Request, staff)) http.HandlerFunc {
	return d.guard.Signed(func(w http.ResponseWriter, r *http.Request, v session.Visitor) {
		if v.Standing != session.Good {
			http.Redirect(w, r, "/clients", http.StatusSeeOther) // it says why; a sign-in would lead straight back
			return
		}
		s := staff{Visitor: v, account: account.Owner(v.Account)}
		var err error
		if s.at, err = d.Partners.MembershipsOf(r.Context(), s.account, d.Clock.Now()); err != nil {
			d.j.Fail(w, r, err)
			return
		}
		next(w, r, s)
	})
}

// consents is a page of the consents to one of her organisation's clients.
func (d *journey) consents(w http.ResponseWriter, r *http.Request, s staff) {
	f := page.FormFrom(r)
	var clients []partner.Client
	for _, party := range s.parties() {
		list, err := d.Partners.ListClients(r.Context(), party)
		if err != nil {
			d.j.Fail(w, r, err)
			return
		}
		clients = append(clients, list...)
	}
	language := page.Language(r)
	data := map[string]any{"Any": len(clients) > 0}
	var choices []page.Choice
	at := 0
	for i, c := range clients {
		choices = append(choices, page.Choice{Value: string(c.ID), Text: page.Raw(c.Name.In(language) + " · " + string(c.ID))})
		if string(c.ID) == f.Value("client") {
			at = i
		}
	}
	data["Clients"] = choices
	if len(clients) > 0 {
		c := clients[at]
		f.Set("client", string(c.ID))
		q, err := provider.ReadHeldQuery(map[string][]string{"sub": {f.Value("sub")}, "state": {f.Value("state")}, "before": {f.Value("before")}, "limit": {"50"}})
		if err != nil {
			d.j.Fail(w, r, fault.New(fault.Invalid, "privacy.query"))
			return
		}
		list, err := d.Provider.ListHeld(r.Context(), c, q)
		if err != nil {
			d.j.Fail(w, r, err)
			return
		}
		var rows []held
		for _, h := range list.Consents {
			row := held{Held: h, Purpose: h.Purpose}
			if p, ok := c.Purpose(h.Purpose); ok {
				row.Purpose = p.Text.In(language)
			}
			for _, name := range h.Fields {
				row.Names = append(row.Names, d.field(r, name))
			}
			rows = append(rows, row)
		}
		self := url.Values{"client": {string(c.ID)}, "sub": {f.Value("sub")}, "state": {f.Value("state")}}
		var pages page.Pages
		if f.Value("before") != "" {
			pages.Newer = "/consents?" + self.Encode()
		}
		if list.Next != "" {
			self.Set("before", list.Next)
			pages.Older = "/consents?" + self.Encode()
		}
		data["Rows"], data["Pages"] = rows, pages
		if d.Verify != nil {
			if data["Months"], err = d.months(r, c); err != nil {
				d.j.Fail(w, r, err)
				return
			}
		}
	}
	d.j.Render(w, r, http.StatusOK, "consents", page.View{Layout: page.Desk, Title: "privacy.consents", Lede: "privacy.consents.lede", Nav: "consents", Wide: true, Form: f, Data: data})
}

// month is what comparisons for a purpose came to: counts about nobody.
type month struct {
	verify.Month
	Purpose string
}

func (d *journey) months(r *http.Request, c partner.Client) ([]month, error) {
	list, err := d.Verify.ListMonths(r.Context(), c.ID)
	if err != nil {
		return nil, err
	}
	var out []month
	for _, m := range list[:min(len(list), 24)] {
		one := month{m, m.Purpose}
		if p, ok := c.Purpose(m.Purpose); ok {
			one.Purpose = p.Text.In(page.Language(r))
		}
		out = append(out, one)
	}
	return out, nil
}

type held struct {
	provider.Held
	Purpose string
	Names   []string
}

func (d *journey) field(r *http.Request, name string) string {
	if t := d.j.Say(page.Language(r), "right.field."+name, nil); t != "right.field."+name {
		return t
	}
	return strings.ReplaceAll(name, "_", " ")
}

type line struct {
	right.Case
	State string
	Late  bool
	Soon  bool
}

func (d *journey) line(c right.Case) line {
	now := d.Clock.Now()
	l := line{Case: c, State: "right.state." + string(c.State), Late: c.Overdue(now) || c.Unacknowledged(now), Soon: c.Open() && c.Due.Sub(now) < 72*time.Hour}
	if c.Overdue(now) {
		l.State = "right.state.overdue"
	}
	return l
}

// list shows what is asked of all organisations for which she answers.
func (d *journey) list(w http.ResponseWriter, r *http.Request, s staff) {
	var open, past []line
	parties := s.parties(partner.Owner, partner.DataRole)
	for _, party := range parties {
		all, err := d.Desk.ListFor(r.Context(), right.Member{Account: s.account, Party: party})
		if err != nil {
			d.j.Fail(w, r, err)
			return
		}
		for _, c := range all {
			if c.Open() {
				open = append(open, d.line(c))
			} else {
				past = append(past, d.line(c))
			}
		}
	}
	d.j.Render(w, r, http.StatusOK, "list", page.View{Layout: page.Desk, Title: "privacy.requests", Lede: "privacy.requests.lede", Nav: "requests",
		Data: map[string]any{"Open": open, "Past": past, "May": len(parties) > 0}})
}

// member finds for which of her organisations a request is.
func (d *journey) member(r *http.Request, s staff) (right.Member, right.Case, error) {
	code := r.PathValue("code")
	for _, party := range s.parties(partner.Owner, partner.DataRole) {
		m := right.Member{Account: s.account, Party: party}
		c, err := d.Desk.FindFor(r.Context(), m, code)
		if err == nil || !fault.Is(err, fault.NotFound) {
			return m, c, err
		}
	}
	return right.Member{}, right.Case{}, right.ErrUnknown
}

func (d *journey) find(w http.ResponseWriter, r *http.Request, s staff) {
	d.show(w, r, s, http.StatusOK, &page.Form{})
}

func (d *journey) show(w http.ResponseWriter, r *http.Request, s staff, status int, f *page.Form) {
	_, c, err := d.member(r, s)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	sure, err := d.guard.Sure(r.Context(), s.Visitor)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	unsure := ""
	if !sure {
		unsure = session.SureAt(path(c.Code)) // instead of the form: its words would be lost on the way
	}
	var reasons []page.Choice
	for _, reason := range right.ReasonsFor(c.Kind) {
		reasons = append(reasons, page.Choice{Value: reason.Key, Text: "right.reason." + reason.Key, Hint: page.Text{VI: reason.Source.VI, EN: reason.Source.EN}})
	}
	var fields []string
	for _, name := range c.Fields {
		fields = append(fields, d.field(r, name))
	}
	d.j.Render(w, r, status, "show", page.View{Layout: page.Desk, Title: page.Raw(c.Code), Task: "privacy.task", Back: "/requests", BackTo: "privacy.requests", Nav: "requests", Form: f,
		Data: map[string]any{"C": d.line(c), "Reasons": reasons, "Fields": fields, "Unsure": unsure}})
}

func (d *journey) done(w http.ResponseWriter, r *http.Request, s staff, f *page.Form, err error, word string) {
	if err != nil {
		if ft := fault.Of(err); ft == nil || ft.Kind != fault.Invalid || !f.FromFault(err) {
			d.j.Fail(w, r, err)
			return
		}
		d.show(w, r, s, fault.Status(err), f)
		return
	}
	d.site.Flash(w, "ok", word)
	http.Redirect(w, r, path(r.PathValue("code")), http.StatusSeeOther)
}

// act does something to a request. Whoever has somebody's password that was
// phished reads it, and speaks to nobody for the organisation.
func (d *journey) act(word string, do func(*http.Request, right.Member, string, *page.Form) error) func(http.ResponseWriter, *http.Request, staff) {
	return func(w http.ResponseWriter, r *http.Request, s staff) {
		f := page.FormFrom(r)
		m, c, err := d.member(r, s)
		if err == nil {
			var sure bool
			if sure, err = d.guard.Sure(r.Context(), s.Visitor); err == nil && !sure {
				d.guard.Unsure(w, r, path(c.Code), "requests")
				return
			}
		}
		if err == nil {
			err = do(r, m, c.Code, f)
		}
		d.done(w, r, s, f, err, word)
	}
}

func path(code string) string { return "/requests/" + url.PathEscape(code) }

func (d *journey) acknowledge(r *http.Request, m right.Member, code string, _ *page.Form) error {
	return d.Desk.Acknowledge(r.Context(), m, code)
}

func (d *journey) answer(r *http.Request, m right.Member, code string, f *page.Form) error {
	return d.Desk.Close(r.Context(), m, code, right.Answer{Done: f.Value("answer") == "done", Reason: f.Value("reason"), Words: f.Value("words")})
}
