// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"

	"github.com/go-jose/go-jose/v4"

	"danh/partner"
)

// KeysOf gives the public keys of a client: those that were registered, or
// those at its jwks_uri. kid is the key that is looked for, or ""; a key that a
// client has just begun to use is found by it.
func (p *Provider) KeysOf(ctx context.Context, c partner.Client, kid string) jose.JSONWebKeySet {
	if c.Settings.JWKSURI == "" || p.keysets == nil {
		return c.JWKS
	}
	return p.keysets.Of(ctx, c.Settings.JWKSURI, kid)
}
