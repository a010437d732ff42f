// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"danh/internal/fault"
	"danh/internal/keys"
	"danh/partner"
)

// Paths of the management of event streams (OpenID Shared Signals Framework 1.0,
// sections 7 and 8).
const (
	SignalsConfigPath = "/.well-known/ssf-configuration"
	StreamPath        = "/ssf/stream"
	StreamStatusPath  = "/ssf/status"
	StreamVerifyPath  = "/ssf/verify"
)

// Scopes of a client's own token, by the names of the CAEP Interoperability
// Profile (section 2.7.3).
const (
	ReadStreams   = "ssf.read"
	ManageStreams = "ssf.manage"
)

// streamsAudience is what such a token is for, so that it opens nothing else.
func (p *Provider) streamsAudience() string { return p.c.Issuer + "/ssf" }

// ownToken is a client's token for itself: nobody's data, so no grant, no
// consent and no session stand behind it.
type ownToken struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"` // the client (RFC 9068, section 2.2)
	Audience string   `json:"aud"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	ID       string   `json:"jti"`
	Client   string   `json:"client_id"`
	Scope    string   `json:"scope"`
	Bound    *Binding `json:"cnf,omitempty"`
}

// Own answers a client that asks for a token for itself (RFC 6749, section 4.4).
// There is one thing such tokens open: its own stream of events.
func (p *Provider) Own(c partner.Client, b Binding, scope string) (Tokens, error) {
	if c.Settings.EventsURI == "" {
		return Tokens{}, refuse("unauthorized_client", "this grant is for clients that registered an events_endpoint")
	}
	scopes := strings.Fields(scope)
	if len(scopes) == 0 {
		scopes = []string{ReadStreams, ManageStreams}
	}
	for i, s := range scopes {
		if s != ReadStreams && s != ManageStreams || slices.Contains(scopes[:i], s) {
			return Tokens{}, refuse("invalid_scope", "scope must be ssf.read, ssf.manage or both")
		}
	}
	b, err := confirm(c, b)
	if err != nil {
		return Tokens{}, err
	}
	now := p.c.Clock.Now()
	t := Tokens{TokenType: b.tokenType(), ExpiresIn: int(accessLife / time.Second), Scope: strings.Join(scopes, " ")}
	t.AccessToken, err = p.signer.Sign(keys.AccessToken, accessType, ownToken{Issuer: p.c.Issuer, Subject: string(c.ID), Audience: p.streamsAudience(), Expires: now.Add(accessLife).Unix(),
		IssuedAt: now.Unix(), ID: rand.Text(), Client: string(c.ID), Scope: t.Scope, Bound: b.confirmation()})
	return t, err
}

// Owned finds the client that brings a token of its own, when it is good for
// one of the scopes.
func (p *Provider) Owned(ctx context.Context, a Access, scopes ...string) (partner.Client, error) {
	var t accessClaims
	if p.signer.Verify(keys.AccessToken, accessType, a.Token, &t) != nil || t.Issuer != p.c.Issuer || p.c.Clock.Now().Unix() >= t.Expires ||
		len(t.Audience) != 1 || t.Audience[0] != p.streamsAudience() || t.Subject != t.Client {
		return partner.Client{}, errToken
	}
	c, err := p.c.Partners.FindClient(ctx, partner.ID(t.Client))
	if fault.Is(err, fault.NotFound) || err == nil && c.Settings.EventsURI == "" {
		return partner.Client{}, errToken
	}
	if err != nil {
		return partner.Client{}, err
	}
	if err := p.mustHold(ctx, a, t, c); err != nil {
		return partner.Client{}, err
	}
	have := strings.Fields(t.Scope)
	if !slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(have, s) }) {
		return partner.Client{}, refuse("insufficient_scope", "the token was not granted "+scopes[0])
	}
	return c, nil
}
