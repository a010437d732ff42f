// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"danh/account"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/partner"
)

// standing are the living grants: not revoked, not over, with the consent of
// that account to that client for the same purpose that stands; there is one at
// most.
const standing = ` FROM provider_grant g JOIN provider_consent c ON c.account = g.account AND c.client = g.client AND c.purpose = g.purpose AND c.ended_at IS NULL
	AND c.expires_at > $4 AND (c.offline OR NOT g.offline)
	WHERE g.account = $1 AND g.id = $2 AND g.client = $3 AND g.revoked_at IS NULL AND g.expires_at > $4`

func (p *Provider) findGrant(ctx context.Context, at place, client string) (grant, error) {
	g := grant{place: at}
	var askedText, factsText, fields string
	var expires int64
	err := p.c.DB.Read().QueryRowContext(ctx, `SELECT g.asked, g.facts, g.offline, g.expires_at, c.id, c.fields`+standing,
		at.account, at.grant, client, clock.Micros(p.c.Clock.Now())).Scan(&askedText, &factsText, &g.offline, &expires, &g.consent.ID, &fields)
	if errors.Is(err, sql.ErrNoRows) {
		return grant{}, errToken
	}
	if err != nil {
		return grant{}, fmt.Errorf("find grant: %w", err)
	}
	g.expires = clock.FromMicros(expires)
	if err := errors.Join(json.Unmarshal([]byte(askedText), &g.asked), json.Unmarshal([]byte(factsText), &g.facts), json.Unmarshal([]byte(fields), &g.consent.Fields)); err != nil {
		return grant{}, fmt.Errorf("read grant: %w", err)
	}
	g.heed()
	if g.client, err = p.findClient(ctx, partner.ID(client)); err != nil {
		if fault.Is(err, fault.NotFound) {
			return grant{}, errToken
		}
		return grant{}, err
	}
	var ok bool
	if g.client, ok = g.client.For(g.asked.Purpose); !ok {
		return grant{}, errToken
	}
	return g, nil
}

// Introspection is the answer to a question about a token (RFC 7662, section 2.2).
type Introspection struct {
	Active   bool     `json:"active"`
	Scope    string   `json:"scope,omitempty"`
	Client   string   `json:"client_id,omitempty"`
	Type     string   `json:"token_type,omitempty"`
	Expires  int64    `json:"exp,omitempty"`
	IssuedAt int64    `json:"iat,omitempty"`
	Subject  string   `json:"sub,omitempty"`
	Audience audience `json:"aud,omitempty"`
	Issuer   string   `json:"iss,omitempty"`
	ID       string   `json:"jti,omitempty"`
	AuthTime int64    `json:"auth_time,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	Act      *Act     `json:"act,omitempty"`

	Details json.RawMessage `json:"authorization_details,omitempty"` // RFC 9396, section 9.2
	Bound   *Binding        `json:"cnf,omitempty"`                   // RFC 8705, section 3.2; RFC 9449, section 6.2
}

// Introspect tells a client about a token of its own, and the server of a
// resource about an access token for it. About every other token, forged, over or
// another client's, it tells the same nothing.
func (p *Provider) Introspect(ctx context.Context, c partner.Client, token string) (Introspection, error) {
	if a, at, ok := p.openAccess(token); ok {
		if a.Client != string(c.ID) && !serves(c, a.Audience) {
			return Introspection{}, nil
		}
		var offline bool
		var session account.SessionID
		var purpose string
		err := p.c.DB.Read().QueryRowContext(ctx, `SELECT g.offline, g.session, g.purpose`+standing,
			at.account, at.grant, a.Client, clock.Micros(p.c.Clock.Now())).Scan(&offline, &session, &purpose)
		if errors.Is(err, sql.ErrNoRows) {
			return Introspection{}, nil
		}
		if err != nil {
			return Introspection{}, fmt.Errorf("introspect: %w", err)
		}
		if stands, err := p.serving(ctx, partner.ID(a.Client), purpose); err != nil || !stands {
			return Introspection{}, err
		}
		if err := p.mustLive(ctx, at, session, offline); err != nil {
			return dead(err)
		}
		return Introspection{Active: true, Scope: a.Scope, Client: a.Client, Type: a.bound().tokenType(), Expires: a.Expires, IssuedAt: a.IssuedAt, Subject: a.Subject,
			Audience: a.Audience, Issuer: a.Issuer, ID: a.ID, AuthTime: a.AuthTime, ACR: a.ACR, AMR: a.AMR, Act: a.Act, Details: a.Details, Bound: a.Bound}, nil
	}
	at, ok := p.open(forRefresh, token)
	if !ok {
		return Introspection{}, nil
	}
	var text, purpose string
	var offline bool
	var session account.SessionID
	var until int64
	now := clock.Micros(p.c.Clock.Now())
	err := p.c.DB.Read().QueryRowContext(ctx, `SELECT g.facts, g.refresh_expires_at, g.offline, g.session, g.purpose`+standing+` AND g.refresh_hash = $5 AND g.refresh_expires_at > $4`,
		at.account, at.grant, string(c.ID), now, hash(token)).Scan(&text, &until, &offline, &session, &purpose)
	if errors.Is(err, sql.ErrNoRows) {
		return Introspection{}, nil
	}
	if err != nil {
		return Introspection{}, fmt.Errorf("introspect: %w", err)
	}
	if _, ok := c.For(purpose); !ok {
		return Introspection{}, nil
	}
	if err := p.mustLive(ctx, at, session, offline); err != nil {
		return dead(err)
	}
	var f facts
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return Introspection{}, fmt.Errorf("introspect: %w", err)
	}
	return Introspection{Active: true, Scope: strings.Join(f.Scopes, " "), Client: string(c.ID), Type: "refresh_token", Expires: clock.FromMicros(until).Unix(),
		Subject: p.subject(c, at.account), Issuer: p.c.Issuer, AuthTime: f.AuthTime, ACR: f.ACR, AMR: f.AMR}, nil
}

// serving reports whether the client that got a token still may be a client, and
// for the purpose of that token.
func (p *Provider) serving(ctx context.Context, client partner.ID, purpose string) (bool, error) {
	c, err := p.findClient(ctx, client)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	_, ok := c.For(purpose)
	return ok, err
}

func dead(err error) (Introspection, error) {
	if errors.Is(err, errGrant) {
		return Introspection{}, nil
	}
	return Introspection{}, err
}

// Revoke ends the grant behind a token of the client's (RFC 7009). An unknown
// token, or another client's, is answered like a known one.
func (p *Provider) Revoke(ctx context.Context, c partner.Client, token string) error {
	at, ok := p.open(forRefresh, token)
	if !ok {
		var a accessClaims
		if a, at, ok = p.openAccess(token); ok && a.Client != string(c.ID) {
			ok = false
		}
	}
	if !ok {
		return nil
	}
	now := p.c.Clock.Now()
	return p.c.DB.Write(ctx, func(tx *db.Tx) error { return p.revokeTx(ctx, tx, at, c, "client", now) })
}
