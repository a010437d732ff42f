// SPDX-License-Identifier: Apache-2.0

package partner_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"danh/internal/fault"
	"danh/internal/outward"
	"danh/partner"
)

func set(t *testing.T, keys ...jose.JSONWebKey) string {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func kids(s jose.JSONWebKeySet) string {
	var out []string
	for _, k := range s.Keys {
		out = append(out, k.KeyID)
	}
	return strings.Join(out, " ")
}

// deaf is a way out that must not be taken.
type deaf struct {
	*outward.Client
	t *testing.T
}

func (d deaf) Get(context.Context, string, int) ([]byte, error) {
	d.t.Error("an address was fetched")
	return nil, nil
}

// said is what a fault says of a field.
func said(err error, field string) string {
	if f := fault.Of(err); f != nil {
		for _, p := range f.Fields {
			if p.Name == field {
				return p.Key
			}
		}
	}
	return ""
}

// Every address that a partner can write down is refused when it leads inside.
func TestSSRFByEveryPartnerAddress(t *testing.T) {
	out, err := outward.New(outward.Config{})
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]func(*partner.Settings, string){
		"jwks_uri":                                 func(s *partner.Settings, a string) { s.JWKSURI = a },
		"sector_identifier_uri":                    func(s *partner.Settings, a string) { s.SectorIdentifier = a },
		"backchannel_logout_uri":                   func(s *partner.Settings, a string) { s.LogoutURI = a },
		"events_endpoint":                          func(s *partner.Settings, a string) { s.EventsURI = a },
		"backchannel_client_notification_endpoint": func(s *partner.Settings, a string) { s.NotificationURI = a },
	}
	for name, put := range set {
		for _, a := range []string{"http://localhost:8082/", "http://127.0.0.1/", "https://127.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://[::1]/", "https://2130706433/", "https://metadata.google.internal/", "file:///etc/passwd"} {
			c := partner.Client{ID: "shop", RedirectURIs: []string{"https://shop.example/cb"}}
			put(&c.Settings, a)
			err := partner.CheckReach(t.Context(), deaf{out, t}, c)
			if said(err, name) != "partner.address.unsafe" {
				t.Errorf("%s %s: %v", name, a, err)
			}
		}
	}
}

// Whoever names another's sector would get that one's subjects.
func TestSectorMustListTheRedirectAddresses(t *testing.T) {
	body := ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	defer s.Close()
	out, err := outward.New(outward.Config{Allow: []string{s.URL}})
	if err != nil {
		t.Fatal(err)
	}
	c := partner.Client{ID: "shop", RedirectURIs: []string{"https://shop.example/cb", "https://shop.example/cb2"}, Settings: partner.Settings{SectorIdentifier: s.URL + "/sector.json"}}
	for text, want := range map[string]string{
		`["https://shop.example/cb","https://shop.example/cb2","https://other.example/"]`: "",
		`["https://shop.example/cb"]`:                             "partner.sector.unlisted",
		`["https://shop.example/cb","https://shop.example/cb2/"]`: "partner.sector.unlisted",
		`{"redirect_uris":[]}`:                                    "partner.sector.form",
		`<html>`:                                                  "partner.sector.form",
		"[" + strings.Repeat(`"https://shop.example/cb",`, 9000) + `""]`: "partner.sector.unreachable",
	} {
		body = text
		err := partner.CheckReach(t.Context(), out, c)
		if want == "" && err != nil || said(err, "sector_identifier_uri") != want {
			t.Errorf("%.60s: %v", text, err)
		}
	}
	c.Settings = partner.Settings{JWKSURI: s.URL + "/jwks"}
	body = `{"keys":[]}`
	if err := partner.CheckReach(t.Context(), out, c); said(err, "jwks_uri") != "partner.jwks.unreachable" {
		t.Error(err)
	}
}

func TestKeysThatMayNotServe(t *testing.T) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := jose.JSONWebKey{Key: &k.PublicKey, KeyID: "good"}
	for name, bad := range map[string]jose.JSONWebKey{
		"private": {Key: k, KeyID: "x"}, "shared": {Key: []byte("a secret of thirty-two bytes ...."), KeyID: "x"}, "short": {Key: &short.PublicKey, KeyID: "x"},
		"long name": {Key: &k.PublicKey, KeyID: strings.Repeat("x", 301)},
	} {
		if got, err := partner.ParseKeys([]byte(set(t, bad, good))); err != nil || kids(got) != "good" {
			t.Errorf("%s: %v %v", name, kids(got), err)
		}
	}
	if _, err := partner.ParseKeys([]byte(set(t, jose.JSONWebKey{Key: &k.PublicKey, Use: "enc"}))); !errors.Is(err, partner.ErrKeysNone) {
		t.Error(err)
	}
	many := make([]jose.JSONWebKey, 21)
	for i := range many {
		many[i] = good
	}
	if _, err := partner.ParseKeys([]byte(set(t, many...))); !errors.Is(err, partner.ErrKeysMany) {
		t.Error(err)
	}
	for _, s := range []string{"", "[]", "null", `{"keys":{}}`, `{"keys":[1]}`, `{"keys":[{"kty":"ML-XYZ"}]}`} {
		if got, err := partner.ParseKeys([]byte(s)); err == nil {
			t.Errorf("%q gives %v", s, got)
		}
	}
	if got, err := partner.ParseKeys([]byte(strings.Replace(set(t, good), `[`, `[{"kty":"later-than-us"},`, 1))); err != nil || kids(got) != "good" {
		t.Errorf("a kind of key that is not known stands in the way: %v", err)
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := partner.ParseKeys(b)
		if err == nil && (len(got.Keys) == 0 || len(got.Keys) > 20) {
			t.Fatal("a set of", len(got.Keys))
		}
		for _, k := range got.Keys {
			if !k.IsPublic() {
				t.Fatal("a key that is not public")
			}
		}
	})
}
