// SPDX-License-Identifier: Apache-2.0

package partner

import (
	"crypto"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/internal/clock"
)

// Credential is one way in which a client proves itself, with its end.
type Credential struct {
	ID    string // thumbprint of a key (RFC 7638) or of what was seen; "secret" and "former" for secrets
	Name  string // the key's kid, or the name in the certificate
	Kind  string // "key", "certificate", "seen", "secret"
	Alg   string
	Use   string
	From  time.Time // of what was seen; zero: not known
	Until time.Time // zero: without end
}

// The identifiers of secrets among credentials.
const (
	SecretNow    = "secret"
	SecretFormer = "former"
)

// SeenKind is the kind of a certificate that nobody handed in: the client was
// seen with it.
const SeenKind = "seen"

// Thumbprint names a key by what it is (RFC 7638, SHA-256).
func Thumbprint(k jose.JSONWebKey) string {
	b, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// KeyEnd is when a key ends: on the day that was registered or, for one that
// comes with a certificate, with the certificate if that is sooner. Zero is
// never.
func (c Client) KeyEnd(k jose.JSONWebKey) time.Time {
	end := c.KeyEnds[Thumbprint(k)]
	if len(k.Certificates) > 0 {
		if t := k.Certificates[0].NotAfter; end.IsZero() || t.Before(end) {
			end = t
		}
	}
	return end
}

// Credentials lists by what a client may prove itself, also what has ended.
func (c Client) Credentials() []Credential {
	var out []Credential
	if c.AuthMethod == SecretBasic && len(c.SecretHash) > 0 {
		out = append(out, Credential{ID: SecretNow, Kind: "secret", Until: c.SecretUntil})
		if len(c.FormerSecret) > 0 {
			out = append(out, Credential{ID: SecretFormer, Kind: "secret", Until: c.FormerUntil})
		}
	}
	for _, k := range slices.Concat(c.JWKS.Keys, c.Expired) {
		x := Credential{ID: Thumbprint(k), Name: k.KeyID, Kind: "key", Alg: k.Algorithm, Use: k.Use, Until: c.KeyEnd(k)}
		if len(k.Certificates) > 0 {
			x.Kind = "certificate"
		}
		out = append(out, x)
	}
	if c.AuthMethod == TLSClient && c.Seen.Print != "" {
		out = append(out, Credential{ID: c.Seen.Print, Name: c.Seen.Name, Kind: SeenKind, From: c.Seen.From, Until: c.Seen.Until})
	}
	return out
}

// Cut sorts out the keys that have ended at an instant: they stand in Expired
// and prove nothing any more. Without such keys the client is unchanged.
func (c Client) Cut(now time.Time) Client {
	ended := func(k jose.JSONWebKey) bool {
		end := c.KeyEnd(k)
		return !end.IsZero() && !now.Before(end)
	}
	if c.dated && slices.ContainsFunc(c.JWKS.Keys, ended) {
		all := c.JWKS.Keys
		c.JWKS.Keys, c.Expired = nil, nil // the slices are shared
		for _, k := range all {
			if ended(k) {
				c.Expired = append(c.Expired, k)
			} else {
				c.JWKS.Keys = append(c.JWKS.Keys, k)
			}
		}
	}
	return c
}

// hasDates reports whether any of the keys ends.
func (c Client) hasDates() bool {
	return len(c.KeyEnds) > 0 || slices.ContainsFunc(c.JWKS.Keys, func(k jose.JSONWebKey) bool { return len(k.Certificates) > 0 })
}

// Reachable reports whether the client could prove itself at an instant. One
// that cannot would get a code that it cannot redeem.
func (c Client) Reachable(now time.Time) bool {
	switch {
	case c.AuthMethod == SecretBasic:
		return c.SecretUntil.IsZero() || now.Before(c.SecretUntil) || len(c.FormerSecret) > 0 && now.Before(c.FormerUntil)
	case c.Settings.JWKSURI != "" || c.AuthMethod == TLSClient:
		return true
	}
	return len(c.Cut(now).JWKS.Keys) > 0
}

// Knowledge is what a secret is worth.
type Knowledge int

// The worths.
const (
	Wrong Knowledge = iota
	Over            // it was the client's, and has ended
	Right
)

// Judge compares a secret with the client's and the one before it, in constant
// time. The zero Client knows none, at the same cost.
func (c Client) Judge(s Secret, now time.Time) Knowledge {
	h := s.Hash()
	same := func(have []byte) bool {
		full := len(have) == sha256.Size
		if !full {
			have = make([]byte, sha256.Size)
		}
		return subtle.ConstantTimeCompare(have, h) == 1 && full && c.AuthMethod == SecretBasic
	}
	is, was := same(c.SecretHash), same(c.FormerSecret)
	switch {
	case is && (c.SecretUntil.IsZero() || now.Before(c.SecretUntil)), was && now.Before(c.FormerUntil):
		return Right
	case is || was:
		return Over
	}
	return Wrong
}

// ends and endsText are the dates of keys as they are stored.
func ends(m map[string]int64) map[string]time.Time {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]time.Time, len(m))
	for k, v := range m {
		out[k] = clock.FromMicros(v)
	}
	return out
}

func endsText(m map[string]time.Time) map[string]int64 {
	out := make(map[string]int64, len(m))
	for k, v := range m {
		out[k] = clock.Micros(v)
	}
	return out
}
