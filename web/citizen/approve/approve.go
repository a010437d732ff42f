// SPDX-License-Identifier: Apache-2.0

// Package approve is the page on which she approves one act: it shows the
// document word for word, who gets what and how much, and takes her yes by her
// passcode and her passkey or this device's key, or her no.
//
// It refuses to nudge: yes and no are alike in size. What she sees is what her
// answer is bound to; the page itself does nothing but take it, and leads back
// to the page that asked.
package approve

import (
	"embed"
	"encoding/base64"
	"net/http"
	"net/url"

	"danh/account"
	"danh/account/approval"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the page stands on.
type Config struct {
	Desk     *approval.Desk
	Accounts *account.Keeper
	Guard    *session.Guard
}

type journey struct {
	Config
	j *page.Journey
}

// Mount puts the page on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site.Journey(files)}
	mux.Handle("GET /approve/{id}", session.Require(http.HandlerFunc(d.show)))
	mux.Handle("POST /approve/{id}", session.Require(http.HandlerFunc(d.answer)))
}

func (d *journey) show(w http.ResponseWriter, r *http.Request) {
	a, ok := d.id(w, r)
	if ok {
		d.render(w, r, http.StatusOK, a, &page.Form{}, "")
	}
}

func (d *journey) id(w http.ResponseWriter, r *http.Request) (approval.ID, bool) {
	a, err := approval.ParseID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "account.approval.gone"))
	}
	return a, err == nil
}

func (d *journey) render(w http.ResponseWriter, r *http.Request, status int, a approval.ID, f *page.Form, problem string) {
	s, _ := session.From(r.Context())
	x, err := d.Desk.Find(r.Context(), s, a)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	if x.State != approval.Waiting {
		d.over(w, r, x)
		return
	}
	remote := d.Guard.Remote(w, r)
	ways, err := d.Accounts.ProofWays(r.Context(), s, x.Document.Journey, remote)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	if ways.Level {
		d.j.Fail(w, r, ways.Demand.MeetLevel(s))
		return
	}
	f.Values.Del("passcode") // never shown again
	data := map[string]any{"Document": x.Document, "Amount": approval.Dong(x.Document.Amount), "ID": a, "Ends": x.ExpiresAt, "Span": x.ExpiresAt.Sub(x.AskedAt), "Ways": ways, "Problem": problem, "Back": x.Back}
	if ways.Enough {
		c, err := d.Desk.Begin(r.Context(), s, a, remote)
		if err != nil {
			d.j.Fail(w, r, err)
			return
		}
		data["Ceremony"], data["Options"], data["Challenge"] = c.Token.Reveal(), string(c.Options), c.Challenge
	}
	d.Guard.LetOn(w, r, x.Back)
	d.j.Render(w, r, status, "approve", page.View{Title: x.Document.Title, Lede: "approve.lede", Task: "approve.task", Form: f, Data: data})
}

// over tells what became of it.
func (d *journey) over(w http.ResponseWriter, r *http.Request, x approval.Approval) {
	if x.State == approval.Approved && r.Method == http.MethodGet {
		http.Redirect(w, r, back(x.Back, x.ID), http.StatusSeeOther)
		return
	}
	d.j.Render(w, r, http.StatusConflict, "over", page.View{Title: "approve.over", Task: "approve.task", Back: "/", Data: map[string]any{"Document": x.Document, "State": string(x.State), "Back": x.Back}})
}

// back is the path of the page that asked, with the approval's key.
func back(path string, a approval.ID) string {
	u, err := url.Parse(path)
	if err != nil {
		return "/"
	}
	q := u.Query()
	q.Set("approval", a.String())
	u.RawQuery = q.Encode()
	return u.String()
}

func (d *journey) answer(w http.ResponseWriter, r *http.Request) {
	a, ok := d.id(w, r)
	if !ok {
		return
	}
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	x, err := d.Desk.Find(r.Context(), s, a)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	if f.Value("by") == "no" {
		if err := d.Desk.Refuse(r.Context(), s, a); err != nil && !fault.Is(err, fault.Conflict) {
			d.j.Fail(w, r, err)
			return
		}
		d.j.Render(w, r, http.StatusOK, "over", page.View{Title: "approve.refused", Task: "approve.task", Back: "/", Data: map[string]any{"Document": x.Document, "State": string(approval.Refused), "Back": x.Back}})
		return
	}
	signature, err := base64.RawURLEncoding.DecodeString(f.Value("signature"))
	if err != nil {
		signature = []byte("?") // refused like every other that is wrong
	}
	err = d.Desk.Approve(r.Context(), s, a, account.Proof{Ceremony: account.Token(f.Value("ceremony")), Answer: []byte(f.Secret("credential")), Signature: signature,
		Passcode: account.Passcode(f.Digits("passcode")), Remote: d.Guard.Remote(w, r)})
	ft := fault.Of(err)
	switch {
	case err == nil:
		http.Redirect(w, r, back(x.Back, a), http.StatusSeeOther)
	case ft == nil, ft.Kind == fault.NotFound:
		d.j.Fail(w, r, err)
	case len(ft.Fields) > 0 && f.FromFault(err), ft.Kind == fault.TooMany && f.FromFault(err):
		d.render(w, r, fault.Status(err), a, f, "")
	case ft.Kind == fault.Invalid, ft.Kind == fault.Conflict, ft.Key == "account.passcode.closed":
		d.render(w, r, fault.Status(err), a, f, ft.Key)
	default:
		d.j.Fail(w, r, err)
	}
}
