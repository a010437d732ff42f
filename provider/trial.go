// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"

	"danh/account"
	"danh/internal/fault"
	"danh/partner"
)

// Admit decides whether somebody may use a client that is under trial: its
// party's own staff may, and synthetic people.
type Admit func(ctx context.Context, c partner.Client, s account.Session) (bool, error)

// Admits reports whether somebody may use a client. Whoever is not asked about
// a trial says no.
func (p *Provider) Admits(ctx context.Context, c partner.Client, s account.Session) (bool, error) {
	if !c.Trial {
		return true, nil
	}
	if p.c.Admit == nil || s.Acting != nil {
		return false, nil
	}
	return p.c.Admit(ctx, c, s)
}

// errTrial is told to whoever comes to a trial that is not for her.
func errTrial(c partner.Client) error {
	return fault.New(fault.Forbidden, "provider.trial").Named("client", c.Name.VI, c.Name.EN)
}

// resting is told to people whose service cannot connect at the moment: its
// approval is over, or every key by which it could prove itself.
func resting(c partner.Client) error {
	return fault.New(fault.Unavailable, "provider.client.resting").Named("client", c.Name.VI, c.Name.EN)
}

// rests reports whether a client that was found, or was not, is one that rests.
func (p *Provider) rests(ctx context.Context, c partner.Client, id string, err error) error {
	if over, ok := p.over(ctx, err, id); ok {
		return resting(over)
	}
	if err == nil && !c.Reachable(p.c.Clock.Now()) {
		return resting(c)
	}
	return nil
}
