// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
	"danh/provider/register"
)

const (
	bankAPI = "https://api.bank.example/"
	bill    = `[{"type":"payment_initiation","instructedAmount":{"currency":"VND","amount":"1250000"},"creditorName":"Điện lực Sông Hậu",` +
		`"creditorAccount":{"bank":"999901","number":"0123456789"},"remittanceInformationUnstructured":"Tiền điện tháng 11, mã khách hàng PB0123456"}]`
)

func approves(c *partner.Client) {
	if c.ID != "shop" {
		c.Settings.DetailTypes, c.Settings.Resources = []string{"payment_initiation"}, []string{bankAPI}
	}
}

// signsIn gives Lan a passkey and a passcode.
func (d *door) signsIn(t testing.TB) {
	t.Helper()
	first := d.lan(t, true)
	d.Passkey = d.Enlist(t, first, d.Issuer)
	remote := accounttest.Remote()
	c, err := d.Keeper.BeginPasskeySignIn(t.Context(), nil, remote)
	ok(t, err)
	answer, err := d.Passkey.Assert(c.Options, d.Issuer)
	ok(t, err)
	tok, _, err := d.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: c.Token, Answer: answer, Remote: remote, Door: "citizen"})
	ok(t, err)
	s, err := d.Keeper.FindSessionOn(t.Context(), tok, remote.Device)
	ok(t, err)
	ok(t, d.Keeper.SetPasscode(t.Context(), s, "", passcode))
}

// The clients of other people sign their requests, check our signed answers, and
// find in the token answer what she signed.
func TestPeersSign(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, data *db.DB) {
		d := openSigning(t, data, approves)
		d.signsIn(t)
		given := d.given("clinic")
		given["details"], given["resource"] = bill, bankAPI
		got := d.peer(t, "message.js", given)
		details, _ := json.Marshal(got["details"])
		live, _ := got["live"].(map[string]any)
		user, _ := got["userinfo"].(map[string]any)
		if user["name"] != "Nguyễn Thị Phương Lan" || got["error"] != "consent_required" || got["sub"] != true {
			t.Errorf("found %v", got)
		}
		if !strings.Contains(string(details), "0123456789") || live["active"] != true || live["aud"] != bankAPI {
			t.Errorf("details %s, token %v", details, live)
		}
		in, _ := json.Marshal(live["authorization_details"])
		if !bytes.Equal(in, details) {
			t.Errorf("introspection says %s", in)
		}
	})
}

func TestResourceMayBeRepeated(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, data *db.DB) {
		d := openSigning(t, data, approves)
		v := d.request("openid")
		v["resource"] = []string{bankAPI, d.Issuer}
		if res, body := d.call(t, provider.PushPath, v); res.StatusCode != http.StatusCreated {
			t.Errorf("%d %s", res.StatusCode, body)
		}
		v["scope"] = []string{"openid", "openid profile"}
		if res, body := d.call(t, provider.PushPath, v); res.StatusCode != http.StatusBadRequest || !strings.Contains(body, "invalid_request") {
			t.Errorf("%d %s", res.StatusCode, body)
		}
		v = d.request("openid")
		v["resource"] = []string{"https://evil.example/"}
		if res, body := d.call(t, provider.PushPath, v); res.StatusCode != http.StatusBadRequest || !strings.Contains(body, "invalid_target") {
			t.Errorf("%d %s", res.StatusCode, body)
		}
	})
}

// The page shows a payment in full; the next one has her sign exactly that.
func TestPaymentInTheBrowser(t *testing.T) {
	d := openSigning(t, dbtest.Open(t, db.SQLite, Schemas), approves)
	d.signsIn(t)
	shots := os.Getenv("DANH_SHOTS") // a folder to keep pictures in
	b := webtest.Chromium(t)
	for _, c := range []struct {
		name  string
		width int
		dark  bool
	}{{"360-light", 360, false}, {"390-dark", 390, true}, {"1280-light", 1280, false}} {
		tab := b.Tab(c.width, c.dark)
		v := d.request("openid profile")
		v.Set("authorization_details", bill)
		tab.Go(d.Issuer + provider.AuthorizePath + "?" + v.Encode())
		if strings.Contains(tab.URL(), "/signin") {
			tab.Fill("Số định danh", number).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập")
		}
		tab.Want("Chuyển tiền", "1.250.000 đồng", "Điện lực Sông Hậu", "0123456789", "PB0123456").Accessible()
		if n := tab.Overflow(); n > 0 {
			t.Errorf("%s: the page is %d px wider than the window", c.name, n)
		}
		if shots != "" {
			tab.Shot(filepath.Join(shots, "payment-consent-"+c.name+".png"))
		}
		tab.Click("Đồng ý")
		tab.Want("Chuyển tiền", "1.250.000 đồng", "Điện lực Sông Hậu", "Ngân hàng Sông Hậu", "PB0123456").Accessible()
		if n := tab.Overflow(); n > 0 {
			t.Errorf("%s: the page is %d px wider than the window", c.name, n)
		}
		if shots != "" {
			tab.Shot(filepath.Join(shots, "payment-approve-"+c.name+".png"))
		}
	}
}

// rest speaks JSON to the registration endpoint.
func (d *door) rest(t testing.TB, method, address, access string, doc any) (int, map[string]any) {
	t.Helper()
	b, err := json.Marshal(doc)
	ok(t, err)
	r, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(b))
	ok(t, err)
	r.Header.Set("Content-Type", "application/json")
	if access != "" {
		r.Header.Set("Authorization", "Bearer "+access)
	}
	res, body := send(t, r)
	var out map[string]any
	if body != "" {
		ok(t, json.Unmarshal([]byte(body), &out))
	}
	if res.StatusCode == http.StatusUnauthorized && res.Header.Get("WWW-Authenticate") == "" {
		t.Error("401 without a challenge")
	}
	return res.StatusCode, out
}

// Software with a statement registers itself, signs in, changes itself and goes.
func TestRegistrationOverHTTP(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		desk := register.New(register.Config{DB: d.DB, Clock: d.Clock, Keys: d.Keys, Partners: d.Partners, Issuer: d.Issuer})
		made, err := desk.Statement(t.Context(), audit.System("test"), "clinic", "app-1", nil, 0)
		ok(t, err)
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		ok(t, err)
		doc := map[string]any{"software_statement": made.Text, "redirect_uris": []string{d.Party.URL + "/cb"}, "token_endpoint_auth_method": "private_key_jwt", "scope": "openid profile phone residence level offline_access",
			"jwks": jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "c1", Algorithm: "ES256", Use: "sig"}}}}
		status, out := d.rest(t, http.MethodPost, d.Issuer+provider.RegisterPath, "", doc)
		if status != http.StatusCreated {
			t.Fatalf("%d %v", status, out)
		}
		client, _ := out["client_id"].(string)
		at, _ := out["registration_client_uri"].(string)
		access, _ := out["registration_access_token"].(string)
		// It is a client like every other.
		given := d.given("clinic")
		given["client"], given["jwk"] = client, jose.JSONWebKey{Key: key, KeyID: "c1"}
		got := d.peer(t, "oauth4webapi.js", given)
		if user, _ := got["userinfo"].(map[string]any); user["name"] != "Nguyễn Thị Phương Lan" {
			t.Fatalf("found %v", got)
		}
		if status, out = d.rest(t, http.MethodGet, at, access, nil); status != http.StatusOK || out["client_id"] != client {
			t.Errorf("%d %v", status, out)
		}
		out["scope"] = "openid"
		if status, out = d.rest(t, http.MethodPut, at, access, out); status != http.StatusOK || out["scope"] != "openid" {
			t.Errorf("%d %v", status, out)
		}
		for _, c := range []struct {
			method, access string
			status         int
		}{{http.MethodGet, "", 401}, {http.MethodGet, "x", 401}, {http.MethodPut, "x", 401}, {http.MethodDelete, "", 401}, {http.MethodDelete, access, 204}, {http.MethodGet, access, 401}, {http.MethodDelete, access, 401}} {
			if status, out := d.rest(t, c.method, at, c.access, map[string]any{}); status != c.status {
				t.Errorf("%s: %d %v", c.method, status, out)
			}
		}
		// Without a statement nobody registers anything.
		delete(doc, "software_statement")
		if status, out = d.rest(t, http.MethodPost, d.Issuer+provider.RegisterPath, "", doc); status != http.StatusBadRequest || out["error"] != "invalid_software_statement" {
			t.Errorf("%d %v", status, out)
		}
		for range 40 {
			if status, _ = d.rest(t, http.MethodPost, d.Issuer+provider.RegisterPath, "", doc); status == http.StatusTooManyRequests {
				return
			}
		}
		t.Error("registrations are tried without end")
	})
}
