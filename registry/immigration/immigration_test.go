// SPDX-License-Identifier: Apache-2.0

package immigration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	"danh/audit"
	"danh/internal/border"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
	"danh/registry/immigration"
	"danh/registry/population"
)

var schemas = []db.Schema{seal.Schema, job.Schema, audit.Schema, immigration.Schema}

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, clock.Vietnam)

const source = "sandbox-immigration"

type bench struct {
	*immigration.Registry
	db     *db.DB
	jobs   *job.Queue
	clock  *clock.Fake
	events []immigration.Event
}

func open(t testing.TB, d *db.DB) *bench {
	t.Helper()
	b := &bench{db: d, clock: clock.NewFake(now)}
	key := make([]byte, 32)
	s, err := seal.New(key, key, b.clock)
	if err != nil {
		t.Fatal(err)
	}
	a, err := audit.New(audit.Config{DB: d, Clock: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	b.jobs = job.New(d, b.clock, slog.New(slog.DiscardHandler))
	if b.Registry, err = immigration.New(immigration.Config{DB: d, Seal: s, Audit: a, Jobs: b.jobs, Clock: b.clock}); err != nil {
		t.Fatal(err)
	}
	for _, k := range []immigration.EventKind{immigration.DocumentEnded, immigration.DocumentRenewed, immigration.Corrected} {
		b.Subscribe(k, func(_ context.Context, e immigration.Event) error {
			b.events = append(b.events, e)
			return nil
		})
	}
	return b
}

func (b *bench) load(t testing.TB, feed []byte) immigration.Report {
	t.Helper()
	rep, err := b.Import(t.Context(), audit.System("import"), bytes.NewReader(feed))
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func (b *bench) sweep(t testing.TB) {
	t.Helper()
	for range 2 { // every server runs the purges
		for _, p := range b.Purges() {
			if _, err := p.RunOnce(t.Context(), b.db, b.clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := b.jobs.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) entries(t testing.TB, action, outcome string, about id.Person) (n int) {
	t.Helper()
	if err := b.db.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE subject = $1 AND action = $2 AND outcome = $3`, about[:], action, outcome).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func date(t testing.TB, s string) clock.Date {
	t.Helper()
	d, err := clock.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var officer = audit.Officer(id.NewPerson(), id.NewPerson(), "Test office")

var look = audit.Look{By: officer, Purpose: "test.purpose", Ground: "test ground"}

func TestImportAndLookUps(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		ctx := t.Context()
		if rep := b.load(t, border.Sample()); rep.People != 8 || rep.Changed != 8 || len(rep.Rejected) != 0 || rep.Before {
			t.Fatalf("%+v", rep)
		}
		if rep := b.load(t, border.Sample()); !rep.Before {
			t.Fatalf("imported twice: %+v", rep)
		}
		sato := b.PersonID(source, "f1")
		f, err := b.FindByDocument(ctx, look, immigration.Passport, "JPN", "TZ9990001")
		if err != nil || f.ID != sato || f.Name != "SATO HARUKA" || len(f.Documents) != 2 || f.Documents[0].Number != "990001TR" || f.Documents[0].Category != "LĐ2" || !strings.Contains(f.Address, "Linh Lang") {
			t.Fatalf("%+v %v", f, err)
		}
		if b.entries(t, "immigration.read", "", sato) != 1 {
			t.Fatal("a look left no entry")
		}
		if _, err := b.FindByDocument(ctx, look, immigration.Passport, "JPN", "TZ0000000"); !fault.Is(err, fault.NotFound) || b.entries(t, "immigration.read", "not_found", id.Person{}) != 1 {
			t.Fatal(err)
		}
		for _, by := range []audit.Actor{audit.Anonymous(), audit.Citizen(id.NewPerson(), b.PersonID(source, "f2"))} {
			if _, err := b.Find(ctx, audit.Look{By: by, Purpose: "curiosity", Ground: "none"}, sato); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s read: %v", by.Kind, err)
			}
		}
		if b.entries(t, "immigration.read", "refused", sato) != 2 {
			t.Error("refused looks left no entry")
		}
		if _, err := b.Find(ctx, audit.Look{By: officer}, sato); err == nil {
			t.Error("a look without purpose and ground")
		}
		if _, err := b.Import(ctx, audit.Citizen(id.NewPerson(), sato), bytes.NewReader(border.Sample())); !fault.Is(err, fault.Forbidden) {
			t.Error("a citizen imported", err)
		}
		// The papers of the sample, on the day of the sample.
		for ref, want := range map[string]immigration.Standing{
			"f1": {Passport: true, Residence: true, Until: date(t, "2027-02-28")}, "f2": {Passport: true, Residence: true, Until: date(t, "2029-01-14")},
			"f3": {Passport: true, Residence: true, Until: date(t, "2026-11-30")}, "f4": {Passport: true}, "f5": {Passport: true},
			"f6": {Passport: true, Residence: true, Until: date(t, "2027-05-31")}, "f7": {Residence: true}, "f8": {Passport: true, Residence: true, Until: date(t, "2028-12-31")},
		} {
			f, err := b.Find(ctx, look, b.PersonID(source, ref))
			if err != nil || f.StandingOn(clock.DateOf(now)) != want {
				t.Errorf("%s: %+v %v, want %+v", ref, f.StandingOn(clock.DateOf(now)), err, want)
			}
		}
		// No number lies open.
		var n int
		if err := d.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM immigration_document WHERE number = $1`, []byte("TZ9990001")).Scan(&n); err != nil || n != 0 {
			t.Fatal("a number in the clear", n, err)
		}
	})
}

func TestMatch(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		b.load(t, border.Sample())
		good := immigration.Declared{Country: "JPN", Number: "TZ9990001", Name: "Sato Haruka", BirthDate: date(t, "1991-04-17"), Sex: population.Female}
		with := func(f func(*immigration.Declared)) immigration.Declared {
			d := good
			f(&d)
			return d
		}
		for name, x := range map[string]struct {
			d    immigration.Declared
			want bool
		}{
			"all equal":         {good, true},
			"another's name":    {with(func(d *immigration.Declared) { d.Name = "Kim Minjun" }), false},
			"another birth":     {with(func(d *immigration.Declared) { d.BirthDate = date(t, "1991-04-18") }), false},
			"another sex":       {with(func(d *immigration.Declared) { d.Sex = population.Male }), false},
			"another country":   {with(func(d *immigration.Declared) { d.Country = "KOR" }), false},
			"unknown passport":  {with(func(d *immigration.Declared) { d.Number = "TZ9990002" }), false},
			"sex left open":     {immigration.Declared{Country: "USA", Number: "A99900051", Name: "MILLER JORDAN ALEX", BirthDate: date(t, "1996-12-09")}, true},
			"former passport":   {immigration.Declared{Country: "RUS", Number: "759990081", Name: "IVANOVA OLGA", BirthDate: date(t, "1989-03-08"), Sex: population.Female}, false},
			"passport over":     {immigration.Declared{Country: "IND", Number: "Z9990071", Name: "SINGH ARJUN", BirthDate: date(t, "1962-01-02"), Sex: population.Male}, false},
			"card for passport": {with(func(d *immigration.Declared) { d.Country, d.Number = "VNM", "990001TR" }), false},
		} {
			m, err := b.Match(t.Context(), look, x.d)
			if err != nil || m.Matched != x.want {
				t.Errorf("%s: %+v %v", name, m, err)
			}
		}
		if b.entries(t, "immigration.match", "", b.PersonID(source, "f1")) != 1 || b.entries(t, "immigration.match", "not_matched", id.Person{}) != 3 {
			t.Error("entries are missing")
		}
	})
}

// feedOf is a delivery with one person.
func feedOf(t testing.TB, asOf string, p border.Foreigner) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := border.Write(&b, border.Header{Source: source, AsOf: date(t, asOf)}, []border.Foreigner{p}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPapersEndAndAreRenewed(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		ctx := t.Context()
		passport := border.Document{Kind: "passport", Country: "FRA", Number: "99FR00031", Issued: date(t, "2017-09-01"), Expires: date(t, "2027-08-31")}
		old := border.Document{Kind: "temporary", Country: "VNM", Number: "990003TR", Category: "TT", Issued: date(t, "2024-12-01"), Expires: date(t, "2026-11-30")}
		later := border.Document{Kind: "temporary", Country: "VNM", Number: "990093TR", Category: "TT", Issued: date(t, "2026-12-05"), Expires: date(t, "2028-12-04")}
		claire := border.Foreigner{Ref: "f3", Name: "DUBOIS CLAIRE", BirthDate: date(t, "1978-02-03"), Sex: "female", Nationality: "FRA", Documents: []border.Document{passport, old}}
		b.load(t, feedOf(t, "2026-11-21", claire))
		person := b.PersonID(source, "f3")
		standing := func() (s immigration.Standing) {
			if err := d.Write(ctx, func(tx *db.Tx) (err error) { s, err = b.FindStandingTx(ctx, tx, look, person); return err }); err != nil {
				t.Fatal(err)
			}
			return s
		}
		b.sweep(t)
		if len(b.events) != 0 || !standing().OK() {
			t.Fatal("news before the end", b.events)
		}
		// The last day counts whole; the first minute after it no longer.
		b.clock.Set(date(t, "2026-11-30").Time().Add(23*time.Hour + 59*time.Minute))
		if b.sweep(t); len(b.events) != 0 || !standing().OK() {
			t.Fatal("ended on its last day")
		}
		b.clock.Advance(2 * time.Minute)
		if standing().OK() {
			t.Fatal("counts after its last day")
		}
		b.sweep(t)
		if len(b.events) != 1 || b.events[0].Kind != immigration.DocumentEnded || b.events[0].Document != immigration.Temporary || b.events[0].OK || b.events[0].Person != person {
			t.Fatalf("%+v", b.events)
		}
		// A new card unlocks, an older delivery changes nothing, a cancellation locks again.
		b.clock.Set(date(t, "2026-12-06").Time().Add(time.Hour))
		claire.Documents = append(claire.Documents, later)
		b.load(t, feedOf(t, "2026-12-06", claire))
		b.sweep(t)
		if len(b.events) != 2 || b.events[1].Kind != immigration.DocumentRenewed || !b.events[1].OK || !standing().OK() {
			t.Fatalf("%+v", b.events)
		}
		claire.Documents = nil
		if rep := b.load(t, feedOf(t, "2026-12-01", claire)); rep.Older != 1 || !standing().OK() {
			t.Fatalf("an older delivery undid a later one: %+v", rep)
		}
		cancel := func(by audit.Actor) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				return b.CancelTx(ctx, tx, by, person, immigration.Temporary, "VNM", "990093TR", "test decision")
			})
		}
		if err := cancel(audit.Citizen(person, person)); !fault.Is(err, fault.Forbidden) {
			t.Fatal(err)
		}
		if err := cancel(officer); err != nil {
			t.Fatal(err)
		}
		if err := cancel(officer); !fault.Is(err, fault.NotFound) {
			t.Fatal("cancelled twice", err)
		}
		b.sweep(t)
		if len(b.events) != 3 || b.events[2].OK || standing().OK() || b.entries(t, "immigration.document_cancelled", "", person) != 1 {
			t.Fatalf("%+v", b.events)
		}
		// A delivery that no longer names the passport ends it.
		claire.Documents = []border.Document{later}
		b.load(t, feedOf(t, "2026-12-07", claire))
		f, err := b.Find(ctx, look, person)
		if err != nil || len(f.Documents) != 3 || f.StandingOn(date(t, "2026-12-07")) != (immigration.Standing{}) {
			t.Fatalf("%+v %v", f, err)
		}
	})
}

// TestPassportOfAnother: the attack, or the error, delivers somebody's passport
// a second time under another person.
func TestPassportOfAnother(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		b.load(t, border.Sample())
		thief := border.Foreigner{Ref: "x", Name: "SOMEBODY ELSE", BirthDate: date(t, "1990"), Nationality: "JPN",
			Documents: []border.Document{{Kind: "passport", Country: "JPN", Number: "TZ9990001", Issued: date(t, "2023-05-10"), Expires: date(t, "2033-05-09")}}}
		if rep := b.load(t, feedOf(t, "2026-11-22", thief)); len(rep.Rejected) != 1 || rep.Rejected[0].Line != 2 {
			t.Fatalf("%+v", rep)
		}
		f, err := b.FindByDocument(t.Context(), look, immigration.Passport, "JPN", "TZ9990001")
		if err != nil || f.ID != b.PersonID(source, "f1") {
			t.Fatal("the passport changed hands", err)
		}
		if f, err = b.Find(t.Context(), look, b.PersonID(source, "x")); err != nil || len(f.Documents) != 0 {
			t.Fatal(f, err)
		}
	})
}

func TestTextsHaveBothLanguages(t *testing.T) {
	raw, err := fs.ReadFile(immigration.Texts, "immigration.text.json")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string][2]string{}
	if err := json.Unmarshal(raw, &texts); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"read.forbidden", "change.forbidden", "person.not_found", "document.not_found", "purpose.keep"} {
		if v := texts["immigration."+k]; v[0] == "" || v[1] == "" || v[0] == v[1] {
			t.Errorf("immigration.%s lacks a language", k)
		}
	}
}
