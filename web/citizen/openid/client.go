// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"danh/internal/certificate"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/partner"
	"danh/provider"
	"danh/provider/ciba"
	"danh/provider/dpop"
)

// caller reads the form and finds out which client sent it. It answers the
// error itself.
func (d *door) caller(w http.ResponseWriter, r *http.Request) (provider.Caller, url.Values, bool) {
	v, ok := form(w, r)
	if !ok {
		d.fail(w, r, &provider.Error{Code: "invalid_request", Description: "the body must be a form of at most 64 KiB"})
		return provider.Caller{}, nil, false
	}
	for k, list := range v {
		if len(list) > 1 && k != "resource" { // RFC 8707, section 2
			d.fail(w, r, &provider.Error{Code: "invalid_request", Description: "a parameter is repeated"})
			return provider.Caller{}, nil, false
		}
	}
	proof, err := d.proof(w, r)
	if err != nil {
		d.fail(w, r, err)
		return provider.Caller{}, nil, false
	}
	chain := certificate.Shown(r)
	cred := provider.Credentials{ID: v.Get("client_id"), AssertionType: v.Get("client_assertion_type"), Assertion: v.Get("client_assertion"),
		Proof: proof, Method: r.Method, Endpoint: d.Provider.Issuer() + r.URL.Path}
	if len(chain) > 0 {
		cred.Certificate, cred.Chain = chain[0], chain[1:]
	}
	if id, password, ok := basic(r); ok {
		if cred.ID != "" && cred.ID != id {
			id = "" // two clients at once: nobody
		}
		cred.ID, cred.Secret, cred.Basic = id, partner.Secret(password), true
	}
	c, err := d.Provider.Authenticate(r.Context(), cred)
	if err != nil {
		d.fail(w, r, err)
		return provider.Caller{}, nil, false
	}
	return c, v, true
}

// proof reads the DPoP header, of which there may be one (RFC 9449, section 4.3),
// and lets the answer name the nonce for the next.
func (d *door) proof(w http.ResponseWriter, r *http.Request) (string, error) {
	list := r.Header.Values("DPoP")
	if len(list) == 0 {
		return "", nil
	}
	w.Header().Set("DPoP-Nonce", d.Provider.Nonce())
	if len(list) > 1 || list[0] == "" {
		return "", &provider.Error{Code: provider.InvalidProof, Description: "there must be one DPoP proof"}
	}
	return list[0], nil
}

// basic reads the Authorization header; both parts were form-encoded before
// they were joined (RFC 6749, section 2.3.1).
func basic(r *http.Request) (id, password string, ok bool) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if err != nil {
		return "", "", true
	}
	a, b, _ := strings.Cut(string(raw), ":")
	id, err1 := url.QueryUnescape(a)
	password, err2 := url.QueryUnescape(b)
	if err1 != nil || err2 != nil {
		return "", "", true
	}
	return id, password, true
}

func (d *door) push(w http.ResponseWriter, r *http.Request) {
	c, v, ok := d.caller(w, r)
	if !ok {
		return
	}
	for _, k := range []string{"client_assertion", "client_assertion_type"} {
		v.Del(k)
	}
	p, err := d.Provider.Push(r.Context(), c.Client, c.Binding, v)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	d.write(w, r, http.StatusCreated, p)
}

func (d *door) token(w http.ResponseWriter, r *http.Request) {
	c, v, ok := d.caller(w, r)
	if !ok {
		return
	}
	var t provider.Tokens
	var err error
	less := provider.Narrow{Resources: v["resource"], Details: v.Get("authorization_details")}
	switch v.Get("grant_type") {
	case "authorization_code":
		t, err = d.Provider.Redeem(r.Context(), c.Client, c.Binding, v.Get("code"), v.Get("redirect_uri"), v.Get("code_verifier"), less)
	case "refresh_token":
		t, err = d.Provider.Refresh(r.Context(), c.Client, c.Binding, v.Get("refresh_token"), v.Get("scope"), less)
	case "client_credentials":
		t, err = d.Provider.Own(c.Client, c.Binding, v.Get("scope"))
	case ciba.GrantType:
		t, err = d.afar(r, c, v)
	case "":
		err = &provider.Error{Code: "invalid_request", Description: "grant_type is missing"}
	default:
		err = &provider.Error{Code: "unsupported_grant_type", Description: "grant_type must be one of those that the metadata list"}
	}
	if err != nil {
		d.fail(w, r, err)
		return
	}
	d.write(w, r, http.StatusOK, t)
}

func (d *door) introspect(w http.ResponseWriter, r *http.Request) {
	c, v, ok := d.caller(w, r)
	if !ok {
		return
	}
	if v.Get("token") == "" {
		d.fail(w, r, &provider.Error{Code: "invalid_request", Description: "token is missing"})
		return
	}
	a, err := d.Provider.Introspect(r.Context(), c.Client, v.Get("token"))
	if err != nil {
		d.fail(w, r, err)
		return
	}
	d.write(w, r, http.StatusOK, a)
}

func (d *door) revoke(w http.ResponseWriter, r *http.Request) {
	c, v, ok := d.caller(w, r)
	if !ok {
		return
	}
	if v.Get("token") == "" {
		d.fail(w, r, &provider.Error{Code: "invalid_request", Description: "token is missing"})
		return
	}
	if err := d.Provider.Revoke(r.Context(), c.Client, v.Get("token")); err != nil {
		d.fail(w, r, err)
		return
	}
	d.status(w, http.StatusOK)
}

func (d *door) write(w http.ResponseWriter, r *http.Request, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	secret(w)
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// Challenges of resources (RFC 6750, section 3; RFC 9449, section 7.1).
const bearerChallenge = `Bearer realm="danh"`

var dpopChallenge = `DPoP realm="danh", algs="` + strings.Join(dpop.Algorithms, " ") + `"`

// challengeOf is the challenge of the scheme by which a token came.
func challengeOf(r *http.Request) string {
	if dpopScheme(r) {
		return dpopChallenge
	}
	return bearerChallenge
}

func dpopScheme(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "DPoP")
}

// resource reports whether a request is for data that an access token opens.
func resource(r *http.Request) bool {
	return r.URL.Path == provider.UserInfoPath || strings.HasPrefix(r.URL.Path, provider.VerifyPath) || strings.HasPrefix(r.URL.Path, "/ssf/")
}

// fail writes an OAuth error answer (RFC 6749, section 5.2; RFC 6750, section
// 3) and logs what is internal, once.
func (d *door) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, code, description := http.StatusInternalServerError, "server_error", "the server could not answer"
	var e *provider.Error
	switch {
	case errors.As(err, &e):
		status, code, description = http.StatusBadRequest, e.Code, e.Description
	case fault.Of(err) != nil:
		status = fault.Status(err)
		code, description = "temporarily_unavailable", "try again later"
		if status < 500 && status != http.StatusTooManyRequests {
			status, code, description = http.StatusBadRequest, "invalid_request", "the request cannot be answered"
		}
		if wait := fault.Of(err).RetryAfter; wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		}
	case r.Context().Err() != nil:
		return
	default:
		d.Log.ErrorContext(r.Context(), "request failed", "door", "citizen", "request", page.Reference(r.Context()), "path", r.URL.Path, "err", err)
	}
	switch code {
	case provider.InvalidClient:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Basic realm="danh", charset="UTF-8"`)
	case provider.InvalidToken:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", challengeOf(r)+`, error="invalid_token", error_description="`+description+`"`)
	case provider.InvalidProof, provider.UseNonce:
		w.Header().Set("DPoP-Nonce", d.Provider.Nonce())
		if resource(r) { // RFC 9449, sections 7.1 and 9
			status = http.StatusUnauthorized
			w.Header().Set("WWW-Authenticate", dpopChallenge+`, error="`+code+`", error_description="`+description+`"`)
		}
	case provider.InsufficientAuth:
		status = http.StatusUnauthorized
		challenge := challengeOf(r) + `, error="insufficient_user_authentication", error_description="` + description + `"`
		if len(e.ACR) > 0 {
			challenge += `, acr_values="` + strings.Join(e.ACR, " ") + `"`
		}
		if e.MaxAge > 0 {
			challenge += `, max_age="` + strconv.Itoa(int(e.MaxAge/time.Second)) + `"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	case "insufficient_scope":
		status = http.StatusForbidden
		w.Header().Set("WWW-Authenticate", challengeOf(r)+`, error="insufficient_scope", scope="`+scopeOf(r)+`"`)
	}
	b, _ := json.Marshal(struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
		URI         string `json:"error_uri,omitempty"`
	}{code, description, d.explained(code)})
	secret(w)
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// explained is where a code is explained, "" when there is no such place.
func (d *door) explained(code string) string {
	if d.Explain == "" {
		return ""
	}
	return d.Explain + "#" + url.PathEscape(code)
}
