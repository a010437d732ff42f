// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/keys"
	"danh/partner"
	"danh/provider/claim"
	"danh/provider/detail"
	"danh/provider/token"
)

// Tokens is a token answer (RFC 6749, section 5.1).
type Tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	Scope        string `json:"scope"`

	Details json.RawMessage `json:"authorization_details,omitempty"` // RFC 9396, section 7
}

// grant is a stored grant.
type grant struct {
	place
	client  partner.Client
	binding Binding     // of the tokens that are about to be issued
	target  audience    // of the access token that is about to be issued
	details detail.List // what it authorises
	asked   asked
	facts   facts
	offline bool
	expires time.Time
	afar    string   // the request that it came of without a browser, for the first ID token
	consent struct { // that stands now; it may be a later one than the grant came from
		ID     ConsentID
		Fields map[Field]string
	}
}

// heed narrows a grant to what the consent of this moment allows. She may have
// left something out when she agreed again; then nothing of old gives it.
func (g *grant) heed() {
	g.facts.Fields = slices.DeleteFunc(g.facts.Fields, func(f Field) bool {
		_, ok := g.consent.Fields[f]
		return !ok
	})
	g.facts.Consent = g.consent.ID
}

// Redeem exchanges a code for tokens (OpenID Connect Core 1.0, section 3.1.3).
// A code has one try: it is used up even when the verifier is wrong. A second
// use by the same client revokes the grant that the first one made (RFC 6749,
// section 4.1.2).
func (p *Provider) Redeem(ctx context.Context, c partner.Client, b Binding, code, redirectURI, verifier string, less ...Narrow) (Tokens, error) {
	if code == "" || redirectURI == "" {
		return Tokens{}, refuse("invalid_request", "code, redirect_uri and code_verifier are required")
	}
	// A missing verifier is a wrong one (RFC 7636, section 4.6).
	at, ok := p.open(forCode, code)
	if !ok {
		return Tokens{}, errGrant
	}
	bound, err := confirm(c, b)
	if err != nil {
		return Tokens{}, err
	}
	now := p.c.Clock.Now()
	g := grant{place: at, client: c, binding: bound}
	refresh := ""
	var refused error
	err = p.c.DB.Write(ctx, func(tx *db.Tx) error {
		g.asked, g.facts, refused = asked{}, facts{}, nil
		// 1. Use the code up. Of parallel tries one finds it unused.
		var askedText, factsText string
		err := tx.QueryRowContext(ctx, `UPDATE provider_request SET code_used_at = $4
			WHERE id = $1 AND code_hash = $2 AND client = $3 AND code_used_at IS NULL AND code_expires_at > $4
			RETURNING asked, facts`, at.grant, hash(code), string(c.ID), clock.Micros(now)).Scan(&askedText, &factsText)
		if errors.Is(err, sql.ErrNoRows) {
			refused = errGrant
			return p.revokeTx(ctx, tx, at, c, "code_reused", now)
		}
		if err != nil {
			return fmt.Errorf("use code: %w", err)
		}
		if err := errors.Join(json.Unmarshal([]byte(askedText), &g.asked), json.Unmarshal([]byte(factsText), &g.facts)); err != nil {
			return fmt.Errorf("read request: %w", err)
		}
		if g.client, ok = c.For(g.asked.Purpose); !ok {
			refused = errGrant // the purpose was taken back while the code travelled
			return nil
		}
		// 2. Whoever redeems must be who asked, and come from where it was sent.
		if redirectURI != g.asked.RedirectURI || !token.Proves(verifier, g.asked.Challenge) || !g.asked.Bound.heldBy(b) {
			refused = errGrant
			return nil
		}
		if refused = p.narrow(&g, less); refused != nil {
			return nil
		}
		// 3. The consent may have been withdrawn while the code travelled.
		if stands, err := p.readConsentTx(ctx, tx, &g, now); err != nil || !stands {
			refused = errGrant
			return err
		}
		// 4. Keep the grant.
		refresh, err = p.keepGrantTx(ctx, tx, &g, askedText, factsText, now)
		return err
	})
	if err != nil {
		return Tokens{}, err
	}
	if refused != nil {
		return Tokens{}, refused
	}
	if err := p.mustLive(ctx, at, g.facts.Session, g.offline); err != nil {
		return Tokens{}, err
	}
	g.heed()
	return p.issue(ctx, g, refresh, g.asked.Nonce, now)
}

// keepGrantTx keeps a grant and gives its refresh token, "" without offline
// access.
func (p *Provider) keepGrantTx(ctx context.Context, tx *db.Tx, g *grant, askedText, factsText string, now time.Time) (refresh string, err error) {
	at := g.place
	g.offline = slices.Contains(g.facts.Scopes, claim.Offline)
	g.expires = now.Add(sessionLife)
	if g.offline {
		g.expires = clock.FromMicros(g.facts.ConsentTo)
	}
	var refreshHash, refreshUntil any
	if g.offline {
		refresh = p.seal(forRefresh, at)
		refreshHash, refreshUntil = hash(refresh), clock.Micros(earlier(now.Add(refreshLife), g.expires))
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO provider_grant (account, id, client, purpose, session, asked, facts, offline, created_at, expires_at, refresh_hash, refresh_expires_at)
		VALUES ($1, $2, $3, $12, $4, $5, $6, $7, $8, $9, $10, $11)`, at.account, at.grant, string(g.client.ID), g.facts.Session, askedText, factsText, g.offline,
		clock.Micros(now), clock.Micros(g.expires), refreshHash, refreshUntil, g.asked.Purpose)
	if err != nil {
		return "", fmt.Errorf("keep grant: %w", err)
	}
	return refresh, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// readConsentTx reads the consent that stands for the grant's purpose into the
// grant; false when there is none any more.
func (p *Provider) readConsentTx(ctx context.Context, tx *db.Tx, g *grant, now time.Time) (bool, error) {
	var fields string
	err := tx.QueryRowContext(ctx, `SELECT id, fields FROM provider_consent WHERE account = $1 AND client = $2 AND purpose = $4 AND ended_at IS NULL AND expires_at > $3`,
		g.account, string(g.client.ID), clock.Micros(now), g.asked.Purpose).Scan(&g.consent.ID, &fields)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find the consent: %w", err)
	}
	g.consent.Fields = nil
	if err := json.Unmarshal([]byte(fields), &g.consent.Fields); err != nil {
		return false, fmt.Errorf("read consent: %w", err)
	}
	return true, nil
}

// revokeTx ends a grant of the client. It is harmless when there is none.
func (p *Provider) revokeTx(ctx context.Context, tx *db.Tx, at place, c partner.Client, why string, now time.Time) error {
	var text string
	err := tx.QueryRowContext(ctx, `UPDATE provider_grant SET revoked_at = $4, revoked_why = $5 WHERE account = $1 AND id = $2 AND client = $3 AND revoked_at IS NULL
		RETURNING facts`, at.account, at.grant, string(c.ID), clock.Micros(now), why).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("revoke grant: %w", err)
	}
	var f facts
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return fmt.Errorf("read grant: %w", err)
	}
	return p.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: audit.Partner(string(c.ID), c.Name.VI), Action: "provider.revoked", Subject: f.Person,
		Purpose: "provider.sign_in", Ground: "consent:" + f.Consent.String(), Detail: map[string]string{"client": string(c.ID), "why": why}})
}

// rotates reports whether a client's refresh tokens work once. Those of the FAPI
// 2.0 profile do not rotate: they are good for nobody who cannot sign as the
// client and has not its key, and an answer that gets lost must not end a
// customer's consent (FAPI 2.0 Security Profile, section 5.3.2.1-9).
func rotates(c partner.Client) bool {
	return c.Profile != partner.FAPI2 || !c.Settings.DPoPBound && !c.Settings.TLSBound
}

// Refresh exchanges a refresh token for fresh tokens and, where they rotate, a
// successor (RFC 6749, section 6). One that rotates works once: an earlier one
// that comes back means that two parties hold it, and the whole grant dies (RFC
// 9700, section 4.14.2).
func (p *Provider) Refresh(ctx context.Context, c partner.Client, b Binding, presented, scope string, less ...Narrow) (Tokens, error) {
	if presented == "" {
		return Tokens{}, refuse("invalid_request", "refresh_token is required")
	}
	at, ok := p.open(forRefresh, presented)
	if !ok {
		return Tokens{}, errGrant
	}
	// Every client here proves itself, which binds its refresh tokens to it; the
	// key of the new tokens may be another one (RFC 9449, section 5).
	bound, err := confirm(c, b)
	if err != nil {
		return Tokens{}, err
	}
	if err := p.mustLive(ctx, at, account.SessionID{}, true); err != nil {
		return Tokens{}, err
	}
	now := p.c.Clock.Now()
	successor := presented
	if rotates(c) {
		successor = p.seal(forRefresh, at)
	}
	g := grant{place: at, client: c, binding: bound}
	var refused error
	err = p.c.DB.Write(ctx, func(tx *db.Tx) error {
		g.asked, g.facts, refused = asked{}, facts{}, nil
		var askedText, factsText string
		var expires int64
		err := tx.QueryRowContext(ctx, `UPDATE provider_grant SET refresh_hash = $5, refreshed_at = $6,
				refresh_expires_at = CASE WHEN expires_at < $7 THEN expires_at ELSE $7 END
			WHERE account = $1 AND id = $2 AND client = $3 AND refresh_hash = $4 AND revoked_at IS NULL AND refresh_expires_at > $6 AND expires_at > $6
			  AND EXISTS (SELECT 1 FROM provider_consent c WHERE c.account = $1 AND c.client = $3 AND c.purpose = provider_grant.purpose AND c.ended_at IS NULL AND c.expires_at > $6 AND c.offline)
			RETURNING asked, facts, offline, expires_at`, at.account, at.grant, string(c.ID), hash(presented), hash(successor), clock.Micros(now),
			clock.Micros(now.Add(refreshLife))).Scan(&askedText, &factsText, &g.offline, &expires)
		if errors.Is(err, sql.ErrNoRows) {
			refused = errGrant
			return p.revokeReusedTx(ctx, tx, at, c, presented, now)
		}
		if err != nil {
			return fmt.Errorf("use refresh token: %w", err)
		}
		g.expires = clock.FromMicros(expires)
		if err := errors.Join(json.Unmarshal([]byte(askedText), &g.asked), json.Unmarshal([]byte(factsText), &g.facts)); err != nil {
			return fmt.Errorf("read grant: %w", err)
		}
		if g.client, ok = c.For(g.asked.Purpose); !ok {
			refused = errGrant
			return nil
		}
		if scope != "" && !narrower(scope, g.facts.Scopes) {
			return refuse("invalid_scope", "scope exceeds what was granted") // rolls back: the token is not used up
		}
		if err := p.narrow(&g, less); err != nil {
			return err // so does this
		}
		if len(g.asked.IDToken) > 0 || len(g.asked.VerifiedIDToken) > 0 {
			if _, err := p.readConsentTx(ctx, tx, &g, now); err != nil {
				return err
			}
			g.heed()
		}
		return nil
	})
	if err != nil {
		return Tokens{}, err
	}
	if refused != nil {
		return Tokens{}, refused
	}
	if scope != "" {
		g.facts.Scopes = strings.Fields(scope)
	}
	return p.issue(ctx, g, successor, "", now)
}

// revokeReusedTx revokes when the token is an earlier one of a living grant.
// The present one, refused because it is too old, is no attack.
func (p *Provider) revokeReusedTx(ctx context.Context, tx *db.Tx, at place, c partner.Client, presented string, now time.Time) error {
	var have []byte
	err := tx.QueryRowContext(ctx, `SELECT refresh_hash FROM provider_grant WHERE account = $1 AND id = $2`, at.account, at.grant).Scan(&have)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for reuse: %w", err)
	}
	if subtle.ConstantTimeCompare(have, hash(presented)) == 1 {
		return nil
	}
	return p.revokeTx(ctx, tx, at, c, "refresh_reused", now)
}

func narrower(scope string, granted []string) bool {
	for s := range strings.FieldsSeq(scope) {
		if !slices.Contains(granted, s) {
			return false
		}
	}
	return true
}

// mustLive refuses when the account can no longer sign in and, without offline
// access, when the session has ended: signed out, here or everywhere.
func (p *Provider) mustLive(ctx context.Context, at place, session account.SessionID, offline bool) error {
	if !offline {
		stands, err := p.c.Accounts.SessionStands(ctx, at.account, session)
		if err == nil && !stands {
			return errGrant
		}
		return err
	}
	// She may have locked her account because of this very grant: unlocking does
	// not bring it back.
	active, frozen, err := p.c.Accounts.StandsFor(ctx, at.account)
	if err == nil && !active {
		return errGrant
	}
	if err != nil || frozen.IsZero() {
		return err
	}
	var made int64
	err = p.c.DB.Read().QueryRowContext(ctx, `SELECT created_at FROM provider_grant WHERE account = $1 AND id = $2`, at.account, at.grant).Scan(&made)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !clock.FromMicros(made).After(frozen) {
		return errGrant
	}
	if err != nil {
		return fmt.Errorf("look how old a grant is: %w", err)
	}
	return nil
}

// issue signs the tokens of a grant. It stands outside the transaction: the
// one writer does not wait for signatures.
func (p *Provider) issue(ctx context.Context, g grant, refresh, nonce string, now time.Time) (Tokens, error) {
	sub := p.subject(g.client, g.account)
	life := accessLife
	if g.client.OwnDoor {
		life = doorLife
	}
	until := earlier(now.Add(life), g.expires).Unix()
	t := Tokens{TokenType: g.binding.tokenType(), ExpiresIn: int(until - now.Unix()), RefreshToken: refresh, Scope: strings.Join(g.facts.Scopes, " "), Details: claimsOf(g.details)}
	var err error
	t.AccessToken, err = p.signer.Sign(keys.AccessToken, accessType, accessClaims{
		Issuer: p.c.Issuer, Subject: sub, Audience: g.target, Expires: until, IssuedAt: now.Unix(), ID: p.seal(forAccess, g.place),
		Client: string(g.client.ID), Scope: t.Scope, AuthTime: g.facts.AuthTime, ACR: g.facts.ACR, AMR: g.facts.AMR, Act: p.acted(g.client, g.facts),
		Bound: g.binding.confirmation(), Details: t.Details,
	})
	if err != nil {
		return Tokens{}, err
	}
	if !slices.Contains(g.facts.Scopes, claim.OpenID) {
		return t, nil
	}
	it := idClaims{
		Issuer: p.c.Issuer, Subject: sub, Audience: string(g.client.ID), Expires: until, IssuedAt: now.Unix(), AuthTime: g.facts.AuthTime,
		Nonce: nonce, ACR: g.facts.ACR, AMR: g.facts.AMR, SID: g.sid(), ATHash: token.AccessHash(t.AccessToken),
		Act: p.acted(g.client, g.facts), Afar: g.afar,
	}
	var claims any = it
	if len(g.asked.IDToken) > 0 || len(g.asked.VerifiedIDToken) > 0 {
		more, err := p.release(ctx, g, g.asked.IDToken, g.asked.VerifiedIDToken, false)
		if err != nil {
			return Tokens{}, err
		}
		claims = merged{it, more}
	}
	t.IDToken, err = p.signer.Sign(keys.IDToken, "JWT", claims)
	return t, err
}

// sid names her session to one client. Like the subject it is unlike for each
// client, so that it cannot join them.
func (g grant) sid() string {
	return base64.RawURLEncoding.EncodeToString(hash(g.facts.Session.String() + "\x00" + string(g.client.ID))[:18])
}

// merged writes an ID token with released claims beside its own, which win.
type merged struct {
	own  idClaims
	more map[string]any
}

// MarshalJSON implements json.Marshaler.
func (m merged) MarshalJSON() ([]byte, error) {
	b, err := json.Marshal(m.own)
	if err != nil {
		return nil, err
	}
	all := make(map[string]any, len(m.more)+12)
	for k, v := range m.more {
		all[k] = v
	}
	var own map[string]json.RawMessage
	if err := json.Unmarshal(b, &own); err != nil {
		return nil, err
	}
	for k, v := range own {
		all[k] = v
	}
	return json.Marshal(all)
}
