// SPDX-License-Identifier: Apache-2.0

package population_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/feed"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
	"danh/registry/population"
)

var schemas = []db.Schema{seal.Schema, job.Schema, audit.Schema, population.Schema}

const source = "test-source"

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, clock.Vietnam)

type bench struct {
	*population.Registry
	db    *db.DB
	seal  *seal.Sealer
	audit *audit.Log
	jobs  *job.Queue
	clock *clock.Fake
}

func open(t testing.TB, d *db.DB) *bench {
	t.Helper()
	b := &bench{db: d, clock: clock.NewFake(now)}
	key := make([]byte, 32)
	var err error
	if b.seal, err = seal.New(key, key, b.clock); err != nil {
		t.Fatal(err)
	}
	if b.audit, err = audit.New(audit.Config{DB: d, Clock: b.clock}); err != nil {
		t.Fatal(err)
	}
	b.jobs = job.New(d, b.clock, slog.New(slog.DiscardHandler))
	if b.Registry, err = population.New(population.Config{DB: d, Seal: b.seal, Audit: b.audit, Jobs: b.jobs, Clock: b.clock}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) load(t testing.TB, asOf string, people ...*feed.Person) population.Loaded {
	t.Helper()
	l := b.NewLoader(audit.System("import"), source, date(t, asOf))
	batch, err := l.Prepare(people, true)
	if err != nil {
		t.Fatal(err)
	}
	var out population.Loaded
	care := false
	load := func(tx *db.Tx) (err error) {
		out, err = l.LoadTx(t.Context(), tx, batch, care)
		return err
	}
	err = b.db.Write(t.Context(), load)
	if db.IsUnique(err) {
		care = true
		err = b.db.Write(t.Context(), load)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// entries counts the audit entries with an action about a person.
func (b *bench) entries(t testing.TB, action string, about id.Person) (n int) {
	t.Helper()
	if err := b.db.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE subject = $1 AND action = $2`, about[:], action).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func ha(t testing.TB) *feed.Person {
	return &feed.Person{Ref: "p1", Name: "Nguyễn Thị Minh Hà", BirthDate: date(t, "1990-09-02"), Sex: "female", Nationality: "VNM", Ethnicity: "Kinh",
		Religion: "Không", Marital: "married", Origin: &feed.Place{Text: "Phường Điện Biên, Hà Nội", Unit: "00019", UnitFrom: date(t, "1900-01-01")},
		Numbers: []feed.Number{{Number: "012999901", From: date(t, "2006-04-12"), To: date(t, "2017-05-10"), Reason: "replaced"},
			{Number: "001190999901", From: date(t, "2017-05-10")}},
		Relations: []feed.Relation{{Kind: "spouse", Ref: "p2"}, {Kind: "child", Ref: "p3"}}}
}

func lam(t testing.TB) *feed.Person {
	return &feed.Person{Ref: "p2", Name: "Trần Văn Lâm", BirthDate: date(t, "1942"), Sex: "male", Nationality: "VNM",
		Numbers:   []feed.Number{{Number: "036042999902", From: date(t, "2017-05-10")}},
		Relations: []feed.Relation{{Kind: "spouse", Ref: "p1"}}}
}

func tho(t testing.TB) *feed.Person {
	return &feed.Person{Ref: "p4", Name: "Trần Văn Thọ", BirthDate: date(t, "1938-05-01"), Sex: "male", Died: date(t, "2019-01-02"),
		Numbers: []feed.Number{{Number: "036038999906"}}}
}

var look = audit.Look{By: audit.Officer(id.NewPerson(), id.NewPerson(), "Test office"), Purpose: "test.purpose", Ground: "test ground"}

func declare(t testing.TB, p *feed.Person) population.Declared {
	return population.Declared{Number: population.Number(p.Current()), Name: p.Name, BirthDate: p.BirthDate, Sex: population.Sex(p.Sex)}
}

func TestMatch(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		b.load(t, "2026-11-01", ha(t), lam(t), tho(t))
		haID := b.PersonID(source, "p1")
		old := declare(t, ha(t))
		old.Number = "012999901"
		plain := declare(t, ha(t))
		plain.Name = "nguyen thi minh ha"
		day := declare(t, lam(t))
		day.BirthDate = date(t, "1942-03-04")
		unknown := declare(t, ha(t))
		unknown.Number = "001190999999"
		asOf := date(t, "2026-11-01").Time().UTC()
		for _, c := range []struct {
			what     string
			declared population.Declared
			want     population.Match
		}{
			{"all equal", declare(t, ha(t)), population.Match{Person: haID, Number: eq, Name: eq, BirthDate: eq, Sex: eq, Current: true, Matched: true, SourceTime: asOf}},
			{"the old 9 digits", old, population.Match{Person: haID, Number: eq, Name: eq, BirthDate: eq, Sex: eq, Matched: true, SourceTime: asOf}},
			{"without diacritics", plain, population.Match{Person: haID, Number: eq, Name: near, BirthDate: eq, Sex: eq, Current: true, SourceTime: asOf}},
			{"born in a year", day, population.Match{Person: b.PersonID(source, "p2"), Number: eq, Name: eq, BirthDate: eq, Sex: eq, Current: true, Matched: true, SourceTime: asOf}},
			{"dead", declare(t, tho(t)), population.Match{Person: b.PersonID(source, "p4"), Number: eq, Name: eq, BirthDate: eq, Sex: eq, Current: true, Dead: true, SourceTime: asOf}},
			{"unknown number", unknown, population.Match{Number: none, Name: none, BirthDate: none, Sex: none}},
		} {
			before := b.entries(t, "population.match", c.want.Person)
			got, err := b.Match(t.Context(), look, c.declared)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("%s:\ngot  %+v\nwant %+v", c.what, got, c.want)
			}
			if n := b.entries(t, "population.match", c.want.Person) - before; n != 1 {
				t.Errorf("%s: %d audit entries, want 1", c.what, n)
			}
		}
	})
}

// TestMatchTellsNoNumberApart is the attack of finding out by the work done
// whether a number exists: statements and audit entries must be alike.
func TestMatchTellsNoNumberApart(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		b.load(t, "2026-11-01", ha(t), lam(t), tho(t))
		if _, err := b.Match(t.Context(), look, declare(t, ha(t))); err != nil { // finds the decoy
			t.Fatal(err)
		}
		wrong := declare(t, ha(t))
		wrong.Name = "Lê Văn Tám"
		unknown := declare(t, ha(t))
		unknown.Number = "001190999999"
		old := wrong
		old.Number = "012999901"
		var first []string
		for i, c := range []population.Declared{wrong, unknown, declare(t, tho(t)), old} {
			spans := tracetest.NewInMemoryExporter()
			tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
			ctx, root := tp.Tracer("test").Start(t.Context(), "match")
			if _, err := b.Match(ctx, look, c); err != nil {
				t.Fatal(err)
			}
			root.End()
			var work []string
			for _, s := range spans.GetSpans() {
				for _, a := range s.Attributes {
					work = append(work, string(a.Key)+"="+a.Value.AsString())
				}
			}
			if i == 0 {
				first = work
				if len(first) < 2 {
					t.Fatalf("the trace shows no work: %v", first)
				}
			}
			if !slices.Equal(work, first) {
				t.Errorf("declaration %d costs other work:\n%s\nthan\n%s", i, strings.Join(work, "\n"), strings.Join(first, "\n"))
			}
		}
		rows, err := d.Read().QueryContext(t.Context(), `SELECT purpose, ground, fields, outcome, detail FROM audit_entry WHERE outcome <> '' AND action = 'population.match'`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		seen := map[[5]string]int{}
		for rows.Next() {
			var r [5]string
			if err := rows.Scan(&r[0], &r[1], &r[2], &r[3], &r[4]); err != nil {
				t.Fatal(err)
			}
			seen[r]++
		}
		if len(seen) != 1 {
			t.Errorf("the entries of failed matches differ: %v", seen)
		}
	})
}

func TestFindAnswersOnlyTheNamedFields(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		b.load(t, "2026-11-01", ha(t), lam(t))
		who := b.PersonID(source, "p1")
		some := look
		some.Fields = []string{population.FieldName, population.FieldMarital}
		p, err := b.Find(t.Context(), some, who)
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != "Nguyễn Thị Minh Hà" || p.Marital != "married" || p.Number != "" || p.Numbers != nil || !p.BirthDate.IsZero() || p.Sex != "" || p.Religion != "" ||
			p.Origin != nil || p.Ethnicity != "" || p.Nationality != "" {
			t.Errorf("more or less than name and marital status: %+v", p)
		}
		if p, err = b.Find(t.Context(), look, who); err != nil {
			t.Fatal(err)
		}
		if p.Number != "001190999901" || len(p.Numbers) != 2 || p.Numbers[0].Number != "012999901" || p.Numbers[0].Reason != population.Replaced ||
			p.Religion != "Không" || p.Origin == nil || p.Origin.UnitCode != "00019" || p.Ethnicity != "Kinh" || p.Dead {
			t.Errorf("without named fields not all of them: %+v", p)
		}
		var fields string
		if err := d.Read().QueryRowContext(t.Context(), `SELECT fields FROM audit_entry WHERE subject = $1 ORDER BY id LIMIT 1`, who[:]).Scan(&fields); err != nil {
			t.Fatal(err)
		}
		if fields != `["name","marital"]` {
			t.Errorf("the entry names %s", fields)
		}
		if p, err = b.FindByNumber(t.Context(), look, "012999901"); err != nil || p.ID != who {
			t.Errorf("an earlier number does not lead to her: %v", err)
		}
		if _, err = b.FindByNumber(t.Context(), look, "012999999"); !fault.Is(err, fault.NotFound) {
			t.Errorf("an unknown number: %v", err)
		}
		if n := b.entries(t, "population.read", id.Person{}); n != 1 {
			t.Errorf("an unknown number left %d entries, want 1", n)
		}
		bad := look
		bad.Fields = []string{"shoe_size"}
		if _, err = b.Find(t.Context(), bad, who); err == nil {
			t.Error("an unknown field is answered")
		}
	})
}

// TestNoAnswerWithoutEntry is the attack of reading while the log is down.
func TestNoAnswerWithoutEntry(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		b.load(t, "2026-11-01", ha(t))
		if err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `ALTER TABLE audit_entry RENAME TO audit_away`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		who := b.PersonID(source, "p1")
		if m, err := b.Match(t.Context(), look, declare(t, ha(t))); err == nil || m != (population.Match{}) {
			t.Errorf("a match answers without its entry: %+v", m)
		}
		if p, err := b.Find(t.Context(), look, who); err == nil || p.Name != "" {
			t.Error("a person is read without its entry")
		}
		if x, err := b.ListRelations(t.Context(), look, who); err == nil || x != nil {
			t.Error("relations are read without their entry")
		}
		if x, err := b.Search(t.Context(), look, population.Query{Name: "Nguyen", BirthDate: date(t, "1990-09-02")}); err == nil || x != nil {
			t.Error("a search answers without its entries")
		}
		if _, err := b.Find(t.Context(), audit.Look{By: look.By}, who); err == nil {
			t.Error("a look-up without purpose and ground answers")
		}
	})
}

func TestSearch(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		other := ha(t)
		other.Ref, other.Name, other.Numbers = "p9", "Nguyễn Thị Minh Ánh", []feed.Number{{Number: "001190999909"}}
		b.load(t, "2026-11-01", ha(t), lam(t), other)
		got, err := b.Search(t.Context(), look, population.Query{Name: "nguyen thi MINH", BirthDate: date(t, "2/9/1990")})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || got[0].Name != "Nguyễn Thị Minh Ánh" || got[1].Name != "Nguyễn Thị Minh Hà" || got[0].Number != "" {
			t.Errorf("found %d, in the wrong order or with too much: %+v", len(got), got)
		}
		if n := b.entries(t, "population.searched", got[1].ID); n != 1 {
			t.Errorf("%d entries about a found person, want 1", n)
		}
		if got, err = b.Search(t.Context(), look, population.Query{Name: "Tran", BirthDate: date(t, "4/3/1942")}); err != nil || len(got) != 1 {
			t.Errorf("somebody of whom only the year is registered: %d, %v", len(got), err)
		}
		if got, err = b.Search(t.Context(), look, population.Query{Name: "Minh", BirthDate: date(t, "2/9/1990")}); err != nil || len(got) != 0 {
			t.Errorf("a middle of a name: %d, %v", len(got), err)
		}
		for _, q := range []population.Query{{Name: "N", BirthDate: date(t, "1990-09-02")}, {Name: "Nguyen"}, {BirthDate: date(t, "1990-09-02")}} {
			if _, err := b.Search(t.Context(), look, q); !fault.Is(err, fault.Invalid) {
				t.Errorf("a search that sweeps the registry: %v", err)
			}
		}
	})
}

func TestListRelations(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		b.load(t, "2026-11-01", ha(t)) // her husband comes later, her child never
		b.load(t, "2026-11-01", lam(t))
		got, err := b.ListRelations(t.Context(), look, b.PersonID(source, "p1"))
		if err != nil {
			t.Fatal(err)
		}
		want := []population.Relation{{Kind: population.Child, Other: b.PersonID(source, "p3")}, {Kind: population.Spouse, Other: b.PersonID(source, "p2")}}
		if !slices.Equal(got, want) {
			t.Errorf("got %+v", got)
		}
		if p, err := b.Find(t.Context(), look, want[1].Other); err != nil || p.Name != "Trần Văn Lâm" {
			t.Errorf("the relation does not lead to him: %v", err)
		}
	})
}

func TestLifeEvents(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		b.load(t, "2026-11-01", ha(t), lam(t))
		who := b.PersonID(source, "p1")
		var news []population.Event
		for _, k := range []population.EventKind{population.Died, population.NumberChanged, population.Corrected} {
			b.Subscribe(k, func(_ context.Context, e population.Event) error {
				news = append(news, e)
				return nil
			})
		}
		officer := look.By
		act := func(f func(tx *db.Tx) error) error { return d.Write(t.Context(), f) }

		for _, by := range []audit.Actor{audit.Citizen(id.NewPerson(), who), audit.Partner("bank", "Bank"), audit.Anonymous(), {}} {
			if err := act(func(tx *db.Tx) error {
				return b.RecordDeathTx(t.Context(), tx, by, who, date(t, "2026-11-20"), "x")
			}); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%q may record a death: %v", by.Kind, err)
			}
			if err := act(func(tx *db.Tx) error {
				return b.ChangeNumberTx(t.Context(), tx, by, who, "001190999955", population.WrongData, date(t, "2026-11-20"), "x")
			}); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%q may change a number: %v", by.Kind, err)
			}
			if err := act(func(tx *db.Tx) error {
				return b.CorrectTx(t.Context(), tx, by, who, population.Correction{Name: "X Y"}, "x")
			}); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%q may correct: %v", by.Kind, err)
			}
		}

		// A number that is somebody else's.
		if err := act(func(tx *db.Tx) error {
			return b.ChangeNumberTx(t.Context(), tx, officer, who, "036042999902", population.WrongData, date(t, "2026-11-20"), "x")
		}); !fault.Is(err, fault.Conflict) {
			t.Errorf("a number in force for another person is given out: %v", err)
		}
		if p, err := b.Find(t.Context(), look, who); err != nil || p.Number != "001190999901" {
			t.Errorf("a refused change left something behind: %v", err)
		}
		// Her own re-established number.
		if err := act(func(tx *db.Tx) error {
			return b.ChangeNumberTx(t.Context(), tx, officer, who, "001190999955", population.BirthYear, date(t, "2026-11-20"), "NĐ 70/2024, Điều 11")
		}); err != nil {
			t.Fatal(err)
		}
		declared := declare(t, ha(t))
		if m, err := b.Match(t.Context(), look, declared); err != nil || m.Person != who || m.Current || !m.Matched {
			t.Errorf("the earlier number does not resolve as an earlier one: %+v, %v", m, err)
		}
		declared.Number = "001190999955"
		if m, err := b.Match(t.Context(), look, declared); err != nil || m.Person != who || !m.Current {
			t.Errorf("the number in force: %+v, %v", m, err)
		}
		if err := act(func(tx *db.Tx) error {
			return b.CorrectTx(t.Context(), tx, officer, who, population.Correction{Name: "Nguyễn Thị Minh Hạ", BirthDate: date(t, "1991-09-02")}, "x")
		}); err != nil {
			t.Fatal(err)
		}
		if m, err := b.Match(t.Context(), look, declared); err != nil || m.Name != near || m.BirthDate != other {
			t.Errorf("the correction does not show: %+v, %v", m, err)
		}
		if err := act(func(tx *db.Tx) error {
			return b.RecordDeathTx(t.Context(), tx, officer, who, date(t, "2027-01-01"), "x")
		}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a death to come: %v", err)
		}
		if err := act(func(tx *db.Tx) error {
			return b.RecordDeathTx(t.Context(), tx, officer, who, date(t, "2026-11-20"), "x")
		}); err != nil {
			t.Fatal(err)
		}
		if err := act(func(tx *db.Tx) error {
			return b.RecordDeathTx(t.Context(), tx, officer, who, date(t, "2026-11-21"), "x")
		}); !fault.Is(err, fault.Conflict) {
			t.Errorf("a second death: %v", err)
		}
		if m, err := b.Match(t.Context(), look, declared); err != nil || !m.Dead || m.Matched {
			t.Errorf("the death does not show: %+v, %v", m, err)
		}
		// An older delivery must not undo any of it.
		if got := b.load(t, "2026-11-01", ha(t)); got.Older != 1 {
			t.Errorf("an older delivery: %+v", got)
		}
		if err := b.jobs.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		var kinds []population.EventKind
		for _, e := range news {
			if e.Person != who {
				t.Error("news about somebody else")
			}
			kinds = append(kinds, e.Kind)
		}
		if !slices.Equal(kinds, []population.EventKind{population.NumberChanged, population.Corrected, population.Died}) {
			t.Errorf("the news are %v", kinds)
		}
		for _, a := range []string{"population.number_changed", "population.corrected", "population.death_recorded"} {
			if n := b.entries(t, a, who); n != 1 {
				t.Errorf("%s: %d entries, want 1", a, n)
			}
		}
	})
}

func TestDeliveryUpdatesWhatChanged(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		b.load(t, "2026-11-01", ha(t), lam(t), tho(t))
		var died, renumbered, corrected int
		b.Subscribe(population.Died, func(context.Context, population.Event) error { died++; return nil })
		b.Subscribe(population.NumberChanged, func(context.Context, population.Event) error { renumbered++; return nil })
		b.Subscribe(population.Corrected, func(context.Context, population.Event) error { corrected++; return nil })

		h := ha(t)
		h.Name, h.Died = "Nguyễn Thị Minh Hạ", date(t, "2026-11-05")
		h.Numbers[1].To, h.Numbers[1].Reason = date(t, "2026-11-03"), "wrong_data"
		h.Numbers = append(h.Numbers, feed.Number{Number: "001190999955", From: date(t, "2026-11-03")})
		h.Relations = h.Relations[1:] // the marriage ended
		fresh := ha(t)
		fresh.Ref, fresh.Numbers = "p7", []feed.Number{{Number: "001190999977"}}
		got := b.load(t, "2026-11-10", h, lam(t), tho(t), fresh)
		if got.Changed != 1 || got.Unchanged != 2 || got.Inserted != 1 || len(got.Rejects) != 0 {
			t.Fatalf("the second delivery: %+v", got)
		}
		if again := b.load(t, "2026-11-10", h, lam(t), tho(t), fresh); again.Unchanged != 4 || again.Changed+again.Inserted != 0 {
			t.Errorf("the same delivery again: %+v", again)
		}
		who := b.PersonID(source, "p1")
		p, err := b.Find(t.Context(), look, who)
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != h.Name || !p.Dead || p.Died != h.Died || p.Number != "001190999955" || len(p.Numbers) != 3 || p.Numbers[1].Reason != population.WrongData {
			t.Errorf("the person after the delivery: %+v", p)
		}
		rel, err := b.ListRelations(t.Context(), look, who)
		if err != nil {
			t.Fatal(err)
		}
		if len(rel) != 2 || !rel[0].To.IsZero() || rel[1].Kind != population.Spouse || rel[1].To != date(t, "2026-11-10") {
			t.Errorf("the relations after the delivery: %+v", rel)
		}
		var kept int
		if err := d.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM population_history WHERE person = $1`, who).Scan(&kept); err != nil || kept != 1 {
			t.Errorf("%d records of what was before, want 1: %v", kept, err)
		}
		if err := b.jobs.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if died != 1 || renumbered != 1 || corrected != 1 {
			t.Errorf("news: %d deaths, %d numbers, %d corrections", died, renumbered, corrected)
		}
	})
}

// TestNumberBelongsToOne is the attack of a source that gives one number to two people.
func TestNumberBelongsToOne(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		thief := lam(t)
		thief.Ref, thief.Numbers = "p8", []feed.Number{{Number: "001190999901"}}
		got := b.load(t, "2026-11-01", ha(t), lam(t), thief)
		if got.Inserted != 2 || len(got.Rejects) != 1 || got.Rejects[0].Index != 2 || got.Rejects[0].Field != "person.numbers[0].number" {
			t.Fatalf("one number for two: %+v", got)
		}
		if strings.Contains(got.Rejects[0].Problem+got.Rejects[0].Mend, "0011") {
			t.Error("the reject repeats the number")
		}
		// It passes on, in one delivery: hers ended as wrong, his it is.
		h := ha(t)
		h.Numbers[1].To, h.Numbers[1].Reason = date(t, "2026-11-03"), "wrong_data"
		h.Numbers = append(h.Numbers, feed.Number{Number: "001190999955", From: date(t, "2026-11-03")})
		if got = b.load(t, "2026-11-10", h, thief); got.Changed != 1 || got.Inserted != 1 || len(got.Rejects) != 0 {
			t.Fatalf("the number passes on: %+v", got)
		}
		p, err := b.FindByNumber(t.Context(), look, "001190999901")
		if err != nil || p.ID != b.PersonID(source, "p8") {
			t.Errorf("the number does not lead to its holder: %v", err)
		}
		if p, err = b.Find(t.Context(), look, b.PersonID(source, "p1")); err != nil || len(p.Numbers) != 3 || p.Number != "001190999955" {
			t.Errorf("her history: %+v, %v", p.Numbers, err)
		}
	})
}

func TestEventDeliveredUntilEverybodyHasIt(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		b.load(t, "2026-11-01", ha(t))
		var first, second int
		b.Subscribe(population.Died, func(context.Context, population.Event) error { first++; return nil })
		b.Subscribe(population.Died, func(context.Context, population.Event) error {
			if second++; second == 1 {
				return errors.New("not yet")
			}
			return nil
		})
		if err := d.Write(t.Context(), func(tx *db.Tx) error {
			return b.RecordDeathTx(t.Context(), tx, look.By, b.PersonID(source, "p1"), date(t, "2026-11-20"), "x")
		}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := b.jobs.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.clock.Advance(time.Hour)
		}
		if first != 2 || second != 2 {
			t.Errorf("delivered %d and %d times, want 2 and 2", first, second)
		}
	})
}
