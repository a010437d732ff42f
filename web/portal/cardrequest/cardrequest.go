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
	"cmp"
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
		if c.a, err = session.Applicant(r, k.Desk); err != nil {
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

// askOffice asks where: an office that looks after it, or an appointment.
func (k *journey) askOffice(c *call) {
	if !c.x.Office.IsZero() && c.form.Value("q") == "" {
		c.form.Set("office", c.x.Office.String()).Set("booking", c.x.Booking.String())
	}
	k.showOffice(c, http.StatusOK)
}

const maxOffices = 8

func (k *journey) showOffice(c *call, status int) {
	ctx, v := c.r.Context(), k.view(c, 3, "cardrequest.office."+c.x.Way)
	v.Lede = "cardrequest.office." + c.x.Way + ".lede"
	d := v.Data.(map[string]any)
	d["Asked"], d["Book"] = c.form.Value("q"), "/booking?procedure="+c.x.Procedure
	var choices []page.Choice
	if c.x.Way == enrolment.Booked {
		list, err := k.Desk.Diary().List(ctx, c.a.By)
		if err != nil {
			k.j.Fail(c.w, c.r, err)
			return
		}
		for _, b := range list {
			if b.Procedure == c.x.Procedure {
				at := b.Start.In(clock.Vietnam).Format("15:04 02/01/2006")
				choices = append(choices, page.Choice{Value: b.ID.String(), Text: page.Raw(at + " · " + b.OfficeName), Hint: page.Raw(b.Address)})
			}
		}
	} else {
		list, err := k.offices(c)
		if err != nil {
			k.j.Fail(c.w, c.r, err)
			return
		}
		for _, o := range list {
			choices = append(choices, page.Choice{Value: o.ID.String(), Text: page.Raw(o.Name), Hint: page.Raw(o.Address)})
		}
	}
	d["Choices"] = choices
	k.j.Render(c.w, c.r, status, "office", v)
}

// offices are the one that was chosen, those that were searched for, or those of
// her registered residence; only such as do this.
func (k *journey) offices(c *call) ([]office.Office, error) {
	ctx, today := c.r.Context(), k.Desk.Today()
	var list []office.Office
	var err error
	if q := c.form.Value("q"); q != "" {
		list, err = k.Offices.Search(ctx, q, today, maxOffices)
	} else if who, ok := session.From(ctx); ok {
		var a struct {
			UnitCode string `json:"unit_code"`
			UnitFrom string `json:"unit_from"`
		}
		if who.Decode("address", &a) && a.UnitCode != "" {
			if at, perr := clock.ParseDate(a.UnitFrom); perr == nil {
				list, err = k.Offices.FindCommunePolice(ctx, a.UnitCode, at)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	if !c.x.Office.IsZero() && !slices.ContainsFunc(list, func(o office.Office) bool { return o.ID == c.x.Office }) {
		o, err := k.Offices.Find(ctx, c.x.Office)
		if err != nil {
			return nil, err
		}
		list = append([]office.Office{o}, list...)
	}
	var out []office.Office
	for _, o := range list {
		serves, err := k.Offices.Serves(ctx, o, today)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(serves, func(x office.Competence) bool { return x.Procedure == c.x.Procedure }) {
			out = append(out, o)
		}
	}
	return out, nil
}

func (k *journey) saveOffice(c *call) {
	field := map[string]string{enrolment.Booked: "booking", enrolment.Online: "office"}[c.x.Way]
	if c.form.Value(field) == "" {
		c.form.Add(field, "enrolment.request."+field)
		k.showOffice(c, http.StatusUnprocessableEntity)
		return
	}
	var x enrolment.Request
	var err error
	if c.x.Way == enrolment.Booked {
		key, perr := office.ParseBookingID(c.form.Value(field))
		if x, err = c.x, fault.New(fault.Invalid, "enrolment.request.booking").With(field, "enrolment.request.booking"); perr == nil {
			x, err = k.Office.ChooseBooking(c.r.Context(), c.a.By, c.x.ID, key)
		}
	} else {
		key, perr := office.ParseID(c.form.Value(field))
		if x, err = c.x, fault.New(fault.Invalid, "enrolment.request.office").With(field, "enrolment.request.office"); perr == nil {
			x, err = k.Office.ChooseOffice(c.r.Context(), c.a.By, c.x.ID, key)
		}
	}
	if err != nil {
		k.said(c, err, k.showOffice)
		return
	}
	c.x = x
	c.to("/review")
}

func (k *journey) review(c *call) {
	if c.x.Office.IsZero() || c.x.Way == enrolment.Booked && c.x.At.IsZero() {
		c.to("/office")
		return
	}
	k.showReview(c, http.StatusOK)
}

func (k *journey) showReview(c *call, status int) {
	v := k.view(c, 4, "cardrequest.review")
	d := v.Data.(map[string]any)
	d["Facts"] = k.summary(c)
	if c.x.Way == enrolment.Online {
		l, err := k.Offices.FindLimit(c.r.Context(), "card", k.Desk.Today())
		if err != nil {
			k.j.Fail(c.w, c.r, err)
			return
		}
		d["Days"] = l.Days
	}
	who, _ := session.From(c.r.Context())
	fresh, err := k.Office.FreshRequest(c.r.Context(), who.AuthTime)
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	d["Again"] = !fresh
	d["Lost"] = c.x.What == "lost" || c.x.What == "stolen"
	k.j.Render(c.w, c.r, status, "review", v)
}

// summary is what was chosen and written.
func (k *journey) summary(c *call) []page.Fact {
	x := c.x
	out := []page.Fact{{Label: "cardrequest.fact.what", Value: k.j.Say(page.Language(c.r), "cardrequest.task."+x.What, nil)}, {Label: "cardrequest.fact.whose", Value: x.Name + " ···· " + x.Tail}}
	if x.Reason != "" {
		out = append(out, page.Fact{Label: "cardrequest.reason", Value: x.Reason})
	}
	out = append(out, page.Fact{Label: "cardrequest.fact.office", Value: cmp.Or(x.OfficeName, "–")})
	if !x.At.IsZero() {
		out = append(out, page.Fact{Label: "cardrequest.fact.at", Value: x.At, Mono: true})
	}
	return out
}

// send sends it; sent already, it shows what became of it.
func (k *journey) send(c *call) {
	c.form = page.FormFrom(c.r)
	if c.x.State != enrolment.RequestDraft {
		c.to("")
		return
	}
	if !c.form.Has("correct", "yes") {
		c.form.Add("correct", "cardrequest.correct.needed")
		k.showReview(c, http.StatusUnprocessableEntity)
		return
	}
	who, _ := session.From(c.r.Context())
	_, err := k.Office.SendRequest(c.r.Context(), c.a.By, c.x.ID, who.AuthTime)
	if fault.Is(err, fault.StepUp) { // the draft is kept: she comes back to this page
		http.Redirect(c.w, c.r, session.SignInAgain(c.path("/review")), http.StatusSeeOther)
		return
	}
	if err != nil {
		k.said(c, err, k.showReview)
		return
	}
	c.to("?sent=1")
}

func (k *journey) discard(c *call) {
	if err := k.Office.DropRequest(c.r.Context(), c.a.By, c.x.ID); err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	k.site.Flash(c.w, "ok", "portal.card_dropped")
	http.Redirect(c.w, c.r, root, http.StatusSeeOther)
}
