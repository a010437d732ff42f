// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"danh/partner"
	"danh/provider"
	"danh/provider/inspect"
)

// watched are the endpoints whose requests a developer may look at.
var watched = []string{provider.PushPath, provider.AuthorizePath, provider.TokenPath, provider.UserInfoPath, provider.IntrospectPath, provider.RevokePath, provider.LogoutPath,
	"/bc-authorize", "/register", "/verify"}

// Watch lets an inspector see what clients under trial send to the protocol's
// endpoints and what they are answered. Other clients' requests pass without
// being read.
func Watch(i *inspect.Inspector, next http.Handler) http.Handler {
	if i == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(watched, r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		values := r.URL.Query()
		if r.Method == http.MethodPost && r.ContentLength <= maxBody {
			body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
			if err != nil || len(body) > maxBody {
				next.ServeHTTP(w, r)
				return
			}
			if posted, err := url.ParseQuery(string(body)); err == nil && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
				values = posted
			}
		}
		client := claimedClient(r, values)
		if !i.Watches(r.Context(), client) {
			next.ServeHTTP(w, r)
			return
		}
		tee := &tee{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(tee, r)
		e := inspect.Exchange{Client: client, Endpoint: r.URL.Path, Method: r.Method, Status: tee.status, Parts: parts(r, values)}
		e.Error, e.Description = tee.problem()
		i.Record(e)
	})
}

// tee keeps the head of an answer and, of errors, the body.
type tee struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// Unwrap lets http.ResponseController reach what is beneath.
func (t *tee) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (t *tee) WriteHeader(status int) {
	t.status = status
	t.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (t *tee) Write(b []byte) (int, error) {
	if t.status >= 400 && t.body.Len() < 4<<10 {
		t.body.Write(b[:min(len(b), 4<<10)])
	}
	return t.ResponseWriter.Write(b)
}

// problem reads the error that the client was told: in the body, or in the
// address to which its answer travels.
func (t *tee) problem() (code, description string) {
	var e struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if t.status >= 400 {
		_ = json.Unmarshal(t.body.Bytes(), &e)
		return e.Error, e.Description
	}
	if to, err := url.Parse(t.Header().Get("Location")); err == nil {
		return to.Query().Get("error"), to.Query().Get("error_description")
	}
	return "", ""
}

// claimedClient is who the request says it comes from. That it is true was not
// looked at: a wrong assertion is what a developer most needs to see.
func claimedClient(r *http.Request, v url.Values) partner.ID {
	if c := v.Get("client_id"); c != "" {
		return partner.ID(c)
	}
	if id, _, ok := basic(r); ok && id != "" {
		return partner.ID(id)
	}
	for _, token := range []string{v.Get("client_assertion"), accessToken(r), v.Get("id_token_hint")} {
		_, claims := peek(token)
		for _, name := range []string{"client_id", "sub", "aud"} {
			if c, ok := claims[name].(string); ok && (name != "sub" || token == v.Get("client_assertion")) {
				return partner.ID(c)
			}
		}
	}
	return ""
}

func accessToken(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "DPoP") {
		return token
	}
	return ""
}

// peek reads header and claims of a JWT without checking it.
func peek(token string) (header, claims map[string]any) {
	list := strings.Split(token, ".")
	if len(list) != 3 || len(token) > 16<<10 {
		return nil, nil
	}
	for n, into := range []*map[string]any{&header, &claims} {
		if b, err := base64.RawURLEncoding.DecodeString(list[n]); err == nil {
			_ = json.Unmarshal(b, into)
		}
	}
	return header, claims
}

// plain are the parameters whose values are no secret and about nobody.
var plain = []string{"client_id", "response_type", "response_mode", "redirect_uri", "scope", "code_challenge_method", "grant_type", "prompt", "max_age", "acr_values", "ui_locales",
	"resource", "client_assertion_type", "dpop_jkt", "token_type_hint", "post_logout_redirect_uri", "requested_expiry", "display"}

// spoken are the claims of signed parameters that a developer compares with
// what is asked of her.
var spoken = []string{"iss", "sub", "aud", "exp", "iat", "nbf", "htm", "htu", "client_id", "response_type", "redirect_uri", "scope", "code_challenge_method", "response_mode"}

// parts lists what a request carried.
func parts(r *http.Request, v url.Values) []inspect.Part {
	var out []inspect.Part
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range v[name] {
			switch {
			case len(name) > 64:
			case name == "client_assertion" || name == "request":
				out = append(out, signed(name, value)...)
			case slices.Contains(plain, name) && len(value) <= 500:
				out = append(out, inspect.Part{Name: name, Value: value})
			default:
				out = append(out, inspect.Part{Name: name, Size: len(value)})
			}
		}
	}
	for _, name := range []string{"Authorization", "DPoP", "Content-Type"} {
		value := r.Header.Get(name)
		switch {
		case value == "":
		case name == "DPoP":
			out = append(out, signed(name, value)...)
		case name == "Authorization":
			scheme, _, _ := strings.Cut(value, " ")
			out = append(out, inspect.Part{Name: name, Value: scheme[:min(len(scheme), 20)], Size: len(value)})
		default:
			out = append(out, inspect.Part{Name: name, Value: value[:min(len(value), 100)]})
		}
	}
	return out
}

// signed lists header and claims of a signed parameter. Subjects are kept only
// where they are the client itself.
func signed(name, token string) []inspect.Part {
	header, claims := peek(token)
	if header == nil {
		return []inspect.Part{{Name: name, Size: len(token)}}
	}
	var out []inspect.Part
	for _, k := range []string{"alg", "typ", "kid"} {
		if s, ok := header[k].(string); ok {
			out = append(out, inspect.Part{Name: name + " · " + k, Value: s[:min(len(s), 200)]})
		}
	}
	for _, k := range spoken {
		value, ok := claims[k]
		if !ok || k == "sub" && claims["sub"] != claims["iss"] {
			continue
		}
		b, err := json.Marshal(value)
		if err == nil && len(b) <= 500 {
			out = append(out, inspect.Part{Name: name + " · " + k, Value: strings.Trim(string(b), `"`)})
		}
	}
	return out
}
