// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/go-jose/go-jose/v4"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/partner"
	"danh/provider/jar"
)

// unwrap takes a request out of the object in which its client signed it (RFC
// 9101). Then nothing beside the object counts (section 6.3): what the browser,
// or whoever stood in between, added to the address is not even read. With an
// error the parameters are those beside it, which say where to tell it.
func (p *Provider) unwrap(ctx context.Context, c partner.Client, v url.Values) (url.Values, *jar.Object, *Error) {
	if !v.Has("request") {
		if c.Settings.RequireSigned {
			return v, nil, refuse("invalid_request", "this client sends its requests in signed request objects")
		}
		return v, nil, nil
	}
	o, err := jar.Read(v.Get("request"), jar.Rules{Client: string(c.ID), Issuer: p.c.Issuer, Algorithm: c.Settings.RequestAlg,
		Keys:   func(kid string) []jose.JSONWebKey { return p.KeysOf(ctx, c, kid).Keys },
		Strict: c.Profile == partner.FAPI2, Now: p.c.Clock.Now()})
	if err != nil {
		return v, nil, badObject(err)
	}
	return o.Values, &o, nil
}

func badObject(err error) *Error {
	var e *jar.Error
	if errors.As(err, &e) {
		return refuse("invalid_request_object", e.Description)
	}
	return refuse("invalid_request_object", "the request object is malformed")
}

// useObjectTx uses a request object up. Of many that bring one object at once,
// one gets through (RFC 9101, section 10.2: a request that was seen on its way
// is good for nothing).
func useObjectTx(ctx context.Context, tx *db.Tx, c partner.Client, o *jar.Object) error {
	if o == nil || o.ID == "" {
		return nil
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO provider_request_object (client, jti_hash, expires_at) VALUES ($1, $2, $3) ON CONFLICT (client, jti_hash) DO NOTHING`,
		string(c.ID), hash(o.ID), clock.Micros(o.Expires))
	if err != nil {
		return fmt.Errorf("use request object: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(refuse("invalid_request_object", "the request object was used before"), err)
	}
	return nil
}
