// SPDX-License-Identifier: Apache-2.0

package partner_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/keys"
	"danh/partner"
)

type house struct {
	db    *db.DB
	clock *clock.Fake
	dir   *partner.Directory
}

func run(t *testing.T, body func(t *testing.T, h *house)) {
	t.Parallel()
	dbtest.Run(t, []db.Schema{audit.Schema, partner.Schema}, func(t *testing.T, d *db.DB) {
		c := clock.NewFake(time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC))
		log, err := audit.New(audit.Config{DB: d, Clock: c, Dir: t.TempDir()})
		ok(t, err)
		body(t, &house{d, c, partner.New(partner.Config{DB: d, Clock: c, Audit: log})})
	})
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) register(t *testing.T, by audit.Actor, c partner.Client) error {
	return h.db.Write(t.Context(), func(tx *db.Tx) error { return h.dir.RegisterTx(t.Context(), tx, by, c) })
}

func (h *house) entries(t *testing.T, action string) (n int) {
	t.Helper()
	ok(t, h.db.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE action = $1`, action).Scan(&n))
	return n
}

var officer = audit.Officer(id.NewPerson(), id.NewPerson(), "Phòng kết nối")

func bank() partner.Client {
	return partner.Client{ID: "bank", Name: partner.Text{VI: "Ngân hàng", EN: "Bank"}, Profile: partner.OIDC, AuthMethod: partner.SecretBasic,
		SecretHash: partner.Secret("secret").Hash(), RedirectURIs: []string{"https://bank.example/cb"}, Sector: "bank.example",
		Asks: []partner.Ask{{Scope: "openid", Purpose: partner.Text{VI: "a", EN: "b"}}}}
}

func TestRegisterFindRetire(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		_, err := h.dir.FindClient(t.Context(), "bank")
		if !errors.Is(err, partner.ErrUnknown) {
			t.Fatalf("before: %v", err)
		}
		whole := bank()
		whole.Party, whole.Trial, whole.Settings = "DT-0417", true, partner.Settings{DPoPBound: true, LogoutURI: "https://bank.example/out"}
		whole.Purposes = []partner.Purpose{{Code: "open_account", Text: partner.Text{VI: "a", EN: "b"}, Scopes: []string{"profile"}, Keep: "P5Y"}}
		ok(t, h.register(t, officer, whole))
		c, err := h.dir.FindClient(t.Context(), "bank")
		ok(t, err)
		if c.Party != whole.Party || !c.Trial || !reflect.DeepEqual(c.Settings, whole.Settings) || !reflect.DeepEqual(c.Purposes, whole.Purposes) {
			t.Errorf("read back %+v", c)
		}
		if !knows(c, "secret") || knows(c, "Secret") || knows(c, "") || knows(partner.Client{}, "") || c.Name.In("en") != "Bank" || c.Name.In("vi") != "Ngân hàng" {
			t.Errorf("found %+v", c)
		}
		// A change is seen at once here.
		b := bank()
		b.Name.VI = "Ngân hàng Lúa Vàng"
		b.ValidUntil = h.clock.Now().Add(time.Hour)
		ok(t, h.register(t, officer, b))
		if c, err = h.dir.FindClient(t.Context(), "bank"); err != nil || c.Name.VI != b.Name.VI {
			t.Errorf("after the change: %v %v", c.Name, err)
		}
		if list, err := h.dir.ListExpiring(t.Context(), 24*time.Hour); err != nil || len(list) != 1 {
			t.Errorf("expiring: %d %v", len(list), err)
		}
		h.clock.Advance(time.Hour)
		if _, err = h.dir.FindClient(t.Context(), "bank"); !errors.Is(err, partner.ErrOver) {
			t.Errorf("after its time: %v", err)
		}
		ok(t, h.register(t, officer, bank()))
		ok(t, h.db.Write(t.Context(), func(tx *db.Tx) error { return h.dir.RetireTx(t.Context(), tx, officer, "bank") }))
		if _, err = h.dir.FindClient(t.Context(), "bank"); !errors.Is(err, partner.ErrUnknown) {
			t.Errorf("after retirement: %v", err)
		}
		// Its grants died with it; another client by the same name must not wake them.
		if err := h.register(t, officer, bank()); !fault.Is(err, fault.Conflict) {
			t.Errorf("a retired identifier was given again: %v", err)
		}
		if h.entries(t, "partner.registered") != 3 || h.entries(t, "partner.retired") != 1 {
			t.Error("a change stands not in the log")
		}
	})
}

func TestWhoMayRegister(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		for _, by := range []audit.Actor{audit.Anonymous(), audit.Citizen(id.NewPerson(), id.NewPerson()), audit.Partner("bank", "Bank"), {}} {
			if err := h.register(t, by, bank()); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%q registered a client: %v", by.Kind, err)
			}
		}
	})
}

func TestClientsThatMustNotBe(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		weak, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			t.Log("this Go makes no weak RSA keys")
		}
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		ok(t, err)
		jwks := func(k any) jose.JSONWebKeySet { return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k}}} }
		for name, change := range map[string]func(c *partner.Client){
			"no name":             func(c *partner.Client) { c.Name.EN = "" },
			"odd id":              func(c *partner.Client) { c.ID = "Bank of <script>" },
			"no redirect":         func(c *partner.Client) { c.RedirectURIs = nil },
			"plain http":          func(c *partner.Client) { c.RedirectURIs = []string{"http://bank.example/cb"} },
			"wildcard":            func(c *partner.Client) { c.RedirectURIs = []string{"https://*.bank.example/cb"} },
			"fragment":            func(c *partner.Client) { c.RedirectURIs = []string{"https://bank.example/cb#x"} },
			"user in address":     func(c *partner.Client) { c.RedirectURIs = []string{"https://bank.example@evil.example/cb"} },
			"script":              func(c *partner.Client) { c.RedirectURIs = []string{"javascript:alert(1)"} },
			"relative":            func(c *partner.Client) { c.RedirectURIs = []string{"/cb"} },
			"unsafe logout":       func(c *partner.Client) { c.PostLogoutURIs = []string{"http://bank.example/bye"} },
			"no credential":       func(c *partner.Client) { c.SecretHash = nil },
			"public client":       func(c *partner.Client) { c.AuthMethod = "none" },
			"secret as hash":      func(c *partner.Client) { c.SecretHash = []byte("secret") },
			"no keys":             func(c *partner.Client) { c.AuthMethod = partner.PrivateKeyJWT },
			"shared secret":       func(c *partner.Client) { c.AuthMethod, c.JWKS = partner.PrivateKeyJWT, jwks([]byte("secret")) },
			"private key":         func(c *partner.Client) { c.AuthMethod, c.JWKS = partner.PrivateKeyJWT, jwks(key) },
			"no openid":           func(c *partner.Client) { c.Asks[0].Scope = "profile" },
			"purpose missing":     func(c *partner.Client) { c.Asks[0].Purpose.VI = "" },
			"no sector":           func(c *partner.Client) { c.Sector = "" },
			"unknown profile":     func(c *partner.Client) { c.Profile = "" },
			"sender-bound tokens": func(c *partner.Client) { c.Profile = partner.FAPI2 },
			"weak key": func(c *partner.Client) {
				c.AuthMethod = partner.PrivateKeyJWT
				if weak != nil {
					c.JWKS = jwks(&weak.PublicKey)
				}
			},
		} {
			c := bank()
			change(&c)
			if err := h.register(t, officer, c); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		c := bank()
		c.AuthMethod, c.JWKS, c.SecretHash = partner.PrivateKeyJWT, jwks(&key.PublicKey), nil
		c.RedirectURIs = []string{"http://127.0.0.1:1234/cb", "http://localhost/cb", "https://bank.example/cb?x=1"}
		ok(t, h.register(t, officer, c))
		found, err := h.dir.FindClient(t.Context(), "bank")
		ok(t, err)
		if len(found.JWKS.Keys) != 1 || knows(found, "secret") {
			t.Errorf("found %+v", found)
		}
	})
}

func TestOwnDoors(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		k, err := keys.Open(keys.Config{Dir: filepath.Join(t.TempDir(), "keys"), Clock: h.clock})
		ok(t, err)
		doors := []partner.Door{{ID: "portal", Origin: "http://127.0.0.1:8081/"}, {ID: "officer", Origin: "http://127.0.0.1:8082"}}
		for range 3 {
			ok(t, partner.EnsureOwnDoors(t.Context(), h.dir, k, doors))
		}
		if n := h.entries(t, "partner.registered"); n != 2 {
			t.Errorf("%d registrations of two doors", n)
		}
		c, err := h.dir.FindClient(t.Context(), "portal")
		ok(t, err)
		s, err := partner.DoorSecret(k, "portal")
		ok(t, err)
		other, err := partner.DoorSecret(k, "officer")
		ok(t, err)
		if !c.OwnDoor || !knows(c, s) || knows(c, other) || c.RedirectURIs[0] != "http://127.0.0.1:8081/callback" || len(c.Scopes()) < 5 {
			t.Errorf("portal %+v", c)
		}
		// The portal moves; then a partner tries to become it.
		doors[0].Origin = "http://127.0.0.1:9081"
		ok(t, partner.EnsureOwnDoors(t.Context(), h.dir, k, doors))
		if c, err = h.dir.FindClient(t.Context(), "portal"); err != nil || c.RedirectURIs[0] != "http://127.0.0.1:9081/callback" {
			t.Errorf("after the move: %v %v", c.RedirectURIs, err)
		}
		evil := bank()
		evil.ID = "portal"
		if err := h.register(t, officer, evil); !fault.Is(err, fault.Conflict) {
			t.Errorf("a partner took an own door's place: %v", err)
		}
	})
}

func TestSecretsPrintRedacted(t *testing.T) {
	s := partner.NewSecret()
	if len(s.Reveal()) != 43 || partner.NewSecret() == s {
		t.Error("a weak secret")
	}
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "s", s)
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s", s, s, s, s), b.String()} {
		if strings.Contains(text, s.Reveal()) || !strings.Contains(text, "[redacted]") {
			t.Errorf("printed as %s", text)
		}
	}
}

func knows(c partner.Client, s partner.Secret) bool { return c.Judge(s, time.Now()) == partner.Right }
