// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
	"danh/provider/claim"
	"danh/registry/organisation"
)

// actsForBody reports whether a session acts for an organisation.
func actsForBody(s account.Session) bool {
	return s.Acting != nil && !s.Acting.Organisation.IsZero()
}

// bodyScopes is which scope of a mandate our own doors take. Every other client
// is a service at which the organisation signs in and gives its data.
var bodyScopes = map[partner.ID]organisation.Scope{"portal": organisation.Procedures, "partner": organisation.Partner}

// outside reports whether whoever acts for an organisation comes to a client
// for which her mandate does not cover it. Doors of the state's own staff take
// nobody in an organisation's name, and what is done in its name is a payment.
func (p *Provider) outside(r request, s account.Session) bool {
	if !actsForBody(s) {
		return false
	}
	need, own := bodyScopes[r.client.ID]
	if r.client.OwnDoor && !own {
		return true
	}
	if !own {
		need = organisation.Consents
	}
	return !s.Acting.Covers(need) || r.asked.Details != "" && !s.Acting.Covers(organisation.Payments)
}

// errOutside is told to whoever comes to a client in the name of an organisation
// that did not let her.
func errOutside(c partner.Client) error {
	return fault.New(fault.Forbidden, "provider.mandate").Named("client", c.Name.VI, c.Name.EN)
}

// known reads the fields of whoever a session is used for.
func (p *Provider) known(ctx context.Context, look audit.Look, s *seen, fields []Field) (map[Field]fact, error) {
	if actsForBody(s.Session) {
		return p.gatherBody(ctx, look, s.Person, fields)
	}
	return p.gather(ctx, look, s.Account, s.Person, s.Provisional, fields)
}

// bodyClaim is an organisation as its registry knows it.
type bodyClaim struct {
	Number     string `json:"number"` // enterprise code
	Name       string `json:"name"`
	NameEN     string `json:"name_en,omitempty"`
	Kind       string `json:"kind"`
	Status     string `json:"status"`
	Registered string `json:"registered"`
	Address    string `json:"address"`
	AsOf       string `json:"as_of"`
}

// gatherBody reads the fields about an organisation. It knows no other field,
// so that none of a person can come with it.
func (p *Provider) gatherBody(ctx context.Context, look audit.Look, subject id.Person, fields []Field) (map[Field]fact, error) {
	out := map[Field]fact{}
	if p.c.Organisations == nil {
		return nil, errors.New("provider: an organisation's account without a registry of organisations")
	}
	if !slices.ContainsFunc(fields, func(f Field) bool { return f == Name || f == Address || f == claim.Body }) {
		return out, nil
	}
	o, err := p.c.Organisations.Find(ctx, look, organisation.ID(subject))
	if err != nil {
		return nil, fmt.Errorf("release from the organisation registry: %w", err)
	}
	asOf := o.UpdatedAt.UTC().Format(time.RFC3339)
	put := func(f Field, claim string, value any, shown string) {
		if slices.Contains(fields, f) {
			out[f] = fact{claims: map[string]any{claim: value}, shown: shown, source: BodySource, asOf: o.UpdatedAt}
		}
	}
	put(Name, "name", o.Name, o.Name)
	put(Address, "address", addressClaim{Formatted: o.Address, Country: "VN", Kind: "seat", UnitCode: o.UnitCode, UnitFrom: o.UnitFrom.String(), AsOf: asOf}, o.Address)
	put(claim.Body, "organisation", bodyClaim{Number: string(o.Number), Name: o.Name, NameEN: o.NameEN, Kind: string(o.Kind), Status: string(o.Status), Registered: o.Registered.String(), Address: o.Address, AsOf: asOf}, o.Number.String())
	return out, nil
}
