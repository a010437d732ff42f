// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/partner"
)

// Credentials is how a client proved itself in a request: by a secret in the
// Authorization header, by a signed assertion in the body, or by the certificate
// of the connection; and which keys it proved to hold.
type Credentials struct {
	ID            string         // client_id of the header or the body
	Secret        partner.Secret // client_secret_basic
	Basic         bool
	AssertionType string // private_key_jwt
	Assertion     string
	Certificate   *x509.Certificate   // of the connection; nil when none was shown
	Chain         []*x509.Certificate // what was sent after it
	Proof         string              // the DPoP header, "" when there was none
	Method        string              // of the request
	Endpoint      string              // address of the endpoint that was called
}

// assertionAlgs are the algorithms of client assertions: asymmetric ones only,
// so that a public key can never be taken for a shared secret.
var assertionAlgs = []string{"ES256", "PS256", "EdDSA"}

// assertionType is the only kind of assertion (RFC 7523, section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

const (
	assertionLife  = 5 * time.Minute
	assertionDrift = 30 * time.Second
)

// Authenticate finds out which client is calling. An unknown client and a wrong
// credential are answered alike, after the same work.
func (p *Provider) Authenticate(ctx context.Context, c Credentials) (Caller, error) {
	if c.Basic == (c.Assertion != "") {
		return Caller{}, errClient // none, or two at once (RFC 6749, section 2.3)
	}
	if c.Assertion != "" {
		client, err := p.authenticateAssertion(ctx, c)
		return Caller{Client: client}, err
	}
	client, err := p.findClient(ctx, partner.ID(c.ID))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Caller{}, err
	}
	switch client.Judge(c.Secret, p.c.Clock.Now()) {
	case partner.Right:
		return Caller{Client: client}, nil
	case partner.Over:
		return Caller{}, ended("the client secret", client.SecretUntil)
	}
	if over, ok := p.over(ctx, err, c.ID); ok && over.Judge(c.Secret, p.c.Clock.Now()) != partner.Wrong {
		return Caller{}, ended("the approval of this client", over.ValidUntil)
	}
	return Caller{}, errClient
}

// over gives a client whose time is over, when that is why it was not found.
func (p *Provider) over(ctx context.Context, err error, id string) (partner.Client, bool) {
	if !errors.Is(err, partner.ErrOver) {
		return partner.Client{}, false
	}
	return p.c.Partners.FindOver(ctx, partner.ID(id))
}

// ended tells a client that has proved to be itself why it is refused. Nobody
// else learns it.
func ended(what string, at time.Time) *Error {
	return &Error{Code: InvalidClient, Description: what + " expired on " + at.In(clock.Vietnam).Format(time.DateOnly) + "; see the partner door"}
}

// plainKID is what of a key's name may stand in an error's description.
var plainKID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// endedKey finds the key that has ended by which an assertion is signed.
func (p *Provider) endedKey(ctx context.Context, c partner.Client, o *jose.JSONWebSignature) *Error {
	for _, k := range c.Expired {
		old := partner.Client{JWKS: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k}}}
		if p.verifiedBy(ctx, old, o) {
			name := "the registered key"
			if plainKID.MatchString(k.KeyID) {
				name += " " + k.KeyID
			}
			return ended(name, c.KeyEnd(k))
		}
	}
	return nil
}

type assertion struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	Expires   float64  `json:"exp"`
	NotBefore float64  `json:"nbf"`
	IssuedAt  float64  `json:"iat"`
	ID        string   `json:"jti"`
}

// authenticateAssertion checks a client assertion (RFC 7523, section 3; OpenID
// Connect Core 1.0, section 9) and uses its jti up, for good.
func (p *Provider) authenticateAssertion(ctx context.Context, c Credentials) (partner.Client, error) {
	if c.AssertionType != assertionType || len(c.Assertion) > 8<<10 {
		return partner.Client{}, errClient
	}
	o, err := jose.ParseSignedCompact(c.Assertion, []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.EdDSA})
	if err != nil || len(o.Signatures) != 1 {
		return partner.Client{}, errClient
	}
	var a assertion
	if json.Unmarshal(o.UnsafePayloadWithoutVerification(), &a) != nil || a.Issuer != a.Subject || c.ID != "" && c.ID != a.Subject {
		return partner.Client{}, errClient
	}
	client, err := p.findClient(ctx, partner.ID(a.Subject))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return partner.Client{}, err
	}
	if client.AuthMethod != partner.PrivateKeyJWT || !p.verifiedBy(ctx, client, o) {
		if e := p.endedKey(ctx, client, o); e != nil && client.AuthMethod == partner.PrivateKeyJWT {
			return partner.Client{}, e
		}
		if over, ok := p.over(ctx, err, a.Subject); ok && over.AuthMethod == partner.PrivateKeyJWT && (p.verifiedBy(ctx, over, o) || p.endedKey(ctx, over, o) != nil) {
			return partner.Client{}, ended("the approval of this client", over.ValidUntil)
		}
		return partner.Client{}, errClient
	}
	// An assertion that was made for another server must not work here, so the
	// issuer must be named; the token endpoint is what older clients name.
	for _, aud := range a.Audience {
		if aud != p.c.Issuer && (client.Profile != partner.OIDC || aud != p.c.Issuer+TokenPath && aud != c.Endpoint) {
			return partner.Client{}, errClient
		}
	}
	now := p.c.Clock.Now()
	at := func(v float64) time.Time { return time.UnixMilli(int64(min(max(v, 0), 1e11) * 1000)) }
	switch {
	case len(a.Audience) == 0, a.ID == "" || len(a.ID) > 300,
		!now.Before(at(a.Expires).Add(assertionDrift)), at(a.Expires).Sub(now) > assertionLife+assertionDrift,
		a.NotBefore != 0 && at(a.NotBefore).Sub(now) > assertionDrift,
		a.IssuedAt != 0 && at(a.IssuedAt).Sub(now) > assertionDrift:
		return partner.Client{}, errClient
	}
	err = p.c.DB.Write(ctx, func(tx *db.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO provider_assertion (client, jti_hash, expires_at) VALUES ($1, $2, $3) ON CONFLICT (client, jti_hash) DO NOTHING`,
			string(client.ID), hash(a.ID), clock.Micros(at(a.Expires).Add(assertionDrift)))
		if err != nil {
			return fmt.Errorf("use client assertion: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(errClient, err)
		}
		return nil
	})
	if err != nil {
		return partner.Client{}, err
	}
	return client, nil
}

func (p *Provider) verifiedBy(ctx context.Context, c partner.Client, o *jose.JSONWebSignature) bool {
	h := o.Signatures[0].Protected
	return slices.ContainsFunc(p.KeysOf(ctx, c, h.KeyID).Keys, func(k jose.JSONWebKey) bool {
		if h.KeyID != "" && k.KeyID != "" && h.KeyID != k.KeyID || k.Algorithm != "" && k.Algorithm != h.Algorithm || k.Use == "enc" {
			return false
		}
		_, err := o.Verify(k.Key)
		return err == nil
	})
}
