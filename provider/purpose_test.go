// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"slices"
	"testing"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/db"
	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
)

const (
	opening    = "openid purpose:open_account profile offline_access"
	statements = "openid purpose:statements email offline_access"
)

// standingOf finds the account's standing consent to a purpose.
func standingOf(t *testing.T, h *House, s account.Session, purpose string) provider.Consent {
	t.Helper()
	all, err := h.Provider.ListConsents(t.Context(), s.Account)
	ok(t, err)
	for _, c := range all {
		if c.Purpose == purpose && h.Provider.Standing(c) {
			return c
		}
	}
	t.Fatalf("no consent to %q stands", purpose)
	return provider.Consent{}
}

// TestConsentThatEndsSooner: what an earlier and longer yes let be had ends with
// the one that took its place, and a code that travels when it ends is late.
func TestConsentThatEndsSooner(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		long := h.Tokens(t, s, statements)
		change(t, h, "bank", func(c *partner.Client) {
			c.Purposes = append(c.Purposes[:0:0], c.Purposes...)
			for i := range c.Purposes {
				c.Purposes[i].Lasts = "P1D"
			}
		})
		h.Tokens(t, s, statements)
		end := standingOf(t, h, s, "statements").ExpiresAt
		h.Clock.Advance(end.Sub(h.Clock.Now()) - 30*time.Second)
		if !active(t, h, "bank", long.RefreshToken) {
			t.Fatal("the earlier grant ended at once")
		}
		next, err := h.Provider.Refresh(t.Context(), h.Client(t, "bank"), provider.Binding{}, long.RefreshToken, "")
		ok(t, err)
		_, err = h.Provider.UserInfo(t.Context(), Token(next.AccessToken))
		ok(t, err)
		code := h.Code(t, s, statements) // she is not asked again
		if standingOf(t, h, s, "statements").ExpiresAt != end {
			t.Fatal("she was asked again")
		}
		h.Clock.Advance(31 * time.Second)
		_, err = h.Provider.Redeem(t.Context(), h.Client(t, "bank"), provider.Binding{}, code, BankRedirect, Verifier)
		refused(t, err, "invalid_grant")
		if active(t, h, "bank", next.RefreshToken) || active(t, h, "bank", next.AccessToken) {
			t.Error("tokens outlive the consent that stands behind them")
		}
		_, err = h.Provider.UserInfo(t.Context(), Token(next.AccessToken))
		refused(t, err, "invalid_token")
		_, err = h.Provider.Refresh(t.Context(), h.Client(t, "bank"), provider.Binding{}, next.RefreshToken, "")
		refused(t, err, "invalid_grant")
	})
}

// TestPurposesAreAgreedToOneByOne: a yes to one purpose is none to another, and
// withdrawing one leaves the other's tokens alone.
func TestPurposesAreAgreedToOneByOne(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		bank := h.Client(t, "bank")
		plain := h.Tokens(t, s, "openid profile")
		first := h.Tokens(t, s, opening)
		d, err := h.Provider.Continue(t.Context(), provider.Visit{Handle: h.Push(t, bank, Request(statements)), Browser: Browser, Session: &s})
		ok(t, err)
		if d.Kind != provider.AskConsent {
			t.Fatalf("the second purpose needs %s", d.Kind)
		}
		second := h.Tokens(t, s, statements)
		if info := userinfo(t, h, second.AccessToken); info["name"] != nil {
			t.Errorf("the second purpose releases %v", info)
		}
		c := standingOf(t, h, s, "open_account")
		ok(t, h.Provider.Withdraw(t.Context(), s, c.ID))
		for name, is := range map[string]bool{first.AccessToken: false, first.RefreshToken: false, second.AccessToken: true, second.RefreshToken: true, plain.AccessToken: true} {
			if active(t, h, "bank", name) != is {
				t.Errorf("after withdrawing one purpose a token is not %v", is)
			}
		}
		_, err = h.Provider.Refresh(t.Context(), bank, provider.Binding{}, first.RefreshToken, "")
		refused(t, err, "invalid_grant")
		_, err = h.Provider.UserInfo(t.Context(), provider.Access{Token: first.AccessToken})
		refused(t, err, "invalid_token")
		if _, err = h.Provider.Refresh(t.Context(), bank, provider.Binding{}, second.RefreshToken, ""); err != nil {
			t.Errorf("the other purpose: %v", err)
		}
	})
}

// TestFieldTakenBack: what an officer takes out of a purpose is released no more
// by tokens of before.
func TestFieldTakenBack(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		tok := h.Tokens(t, s, opening)
		if info := userinfo(t, h, tok.AccessToken); info["name"] == nil || info["birthdate"] == nil {
			t.Fatalf("%v", info)
		}
		change(t, h, "bank", func(c *partner.Client) {
			c.Purposes = slices.Clone(c.Purposes)
			for i := range c.Purposes {
				if c.Purposes[i].Code == "open_account" {
					c.Purposes[i].Fields = []string{"name"}
				}
			}
		})
		if info := userinfo(t, h, tok.AccessToken); info["name"] == nil || info["birthdate"] != nil || info["gender"] != nil {
			t.Errorf("%v", info)
		}
	})
}

// TestPurposeBypass: a request cannot get by a purpose what the purpose was not
// approved for, two purposes at once, or one that nobody approved.
func TestPurposeBypass(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		bank := h.Client(t, "bank")
		for name, scope := range map[string]string{
			"a field of another purpose":     "openid purpose:open_account email",
			"a field of none":                "openid purpose:statements number",
			"two purposes":                   "openid purpose:open_account purpose:statements",
			"a purpose that nobody approved": "openid purpose:marketing",
			"no purpose by name":             "openid purpose:",
			"another's purpose":              "openid purpose:open_account/../statements",
		} {
			_, err := h.Provider.Push(t.Context(), bank, provider.Binding{}, Request(scope))
			t.Run(name, func(t *testing.T) { refused(t, err, "invalid_scope") })
		}
		// The claims parameter asks beyond the purpose: what cannot be had is left out.
		v := Request("openid purpose:open_account profile")
		v.Set("claims", `{"userinfo":{"email":{"essential":true},"personal_number":null,"phone_number":null}}`)
		q, _ := asking(t, h, provider.Visit{Handle: h.Push(t, bank, v), Browser: Browser, Session: &s})
		if got := fieldsOf(q.Lines); !slices.Equal(got, []provider.Field{provider.Name, provider.BirthDate, provider.Sex, provider.Phone}) {
			t.Errorf("the page asks for %v", got)
		}
		// What stands for one purpose is no answer to the same fact for another.
		h.Agree(t, s, h.Push(t, bank, v), provider.Phone)
		v = Request("openid purpose:statements phone")
		v.Set("prompt", "none")
		d, err := h.Provider.Continue(t.Context(), provider.Visit{Handle: h.Push(t, bank, v), Browser: Browser, Session: &s})
		ok(t, err)
		if d.Kind != provider.Refuse || d.Answer.Values.Get("error") != "consent_required" {
			t.Errorf("a yes to one purpose answered another: %+v", d)
		}
	})
}

// TestPurposeTakenBack: the partner may no longer ask for the purpose; codes and
// tokens of it are worth nothing, others stand.
func TestPurposeTakenBack(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		bank := h.Client(t, "bank")
		tok, other, code := h.Tokens(t, s, opening), h.Tokens(t, s, statements), h.Code(t, s, opening)
		waiting := h.Push(t, bank, Request(opening))
		bank.Purposes = bank.Purposes[1:]
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), bank) }))
		_, err := h.Provider.UserInfo(t.Context(), provider.Access{Token: tok.AccessToken})
		refused(t, err, "invalid_token")
		_, err = h.Provider.Refresh(t.Context(), bank, provider.Binding{}, tok.RefreshToken, "")
		refused(t, err, "invalid_grant")
		_, err = h.Provider.Redeem(t.Context(), bank, provider.Binding{}, code, BankRedirect, Verifier)
		refused(t, err, "invalid_grant")
		_, err = h.Provider.Continue(t.Context(), provider.Visit{Handle: waiting, Browser: Browser, Session: &s})
		wrong(t, err, "provider.client")
		if !active(t, h, "bank", other.AccessToken) {
			t.Error("another purpose ended with it")
		}
	})
}

// TestPurposeChangedAfterConsent: any change to what she read asks her anew, and
// prompt=none is told so.
func TestPurposeChangedAfterConsent(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		h.Tokens(t, s, opening)
		for name, change := range map[string]func(*partner.Purpose){
			"words":     func(p *partner.Purpose) { p.Text.VI = "gửi quảng cáo" },
			"retention": func(p *partner.Purpose) { p.Keep = "P20Y" },
			"ground":    func(p *partner.Purpose) { p.Ground = "" },
			"recipients": func(p *partner.Purpose) {
				p.Given = append(p.Given, partner.Text{VI: "Bên thứ ba", EN: "Somebody else"})
			},
			"time": func(p *partner.Purpose) { p.Lasts = "P6M" },
		} {
			bank := h.Client(t, "bank")
			before := bank.Purposes
			bank.Purposes = slices.Clone(before)
			change(&bank.Purposes[0])
			put := func() {
				ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), bank) }))
			}
			put()
			v := Request(opening)
			v.Set("prompt", "none")
			d, err := h.Provider.Continue(t.Context(), provider.Visit{Handle: h.Push(t, bank, v), Browser: Browser, Session: &s})
			ok(t, err)
			if d.Kind != provider.Refuse || d.Answer.Values.Get("error") != "consent_required" {
				t.Errorf("%s changed, and the former yes answered: %s", name, d.Kind)
			}
			bank.Purposes = before
			put()
		}
	})
}

// TestConsentOfAShortPurpose holds no longer than the purpose says.
func TestConsentOfAShortPurpose(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		tok := h.Tokens(t, s, statements)
		c := standingOf(t, h, s, "statements")
		if days := c.ExpiresAt.Sub(c.GivenAt); days > 90*24*time.Hour+time.Minute {
			t.Errorf("it holds for %v", days)
		}
		h.Clock.Advance(91 * 24 * time.Hour)
		if h.Provider.Standing(c) || active(t, h, "bank", tok.RefreshToken) {
			t.Error("the consent outlived its purpose's time")
		}
	})
}
