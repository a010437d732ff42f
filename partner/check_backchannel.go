// SPDX-License-Identifier: Apache-2.0

package partner

import (
	"slices"

	"danh/internal/fault"
)

// SigningAlgs are the algorithms that clients may sign requests with: asymmetric
// ones only, so that a public key can never be taken for a shared secret.
var SigningAlgs = []string{"ES256", "PS256", "EdDSA"}

// checkBackchannel refuses settings for requests without a browser that this
// installation does not serve (CIBA Core 1.0, section 4; FAPI-CIBA, section
// 5.2.2): a way of learning of answers other than poll and ping, ping without an
// address, a signature without keys, and for banks requests without one.
func (c Client) checkBackchannel(f *fault.Fault) {
	s := c.Settings
	switch s.BackchannelMode {
	case "":
		if s.NotificationURI != "" || s.BackchannelAlg != "" {
			f.With("backchannel_token_delivery_mode", "partner.backchannel.missing")
		}
		return
	case "poll":
	case "ping":
		if s.NotificationURI == "" {
			f.With("backchannel_client_notification_endpoint", "partner.address.missing")
		}
	default:
		f.With("backchannel_token_delivery_mode", "partner.backchannel.mode")
	}
	switch {
	case s.BackchannelAlg == "" && c.Profile == FAPI2:
		f.With("backchannel_authentication_request_signing_alg", "partner.backchannel.unsigned")
	case s.BackchannelAlg != "" && !slices.Contains(SigningAlgs, s.BackchannelAlg):
		f.With("backchannel_authentication_request_signing_alg", "partner.backchannel.alg")
	case s.BackchannelAlg != "" && len(c.JWKS.Keys) == 0 && s.JWKSURI == "":
		f.With("backchannel_authentication_request_signing_alg", "partner.jwks.missing")
	}
}
