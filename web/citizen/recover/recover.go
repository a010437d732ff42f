// SPDX-License-Identifier: Apache-2.0

// Package recover is where somebody who lost what she signs in with gets her
// account back, and where whoever is told of such a request stops it.
//
// It refuses to say whether there is an account: every page is the same for a
// number that nobody has. Showing a page changes nothing; a link in a message
// stops with the button that it shows. Nothing secret is ever in an address
// but that link.
package recover

import (
	"embed"
	"net/http"
	"strings"
	"time"

	"danh/account"
	"danh/account/approval"
	"danh/account/recovery"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the journey stands on.
type Config struct {
	Desk     *recovery.Desk
	Accounts *account.Keeper
	Guard    *session.Guard
	Clock    clock.Clock
	Home     string // this door's address, for the command of a reader at home
}

type journey struct {
	Config
	j *page.Journey
}

// Mount puts the journey on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site.Journey(files)}
	mux.HandleFunc("GET /recover", d.choose)
	mux.HandleFunc("GET /recover/begin", d.ask)
	mux.HandleFunc("POST /recover/begin", d.begin)
	mux.HandleFunc("GET /recover/course", d.course)
	for path, h := range map[string]http.HandlerFunc{"way": d.way, "code": d.askCode, "confirm": d.confirm, "passkey": d.passkey, "paper": d.paper,
		"reader": d.reader, "finish": d.finish, "withdraw": d.withdraw} {
		mux.HandleFunc("POST /recover/"+path, h)
	}
	mux.Handle("POST /recover/device", session.Require(http.HandlerFunc(d.device)))
	mux.HandleFunc("POST /recover/chip/challenge", d.chipChallenge)
	mux.HandleFunc("POST /recover/chip", d.chip)
	mux.HandleFunc("GET /recover/stop/{link}", d.askStop)
	mux.HandleFunc("POST /recover/stop/{link}", d.stop)
	mux.HandleFunc("GET /recover/stopped", d.stopped)
	mux.Handle("GET /recover/requests", session.Require(http.HandlerFunc(d.own)))
	mux.Handle("POST /recover/requests/{id}/stop", session.Require(http.HandlerFunc(d.stopOwn)))
	mux.Handle("GET /security/codes", session.Require(http.HandlerFunc(d.codes)))
	mux.Handle("POST /security/codes", session.Require(http.HandlerFunc(d.makeCodes)))
}

const task = "recover.task"

// lost is a line of the first page.
type lost struct {
	Kind recovery.Kind
	Icon string
}

var kinds = []lost{{recovery.Password, "lock"}, {recovery.Passcode, "grid"}, {recovery.PhoneLost, "phone"}, {recovery.PhoneNumber, "swap"},
	{recovery.PhoneAndNumber, "ban"}, {recovery.NumberChanged, "idcard"}, {recovery.Death, "users"}}

var icons = map[string]string{recovery.ByChip: "idcard", recovery.ByPasskey: "key", recovery.ByCodes: "file", recovery.ByCounter: "pin", recovery.ByDevice: "finger", recovery.ByOTP: "message"}

func (d *journey) choose(w http.ResponseWriter, r *http.Request) {
	_, signed := session.From(r.Context())
	c, err := d.Desk.Find(r.Context(), d.Guard.Recovery(r))
	if err != nil && !fault.Is(err, fault.NotFound) {
		d.j.Fail(w, r, err)
		return
	}
	back := "/signin"
	if signed {
		back = "/security"
	}
	d.j.Render(w, r, http.StatusOK, "choose", page.View{Title: "recover.title", Lede: "recover.lede", Task: task, Back: back,
		Data: map[string]any{"Kinds": kinds, "Running": err == nil && !c.State.Over()}})
}

func kindOf(s string) recovery.Kind {
	for _, k := range recovery.Kinds {
		if string(k) == s {
			return k
		}
	}
	return recovery.Password
}

func (d *journey) ask(w http.ResponseWriter, r *http.Request) {
	d.Guard.Remote(w, r) // a browser without its long-lived cookie gets it here
	d.showAsk(w, r, http.StatusOK, kindOf(r.URL.Query().Get("kind")), &page.Form{})
}

func (d *journey) showAsk(w http.ResponseWriter, r *http.Request, status int, k recovery.Kind, f *page.Form) {
	_, signed := session.From(r.Context())
	own := signed && (k == recovery.PhoneNumber || k == recovery.Passcode)
	d.j.Render(w, r, status, "ask", page.View{Title: "recover.kind." + string(k), Lede: "recover.kind." + string(k) + ".lede", Task: task, Back: "/recover", Form: f,
		Data: map[string]any{"Kind": k, "Own": own, "Signed": signed}})
}

func (d *journey) begin(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	k, remote := kindOf(f.Value("kind")), d.Guard.Remote(w, r)
	s, signed := session.From(r.Context())
	var t account.Token
	var err error
	if signed && (k == recovery.PhoneNumber || k == recovery.Passcode) {
		t, err = d.Desk.BeginSigned(r.Context(), s, k, page.Language(r), remote)
	} else {
		t, err = d.Desk.Begin(r.Context(), recovery.Request{Kind: k, Number: f.Digits("number"), NewNumber: f.Digits("new_number"), Name: f.Value("name"), BirthDate: f.Value("birth_date"),
			Words: f.Value("words"), Language: page.Language(r)}, remote)
	}
	if err != nil {
		if !f.FromFault(err) {
			d.j.Fail(w, r, err)
			return
		}
		d.showAsk(w, r, fault.Status(err), k, f)
		return
	}
	d.settled(r, t)
	d.Guard.SetRecovery(w, t)
	http.Redirect(w, r, "/recover/course", http.StatusSeeOther)
}

// settled waits a moment for the job that finds out who a request is about, so
// that the next page can go on. It is the same moment for nobody.
func (d *journey) settled(r *http.Request, t account.Token) {
	for range 10 {
		c, err := d.Desk.Find(r.Context(), t)
		if err != nil || c.State != recovery.Begun {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// view is what the course page holds.
type view struct {
	recovery.Course
	Ways              []recovery.Way
	Ready             bool
	Signed            bool
	Total             time.Duration
	Ceremony, Options string
	Reader, Home      string
	ReaderEnds        time.Time
	Problem           string
	NeedsPhone        bool // the new phone comes first
	AsksCode          bool // a code to the phone on record is asked for here
	Icons             map[string]string
}

func (d *journey) course(w http.ResponseWriter, r *http.Request) {
	if a := r.URL.Query().Get("approval"); a != "" {
		d.approved(w, r, a)
		return
	}
	d.show(w, r, http.StatusOK, &page.Form{}, view{})
}

// show draws the page of a request: the same for one about nobody.
func (d *journey) show(w http.ResponseWriter, r *http.Request, status int, f *page.Form, v view) {
	var err error
	if v.Course, err = d.Desk.Find(r.Context(), d.Guard.Recovery(r)); err != nil {
		if fault.Is(err, fault.NotFound) {
			http.Redirect(w, r, "/recover", http.StatusSeeOther)
			return
		}
		d.j.Fail(w, r, err)
		return
	}
	v.Icons = icons
	_, v.Signed = session.From(r.Context())
	v.Ready, v.Home = v.Course.Ready(d.Clock.Now()), strings.TrimSuffix(d.Home, "/")
	v.Total = v.Due.Sub(v.Begun)
	name := "course"
	title, lede := "recover.course", "recover.course.lede"
	switch {
	case v.State == recovery.Begun || v.State == recovery.Proving:
		name, title, lede = "prove", "recover.prove", "recover.prove.lede"
		if v.Ways, err = d.Desk.ListWays(r.Context(), v.Kind); err != nil {
			d.j.Fail(w, r, err)
			return
		}
		if v.Kind == recovery.NumberChanged || v.Kind == recovery.Death {
			name, title, lede = "told", "recover.told."+string(v.Kind), "recover.told."+string(v.Kind)+".lede"
			break
		}
		v.NeedsPhone = v.Kind.NewPhone() && !v.PhoneDone
		v.AsksCode = !v.Kind.NewPhone() && (v.Way == recovery.ByOTP || v.OTP) && !v.Given
		if v.Way == recovery.ByPasskey && !v.NeedsPhone {
			c, err := d.Accounts.BeginPasskeySignIn(r.Context(), nil, d.Guard.Remote(w, r))
			if err != nil {
				d.j.Fail(w, r, err)
				return
			}
			v.Ceremony, v.Options = c.Token.Reveal(), string(c.Options)
		}
	case v.Kind == recovery.Death || v.Kind == recovery.NumberChanged:
		name, title, lede = "told", "recover.told."+string(v.Kind), "recover.told."+string(v.Kind)+".lede"
	case v.State == recovery.Waiting && v.Ready:
		title, lede = "recover.ready", "recover.ready."+string(v.Kind)
	case v.State == recovery.Waiting:
	default:
		name, title, lede = "over", "recover.over."+string(v.State), "recover.over."+string(v.State)+".lede"
	}
	w.Header().Set("Cache-Control", "no-store")
	d.j.Render(w, r, status, name, page.View{Title: title, Lede: lede, Task: task, Back: "/recover", Form: f, Data: v})
}

// back goes on with the page after a step, or shows on it what was wrong.
func (d *journey) back(w http.ResponseWriter, r *http.Request, f *page.Form, err error) {
	for _, secret := range []string{"password", "credential", "ceremony", "paper", "code"} { // never shown again
		f.Values.Del(secret)
	}
	if err == nil {
		http.Redirect(w, r, "/recover/course", http.StatusSeeOther)
		return
	}
	ft := fault.Of(err)
	switch {
	case ft == nil:
		d.j.Fail(w, r, err)
	case ft.Kind == fault.NotFound && ft.Key == "account.recovery.none":
		http.Redirect(w, r, "/recover", http.StatusSeeOther)
	case len(ft.Fields) > 0 || ft.Kind == fault.TooMany:
		f.FromFault(err)
		d.show(w, r, fault.Status(err), f, view{})
	case ft.Kind == fault.Invalid || ft.Kind == fault.Conflict || ft.Kind == fault.Forbidden:
		d.show(w, r, fault.Status(err), f, view{Problem: ft.Key})
	default:
		d.j.Fail(w, r, err)
	}
}

func (d *journey) way(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	d.back(w, r, f, d.Desk.Choose(r.Context(), d.Guard.Recovery(r), f.Value("way")))
}

func (d *journey) askCode(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	d.back(w, r, f, d.Desk.AskCode(r.Context(), d.Guard.Recovery(r), f.Value("phone")))
}

func (d *journey) confirm(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	d.back(w, r, f, d.Desk.ConfirmCode(r.Context(), d.Guard.Recovery(r), f.Digits("code")))
}

func (d *journey) paper(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	d.back(w, r, f, d.Desk.ProveByPaper(r.Context(), d.Guard.Recovery(r), f.Value("paper")))
}

func (d *journey) passkey(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	d.back(w, r, f, d.Desk.ProveByPasskey(r.Context(), d.Guard.Recovery(r), account.PasskeySignIn{Ceremony: account.Token(f.Value("ceremony")), Answer: []byte(f.Secret("credential")), Remote: d.Guard.Remote(w, r)}))
}

// reader shows the code that a reader at home names. It is not kept where a page
// could show it again.
func (d *journey) reader(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	code, ends, err := d.Desk.ChipCode(r.Context(), d.Guard.Recovery(r))
	if err != nil {
		d.back(w, r, f, err)
		return
	}
	d.show(w, r, http.StatusOK, f, view{Reader: code, ReaderEnds: ends})
}

func (d *journey) finish(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	pw, again := f.Secret("password"), f.Secret("again")
	f.Values.Del("again")
	c, err := d.Desk.Find(r.Context(), d.Guard.Recovery(r))
	if err == nil && c.Kind.NewPassword() {
		if pw == "" {
			f.Add("password", "problem.required")
		} else if pw != again {
			f.Add("again", "recover.again.differs")
		}
		if !f.OK() {
			f.Values.Del("password")
			d.show(w, r, http.StatusUnprocessableEntity, f, view{})
			return
		}
	}
	if err == nil {
		var t account.Token
		if t, err = d.Desk.Finish(r.Context(), d.Guard.Recovery(r), account.Password(pw), d.Guard.Remote(w, r)); err == nil && t != "" {
			d.Guard.Set(w, t)
		}
	}
	d.back(w, r, f, err)
}

func (d *journey) withdraw(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	d.back(w, r, f, d.Desk.Withdraw(r.Context(), d.Guard.Recovery(r)))
}

// device asks for her approval of the new phone, on this device.
func (d *journey) device(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	a, err := d.Desk.AskDevice(r.Context(), d.Guard.Recovery(r), s)
	if err != nil {
		d.back(w, r, page.FormFrom(r), err)
		return
	}
	http.Redirect(w, r, "/approve/"+a.String(), http.StatusSeeOther)
}

func (d *journey) approved(w http.ResponseWriter, r *http.Request, a string) {
	s, ok := session.From(r.Context())
	which, err := approval.ParseID(a)
	if !ok || err != nil {
		http.Redirect(w, r, "/recover/course", http.StatusSeeOther)
		return
	}
	d.back(w, r, &page.Form{}, d.Desk.ProveByDevice(r.Context(), d.Guard.Recovery(r), s, which))
}
