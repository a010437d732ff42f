// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"net/http"

	"danh/provider"
)

// held lists, for the client that calls, the consents that were given to it.
func (d *door) held(w http.ResponseWriter, r *http.Request) {
	c, v, ok := d.caller(w, r)
	if !ok {
		return
	}
	q, err := provider.ReadHeldQuery(v)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	list, err := d.Provider.ListHeld(r.Context(), c.Client, q)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	d.write(w, r, http.StatusOK, list)
}
