// SPDX-License-Identifier: Apache-2.0

// Package explain is the page on which a developer reads what an error code
// means and what to look at: error answers name it in error_uri (RFC 6749,
// section 5.2).
//
// It is for everybody and knows nobody; what it explains is the list of codes
// that the provider gives.
package explain

import (
	"embed"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"danh/internal/page"
)

//go:embed *.html *.text.json
var files embed.FS

// Path is where the page is, below the partner door.
const Path = "/errors"

// Error is a code and where it is said.
type Error struct {
	Code   string
	Status int    // HTTP; 0 where it travels in the answer's address
	Source string // standard and section
}

// Errors lists the codes in the order in which a first integration meets them.
var Errors = []Error{
	{"invalid_client", 401, "RFC 6749, 5.2"},
	{"invalid_request", 400, "RFC 6749, 4.1.2.1, 5.2"},
	{"invalid_scope", 400, "RFC 6749, 4.1.2.1"},
	{"invalid_grant", 400, "RFC 6749, 5.2"},
	{"unauthorized_client", 400, "RFC 6749, 5.2"},
	{"unsupported_grant_type", 400, "RFC 6749, 5.2"},
	{"unsupported_response_type", 400, "RFC 6749, 4.1.2.1"},
	{"access_denied", 0, "RFC 6749, 4.1.2.1"},
	{"login_required", 0, "OpenID Connect Core 1.0, 3.1.2.6"},
	{"interaction_required", 0, "OpenID Connect Core 1.0, 3.1.2.6"},
	{"consent_required", 0, "OpenID Connect Core 1.0, 3.1.2.6"},
	{"unmet_authentication_requirements", 0, "OpenID Connect Core Unmet Authentication Requirements 1.0"},
	{"use_dpop_nonce", 400, "RFC 9449, 8"},
	{"invalid_dpop_proof", 400, "RFC 9449, 5"},
	{"invalid_token", 401, "RFC 6750, 3.1"},
	{"insufficient_scope", 403, "RFC 6750, 3.1"},
	{"insufficient_user_authentication", 401, "RFC 9470, 3"},
	{"invalid_request_object", 400, "RFC 9101, 6.3"},
	{"invalid_request_uri", 400, "RFC 9101, 7"},
	{"request_not_supported", 400, "OpenID Connect Core 1.0, 3.1.2.6"},
	{"request_uri_not_supported", 400, "OpenID Connect Core 1.0, 3.1.2.6"},
	{"registration_not_supported", 400, "OpenID Connect Core 1.0, 3.1.2.6"},
	{"invalid_target", 400, "RFC 8707, 2"},
	{"invalid_authorization_details", 400, "RFC 9396, 5"},
	{"authorization_pending", 400, "CIBA Core 1.0, 11"},
	{"slow_down", 400, "CIBA Core 1.0, 11"},
	{"expired_token", 400, "CIBA Core 1.0, 11"},
	{"unknown_user_id", 400, "CIBA Core 1.0, 13"},
	{"expired_login_hint_token", 400, "CIBA Core 1.0, 13"},
	{"invalid_binding_message", 400, "CIBA Core 1.0, 13"},
	{"invalid_software_statement", 400, "RFC 7591, 3.2.2"},
	{"unapproved_software_statement", 400, "RFC 7591, 3.2.2"},
	{"invalid_redirect_uri", 400, "RFC 7591, 3.2.2"},
	{"invalid_client_metadata", 400, "RFC 7591, 3.2.2"},
	{"temporarily_unavailable", 503, "RFC 6749, 4.1.2.1"},
	{"server_error", 500, "RFC 6749, 4.1.2.1"},
}

// Has reports whether a code is explained.
func Has(code string) bool {
	return slices.ContainsFunc(Errors, func(e Error) bool { return e.Code == code })
}

// Mount puts the page on the door.
func Mount(mux *http.ServeMux, site *page.Site) {
	j := site.Journey(files)
	mux.HandleFunc("GET "+Path, func(w http.ResponseWriter, r *http.Request) {
		f := page.FormFrom(r)
		language, want := page.Language(r), fold(f.Value("q"))
		var found []Error
		for _, e := range Errors {
			text := e.Code + " " + e.Source + " " + j.Say(language, "explain."+e.Code, nil) + " " + j.Say(language, "explain."+e.Code+".do", nil)
			if want == "" || strings.Contains(fold(text), want) {
				found = append(found, e)
			}
		}
		j.Render(w, r, http.StatusOK, "explain", page.View{Layout: page.Desk, Title: "explain.title", Lede: "explain.lede", Nav: "errors", Form: f,
			Data: map[string]any{"Errors": found, "All": len(found) == len(Errors)}})
	})
}

// fold removes case, diacritics and the underscores of codes, as people search.
func fold(s string) string {
	out, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), strings.ToLower(s))
	if err != nil {
		out = s
	}
	return strings.NewReplacer("đ", "d", "_", " ").Replace(out)
}
