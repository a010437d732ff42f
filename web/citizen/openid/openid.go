// SPDX-License-Identifier: Apache-2.0

// Package openid is the protocol door of the provider: discovery, keys, pushed
// requests, authorization, tokens, userinfo, introspection, revocation and
// logout, over HTTP.
//
// It owns how bytes are read and answered: sizes are capped, bodies are forms,
// parameters never come from the query where the body is meant, answers with
// tokens are not stored by anybody, errors follow RFC 6749, RFC 6750 and RFC
// 9126 and never repeat what was sent. It decides nothing: that is provider's.
package openid

import (
	"embed"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"danh/internal/certificate"
	"danh/internal/clock"
	"danh/internal/page"
	"danh/provider"
	"danh/provider/ciba"
	"danh/provider/notice"
	"danh/provider/register"
	"danh/provider/verify"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the door stands on.
type Config struct {
	Provider *provider.Provider
	Notices  *notice.Desk // nil: there are no streams of events
	Verify   *verify.Desk // nil: nothing is compared
	Guard    *session.Guard
	Clock    clock.Clock    // nil: the machine's
	Afar     *ciba.Desk     // nil: no requests without a browser
	Register *register.Desk // nil: nobody registers clients
	Secure   bool           // served over https
	Explain  string         // address of the page that explains error codes; "": there is none
	Log      *slog.Logger
}

// Router takes the endpoints, by patterns of http.ServeMux.
type Router interface {
	HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request))
}

type door struct {
	Config
	j     *page.Journey
	brake brake
	slow  brake // of registrations
}

// Mount puts the endpoints on the mux.
func Mount(mux Router, site *page.Site, c Config) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = clock.System()
	}
	d := &door{Config: c, j: site.Journey(files), brake: brake{clock: c.Clock, most: beginMost}, slow: brake{clock: c.Clock, most: registerMost}}
	mux.HandleFunc("GET "+provider.DiscoveryPath, d.metadata)
	mux.HandleFunc("GET "+provider.MetadataPath, d.metadata)
	mux.HandleFunc("GET "+provider.JWKSPath, d.keys)
	mux.HandleFunc("POST "+provider.PushPath, d.push)
	mux.HandleFunc("GET "+provider.AuthorizePath, d.authorize)
	mux.HandleFunc("POST "+provider.AuthorizePath, d.authorize)
	mux.HandleFunc("POST "+provider.TokenPath, d.token)
	mux.HandleFunc("GET "+provider.UserInfoPath, d.userinfo)
	mux.HandleFunc("POST "+provider.UserInfoPath, d.userinfo)
	if c.Verify != nil {
		mux.HandleFunc("POST "+provider.VerifyPath, d.verify)
		mux.HandleFunc("POST "+provider.VerifyPath+"/people", d.verifyPeople)
	}
	mux.HandleFunc("POST "+provider.IntrospectPath, d.introspect)
	mux.HandleFunc("POST "+provider.RevokePath, d.revoke)
	mux.HandleFunc("POST "+provider.ConsentsPath, d.held)
	mux.HandleFunc("GET "+provider.LogoutPath, d.logout)
	mux.HandleFunc("POST "+provider.LogoutPath, d.logout)
	mux.HandleFunc("POST "+provider.LogoutPath+"/confirm", d.confirmLogout)
	if c.Register != nil {
		d.mountRegister(mux)
	}
	if c.Notices != nil {
		d.mountStreams(mux)
	}
	if c.Afar != nil {
		mux.HandleFunc("POST "+provider.BackchannelPath, d.askAfar)
	}
}

// Open lists the paths whose posts may come from another origin: there a
// relying party's page may send a browser by form (OpenID Connect Core 1.0,
// section 3.1.2.1; RP-Initiated Logout 1.0, section 2). They change nothing by
// themselves.
var Open = []string{provider.AuthorizePath, provider.LogoutPath}

const maxBody = 64 << 10

// form reads a form from the body, and only from there.
func form(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || t != "application/x-www-form-urlencoded" {
		return nil, false
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, false
	}
	v, err := url.ParseQuery(string(b))
	return v, err == nil
}

// query reads the request's parameters for endpoints that take both methods.
func query(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	if r.Method == http.MethodPost {
		return form(w, r)
	}
	v, err := url.ParseQuery(r.URL.RawQuery)
	return v, err == nil && len(r.URL.RawQuery) <= maxBody
}

func public(w http.ResponseWriter, seconds string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "public, max-age="+seconds)
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
}

func (d *door) metadata(w http.ResponseWriter, r *http.Request) {
	public(w, "300")
	_, _ = w.Write(d.Provider.Metadata())
}

func (d *door) keys(w http.ResponseWriter, r *http.Request) {
	doc, err := d.Provider.JWKS()
	if err != nil {
		d.fail(w, r, err)
		return
	}
	public(w, "300")
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(doc)
}

// presented finds the access token: in the header, or in the body of a POST
// (RFC 6750, sections 2.1 and 2.2; RFC 9449, section 7.1). In the address it is
// not accepted.
func presented(w http.ResponseWriter, r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "DPoP") {
		return strings.TrimSpace(token)
	}
	if r.Method == http.MethodPost && r.Header.Get("Authorization") == "" {
		if v, ok := form(w, r); ok && len(v["access_token"]) == 1 {
			return v.Get("access_token")
		}
	}
	return ""
}

// access reads the access token of a resource request, with what proves that its
// bearer may use it. It answers the error itself.
func (d *door) access(w http.ResponseWriter, r *http.Request) (provider.Access, bool) {
	a := provider.Access{Token: presented(w, r), DPoP: dpopScheme(r), Method: r.Method, Endpoint: d.Provider.Issuer() + r.URL.Path}
	if a.Token == "" {
		// RFC 6750, section 3.1: without a token, no error code.
		w.Header().Add("WWW-Authenticate", bearerChallenge)
		w.Header().Add("WWW-Authenticate", dpopChallenge)
		d.status(w, http.StatusUnauthorized)
		return a, false
	}
	var err error
	if a.Proof, err = d.proof(w, r); err != nil {
		d.fail(w, r, err)
		return a, false
	}
	if chain := certificate.Shown(r); len(chain) > 0 {
		a.Certificate = chain[0]
	}
	return a, true
}

func (d *door) userinfo(w http.ResponseWriter, r *http.Request) {
	a, ok := d.access(w, r)
	if !ok {
		return
	}
	doc, err := d.Provider.UserInfo(r.Context(), a)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	secret(w)
	_, _ = w.Write(doc)
}

// secret marks an answer that nobody may keep (RFC 6749, section 5.1).
func secret(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
}

func (d *door) status(w http.ResponseWriter, code int) {
	secret(w)
	w.Header().Del("Content-Type")
	w.WriteHeader(code)
}
