// SPDX-License-Identifier: Apache-2.0

package register_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/keys"
	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
	"danh/provider/register"
	"danh/provider/token"
)

const issuer = "https://id.test"

type house struct {
	*House
	desk *register.Desk
	jwks json.RawMessage
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var officer = audit.Officer(id.NewPerson(), id.NewPerson(), "Phòng kết nối")

func text(s string) partner.Text { return partner.Text{VI: s + " vi", EN: s} }

// approved is the client of a party as the partner door would register it.
func approved(id partner.ID, party partner.PartyID, host string) partner.Client {
	return partner.Client{ID: id, Party: party, Name: text("Ngân hàng " + string(id)), Profile: partner.OIDC, AuthMethod: partner.PrivateKeyJWT, Sector: "party:" + string(party),
		Settings:     partner.Settings{JWKSURI: "https://" + host + "/jwks", DetailTypes: []string{"payment_initiation"}, Resources: []string{"https://api." + host + "/"}, RequirePushed: true},
		RedirectURIs: []string{"https://" + host + "/cb"}, PostLogoutURIs: []string{"https://" + host + "/bye"},
		Asks:     []partner.Ask{{Scope: "openid", Purpose: text("sign in")}, {Scope: "profile", Purpose: text("open an account")}, {Scope: "phone", Purpose: text("call")}},
		Purposes: []partner.Purpose{{Code: "open_account", Text: text("open"), Scopes: []string{"profile"}}, {Code: "lend", Text: text("lend"), Scopes: []string{"phone"}}}}
}

func (h *house) put(t *testing.T, c partner.Client) {
	t.Helper()
	ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RegisterTx(t.Context(), tx, officer, c) }))
}

func run(t *testing.T, body func(t *testing.T, h *house)) {
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, d *db.DB) {
		h := &house{House: New(t, d, issuer)}
		h.desk = register.New(register.Config{DB: d, Clock: h.Clock, Keys: h.Keys, Partners: h.Partners, Issuer: issuer})
		h.jwks = newJWKS(t)
		h.put(t, approved("dt-0417", "DT-0417", "bank.example"))
		h.put(t, approved("dt-0500", "DT-0500", "other.example"))
		body(t, h)
	})
}

func newJWKS(t *testing.T) json.RawMessage {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &k.PublicKey, KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	ok(t, err)
	return b
}

func (h *house) statement(t *testing.T, client partner.ID) register.Made {
	t.Helper()
	s, err := h.desk.Statement(t.Context(), officer, client, "app-1", nil, 0)
	ok(t, err)
	return s
}

// metadata is a good registration by a statement; change alters it first.
func (h *house) metadata(t *testing.T, statement string, change ...func(map[string]any)) []byte {
	t.Helper()
	m := map[string]any{"software_statement": statement, "redirect_uris": []string{"https://bank.example/app/cb"}, "jwks": h.jwks, "scope": "openid profile purpose:open_account",
		"client_name": "Nhà nước", "unknown": true}
	for _, f := range change {
		f(m)
	}
	b, err := json.Marshal(m)
	ok(t, err)
	return b
}

func refused(t *testing.T, name string, err error, code string) {
	t.Helper()
	var e *provider.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s: %v, want %s", name, err, code)
	}
}

func (h *house) registered(t *testing.T, body []byte) (partner.ID, string, map[string]any) {
	t.Helper()
	out, err := h.desk.Register(t.Context(), body)
	ok(t, err)
	client, _ := out["client_id"].(partner.ID)
	access, _ := out["registration_access_token"].(string)
	return client, access, out
}

func TestRegistrationByStatement(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		s := h.statement(t, "dt-0417")
		client, access, out := h.registered(t, h.metadata(t, s.Text))
		c := h.Client(t, client)
		// She reads the approved name, never one that the software chose.
		if c.Name != text("Ngân hàng dt-0417") || c.Party != "DT-0417" || c.AuthMethod != partner.PrivateKeyJWT || len(c.Asks) != 2 || len(c.Purposes) != 1 || c.Purposes[0].Code != "open_account" ||
			c.Settings.SoftwareID != "app-1" || !c.Settings.RequirePushed || len(c.Settings.DetailTypes) != 0 || c.Sector != "party:DT-0417" || !strings.HasPrefix(string(client), "dt-0417-") {
			t.Fatalf("registered %+v", c)
		}
		for _, k := range []string{"client_id_issued_at", "registration_client_uri", "redirect_uris", "jwks", "software_statement", "grant_types"} {
			if out[k] == nil {
				t.Errorf("%s is not told", k)
			}
		}
		if out["registration_client_uri"] != issuer+"/register/"+string(client) {
			t.Errorf("it is at %v", out["registration_client_uri"])
		}
		// What is read back can be sent back (RFC 7592, section 2.2).
		got, err := h.desk.Read(t.Context(), client, access)
		ok(t, err)
		got["post_logout_redirect_uris"] = []string{"https://bank.example/app/bye"}
		got["scope"] = "openid profile phone"
		b, err := json.Marshal(got)
		ok(t, err)
		_, err = h.desk.Replace(t.Context(), client, access, b)
		ok(t, err)
		if c = h.Client(t, client); len(c.PostLogoutURIs) != 1 || len(c.Asks) != 3 || len(c.Purposes) != 0 {
			t.Errorf("after the change %+v", c)
		}
		ok(t, h.desk.End(t.Context(), client, access))
		if _, err := h.Partners.FindClient(t.Context(), client); !fault.Is(err, fault.NotFound) {
			t.Errorf("after its end: %v", err)
		}
		_, err = h.desk.Read(t.Context(), client, access)
		refused(t, "ended", err, provider.InvalidToken)
	})
}

// A statement is believed by its signature alone, by the key that signs nothing else.
func TestForgedStatement(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		good := h.statement(t, "dt-0417").Text
		parts := strings.Split(good, ".")
		raw, err := base64.RawURLEncoding.DecodeString(parts[1])
		ok(t, err)
		var claims map[string]any
		ok(t, json.Unmarshal(raw, &claims))
		swapped := strings.Replace(string(raw), "DT-0417", "DT-0500", 1)
		evil, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		ok(t, err)
		kid := h.Keys.Public(keys.Statement)[0].KID
		byEvil, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: evil, KeyID: kid}}, (&jose.SignerOptions{EmbedJWK: true}).WithType("software-statement+jwt"))
		ok(t, err)
		o, err := byEvil.Sign(raw)
		ok(t, err)
		forged, err := o.CompactSerialize()
		ok(t, err)
		// Signed here, for something else.
		ours := token.NewSigner(h.Keys)
		asID, err := ours.Sign(keys.IDToken, "software-statement+jwt", claims)
		ok(t, err)
		otherType, err := ours.Sign(keys.Statement, "JWT", claims)
		ok(t, err)
		mac := hmac.New(sha256.New, []byte(kid))
		head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"software-statement+jwt","kid":"` + kid + `"}`))
		mac.Write([]byte(head + "." + parts[1]))
		for name, s := range map[string]string{
			"another party put in":    parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(swapped)) + "." + parts[2],
			"another key, in its jwk": forged, "a key for ID tokens": asID, "another type": otherType,
			"none":          base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"software-statement+jwt"}`)) + "." + parts[1] + ".",
			"shared secret": head + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
			"empty":         "", "junk": "x", "oversize": good + strings.Repeat("A", 16<<10),
		} {
			_, err := h.desk.Register(t.Context(), h.metadata(t, s))
			refused(t, name, err, "invalid_software_statement")
		}
		_, err = h.desk.Register(t.Context(), h.metadata(t, good, func(m map[string]any) { m["software_id"] = "app-2" }))
		refused(t, "another software", err, "invalid_software_statement")
		h.Clock.Advance(partner.StatementLife)
		_, err = h.desk.Register(t.Context(), h.metadata(t, good))
		refused(t, "expired", err, "invalid_software_statement")
	})
}

func TestStatementThatWasEnded(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		s := h.statement(t, "dt-0417")
		if err := h.desk.EndStatement(t.Context(), officer, "DT-0500", s.ID); !fault.Is(err, fault.NotFound) {
			t.Fatalf("another party ended it: %v", err)
		}
		ok(t, h.desk.EndStatement(t.Context(), officer, "DT-0417", s.ID))
		_, err := h.desk.Register(t.Context(), h.metadata(t, s.Text))
		refused(t, "ended", err, "unapproved_software_statement")
		// The client that it stands on is retired.
		s = h.statement(t, "dt-0417")
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RetireTx(t.Context(), tx, officer, "dt-0417") }))
		_, err = h.desk.Register(t.Context(), h.metadata(t, s.Text))
		refused(t, "its client retired", err, "unapproved_software_statement")
	})
}

func TestStatementOfAnotherParty(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		mine, theirs := h.statement(t, "dt-0417"), h.statement(t, "dt-0500")
		// By the other party's statement my addresses cannot be had.
		_, err := h.desk.Register(t.Context(), h.metadata(t, theirs.Text))
		refused(t, "addresses of another party", err, "invalid_redirect_uri")
		client, access, _ := h.registered(t, h.metadata(t, mine.Text))
		other, otherAccess, _ := h.registered(t, h.metadata(t, theirs.Text, func(m map[string]any) { m["redirect_uris"] = []string{"https://other.example/cb"} }))
		for name, c := range map[string]struct {
			client partner.ID
			access string
		}{"another client's token": {client, otherAccess}, "no token": {client, ""}, "approved client": {"dt-0417", access}, "bank": {"bank", access}, "nobody": {"dt-0417-x", access}, "longer": {client, access + "A"}} {
			_, err := h.desk.Read(t.Context(), c.client, c.access)
			refused(t, name, err, provider.InvalidToken)
			_, err = h.desk.Replace(t.Context(), c.client, c.access, h.metadata(t, ""))
			refused(t, name, err, provider.InvalidToken)
			refused(t, name, h.desk.End(t.Context(), c.client, c.access), provider.InvalidToken)
		}
		// A change brings no other identifier, secret or software.
		for name, change := range map[string]func(map[string]any){
			"another client_id": func(m map[string]any) { m["client_id"] = other }, "no client_id": func(m map[string]any) {},
			"a secret of its own": func(m map[string]any) { m["client_id"] = client; m["client_secret"] = "x" },
			"another software":    func(m map[string]any) { m["client_id"] = client; m["software_id"] = "app-2" },
		} {
			_, err := h.desk.Replace(t.Context(), client, access, h.metadata(t, "", change))
			refused(t, name, err, "invalid_client_metadata")
		}
		if a, b := h.Client(t, client), h.Client(t, other); a.Party != "DT-0417" || b.Party != "DT-0500" {
			t.Errorf("%s %s", a.Party, b.Party)
		}
	})
}

// Metadata may narrow what was approved, and never widen it: neither when a
// client is registered nor when it is changed.
func TestMetadataWiderThanTheStatement(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		s := h.statement(t, "dt-0417")
		client, access, _ := h.registered(t, h.metadata(t, s.Text))
		set := func(k string, v any) func(map[string]any) { return func(m map[string]any) { m[k] = v } }
		const meta, redirect = "invalid_client_metadata", "invalid_redirect_uri"
		for name, c := range map[string]struct {
			change func(map[string]any)
			code   string
		}{
			"another host":             {set("redirect_uris", []string{"https://bank.example/cb", "https://evil.example/cb"}), redirect},
			"a host below":             {set("redirect_uris", []string{"https://app.bank.example/cb"}), redirect},
			"user in the address":      {set("redirect_uris", []string{"https://bank.example@evil.example/cb"}), redirect},
			"plain http":               {set("redirect_uris", []string{"http://bank.example/cb"}), redirect},
			"this machine":             {set("redirect_uris", []string{"http://127.0.0.1:9/cb"}), redirect},
			"no address":               {set("redirect_uris", []string{}), redirect},
			"another host for logout":  {set("post_logout_redirect_uris", []string{"https://evil.example/"}), meta},
			"keys elsewhere":           {func(m map[string]any) { delete(m, "jwks"); m["jwks_uri"] = "https://evil.example/jwks" }, meta},
			"keys inside the network":  {func(m map[string]any) { delete(m, "jwks"); m["jwks_uri"] = "https://169.254.169.254/" }, meta},
			"logout notices elsewhere": {set("backchannel_logout_uri", "https://evil.example/"), meta},
			"events elsewhere":         {set("events_endpoint", "https://evil.example/"), meta},
			"events": {func(m map[string]any) {
				m["events_endpoint"] = "https://bank.example/e"
				m["events"] = partner.EventTypes[:1]
			}, meta},
			"a scope":                  {set("scope", "openid number"), meta},
			"a scope of nobody":        {set("scope", "openid everything"), meta},
			"a purpose":                {set("scope", "openid purpose:sell"), meta},
			"no openid":                {set("scope", "profile"), meta},
			"a detail type":            {set("authorization_details_types", []string{"account_information"}), meta},
			"a resource":               {set("resources", []string{"https://api.other.example/"}), meta},
			"secret instead of keys":   {set("token_endpoint_auth_method", "client_secret_basic"), meta},
			"public client":            {set("token_endpoint_auth_method", "none"), meta},
			"secret in the body":       {set("token_endpoint_auth_method", "client_secret_post"), meta},
			"implicit":                 {set("response_types", []string{"token"}), meta},
			"password grant":           {set("grant_types", []string{"password"}), meta},
			"asking without a browser": {set("grant_types", []string{"urn:openid:params:grant-type:ciba"}), meta},
			"backchannel mode":         {set("backchannel_token_delivery_mode", "poll"), meta},
			"public subjects":          {set("subject_type", "public"), meta},
			"unsigned":                 {set("id_token_signed_response_alg", "none"), meta},
			"unsigned requests":        {set("request_object_signing_alg", "none"), meta},
			"answers by a secret":      {set("authorization_signed_response_alg", "HS256"), meta},
			"a shared secret as key":   {set("jwks", json.RawMessage(`{"keys":[{"kty":"oct","k":"AAAA"}]}`)), meta},
			"no key":                   {func(m map[string]any) { delete(m, "jwks") }, meta},
			"forms":                    {set("redirect_uris", "https://bank.example/cb"), meta},
			"oversize":                 {set("contacts", []string{strings.Repeat("a", register.MaxSize)}), meta},
		} {
			_, err := h.desk.Register(t.Context(), h.metadata(t, s.Text, c.change))
			refused(t, name, err, c.code)
			_, err = h.desk.Replace(t.Context(), client, access, h.metadata(t, s.Text, set("client_id", client), c.change))
			refused(t, name+", changed", err, c.code)
		}
		// Whose servers it is nobody says of itself; that is passed over.
		_, _, out := h.registered(t, h.metadata(t, s.Text, set("serves", []string{"https://api.other.example/"}), set("sector_identifier_uri", "https://other.example/s"), set("require_pushed_authorization_requests", false)))
		c := h.Client(t, out["client_id"].(partner.ID))
		if len(c.Settings.Serves) != 0 || c.Settings.SectorIdentifier != "" || c.Sector != "party:DT-0417" || !c.Settings.RequirePushed {
			t.Errorf("registered %+v", c)
		}
	})
}

func TestRegistrationsOfAPartyAreCounted(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		s := h.statement(t, "dt-0417")
		body := h.metadata(t, s.Text)
		var mu sync.Mutex
		var wg sync.WaitGroup
		won, many := 0, 0
		for range 2 * partner.MaxRegistered {
			wg.Go(func() {
				_, err := h.desk.Register(context.Background(), body)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					won++
				case errors.Is(err, partner.ErrRegistered):
					many++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won != partner.MaxRegistered || many != partner.MaxRegistered {
			t.Fatalf("%d registered, %d refused", won, many)
		}
		// Another party is not kept waiting.
		h.registered(t, h.metadata(t, h.statement(t, "dt-0500").Text, func(m map[string]any) { m["redirect_uris"] = []string{"https://other.example/x"} }))
	})
}

// What the approved client loses its instances lose in the same commit.
// An instance names no other algorithm than the one that was approved, keeps it
// when it names none, and gets one that is approved later.
func TestInstancesSignAsApproved(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		with := func(request, response string) partner.Client {
			c := approved("dt-0417", "DT-0417", "bank.example")
			c.Settings.RequestAlg, c.Settings.ResponseAlg = request, response
			return c
		}
		h.put(t, with("ES256", "ES256"))
		s := h.statement(t, "dt-0417")
		for _, alg := range []string{"PS256", "EdDSA"} {
			_, err := h.desk.Register(t.Context(), h.metadata(t, s.Text, func(m map[string]any) { m["request_object_signing_alg"] = alg }))
			refused(t, alg, err, "invalid_client_metadata")
		}
		client, _, _ := h.registered(t, h.metadata(t, s.Text))
		if c := h.Client(t, client); c.Settings.RequestAlg != "ES256" || c.Settings.ResponseAlg != "ES256" {
			t.Errorf("an instance that names none has %q and %q", c.Settings.RequestAlg, c.Settings.ResponseAlg)
		}
		h.put(t, with("PS256", "ES256"))
		if c := h.Client(t, client); c.Settings.RequestAlg != "PS256" {
			t.Errorf("after the approved one changed: %q", c.Settings.RequestAlg)
		}
		h.put(t, with("", "")) // where none is approved an instance may bar the others
		free, _, _ := h.registered(t, h.metadata(t, h.statement(t, "dt-0417").Text, func(m map[string]any) { m["request_object_signing_alg"] = "EdDSA" }))
		if c := h.Client(t, free); c.Settings.RequestAlg != "EdDSA" {
			t.Errorf("%q", c.Settings.RequestAlg)
		}
	})
}

func TestInstancesFollowTheApprovedClient(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		s := h.statement(t, "dt-0417")
		client, access, _ := h.registered(t, h.metadata(t, s.Text, func(m map[string]any) {
			delete(m, "scope")
			m["authorization_details_types"] = []string{"payment_initiation"}
		}))
		t0 := approved("dt-0417", "DT-0417", "bank.example")
		t0.Name, t0.Asks, t0.Purposes = text("Ngân hàng mới"), t0.Asks[:2], t0.Purposes[:1]
		t0.Settings.DetailTypes, t0.ValidUntil = nil, h.Clock.Now().Add(time.Hour)
		h.put(t, t0)
		c := h.Client(t, client)
		if c.Name != t0.Name || len(c.Asks) != 2 || len(c.Purposes) != 1 || len(c.Settings.DetailTypes) != 0 || !c.ValidUntil.Equal(t0.ValidUntil) {
			t.Fatalf("the instance kept %+v", c)
		}
		// Where it cannot be kept within, it ends: its host was given up.
		moved := approved("dt-0417", "DT-0417", "new.example")
		h.put(t, moved)
		if _, err := h.Partners.FindClient(t.Context(), client); !fault.Is(err, fault.NotFound) {
			t.Errorf("at a host that was given up: %v", err)
		}
		_, err := h.desk.Read(t.Context(), client, access)
		refused(t, "ended", err, provider.InvalidToken)
		// Neither by the statement of then nor by a change does it come back.
		_, err = h.desk.Register(t.Context(), h.metadata(t, s.Text))
		refused(t, "a host that was given up", err, "invalid_redirect_uri")
		both := approved("dt-0417", "DT-0417", "new.example")
		both.RedirectURIs = append(both.RedirectURIs, "https://bank.example/cb")
		h.put(t, both)
		client, access, _ = h.registered(t, h.metadata(t, h.statement(t, "dt-0417").Text, func(m map[string]any) { m["redirect_uris"] = []string{"https://new.example/app"} }))
		h.put(t, moved)
		_, err = h.desk.Replace(t.Context(), client, access, h.metadata(t, "", func(m map[string]any) {
			m["client_id"], m["redirect_uris"] = client, []string{"https://bank.example/app"}
			delete(m, "software_statement")
		}))
		refused(t, "changed to a host that was given up", err, "invalid_redirect_uri")
		// Retired with it.
		other, _, _ := h.registered(t, h.metadata(t, h.statement(t, "dt-0500").Text, func(m map[string]any) { m["redirect_uris"] = []string{"https://other.example/x"} }))
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RetireTx(t.Context(), tx, officer, "dt-0500") }))
		if _, err := h.Partners.FindClient(t.Context(), other); !fault.Is(err, fault.NotFound) {
			t.Errorf("after its approved client: %v", err)
		}
		log := h.Audited(t)
		for _, a := range []string{"partner.statement.made", "partner.self_registered", "partner.narrowed"} {
			if !slices.Contains(log, a) {
				t.Errorf("%s stands not in the log", a)
			}
		}
	})
}

func TestWhoMayMakeAStatement(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		for _, by := range []audit.Actor{audit.Anonymous(), audit.Citizen(id.NewPerson(), id.NewPerson()), audit.Partner("dt-0417", "x"), {}} {
			if _, err := h.desk.Statement(t.Context(), by, "dt-0417", "app", nil, 0); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%q made one: %v", by.Kind, err)
			}
		}
		client, _, _ := h.registered(t, h.metadata(t, h.statement(t, "dt-0417").Text))
		// A client that the operator registered by hand belongs to itself.
		_, _, out := h.registered(t, h.metadata(t, h.statement(t, "bank").Text, func(m map[string]any) { m["scope"] = "openid profile" }))
		if c := h.Client(t, out["client_id"].(partner.ID)); c.Party != "" || c.Name.EN != "Golden Rice Bank" {
			t.Errorf("registered %+v", c)
		}
		for name, c := range map[string]struct {
			client   partner.ID
			software string
			hosts    []string
			life     time.Duration
		}{
			"own door": {"portal", "app", nil, 0}, "an instance": {client, "app", nil, 0}, "odd software": {"dt-0417", "a b", nil, 0},
			"another host": {"dt-0417", "app", []string{"evil.example"}, 0}, "for ever": {"dt-0417", "app", nil, 91 * 24 * time.Hour}, "for no time": {"dt-0417", "app", nil, time.Second},
		} {
			if _, err := h.desk.Statement(t.Context(), officer, c.client, c.software, c.hosts, c.life); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for range 20 {
			_, err := h.desk.Statement(t.Context(), officer, "dt-0417", "app", nil, 0)
			if err != nil {
				if !fault.Is(err, fault.Conflict) {
					t.Fatal(err)
				}
				return
			}
		}
		t.Error("statements without end")
	})
}
