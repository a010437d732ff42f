// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// loggedOut receives a logout token (OpenID Connect Back-Channel Logout 1.0,
// section 2.6).
func (b *bank) loggedOut(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	ctx := oidc.ClientContext(r.Context(), b.fapi.http)
	token, err := b.fapi.provider.VerifierContext(ctx, &oidc.Config{ClientID: b.c.Client}).Verify(ctx, r.PostFormValue("logout_token"))
	var c struct {
		ID     string                     `json:"jti"`
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
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen[c.ID] {
		w.WriteHeader(http.StatusOK)
		return
	}
	b.seen[c.ID] = true
	for mark, subject := range b.sessions {
		k := b.customers[subject]
		if k != nil && (token.Subject == "" || subject == token.Subject) && (c.SID == "" || k.SID == c.SID) {
			delete(b.sessions, mark)
		}
	}
	b.note("backchannel-logout", token.Subject)
}

// event receives a security event token (RFC 8935, section 2).
func (b *bank) event(w http.ResponseWriter, r *http.Request) {
	refuse := func(code string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"err": code})
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
	if err != nil || r.Header.Get("Content-Type") != "application/secevent+jwt" {
		refuse("invalid_request")
		return
	}
	o, err := jose.ParseSignedCompact(string(raw), []jose.SignatureAlgorithm{jose.ES256})
	if typ, _ := head(o)[jose.HeaderType].(string); err != nil || typ != "secevent+jwt" {
		refuse("invalid_request")
		return
	}
	// A security event token has no exp and its subject in sub_id, so it is no
	// ID token: the signature alone is the library's to check.
	ctx := oidc.ClientContext(r.Context(), b.fapi.http)
	var at struct {
		JWKS string `json:"jwks_uri"`
	}
	if err := b.fapi.provider.Claims(&at); err != nil {
		refuse("invalid_key")
		return
	}
	payload, err := oidc.NewRemoteKeySet(ctx, at.JWKS).VerifySignature(ctx, string(raw))
	if err != nil {
		refuse("invalid_key")
		return
	}
	var c struct {
		Issuer   string          `json:"iss"`
		Audience json.RawMessage `json:"aud"`
		ID       string          `json:"jti"`
		Subject  struct {
			Format, Iss, Sub string
			User             struct{ Sub string } // of a complex one: who, and which session
		} `json:"sub_id"`
		Events map[string]json.RawMessage `json:"events"`
	}
	switch {
	case json.Unmarshal(payload, &c) != nil || c.ID == "" || len(c.Events) == 0:
		refuse("invalid_request")
		return
	case c.Issuer != b.c.Issuer:
		refuse("invalid_issuer")
		return
	case !names(c.Audience, b.c.Client):
		refuse("invalid_audience")
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.seen[c.ID] {
		b.seen[c.ID] = true
		for kind := range c.Events {
			b.act(kind, cmp.Or(c.Subject.Sub, c.Subject.User.Sub))
		}
	}
	w.WriteHeader(http.StatusAccepted)
}

func head(o *jose.JSONWebSignature) map[jose.HeaderKey]any {
	if o == nil || len(o.Signatures) != 1 {
		return nil
	}
	return o.Signatures[0].Protected.ExtraHeaders
}

func names(audience json.RawMessage, client string) bool {
	var one string
	var many []string
	if json.Unmarshal(audience, &one) == nil {
		return one == client
	}
	_ = json.Unmarshal(audience, &many)
	for _, a := range many {
		if a == client {
			return true
		}
	}
	return false
}

// The events that the bank acts on.
const (
	sessionRevoked   = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	accountDisabled  = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
	consentWithdrawn = "urn:danh:event:consent-withdrawn"
)

// act does what an event asks of a bank: whoever was signed out is signed out
// here, and what was agreed to no more is forgotten.
func (b *bank) act(kind, subject string) {
	c := b.customers[subject]
	switch kind {
	case sessionRevoked, accountDisabled:
		b.end(subject)
	case consentWithdrawn:
		b.end(subject)
		if c != nil {
			c.Claims, c.Verified, c.Answers, c.tokens, c.Closed = map[string]json.RawMessage{}, "", nil, map[string]tokens{}, true
		}
	}
	b.note(kind, subject)
}

func (b *bank) end(subject string) {
	for mark, s := range b.sessions {
		if s == subject {
			delete(b.sessions, mark)
		}
	}
}

func (b *bank) note(kind, subject string) {
	b.news = append([]news{{kind, subject, time.Now()}}, b.news...)
	if len(b.news) > 20 {
		b.news = b.news[:20]
	}
}
