// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// fapi speaks the client's side of the FAPI 2.0 Security Profile.
type fapi struct {
	c    config
	keys *keys
	http *http.Client

	provider *oidc.Provider
	at       struct {
		Push       string `json:"pushed_authorization_request_endpoint"`
		Authorize  string `json:"authorization_endpoint"`
		Token      string `json:"token_endpoint"`
		UserInfo   string `json:"userinfo_endpoint"`
		CIBA       string `json:"backchannel_authentication_endpoint"`
		Verify     string `json:"verification_endpoint"`
		EndSession string `json:"end_session_endpoint"`
	}

	mu    sync.Mutex
	nonce map[string]string // the server's latest DPoP nonce, by origin
}

// answerError is an OAuth error answer.
type answerError struct {
	Status      int    `json:"-"`
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e *answerError) Error() string {
	return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Description)
}

// tokens is a token answer.
type tokens struct {
	Access  string          `json:"access_token"`
	Type    string          `json:"token_type"`
	ID      string          `json:"id_token"`
	Scope   string          `json:"scope"`
	Details json.RawMessage `json:"authorization_details"`
}

func newFAPI(ctx context.Context, c config, k *keys) (*fapi, error) {
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	f := &fapi{c: c, keys: k, http: client, nonce: map[string]string{}}
	// Danh may start a moment later than the bank.
	for try := 0; ; try++ {
		if f.provider, err = oidc.NewProvider(oidc.ClientContext(ctx, client), c.Issuer); err == nil {
			return f, f.provider.Claims(&f.at)
		}
		if try == 60 {
			return nil, fmt.Errorf("no answer from the issuer: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// assertion proves who the client is (RFC 7523; FAPI 2.0: the audience is the
// issuer alone).
func (f *fapi) assertion() (string, error) {
	now := time.Now()
	return sign(f.keys.client, "client-authentication+jwt", false, map[string]any{"iss": f.c.Client, "sub": f.c.Client, "aud": f.c.Issuer,
		"jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()})
}

// proof binds a request to the bank's key (RFC 9449, section 4).
func (f *fapi) proof(method, address, access string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": address, "iat": time.Now().Unix()}
	if access != "" {
		h := sha256.Sum256([]byte(access))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(h[:])
	}
	f.mu.Lock()
	if n := f.nonce[u.Host]; n != "" {
		claims["nonce"] = n
	}
	f.mu.Unlock()
	return sign(f.keys.dpop, "dpop+jwt", true, claims)
}

// call sends a request with a proof, once more when the server wants its nonce
// in it (RFC 9449, sections 8 and 9).
func (f *fapi) call(ctx context.Context, method, address, access string, make func() (body string, kind string, err error), into any) error {
	for try := 0; ; try++ {
		body, kind, err := make()
		if err != nil {
			return err
		}
		r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
		if err != nil {
			return err
		}
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
		proof, err := f.proof(method, address, access)
		if err != nil {
			return err
		}
		r.Header.Set("DPoP", proof)
		r.Header.Set("Accept", "application/json")
		if access != "" {
			r.Header.Set("Authorization", "DPoP "+access)
		}
		resp, err := f.http.Do(r)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		resp.Body.Close()
		if err != nil {
			return err
		}
		if n := resp.Header.Get("DPoP-Nonce"); n != "" {
			f.mu.Lock()
			f.nonce[r.URL.Host] = n
			f.mu.Unlock()
		}
		if resp.StatusCode < 300 {
			if into == nil {
				return nil
			}
			return json.Unmarshal(b, into)
		}
		e := &answerError{Status: resp.StatusCode}
		_ = json.Unmarshal(b, e)
		if e.Code == "use_dpop_nonce" && try == 0 {
			continue
		}
		return e
	}
}

// post sends a form as the authenticated client.
func (f *fapi) post(ctx context.Context, address string, v url.Values, into any) error {
	return f.call(ctx, http.MethodPost, address, "", func() (string, string, error) {
		a, err := f.assertion()
		if err != nil {
			return "", "", err
		}
		form := url.Values{"client_id": {f.c.Client}, "client_assertion": {a}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
		for k, list := range v {
			form[k] = list
		}
		return form.Encode(), "application/x-www-form-urlencoded", nil
	}, into)
}

// push keeps a request at Danh and gives the address for the browser (RFC 9126).
func (f *fapi) push(ctx context.Context, v url.Values) (string, error) {
	var out struct {
		RequestURI string `json:"request_uri"`
	}
	if err := f.post(ctx, f.at.Push, v, &out); err != nil {
		return "", err
	}
	return f.at.Authorize + "?" + url.Values{"client_id": {f.c.Client}, "request_uri": {out.RequestURI}}.Encode(), nil
}

// redeem exchanges a code and checks the ID token.
func (f *fapi) redeem(ctx context.Context, code, redirect, verifier, nonce string) (tokens, *oidc.IDToken, error) {
	var t tokens
	err := f.post(ctx, f.at.Token, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier}}, &t)
	if err != nil {
		return t, nil, err
	}
	it, err := f.verify(ctx, t)
	if err == nil && it.Nonce != nonce {
		err = fmt.Errorf("the ID token is for another sign-in")
	}
	return t, it, err
}

func (f *fapi) verify(ctx context.Context, t tokens) (*oidc.IDToken, error) {
	if !strings.EqualFold(t.Type, "DPoP") {
		return nil, fmt.Errorf("the access token is not bound to the bank's key")
	}
	ctx = oidc.ClientContext(ctx, f.http)
	it, err := f.provider.VerifierContext(ctx, &oidc.Config{ClientID: f.c.Client}).Verify(ctx, t.ID)
	if err == nil && it.AccessTokenHash != "" {
		err = it.VerifyAccessToken(t.Access)
	}
	return it, err
}

// userInfo reads what the person agreed to.
func (f *fapi) userInfo(ctx context.Context, t tokens, subject string) (map[string]json.RawMessage, error) {
	var out map[string]json.RawMessage
	if err := f.call(ctx, http.MethodGet, f.at.UserInfo, t.Access, func() (string, string, error) { return "", "", nil }, &out); err != nil {
		return nil, err
	}
	var sub string
	if json.Unmarshal(out["sub"], &sub) != nil || sub != subject {
		return nil, fmt.Errorf("the user information is somebody else's")
	}
	return out, nil
}
