// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/cardfeed"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/feed"
	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
	"danh/registry/residence"
)

// runWith is run with clients that are changed before they are registered.
func runWith(t *testing.T, change func(*partner.Client), body func(t *testing.T, h *House)) {
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, d *db.DB) { body(t, New(t, d, issuer, change)) })
}

// handCard gives Lan a card by the feed of earlier ones.
func handCard(t *testing.T, h *House) {
	t.Helper()
	var b bytes.Buffer
	day := clock.Date{Year: 2021, Month: 5, Day: 1}
	number := h.Person(accounttest.Lan).Declared.Number.Reveal()
	ok(t, cardfeed.Write(&b, cardfeed.Header{Registry: cardfeed.Population, Source: "test", AsOf: clock.Date{Year: 2026, Month: 11, Day: 1}},
		[]cardfeed.Bearer{{Ref: "lan", Cards: []cardfeed.Card{{Kind: "cccd_chip", Number: number, Issued: day, Expires: clock.Date{Year: 2030, Month: 9, Day: 2}}}}}))
	rep, err := h.Cards.Import(t.Context(), audit.System("test"), nil, bytes.NewReader(b.Bytes()))
	ok(t, err)
	if rep.Loaded != 1 {
		t.Fatalf("%+v", rep)
	}
}

func TestAgesAreYesOrNoAndNeverTheDate(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		info := userinfo(t, h, h.Tokens(t, s, "openid age").AccessToken)
		for claim, want := range map[string]any{"age_over_14": true, "age_over_16": true, "age_over_18": true, "age_over_21": true, "age_over_60": false, "birthdate": nil, "name": nil} {
			if info[claim] != want {
				t.Errorf("%s is %v, want %v", claim, info[claim], want)
			}
		}
		if p := info["claims_provenance"].(map[string]any)["age_over_18"].(map[string]any); p["source"] != "population registry" || p["as_of"] == nil {
			t.Errorf("provenance %v", p)
		}
		// Her log says that an age was read, and no date.
		var n int
		ok(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE actor_partner = 'bank' AND fields = '["age"]'`).Scan(&n))
		if n != 1 {
			t.Errorf("%d entries about an age", n)
		}
	})
}

func TestAgeIsThatOfTheDayOfRelease(t *testing.T) {
	for _, c := range []struct {
		birth clock.Date
		at    string // Vietnamese time
		want  any    // of age_over_18
	}{
		{clock.Date{Year: 2008, Month: 11, Day: 23}, "2026-11-22 23:59:59", false},
		{clock.Date{Year: 2008, Month: 11, Day: 23}, "2026-11-23 00:00:00", true}, // still the 22nd in UTC
		{clock.Date{Year: 2012, Month: 2, Day: 29}, "2030-02-28 23:59:59", false}, // a common year
		{clock.Date{Year: 2012, Month: 2, Day: 29}, "2030-03-01 00:00:00", true},
		{clock.Date{Year: 2008}, "2026-11-23 00:00:00", nil}, // only the year is registered
		{clock.Date{Year: 2008}, "2027-01-01 00:00:00", true},
		{clock.Date{Year: 2009}, "2026-12-31 00:00:00", false},
		{clock.Date{Year: 2008, Month: 12}, "2026-12-15 00:00:00", nil},
	} {
		t.Run(fmt.Sprint(c.birth, c.at), func(t *testing.T) {
			at, err := time.ParseInLocation("2006-01-02 15:04:05", c.at, clock.Vietnam)
			ok(t, err)
			var got any
			if v, known := provider.AgesOn(c.birth, at)["age_over_18"]; known {
				got = v
			}
			if got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestHouseholdTellsNobodyElse(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		info := userinfo(t, h, h.Tokens(t, s, "openid household").AccessToken)
		if got := fmt.Sprint(info["household"]); got != "map[head:true relation:head size:2]" {
			t.Errorf("household %s", got)
		}
		// Minh was counted and not looked at: nothing of him left the registry.
		var n int
		ok(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE subject = $1 AND actor_partner = 'bank'`, h.Person(accounttest.Minh).ID).Scan(&n))
		if n != 0 {
			t.Errorf("%d entries about the other member", n)
		}
	})
}

func TestBothAddressesAndTheirUnits(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		from := clock.Date{Year: 2026, Month: 3, Day: 1}
		var b bytes.Buffer
		w := feed.NewWriter(&b, feed.Header{Source: "test", Count: 1, AsOf: clock.Date{Year: 2026, Month: 11, Day: 2}})
		w.Temporary(&feed.Temporary{Ref: "t1", Person: "lan", Address: feed.Place{Text: "25 Lê Lợi, phường Bến Thành", Unit: "26740", UnitFrom: from}, From: from, To: clock.Date{Year: 2027, Month: 3, Day: 1}})
		ok(t, w.Flush())
		_, err := h.Residence.Import(t.Context(), residence.ImportConfig{By: audit.System("test")}, bytes.NewReader(b.Bytes()))
		ok(t, err)
		_, s := h.SignInLan(t, true)
		info := userinfo(t, h, h.Tokens(t, s, "openid residence addresses").AccessToken)
		read := func(name string) map[string]any {
			m, _ := info[name].(map[string]any)
			return m
		}
		if a := read("permanent_address"); a["formatted"] != Home || a["kind"] != "permanent" || a["since"] != "2015-05-01" || a["unit_code"] != "00037" || a["until"] != nil {
			t.Errorf("permanent %v", a)
		}
		if a := read("temporary_address"); a["formatted"] != "25 Lê Lợi, phường Bến Thành" || a["kind"] != "temporary" || a["since"] != "2026-03-01" || a["until"] != "2027-03-01" {
			t.Errorf("temporary %v", a)
		}
		if !reflect.DeepEqual(info["address"], info["temporary_address"]) {
			t.Errorf("she lives at %v", info["address"])
		}
	})
}

func TestCardWithoutANumberUnlessTheLawGivesIt(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		handCard(t, h)
		_, s := h.SignInLan(t, true)
		read := func(scope string) map[string]any {
			m, _ := userinfo(t, h, h.Tokens(t, s, scope).AccessToken)["card"].(map[string]any)
			return m
		}
		c := read("openid card")
		if c["kind"] != "cccd_chip" || c["date_of_issuance"] != "2021-05-01" || c["date_of_expiry"] != "2030-09-02" || c["in_force"] != true || c["number"] != nil {
			t.Errorf("card %v", c)
		}
		if c = read("openid card number"); c["number"] != h.Person(accounttest.Lan).Declared.Number.Reveal() {
			t.Errorf("with the number: %v", c)
		}
	})
}

// A ground that only sounds like one, or none: the number is not to be had, by
// scope, by claim or by an old consent.
func TestNumberWithoutALegalGround(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		tok := h.Tokens(t, s, "openid number")
		if userinfo(t, h, tok.AccessToken)["personal_number"] == nil {
			t.Fatal("the law gives it")
		}
		bank := h.Client(t, "bank")
		for _, ground := range []string{"", "theo luật", "consent", "Luật Phòng, chống rửa tiền", MoneyLaw + " (và những gì khác)", "Luật Phòng, chống rửa tiền 14/2022/QH15, Điều 11 và Điều 12"} {
			for i, a := range bank.Asks {
				if a.Scope == "number" {
					bank.Asks[i].Ground = ground
				}
			}
			ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), bank) }))
			if v := userinfo(t, h, tok.AccessToken)["personal_number"]; v != nil {
				t.Errorf("%q: an old token reads it", ground)
			}
			_, err := h.Provider.Push(t.Context(), h.Lawful(t, "bank"), Unbound, Request("openid number"))
			refused(t, err, "invalid_scope")
			info, id := releasedTo(t, h, s, `{"userinfo":{"personal_number":{"essential":true},"verified_claims":{"verification":{"trust_framework":null},"claims":{"personal_number":null}}},"id_token":{"personal_number":null}}`)
			if info["personal_number"] != nil || id["personal_number"] != nil || info["verified_claims"] != nil {
				t.Errorf("%q: released %v %v", ground, info, id)
			}
		}
	})
}

// The purpose names a field less than the scopes cover: whatever way it is asked
// for, it is not released.
func TestClaimsBeyondThePurpose(t *testing.T) {
	why := partner.Text{VI: "bán rượu cho người đủ tuổi", EN: "sell wine to adults"}
	runWith(t, func(c *partner.Client) {
		c.Purposes = []partner.Purpose{{Code: "adult", Text: why, Scopes: []string{"openid", "age"}, Fields: []string{"age_over_18"}}}
	}, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		v := Request("openid age purpose:adult")
		v.Set("claims", `{"userinfo":{"age_over_21":{"essential":true},"birthdate":{"essential":true},"verified_claims":{"verification":{"trust_framework":null},"claims":{"birthdate":null,"age_over_60":null,"age_over_18":null}}}}`)
		a := h.Agree(t, s, h.Push(t, h.Client(t, "bank"), v))
		tok, err := h.Provider.Redeem(t.Context(), h.Client(t, "bank"), Unbound, a.Values.Get("code"), BankRedirect, Verifier)
		ok(t, err)
		info := userinfo(t, h, tok.AccessToken)
		delete(info, "sub")
		delete(info, "claims_provenance")
		b, _ := json.Marshal(info)
		if string(b) != `{"age_over_18":true,"verified_claims":{"claims":{"age_over_18":true},"verification":{"trust_framework":"vn_identification_law"}}}` {
			t.Errorf("released %s", b)
		}
	})
}
