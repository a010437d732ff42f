// SPDX-License-Identifier: Apache-2.0

package account_test

import (
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
)

// actor is a family in which the child's account is awake and the mother is
// signed in by a token.
type actor struct {
	*family
	tok  account.Token
	link account.RepresentationID
}

func runActing(t *testing.T, body func(t *testing.T, f *actor)) {
	t.Helper()
	runFamily(t, func(t *testing.T, f *family) {
		f.woken(t, f.an, lanPhone)
		a := &actor{family: f}
		var err error
		if a.tok, err = f.signIn(t, f.lan); err != nil {
			t.Fatal(err)
		}
		f.Sure(t, f.mother.Account)
		links, err := f.Keeper.ListRepresentations(t.Context(), f.mother.Actor())
		if err != nil || len(links) != 1 {
			t.Fatal(links, err)
		}
		a.link = links[0].ID
		body(t, a)
	})
}

// now is the session of the mother's token.
func (f *actor) now(t testing.TB) account.Session {
	t.Helper()
	s, err := f.Keeper.FindSession(t.Context(), f.tok)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// begin has the mother act, and gives the session that acts.
func (f *actor) begin(t testing.TB) account.Session {
	t.Helper()
	if err := f.Keeper.BeginActing(t.Context(), f.now(t), f.link); err != nil {
		t.Fatal(err)
	}
	s := f.now(t)
	if s.Acting == nil {
		t.Fatal("she does not act")
	}
	return s
}

// over fails unless the acting of s is over everywhere and the mother's session
// is her own again.
func (f *actor) over(t testing.TB, s account.Session) {
	t.Helper()
	now, err := f.Keeper.FindSession(t.Context(), f.tok)
	if err == nil && (now.Acting != nil || now.Person == f.an.ID) {
		t.Fatal("she still acts for the child")
	}
	if ok, err := f.Keeper.SessionStands(t.Context(), s.Account, s.ID); err != nil || ok {
		t.Fatal("what was given for that time of acting still holds:", ok, err)
	}
}

func (f *actor) end(t testing.TB, why string) {
	t.Helper()
	if err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
		return f.Keeper.EndRepresentationTx(t.Context(), tx, f.by, f.lan.ID, f.an.ID, why)
	}); err != nil {
		t.Fatal(err)
	}
}

func TestRepresentativeActs(t *testing.T) {
	runActing(t, func(t *testing.T, f *actor) {
		own := f.now(t)
		s := f.begin(t)
		if s.Account != f.account || s.Person != f.an.ID || s.Level != 2 || s.ID == own.ID || s.Acting.Account != own.Account || s.Acting.Person != f.lan.ID ||
			s.Acting.Session != own.ID || s.Acting.Relation != "mother" || s.Acting.Until != (clock.Date{Year: 2030, Month: 12, Day: 2}) || s.Holder().ID != own.ID || s.Holder().Person != f.lan.ID {
			t.Fatalf("%+v %+v", s, s.Acting)
		}
		by := s.Actor()
		if by.Account != account.Owner(own.Account) || by.Person != f.lan.ID || by.OnBehalfOf != f.an.ID {
			t.Fatalf("%+v", by)
		}
		if name, err := f.Keeper.ActingName(t.Context(), s); err != nil || name != accounttest.An.Name {
			t.Fatal(name, err)
		}
		for id, want := range map[account.SessionID]account.ID{s.ID: f.account, own.ID: own.Account} {
			if ok, err := f.Keeper.SessionStands(t.Context(), want, id); err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
		// The key of the acting is nobody else's session, and hers none of the child's.
		for id, other := range map[account.SessionID]account.ID{s.ID: own.Account, own.ID: f.account} {
			if ok, err := f.Keeper.SessionStands(t.Context(), other, id); err != nil || ok {
				t.Fatal("a session stands for another account", ok, err)
			}
		}
		wantKey(t, f.Keeper.BeginActing(t.Context(), s, f.link), "account.acting.already")
		if err := f.Keeper.StopActing(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		f.over(t, s)
		if now := f.now(t); now.ID != own.ID || now.ActingOver {
			t.Fatalf("%+v", now)
		}
		// Acting again is another time: nothing of the first one comes back.
		again := f.begin(t)
		if ok, err := f.Keeper.SessionStands(t.Context(), s.Account, s.ID); err != nil || ok || again.ID == s.ID {
			t.Fatal("an earlier time of acting came back")
		}
		// A page of the first time does not stop the second.
		if err := f.Keeper.StopActing(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if f.now(t).Acting == nil {
			t.Fatal("a stale page stopped another time of acting")
		}
		// Both logs say who, and for whom.
		for _, who := range []id.Person{f.an.ID, f.lan.ID} {
			list, _, err := f.Audit.ListBySubject(t.Context(), audit.Query{Subject: who, Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]int{}
			for _, e := range list {
				if e.Action == "account.acting.began" || e.Action == "account.acting.ended" {
					seen[e.Action]++
					if e.Actor.Person != f.lan.ID || (e.Actor.OnBehalfOf == f.an.ID) != (who == f.an.ID) {
						t.Errorf("%+v", e.Actor)
					}
				}
			}
			if seen["account.acting.began"] != 2 || seen["account.acting.ended"] != 1 {
				t.Errorf("%v", seen)
			}
		}
	})
}

// A password alone is not enough to be somebody else.
func TestActingWithAPasswordAlone(t *testing.T) {
	runActing(t, func(t *testing.T, f *actor) {
		var err error
		if f.tok, err = f.signIn(t, f.lan); err != nil {
			t.Fatal(err)
		}
		s := f.now(t)
		if err := f.Keeper.BeginActing(t.Context(), s, f.link); s.Assurance != 1 || !fault.Is(err, fault.StepUp) || fault.Of(err).Args["acr"] != "urn:danh:acr:l2:a2" {
			t.Fatal(s.Assurance, err)
		}
		if f.now(t).Acting != nil {
			t.Fatal("she acts")
		}
	})
}

func TestActingForSomebodyElsesChild(t *testing.T) {
	runActing(t, func(t *testing.T, f *actor) {
		f.issue(t, proofed(f.minh, minhPhone))
		_, m := f.woken(t, f.minh, minhPhone)
		liar := m
		liar.Person = f.lan.ID
		_, kid := f.woken2(t)
		m.Assurance, liar.Assurance, kid.Assurance = 2, 2, 2
		for name, c := range map[string]struct {
			s    account.Session
			want string
		}{
			"stranger": {m, "account.representation.none"}, "a stranger who says that he is the mother": {liar, "account.allow.level_2"}, "the child": {kid, "account.representation.none"},
		} {
			t.Run(name, func(t *testing.T) { wantKey(t, f.Keeper.BeginActing(t.Context(), c.s, f.link), c.want) })
		}
		wantKey(t, f.Keeper.BeginActing(t.Context(), f.now(t), account.RepresentationID{}), "account.representation.none")
		// A grown-up dependant is not represented: nobody acts for him.
		if err := f.represent(t, account.Representation{Representative: f.lan.ID, Person: f.minh.ID, Relation: "spouse", Proof: "marriage_certificate"}); err != nil {
			t.Fatal(err)
		}
		links, err := f.Keeper.ListRepresentations(t.Context(), f.mother.Actor())
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range links {
			if l.Person == f.minh.ID {
				wantKey(t, f.Keeper.BeginActing(t.Context(), f.now(t), l.ID), "account.representation.none")
			}
		}
		if f.now(t).Acting != nil {
			t.Fatal("she acts")
		}
	})
}

// woken2 signs the child in and has the mother confirm it.
func (f *actor) woken2(t testing.TB) (account.Token, account.Session) {
	t.Helper()
	tok, err := f.signIn(t, f.an)
	if err != nil {
		t.Fatal(err)
	}
	u, err := f.Keeper.FindAwaiting(t.Context(), tok)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.answer(t, f.mother.Actor(), u, true); err != nil {
		t.Fatal(err)
	}
	s, err := f.Keeper.FindSession(t.Context(), tok)
	if err != nil {
		t.Fatal(err)
	}
	return tok, s
}

func TestActingEndsByItself(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, f *actor, s account.Session){
		"time": func(t *testing.T, f *actor, s account.Session) {
			f.Clock.Advance(15 * time.Minute)
			if f.now(t).Acting == nil {
				t.Fatal("over too early")
			}
			f.Clock.Advance(15 * time.Minute)
		},
		"counter":  func(t *testing.T, f *actor, s account.Session) { f.end(t, "replaced") },
		"capacity": func(t *testing.T, f *actor, s account.Session) { f.end(t, "capacity") },
		"the child's account is frozen": func(t *testing.T, f *actor, s account.Session) {
			if err := f.Keeper.Freeze(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			if a, err := f.Keeper.Find(t.Context(), f.account); err != nil || a.Status != account.Locked {
				t.Fatal(a.Status, err)
			}
			if f.now(t).Person != f.lan.ID {
				t.Fatal("the mother's own session ended too")
			}
		},
		"her own account is frozen": func(t *testing.T, f *actor, s account.Session) {
			if err := f.Keeper.Freeze(t.Context(), f.mother); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Keeper.FindSession(t.Context(), f.tok); !fault.Is(err, fault.NotFound) {
				t.Fatal("a frozen mother is signed in", err)
			}
		},
		"she signs out": func(t *testing.T, f *actor, s account.Session) {
			if err := f.Keeper.SignOut(t.Context(), s.Holder().Actor(), s.Holder().ID); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Keeper.FindSession(t.Context(), f.tok); !fault.Is(err, fault.NotFound) {
				t.Fatal("signed out and signed in", err)
			}
		},
		"she signs out everywhere": func(t *testing.T, f *actor, s account.Session) {
			if err := f.Keeper.SignOutEverywhere(t.Context(), f.mother.Actor(), account.SessionID{}); err != nil {
				t.Fatal(err)
			}
		},
		"she becomes a ward herself": func(t *testing.T, f *actor, s account.Session) {
			f.issue(t, proofed(f.minh, minhPhone))
			if err := f.represent(t, account.Representation{Representative: f.minh.ID, Person: f.lan.ID, Relation: "guardian", Proof: "guardianship_decision"}); err != nil {
				t.Fatal(err)
			}
		},
		"she has died": func(t *testing.T, f *actor, s account.Session) {
			if err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
				return f.Keeper.LockTx(t.Context(), tx, audit.System("test"), s.Acting.Account, account.Death)
			}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			runActing(t, func(t *testing.T, f *actor) {
				s := f.begin(t)
				end(t, f, s)
				f.over(t, s)
				now, err := f.Keeper.FindSession(t.Context(), f.tok)
				if err != nil {
					return // hers is over as well
				}
				if !now.ActingOver {
					t.Fatal("she is not told that it is over")
				}
				if err := f.Keeper.StopActing(t.Context(), now); err != nil {
					t.Fatal(err)
				}
				if f.now(t).ActingOver {
					t.Fatal("she is told for ever")
				}
			})
		})
	}
}

// The last day of a link is a day, and no job has to run for it to end.
func TestActingEndsOnTheLastDay(t *testing.T) {
	runActing(t, func(t *testing.T, f *actor) {
		f.Clock.Set(time.Date(2030, 12, 2, 23, 50, 0, 0, clock.Vietnam))
		var err error
		if f.tok, err = f.signIn(t, f.lan); err != nil {
			t.Fatal(err)
		}
		f.Sure(t, f.mother.Account)
		// Four years on, her password is too old for anything but being changed.
		if err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE account_password SET set_at = $1, must_change = FALSE`, clock.Micros(f.Clock.Now()))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		s := f.begin(t)
		if ok, err := f.Keeper.Represents(t.Context(), s.Acting.Account, s.Account); err != nil || !ok {
			t.Fatal(ok, err)
		}
		f.Clock.Advance(9 * time.Minute)
		if f.now(t).Acting == nil {
			t.Fatal("over on the last day")
		}
		f.Clock.Advance(2 * time.Minute) // she is fourteen
		f.over(t, s)
		if ok, err := f.Keeper.Represents(t.Context(), s.Acting.Account, s.Account); err != nil || ok {
			t.Fatal(ok, err)
		}
		wantKey(t, f.Keeper.BeginActing(t.Context(), f.now(t), f.link), "account.representation.none")
		wantKey(t, f.Keeper.Freeze(t.Context(), s), "account.representation.none") // a request that was under way
	})
}

// The child's own session knows nothing of it, and what is the child's alone is
// not done by anybody else.
func TestActingLeavesTheChildsOwnAlone(t *testing.T) {
	runActing(t, func(t *testing.T, f *actor) {
		tok, before := f.woken2(t)
		s := f.begin(t)
		kid, err := f.Keeper.FindSession(t.Context(), tok)
		if err != nil || kid.Acting != nil || kid.ID != before.ID || !kid.Actor().OnBehalfOf.IsZero() {
			t.Fatalf("%+v %v", kid, err)
		}
		if list, err := f.Keeper.ListSessions(t.Context(), f.account); err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		wantKey(t, f.Keeper.ChangePassword(t.Context(), s, "x", "y"), "account.acting.own_only")
		_, err = f.Keeper.BeginPasskey(t.Context(), s, "", account.RemoteInfo{})
		wantKey(t, err, "account.acting.own_only")
		for journey, want := range map[string]bool{"home": true, "looked": true, "freeze": true, "security": false, "passkeys": false, "": false, "recover": false} {
			if ok, err := f.Keeper.MayWhileActing(t.Context(), journey); err != nil || ok != want {
				t.Errorf("%q: %v %v", journey, ok, err)
			}
		}
		if err := f.Keeper.StopActing(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if kid, err = f.Keeper.FindSession(t.Context(), tok); err != nil || kid.ID != before.ID {
			t.Fatal(kid, err)
		}
	})
}

func TestActingBegunTwiceInParallel(t *testing.T) {
	runActing(t, func(t *testing.T, f *actor) {
		s := f.now(t)
		var began atomic.Int32
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				err := f.Keeper.BeginActing(t.Context(), s, f.link)
				if err == nil {
					began.Add(1)
				} else if k := fault.Of(err); k == nil || k.Key != "account.acting.already" {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if began.Load() != 1 {
			t.Fatalf("began %d times", began.Load())
		}
		now := f.now(t)
		f.Clock.Advance(24 * 200 * time.Hour)
		f.purge(t, "account_acting")
		if _, err := f.Keeper.ActingName(t.Context(), now); err == nil {
			t.Fatal("the name is kept for ever")
		}
	})
}

// A ward's guardian acts until the last day of the court's decision, and not for
// a ward who has regained his capacity.
func TestGuardianActsForAWard(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		b.issue(t, proofed(b.lan, lanPhone))
		tok, _ := b.woken(t, b.lan, lanPhone)
		b.issue(t, proofed(b.minh, minhPhone))
		_, ward := b.woken(t, b.minh, minhPhone)
		last := clock.DateOf(b.Clock.Now())
		if err := b.represent(t, account.Representation{Representative: b.lan.ID, Person: b.minh.ID, Relation: "guardian", Proof: "guardianship_decision", Until: last}); err != nil {
			t.Fatal(err)
		}
		b.Sure(t, ward.Account)
		find := func() account.Session {
			t.Helper()
			s, err := b.Keeper.FindSession(t.Context(), tok)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		own := find()
		b.Sure(t, own.Account)
		links, err := b.Keeper.ListRepresentations(t.Context(), own.Actor())
		if err != nil || len(links) != 1 {
			t.Fatal(links, err)
		}
		b.Clock.Set(time.Date(last.Year, time.Month(last.Month), last.Day, 23, 50, 0, 0, clock.Vietnam))
		if tok, err = b.signIn(t, b.lan); err != nil {
			t.Fatal(err)
		}
		b.Sure(t, own.Account)
		if err := b.Keeper.BeginActing(t.Context(), find(), links[0].ID); err != nil {
			t.Fatal(err)
		}
		if s := find(); s.Account != ward.Account || s.Acting == nil || s.Acting.Relation != "guardian" || s.Acting.Until != last {
			t.Fatalf("%+v", s)
		}
		b.Clock.Advance(11 * time.Minute)
		if s := find(); s.Acting != nil || !s.ActingOver {
			t.Fatal("the decision is over, and its guardian acts")
		}
		b.purge(t, "account_representation")
		wantKey(t, b.Keeper.BeginActing(t.Context(), find(), links[0].ID), "account.representation.none")
	})
}
