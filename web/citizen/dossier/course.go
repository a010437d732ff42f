// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"net/http"
	"slices"
	"time"

	"danh/enrolment"
	"danh/internal/clock"
	"danh/internal/page"
)

type document struct{ Href, Key string }

// view is one dossier on its page.
type view struct {
	T         enrolment.Tracked
	Own       bool
	Overdue   bool   // the promised day is over and nothing is decided
	Kind      string // text keys
	State     string
	Tone      string
	Next      string // what happens now and what she has to do
	Reason    string // of a refusal
	Course    []page.Event
	Card      []page.Fact
	Facts     []page.Fact
	Documents []document
}

// reasons are the grounds of refusal that have words here.
var reasons = []string{"not_same", "false_paper", "other_identity", "data_differ", "ineligible", "stay_ended"}

// known are the steps that have words here; another one is shown as a step.
var known = []string{"requested", "sent", "taken_up", "checked", "original_asked", "original_seen", "opened", "handed_in", "supplement_asked", "supplemented", "approved", "refused", "withdrawn", "produced", "handed_over", "not_collected", "lapsed"}

// runs reports whether the clock of a dossier runs.
func runs(s enrolment.State) bool {
	return s == enrolment.Received || s == enrolment.Checking || s == enrolment.Waiting
}

func kindKey(k enrolment.Kind) string {
	if slices.Contains(enrolment.Kinds, k) {
		return "dossier.kind." + string(k)
	}
	return "dossier.kind.other"
}

func (d *journey) view(r *http.Request, t enrolment.Tracked) view {
	v := view{T: t, Kind: kindKey(t.Kind), State: "dossier.state." + string(t.State), Tone: "info", Next: "dossier.next." + string(t.State)}
	v.Overdue = t.Late && runs(t.State)
	switch t.State {
	case enrolment.Approved:
		v.Tone = "ok"
		switch {
		case t.Card == nil:
			v.Next = "dossier.next.approved.account"
		case d.passed(t.Card):
			v.Next = "dossier.next.approved.ready"
		case slices.ContainsFunc(t.Events, func(e enrolment.Event) bool { return e.Name == "produced" }):
			v.Next = "dossier.next.approved.made"
		}
	case enrolment.Done:
		v.Tone = "ok"
	case enrolment.Supplement:
		v.Tone = "warn"
	case enrolment.Refused:
		v.Tone = "danger"
		v.Reason = "dossier.reason.other"
		if slices.Contains(reasons, t.RefusedReason) {
			v.Reason = "dossier.reason." + t.RefusedReason
		}
	case enrolment.Draft, enrolment.Withdrawn:
		v.Tone = "quiet"
	}
	v.Course = d.course(t)
	if t.State == enrolment.Refused || t.State == enrolment.Withdrawn {
		v.T.Card = nil // there will be none to collect
	}
	if c := v.T.Card; c != nil {
		if !c.Appointment.IsZero() {
			v.Card = append(v.Card, page.Fact{Label: "dossier.appointment", Value: c.Appointment, Mono: true}, page.Fact{Label: "dossier.where", Value: t.OfficeName})
		}
	}
	v.Facts = append(v.Facts, page.Fact{Label: "dossier.track.code", Value: t.Code, Mono: true})
	if t.Name != "" {
		v.Facts = append(v.Facts, page.Fact{Label: "field.name", Value: t.Name})
	}
	v.Facts = append(v.Facts, page.Fact{Label: "dossier.office", Value: t.OfficeName}, page.Fact{Label: "dossier.opened", Value: t.OpenedAt, Mono: true})
	if !t.DueAt.IsZero() {
		due := "dossier.due.day"
		if t.Stopped {
			due = "dossier.due.stopped"
		}
		v.Facts = append(v.Facts, page.Fact{Label: "dossier.due", Value: d.j.Say(page.Language(r), due, map[string]string{"day": t.DueAt.Vietnamese()})})
	}
	return v
}

// course is the timeline, what is yet to come on top. Solid is what happened or
// runs, dashed is a clock that stands, dotted is not yet. A date that was
// promised and missed stays, with the reason.
func (d *journey) course(t enrolment.Tracked) []page.Event {
	var out []page.Event
	at := func(d clock.Date) time.Time {
		if d.IsZero() {
			return time.Time{}
		}
		return d.Time()
	}
	due := func(key string) page.Text {
		day := t.DueAt.Vietnamese()
		return map[string]page.Text{
			"waiting":    {VI: "Chậm nhất ngày " + day + ".", EN: "By " + day + " at the latest."},
			"late":       {VI: "Đã hẹn ngày " + day + " và chưa kịp. Hồ sơ vẫn được giải quyết; bạn không phải làm gì.", EN: "Promised for " + day + " and missed. It is still being decided; there is nothing you have to do."},
			"supplement": {VI: "Ngày đã hẹn tạm dừng. Có ngày mới khi bạn bổ sung đủ.", EN: "The promised date stands still. There is a new one once you have brought what is missing."},
		}[key]
	}
	switch t.State {
	case enrolment.Received, enrolment.Checking, enrolment.Waiting:
		if t.Late {
			out = append(out, page.Event{Line: "dotted", Icon: "clock", Bad: true, Text: "dossier.event.result", Sub: due("late")})
		} else {
			out = append(out, page.Event{Line: "dotted", Text: "dossier.event.result", Sub: due("waiting")})
		}
		out = append(out, page.Event{Line: "solid", Icon: "hourglass", Text: "dossier.event.running", Sub: "dossier.event.running.sub"})
	case enrolment.Supplement:
		out = append(out, page.Event{Line: "dotted", Text: "dossier.event.result", Sub: due("supplement")},
			page.Event{Line: "dashed", Icon: "pause", Text: "dossier.event.stopped", Sub: "dossier.event.stopped.sub"})
	case enrolment.Approved:
		if t.Card != nil {
			p := page.Event{Line: "dotted", Text: "dossier.event.collect", Sub: "dossier.event.collect.sub", At: t.Card.Appointment}
			if d.passed(t.Card) {
				day := clock.DateOf(t.Card.Appointment).Vietnamese()
				p.At, p.Sub = time.Time{}, page.Text{VI: "Lịch hẹn ngày " + day + " đã qua. Đến nhận trong giờ làm việc.", EN: "The appointment on " + day + " has passed. Collect it in opening hours."}
			}
			out = append(out, p)
		}
	}
	for _, e := range slices.Backward(t.Events) {
		p := page.Event{Line: "solid", Icon: "check", Text: "dossier.event.other", At: e.At}
		if slices.Contains(known, e.Name) {
			p.Text = "dossier.event." + e.Name
		}
		if e.By != "" {
			p.Sub = page.Text{VI: e.By, EN: e.By}
		}
		switch e.Name {
		case "supplement_asked", "original_asked":
			p.Line, p.Icon = "dashed", "pause"
		case "refused":
			p.Icon, p.Bad = "x", true
		case "withdrawn", "lapsed", "not_collected":
			p.Icon = "x"
		}
		out = append(out, p)
	}
	if len(t.Events) == 0 && !t.OpenedAt.IsZero() {
		out = append(out, page.Event{Line: "solid", Icon: "check", Text: "dossier.event.opened", At: at(t.OpenedAt)})
	}
	return out
}

// passed reports whether the day to collect a card is over; the card is not.
func (d *journey) passed(c *enrolment.CardPart) bool {
	return !c.Appointment.IsZero() && clock.DateOf(c.Appointment).Before(clock.DateOf(d.clock.Now()))
}

func (d *journey) render(w http.ResponseWriter, r *http.Request, v view, p page.View) {
	p.Task, p.Title, p.Data = "dossier.title", v.Kind, v
	d.j.Render(w, r, http.StatusOK, "show", p)
}
