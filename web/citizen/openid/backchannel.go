// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"net/http"
	"net/url"

	"danh/provider"
)

// askAfar takes a request that a client makes without her browser (CIBA Core
// 1.0, section 7).
func (d *door) askAfar(w http.ResponseWriter, r *http.Request) {
	c, v, ok := d.caller(w, r)
	if !ok {
		return
	}
	for _, k := range []string{"client_assertion", "client_assertion_type", "client_id"} {
		v.Del(k)
	}
	a, err := d.Afar.Ask(r.Context(), c.Client, v)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	d.write(w, r, http.StatusOK, a)
}

// afar answers a poll.
func (d *door) afar(r *http.Request, c provider.Caller, v url.Values) (provider.Tokens, error) {
	if d.Afar == nil {
		return provider.Tokens{}, &provider.Error{Code: "unsupported_grant_type", Description: "requests without a browser are not served"}
	}
	return d.Afar.Redeem(r.Context(), c.Client, c.Binding, v.Get("auth_req_id"), provider.Narrow{Resources: v["resource"], Details: v.Get("authorization_details")})
}
