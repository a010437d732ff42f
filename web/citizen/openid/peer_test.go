// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"danh/account/accounttest"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/partner"
	. "danh/provider/providertest"
)

// peers is the folder of clients that other people wrote.
var peers = filepath.Join("..", "..", "..", "provider", "peer")

// install fetches the clients by their lock file, once.
var install = sync.OnceValue(func() error {
	if _, err := exec.LookPath("node"); err != nil {
		return errors.New("these tests run npm's OpenID clients: install Node.js 20 or later and npm (Debian: apt-get install nodejs npm)")
	}
	_, client := os.Stat(filepath.Join(peers, "node_modules", "openid-client", "package.json"))
	_, validator := os.Stat(filepath.Join(peers, "node_modules", "@seriousme", "openapi-schema-validator", "package.json"))
	if client == nil && validator == nil {
		return nil
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	cmd.Dir = peers
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.New("npm ci: " + string(out))
	}
	return nil
})

// walk brings the browser to an address and says where it ended, signing in
// and agreeing where she is asked to.
func (d *door) walk(t testing.TB, address string) string {
	t.Helper()
	p := d.Browser.Get(address)
	if p.Has(`input[name="password"]`) {
		p = p.Submit("Đăng nhập", "number", number, "password", string(accounttest.Password))
	}
	if p.Has(`form[action="/consent"]`) {
		p = p.Submit("Đồng ý")
	}
	if p.Has(`form[data-proof]`) {
		answer, err := d.Passkey.Assert([]byte(p.Attr("form[data-proof]", "data-options")), d.Issuer)
		ok(t, err)
		p = p.Submit("Xác nhận", "credential", string(answer), "passcode", passcode)
	}
	return p.Want(200, "Cảm ơn").URL.String()
}

// peer runs a client to its end and gives what it found.
func (d *door) peer(t *testing.T, script string, given map[string]any, walk ...func(string) string) map[string]any {
	t.Helper()
	if walk == nil {
		walk = append(walk, func(address string) string { return d.walk(t, address) })
	}
	ok(t, install())
	cmd := exec.CommandContext(t.Context(), "node", script)
	cmd.Dir = peers
	var complaints strings.Builder
	cmd.Stderr = &complaints
	if d.Own != nil {
		cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+d.Own.File())
	}
	in, err := cmd.StdinPipe()
	ok(t, err)
	out, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	defer func() { _ = in.Close(); _, _ = io.Copy(io.Discard, out); _ = cmd.Wait() }()
	say := func(v any) {
		b, err := json.Marshal(v)
		ok(t, err)
		_, err = in.Write(append(b, '\n'))
		ok(t, err)
	}
	say(given)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m struct {
			Visit string
			Done  map[string]any
		}
		ok(t, json.Unmarshal(lines.Bytes(), &m))
		if m.Done != nil {
			return m.Done
		}
		d.Clock.Advance(1e9) // she takes a second
		say(walk[0](m.Visit))
	}
	_ = in.Close()
	_ = cmd.Wait()
	t.Fatalf("%s: %s", script, complaints.String())
	return nil
}

const claimsAsked = `{"userinfo":{"verified_claims":{"verification":{"trust_framework":null},"claims":{"name":null}}},"id_token":{"auth_time":{"essential":true},"name":null}}`

func (d *door) given(client string) map[string]any {
	g := map[string]any{"issuer": d.Issuer, "client": client, "redirect": d.Party.URL + "/cb", "bye": d.Party.URL + "/bye",
		"scope": "openid profile phone residence level offline_access", "claims": claimsAsked}
	if client == "clinic" {
		g["jwk"] = jose.JSONWebKey{Key: d.ClinicKey, KeyID: "c1"}
	} else {
		g["secret"] = Secret.Reveal()
	}
	return g
}

func TestPeers(t *testing.T) {
	for _, script := range []string{"openid-client.js", "oauth4webapi.js"} {
		for _, client := range []string{"bank", "clinic"} {
			t.Run(script+"/"+client, func(t *testing.T) {
				t.Parallel()
				dbtest.Run(t, Schemas, func(t *testing.T, data *db.DB) {
					d := open(t, data)
					d.lan(t, true)
					got := d.peer(t, script, d.given(client))
					at := func(path ...string) any {
						var v any = got
						for _, k := range path {
							m, _ := v.(map[string]any)
							v = m[k]
						}
						return v
					}
					for _, c := range []struct {
						path []string
						want any
					}{
						{[]string{"userinfo", "name"}, "Nguyễn Thị Phương Lan"},
						{[]string{"userinfo", "phone_number"}, "+84912345678"},
						{[]string{"userinfo", "address", "formatted"}, Home},
						{[]string{"userinfo", "verified_claims", "verification", "trust_framework"}, "vn_identification_law"},
						{[]string{"userinfo", "verified_claims", "claims", "name"}, "Nguyễn Thị Phương Lan"},
						{[]string{"claims", "acr"}, "urn:danh:acr:l1:a1"},
						{[]string{"claims", "name"}, "Nguyễn Thị Phương Lan"},
						{[]string{"live", "active"}, true},
						{[]string{"revoked", "active"}, false},
						{[]string{"rotated"}, true},
					} {
						if v := at(c.path...); v != c.want {
							t.Errorf("%s is %v, want %v", strings.Join(c.path, "."), v, c.want)
						}
					}
					if script == "openid-client.js" && (at("dead", "active") != false || at("laterSignIn") != true || at("bye") != "bye") {
						t.Errorf("found %v", got)
					}
					if script == "oauth4webapi.js" && (at("access", "client_id") != client || at("access", "aud") != d.Issuer) {
						t.Errorf("access token %v", at("access"))
					}
				})
			})
		}
	}
}

// Clients that other people wrote, as banks of the FAPI 2.0 profile, over TLS.
func TestPeersOfTheFAPIProfile(t *testing.T) {
	for _, script := range []string{"fapi-openid-client.js", "fapi-oauth4webapi.js"} {
		for _, way := range []string{"private_key_jwt and DPoP", "certificate"} {
			t.Run(script+"/"+way, func(t *testing.T) {
				change := func(*Sender, *partner.Client) {}
				if way == "certificate" {
					change = SelfSigned(t)
				}
				secure(t, change, func(t *testing.T, d *door, f *Sender) {
					d.lan(t, true)
					given := map[string]any{"issuer": d.Issuer, "client": f.ID, "redirect": d.Party.URL + "/cb", "scope": "openid profile offline_access"}
					if f.TLS == nil {
						given["jwk"] = jose.JSONWebKey{Key: f.Key, KeyID: "k1"}
					} else {
						key, err := x509.MarshalPKCS8PrivateKey(f.TLS.PrivateKey)
						ok(t, err)
						given["certificate"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.TLS.Leaf.Raw}))
						given["key"] = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
						given["ca"] = string(d.Own.PEM())
					}
					got := d.peer(t, script, given)
					at := func(what, k string) any {
						m, _ := got[what].(map[string]any)
						return m[k]
					}
					if at("userinfo", "name") != "Nguyễn Thị Phương Lan" || at("live", "active") != true || at("live", "cnf") == nil || at("revoked", "active") != false || got["rotated"] != false {
						t.Errorf("found %v", got)
					}
					if want := map[bool]string{true: "dpop", false: "bearer"}[f.TLS == nil]; got["type"] != want {
						t.Errorf("tokens of type %v, want %s", got["type"], want)
					}
					if n, counted := got["asked"].(float64); counted && f.TLS == nil && n < 1 {
						t.Error("no nonce was ever asked for")
					}
				})
			})
		}
	}
}

// The same over TLS with Go's client, which knows neither pushed requests nor
// bound tokens: a client of the oidc profile at an https issuer.
func TestGoClientOverTLS(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, data *db.DB) {
		d := openSecure(t, data)
		d.lan(t, true)
		d.goClient(t, oidc.ClientContext(t.Context(), d.through(nil)))
	})
}

func TestGoClient(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		d.goClient(t, t.Context())
	})
}

func (d *door) goClient(t *testing.T, ctx context.Context) {
	p, err := oidc.NewProvider(ctx, d.Issuer)
	ok(t, err)
	c := oauth2.Config{ClientID: "bank", ClientSecret: Secret.Reveal(), Endpoint: p.Endpoint(), RedirectURL: d.Party.URL + "/cb", Scopes: []string{"openid", "profile", "offline_access"}}
	verifier := oauth2.GenerateVerifier()
	back, err := url.Parse(d.walk(t, c.AuthCodeURL("the-state", oidc.Nonce("the-nonce"), oauth2.S256ChallengeOption(verifier))))
	ok(t, err)
	if back.Query().Get("state") != "the-state" {
		t.Fatalf("came back with %v", back.Query())
	}
	tok, err := c.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	ok(t, err)
	raw, _ := tok.Extra("id_token").(string)
	id, err := p.VerifierContext(ctx, &oidc.Config{ClientID: "bank", SupportedSigningAlgs: []string{"ES256"}, Now: d.Clock.Now}).Verify(ctx, raw)
	ok(t, err)
	ok(t, id.VerifyAccessToken(tok.AccessToken))
	if id.Nonce != "the-nonce" {
		t.Error("another nonce")
	}
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(tok))
	ok(t, err)
	var claims struct{ Name string }
	ok(t, info.Claims(&claims))
	if claims.Name != "Nguyễn Thị Phương Lan" || info.Subject != id.Subject {
		t.Errorf("userinfo %+v", claims)
	}
	old := *tok
	old.Expiry = d.Clock.Now().Add(-1)
	fresh, err := c.TokenSource(ctx, &oauth2.Token{RefreshToken: old.RefreshToken}).Token()
	ok(t, err)
	if fresh.RefreshToken == tok.RefreshToken || fresh.AccessToken == tok.AccessToken {
		t.Error("the tokens did not rotate")
	}
}
