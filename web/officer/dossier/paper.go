// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"danh/audit"
	"danh/enrolment"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
)

// uses are what a paper is presented for.
var uses = []string{"evidence", "integrate", "dependant"}

func (k *desk) paperName(c *call, p enrolment.Paper) string {
	name := k.journey.Say(page.Language(c.r), "dossier.paper."+p.Kind, nil)
	if p.Number != "" {
		name += " " + p.Number
	}
	return name
}

func (k *desk) showPapers(c *call, status int) {
	list, err := k.Office.PaperKinds(c.r.Context())
	if err != nil {
		k.journey.Fail(c.w, c.r, err)
		return
	}
	var kinds []string
	for _, p := range list {
		kinds = append(kinds, p.Kind)
	}
	slices.SortStableFunc(kinds, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	k.render(c, status, "papers", k.view(c, "papers"), map[string]any{"Kinds": choicesOf("dossier.paper.", kinds), "Uses": choicesOf("dossier.use.", uses)})
}

// often are the papers that people bring, in the order of a list; others follow.
var often = []string{"birth_certificate", "marriage_certificate", "driving_licence", "health_insurance", "social_insurance", "vehicle_registration", "tax_number", "residence_confirmation", "old_identity_card"}

func rank(kind string) int {
	if i := slices.Index(often, kind); i >= 0 {
		return i
	}
	return len(often)
}

// choose notes which choices were left open: one is chosen, not filled in.
func choose(f *page.Form, names ...string) bool {
	ok := true
	for _, n := range names {
		if f.Value(n) == "" {
			f.Add(n, "problem.choose")
			ok = false
		}
	}
	return ok
}

// optionalDate reads a date that may be left out.
func optionalDate(f *page.Form, name string) clock.Date {
	if f.Value(name) == "" {
		return clock.Date{}
	}
	d, err := clock.ParseDate(f.Value(name))
	if err != nil {
		f.Add(name, "problem.date")
	}
	return d
}

func (k *desk) addPaper(c *call) (string, error) {
	choose(c.form, "kind")
	p := enrolment.Paper{Kind: c.form.Value("kind"), Number: c.form.Value("paper_number"), Issued: optionalDate(c.form, "issued"), Expires: optionalDate(c.form, "expires"), For: c.form.Value("use"), Seen: c.form.Has("seen", "yes")}
	photo, err := fileOf(c.r, "photo")
	if err != nil {
		c.form.Add("photo", "dossier.problem.file")
	}
	if !c.form.OK() {
		return "", nil
	}
	if _, err = k.Office.AddPaper(c.r.Context(), c.by, c.id, p, readerOf(photo)); err != nil {
		return "", err
	}
	c.say = "dossier.paper.added"
	return path(c.id, "papers"), nil
}

// actOnPaper records that the original was seen, or takes a paper back.
func (k *desk) actOnPaper(c *call) (string, error) {
	p, err := enrolment.ParsePaperID(c.form.Value("paper"))
	if err != nil {
		return "", fault.New(fault.NotFound, "enrolment.paper.not_found")
	}
	switch c.form.Value("act") {
	case "seen":
		_, err = k.Office.SeePaper(c.r.Context(), c.by, c.id, p)
		c.say = "dossier.paper.seen_now"
	case "remove":
		_, err = k.Office.RemovePaper(c.r.Context(), c.by, c.id, p)
		c.say = "dossier.paper.removed"
	default:
		c.form.Add("", "problem.choose")
	}
	return path(c.id, "papers"), err
}

// paperPhoto shows a paper's photo, to whom the room lets see it.
func (k *desk) paperPhoto(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	c, err := k.begin(w, r, by)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	p, err := enrolment.ParsePaperID(r.PathValue("paper"))
	if err != nil {
		k.journey.Fail(w, r, fault.New(fault.NotFound, "enrolment.paper.not_found"))
		return
	}
	b, err := k.Office.PaperPhoto(r.Context(), by, c.id, p)
	if err == nil {
		err = serve(w, http.DetectContentType(b), "giay-to", b)
	}
	if err != nil {
		k.journey.Fail(w, r, err)
	}
}

// kinOf are how a dependant may be related.
var kinOf = []string{"child", "parent", "spouse", "grandparent", "grandchild", "sibling", "ward", "other"}

func (k *desk) showDependants(c *call, status int) {
	papers := []page.Choice{{Value: "", Text: "dossier.dependant.by_registry"}}
	kinds, err := k.Office.PaperKinds(c.r.Context())
	if err != nil {
		k.journey.Fail(c.w, c.r, err)
		return
	}
	for _, p := range c.d.Papers { // whatever else it was brought for
		if p.Seen && slices.ContainsFunc(kinds, func(x enrolment.PaperKind) bool { return x.Kind == p.Kind && x.Dependant }) {
			papers = append(papers, page.Choice{Value: p.ID.String(), Text: page.Raw(k.paperName(c, p))})
		}
	}
	k.render(c, status, "dependants", k.view(c, "dependants"), map[string]any{"Kin": choicesOf("dossier.kin.", kinOf), "Papers": papers})
}

func (k *desk) addDependant(c *call) (string, error) {
	f := c.form
	f.Require("dependant_name")
	choose(f, "relation")
	x := enrolment.Dependant{Name: f.Value("dependant_name"), Number: numberFrom(f, "dependant_number"), Birth: optionalDate(f, "dependant_birth"), Relation: f.Value("relation"), Until: optionalDate(f, "until"), Proof: "registry"}
	if s := f.Value("paper"); s != "" {
		var err error
		if x.Paper, err = enrolment.ParsePaperID(s); err != nil {
			f.Add("paper", "problem.choose")
		}
		x.Proof = ""
		if err := k.find(c); err != nil {
			return "", err
		}
		for _, p := range c.d.Papers {
			if p.ID == x.Paper {
				x.Proof = p.Kind
			}
		}
	}
	if !f.OK() {
		return "", nil
	}
	if _, err := k.Office.AddDependant(c.r.Context(), c.by, c.id, x); err != nil {
		return "", err
	}
	c.say = "dossier.dependant.added"
	return path(c.id, "dependants"), nil
}

func (k *desk) removeDependant(c *call) (string, error) {
	n, err := strconv.Atoi(c.form.Value("n"))
	if err != nil {
		return "", fault.New(fault.NotFound, "enrolment.dependant.not_found")
	}
	_, err = k.Office.RemoveDependant(c.r.Context(), c.by, c.id, n)
	c.say = "dossier.dependant.removed"
	return path(c.id, "dependants"), err
}
