// SPDX-License-Identifier: Apache-2.0

// Package find owns finding one's way at the portal: the first page, the
// search without diacritics, the catalogue, a procedure's own page, and the
// offices with their hours.
package find

import (
	"embed"
	"net/http"
	"slices"
	"time"

	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/page"
	"danh/office"
	"danh/procedure"
	"danh/registry/unit"
	"danh/web/portal/session"
)

//go:embed *.html *.text.json
var files embed.FS

type find struct {
	desk    *procedure.Desk
	units   *unit.Directory
	offices *office.Directory
	clock   clock.Clock
	starts  map[string]string // where a procedure that can be begun here begins
	journey *page.Journey
}

// Mount puts the journey on the door.
func Mount(mux *http.ServeMux, site *page.Site, desk *procedure.Desk, units *unit.Directory, offices *office.Directory, c clock.Clock, starts map[string]string) {
	f := &find{desk: desk, units: units, offices: offices, clock: c, starts: starts, journey: site.Journey(files)}
	mux.HandleFunc("GET /{$}", f.home)
	mux.HandleFunc("GET /procedures", f.procedures)
	mux.HandleFunc("GET /procedures/suggest", f.suggest)
	mux.HandleFunc("GET /procedures/{code}", f.procedure)
	mux.HandleFunc("GET /offices", f.search)
	mux.HandleFunc("GET /offices/{office}", f.office)
}

// item is a procedure as lists show it.
type item struct {
	Href              string
	Name, Short       page.Text
	Limit, Fee, Where page.Text
	Open              bool
}

func text(t procedure.Text) page.Text { return page.Text{VI: t.VI, EN: t.EN} }

func drawn(p procedure.Procedure) item {
	i := item{Href: "/procedures/" + p.Code, Name: text(p.Name), Short: text(p.Short), Limit: text(p.Limit), Open: p.Open}
	i.Where = page.Text{VI: "Đến tận nơi", EN: "At the office"}
	if p.Open {
		i.Where = page.Text{VI: "Trên mạng", EN: "Online"}
	} else if p.State == "coming" {
		i.Where = page.Text{VI: "Đến tận nơi; sắp có trên mạng", EN: "At the office; online later"}
	}
	fee := p.FeeDesk
	if p.Open {
		fee = p.FeeHere
	}
	switch {
	case fee == nil:
		i.Fee = page.Text{VI: "Hỏi tại nơi làm việc", EN: "Ask at the office"}
	case *fee == 0:
		i.Fee = page.Text{VI: "Không mất phí", EN: "Free"}
	default:
		m := money(*fee)
		i.Fee = page.Text{VI: m, EN: m}
	}
	return i
}

func (f *find) home(w http.ResponseWriter, r *http.Request) {
	list, err := f.desk.Catalogue(r.Context())
	if err != nil {
		f.journey.Fail(w, r, err)
		return
	}
	var used []item
	for _, code := range []string{procedure.Lodging, "dang-ky-tam-tru", "doi-the-can-cuoc", "xac-nhan-cu-tru", "nang-muc-2"} {
		if i := slices.IndexFunc(list, func(p procedure.Procedure) bool { return p.Code == code }); i >= 0 {
			used = append(used, drawn(list[i]))
		}
	}
	_, in := session.From(r.Context())
	f.journey.Render(w, r, http.StatusOK, "home", page.View{Layout: page.Desk, Title: "find.title", Nav: "procedures", Wide: true,
		Data: map[string]any{"Used": used, "All": len(list), "Life": lives(list), "In": in, "SignIn": session.SignIn("/"), "Open": f.nearby(r)}})
}

// life is an event in a life and how many procedures belong to it.
type life struct {
	Name  string // text key
	Href  string
	Count int
}

var lifeEvents = []string{"guest", "move", "child", "papers", "away", "account"}

func lives(list []procedure.Procedure) []life {
	var out []life
	for _, e := range lifeEvents {
		n := 0
		for _, p := range list {
			if slices.Contains(p.Life, e) {
				n++
			}
		}
		out = append(out, life{"find.life." + e, "/procedures?life=" + e, n})
	}
	return out
}

// nearby is the commune police of her registered residence, when she is signed
// in and let the portal know it.
func (f *find) nearby(r *http.Request) *place {
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
	list, err := f.offices.FindCommunePolice(r.Context(), a.UnitCode, at)
	if err != nil || len(list) != 1 {
		return nil
	}
	p, err := f.place(r, list[0])
	if err != nil {
		return nil
	}
	return &p
}

func (f *find) procedures(w http.ResponseWriter, r *http.Request) {
	q := page.FormFrom(r)
	asked, event := q.Value("q"), q.Value("life")
	if !slices.Contains(lifeEvents, event) {
		event = ""
	}
	var list []procedure.Procedure
	var err error
	if asked != "" && len(asked) <= 200 {
		list, err = f.desk.Search(r.Context(), asked)
	} else {
		list, err = f.desk.Catalogue(r.Context())
	}
	if err != nil {
		f.journey.Fail(w, r, err)
		return
	}
	var items []item
	for _, p := range list {
		if event == "" || slices.Contains(p.Life, event) {
			items = append(items, drawn(p))
		}
	}
	title := "find.all"
	switch {
	case asked != "":
		title = "find.found"
	case event != "":
		title = "find.life." + event
	}
	f.journey.Render(w, r, http.StatusOK, "procedures", page.View{Layout: page.Desk, Title: title, Nav: "procedures", Wide: true,
		Data: map[string]any{"Items": items, "Asked": asked, "Event": event, "Life": lives(list)}})
}

func (f *find) procedure(w http.ResponseWriter, r *http.Request) {
	p, err := f.desk.FindProcedure(r.Context(), r.PathValue("code"))
	if err != nil {
		f.journey.Fail(w, r, err)
		return
	}
	channels, err := f.desk.ListChannels(r.Context(), p.Code, f.desk.Today())
	if err != nil {
		f.journey.Fail(w, r, err)
		return
	}
	var note any // about fees, unless there are none
	if p.FeeDesk == nil || *p.FeeDesk > 0 {
		note = text(p.Fee)
	}
	book := ""
	if p.AtCounter() {
		book = "/booking?procedure=" + p.Code
	}
	_, in := session.From(r.Context())
	here := "/procedures/" + p.Code
	start := f.starts[p.Code]
	if p.Code == procedure.Lodging && !p.Open {
		start = ""
	}
	f.journey.Render(w, r, http.StatusOK, "procedure", page.View{Layout: page.Desk, Task: "find.field." + p.Field, Title: text(p.Name), Lede: text(p.Short),
		Back: "/procedures", BackTo: "find.back", Nav: "procedures",
		Data: map[string]any{"P": p, "Item": drawn(p), "FeeNote": note, "Channels": channels, "Start": start, "Book": book, "In": in, "SignIn": session.SignIn(here),
			"Register": "/register?return=" + here, "Opening": p.Code == "mo-tai-khoan-muc-1", "Who": texts(p.Who), "Bring": texts(p.Bring), "Steps": texts(p.Steps), "Here": fee(p.FeeHere), "Desk": fee(p.FeeDesk)}})
}

func texts(list []procedure.Text) []page.Text {
	var out []page.Text
	for _, t := range list {
		out = append(out, text(t))
	}
	return out
}

// place is an office as pages show it.
type place struct {
	Office office.Office
	Href   string
	Open   bool
	Until  time.Time // when it closes, while it is open
	Next   time.Time // when it opens, while it is closed
	Lines  []line
}

type line struct {
	Days  page.Text
	Hours string
}

func (f *find) place(r *http.Request, o office.Office) (place, error) {
	now := f.clock.Now()
	h, err := f.offices.Hours(r.Context(), o, clock.DateOf(now))
	if err != nil {
		return place{}, err
	}
	p := place{Office: o, Href: "/offices/" + o.ID.String()}
	if until, ok := h.Until(now); ok {
		p.Open, p.Until = true, until
	} else {
		p.Next = h.Next(now)
	}
	for _, l := range h.Lines() {
		hours := ""
		for i, s := range l.Spans {
			if i > 0 {
				hours += ", "
			}
			hours += s.String()
		}
		p.Lines = append(p.Lines, line{days(l.First, l.Last), hours})
	}
	return p, nil
}

var weekdays = [...]page.Text{{VI: "thứ Hai", EN: "Monday"}, {VI: "thứ Ba", EN: "Tuesday"}, {VI: "thứ Tư", EN: "Wednesday"}, {VI: "thứ Năm", EN: "Thursday"},
	{VI: "thứ Sáu", EN: "Friday"}, {VI: "thứ Bảy", EN: "Saturday"}, {VI: "Chủ nhật", EN: "Sunday"}}

func days(first, last int) page.Text {
	a, b := weekdays[first-1], weekdays[last-1]
	if first == last {
		return a
	}
	return page.Text{VI: a.VI + " đến " + b.VI, EN: a.EN + " to " + b.EN}
}

const maxOffices = 20

func (f *find) search(w http.ResponseWriter, r *http.Request) {
	q := page.FormFrom(r)
	asked := q.Value("q")
	var places []place
	if asked != "" {
		list, err := f.offices.Search(r.Context(), asked, f.desk.Today(), maxOffices)
		if err != nil {
			f.journey.Fail(w, r, err)
			return
		}
		for _, o := range list {
			p, err := f.place(r, o)
			if err != nil {
				f.journey.Fail(w, r, err)
				return
			}
			if p.Open || !q.Has("open", "yes") {
				places = append(places, p)
			}
		}
	}
	f.journey.Render(w, r, http.StatusOK, "offices", page.View{Layout: page.Desk, Title: "offices.title", Lede: "offices.lede", Nav: "offices", Form: q,
		Data: map[string]any{"Places": places, "Asked": asked, "Near": f.nearby(r)}})
}

func (f *find) office(w http.ResponseWriter, r *http.Request) {
	key, err := parseOffice(r.PathValue("office"))
	if err != nil {
		f.journey.Fail(w, r, fault.New(fault.NotFound, "office.not_found"))
		return
	}
	o, err := f.offices.Find(r.Context(), key)
	if err != nil {
		f.journey.Fail(w, r, err)
		return
	}
	p, err := f.place(r, o)
	if err != nil {
		f.journey.Fail(w, r, err)
		return
	}
	serves, err := f.offices.Serves(r.Context(), o, f.desk.Today())
	if err != nil {
		f.journey.Fail(w, r, err)
		return
	}
	book := ""
	if len(serves) > 0 {
		book = "/booking?office=" + o.ID.String()
	}
	f.journey.Render(w, r, http.StatusOK, "office", page.View{Layout: page.Desk, Title: page.Raw(o.Name), Back: "/offices", BackTo: "offices.back", Nav: "offices",
		Data: map[string]any{"Place": p, "Book": book}})
}

func parseOffice(s string) (office.ID, error) {
	var key office.ID
	p, err := id.Parse[struct{}](s)
	if err != nil {
		return key, err
	}
	return office.ID(p), nil
}
