// SPDX-License-Identifier: Apache-2.0

// Package party is where an organisation applies to connect and keeps its
// application: what it asks for and why, its keys, its trial, who of its people
// may do what, and who did.
//
// A half-filled form is kept as it is; what is wrong with it stands beside it and
// is the officers' own checker's word. It decides nothing: every page asks the
// desk, which reads the reader's roles with each request. Secrets and invitations
// are shown once, on the answer that made them, and in no address that a later
// page has.
package party

import (
	"embed"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/partner"
	"danh/partner/admission"
	"danh/partner/ground"
	"danh/partner/lint"
	"danh/provider/inspect"
	"danh/provider/notice"
	"danh/provider/register"
	"danh/registry/organisation"
	"danh/web/partner/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the pages stand on.
type Config struct {
	Desk      *admission.Desk
	Accounts  *account.Keeper
	Partners  *partner.Directory
	Inspector *inspect.Inspector // nil: the trial is not counted
	Register  *register.Desk     // nil: no software statements are made
	Notices   *notice.Desk       // nil: nobody is told of events
	Clock     clock.Clock
	Origin    string
	Issuer    string
	Explained func(code string) bool // whether an error has its section on the page of errors; nil: none has
}

type journey struct {
	Config
	site  *page.Site
	j     *page.Journey
	guard *session.Guard
}

// guarded are the changes by which somebody who has a password that was phished
// would stay, or would speak for the organisation.
var guarded = []string{"POST /parties/{id}/keys", "POST /parties/{id}/keys/retire", "POST /parties/{id}/keys/secret", "POST /parties/{id}/staff/invite", "POST /parties/{id}/staff/remove",
	"POST /parties/{id}/submit", "POST /parties/{id}/narrow", "POST /parties/{id}/events/{deed}"}

// call is a request about one party, by one of its staff.
type call struct {
	w    http.ResponseWriter
	r    *http.Request
	who  session.Visitor
	by   audit.Actor
	file admission.File
	form *page.Form
	sure bool // she signed in as well as the changes of a party demand
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, c Config) {
	k := &journey{c, site, site.Journey(files), guard}
	mux.HandleFunc("GET /clients", guard.Signed(k.list))
	mux.HandleFunc("POST /parties", guard.Signed(k.open))
	mux.HandleFunc("GET /agreements/{code}", guard.Signed(k.asked))
	mux.HandleFunc("POST /agreements/{code}", guard.Signed(k.agree))
	mux.HandleFunc("GET /invitations/{token}", guard.Signed(k.invited))
	mux.HandleFunc("POST /invitations/{token}", guard.Signed(k.accept))
	for pattern, h := range map[string]func(*call){
		"GET /parties/{id}":                       k.overview,
		"GET /parties/{id}/profile":               k.profile,
		"POST /parties/{id}/profile":              k.saveProfile,
		"GET /parties/{id}/purposes":              k.purposes,
		"GET /parties/{id}/purposes/{code}":       k.purpose,
		"POST /parties/{id}/purposes/{code}":      k.savePurpose,
		"GET /parties/{id}/keys":                  k.keys,
		"POST /parties/{id}/keys":                 k.addKey,
		"POST /parties/{id}/keys/retire":          k.retireKey,
		"POST /parties/{id}/keys/secret":          k.rotate,
		"GET /parties/{id}/trial":                 k.trial,
		"POST /parties/{id}/trial":                k.openTrial,
		"POST /parties/{id}/trial/statements":     k.makeStatement,
		"POST /parties/{id}/trial/statements/end": k.endStatement,
		"GET /parties/{id}/trial/{exchange}":      k.exchange,
		"GET /parties/{id}/staff":                 k.staff,
		"GET /parties/{id}/staff/{deed}":          func(c *call) { http.Redirect(c.w, c.r, c.path("/staff"), http.StatusSeeOther) }, // read again, or in the other language
		"POST /parties/{id}/staff/invite":         k.invite,
		"POST /parties/{id}/staff/cancel":         k.cancel,
		"POST /parties/{id}/staff/remove":         k.remove,
		"GET /parties/{id}/events":                k.events,
		"POST /parties/{id}/events/{deed}":        k.doEvents,
		"GET /parties/{id}/log":                   k.log,
		"GET /parties/{id}/print":                 k.print,
		"GET /parties/{id}/document":              k.document,
		"GET /parties/{id}/submit":                k.asksSubmit,
		"POST /parties/{id}/submit":               k.submit,
		"POST /parties/{id}/withdraw":             k.withdraw,
		"POST /parties/{id}/narrow":               k.narrow,
	} {
		mux.HandleFunc(pattern, guard.Signed(func(w http.ResponseWriter, r *http.Request, v session.Visitor) {
			by := v.Actor()
			f, err := k.Desk.Find(r.Context(), by, partner.PartyID(strings.ToUpper(r.PathValue("id"))))
			if err != nil {
				k.j.Fail(w, r, err)
				return
			}
			c := &call{w: w, r: r, who: v, by: by, file: f, form: page.FormFrom(r)}
			if c.sure, err = guard.Sure(r.Context(), v); err != nil {
				k.j.Fail(w, r, err)
				return
			}
			// A trial, which nobody but the staff can use, begins without.
			if !c.sure && slices.Contains(guarded, pattern) && !(onTrial(c) && (strings.HasPrefix(pattern, "POST /parties/{id}/keys") || strings.HasPrefix(pattern, "POST /parties/{id}/events"))) {
				guard.Unsure(w, r, c.path(map[string]string{"keys": "/keys", "staff": "/staff", "submit": "/submit", "events": "/events"}[strings.Split(pattern, "/")[3]]), "clients")
				return
			}
			h(c)
		}))
	}
}

// path is an address of the party's.
func (c *call) path(more string) string { return "/parties/" + string(c.file.ID) + more }

// view is the frame of a party's page.
func (k *journey) view(c *call, title string) page.View {
	return page.View{Layout: page.Desk, Wide: true, Title: title, Task: "party.task", Meta: page.Raw(c.file.ID), Args: map[string]string{"organisation": c.file.Name, "party": string(c.file.ID)},
		Nav: "clients", Form: c.form}
}

// tabs are the pages of a party.
type tab struct {
	Href, Text, Icon string
	Now              bool
}

func (k *journey) render(c *call, status int, name, title string, data map[string]any) {
	var tabs []tab
	all := []tab{{"", "party.tab.overview", "file", false}, {"/profile", "party.tab.profile", "edit", false}, {"/purposes", "party.tab.purposes", "idcard", false}, {"/keys", "party.tab.keys", "key", false},
		{"/trial", "party.tab.trial", "plug", false}, {"/events", "party.tab.events", "bell", false}, {"/staff", "party.tab.staff", "users", false}, {"/log", "party.tab.log", "eye", false}}
	if k.Notices == nil {
		all = slices.DeleteFunc(all, func(t tab) bool { return t.Href == "/events" })
	}
	for _, t := range all {
		here, _, _ := strings.Cut(strings.TrimPrefix(c.r.URL.Path, c.path("")), "?")
		t.Now = t.Href == here || t.Href != "" && strings.HasPrefix(here, t.Href+"/")
		t.Href = c.path(t.Href)
		tabs = append(tabs, t)
	}
	data["Tabs"], data["File"], data["Path"], data["Stage"] = tabs, c.file, c.path(""), k.stage(c)
	data["MayEdit"], data["MayKeys"], data["MayStaff"] = admission.May(c.file.Roles, "edit"), admission.May(c.file.Roles, "keys"), admission.May(c.file.Roles, "staff")
	data["Banner"] = k.ends(c)
	if !c.sure {
		data["Unsure"] = session.SureAt(c.r.URL.RequestURI())
	}
	v := k.view(c, title)
	v.Data = data
	k.j.Render(c.w, c.r, status, name, v)
}

// stage says how far a party has come: trial, asking for production, production.
type stage struct {
	Key, State string
	Args       map[string]string
	At         time.Time
}

func (k *journey) stage(c *call) []stage {
	f, now := c.file, k.Clock.Now()
	out := []stage{{Key: "trial", State: "later"}, {Key: "asking", State: "later"}, {Key: "live", State: "later"}}
	if !f.TrialAt.IsZero() {
		out[0].State, out[0].At = "done", f.TrialAt
	}
	if f.Current != nil && f.Current.State.Open() {
		out[1].Key, out[1].State, out[1].At = "asking."+string(f.Current.State), "now", f.Current.DueAt
	} else if !f.Live(now) && !f.Report.OK() {
		out[1].Key, out[1].Args = "asking.errors", map[string]string{"n": itoa(f.Report.Count(lint.Error))}
	} else if f.Live(now) {
		out[1].State, out[1].Key = "done", "asking.done"
	}
	if f.Live(now) {
		out[2].State, out[2].At = "done", f.ApprovedUntil
	}
	return out
}

// ending is a credential that has ended or soon will.
type ending struct {
	partner.Credential
	Trial bool
	Over  bool
	Days  int
}

func (k *journey) ends(c *call) []ending {
	var out []ending
	now := k.Clock.Now()
	add := func(keys admission.Keys, method string, trial bool) {
		for _, x := range keys.Credentials(method) {
			if x.ID != partner.SecretFormer && !x.Until.IsZero() && x.Until.Before(now.AddDate(0, 0, 30)) {
				out = append(out, ending{x, trial, !now.Before(x.Until), days(x.Until.Sub(now))})
			}
		}
	}
	if c.file.Live(now) {
		add(c.file.LiveKeys, approvedMethod(c.file), false)
	}
	return out
}

func days(d time.Duration) int { return max(0, int(d/(24*time.Hour))) }

func approvedMethod(f admission.File) string { return f.ApprovedDocument().AuthMethod }

func (k *journey) list(w http.ResponseWriter, r *http.Request, v session.Visitor) {
	by := v.Actor()
	type mine struct {
		partner.Party
		Roles []partner.Role
	}
	var parties []mine
	list, err := k.Partners.MembershipsOf(r.Context(), by.Account, k.Clock.Now())
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	for _, m := range list {
		if n := len(parties); n > 0 && parties[n-1].ID == m.Party {
			parties[n-1].Roles = append(parties[n-1].Roles, m.Role)
			continue
		}
		p, err := k.Partners.FindParty(r.Context(), m.Party)
		if err != nil {
			k.j.Fail(w, r, err)
			return
		}
		parties = append(parties, mine{p, []partner.Role{m.Role}})
	}
	var free []organisation.Organisation
	asked, err := k.Desk.ListAsked(r.Context(), by)
	if err == nil && v.Level >= 2 {
		var orgs []organisation.Representation
		if orgs, err = k.Desk.ListRepresented(r.Context(), by); err == nil {
			for _, o := range orgs {
				if o.Organisation.Status == organisation.Active && !slices.ContainsFunc(parties, func(m mine) bool { return m.Number == o.Organisation.Number.String() }) {
					free = append(free, o.Organisation)
				}
			}
		}
	}
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	k.j.Render(w, r, http.StatusOK, "list", page.View{Layout: page.Desk, Title: "party.list", Lede: "party.list.lede", Nav: "clients",
		Data: map[string]any{"Parties": parties, "Asked": asked, "Free": free, "Standing": v.Standing, "Level": v.Level, "Issuer": k.Issuer, "Now": k.Clock.Now()}})
}

func (k *journey) open(w http.ResponseWriter, r *http.Request, v session.Visitor) {
	org, err := organisation.ParseID(page.FormFrom(r).Value("organisation"))
	if err != nil {
		k.j.Fail(w, r, fault.New(fault.NotFound, "partner.not_representative"))
		return
	}
	p, err := k.Desk.Open(r.Context(), v.Actor(), org, v.Name)
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	k.site.Flash(w, "ok", "party.opened")
	http.Redirect(w, r, "/parties/"+string(p)+"/profile", http.StatusSeeOther)
}

// cell is what a purpose asks of one field.
type cell struct {
	Mode ground.Mode
	Bad  bool // the ground does not carry it
}

type matrixRow struct {
	Field ground.Field
	Cells []cell
}

// matrix is the table of fields by purposes. Every field that can be had is in
// it, also those that nobody asks for.
func matrix(d lint.Document, report lint.Report) []matrixRow {
	var out []matrixRow
	for _, f := range ground.Fields {
		row := matrixRow{Field: f}
		asked := false
		for i, p := range d.Purposes {
			c := cell{Mode: p.Fields[f.Name]}
			asked = asked || c.Mode != ""
			for _, x := range report.Findings {
				c.Bad = c.Bad || x.Severity == lint.Error && x.Path == "purposes."+itoa(i)+".fields."+f.Name
			}
			row.Cells = append(row.Cells, c)
		}
		if f.Scope != "" || asked {
			out = append(out, row)
		}
	}
	return out
}

// finding is one of the checker's in the reader's language.
type finding struct {
	Line       int
	Error      bool
	What, Mend string
}

func findings(lang string, r lint.Report) []finding {
	var out []finding
	for _, f := range r.Findings {
		what, mend := f.Words(lang)
		out = append(out, finding{f.Line, f.Severity == lint.Error, what, mend})
	}
	return out
}

// excerpt are the lines of the document that findings are about, with one line
// around them.
type line struct {
	N    int
	Text string
	Kind string // "error", "warning", ""
}

func excerpt(text []byte, r lint.Report) []line {
	all := strings.Split(string(text), "\n")
	kind := map[int]string{}
	for _, f := range r.Findings {
		if f.Line > 0 && kind[f.Line] != "error" {
			kind[f.Line] = string(f.Severity)
		}
	}
	var out []line
	for i, s := range all {
		if n := i + 1; kind[n] != "" || kind[n-1] != "" && i > 0 || kind[n+1] != "" {
			out = append(out, line{n, s, kind[n]})
		}
	}
	if len(out) > 14 {
		out = out[:14]
	}
	return out
}

func (k *journey) overview(c *call) {
	f := c.file
	data := map[string]any{"Matrix": matrix(f.Doc, f.Report), "Findings": findings(page.Language(c.r), f.Report), "Excerpt": excerpt(f.Draft, f.Report),
		"Errors": f.Report.Count(lint.Error), "Warnings": f.Report.Count(lint.Warning), "Passed": len(f.Report.Passed), "PassedRules": f.Report.Passed,
		"Keys": k.credentials(c, false), "Counts": k.counts(c), "Narrowing": f.Live(k.Clock.Now()) && lint.Narrowing(f.Changes), "Changes": f.Changes,
		"Open": f.Current != nil && f.Current.State.Open() && f.Current.State != admission.Supplement, "Live": f.Live(k.Clock.Now())}
	k.render(c, http.StatusOK, "overview", "party.title", data)
}

// counts sums the trial's last seven days.
func (k *journey) counts(c *call) *tally {
	if k.Inspector == nil || c.file.TrialAt.IsZero() {
		return nil
	}
	clients, err := k.trialClients(c)
	if err != nil {
		return nil
	}
	var list []inspect.Exchange
	for _, id := range clients {
		more, err := k.Inspector.List(c.r.Context(), id, false, 5000)
		if err != nil {
			return nil
		}
		list = append(list, more...)
	}
	t := &tally{}
	for _, x := range list {
		t.Calls++
		switch {
		case x.Error == "access_denied":
			t.Declined++
		case x.Error == "invalid_client":
			t.Unproved++
		case x.Error != "" || x.Status >= 400:
			t.Refused++
		}
	}
	return t
}

// tally is what a trial did in a week, and nothing about anybody.
type tally struct{ Calls, Unproved, Refused, Declined int }

func (k *journey) asked(w http.ResponseWriter, r *http.Request, v session.Visitor) {
	k.showAsked(w, r, v, http.StatusOK, &page.Form{})
}

func (k *journey) showAsked(w http.ResponseWriter, r *http.Request, v session.Visitor, status int, f *page.Form) {
	a, agreed, err := k.Desk.FindAsked(r.Context(), v.Actor(), r.PathValue("code"))
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	d := a.Document()
	report := lint.Report{Document: d}
	mine := slices.ContainsFunc(agreed, func(x admission.Agreement) bool { return x.Mine && !x.At.IsZero() })
	k.j.Render(w, r, status, "agree", page.View{Layout: page.Desk, Wide: true, Title: "party.agree.title", Args: map[string]string{"organisation": a.Organisation}, Task: "party.agree.task", Meta: page.Raw(a.Code), Back: "/clients", Nav: "clients", Form: f,
		Data: map[string]any{"Asked": a, "Doc": d, "Matrix": matrix(d, report), "Agreed": agreed, "Hash": hexText(a.Hash), "Mine": mine, "Open": a.State == admission.Agreeing}})
}

func (k *journey) agree(w http.ResponseWriter, r *http.Request, v session.Visitor) {
	f := page.FormFrom(r)
	if sure, err := k.guard.Sure(r.Context(), v); err != nil || !sure {
		if err != nil {
			k.j.Fail(w, r, err)
			return
		}
		k.guard.Unsure(w, r, "/agreements/"+url.PathEscape(r.PathValue("code")), "clients")
		return
	}
	if !f.Has("read", "yes") {
		f.Add("read", "party.agree.tick")
		k.showAsked(w, r, v, http.StatusUnprocessableEntity, f)
		return
	}
	if err := k.Desk.Agree(r.Context(), v.Actor(), r.PathValue("code"), unhex(f.Value("hash"))); err != nil {
		k.j.Fail(w, r, err)
		return
	}
	k.site.Flash(w, "ok", "party.agree.done")
	http.Redirect(w, r, "/agreements/"+r.PathValue("code"), http.StatusSeeOther)
}

func (k *journey) asksSubmit(c *call) {
	k.render(c, http.StatusOK, "submit", "party.submit.title", map[string]any{"Ready": c.file.Report.OK(), "Errors": c.file.Report.Count(lint.Error), "Again": len(c.file.Approved) > 0, "Changes": c.file.Changes,
		"NoKeys": len(k.credentials(c, false)) == 0 && !elsewhere(c)})
}

func (k *journey) submit(c *call) {
	if !c.form.Has("true", "yes") {
		c.form.Add("true", "party.submit.tick")
		c.r.Method = http.MethodGet
		k.render(c, http.StatusUnprocessableEntity, "submit", "party.submit.title", map[string]any{"Ready": c.file.Report.OK(), "Errors": c.file.Report.Count(lint.Error), "Again": len(c.file.Approved) > 0, "Changes": c.file.Changes, "NoKeys": false})
		return
	}
	code, err := k.Desk.Submit(c.r.Context(), c.by, c.file.ID)
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	k.site.Flash(c.w, "ok", "party.submitted")
	http.Redirect(c.w, c.r, c.path("/print")+"?code="+code, http.StatusSeeOther)
}

func (k *journey) withdraw(c *call) {
	k.after(c, k.Desk.Withdraw(c.r.Context(), c.by, c.file.ID), "party.withdrawn", "")
}

func (k *journey) narrow(c *call) {
	k.after(c, k.Desk.Narrow(c.r.Context(), c.by, c.file.ID), "party.narrowed", "")
}

// after leads on when something was done, and shows why when it was not.
func (k *journey) after(c *call, err error, done, to string) {
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	k.site.Flash(c.w, "ok", done)
	http.Redirect(c.w, c.r, c.path(to), http.StatusSeeOther)
}

// print is the application on paper, with its receipt.
func (k *journey) print(c *call) {
	d := c.file.Doc
	if a := c.file.Current; a != nil {
		d = a.Document()
	}
	v := page.View{Layout: page.Print, Title: "party.print.title", Args: map[string]string{"organisation": c.file.Name}, Back: c.path(""), BackTo: "party.title"}
	v.Data = map[string]any{"File": c.file, "Doc": d, "Matrix": matrix(d, lint.Report{}), "Current": c.file.Current}
	k.j.Render(c.w, c.r, http.StatusOK, "print", v)
}

// document is the draft as danh partner check reads it.
func (k *journey) document(c *call) {
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.w.Header().Set("Content-Disposition", `attachment; filename="`+strings.ToLower(string(c.file.ID))+`.json"`)
	_, _ = c.w.Write(append(c.file.Draft, '\n'))
}
