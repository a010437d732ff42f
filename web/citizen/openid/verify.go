// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"io"
	"mime"
	"net/http"
	"strings"

	"danh/provider"
	"danh/provider/claim"
)

// scopeOf is the scope that the resource of a request takes (RFC 6750, section 3).
func scopeOf(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, provider.VerifyPath) {
		return claim.Matching
	}
	if strings.HasPrefix(r.URL.Path, "/ssf/") {
		return provider.ManageStreams
	}
	return claim.OpenID
}

// verify compares what a partner states with what is registered, about the
// person who agreed to that.
func (d *door) verify(w http.ResponseWriter, r *http.Request) {
	a, ok := d.access(w, r)
	if !ok {
		return
	}
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || t != "application/json" {
		d.fail(w, r, &provider.Error{Code: "invalid_request", Description: "the body must be JSON"})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		d.fail(w, r, &provider.Error{Code: "invalid_request", Description: "the body must be JSON of at most 16 KiB"})
		return
	}
	out, err := d.Verify.Verify(r.Context(), a, body)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	d.write(w, r, http.StatusOK, out)
}

// verifyPeople does it about people who are not there, for an agency whose
// purpose has a ground for that.
func (d *door) verifyPeople(w http.ResponseWriter, r *http.Request) {
	c, v, ok := d.caller(w, r)
	if !ok {
		return
	}
	out, err := d.Verify.Standing(r.Context(), c.Client, v.Get("purpose"), []byte(v.Get("people")))
	if err != nil {
		d.fail(w, r, err)
		return
	}
	d.write(w, r, http.StatusOK, map[string]any{"people": out})
}
