// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"net/http"
	"strconv"

	"danh/audit"
	"danh/enrolment"
	"danh/internal/clock"
	"danh/internal/page"
)

var oldCards = []string{"collected", "lost", "none"}

func (k *desk) showCard(c *call, status int) {
	x := c.d.Card
	if x != nil && !c.form.Values.Has("old_card") {
		problems := c.form.Problems
		c.form = (&page.Form{Problems: problems}).Set("old_card", presetOf(c.d)).Set("exemption", x.Exemption).Set("receipt_number", x.ReceiptNo)
	}
	exemptions, err := k.Office.Exemptions(c.r.Context())
	if err != nil {
		k.journey.Fail(c.w, c.r, err)
		return
	}
	k.render(c, status, "card", k.view(c, "card"), map[string]any{"Old": choicesOf("dossier.old_card.", oldCards), "Exemptions": choicesOf("dossier.exemption.", append([]string{""}, exemptions...)), "Card": x, "Free": x == nil || x.Fee == 0})
}

// presetOf is what became of the old card as far as it is known: that somebody
// with a 9-digit number never had a paper is nothing to begin with.
func presetOf(d enrolment.Dossier) string {
	if x := d.Card; x.OldCard != "none" || x.Looked || d.Applicant.OldNumber.IsZero() {
		return x.OldCard
	}
	return ""
}

// settled reports whether a fee bears its receipt, or the reason why nothing is paid.
func settled(c *call) bool {
	if c.d.Card != nil && c.d.Card.Fee > 0 && c.form.Value("exemption") == "" && c.form.Value("receipt_number") == "" {
		c.form.Add("receipt_number", "dossier.card.receipt.missing")
		return false
	}
	return true
}

func (k *desk) setCard(c *call) (string, error) {
	if err := k.find(c); err != nil {
		return "", err
	}
	chosen := choose(c.form, "old_card")
	if paid := settled(c); !chosen || !paid {
		return "", nil
	}
	d, err := k.Office.SetCard(c.r.Context(), c.by, c.id, c.form.Value("old_card"), c.form.Value("exemption"), c.form.Value("receipt_number"))
	if err != nil {
		return "", err
	}
	c.say = "dossier.saved"
	return path(c.id, next(d, "card")), nil
}

// cardFacts say what becomes of the card.
func (k *desk) cardFacts(c *call) []page.Fact {
	x := c.d.Card
	out := []page.Fact{{Label: "dossier.card.cause", Value: k.say(c, "dossier.cause."+orNone(string(x.Cause)))}}
	fee := page.Fact{Label: "dossier.card.fee", Value: money(x.Fee)}
	switch {
	case x.Exemption != "":
		fee.Value = k.say(c, "dossier.exemption."+x.Exemption)
	case x.Fee == 0:
		fee.Value = k.say(c, "dossier.card.free")
	}
	out = append(out, fee)
	if x.OldCard != "" {
		out = append(out, page.Fact{Label: "dossier.card.old", Value: k.say(c, "dossier.old_card."+x.OldCard)})
	}
	if !x.Appointment.IsZero() {
		out = append(out, page.Fact{Label: "dossier.card.appointment", Value: x.Appointment, Mono: true})
	}
	return out
}

func (k *desk) showHandIn(c *call, status int) {
	k.render(c, status, "handin", k.view(c, "handin"), map[string]any{"Plan": plan(c.d), "Ready": c.d.Ready(), "Unsupplied": unsupplied(c.d), "Next": next(c.d, "")})
}

// unsupplied reports whether the answer to a supplement request is all that is
// missing: nothing changed, and nobody said why.
func unsupplied(d enrolment.Dossier) bool {
	open := 0
	for _, t := range d.Tasks {
		if !t.Done {
			open++
		}
	}
	return open == 1 && why(d, "supplement") != ""
}

func (k *desk) handIn(c *call) (string, error) {
	if err := k.find(c); err != nil {
		return "", err
	}
	if working(c.d) && len(c.d.Asked) > 0 {
		if words := c.form.Value("answer"); words != "" && words != c.d.Answer {
			if _, err := k.Office.AnswerAsked(c.r.Context(), c.by, c.id, words); err != nil {
				return "", err
			}
		} else if unsupplied(c.d) {
			c.form.Require("answer")
			return "", nil
		}
	}
	_, err := k.Office.HandIn(c.r.Context(), c.by, c.id)
	return path(c.id, "receipt"), err
}

func (k *desk) withdraw(c *call) (string, error) {
	if !c.form.Has("sure", "yes") {
		c.form.Add("sure", "dossier.withdraw.tick")
		return "", nil
	}
	_, err := k.Office.Withdraw(c.r.Context(), c.by, c.id)
	c.say = "dossier.withdrawn"
	return path(c.id, ""), err
}

// receipt is what she takes home: code, what was received, and until when.
func (k *desk) receipt(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	c, err := k.begin(w, r, by)
	if err == nil {
		err = k.find(c)
	}
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	if c.d.CompleteAt.IsZero() {
		http.Redirect(w, r, path(c.id, ""), http.StatusSeeOther)
		return
	}
	c.r = inLanguage(r, c.d.Language)
	k.render(c, http.StatusOK, "receipt", page.View{Layout: page.Print, Title: "dossier.receipt", Back: path(c.id, ""), BackTo: "dossier.receipt.back", Form: c.form},
		map[string]any{"Facts": k.receiptFacts(c)})
}

func (k *desk) receiptFacts(c *call) []page.Fact {
	d := c.d
	out := []page.Fact{{Label: "field.name", Value: k.name(c)}, {Label: "dossier.receipt.for", Value: k.kind(c)}, {Label: "dossier.receipt.office", Value: d.OfficeName},
		{Label: "dossier.receipt.at", Value: d.CompleteAt, Mono: true}}
	if d.State == enrolment.Waiting {
		out = append(out, page.Fact{Label: "dossier.receipt.due", Value: clock.DateOf(d.DueAt), Mono: true})
	}
	if d.Card != nil {
		out = append(out, k.cardFacts(c)...)
	}
	return out
}

// money is an amount as people write it.
func money(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "." + s[i:]
	}
	return s + " đ"
}
