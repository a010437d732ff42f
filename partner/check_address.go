// SPDX-License-Identifier: Apache-2.0

package partner

import (
	"net/url"
	"slices"

	"danh/internal/fault"
)

// Event types that a client may receive. Own ones are URNs of the installation's
// software; the others are those of CAEP 1.0 and RISC 1.0.
const (
	SessionRevoked   = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	CredentialChange = "https://schemas.openid.net/secevent/caep/event-type/credential-change"
	AccountDisabled  = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
	AccountEnabled   = "https://schemas.openid.net/secevent/risc/event-type/account-enabled"
	AccountPurged    = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
	IdentityChanged  = "urn:danh:event:identity-changed"
	ConsentWithdrawn = "urn:danh:event:consent-withdrawn"
)

// EventTypes lists them.
var EventTypes = []string{SessionRevoked, CredentialChange, AccountDisabled, AccountEnabled, AccountPurged, IdentityChanged, ConsentWithdrawn}

// addresses are those that this installation speaks to, by their names in the standards.
func (s Settings) addresses() [][2]string {
	return [][2]string{{"jwks_uri", s.JWKSURI}, {"sector_identifier_uri", s.SectorIdentifier}, {"backchannel_client_notification_endpoint", s.NotificationURI},
		{"backchannel_logout_uri", s.LogoutURI}, {"events_endpoint", s.EventsURI}}
}

// checkAddresses refuses addresses that must never be spoken to, as far as their
// text tells, and settings that contradict each other.
func (c Client) checkAddresses(f *fault.Fault) {
	s := c.Settings
	for _, a := range s.addresses() {
		if a[1] != "" && !safeURI(a[1]) {
			f.With(a[0], "partner.address.unsafe")
		}
	}
	if s.JWKSURI != "" && len(c.JWKS.Keys) > 0 {
		f.With("jwks_uri", "partner.jwks.both") // OpenID Connect Dynamic Client Registration 1.0, section 2
	}
	if s.LogoutSession && s.LogoutURI == "" {
		f.With("backchannel_logout_uri", "partner.address.missing")
	}
	if len(s.Events) > 0 && s.EventsURI == "" {
		f.With("events_endpoint", "partner.address.missing")
	}
	for _, e := range s.Events {
		if !slices.Contains(EventTypes, e) {
			f.With("events", "partner.events.unknown")
		}
	}
	if s.SectorIdentifier != "" {
		if u, err := url.Parse(s.SectorIdentifier); err != nil || c.Sector != u.Hostname() && c.Sector != u.Host {
			f.With("sector", "partner.sector.differs") // OpenID Connect Core 1.0, section 8.1
		}
	}
}
