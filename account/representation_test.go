// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

// family is a mother with an account of level 2 and her child with an own one.
type family struct {
	*bench
	mother  account.Session
	an      accounttest.Person
	account account.ID
}

func (b *bench) represent(t testing.TB, r account.Representation) error {
	t.Helper()
	return b.DB.Write(t.Context(), func(tx *db.Tx) error { return b.Keeper.RepresentTx(t.Context(), tx, b.by, r) })
}

func runFamily(t *testing.T, body func(t *testing.T, f *family)) {
	t.Helper()
	runBench(t, func(t *testing.T, b *bench) {
		f := &family{bench: b, an: b.Register(t, accounttest.An)}
		b.issue(t, proofed(b.lan, lanPhone))
		_, f.mother = b.woken(t, b.lan, lanPhone)
		p := proofed(f.an, lanPhone)
		p.Representative = b.lan.ID
		// The dossier's order: the account and the link are one transaction.
		err := b.DB.Write(t.Context(), func(tx *db.Tx) (err error) {
			if f.account, err = b.Keeper.OpenProofedTx(t.Context(), tx, b.by, p); err != nil {
				return err
			}
			return b.Keeper.RepresentTx(t.Context(), tx, b.by, account.Representation{Representative: b.lan.ID, Person: f.an.ID, Relation: "mother", Proof: "birth_certificate"})
		})
		if err != nil {
			t.Fatal(err)
		}
		body(t, f)
	})
}

func (f *family) uses(t testing.TB) []account.Use {
	t.Helper()
	list, err := f.Keeper.ListUses(t.Context(), f.mother.Actor(), 10)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (f *family) answer(t testing.TB, by audit.Actor, u account.Use, yes bool) error {
	t.Helper()
	return f.Keeper.AnswerUse(t.Context(), by, u.Account, u.Session, yes)
}

func TestChildsAccountIsUsedOnlyConfirmed(t *testing.T) {
	runFamily(t, func(t *testing.T, f *family) {
		// Even the activation waits: its session is nobody's yet.
		tok, s := f.woken(t, f.an, lanPhone)
		_, err := f.Keeper.FindSession(t.Context(), tok)
		if !fault.Is(err, fault.NotFound) || !account.IsAwaiting(err) {
			t.Fatal("a child's session opened unconfirmed:", err)
		}
		if ok, err := f.Keeper.SessionStands(t.Context(), f.account, s.ID); err != nil || ok {
			t.Fatal("tokens could be given for an unconfirmed session:", ok, err)
		}
		if list, err := f.Keeper.ListSessions(t.Context(), f.account); err != nil || len(list) != 0 {
			t.Fatal(list, err)
		}
		list := f.uses(t)
		if len(list) != 1 || list[0].Name != accounttest.An.Name || list[0].Label != "Firefox trên Linux" || !list[0].Waiting(f.Clock.Now()) {
			t.Fatalf("%+v", list)
		}
		f.Deliver(t)
		if told := f.Post.To(lanPhone); !slices.ContainsFunc(told, func(s string) bool { return strings.Contains(s, "https://danh.example/dependants") }) {
			t.Fatalf("the mother was not asked: %q", told)
		}
		if err := f.answer(t, f.mother.Actor(), list[0], true); err != nil {
			t.Fatal(err)
		}
		found, err := f.Keeper.FindSession(t.Context(), tok)
		if err != nil || found.Person != f.an.ID {
			t.Fatalf("%+v %v", found, err)
		}
		// One answer serves one use: the next sign-in asks again.
		tok2, err := f.signIn(t, f.an)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Keeper.FindSession(t.Context(), tok2); !account.IsAwaiting(err) {
			t.Fatal("the second use was not asked about:", err)
		}
		if n, err := f.Keeper.CountWaiting(t.Context(), f.mother.Actor()); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		wantKey(t, f.answer(t, f.mother.Actor(), list[0], true), "account.use.over")
		u, err := f.Keeper.FindAwaiting(t.Context(), tok2)
		if err != nil || u.Account != f.account {
			t.Fatalf("%+v %v", u, err)
		}
		if err := f.answer(t, f.mother.Actor(), u, false); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Keeper.FindSession(t.Context(), tok2); !fault.Is(err, fault.NotFound) || account.IsAwaiting(err) {
			t.Fatal("a refused use lives:", err)
		}
		wantKey(t, f.answer(t, f.mother.Actor(), u, true), "account.use.over")
	})
}

func TestUseConfirmedByAnothersAccount(t *testing.T) {
	runFamily(t, func(t *testing.T, f *family) {
		tok, s := f.woken(t, f.an, lanPhone)
		u := f.uses(t)[0]
		_, m := f.Open(t, f.minh, minhPhone)
		// A stranger; the child herself; a stranger who says that he is the mother;
		// an officer; somebody who acts on the mother's behalf.
		liar := m.Actor()
		liar.Person = f.lan.ID
		behalf := f.mother.Actor()
		behalf.OnBehalfOf = f.minh.ID
		for name, c := range map[string]struct {
			by   audit.Actor
			want string
		}{
			"stranger": {m.Actor(), "account.use.none"}, "child": {s.Actor(), "account.use.none"}, "liar": {liar, "account.allow.level_2"},
			"officer": {f.by, "account.session.none"}, "on behalf": {behalf, "account.session.none"}, "anonymous": {audit.Anonymous(), "account.session.none"},
		} {
			t.Run(name, func(t *testing.T) { wantKey(t, f.answer(t, c.by, u, true), c.want) })
		}
		wantKey(t, f.Keeper.AnswerUse(t.Context(), f.mother.Actor(), m.Account, u.Session, true), "account.use.none")
		if _, err := f.Keeper.FindSession(t.Context(), tok); !account.IsAwaiting(err) {
			t.Fatal(err)
		}
		if list, err := f.Keeper.ListUses(t.Context(), m.Actor(), 10); err != nil || len(list) != 0 {
			t.Fatal("a stranger sees the child's uses", list, err)
		}
	})
}

func TestUseConfirmedTooLate(t *testing.T) {
	runFamily(t, func(t *testing.T, f *family) {
		tok, _ := f.woken(t, f.an, lanPhone)
		u := f.uses(t)[0]
		f.Clock.Advance(10 * time.Minute)
		wantKey(t, f.answer(t, f.mother.Actor(), u, true), "account.use.over")
		if _, err := f.Keeper.FindSession(t.Context(), tok); err == nil {
			t.Fatal("a use lives whose time was over")
		}
	})
}

func TestUseAnsweredTwiceInParallel(t *testing.T) {
	runFamily(t, func(t *testing.T, f *family) {
		tok, _ := f.woken(t, f.an, lanPhone)
		u := f.uses(t)[0]
		var yes, no atomic.Int32
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				err := f.answer(t, f.mother.Actor(), u, i%2 == 0)
				if err == nil && i%2 == 0 {
					yes.Add(1)
				} else if err == nil {
					no.Add(1)
				} else if k := fault.Of(err); k == nil || k.Key != "account.use.over" {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if yes.Load()+no.Load() != 1 {
			t.Fatalf("%d yes and %d no", yes.Load(), no.Load())
		}
		if _, err := f.Keeper.FindSession(t.Context(), tok); (err == nil) != (yes.Load() == 1) {
			t.Fatal("the session does not follow the answer:", err)
		}
	})
}

func TestRepresentativeOfAnEndedLink(t *testing.T) {
	runFamily(t, func(t *testing.T, f *family) {
		tok, _ := f.woken(t, f.an, lanPhone)
		u := f.uses(t)[0]
		if err := f.answer(t, f.mother.Actor(), u, true); err != nil {
			t.Fatal(err)
		}
		end := func(by audit.Actor, why string) error {
			return f.DB.Write(t.Context(), func(tx *db.Tx) error {
				return f.Keeper.EndRepresentationTx(t.Context(), tx, by, f.lan.ID, f.an.ID, why)
			})
		}
		wantKey(t, end(f.mother.Actor(), "replaced"), "account.proofed.forbidden")
		wantKey(t, end(f.by, "whim"), "account.representation.why")
		if err := end(f.by, "replaced"); err != nil {
			t.Fatal(err)
		}
		wantKey(t, end(f.by, "replaced"), "account.representation.none")
		// What she let in ended with her, and she lets nobody in any more.
		if _, err := f.Keeper.FindSession(t.Context(), tok); err == nil {
			t.Fatal("a session outlived the link that confirmed it")
		}
		tok, err := f.signIn(t, f.an)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Keeper.FindSession(t.Context(), tok); !account.IsAwaiting(err) {
			t.Fatal("without a representative the account is used freely:", err)
		}
		if list := f.uses(t); len(list) != 0 {
			t.Fatal("she still sees the uses")
		}
		u, err = f.Keeper.FindAwaiting(t.Context(), tok)
		if err != nil {
			t.Fatal(err)
		}
		wantKey(t, f.answer(t, f.mother.Actor(), u, true), "account.use.none")
	})
}

func TestChildTurnsFourteen(t *testing.T) {
	runFamily(t, func(t *testing.T, f *family) {
		f.woken(t, f.an, lanPhone)
		links, err := f.Keeper.ListRepresentations(t.Context(), f.mother.Actor())
		if err != nil || len(links) != 1 || links[0].Until != (clock.Date{Year: 2030, Month: 12, Day: 2}) || links[0].Name != accounttest.An.Name || links[0].Proof != "birth_certificate" {
			t.Fatalf("%+v %v", links, err)
		}
		// The last evening before her birthday.
		f.Clock.Set(time.Date(2030, 12, 2, 23, 55, 0, 0, clock.Vietnam))
		tok, err := f.signIn(t, f.an)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Keeper.FindSession(t.Context(), tok); !account.IsAwaiting(err) {
			t.Fatal("thirteen, and used unconfirmed:", err)
		}
		u, err := f.Keeper.FindAwaiting(t.Context(), tok)
		if err != nil {
			t.Fatal(err)
		}
		// Fourteen: the mother's word counts no more, hers does, before any job ran.
		f.Clock.Advance(6 * time.Minute)
		wantKey(t, f.answer(t, f.mother.Actor(), u, true), "account.use.none")
		if tok, err = f.signIn(t, f.an); err != nil {
			t.Fatal(err)
		}
		s, err := f.Keeper.FindSession(t.Context(), tok)
		if err != nil || !s.MustChangePassword {
			t.Fatalf("%+v %v", s, err)
		}
		f.Deliver(t)
		if told := f.Post.To(lanPhone); !slices.ContainsFunc(told, func(s string) bool { return strings.Contains(s, "tự đăng nhập") }) {
			t.Fatalf("nobody was told: %q", told)
		}
		f.purge(t, "account_representation")
		links, err = f.Keeper.ListRepresentations(t.Context(), s.Actor())
		if err != nil || len(links) != 1 || links[0].EndedWhy != "age" || links[0].Name != accounttest.Lan.Name {
			t.Fatalf("%+v %v", links, err)
		}
	})
}

func TestJobEndsLinksOfBothParents(t *testing.T) {
	runFamily(t, func(t *testing.T, f *family) {
		f.issue(t, proofed(f.minh, minhPhone))
		if err := f.represent(t, account.Representation{Representative: f.minh.ID, Person: f.an.ID, Relation: "father", Proof: "registry"}); err != nil {
			t.Fatal(err)
		}
		_, _ = f.woken(t, f.an, lanPhone)
		f.Clock.Set(time.Date(2030, 12, 3, 0, 1, 0, 0, clock.Vietnam))
		f.purge(t, "account_representation")
		f.purge(t, "account_representation") // harmless twice
		tok, err := f.signIn(t, f.an)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Keeper.FindSession(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
		f.Deliver(t)
		n := 0
		for _, text := range f.Post.To(lanPhone) {
			if strings.Contains(text, "tự đăng nhập") {
				n++
			}
		}
		if n != 1 {
			t.Fatalf("told %d times that she acts herself", n)
		}
	})
}

func TestRepresentationRules(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		an := b.Register(t, accounttest.An)
		r := account.Representation{Representative: b.lan.ID, Person: an.ID, Relation: "mother", Proof: "birth_certificate"}
		// Without an own account of level 2 nobody represents.
		wantKey(t, b.represent(t, r), "account.representation.no_account")
		p := proofed(an, lanPhone)
		p.Representative = b.lan.ID
		_, err := b.tryIssue(t, p)
		wantKey(t, err, "account.representation.no_account")
		b.issue(t, proofed(b.lan, lanPhone))
		for name, c := range map[string]struct {
			change func(*account.Representation)
			want   string
		}{
			"herself":               {func(r *account.Representation) { r.Person = r.Representative }, "account.representation.persons"},
			"unknown relation":      {func(r *account.Representation) { r.Relation = "neighbour" }, "account.representation.proof"},
			"proof of another kind": {func(r *account.Representation) { r.Proof = "guardianship_decision" }, "account.representation.proof"},
			"no proof":              {func(r *account.Representation) { r.Relation, r.Proof = "dependant", "" }, "account.representation.proof"},
			"any proof by name":     {func(r *account.Representation) { r.Relation, r.Proof = "dependant", "*" }, "account.representation.proof"},
			"grown up":              {func(r *account.Representation) { r.Person = b.minh.ID }, "account.representation.grown"},
			"over before it begins": {func(r *account.Representation) { r.Until = clock.Date{Year: 2026, Month: 11, Day: 20} }, "account.representation.over"},
			"unknown birth":         {func(r *account.Representation) { r.Person = id.NewPerson() }, "account.representation.birth"},
			"false birth": {func(r *account.Representation) {
				r.Person, r.BirthDate = b.minh.ID, clock.Date{Year: 2020, Month: 1, Day: 1}
			}, "account.representation.grown"},
		} {
			t.Run(name, func(t *testing.T) {
				x := r
				c.change(&x)
				wantKey(t, b.represent(t, x), c.want)
			})
		}
		// A day later than the law's is cut, an earlier one stands.
		r.Until = clock.Date{Year: 2040, Month: 1, Day: 1}
		if err := b.represent(t, r); err != nil {
			t.Fatal(err)
		}
		wantKey(t, b.represent(t, r), "account.representation.stands")
		err = b.DB.Write(t.Context(), func(tx *db.Tx) error {
			got, err := b.Keeper.FindRepresentationTx(t.Context(), tx, b.lan.ID, an.ID, clock.Date{Year: 2030, Month: 12, Day: 2})
			if err == nil && got.Until != (clock.Date{Year: 2030, Month: 12, Day: 2}) {
				t.Errorf("until %s", got.Until)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		// The guardian of a minor until 18, by a court's decision without an end.
		for proof, want := range map[string]clock.Date{"guardianship_record": {Year: 2034, Month: 12, Day: 2}, "guardianship_decision": {}} {
			err := b.DB.Write(t.Context(), func(tx *db.Tx) error {
				if err := b.Keeper.EndRepresentationTx(t.Context(), tx, b.by, b.lan.ID, an.ID, "error"); err != nil {
					return err
				}
				if err := b.Keeper.RepresentTx(t.Context(), tx, b.by, account.Representation{Representative: b.lan.ID, Person: an.ID, Relation: "guardian", Proof: proof}); err != nil {
					return err
				}
				got, err := b.Keeper.FindRepresentationTx(t.Context(), tx, b.lan.ID, an.ID, clock.DateOf(b.Clock.Now()))
				if err == nil && got.Until != want {
					t.Errorf("%s until %s", proof, got.Until)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A grown-up dependant is listed and goes on acting herself; a ward's standing
// account is confirmed from the decision on.
func TestDependantAndWard(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		b.issue(t, proofed(b.lan, lanPhone))
		b.issue(t, proofed(b.minh, minhPhone))
		tok, m := b.woken(t, b.minh, minhPhone)
		if err := b.represent(t, account.Representation{Representative: b.lan.ID, Person: b.minh.ID, Relation: "spouse", Proof: "marriage_certificate"}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Keeper.FindSession(t.Context(), tok); err != nil {
			t.Fatal("a dependant lost her session:", err)
		}
		ward := account.Representation{Representative: b.lan.ID, Person: b.minh.ID, Relation: "guardian", Proof: "guardianship_decision"}
		if err := b.represent(t, ward); err != nil {
			t.Fatal(err)
		}
		wantKey(t, b.represent(t, ward), "account.representation.stands")
		if _, err := b.Keeper.FindSession(t.Context(), tok); err == nil {
			t.Fatal("a ward's session outlived the decision")
		}
		// A ward represents nobody.
		an := b.Register(t, accounttest.An)
		wantKey(t, b.represent(t, account.Representation{Representative: b.minh.ID, Person: an.ID, Relation: "father", Proof: "registry"}), "account.representation.no_account")
		// She regains her capacity: the account is hers alone again.
		if err := b.DB.Write(t.Context(), func(tx *db.Tx) error {
			return b.Keeper.EndRepresentationTx(t.Context(), tx, b.by, b.lan.ID, b.minh.ID, "capacity")
		}); err != nil {
			t.Fatal(err)
		}
		tok, err := b.signIn(t, b.minh)
		if err != nil {
			t.Fatal(err)
		}
		s, err := b.Keeper.FindSession(t.Context(), tok)
		if err != nil || s.Account != m.Account || !s.MustChangePassword {
			t.Fatalf("%+v %v", s, err)
		}
	})
}

// She was listed as somebody's child among the dependants; now he represents her.
func TestDependantBecomesRepresented(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		b.issue(t, proofed(b.lan, lanPhone))
		an := b.Register(t, accounttest.An)
		if err := b.represent(t, account.Representation{Representative: b.lan.ID, Person: an.ID, Relation: "parent", Proof: "registry"}); err != nil {
			t.Fatal(err)
		}
		if err := b.represent(t, account.Representation{Representative: b.lan.ID, Person: an.ID, Relation: "mother", Proof: "registry"}); err != nil {
			t.Fatal(err)
		}
		wantKey(t, b.represent(t, account.Representation{Representative: b.lan.ID, Person: an.ID, Relation: "parent", Proof: "registry"}), "account.representation.stands")
		links, err := b.Keeper.ListRepresentations(t.Context(), audit.Citizen(id.NewPerson(), b.lan.ID))
		if err != nil || len(links) != 2 || links[0].Relation != "mother" || !links[0].Confirms || links[1].EndedWhy != "replaced" {
			t.Fatalf("%+v %v", links, err)
		}
		// An account that is opened later without a word about her is confirmed all the same.
		p := proofed(an, minhPhone)
		b.issue(t, p)
		tok, _ := b.woken(t, an, minhPhone)
		if _, err := b.Keeper.FindSession(t.Context(), tok); !account.IsAwaiting(err) {
			t.Fatal("a represented child's account is used unconfirmed:", err)
		}
	})
}

func TestDeathOfARepresentative(t *testing.T) {
	runFamily(t, func(t *testing.T, f *family) {
		tok, _ := f.woken(t, f.an, lanPhone)
		if err := f.answer(t, f.mother.Actor(), f.uses(t)[0], true); err != nil {
			t.Fatal(err)
		}
		for range 2 { // news repeat
			if err := f.Keeper.HandleDeath(t.Context(), population.Event{Kind: population.Died, Person: f.lan.ID}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.Keeper.FindSession(t.Context(), tok); err == nil {
			t.Fatal("the child's session outlived her mother")
		}
		tok, err := f.signIn(t, f.an)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Keeper.FindSession(t.Context(), tok); !account.IsAwaiting(err) {
			t.Fatal("an orphan's account is used freely:", err)
		}
		links, err := f.Keeper.ListRepresentations(t.Context(), audit.Citizen(account.Owner(f.account), f.an.ID))
		if err != nil || len(links) != 1 || links[0].EndedWhy != "death" {
			t.Fatalf("%+v %v", links, err)
		}
	})
}
