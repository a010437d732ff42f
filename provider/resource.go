// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"encoding/json"
	"slices"

	"danh/partner"
)

const maxResources = 8

// errTarget is one answer for what is unknown and what is not this client's
// (RFC 8707, section 2).
var errTarget = refuse("invalid_target", "resource must be one that the client is approved for")

// readResources checks what access tokens shall be for (RFC 8707, section 2):
// this server, or what the client was approved for, letter by letter.
func (p *Provider) readResources(c partner.Client, list []string) ([]string, *Error) {
	var out []string
	for _, r := range list {
		if r != p.c.Issuer && !slices.Contains(c.Settings.Resources, r) {
			return nil, errTarget
		}
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	if len(out) > maxResources {
		return nil, errTarget
	}
	return out, nil
}

// Narrow is what a token request asks for less of than was granted; nothing in it
// asks for all.
type Narrow struct {
	Resources []string // RFC 8707, section 2.2
	Details   string   // authorization_details (RFC 9396, section 6.1)
}

// narrow settles what the tokens of a grant are for: all that was granted, or
// less of it where the client says so.
func (p *Provider) narrow(g *grant, less []Narrow) error {
	g.target = audience(g.asked.Resources)
	if len(g.target) == 0 {
		g.target = audience{p.c.Issuer}
	}
	var err error
	if g.details, err = p.authorised(g); err != nil {
		return err
	}
	for _, l := range less {
		if err := p.narrowDetails(g, l.Details); err != nil {
			return err
		}
		if len(l.Resources) == 0 {
			continue
		}
		if slices.ContainsFunc(l.Resources, func(r string) bool { return !slices.Contains(g.target, r) }) {
			return errTarget
		}
		g.target = slices.Compact(slices.Sorted(slices.Values(l.Resources)))
	}
	return nil
}

// audience is one text or a list of them (RFC 7519, section 4.1.3).
type audience []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *audience) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*a = audience{s}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// MarshalJSON implements json.Marshaler.
func (a audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// serves reports whether a client is the server of something that a token is
// for, and may therefore ask what the token is worth (RFC 7662, section 2).
func serves(c partner.Client, a audience) bool {
	return slices.ContainsFunc(a, func(r string) bool { return slices.Contains(c.Settings.Serves, r) })
}
