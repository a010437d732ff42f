// SPDX-License-Identifier: Apache-2.0

// Package booking owns the pages of appointments at an office: what for, where,
// which day, which time, look it through, the receipt, and changing or
// cancelling it.
//
// Anybody may look for a time; confirming needs somebody signed in. Everything
// that was chosen is in the address until then, nothing is kept, and every step
// works without JavaScript. An appointment is shown to the account that made it
// and to nobody else.
package booking

import (
	"cmp"
	"embed"
	"net/http"
	"net/url"
	"slices"
	"time"

	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/procedure"
	"danh/web/portal/session"
)

//go:embed *.html *.text.json
var files embed.FS

type booking struct {
	desk    *procedure.Desk
	diary   *office.Diary
	offices *office.Directory
	clock   clock.Clock
	journey *page.Journey
	site    *page.Site
}

// Mount puts the journey on the door.
func Mount(mux *http.ServeMux, site *page.Site, desk *procedure.Desk, offices *office.Directory, c clock.Clock) {
	b := &booking{desk: desk, diary: desk.Diary(), offices: offices, clock: c, journey: site.Journey(files), site: site}
	mux.HandleFunc("GET /booking", b.choose)
	mux.HandleFunc("GET /booking/confirm", session.Require(b.as(b.confirm)))
	mux.HandleFunc("POST /booking", session.Require(b.as(b.book)))
	mux.HandleFunc("GET /appointments/{id}", session.Require(b.as(b.show)))
	mux.HandleFunc("GET /appointments/{id}/change", session.Require(b.as(b.askChange)))
	mux.HandleFunc("POST /appointments/{id}/change", session.Require(b.as(b.change)))
	mux.HandleFunc("GET /appointments/{id}/cancel", session.Require(b.as(b.askCancel)))
	mux.HandleFunc("POST /appointments/{id}/cancel", session.Require(b.as(b.cancel)))
}

func (b *booking) as(h func(http.ResponseWriter, *http.Request, procedure.Applicant)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := session.Person(r, b.desk)
		if err != nil {
			b.journey.Fail(w, r, err)
			return
		}
		h(w, r, a)
	}
}

// choice is what has been chosen so far; what is missing is zero.
type choice struct {
	procedure procedure.Procedure
	office    office.Office
	rule      office.Competence // under which the office does it
	day       clock.Date
	at        time.Time
}

func text(t procedure.Text) page.Text { return page.Text{VI: t.VI, EN: t.EN} }

// path is the address of the step in which a choice stands.
func (c choice) path(more ...string) string {
	q := url.Values{}
	if c.procedure.Code != "" {
		q.Set("procedure", c.procedure.Code)
	}
	if !c.office.ID.IsZero() {
		q.Set("office", c.office.ID.String())
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "/booking?" + q.Encode()
}

// moment is how a time stands in forms and addresses: local, to the minute.
const moment = "2006-01-02T15:04"

// read takes the choice from an address or a form. What no longer exists is an
// error; what the office does not do is left out, so that the step is asked again.
func (b *booking) read(r *http.Request, f *page.Form) (c choice, err error) {
	if code := f.Value("procedure"); code != "" {
		if c.procedure, err = b.desk.FindProcedure(r.Context(), code); err != nil {
			return c, err
		}
		if !c.procedure.AtCounter() {
			return c, fault.New(fault.NotFound, "booking.online")
		}
	}
	if s := f.Value("office"); s != "" {
		id, err := office.ParseID(s)
		if err != nil {
			return c, fault.New(fault.NotFound, "office.not_found")
		}
		if c.office, err = b.offices.Find(r.Context(), id); err != nil {
			return c, err
		}
		rules, err := b.offices.Serves(r.Context(), c.office, b.desk.Today())
		if err != nil {
			return c, err
		}
		i := slices.IndexFunc(rules, func(x office.Competence) bool { return x.Procedure == c.procedure.Code })
		if i >= 0 {
			c.rule = rules[i]
		} else if c.procedure.Code != "" {
			return c, fault.New(fault.NotFound, "booking.not_here")
		}
	}
	if d, err := clock.ParseDate(f.Value("day")); err == nil && d.Exact() {
		c.day = d
	}
	if t, err := time.ParseInLocation(moment, f.Value("at"), clock.Vietnam); err == nil {
		c.at, c.day = t, clock.DateOf(t)
	}
	return c, nil
}

// choose asks for what is still missing.
func (b *booking) choose(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	c, err := b.read(r, f)
	switch {
	case err != nil:
		b.journey.Fail(w, r, err)
	case c.procedure.Code == "":
		b.procedures(w, r, c)
	case c.office.ID.IsZero():
		b.places(w, r, c, f)
	case c.day.IsZero():
		b.days(w, r, c)
	default:
		b.times(w, r, c, http.StatusOK, f)
	}
}

// view is what the steps have in common.
func (b *booking) view(c choice, step int, title string, data map[string]any) page.View {
	steps := []page.Step{{Text: "booking.step.what"}, {Text: "booking.step.where"}, {Text: "booking.step.day"}, {Text: "booking.step.time"}, {Text: "booking.step.confirm"}}
	for i := range steps {
		steps[i].State = "later"
		if i+1 < step {
			steps[i].State = "done"
		}
	}
	steps[step-1].State = "now"
	if step > 1 {
		steps[0].Sub, steps[0].Href = text(c.procedure.Name), choice{office: c.office}.path()
	}
	if step > 2 {
		steps[1].Sub, steps[1].Href = page.Raw(c.office.Name), choice{procedure: c.procedure}.path()
	}
	if step > 3 {
		steps[2].Sub, steps[2].Href = dayText(c.day), c.path()
	}
	data["Rail"], data["Procedure"], data["Office"] = steps, c.procedure.Code, ""
	if !c.office.ID.IsZero() {
		data["Office"] = c.office.ID.String()
	}
	return page.View{Layout: page.Desk, Task: "booking.task", Title: title, Back: cmp.Or(steps[max(step-2, 0)].Href, "/offices"), Nav: "offices", Data: data}
}

type line struct {
	Href, Icon string
	Text, Sub  any
	Tail       any
}

func (b *booking) procedures(w http.ResponseWriter, r *http.Request, c choice) {
	all, err := b.desk.Catalogue(r.Context())
	if err != nil {
		b.journey.Fail(w, r, err)
		return
	}
	var serves []office.Competence
	if !c.office.ID.IsZero() {
		if serves, err = b.offices.Serves(r.Context(), c.office, b.desk.Today()); err != nil {
			b.journey.Fail(w, r, err)
			return
		}
	}
	var lines []line
	for _, p := range all {
		here := c.office.ID.IsZero() || slices.ContainsFunc(serves, func(x office.Competence) bool { return x.Procedure == p.Code })
		if p.AtCounter() && here {
			lines = append(lines, line{Href: choice{procedure: p, office: c.office}.path(), Icon: "file", Text: text(p.Name), Sub: text(p.Short)})
		}
	}
	b.journey.Render(w, r, http.StatusOK, "what", b.view(c, 1, "booking.what", map[string]any{"Lines": lines}))
}

const (
	maxOffices = 12
	maxNext    = 6 // offices whose next free time is looked for
)

func (b *booking) places(w http.ResponseWriter, r *http.Request, c choice, f *page.Form) {
	today, asked := b.desk.Today(), f.Value("q")
	var list []office.Office
	if asked != "" {
		var err error
		if list, err = b.offices.Search(r.Context(), asked, today, maxOffices); err != nil {
			b.journey.Fail(w, r, err)
			return
		}
	} else {
		list = b.nearby(r)
	}
	var lines []line
	for _, o := range list {
		l, ok, err := b.line(r, c, o, f.Has("open", "yes"), len(lines) < maxNext)
		if err != nil {
			b.journey.Fail(w, r, err)
			return
		}
		if ok {
			lines = append(lines, l)
		}
	}
	_, in := session.From(r.Context())
	b.journey.Render(w, r, http.StatusOK, "where", b.with(f, b.view(c, 2, "booking.where", map[string]any{"Lines": lines, "Asked": asked, "Own": c.procedure.Authority == "commune_police",
		"In": in, "SignIn": session.SignIn(c.path())})))
}

func (b *booking) with(f *page.Form, v page.View) page.View {
	v.Form = f
	return v
}

// line is an office to choose: whether it does this, is open, and when there is
// a place.
func (b *booking) line(r *http.Request, c choice, o office.Office, onlyOpen, next bool) (line, bool, error) {
	now := b.clock.Now()
	rules, err := b.offices.Serves(r.Context(), o, b.desk.Today())
	if err != nil || !slices.ContainsFunc(rules, func(x office.Competence) bool { return x.Procedure == c.procedure.Code }) {
		return line{}, false, err
	}
	h, err := b.offices.Hours(r.Context(), o, b.desk.Today())
	if err != nil {
		return line{}, false, err
	}
	l := line{Href: choice{procedure: c.procedure, office: o}.path(), Icon: "pin", Text: page.Raw(o.Name), Sub: page.Raw(o.Address), Tail: page.Text{VI: "Đang nghỉ", EN: "Closed now"}}
	if until, ok := h.Until(now); ok {
		at := until.In(clock.Vietnam).Format("15:04")
		l.Tail = page.Text{VI: "Mở đến " + at, EN: "Open until " + at}
	} else if onlyOpen {
		return line{}, false, nil
	}
	if !next {
		return l, true, nil
	}
	at, err := b.diary.NextFree(r.Context(), o, c.procedure.Code)
	if err != nil {
		return line{}, false, err
	}
	free := page.Text{VI: "chưa có chỗ trong những ngày tới", EN: "no place in the days ahead"}
	if !at.IsZero() {
		d, hour := dayText(clock.DateOf(at)), at.In(clock.Vietnam).Format("15:04")
		free = page.Text{VI: "còn chỗ sớm nhất " + hour + ", " + d.VI, EN: "next free " + hour + ", " + d.EN}
	}
	l.Sub = page.Text{VI: o.Address + " · " + free.VI, EN: o.Address + " · " + free.EN}
	return l, true, nil
}

// nearby are the offices of her registered residence, when she is signed in and
// let the portal know it.
func (b *booking) nearby(r *http.Request) []office.Office {
	who, ok := session.From(r.Context())
	if !ok {
		return nil
	}
	var a struct {
		UnitCode string `json:"unit_code"`
		UnitFrom string `json:"unit_from"`
	}
	if !who.Decode("address", &a) || a.UnitCode == "" {
		return nil
	}
	at, err := clock.ParseDate(a.UnitFrom)
	if err != nil {
		return nil
	}
	list, err := b.offices.FindCommunePolice(r.Context(), a.UnitCode, at)
	if err != nil {
		return nil
	}
	return list
}

func (b *booking) days(w http.ResponseWriter, r *http.Request, c choice) {
	lines, err := b.dayLines(r, c, func(d clock.Date) string { return c.path("day", d.String()) })
	if err != nil {
		b.journey.Fail(w, r, err)
		return
	}
	b.render(w, r, http.StatusOK, "day", b.view(c, 3, "booking.day", map[string]any{"Lines": lines, "Own": c.rule.Area == office.Own}))
}

// render draws a page that also says the rules of today.
func (b *booking) render(w http.ResponseWriter, r *http.Request, status int, name string, v page.View) {
	rules, err := b.diary.Rules(r.Context())
	if err != nil {
		b.journey.Fail(w, r, err)
		return
	}
	v.Data.(map[string]any)["Rules"] = rules
	b.journey.Render(w, r, status, name, v)
}

// dayLines is the calendar as a list: in order, in words, with what is free.
func (b *booking) dayLines(r *http.Request, c choice, href func(clock.Date) string) ([]line, error) {
	days, err := b.diary.Days(r.Context(), c.office, c.procedure.Code)
	if err != nil {
		return nil, err
	}
	var out []line
	for _, d := range days {
		l := line{Icon: "calendar", Text: dayText(d.Date)}
		switch {
		case d.Holiday.Name != "":
			l.Icon, l.Sub = "ban", page.Text{VI: "Nghỉ: " + d.Holiday.Name, EN: "Closed: " + d.Holiday.NameEn}
		case d.Free == 0:
			l.Icon, l.Sub = "ban", page.Text{VI: "Hết chỗ", EN: "Full"}
		default:
			at := d.First().In(clock.Vietnam).Format("15:04")
			l.Href, l.Sub = href(d.Date), page.Text{VI: "sớm nhất " + at, EN: "from " + at}
			l.Tail = page.Text{VI: number(d.Free) + " chỗ", EN: number(d.Free) + " free"}
		}
		out = append(out, l)
	}
	return out, nil
}

func (b *booking) times(w http.ResponseWriter, r *http.Request, c choice, status int, f *page.Form) {
	times, err := b.timeChoices(r, c)
	if err != nil {
		b.journey.Fail(w, r, err)
		return
	}
	v := b.view(c, 4, "booking.time", map[string]any{"Times": times, "Action": "/booking/confirm", "Day": c.day.String(), "Days": c.path(), "Change": false})
	v.Lede, v.Form = dayText(c.day), f
	b.journey.Render(w, r, status, "time", v)
}

func (b *booking) timeChoices(r *http.Request, c choice) ([]page.Choice, error) {
	d, err := b.diary.Slots(r.Context(), c.office, c.procedure.Code, c.day)
	if err != nil {
		return nil, err
	}
	var out []page.Choice
	for _, s := range d.Slots {
		if s.Free > 0 {
			at := s.Start.In(clock.Vietnam)
			out = append(out, page.Choice{Value: at.Format(moment), Text: page.Raw(at.Format("15:04") + "–" + s.End.In(clock.Vietnam).Format("15:04"))})
		}
	}
	return out, nil
}
