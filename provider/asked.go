// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"danh/partner"
	"danh/provider/claim"
	"danh/provider/dpop"
)

// asked is a checked authorization request, as it is kept. What is not needed
// is not kept: login_hint is not even read, because it would carry a number or
// a phone through addresses and logs.
type asked struct {
	RedirectURI string   `json:"r"`
	Scopes      []string `json:"s"`
	Purpose     string   `json:"pu,omitempty"` // code; "" is the client as registered
	State       string   `json:"st,omitempty"`
	Nonce       string   `json:"n,omitempty"`
	Challenge   string   `json:"c"`
	Mode        string   `json:"m,omitempty"`  // "" is query
	Resources   []string `json:"rs,omitempty"` // what the access tokens are for (RFC 8707); none: this server
	Details     string   `json:"rd,omitempty"` // sealed: whom she pays is personal (RFC 9396)
	Prompt      []string `json:"p,omitempty"`
	MaxAge      *int64   `json:"a,omitempty"`
	Language    string   `json:"l,omitempty"`
	Bound       Binding  `json:"b,omitzero"` // the keys that must be proved again with the code (RFC 9449, section 10)

	organisation bool // whoever answers acts for an organisation; known once she is there

	claim.Request // of the claims parameter, acr_values and id_token_hint
}

const (
	maxParameters = 16 << 10
	maxOpaque     = 2 << 10 // state, nonce
)

func (a *asked) prompts(v string) bool { return slices.Contains(a.Prompt, v) }

// single refuses parameters that are sent twice (RFC 6749, section 3.1).
func single(v url.Values) *Error {
	size := 0
	for k, list := range v {
		if len(list) > 1 && k != "resource" {
			return refuse("invalid_request", "a parameter is repeated")
		}
		for _, s := range list {
			size += len(k) + len(s)
		}
	}
	if size > maxParameters {
		return refuse("invalid_request", "the request is too large")
	}
	return nil
}

// redirect finds the exact registered address (RFC 9700, section 4.1.3).
func redirect(c partner.Client, v url.Values) (string, *Error) {
	u := v.Get("redirect_uri")
	if u == "" {
		return "", refuse("invalid_request", "redirect_uri is missing")
	}
	if !slices.Contains(c.RedirectURIs, u) {
		return "", refuse("invalid_request", "redirect_uri is not registered for this client")
	}
	return u, nil
}

// read checks an authorization request (OpenID Connect Core 1.0, section
// 3.1.2.1; RFC 7636; RFC 9700). The client and its redirect address are known
// to be good.
func (p *Provider) read(c partner.Client, v url.Values) (*asked, *Error) {
	a := &asked{State: v.Get("state"), Nonce: v.Get("nonce")}
	if len(a.State) > maxOpaque || len(a.Nonce) > maxOpaque {
		return nil, refuse("invalid_request", "state or nonce is too long")
	}
	var bad *Error
	if a.RedirectURI, bad = redirect(c, v); bad != nil {
		return nil, bad
	}
	if a.Mode, bad = readMode(v.Get("response_mode")); bad != nil {
		return nil, bad
	}
	if a.Resources, bad = p.readResources(c, v["resource"]); bad != nil {
		return nil, bad
	}
	if a.Details, bad = p.readDetails(c, v.Get("authorization_details")); bad != nil {
		return nil, bad
	}
	if v.Has("registration") {
		return nil, refuse("registration_not_supported", "registration is not supported")
	}
	switch v.Get("response_type") {
	case "code":
	case "":
		return nil, refuse("invalid_request", "response_type is missing")
	default:
		return nil, refuse("unsupported_response_type", "response_type must be code")
	}
	if bad = a.readPKCE(v); bad != nil {
		return nil, bad
	}
	if c, bad = a.readPurpose(c, v.Get("scope")); bad != nil {
		return nil, bad
	}
	if bad = a.readScopes(c, v.Get("scope")); bad != nil {
		return nil, bad
	}
	if bad = a.readPrompt(v); bad != nil {
		return nil, bad
	}
	if s := v.Get("acr_values"); s != "" {
		a.ACR = strings.Fields(s)
		if len(a.ACR) > 16 {
			return nil, refuse("invalid_request", "acr_values has too many values")
		}
	}
	// OpenID Connect Dynamic Client Registration 1.0, section 2: what the request
	// says itself goes before what its client registered.
	if !v.Has("acr_values") {
		a.ACR = c.DefaultACR
	}
	if !v.Has("max_age") && c.DefaultMaxAge > 0 {
		seconds := int64(c.DefaultMaxAge / time.Second)
		a.MaxAge = &seconds
	}
	for tag := range strings.FieldsSeq(v.Get("ui_locales")) {
		base, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if base == "vi" || base == "en" {
			a.Language = base
			break
		}
	}
	if s := v.Get("claims"); s != "" {
		var err error
		if a.Request, err = claim.Parse(s, a.ACR); err != nil {
			if errors.Is(err, claim.ErrVerified) {
				return nil, refuse("invalid_request", "verified_claims does not have the form of OpenID Connect for Identity Assurance")
			}
			return nil, refuse("invalid_request", "claims is not a JSON object of at most 8 KiB")
		}
	}
	if jkt := v.Get("dpop_jkt"); jkt != "" {
		if !dpop.IsThumbprint(jkt) {
			return nil, refuse("invalid_request", "dpop_jkt is no thumbprint of a key")
		}
		a.Bound.JKT = jkt
	}
	if hint := v.Get("id_token_hint"); hint != "" {
		sub, err := p.hintedSubject(hint, c)
		if err != nil {
			return nil, refuse("invalid_request", "id_token_hint is not an ID token for this client")
		}
		a.Subject = sub
	}
	return a, nil
}

// readPKCE demands S256: plain, or no challenge at all, is a downgrade
// (RFC 9700, section 2.1.1).
func (a *asked) readPKCE(v url.Values) *Error {
	a.Challenge = v.Get("code_challenge")
	if a.Challenge == "" {
		return refuse("invalid_request", "code_challenge is missing: PKCE with S256 is required")
	}
	if v.Get("code_challenge_method") != "S256" {
		return refuse("invalid_request", "code_challenge_method must be S256")
	}
	if len(a.Challenge) != 43 || strings.Trim(a.Challenge, alphabet) != "" {
		return refuse("invalid_request", "code_challenge is malformed")
	}
	return nil
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// readPurpose finds the purpose that the scope names and narrows the client to
// it. People agree to one purpose at a time, so a request names one at most.
func (a *asked) readPurpose(c partner.Client, s string) (partner.Client, *Error) {
	for scope := range strings.FieldsSeq(s) {
		code, ok := strings.CutPrefix(scope, partner.PurposePrefix)
		if !ok || code == a.Purpose && code != "" {
			continue
		}
		if a.Purpose != "" {
			return c, refuse("invalid_scope", "a request is for one purpose")
		}
		if code == "" {
			return c, refuse("invalid_scope", "the purpose has no name")
		}
		a.Purpose = code
	}
	narrow, ok := c.For(a.Purpose)
	if !ok {
		return c, refuse("invalid_scope", "the client is not approved for the purpose")
	}
	if a.Purpose != "" {
		a.Scopes = append(a.Scopes, partner.PurposePrefix+a.Purpose)
	}
	return narrow, nil
}

// readScopes ignores scopes that nobody here knows (OpenID Connect Core 1.0,
// section 3.1.2.1) and refuses known ones that the client was not approved for.
func (a *asked) readScopes(c partner.Client, s string) *Error {
	for scope := range strings.FieldsSeq(s) {
		if !claim.KnownScope(scope) || slices.Contains(a.Scopes, scope) {
			continue
		}
		if _, ok := c.Ask(scope); !ok {
			return refuse("invalid_scope", "the client is not approved for a requested scope")
		}
		a.Scopes = append(a.Scopes, scope)
	}
	if !slices.Contains(a.Scopes, claim.OpenID) {
		return refuse("invalid_scope", "scope must contain openid")
	}
	return nil
}

func (a *asked) readPrompt(v url.Values) *Error {
	a.Prompt = strings.Fields(v.Get("prompt"))
	for _, w := range a.Prompt {
		switch w {
		case "none", "login", "consent", "select_account":
		default:
			return refuse("invalid_request", "prompt has an unknown value")
		}
	}
	if len(a.Prompt) > 1 && a.prompts("none") {
		return refuse("invalid_request", "prompt none stands alone")
	}
	if s := v.Get("max_age"); s != "" {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || n < 0 {
			return refuse("invalid_request", "max_age must be a number of seconds")
		}
		a.MaxAge = &n
	}
	return nil
}
