// SPDX-License-Identifier: Apache-2.0

// Package token owns the form of what the provider hands out: JWTs that others
// check, and opaque values that only this installation can open.
//
// It refuses every algorithm but the one it signs with, and a token of one type
// where another is meant. It stores nothing and decides nothing: whether a
// token still stands is the provider's to know.
package token

import (
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"

	"danh/internal/keys"
)

// Signer signs with the active key of a purpose and checks what was signed with
// any published one. It is safe for concurrent use.
type Signer struct {
	keys *keys.Store
	mu   sync.RWMutex
	made map[what]made // ready until the key changes
}

// NewSigner returns a signer over the installation's keys.
func NewSigner(k *keys.Store) *Signer { return &Signer{keys: k, made: map[what]made{}} }

// what is signed: a key signs tokens of several types.
type what struct {
	purpose keys.Purpose
	typ     string
}

type made struct {
	kid    string
	signer jose.Signer
}

// Sign writes claims as a JWT of a type with ES256.
func (s *Signer) Sign(purpose keys.Purpose, typ string, claims any) (string, error) {
	kid, key := s.keys.Signer(purpose)
	s.mu.RLock()
	m := s.made[what{purpose, typ}]
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
		s.made[what{purpose, typ}] = m
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

// ErrForeign says that a token is not one of ours, or not of that type.
var ErrForeign = errors.New("token: not one of ours")

// Verify checks a JWT of ours: signature and type. Issuer and time are the caller's.
func (s *Signer) Verify(purpose keys.Purpose, typ, token string, into any) error {
	if len(token) > 8<<10 {
		return ErrForeign
	}
	o, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(o.Signatures) != 1 {
		return ErrForeign
	}
	h := o.Signatures[0].Protected
	if t, _ := h.ExtraHeaders[jose.HeaderType].(string); t != typ {
		return ErrForeign // RFC 9068, section 4: an ID token is no access token
	}
	all := s.keys.Public(purpose)
	i := slices.IndexFunc(all, func(k keys.PublicKey) bool { return k.KID == h.KeyID })
	if i < 0 {
		return ErrForeign
	}
	payload, err := o.Verify(all[i].Key)
	if err != nil || json.Unmarshal(payload, into) != nil {
		return ErrForeign
	}
	return nil
}

// JWKS is the published key set: what signs, what will sign next and what has
// lately signed.
func (s *Signer) JWKS() ([]byte, error) {
	var set jose.JSONWebKeySet
	for _, purpose := range []keys.Purpose{keys.IDToken, keys.AccessToken, keys.Response} {
		for _, k := range s.keys.Public(purpose) {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Key, KeyID: k.KID, Algorithm: string(jose.ES256), Use: "sig"})
		}
	}
	return json.Marshal(set)
}
