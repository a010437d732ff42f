// SPDX-License-Identifier: Apache-2.0

package desk

import (
	"encoding/base64"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"

	"danh/audit"
	"danh/enrolment/visit"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/web/officer/session"
)

// asking is how often the page of a waiting visit looks again.
const asking = 3 * time.Second

// accounts are the purposes for which somebody's account is kept.
var accounts = []string{"account", "enrolment"}

// dossiers are the purposes for which a dossier can be opened.
var dossiers = []string{"enrolment", "card", "correction"}

func (k *desk) key(w http.ResponseWriter, r *http.Request) (visit.ID, bool) {
	key, err := visit.ParseID(r.PathValue("id"))
	if err != nil {
		k.journey.Fail(w, r, fault.New(fault.NotFound, "enrolment.visit.not_found"))
	}
	return key, err == nil
}

// tab is a part that a visit lets its officer see.
type tab struct {
	Part visit.Part
	Now  bool
}

func (k *desk) show(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	key, ok := k.key(w, r)
	if !ok {
		return
	}
	v, err := k.Visits.Find(r.Context(), by, key)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	purpose, err := k.nameOf(r, v)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	view := page.View{Layout: page.Desk, Wide: true, Task: "desk.task", Title: page.Raw(v.Name), Back: "/desk", BackTo: "desk.back", Nav: "desk"}
	data := map[string]any{"Visit": v, "Purpose": purpose, "For": purpose.In(page.Language(r)), "Office": by.Name, "Total": v.EndsAt.Sub(v.MadeAt), "Now": k.Clock.Now()}
	view.Data = data
	if v.State == visit.Asked {
		w.Header().Set("Refresh", strconv.Itoa(int(asking/time.Second)))
		k.journey.Render(w, r, http.StatusOK, "asked", view)
		return
	}
	if v.State != visit.Open {
		k.journey.Render(w, r, http.StatusOK, "over", view)
		return
	}
	parts, err := k.Visits.Parts(r.Context(), by, key)
	if err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	see := visit.Part(r.URL.Query().Get("see"))
	var tabs []tab
	for _, p := range parts {
		tabs = append(tabs, tab{p, p == see})
	}
	data["Tabs"], data["Dossier"] = tabs, v.Way != visit.Broken && slices.Contains(dossiers, v.Purpose)
	// Cards and account are kept by the two officers of a counter.
	o, _ := session.From(r.Context())
	_, takes := o.Holds(office.IntakeOfficer)
	_, approves := o.Holds(office.Approver)
	keeps := (takes || approves) && v.Way != visit.Broken
	data["Cards"], data["Account"] = keeps && slices.Contains(parts, visit.PartCards), keeps && slices.Contains(accounts, v.Purpose)
	if see != "" {
		f, err := k.Visits.Look(r.Context(), by, key, see)
		switch {
		case fault.Is(err, fault.NotFound):
			data["Missing"] = fault.Of(err).Key
		case err != nil:
			k.journey.Fail(w, r, err)
			return
		}
		data["Folio"] = f
		k.facts(f, data)
		if len(f.Portrait) > 0 {
			// In the page itself: a picture at an address of its own would be a second look.
			data["Portrait"] = template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(f.Portrait))
		}
	}
	data["See"] = see
	k.journey.Render(w, r, http.StatusOK, "folio", view)
}

// nameOf is what a visit is for, in words.
func (k *desk) nameOf(r *http.Request, v visit.Visit) (page.Text, error) {
	if v.Way == visit.Broken {
		list, err := k.Visits.ListReasons(r.Context())
		for _, x := range list {
			if x.Name == v.Purpose {
				return page.Text{VI: x.VI, EN: x.EN}, err
			}
		}
		return page.Text{VI: v.Purpose, EN: v.Purpose}, err
	}
	list, err := k.Visits.ListPurposes(r.Context())
	for _, x := range list {
		if x.Name == v.Purpose {
			return page.Text{VI: x.VI, EN: x.EN}, err
		}
	}
	return page.Text{VI: v.Purpose, EN: v.Purpose}, err
}

func (k *desk) end(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	key, ok := k.key(w, r)
	if !ok {
		return
	}
	if err := k.Visits.Close(r.Context(), by, key); err != nil {
		k.journey.Fail(w, r, err)
		return
	}
	k.site.Flash(w, "ok", "desk.ended")
	http.Redirect(w, r, "/desk", http.StatusSeeOther)
}
