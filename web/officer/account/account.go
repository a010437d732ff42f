// SPDX-License-Identifier: Apache-2.0

// Package account is where an officer acts on the account of somebody before
// her: sends the activation again, locks it, unlocks it, ends a representation.
//
// It shows an account within a visit alone, the phone by its last digits, and
// only the acts that role, state and proof allow; the room decides again when
// one is taken.
package account

import (
	"embed"
	"net/http"

	"danh/account"
	"danh/audit"
	"danh/enrolment/keep"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	office *keep.Desk
	clock  clock.Clock
	site   *page.Site
	j      *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, o *keep.Desk, c clock.Clock) {
	d := &journey{office: o, clock: c, site: site, j: site.Journey(files)}
	staff := func(next func(http.ResponseWriter, *http.Request, audit.Actor)) http.HandlerFunc {
		return guard.RequireAny(next, office.IntakeOfficer, office.Approver)
	}
	mux.HandleFunc("GET /visits/{id}/account", staff(d.find))
	mux.HandleFunc("POST /visits/{id}/account/{act}", staff(d.keep))
}

// tones colour the states of an account.
var tones = map[account.Status]string{account.Issued: "info", account.ActivationLapsed: "warn", account.Active: "ok", account.Locked: "danger"}

// line is a lock with the form that lifts it.
type line struct {
	keep.AccountLock
	Form *page.Form
}

// link is a representation that stands, with the form that ends it.
type link struct {
	account.Representation
	Hers bool // somebody represents the person who came
	Form *page.Form
}

func (d *journey) find(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	d.show(w, r, by, http.StatusOK, "", &page.Form{})
}

// show shows the account; the form that was sent wrongly keeps what it held. act
// and the form's key say which of the forms it is.
func (d *journey) show(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, act string, f *page.Form) {
	in, err := visit.ParseID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "enrolment.visit.not_found"))
		return
	}
	folio, err := d.office.FindAccount(r.Context(), by, in)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	pick := func(name, key string) *page.Form {
		if act == name && (key == "" || f.Value("key") == key) {
			return f
		}
		return &page.Form{}
	}
	var locks []line
	for _, l := range folio.Locks {
		locks = append(locks, line{l, pick("unlock", string(l.Ground))})
	}
	var standing, past []link
	today := clock.DateOf(d.clock.Now())
	for _, x := range folio.Links {
		l := link{x, x.Person == folio.Visit.Person, pick("end", x.ID.String())}
		if x.Standing(today) {
			standing = append(standing, l)
		} else {
			past = append(past, l)
		}
	}
	data := map[string]any{"Folio": folio, "Locks": locks, "Links": standing, "Past": past, "LockForm": pick("lock", ""),
		"Reasons": choices(folio), "Office": by.Name, "Endings": endings(folio.Endings)}
	if folio.Account != nil {
		data["Tone"] = tones[folio.Account.Status]
	}
	d.j.Render(w, r, status, "account", page.View{Layout: page.Desk, Title: "account.title", Task: "account.task", Back: "/visits/" + in.String(), BackTo: "account.back", Nav: "desk", Form: f, Data: data})
}

func choices(f keep.AccountFolio) []page.Choice {
	if len(f.Reasons) == 0 {
		return nil
	}
	out := []page.Choice{{Text: "account.choose"}}
	for _, r := range f.Reasons {
		c := page.Choice{Value: r.Key, Text: "account.reason." + r.Key}
		if r.Paper {
			c.Hint = "account.reason.paper"
		}
		out = append(out, c)
	}
	return out
}

func endings(list []string) []page.Choice {
	if len(list) == 0 {
		return nil
	}
	out := []page.Choice{{Text: "account.choose"}} // none is the likely one
	for _, e := range list {
		out = append(out, page.Choice{Value: e, Text: "account.end." + e})
	}
	return out
}

func (d *journey) keep(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	in, err := visit.ParseID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "enrolment.visit.not_found"))
		return
	}
	f, act := page.FormFrom(r), r.PathValue("act")
	switch act {
	case "invite":
		err = d.office.Reinvite(r.Context(), by, in)
	case "lock":
		err = d.office.LockAccount(r.Context(), by, in, f.Value("reason"), f.Value("words"))
	case "unlock":
		err = d.office.UnlockAccount(r.Context(), by, in, account.Ground(f.Value("key")), f.Value("words"))
	case "end":
		var key account.RepresentationID
		if key, err = account.ParseRepresentationID(f.Value("key")); err != nil {
			err = fault.New(fault.NotFound, "account.representation.none")
			break
		}
		err = d.office.EndRepresentation(r.Context(), by, in, key, f.Value("why"))
	default:
		err = fault.New(fault.NotFound, "fault.not_found")
	}
	if err != nil {
		if !f.FromFault(err) {
			d.j.Fail(w, r, err)
			return
		}
		d.show(w, r, by, fault.Status(err), act, f)
		return
	}
	d.site.Flash(w, "ok", "account.done."+act)
	http.Redirect(w, r, "/visits/"+in.String()+"/account", http.StatusSeeOther)
}
