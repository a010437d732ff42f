// SPDX-License-Identifier: Apache-2.0

// Package dossier owns the officers' pages of enrolment: the queue, the tasks of
// a dossier at the counter, the page that is turned to the citizen, the second
// officer's decision and the handing over of cards.
//
// The queue shows four digits of a number. A dossier is shown whole only to
// those whom the room lets find it, with the purpose above every page, and the
// look is in the log where the citizen sees it. Every task is a plain form that
// works without scripts; scripts only keep unsaved words, draw a signature and
// move the focus. The pages decide nothing: whatever they send is judged by the
// room, and a step that is sent twice is taken once.
package dossier

import (
	"embed"
	"html/template"
	"net/http"

	"danh/audit"
	"danh/biometric"
	"danh/enrolment"
	"danh/enrolment/counter"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the journey stands on.
type Config struct {
	Office   *enrolment.Office
	Visits   *visit.Desk
	Counters *counter.Desk // nil: no reader is paired with this door
	Clock    clock.Clock
}

type desk struct {
	Config
	rules   biometric.Policies
	journey *page.Journey
	site    *page.Site
}

// Mount puts the journey on the door.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, c Config) error {
	rules, err := biometric.LoadPolicies()
	if err != nil {
		return err
	}
	k := &desk{Config: c, rules: rules, journey: site.Journey(files), site: site}
	staff := func(next func(http.ResponseWriter, *http.Request, audit.Actor)) http.HandlerFunc {
		return guard.RequireAny(next, office.IntakeOfficer, office.Approver)
	}
	mux.HandleFunc("GET /dossiers", staff(k.list))
	mux.HandleFunc("GET /visits/{id}/dossiers", staff(k.askKind))
	mux.HandleFunc("POST /visits/{id}/dossiers", staff(k.open))
	mux.HandleFunc("GET /dossiers/{id}", staff(k.show))
	mux.HandleFunc("GET /dossiers/{id}/receipt", staff(k.receipt))
	mux.HandleFunc("GET /dossiers/{id}/forms/{name}", staff(k.form))
	mux.HandleFunc("GET /dossiers/{id}/papers/{paper}/photo", staff(k.paperPhoto))
	mux.HandleFunc("GET /dossiers/{id}/signatures/{form}/{role}", staff(k.signature))
	for _, p := range parts {
		mux.HandleFunc("GET /dossiers/{id}/"+p.Name, staff(k.part(p.Name)))
	}
	for name, s := range map[string]step{
		"applicant": {"applicant", 0, k.saveApplicant}, "resolve": {"applicant", 0, k.resolve}, "contact": {"contact", 0, k.saveContact}, "code": {"contact", 0, k.confirmPhone},
		"papers": {"papers", oneFile, k.addPaper}, "papers/act": {"papers", 0, k.actOnPaper}, "dependants": {"dependants", 0, k.addDependant}, "dependants/remove": {"dependants", 0, k.removeDependant},
		"portrait": {"portrait", oneFile, k.putPortrait}, "fingers": {"fingers", tenFiles, k.putFingers}, "match": {"match", 0, k.match}, "face": {"face", 0, k.concludeFace},
		"card": {"card", 0, k.setCard}, "review": {"review", 0, k.reviewed}, "sign": {"sign", oneFile, k.sign}, "handin": {"handin", 0, k.handIn},
		"withdraw": {"handin", 0, k.withdraw}, "approve": {"", 0, k.approve}, "supplement": {"", 0, k.askSupplement}, "refuse": {"", 0, k.refuse}, "redraw": {"", 0, k.redraw}, "takeup": {"", 0, k.takeUp}, "original": {"", 0, k.askOriginal}, "settle": {"", 0, k.settle}, "pass": {"", 0, k.handIn}, "handover": {"", 0, k.handOver},
	} {
		mux.HandleFunc("POST /dossiers/{id}/"+name, staff(k.take(s)))
	}
	return nil
}

// call is a request about one dossier.
type call struct {
	w    http.ResponseWriter
	r    *http.Request
	by   audit.Actor
	id   enrolment.DossierID
	d    enrolment.Dossier // once it was found
	form *page.Form
	say  string // flash of the next page
}

func (k *desk) find(c *call) error {
	var err error
	c.d, err = k.Office.Find(c.r.Context(), c.by, c.id)
	return err
}

func (k *desk) begin(w http.ResponseWriter, r *http.Request, by audit.Actor) (*call, error) {
	c := &call{w: w, r: r, by: by, form: &page.Form{}}
	var err error
	if c.id, err = enrolment.ParseDossierID(r.PathValue("id")); err != nil {
		return nil, fault.New(fault.NotFound, "enrolment.dossier.not_found")
	}
	return c, nil
}

// part shows a task of a dossier that is still at the counter; of any other
// the page is the dossier itself.
func (k *desk) part(name string) func(http.ResponseWriter, *http.Request, audit.Actor) {
	return func(w http.ResponseWriter, r *http.Request, by audit.Actor) {
		c, err := k.begin(w, r, by)
		if err == nil {
			err = k.find(c)
		}
		if err != nil {
			k.journey.Fail(w, r, err)
			return
		}
		c.form = page.FormFrom(r)
		k.showPart(c, name, http.StatusOK)
	}
}

func (k *desk) showPart(c *call, name string, status int) {
	if !working(c.d) {
		if status != http.StatusOK {
			k.showWhole(c, status)
			return
		}
		http.Redirect(c.w, c.r, path(c.id, ""), http.StatusSeeOther)
		return
	}
	for _, p := range plan(c.d) {
		if p.Name == name && !p.Here {
			k.journey.Fail(c.w, c.r, fault.New(fault.NotFound, "dossier.no_part"))
			return
		}
	}
	shows := map[string]func(*call, int){
		"applicant": k.showApplicant, "contact": k.showContact, "papers": k.showPapers, "dependants": k.showDependants, "portrait": k.showPortrait, "fingers": k.showFingers,
		"match": k.showMatch, "face": k.showFace, "card": k.showCard, "review": k.showReview, "sign": k.showSign, "handin": k.showHandIn,
	}
	shows[name](c, status)
}

// working reports whether its intake officer may still change it.
func working(d enrolment.Dossier) bool {
	return d.Mine == "intake" && (d.State == enrolment.Draft || d.State == enrolment.Supplement)
}

// step is what a posted form does, and the page that it stands on.
type step struct {
	part  string // "" for the dossier's own page
	limit int64  // of uploads; 0 for a form without
	do    func(c *call) (next string, err error)
}

// ours are the fields of the forms that the room calls otherwise.
var ours = map[string]map[string]string{
	"papers":     {"number": "paper_number", "for": "use"},
	"dependants": {"name": "dependant_name", "number": "dependant_number", "birth": "dependant_birth"},
	"fingers":    {"finger": "print"},
	"card":       {"receipt": "receipt_number"},
	"applicant":  {"document": "document_number", "number": ""},
}

// take takes a step: it leads on, or shows the page again with what is wrong.
func (k *desk) take(s step) func(http.ResponseWriter, *http.Request, audit.Actor) {
	return func(w http.ResponseWriter, r *http.Request, by audit.Actor) {
		c, err := k.begin(w, r, by)
		if err != nil {
			k.journey.Fail(w, r, err)
			return
		}
		if s.limit > 0 {
			readFiles(r, s.limit)
		}
		c.form = page.FormFrom(r)
		to := ""
		if c.form.OK() {
			to, err = s.do(c)
		}
		if err == nil && c.form.OK() {
			if c.say != "" && to != path(c.id, "review") { // the page that is turned to her says nothing to the officer
				k.site.Flash(w, "ok", c.say)
			}
			http.Redirect(w, r, to, http.StatusSeeOther)
			return
		}
		status := http.StatusUnprocessableEntity
		if err != nil {
			if !c.form.FromFault(err) {
				k.journey.Fail(w, r, err)
				return
			}
			status = fault.Status(err)
			for i, p := range c.form.Problems {
				if name, ok := ours[s.part][p.Field]; ok {
					c.form.Problems[i].Field = name
				}
			}
		}
		if err := k.find(c); err != nil {
			k.journey.Fail(w, r, err)
			return
		}
		if s.part == "" {
			k.showWhole(c, status)
			return
		}
		k.showPart(c, s.part, status)
	}
}

// view is the frame of a dossier's page.
func (k *desk) view(c *call, now string) page.View {
	v := page.View{Layout: page.Desk, Wide: true, Task: page.Raw(k.kind(c) + " · " + c.d.Code), Title: "dossier.part." + now, Back: "/dossiers", BackTo: "dossier.back", Nav: "dossiers", Form: c.form}
	if now == "" {
		v.Title = page.Raw(k.name(c))
	}
	return v
}

func (k *desk) kind(c *call) string {
	return k.journey.Say(page.Language(c.r), "dossier.kind."+string(c.d.Kind), nil)
}

// render shows a page of the dossier with everything that all of them show.
func (k *desk) render(c *call, status int, name string, v page.View, data map[string]any) {
	if data == nil {
		data = map[string]any{}
	}
	data["D"], data["Office"], data["Path"] = c.d, c.by.Name, path(c.id, "")
	data["Rail"], data["After"] = rail(c.d, name), path(c.id, next(c.d, name))
	data["Clock"] = k.due(c.d)
	data["Number"] = c.d.Applicant.Number.Reveal()
	data["Name"], data["Runs"] = k.name(c), runs(c.d)
	data["Purpose"] = k.kind(c)
	v.Data = data
	k.journey.Render(c.w, c.r, status, name, v)
}

// name is what she is called: as settled, and before that by no name.
func (k *desk) name(c *call) string {
	if n := c.d.Stated().Name; n != "" {
		return n
	}
	return k.say(c, "dossier.nameless")
}

// due is the dossier's clock: solid while it runs, dashed while it stands,
// dotted before it begins.
type due struct {
	Line, Tone, Text string
	Left             string
}

func (k *desk) due(d enrolment.Dossier) due {
	switch {
	case d.State == enrolment.Draft:
		return due{Line: "dotted", Tone: "quiet", Text: "dossier.clock.draft"}
	case d.State == enrolment.Supplement:
		return due{Line: "dashed", Tone: "warn", Text: "dossier.clock.stopped"}
	case !runs(d):
		return due{Line: "solid", Tone: "ok", Text: "dossier.state." + string(d.State)}
	case d.Late:
		return due{Line: "solid", Tone: "danger", Text: "dossier.clock.late"}
	case clock.DateOf(d.DueAt) == clock.DateOf(k.Config.Clock.Now()):
		return due{Line: "solid", Tone: "warn", Text: "dossier.clock.today"}
	}
	return due{Line: "solid", Tone: "info", Text: "dossier.clock.runs"}
}

// runs reports whether the dossier's clock runs.
func runs(d enrolment.Dossier) bool {
	return d.State == enrolment.Waiting || d.State == enrolment.Received || d.State == enrolment.Checking
}

// html marks a drawing of this package as safe: it is built from numbers and
// escaped words alone.
func html(s string) template.HTML { return template.HTML(s) }
