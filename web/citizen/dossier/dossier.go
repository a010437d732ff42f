// SPDX-License-Identifier: Apache-2.0

// Package dossier is where people follow what was begun at a counter: where a
// dossier stands, by when it must be decided, what is still asked for, what was
// received, and when the card can be collected.
//
// Whoever is signed in sees the dossiers about herself and about those whom she
// represents, with their papers. Whoever has no account yet (that is what many
// dossiers are for) finds one by its code and her birth date, and sees no name,
// no paper and nothing that an officer wrote.
package dossier

import (
	"embed"
	"net"
	"net/http"
	"slices"
	"strconv"

	"danh/enrolment"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	office *enrolment.Office
	clock  clock.Clock
	j      *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, o *enrolment.Office, c clock.Clock) {
	d := &journey{office: o, clock: c, j: site.Journey(files)}
	mux.Handle("GET /dossiers", session.Require(http.HandlerFunc(d.list)))
	mux.Handle("GET /dossiers/{code}", session.Require(http.HandlerFunc(d.show)))
	mux.Handle("GET /dossiers/{code}/{document}", session.Require(http.HandlerFunc(d.download)))
	mux.HandleFunc("GET /track", d.ask)
	mux.HandleFunc("POST /track", d.track)
}

// line is a dossier in the list.
type line struct {
	Href, Icon, Tone string
	Kind, State      string // text keys
	Name, Code       string
	Due              clock.Date
}

func (d *journey) list(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	all, err := d.office.ListOwn(r.Context(), s.Actor())
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	var running, over []line
	for _, t := range all {
		l := line{Href: "/dossiers/" + t.Code, Icon: "file", Kind: kindKey(t.Kind), State: "dossier.state." + string(t.State), Name: t.Name, Code: t.Code}
		switch {
		case t.State == enrolment.Supplement:
			l.Icon, l.Tone = "pause", "warn"
		case t.Late:
			l.Icon, l.Tone = "clock", "warn"
		case t.State == enrolment.Approved:
			l.Icon = "check"
		case t.State == enrolment.Refused:
			l.Icon = "x"
		}
		if isOver(t.State) {
			over = append(over, l)
			continue
		}
		if runs(t.State) {
			l.Due = t.DueAt
		}
		running = append(running, l)
	}
	d.j.Render(w, r, http.StatusOK, "list", page.View{Title: "dossier.title", Lede: "dossier.lede", Back: "/", BackTo: "dossier.home",
		Data: map[string]any{"Running": running, "Over": over}})
}

func isOver(s enrolment.State) bool {
	return s == enrolment.Done || s == enrolment.Refused || s == enrolment.Withdrawn
}

func (d *journey) show(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	code, ok := enrolment.ParseCode(r.PathValue("code"))
	if !ok {
		d.j.Fail(w, r, errNone)
		return
	}
	t, err := d.office.FindOwn(r.Context(), s.Actor(), code)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	v := d.view(r, t)
	v.Own = true
	for _, name := range t.Documents {
		if slices.Contains(documents, name) {
			v.Documents = append(v.Documents, document{Href: "/dossiers/" + t.Code + "/" + name, Key: "dossier.document." + name})
		}
	}
	d.render(w, r, v, page.View{Back: "/dossiers", BackTo: "dossier.title"})
}

var errNone = fault.New(fault.NotFound, "enrolment.not_found")

// documents are the papers that can be read here.
var documents = []string{"request", "enrolment", "capture", "receipt", "supplement", "refusal"}

// download sends one paper as a file: it holds her data and is not shown inside
// the page, where another program might keep it.
func (d *journey) download(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	code, ok := enrolment.ParseCode(r.PathValue("code"))
	name := r.PathValue("document")
	if !ok || !slices.Contains(documents, name) {
		d.j.Fail(w, r, errNone)
		return
	}
	pdf, err := d.office.OwnDocument(r.Context(), s.Actor(), code, name)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Disposition", `attachment; filename="`+code+"-"+name+`.pdf"`)
	h.Set("Content-Length", strconv.Itoa(len(pdf)))
	_, _ = w.Write(pdf)
}

func (d *journey) ask(w http.ResponseWriter, r *http.Request) {
	f := &page.Form{}
	// The receipt's QR carries the code, which opens nothing without the birth date.
	if code, ok := enrolment.ParseCode(r.URL.Query().Get("code")); ok {
		f.Set("code", code)
	}
	d.showAsk(w, r, http.StatusOK, f)
}

func (d *journey) showAsk(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	d.j.Render(w, r, status, "track", page.View{Title: "dossier.track", Lede: "dossier.track.lede", Form: f})
}

// track is a POST although it changes nothing: a birth date in an address would
// stay in histories and logs.
func (d *journey) track(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	f.Require("code", "birth_date")
	code, ok := enrolment.ParseCode(f.Value("code"))
	if !ok && f.Value("code") != "" {
		f.Add("code", "dossier.track.code.form")
	}
	birth, err := clock.ParseDate(f.Value("birth_date"))
	if f.Value("birth_date") != "" && (err != nil || birth.IsZero()) {
		f.Add("birth_date", "problem.date")
	}
	if !f.OK() {
		d.showAsk(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	t, err := d.office.Track(r.Context(), code, birth, address)
	if fault.Is(err, fault.NotFound) {
		f.Add("", "dossier.track.none")
		d.showAsk(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	if err != nil {
		if !f.FromFault(err) {
			d.j.Fail(w, r, err)
			return
		}
		d.showAsk(w, r, fault.Status(err), f)
		return
	}
	// Whoever holds a code and a birth date learns how far it is, no more.
	t.Name, t.RefusedWords, t.Documents = "", "", nil
	w.Header().Set("Cache-Control", "no-store")
	d.render(w, r, d.view(r, t), page.View{Back: "/track", BackTo: "dossier.track.again"})
}
