// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"net/url"
	"strings"
	"time"

	"danh/internal/keys"
	"danh/partner"
)

// responseLife is how long a signed answer is good for (JWT Secured Authorization
// Response Mode, section 2.1: ten minutes at most are recommended).
const responseLife = 10 * time.Minute

// Answer is what the browser carries back to the client.
type Answer struct {
	RedirectURI string
	Values      url.Values
	FormPost    bool // by a form rather than in the address (OAuth 2.0 Form Post Response Mode)
}

// URL is the address to go to when the answer travels in it.
func (a Answer) URL() string {
	sep := "?"
	if strings.Contains(a.RedirectURI, "?") {
		sep = "&"
	}
	return a.RedirectURI + sep + a.Values.Encode()
}

// Origin is scheme and host of the client's address, for the form-action exception.
func (a Answer) Origin() string { return Origin(a.RedirectURI) }

// Origin is scheme and host of an address.
func Origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Response modes, as they are kept.
const (
	modeForm    = "form_post"
	modeJWT     = "jwt" // in the query, which is what "jwt" means for a code (section 2.3.4)
	modeFormJWT = "form_post.jwt"
)

// ResponseModes lists them for metadata. There is no fragment: what stands there
// is not sent to the server that asked.
var ResponseModes = []string{"query", modeForm, modeJWT, "query.jwt", modeFormJWT}

func readMode(s string) (string, *Error) {
	switch s {
	case "", "query":
		return "", nil
	case "query.jwt":
		return modeJWT, nil
	case modeForm, modeJWT, modeFormJWT:
		return s, nil
	}
	return "", refuse("invalid_request", "response_mode must be query, form_post, jwt, query.jwt or form_post.jwt")
}

// answer is what a client gets: the values, its state, and iss against mix-up
// (RFC 9207, section 2). In the signed modes they stand in one JWT for this client
// alone (JWT Secured Authorization Response Mode, section 2.1).
func (p *Provider) answer(a *asked, c partner.Client, v url.Values) (*Answer, error) {
	if a.State != "" {
		v.Set("state", a.State)
	}
	out := &Answer{RedirectURI: a.RedirectURI, Values: v, FormPost: strings.HasPrefix(a.Mode, modeForm)}
	if a.Mode != modeJWT && a.Mode != modeFormJWT {
		v.Set("iss", p.c.Issuer)
		return out, nil
	}
	claims := map[string]any{}
	for k := range v {
		claims[k] = v.Get(k)
	}
	claims["iss"], claims["aud"], claims["exp"] = p.c.Issuer, string(c.ID), p.c.Clock.Now().Add(responseLife).Unix()
	text, err := p.signer.Sign(keys.Response, "JWT", claims)
	if err != nil {
		return nil, err
	}
	out.Values = url.Values{"response": {text}}
	return out, nil
}

func (p *Provider) failure(a *asked, c partner.Client, e *Error) (*Answer, error) {
	v := url.Values{"error": {e.Code}}
	if e.Description != "" {
		v.Set("error_description", e.Description)
	}
	return p.answer(a, c, v)
}
