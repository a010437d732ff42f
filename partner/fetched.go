// SPDX-License-Identifier: Apache-2.0

package partner

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"danh/internal/fault"
)

// Fetcher fetches a document from an address that a partner wrote down;
// outward.Client is one.
type Fetcher interface {
	Get(ctx context.Context, address string, limit int) ([]byte, error)
}

// Reach is a Fetcher that also says by its text alone whether an address would
// ever be spoken to.
type Reach interface {
	Fetcher
	Check(address string) error
}

// CheckReach sees that the addresses of a client are ones that are spoken to,
// that its keys are where it says, and that the file of its sector lists all its
// redirect addresses: two clients share subjects only when whoever holds the
// sector's address says so (OpenID Connect Core 1.0, section 8.1; Dynamic
// Client Registration 1.0, section 5). It speaks to the partner's servers, so
// it is asked before a client is registered and outside of any transaction.
func CheckReach(ctx context.Context, out Reach, c Client) error {
	f := fault.New(fault.Invalid, "partner.invalid")
	s := c.Settings
	for _, a := range s.addresses() {
		if a[1] != "" && out.Check(a[1]) != nil {
			f.With(a[0], "partner.address.unsafe")
		}
	}
	if len(f.Fields) > 0 {
		return f
	}
	if s.JWKSURI != "" {
		if _, err := FetchKeys(ctx, out, s.JWKSURI); err != nil {
			f.With("jwks_uri", "partner.jwks.unreachable")
		}
	}
	if s.SectorIdentifier != "" {
		if key := checkSector(ctx, out, c); key != "" {
			f.With("sector_identifier_uri", key)
		}
	}
	if len(f.Fields) > 0 {
		return f
	}
	return nil
}

// checkSector gives what is wrong with the file of a sector, "" for nothing.
func checkSector(ctx context.Context, out Fetcher, c Client) string {
	b, err := out.Get(ctx, c.Settings.SectorIdentifier, 0)
	if err != nil {
		return "partner.sector.unreachable"
	}
	var listed []string
	if json.Unmarshal(b, &listed) != nil {
		return "partner.sector.form"
	}
	for _, u := range c.RedirectURIs {
		if !slices.Contains(listed, u) {
			return "partner.sector.unlisted"
		}
	}
	return ""
}

// FetchKeys reads the keys at an address.
func FetchKeys(ctx context.Context, out Fetcher, address string) (jose.JSONWebKeySet, error) {
	b, err := out.Get(ctx, address, 0)
	if err != nil {
		return jose.JSONWebKeySet{}, err
	}
	return ParseKeys(b)
}

const maxKeys = 20

// Errors of ParseKeys.
var (
	ErrKeysForm = errors.New("partner: not a set of keys")
	ErrKeysNone = errors.New("partner: no key that may serve")
	ErrKeysMany = errors.New("partner: too many keys")
)

// ParseKeys reads a JWK set (RFC 7517, section 5). Keys of kinds that are not
// known are passed over; private, shared and short ones too.
func ParseKeys(b []byte) (jose.JSONWebKeySet, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(b, &raw) != nil {
		return jose.JSONWebKeySet{}, ErrKeysForm
	}
	if len(raw.Keys) > maxKeys {
		return jose.JSONWebKeySet{}, ErrKeysMany
	}
	var set jose.JSONWebKeySet
	for _, text := range raw.Keys {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(text) == nil && k.Valid() && Strong(k.Key) && len(k.KeyID) <= 300 {
			set.Keys = append(set.Keys, k)
		}
	}
	if !slices.ContainsFunc(set.Keys, func(k jose.JSONWebKey) bool { return k.Use != "enc" }) {
		return jose.JSONWebKeySet{}, ErrKeysNone
	}
	return set, nil
}
