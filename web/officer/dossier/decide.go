// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"net/http"
	"strconv"

	"danh/audit"
	"danh/biometric"
	"danh/enrolment"
	"danh/enrolment/visit"
	"danh/internal/page"
)

// show is the dossier itself: for its intake officer the task that is next, for
// the second officer the evidence and the decision, for all others what they
// may know.
func (k *desk) show(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	c, err := k.begin(w, r, by)
	if err == nil {
		err = k.find(c)
	}
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	if working(c.d) && r.URL.Query().Get("whole") == "" {
		http.Redirect(w, r, path(c.id, next(c.d, "")), http.StatusSeeOther)
		return
	}
	k.showWhole(c, http.StatusOK)
}

// deciding reports whether the caller is the one who was drawn to decide.
func deciding(d enrolment.Dossier) bool {
	return d.Mine == "second" && d.State == enrolment.Waiting
}

// checking reports whether the caller has taken up what came from the portal.
func checking(d enrolment.Dossier) bool {
	return d.Mine == "intake" && d.State == enrolment.Checking
}

func (k *desk) showWhole(c *call, status int) {
	d := c.d
	data := map[string]any{"Sections": k.sections(c), "Differences": k.differences(c), "Course": k.course(c), "Deciding": deciding(d), "HandingOver": false, "Sheets": sheets(d)}
	if d.Mine != "handover" {
		list, err := k.proofs(c)
		if err != nil {
			k.journey.Fail(c.w, c.r, err)
			return
		}
		left, right, _ := fingersOf(d, 99)
		data["Left"], data["Right"], data["Proofs"], data["Face"] = left, right, list, len(kindsOf(list, "face")) > 0
	}
	checks := checking(d)
	data["Withdrawing"] = checks || d.Mine == "view" && d.State == enrolment.Waiting // its intake officer: she may change her mind at the counter
	data["Checking"] = checks
	if checks {
		var pictured []page.Choice
		for _, p := range d.Papers {
			if p.HasPhoto && !p.Seen {
				pictured = append(pictured, page.Choice{Value: p.ID.String(), Text: page.Raw(k.paperName(c, p))})
			}
		}
		data["Pictured"] = pictured
	}
	if deciding(d) || checks {
		if d.HasPortrait {
			f, err := k.faces(c)
			if err != nil {
				k.journey.Fail(c.w, c.r, err)
				return
			}
			data["Faces"], data["Ask"] = f, "dossier.decide.face"
			data["Choices"] = []page.Choice{{Value: string(biometric.Same), Text: "dossier.face.same"}, {Value: string(biometric.Different), Text: "dossier.face.different"}}
			if f.Registered == "" { // she has one picture, and judges whether it is fit to stand for this person
				data["Ask"] = "dossier.decide.alone"
				data["Choices"] = []page.Choice{{Value: string(biometric.Same), Text: "dossier.decide.alone.fits"}, {Value: string(biometric.Different), Text: "dossier.decide.alone.doubt"}}
			}
		}
		reasons, err := k.Office.Reasons(c.r.Context(), d.Kind)
		if err != nil {
			k.journey.Fail(c.w, c.r, err)
			return
		}
		choices := []page.Choice{{Value: "", Text: "dossier.refuse.choose"}}
		for _, x := range reasons {
			choices = append(choices, page.Choice{Value: x.Key, Text: page.Raw(k.say(c, x.Key) + " (" + x.Ground + ")")})
		}
		data["Reasons"] = choices
	}
	if d.State == enrolment.Approved && d.Card != nil && d.Mine == "handover" {
		visits, err := k.visitsOf(c)
		if err != nil {
			k.journey.Fail(c.w, c.r, err)
			return
		}
		data["HandingOver"], data["Visits"] = true, visits
		if x := d.Card; d.Online != nil { // what the counter would have settled before
			exemptions, err := k.Office.Exemptions(c.r.Context())
			if err != nil {
				k.journey.Fail(c.w, c.r, err)
				return
			}
			if !c.form.Values.Has("old_card") {
				problems := c.form.Problems
				c.form = (&page.Form{Problems: problems}).Set("old_card", x.OldCard).Set("exemption", x.Exemption).Set("receipt_number", x.ReceiptNo)
			}
			data["Free"] = x.Fee == 0
			data["Settle"], data["Old"], data["Exemptions"] = true, choicesOf("dossier.old_card.", oldCards), choicesOf("dossier.exemption.", append([]string{""}, exemptions...))
		}
	}
	if d.CompleteAt.IsZero() {
		data["Sheets"] = nil
	}
	data["Online"] = d.Online
	if x := d.Online; x != nil {
		data["OnlineFacts"] = []page.Fact{{Label: "dossier.online.sent", Value: x.SentAt, Mono: true}, {Label: "dossier.online.reason", Value: x.Reason, Declared: true},
			{Label: "dossier.online.portrait", Value: x.PortraitOn, Mono: true, Source: "source.card"}, {Label: "dossier.online.prints", Value: k.journey.Say(page.Language(c.r), "dossier.online.fingers", map[string]string{"n": strconv.Itoa(x.Fingers), "on": x.PrintsOn.Vietnamese()}), Source: "source.card"}}
	}
	k.render(c, status, "whole", k.view(c, ""), data)
}

// visitsOf are the open visits of this officer in which an identity was proved:
// for a card that was asked for at home by more than her yes on a phone. They are hers, or of
// who acts for her: who else stands at the counter is none of this dossier.
func (k *desk) visitsOf(c *call) ([]page.Choice, error) {
	list, err := k.Visits.List(c.r.Context(), c.by)
	if err != nil {
		return nil, err
	}
	var out []page.Choice
	for _, v := range list {
		hers := v.Person == c.d.Person || c.d.Representative != nil && v.Person == c.d.Representative.Person
		if hers && v.State == visit.Open && !v.Flagged() && (c.d.Online == nil || v.Way != visit.Phone) {
			out = append(out, page.Choice{Value: v.ID.String(), Text: page.Raw(v.Name + " ···· " + v.NumberTail), Hint: "dossier.way." + string(v.Way)})
		}
	}
	return out, nil
}

// course is what happened, with the line grammar of clocks: solid while the
// clock ran, dashed where it stood, dotted for what has not come.
func (k *desk) course(c *call) []page.Event {
	d := c.d
	var out []page.Event
	for _, e := range d.Events {
		x := page.Event{Line: "solid", Text: "dossier.event." + e.Name, At: e.At}
		if e.Name == "supplement_asked" || e.Name == "original_asked" {
			x.Line = "dashed"
		}
		if e.Name == "refused" || e.Name == "withdrawn" {
			x.Icon = "x"
		}
		sub := e.By
		if e.Words != "" {
			if sub != "" {
				sub += ": "
			}
			sub += e.Words
		}
		if sub != "" {
			x.Sub = page.Raw(sub)
		}
		out = append(out, x)
	}
	if runs(d) {
		x := page.Event{Line: "dotted", Text: "dossier.event.due", At: d.DueAt}
		if d.Late {
			x = page.Event{Line: "solid", Icon: "alert", Text: "dossier.event.missed", Sub: "dossier.event.missed.sub", At: d.DueAt, Bad: true}
		}
		out = append(out, x)
	}
	return out
}

// approve is the second officer's: what she saw of the faces goes with it.
func (k *desk) approve(c *call) (string, error) {
	if c.form.Value("faces") == "shown" {
		choose(c.form, "finding")
	}
	if !c.form.OK() {
		return "", nil
	}
	d, err := k.Office.Approve(c.r.Context(), c.by, c.id, biometric.Finding(c.form.Value("finding")))
	c.say = "dossier.approved"
	if d.State == enrolment.Waiting {
		c.say = "dossier.disputed"
	}
	return path(c.id, ""), err
}

func (k *desk) askSupplement(c *call) (string, error) {
	if !c.form.Require("asked") {
		return "", nil
	}
	_, err := k.Office.AskSupplement(c.r.Context(), c.by, c.id, c.form.Value("asked"))
	c.say = "dossier.asked"
	return "/dossiers?show=decide", err
}

func (k *desk) refuse(c *call) (string, error) {
	if chosen := choose(c.form, "reason"); !c.form.Require("words") || !chosen {
		return "", nil
	}
	_, err := k.Office.Refuse(c.r.Context(), c.by, c.id, c.form.Value("reason"), c.form.Value("words"))
	c.say = "dossier.refused"
	return "/dossiers?show=decide", err
}

func (k *desk) redraw(c *call) (string, error) {
	if !c.form.Require("why") {
		return "", nil
	}
	_, err := k.Office.Redraw(c.r.Context(), c.by, c.id, c.form.Value("why"))
	c.say = "dossier.redrawn"
	return "/dossiers", err
}

func (k *desk) handOver(c *call) (string, error) {
	if !choose(c.form, "visit") {
		return "", nil
	}
	_, err := k.Office.HandOver(c.r.Context(), c.by, c.id, c.form.Value("visit"))
	c.say = "dossier.handed_over"
	return "/dossiers?show=handover", err
}

// takeUp makes this officer the one who checks what came from the portal.
func (k *desk) takeUp(c *call) (string, error) {
	_, err := k.Office.TakeUp(c.r.Context(), c.by, c.id)
	c.say = "dossier.taken_up"
	return path(c.id, ""), err
}

// askOriginal asks for the original of a paper that was sent as a picture.
func (k *desk) askOriginal(c *call) (string, error) {
	if chosen := choose(c.form, "paper"); !c.form.Require("asked") || !chosen {
		return "", nil
	}
	p, err := enrolment.ParsePaperID(c.form.Value("paper"))
	if err != nil {
		c.form.Add("paper", "problem.choose")
		return "", nil
	}
	_, err = k.Office.AskOriginal(c.r.Context(), c.by, c.id, p, c.form.Value("asked"))
	c.say = "dossier.asked"
	return path(c.id, ""), err
}

// settle records the old card and the fee of a card that was asked for at the
// portal, before it is handed over.
func (k *desk) settle(c *call) (string, error) {
	if !choose(c.form, "old_card") {
		return "", nil
	}
	_, err := k.Office.SettleCard(c.r.Context(), c.by, c.id, c.form.Value("old_card"), c.form.Value("exemption"), c.form.Value("receipt_number"))
	c.say = "dossier.saved"
	return path(c.id, "") + "#handover", err
}
