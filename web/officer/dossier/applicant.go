// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"strconv"
	"strings"

	"danh/enrolment"
	"danh/internal/clock"
	"danh/internal/page"
	"danh/registry/immigration"
	"danh/registry/population"
)

// relatives are those about whom the form asks, in its order.
var relatives = []string{"father", "mother", "spouse", "guardian"}

// plainFields are the applicant's words that are kept as they were typed.
func plainFields(a *enrolment.Applicant) map[string]*string {
	return map[string]*string{"name": &a.Name, "nationality": &a.Nationality, "ethnicity": &a.Ethnicity, "religion": &a.Religion, "origin": &a.Origin, "residence": &a.Residence, "marks": &a.Marks,
		"phone": &a.Phone, "email": &a.Email}
}

func relativeOf(a *enrolment.Applicant, name string) *enrolment.Relative {
	return map[string]*enrolment.Relative{"father": &a.Father, "mother": &a.Mother, "spouse": &a.Spouse, "guardian": &a.Guardian}[name]
}

// fill puts what is kept into a form that shows it.
func fill(f *page.Form, d enrolment.Dossier) {
	a := d.Applicant
	f.Set("version", strconv.Itoa(d.Version))
	for n, v := range plainFields(&a) {
		f.Set(n, *v)
	}
	f.Set("nationality", country(a.Nationality))
	if local, ok := strings.CutPrefix(a.Phone, "+84"); ok { // as people say it
		f.Set("phone", "0"+local)
	}
	f.Set("birth_date", a.BirthDate.Vietnamese()).Set("sex", string(a.Sex)).Set("old_number", a.OldNumber.Reveal())
	for _, n := range relatives {
		r := relativeOf(&a, n)
		f.Set(n+"_name", r.Name).Set(n+"_number", r.Number.Reveal()).Set(n+"_nationality", country(r.Nationality))
	}
	f.Set("document_kind", string(a.Document.Kind)).Set("document_country", a.Document.Country).Set("document_number", a.Document.Number)
}

// country writes the country's own code as people write it; the room reads both.
func country(s string) string {
	if s == "VNM" {
		return "Việt Nam"
	}
	return s
}

// applicantFrom is what was typed over what is kept; a field that the form does
// not have stays.
func applicantFrom(f *page.Form, a enrolment.Applicant) enrolment.Applicant {
	for n, v := range plainFields(&a) {
		if f.Values.Has(n) {
			*v = f.Value(n)
		}
	}
	if f.Values.Has("sex") {
		a.Sex = population.Sex(f.Value("sex"))
	}
	if f.Values.Has("birth_date") {
		d, err := clock.ParseDate(f.Value("birth_date"))
		if err != nil {
			f.Add("birth_date", "problem.date")
		}
		a.BirthDate = d
	}
	if f.Values.Has("old_number") {
		a.OldNumber = numberFrom(f, "old_number")
	}
	for _, n := range relatives {
		r := relativeOf(&a, n)
		if !f.Values.Has(n + "_name") {
			continue
		}
		*r = enrolment.Relative{Name: f.Value(n + "_name"), Number: numberFrom(f, n+"_number"), Nationality: f.Value(n + "_nationality")}
	}
	if f.Values.Has("document_number") {
		a.Document = enrolment.Document{Kind: immigration.Kind(f.Value("document_kind")), Country: strings.ToUpper(f.Value("document_country")), Number: strings.ToUpper(f.Value("document_number"))}
	}
	return a
}

// numberFrom reads a number that may be left out.
func numberFrom(f *page.Form, name string) population.Number {
	s := f.Digits(name)
	if s == "" {
		return ""
	}
	n, err := population.ParseNumber(s)
	if err != nil {
		f.Add(name, "population.number.form")
	}
	return n
}

// clash is a field that somebody else saved while it was being typed.
type clash struct {
	Label         any
	Stored, Typed string
}

// clashes compares what was typed with what is kept by now.
func clashes(f *page.Form, d enrolment.Dossier) []clash {
	kept := &page.Form{}
	fill(kept, d)
	var out []clash
	for _, n := range fields {
		if !f.Values.Has(n) {
			continue
		}
		if was, is := kept.Value(n), f.Value(n); was != is && strings.ReplaceAll(was, " ", "") != strings.ReplaceAll(is, " ", "") {
			out = append(out, clash{Label: label(n), Stored: was, Typed: is})
		}
	}
	return out
}

// fields are all names of the applicant's form, in its order.
var fields = func() []string {
	out := []string{"name", "birth_date", "sex", "nationality", "ethnicity", "religion", "origin", "residence", "marks", "old_number", "document_kind", "document_country", "document_number", "phone", "email"}
	for _, r := range relatives {
		out = append(out, r+"_name", r+"_number", r+"_nationality")
	}
	return out
}()

// label is the text key of a field or of a difference: father.name and
// father_name are the same.
func label(field string) string { return "dossier.field." + strings.ReplaceAll(field, ".", "_") }

// difference is a field in which she and the registry disagree, ready to show.
type difference struct {
	enrolment.Difference
	Label                string
	Registry, Hers       any // only the differing characters are marked
	Papers               []page.Choice
	Open                 bool
	Registered, Declared string
}

func (k *desk) differences(c *call) []difference {
	var papers []page.Choice
	papers = append(papers, page.Choice{Value: "", Text: "dossier.diff.no_paper"})
	for _, p := range c.d.Papers {
		if p.Seen {
			papers = append(papers, page.Choice{Value: p.ID.String(), Text: page.Raw(k.paperName(c, p))})
		}
	}
	var out []difference
	for _, d := range c.d.Differences {
		x := difference{Difference: d, Label: label(d.Field), Papers: papers, Open: d.Keep == "", Registered: k.value(c, d.Field, d.Registered), Declared: k.value(c, d.Field, d.Declared)}
		x.Registry, x.Hers = differ(x.Registered, x.Declared)
		out = append(out, x)
	}
	return out
}

// value words the values that are kept as words of the machine.
func (k *desk) value(c *call, field, v string) string {
	switch {
	case v == "":
		return k.journey.Say(page.Language(c.r), "dossier.nothing", nil)
	case strings.HasSuffix(field, "nationality") && v == "VNM":
		return k.journey.Say(page.Language(c.r), "dossier.vietnam", nil)
	case field == "sex":
		return k.journey.Say(page.Language(c.r), "dossier.sex."+v, nil)
	}
	if d, err := clock.ParseDate(v); err == nil && strings.Contains(field, "birth") {
		return d.Vietnamese()
	}
	return v
}

func (k *desk) showApplicant(c *call, status int) {
	stale := c.form.Values.Has("version") && c.form.Value("version") != strconv.Itoa(c.d.Version)
	data := map[string]any{"Differences": k.differences(c), "Relatives": relatives, "Sexes": choicesOf("dossier.sex.", []string{"female", "male"}), "Open": unresolved(c.d),
		"Documents": choicesOf("dossier.document.", []immigration.Kind{immigration.Passport, immigration.Permanent, immigration.Temporary})}
	if c.form.Values.Has("version") && c.form.Values.Has("name") {
		if stale { // both are shown, and the next save is over what is shown
			data["Clashes"] = clashes(c.form, c.d)
			c.form.Set("version", strconv.Itoa(c.d.Version))
		}
	} else {
		known, err := k.Office.FindKnown(c.r.Context(), c.by, c.id)
		if err != nil {
			k.journey.Fail(c.w, c.r, err)
			return
		}
		data["Known"] = k.knownFacts(c, known)
		shown := c.d
		if shown.Version == 0 { // nothing is typed that is known
			shown.Applicant = known.Applicant
		}
		problems := c.form.Problems
		c.form = &page.Form{Problems: problems}
		fill(c.form, shown)
	}
	k.render(c, status, "applicant", k.view(c, "applicant"), data)
}

// knownFacts word what the registries hold, each with its source and date.
func (k *desk) knownFacts(c *call, x enrolment.Known) []page.Fact {
	a := x.Applicant
	var out []page.Fact
	add := func(field, v string, mono bool) {
		if v != "" {
			out = append(out, page.Fact{Label: label(field), Value: v, Mono: mono, Source: x.Source, At: x.AsOf})
		}
	}
	add("number", a.Number.Reveal(), true)
	add("name", a.Name, false)
	add("birth_date", a.BirthDate.Vietnamese(), true)
	if a.Sex != "" {
		add("sex", k.value(c, "sex", string(a.Sex)), false)
	}
	if a.Nationality != "" {
		add("nationality", k.value(c, "nationality", a.Nationality), false)
	}
	add("ethnicity", a.Ethnicity, false)
	add("religion", a.Religion, false)
	add("origin", a.Origin, false)
	add("document_number", a.Document.Number, true)
	if a.Residence != "" {
		f := page.Fact{Label: label("residence"), Value: a.Residence, Source: x.Source, At: x.AsOf}
		if !x.ResidenceAt.IsZero() {
			f.Source, f.At = "source.residence", x.ResidenceAt
		}
		out = append(out, f)
	}
	for _, n := range relatives {
		add(n, relativeOf(&a, n).Name, false)
	}
	return out
}

// unresolved counts the differences that nobody has settled.
func unresolved(d enrolment.Dossier) int {
	n := 0
	for _, x := range d.Differences {
		if x.Keep == "" {
			n++
		}
	}
	return n
}

// save keeps what was typed over the version that the page showed.
func (k *desk) save(c *call) error {
	if err := k.find(c); err != nil {
		return err
	}
	was := c.d.Applicant
	if c.d.Version == 0 { // the number is the visit's and is not typed
		known, err := k.Office.FindKnown(c.r.Context(), c.by, c.id)
		if err != nil {
			return err
		}
		was.Number = known.Applicant.Number
	}
	a := applicantFrom(c.form, was)
	if !c.form.OK() {
		return nil
	}
	version, err := strconv.Atoi(c.form.Value("version"))
	if err != nil {
		version = -1
	}
	d, err := k.Office.SaveApplicant(c.r.Context(), c.by, c.id, version, a)
	if err == nil {
		c.d = d
	}
	return err
}

func (k *desk) saveApplicant(c *call) (string, error) {
	c.form.Require("name", "birth_date")
	if !c.form.OK() {
		return "", nil
	}
	if err := k.save(c); err != nil || !c.form.OK() {
		return "", err
	}
	c.say = "dossier.saved"
	if unresolved(c.d) > 0 {
		return path(c.id, "applicant#differences"), nil
	}
	return path(c.id, next(c.d, "applicant")), nil
}

// resolve settles a difference. The page is left when none is open.
func (k *desk) resolve(c *call) (string, error) {
	if !choose(c.form, "keep") {
		return "", nil
	}
	var p enrolment.PaperID
	if s := c.form.Value("paper"); s != "" {
		var err error
		if p, err = enrolment.ParsePaperID(s); err != nil {
			c.form.Add("paper", "problem.choose")
			return "", nil
		}
	}
	d, err := k.Office.Resolve(c.r.Context(), c.by, c.id, c.form.Value("field"), c.form.Value("keep"), p, c.form.Value("words"))
	if err != nil {
		return "", err
	}
	c.say = "dossier.diff.settled"
	if unresolved(d) > 0 {
		return path(c.id, "applicant#differences"), nil
	}
	return path(c.id, next(d, "applicant")), nil
}
