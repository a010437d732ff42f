// SPDX-License-Identifier: Apache-2.0

// Package remote is both ends of a sign-in by QR code: the computer's page with
// the code and a number, and the phone's pages that say what asks and take the
// number and her approval.
//
// The number is never on the phone's page but among two others, and the computer
// learns nothing but how far its own request is. Both ends say that a code which
// somebody sent is a fraud: it can be passed on, and no program can tell.
package remote

import (
	"context"
	"embed"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"danh/account"
	"danh/account/approval"
	"danh/account/remote"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/page"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the journey stands on.
type Config struct {
	Desk  *remote.Desk
	Guard *session.Guard
	Home  string // address of this door, for the code; a phone must reach it
	// Asker names who made a relying party's request. Nil: nobody but this door.
	Asker func(ctx context.Context, request string) remote.Service
}

type journey struct {
	Config
	j *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site.Journey(files)}
	mux.HandleFunc("GET /signin/qr", d.door)
	mux.HandleFunc("POST /signin/qr", d.ask)
	mux.HandleFunc("GET /signin/qr/{id}", d.computer)
	mux.HandleFunc("GET /signin/qr/{id}/state", d.state)
	mux.HandleFunc("POST /signin/qr/{id}", d.redeem)
	for pattern, h := range map[string]http.HandlerFunc{"GET /q": d.enter, "POST /q": d.entered, "GET /q/{code}": d.phone, "POST /q/{code}": d.answer} {
		mux.Handle(pattern, session.Require(h))
	}
}

// door leads whoever reloads or remembers the address to where it begins.
func (d *journey) door(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

// ask makes a request for this browser.
func (d *journey) ask(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	in := remote.Asking{Handle: f.Value("request"), Return: session.LocalPath(f.Value("return")), Remote: d.Guard.Remote(w, r)}
	if in.Handle != "" && d.Asker != nil {
		in.Service = d.Asker(r.Context(), in.Handle)
	}
	q, err := d.Desk.Ask(r.Context(), in)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/signin/qr/"+q.ID.String(), http.StatusSeeOther)
}

// shown is the computer's page.
type shown struct {
	remote.Request
	Link, Type string // what the code says, and where it can be typed
	Name       string // the service's
	Early      bool   // she pressed before the phone had approved
}

func (d *journey) own(r *http.Request) (remote.Request, error) {
	which, err := remote.ParseID(r.PathValue("id"))
	if err != nil {
		return remote.Request{}, fault.New(fault.NotFound, "remote.gone")
	}
	return d.Desk.FindOwn(r.Context(), which, d.Guard.Device(r))
}

func (d *journey) computer(w http.ResponseWriter, r *http.Request) {
	q, err := d.own(r)
	if fault.Is(err, fault.NotFound) {
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
		return
	}
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.show(w, r, http.StatusOK, q, false)
}

func (d *journey) show(w http.ResponseWriter, r *http.Request, status int, q remote.Request, early bool) {
	w.Header().Set("Cache-Control", "no-store")
	home := strings.TrimSuffix(d.Home, "/")
	_, host, _ := strings.Cut(home, "://")
	v := shown{Request: q, Link: home + "/q/" + q.Code, Type: host + "/q", Name: q.Service.In(page.Language(r)), Early: early}
	d.Guard.LetAnswer(w, r, q.Handle)
	p := page.View{Task: "remote.task", Title: "remote.title", Lede: "remote.lede", Back: back(q), Data: v}
	name := "computer"
	switch {
	case q.State == remote.Picked:
		p.Title, p.Lede = "remote.picked", "remote.picked.lede"
	case q.State == remote.Approved:
		p.Title, p.Lede = "remote.approved", "remote.approved.lede"
	case !q.Open():
		name = "over"
		p.Title, p.Lede = "remote.over."+string(q.State), "remote.over."+string(q.State)+".lede"
	}
	d.j.Render(w, r, status, name, p)
}

// back is the sign-in page as she left it.
func back(q remote.Request) string {
	v := url.Values{}
	if q.Handle != "" {
		v.Set("request", q.Handle)
	}
	if q.Return != "" {
		v.Set("return", q.Return)
	}
	if len(v) == 0 {
		return "/signin"
	}
	return "/signin?" + v.Encode()
}

// state tells the page's script how far the request is, and nothing else.
func (d *journey) state(w http.ResponseWriter, r *http.Request) {
	q, err := d.own(r)
	if err != nil && !fault.Is(err, fault.NotFound) {
		d.j.Fail(w, r, err)
		return
	}
	if err != nil {
		q.State = remote.Replaced
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]string{"state": string(q.State)})
}

// redeem signs this browser in, when the phone has approved.
func (d *journey) redeem(w http.ResponseWriter, r *http.Request) {
	which, err := remote.ParseID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "remote.gone"))
		return
	}
	t, s, q, err := d.Desk.Redeem(r.Context(), which, d.Guard.Remote(w, r), d.Guard.Token(r))
	if fault.Is(err, fault.NotFound) {
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
		return
	}
	if ft := fault.Of(err); ft != nil && (ft.Key == "remote.waiting" || ft.Key == "remote.over") {
		if q, err = d.own(r); err != nil {
			d.j.Fail(w, r, err)
			return
		}
		d.show(w, r, http.StatusConflict, q, ft.Key == "remote.waiting")
		return
	}
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.Guard.Set(w, t)
	to := q.Return
	if to == "" {
		to = "/"
	}
	if q.Handle != "" {
		to = "/authorize?request=" + url.QueryEscape(q.Handle)
	}
	if s.MustChangePassword {
		to = "/security/password?return=" + url.QueryEscape(to)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// enter is where a code is typed that could not be scanned.
func (d *journey) enter(w http.ResponseWriter, r *http.Request) {
	d.showEnter(w, r, http.StatusOK, &page.Form{})
}

func (d *journey) showEnter(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	d.j.Render(w, r, status, "enter", page.View{Task: "remote.phone.task", Title: "remote.enter", Lede: "remote.enter.lede", Back: "/scan", Form: f})
}

func (d *journey) entered(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	code, ok := id.ReadCode(f.Value("code"), remote.CodeLength)
	if !ok {
		f.Add("code", "remote.enter.form")
		d.showEnter(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	http.Redirect(w, r, "/q/"+code, http.StatusSeeOther)
}

// asked is the phone's page.
type asked struct {
	remote.Request
	Name  string
	Place string
}

func (d *journey) phone(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	code, query := r.PathValue("code"), r.URL.Query()
	// She comes back from the page that took her proof. What follows from it was
	// her answer there: a second look does nothing more.
	if query.Has("approval") {
		by, err := approval.ParseID(query.Get("approval"))
		if err != nil {
			err = fault.New(fault.NotFound, "remote.gone")
		} else {
			err = d.Desk.Approve(r.Context(), s, code, query.Get("in"), by)
		}
		if ft := fault.Of(err); err != nil && (ft == nil || ft.Key != "remote.over") {
			d.j.Fail(w, r, err)
			return
		}
		http.Redirect(w, r, "/q/"+url.PathEscape(code), http.StatusSeeOther)
		return
	}
	q, err := d.Desk.Find(r.Context(), s, code, d.Guard.Remote(w, r).Address)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	v := page.View{Task: "remote.phone.task", Title: "remote.phone", Lede: "remote.phone.lede", Back: "/", Data: asked{q, q.Service.In(page.Language(r)), q.Place.In(page.Language(r))}}
	name := "phone"
	switch {
	case q.State == remote.Picked:
		v.Title, v.Lede, name = "remote.approve", "remote.approve.lede", "approve"
	case q.State == remote.Approved, q.State == remote.Used:
		v.Title, v.Lede, name = "remote.done", "remote.done.lede", "done"
	case !q.Open():
		v.Title, v.Lede, name = "remote.ended."+string(q.State), "remote.ended."+string(q.State)+".lede", "ended"
	}
	d.j.Render(w, r, http.StatusOK, name, v)
}

// prove leads to the page that shows what she approves and takes her proof.
func (d *journey) prove(w http.ResponseWriter, r *http.Request, s account.Session, code string) error {
	in := page.Language(r)
	a, err := d.Desk.AskApproval(r.Context(), s, code, in, "/q/"+url.PathEscape(code)+"?in="+in)
	if err == nil {
		http.Redirect(w, r, "/approve/"+a.String(), http.StatusSeeOther)
	}
	return err
}

func (d *journey) answer(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	f, code, address := page.FormFrom(r), r.PathValue("code"), d.Guard.Remote(w, r).Address
	var err error
	switch answer := f.Value("answer"); answer {
	case "no":
		err = d.Desk.Refuse(r.Context(), s, code, address)
	case "yes":
		if err = d.prove(w, r, s, code); err == nil {
			return
		}
	default:
		n, bad := strconv.Atoi(answer)
		if bad != nil {
			d.j.Fail(w, r, fault.New(fault.Invalid, "problem.form"))
			return
		}
		if err = d.Desk.Pick(r.Context(), s, code, n, address); err == nil {
			if err = d.prove(w, r, s, code); err == nil {
				return
			}
		}
	}
	// Whatever came of it stands on the page that follows.
	if ft := fault.Of(err); err != nil && (ft == nil || ft.Key != "remote.wrong" && ft.Key != "remote.over") {
		d.j.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/q/"+url.PathEscape(code), http.StatusSeeOther)
}
