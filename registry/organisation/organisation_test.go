// SPDX-License-Identifier: Apache-2.0

package organisation_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"danh/audit"
	"danh/internal/business"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/feed"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
	"danh/registry/organisation"
	"danh/registry/population"
)

var schemas = []db.Schema{seal.Schema, job.Schema, audit.Schema, population.Schema, organisation.Schema}

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, clock.Vietnam)

const source = "test-enterprise"

type bench struct {
	*organisation.Registry
	db          *db.DB
	people      *population.Registry
	jobs        *job.Queue
	clock       *clock.Fake
	events      []organisation.Event
	hai, lan, k id.Person // two who represent, and one who does not
}

func day(y, m, d int) clock.Date { return clock.Date{Year: y, Month: m, Day: d} }

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
	if b.people, err = population.New(population.Config{DB: d, Seal: s, Audit: a, Jobs: b.jobs, Clock: b.clock}); err != nil {
		t.Fatal(err)
	}
	if b.Registry, err = organisation.New(organisation.Config{DB: d, Seal: s, Audit: a, Jobs: b.jobs, Population: b.people, Clock: b.clock}); err != nil {
		t.Fatal(err)
	}
	for _, k := range []organisation.EventKind{organisation.WasSuspended, organisation.HasResumed, organisation.WasDissolved, organisation.RepresentativesChanged} {
		b.Subscribe(k, func(_ context.Context, e organisation.Event) error {
			b.events = append(b.events, e)
			return nil
		})
	}
	for i, p := range []*feed.Person{person("hai", "001083999914", "Bùi Văn Hải"), person("lan", "001186999915", "Đỗ Thị Lan Phương"), person("k", "001094999916", "Vũ Hoàng Nam")} {
		l := b.people.NewLoader(audit.System("import"), "test-people", day(2026, 11, 1))
		batch, err := l.Prepare([]*feed.Person{p}, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := l.LoadTx(t.Context(), tx, batch, false)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		*[]*id.Person{&b.hai, &b.lan, &b.k}[i] = b.people.PersonID("test-people", p.Ref)
	}
	return b
}

func person(ref, number, name string) *feed.Person {
	sex := "male"
	if number[3] == '1' {
		sex = "female"
	}
	return &feed.Person{Ref: ref, Name: name, BirthDate: day(1985, 5, 5), Sex: sex, Nationality: "VNM", Numbers: []feed.Number{{Number: number, From: day(2017, 5, 10)}}}
}

var hai = business.Representative{Number: "001083999914", Name: "Bùi Văn Hải", Position: "Chủ tịch", From: day(2017, 2, 20)}
var lan = business.Representative{Number: "001186999915", Name: "Đỗ Thị Lan Phương", Position: "Giám đốc", From: day(2021, 7, 12)}

func travel(reps ...business.Representative) business.Organisation {
	return business.Organisation{Ref: "travel", Number: "0109990034", Name: "Công ty TNHH Du lịch Mây Trắng", Kind: "enterprise", Status: "active", Registered: day(2017, 2, 20),
		Address: "Số 19 đường Quang Trung", Representatives: reps}
}

func (b *bench) load(t testing.TB, asOf clock.Date, list ...business.Organisation) organisation.Report {
	t.Helper()
	var feed bytes.Buffer
	if err := business.Write(&feed, business.Header{Source: source, AsOf: asOf}, list); err != nil {
		t.Fatal(err)
	}
	rep, err := b.Import(t.Context(), audit.System("import"), &feed)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.jobs.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	return rep
}

func (b *bench) entries(t testing.TB, action, outcome string, about id.Person) (n int) {
	t.Helper()
	if err := b.db.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE subject = $1 AND action = $2 AND outcome = $3`, about[:], action, outcome).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (b *bench) authority(t testing.TB, p id.Person) organisation.Authority {
	t.Helper()
	a, err := b.Authority(t.Context(), p, b.OrganisationID(source, "travel"))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func citizen(p id.Person) audit.Actor { return audit.Citizen(id.NewPerson(), p) }

func lookBy(by audit.Actor) audit.Look {
	return audit.Look{By: by, Purpose: "test.purpose", Ground: "test ground"}
}

func TestImportAndLookUps(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b, ctx := open(t, d), t.Context()
		if rep := b.load(t, day(2026, 11, 1), travel(hai, lan)); rep.Changed != 1 || rep.Unknown != 0 || len(rep.Rejected) != 0 {
			t.Fatalf("%+v", rep)
		}
		if rep := b.load(t, day(2026, 11, 2), travel(hai, lan)); rep.Unchanged != 1 || rep.Changed != 0 || len(b.events) != 0 {
			t.Fatalf("the same again: %+v, %d events", rep, len(b.events))
		}
		older := travel(hai)
		older.Status, older.StatusFrom = "dissolved", day(2025, 1, 1)
		if rep := b.load(t, day(2025, 6, 1), older); rep.Older != 1 {
			t.Fatalf("an older file: %+v", rep)
		}
		twin := travel()
		twin.Ref = "twin"
		if rep := b.load(t, day(2026, 11, 3), twin); len(rep.Rejected) != 1 || rep.Rejected[0].Field != "number" {
			t.Fatalf("another organisation took the code: %+v", rep)
		}
		org := b.OrganisationID(source, "travel")
		o, err := b.FindByNumber(ctx, lookBy(citizen(b.k)), "0109990034")
		if err != nil || o.ID != org || o.Name != "Công ty TNHH Du lịch Mây Trắng" || o.Status != organisation.Active {
			t.Fatalf("%+v %v", o, err)
		}
		if b.entries(t, "organisation.read", "", o.Subject()) != 1 {
			t.Error("a look at an organisation without an entry")
		}
		if _, err := b.FindByNumber(ctx, lookBy(citizen(b.k)), "0109990080"); !fault.Is(err, fault.NotFound) {
			t.Errorf("unknown: %v", err)
		}
		if _, err := b.FindByNumber(ctx, audit.Look{By: citizen(b.k)}, "0109990034"); err == nil {
			t.Error("a look without purpose and ground")
		}
		list, err := b.Representatives(ctx, lookBy(citizen(b.hai)), org)
		if err != nil || len(list) != 2 || list[0].Person != b.hai || list[1].Name != "Đỗ Thị Lan Phương" {
			t.Fatalf("%+v %v", list, err)
		}
		if b.entries(t, "organisation.representatives.read", "", b.lan) != 1 {
			t.Error("the other representative cannot see that she was looked at")
		}
		if _, err := b.Representatives(ctx, lookBy(citizen(b.k)), org); !fault.Is(err, fault.Forbidden) || b.entries(t, "organisation.representatives.read", "refused", o.Subject()) != 1 {
			t.Errorf("a stranger sees who represents it: %v", err)
		}
		if got, err := b.RepresentedBy(ctx, lookBy(citizen(b.lan)), b.lan); err != nil || len(got) != 1 || got[0].Position != "Giám đốc" {
			t.Errorf("%+v %v", got, err)
		}
		if _, err := b.RepresentedBy(ctx, lookBy(citizen(b.k)), b.lan); !fault.Is(err, fault.Forbidden) {
			t.Errorf("what somebody else represents: %v", err)
		}
	})
}

func TestWhoIsUnknownOrHasAnotherNameRepresentsNobody(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		stranger, misnamed := hai, lan
		stranger.Number, misnamed.Name = "001083999999", "Đỗ Thị Lan Hương"
		if rep := b.load(t, day(2026, 11, 1), travel(stranger, misnamed)); rep.Unknown != 2 || rep.Changed != 1 {
			t.Fatalf("%+v", rep)
		}
		if a := b.authority(t, b.lan); a.Relation != "" {
			t.Errorf("a number under another name gives power: %+v", a)
		}
		if rep := b.load(t, day(2026, 11, 2), travel(stranger, lan)); rep.Unknown != 1 {
			t.Errorf("%+v", rep)
		}
		if a := b.authority(t, b.lan); a.Relation != organisation.LegalRepresentative {
			t.Errorf("%+v", a)
		}
	})
}

func TestStatusAndRepresentativesAreNews(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		b.load(t, day(2026, 11, 1), travel(hai, lan))
		b.load(t, day(2026, 11, 2), travel(hai))
		if a := b.authority(t, b.lan); a.Relation != "" {
			t.Fatalf("a former representative: %+v", a)
		}
		o := travel(hai)
		o.Status, o.StatusFrom = "suspended", day(2026, 11, 3)
		b.load(t, day(2026, 11, 3), o)
		if a := b.authority(t, b.hai); a.Relation == "" || a.Active || a.Covers(organisation.Procedures) {
			t.Errorf("suspended: %+v", a)
		}
		b.load(t, day(2026, 11, 4), travel(hai))
		if a := b.authority(t, b.hai); !a.Covers(organisation.Procedures) {
			t.Errorf("resumed: %+v", a)
		}
		o.Status, o.StatusFrom = "dissolved", day(2026, 11, 5)
		b.load(t, day(2026, 11, 5), o)
		var kinds []organisation.EventKind
		for _, e := range b.events {
			kinds = append(kinds, e.Kind)
		}
		want := []organisation.EventKind{organisation.RepresentativesChanged, organisation.WasSuspended, organisation.HasResumed, organisation.WasDissolved}
		if len(kinds) != len(want) {
			t.Fatalf("%v", kinds)
		}
		for i := range want {
			if kinds[i] != want[i] {
				t.Errorf("%v", kinds)
			}
		}
	})
}

func (b *bench) grant(t testing.TB, by audit.Actor, m organisation.Mandate) (out organisation.Mandate, err error) {
	t.Helper()
	m.Organisation = b.OrganisationID(source, "travel")
	if m.From.IsZero() {
		m.From = clock.DateOf(b.clock.Now())
	}
	if m.Scopes == nil {
		m.Scopes = []organisation.Scope{organisation.Procedures}
	}
	err = b.db.Write(t.Context(), func(tx *db.Tx) error {
		out, err = b.GrantTx(t.Context(), tx, by, m)
		return err
	})
	return out, err
}

func (b *bench) revoke(t testing.TB, by audit.Actor, m organisation.Mandate) error {
	t.Helper()
	return b.db.Write(t.Context(), func(tx *db.Tx) error {
		_, err := b.RevokeTx(t.Context(), tx, by, m.Organisation, m.ID)
		return err
	})
}

func TestMandates(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b, ctx := open(t, d), t.Context()
		b.load(t, day(2026, 11, 1), travel(hai, lan))
		if _, err := b.grant(t, citizen(b.k), organisation.Mandate{Person: b.k, Grantor: b.k}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a stranger gave herself a mandate: %v", err)
		}
		if _, err := b.grant(t, citizen(b.lan), organisation.Mandate{Person: b.k, Grantor: b.hai}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("in somebody else's name: %v", err)
		}
		if _, err := b.grant(t, citizen(b.hai), organisation.Mandate{Person: b.k, Grantor: b.hai, Scopes: []organisation.Scope{"everything"}}); !fault.Is(err, fault.Invalid) {
			t.Errorf("an unknown scope: %v", err)
		}
		if _, err := b.grant(t, citizen(b.hai), organisation.Mandate{Person: b.k, Grantor: b.hai, Until: day(2036, 1, 1)}); !fault.Is(err, fault.Invalid) {
			t.Errorf("ten years: %v", err)
		}
		m, err := b.grant(t, citizen(b.k), organisation.Mandate{Person: b.k, Grantor: b.hai})
		if err != nil || m.Until != day(2027, 11, 20) { // one year, the day before its anniversary
			t.Fatalf("%+v %v", m, err)
		}
		if a := b.authority(t, b.k); a.Relation != organisation.Mandated || !a.Covers(organisation.Procedures) || a.Covers(organisation.Payments) || a.Mandate != m.ID {
			t.Errorf("%+v", a)
		}
		if _, err := b.grant(t, citizen(b.k), organisation.Mandate{Person: b.lan, Grantor: b.k}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("who holds a mandate gave one: %v", err)
		}
		// Its principal is the organisation: who gave it may go.
		b.load(t, day(2026, 11, 2), travel(lan))
		if a := b.authority(t, b.k); a.Relation != organisation.Mandated {
			t.Errorf("ended with who gave it: %+v", a)
		}
		if list, err := b.MandatesFrom(ctx, lookBy(citizen(b.lan)), m.Organisation); err != nil || len(list) != 1 || !list[0].GrantorFormer {
			t.Errorf("%+v %v", list, err)
		}
		if _, err := b.grant(t, citizen(b.hai), organisation.Mandate{Person: b.k, Grantor: b.hai}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a former representative gave a mandate: %v", err)
		}
		if err := b.revoke(t, citizen(b.hai), m); !fault.Is(err, fault.NotFound) {
			t.Errorf("a former representative revoked: %v", err)
		}
		if err := b.revoke(t, citizen(b.lan), m); err != nil {
			t.Fatal(err)
		}
		if a := b.authority(t, b.k); a.Relation != "" {
			t.Errorf("a revoked mandate: %+v", a)
		}
		if err := b.revoke(t, citizen(b.lan), m); !fault.Is(err, fault.NotFound) {
			t.Errorf("revoked twice: %v", err)
		}
		// By its day.
		if m, err = b.grant(t, citizen(b.lan), organisation.Mandate{Person: b.k, Grantor: b.lan, Until: day(2026, 11, 25)}); err != nil {
			t.Fatal(err)
		}
		b.clock.Set(time.Date(2026, 11, 26, 0, 0, 1, 0, clock.Vietnam))
		if a := b.authority(t, b.k); a.Relation != "" {
			t.Errorf("an expired mandate: %+v", a)
		}
		if n, err := b.Purges()[0].RunOnce(ctx, d, b.clock.Now()); err != nil || n != 1 {
			t.Errorf("%d %v", n, err)
		}
		// By the end of the organisation.
		if _, err = b.grant(t, citizen(b.lan), organisation.Mandate{Person: b.k, Grantor: b.lan}); err != nil {
			t.Fatal(err)
		}
		o := travel(lan)
		o.Status, o.StatusFrom = "dissolved", day(2026, 11, 26)
		b.load(t, day(2026, 11, 26), o)
		if a := b.authority(t, b.k); a.Covers(organisation.Procedures) || a.Relation != "" {
			t.Errorf("of a dissolved organisation: %+v", a)
		}
		if list, err := b.MandatesOf(ctx, lookBy(citizen(b.k)), b.k); err != nil || len(list) != 3 || list[0].EndedWhy != "dissolved" || list[1].EndedWhy != "date" || list[2].EndedWhy != "revoked" {
			t.Errorf("%+v %v", list, err)
		}
	})
}

func TestEnterpriseCodes(t *testing.T) {
	for _, good := range []string{"0100047516", "0109990034", "0109990034001", "0109990034-001", " 010 999 0034 "} {
		if n, err := organisation.ParseNumber(good); err != nil {
			t.Errorf("%q: %v", good, err)
		} else if len(n) == 13 && n.String() != "0109990034-001" {
			t.Errorf("%s", n)
		}
	}
	for _, bad := range []string{"", "0100047515", "0109990012", "010999003", "01099900340", "0109990034000", "0000000000", "010999003a", "001083999914"} {
		if _, err := organisation.ParseNumber(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestBadLinesAreNamed(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		head := `{"format":"danh-organisations","version":1,"source":"s","count":2,"as_of":"2026-11-21"}` + "\n"
		bad := `{"ref":"x","number":"0109990035","name":"X","kind":"enterprise","status":"active","registered":"2017-02-20","address":"A","representatives":[]}` + "\n"
		good := `{"ref":"y","number":"0109990034","name":"Y","kind":"enterprise","status":"active","registered":"2017-02-20","address":"A","representatives":[]}` + "\n"
		rep, err := b.Import(t.Context(), audit.System("import"), bytes.NewReader([]byte(head+bad+good)))
		if err != nil || rep.Organisations != 1 || len(rep.Rejected) != 1 || rep.Rejected[0].Line != 2 || rep.Rejected[0].Field != "number" {
			t.Errorf("%+v %v", rep, err)
		}
		if _, err := b.Import(t.Context(), citizen(b.k), bytes.NewReader(nil)); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a citizen imports: %v", err)
		}
		var le *business.LineError
		if _, err := b.Import(t.Context(), audit.System("import"), bytes.NewReader([]byte("{}\n"))); !errors.As(err, &le) {
			t.Errorf("no header: %v", err)
		}
	})
}
