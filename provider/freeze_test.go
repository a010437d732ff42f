// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	. "danh/provider/providertest"
)

// A thief holds her session and every token that came of it: once she has
// frozen her account all of them are worth nothing, and those that outlive a
// session do not come back when she unlocks it.
func TestTokensOfAFrozenAccountAreDead(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		bank := h.Client(t, "bank")
		online, offline := h.Tokens(t, s, "openid"), h.Tokens(t, s, "openid profile offline_access")
		waiting := h.Code(t, s, "openid")
		if !active(t, h, "bank", online.AccessToken) || !active(t, h, "bank", offline.RefreshToken) {
			t.Fatal("the tokens do not live")
		}
		h.Clock.Advance(time.Second)
		if err := h.Keeper.Freeze(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		dead := func(when string) {
			t.Helper()
			for name, tok := range map[string]string{"online": online.AccessToken, "offline": offline.AccessToken, "refresh": offline.RefreshToken} {
				if active(t, h, "bank", tok) {
					t.Errorf("%s, the %s token lives", when, name)
				}
			}
			for _, tok := range []string{online.AccessToken, offline.AccessToken} {
				_, err := h.Provider.UserInfo(t.Context(), Token(tok))
				refused(t, err, "invalid_token")
			}
			_, err := h.Provider.Refresh(t.Context(), bank, Unbound, offline.RefreshToken, "")
			refused(t, err, "invalid_grant")
			_, err = h.Provider.Redeem(t.Context(), bank, Unbound, waiting, BankRedirect, Verifier)
			refused(t, err, "invalid_grant")
		}
		dead("frozen")
		h.Clock.Advance(time.Second)
		if err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
			return h.Keeper.UnlockTx(t.Context(), tx, audit.System("test"), s.Account, account.OwnRequest)
		}); err != nil {
			t.Fatal(err)
		}
		dead("unlocked")
		// What she grants from now on lives.
		_, again, err := h.Keeper.SignIn(t.Context(), account.SignIn{Number: accounttest.Lan.Numbers[1].Number, Password: accounttest.Password, Remote: accounttest.Remote(), Door: "citizen"})
		if err != nil {
			t.Fatal(err)
		}
		if !active(t, h, "bank", h.Tokens(t, again, "openid offline_access").RefreshToken) {
			t.Error("a grant after the unlocking is dead")
		}
	})
}
