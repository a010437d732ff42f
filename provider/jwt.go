// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"

	"danh/internal/keys"
	"danh/partner"
)

// signers keeps a ready signer per purpose until the key changes.
type signers struct {
	keys *keys.Store
	mu   sync.RWMutex
	made map[keys.Purpose]made
}

type made struct {
	kid    string
	signer jose.Signer
}

func (s *signers) sign(purpose keys.Purpose, typ string, claims any) (string, error) {
	kid, key := s.keys.Signer(purpose)
	s.mu.RLock()
	m := s.made[purpose]
	s.mu.RUnlock()
	if m.kid != kid {
		var with any = cryptosigner.Opaque(key)
		if k, ok := key.(*ecdsa.PrivateKey); ok {
			with = k
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: with, KeyID: kid}},
			(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
		if err != nil {
			return "", fmt.Errorf("make signer: %w", err)
		}
		m = made{kid, signer}
		s.mu.Lock()
		if s.made == nil {
			s.made = map[keys.Purpose]made{}
		}
		s.made[purpose] = m
		s.mu.Unlock()
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("write token: %w", err)
	}
	o, err := m.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return o.CompactSerialize()
}

var errSignature = errors.New("provider: not a token of ours")

// verify checks a token of ours: signature, type, issuer. Time is the caller's.
func (p *Provider) verify(purpose keys.Purpose, typ, token string, into any) error {
	if len(token) > 8<<10 {
		return errSignature
	}
	o, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(o.Signatures) != 1 {
		return errSignature
	}
	h := o.Signatures[0].Protected
	if t, _ := h.ExtraHeaders[jose.HeaderType].(string); t != typ {
		return errSignature // RFC 9068, section 4: an ID token is no access token
	}
	all := p.c.Keys.Public(purpose)
	i := slices.IndexFunc(all, func(k keys.PublicKey) bool { return k.KID == h.KeyID })
	if i < 0 {
		return errSignature
	}
	payload, err := o.Verify(all[i].Key)
	if err != nil || json.Unmarshal(payload, into) != nil {
		return errSignature
	}
	return nil
}

// accessClaims is an access token (RFC 9068, section 2.2).
type accessClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	ID       string   `json:"jti"`
	Client   string   `json:"client_id"`
	Scope    string   `json:"scope"`
	AuthTime int64    `json:"auth_time"`
	ACR      string   `json:"acr"`
	AMR      []string `json:"amr,omitempty"`
}

const accessType = "at+jwt"

// openAccess checks an access token and finds where its grant is.
func (p *Provider) openAccess(token string) (accessClaims, place, bool) {
	var a accessClaims
	if p.verify(keys.AccessToken, accessType, token, &a) != nil || a.Issuer != p.c.Issuer || a.Audience != p.c.Issuer ||
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
}

// atHash binds an ID token to the access token beside it: the left half of its
// SHA-256 (section 3.1.3.6).
func atHash(access string) string {
	h := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(h[:16])
}

// hintedSubject reads the subject of an ID token that serves as a hint; it may
// have expired (section 3.1.2.1), even its key may be long gone from use.
func (p *Provider) hintedSubject(hint string, c partner.Client) (string, error) {
	h, err := p.readHint(hint)
	if err != nil || h.Audience != string(c.ID) {
		return "", errSignature
	}
	return h.Subject, nil
}

func (p *Provider) readHint(hint string) (idClaims, error) {
	var h idClaims
	if p.verify(keys.IDToken, "JWT", hint, &h) != nil || h.Issuer != p.c.Issuer {
		return idClaims{}, errSignature
	}
	return h, nil
}

// JWKS is the published key set: what signs, what will sign next and what has
// lately signed.
func (p *Provider) JWKS() ([]byte, error) {
	var set jose.JSONWebKeySet
	for _, purpose := range []keys.Purpose{keys.IDToken, keys.AccessToken} {
		for _, k := range p.c.Keys.Public(purpose) {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Key, KeyID: k.KID, Algorithm: string(jose.ES256), Use: "sig"})
		}
	}
	return json.Marshal(set)
}
