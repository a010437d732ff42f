// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/keys"
)

var (
	schemas = []db.Schema{audit.Schema}
	start   = time.Date(2026, 11, 21, 2, 12, 0, 123456789, time.UTC)
)

type fixture struct {
	*audit.Log
	db    *db.DB
	clock *clock.Fake
	dir   string
	keys  *keys.Store
}

func open(t testing.TB, d *db.DB) *fixture {
	t.Helper()
	dir := t.TempDir()
	return openAt(t, d, dir)
}

func openAt(t testing.TB, d *db.DB, dir string) *fixture {
	t.Helper()
	c := clock.NewFake(start)
	k, err := keys.Open(keys.Config{Dir: filepath.Join(dir, "keys"), Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	l, err := audit.New(audit.Config{DB: d, Clock: c, Dir: filepath.Join(dir, "audit"), Keys: k, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{l, d, c, dir, k}
}

func look(subject id.Person, n int) audit.Entry {
	return audit.Look{
		By: audit.Partner("rice-bank", "Ngân hàng Lúa Vàng"), Purpose: "purpose.open_account", Ground: fmt.Sprintf("consent:%d", n),
		Fields: []string{"name", "birth_date", "address"},
	}.Entry("population.read", subject)
}

func (f *fixture) record(t testing.TB, n int) []id.Person {
	t.Helper()
	var out []id.Person
	err := f.db.Write(t.Context(), func(tx *db.Tx) error {
		out = out[:0]
		for i := range n {
			p := id.NewPerson()
			out = append(out, p)
			if err := f.RecordTx(t.Context(), tx, look(p, i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (f *fixture) seal(t testing.TB) {
	t.Helper()
	if err := f.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) verify(t testing.TB, against ...[]byte) audit.Report {
	t.Helper()
	r, err := f.Verify(t.Context(), audit.VerifyOptions{Against: against})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (f *fixture) sound(t testing.TB, want int64) audit.Report {
	t.Helper()
	r := f.verify(t)
	if !r.OK() || int64(r.Size) != want {
		t.Fatalf("size %d, want %d; problems: %v", r.Size, want, r.Problems)
	}
	return r
}

func (f *fixture) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	err := f.db.Write(t.Context(), func(tx *db.Tx) error {
		res, err := tx.ExecContext(t.Context(), query, args...)
		if err != nil {
			return err
		}
		if n, _ := res.RowsAffected(); n == 0 {
			return fmt.Errorf("nothing was changed by %s", query)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEntriesComeBackAsTheyWereRecorded(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		her, me := id.NewPerson(), id.NewPerson()
		e := audit.Entry{
			Actor:  audit.Actor{Kind: audit.KindOfficer, Account: me, Person: me, Name: "Công an phường Cửa Nam", OnBehalfOf: her, Session: "s1"},
			Action: "residence.read", Subject: her, Purpose: "purpose.residence", Ground: "Luật Cư trú, Điều 22", Fields: []string{"name", "address"},
			Outcome: "refused", Detail: map[string]string{"form": "CT01", "line\nbreak": `back\slash`, "bad": "\x00\xff"},
		}
		if err := f.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		f.seal(t)
		list, next, err := f.ListBySubject(t.Context(), audit.Query{Subject: her})
		if err != nil || len(list) != 1 || !next.IsZero() {
			t.Fatal(list, next, err)
		}
		got := list[0]
		if got.Actor != e.Actor || got.Action != e.Action || got.Purpose != e.Purpose || got.Ground != e.Ground || got.Outcome != e.Outcome ||
			strings.Join(got.Fields, ",") != "name,address" || got.Detail["form"] != "CT01" || got.Detail["line\nbreak"] != `back\slash` || got.Seq != 0 ||
			!got.At.Equal(start.Truncate(time.Microsecond)) {
			t.Errorf("recorded %+v, found %+v", e, got)
		}
		f.sound(t, 1)
		if _, err := f.Find(t.Context(), me, got.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("another person's entry was found: %v", err)
		}
	})
}

func TestRecordNeedsActorAndAction(t *testing.T) {
	f := open(t, dbtest.Open(t, db.SQLite, schemas))
	for _, e := range []audit.Entry{{Action: "x.read"}, {Actor: audit.Anonymous()}} {
		if err := f.Record(t.Context(), e); err == nil {
			t.Errorf("%+v was recorded", e)
		}
	}
}

func TestAnEntryOfARolledBackTransactionIsNowhere(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		p := id.NewPerson()
		_ = d.Write(t.Context(), func(tx *db.Tx) error {
			if err := f.RecordTx(t.Context(), tx, look(p, 1)); err != nil {
				t.Fatal(err)
			}
			return os.ErrInvalid
		})
		f.record(t, 1)
		f.seal(t)
		f.sound(t, 1)
		if list, _, _ := f.ListBySubject(t.Context(), audit.Query{Subject: p}); len(list) != 0 {
			t.Error("it was kept")
		}
	})
}

func TestListPagesFiltersAndCounts(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		her := id.NewPerson()
		for i := range 25 {
			e := look(her, i)
			switch i % 5 {
			case 1:
				e.Actor, e.Action = audit.Citizen(her, her), "account.password_changed"
			case 2:
				e.Outcome = "refused"
			}
			if err := f.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			f.clock.Advance(6 * time.Hour)
		}
		f.record(t, 3) // other people's
		var seen []string
		q := audit.Query{Subject: her, Limit: 10}
		for pages := 0; ; pages++ {
			list, next, err := f.ListBySubject(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list {
				seen = append(seen, r.ID.String())
			}
			if next.IsZero() {
				if pages != 2 {
					t.Errorf("%d pages after the first", pages)
				}
				break
			}
			q.Before = next
		}
		if len(seen) != 25 {
			t.Errorf("%d entries in all pages", len(seen))
		}
		for _, c := range []struct {
			name string
			q    audit.Query
			want int
		}{
			{"looks", audit.Query{Show: audit.ShowLooks}, 20},
			{"changes", audit.Query{Show: audit.ShowChanges}, 5},
			{"stopped", audit.Query{Show: audit.ShowStopped}, 5},
			{"in her own account", audit.Query{Account: her}, 5},
			{"by partners", audit.Query{Kinds: []audit.Kind{audit.KindPartner, audit.KindSystem}}, 20},
			{"first day", audit.Query{To: start.Add(24 * time.Hour)}, 4},
			{"since the third", audit.Query{From: start.Add(12 * time.Hour)}, 23},
		} {
			c.q.Subject = her
			list, _, err := f.ListBySubject(t.Context(), c.q)
			if err != nil || len(list) != c.want {
				t.Errorf("%s: %d, want %d (%v)", c.name, len(list), c.want, err)
			}
		}
		days, err := f.CountByDay(t.Context(), audit.Query{Subject: her, Show: audit.ShowLooks})
		if err != nil {
			t.Fatal(err)
		}
		var done, refused int64
		for _, d := range days {
			done, refused = done+d.Done, refused+d.Stopped
		}
		if done != 15 || refused != 5 || days[0].Date != (clock.Date{Year: 2026, Month: 11, Day: 21}) {
			t.Errorf("%d done, %d refused, from %v", done, refused, days[0].Date)
		}
	})
}

func TestSearchTheWholeLog(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		for i := range 30 {
			e := look(id.NewPerson(), i)
			if i%3 == 0 {
				e.Actor, e.Action = audit.System("post"), "notify.sent"
			}
			if err := f.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			f.clock.Advance(time.Hour)
		}
		f.seal(t)
		for _, c := range []struct {
			name string
			q    audit.Search
			want int
		}{
			{"all", audit.Search{}, 30},
			{"action", audit.Search{Action: "population.read"}, 20},
			{"prefix", audit.Search{Action: "notify."}, 10},
			{"no prefix of a word", audit.Search{Action: "not."}, 0},
			{"kind", audit.Search{Kind: audit.KindSystem}, 10},
			{"period", audit.Search{From: start.Add(-time.Minute).Add(5 * time.Hour), To: start.Add(-time.Minute).Add(8 * time.Hour)}, 3},
			{"below", audit.Search{Below: 7}, 7},
			{"limit", audit.Search{Limit: 4}, 4},
		} {
			got, err := f.Search(t.Context(), c.q)
			if err != nil || len(got.Entries) != c.want {
				t.Errorf("%s: %d, want %d (%v)", c.name, len(got.Entries), c.want, err)
			}
			if c.name == "limit" && got.Next != 26 {
				t.Errorf("goes on below %d", got.Next)
			}
		}
	})
}

func TestSealingManyInSteps(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		total := int64(0)
		for _, n := range []int{1, 2, 252, 1, 1, 300, 4500, 7} {
			f.record(t, n)
			total += int64(n)
			f.seal(t)
			f.clock.Advance(2 * time.Minute)
			f.sound(t, total)
		}
		if r := f.sound(t, total); r.Checkpoints != 8 || r.Checked != total {
			t.Errorf("%+v", r)
		}
		f.seal(t) // nothing to do
		f.sound(t, total)
		partial, _ := filepath.Glob(filepath.Join(f.dir, "audit/tree/tile/entries/*.p"))
		if len(partial) > 1 {
			t.Errorf("partial bundles were left: %v", partial)
		}
	})
}

func TestParallelWritersWhileSealing(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		other := openAt(t, d, f.dir) // a second server on the same folder
		third := open(t, d)          // and one with a folder of its own
		ctx, cancel := context.WithCancel(t.Context())
		var sealers, writers sync.WaitGroup
		for _, l := range []*fixture{f, other, third} {
			sealers.Go(func() {
				if err := l.RunSealer(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		for range 8 {
			writers.Go(func() {
				for i := range 60 {
					if err := f.Record(t.Context(), look(id.NewPerson(), i)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		writers.Wait()
		cancel()
		sealers.Wait()
		f.seal(t)
		if r := f.sound(t, 480); r.Waiting != 0 || r.Beyond != 0 {
			t.Errorf("%+v", r)
		}
		// The third has other keys here; its tree is the same nevertheless.
		third.seal(t)
		if r := third.verify(t); string(r.Root) != string(f.verify(t).Root) {
			t.Errorf("two folders, two roots: %v", r.Problems)
		}
	})
}

func TestTwoNumberersAtOnce(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		a := open(t, d)
		b := openAt(t, d, a.dir)
		a.record(t, 3)
		if err := a.Number(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.record(t, 2)
		if err := b.Number(t.Context()); err != nil { // the lease is a's
			t.Fatal(err)
		}
		h, err := a.Head(t.Context())
		if err != nil || h.Numbered != 3 || h.Waiting != 2 {
			t.Fatalf("%+v %v", h, err)
		}
		b.clock.Advance(time.Minute) // a is taken for dead
		if err := b.Number(t.Context()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		a.record(t, 40)
		for _, l := range []*fixture{a, b, a, b} {
			wg.Go(func() { _ = l.Number(t.Context()) })
		}
		wg.Wait()
		a.clock.Advance(time.Hour)
		a.seal(t)
		a.sound(t, 45)
	})
}

func TestACrashBetweenNumberingAndAppendingHeals(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		f.record(t, 10)
		f.seal(t)
		f.record(t, 5)
		if err := f.Number(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := f.sound(t, 10); r.Beyond != 5 {
			t.Errorf("%+v", r)
		}
		again := openAt(t, d, f.dir)
		again.clock.Advance(time.Minute)
		again.seal(t)
		again.sound(t, 15)
	})
}

func TestACrashBeforeThePublicationHeals(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		f.record(t, 10)
		f.seal(t)
		old, err := os.ReadFile(filepath.Join(f.dir, "audit/tree/checkpoint"))
		if err != nil {
			t.Fatal(err)
		}
		f.record(t, 5)
		f.seal(t)
		if err := os.WriteFile(filepath.Join(f.dir, "audit/tree/checkpoint"), old, 0o600); err != nil {
			t.Fatal(err)
		}
		f.seal(t)
		f.sound(t, 15)
	})
}

func TestAKeyRotationSignsAnew(t *testing.T) {
	f := open(t, dbtest.Open(t, db.SQLite, schemas))
	f.record(t, 3)
	f.seal(t)
	if _, err := f.keys.Rotate(keys.Checkpoint, 0); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(48 * time.Hour) // the former key is published no longer
	again := openAt(t, f.db, f.dir)
	again.clock.Set(f.clock.Now())
	k, err := keys.Open(keys.Config{Dir: filepath.Join(f.dir, "keys"), Clock: f.clock})
	if err != nil {
		t.Fatal(err)
	}
	l, err := audit.New(audit.Config{DB: f.db, Clock: f.clock, Dir: filepath.Join(f.dir, "audit"), Keys: k})
	if err != nil {
		t.Fatal(err)
	}
	f.Log = l
	f.seal(t)
	if r := f.sound(t, 3); r.Unknown != 1 {
		t.Errorf("%+v", r)
	}
}

func TestALostFolderIsMadeAnew(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		f.record(t, 600)
		f.seal(t)
		root := f.sound(t, 600).Root
		if err := os.RemoveAll(filepath.Join(f.dir, "audit")); err != nil {
			t.Fatal(err)
		}
		if r := f.verify(t); r.OK() {
			t.Error("a missing tree verifies")
		}
		n, err := f.Rebuild(t.Context())
		if err != nil || n != 600 {
			t.Fatal(n, err)
		}
		if got := f.sound(t, 600).Root; string(got) != string(root) {
			t.Error("another root")
		}
		f.record(t, 5)
		f.seal(t)
		f.sound(t, 605)
	})
}

func TestRebuildRefusesAlteredLeaves(t *testing.T) {
	f := open(t, dbtest.Open(t, db.SQLite, schemas))
	f.record(t, 20)
	f.seal(t)
	f.exec(t, `UPDATE audit_leaf SET leaf = (SELECT leaf FROM audit_leaf WHERE seq = 4) WHERE seq = 5`)
	if _, err := f.Rebuild(t.Context()); err == nil {
		t.Error("the tree was made of altered rows")
	}
	r := f.verify(t)
	if r.OK() || r.Problems[0].Seq != 5 {
		t.Errorf("%v", r.Problems)
	}
}
