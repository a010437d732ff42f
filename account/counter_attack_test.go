// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/registry/card"
)

// TestCodeOfAPhoneThatIsHersNoMore: an account that waits for its activation is
// raised with another phone. Whoever holds the former one has a code of an
// account that is now of level 2.
func TestCodeOfAPhoneThatIsHersNoMore(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		low := proofed(b.lan, lanPhone)
		low.Level = 1
		a := b.issue(t, low)
		former, number := b.invited(t, lanPhone), b.lan.Declared.Number.Reveal()
		held, err := b.Keeper.FindActivation(t.Context(), number, former, accounttest.Remote())
		if err != nil {
			t.Fatal(err)
		}
		if err := b.DB.Write(t.Context(), func(tx *db.Tx) error {
			return b.Keeper.RaiseTx(t.Context(), tx, b.by, a, proofed(b.lan, "0911222333"))
		}); err != nil {
			t.Fatal(err)
		}
		_, err = b.Keeper.FindActivation(t.Context(), number, former, accounttest.Remote())
		wantKey(t, err, "account.activation.wrong")
		_, _, err = b.Keeper.Activate(t.Context(), held, accounttest.Password, accounttest.Remote())
		wantKey(t, err, "account.activation.gone")
		if _, s := b.woken(t, b.lan, "0911222333"); s.Account != a || s.Level != 2 {
			t.Fatalf("%+v", s)
		}
	})
}

// TestWardOpensAnAccountPastHerGuardian: her account at a counter was closed,
// the link stands, and she opens another one online.
func TestWardOpensAnAccountPastHerGuardian(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		b.issue(t, proofed(b.lan, lanPhone))
		b.woken(t, b.lan, lanPhone)
		if err := b.represent(t, account.Representation{Representative: b.lan.ID, Person: b.minh.ID, Relation: "guardian", Proof: "guardianship_decision"}); err != nil {
			t.Fatal(err)
		}
		b.Carrier.Says("0911222333", b.minh.Declared.Number, account.Yes)
		tok, _ := b.ToPassword(t, b.minh.Declared, "0911222333")
		session, o, err := b.Keeper.SetPassword(t.Context(), tok, accounttest.Password, accounttest.Remote())
		if err != nil || o.Step != account.StepDone {
			t.Fatal(o.Step, err)
		}
		if _, err := b.Keeper.FindSession(t.Context(), session); !account.IsAwaiting(err) {
			t.Fatal("the guardian was not asked:", err)
		}
		uses, err := b.Keeper.ListUses(t.Context(), audit.Citizen(account.Owner(o.Account), b.lan.ID), 10)
		if err != nil || len(uses) != 1 {
			t.Fatal(uses, err)
		}
	})
}

// TestUnlockedAfterItsDays: a lock that was lifted must not give back the days
// for the activation.
func TestUnlockedAfterItsDays(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		a := b.issue(t, proofed(b.lan, lanPhone))
		b.Lock(t, a)
		b.Clock.Advance(8 * 24 * time.Hour)
		b.purge(t, "account_activation")
		if err := b.DB.Write(t.Context(), func(tx *db.Tx) error {
			return b.Keeper.UnlockTx(t.Context(), tx, audit.System("test"), a, account.CompetentBody)
		}); err != nil {
			t.Fatal(err)
		}
		b.status(t, a, account.ActivationLapsed)
		if err := b.Keeper.Reinvite(t.Context(), b.intake, a); err != nil {
			t.Fatal(err)
		}
		b.woken(t, b.lan, lanPhone)
	})
}

// TestAccountOfAHeldCard: the card was taken into custody, or revoked, between
// the dossier and its approval. No news comes any more that would lock what is
// opened after it.
func TestAccountOfAHeldCard(t *testing.T) {
	for _, step := range []card.Step{card.Hold, card.Revoke} {
		t.Run(string(step), func(t *testing.T) {
			runBench(t, func(t *testing.T, b *bench) {
				c := b.earlier(t, b.cards, b.lan.ID, b.lan.Declared.Number, "2022-01-05", "2030-09-02")
				reasons, err := b.cards.ListReasons(t.Context(), step, clock.DateOf(b.Clock.Now()))
				if err != nil || len(reasons) == 0 {
					t.Fatal(reasons, err)
				}
				if err := b.cards.Decide(t.Context(), b.by, card.Decision{Person: c.Person, Card: c.ID, Step: step, Reason: reasons[0], Ground: "test ground"}); err != nil {
					t.Fatal(err)
				}
				b.Deliver(t)
				a := b.issue(t, proofed(b.lan, lanPhone))
				b.status(t, a, account.Locked)
				code := b.invited(t, lanPhone)
				if _, err := b.Keeper.FindActivation(t.Context(), b.lan.Declared.Number.Reveal(), code, accounttest.Remote()); !fault.Is(err, fault.Invalid) {
					t.Fatal("it is woken:", err)
				}
				// Given back, or another card in her hand: it goes on waiting for her.
				b.Clock.Advance(time.Minute)
				if step == card.Hold {
					if err := b.cards.Decide(t.Context(), b.by, card.Decision{Person: c.Person, Card: c.ID, Step: card.Release, Ground: "test ground"}); err != nil {
						t.Fatal(err)
					}
				} else {
					next := b.earlier(t, b.cards, b.lan.ID, b.lan.Declared.Number, "2026-11-21", "2030-09-02")
					if err := b.Keeper.HandleCard(t.Context(), card.Event{Kind: card.HandedOver, Person: b.lan.ID, Card: next.ID}); err != nil {
						t.Fatal(err)
					}
				}
				b.status(t, a, account.Issued)
				b.woken(t, b.lan, lanPhone)
			})
		})
	}
}
