// SPDX-License-Identifier: Apache-2.0

package benchclient

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// sender is one worker of a FAPI 2.0 client: its own DPoP key and the nonce that
// the server gave last. It answers a fresh nonce by asking again, as clients do.
type sender struct {
	c         *Client
	assertion jose.Signer
	proof     jose.Signer
	mu        sync.Mutex
	nonce     string
}

func (c *Client) sender() (*sender, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	s := &sender{c: c}
	if s.assertion, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: c.t.Key, KeyID: c.t.KID}}, nil); err != nil {
		return nil, err
	}
	s.proof, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	return s, err
}

func sign(s jose.Signer, claims map[string]any) (string, error) {
	b, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	o, err := s.Sign(b)
	if err != nil {
		return "", err
	}
	return o.CompactSerialize()
}

// do sends a request with a proof; a form goes with an assertion (private_key_jwt).
func (s *sender) do(ctx context.Context, method, to string, form url.Values, token string, want int, into any) error {
	for try := range 2 {
		s.mu.Lock()
		nonce := s.nonce
		s.mu.Unlock()
		claims := map[string]any{"jti": random(), "htm": method, "htu": to, "iat": time.Now().Unix(), "nonce": nonce}
		if token != "" {
			sum := sha256.Sum256([]byte(token))
			claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
		}
		proof, err := sign(s.proof, claims)
		if err != nil {
			return err
		}
		var body io.Reader
		if form != nil {
			now := time.Now()
			a, err := sign(s.assertion, map[string]any{"iss": s.c.t.Client, "sub": s.c.t.Client, "aud": s.c.t.Issuer, "jti": random(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()})
			if err != nil {
				return err
			}
			form.Set("client_id", s.c.t.Client)
			form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			form.Set("client_assertion", a)
			body = strings.NewReader(form.Encode())
		}
		r, err := http.NewRequestWithContext(ctx, method, to, body)
		if err != nil {
			return err
		}
		r.Header.Set("DPoP", proof)
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if token != "" {
			r.Header.Set("Authorization", "DPoP "+token)
		}
		res, err := s.c.http.Do(r)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		res.Body.Close()
		if err != nil {
			return err
		}
		if n := res.Header.Get("DPoP-Nonce"); n != "" {
			s.mu.Lock()
			s.nonce = n
			s.mu.Unlock()
		}
		if res.StatusCode == want {
			return json.Unmarshal(b, into)
		}
		if try > 0 || !bytes.Contains(b, []byte(`"use_dpop_nonce"`)) {
			var e struct {
				Error string `json:"error"`
			}
			_ = json.Unmarshal(b, &e)
			return fmt.Errorf("%s answered %d %s", r.URL.Path, res.StatusCode, e.Error)
		}
	}
	return nil
}

// push pushes a request and gives its name.
func (s *sender) push(ctx context.Context, verifier, state, prompt string) (string, error) {
	sum := sha256.Sum256([]byte(verifier))
	var pushed struct {
		RequestURI string `json:"request_uri"`
	}
	v := url.Values{"response_type": {"code"}, "redirect_uri": {s.c.t.Redirect}, "scope": {s.c.t.Scope}, "state": {state}, "nonce": {random()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	if prompt != "" {
		v.Set("prompt", prompt)
	}
	err := s.do(ctx, http.MethodPost, s.c.meta.PAR, v, "", http.StatusCreated, &pushed)
	return pushed.RequestURI, err
}

// Begin pushes a request that asks for consent and gives the address to which a
// person's browser is to be sent.
func (c *Client) Begin(ctx context.Context) (string, error) {
	s, err := c.sender()
	if err != nil {
		return "", err
	}
	name, err := s.push(ctx, random(), random(), "consent")
	return c.meta.Authorize + "?" + url.Values{"client_id": {c.t.Client}, "request_uri": {name}}.Encode(), err
}

// flow plays one sign-in of the FAPI 2.0 profile up to userinfo.
func (s *sender) flow(ctx context.Context, session []*http.Cookie) error {
	verifier, state := random(), random()
	name, err := s.push(ctx, verifier, state, "")
	if err != nil {
		return err
	}
	code, err := s.c.authorize(ctx, session, name, state)
	if err != nil {
		return err
	}
	var t struct {
		Tokens
		Type string `json:"token_type"`
	}
	if err := s.do(ctx, http.MethodPost, s.c.meta.Token, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {s.c.t.Redirect}, "code_verifier": {verifier}}, "", http.StatusOK, &t); err != nil {
		return err
	}
	if t.Access == "" || t.ID == "" || t.Type != "DPoP" {
		return errors.New("the token endpoint gave no bound tokens")
	}
	var who struct {
		Subject string `json:"sub"`
	}
	if err := s.do(ctx, http.MethodGet, s.c.meta.UserInfo, nil, t.Access, http.StatusOK, &who); err != nil {
		return err
	}
	if who.Subject == "" {
		return errors.New("userinfo names nobody")
	}
	return nil
}

// FAPI runs whole sign-ins of the FAPI 2.0 profile: a pushed request with
// private_key_jwt and DPoP, authorization with session and consent, tokens,
// userinfo.
func (c *Client) FAPI(ctx context.Context, workers int, d time.Duration) (Result, error) {
	if c.t.Key == nil {
		return Result{}, errors.New("a client's key is needed")
	}
	return c.run(ctx, workers, d, func(_ context.Context, worker int) (func(context.Context) error, error) {
		s, err := c.sender()
		if err != nil {
			return nil, err
		}
		session := c.t.Sessions[worker%len(c.t.Sessions)]
		return func(ctx context.Context) error { return s.flow(ctx, session) }, nil
	})
}
