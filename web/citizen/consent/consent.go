// SPDX-License-Identifier: Apache-2.0

// Package consent is the page that asks her whether a partner may have what it
// asks for: the partner's approved name, its purpose, each fact with its real
// value and where it comes from.
//
// It refuses to nudge: no and yes are alike in size and weight, what is
// optional stands unticked, and everything works without JavaScript. Her yes
// takes effect in one commit, in provider; a page that is sent twice finds the
// request finished.
package consent

import (
	"embed"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"danh/account"
	"danh/account/approval"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/partner"
	"danh/partner/ground"
	"danh/provider"
	"danh/provider/claim"
	"danh/provider/detail"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the page stands on.
type Config struct {
	Provider *provider.Provider
	Browser  func(*http.Request) string                                 // the mark that binds a request to its browser
	Send     func(http.ResponseWriter, *http.Request, *provider.Answer) // lets the browser carry an answer to the client

	Approvals *approval.Desk // takes what she signs; nil: nothing is signed
	Accounts  *account.Keeper
	Guard     *session.Guard
}

type journey struct {
	Config
	j *page.Journey
}

// Mount puts the page on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site.Journey(files)}
	mux.Handle("GET /consent", session.Require(http.HandlerFunc(d.show)))
	mux.Handle("POST /consent", session.Require(http.HandlerFunc(d.answer)))
}

func (d *journey) visit(r *http.Request, handle string) provider.Visit {
	s, _ := session.From(r.Context())
	return provider.Visit{Handle: handle, Browser: d.Browser(r), Session: &s, Language: page.Language(r)}
}

// elsewhere goes back to where every step is decided.
func elsewhere(w http.ResponseWriter, r *http.Request, handle string) {
	http.Redirect(w, r, provider.AuthorizePath+"?request="+url.QueryEscape(handle), http.StatusSeeOther)
}

// line is one fact as the page shows it.
type line struct {
	provider.Line
	Icon  string
	Name  string // of the box, when it is optional
	Words page.Text
	Under bool // the purpose stands above all lines, once
}

// Hint is the words beside the box of an optional fact.
func (l line) Hint(language, none, purpose string) string {
	if l.Value == "" {
		return none + " · " + purpose
	}
	return l.Words.In(language) + " · " + purpose
}

// sources says once for each source which of the facts come from it and as of
// when: repeated on every line it would hide the facts.
func (d *journey) sources(language string, lines []line) []string {
	var out, keys []string
	fields := map[string][]string{}
	args := map[string]map[string]string{}
	for _, l := range lines {
		if l.Value == "" || l.Source == "" {
			continue
		}
		source, day := strings.ReplaceAll(l.Source, " ", "_"), clock.DateOf(l.AsOf).Vietnamese()
		key := source + day
		if fields[key] == nil {
			keys = append(keys, key)
			args[key] = map[string]string{"source": source, "day": day}
		}
		fields[key] = append(fields[key], d.j.Say(language, l.Label(), nil))
	}
	for _, key := range keys {
		a := args[key]
		a["fields"] = strings.Join(fields[key], ", ")
		out = append(out, d.j.Say(language, "consent.source."+a["source"], a))
	}
	return out
}

// Label is the key of a fact's name. An organisation's name and seat are no
// person's full name and residence.
func (l line) Label() string {
	key := "consent.field." + string(l.Field)
	if l.Source == provider.BodySource && (l.Field == provider.Name || l.Field == provider.Address || l.Field == claim.Body) {
		key += "_of_organisation"
	}
	return key
}

var icons = map[provider.Field]string{
	claim.Body: "bank", provider.Name: "user", provider.BirthDate: "calendar", provider.Sex: "users", provider.Number: "idcard", provider.Phone: "phone",
	provider.Email: "mail", provider.Address: "pin", provider.Level: "badge", claim.Card: "idcard", claim.Permanent: "pin", claim.Temporary: "pin", claim.Household: "users", claim.Match: "check",
	claim.Over14: "calendar", claim.Over16: "calendar", claim.Over18: "calendar", claim.Over21: "calendar", claim.Over60: "calendar",
}

// implied are fields whose absence goes without saying: another one beside them
// says it, and a list that names them all would hide it.
var implied = []provider.Field{claim.Over14, claim.Over16, claim.Over21, claim.Over60, claim.Permanent, claim.Temporary, claim.Match}

// words are values that are codes: they are told in words.
var words = map[provider.Field]map[string]page.Text{
	provider.Sex:   {"male": {VI: "Nam", EN: "Male"}, "female": {VI: "Nữ", EN: "Female"}},
	provider.Level: {"1": {VI: "Mức độ 1", EN: "Level 1"}, "2": {VI: "Mức độ 2", EN: "Level 2"}, "0": {VI: "Chưa có mức", EN: "No level"}},
}

func (d *journey) show(w http.ResponseWriter, r *http.Request) {
	handle := r.URL.Query().Get("request")
	if key := r.URL.Query().Get("approval"); key != "" {
		d.signed(w, r, handle, key)
		return
	}
	q, err := d.Provider.Ask(r.Context(), d.visit(r, handle))
	if provider.Elsewhere(err) {
		elsewhere(w, r, handle)
		return
	}
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	language := page.Language(r)
	var required, optional []line
	for _, l := range q.Lines {
		v := line{Line: l, Icon: icons[l.Field], Name: "take." + string(l.Field), Under: q.Client.Only.Code != ""}
		v.Ground = ground.Name(l.Ground).In(language)
		if l.Source == provider.BodySource && l.Field == provider.Name {
			v.Icon = "bank"
		}
		if t, ok := words[l.Field][l.Value]; ok {
			v.Words = t
		} else if l.Words != (partner.Text{}) {
			v.Words = page.Text(l.Words)
		} else {
			v.Words = page.Text{VI: l.Value, EN: l.Value}
		}
		if l.Optional {
			optional = append(optional, v)
		} else {
			required = append(required, v)
		}
	}
	var absent []string
	for _, f := range q.Absent {
		if slices.Contains(implied, f) {
			continue
		}
		absent = append(absent, d.j.Say(language, "consent.field."+string(f), nil))
	}
	absent = append(absent, d.j.Say(language, "consent.absent.portrait", nil), d.j.Say(language, "consent.absent.health", nil), d.j.Say(language, "consent.absent.family", nil))
	var kept []string
	for _, l := range q.Kept {
		kept = append(kept, d.j.Say(language, "consent.field."+string(l.Field), nil))
	}
	var given []string
	for _, g := range q.Given {
		given = append(given, g.In(language))
	}
	lack, err := d.short(w, r, q)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	page.AllowFormAction(w, q.Origin)
	d.j.Render(w, r, http.StatusOK, "consent", page.View{
		Task: "consent.task", Title: "consent.title", Args: map[string]string{"partner": q.Client.Name.In(language), "time": q.ExpiresAt.In(clock.Vietnam).Format("15:04")},
		Meta: "consent.expires", Form: page.FormFrom(r),
		Data: map[string]any{
			"Handle": handle, "Partner": q.Client.Name.In(language), "OwnDoor": q.Client.OwnDoor, "Purpose": q.Purpose.In(language), "Required": required, "Optional": optional,
			"Sources": d.sources(language, required), "Absent": absent, "Offline": q.Offline, "OfflineWhy": q.OfflineWhy.In(language), "Provisional": q.Provisional, "Until": q.Until, "Ground": ground.Name(q.Ground).In(language), "Keep": keep(q, language), "Given": strings.Join(given, ", "), "Rights": q.Rights.In(language), "Code": q.Client.Only.Code, "Party": q.Client.Party, "Language": language, "Seen": q.Seen, "Kept": kept, "Details": deeds(q.Details),
			"Short": lack, "Ends": q.ExpiresAt,
		},
	})
}

// short is what she could sign a yes by, when that is not enough.
type short struct {
	account.Ways
	Still bool // a yes without what is optional needs no more than she has
	Once  bool // this browser is not hers: she signs in here first
}

// short finds it, so that she is told before she has said yes. Nil: she has
// enough, or nothing is signed.
func (d *journey) short(w http.ResponseWriter, r *http.Request, q provider.Question) (*short, error) {
	if q.Signs+q.SignsIf == "" || d.Approvals == nil {
		return nil, nil
	}
	s, _ := session.From(r.Context())
	for _, journey := range []string{q.Signs, q.SignsIf} {
		if journey == "" {
			continue
		}
		ways, err := d.Accounts.ProofWays(r.Context(), s, journey, d.Guard.Remote(w, r))
		if f := fault.Of(err); f != nil && f.Key == "account.proof.once" {
			return &short{Once: true, Still: journey != q.Signs}, nil
		}
		if err != nil {
			return nil, err
		}
		if !ways.Enough {
			return &short{Ways: ways, Still: journey != q.Signs}, nil
		}
	}
	return nil, nil
}

// keep is how long the partner keeps what it reads, in words; "" is not at all.
func keep(q provider.Question, language string) string { return q.Keep.In(language) }

// deed is what the partner would do, as the page shows it.
type deed struct {
	detail.Shown
	Money string
}

func deeds(list []detail.Shown) []deed {
	out := make([]deed, len(list))
	for i, s := range list {
		out[i] = deed{s, approval.Dong(s.Amount)}
	}
	return out
}

func (d *journey) answer(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		d.j.Fail(w, r, errBody)
		return
	}
	handle := r.PostForm.Get("request")
	visit := d.visit(r, handle)
	var out *provider.Answer
	var err error
	switch r.PostForm.Get("answer") {
	case "yes":
		ticked := ticks(r.PostForm)
		visit.Seen = r.PostForm.Get("seen")
		out, err = d.Provider.Approve(r.Context(), visit, ticked)
	case "no":
		out, err = d.Provider.Decline(r.Context(), visit)
	default:
		elsewhere(w, r, handle)
		return
	}
	var sign *provider.Signature
	if errors.As(err, &sign) && d.Approvals != nil {
		d.sign(w, r, handle, sign.Document)
		return
	}
	d.done(w, r, handle, out, err)
}

func (d *journey) done(w http.ResponseWriter, r *http.Request, handle string, out *provider.Answer, err error) {
	switch {
	case provider.Elsewhere(err):
		elsewhere(w, r, handle)
	case err != nil:
		d.j.Fail(w, r, err)
	default:
		d.Send(w, r, out)
	}
}

// ticks reads which optional facts she ticked.
func ticks(v url.Values) []provider.Field {
	var out []provider.Field
	for _, f := range provider.Fields {
		if v.Get("take."+string(f)) == "yes" {
			out = append(out, f)
		}
	}
	return out
}

// sign leads to the page on which she signs what she said yes to, and back to
// this one with the same ticks.
func (d *journey) sign(w http.ResponseWriter, r *http.Request, handle string, doc approval.Document) {
	s, _ := session.From(r.Context())
	back := url.Values{"request": {handle}, "seen": {r.PostForm.Get("seen")}}
	for _, f := range ticks(r.PostForm) {
		back.Set("take."+string(f), "yes")
	}
	a, err := d.Approvals.Ask(r.Context(), s, doc, "/consent?"+back.Encode())
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/approve/"+a.String(), http.StatusSeeOther)
}

// signed acts on what she signed. It comes by an address, and may: the key in it
// opens nothing unless she approved this very consent in this session, and is
// used up by it.
func (d *journey) signed(w http.ResponseWriter, r *http.Request, handle, key string) {
	q := r.URL.Query()
	a, err := approval.ParseID(key)
	if err != nil {
		d.j.Fail(w, r, errBody)
		return
	}
	visit := d.visit(r, handle)
	visit.Seen, visit.Approval = q.Get("seen"), a
	out, err := d.Provider.Approve(r.Context(), visit, ticks(q))
	d.done(w, r, handle, out, err)
}

var errBody = fault.New(fault.Invalid, "provider.stale")
