// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"slices"

	"danh/internal/clock"
	"danh/partner"
	"danh/partner/ground"
	"danh/provider/claim"
)

// findClient finds a client as far as the law goes today.
func (p *Provider) findClient(ctx context.Context, id partner.ID) (partner.Client, error) {
	c, err := p.c.Partners.FindClient(ctx, id)
	if err != nil {
		return c, err
	}
	return p.lawful(c), nil
}

// lawful leaves out the personal number of whatever asks for it without a legal
// ground in force: it is the number by which others find her in every register,
// and her consent alone does not make it anybody's (Law on Identification
// 26/2023/QH15, articles 10 and 16).
func (p *Provider) lawful(c partner.Client) partner.Client {
	if c.OwnDoor {
		return c
	}
	today := clock.DateOf(p.c.Clock.Now())
	unlawful := func(scope, on string) bool {
		return scope == claim.NumberOf && !ground.Carries(on, string(Number), ground.Read, today)
	}
	if slices.ContainsFunc(c.Asks, func(a partner.Ask) bool { return unlawful(a.Scope, a.Ground) }) {
		c.Asks = slices.DeleteFunc(slices.Clone(c.Asks), func(a partner.Ask) bool { return unlawful(a.Scope, a.Ground) })
	}
	cloned := false
	for i, v := range c.Purposes {
		if !slices.ContainsFunc(v.Scopes, func(s string) bool { return unlawful(s, v.Ground) }) {
			continue
		}
		if !cloned {
			c.Purposes, cloned = slices.Clone(c.Purposes), true // the directory's are shared
		}
		c.Purposes[i].Scopes = slices.DeleteFunc(slices.Clone(v.Scopes), func(s string) bool { return unlawful(s, v.Ground) })
	}
	return c
}
