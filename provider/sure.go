// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"slices"
	"time"

	"danh/account"
)

// demandField begins the journeys of account_demand that hold for releasing one
// field: "field:personal_number". A field without a row asks for nothing.
const demandField = "field:"

// fieldDemand is the strongest of what the rows of some fields ask.
func (p *Provider) fieldDemand(ctx context.Context, fields []Field) (account.Demand, error) {
	var out account.Demand
	for _, f := range fields {
		d, err := p.c.Accounts.Demand(ctx, demandField+string(f))
		if err != nil {
			return out, err
		}
		if d.From.IsZero() {
			continue
		}
		out.Level, out.Assurance = max(out.Level, d.Level), max(out.Assurance, d.Assurance)
		if d.MaxAge > 0 && (out.MaxAge == 0 || d.MaxAge < out.MaxAge) {
			out.MaxAge = d.MaxAge
		}
	}
	return out, nil
}

// floor is the class below which a request for these fields is not answered.
func (p *Provider) floor(ctx context.Context, w wanted) ([]string, error) {
	d, err := p.fieldDemand(ctx, slices.Concat(w.required, w.optional))
	if err != nil || d.Assurance <= 1 && d.Level == 0 {
		return nil, err
	}
	return []string{acrOf(int(d.Level), max(d.Assurance, 1))}, nil
}

// mustBeSure is the resource's side of step-up (RFC 9470, section 3): a token
// that came about by less than what its client registered, or than the rows of
// its fields ask for today, is answered with what would do.
func (p *Provider) mustBeSure(ctx context.Context, g grant) error {
	level, assurance, _ := parseACR(g.facts.ACR)
	var acr []string
	if want := g.client.DefaultACR; len(want) > 0 && !slices.ContainsFunc(want, func(c string) bool {
		l, a, ok := parseACR(c)
		return ok && level >= l && assurance >= a
	}) {
		acr = want
	}
	d, err := p.fieldDemand(ctx, g.facts.Fields)
	if err != nil {
		return err
	}
	if level < int(d.Level) || assurance < d.Assurance {
		acr = []string{acrOf(max(int(d.Level), level), max(d.Assurance, 1))}
	}
	var age time.Duration
	if d.MaxAge > 0 && p.c.Clock.Now().Sub(time.Unix(g.facts.AuthTime, 0)) > d.MaxAge {
		age = d.MaxAge
	}
	if acr == nil && age == 0 {
		return nil
	}
	return &Error{Code: InsufficientAuth, Description: "a stronger or fresher sign-in is needed", ACR: acr, MaxAge: age}
}
