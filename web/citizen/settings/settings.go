// SPDX-License-Identifier: Apache-2.0

// Package settings is where she says how the door looks and when it may ring:
// language, colours and size of text, which this browser keeps; which of her
// browsers show notices, in which language her messages are, and quiet hours,
// which her account keeps.
//
// It refuses to let quiet hours hold back what must not wait; which messages
// those are is notify's to say. Whoever is not signed in sets the looks only.
package settings

import (
	"embed"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"

	"danh/account"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/notify"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	accounts *account.Keeper
	notify   *notify.Sender
	site     *page.Site
	j        *page.Journey
}

// Mount puts the page on the mux.
func Mount(mux *http.ServeMux, site *page.Site, k *account.Keeper, n *notify.Sender) {
	d := &journey{accounts: k, notify: n, site: site, j: site.Journey(files)}
	mux.HandleFunc("GET /settings", d.show)
	mux.Handle("POST /settings/quiet", session.Require(http.HandlerFunc(d.quiet)))
	mux.Handle("POST /settings/messages", session.Require(http.HandlerFunc(d.messages)))
	mux.Handle("POST /settings/push", session.Require(http.HandlerFunc(d.push)))
	mux.Handle("POST /settings/push/end", session.Require(http.HandlerFunc(d.endPush)))
	mux.HandleFunc("GET /settings/push/key", d.key)
	mux.HandleFunc("POST /settings/push/renew", d.renewPush)
}

// The hours that are proposed to somebody who has none: from ten in the
// evening to half past six.
var proposed = notify.Quiet{From: 22 * 60, To: 6*60 + 30}

// step is how finely the hours are chosen, in minutes.
const step = 30

type view struct {
	Signed bool
	Notice bool   // there are notices at all
	Push   string // the key under which this browser may subscribe; empty: not here
	Told   []notify.Subscription
	Speaks string // the language of her messages
	Quiet  notify.Quiet
	Said   map[string]string // from and to as people read them
	Times  []page.Choice
}

func (d *journey) show(w http.ResponseWriter, r *http.Request) {
	d.draw(w, r, http.StatusOK, nil)
}

func (d *journey) draw(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	v := view{}
	if s, ok := session.From(r.Context()); ok {
		v.Signed = true
		var err error
		if v.Quiet, err = d.notify.FindQuiet(r.Context(), account.Owner(s.Account)); err != nil {
			d.j.Fail(w, r, err)
			return
		}
		a, err := d.accounts.Find(r.Context(), s.Account)
		if err != nil {
			d.j.Fail(w, r, err)
			return
		}
		v.Speaks = a.Language
		if _, public := d.notify.PushKey(); public != nil {
			v.Notice = true
			if hers(s) {
				v.Push = base64.RawURLEncoding.EncodeToString(public)
			}
			if v.Told, err = d.notify.ListSubscriptions(r.Context(), account.Owner(s.Account)); err == nil {
				err = d.speak(r, s, v.Told)
			}
			if err != nil {
				d.j.Fail(w, r, err)
				return
			}
		}
		w.Header().Set("Cache-Control", "no-store")
	}
	for m := 0; m < 24*60; m += step {
		v.Times = append(v.Times, page.Choice{Value: strconv.Itoa(m), Text: page.Raw(clockTime(m))})
	}
	v.Said = map[string]string{"from": clockTime(v.Quiet.From), "to": clockTime(v.Quiet.To)}
	if f == nil {
		f = &page.Form{}
	}
	if f.Value("from") == "" {
		q := v.Quiet
		if q.IsZero() {
			q = proposed
		}
		f.Set("from", strconv.Itoa(q.From)).Set("to", strconv.Itoa(q.To))
	}
	d.j.Render(w, r, status, "settings", page.View{Task: "settings.task", Title: "settings.title", Lede: "settings.lede", Back: "/", Form: f, Data: v})
}

// clockTime writes minutes after midnight as people read them.
func clockTime(m int) string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }

// messages sets the language of her messages.
func (d *journey) messages(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	if err := d.accounts.SetLanguage(r.Context(), s, page.FormFrom(r).Value("messages")); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.site.Flash(w, "ok", "settings.messages.set")
	http.Redirect(w, r, "/settings", http.StatusSeeOther)
}

func (d *journey) quiet(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	var q notify.Quiet
	said := "settings.quiet.ended"
	if f.Value("answer") != "end" {
		said = "settings.quiet.set"
		from, err1 := strconv.Atoi(f.Value("from"))
		to, err2 := strconv.Atoi(f.Value("to"))
		if err1 != nil || err2 != nil {
			d.j.Fail(w, r, fault.New(fault.Invalid, "problem.form"))
			return
		}
		if q = (notify.Quiet{From: from, To: to}); q.IsZero() {
			f.Add("to", "quiet.none")
			d.draw(w, r, http.StatusUnprocessableEntity, f)
			return
		}
	}
	if err := d.notify.SetQuiet(r.Context(), s.Actor(), account.Owner(s.Account), q); err != nil {
		if !f.FromFault(err) {
			d.j.Fail(w, r, err)
			return
		}
		d.draw(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	d.site.Flash(w, "ok", said)
	http.Redirect(w, r, "/settings", http.StatusSeeOther)
}
