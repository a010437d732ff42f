// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"net/http"

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
	if deciding(d) {
		if d.HasPortrait {
			f, err := k.faces(c)
			if err != nil {
				k.journey.Fail(c.w, c.r, err)
				return
			}
			data["Faces"] = f
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
		data["Choices"] = []page.Choice{{Value: string(biometric.Same), Text: "dossier.face.same"}, {Value: string(biometric.Different), Text: "dossier.face.different"}}
	}
	if d.State == enrolment.Approved && d.Card != nil && d.Mine == "handover" {
		visits, err := k.visitsOf(c)
		if err != nil {
			k.journey.Fail(c.w, c.r, err)
			return
		}
		data["HandingOver"], data["Visits"] = true, visits
	}
	if d.CompleteAt.IsZero() {
		data["Sheets"] = nil
	}
	k.render(c, status, "whole", k.view(c, ""), data)
}

// visitsOf are the open visits of this officer in which an identity was proved.
func (k *desk) visitsOf(c *call) ([]page.Choice, error) {
	list, err := k.Visits.List(c.r.Context(), c.by)
	if err != nil {
		return nil, err
	}
	var out []page.Choice
	for _, v := range list {
		if v.State == visit.Open && v.Proved {
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
		if e.Name == "supplement_asked" {
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
	if d.State == enrolment.Waiting {
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
		c.form.Require("finding")
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
	if !c.form.Require("reason", "words") {
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
	if !c.form.Require("visit") {
		return "", nil
	}
	_, err := k.Office.HandOver(c.r.Context(), c.by, c.id, c.form.Value("visit"))
	c.say = "dossier.handed_over"
	return "/dossiers?show=handover", err
}
