// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/internal/clock"
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

// Authenticate finds out which client is calling and which keys it holds. An
// unknown client and a wrong credential are answered alike, after the same work.
// What may be used once, the assertion and the proof, is used up when both are good.
func (p *Provider) Authenticate(ctx context.Context, c Credentials) (Caller, error) {
	var client partner.Client
	var once []onetime
	var err error
	switch {
	case c.Basic && c.Assertion != "":
		return Caller{}, errClient // two at once (RFC 6749, section 2.3)
	case c.Assertion != "":
		var used onetime
		if client, used, err = p.authenticateAssertion(ctx, c); err == nil {
			once = append(once, used)
		}
	case c.Basic:
		client, err = p.authenticateSecret(ctx, c)
	default:
		client, err = p.authenticateCertificate(ctx, c)
	}
	if err != nil {
		return Caller{}, err
	}
	b := Binding{X5T: thumbprint(c.Certificate)}
	if c.Proof != "" {
		proof, err := p.checkProof(c.Proof, c.Method, c.Endpoint, "")
		if err != nil {
			return Caller{}, err
		}
		b.JKT = proof.JKT
		once = append(once, proofOnce(proof))
	}
	if err := p.use(ctx, once); err != nil {
		return Caller{client, b}, err
	}
	// The watch over its end is nothing for which a client is kept waiting or turned away.
	if err := p.c.Partners.Remember(ctx, client, c.Certificate); err != nil {
		p.c.Log.ErrorContext(ctx, "a client's certificate cannot be remembered", "client", string(client.ID), "err", err)
	}
	return Caller{client, b}, nil
}

func (p *Provider) authenticateSecret(ctx context.Context, c Credentials) (partner.Client, error) {
	client, err := p.findClient(ctx, partner.ID(c.ID))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return partner.Client{}, err
	}
	switch client.Judge(c.Secret, p.c.Clock.Now()) {
	case partner.Right:
		return client, nil
	case partner.Over:
		return partner.Client{}, ended("the client secret", client.SecretUntil)
	}
	if over, ok := p.over(ctx, err, c.ID); ok && over.Judge(c.Secret, p.c.Clock.Now()) != partner.Wrong {
		return partner.Client{}, ended("the approval of this client", over.ValidUntil)
	}
	return partner.Client{}, errClient
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

// addressed is whom an assertion is for: one text or a list of them (RFC 7519,
// section 4.1.3).
type addressed struct {
	names []string
	list  bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *addressed) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*a = addressed{names: []string{s}}
		return nil
	}
	a.list = true
	return json.Unmarshal(b, &a.names)
}

type assertion struct {
	Issuer    string    `json:"iss"`
	Subject   string    `json:"sub"`
	Audience  addressed `json:"aud"`
	Expires   float64   `json:"exp"`
	NotBefore float64   `json:"nbf"`
	IssuedAt  float64   `json:"iat"`
	ID        string    `json:"jti"`
}

// authenticateAssertion checks a client assertion (RFC 7523, section 3; OpenID
// Connect Core 1.0, section 9).
func (p *Provider) authenticateAssertion(ctx context.Context, c Credentials) (partner.Client, onetime, error) {
	if c.AssertionType != assertionType || len(c.Assertion) > 8<<10 {
		return partner.Client{}, onetime{}, errClient
	}
	o, err := jose.ParseSignedCompact(c.Assertion, []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.EdDSA})
	if err != nil || len(o.Signatures) != 1 || o.Signatures[0].Protected.ExtraHeaders["crit"] != nil {
		return partner.Client{}, onetime{}, errClient
	}
	var a assertion
	if json.Unmarshal(o.UnsafePayloadWithoutVerification(), &a) != nil || a.Issuer != a.Subject || c.ID != "" && c.ID != a.Subject {
		return partner.Client{}, onetime{}, errClient
	}
	client, err := p.findClient(ctx, partner.ID(a.Subject))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return partner.Client{}, onetime{}, err
	}
	if client.AuthMethod != partner.PrivateKeyJWT || !p.verifiedBy(ctx, client, o) {
		if e := p.endedKey(ctx, client, o); e != nil && client.AuthMethod == partner.PrivateKeyJWT {
			return partner.Client{}, onetime{}, e
		}
		if over, ok := p.over(ctx, err, a.Subject); ok && over.AuthMethod == partner.PrivateKeyJWT && (p.verifiedBy(ctx, over, o) || p.endedKey(ctx, over, o) != nil) {
			return partner.Client{}, onetime{}, ended("the approval of this client", over.ValidUntil)
		}
		return partner.Client{}, onetime{}, errClient
	}
	if !p.meant(client, a.Audience, c.Endpoint) {
		return partner.Client{}, onetime{}, errClient
	}
	now := p.c.Clock.Now()
	at := func(v float64) time.Time { return time.UnixMilli(int64(min(max(v, 0), 1e11) * 1000)) }
	switch {
	case a.ID == "" || len(a.ID) > 300,
		!now.Before(at(a.Expires).Add(assertionDrift)), at(a.Expires).Sub(now) > assertionLife+assertionDrift,
		a.NotBefore != 0 && at(a.NotBefore).Sub(now) > assertionDrift,
		a.IssuedAt != 0 && at(a.IssuedAt).Sub(now) > assertionDrift:
		return partner.Client{}, onetime{}, errClient
	}
	return client, onetime{`INSERT INTO provider_assertion (client, jti_hash, expires_at) VALUES ($1, $2, $3) ON CONFLICT (client, jti_hash) DO NOTHING`,
		[]any{string(client.ID), hash(a.ID), clock.Micros(at(a.Expires).Add(assertionDrift))}, errClient}, nil
}

// meant reports whether an assertion was made for this server: one that was made
// for another must not work here. FAPI 2.0 Security Profile, section 5.3.2.1,
// wants the issuer and nothing else, as a text; older clients name the endpoint,
// by whichever of its addresses they call it (RFC 8705, section 5).
func (p *Provider) meant(c partner.Client, aud addressed, endpoint string) bool {
	if c.Profile == partner.FAPI2 {
		return !aud.list && len(aud.names) == 1 && aud.names[0] == p.c.Issuer
	}
	ours := slices.Concat([]string{p.c.Issuer}, p.addresses(p.c.Issuer+TokenPath), p.addresses(endpoint))
	for _, name := range aud.names {
		if !slices.Contains(ours, name) {
			return false
		}
	}
	return len(aud.names) > 0
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
