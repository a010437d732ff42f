// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

//go:embed page.html
var files embed.FS

var pages = template.Must(template.ParseFS(files, "page.html"))

// Purposes for which the shop is approved, each with its scopes. A person
// agrees to each by itself.
var purposes = map[string][]string{
	"delivery": {"profile", "phone", "residence"},
	"age":      {"age"},
}

type shop struct {
	c        config
	log      *slog.Logger
	http     *http.Client
	provider *oidc.Provider
	oauth    oauth2.Config
	endpoint struct {
		EndSession string `json:"end_session_endpoint"`
	}

	mu       sync.Mutex
	started  map[string]started // by state
	sessions map[string]*session
}

// started is a sign-in under way, bound to the browser by its cookie.
type started struct {
	purpose, nonce, verifier, browser string
	at                                time.Time
}

// session is somebody who came back from Danh.
type session struct {
	Subject, SID, IDToken string
	Claims                map[string]json.RawMessage // of every purpose so far
	Received              []received
	at                    time.Time
}

// received is one answer, shown as it came.
type received struct {
	Purpose, Text string
	At            time.Time
}

func newShop(ctx context.Context, c config, log *slog.Logger) (*shop, error) {
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	s := &shop{c: c, log: log, http: client, started: map[string]started{}, sessions: map[string]*session{}}
	// Danh may start a moment later than the shop.
	for try := 0; ; try++ {
		if s.provider, err = oidc.NewProvider(oidc.ClientContext(ctx, client), c.Issuer); err == nil {
			break
		}
		if try == 60 {
			return nil, fmt.Errorf("no answer from the issuer: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	if err := s.provider.Claims(&s.endpoint); err != nil {
		return nil, err
	}
	endpoint := s.provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	s.oauth = oauth2.Config{ClientID: c.Client, ClientSecret: c.Secret, RedirectURL: c.Origin + "/callback", Endpoint: endpoint}
	return s, nil
}

func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /signin", s.signIn)
	mux.HandleFunc("GET /callback", s.callback)
	mux.HandleFunc("POST /signout", s.signOut)
	mux.HandleFunc("POST /backchannel-logout", s.loggedOut)
	cross := http.NewCrossOriginProtection()
	cross.AddInsecureBypassPattern("POST /backchannel-logout") // a server calls it, with a signed token
	return cross.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' "+s.c.Issuer+"; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if lang := r.URL.Query().Get("lang"); lang == "vi" || lang == "en" { // chosen once, kept for the pages after it
			http.SetCookie(w, &http.Cookie{Name: langName, Value: lang, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: strings.HasPrefix(s.c.Origin, "https://"), SameSite: http.SameSiteLaxMode})
		}
		mux.ServeHTTP(w, r)
	}))
}

const cookieName = "shop"

// browser gives the browser's mark, making one at the first visit.
func (s *shop) browser(w http.ResponseWriter, r *http.Request) string {
	if k, err := r.Cookie(cookieName); err == nil && len(k.Value) == 26 {
		return k.Value
	}
	v := rand.Text()
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: v, Path: "/", HttpOnly: true, Secure: strings.HasPrefix(s.c.Origin, "https://"), SameSite: http.SameSiteLaxMode})
	return v
}

func (s *shop) home(w http.ResponseWriter, r *http.Request) {
	mark := s.browser(w, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.show(w, r, http.StatusOK, "", s.sessions[mark])
}

func (s *shop) show(w http.ResponseWriter, r *http.Request, status int, problem string, in *session) {
	english := inEnglish(r)
	d := map[string]any{"EN": english, "Problem": problem, "In": in, "Issuer": s.c.Issuer, "Vietnam": time.FixedZone("", 7*60*60)}
	if in != nil {
		var name, phone string
		var address struct {
			Formatted string `json:"formatted"`
		}
		var grown *bool
		_ = json.Unmarshal(in.Claims["name"], &name)
		_ = json.Unmarshal(in.Claims["phone_number"], &phone)
		_ = json.Unmarshal(in.Claims["address"], &address)
		_ = json.Unmarshal(in.Claims["age_over_18"], &grown)
		d["Name"], d["Phone"], d["Address"] = name, phone, address.Formatted
		d["AgeKnown"], d["OfAge"] = grown != nil, grown != nil && *grown
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := pages.ExecuteTemplate(w, "page.html", d); err != nil {
		s.log.Error("the page could not be written", "err", err)
	}
}

// signIn sends the browser to Danh, for one purpose.
func (s *shop) signIn(w http.ResponseWriter, r *http.Request) {
	purpose := r.URL.Query().Get("for")
	scopes, ok := purposes[purpose]
	if !ok {
		http.NotFound(w, r)
		return
	}
	mark := s.browser(w, r)
	state, begun := rand.Text(), started{purpose: purpose, nonce: rand.Text(), verifier: oauth2.GenerateVerifier(), browser: mark, at: time.Now()}
	s.mu.Lock()
	for k, v := range s.started {
		if time.Since(v.at) > time.Hour {
			delete(s.started, k)
		}
	}
	s.started[state] = begun
	s.mu.Unlock()
	to := s.oauth
	to.Scopes = append([]string{oidc.ScopeOpenID, "purpose:" + purpose}, scopes...)
	language := "vi"
	if inEnglish(r) {
		language = "en"
	}
	http.Redirect(w, r, to.AuthCodeURL(state, oidc.Nonce(begun.nonce), oauth2.S256ChallengeOption(begun.verifier), oauth2.SetAuthURLParam("ui_locales", language)), http.StatusSeeOther)
}

// callback takes what the browser brings back: first whether it belongs to a
// sign-in that this browser began, with this issuer (RFC 9207), then the code.
func (s *shop) callback(w http.ResponseWriter, r *http.Request) {
	q, mark := r.URL.Query(), s.browser(w, r)
	s.mu.Lock()
	begun, ok := s.started[q.Get("state")]
	delete(s.started, q.Get("state"))
	s.mu.Unlock()
	if !ok || begun.browser != mark || q.Get("iss") != s.c.Issuer {
		s.show(w, r, http.StatusBadRequest, "stale", nil)
		return
	}
	if q.Get("error") != "" {
		s.show(w, r, http.StatusOK, q.Get("error"), s.current(mark))
		return
	}
	ctx := oidc.ClientContext(r.Context(), s.http)
	fail := func(what string, err error) {
		s.log.Error(what, "err", err)
		s.show(w, r, http.StatusBadGateway, "failed", nil)
	}
	token, err := s.oauth.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(begun.verifier))
	if err != nil {
		fail("the code was refused", err)
		return
	}
	raw, _ := token.Extra("id_token").(string)
	it, err := s.provider.VerifierContext(ctx, &oidc.Config{ClientID: s.c.Client}).Verify(ctx, raw)
	if err != nil {
		fail("the ID token is not good", err)
		return
	}
	if it.Nonce != begun.nonce || it.VerifyAccessToken(token.AccessToken) != nil {
		fail("the ID token is not for this sign-in", fmt.Errorf("nonce or at_hash differs"))
		return
	}
	var own struct {
		SID string `json:"sid"`
	}
	_ = it.Claims(&own)
	info, err := s.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		fail("no user information", err)
		return
	}
	var claims map[string]json.RawMessage
	if info.Subject != it.Subject || info.Claims(&claims) != nil {
		fail("the user information is somebody else's", fmt.Errorf("subject differs"))
		return
	}
	text, _ := json.MarshalIndent(claims, "", "  ")
	s.mu.Lock()
	in := s.sessions[mark]
	if in == nil || in.Subject != it.Subject {
		in = &session{Subject: it.Subject, Claims: map[string]json.RawMessage{}}
	}
	in.SID, in.IDToken, in.at = own.SID, raw, time.Now()
	for k, v := range claims {
		in.Claims[k] = v
	}
	in.Received = append(in.Received, received{begun.purpose, string(text), time.Now()})
	s.sessions[mark] = in
	s.mu.Unlock()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *shop) current(mark string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[mark]
}

// signOut ends the session here, and then at Danh (OpenID Connect RP-Initiated
// Logout 1.0).
func (s *shop) signOut(w http.ResponseWriter, r *http.Request) {
	mark := s.browser(w, r)
	s.mu.Lock()
	in := s.sessions[mark]
	delete(s.sessions, mark)
	s.mu.Unlock()
	if in == nil || s.endpoint.EndSession == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, s.endpoint.EndSession+"?"+url.Values{"id_token_hint": {in.IDToken}, "post_logout_redirect_uri": {s.c.Origin + "/"}}.Encode(), http.StatusSeeOther)
}

// loggedOut receives a logout token (OpenID Connect Back-Channel Logout 1.0,
// section 2.6) and ends the sessions that it names.
func (s *shop) loggedOut(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	ctx := oidc.ClientContext(r.Context(), s.http)
	token, err := s.provider.VerifierContext(ctx, &oidc.Config{ClientID: s.c.Client}).Verify(ctx, r.PostFormValue("logout_token"))
	var c struct {
		SID    string                     `json:"sid"`
		Nonce  *string                    `json:"nonce"`
		Events map[string]json.RawMessage `json:"events"`
	}
	if err == nil {
		err = token.Claims(&c)
	}
	if _, named := c.Events["http://schemas.openid.net/event/backchannel-logout"]; err != nil || !named || c.Nonce != nil || token.Subject == "" && c.SID == "" {
		http.Error(w, `{"error":"invalid_request"}`, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	for mark, in := range s.sessions {
		if (token.Subject == "" || in.Subject == token.Subject) && (c.SID == "" || in.SID == c.SID) {
			delete(s.sessions, mark)
		}
	}
	s.mu.Unlock()
	w.WriteHeader(http.StatusOK)
}

const langName = "lang"

// inEnglish reads the language from the address, else from what was chosen
// before, else from the browser.
func inEnglish(r *http.Request) bool {
	if lang := r.URL.Query().Get("lang"); lang != "" {
		return lang == "en"
	}
	if k, err := r.Cookie(langName); err == nil {
		return k.Value == "en"
	}
	return strings.HasPrefix(strings.ToLower(r.Header.Get("Accept-Language")), "en")
}
