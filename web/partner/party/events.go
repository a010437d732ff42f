// SPDX-License-Identifier: Apache-2.0

package party

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"danh/internal/fault"
	"danh/internal/page"
	"danh/partner"
	"danh/partner/admission"
	"danh/provider/notice"
)

// told is what one of a party's clients is told, and how that goes.
type told struct {
	Client  partner.ID
	Trial   bool
	Address string
	Logouts string // the address, "" when none is registered
	Types   []heard
	Stream  notice.Stream // as it stands; Enabled while nothing was ever sent
	Ended   notice.Stream // the same of logouts
}

// heard is a type of event that was registered.
type heard struct {
	Name string // its last word, which names its text
	Type string
	Off  bool // the receiver does not want it just now
}

// Failing reports whether what waits is not taken.
func failing(s notice.Stream) bool { return !s.FailingSince.IsZero() && s.Status == notice.Enabled }

// Failing reports it of the events.
func (t told) Failing() bool { return failing(t.Stream) }

// LogoutsFail reports it of the logouts.
func (t told) LogoutsFail() bool { return failing(t.Ended) }

// Switchable reports whether there is a stream that can be held back or let go.
func (t told) Switchable() bool { return t.Address != "" && !t.Stream.Gone() }

// answer is an outcome in a text's key; what has no text of its own stands as it
// is, such as the status of an answer.
func answer(code string) any {
	switch code {
	case "":
		return "party.events.answer.never"
	case "accepted", "no_answer", "address_refused", "not_signed", "invalid_key", "invalid_issuer", "invalid_audience", "authentication_failed", "access_denied", "expired":
		return "party.events.answer." + code
	}
	if n, ok := strings.CutPrefix(code, "http_"); ok {
		return page.Raw("HTTP " + n)
	}
	return page.Raw(code)
}

// Last is how the last delivery of events went.
func (t told) Last() any { return answer(t.Stream.LastAnswer) }

// LogoutsLast is how the last delivery of a logout went.
func (t told) LogoutsLast() any { return answer(t.Ended.LastAnswer) }

func (k *journey) told(c *call, client partner.ID, trial bool) (told, error) {
	out := told{Client: client, Trial: trial, Stream: notice.Stream{Status: notice.Enabled}, Ended: notice.Stream{Status: notice.Enabled}}
	x, err := k.Partners.FindClient(c.r.Context(), client)
	if err != nil {
		return out, err
	}
	out.Address, out.Logouts = x.Settings.EventsURI, x.Settings.LogoutURI
	if s, found, err := k.Notices.FindStream(c.r.Context(), client); err != nil {
		return out, err
	} else if found {
		out.Stream = s
	}
	if s, found, err := k.Notices.FindLogouts(c.r.Context(), client); err != nil {
		return out, err
	} else if found {
		out.Ended = s
	}
	if now := k.Clock.Now(); out.Stream.NextAt.Before(now) {
		out.Stream.NextAt = time.Time{}
	}
	for _, e := range x.Settings.Events {
		out.Types = append(out.Types, heard{"party.event." + e[strings.LastIndexAny(e, "/:")+1:], e, !out.Stream.Wants(e)})
	}
	return out, nil
}

// events shows what the party's clients are told.
func (k *journey) events(c *call) {
	if k.Notices == nil {
		k.j.Fail(c.w, c.r, fault.New(fault.NotFound, "fault.not_found"))
		return
	}
	var list []told
	for _, trial := range []bool{false, true} {
		client, there := c.file.Production(), c.file.Live(k.Clock.Now())
		if trial {
			client, there = c.file.TrialClient(), !c.file.TrialAt.IsZero()
		}
		if !there {
			continue
		}
		t, err := k.told(c, client, trial)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			k.j.Fail(c.w, c.r, err)
			return
		}
		list = append(list, t)
	}
	k.render(c, http.StatusOK, "events", "party.events.title", map[string]any{"Told": list})
}

// deeds are what can be done to a stream, by the word in the address.
var deeds = map[string]string{"pause": admission.Pause, "resume": admission.Resume, "test": admission.Try}

func (k *journey) doEvents(c *call) {
	word := c.r.PathValue("deed")
	what, ok := deeds[word]
	if !ok || k.Notices == nil {
		k.j.Fail(c.w, c.r, fault.New(fault.NotFound, "fault.not_found"))
		return
	}
	err := k.Desk.Stream(c.r.Context(), c.by, c.file.ID, onTrial(c), what)
	f := fault.Of(err)
	// What another did a moment before is no mistake of the reader's: the page
	// says how it stands.
	if f != nil && slices.Contains([]fault.Kind{fault.TooMany, fault.Conflict}, f.Kind) {
		k.site.Flash(c.w, "warn", map[fault.Kind]string{fault.TooMany: "party.events.often", fault.Conflict: "party.events.moved"}[f.Kind])
		http.Redirect(c.w, c.r, c.path("/events"), http.StatusSeeOther)
		return
	}
	k.after(c, err, "party.events.done."+word, "/events")
}
