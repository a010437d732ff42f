// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"slices"

	"danh/account"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/partner"
)

// Presented is what an access token of a client stands for at a resource of the
// provider's own beside /userinfo.
type Presented struct {
	Client  partner.Client // as far as the purpose goes
	Purpose string
	Account account.Account
	Fields  []Field // that she agreed to
	Consent ConsentID
	Subject string
}

// Present checks an access token for a resource that takes a scope and a field
// of it: that its grant and her consent stand, that whoever brings it may, and
// that the sign-in behind it was sure enough.
func (p *Provider) Present(ctx context.Context, a Access, scope string, f Field) (Presented, error) {
	g, sub, err := p.liveGrant(ctx, a)
	if err != nil {
		return Presented{}, err
	}
	if !slices.Contains(g.facts.Scopes, scope) || !slices.Contains(g.facts.Fields, f) || !mayAsk(g.client, f) {
		return Presented{}, refuse("insufficient_scope", "the token was not granted "+scope)
	}
	if err := p.mustBeSure(ctx, g); err != nil {
		return Presented{}, err
	}
	acc, err := p.c.Accounts.Find(ctx, g.account)
	if fault.Is(err, fault.NotFound) || err == nil && (acc.Status != account.Active || acc.Person != g.facts.Person) {
		return Presented{}, errToken
	}
	if err != nil {
		return Presented{}, err
	}
	return Presented{Client: g.client, Purpose: g.asked.Purpose, Account: acc, Fields: g.facts.Fields, Consent: g.facts.Consent, Subject: sub}, nil
}

// ClientOf is a client as far as the law goes today.
func (p *Provider) ClientOf(ctx context.Context, id partner.ID) (partner.Client, error) {
	return p.findClient(ctx, id)
}

// Root is the approved client on which a client stands, under which what all its
// instances do is counted together.
func (p *Provider) Root(ctx context.Context, q db.Q, id partner.ID) (partner.ID, error) {
	return p.c.Partners.Root(ctx, q, id)
}
