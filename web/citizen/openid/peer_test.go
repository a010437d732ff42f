// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"bufio"
	"encoding/json"
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
	. "danh/provider/providertest"
)

// peers is the folder of clients that other people wrote.
var peers = filepath.Join("..", "..", "..", "provider", "peer")

// install fetches the clients by their lock file, once.
var install = sync.OnceValue(func() error {
	if _, err := exec.LookPath("node"); err != nil {
		return errors.New("these tests run npm's OpenID clients: install Node.js 20 or later and npm (Debian: apt-get install nodejs npm)")
	}
	if _, err := os.Stat(filepath.Join(peers, "node_modules", "openid-client", "package.json")); err == nil {
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
	return p.Want(200, "Cảm ơn").URL.String()
}

// peer runs a client to its end and gives what it found.
func (d *door) peer(t *testing.T, script string, given map[string]any) map[string]any {
	t.Helper()
	ok(t, install())
	cmd := exec.CommandContext(t.Context(), "node", script)
	cmd.Dir = peers
	var complaints strings.Builder
	cmd.Stderr = &complaints
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
		say(d.walk(t, m.Visit))
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

func TestGoClient(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		p, err := oidc.NewProvider(t.Context(), d.Issuer)
		ok(t, err)
		c := oauth2.Config{ClientID: "bank", ClientSecret: Secret.Reveal(), Endpoint: p.Endpoint(), RedirectURL: d.Party.URL + "/cb", Scopes: []string{"openid", "profile", "offline_access"}}
		verifier := oauth2.GenerateVerifier()
		back, err := url.Parse(d.walk(t, c.AuthCodeURL("the-state", oidc.Nonce("the-nonce"), oauth2.S256ChallengeOption(verifier))))
		ok(t, err)
		if back.Query().Get("state") != "the-state" {
			t.Fatalf("came back with %v", back.Query())
		}
		tok, err := c.Exchange(t.Context(), back.Query().Get("code"), oauth2.VerifierOption(verifier))
		ok(t, err)
		raw, _ := tok.Extra("id_token").(string)
		id, err := p.VerifierContext(t.Context(), &oidc.Config{ClientID: "bank", SupportedSigningAlgs: []string{"ES256"}, Now: d.Clock.Now}).Verify(t.Context(), raw)
		ok(t, err)
		ok(t, id.VerifyAccessToken(tok.AccessToken))
		if id.Nonce != "the-nonce" {
			t.Error("another nonce")
		}
		info, err := p.UserInfo(t.Context(), oauth2.StaticTokenSource(tok))
		ok(t, err)
		var claims struct{ Name string }
		ok(t, info.Claims(&claims))
		if claims.Name != "Nguyễn Thị Phương Lan" || info.Subject != id.Subject {
			t.Errorf("userinfo %+v", claims)
		}
		old := *tok
		old.Expiry = d.Clock.Now().Add(-1)
		fresh, err := c.TokenSource(t.Context(), &oauth2.Token{RefreshToken: old.RefreshToken}).Token()
		ok(t, err)
		if fresh.RefreshToken == tok.RefreshToken || fresh.AccessToken == tok.AccessToken {
			t.Error("the tokens did not rotate")
		}
	})
}
