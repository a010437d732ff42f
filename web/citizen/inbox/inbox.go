// SPDX-License-Identifier: Apache-2.0

// Package inbox is where she reads what Danh has told her: everything that
// went by SMS or e-mail, and what went nowhere else, in the language she reads.
//
// It shows her own messages only and never a one-time code. Opening a message
// marks it as read; nothing here can send or delete one.
package inbox

import (
	"embed"
	"net/http"
	"strings"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/page"
	"danh/notify"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	sender *notify.Sender
	site   *page.Site
	j      *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, sender *notify.Sender) {
	d := &journey{sender: sender, site: site, j: site.Journey(files)}
	mux.Handle("GET /inbox", session.Require(http.HandlerFunc(d.list)))
	mux.Handle("POST /inbox/read", session.Require(http.HandlerFunc(d.readAll)))
	mux.Handle("GET /inbox/{id}", session.Require(http.HandlerFunc(d.show)))
}

const perPage = 30

// day is the messages of one day.
type day struct {
	Date  clock.Date
	Items []notify.Item
}

func (d *journey) list(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	me := account.Owner(s.Account)
	before, err := parse(r.URL.Query().Get("before"))
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	items, next, err := d.sender.ListInbox(r.Context(), me, page.Language(r), before, perPage)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	unread, days := sortOut(items)
	pages := page.Pages{}
	if !next.IsZero() {
		pages.Older = "/inbox?before=" + next.String()
	}
	if !before.IsZero() {
		pages.Newer = "/inbox"
	}
	latest := ""
	if len(items) > 0 && before.IsZero() {
		latest = items[0].ID.String()
	}
	d.j.Render(w, r, http.StatusOK, "list", page.View{Title: "inbox.title", Lede: "inbox.lede", Nav: "inbox",
		Data: map[string]any{"Unread": unread, "Days": days, "Pages": pages, "Latest": latest, "Any": len(items) > 0}})
}

// sortOut puts unread messages first and the others under their days, in
// Vietnamese time.
func sortOut(items []notify.Item) (unread []notify.Item, days []day) {
	for _, it := range items {
		if !it.Read {
			unread = append(unread, it)
			continue
		}
		date := clock.DateOf(it.At.In(clock.Vietnam))
		if n := len(days); n == 0 || days[n-1].Date != date {
			days = append(days, day{Date: date})
		}
		days[len(days)-1].Items = append(days[len(days)-1].Items, it)
	}
	return unread, days
}

// places is where a message's matter can be looked after.
var places = map[string]string{
	"new_device": "/security", "qr_signed_in": "/security", "password_changed": "/security", "password_expiring": "/security", "password_expired": "/security",
	"signin_slowed": "/security", "account_unlocked": "/security", "sessions_ended": "/security", "phone_changed": "/security", "email_changed": "/security",
	"passcode_set": "/security/passcode", "passcode_reset": "/security/passcode", "passcode_closed": "/security/passcode",
	"travel_noticed": "/security", "signal_warned": "/security",
	"consent_guessed": "/looked", "consent_given": "/consents", "consent_withdrawn": "/consents", "consent_request_made": "/requests", "consent_request_acknowledged": "/requests", "consent_request_done": "/requests",
	"consent_request_refused": "/requests", "consent_request_overdue": "/requests", "opening_attempt": "/looked",
	"dossier_received": "/dossiers", "dossier_supplement": "/dossiers", "dossier_approved": "/dossiers", "dossier_refused": "/dossiers", "card_ready": "/dossiers",
	"card_lost": "/card", "card_held": "/card", "card_released": "/card", "card_revoked": "/card",
	"asked_afar": "/asked", "visit_asked": "/visits", "call_announced": "/calls", "visit_opened": "/looked", "glass_broken": "/looked",
}

// alarms are the messages about what a thief would do: the way to lock the
// account stands beside them.
var alarms = map[string]bool{
	"new_device": true, "qr_signed_in": true, "passkey_added": true, "passkey_removed": true, "passcode_set": true, "passcode_reset": true, "passcode_closed": true, "password_changed": true, "signin_slowed": true,
	"phone_changed": true, "email_changed": true, "account_unlocked": true, "opening_attempt": true, "visit_opened": true, "glass_broken": true,
	"travel_noticed": true, "signal_warned": true,
	"device_removed": true, "session_moved": true,
}

func (d *journey) show(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	me := account.Owner(s.Account)
	message, err := parse(r.PathValue("id"))
	if err != nil || message.IsZero() {
		d.j.Fail(w, r, gone())
		return
	}
	it, err := d.sender.FindInbox(r.Context(), me, page.Language(r), message)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	if !it.Read {
		if err := d.sender.MarkRead(r.Context(), audit.Citizen(me, s.Person), me, message); err != nil {
			d.j.Fail(w, r, err)
			return
		}
	}
	d.j.Render(w, r, http.StatusOK, "show", page.View{Title: page.Raw(it.Subject), Lede: page.Raw(it.At.In(clock.Vietnam).Format("02/01/2006 15:04")), Task: "inbox.title", Back: "/inbox", BackTo: "inbox.back",
		Data: map[string]any{"Paragraphs": strings.Split(it.Text, "\n\n"), "Place": places[it.Template], "Alarm": alarms[it.Template],
			"PlaceWord": "inbox.place" + strings.ReplaceAll(places[it.Template], "/", ".")}})
}

// readAll marks what she saw as read, not what came since.
func (d *journey) readAll(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	me := account.Owner(s.Account)
	latest, err := parse(page.FormFrom(r).Value("latest"))
	if err != nil || latest.IsZero() {
		d.j.Fail(w, r, gone())
		return
	}
	if err := d.sender.MarkAllRead(r.Context(), audit.Citizen(me, s.Person), me, latest); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/inbox", http.StatusSeeOther)
}

func gone() error { return fault.New(fault.NotFound, "inbox.gone") }

// parse reads a message's key; nothing is the zero key.
func parse(s string) (m notify.MessageID, err error) {
	if s == "" {
		return m, nil
	}
	p, err := id.Parse[any](s)
	if err != nil {
		return m, gone()
	}
	return notify.MessageID(p), nil
}
