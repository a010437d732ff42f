// SPDX-License-Identifier: Apache-2.0

package party

import (
	"net/http"

	"danh/internal/page"
	"danh/partner/admission"
	"danh/web/partner/session"
)

// invited shows to what a link leads, before anything is accepted.
func (k *journey) invited(w http.ResponseWriter, r *http.Request, v session.Visitor) {
	p, i, err := k.Desk.FindInvitation(r.Context(), admission.Token(r.PathValue("token")))
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	w.Header().Set("Referrer-Policy", "no-referrer")
	k.j.Render(w, r, http.StatusOK, "invited", page.View{Layout: page.Desk, Title: "party.invited.title", Args: map[string]string{"organisation": p.Name}, Nav: "clients",
		Data: map[string]any{"Party": p, "Invitation": i, "Who": v}})
}

func (k *journey) accept(w http.ResponseWriter, r *http.Request, v session.Visitor) {
	p, err := k.Desk.Accept(r.Context(), v.Actor(), admission.Token(r.PathValue("token")), v.Name)
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	k.site.Flash(w, "ok", "party.invited.done")
	http.Redirect(w, r, "/parties/"+string(p), http.StatusSeeOther)
}
