// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
)

// secure runs a body at a door over TLS, with a client of the FAPI 2.0 profile.
func secure(t *testing.T, change func(*Sender, *partner.Client), body func(t *testing.T, d *door, f *Sender)) {
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, data *db.DB) {
		d := openSecure(t, data)
		body(t, d, d.Sends(t, "credit", func(s *Sender, c *partner.Client) {
			c.RedirectURIs = []string{d.Party.URL + "/cb"}
			if change != nil {
				change(s, c)
			}
		}))
	})
}

// through is a client with a certificate, or none.
func (d *door) through(c *tls.Certificate) *http.Client {
	conf := &tls.Config{RootCAs: d.Own.Pool(), MinVersion: tls.VersionTLS12}
	if c != nil {
		conf.Certificates = []tls.Certificate{*c}
	}
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: conf, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// as posts a form as the sender does; change alters the request first.
func (d *door) as(t testing.TB, f *Sender, path string, v url.Values, change ...func(*http.Request)) (*http.Response, map[string]any) {
	t.Helper()
	form := url.Values{"client_id": {string(f.ID)}}
	for k, l := range v {
		form[k] = l
	}
	if f.TLS == nil {
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", f.Assertion(t))
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.Issuer+path, strings.NewReader(form.Encode()))
	ok(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if f.TLS == nil {
		r.Header.Set("DPoP", f.Prove(t, http.MethodPost, d.Issuer+path, ""))
	}
	for _, c := range change {
		c(r)
	}
	return d.read(t, f, r)
}

func (d *door) read(t testing.TB, f *Sender, r *http.Request) (*http.Response, map[string]any) {
	t.Helper()
	res, err := d.through(f.TLS).Do(r)
	ok(t, err)
	defer res.Body.Close()
	var doc map[string]any
	_ = json.NewDecoder(res.Body).Decode(&doc)
	return res, doc
}

// look asks userinfo as the sender does.
func (d *door) look(t testing.TB, f *Sender, token string, change ...func(*http.Request)) (*http.Response, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.Issuer+provider.UserInfoPath, nil)
	ok(t, err)
	if f.TLS == nil {
		r.Header.Set("Authorization", "DPoP "+token)
		r.Header.Set("DPoP", f.Prove(t, http.MethodGet, d.Issuer+provider.UserInfoPath, token))
	} else {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, c := range change {
		c(r)
	}
	return d.read(t, f, r)
}

// sent brings the sender a token answer.
func (d *door) sent(t testing.TB, f *Sender) map[string]any {
	t.Helper()
	v := url.Values(f.Request("openid profile offline_access"))
	v.Set("redirect_uri", d.Party.URL+"/cb")
	res, doc := d.as(t, f, provider.PushPath, v)
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("push: %d %v", res.StatusCode, doc)
	}
	back, err := url.Parse(d.walk(t, d.Issuer+provider.AuthorizePath+"?"+url.Values{"client_id": {string(f.ID)}, "request_uri": {doc["request_uri"].(string)}}.Encode()))
	ok(t, err)
	if back.Query().Get("iss") != d.Issuer {
		t.Fatalf("came back with %v", back.Query())
	}
	res, doc = d.as(t, f, provider.TokenPath, url.Values{"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {d.Party.URL + "/cb"}, "code_verifier": {Verifier}})
	if res.StatusCode != http.StatusOK {
		t.Fatalf("token: %d %v", res.StatusCode, doc)
	}
	return doc
}

func TestSenderOverTLS(t *testing.T) {
	secure(t, nil, func(t *testing.T, d *door, f *Sender) {
		d.lan(t, true)
		tok := d.sent(t, f)
		access := tok["access_token"].(string)
		if tok["token_type"] != "DPoP" {
			t.Fatalf("token %v", tok)
		}
		res, doc := d.look(t, f, access)
		if res.StatusCode != http.StatusOK || doc["name"] == nil || res.Header.Get("DPoP-Nonce") == "" {
			t.Fatalf("userinfo: %d %v", res.StatusCode, doc)
		}
		for name, c := range map[string]struct {
			change            func(*http.Request)
			status            int
			challenge, answer string
		}{
			"no token": {func(r *http.Request) { r.Header.Del("Authorization") }, 401, `Bearer realm="danh"`, ""},
			"as a bearer token": {func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+access) }, 401,
				`Bearer realm="danh", error="invalid_token"`, "invalid_token"},
			"without proof":   {func(r *http.Request) { r.Header.Del("DPoP") }, 401, `DPoP realm="danh", algs="ES256 PS256 EdDSA", error="invalid_dpop_proof"`, "invalid_dpop_proof"},
			"with two proofs": {func(r *http.Request) { r.Header.Add("DPoP", r.Header.Get("DPoP")) }, 401, `DPoP realm="danh"`, "invalid_dpop_proof"},
			"without nonce": {func(r *http.Request) {
				r.Header.Set("DPoP", f.Prove(t, "GET", d.Issuer+provider.UserInfoPath, access, func(p *Proof) { delete(p.Claims, "nonce") }))
			}, 401, `DPoP realm="danh", algs="ES256 PS256 EdDSA", error="use_dpop_nonce"`, "use_dpop_nonce"},
			"another token": {func(r *http.Request) { r.Header.Set("Authorization", "DPoP "+access+"x") }, 401, `DPoP realm="danh", algs="ES256 PS256 EdDSA", error="invalid_token"`, "invalid_token"},
		} {
			res, doc := d.look(t, f, access, c.change)
			if got, _ := doc["error"].(string); res.StatusCode != c.status || got != c.answer || !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), c.challenge) {
				t.Errorf("%s: %d %v %q", name, res.StatusCode, doc, res.Header.Values("WWW-Authenticate"))
			}
			if c.answer == "use_dpop_nonce" && res.Header.Get("DPoP-Nonce") != d.Provider.Nonce() {
				t.Errorf("%s: no nonce is given", name)
			}
		}
		res, _ = d.look(t, f, access, func(r *http.Request) { r.Header.Del("Authorization"); r.Header.Del("DPoP") })
		if got := res.Header.Values("WWW-Authenticate"); len(got) != 2 || !strings.HasPrefix(got[1], "DPoP ") {
			t.Errorf("challenges without a token: %q", got)
		}
		res, doc = d.as(t, f, provider.TokenPath, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok["refresh_token"].(string)}}, func(r *http.Request) {
			r.Header.Set("DPoP", f.Prove(t, "POST", d.Issuer+provider.TokenPath, "", func(p *Proof) { p.Claims["nonce"] = "old" }))
		})
		if res.StatusCode != http.StatusBadRequest || doc["error"] != "use_dpop_nonce" || res.Header.Get("DPoP-Nonce") != d.Provider.Nonce() {
			t.Errorf("an old nonce: %d %v %q", res.StatusCode, doc, res.Header.Get("DPoP-Nonce"))
		}
		res, doc = d.as(t, f, provider.TokenPath, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok["refresh_token"].(string)}})
		if res.StatusCode != http.StatusOK || doc["token_type"] != "DPoP" {
			t.Errorf("refresh: %d %v", res.StatusCode, doc)
		}
		res, doc = d.as(t, f, provider.IntrospectPath, url.Values{"token": {access}})
		if doc["active"] != true || doc["token_type"] != "DPoP" || doc["cnf"] == nil {
			t.Errorf("introspection: %d %v", res.StatusCode, doc)
		}
		var meta map[string]any
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.Issuer+provider.DiscoveryPath, nil)
		ok(t, err)
		_, meta = d.read(t, f, r)
		if meta["dpop_signing_alg_values_supported"] == nil || meta["tls_client_certificate_bound_access_tokens"] != true || meta["mtls_endpoint_aliases"] != nil {
			t.Errorf("described as %v", meta)
		}
	})
}

func TestSenderWithCertificateOverTLS(t *testing.T) {
	secure(t, SelfSigned(t), func(t *testing.T, d *door, f *Sender) {
		d.lan(t, true)
		tok := d.sent(t, f)
		access := tok["access_token"].(string)
		res, doc := d.look(t, f, access)
		if res.StatusCode != http.StatusOK || doc["name"] == nil || tok["token_type"] != "Bearer" {
			t.Fatalf("userinfo: %d %v", res.StatusCode, doc)
		}
		thief := d.Sends(t, "thief", SelfSigned(t))
		if res, doc = d.look(t, thief, access); res.StatusCode != http.StatusUnauthorized || doc["error"] != "invalid_token" {
			t.Errorf("in another's connection: %d %v", res.StatusCode, doc)
		}
		nobody := *f
		nobody.TLS = nil
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.Issuer+provider.UserInfoPath, nil)
		ok(t, err)
		r.Header.Set("Authorization", "Bearer "+access)
		if res, doc = d.read(t, &nobody, r); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("in a connection without certificate: %d %v", res.StatusCode, doc)
		}
		mine := f.TLS
		f.TLS = thief.TLS
		res, doc = d.as(t, f, provider.TokenPath, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok["refresh_token"].(string)}})
		if res.StatusCode != http.StatusUnauthorized || doc["error"] != "invalid_client" {
			t.Errorf("another's certificate at the token endpoint: %d %v", res.StatusCode, doc)
		}
		f.TLS = mine
		// Nobody can claim a certificate by a header: that is for proxies.
		for _, name := range []string{"Client-Cert", "X-SSL-Cert", "X-Client-Cert"} {
			r = r.Clone(t.Context())
			r.Header.Set(name, "x")
			if res, _ = d.read(t, &nobody, r); res.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s stands for a certificate", name)
			}
		}
	})
}
