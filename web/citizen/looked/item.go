// SPDX-License-Identifier: Apache-2.0

package looked

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"danh/audit"
	"danh/internal/id"
	"danh/internal/page"
	"danh/partner/ground"
	"danh/web/citizen/session"
)

// item is an entry in a reader's words.
type item struct {
	ID      string
	At      time.Time
	Icon    string
	Who     string
	Purpose string
	Fields  []page.Raw
	Handed  []page.Raw // all that the partner was handed at this time, when that took more than this look
	Ground  string
	Consent string // path of the consent that it stands on, "" otherwise
	Stopped bool
	Outcome string // words for what became of it, "" when it went through
	Sealed  bool
	Number  int64 // place in the log, from 1
	Change  bool  // something was changed, not looked at
	Mine    bool  // she did it herself

	Compared bool // nothing was read: what somebody stated was compared
}

// bundle is what the same one did on one day for the same purpose, on the same
// ground and with the same end: a dossier at a counter is a hundred looks, and
// whoever was there has to find the one that she does not know.
type bundle struct {
	item
	First time.Time // the earliest of them
	Each  []item    // all of them, latest first; empty when there is only one
}

func (b *bundle) take(it item) bool {
	if b.Who != it.Who || b.Purpose != it.Purpose || b.Ground != it.Ground || b.Consent != it.Consent || b.Outcome != it.Outcome ||
		b.Stopped != it.Stopped || b.Change != it.Change || b.Mine != it.Mine {
		return false
	}
	if len(b.Each) == 0 {
		b.Each = []item{b.item}
		b.Fields = slices.Clone(b.Fields)
	}
	b.Each, b.Sealed = append(b.Each, it), b.Sealed && it.Sealed
	if it.At.Before(b.First) {
		b.First = it.At
	}
	if it.At.After(b.At) {
		b.At = it.At
	}
	for _, f := range it.Fields {
		if !slices.Contains(b.Fields, f) {
			b.Fields = append(b.Fields, f)
		}
	}
	return true
}

// bundled puts items of one day together; each bundle stands where its latest
// item does.
func bundled(all []bundle, it item) []bundle {
	for i := range all {
		if all[i].take(it) {
			return all
		}
	}
	return append(all, bundle{item: it, First: it.At})
}

// known says a text of the journey, or "" when there is none: other rooms
// name purposes, fields and parts, and this page knows the words for them.
func (d *journey) known(r *http.Request, key string) string {
	if t := d.j.Say(page.Language(r), key, nil); t != key {
		return t
	}
	return ""
}

func (d *journey) fieldName(r *http.Request, f string) string {
	if name := d.known(r, "looked.field."+f); name != "" {
		return name
	}
	return strings.ReplaceAll(f, "_", " ")
}

func (d *journey) item(r *http.Request, e audit.Recorded) item {
	it := item{
		ID: e.ID.String(), At: e.At, Sealed: e.Seq >= 0, Number: e.Seq + 1,
		Change: !audit.IsLook(e.Action), Stopped: audit.Stopped(e.Outcome),
	}
	d.who(r, e, &it)
	if it.Purpose = d.known(r, "looked.purpose."+e.Purpose); it.Purpose == "" || it.Change && strings.HasPrefix(e.Purpose, "card.purpose.") {
		// Of a card it matters what was done: that the registry is kept says nothing.
		it.Purpose = d.known(r, "looked.action."+e.Action)
	}
	if it.Purpose == "" {
		it.Purpose = d.known(r, "looked.purpose.unsaid")
	}
	answers := strings.Fields(e.Detail["answers"])
	it.Compared = len(answers) > 0
	for _, a := range answers { // what a partner stated was compared, and this is what it heard
		f, said, _ := strings.Cut(a, "=")
		it.Fields = append(it.Fields, page.Raw(d.j.Say(page.Language(r), "looked.answer."+said, map[string]string{"field": d.fieldName(r, f)})))
	}
	for _, f := range e.Fields {
		if !it.Compared {
			it.Fields = append(it.Fields, page.Raw(d.fieldName(r, f)))
		}
	}
	// A release may read several registries: each look says the whole of it.
	for _, f := range strings.Fields(e.Detail["handed"]) {
		it.Handed = append(it.Handed, page.Raw(d.fieldName(r, f)))
	}
	if slices.Equal(it.Handed, it.Fields) {
		it.Handed = nil
	}
	switch g := e.Ground; {
	case strings.HasPrefix(g, "consent:"):
		it.Ground = d.known(r, "looked.ground.consent")
		if c := strings.TrimPrefix(g, "consent:"); len(c) == 36 {
			it.Consent = "/consents/" + c
		}
	case strings.HasPrefix(g, "source:"):
		it.Ground = d.known(r, "looked.ground.source")
	case g == "own_data":
		it.Ground = d.known(r, "looked.ground.own")
	case g == "" && it.Mine:
		it.Ground = d.known(r, "looked.ground.own")
	default:
		it.Ground = ground.Name(g).In(page.Language(r))
	}
	if e.Outcome != "" {
		if it.Outcome = d.known(r, "looked.outcome."+e.Outcome); it.Outcome == "" {
			it.Outcome = e.Outcome
		}
	}
	return it
}

// who names partners, offices and parts of Danh, never another citizen.
func (d *journey) who(r *http.Request, e audit.Recorded, it *item) {
	s, _ := session.From(r.Context())
	switch e.Actor.Kind {
	case audit.KindPartner:
		it.Icon, it.Who = "bank", e.Actor.Name
		if language := page.Language(r); language != page.Vietnamese && d.names != nil {
			if name := d.names(r.Context(), e.Actor.Partner, language); name != "" {
				it.Who = name
			}
		}
	case audit.KindOfficer:
		it.Icon, it.Who = "shield", e.Actor.Name
	case audit.KindSystem:
		it.Icon = "server"
		if it.Who = d.known(r, "looked.part."+e.Actor.Name); it.Who == "" {
			it.Who = d.known(r, "looked.part")
		}
	case audit.KindCitizen:
		it.Icon, it.Who = "user", d.known(r, "looked.who.other")
		switch {
		case s.Acting != nil && e.Actor.Person == s.Acting.Person && e.Actor.OnBehalfOf == s.Person:
			it.Mine, it.Who, it.Icon = true, d.known(r, "looked.who.you_for"), "users"
		case !e.Actor.OnBehalfOf.IsZero() && e.Actor.OnBehalfOf == s.Person:
			it.Who, it.Icon = d.known(r, "looked.who.representative"), "users"
			if s.Acting != nil && d.fellows != nil {
				if name := d.fellows(r.Context(), s, e.Actor.Account); name != "" {
					it.Who = d.j.Say(page.Language(r), "looked.who.fellow", map[string]string{"name": name})
				}
			}
		case e.Actor.Account == id.Person(s.Account):
			it.Mine, it.Who = true, d.known(r, "looked.who.you")
		}
	default:
		it.Icon, it.Who = "help", d.known(r, "looked.who.unknown")
	}
	if it.Who == "" {
		it.Who = d.known(r, "looked.who.unnamed")
	}
	if it.Stopped {
		it.Icon = "ban"
	}
}
