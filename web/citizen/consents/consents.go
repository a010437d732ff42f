// SPDX-License-Identifier: Apache-2.0

// Package consents is where she sees whom she let have what, in which words,
// since when and until when, and takes it back at once.
//
// It shows her own consents only and refuses to hide history: what was
// withdrawn or replaced stays readable for as long as the law keeps it.
package consents

import (
	"cmp"
	"embed"
	"net/http"
	"strconv"
	"strings"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/page"
	"danh/partner"
	"danh/partner/ground"
	"danh/provider"
	"danh/provider/claim"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	p    *provider.Provider
	site *page.Site
	j    *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, p *provider.Provider) {
	d := &journey{p: p, site: site, j: site.Journey(files)}
	mux.Handle("GET /consents", session.Require(http.HandlerFunc(d.list)))
	mux.Handle("GET /consents/record", session.Require(http.HandlerFunc(d.papers)))
	mux.Handle("GET /consents/record.json", session.Require(http.HandlerFunc(d.files)))
	mux.Handle("GET /consents/{id}/record", session.Require(http.HandlerFunc(d.paper)))
	mux.Handle("GET /consents/{id}/record.json", session.Require(http.HandlerFunc(d.file)))
	mux.Handle("GET /consents/{id}/handed", session.Require(http.HandlerFunc(d.releases)))
	mux.Handle("GET /consents/{id}", session.Require(http.HandlerFunc(d.show)))
	mux.Handle("GET /consents/{id}/withdraw", session.Require(http.HandlerFunc(d.ask)))
	mux.Handle("POST /consents/{id}/withdraw", session.Require(http.HandlerFunc(d.withdraw)))
}

// item is a consent as the pages show it.
type item struct {
	provider.Consent
	Name     string
	Standing bool
	Fields   []field
	SignIn   string
	State    string // standing, expired, withdrawn, replaced
	How      string
	By       string // the methods, in words
	Ground   string
	Keep     string // how long they keep it; "": not at all, or not said
	Given    string
}

type field struct{ Label, Purpose string }

func listed(list []partner.Text, language string) string {
	var out []string
	for _, t := range list {
		out = append(out, t.In(language))
	}
	return strings.Join(out, ", ")
}

// ofBody is the key of a fact's name when it is an organisation's, which has no
// full name and no residence; "" otherwise.
func ofBody(r *http.Request, f string) string {
	s, _ := session.From(r.Context())
	if s.Acting == nil || s.Acting.Organisation.IsZero() || f != string(provider.Name) && f != string(provider.Address) && f != string(claim.Body) {
		return ""
	}
	return "consents.field." + f + "_of_organisation"
}

func (d *journey) item(c provider.Consent, r *http.Request) item {
	language := page.Language(r)
	it := item{Consent: c, Name: c.Shown.Client.In(language), Standing: d.p.Standing(c), State: c.EndedWhy, SignIn: c.Shown.Purposes["openid"].In(language)}
	for _, f := range c.List() {
		label := d.j.Say(language, cmp.Or(ofBody(r, string(f)), "consents.field."+string(f)), nil)
		if f == claim.Match && len(c.Shown.Compared) > 0 {
			label += ": " + listed(c.Shown.Compared, language)
		}
		it.Fields = append(it.Fields, field{label, c.Shown.Purposes[provider.ScopeOf(f)].In(language)})
	}
	it.Ground = ground.Name(c.Shown.Grounds["openid"]).In(language)
	if keep, err := clock.ParsePeriod(c.Shown.Keep); err == nil {
		it.Keep = keep.In(language)
	}
	it.Given = listed(c.Shown.Given, language)
	var by []string
	for _, m := range c.Methods {
		if t := d.j.Say(language, "consents.method."+m, nil); t != "consents.method."+m {
			by = append(by, t)
		}
	}
	if !c.Approval.IsZero() {
		by = append(by, d.j.Say(language, "consents.method.approval", nil))
	}
	it.By = strings.Join(by, ", ")
	level, assurance, _ := provider.ACR(c.Authenticator)
	key := "consents.how.level"
	if level == 0 {
		key = "consents.how.provisional"
	}
	it.How = d.j.Say(language, key, map[string]string{"level": strconv.Itoa(level), "assurance": strconv.Itoa(assurance)})
	switch {
	case it.Standing:
		it.State = "standing"
	case it.State == "":
		it.State = "expired"
	}
	return it
}

func (d *journey) list(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	all, err := d.p.ListConsents(r.Context(), s.Account)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	var standing, past []item
	for _, c := range all {
		if it := d.item(c, r); it.Standing {
			standing = append(standing, it)
		} else {
			past = append(past, it)
		}
	}
	d.j.Render(w, r, http.StatusOK, "list", page.View{Title: "consents.title", Lede: "consents.lede", Back: "/", Task: "consents.task",
		Data: map[string]any{"Standing": standing, "Past": past}})
}

func (d *journey) find(w http.ResponseWriter, r *http.Request) (item, bool) {
	s, _ := session.From(r.Context())
	id, err := provider.ParseConsentID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, provider.ErrNoConsent)
		return item{}, false
	}
	c, err := d.p.FindConsent(r.Context(), s.Account, id)
	if err != nil {
		d.j.Fail(w, r, err)
		return item{}, false
	}
	return d.item(c, r), true
}

func (d *journey) show(w http.ResponseWriter, r *http.Request) {
	it, ok := d.find(w, r)
	if !ok {
		return
	}
	handed, next, err := d.handed(r, it.Consent, audit.ID{})
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	const few = 3
	more := !next.IsZero() || len(handed) > few
	d.j.Render(w, r, http.StatusOK, "show", page.View{Title: page.Raw(it.Name), Back: "/consents", Task: "consents.task",
		Data: shown{it, handed[:min(len(handed), few)], more}})
}

// shown is a consent with the latest of what was handed over on it.
type shown struct {
	item
	Handed []release
	More   bool
}

func (d *journey) ask(w http.ResponseWriter, r *http.Request) {
	if it, ok := d.find(w, r); ok {
		d.j.Render(w, r, http.StatusOK, "withdraw", page.View{Title: "consents.withdraw.title", Args: map[string]string{"partner": it.Name},
			Back: "/consents/" + it.ID.String(), Task: "consents.task", Data: it})
	}
}

func (d *journey) withdraw(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	it, ok := d.find(w, r)
	if !ok {
		return
	}
	if err := d.p.Withdraw(r.Context(), s, it.ID); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.site.Flash(w, "ok", "consents.withdrawn")
	http.Redirect(w, r, "/consents/"+it.ID.String(), http.StatusSeeOther)
}
