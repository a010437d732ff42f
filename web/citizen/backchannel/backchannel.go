// SPDX-License-Identifier: Apache-2.0

// Package backchannel is where she answers a partner that asks her without her
// browser: who asks and for what, each fact with its value, the words and the
// number on the partner's own screen; and where she says who may not ask her.
//
// The number is never told but stands among two others, so that nobody says yes
// without looking at the partner's screen. No and "it was not me" are as large as
// each other, nothing is ticked beforehand, and a yes is signed on the page of
// approvals. All of it works without a script but the signature.
package backchannel

import (
	"cmp"
	"embed"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"danh/account"
	"danh/account/approval"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/partner"
	"danh/partner/ground"
	"danh/provider"
	"danh/provider/ciba"
	"danh/provider/detail"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the journey stands on.
type Config struct {
	Desk     *ciba.Desk
	Provider *provider.Provider
	Accounts *account.Keeper
	Guard    *session.Guard
}

type journey struct {
	Config
	site *page.Site
	j    *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site, site.Journey(files)}
	for pattern, h := range map[string]http.HandlerFunc{"GET /asked": d.list, "POST /asked/stop": d.stop, "POST /asked/allow": d.allow, "GET /asked/{id}": d.show, "POST /asked/{id}": d.answer} {
		mux.Handle(pattern, session.Require(h))
	}
}

// item is a request in the list.
type item struct {
	ciba.Request
	Name string
	Stop bool // it stands first of its partner, which may still ask
}

// barred is a partner that may not ask.
type barred struct {
	ciba.Unasked
	Name string
}

func (d *journey) name(r *http.Request, c partner.ID) string {
	if n := d.Provider.PartnerName(r.Context(), string(c), page.Language(r)); n != "" {
		return n
	}
	return d.j.Say(page.Language(r), "asked.gone", nil)
}

func (d *journey) list(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	all, err := d.Desk.List(r.Context(), s)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	bars, err := d.Desk.ListUnasked(r.Context(), s)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	var stopped []barred
	open, named := true, map[partner.ID]bool{}
	for _, b := range bars {
		named[b.Client] = named[b.Client] || b.Until.IsZero()
		if b.Client == ciba.Everybody {
			open = false
			continue
		}
		stopped = append(stopped, barred{b, d.name(r, b.Client)})
	}
	var waiting, past []item
	for _, q := range all {
		it := item{q, d.name(r, q.Client), !named[q.Client]}
		if q.State == ciba.Asked || q.State == ciba.Picked {
			waiting = append(waiting, it)
			continue
		}
		past, named[q.Client] = append(past, it), true
	}
	d.j.Render(w, r, http.StatusOK, "list", page.View{Title: "asked.title", Lede: "asked.lede", Task: "asked.task", Back: "/",
		Data: map[string]any{"Waiting": waiting, "Past": past, "Stopped": stopped, "Open": open}})
}

func (d *journey) stop(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	d.changed(w, r, d.Desk.Stop(r.Context(), s, partner.ID(page.FormFrom(r).Value("client"))), "asked.stopped")
}

func (d *journey) allow(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	d.changed(w, r, d.Desk.Allow(r.Context(), s, partner.ID(page.FormFrom(r).Value("client"))), "asked.allowed")
}

func (d *journey) changed(w http.ResponseWriter, r *http.Request, err error, done string) {
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.site.Flash(w, "ok", done)
	http.Redirect(w, r, "/asked", http.StatusSeeOther)
}

func (d *journey) id(w http.ResponseWriter, r *http.Request) (ciba.ID, bool) {
	which, err := ciba.ParseID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "backchannel.gone"))
	}
	return which, err == nil
}

// line is one fact as the page shows it.
type line struct {
	provider.Line
	Label string // a text key
	Name  string // of the box, when it is optional
	Shown string
}

func (d *journey) lines(language string, all []provider.Line, optional bool) []line {
	var out []line
	for _, l := range all {
		if l.Optional != optional {
			continue
		}
		v := line{Line: l, Label: "approval.field." + string(l.Field), Name: "take." + string(l.Field), Shown: l.Value}
		v.Ground = ground.Name(l.Ground).In(language)
		if l.Words.VI != "" {
			v.Shown = l.Words.In(language)
		}
		if v.Shown == "" {
			v.Shown = d.j.Say(language, "asked.none", nil)
		}
		out = append(out, v)
	}
	return out
}

// asked is the page of a request.
type asked struct {
	ciba.Request
	Name     string
	Question provider.Question
	Purpose  string
	Required []line
	Optional []line
	Kept     []string
	Offline  string
	Code     string // of the purpose; "" when the request names none
	Ground   string
	Short    *account.Ways // what she could sign a yes by, when it is not enough
	Ends     time.Time
	Keep     string
	Given    string
	Rights   string
	Deeds    []deed
}

// deed is what the partner would do, as the page shows it.
type deed struct {
	detail.Shown
	Money string
}

func (d *journey) show(w http.ResponseWriter, r *http.Request) {
	which, ok := d.id(w, r)
	if !ok {
		return
	}
	s, _ := session.From(r.Context())
	query := r.URL.Query()
	// She comes back from the page that took her proof. What follows from it was her
	// answer there: a second look does nothing more.
	if query.Has("approval") {
		by, err := approval.ParseID(query.Get("approval"))
		if err != nil {
			err = fault.New(fault.NotFound, "backchannel.gone")
		} else {
			err = d.Desk.Approve(r.Context(), s, which, query.Get("in"), by)
		}
		if ft := fault.Of(err); err != nil && (ft == nil || ft.Key != "backchannel.over") {
			d.j.Fail(w, r, err)
			return
		}
		http.Redirect(w, r, "/asked/"+which.String(), http.StatusSeeOther)
		return
	}
	q, err := d.Desk.Find(r.Context(), s, which)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	v := asked{Request: q, Name: d.name(r, q.Client)}
	switch {
	case q.State == ciba.Asked || q.State == ciba.Picked:
		d.ask(w, r, http.StatusOK, v, "")
	case q.State == ciba.Approved, q.State == ciba.Used:
		d.j.Render(w, r, http.StatusOK, "done", page.View{Task: "asked.task", Title: "asked.done", Lede: "asked.done.lede", Back: "/asked", Data: v})
	default:
		d.j.Render(w, r, http.StatusOK, "ended", page.View{Task: "asked.task", Title: "asked.ended." + string(q.State), Lede: "asked.ended." + string(q.State) + ".lede", Back: "/asked", Data: v})
	}
}

func (d *journey) ask(w http.ResponseWriter, r *http.Request, status int, v asked, problem string) {
	s, _ := session.From(r.Context())
	language := page.Language(r)
	q, err := d.Desk.Question(r.Context(), s, v.ID, language)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	v.Question, v.Purpose = q, q.Purpose.In(language)
	v.Required, v.Optional = d.lines(language, q.Lines, false), d.lines(language, q.Lines, true)
	for _, l := range q.Kept {
		v.Kept = append(v.Kept, d.j.Say(language, "approval.field."+string(l.Field), nil))
	}
	v.Code, v.Ground, v.Keep, v.Rights = q.Client.Only.Code, ground.Name(q.Ground).In(language), q.Keep.In(language), q.Rights.In(language)
	for _, s := range q.Details {
		v.Deeds = append(v.Deeds, deed{s, approval.Dong(s.Amount)})
	}
	var given []string
	for _, g := range q.Given {
		given = append(given, g.In(language))
	}
	v.Given = strings.Join(given, ", ")
	if q.Offline {
		v.Offline = q.OfflineWhy.In(language)
	}
	// Every yes from afar is signed, that to the personal number or to a payment
	// perhaps by more.
	ways, err := d.Accounts.ProofWays(r.Context(), s, cmp.Or(q.Signs, ciba.Journey), d.Guard.Remote(w, r))
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	if v.Ends = v.ExpiresAt; !ways.Enough {
		v.Short = &ways
	}
	name, title := "ask", "asked.who"
	if v.State == ciba.Picked {
		name = "sign"
	}
	p := page.View{Task: "asked.task", Title: title, Args: map[string]string{"partner": v.Name}, Meta: page.Raw(v.AskedAt.In(clock.Vietnam).Format("15:04")), Back: "/asked", Form: &page.Form{}, Data: v}
	if problem != "" {
		p.Notice = &page.Notice{Kind: "warn", Title: problem}
	}
	d.j.Render(w, r, status, name, p)
}

// prove leads to the page that shows what she signs and takes her proof.
func (d *journey) prove(w http.ResponseWriter, r *http.Request, which ciba.ID) error {
	s, _ := session.From(r.Context())
	in := page.Language(r)
	a, err := d.Desk.AskApproval(r.Context(), s, which, in, "/asked/"+which.String()+"?in="+in)
	if err == nil {
		http.Redirect(w, r, "/approve/"+a.String(), http.StatusSeeOther)
	}
	return err
}

// ticks reads which optional facts she ticked.
func ticks(v url.Values) []provider.Field {
	var out []provider.Field
	for k, list := range v {
		if f, ok := strings.CutPrefix(k, "take."); ok && slices.Contains(provider.Fields, provider.Field(f)) && slices.Contains(list, "yes") {
			out = append(out, provider.Field(f))
		}
	}
	slices.Sort(out)
	return out
}

func (d *journey) answer(w http.ResponseWriter, r *http.Request) {
	which, ok := d.id(w, r)
	if !ok {
		return
	}
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	var err error
	switch answer := f.Value("answer"); answer {
	case "no":
		err = d.Desk.Refuse(r.Context(), s, which)
	case "report":
		err = d.Desk.Report(r.Context(), s, which)
	case "yes":
		if err = d.prove(w, r, which); err == nil {
			return
		}
	default:
		n, bad := strconv.Atoi(answer)
		if bad != nil {
			d.j.Fail(w, r, fault.New(fault.Invalid, "problem.form"))
			return
		}
		if err = d.Desk.Pick(r.Context(), s, which, n, f.Value("seen"), ticks(r.PostForm)); err == nil {
			if err = d.prove(w, r, which); err == nil {
				return
			}
		}
	}
	ft := fault.Of(err)
	switch {
	case err == nil, ft != nil && (ft.Key == "backchannel.wrong" || ft.Key == "backchannel.over"):
		// Whatever came of it stands on the page that follows.
		http.Redirect(w, r, "/asked/"+which.String(), http.StatusSeeOther)
	case ft != nil && ft.Key == "backchannel.changed":
		q, err := d.Desk.Find(r.Context(), s, which)
		if err != nil {
			d.j.Fail(w, r, err)
			return
		}
		d.ask(w, r, http.StatusConflict, asked{Request: q, Name: d.name(r, q.Client)}, "backchannel.changed")
	default:
		d.j.Fail(w, r, err)
	}
}
