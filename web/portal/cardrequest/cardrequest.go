// SPDX-License-Identifier: Apache-2.0

// Package cardrequest owns the pages on which a card is asked for: for whom and
// why, what is known of her, where, look it through, sent; and afterwards where
// it stands, what is asked for, the papers.
//
// It asks for nothing that a registry holds and shows where each value comes
// from. Every step is kept before the next is shown and works without
// JavaScript. Who may ask for whom, and what becomes of it, is the enrolment
// room's to say; a request is shown to the account that made it and to nobody
// else.
package cardrequest

import (
	"embed"
	"net/http"
	"slices"
	"strings"

	"danh/account"
	"danh/enrolment"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/page"
	"danh/office"
	"danh/procedure"
	"danh/web/portal/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the journey stands on.
type Config struct {
	Office   *enrolment.Office
	Accounts *account.Keeper
	Desk     *procedure.Desk
	Offices  *office.Directory
	Clock    clock.Clock
	Issuer   string // the citizen's door, where dossiers are followed too
}

type journey struct {
	Config
	j    *page.Journey
	site *page.Site
}

const root = "/card-requests"

// Mount puts the journey on the door.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	k := &journey{Config: c, j: site.Journey(files), site: site}
	mux.HandleFunc("GET "+root, session.Require(k.as(k.start)))
	mux.HandleFunc("POST "+root, session.Require(k.as(k.open)))
	mux.HandleFunc("GET "+root+"/{id}", session.Require(k.with(k.show)))
	mux.HandleFunc("GET "+root+"/{id}/details", session.Require(k.with(k.draft(k.askDetails))))
	mux.HandleFunc("POST "+root+"/{id}/details", session.Require(k.with(k.draft(k.saveDetails))))
	mux.HandleFunc("GET "+root+"/{id}/office", session.Require(k.with(k.draft(k.askOffice))))
	mux.HandleFunc("POST "+root+"/{id}/office", session.Require(k.with(k.draft(k.saveOffice))))
	mux.HandleFunc("GET "+root+"/{id}/review", session.Require(k.with(k.draft(k.review))))
	mux.HandleFunc("POST "+root+"/{id}/review", session.Require(k.with(k.send)))
	mux.HandleFunc("POST "+root+"/{id}/discard", session.Require(k.with(k.discard)))
	mux.HandleFunc("POST "+root+"/{id}/answer", session.Require(k.with(k.answer)))
	mux.HandleFunc("POST "+root+"/{id}/withdraw", session.Require(k.with(k.withdraw)))
	mux.HandleFunc("GET "+root+"/{id}/papers/{name}", session.Require(k.with(k.paper)))
}

// call is a request of a browser about one card request of who is signed in.
type call struct {
	w    http.ResponseWriter
	r    *http.Request
	a    procedure.Applicant
	x    enrolment.Request
	form *page.Form
}

func (c *call) path(rest string) string { return root + "/" + c.x.ID.String() + rest }

func (c *call) to(rest string) { http.Redirect(c.w, c.r, c.path(rest), http.StatusSeeOther) }

func (k *journey) as(h func(*call)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r}
		var err error
		if c.a, err = session.Person(r, k.Desk); err != nil {
			k.j.Fail(w, r, err)
			return
		}
		h(c)
	}
}

func (k *journey) with(h func(*call)) http.HandlerFunc {
	return k.as(func(c *call) {
		key, err := enrolment.ParseRequestID(c.r.PathValue("id"))
		if err != nil {
			k.j.Fail(c.w, c.r, fault.New(fault.NotFound, "enrolment.request.not_found"))
			return
		}
		if c.x, err = k.Office.FindRequest(c.r.Context(), c.a.By, key); err != nil {
			k.j.Fail(c.w, c.r, err)
			return
		}
		h(c)
	})
}

// draft leads whatever was sent already to its page.
func (k *journey) draft(h func(*call)) func(*call) {
	return func(c *call) {
		if c.x.State != enrolment.RequestDraft {
			c.to("")
			return
		}
		c.form = page.FormFrom(c.r)
		h(c)
	}
}

// said shows a step again with what is wrong, or the fault as a page.
func (k *journey) said(c *call, err error, again func(*call, int)) {
	if !c.form.FromFault(err) {
		k.j.Fail(c.w, c.r, err)
		return
	}
	again(c, fault.Status(err))
}

// steps are the rail of a draft.
func (k *journey) view(c *call, step int, title string) page.View {
	names := []string{"what", "details", "office", "review"}
	var rail []page.Step
	for i, n := range names {
		s := page.Step{State: "later", Text: "cardrequest.step." + n}
		switch {
		case i+1 < step:
			s.State, s.Href = "done", c.path("/"+n)
			if i == 0 {
				s.Href = ""
			}
		case i+1 == step:
			s.State = "now"
		}
		rail = append(rail, s)
	}
	back := c.path("/" + names[max(step-2, 0)])
	if step <= 2 {
		back = root
	}
	return page.View{Layout: page.Desk, Task: "cardrequest.task." + c.x.What, Title: title, Back: back, Nav: "cases", Form: c.form,
		Data: map[string]any{"Request": c.x, "Path": c.path(""), "Rail": rail, "Online": c.x.Way == enrolment.Online}}
}

// start asks for whom and why, and lists what was begun.
func (k *journey) start(c *call) {
	c.form = page.FormFrom(c.r)
	k.showStart(c, http.StatusOK)
}

func (k *journey) showStart(c *call, status int) {
	ctx := c.r.Context()
	if err := k.Office.MayRequest(ctx, c.a.By); err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	choices, err := k.choices(c)
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	list, err := k.Office.ListRequests(ctx, c.a.By)
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	list = slices.DeleteFunc(list, func(x enrolment.Request) bool { return x.Name == "" }) // its person was forgotten
	k.j.Render(c.w, c.r, status, "start", page.View{Layout: page.Desk, Title: "cardrequest.title", Lede: "cardrequest.lede", Back: "/procedures", Nav: "procedures", Form: c.form,
		Data: map[string]any{"Choices": choices, "List": list}})
}

// choices are what she may ask for herself and for whom she represents.
func (k *journey) choices(c *call) ([]page.Choice, error) {
	ctx := c.r.Context()
	offers, err := k.Office.OnlineOffers(ctx, "self")
	if err != nil {
		return nil, err
	}
	var out []page.Choice
	acting := c.a.By.OnBehalfOf
	for _, x := range offers {
		if !acting.IsZero() {
			break // her own card is no affair of whom she acts for
		}
		out = append(out, page.Choice{Value: "/" + x.What, Text: "cardrequest.what." + x.What, Hint: "cardrequest.way." + x.Way})
	}
	links, err := k.Accounts.ListRepresentations(ctx, c.a.By)
	if err != nil {
		return nil, err
	}
	today := k.Desk.Today()
	for _, l := range links {
		if l.Representative != c.a.By.Person || !l.Confirms || !l.Standing(today) || !acting.IsZero() && l.Person != acting {
			continue
		}
		out = append(out, page.Choice{Value: l.Person.String() + "/first", Text: page.Text{VI: "Cấp thẻ căn cước cho " + l.Name, EN: "An identity card for " + l.Name}, Hint: "cardrequest.way.booked"})
	}
	return out, nil
}

func (k *journey) open(c *call) {
	c.form = page.FormFrom(c.r)
	if c.form.Value("ask") == "" {
		c.form.Add("ask", "cardrequest.ask.needed")
		k.showStart(c, http.StatusUnprocessableEntity)
		return
	}
	whose, what, _ := strings.Cut(c.form.Value("ask"), "/")
	w := enrolment.Asking{What: what, Language: page.Language(c.r)}
	if whose != "" {
		p, err := id.Parse[struct{}](whose)
		if err != nil {
			c.form.Add("ask", "cardrequest.ask.needed")
			k.showStart(c, http.StatusUnprocessableEntity)
			return
		}
		w.Person = id.Person(p)
	}
	x, err := k.Office.OpenRequest(c.r.Context(), c.a.By, w)
	if err != nil {
		k.said(c, err, k.showStart)
		return
	}
	c.x = x
	c.to("/details")
}

func (k *journey) askDetails(c *call) {
	c.form.Set("reason", c.x.Reason).Set("exemption", c.x.Exemption)
	k.showDetails(c, http.StatusOK)
}

func (k *journey) showDetails(c *call, status int) {
	known, err := k.Office.KnownFor(c.r.Context(), c.a.By, c.x.ID)
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	list, err := k.Office.Exemptions(c.r.Context())
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	none := []page.Choice{{Value: "", Text: "cardrequest.exemption.none"}}
	for _, x := range list {
		none = append(none, page.Choice{Value: x, Text: "cardrequest.exemption." + x})
	}
	v := k.view(c, 2, "cardrequest.details")
	d := v.Data.(map[string]any)
	d["Facts"], d["Exemptions"] = facts(known), none
	v.Lede = "cardrequest.details.lede"
	k.j.Render(c.w, c.r, status, "details", v)
}

// facts are what the registries hold, each with its source.
func facts(x enrolment.Known) []page.Fact {
	a := x.Applicant
	out := []page.Fact{
		{Label: "field.name", Value: a.Name}, {Label: "field.number", Value: a.Number.Reveal(), Mono: true}, {Label: "field.birth_date", Value: a.BirthDate, Mono: true},
		{Label: "field.sex", Value: page.Text{VI: map[string]string{"male": "Nam", "female": "Nữ"}[string(a.Sex)], EN: map[string]string{"male": "Male", "female": "Female"}[string(a.Sex)]}},
		{Label: "cardrequest.fact.ethnicity", Value: a.Ethnicity}, {Label: "cardrequest.fact.religion", Value: a.Religion}, {Label: "cardrequest.fact.origin", Value: a.Origin},
		{Label: "cardrequest.fact.father", Value: a.Father.Name}, {Label: "cardrequest.fact.mother", Value: a.Mother.Name}, {Label: "cardrequest.fact.spouse", Value: a.Spouse.Name},
		{Label: "cardrequest.fact.guardian", Value: a.Guardian.Name},
	}
	out = slices.DeleteFunc(out, func(f page.Fact) bool { s, ok := f.Value.(string); return ok && s == "" })
	for i := range out {
		out[i].Source, out[i].At = x.Source, x.AsOf
	}
	if a.Residence != "" {
		out = append(out, page.Fact{Label: "field.address", Value: a.Residence, Source: "source.residence", At: x.ResidenceAt})
	}
	out = append(out, page.Fact{Label: "field.phone", Value: a.Phone, Mono: true, Declared: true})
	if a.Email != "" {
		out = append(out, page.Fact{Label: "field.email", Value: a.Email, Declared: true})
	}
	return out
}

func (k *journey) saveDetails(c *call) {
	x, err := k.Office.SaveRequest(c.r.Context(), c.a.By, c.x.ID, enrolment.RequestDetails{Reason: c.form.Value("reason"), Exemption: c.form.Value("exemption")})
	if err != nil {
		k.said(c, err, k.showDetails)
		return
	}
	c.x = x
	c.to("/office")
}
