// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"context"
	"testing"

	"danh/account"
	. "danh/account/accounttest"
	"danh/account/password"
	"danh/internal/db"
	"danh/internal/dbtest"
)

// BenchmarkSignIn is a sign-in at the costs of production; BenchmarkArgon2id of
// package password is the hash alone. BenchmarkSignInWithoutHash is the rest.
func BenchmarkSignIn(b *testing.B) { benchSignIn(b, password.Default) }
func BenchmarkSignInWithoutHash(b *testing.B) {
	benchSignIn(b, password.Params{Time: 1, Memory: 8, Threads: 1})
}

func benchSignIn(b *testing.B, p password.Params) {
	d := dbtest.Open(b, db.SQLite, Schemas)
	h := New(b, d, func(c *account.Config) { c.Argon = p })
	tok, _ := h.ToPassword(b, h.Register(b, Lan).Declared, phone)
	if _, _, err := h.Keeper.SetPassword(b.Context(), tok, Password, Remote()); err != nil {
		b.Fatal(err)
	}
	home := Remote()
	for b.Loop() {
		if _, _, err := h.Keeper.SignIn(context.Background(), account.SignIn{Number: "001190001234", Password: Password, Remote: home}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFindSession(b *testing.B) {
	h := New(b, dbtest.Open(b, db.SQLite, Schemas))
	tok, _ := h.Open(b, h.Register(b, Lan), phone)
	for b.Loop() {
		if _, err := h.Keeper.FindSession(context.Background(), tok); err != nil {
			b.Fatal(err)
		}
	}
}
