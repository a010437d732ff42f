// SPDX-License-Identifier: Apache-2.0

package relyingparty

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// renewAfter is when a page leads through the issuer again, and grace lets a
// form that was already open be sent for longer: nobody loses what she typed to
// a redirect. The issuer's access token for its own doors lives for both.
const (
	renewAfter = 10 * time.Minute
	grace      = 20 * time.Minute
)

// maxCookie is what every browser keeps (RFC 6265, section 6.1), with room for
// the attributes.
const maxCookie = 3900

var errTooLong = errors.New("relyingparty: the session does not fit into a cookie")

// stored is the session as the cookie holds it.
type stored struct {
	Subject  string           `json:"sub"`
	SID      string           `json:"sid,omitempty"`
	ACR      string           `json:"acr,omitempty"`
	AMR      []string         `json:"amr,omitempty"`
	AuthTime int64            `json:"at"`
	SignedIn int64            `json:"in"`
	Expires  int64            `json:"exp"`
	Act      *Act             `json:"act,omitempty"`
	Claims   map[string]Claim `json:"c,omitempty"`
	Refresh  string           `json:"r,omitempty"`
	Access   string           `json:"a,omitempty"` // asked about at the issuer: does it still stand?
	IDToken  string           `json:"i,omitempty"` // hint for signing out; left away when the cookie would grow too long
}

func (c *Client) name(suffix string) string {
	n := c.c.Cookie + suffix
	if c.c.Secure {
		n = "__Host-" + n
	}
	return n
}

func (c *Client) keep(w http.ResponseWriter, id Identity) error {
	s := stored{Subject: id.Subject, SID: id.SessionID, ACR: id.ACR, AMR: id.AMR, AuthTime: id.AuthTime.Unix(), SignedIn: id.SignedIn.Unix(),
		Expires: id.Expires.Unix(), Act: id.Act, Claims: id.Claims, Refresh: id.refresh, Access: id.access, IDToken: id.idToken}
	err := c.setSealed(w, c.name(""), "session", s, 0)
	if errors.Is(err, errTooLong) {
		s.IDToken = ""
		err = c.setSealed(w, c.name(""), "session", s, 0)
	}
	return err
}

// Session is who is signed in at this door, renewing the session when its time
// is over and the issuer gave a refresh token. It reports false for nobody; a
// page that needs somebody then calls Begin.
func (c *Client) Session(w http.ResponseWriter, r *http.Request) (Identity, bool) {
	var s stored
	if !c.readSealed(r, c.name(""), "session", &s) {
		return Identity{}, false
	}
	if c.c.Demand != "" && s.ACR != c.c.Demand { // from before the door demanded it
		c.clear(w, c.name(""))
		return Identity{}, false
	}
	id := Identity{Subject: s.Subject, SessionID: s.SID, ACR: s.ACR, AMR: s.AMR, AuthTime: time.Unix(s.AuthTime, 0), SignedIn: time.Unix(s.SignedIn, 0),
		Expires: time.Unix(s.Expires, 0), Act: s.Act, Claims: s.Claims, refresh: s.Refresh, access: s.Access, idToken: s.IDToken}
	if stands, sure := c.stands(r.Context(), s.Access); !stands {
		if sure {
			c.clear(w, c.name(""))
		}
		return Identity{}, false
	}
	now := c.c.Clock.Now()
	if now.Before(id.Expires) {
		return id, true
	}
	if id.refresh != "" {
		if fresh, err := c.renew(r.Context(), id); err == nil {
			if err := c.keep(w, fresh); err == nil {
				return fresh, true
			}
		}
		c.clear(w, c.name(""))
		return Identity{}, false
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && now.Before(id.Expires.Add(grace)) {
		return id, true
	}
	return Identity{}, false
}

// renewals makes parallel requests of one browser share one renewal: a refresh
// token that is used twice is taken for a stolen one (RFC 9700, section 4.14).
type renewals struct {
	mu sync.Mutex
	m  map[[32]byte]*renewal
}

type renewal struct {
	done chan struct{}
	at   time.Time
	id   Identity
	err  error
}

func (c *Client) renew(ctx context.Context, id Identity) (Identity, error) {
	key := sha256.Sum256([]byte(id.refresh))
	now := c.c.Clock.Now()
	c.renewals.mu.Lock()
	for k, v := range c.renewals.m {
		if now.Sub(v.at) > 2*time.Minute {
			delete(c.renewals.m, k)
		}
	}
	n := c.renewals.m[key]
	if n == nil {
		n = &renewal{done: make(chan struct{}), at: now}
		if c.renewals.m == nil {
			c.renewals.m = map[[32]byte]*renewal{}
		}
		c.renewals.m[key] = n
		go func() {
			defer close(n.done)
			own, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
			defer cancel()
			n.id, n.err = c.refreshOnce(own, id)
		}()
	}
	c.renewals.mu.Unlock()
	select {
	case <-n.done:
		return n.id, n.err
	case <-ctx.Done():
		return Identity{}, ctx.Err()
	}
}

// refreshOnce is OpenID Connect Core 1.0, section 12, and a fresh look at what
// she lets the door know.
func (c *Client) refreshOnce(ctx context.Context, id Identity) (Identity, error) {
	is, err := c.discover(ctx)
	if err != nil {
		return Identity{}, err
	}
	var tok struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		In      int64  `json:"expires_in"`
		IDToken string `json:"id_token"`
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {id.refresh}}
	if err := c.post(ctx, is.oauth.Endpoint.TokenURL, form, &tok); err != nil {
		return Identity{}, fmt.Errorf("renew the session: %w", err)
	}
	if tok.IDToken != "" {
		it, err := is.verifier.Verify(ctx, tok.IDToken)
		if err != nil || it.Subject != id.Subject {
			return Identity{}, errors.New("renew the session: the ID token does not fit")
		}
	}
	if tok.IDToken != "" {
		id.idToken = tok.IDToken
	}
	if tok.Refresh != "" {
		id.refresh = tok.Refresh
	}
	id.access = tok.Access
	id.Expires = c.expiry(time.Time{}, tok.In)
	if err := c.readUserInfo(ctx, is, tok.Access, &id); err != nil {
		return Identity{}, err
	}
	return id, nil
}

// Logout ends the session here and sends the browser to the issuer to end it
// there (OpenID Connect RP-Initiated Logout 1.0). The issuer asks her when it
// has several doors open.
func (c *Client) Logout(w http.ResponseWriter, r *http.Request) {
	var s stored
	had := c.readSealed(r, c.name(""), "session", &s)
	c.clear(w, c.name(""))
	is, err := c.discover(r.Context())
	if err != nil || !had || is.meta.EndSession == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	if s.Refresh != "" && is.meta.Revocation != "" {
		if err := c.post(r.Context(), is.meta.Revocation, url.Values{"token": {s.Refresh}, "token_type_hint": {"refresh_token"}}, nil); err != nil {
			c.c.Log.WarnContext(r.Context(), "a refresh token could not be revoked", "err", err)
		}
	}
	to, err := url.Parse(is.meta.EndSession)
	if err != nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	q := to.Query()
	q.Set("client_id", c.c.ClientID)
	if s.IDToken != "" {
		q.Set("id_token_hint", s.IDToken)
	}
	if c.c.PostLogoutURL != "" {
		q.Set("post_logout_redirect_uri", c.c.PostLogoutURL)
	}
	to.RawQuery = q.Encode()
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

// Forget ends the session at this door only.
func (c *Client) Forget(w http.ResponseWriter) { c.clear(w, c.name("")) }

func (c *Client) clear(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: "/", MaxAge: -1, HttpOnly: true, Secure: c.c.Secure, SameSite: http.SameSiteLaxMode})
}

// setSealed puts a value into a cookie: JSON, compressed, sealed with the
// cookie's purpose and the client's name, so that one cookie never passes for another.
func (c *Client) setSealed(w http.ResponseWriter, name, purpose string, v any, life time.Duration) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("keep %s: %w", purpose, err)
	}
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = z.Write(doc)
	_ = z.Close()
	sealed, err := c.box.Encrypt(b.Bytes(), []byte(purpose+"\x00"+c.c.ClientID))
	if err != nil {
		return fmt.Errorf("keep %s: %w", purpose, err)
	}
	value := base64.RawURLEncoding.EncodeToString(sealed)
	if len(name)+len(value) > maxCookie {
		return errTooLong
	}
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second), HttpOnly: true, Secure: c.c.Secure, SameSite: http.SameSiteLaxMode})
	return nil
}

func (c *Client) readSealed(r *http.Request, name, purpose string, v any) bool {
	ck, err := r.Cookie(name)
	if err != nil || len(ck.Value) > maxCookie {
		return false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(ck.Value)
	if err != nil {
		return false
	}
	packed, err := c.box.Decrypt(sealed, []byte(purpose+"\x00"+c.c.ClientID))
	if err != nil {
		return false
	}
	doc, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), 64<<10))
	if err != nil {
		return false
	}
	return json.Unmarshal(doc, v) == nil
}
