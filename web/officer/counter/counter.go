// SPDX-License-Identifier: Apache-2.0

// Package counter owns the page of an office's counters, the pairing of a
// reader, and the module by which any page of the door has a reader read.
//
// A pairing code is shown once, on the answer to the press that asked for it.
// The module speaks to the agent on the officer's own machine and to this door;
// what the chip opens with goes to the agent alone. It refuses to keep or show
// what was read: that is for the page that asked.
package counter

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"time"

	"danh/audit"
	"danh/enrolment/counter"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/internal/reader"
	"danh/office"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

//go:embed reader.js
var script []byte

// Script is the address of the module.
const Script = "/counters/reader.js"

// Guard lets people in by their role; session.Guard is one.
type Guard interface {
	Signed(next func(http.ResponseWriter, *http.Request, session.Officer)) http.HandlerFunc
	Require(role office.Role, next func(http.ResponseWriter, *http.Request, audit.Actor)) http.HandlerFunc
}

// Config is what the journey stands on.
type Config struct {
	Desk   *counter.Desk
	Clock  clock.Clock
	Origin string // the door's own: the only one that readers paired here answer
	Agent  string // where the reader answers; reader.AgentOrigin when empty
}

type counters struct {
	desk    *counter.Desk
	clock   clock.Clock
	origin  string
	agent   string
	journey *page.Journey
	site    *page.Site
	tag     string
}

// Mount puts the journey on the door.
func Mount(mux *http.ServeMux, site *page.Site, guard Guard, c Config) {
	if c.Agent == "" {
		c.Agent = reader.AgentOrigin
	}
	sum := sha256.Sum256(script)
	k := &counters{desk: c.Desk, clock: c.Clock, origin: c.Origin, agent: c.Agent, journey: site.Journey(files), site: site, tag: `"` + hex.EncodeToString(sum[:8]) + `"`}
	mux.HandleFunc("GET /counters", k.held(guard, k.list, office.IntakeOfficer, office.Registrar, office.Approver))
	mux.HandleFunc("POST /counters/{id}/confirm", k.held(guard, k.confirm, office.IntakeOfficer, office.Registrar, office.Approver))
	mux.HandleFunc("POST /counters", k.keeper(guard, k.code))
	mux.HandleFunc("GET /counters/{id}", k.keeper(guard, k.askEnd))
	mux.HandleFunc("POST /counters/{id}", k.keeper(guard, k.end))
	mux.HandleFunc("POST /counters/pair", k.pair)
	mux.HandleFunc("POST /counters/nonces", guard.Require(office.IntakeOfficer, k.nonce))
	mux.HandleFunc("POST /counters/try", guard.Require(office.IntakeOfficer, k.try))
	mux.HandleFunc("GET "+Script, k.script)
}

type readsKey struct{}

// keeper lets in whoever pairs and ends readers.
func (k *counters) keeper(guard Guard, next func(http.ResponseWriter, *http.Request, audit.Actor)) http.HandlerFunc {
	return k.held(guard, next, office.IntakeOfficer, office.Registrar)
}

// held lets in whoever holds one of the roles, in the first that she holds.
func (k *counters) held(guard Guard, next func(http.ResponseWriter, *http.Request, audit.Actor), roles ...office.Role) http.HandlerFunc {
	return guard.Signed(func(w http.ResponseWriter, r *http.Request, o session.Officer) {
		for _, role := range roles {
			if _, ok := o.Holds(role); ok {
				next(w, r.WithContext(context.WithValue(r.Context(), readsKey{}, role)), o.As(role))
				return
			}
		}
		k.site.Fail(w, r, fault.New(fault.Forbidden, "office.staff.no_role"))
	})
}

func (k *counters) list(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	list, err := k.desk.List(r.Context(), by)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	var standing, waiting, ended []counter.Counter
	for _, c := range list {
		switch {
		case !c.EndedAt.IsZero():
			ended = append(ended, c)
		case c.ConfirmedAt.IsZero():
			waiting = append(waiting, c)
		default:
			standing = append(standing, c)
		}
	}
	role, _ := r.Context().Value(readsKey{}).(office.Role)
	reads := role == office.IntakeOfficer
	if reads {
		page.AllowConnect(w, k.agent)
	}
	k.journey.Render(w, r, http.StatusOK, "list", page.View{Layout: page.Desk, Title: "counter.title", Lede: "counter.lede", Nav: "counters",
		Data: map[string]any{"Standing": standing, "Waiting": waiting, "Keeps": role != office.Approver, "Ended": ended, "Office": by.Name, "Reads": reads, "Script": Script, "Agent": k.agent}})
}

// code shows a pairing code. It is not shown again: a reload asks for another.
func (k *counters) code(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	code, expires, err := k.desk.NewPairing(r.Context(), by)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	left := max(0, expires.Sub(k.clock.Now()))
	k.journey.Render(w, r, http.StatusOK, "code", page.View{Layout: page.Desk, Task: "counter.task", Title: "counter.code", Lede: "counter.code.lede", Back: "/counters", BackTo: "counter.back", Nav: "counters",
		Data: map[string]any{"Code": code, "Until": expires, "Total": left, "Office": by.Name, "Origin": k.origin}})
}

func (k *counters) find(w http.ResponseWriter, r *http.Request, by audit.Actor) (counter.Counter, bool) {
	which, err := counter.ParseID(r.PathValue("id"))
	if err != nil {
		k.journey.Fail(w, r, fault.New(fault.NotFound, "enrolment.counter.none"))
		return counter.Counter{}, false
	}
	c, err := k.desk.Find(r.Context(), by, which)
	if err != nil {
		k.journey.Fail(w, r, err)
		return counter.Counter{}, false
	}
	return c, true
}

func (k *counters) askEnd(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	c, ok := k.find(w, r, by)
	if !ok {
		return
	}
	k.journey.Render(w, r, http.StatusOK, "end", page.View{Layout: page.Desk, Task: "counter.task", Title: page.Raw(c.Name), Back: "/counters", BackTo: "counter.back", Nav: "counters", Data: c})
}

func (k *counters) end(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	c, ok := k.find(w, r, by)
	if !ok {
		return
	}
	if page.FormFrom(r).Value("answer") != "yes" {
		http.Redirect(w, r, "/counters", http.StatusSeeOther)
		return
	}
	if err := k.desk.End(r.Context(), by, c.ID); err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	k.site.Flash(w, "ok", "counter.ended")
	http.Redirect(w, r, "/counters", http.StatusSeeOther)
}

// confirm is a second officer's word that the key is that of the machine.
func (k *counters) confirm(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	c, ok := k.find(w, r, by)
	if !ok {
		return
	}
	if err := k.desk.Confirm(r.Context(), by, c.ID); err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	k.site.Flash(w, "ok", "counter.confirmed")
	http.Redirect(w, r, "/counters", http.StatusSeeOther)
}

// pair answers the agent, which is no browser: the officer's code is what lets
// it in.
func (k *counters) pair(w http.ResponseWriter, r *http.Request) {
	var p reader.Pairing
	if !k.read(w, r, &p) {
		return
	}
	c, err := k.desk.Pair(r.Context(), p.Code, p.Name, p.Key)
	if err != nil {
		k.refuse(w, r, err)
		return
	}
	reply(w, http.StatusCreated, "application/json", reader.Paired{Counter: c.ID.String(), Origin: k.origin, Office: c.OfficeName})
}

// asked is what the module posts for a nonce.
type asked struct {
	Counter string      `json:"counter"`
	Want    reader.Want `json:"want"`
}

// nonce is the server's part of a reader.Ask.
type nonce struct {
	Counter   string      `json:"counter"`
	Nonce     []byte      `json:"nonce"`
	Want      reader.Want `json:"want"`
	Challenge []byte      `json:"challenge,omitempty"`
	Expires   time.Time   `json:"expires"`
}

func (k *counters) nonce(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	var a asked
	if !k.read(w, r, &a) {
		return
	}
	which, err := counter.ParseID(a.Counter)
	if err != nil {
		k.refuse(w, r, fault.New(fault.NotFound, "enrolment.counter.none"))
		return
	}
	n, err := k.desk.NewNonce(r.Context(), by, which, a.Want)
	if err != nil {
		k.refuse(w, r, err)
		return
	}
	reply(w, http.StatusCreated, "application/json", nonce{n.Counter.String(), n.Value, n.Want, n.Challenge, n.Expires})
}

// try takes a reading in, says what came, and lets it go: how an officer knows
// that the reader works before somebody stands before her.
func (k *counters) try(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, reader.MaxStatement))
	if err != nil {
		k.refuse(w, r, fault.New(fault.Invalid, "enrolment.counter.form"))
		return
	}
	got, err := k.desk.Accept(r.Context(), by, b)
	if err != nil {
		k.refuse(w, r, err)
		return
	}
	n := len(got.Fingers)
	if got.Chip != nil {
		n = len(got.Chip.Image.Files)
	}
	reply(w, http.StatusOK, "application/json", map[string]any{"counter": got.Name, "device": got.Device, "files": n})
}

func (k *counters) script(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", k.tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(script))
}

const maxRequest = 16 << 10

// read reads a JSON request, strictly.
func (k *counters) read(w http.ResponseWriter, r *http.Request, v any) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	d.DisallowUnknownFields()
	if err != nil || kind != "application/json" || d.Decode(v) != nil {
		k.refuse(w, r, fault.New(fault.Invalid, "counter.request"))
		return false
	}
	return true
}

// problem is how a fault is told to a script (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Key    string `json:"key"`
	Next   string `json:"next,omitempty"`
}

func (k *counters) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.Of(err)
	if f == nil {
		k.journey.Fail(w, r, err) // logs it once
		return
	}
	lang := page.Language(r)
	key := f.Key
	if len(f.Fields) > 0 {
		key = f.Fields[0].Key
	}
	p := problem{Type: "about:blank", Title: k.journey.Say(lang, key, nil), Status: fault.Status(err), Key: f.Key}
	if next := k.journey.Say(lang, f.Key+".next", nil); next != f.Key+".next" {
		p.Next = next
	}
	reply(w, p.Status, "application/problem+json", p)
}

func reply(w http.ResponseWriter, status int, kind string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		b, status = []byte("{}"), http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(b)
}
