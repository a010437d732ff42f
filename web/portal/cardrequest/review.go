// SPDX-License-Identifier: Apache-2.0

package cardrequest

import (
	"cmp"
	"net/http"

	"danh/enrolment"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/web/portal/session"
)

func (k *journey) review(c *call) {
	if c.x.Office.IsZero() || c.x.Way == enrolment.Booked && c.x.At.IsZero() {
		c.to("/office")
		return
	}
	k.showReview(c, http.StatusOK)
}

func (k *journey) showReview(c *call, status int) {
	v := k.view(c, 4, "cardrequest.review")
	d := v.Data.(map[string]any)
	d["Facts"] = k.summary(c)
	if c.x.Way == enrolment.Online {
		l, err := k.Offices.FindLimit(c.r.Context(), "card", k.Desk.Today())
		if err != nil {
			k.j.Fail(c.w, c.r, err)
			return
		}
		d["Days"] = l.Days
	}
	who, _ := session.From(c.r.Context())
	fresh, err := k.Office.FreshRequest(c.r.Context(), who.AuthTime)
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	d["Again"] = !fresh
	d["Lost"] = c.x.What == "lost" || c.x.What == "stolen"
	k.j.Render(c.w, c.r, status, "review", v)
}

// summary is what was chosen and written.
func (k *journey) summary(c *call) []page.Fact {
	x := c.x
	out := []page.Fact{{Label: "cardrequest.fact.what", Value: k.j.Say(page.Language(c.r), "cardrequest.task."+x.What, nil)}, {Label: "cardrequest.fact.whose", Value: x.Name + " ···· " + x.Tail}}
	if x.Reason != "" {
		out = append(out, page.Fact{Label: "cardrequest.reason", Value: x.Reason})
	}
	out = append(out, page.Fact{Label: "cardrequest.fact.office", Value: cmp.Or(x.OfficeName, "–")})
	if !x.At.IsZero() {
		out = append(out, page.Fact{Label: "cardrequest.fact.at", Value: x.At, Mono: true})
	}
	return out
}

// send sends it; sent already, it shows what became of it.
func (k *journey) send(c *call) {
	c.form = page.FormFrom(c.r)
	if c.x.State != enrolment.RequestDraft {
		c.to("")
		return
	}
	if !c.form.Has("correct", "yes") {
		c.form.Add("correct", "cardrequest.correct.needed")
		k.showReview(c, http.StatusUnprocessableEntity)
		return
	}
	who, _ := session.From(c.r.Context())
	_, err := k.Office.SendRequest(c.r.Context(), c.a.By, c.x.ID, who.AuthTime)
	if fault.Is(err, fault.StepUp) { // the draft is kept: she comes back to this page
		http.Redirect(c.w, c.r, session.SignInAgain(c.path("/review")), http.StatusSeeOther)
		return
	}
	if err != nil {
		k.said(c, err, k.showReview)
		return
	}
	c.to("?sent=1")
}

func (k *journey) discard(c *call) {
	if err := k.Office.DropRequest(c.r.Context(), c.a.By, c.x.ID); err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	k.site.Flash(c.w, "ok", "portal.card_dropped")
	http.Redirect(c.w, c.r, root, http.StatusSeeOther)
}
