// SPDX-License-Identifier: Apache-2.0

// Package benchclient plays relying parties against a running provider over
// HTTP, many at a time, for `danh bench`. It knows the provider only from its
// discovery document.
//
// It refuses to count what did not work: the first answer that is not what a
// relying party may expect ends the run with an error.
package benchclient

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Target is a provider and a client that is registered there.
type Target struct {
	Issuer   string
	Client   string
	Secret   string            // client_secret_basic
	Key      *ecdsa.PrivateKey `json:"-"` // private_key_jwt with ES256, for FAPI
	KID      string
	Trust    *x509.CertPool `json:"-"` // nil: the system's
	Redirect string
	Scope    string           // e.g. "openid profile"; with offline_access for Refresh
	Sessions [][]*http.Cookie // cookies of sessions of people who have agreed to the scope; workers share them out
}

// Result is what a run did.
type Result struct {
	Count         int64
	Elapsed       time.Duration
	Median, Worst time.Duration // Worst is the 99th percentile
}

// PerSecond is the rate over the run's time.
func (r Result) PerSecond() float64 { return float64(r.Count) / r.Elapsed.Seconds() }

// Client drives one target.
type Client struct {
	t    Target
	http *http.Client
	meta struct {
		Authorize  string `json:"authorization_endpoint"`
		Token      string `json:"token_endpoint"`
		UserInfo   string `json:"userinfo_endpoint"`
		PAR        string `json:"pushed_authorization_request_endpoint"`
		Introspect string `json:"introspection_endpoint"`
		Verify     string `json:"verification_endpoint"`
	}
	basic string
}

// New reads the provider's discovery document.
func New(ctx context.Context, t Target) (*Client, error) {
	c := &Client{t: t, http: &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true, TLSClientConfig: &tls.Config{RootCAs: t.Trust, MinVersion: tls.VersionTLS12},
			DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext},
	}}
	c.basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(t.Client)+":"+url.QueryEscape(t.Secret)))
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(t.Issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return nil, err
	}
	if _, err := c.json(r, http.StatusOK, &c.meta); err != nil {
		return nil, fmt.Errorf("discover the provider: %w", err)
	}
	return c, nil
}

func (c *Client) json(r *http.Request, want int, into any) (*http.Response, error) {
	res, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != want {
		var e struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(b, &e)
		return nil, fmt.Errorf("%s answered %d %s", r.URL.Path, res.StatusCode, e.Error)
	}
	if into == nil {
		return res, nil
	}
	return res, json.Unmarshal(b, into)
}

func (c *Client) post(ctx context.Context, to string, v url.Values, want int, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(v.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", c.basic)
	_, err = c.json(r, want, into)
	return err
}

func random() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Tokens is a token answer.
type Tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
}

// SignIn plays one flow up to the tokens: a pushed request, the authorization
// endpoint with a session, the token endpoint.
func (c *Client) SignIn(ctx context.Context, session []*http.Cookie) (Tokens, error) {
	verifier, state := random(), random()
	sum := sha256.Sum256([]byte(verifier))
	var pushed struct {
		RequestURI string `json:"request_uri"`
	}
	err := c.post(ctx, c.meta.PAR, url.Values{"response_type": {"code"}, "redirect_uri": {c.t.Redirect}, "scope": {c.t.Scope}, "state": {state}, "nonce": {random()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}, http.StatusCreated, &pushed)
	if err != nil {
		return Tokens{}, err
	}
	code, err := c.authorize(ctx, session, pushed.RequestURI, state)
	if err != nil {
		return Tokens{}, err
	}
	var t Tokens
	err = c.post(ctx, c.meta.Token, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {c.t.Redirect}, "code_verifier": {verifier}}, http.StatusOK, &t)
	if err == nil && (t.Access == "" || t.ID == "") {
		err = errors.New("the token endpoint gave no tokens")
	}
	return t, err
}

// authorize brings a browser with a session to the authorization endpoint and
// gives the code that it carries back.
func (c *Client) authorize(ctx context.Context, session []*http.Cookie, requestURI, state string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.meta.Authorize+"?"+url.Values{"client_id": {c.t.Client}, "request_uri": {requestURI}}.Encode(), nil)
	if err != nil {
		return "", err
	}
	for _, c := range session {
		r.AddCookie(c)
	}
	res, err := c.json(r, http.StatusSeeOther, nil)
	if err != nil {
		return "", err
	}
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil {
		return "", err
	}
	q := to.Query()
	if !strings.HasPrefix(to.String(), c.t.Redirect) || q.Get("code") == "" || q.Get("state") != state || q.Get("iss") != c.t.Issuer {
		return "", fmt.Errorf("the authorization endpoint led to %s %s", to.Path, q.Get("error"))
	}
	return q.Get("code"), nil
}

// UserInfo reads what a token may see and checks that somebody is there.
func (c *Client) UserInfo(ctx context.Context, token string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.meta.UserInfo, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	var who struct {
		Subject string `json:"sub"`
	}
	if _, err := c.json(r, http.StatusOK, &who); err != nil {
		return err
	}
	if who.Subject == "" {
		return errors.New("userinfo names nobody")
	}
	return nil
}

// Flow runs whole sign-ins: pushed request, authorization with session and
// consent, tokens, userinfo.
func (c *Client) Flow(ctx context.Context, workers int, d time.Duration) (Result, error) {
	return c.run(ctx, workers, d, func(ctx context.Context, worker int) (func(context.Context) error, error) {
		s := c.t.Sessions[worker%len(c.t.Sessions)]
		return func(ctx context.Context) error {
			t, err := c.SignIn(ctx, s)
			if err != nil {
				return err
			}
			return c.UserInfo(ctx, t.Access)
		}, nil
	})
}

// Introspect asks about a living token again and again.
func (c *Client) Introspect(ctx context.Context, workers int, d time.Duration) (Result, error) {
	return c.run(ctx, workers, d, func(ctx context.Context, worker int) (func(context.Context) error, error) {
		t, err := c.SignIn(ctx, c.t.Sessions[worker%len(c.t.Sessions)])
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) error {
			var a struct {
				Active bool `json:"active"`
			}
			if err := c.post(ctx, c.meta.Introspect, url.Values{"token": {t.Access}}, http.StatusOK, &a); err != nil {
				return err
			}
			if !a.Active {
				return errors.New("a living token is called dead")
			}
			return nil
		}, nil
	})
}

// Refresh renews tokens, each time with the refresh token that the last one gave.
func (c *Client) Refresh(ctx context.Context, workers int, d time.Duration) (Result, error) {
	return c.run(ctx, workers, d, func(ctx context.Context, worker int) (func(context.Context) error, error) {
		t, err := c.SignIn(ctx, c.t.Sessions[worker%len(c.t.Sessions)])
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) error {
			var next Tokens
			if err := c.post(ctx, c.meta.Token, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {t.Refresh}}, http.StatusOK, &next); err != nil {
				return err
			}
			if next.Refresh == "" || next.Refresh == t.Refresh {
				return errors.New("the refresh token did not rotate")
			}
			t = next
			return nil
		}, nil
	})
}

// run lets workers repeat one act until the time is over.
func (c *Client) run(ctx context.Context, workers int, d time.Duration, prepare func(ctx context.Context, worker int) (func(context.Context) error, error)) (Result, error) {
	if len(c.t.Sessions) == 0 {
		return Result{}, errors.New("at least one session is needed")
	}
	acts := make([]func(context.Context) error, workers)
	for i := range acts {
		var err error
		if acts[i], err = prepare(ctx, i); err != nil {
			return Result{}, err
		}
	}
	var count atomic.Int64
	var mu sync.Mutex
	var failed error
	var times []time.Duration
	var wg sync.WaitGroup
	began := time.Now()
	end := began.Add(d)
	for _, act := range acts {
		wg.Go(func() {
			var own []time.Duration
			for ctx.Err() == nil && time.Now().Before(end) {
				t := time.Now()
				if err := act(ctx); err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
					return
				}
				own = append(own, time.Since(t))
				count.Add(1)
			}
			mu.Lock()
			times = append(times, own...)
			mu.Unlock()
		})
	}
	wg.Wait()
	r := Result{Count: count.Load(), Elapsed: time.Since(began)}
	if len(times) > 0 {
		slices.Sort(times)
		r.Median, r.Worst = times[len(times)/2], times[len(times)*99/100]
	}
	return r, failed
}
