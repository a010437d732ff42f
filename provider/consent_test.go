// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	"danh/provider"
	. "danh/provider/providertest"
)

// asking is what the consent page shows for a request of the bank, and a visit
// that may answer it.
func asking(t *testing.T, h *House, v provider.Visit) (provider.Question, provider.Visit) {
	t.Helper()
	q, err := h.Provider.Ask(t.Context(), v)
	ok(t, err)
	v.Seen = q.Seen
	return q, v
}

func fieldsOf(lines []provider.Line) (out []provider.Field) {
	for _, l := range lines {
		out = append(out, l.Field)
	}
	return out
}

// TestUntickingTakesBack: she agrees again and leaves out what she gave before.
// Tokens from before must not go on releasing it behind her list of consents.
func TestUntickingTakesBack(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		bank := h.Client(t, "bank")
		v := Request("openid profile offline_access")
		v.Set("claims", `{"userinfo":{"phone_number":null},"id_token":{"phone_number":null}}`)
		tok, err := h.Provider.Redeem(t.Context(), bank, provider.Binding{}, h.Agree(t, s, h.Push(t, bank, v), provider.Phone).Values.Get("code"), BankRedirect, Verifier)
		ok(t, err)
		if userinfo(t, h, tok.AccessToken)["phone_number"] == nil {
			t.Fatal("what she ticked was not released")
		}
		late := h.Agree(t, s, h.Push(t, bank, v)).Values.Get("code") // under way while she changes her mind
		v.Set("prompt", "consent")
		h.Agree(t, s, h.Push(t, bank, v))
		if info := userinfo(t, h, tok.AccessToken); info["phone_number"] != nil || info["name"] == nil {
			t.Errorf("an earlier access token releases %v", info)
		}
		fresh, err := h.Provider.Refresh(t.Context(), bank, provider.Binding{}, tok.RefreshToken, "")
		ok(t, err)
		if id := payload(t, fresh.IDToken); userinfo(t, h, fresh.AccessToken)["phone_number"] != nil || strings.Contains(id, "phone_number") {
			t.Errorf("an earlier refresh token releases what she took back: %s", id)
		}
		slow, err := h.Provider.Redeem(t.Context(), bank, provider.Binding{}, late, BankRedirect, Verifier)
		ok(t, err)
		if userinfo(t, h, slow.AccessToken)["phone_number"] != nil {
			t.Error("an earlier code releases what she took back")
		}
	})
}

// TestConsentPageShowsAllThatWillStand: what she agreed to before stands on, so
// it is shown, and never among what is not shared.
func TestConsentPageShowsAllThatWillStand(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		h.Tokens(t, s, "openid profile offline_access")
		q, v := asking(t, h, provider.Visit{Handle: h.Push(t, h.Client(t, "bank"), Request("openid number")), Browser: Browser, Session: &s})
		if got := fieldsOf(q.Lines); !slices.Equal(got, []provider.Field{provider.Number}) {
			t.Errorf("asked for %v", got)
		}
		if got := fieldsOf(q.Kept); !slices.Equal(got, []provider.Field{provider.Name, provider.BirthDate, provider.Sex}) {
			t.Errorf("kept %v", got)
		}
		if slices.Contains(q.Absent, provider.Name) || !slices.Contains(q.Absent, provider.Email) {
			t.Errorf("absent %v", q.Absent)
		}
		if !q.Offline {
			t.Error("access while she is away stands on, and the page does not say so")
		}
		_, err := h.Provider.Approve(t.Context(), v, nil)
		ok(t, err)
	})
}

// TestOtherWordsForOfflineAccess: its purpose is worded anew.
func TestOtherWordsForOfflineAccess(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		h.Tokens(t, s, "openid offline_access")
		bank := h.Client(t, "bank")
		for i, a := range bank.Asks {
			if a.Scope == "offline_access" {
				bank.Asks[i].Purpose.EN = "sell what it learns"
			}
		}
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), bank) }))
		d, err := h.Provider.Continue(t.Context(), provider.Visit{Handle: h.Push(t, bank, Request("openid offline_access")), Browser: Browser, Session: &s})
		ok(t, err)
		if d.Kind != provider.AskConsent {
			t.Errorf("%s", d.Kind)
		}
	})
}

// TestYesToAnotherPage: the page showed one thing and the yes would be to
// another, because the words changed or somebody else signed in meanwhile.
func TestYesToAnotherPage(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		bank := h.Client(t, "bank")
		visit := provider.Visit{Handle: h.Push(t, bank, Request("openid profile")), Browser: Browser, Session: &s}
		_, err := h.Provider.Continue(t.Context(), visit)
		ok(t, err)
		if _, err := h.Provider.Approve(t.Context(), visit, nil); !provider.Elsewhere(err) {
			t.Errorf("a yes to a page that was never shown: %v", err)
		}
		_, seen := asking(t, h, visit)
		_, other := h.Open(t, h.Person(accounttest.Minh), "0987654321")
		swapped := seen
		swapped.Session = &other
		if _, err := h.Provider.Approve(t.Context(), swapped, nil); !provider.Elsewhere(err) {
			t.Errorf("a yes to somebody else's page: %v", err)
		}
		for i, a := range bank.Asks {
			if a.Scope == "profile" {
				bank.Asks[i].Purpose.VI = "gửi quảng cáo"
			}
		}
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), bank) }))
		if _, err := h.Provider.Approve(t.Context(), seen, nil); !provider.Elsewhere(err) {
			t.Errorf("a yes to other words: %v", err)
		}
		_, seen = asking(t, h, visit)
		_, err = h.Provider.Approve(t.Context(), seen, nil)
		ok(t, err)
	})
}

// TestTokensEndWithTheSession: signing out, here or everywhere, ends what was
// given for the session, wherever she does it.
func TestTokensEndWithTheSession(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		online := h.Tokens(t, s, "openid profile")
		offline := h.Tokens(t, s, "openid profile offline_access")
		code := h.Code(t, s, "openid profile")
		ok(t, h.Keeper.SignOutEverywhere(t.Context(), s.Actor(), [16]byte{}))
		if active(t, h, "bank", online.AccessToken) {
			t.Error("an access token outlived the session")
		}
		_, err := h.Provider.UserInfo(t.Context(), provider.Access{Token: online.AccessToken})
		refused(t, err, "invalid_token")
		_, err = h.Provider.Redeem(t.Context(), h.Client(t, "bank"), provider.Binding{}, code, BankRedirect, Verifier)
		refused(t, err, "invalid_grant")
		if !active(t, h, "bank", offline.AccessToken) {
			t.Error("access while she is away ended with the session")
		}
		h.Clock.Advance(time.Minute)
		_, err = h.Provider.Refresh(t.Context(), h.Client(t, "bank"), provider.Binding{}, offline.RefreshToken, "")
		ok(t, err)
	})
}
