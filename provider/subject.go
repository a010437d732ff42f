// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"golang.org/x/crypto/chacha20poly1305"

	"danh/account"
	"danh/internal/id"
	"danh/partner"
)

// subject is the name by which a client knows an account: a pairwise name per
// sector (OpenID Connect Core 1.0, section 8.1), so that partners cannot join
// what they know; the account's id for our own doors, which read roles by it.
func (p *Provider) subject(c partner.Client, a account.ID) string {
	if c.OwnDoor {
		return a.String()
	}
	m := hmac.New(sha256.New, p.pairwise)
	m.Write([]byte(c.Sector))
	m.Write([]byte{0})
	m.Write(a[:])
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

type grantKind struct{}

// grantID names a request and the grant that comes of it.
type grantID = id.ID[grantKind]

// place is where a grant is stored: rows about a person are found by her
// account first.
type place struct {
	account account.ID
	grant   grantID
}

// Codes, refresh tokens and the jti of access tokens are a place, sealed with a
// fresh 192-bit nonce: unguessable, unlike each other even for one account, and
// meaningless to whoever holds them. What each is for is authenticated with it.
const (
	forCode    = "code"
	forRefresh = "refresh"
	forAccess  = "access"
)

const sealedSize = chacha20poly1305.NonceSizeX + 32 + chacha20poly1305.Overhead

func (p *Provider) seal(what string, at place) string {
	b := make([]byte, chacha20poly1305.NonceSizeX, sealedSize)
	rand.Read(b)
	var plain [32]byte
	copy(plain[:16], at.account[:])
	copy(plain[16:], at.grant[:])
	return base64.RawURLEncoding.EncodeToString(p.box.Seal(b, b, plain[:], []byte(what)))
}

func (p *Provider) open(what, s string) (place, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != sealedSize {
		return place{}, false
	}
	n := chacha20poly1305.NonceSizeX
	plain, err := p.box.Open(nil, b[:n], b[n:], []byte(what))
	if err != nil {
		return place{}, false
	}
	return place{account.ID(plain[:16]), grantID(plain[16:])}, true
}

// hash is what is stored of a random secret; see partner.Secret for why it is plain.
func hash(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// handle is what names a request in addresses: its id and 128 random bits.
func newHandle() (grantID, string) {
	id := id.New[grantKind]()
	b := make([]byte, 32)
	copy(b, id[:])
	rand.Read(b[16:])
	return id, base64.RawURLEncoding.EncodeToString(b)
}

func parseHandle(s string) (grantID, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 32 {
		return grantID{}, false
	}
	return grantID(b[:16]), true
}
