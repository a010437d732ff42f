// SPDX-License-Identifier: Apache-2.0

// Package organisation is where somebody sees the organisations that she may act
// for: applies for an account of one that she represents by law, consents to
// what another representative began, gives mandates and takes them back, and
// accepts those that are offered to her.
//
// It refuses to tell whether a number and a name that a mandate was offered to
// are anybody's. Acting itself begins and ends where it does for a child.
package organisation

import (
	"embed"
	"net/http"
	"slices"

	"danh/account"
	desk "danh/account/organisation"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/registry/organisation"
	"danh/registry/population"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	desk  *desk.Desk
	clock clock.Clock
	site  *page.Site
	j     *page.Journey
}

// Mount puts the journey on the mux.
func Mount(mux *http.ServeMux, site *page.Site, d *desk.Desk, c clock.Clock) {
	k := &journey{d, c, site, site.Journey(files)}
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /organisations":                    k.list,
		"GET /organisations/open":               k.ask,
		"POST /organisations/open":              k.apply,
		"GET /organisations/applications/{id}":  k.application,
		"POST /organisations/applications/{id}": k.answer,
		"GET /organisation/{id}":                k.show,
		"GET /organisation/{id}/mandate":        k.give,
		"POST /organisation/{id}/mandate":       k.offer,
		"POST /organisation/{id}/revoke":        k.revoke,
		"POST /organisation/{id}/withdraw":      k.withdraw,
		"GET /organisation/{id}/close":          k.askClose,
		"POST /organisation/{id}/close":         k.close,
		"POST /organisations/offers":            k.take,
		"GET /organisations/accept/{token}":     k.link,
		"POST /organisations/accept/{token}":    k.take,
	} {
		mux.Handle(pattern, session.Require(h))
	}
}

// fail leads to what is missing of her sign-in, and shows other faults.
func (k *journey) fail(w http.ResponseWriter, r *http.Request, err error, back string) {
	if session.StepUpTo(w, r, err, back) {
		return
	}
	k.j.Fail(w, r, err)
}

func (k *journey) list(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	seats, err := k.desk.ListSeats(r.Context(), s)
	if err != nil {
		k.fail(w, r, err, "/")
		return
	}
	offers, err := k.desk.ListOffers(r.Context(), s)
	if err != nil {
		k.fail(w, r, err, "/")
		return
	}
	type seat struct {
		desk.Seat
		Scopes      []string
		Acts, Waits bool // she may act for it; it waits for her own consent
		Represents  bool
	}
	var list []seat
	for _, x := range seats {
		v := seat{Seat: x, Represents: x.Relation == organisation.LegalRepresentative, Scopes: k.scopes(r, x.Mandate.Scopes)}
		v.Acts = x.Organisation.Status == organisation.Active && x.Account.Status == account.Active
		if p := x.Pending; p != nil {
			v.Waits = slices.ContainsFunc(p.Representative, func(a desk.Answer) bool { return a.Person == s.Person && a.Said == "" })
		}
		list = append(list, v)
	}
	k.j.Render(w, r, http.StatusOK, "list", page.View{Task: "organisations.task", Title: "organisations.title", Lede: "organisations.lede", Back: "/",
		Data: map[string]any{"Seats": list, "Offers": k.offers(r, offers)}})
}

// scopes are a mandate's in the reader's words.
func (k *journey) scopes(r *http.Request, list []organisation.Scope) []string {
	var out []string
	for _, x := range list {
		out = append(out, k.j.Say(page.Language(r), "organisations.scope."+string(x), nil))
	}
	return out
}

type offer struct {
	desk.Offer
	Words []string
}

func (k *journey) offers(r *http.Request, list []desk.Offer) []offer {
	var out []offer
	for _, o := range list {
		out = append(out, offer{o, k.scopes(r, o.Scopes)})
	}
	return out
}

func (k *journey) ask(w http.ResponseWriter, r *http.Request) {
	f := &page.Form{}
	f.Set("number", page.FormFrom(r).Digits("number"))
	k.showAsk(w, r, http.StatusOK, f)
}

func (k *journey) showAsk(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	k.j.Render(w, r, status, "open", page.View{Task: "organisations.task", Title: "organisations.open", Lede: "organisations.open.lede", Back: "/organisations", Form: f})
}

func (k *journey) apply(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	n, err := organisation.ParseNumber(f.Value("number"))
	var a desk.Application
	if err == nil {
		a, err = k.desk.Apply(r.Context(), s, n)
	}
	if session.StepUpTo(w, r, err, "/organisations/open") {
		return
	}
	if err != nil {
		switch ft := fault.Of(err); {
		case ft == nil:
			k.j.Fail(w, r, err)
			return
		case len(ft.Fields) == 0: // what stands in the way is about this organisation
			f.Add("number", ft.Key)
		case !f.FromFault(err):
			k.j.Fail(w, r, err)
			return
		}
		k.showAsk(w, r, fault.Status(err), f)
		return
	}
	http.Redirect(w, r, "/organisations/applications/"+a.ID.String(), http.StatusSeeOther)
}

func (k *journey) application(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	id, err := desk.ParseApplicationID(r.PathValue("id"))
	var a desk.Application
	if err != nil {
		err = fault.New(fault.NotFound, "account.organisation.application.none")
	} else {
		a, err = k.desk.FindOwn(r.Context(), s, id)
	}
	if err != nil {
		k.fail(w, r, err, r.URL.Path)
		return
	}
	waits := false
	for _, p := range a.Representative {
		waits = waits || p.Person == s.Person && p.Said == "" && a.State == desk.Consenting
	}
	k.j.Render(w, r, http.StatusOK, "application", page.View{Task: "organisations.task", Title: page.Raw(a.Organisation.Name), Back: "/organisations",
		Data: map[string]any{"A": a, "Waits": waits, "Number": a.Organisation.Number.String()}})
}

func (k *journey) answer(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	id, err := desk.ParseApplicationID(r.PathValue("id"))
	if err != nil {
		k.j.Fail(w, r, fault.New(fault.NotFound, "account.organisation.application.none"))
		return
	}
	switch page.FormFrom(r).Value("answer") {
	case "yes":
		err = k.desk.Consent(r.Context(), s, id, true)
	case "no":
		err = k.desk.Consent(r.Context(), s, id, false)
	case "withdraw":
		err = k.desk.Withdraw(r.Context(), s, id)
	default:
		err = fault.New(fault.Invalid, "problem.choose")
	}
	if err != nil {
		k.fail(w, r, err, r.URL.Path)
		return
	}
	http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
}

// seat finds one organisation that she represents by law.
func (k *journey) seat(r *http.Request) (desk.Seat, account.Session, error) {
	s, _ := session.From(r.Context())
	id, err := organisation.ParseID(r.PathValue("id"))
	if err != nil {
		return desk.Seat{}, s, fault.New(fault.NotFound, "organisation.not_found")
	}
	all, err := k.desk.ListSeats(r.Context(), s)
	if err != nil {
		return desk.Seat{}, s, err
	}
	i := slices.IndexFunc(all, func(x desk.Seat) bool {
		return x.Organisation.ID == id && x.Relation == organisation.LegalRepresentative
	})
	if i < 0 {
		return desk.Seat{}, s, fault.New(fault.NotFound, "organisation.not_found")
	}
	return all[i], s, nil
}

func (k *journey) show(w http.ResponseWriter, r *http.Request) {
	x, s, err := k.seat(r)
	var g desk.Granted
	if err == nil {
		g, err = k.desk.ListGranted(r.Context(), s, x.Organisation.ID)
	}
	if err != nil {
		k.fail(w, r, err, r.URL.Path)
		return
	}
	type mandate struct {
		desk.Named
		Words []string
	}
	today := clock.DateOf(k.clock.Now())
	var standing, past []mandate
	for _, m := range g.Mandates {
		v := mandate{m, k.scopes(r, m.Scopes)}
		if m.EndedAt.IsZero() && !m.Until.Before(today) {
			standing = append(standing, v)
		} else {
			past = append(past, v)
		}
	}
	k.j.Render(w, r, http.StatusOK, "show", page.View{Task: "organisations.task", Title: page.Raw(x.Organisation.Name), Back: "/organisations",
		Data: map[string]any{"Seat": x, "Number": x.Organisation.Number.String(), "Standing": standing, "Past": past, "Offers": k.offers(r, g.Offers),
			"Open": x.Account.Status == account.Active && x.Organisation.Status == organisation.Active, "HasAccount": !x.Account.ID.IsZero()}})
}

func (k *journey) give(w http.ResponseWriter, r *http.Request) {
	k.showGive(w, r, http.StatusOK, (&page.Form{}).Set("way", "person"))
}

func (k *journey) showGive(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	x, _, err := k.seat(r)
	if err != nil {
		k.fail(w, r, err, r.URL.Path)
		return
	}
	k.j.Render(w, r, status, "give", page.View{Task: "organisations.task", Title: "organisations.give", Lede: "organisations.give.lede", Args: map[string]string{"name": x.Organisation.Name},
		Back: "/organisation/" + x.Organisation.ID.String(), Form: f, Data: map[string]any{"Scopes": organisation.Scopes}})
}

func (k *journey) offer(w http.ResponseWriter, r *http.Request) {
	x, s, err := k.seat(r)
	if err != nil {
		k.fail(w, r, err, "/organisations")
		return
	}
	f := page.FormFrom(r)
	var t desk.Terms
	for _, sc := range organisation.Scopes {
		if f.Has("scope_"+string(sc), "yes") {
			t.Scopes = append(t.Scopes, sc)
		}
	}
	if len(t.Scopes) == 0 {
		f.Add("scope_procedure", "organisation.mandate.scope")
	}
	if v := f.Value("until"); v != "" {
		if t.Until, err = clock.ParseDate(v); err != nil {
			f.Add("until", "problem.date")
		}
	}
	link := ""
	if f.Value("way") == "link" {
		if f.OK() {
			link, err = k.desk.OfferLink(r.Context(), s, x.Organisation.ID, t)
		}
	} else {
		n, nerr := population.ParseNumber(f.Digits("number"))
		if nerr != nil {
			f.Add("number", "organisations.number.form")
		}
		f.Require("name")
		if f.OK() {
			err = k.desk.OfferPerson(r.Context(), s, x.Organisation.ID, t, n, f.Value("name"))
		}
	}
	if f.OK() && session.StepUpTo(w, r, err, r.URL.Path) {
		return
	}
	if f.OK() && err != nil && !f.FromFault(err) {
		k.j.Fail(w, r, err)
		return
	}
	if !f.OK() {
		k.showGive(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	if link != "" { // shown once, and kept by nobody
		w.Header().Set("Cache-Control", "no-store")
		k.j.Render(w, r, http.StatusOK, "link", page.View{Task: "organisations.task", Title: "organisations.link", Lede: "organisations.link.lede", Back: "/organisation/" + x.Organisation.ID.String(),
			Data: map[string]any{"Link": link, "Organisation": x.Organisation.ID.String()}})
		return
	}
	k.site.Flash(w, "ok", "organisations.offered")
	http.Redirect(w, r, "/organisation/"+x.Organisation.ID.String(), http.StatusSeeOther)
}

func (k *journey) revoke(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	o, err := organisation.ParseID(r.PathValue("id"))
	m, merr := organisation.ParseMandateID(f.Value("mandate"))
	if err != nil || merr != nil {
		k.j.Fail(w, r, fault.New(fault.NotFound, "organisation.mandate.not_found"))
		return
	}
	if err := k.desk.Revoke(r.Context(), s, o, m); err != nil {
		k.fail(w, r, err, "/organisations")
		return
	}
	k.site.Flash(w, "ok", "organisations.revoked")
	to := "/organisations"
	if f.Value("back") == "organisation" {
		to = "/organisation/" + o.String()
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (k *journey) withdraw(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	o, err := organisation.ParseID(r.PathValue("id"))
	x, xerr := desk.ParseOfferID(page.FormFrom(r).Value("offer"))
	if err != nil || xerr != nil {
		k.j.Fail(w, r, fault.New(fault.NotFound, "account.organisation.offer.none"))
		return
	}
	if err := k.desk.WithdrawOffer(r.Context(), s, o, x); err != nil {
		k.fail(w, r, err, "/organisations")
		return
	}
	http.Redirect(w, r, "/organisation/"+o.String(), http.StatusSeeOther)
}

func (k *journey) askClose(w http.ResponseWriter, r *http.Request) {
	x, _, err := k.seat(r)
	if err != nil {
		k.fail(w, r, err, "/organisations")
		return
	}
	k.j.Render(w, r, http.StatusOK, "close", page.View{Task: "organisations.task", Title: "organisations.close", Args: map[string]string{"name": x.Organisation.Name}, Back: "/organisation/" + x.Organisation.ID.String()})
}

func (k *journey) close(w http.ResponseWriter, r *http.Request) {
	x, s, err := k.seat(r)
	if err == nil {
		if page.FormFrom(r).Value("answer") != "yes" {
			http.Redirect(w, r, "/organisation/"+x.Organisation.ID.String(), http.StatusSeeOther)
			return
		}
		err = k.desk.Close(r.Context(), s, x.Organisation.ID)
	}
	if err != nil {
		k.fail(w, r, err, "/organisations")
		return
	}
	k.site.Flash(w, "ok", "organisations.closed")
	http.Redirect(w, r, "/organisations", http.StatusSeeOther)
}

func (k *journey) link(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	o, err := k.desk.FindOffer(r.Context(), s, account.Token(r.PathValue("token")))
	if err != nil {
		k.fail(w, r, err, "/organisations")
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	k.j.Render(w, r, http.StatusOK, "accept", page.View{Task: "organisations.task", Title: "organisations.accept", Lede: "organisations.accept.lede", Back: "/organisations", Data: offer{o, k.scopes(r, o.Scopes)}})
}

// take answers an offer, of a list or of a link.
func (k *journey) take(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	x, err := desk.ParseOfferID(f.Value("offer"))
	if err != nil {
		k.j.Fail(w, r, fault.New(fault.NotFound, "account.organisation.offer.none"))
		return
	}
	link, word := account.Token(r.PathValue("token")), "organisations.accepted"
	if f.Value("answer") == "yes" {
		_, err = k.desk.Accept(r.Context(), s, x, link)
	} else {
		err, word = k.desk.Decline(r.Context(), s, x, link), "organisations.declined"
	}
	if err != nil {
		k.fail(w, r, err, "/organisations")
		return
	}
	k.site.Flash(w, "ok", word)
	http.Redirect(w, r, "/organisations", http.StatusSeeOther)
}
