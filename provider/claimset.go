// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"encoding/json"

	"danh/internal/keys"
	"danh/partner"
	"danh/provider/token"
)

// accessClaims is an access token (RFC 9068, section 2.2).
type accessClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	ID       string   `json:"jti"`
	Client   string   `json:"client_id"`
	Scope    string   `json:"scope"`
	AuthTime int64    `json:"auth_time"`
	ACR      string   `json:"acr"`
	AMR      []string `json:"amr,omitempty"`
	Act      *Act     `json:"act,omitempty"`

	Details json.RawMessage `json:"authorization_details,omitempty"` // RFC 9396, section 9.1
	Bound   *Binding        `json:"cnf,omitempty"`                   // RFC 7800; absent from bearer tokens
}

// Act says who acted for the subject (RFC 8693, section 4.1): a representative
// of a child or a ward, by the name under which the client would know her.
type Act struct {
	Subject  string `json:"sub"`
	Relation string `json:"relation,omitempty"` // for an organisation: legal_representative or mandate; of people this and the following for our own doors alone
	Until    string `json:"until,omitempty"`    // the last day of the representation
	Ends     int64  `json:"ends,omitempty"`     // when this acting ends by itself
}

// acted is the claim of a grant; nil when she acted herself.
func (p *Provider) acted(c partner.Client, f facts) *Act {
	if f.Act == nil {
		return nil
	}
	a := &Act{Subject: p.subject(c, f.Act.Account)}
	if f.Act.Body { // by what she acts is part of what a partner relies on
		a.Relation = f.Act.Relation
	}
	if c.OwnDoor {
		a.Relation, a.Until, a.Ends = f.Act.Relation, f.Act.Until.String(), f.Act.Ends
	}
	return a
}

const accessType = "at+jwt"

// openAccess checks an access token and finds where its grant is. What the token
// is for is the caller's to look at.
func (p *Provider) openAccess(text string) (accessClaims, place, bool) {
	var a accessClaims
	if p.signer.Verify(keys.AccessToken, accessType, text, &a) != nil || a.Issuer != p.c.Issuer ||
		p.c.Clock.Now().Unix() >= a.Expires {
		return accessClaims{}, place{}, false
	}
	at, ok := p.open(forAccess, a.ID)
	return a, at, ok
}

// idClaims is the fixed part of an ID token (OpenID Connect Core 1.0, section 2).
type idClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	AuthTime int64    `json:"auth_time"`
	Nonce    string   `json:"nonce,omitempty"`
	ACR      string   `json:"acr"`
	AMR      []string `json:"amr,omitempty"`
	SID      string   `json:"sid,omitempty"`
	ATHash   string   `json:"at_hash,omitempty"`
	Afar     string   `json:"urn:openid:params:jwt:claim:auth_req_id,omitempty"` // CIBA Core 1.0, section 10.3.1
	Act      *Act     `json:"act,omitempty"`
}

// hintedSubject reads the subject of an ID token that serves as a hint; it may
// have expired (section 3.1.2.1), as long as its key is still published.
func (p *Provider) hintedSubject(hint string, c partner.Client) (string, error) {
	h, err := p.readHint(hint)
	if err != nil || h.Audience != string(c.ID) {
		return "", token.ErrForeign
	}
	return h.Subject, nil
}

func (p *Provider) readHint(hint string) (idClaims, error) {
	var h idClaims
	if p.signer.Verify(keys.IDToken, "JWT", hint, &h) != nil || h.Issuer != p.c.Issuer {
		return idClaims{}, token.ErrForeign
	}
	return h, nil
}

// JWKS is the published key set.
func (p *Provider) JWKS() ([]byte, error) { return p.signer.JWKS() }
