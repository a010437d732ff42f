// SPDX-License-Identifier: Apache-2.0

package partner

import (
	"slices"

	"danh/internal/clock"
	"danh/internal/fault"
)

// PartyID names an organisation that connects, as people quote it: "DT-0417".
// A party may have several clients.
type PartyID string

// Settings is what else a client registered, by the names of the standards
// (OpenID Connect Dynamic Client Registration 1.0, section 2, and the standards
// that are named). The zero value is a plain client.
type Settings struct {
	JWKSURI string `json:"jwks_uri,omitempty"` // keys by reference; instead of JWKS

	TLSSubjectDN  string `json:"tls_client_auth_subject_dn,omitempty"` // RFC 8705, section 2.1.2
	TLSSANDNS     string `json:"tls_client_auth_san_dns,omitempty"`
	DPoPBound     bool   `json:"dpop_bound_access_tokens,omitempty"`                   // RFC 9449, section 5.2
	TLSBound      bool   `json:"tls_client_certificate_bound_access_tokens,omitempty"` // RFC 8705, section 3.4
	RequirePushed bool   `json:"require_pushed_authorization_requests,omitempty"`      // RFC 9126, section 6

	RequestAlg    string `json:"request_object_signing_alg,omitempty"`    // RFC 9101, section 9
	RequireSigned bool   `json:"require_signed_request_object,omitempty"` // RFC 9101, section 10.5
	ResponseAlg   string `json:"authorization_signed_response_alg,omitempty"`

	DetailTypes []string `json:"authorization_details_types,omitempty"` // RFC 9396, section 10
	Resources   []string `json:"resources,omitempty"`                   // RFC 8707: what its access tokens may be for
	Serves      []string `json:"serves,omitempty"`                      // resources whose server it is: about tokens for them it may ask (RFC 7662)

	BackchannelMode  string   `json:"backchannel_token_delivery_mode,omitempty"`                // CIBA, section 4: "poll", "ping"
	NotificationURI  string   `json:"backchannel_client_notification_endpoint,omitempty"`       // CIBA, section 4
	BackchannelAlg   string   `json:"backchannel_authentication_request_signing_alg,omitempty"` // CIBA, section 4
	LogoutURI        string   `json:"backchannel_logout_uri,omitempty"`                         // OpenID Connect Back-Channel Logout 1.0, section 2.2
	LogoutSession    bool     `json:"backchannel_logout_session_required,omitempty"`            // same
	EventsURI        string   `json:"events_endpoint,omitempty"`                                // RFC 8935: where security event tokens are pushed
	Events           []string `json:"events,omitempty"`                                         // event types that it receives (OpenID Shared Signals Framework 1.0)
	SoftwareID       string   `json:"software_id,omitempty"`                                    // RFC 7591, section 2
	SectorIdentifier string   `json:"sector_identifier_uri,omitempty"`                          // OpenID Connect Core 1.0, section 8.1
	Contacts         []string `json:"contacts,omitempty"`                                       // mail addresses of the party's staff, never of customers
}

// Purpose is one thing that a client wants facts for, approved with its ground.
// People agree to each purpose by itself; a request names one by the scope
// "purpose:" + Code, and may then ask for nothing beyond it.
type Purpose struct {
	Code    string   `json:"code"` // small letters, digits, "_": "open_account"
	Text    Text     `json:"text"` // completes "so that …"
	Ground  string   `json:"ground,omitempty"`
	Keep    string   `json:"keep,omitempty"`    // how long the party keeps what it reads (ISO 8601 duration); "" is not at all
	Lasts   string   `json:"lasts,omitempty"`   // how long a consent holds, when that is less than a year (ISO 8601 duration)
	Given   []Text   `json:"given,omitempty"`   // whom else the party passes it to
	Scopes  []string `json:"scopes,omitempty"`  // what it may read
	Fields  []string `json:"fields,omitempty"`  // of what the scopes cover, the claims that it may read; empty: all
	Matches []string `json:"matches,omitempty"` // fields that it may compare and not read
}

// MatchScope is the scope, and the field, of comparing what the purpose names.
const MatchScope = "match"

// PurposePrefix begins the scope that names a purpose.
const PurposePrefix = "purpose:"

// Purpose finds an approved purpose.
func (c Client) Purpose(code string) (Purpose, bool) {
	i := slices.IndexFunc(c.Purposes, func(p Purpose) bool { return p.Code == code })
	if i < 0 {
		return Purpose{}, false
	}
	return c.Purposes[i], true
}

// For is the client as far as one purpose goes: its scopes are those of the
// purpose, for the purpose's words and ground. The empty code is the client as
// registered.
func (c Client) For(code string) (Client, bool) {
	if code == "" {
		return c, true
	}
	p, ok := c.Purpose(code)
	if !ok {
		return Client{}, false
	}
	narrow := c
	narrow.Asks, narrow.Only = nil, p
	for _, a := range c.Asks {
		if a.Scope == "openid" {
			narrow.Asks = append(narrow.Asks, Ask{Scope: a.Scope, Purpose: p.Text, Ground: p.Ground})
		}
	}
	for _, s := range p.Scopes {
		if s != "openid" {
			narrow.Asks = append(narrow.Asks, Ask{Scope: s, Purpose: p.Text, Ground: p.Ground})
		}
	}
	if len(p.Matches) > 0 && !slices.Contains(p.Scopes, MatchScope) {
		narrow.Asks = append(narrow.Asks, Ask{Scope: MatchScope, Purpose: p.Text, Ground: p.Ground})
	}
	return narrow, true
}

// Releases reports whether a field that the client's scopes cover may be
// released to it: a purpose may name fewer fields than its scopes have.
func (c Client) Releases(field string) bool {
	if field == MatchScope {
		return len(c.Only.Matches) > 0
	}
	return len(c.Only.Fields) == 0 || slices.Contains(c.Only.Fields, field)
}

// checkPurposes refuses purposes that nobody could agree to.
func (c Client) checkPurposes(f *fault.Fault) {
	seen := map[string]bool{}
	for _, p := range c.Purposes {
		if !purposeForm.MatchString(p.Code) || seen[p.Code] {
			f.With("purposes", "partner.purpose.code")
		}
		seen[p.Code] = true
		if p.Text.VI == "" || p.Text.EN == "" {
			f.With("purposes", "partner.purpose.missing")
		}
		_, keep := clock.ParsePeriod(p.Keep)
		lasts, err := clock.ParsePeriod(p.Lasts)
		if keep != nil || err != nil || p.Lasts != "" && lasts.IsZero() {
			f.With("purposes", "partner.purpose.period")
		}
		if len(p.Given) > 20 || slices.ContainsFunc(p.Given, func(t Text) bool { return t.VI == "" || t.EN == "" }) {
			f.With("purposes", "partner.purpose.given")
		}
		if len(p.Scopes)+len(p.Matches) == 0 {
			f.With("purposes", "partner.purpose.empty")
		}
	}
}
