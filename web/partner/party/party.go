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
	"slices"
	"strings"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/page"
	"danh/partner"
	"danh/partner/admission"
	"danh/provider/inspect"
	"danh/provider/notice"
	"danh/provider/register"
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

// after leads on when something was done, and shows why when it was not.
func (k *journey) after(c *call, err error, done, to string) {
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	k.site.Flash(c.w, "ok", done)
	http.Redirect(c.w, c.r, c.path(to), http.StatusSeeOther)
}
