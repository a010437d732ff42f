// SPDX-License-Identifier: Apache-2.0

// Package acting is where a representative begins and stops to act for a child
// or a ward, and what holds meanwhile for the whole door: the band on every
// page, the journeys that are open to her, and that a page which was drawn for
// somebody else changes nothing.
//
// It refuses by default: a path that it does not know is closed to whoever
// acts. What the known ones ask for is a dated row of the account room.
package acting

import (
	"embed"
	"encoding/base64"
	"net/http"
	"strings"

	"danh/account"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/provider"
	"danh/registry/organisation"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Desk is the journey and the middleware.
type Desk struct {
	accounts *account.Keeper
	site     *page.Site
	j        *page.Journey
	portal   string
}

// New makes the desk. Portal is the address of the public-service portal, "" when there is none.
func New(site *page.Site, k *account.Keeper, portal string) *Desk {
	return &Desk{accounts: k, site: site, j: site.Journey(files), portal: portal}
}

// Mount puts the journey on the mux.
func (d *Desk) Mount(mux *http.ServeMux) {
	mux.Handle("GET /acting", session.Require(http.HandlerFunc(d.show)))
	mux.Handle("POST /acting", session.Require(http.HandlerFunc(d.begin)))
	mux.Handle("POST "+Stop, session.Require(http.HandlerFunc(d.stop)))
}

// Stop is where a post ends it.
const Stop = "/acting/stop"

// journeys says by the first part of a path which journey it belongs to; ""
// is open to everybody, whoever she acts for, because it is about nobody. What
// is not here is closed while she acts.
var journeys = map[string]string{
	"": "home", "account": "home", "inbox": "inbox", "looked": "looked", "card": "card", "dossiers": "dossiers",
	"consent": "sign_on", "consents": "consents", "freeze": "freeze",
	"stepup": "", "approve": "", "demands": "", // she proves that it is she
	"acting": "", "signout": "", "frozen": "", "track": "", "paper": "", "install": "", "_": "", ".well-known": "",
	first(provider.AuthorizePath): "sign_on", first(provider.LogoutPath): "",
	first(provider.JWKSPath): "", first(provider.PushPath): "", first(provider.TokenPath): "", first(provider.UserInfoPath): "",
	first(provider.StreamPath): "", first(provider.IntrospectPath): "", first(provider.RevokePath): "",
}

// fromElsewhere are the paths to which other sites' pages post; they change
// nothing by themselves, and no page of ours was drawn for them.
var fromElsewhere = map[string]bool{provider.AuthorizePath: true, provider.LogoutPath: true}

func first(path string) string {
	s, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return s
}

// bind names a time of acting in the addresses of forms: a part of its key,
// enough to tell two apart.
func bind(s account.Session) string {
	if s.Acting == nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(s.ID[8:])
}

// Frame puts the middleware around the door, within the guard that finds the session.
func (d *Desk) Frame(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, ok := session.From(r.Context())
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		if s.ActingOver {
			// It ended by itself: she is told before she does anything as herself.
			if err := d.accounts.StopActing(r.Context(), s); err != nil {
				d.j.Fail(w, r, err)
				return
			}
			if r.Method == http.MethodGet || r.URL.Path == provider.AuthorizePath { // no service gets her in place of whom it was to get
				d.site.Flash(w, "warn", "account.acting.over")
				http.Redirect(w, r, "/", http.StatusSeeOther)
				return
			}
		}
		if s.Acting != nil {
			a, err := d.frame(r, s)
			if err != nil {
				d.j.Fail(w, r, err)
				return
			}
			r = r.WithContext(page.WithActing(r.Context(), a))
		}
		if !fromElsewhere[r.URL.Path] && !page.Bound(r) {
			d.j.Fail(w, r, fault.New(fault.Conflict, "acting.stale"))
			return
		}
		if s.Acting != nil {
			if open, err := d.open(r, s); err != nil || !open {
				if err == nil {
					err = fault.New(fault.Forbidden, closed(r, s))
				}
				d.j.Fail(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// closed is why a page is not open while she acts: it is everybody's own, or the
// organisation did not give her that.
func closed(r *http.Request, s account.Session) string {
	part := first(r.URL.Path)
	if journey := journeys[part]; journey != "" && part != "account" && !s.Acting.Organisation.IsZero() {
		return "acting.mandate"
	}
	return "acting.closed"
}

// open reports whether a request is for something that may be done while acting.
func (d *Desk) open(r *http.Request, s account.Session) (bool, error) {
	if !s.Acting.Organisation.IsZero() && first(r.URL.Path) == "account" {
		return false, nil // it tells of a person's level and number
	}
	journey, known := journeys[first(r.URL.Path)]
	switch {
	case !known:
		return false, nil
	case journey == "":
		return true, nil
	}
	return d.accounts.MayDo(r.Context(), s, journey)
}

func (d *Desk) frame(r *http.Request, s account.Session) (page.Acting, error) {
	name, err := d.accounts.ActingName(r.Context(), s)
	if err != nil {
		return page.Acting{}, err
	}
	a := page.Acting{Name: name, Ends: s.Acting.EndsAt, Bind: bind(s), Stop: Stop}
	if a.Name == "" {
		a.Name = d.j.Say(page.Language(r), "acting.unnamed", nil)
	}
	key := "acting.relation." + s.Acting.Relation
	if d.j.Say(page.Vietnamese, key, nil) == key {
		key = "acting.relation.other"
	}
	a.Relation = page.Text{VI: d.j.Say(page.Vietnamese, key, nil), EN: d.j.Say(page.English, key, nil)}
	if !s.Acting.Until.IsZero() {
		a.Until = s.Acting.Until.Vietnamese()
	}
	return a, nil
}

// Yes reports whether whoever reads acts for somebody else; doors hide by it
// what is closed meanwhile.
func Yes(r *http.Request) bool {
	s, ok := session.From(r.Context())
	return ok && s.Acting != nil
}

// Not is the opposite, for places that are only her own.
func Not(r *http.Request) bool { return !Yes(r) }

func (d *Desk) show(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	if s.Acting == nil {
		http.Redirect(w, r, "/dependants", http.StatusSeeOther)
		return
	}
	if !s.Acting.Organisation.IsZero() {
		var scopes []string
		for _, x := range s.Acting.Scopes {
			scopes = append(scopes, d.j.Say(page.Language(r), "acting.scope."+string(x), nil))
		}
		d.j.Render(w, r, http.StatusOK, "acting", page.View{Task: "acting.task", Title: "acting.title", Lede: "acting.lede.organisation", Back: "/",
			Args: map[string]string{"name": page.ActingOf(r.Context()).Name}, Data: map[string]any{"Portal": d.portal, "Organisation": true, "Scopes": scopes,
				"Consents": s.Acting.Covers(organisation.Consents), "Procedures": s.Acting.Covers(organisation.Procedures)}})
		return
	}
	d.j.Render(w, r, http.StatusOK, "acting", page.View{Task: "acting.task", Title: "acting.title", Lede: "acting.lede", Back: "/",
		Args: map[string]string{"name": page.ActingOf(r.Context()).Name}, Data: map[string]any{"Portal": d.portal, "Organisation": false, "Ends": s.Acting.EndsAt, "Until": s.Acting.Until}})
}

func (d *Desk) begin(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	if v := f.Value("organisation"); v != "" {
		d.beginFor(w, r, s, v)
		return
	}
	link, err := account.ParseRepresentationID(f.Value("link"))
	if err != nil {
		err = fault.New(fault.NotFound, "account.representation.none")
	} else {
		err = d.accounts.BeginActing(r.Context(), s, link)
	}
	if session.StepUpTo(w, r, err, "/dependants") {
		return
	}
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// beginFor begins to act for an organisation.
func (d *Desk) beginFor(w http.ResponseWriter, r *http.Request, s account.Session, which string) {
	o, err := organisation.ParseID(which)
	if err != nil {
		err = fault.New(fault.NotFound, "account.representation.none")
	} else {
		err = d.accounts.BeginActingFor(r.Context(), s, o)
	}
	if session.StepUpTo(w, r, err, "/organisations") {
		return
	}
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (d *Desk) stop(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	if err := d.accounts.StopActing(r.Context(), s); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.site.Flash(w, "ok", "account.acting.stopped")
	to := "/dependants"
	if s.Acting != nil && !s.Acting.Organisation.IsZero() {
		to = "/organisations"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
