// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"context"
	"fmt"
	"testing"

	"danh/account"
	. "danh/account/accounttest"
	"danh/account/password"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/feed"
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

// BenchmarkSignInParallel is many people at once, each from her own browser;
// hold it against BenchmarkArgon2idParallel.
func BenchmarkSignInParallel(b *testing.B) {
	h := New(b, dbtest.Open(b, db.SQLite, Schemas), func(c *account.Config) { c.Argon = password.Default })
	const people = 64
	in := make(chan account.SignIn, people)
	for i := range people {
		p := Lan
		p.Ref = fmt.Sprint("p", i)
		p.Numbers = []feed.Number{{Number: fmt.Sprintf("0011900%05d", i)}}
		tok, _ := h.ToPassword(b, h.Register(b, p).Declared, fmt.Sprintf("09123%05d", i))
		r := Remote()
		if _, _, err := h.Keeper.SetPassword(b.Context(), tok, Password, r); err != nil {
			b.Fatal(err)
		}
		in <- account.SignIn{Number: p.Numbers[0].Number, Password: Password, Remote: r}
	}
	b.ResetTimer()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s := <-in
			if _, _, err := h.Keeper.SignIn(context.Background(), s); err != nil {
				b.Error(err)
			}
			in <- s
		}
	})
}

// BenchmarkArgon2idParallel is the bare hash in the same circumstances.
func BenchmarkArgon2idParallel(b *testing.B) {
	hasher := password.NewHasher(password.Default, nil)
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := hasher.Check(context.Background(), hasher.Decoy(), Password); err != nil {
				b.Error(err)
			}
		}
	})
}
