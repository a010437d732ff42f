// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"danh/account"
	"danh/internal/id"
	"danh/partner"
	"danh/provider/token"
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

// What a place is sealed for; see token.Box.
const (
	forCode    = "code"
	forRefresh = "refresh"
	forAccess  = "access"
	forDetails = "details"
)

func (p *Provider) seal(what string, at place) string { return p.box.Seal(what, at.account, at.grant) }

func (p *Provider) open(what, s string) (place, bool) {
	a, g, ok := p.box.Open(what, s)
	return place{account.ID(a), grantID(g)}, ok
}

func hash(s string) []byte { return token.Hash(s) }

// newHandle makes what names a request in addresses: its id and 128 random bits.
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
