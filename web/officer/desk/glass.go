// SPDX-License-Identifier: Apache-2.0

package desk

import (
	"net/http"

	"danh/audit"
	"danh/enrolment/visit"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/registry/population"
)

func (k *desk) askBreak(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	k.renderBreak(w, r, by, http.StatusOK, &page.Form{})
}

func (k *desk) renderBreak(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, form *page.Form) {
	reasons, err := k.Visits.ListReasons(r.Context())
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	var list []page.Choice
	for _, x := range reasons {
		hint := "desk.break.at_once"
		if x.Tell > 0 {
			hint = "desk.break.later"
		}
		list = append(list, page.Choice{Value: x.Name, Text: page.Text{VI: upper(x.VI), EN: upper(x.EN)}, Hint: hint})
	}
	k.journey.Render(w, r, status, "break", page.View{Layout: page.Desk, Title: "desk.break", Lede: "desk.break.lede", Back: "/desk", BackTo: "desk.back", Nav: "desk", Form: form,
		Data: map[string]any{"Reasons": list, "Office": by.Name}})
}

func (k *desk) breakGlass(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	form := page.FormFrom(r)
	number, err := population.ParseNumber(form.Value("number"))
	if err != nil {
		form.Add("number", "enrolment.search.number")
	}
	if !form.OK() {
		k.renderBreak(w, r, by, http.StatusUnprocessableEntity, form)
		return
	}
	v, err := k.Visits.OpenBroken(r.Context(), by, form.Value("reason"), form.Value("words"), number)
	switch {
	case err == nil:
		http.Redirect(w, r, "/visits/"+v.ID.String(), http.StatusSeeOther)
	case fault.Is(err, fault.NotFound):
		form.Add("number", "desk.nobody")
		k.renderBreak(w, r, by, http.StatusUnprocessableEntity, form)
	case form.FromFault(err):
		k.renderBreak(w, r, by, fault.Status(err), form)
	default:
		k.journey.Fail(w, r, err)
	}
}

func (k *desk) reviews(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	k.renderReviews(w, r, by, http.StatusOK, &page.Form{})
}

func (k *desk) renderReviews(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, form *page.Form) {
	list, err := k.Visits.ListBroken(r.Context(), by)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	k.journey.Render(w, r, status, "reviews", page.View{Layout: page.Desk, Title: "desk.reviews", Lede: "desk.reviews.lede", Back: "/desk", BackTo: "desk.back", Nav: "desk", Form: form,
		Data: map[string]any{"Reviews": list}})
}

func (k *desk) review(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	form := page.FormFrom(r)
	key, err := visit.ParseReviewID(r.PathValue("id"))
	if err != nil {
		k.journey.Fail(w, r, fault.New(fault.NotFound, "enrolment.review.not_found"))
		return
	}
	answer := form.Value("answer")
	if answer != "justified" && answer != "objected" {
		form.Add("", "problem.choose")
		k.renderReviews(w, r, by, http.StatusUnprocessableEntity, form)
		return
	}
	err = k.Visits.Review(r.Context(), by, key, answer == "justified", form.Value("words"))
	switch {
	case err == nil:
		k.site.Flash(w, "ok", "desk.reviewed")
		http.Redirect(w, r, "/reviews", http.StatusSeeOther)
	case fault.Is(err, fault.Invalid) && form.FromFault(err):
		k.renderReviews(w, r, by, http.StatusUnprocessableEntity, form)
	default:
		k.journey.Fail(w, r, err)
	}
}
