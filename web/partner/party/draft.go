// SPDX-License-Identifier: Apache-2.0

package party

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"danh/internal/page"
	"danh/partner"
	"danh/partner/ground"
	"danh/partner/lint"
)

func itoa(n int) string { return strconv.Itoa(n) }

func hexText(b []byte) string { return hex.EncodeToString(b) }

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

// lines reads a field with one entry to a line.
func lines(s string) []string {
	var out []string
	for _, x := range strings.Split(s, "\n") {
		if x = strings.TrimSpace(x); x != "" {
			out = append(out, x)
		}
	}
	return out
}

func (k *journey) profile(c *call) {
	d := c.file.Doc
	for name, v := range map[string]string{"name_vi": d.Name.VI, "name_en": d.Name.EN, "about_vi": d.About.VI, "about_en": d.About.EN, "profile": d.Profile, "auth": d.AuthMethod,
		"redirects": strings.Join(d.RedirectURIs, "\n"), "logouts": strings.Join(d.PostLogoutURIs, "\n"), "logout": d.LogoutURI, "events": d.EventsURI, "jwks_uri": d.JWKSURI,
		"mode": d.BackchannelMode, "ping": d.NotificationURI, "tls_dn": d.TLSSubjectDN, "tls_dns": d.TLSSANDNS, "sector": d.SectorIdentifier,
		"tech_name": d.Contact(lint.Technical).Name, "tech_mail": d.Contact(lint.Technical).Mail, "tech_tel": d.Contact(lint.Technical).Tel,
		"dpo_name": d.Contact(lint.Privacy).Name, "dpo_mail": d.Contact(lint.Privacy).Mail, "dpo_tel": d.Contact(lint.Privacy).Tel} {
		c.form.Set(name, v)
	}
	c.form.Set("version", strconv.FormatInt(c.file.Version, 10))
	k.showProfile(c, http.StatusOK)
}

func (k *journey) showProfile(c *call, status int) {
	k.render(c, status, "profile", "party.profile.title", map[string]any{"Findings": about(page.Language(c.r), c.file.Report, func(path string) bool { return !strings.HasPrefix(path, "purposes") })})
}

// about are the findings on some of the document.
func about(lang string, r lint.Report, take func(path string) bool) []finding {
	part := lint.Report{}
	for _, f := range r.Findings {
		if take(f.Path) {
			part.Findings = append(part.Findings, f)
		}
	}
	return findings(lang, part)
}

func (k *journey) saveProfile(c *call) {
	f, d := c.form, c.file.Doc
	d.Name, d.About = partner.Text{VI: f.Value("name_vi"), EN: f.Value("name_en")}, partner.Text{VI: f.Value("about_vi"), EN: f.Value("about_en")}
	d.Profile, d.AuthMethod = f.Value("profile"), f.Value("auth")
	d.RedirectURIs, d.PostLogoutURIs = lines(f.Value("redirects")), lines(f.Value("logouts"))
	d.LogoutURI, d.EventsURI, d.JWKSURI = f.Value("logout"), f.Value("events"), f.Value("jwks_uri")
	d.BackchannelMode, d.NotificationURI, d.SectorIdentifier = f.Value("mode"), f.Value("ping"), f.Value("sector")
	d.TLSSubjectDN, d.TLSSANDNS = f.Value("tls_dn"), f.Value("tls_dns")
	d.Contacts = nil
	for role, p := range map[string]string{lint.Technical: "tech", lint.Privacy: "dpo"} {
		if x := (lint.Contact{Role: role, Name: f.Value(p + "_name"), Mail: f.Value(p + "_mail"), Tel: f.Value(p + "_tel")}); x.Name+x.Mail+x.Tel != "" {
			d.Contacts = append(d.Contacts, x)
		}
	}
	slices.SortFunc(d.Contacts, func(a, b lint.Contact) int { return -strings.Compare(a.Role, b.Role) }) // technical first
	if d.RedirectURIs == nil {
		d.RedirectURIs = []string{}
	}
	k.save(c, d, func() { k.showProfile(c, http.StatusUnprocessableEntity) }, "/profile")
}

// save keeps a draft, right or wrong.
func (k *journey) save(c *call, d lint.Document, again func(), to string) {
	version, err := strconv.ParseInt(c.form.Value("version"), 10, 64)
	if err != nil {
		version = c.file.Version
	}
	if err := k.Desk.SaveDraft(c.r.Context(), c.by, c.file.ID, version, d); err != nil {
		if !c.form.FromFault(err) {
			k.j.Fail(c.w, c.r, err)
			return
		}
		again()
		return
	}
	k.site.Flash(c.w, "ok", "party.saved")
	http.Redirect(c.w, c.r, c.path(to), http.StatusSeeOther)
}

func (k *journey) purposes(c *call) {
	type item struct {
		lint.Purpose
		Law    string
		Errors int
	}
	var list []item
	for i, p := range c.file.Doc.Purposes {
		x := item{Purpose: p}
		if g, ok := ground.Find(p.Ground, today(k)); ok {
			x.Law = g.Name().In(page.Language(c.r))
		}
		for _, f := range c.file.Report.Findings {
			if f.Severity == lint.Error && strings.HasPrefix(f.Path, "purposes."+itoa(i)) {
				x.Errors++
			}
		}
		list = append(list, x)
	}
	k.render(c, http.StatusOK, "purposes", "party.purposes.title", map[string]any{"List": list, "Matrix": matrix(c.file.Doc, c.file.Report)})
}

func (k *journey) purpose(c *call) {
	p, known := c.file.Doc.Purpose(c.r.PathValue("code"))
	if !known && c.r.PathValue("code") != "new" {
		http.Redirect(c.w, c.r, c.path("/purposes"), http.StatusSeeOther)
		return
	}
	if known {
		for name, v := range map[string]string{"code": p.Code, "text_vi": p.Text.VI, "text_en": p.Text.EN, "ground": p.Ground, "keep": p.Keep, "attachments": strings.Join(p.Attachments, "\n")} {
			c.form.Set(name, v)
		}
		if p.Away {
			c.form.Set("away", "yes")
		}
		for f, m := range p.Fields {
			c.form.Set("field_"+f, string(m))
		}
	}
	c.form.Set("version", strconv.FormatInt(c.file.Version, 10))
	k.showPurpose(c, http.StatusOK, known)
}

// asks is a field of the form: in which way, if at all.
type asks struct {
	Name    string
	Label   page.Text
	Choices []page.Choice
}

func (k *journey) showPurpose(c *call, status int, known bool) {
	var grounds []page.Choice
	for _, g := range ground.ListAt(today(k)) {
		grounds = append(grounds, page.Choice{Value: g.Code, Text: page.Text{VI: g.Text.VI + " · " + g.Law, EN: g.Text.EN + " · " + g.Name().EN}})
	}
	var fields []asks
	for _, f := range ground.Fields {
		if f.Scope == "" && c.form.Value("field_"+f.Name) == "" {
			continue
		}
		x := asks{"field_" + f.Name, page.Text{VI: f.Text.VI, EN: f.Text.EN}, []page.Choice{{Value: "", Text: "party.mode.none"}}}
		for _, m := range slices.Backward(f.Modes) {
			x.Choices = append(x.Choices, page.Choice{Value: string(m), Text: "party.mode." + string(m)})
		}
		fields = append(fields, x)
	}
	code := c.r.PathValue("code")
	at := slices.IndexFunc(c.file.Doc.Purposes, func(p lint.Purpose) bool { return p.Code == code })
	k.render(c, status, "purpose", "party.purpose.title", map[string]any{"Grounds": grounds, "Fields": fields, "Known": known, "Code": code,
		"Findings": about(page.Language(c.r), c.file.Report, func(path string) bool { return at >= 0 && strings.HasPrefix(path+".", "purposes."+itoa(at)+".") })})
}

func (k *journey) savePurpose(c *call) {
	f, d, old := c.form, c.file.Doc, c.r.PathValue("code")
	at := slices.IndexFunc(d.Purposes, func(p lint.Purpose) bool { return p.Code == old })
	d.Purposes = slices.Clone(d.Purposes)
	if f.Value("do") == "remove" {
		if at >= 0 {
			d.Purposes = slices.Delete(d.Purposes, at, at+1)
		}
		k.save(c, d, func() { k.showPurpose(c, http.StatusUnprocessableEntity, true) }, "/purposes")
		return
	}
	p := lint.Purpose{Code: strings.ToLower(f.Value("code")), Text: partner.Text{VI: f.Value("text_vi"), EN: f.Value("text_en")}, Ground: f.Value("ground"), Keep: strings.ToUpper(f.Value("keep")), Away: f.Has("away", "yes"),
		Fields: map[string]ground.Mode{}, Attachments: lines(f.Value("attachments"))}
	for name, v := range f.Values {
		// Also what the form has no row for: the checker says what is wrong with it.
		if field, ok := strings.CutPrefix(name, "field_"); ok && len(v) == 1 && v[0] != "" {
			p.Fields[field] = ground.Mode(v[0])
		}
	}
	if p.Code == "" || p.Code == "new" || slices.ContainsFunc(d.Purposes, func(x lint.Purpose) bool { return x.Code == p.Code && x.Code != old }) {
		f.Add("code", "party.purpose.code.problem")
		k.showPurpose(c, http.StatusUnprocessableEntity, at >= 0)
		return
	}
	if at >= 0 {
		d.Purposes[at] = p
	} else {
		d.Purposes = append(d.Purposes, p)
	}
	k.save(c, d, func() { k.showPurpose(c, http.StatusUnprocessableEntity, at >= 0) }, "/purposes/"+p.Code)
}

// credentials are the keys of production or of the trial.
func (k *journey) credentials(c *call, trial bool) []credential {
	keys, method := c.file.LiveKeys, c.file.Doc.AuthMethod
	if trial {
		keys = c.file.TrialKeys
	}
	now := k.Clock.Now()
	var out []credential
	for _, x := range keys.Credentials(method) {
		n := credential{Credential: x, Over: !x.Until.IsZero() && !now.Before(x.Until), Days: days(x.Until.Sub(now))}
		n.Soon = !n.Over && !x.Until.IsZero() && n.Days < 60
		n.Width = min(70, max(2, n.Days*70/90))
		if x.Until.IsZero() {
			n.Width = 70
		}
		if n.Over {
			n.Width = 0
		}
		out = append(out, n)
	}
	return out
}

type credential struct {
	partner.Credential
	Over, Soon bool
	Days       int
	Width      int // of the bar of 90 days, of 70
}
