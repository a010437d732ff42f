// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/provider"
	. "danh/provider/providertest"
)

// released runs a request of the bank with a claims parameter to the end.
func released(t *testing.T, h *House, claims string, ticked ...provider.Field) (map[string]any, map[string]any) {
	t.Helper()
	_, s := h.SignInLan(t, true)
	return releasedTo(t, h, s, claims, ticked...)
}

func releasedTo(t *testing.T, h *House, s account.Session, claims string, ticked ...provider.Field) (map[string]any, map[string]any) {
	t.Helper()
	v := Request("openid profile residence")
	v.Set("claims", claims)
	a := h.Agree(t, s, h.Push(t, h.Client(t, "bank"), v), ticked...)
	tok, err := h.Provider.Redeem(t.Context(), h.Client(t, "bank"), provider.Binding{}, a.Values.Get("code"), BankRedirect, Verifier)
	ok(t, err)
	var id map[string]any
	ok(t, json.Unmarshal([]byte(payload(t, tok.IDToken)), &id))
	return userinfo(t, h, tok.AccessToken), id
}

func TestOptionalClaimsAreHersToGive(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		info, id := released(t, h, `{"userinfo":{"phone_number":null,"personal_number":null},"id_token":{"name":null,"personal_number":null}}`, provider.Phone)
		if info["phone_number"] != "+84912345678" || info["phone_number_verified"] != true || info["personal_number"] != nil || id["personal_number"] != nil {
			t.Errorf("released %v", info)
		}
		if id["name"] != "Nguyễn Thị Phương Lan" || id["birthdate"] != nil || id["nonce"] != "n-1" || id["iss"] != issuer {
			t.Errorf("ID token %v", id)
		}
	})
}

func TestVerifiedClaimsKeepTheirConstraints(t *testing.T) {
	for claims, want := range map[string]int{
		`{"userinfo":{"verified_claims":{"verification":{"trust_framework":{"value":"vn_identification_law"}},"claims":{"name":null,"address":null}}}}`: 2,
		`{"userinfo":{"verified_claims":{"verification":{"trust_framework":{"value":"eidas"}},"claims":{"name":null}}}}`:                                0,
		`{"userinfo":{"verified_claims":{"verification":{"trust_framework":null,"time":{"max_age":3600}},"claims":{"name":null}}}}`:                     0,
		`{"userinfo":{"verified_claims":{"verification":{"trust_framework":null,"time":{"max_age":31536000}},"claims":{"name":null}}}}`:                 1,
		`{"userinfo":{"verified_claims":{"verification":{"trust_framework":null},"claims":{"phone_number":null}}}}`:                                     0,
	} {
		t.Run(claims, func(t *testing.T) {
			run(t, func(t *testing.T, h *House) {
				info, _ := released(t, h, claims, provider.Phone)
				got := 0
				switch v := info["verified_claims"].(type) {
				case map[string]any:
					got = 1
				case []any:
					got = len(v)
				}
				if got != want {
					t.Errorf("%d elements, want %d: %v", got, want, info["verified_claims"])
				}
			})
		})
	}
}

func TestConsentLastsAsLongAsItsWords(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		bank := h.Client(t, "bank")
		next := func(scope string) provider.Kind {
			t.Helper()
			d, err := h.Provider.Continue(t.Context(), provider.Visit{Handle: h.Push(t, h.Client(t, "bank"), Request(scope)), Browser: Browser, Session: &s})
			ok(t, err)
			return d.Kind
		}
		if k := next("openid profile"); k != provider.AskConsent {
			t.Fatalf("at first: %s", k)
		}
		tok := h.Tokens(t, s, "openid profile")
		if k := next("openid profile"); k != provider.Issue {
			t.Errorf("again: %s", k)
		}
		if k := next("openid profile email"); k != provider.AskConsent {
			t.Errorf("more: %s", k)
		}
		// The purpose is worded anew.
		for i, a := range bank.Asks {
			if a.Scope == "profile" {
				bank.Asks[i].Purpose.VI = "gửi quảng cáo"
			}
		}
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), bank) }))
		if k := next("openid profile"); k != provider.AskConsent {
			t.Errorf("other words: %s", k)
		}
		h.Tokens(t, s, "openid profile")
		list, err := h.Provider.ListConsents(t.Context(), s.Account)
		ok(t, err)
		if len(list) != 2 || !h.Provider.Standing(list[0]) || list[1].EndedWhy != "replaced" || list[1].Shown.Purposes["profile"].VI != "ghi tên bạn trên hợp đồng" {
			t.Errorf("history %+v", list)
		}
		// Another year.
		h.Clock.Advance(366 * 24 * time.Hour)
		if k := next("openid profile"); k != provider.AskConsent {
			t.Errorf("after a year: %s", k)
		}
		if active(t, h, "bank", tok.AccessToken) {
			t.Error("a token outlived its consent")
		}
	})
}

func TestConsentIsOneCommit(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		h.Code(t, s, "openid profile")
		count := func(query string) (n int) {
			ok(t, h.DB.Read().QueryRowContext(t.Context(), query).Scan(&n))
			return n
		}
		for query, want := range map[string]int{
			`SELECT COUNT(*) FROM audit_entry WHERE action = 'consent.given'`:                   1,
			`SELECT COUNT(*) FROM audit_entry WHERE action = 'provider.signed_in'`:              1,
			`SELECT COUNT(*) FROM notify_inbox WHERE template = 'consent_given'`:                1,
			`SELECT COUNT(*) FROM provider_request WHERE code_hash IS NOT NULL`:                 1,
			`SELECT COUNT(*) FROM audit_entry WHERE detail LIKE '%Lan%' OR fields LIKE '%Lan%'`: 0,
		} {
			if n := count(query); n != want {
				t.Errorf("%s: %d, want %d", query, n, want)
			}
		}
	})
}

func TestEveryLookIsInHerLog(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		tok := h.Tokens(t, s, "openid profile residence phone")
		looks := func() (n int) {
			ok(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE actor_partner = 'bank' AND subject = $1 AND ground LIKE 'consent:%'
				AND action IN ('population.read', 'residence.read', 'account.declared.read')`, h.Person(accounttest.Lan).ID).Scan(&n))
			return n
		}
		for i := range 3 {
			userinfo(t, h, tok.AccessToken)
			if n := looks(); n != 3*(i+1) {
				t.Fatalf("%d entries after %d reads of three sources", n, i+1)
			}
		}
		_, err := h.Provider.UserInfo(t.Context(), provider.Access{Token: tok.AccessToken + "x"})
		refused(t, err, "invalid_token")
		if looks() != 9 {
			t.Error("a refused read looked all the same")
		}
		userinfo(t, h, h.Tokens(t, s, "openid level").AccessToken)
		var n int
		ok(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE actor_partner = 'bank' AND action = 'account.level.read'`).Scan(&n))
		if n != 1 {
			t.Errorf("%d entries after a read of the level alone", n)
		}
	})
}

func TestPurges(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		h.Tokens(t, s, "openid profile")
		_, err := h.Provider.Authenticate(t.Context(), provider.Credentials{AssertionType: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", Assertion: h.Assertion(t, nil)})
		ok(t, err)
		rows := func() string {
			var out []string
			for _, table := range []string{"request", "assertion", "grant", "consent"} {
				var n int
				ok(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM provider_`+table).Scan(&n))
				out = append(out, map[bool]string{true: table, false: "-"}[n > 0])
			}
			return strings.Join(out, " ")
		}
		for _, c := range []struct {
			after time.Duration
			want  string
		}{
			{0, "request assertion grant consent"}, {40 * time.Minute, "- - grant consent"}, {37 * time.Hour, "- - - consent"}, {7 * 366 * 24 * time.Hour, "- - - -"},
		} {
			h.Clock.Advance(c.after)
			for _, p := range provider.Purges() {
				_, err := p.RunOnce(t.Context(), h.DB, h.Clock.Now())
				ok(t, err)
			}
			if got := rows(); got != c.want {
				t.Errorf("after %v: %s, want %s", c.after, got, c.want)
			}
		}
	})
}

func TestYearOnlyBirth(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		h.Clock.Set(accounttest.Noon)
		old := accounttest.Minh
		old.Ref, old.Name, old.BirthDate = "old", "Phạm Thị Bảy", clock.Date{Year: 1948}
		old.Sex, old.Numbers = "female", nil
		p := old
		p.Numbers = append(p.Numbers, accounttest.Minh.Numbers...)
		p.Numbers[0].Number = "079148000777"
		person := h.Register(t, p)
		h.Carrier.Says("0911111111", person.Declared.Number, "yes")
		_, s := h.Open(t, person, "0911111111")
		info := userinfo(t, h, h.Tokens(t, s, "openid profile").AccessToken)
		if info["birthdate"] != "1948" {
			t.Errorf("birthdate %v", info["birthdate"])
		}
	})
}
