// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"errors"
	"slices"
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

// demand puts a row for a field into force.
func demand(t *testing.T, h *House, field string, assurance, seconds int) {
	t.Helper()
	ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO account_demand (journey, valid_from, level, assurance, max_age_seconds, source, verified) VALUES ($1, $2, 1, $3, $4, 'test', TRUE)`,
			"field:"+field, clock.DateOf(h.Clock.Now()), assurance, seconds)
		return err
	}))
	h.Clock.Advance(2 * time.Minute) // rows are read anew every minute
}

func insufficient(t *testing.T, err error) *provider.Error {
	t.Helper()
	var e *provider.Error
	if !errors.As(err, &e) || e.Code != provider.InsufficientAuth {
		t.Fatalf("%v", err)
	}
	return e
}

// RFC 9470: the row of a field came into force after the token was given.
func TestUserInfoAsksForAStrongerSignIn(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		bank := h.Client(t, "bank")
		v := Request("openid profile number")
		tok, err := h.Provider.Redeem(t.Context(), bank, provider.Binding{}, h.Agree(t, s, h.Push(t, bank, v)).Values.Get("code"), BankRedirect, Verifier)
		ok(t, err)
		if info := userinfo(t, h, tok.AccessToken); info["personal_number"] == nil {
			t.Fatalf("%v", info)
		}
		demand(t, h, "personal_number", 3, 0)
		_, err = h.Provider.UserInfo(t.Context(), provider.Access{Token: tok.AccessToken})
		if e := insufficient(t, err); !slices.Equal(e.ACR, []string{"urn:danh:acr:l1:a3"}) || e.MaxAge != 0 {
			t.Errorf("%+v", e)
		}
		// At the authorization endpoint the same row is met first, or refused.
		step, err := h.Provider.Continue(t.Context(), provider.Visit{Handle: h.Push(t, bank, v), Browser: Browser, Session: &s})
		ok(t, err)
		if step.Kind != provider.Refuse || step.Error != "unmet_authentication_requirements" {
			t.Errorf("%+v", step)
		}
		// A request that does not ask for the field is not concerned.
		if a := h.Agree(t, s, h.Push(t, bank, Request("openid profile"))); a.Values.Get("code") == "" {
			t.Errorf("%+v", a)
		}
	})
}

func TestUserInfoAsksForAFresherSignIn(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		demand(t, h, "name", 1, 300)
		tok := h.Tokens(t, s, "openid profile")
		h.Clock.Advance(2 * time.Minute)
		if info := userinfo(t, h, tok.AccessToken); info["name"] == nil {
			t.Fatalf("%v", info)
		}
		h.Clock.Advance(2 * time.Minute)
		_, err := h.Provider.UserInfo(t.Context(), provider.Access{Token: tok.AccessToken})
		if e := insufficient(t, err); e.MaxAge != 5*time.Minute || e.ACR != nil {
			t.Errorf("%+v", e)
		}
		in, err := h.Provider.Introspect(t.Context(), h.Client(t, "bank"), tok.AccessToken)
		if err != nil || in.ACR != "urn:danh:acr:l1:a1" || in.AuthTime != s.AuthTime.Unix() {
			t.Errorf("%+v %v", in, err)
		}
	})
}

// What a client registered holds where its request says nothing, and for its
// tokens.
func TestWhatAClientRegisteredHolds(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		bank := h.Client(t, "bank")
		_, first := h.SignInLan(t, true)
		key := h.Enlist(t, first, h.Issuer)
		remote := accounttest.Remote()
		token, s, err := h.Keeper.SignIn(t.Context(), account.SignIn{Number: h.Person(accounttest.Lan).Declared.Number.Reveal(), Password: accounttest.Password, Remote: remote, Door: "citizen"})
		ok(t, err)
		weak := h.Tokens(t, s, "openid profile")
		strict := bank
		strict.DefaultACR, strict.DefaultMaxAge = []string{"urn:danh:acr:l2:a3"}, 10*time.Minute
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), strict) }))
		bank = h.Client(t, "bank")
		if !slices.Equal(bank.DefaultACR, strict.DefaultACR) || bank.DefaultMaxAge != strict.DefaultMaxAge {
			t.Fatalf("%+v", bank)
		}
		_, err = h.Provider.UserInfo(t.Context(), provider.Access{Token: weak.AccessToken})
		insufficient(t, err)
		visit := provider.Visit{Handle: h.Push(t, bank, Request("openid profile")), Browser: Browser, Session: &s}
		step, err := h.Provider.Continue(t.Context(), visit)
		ok(t, err)
		if step.Kind != provider.UsePasskey {
			t.Fatalf("%+v", step)
		}
		c, err := h.Keeper.BeginRaise(t.Context(), s, remote)
		ok(t, err)
		answer, err := key.Assert(c.Options, h.Issuer)
		ok(t, err)
		_, s, err = h.Keeper.Raise(t.Context(), s, token, account.Proof{Ceremony: c.Token, Answer: answer, Remote: remote}, "citizen")
		ok(t, err)
		strong := h.Tokens(t, s, "openid profile")
		if info := userinfo(t, h, strong.AccessToken); info["name"] == nil {
			t.Fatalf("%v", info)
		}
		// Its own words go before: an old sign-in, and none at all, for this request.
		h.Clock.Advance(11 * time.Minute)
		step, err = h.Provider.Continue(t.Context(), provider.Visit{Handle: h.Push(t, bank, Request("openid profile")), Browser: Browser, Session: &s})
		ok(t, err)
		if step.Kind != provider.SignIn {
			t.Errorf("%+v", step)
		}
		v := Request("openid profile")
		v.Set("max_age", "86400")
		step, err = h.Provider.Continue(t.Context(), provider.Visit{Handle: h.Push(t, bank, v), Browser: Browser, Session: &s})
		ok(t, err)
		if step.Kind != provider.Issue {
			t.Errorf("%+v", step)
		}
		for _, bad := range [][]string{{"loa3"}, {"urn:danh:acr:l2:a5"}, {"urn:danh:acr:l2:a3 urn:danh:acr:l2:a4"}} {
			strict.DefaultACR = bad
			if err := h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), strict) }); err == nil {
				t.Errorf("%v was registered", bad)
			}
		}
	})
}
