// SPDX-License-Identifier: Apache-2.0

package party

import (
	"net/http"
	"slices"

	"danh/internal/fault"
	"danh/internal/page"
	"danh/partner"
	"danh/registry/organisation"
	"danh/web/partner/session"
)

func (k *journey) list(w http.ResponseWriter, r *http.Request, v session.Visitor) {
	by := v.Actor()
	type mine struct {
		partner.Party
		Roles []partner.Role
	}
	var parties []mine
	list, err := k.Partners.MembershipsOf(r.Context(), by.Account, k.Clock.Now())
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	for _, m := range list {
		if n := len(parties); n > 0 && parties[n-1].ID == m.Party {
			parties[n-1].Roles = append(parties[n-1].Roles, m.Role)
			continue
		}
		p, err := k.Partners.FindParty(r.Context(), m.Party)
		if err != nil {
			k.j.Fail(w, r, err)
			return
		}
		parties = append(parties, mine{p, []partner.Role{m.Role}})
	}
	var free []organisation.Organisation
	asked, err := k.Desk.ListAsked(r.Context(), by)
	if err == nil && v.Level >= 2 {
		var orgs []organisation.Representation
		if orgs, err = k.Desk.ListRepresented(r.Context(), by); err == nil {
			for _, o := range orgs {
				if o.Organisation.Status == organisation.Active && !slices.ContainsFunc(parties, func(m mine) bool { return m.Number == o.Organisation.Number.String() }) {
					free = append(free, o.Organisation)
				}
			}
		}
	}
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	k.j.Render(w, r, http.StatusOK, "list", page.View{Layout: page.Desk, Title: "party.list", Lede: "party.list.lede", Nav: "clients",
		Data: map[string]any{"Parties": parties, "Asked": asked, "Free": free, "Standing": v.Standing, "Level": v.Level, "Issuer": k.Issuer, "Now": k.Clock.Now()}})
}

func (k *journey) open(w http.ResponseWriter, r *http.Request, v session.Visitor) {
	org, err := organisation.ParseID(page.FormFrom(r).Value("organisation"))
	if err != nil {
		k.j.Fail(w, r, fault.New(fault.NotFound, "partner.not_representative"))
		return
	}
	p, err := k.Desk.Open(r.Context(), v.Actor(), org, v.Name)
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	k.site.Flash(w, "ok", "party.opened")
	http.Redirect(w, r, "/parties/"+string(p)+"/profile", http.StatusSeeOther)
}
