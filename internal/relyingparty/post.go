// SPDX-License-Identifier: Apache-2.0

package relyingparty

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"danh/internal/fault"
)

// assertionType is the client_assertion_type of RFC 7523, section 2.2.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertion authenticates the client with its key (OpenID Connect Core 1.0,
// section 9, private_key_jwt). The audience is the issuer, which every
// endpoint of it accepts.
func (c *Client) assertion() (string, error) {
	opts := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", c.c.KID)
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.OpaqueSigner(opaque{c.c.Signer, c.c.KID})}, opts)
	if err != nil {
		return "", fmt.Errorf("client key: %w", err)
	}
	now := c.c.Clock.Now()
	t, err := jwt.Signed(s).Claims(jwt.Claims{Issuer: c.c.ClientID, Subject: c.c.ClientID, Audience: jwt.Audience{c.c.Issuer}, ID: random(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute))}).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign the client assertion: %w", err)
	}
	return t, nil
}

type oauthError struct {
	Status int
	Code   string
}

func (e *oauthError) Error() string { return fmt.Sprintf("status %d %s", e.Status, e.Code) }

// post sends a form to an endpoint of the issuer, authenticated as the client.
func (c *Client) post(ctx context.Context, endpoint string, form url.Values, answer any) error {
	if c.c.Signer != nil {
		a, err := c.assertion()
		if err != nil {
			return err
		}
		form.Set("client_id", c.c.ClientID)
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", a)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if c.c.Signer == nil {
		// RFC 6749, section 2.3.1: both parts are form-encoded first.
		req.SetBasicAuth(url.QueryEscape(c.c.ClientID), url.QueryEscape(c.c.Secret))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fault.New(fault.Unavailable, "signin.issuer_away").In(5 * time.Second)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 256<<10))
	if err != nil {
		return fault.New(fault.Unavailable, "signin.issuer_away").In(5 * time.Second)
	}
	if resp.StatusCode >= 500 {
		return fault.New(fault.Unavailable, "signin.issuer_away").In(5 * time.Second)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		var e struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(body, &e)
		return &oauthError{Status: resp.StatusCode, Code: printable(e.Error)}
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(body, answer)
}
