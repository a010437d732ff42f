// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	"danh/provider"
	. "danh/provider/providertest"
)

// TestWithdrawnConsentsTokensEverywhere: from the commit on, nothing that came of
// the consent works at any endpoint: code, access, refresh, introspection.
func TestWithdrawnConsentsTokensEverywhere(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		bank := h.Client(t, "bank")
		tok, late := h.Tokens(t, s, opening), h.Code(t, s, opening)
		ok(t, h.Provider.Withdraw(t.Context(), s, standingOf(t, h, s, "open_account").ID))
		_, err := h.Provider.Redeem(t.Context(), bank, provider.Binding{}, late, BankRedirect, Verifier)
		refused(t, err, "invalid_grant")
		_, err = h.Provider.UserInfo(t.Context(), provider.Access{Token: tok.AccessToken})
		refused(t, err, "invalid_token")
		_, err = h.Provider.Refresh(t.Context(), bank, provider.Binding{}, tok.RefreshToken, "")
		refused(t, err, "invalid_grant")
		if active(t, h, "bank", tok.AccessToken) || active(t, h, "bank", tok.RefreshToken) {
			t.Error("introspection says that a token lives")
		}
		// Giving anew is no way back for what is old.
		h.Tokens(t, s, opening)
		_, err = h.Provider.UserInfo(t.Context(), provider.Access{Token: tok.AccessToken})
		refused(t, err, "invalid_token")
		_, err = h.Provider.Refresh(t.Context(), bank, provider.Binding{}, tok.RefreshToken, "")
		refused(t, err, "invalid_grant")
	})
}

// TestWithdrawnInParallel is one withdrawal, of which the partner hears once.
func TestWithdrawnInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		h.Tokens(t, s, opening)
		c := standingOf(t, h, s, "open_account")
		var heard atomic.Int32
		h.Provider.OnWithdrawn(func(_ context.Context, tx *db.Tx, w provider.Withdrawal) error {
			if w.Subject != h.Provider.Subject(h.Client(t, "bank"), s.Account) || w.Purpose != "open_account" || w.Consent != c.ID {
				t.Errorf("told of %+v", w)
			}
			tx.After(func() { heard.Add(1) })
			return nil
		})
		_, errs := storm(func() (struct{}, error) { return struct{}{}, h.Provider.Withdraw(context.Background(), s, c.ID) })
		for _, err := range errs {
			t.Error(err)
		}
		if n := heard.Load(); n != 1 {
			t.Errorf("the partner heard %d times", n)
		}
	})
}

// TestWithdrawalAndItsNoticeAreOneCommit: when the notice cannot be kept, nothing
// was withdrawn, and she is told so by the error.
func TestWithdrawalAndItsNoticeAreOneCommit(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		tok := h.Tokens(t, s, opening)
		c := standingOf(t, h, s, "open_account")
		full := errors.New("the disk is full")
		h.Provider.OnWithdrawn(func(context.Context, *db.Tx, provider.Withdrawal) error { return full })
		if err := h.Provider.Withdraw(t.Context(), s, c.ID); !errors.Is(err, full) {
			t.Fatal(err)
		}
		if got := standingOf(t, h, s, "open_account"); !h.Provider.Standing(got) || !active(t, h, "bank", tok.AccessToken) {
			t.Error("half of a withdrawal stands")
		}
	})
}

// TestWithdrawingAnothersConsent finds none.
func TestWithdrawingAnothersConsent(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		tok := h.Tokens(t, s, opening)
		c := standingOf(t, h, s, "open_account")
		_, minh := h.Open(t, h.Person(accounttest.Minh), "0987654321")
		wrong(t, h.Provider.Withdraw(t.Context(), minh, c.ID), "provider.consent.unknown")
		if !active(t, h, "bank", tok.AccessToken) {
			t.Error("somebody else withdrew it")
		}
	})
}

// TestConsentKeepsItsWords: years later the record says what she read, though the
// partner words it otherwise today; and a word altered in the table shows.
func TestConsentKeepsItsWords(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		h.Tokens(t, s, opening)
		c := standingOf(t, h, s, "open_account")
		before, err := h.Provider.RecordOf(t.Context(), c)
		ok(t, err)
		bank := h.Client(t, "bank")
		bank.Purposes = append(bank.Purposes[:0:0], bank.Purposes...)
		bank.Purposes[0].Text.VI, bank.Purposes[0].Keep = "gửi quảng cáo", "P20Y"
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), bank) }))
		after, err := h.Provider.RecordOf(t.Context(), standingOf(t, h, s, "open_account"))
		ok(t, err)
		if string(before) != string(after) {
			t.Errorf("the record changed with the partner's words:\n%s\n%s", before, after)
		}
		var r provider.Record
		ok(t, json.Unmarshal(after, &r))
		if r.Keep != "P5Y" || r.Recipients[0].EN != "Credit Information Centre" || r.Grounds["openid"] == "" || r.Rights == nil || r.Language != "" && r.Language != "vi" || r.ACR != "urn:danh:acr:l1:a1" || !slices.Equal(r.AMR, []string{"pwd"}) || len(r.WordsHash) != 64 {
			t.Errorf("%+v", r)
		}
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE provider_consent SET shown = $2 WHERE account = $1`, s.Account, strings.Replace(mustShown(t, h, s.Account), "P5Y", "P9Y", 1))
			return err
		}))
		if provider.WordsHold(standingOf(t, h, s, "open_account")) {
			t.Error("altered words pass for hers")
		}
	})
}

func mustShown(t *testing.T, h *House, account any) (shown string) {
	t.Helper()
	ok(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT shown FROM provider_consent WHERE account = $1`, account).Scan(&shown))
	return shown
}

// TestWhatWasHandedOverIsListed once for each release, however many registries
// were asked, with its way; and nothing that was only looked at by herself.
func TestWhatWasHandedOverIsListed(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		v := Request("openid profile number residence")
		v.Set("claims", `{"id_token":{"phone_number":{"essential":true}}}`)
		tok, err := h.Provider.Redeem(t.Context(), h.Client(t, "bank"), provider.Binding{}, h.Agree(t, s, h.Push(t, h.Client(t, "bank"), v)).Values.Get("code"), BankRedirect, Verifier)
		ok(t, err)
		h.Clock.Advance(1e10)
		userinfo(t, h, tok.AccessToken)
		list, _, err := h.Provider.Releases(t.Context(), standingOf(t, h, s, ""), audit.ID{})
		ok(t, err)
		var got []string
		for _, r := range list {
			got = append(got, r.Way+": "+strings.Join(r.Fields, " "))
		}
		want := "userinfo: name birthdate gender personal_number address; id_token: phone_number"
		if strings.Join(got, "; ") != want {
			t.Errorf("handed over %q, want %q", got, want)
		}
	})
}
