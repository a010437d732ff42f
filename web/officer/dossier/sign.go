// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"net/http"
	"slices"

	"danh/audit"
	"danh/enrolment"
	"danh/internal/fault"
	"danh/internal/page"
)

// showReview is the screen that is turned to the citizen: her data in her
// language, large, and nothing of the officers' own.
func (k *desk) showReview(c *call, status int) {
	own := *c
	own.r = inLanguage(c.r, c.d.Language)
	data := map[string]any{"Sections": k.sections(&own), "Sheets": sheets(c.d), "Left": k.left(c.d, "review", "sign")}
	if c.d.HasPortrait {
		f, err := k.faces(&own)
		if err != nil {
			k.journey.Fail(c.w, c.r, err)
			return
		}
		data["Portrait"] = f.Captured
	}
	if len(c.d.Fingers) > 0 {
		left, right, _ := fingersOf(c.d, 99)
		data["LeftHand"], data["RightHand"] = left, right
	}
	v := page.View{Layout: page.Print, Title: "dossier.review.title", Lede: "dossier.review.lede", Back: path(c.id, next(c.d, "face")), BackTo: "dossier.review.back", Form: c.form}
	k.render(&own, status, "review", v, data)
}

// inLanguage is the request as somebody with another language would send it.
func inLanguage(r *http.Request, language string) *http.Request {
	if language == "" || language == page.Language(r) {
		return r
	}
	out := r.Clone(r.Context())
	out.Header.Del("Cookie")
	for _, c := range r.Cookies() {
		if c.Name != "danh-lang" {
			out.AddCookie(c)
		}
	}
	out.AddCookie(&http.Cookie{Name: "danh-lang", Value: language})
	return out
}

// section is a part of what she reads, with the way to mend it.
type section struct {
	Title, Change string
	Facts         []page.Fact
}

// sections word the dossier for her who reads it.
func (k *desk) sections(c *call) []section {
	d := c.d
	a := d.Stated()
	fact := func(field, v string, mono bool) page.Fact {
		if v != "" && (field == "sex" || field == "nationality") {
			v = k.value(c, field, v)
		}
		return page.Fact{Label: label(field), Value: v, Mono: mono, Empty: "dossier.nothing"}
	}
	who := section{Title: "dossier.part.applicant", Change: path(d.ID, "applicant")}
	if !a.Number.IsZero() {
		who.Facts = append(who.Facts, page.Fact{Label: "field.number", Value: a.Number.Reveal(), Mono: true})
	}
	who.Facts = append(who.Facts, fact("name", a.Name, false), page.Fact{Label: label("birth_date"), Value: a.BirthDate, Mono: true}, fact("sex", string(a.Sex), false),
		fact("nationality", a.Nationality, false))
	if d.Foreign {
		who.Facts = append(who.Facts, fact("document_number", a.Document.Number+" · "+a.Document.Country, true))
	} else {
		who.Facts = append(who.Facts, fact("ethnicity", a.Ethnicity, false), fact("religion", a.Religion, false), fact("origin", a.Origin, false))
	}
	who.Facts = append(who.Facts, fact("residence", a.Residence, false))
	if !a.OldNumber.IsZero() {
		who.Facts = append(who.Facts, fact("old_number", a.OldNumber.Reveal(), true))
	}
	if a.Marks != "" {
		who.Facts = append(who.Facts, fact("marks", a.Marks, false))
	}
	out := []section{who}
	family := section{Title: "dossier.relatives", Change: path(d.ID, "applicant#relatives")}
	for _, n := range relatives {
		if r := relativeOf(&a, n); r.Name != "" {
			family.Facts = append(family.Facts, fact(n, r.Name, false))
		}
	}
	if r := d.Representative; r != nil {
		family.Facts = append(family.Facts, page.Fact{Label: "dossier.representative", Value: r.Name + " ···· " + r.Tail}, page.Fact{Label: "dossier.relation", Value: k.say(c, "dossier.relation."+r.Relation)})
	}
	for _, x := range d.Dependants {
		family.Facts = append(family.Facts, page.Fact{Label: "dossier.kin." + x.Relation, Value: x.Name})
	}
	if len(family.Facts) > 0 {
		out = append(out, family)
	}
	contact := section{Title: "dossier.part.contact", Change: path(d.ID, "contact"), Facts: []page.Fact{fact("phone", a.Phone, true), fact("email", a.Email, false)}}
	out = append(out, contact)
	if len(d.Papers) > 0 {
		papers := section{Title: "dossier.part.papers", Change: path(d.ID, "papers")}
		for _, p := range d.Papers {
			papers.Facts = append(papers.Facts, page.Fact{Label: "dossier.paper." + p.Kind, Value: p.Number, Mono: true, Empty: "dossier.paper.no_number"})
		}
		out = append(out, papers)
	}
	if x := d.Card; x != nil {
		out = append(out, section{Title: "dossier.part.card", Change: path(d.ID, "card"), Facts: k.cardFacts(c)})
	}
	return out
}

func (k *desk) say(c *call, key string) string { return k.journey.Say(page.Language(c.r), key, nil) }

// left are the parts in which something is missing, but those that are named.
func (k *desk) left(d enrolment.Dossier, but ...string) []piece {
	var out []piece
	for _, p := range plan(d) {
		if p.Here && !p.Done && p.Name != "dependants" && p.Name != "handin" && !slices.Contains(but, p.Name) {
			out = append(out, p)
		}
	}
	return out
}

func (k *desk) reviewed(c *call) (string, error) {
	if !c.form.Has("right", "yes") {
		c.form.Add("right", "dossier.review.tick")
		return "", nil
	}
	d, err := k.Office.Reviewed(c.r.Context(), c.by, c.id)
	if err != nil {
		return "", err
	}
	return path(c.id, next(d, "review")), nil
}

// sheet is a form with those who must sign it.
type sheet struct {
	Name  string
	Lines []signer
}

type signer struct {
	Role string
	Done *enrolment.Signed
}

// sheets are the forms of a dossier: one for the account, one for the card.
func sheets(d enrolment.Dossier) []sheet {
	roles := []string{"applicant", "intake"}
	if d.Representative != nil {
		roles[0] = "representative"
	}
	var names []string
	if d.GivesLevel > 0 {
		names = append(names, "enrolment")
	}
	if d.Card != nil {
		names = append(names, "capture")
	}
	var out []sheet
	for _, n := range names {
		s := sheet{Name: n}
		for _, role := range roles {
			x := signer{Role: role}
			for i := range d.Signed {
				if d.Signed[i].Form == n && d.Signed[i].Role == role {
					x.Done = &d.Signed[i]
				}
			}
			s.Lines = append(s.Lines, x)
		}
		out = append(out, s)
	}
	return out
}

func (k *desk) showSign(c *call, status int) {
	list := sheets(c.d)
	form, role := c.form.Value("form"), c.form.Value("role")
	if form == "" { // the first line that waits
		for _, s := range list {
			for _, l := range s.Lines {
				if form == "" && l.Done == nil {
					form, role = s.Name, l.Role
				}
			}
		}
	}
	k.render(c, status, "sign", k.view(c, "sign"), map[string]any{"Sheets": list, "SignForm": form, "SignRole": role, "All": form == ""})
}

// sign keeps a signature: drawn on the screen, or the scan of a signed sheet.
func (k *desk) sign(c *call) (string, error) {
	f, ok := c.needFile("signature")
	if !ok {
		return "", nil
	}
	d, err := k.Office.Sign(c.r.Context(), c.by, c.id, c.form.Value("form"), c.form.Value("role"), c.form.Value("how"), f)
	if err != nil {
		return "", err
	}
	c.say = "dossier.sign.kept"
	for _, s := range sheets(d) {
		for _, l := range s.Lines {
			if l.Done == nil {
				return path(c.id, "sign"), nil
			}
		}
	}
	return path(c.id, next(d, "sign")), nil
}

// form shows a sheet as PDF: before the dossier is handed in as it would be,
// afterwards as it was sealed.
func (k *desk) form(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	c, err := k.begin(w, r, by)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	name := r.PathValue("name")
	read := k.Office.Document
	if r.URL.Query().Get("draft") != "" {
		read = k.Office.Preview
	}
	switch name {
	case "request", "enrolment", "capture", "receipt", "supplement", "refusal":
		b, ferr := read(r.Context(), by, c.id, name)
		if err = ferr; err == nil {
			err = serve(w, "application/pdf", name+".pdf", b)
		}
	default:
		err = fault.New(fault.NotFound, "dossier.no_document")
	}
	if err != nil {
		k.journey.Fail(w, r, err)
	}
}

// signature shows what was signed: the drawing, or the scan of the paper.
func (k *desk) signature(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	c, err := k.begin(w, r, by)
	if err == nil {
		var b []byte
		if b, err = k.Office.Scan(r.Context(), by, c.id, r.PathValue("form"), r.PathValue("role")); err == nil {
			err = serve(w, http.DetectContentType(b), "chu-ky", b)
		}
	}
	if err != nil {
		k.journey.Fail(w, r, err)
	}
}
