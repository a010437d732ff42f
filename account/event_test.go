// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/population"
)

func (b *bench) status(t testing.TB, a account.ID, want account.Status) {
	t.Helper()
	b.Deliver(t)
	acc, err := b.Keeper.Find(t.Context(), a)
	if err != nil || acc.Status != want {
		t.Fatalf("the account is %s, want %s (%v)", acc.Status, want, err)
	}
}

func (b *bench) earlier(t testing.TB, r *card.Registry, person id.Person, n population.Number, issued, expires string) card.Card {
	t.Helper()
	from, err1 := clock.ParseDate(issued)
	to, err2 := clock.ParseDate(expires)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	var c card.Card
	err := b.DB.Write(t.Context(), func(tx *db.Tx) (err error) {
		c, err = r.RecordEarlierTx(t.Context(), tx, b.by, card.Earlier{Person: person, Kind: card.Chip, Number: n, IssuedOn: from, ExpiresOn: to, Ground: "test ground"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCardsLockAndUnlock(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		r := b.cards
		a := b.issue(t, proofed(b.lan, lanPhone))
		b.woken(t, b.lan, lanPhone)
		c := b.earlier(t, r, b.lan.ID, b.lan.Declared.Number, "2022-01-05", "2030-09-02")
		step := func(c card.Card, s card.Step, reason string) {
			t.Helper()
			if err := r.Decide(t.Context(), b.by, card.Decision{Person: c.Person, Card: c.ID, Step: s, Reason: reason, Ground: "test ground"}); err != nil {
				t.Fatal(err)
			}
		}
		reasons := map[card.Step]string{}
		for _, s := range []card.Step{card.Lose, card.Hold, card.Revoke} {
			list, err := r.ListReasons(t.Context(), s, clock.DateOf(b.Clock.Now()))
			if err != nil || len(list) == 0 {
				t.Fatal(s, err)
			}
			reasons[s] = list[0]
		}
		b.status(t, a, account.Active)
		step(c, card.Hold, reasons[card.Hold])
		b.status(t, a, account.Locked)
		if told := b.Post.To(lanPhone); !strings.Contains(told[len(told)-1], "khóa") {
			t.Fatalf("she was not told: %q", told[len(told)-1])
		}
		if _, err := b.signIn(t, b.lan); err == nil {
			t.Fatal("signs in with a held card")
		}
		// The same news once more, and older news late: the registry's word counts.
		for _, kind := range []card.EventKind{card.WasHeld, card.Released, card.HandedOver} {
			if err := b.Keeper.HandleCard(t.Context(), card.Event{Kind: kind, Person: b.lan.ID, Card: c.ID}); err != nil {
				t.Fatal(err)
			}
			b.status(t, a, account.Locked)
		}
		step(c, card.Release, "")
		b.status(t, a, account.Active)
		if err := b.Keeper.HandleCard(t.Context(), card.Event{Kind: card.WasHeld, Person: b.lan.ID, Card: c.ID}); err != nil {
			t.Fatal(err)
		}
		b.status(t, a, account.Active)
		// A lost card does not lock by itself; a rule may say otherwise.
		step(c, card.Lose, reasons[card.Lose])
		b.status(t, a, account.Active)
		if err := b.DB.Write(t.Context(), func(tx *db.Tx) error {
			return b.Keeper.SetRuleTx(t.Context(), tx, audit.System("test"), account.Rule{Name: "lock_card_lost", From: clock.DateOf(b.Clock.Now()), Value: 1, Source: "test"})
		}); err != nil {
			t.Fatal(err)
		}
		if err := b.Keeper.HandleCard(t.Context(), card.Event{Kind: card.WasLost, Person: b.lan.ID, Card: c.ID}); err != nil {
			t.Fatal(err)
		}
		b.status(t, a, account.Locked)
		// Revoked after that: another ground, and no moment between the two.
		b.Clock.Advance(time.Minute)
		step(c, card.Revoke, reasons[card.Revoke])
		b.status(t, a, account.Locked)
		// Another card in her hand ends it. An officer's own lock stays.
		b.Lock(t, a)
		b.Clock.Advance(time.Minute)
		next := b.earlier(t, r, b.lan.ID, b.lan.Declared.Number, "2026-11-21", "2030-09-02")
		if err := b.Keeper.HandleCard(t.Context(), card.Event{Kind: card.HandedOver, Person: b.lan.ID, Card: next.ID}); err != nil {
			t.Fatal(err)
		}
		b.status(t, a, account.Locked)
		if err := b.DB.Write(t.Context(), func(tx *db.Tx) error {
			return b.Keeper.UnlockTx(t.Context(), tx, b.by, a, account.CompetentBody)
		}); err != nil {
			t.Fatal(err)
		}
		b.status(t, a, account.Active)
		// News about somebody without an account is no fault.
		if err := b.Keeper.HandleCard(t.Context(), card.Event{Kind: card.WasHeld, Person: id.NewPerson()}); err != nil {
			t.Fatal(err)
		}
	})
}

const foreignFeed = `{"format":"danh-foreigners","version":1,"source":"border","count":2,"as_of":"2026-11-01"}
{"ref":"anna","name":"ANNA SCHMIDT","birth_date":"1988-04-01","sex":"female","nationality":"DEU","documents":[{"kind":"passport","country":"DEU","number":"C01X00T47","issued":"2020-01-01","expires":"2029-12-31"},{"kind":"temporary","country":"VNM","number":"990001TR","category":"LĐ2","issued":"2025-01-01","expires":"2026-11-30"}]}
{"ref":"bob","name":"BOB MILLER","birth_date":"1990-05-02","sex":"male","nationality":"GBR","documents":[{"kind":"passport","country":"GBR","number":"999001234","issued":"2020-01-01","expires":"2029-12-31"},{"kind":"temporary","country":"VNM","number":"990002TR","category":"LĐ2","issued":"2025-01-01","expires":"2027-11-30"}]}
`

// foreigners puts Anna and Bob into the immigration registry.
func (b *bench) foreigners(t testing.TB) (anna, bob id.Person) {
	t.Helper()
	if rep, err := b.borders.Import(t.Context(), audit.System("test"), strings.NewReader(foreignFeed)); err != nil || len(rep.Rejected) > 0 || rep.People != 2 {
		t.Fatalf("%+v %v", rep, err)
	}
	return b.borders.PersonID("border", "anna"), b.borders.PersonID("border", "bob")
}

func TestStayLocksAndUnlocks(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		r := b.borders
		anna, _ := b.foreigners(t)
		p := account.Proofed{Person: anna, Name: "ANNA SCHMIDT", BirthDate: clock.Date{Year: 1988, Month: 4, Day: 1}, Sex: population.Female, Phone: "0933444555", Language: "en",
			Level: 2, Evidence: account.Evidence{Dossier: "HS-26-0002", What: "portrait"}}
		a := b.issue(t, p)
		b.status(t, a, account.Issued)
		b.Clock.Set(time.Date(2026, 12, 1, 0, 5, 0, 0, clock.Vietnam))
		for _, x := range r.Purges() {
			if _, err := x.RunOnce(t.Context(), b.DB, b.Clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
		b.status(t, a, account.Locked)
		// A foreigner whose papers are over is not given an account either.
		if err := b.DB.Write(t.Context(), func(tx *db.Tx) error {
			return b.Keeper.CloseTx(t.Context(), tx, b.by, a, "test")
		}); err != nil {
			t.Fatal(err)
		}
		_, err := b.tryIssue(t, p)
		wantKey(t, err, "account.proofed.papers")
		// Papers again: an account again, and news of it unlocks what was locked.
		renewed := strings.Replace(strings.Replace(foreignFeed, "2026-11-30", "2028-11-30", 1), "2026-11-01", "2026-12-01", 1)
		if rep, err := r.Import(t.Context(), audit.System("test"), strings.NewReader(renewed)); err != nil || len(rep.Rejected) > 0 {
			t.Fatalf("%+v %v", rep, err)
		}
		a = b.issue(t, p)
		if err := b.DB.Write(t.Context(), func(tx *db.Tx) error {
			return b.Keeper.LockTx(t.Context(), tx, audit.System("account"), a, account.StayExpired)
		}); err != nil {
			t.Fatal(err)
		}
		b.Deliver(t)
		if err := b.Keeper.HandleStanding(t.Context(), immigration.Event{Kind: immigration.DocumentRenewed, Person: anna}); err != nil {
			t.Fatal(err)
		}
		b.status(t, a, account.Issued) // it was never activated
		if !slices.Contains(b.Audited(t), "account.unlocked") {
			t.Fatal("no entry")
		}
	})
}
