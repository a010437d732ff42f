// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"testing"

	"danh/account"
	"danh/account/accounttest"
	"danh/internal/browse"
	"danh/internal/db"
	"danh/internal/dbtest"
)

// BenchmarkSignInWithPasskey is a challenge, the software authenticator's answer
// and its check with everything that a raised session leaves behind.
func BenchmarkSignInWithPasskey(b *testing.B) {
	h := accounttest.New(b, dbtest.Open(b, db.SQLite, accounttest.Schemas))
	lan := h.Register(b, accounttest.Lan)
	h.Carrier.Says(deskPhone, lan.Declared.Number, account.Yes)
	token, s := h.Open(b, lan, deskPhone)
	key, remote := h.Enlist(b, s, accounttest.Citizen), accounttest.Remote()
	for b.Loop() {
		token, s = raised(b, h, key, remote, token, s)
	}
}

func raised(b *testing.B, h *accounttest.House, key *browse.Passkey, remote account.RemoteInfo, token account.Token, s account.Session) (account.Token, account.Session) {
	b.Helper()
	c, err := h.Keeper.BeginPasskeySignIn(b.Context(), &s, remote)
	if err != nil {
		b.Fatal(err)
	}
	answer, err := key.Assert(c.Options, accounttest.Citizen)
	if err != nil {
		b.Fatal(err)
	}
	token, s, err = h.Keeper.SignInWithPasskey(b.Context(), account.PasskeySignIn{Ceremony: c.Token, Answer: answer, Remote: remote, Session: &s, Former: token, Door: "citizen"})
	if err != nil {
		b.Fatal(err)
	}
	return token, s
}
