// SPDX-License-Identifier: Apache-2.0

package partner

import (
	"net/url"
	"slices"

	"danh/internal/fault"
)

// requestAlgs are the algorithms of signed requests (RFC 9101); "none" is not
// among them.
var requestAlgs = []string{"ES256", "PS256", "EdDSA"}

// responseAlg is the one that answers are signed with.
const responseAlg = "ES256"

const maxResources = 16

// checkMessage refuses settings of signed requests, signed answers, details and
// resources that could not be kept to.
func (c Client) checkMessage(f *fault.Fault) {
	s := c.Settings
	if s.RequestAlg != "" && !slices.Contains(requestAlgs, s.RequestAlg) {
		f.With("request_object_signing_alg", "partner.alg.unknown")
	}
	if (s.RequestAlg != "" || s.RequireSigned) && len(c.JWKS.Keys) == 0 && s.JWKSURI == "" {
		f.With("request_object_signing_alg", "partner.jwks.missing") // nothing could ever verify
	}
	if s.ResponseAlg != "" && s.ResponseAlg != responseAlg {
		f.With("authorization_signed_response_alg", "partner.alg.unknown")
	}
	if len(s.Resources)+len(s.Serves) > maxResources {
		f.With("resources", "partner.resource.many")
	}
	if len(s.DetailTypes) > 16 || slices.ContainsFunc(s.DetailTypes, func(t string) bool { return !purposeForm.MatchString(t) }) {
		f.With("authorization_details_types", "partner.detail.form")
	}
	for _, r := range slices.Concat(s.Resources, s.Serves) {
		if !resourceURI(r) {
			f.With("resources", "partner.resource.form")
		}
	}
}

// resourceURI admits what may name a resource: an absolute URI without fragment
// (RFC 8707, section 2), over https where it is an address of the web.
func resourceURI(s string) bool {
	u, err := url.Parse(s)
	if err != nil || !u.IsAbs() || u.Fragment != "" || len(s) > 500 {
		return false
	}
	return u.Scheme == "urn" && u.Opaque != "" || safeURI(s)
}
