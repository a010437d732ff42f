// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/partner"
	"danh/provider"
	"danh/provider/providertest"
)

// A client whose keys are at an address proves itself by them, also by one that
// it has just begun to use, and no longer by one that it took away.
func TestKeysByReference(t *testing.T) {
	dbtest.Run(t, providertest.Schemas, func(t *testing.T, d *db.DB) {
		var body atomic.Value
		fetched := atomic.Int64{}
		site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fetched.Add(1)
			_, _ = w.Write(body.Load().([]byte))
		}))
		defer site.Close()
		h := providertest.New(t, d, "https://id.example", func(c *partner.Client) {
			if c.ID == "clinic" {
				c.JWKS, c.Settings.JWKSURI = jose.JSONWebKeySet{}, site.URL+"/jwks"
			}
			if c.ID == "shop" { // leads to this machine under a name that the operator did not list
				c.AuthMethod, c.SecretHash, c.Settings.JWKSURI = partner.PrivateKeyJWT, nil, "http://localhost"+site.URL[len("http://127.0.0.1"):]+"/jwks"
			}
		})
		publish := func(keys ...jose.JSONWebKey) {
			b, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
			if err != nil {
				t.Fatal(err)
			}
			body.Store(b)
		}
		proves := func(client string, k *ecdsa.PrivateKey, kid string) bool {
			a := h.Assertion(t, func(claims map[string]any, key *jose.SigningKey) {
				claims["iss"], claims["sub"] = client, client
				key.Key = jose.JSONWebKey{Key: k, KeyID: kid}
			})
			_, err := h.Provider.Authenticate(t.Context(), provider.Credentials{AssertionType: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", Assertion: a})
			return err == nil
		}
		first, second := h.ClinicKey, newKey(t)
		publish(jose.JSONWebKey{Key: &first.PublicKey, KeyID: "c1"})
		if !proves("clinic", first, "c1") || proves("clinic", second, "c2") {
			t.Fatal("the published key does not count, or another does")
		}
		publish(jose.JSONWebKey{Key: &second.PublicKey, KeyID: "c2"})
		h.Clock.Advance(2 * time.Minute)
		if !proves("clinic", second, "c2") {
			t.Error("a key that was turned round is not found")
		}
		if proves("clinic", first, "c1") {
			t.Error("a key that was taken away still counts")
		}
		if n := fetched.Load(); n != 2 {
			t.Errorf("%d fetches", n)
		}
		publish(jose.JSONWebKey{Key: &first.PublicKey, KeyID: "c1"})
		if proves("shop", first, "c1") {
			t.Error("keys inside the house vouch for a client")
		}
		if n := fetched.Load(); n != 2 {
			t.Error("SSRF: an address inside was fetched")
		}
	})
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
