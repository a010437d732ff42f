// SPDX-License-Identifier: Apache-2.0

package relyingparty

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"danh/internal/fault"
)

// flowLife bounds how long a person may take to sign in.
const flowLife = 30 * time.Minute

// flow is a sign-in under way, kept in a cookie of its own so that two tabs
// do not disturb each other.
type flow struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Return   string `json:"r"`
	Until    int64  `json:"u"`
}

// Option shapes one authorisation request.
type Option func(url.Values)

// Prompt sets the prompt parameter: "login", "consent" or "none".
func Prompt(v string) Option { return func(u url.Values) { u.Set("prompt", v) } }

// MaxAge asks for a sign-in no older than d.
func MaxAge(d time.Duration) Option {
	return func(u url.Values) { u.Set("max_age", fmt.Sprint(int(d/time.Second))) }
}

// ACR asks for one of the authentication context classes.
func ACR(values ...string) Option {
	return func(u url.Values) { u.Set("acr_values", strings.Join(values, " ")) }
}

// UILocales tells the issuer the reader's language.
func UILocales(v string) Option { return func(u url.Values) { u.Set("ui_locales", v) } }

// Begin sends the browser to the issuer. returnPath is where Callback will say
// she wanted to be; it must be a path of this door.
func (c *Client) Begin(w http.ResponseWriter, r *http.Request, returnPath string, opts ...Option) error {
	is, err := c.discover(r.Context())
	if err != nil {
		return err
	}
	f := flow{State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), Return: local(returnPath), Until: c.c.Clock.Now().Add(flowLife).Unix()}
	if len(f.Return) > 1500 {
		f.Return = "/"
	}
	q := url.Values{
		"response_type": {"code"}, "client_id": {c.c.ClientID}, "redirect_uri": {c.c.RedirectURL}, "scope": {strings.Join(is.oauth.Scopes, " ")},
		"state": {f.State}, "nonce": {f.Nonce}, "code_challenge": {oauth2.S256ChallengeFromVerifier(f.Verifier)}, "code_challenge_method": {"S256"},
	}
	if c.c.Claims != "" {
		q.Set("claims", c.c.Claims)
	}
	for _, o := range opts {
		o(q)
	}
	if is.meta.PAR != "" {
		var answer struct {
			RequestURI string `json:"request_uri"`
		}
		if err := c.post(r.Context(), is.meta.PAR, q, &answer); err != nil {
			return fmt.Errorf("push the authorisation request: %w", err)
		}
		if answer.RequestURI == "" {
			return errors.New("push the authorisation request: the issuer gave no request_uri")
		}
		q = url.Values{"client_id": {c.c.ClientID}, "request_uri": {answer.RequestURI}}
	}
	c.tidy(w, r)
	if err := c.setSealed(w, c.flowCookie(f.State), "flow", f, flowLife); err != nil {
		return err
	}
	to, err := url.Parse(is.oauth.Endpoint.AuthURL)
	if err != nil {
		return fmt.Errorf("authorisation endpoint: %w", err)
	}
	have := to.Query()
	for k, v := range q {
		have[k] = v
	}
	to.RawQuery = have.Encode()
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
	return nil
}

// ErrDeclined says that she chose not to sign in or not to share.
var ErrDeclined = fault.New(fault.Forbidden, "signin.declined")

// ErrUnmet says that her account or the way she signed in is not enough for
// this door, and that nothing she could do there and then would change it.
var ErrUnmet = fault.New(fault.Forbidden, "signin.unmet")

var errFlow = fault.New(fault.Invalid, "signin.stale")

// Callback finishes a sign-in: it redeems the code, checks the ID token, reads
// what was released, sets the session cookie and says where she wanted to be.
// A fault means that the sign-in did not happen and no cookie was set.
func (c *Client) Callback(w http.ResponseWriter, r *http.Request) (Identity, string, error) {
	q := r.URL.Query()
	state := q.Get("state")
	var f flow
	if state == "" || !c.readSealed(r, c.flowCookie(state), "flow", &f) ||
		subtle.ConstantTimeCompare([]byte(f.State), []byte(state)) != 1 || c.c.Clock.Now().Unix() > f.Until {
		return Identity{}, "", errFlow // another browser, a second use, or too late
	}
	c.clear(w, c.flowCookie(state))
	is, err := c.discover(r.Context())
	if err != nil {
		return Identity{}, f.Return, err
	}
	// RFC 9207, section 2.4: an answer of another issuer is refused before anything in it is used.
	if iss := q.Get("iss"); is.meta.SendsIss && iss == "" || iss != "" && iss != c.c.Issuer {
		return Identity{}, f.Return, errFlow
	}
	switch e := q.Get("error"); e {
	case "":
	case "access_denied":
		return Identity{}, f.Return, ErrDeclined
	case "login_required", "consent_required", "interaction_required":
		return Identity{}, f.Return, fault.New(fault.StepUp, "signin.needed")
	case "unmet_authentication_requirements": // OpenID Connect Core Unmet Authentication Requirements 1.0
		return Identity{}, f.Return, ErrUnmet
	case "temporarily_unavailable", "server_error":
		return Identity{}, f.Return, fault.New(fault.Unavailable, "signin.issuer_away")
	default:
		return Identity{}, f.Return, fmt.Errorf("the issuer refused the request: %s", printable(e))
	}
	id, err := c.redeem(r.Context(), is, q.Get("code"), f)
	if err != nil {
		return Identity{}, f.Return, err
	}
	if err := c.keep(w, id); err != nil {
		return Identity{}, f.Return, err
	}
	return id, f.Return, nil
}

func (c *Client) redeem(ctx context.Context, is *issuer, code string, f flow) (Identity, error) {
	own := oidc.ClientContext(ctx, c.http)
	opts := []oauth2.AuthCodeOption{oauth2.VerifierOption(f.Verifier)}
	if c.c.Signer != nil {
		a, err := c.assertion()
		if err != nil {
			return Identity{}, err
		}
		opts = append(opts, oauth2.SetAuthURLParam("client_assertion_type", assertionType), oauth2.SetAuthURLParam("client_assertion", a))
	}
	tok, err := is.oauth.Exchange(own, code, opts...)
	if err != nil {
		var re *oauth2.RetrieveError
		if errors.As(err, &re) && re.ErrorCode == "invalid_grant" {
			return Identity{}, errFlow
		}
		return Identity{}, fmt.Errorf("redeem the code: %s", reason(err))
	}
	raw, _ := tok.Extra("id_token").(string)
	it, err := is.verifier.Verify(own, raw)
	if err != nil {
		return Identity{}, fmt.Errorf("check the ID token: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(it.Nonce), []byte(f.Nonce)) != 1 {
		return Identity{}, errFlow
	}
	// OpenID Connect Core 1.0, section 3.1.3.6: the access token belongs to this ID token.
	if it.AccessTokenHash != "" {
		if err := it.VerifyAccessToken(tok.AccessToken); err != nil {
			return Identity{}, fmt.Errorf("check at_hash: %w", err)
		}
	}
	var more struct {
		SID      string   `json:"sid"`
		ACR      string   `json:"acr"`
		AMR      []string `json:"amr"`
		AuthTime int64    `json:"auth_time"`
		Act      *Act     `json:"act"`
	}
	if err := it.Claims(&more); err != nil {
		return Identity{}, fmt.Errorf("read the ID token: %w", err)
	}
	if c.c.Demand != "" && more.ACR != c.c.Demand {
		return Identity{}, ErrUnmet
	}
	now := c.c.Clock.Now()
	id := Identity{Subject: it.Subject, SessionID: more.SID, ACR: more.ACR, AMR: more.AMR, AuthTime: time.Unix(more.AuthTime, 0), SignedIn: now, Act: more.Act, refresh: tok.RefreshToken, access: tok.AccessToken, idToken: raw}
	id.Expires = c.expiry(tok.Expiry, tok.ExpiresIn)
	if err := c.readUserInfo(ctx, is, tok.AccessToken, &id); err != nil {
		return Identity{}, err
	}
	return id, nil
}

// expiry is when the session has to be renewed: with the access token, at the
// latest after renewAfter. Without a stated life it is short.
func (c *Client) expiry(at time.Time, in int64) time.Time {
	now := c.c.Clock.Now()
	d := time.Duration(in) * time.Second
	if d <= 0 && !at.IsZero() {
		d = time.Until(at)
	}
	if d <= 0 {
		d = 5 * time.Minute
	}
	return now.Add(min(d, renewAfter))
}

// readUserInfo reads the released claims with the fresh token; the subject must be the same
// (OpenID Connect Core 1.0, section 5.3.2).
func (c *Client) readUserInfo(ctx context.Context, is *issuer, access string, id *Identity) error {
	info, err := is.provider.UserInfo(oidc.ClientContext(ctx, c.http), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: access, TokenType: "Bearer"}))
	if err != nil {
		return fmt.Errorf("read what was released: %s", reason(err))
	}
	if info.Subject != id.Subject {
		return errors.New("read what was released: the answer is about somebody else")
	}
	var doc json.RawMessage
	if err := info.Claims(&doc); err != nil {
		return fmt.Errorf("read what was released: %w", err)
	}
	return id.take(doc)
}

// mostFlows is how many sign-ins a browser may have under way in its tabs.
const mostFlows = 8

// tidy gives up the sign-ins that were never finished when there are too many:
// cookies that pile up make servers refuse every request of the browser.
func (c *Client) tidy(w http.ResponseWriter, r *http.Request) {
	var flows []string
	for _, ck := range r.Cookies() {
		if strings.HasPrefix(ck.Name, c.name("-flow-")) {
			flows = append(flows, ck.Name)
		}
	}
	if len(flows) < mostFlows {
		return
	}
	for _, name := range flows {
		c.clear(w, name)
	}
}

func random() string {
	b := make([]byte, 24)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

func (c *Client) flowCookie(state string) string {
	sum := sha256.Sum256([]byte(state))
	return c.name("-flow-" + base64.RawURLEncoding.EncodeToString(sum[:6]))
}

// local keeps a way back on this door: an absolute path, never another host.
func local(p string) string {
	if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.ContainsAny(p, "\\\r\n\t") {
		return "/"
	}
	return p
}

// printable keeps an error code for the log harmless.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r == '_' {
			return r
		}
		return -1
	}, s)
	return s[:min(len(s), 40)]
}

// reason is an error without the issuer's answer, which may hold data.
func reason(err error) string {
	var re *oauth2.RetrieveError
	if errors.As(err, &re) && re.Response != nil {
		return fmt.Sprintf("status %d %s", re.Response.StatusCode, printable(re.ErrorCode))
	}
	if s, _, ok := strings.Cut(err.Error(), "\n"); ok {
		return s
	}
	return err.Error()
}
