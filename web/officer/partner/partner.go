// SPDX-License-Identifier: Apache-2.0

// Package partner is where officers look at who wants to connect: the queue, an
// application with what changed since it was approved last and what the checker
// found, and the parties that work.
//
// One officer checks and another approves; the page offers the first one no way
// to be both. What it shows is public by law or the party's own word: of people
// it names the legal representatives alone, and that look is in their logs.
package partner

import (
	"embed"
	"net/http"
	"strconv"
	"strings"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/partner"
	"danh/partner/admission"
	"danh/partner/ground"
	"danh/partner/lint"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	desk  *admission.Desk
	clock clock.Clock
	site  *page.Site
	j     *page.Journey
}

const most = 200

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, d *admission.Desk, c clock.Clock) {
	k := &journey{d, c, site, site.Journey(files)}
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request, audit.Actor){
		"GET /partners":                   k.list,
		"GET /partners/parties":           k.parties,
		"POST /partners/parties/{id}/end": k.end,
		"GET /partners/{code}":            k.find,
		"POST /partners/{code}":           k.decide,
	} {
		// The desk asks for the very role; whoever holds either may look.
		mux.HandleFunc(pattern, guard.Signed(func(w http.ResponseWriter, r *http.Request, o session.Officer) {
			for _, role := range []office.Role{office.Registrar, office.Approver} {
				if _, ok := o.Holds(role); ok {
					h(w, r, o.As(role))
					return
				}
			}
			site.Fail(w, r, fault.New(fault.Forbidden, "office.staff.no_role"))
		}))
	}
}

type tab struct {
	Name  string
	Count int
	Now   bool
}

func (k *journey) list(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	group := f.Value("show")
	if group == "" {
		group = "check"
	}
	q, err := k.desk.List(r.Context(), by, group, f.Value("q"), most)
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	var tabs []tab
	for _, g := range admission.Groups {
		tabs = append(tabs, tab{g, q.Counts[g], g == group})
	}
	k.j.Render(w, r, http.StatusOK, "list", page.View{Layout: page.Desk, Wide: true, Title: "partners.title", Lede: "partners.lede", Nav: "partners", Form: f, Data: map[string]any{"Rows": q.Rows, "Tabs": tabs, "Show": group, "Find": f.Value("q")}})
}

type matrixRow struct {
	Field ground.Field
	Modes []ground.Mode
}

func matrix(d lint.Document) []matrixRow {
	var out []matrixRow
	for _, f := range ground.Fields {
		row := matrixRow{Field: f}
		asked := false
		for _, p := range d.Purposes {
			asked = asked || p.Fields[f.Name] != ""
			row.Modes = append(row.Modes, p.Fields[f.Name])
		}
		if asked {
			out = append(out, row)
		}
	}
	return out
}

// purpose is one of the application's with its ground as the table has it.
type purpose struct {
	lint.Purpose
	Law      string
	Verified bool
}

func (k *journey) find(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	k.show(w, r, by, http.StatusOK, &page.Form{})
}

func (k *journey) show(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, f *page.Form) {
	x, err := k.desk.OpenDossier(r.Context(), by, r.PathValue("code"))
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	doc := x.Report.Document
	var purposes []purpose
	for _, p := range doc.Purposes {
		g, _ := ground.Find(p.Ground, clock.DateOf(k.clock.Now()))
		purposes = append(purposes, purpose{p, g.Name().In(page.Language(r)), g.Verified})
	}
	type found struct {
		Line       int
		Error      bool
		What, Mend string
	}
	var findings []found
	for _, y := range x.Report.Findings {
		what, mend := y.Words(page.Language(r))
		findings = append(findings, found{y.Line, y.Severity == lint.Error, what, mend})
	}
	w.Header().Set("Cache-Control", "no-store")
	k.j.Render(w, r, status, "show", page.View{Layout: page.Desk, Wide: true, Title: "partners.one", Args: map[string]string{"organisation": x.Organisation.Name}, Task: "partners.task", Meta: page.Raw(x.Code), Back: "/partners", BackTo: "partners.title", Nav: "partners", Form: f,
		Data: map[string]any{"X": x, "Doc": doc, "Matrix": matrix(doc), "Purposes": purposes, "Findings": findings, "State": string(x.State), "Text": string(x.Text)}})
}

func (k *journey) decide(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	ctx, code, words := r.Context(), r.PathValue("code"), f.Value("words")
	var err error
	done := "partners.done." + f.Value("do")
	switch f.Value("do") {
	case "check":
		err = k.desk.Check(ctx, by, code, words)
	case "back":
		err = k.desk.AskBack(ctx, by, code, words)
	case "refuse":
		err = k.desk.Refuse(ctx, by, code, words)
	case "approve":
		years, _ := strconv.Atoi(f.Value("years"))
		err = k.desk.Approve(ctx, by, code, years)
	default:
		err = fault.New(fault.Invalid, "partners.do").With("do", "partners.do")
	}
	if err != nil {
		if ft := fault.Of(err); ft != nil && ft.Kind == fault.Invalid && f.FromFault(err) {
			k.show(w, r, by, fault.Status(err), f)
			return
		}
		k.j.Fail(w, r, err)
		return
	}
	k.site.Flash(w, "ok", done)
	http.Redirect(w, r, "/partners/"+code, http.StatusSeeOther)
}

func (k *journey) parties(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	list, err := k.desk.ListParties(r.Context(), by, f.Value("q"), most)
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	o, _ := session.From(r.Context())
	_, ends := o.Holds(office.Approver)
	k.j.Render(w, r, http.StatusOK, "parties", page.View{Layout: page.Desk, Wide: true, Title: "partners.parties", Lede: "partners.parties.lede", Back: "/partners", BackTo: "partners.title", Nav: "partners", Form: f,
		Data: map[string]any{"List": list, "Now": k.clock.Now(), "Find": f.Value("q"), "MayEnd": ends}})
}

func (k *journey) end(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	err := k.desk.End(r.Context(), by, partner.PartyID(strings.ToUpper(r.PathValue("id"))), page.FormFrom(r).Value("words"))
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	k.site.Flash(w, "ok", "partners.done.end")
	http.Redirect(w, r, "/partners/parties", http.StatusSeeOther)
}
