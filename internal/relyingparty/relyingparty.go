// SPDX-License-Identifier: Apache-2.0

// Package relyingparty owns how our own doors sign people in: as ordinary
// OpenID Connect clients over real HTTP, with pushed requests (RFC 9126), PKCE
// S256 (RFC 7636), issuer identification (RFC 9207) and RP-initiated logout.
//
// It keeps no table. A request under way and a signed-in session are each one
// cookie, encrypted and authenticated with a key of the door, so a server that
// restarts loses nobody. A session lives as long as the issuer's tokens do and
// is then renewed at the issuer, so signing out there ends it here.
//
// It refuses to talk to the issuer at start: discovery happens at the first
// sign-in and is tried again while the issuer is away. Everything is safe for
// concurrent use.
package relyingparty

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"golang.org/x/oauth2"

	"danh/internal/clock"
	"danh/internal/fault"
)

// Config says who the client is and where the issuer and the door are.
type Config struct {
	Issuer        string        // e.g. "https://id.example"
	ClientID      string        // as registered at the issuer
	Secret        string        // client_secret_basic; empty with Signer
	Signer        crypto.Signer // private_key_jwt with ES256; nil with Secret
	KID           string        // key id of Signer
	RedirectURL   string        // the door's callback, absolute
	PostLogoutURL string        // where the issuer sends people after signing out
	Scopes        []string      // beside "openid"
	Claims        string        // "claims" parameter (OpenID Connect Core 1.0, section 5.5), or ""
	Demand        string        // the authentication context class that every session must have, or ""; put beside Claims
	Cookie        string        // "danh-portal"; "__Host-" is put before it when Secure
	Secure        bool          // the door is served over https
	Key           []byte        // 32 bytes that seal the cookies
	Clock         clock.Clock
	Log           *slog.Logger
	HTTP          *http.Client // nil: a client with sensible limits
}

// Client signs people in for one door.
type Client struct {
	c    Config
	box  *subtle.AESGCM
	http *http.Client

	mu     sync.Mutex
	issuer *issuer
	retry  time.Time // after a failed discovery: not again before

	renewals renewals
	standing standing
}

// issuer is what discovery told.
type issuer struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	oauth    oauth2.Config
	meta     metadata
}

type metadata struct {
	PAR        string `json:"pushed_authorization_request_endpoint"`
	EndSession string `json:"end_session_endpoint"`
	Revocation string `json:"revocation_endpoint"`
	Introspect string `json:"introspection_endpoint"`
	SendsIss   bool   `json:"authorization_response_iss_parameter_supported"`
}

// New checks the configuration; it does not talk to the issuer.
func New(c Config) (*Client, error) {
	if c.Issuer == "" || c.ClientID == "" || c.RedirectURL == "" || c.Cookie == "" {
		return nil, errors.New("relyingparty: issuer, client id, redirect address and cookie name are needed")
	}
	if (c.Secret == "") == (c.Signer == nil) {
		return nil, errors.New("relyingparty: give either a secret or a signer")
	}
	if c.Demand != "" {
		wants := map[string]map[string]any{}
		if c.Claims != "" {
			if err := json.Unmarshal([]byte(c.Claims), &wants); err != nil {
				return nil, fmt.Errorf("relyingparty: the claims parameter: %w", err)
			}
		}
		if wants["id_token"] == nil {
			wants["id_token"] = map[string]any{}
		}
		// Essential: the issuer answers an error rather than less (OpenID Connect
		// Core 1.0, section 5.5.1.1).
		wants["id_token"]["acr"] = map[string]any{"essential": true, "values": []string{c.Demand}}
		doc, err := json.Marshal(wants)
		if err != nil {
			return nil, err
		}
		c.Claims = string(doc)
	}
	box, err := subtle.NewAESGCM(c.Key)
	if err != nil || len(c.Key) != 32 {
		return nil, errors.New("relyingparty: the cookie key must have 32 bytes")
	}
	if c.Clock == nil {
		c.Clock = clock.System()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	h := c.HTTP
	if h == nil {
		h = HTTP(nil)
	}
	return &Client{c: c, box: box, http: h}, nil
}

// HTTP is a client with sensible limits that trusts the given authorities; nil
// for those of the system.
func HTTP(trust *x509.CertPool) *http.Client {
	h := &http.Client{Timeout: 15 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // no endpoint of an issuer redirects
	}}
	if trust != nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.TLSClientConfig = &tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS12}
		h.Transport = t
	}
	return h
}

// discover finds the issuer, once; while it is away each sign-in tries again,
// at most once a second.
func (c *Client) discover(ctx context.Context) (*issuer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.issuer != nil {
		return c.issuer, nil
	}
	away := fault.New(fault.Unavailable, "signin.issuer_away").In(5 * time.Second)
	now := c.c.Clock.Now()
	if now.Before(c.retry) {
		return nil, away
	}
	// The key set outlives this request, so its client must not hang on ctx.
	own := oidc.ClientContext(context.WithoutCancel(ctx), c.http)
	p, err := oidc.NewProvider(own, c.c.Issuer)
	if err != nil {
		c.retry = now.Add(time.Second)
		c.c.Log.WarnContext(ctx, "the issuer cannot be reached", "issuer", c.c.Issuer, "err", err)
		return nil, away
	}
	is := &issuer{
		provider: p,
		verifier: p.VerifierContext(own, &oidc.Config{ClientID: c.c.ClientID, SupportedSigningAlgs: []string{oidc.ES256, oidc.PS256, oidc.EdDSA}, Now: c.c.Clock.Now}),
	}
	if err := p.Claims(&is.meta); err != nil {
		return nil, fmt.Errorf("read the issuer's metadata: %w", err)
	}
	is.oauth = oauth2.Config{ClientID: c.c.ClientID, ClientSecret: c.c.Secret, Endpoint: p.Endpoint(), RedirectURL: c.c.RedirectURL,
		Scopes: append([]string{oidc.ScopeOpenID}, c.c.Scopes...)}
	is.oauth.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if c.c.Signer != nil {
		is.oauth.Endpoint.AuthStyle = oauth2.AuthStyleInParams
		is.oauth.ClientSecret = ""
	}
	c.issuer = is
	return is, nil
}

// Issuer is the issuer's address, for links to its own pages.
func (c *Client) Issuer() string { return strings.TrimRight(c.c.Issuer, "/") }

// IssuerOrigin is scheme and host of the issuer.
func (c *Client) IssuerOrigin() string {
	u, err := url.Parse(c.c.Issuer)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
