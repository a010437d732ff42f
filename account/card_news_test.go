// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/audit"
	"danh/registry/card"
	"danh/registry/population"
)

// TestSheIsToldOfHerCardOnce: whatever becomes of her card reaches her phone
// and her inbox with the office that recorded it, once, however often the
// registry's news of it come, and never after her death.
func TestSheIsToldOfHerCardOnce(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		var news []card.Event
		for kind := range map[card.EventKind]bool{card.WasLost: true, card.WasHeld: true, card.Released: true, card.WasRevoked: true} {
			b.cards.Subscribe(kind, func(_ context.Context, e card.Event) error {
				news = append(news, e)
				return nil
			})
		}
		a := b.issue(t, proofed(b.lan, lanPhone))
		b.woken(t, b.lan, lanPhone)
		c := b.earlier(t, b.cards, b.lan.ID, b.lan.Declared.Number, "2022-01-05", "2030-09-02")
		told := func(words string) (n int) {
			b.Deliver(t)
			for _, m := range b.Post.To(lanPhone) {
				if strings.Contains(m, words) {
					n++
				}
			}
			return n
		}
		for _, x := range []struct {
			step   card.Step
			reason string
			by     audit.Actor
			words  string
		}{
			{card.Hold, "prison", b.by, "bị tạm giữ ngày 21/11/2026 theo ghi nhận của " + b.office.Name},
			{card.Release, "", b.by, "được trả lại ngày 21/11/2026 theo ghi nhận của " + b.office.Name},
			{card.Lose, "lost", audit.Citizen(account.Owner(a), b.lan.ID), "được báo mất ngày 21/11/2026 và không còn dùng được"},
			{card.Revoke, "issued_wrongly", b.by, "bị thu hồi ngày 21/11/2026 theo ghi nhận của " + b.office.Name},
		} {
			b.Clock.Advance(time.Second)
			if err := b.cards.Decide(t.Context(), x.by, card.Decision{Person: c.Person, Card: c.ID, Step: x.step, Reason: x.reason, Ground: "test ground"}); err != nil {
				t.Fatal(x.step, err)
			}
			if n := told(x.words); n != 1 {
				t.Fatalf("%s: told %d times: %q", x.step, n, b.Post.To(lanPhone))
			}
			e := news[len(news)-1]
			for range 3 { // delivered again
				if err := b.Keeper.HandleCard(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
			if n := told(x.words); n != 1 {
				t.Fatalf("%s: told %d times of one event", x.step, n)
			}
		}
		if n := told("Không ai được hỏi mã hay mật khẩu của bạn"); n != 4 {
			t.Fatalf("%d of 4 messages warn of who imitates them", n)
		}
		// The death of its bearer revokes a card: nobody is told.
		b.Clock.Advance(time.Minute)
		b.earlier(t, b.cards, b.lan.ID, b.lan.Declared.Number, "2026-11-21", "2030-09-02")
		if err := b.cards.HandleDeath(t.Context(), population.Event{Person: b.lan.ID}); err != nil {
			t.Fatal(err)
		}
		b.Deliver(t)
		if e := news[len(news)-1]; e.Kind != card.WasRevoked || e.Reason != "death" {
			t.Fatalf("%+v", e)
		}
		if n := told("bị thu hồi"); n != 1 {
			t.Fatalf("told %d times of a dead bearer's card", n)
		}
	})
}
