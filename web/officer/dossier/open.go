// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"net/http"

	"danh/audit"
	"danh/enrolment"
	"danh/enrolment/visit"
	"danh/internal/fault"
	"danh/internal/page"
)

// causes are those from which an officer chooses; the others follow from the kind.
var causes = []string{"age", "change", "boundary", "damaged", "lost", "stolen"}

var relations = []string{"father", "mother", "guardian"}

// askKind asks what a dossier is for.
func (k *desk) askKind(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	k.showKinds(w, r, by, http.StatusOK, page.FormFrom(r))
}

func (k *desk) showKinds(w http.ResponseWriter, r *http.Request, by audit.Actor, status int, form *page.Form) {
	key, err := visit.ParseID(r.PathValue("id"))
	if err != nil {
		k.journey.Fail(w, r, fault.New(fault.NotFound, "visit.not_found"))
		return
	}
	v, err := k.Visits.Require(r.Context(), by, key)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	others := []page.Choice{{Value: "", Text: "dossier.representative.none"}}
	list, err := k.Visits.List(r.Context(), by)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	for _, o := range list {
		if o.State == visit.Open && o.ID != v.ID && o.Proved {
			others = append(others, page.Choice{Value: o.ID.String(), Text: page.Raw(o.Name + " ···· " + o.NumberTail)})
		}
	}
	offers, err := k.Office.Offers(r.Context())
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	var kinds []page.Choice
	for i, o := range offers {
		if i == 0 || offers[i-1].Kind != o.Kind { // one line for a kind, whatever its ages
			kinds = append(kinds, page.Choice{Value: string(o.Kind), Text: "dossier.kind." + string(o.Kind), Hint: "dossier.kind." + string(o.Kind) + ".hint"})
		}
	}
	var asked []page.Choice
	if booked, err := k.Office.ListBookedOf(r.Context(), by, v.Person); err != nil {
		k.journey.Fail(w, r, err)
		return
	} else if len(booked) > 0 {
		asked = append(asked, page.Choice{Value: "", Text: "dossier.open.no_request"})
		for _, b := range booked {
			asked = append(asked, page.Choice{Value: b.ID.String(), Text: page.Raw(b.Code + " · " + k.journey.Say(page.Language(r), "dossier.kind."+string(b.Kind), nil))})
		}
		if !form.Values.Has("request") {
			form.Set("request", booked[0].ID.String())
		}
	}
	k.journey.Render(w, r, status, "open", page.View{Layout: page.Desk, Task: page.Raw(v.Name), Title: "dossier.open", Lede: "dossier.open.lede", Back: "/visits/" + v.ID.String(), Nav: "dossiers", Form: form,
		Data: map[string]any{"Visit": v, "Kinds": kinds, "Causes": choicesOf("dossier.cause.", append([]string{""}, causes...)), "Relations": choicesOf("dossier.relation.", append([]string{""}, relations...)),
			"Others": others, "Asked": asked, "Languages": choicesOf("dossier.language.", []string{page.Vietnamese, page.English})}})
}

// choicesOf gives choices whose texts are the values under a prefix; "" stands under "none".
func choicesOf[S ~string](prefix string, values []S) []page.Choice {
	var out []page.Choice
	for _, v := range values {
		name := string(v)
		if name == "" {
			name = "none"
		}
		out = append(out, page.Choice{Value: string(v), Text: prefix + name})
	}
	return out
}

// open opens a dossier in a visit.
func (k *desk) open(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	form := page.FormFrom(r)
	if form.OK() && form.Value("request") == "" {
		choose(form, "kind")
	}
	if !form.OK() {
		k.showKinds(w, r, by, http.StatusUnprocessableEntity, form)
		return
	}
	d, err := k.Office.Open(r.Context(), by, enrolment.Opening{Visit: r.PathValue("id"), Kind: enrolment.Kind(form.Value("kind")), Cause: form.Value("cause"), Relation: form.Value("relation"),
		Representative: form.Value("representative"), Language: form.Value("language"), Request: form.Value("request")})
	switch {
	case err == nil:
		k.site.Flash(w, "ok", "dossier.opened")
		http.Redirect(w, r, path(d.ID, next(d, "")), http.StatusSeeOther)
	case form.FromFault(err):
		k.showKinds(w, r, by, fault.Status(err), form)
	default:
		k.journey.Fail(w, r, err)
	}
}
