// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

//go:embed page.html
var files embed.FS

var pages = template.Must(template.New("page.html").Funcs(template.FuncMap{"say": say, "hour": hour}).ParseFS(files, "page.html"))

// wish is one thing that the bank asks Danh for, with its approved purpose.
type wish struct {
	Scopes string
	Claims string // the claims parameter, as JSON
}

var wishes = map[string]wish{
	"open_account": {"profile number residence", `{"userinfo":{"verified_claims":{"verification":{"trust_framework":{"value":"vn_identification_law"},"time":null,"evidence":[{"type":{"value":"electronic_record"}}]},"claims":{"name":null,"birthdate":null,"personal_number":null,"address":null}}}}`},
	"yearly_check": {"match", ""}, // to compare, and to read nothing
	"transfer":     {"", ""},
}

type bank struct {
	c    config
	log  *slog.Logger
	fapi *fapi

	mu        sync.Mutex
	started   map[string]started   // by state
	customers map[string]*customer // by subject
	sessions  map[string]string    // the browser's mark to a subject
	calls     map[string]*call     // requests to a phone, by a name of our own
	news      []news               // what Danh told, latest first
	seen      map[string]bool      // identifiers of what it told
}

type started struct {
	purpose, nonce, verifier, browser string
	at                                time.Time
}

// customer is a file at the bank. The subject is Danh's name for her here, and
// no other partner's.
type customer struct {
	Subject, SID, IDToken string
	Claims                map[string]json.RawMessage
	Verified              string // verified_claims, shown as they came
	Answers               []answer
	Orders                []order
	Since                 time.Time
	Closed                bool              // she withdrew her consent
	tokens                map[string]tokens // by purpose
}

type answer struct {
	Field, Said string
}

type order struct {
	Amount, Payee, Account, Reference string
	At                                time.Time
}

// news is one thing that Danh told the bank.
type news struct {
	Kind, Subject string
	At            time.Time
}

func newBank(ctx context.Context, c config, k *keys, log *slog.Logger) (*bank, error) {
	f, err := newFAPI(ctx, c, k)
	if err != nil {
		return nil, err
	}
	return &bank{c: c, log: log, fapi: f, started: map[string]started{}, customers: map[string]*customer{}, sessions: map[string]string{}, calls: map[string]*call{}, seen: map[string]bool{}}, nil
}

func (b *bank) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", b.home)
	mux.HandleFunc("GET /signin", b.signIn)
	mux.HandleFunc("POST /transfer", b.transfer)
	mux.HandleFunc("GET /callback", b.callback)
	mux.HandleFunc("POST /check", b.check)
	mux.HandleFunc("POST /call", b.ring)
	mux.HandleFunc("GET /call/{name}", b.ringing)
	mux.HandleFunc("POST /ping", b.ping)
	mux.HandleFunc("POST /signout", b.signOut)
	mux.HandleFunc("POST /backchannel-logout", b.loggedOut)
	mux.HandleFunc("POST /events", b.event)
	mux.HandleFunc("GET /jwks.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_ = b.fapi.keys.writePublic(w)
	})
	cross := http.NewCrossOriginProtection()
	for _, p := range []string{"POST /backchannel-logout", "POST /events", "POST /ping"} { // servers call these, with tokens
		cross.AddInsecureBypassPattern(p)
	}
	return cross.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' "+b.c.Issuer+"; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if lang := r.URL.Query().Get("lang"); lang == "vi" || lang == "en" { // chosen once, kept for the pages after it
			http.SetCookie(w, &http.Cookie{Name: langName, Value: lang, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: strings.HasPrefix(b.c.Origin, "https://"), SameSite: http.SameSiteLaxMode})
		}
		mux.ServeHTTP(w, r)
	}))
}

const cookieName = "bank"

// browser gives the browser's mark, making one at the first visit.
func (b *bank) browser(w http.ResponseWriter, r *http.Request) string {
	if k, err := r.Cookie(cookieName); err == nil && len(k.Value) == 26 {
		return k.Value
	}
	v := rand.Text()
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: v, Path: "/", HttpOnly: true, Secure: strings.HasPrefix(b.c.Origin, "https://"), SameSite: http.SameSiteLaxMode})
	return v
}

func (b *bank) home(w http.ResponseWriter, r *http.Request) {
	b.show(w, r, http.StatusOK, "", nil)
}

func (b *bank) show(w http.ResponseWriter, r *http.Request, status int, problem string, ringing *call) {
	mark := b.browser(w, r)
	d := map[string]any{"EN": inEnglish(r), "Problem": problem, "Issuer": b.c.Issuer, "Banks": payeeBanks}
	b.mu.Lock()
	defer b.mu.Unlock()
	if ringing != nil {
		d["Call"] = *ringing
	}
	d["News"] = b.news
	if in := b.customers[b.sessions[mark]]; in != nil {
		d["In"] = in
		var name, number, birth string
		var address struct {
			Formatted string `json:"formatted"`
		}
		_ = json.Unmarshal(in.Claims["name"], &name)
		_ = json.Unmarshal(in.Claims["personal_number"], &number)
		_ = json.Unmarshal(in.Claims["birthdate"], &birth)
		_ = json.Unmarshal(in.Claims["address"], &address)
		d["Name"], d["Number"], d["Birth"], d["Address"] = name, number, asDay(birth), address.Formatted
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := pages.ExecuteTemplate(w, "page.html", d); err != nil {
		b.log.Error("the page could not be written", "err", err)
	}
}

// signIn sends the browser to Danh, for one purpose.
func (b *bank) signIn(w http.ResponseWriter, r *http.Request) {
	purpose := r.URL.Query().Get("for")
	if _, ok := wishes[purpose]; !ok || purpose == "transfer" {
		http.NotFound(w, r)
		return
	}
	b.begin(w, r, purpose, nil)
}

// transfer asks her to approve one payment: amount and payee are in what she
// signs (RFC 9396).
func (b *bank) transfer(w http.ResponseWriter, r *http.Request) {
	amount, err := strconv.ParseInt(strings.NewReplacer(".", "", ",", "", " ", "").Replace(r.PostFormValue("amount")), 10, 64)
	payee, text := strings.Join(strings.Fields(r.PostFormValue("payee")), " "), strings.Join(strings.Fields(r.PostFormValue("reference")), " ")
	account := strings.ToUpper(strings.Join(strings.Fields(r.PostFormValue("account")), ""))
	if err != nil || amount < 1000 || amount > 500_000_000 || payee == "" || text == "" || !accountForm.MatchString(account) || bankOf(r.PostFormValue("bank")) == "" {
		b.show(w, r, http.StatusUnprocessableEntity, "amount", nil)
		return
	}
	b.begin(w, r, "transfer", []map[string]any{{"type": "payment_initiation", "instructedAmount": map[string]string{"currency": "VND", "amount": strconv.FormatInt(amount, 10)},
		"creditorName": payee, "creditorAccount": map[string]string{"bank": r.PostFormValue("bank"), "number": account}, "remittanceInformationUnstructured": text}})
}

func (b *bank) begin(w http.ResponseWriter, r *http.Request, purpose string, details any) {
	mark, state := b.browser(w, r), rand.Text()
	s := started{purpose: purpose, nonce: rand.Text(), verifier: oauth2.GenerateVerifier(), browser: mark, at: time.Now()}
	v := url.Values{"response_type": {"code"}, "redirect_uri": {b.c.Origin + "/callback"}, "scope": {strings.TrimSpace("openid purpose:" + purpose + " " + wishes[purpose].Scopes)},
		"state": {state}, "nonce": {s.nonce}, "code_challenge": {oauth2.S256ChallengeFromVerifier(s.verifier)}, "code_challenge_method": {"S256"}, "ui_locales": {"vi"}}
	if inEnglish(r) {
		v.Set("ui_locales", "en")
	}
	if c := wishes[purpose].Claims; c != "" {
		v.Set("claims", c)
	}
	if details != nil {
		text, err := json.Marshal(details)
		if err != nil {
			b.fail(w, r, "the payment could not be written", err)
			return
		}
		v.Set("authorization_details", string(text))
	}
	to, err := b.fapi.push(r.Context(), v)
	if err != nil {
		b.fail(w, r, "Danh refused the request", err)
		return
	}
	b.mu.Lock()
	for k, old := range b.started {
		if time.Since(old.at) > time.Hour {
			delete(b.started, k)
		}
	}
	b.started[state] = s
	b.mu.Unlock()
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (b *bank) fail(w http.ResponseWriter, r *http.Request, what string, err error) {
	b.log.Error(what, "err", err)
	code := "failed"
	var e *answerError
	if errors.As(err, &e) && e.Code != "" {
		code = e.Code
	}
	b.show(w, r, http.StatusBadGateway, code, nil)
}

// callback takes what the browser brings back: first whether it belongs to a
// sign-in that this browser began, with this issuer (RFC 9207), then the code.
func (b *bank) callback(w http.ResponseWriter, r *http.Request) {
	q, mark := r.URL.Query(), b.browser(w, r)
	b.mu.Lock()
	s, ok := b.started[q.Get("state")]
	delete(b.started, q.Get("state"))
	b.mu.Unlock()
	if !ok || s.browser != mark || q.Get("iss") != b.c.Issuer {
		b.show(w, r, http.StatusBadRequest, "stale", nil)
		return
	}
	if e := q.Get("error"); e != "" {
		b.show(w, r, http.StatusOK, e, nil)
		return
	}
	t, it, err := b.fapi.redeem(r.Context(), q.Get("code"), b.c.Origin+"/callback", s.verifier, s.nonce)
	if err != nil {
		b.fail(w, r, "the code was refused", err)
		return
	}
	claims, err := b.fapi.userInfo(r.Context(), t, it.Subject)
	if err != nil {
		b.fail(w, r, "no user information", err)
		return
	}
	var own struct {
		SID string `json:"sid"`
	}
	_ = it.Claims(&own)
	b.mu.Lock()
	c := b.customers[it.Subject]
	if c == nil {
		c = &customer{Subject: it.Subject, Claims: map[string]json.RawMessage{}, Since: time.Now(), tokens: map[string]tokens{}}
		b.customers[it.Subject] = c
	}
	c.SID, c.IDToken, c.tokens[s.purpose], c.Closed = own.SID, t.ID, t, false
	for k, v := range claims {
		c.Claims[k] = v
	}
	if v, ok := claims["verified_claims"]; ok {
		text, _ := json.MarshalIndent(v, "", "  ")
		c.Verified = string(text)
	}
	if s.purpose == "transfer" {
		c.Orders = append(c.Orders, orders(t.Details)...)
	}
	b.sessions[mark] = it.Subject
	b.mu.Unlock()
	if s.purpose == "yearly_check" { // she came here by the button that compares
		if err := b.compare(r.Context(), c); err != nil {
			b.fail(w, r, "Danh did not compare", err)
			return
		}
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// orders reads what she approved from the token answer, not from what was asked.
func orders(details json.RawMessage) (out []order) {
	var list []struct {
		Type   string `json:"type"`
		Amount struct {
			Amount string `json:"amount"`
		} `json:"instructedAmount"`
		Creditor string `json:"creditorName"`
		Account  struct {
			Bank   string `json:"bank"`
			Number string `json:"number"`
		} `json:"creditorAccount"`
		Reference string `json:"remittanceInformationUnstructured"`
	}
	_ = json.Unmarshal(details, &list)
	for _, d := range list {
		if d.Type == "payment_initiation" {
			out = append(out, order{grouped(d.Amount.Amount), d.Creditor, strings.TrimSpace(bankOf(d.Account.Bank) + " " + d.Account.Number), d.Reference, time.Now()})
		}
	}
	return out
}

// check asks Danh whether what the bank holds still matches: yes or no per
// field, never a value. Where she has not agreed to that, or the token is over,
// she is sent to Danh first.
func (b *bank) check(w http.ResponseWriter, r *http.Request) {
	mark := b.browser(w, r)
	b.mu.Lock()
	c := b.customers[b.sessions[mark]]
	may := c != nil && c.tokens["yearly_check"].Access != ""
	b.mu.Unlock()
	if c == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	var e *answerError
	err := errNotAsked
	if may {
		err = b.compare(r.Context(), c)
	}
	switch {
	case err == nil:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	case errors.Is(err, errNotAsked), errors.As(err, &e) && (e.Status == http.StatusUnauthorized || e.Code == "insufficient_scope"):
		b.begin(w, r, "yearly_check", nil)
	default:
		b.fail(w, r, "Danh did not compare", err)
	}
}

var errNotAsked = errors.New("she has not been asked")

func (b *bank) compare(ctx context.Context, c *customer) error {
	claims := map[string]json.RawMessage{}
	b.mu.Lock()
	access := c.tokens["yearly_check"].Access
	for _, k := range compared {
		if v, ok := c.Claims[k]; ok {
			claims[k] = v
		}
	}
	b.mu.Unlock()
	if len(claims) == 0 {
		return &answerError{Code: "nothing_held"}
	}
	body, err := json.Marshal(map[string]any{"claims": claims})
	if err != nil {
		return err
	}
	var out struct {
		Claims map[string]string `json:"claims"`
	}
	if err := b.fapi.call(ctx, http.MethodPost, b.fapi.at.Verify, access, func() (string, string, error) { return string(body), "application/json", nil }, &out); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c.Answers = nil
	for _, k := range compared {
		if said, ok := out.Claims[k]; ok {
			c.Answers = append(c.Answers, answer{k, said})
		}
	}
	return nil
}

var compared = []string{"name", "birthdate", "personal_number"}

func (b *bank) signOut(w http.ResponseWriter, r *http.Request) {
	mark := b.browser(w, r)
	b.mu.Lock()
	in := b.customers[b.sessions[mark]]
	delete(b.sessions, mark)
	b.mu.Unlock()
	if in == nil || b.fapi.at.EndSession == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, b.fapi.at.EndSession+"?"+url.Values{"id_token_hint": {in.IDToken}, "post_logout_redirect_uri": {b.c.Origin + "/"}}.Encode(), http.StatusSeeOther)
}
