// SPDX-License-Identifier: Apache-2.0

package ciba_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/partner"
)

const bearer = "8d67dc78-7faa-4d41-aabd-67707b374255"

// object signs the clinic's request; change alters it first.
func (x *table) object(t testing.TB, change func(claims map[string]any, key *jose.SigningKey)) url.Values {
	t.Helper()
	return url.Values{"request": {x.Assertion(t, func(claims map[string]any, key *jose.SigningKey) {
		delete(claims, "sub")
		claims["nbf"] = x.Clock.Now().Unix()
		claims["scope"], claims["login_hint"], claims["binding_message"] = "openid profile", "phone:0912345678", "K7"
		claims["client_notification_token"], claims["requested_expiry"] = bearer, "120"
		if change != nil {
			change(claims, key)
		}
	})}}
}

// signs has the clinic register that it signs its requests.
func (x *table) signs(t testing.TB) partner.Client {
	t.Helper()
	c := x.Client(t, "clinic")
	c.Settings.BackchannelAlg = "ES256"
	return c
}

func TestSignedRequest(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		c := x.signs(t)
		a, err := x.desk.Ask(t.Context(), c, x.object(t, nil))
		ok(t, err)
		if r := x.waiting(t); r.Message != "K7" || a.Expires != 120 {
			t.Fatalf("%+v %+v", r, a)
		}
		// A number is as good as its digits (CIBA Core 1.0, section 7.1.1).
		a, err = x.desk.Ask(t.Context(), c, x.object(t, func(claims map[string]any, _ *jose.SigningKey) { claims["requested_expiry"] = 90 }))
		ok(t, err)
		if a.Expires != 90 {
			t.Errorf("%+v", a)
		}
	})
}

// A request that was seen on its way is good for nothing.
func TestReplayedSignedRequest(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		c, o := x.signs(t), x.object(t, nil)
		_, err := x.desk.Ask(t.Context(), c, o)
		ok(t, err)
		_, err = x.desk.Ask(t.Context(), c, o)
		refused(t, err, "invalid_request")
	})
}

func TestSignedRequestThatIsNone(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		c := x.signs(t)
		change := func(name string, v any) func(map[string]any, *jose.SigningKey) {
			return func(claims map[string]any, _ *jose.SigningKey) {
				if v == nil {
					delete(claims, name)
				} else {
					claims[name] = v
				}
			}
		}
		now := x.Clock.Now()
		for name, v := range map[string]url.Values{
			"unsigned":              x.request("client_notification_token", bearer),
			"beside it a parameter": func() url.Values { v := x.object(t, nil); v.Set("binding_message", "other"); return v }(),
			"of another client":     x.object(t, change("iss", "bank")),
			"for another server":    x.object(t, change("aud", "https://other.example")),
			"without aud":           x.object(t, change("aud", nil)),
			"without iss":           x.object(t, change("iss", nil)),
			"without exp":           x.object(t, change("exp", nil)),
			"expired":               x.object(t, change("exp", now.Add(-time.Minute).Unix())),
			"for 70 minutes":        x.object(t, change("exp", now.Add(70*time.Minute).Unix())),
			"without nbf":           x.object(t, change("nbf", nil)),
			"from the future":       x.object(t, change("nbf", now.Add(10*time.Minute).Unix())),
			"from 70 minutes ago":   x.object(t, change("nbf", now.Add(-70*time.Minute).Unix())),
			"without iat":           x.object(t, change("iat", nil)),
			"two hints":             x.object(t, change("id_token_hint", "x")),
			"signed by nobody": func() url.Values {
				v := x.object(t, nil)
				parts := strings.Split(v.Get("request"), ".")
				v.Set("request", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))+"."+parts[1]+".")
				return v
			}(),
			"with a bad signature": func() url.Values {
				v := x.object(t, nil)
				parts := strings.Split(v.Get("request"), ".")
				sig := []byte(parts[2])
				sig[10], sig[20] = sig[20]^1, sig[10]
				v.Set("request", parts[0]+"."+parts[1]+"."+string(sig))
				return v
			}(),
			"by another client's key": x.object(t, func(_ map[string]any, key *jose.SigningKey) {
				k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
				ok(t, err)
				*key = jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k, KeyID: "c1"}}
			}),
			"without jti": x.object(t, change("jti", nil)),
			"by a symmetric key": x.object(t, func(_ map[string]any, key *jose.SigningKey) {
				*key = jose.SigningKey{Algorithm: jose.HS256, Key: []byte("0123456789abcdef0123456789abcdef")}
			}),
		} {
			t.Run(name, func(t *testing.T) {
				_, err := x.desk.Ask(t.Context(), c, v)
				refused(t, err, "invalid_request")
			})
		}
		// By a key that is registered: nothing but the algorithm stands in its way.
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		ok(t, err)
		byRSA := c
		byRSA.Settings.BackchannelAlg = "PS256"
		byRSA.JWKS.Keys = append(slices.Clone(c.JWKS.Keys), jose.JSONWebKey{Key: &k.PublicKey, KeyID: "r1", Use: "sig"})
		sign := func(alg jose.SignatureAlgorithm) error {
			_, err := x.desk.Ask(t.Context(), byRSA, x.object(t, func(_ map[string]any, key *jose.SigningKey) {
				*key = jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: k, KeyID: "r1"}}
			}))
			return err
		}
		t.Run("by RS256", func(t *testing.T) { refused(t, sign(jose.RS256), "invalid_request") })
		x.quiet(t)
		ok(t, sign(jose.PS256))
		// Who registered no algorithm sends none.
		_, err = x.desk.Ask(t.Context(), x.Client(t, "clinic"), x.object(t, nil))
		refused(t, err, "invalid_request")
		// A bank always signs, and says what only this request has.
		bank := c
		bank.Profile, bank.Settings.BackchannelAlg = partner.FAPI2, "ES256"
		_, err = x.desk.Ask(t.Context(), bank, x.object(t, change("binding_message", nil)))
		refused(t, err, "invalid_binding_message")
		bank.Settings.BackchannelAlg = ""
		_, err = x.desk.Ask(t.Context(), bank, x.request("client_notification_token", bearer))
		refused(t, err, "invalid_request")
	})
}

// A client names her by a token of its own.
func TestHintToken(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		first := x.ask(t, "clinic", x.request("client_notification_token", bearer))
		x.agree(t, first.Match)
		tok, err := x.poll(t, "clinic", first.Request)
		ok(t, err)
		sub := claims(t, tok.IDToken)["sub"]
		hint := func(change func(map[string]any)) url.Values {
			return url.Values{"scope": {"openid profile"}, "client_notification_token": {bearer}, "login_hint_token": {x.Assertion(t, func(claims map[string]any, _ *jose.SigningKey) {
				claims["sub"] = sub
				if change != nil {
					change(claims)
				}
			})}}
		}
		a := x.ask(t, "clinic", hint(nil))
		x.agree(t, a.Match)
		c := x.Client(t, "clinic")
		_, err = x.desk.Ask(t.Context(), c, hint(func(m map[string]any) { m["exp"] = x.Clock.Now().Add(-time.Hour).Unix() }))
		refused(t, err, "expired_login_hint_token")
		_, err = x.desk.Ask(t.Context(), c, hint(func(m map[string]any) { m["aud"] = "https://other.example" }))
		refused(t, err, "invalid_request")
		_, err = x.desk.Ask(t.Context(), c, hint(func(m map[string]any) { m["iss"] = "bank" }))
		refused(t, err, "invalid_request")
		// The name by which another sector knows her is nobody's here.
		x.quiet(t)
		x.ask(t, "bank", x.request("login_hint", sub.(string)))
		x.quiet(t)
		// Nor does an ID token of another client name her.
		_, err = x.desk.Ask(t.Context(), x.Client(t, "bank"), url.Values{"scope": {"openid profile"}, "id_token_hint": {tok.IDToken}})
		refused(t, err, "invalid_request")
		// Two hints, each good by itself, are none (CIBA Core 1.0, section 7.1).
		for name, value := range map[string]string{"login_hint": "phone:0912345678", "id_token_hint": tok.IDToken} {
			two := hint(nil)
			two.Set(name, value)
			_, err = x.desk.Ask(t.Context(), c, two)
			refused(t, err, "invalid_request")
			two.Del("login_hint_token")
			_, err = x.desk.Ask(t.Context(), c, two)
			ok(t, err)
		}
	})
}

// An ID token that has expired still names her.
func TestExpiredIDTokenHint(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		first := x.ask(t, "bank", x.request())
		x.agree(t, first.Match)
		tok, err := x.poll(t, "bank", first.Request)
		ok(t, err)
		x.Clock.Advance(3 * time.Hour)
		x.s = x.signIn(t, x.remote)
		a := x.ask(t, "bank", url.Values{"scope": {"openid profile"}, "id_token_hint": {tok.IDToken}})
		x.agree(t, a.Match)
	})
}
