// SPDX-License-Identifier: Apache-2.0

package residence_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/feed"
	"danh/internal/id"
	"danh/registry/population"
	"danh/registry/residence"
)

const source = "test-source"

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, clock.Vietnam)

var look = audit.Look{By: audit.Officer(id.NewPerson(), id.NewPerson(), "Test office"), Purpose: "test.purpose", Ground: "test ground"}

func date(t testing.TB, s string) clock.Date {
	t.Helper()
	d, err := clock.ParseDate(s)
	if err != nil {
		t.Fatalf("date %q: %v", s, err)
	}
	return d
}

// write makes a feed of families of two: p0 and p1, p2 and p3 …
func write(t testing.TB, asOf string, families int, change func(*feed.Person), home func(*feed.Household)) []byte {
	t.Helper()
	var b bytes.Buffer
	w := feed.NewWriter(&b, feed.Header{Source: source, Count: int64(2 * families), AsOf: date(t, asOf)})
	for f := range families {
		for i := range 2 {
			n := 2*f + i
			p := &feed.Person{Ref: fmt.Sprintf("p%d", n), Name: []string{"Trần Văn Lâm", "Nguyễn Thị Minh Hà"}[i], Sex: []string{"male", "female"}[i],
				BirthDate: date(t, "1990-09-02"), Nationality: "VNM", Numbers: []feed.Number{{Number: fmt.Sprintf("0012909%05d", n)}},
				Relations: []feed.Relation{{Kind: "spouse", Ref: fmt.Sprintf("p%d", 2*f+1-i)}}}
			if change != nil {
				change(p)
			}
			w.Person(p)
		}
		h := &feed.Household{Ref: fmt.Sprintf("h%d", f), Head: fmt.Sprintf("p%d", 2*f), Since: date(t, "2015-05-05"),
			Address: feed.Place{Text: fmt.Sprintf("Số %d đường Trần Phú, Phường Ba Đình, Hà Nội", f), Unit: "00004", UnitFrom: date(t, "2025-07-01")},
			Members: []feed.Member{{Ref: fmt.Sprintf("p%d", 2*f), Relation: "head"}, {Ref: fmt.Sprintf("p%d", 2*f+1), Relation: "spouse", Since: date(t, "2016-06-06")}}}
		if home != nil {
			home(h)
		}
		w.Household(h)
		if f%10 == 3 {
			w.Temporary(&feed.Temporary{Ref: fmt.Sprintf("t%d", f), Person: fmt.Sprintf("p%d", 2*f), From: date(t, "2026-01-01"), To: date(t, "2027-12-31"),
				Address: feed.Place{Text: "Số 9 phố Huế, Phường Hai Bà Trưng, Hà Nội", Unit: "00256", UnitFrom: date(t, "2025-07-01")}})
			w.Stay(&feed.Stay{Ref: fmt.Sprintf("s%d", f), Person: fmt.Sprintf("p%d", 2*f), From: date(t, "2026-10-01"), To: date(t, "2026-10-03"), Reason: "Thăm người thân",
				Address: feed.Place{Text: "Số 1 phố Huế, Phường Hai Bà Trưng, Hà Nội", Unit: "00256", UnitFrom: date(t, "2025-07-01")}})
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func count(t testing.TB, d *db.DB, table string) (n int) {
	t.Helper()
	if err := d.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestImport(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		r := registriesOn(t, d, clock.NewFake(now))
		file := write(t, "2026-11-01", 50, nil, nil)
		var last residence.Progress
		rep, err := r.places.Import(t.Context(), residence.ImportConfig{Chunk: 32, Progress: func(p residence.Progress) { last = p }}, bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if rep.People != 100 || rep.Households != 50 || rep.Temporary != 5 || rep.Stays != 5 || rep.Rejected+rep.Changed+rep.Unchanged+rep.Older != 0 || rep.Lines != 161 {
			t.Errorf("the report: %+v", rep)
		}
		if last.People != 100 || last.Fraction != 1 {
			t.Errorf("the last progress: %+v", last)
		}
		p6 := r.people.PersonID(source, "p6")
		res, err := r.places.FindResidence(t.Context(), look, p6)
		if err != nil {
			t.Fatal(err)
		}
		if res.Permanent == nil || res.Permanent.Text != "Số 3 đường Trần Phú, Phường Ba Đình, Hà Nội" || res.Permanent.UnitCode != "00004" || res.Permanent.UnitFrom != date(t, "2025-07-01") ||
			res.PermanentSince != date(t, "2015-05-05") || res.Relation != "head" || res.Temporary == nil || res.Temporary.UnitCode != "00256" || res.Current() != res.Temporary ||
			!res.AsOf.Equal(date(t, "2026-11-01").Time()) {
			t.Errorf("the residence: %+v", res)
		}
		wife, err := r.places.FindResidence(t.Context(), look, r.people.PersonID(source, "p7"))
		if err != nil || wife.PermanentSince != date(t, "2016-06-06") || wife.Household != res.Household || wife.Temporary != nil {
			t.Errorf("her residence: %+v, %v", wife, err)
		}
		h, err := r.places.FindHousehold(t.Context(), look, res.Household)
		if err != nil || h.Head != p6 || len(h.Members) != 2 || h.Members[0].Person != p6 || h.Members[1].Relation != "spouse" {
			t.Errorf("the household: %+v, %v", h, err)
		}
		stays, err := r.places.ListStays(t.Context(), look, p6)
		if err != nil || len(stays) != 1 || stays[0].Channel != residence.Feed || stays[0].GuestPerson != p6 || stays[0].Until != date(t, "2026-10-03") {
			t.Errorf("the stays: %+v, %v", stays, err)
		}
		nobody, err := r.places.FindResidence(t.Context(), look, id.NewPerson())
		if err != nil || nobody.Permanent != nil || nobody.Temporary != nil || !nobody.Household.IsZero() {
			t.Errorf("somebody without residence: %+v, %v", nobody, err)
		}
		// The same file again: nothing is done.
		again, err := r.places.Import(t.Context(), residence.ImportConfig{}, bytes.NewReader(file))
		if err != nil || !again.Before || again.People != 100 {
			t.Errorf("the same file again: %+v, %v", again, err)
		}
		// The same records in another file: nothing changes.
		other := bytes.Replace(file, []byte(`"count":100`), []byte(`"count":101`), 1)
		again, err = r.places.Import(t.Context(), residence.ImportConfig{Chunk: 32}, bytes.NewReader(other))
		if err != nil || again.People+again.Households+again.Changed != 0 || again.Unchanged != 160 {
			t.Errorf("the same records again: %+v, %v", again, err)
		}
		for table, n := range map[string]int{"population_person": 100, "population_number": 100, "population_relation": 100, "residence_member": 100, "residence_address": 50, "residence_stay": 5, "population_history": 0, "seal_key": 100} {
			if got := count(t, d, table); got != n {
				t.Errorf("%s has %d rows, want %d", table, got, n)
			}
		}
	})
}

// broken is a file that cannot be read any further, as when the disk goes away.
type broken struct {
	*bytes.Reader
	left int
}

var errGone = errors.New("the disk is gone")

func (b *broken) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errGone
	}
	n, err := b.Reader.Read(p[:min(len(p), b.left, 4096)])
	b.left -= n
	return n, err
}

func (b *broken) Seek(offset int64, whence int) (int64, error) {
	if offset == 0 && whence == io.SeekStart && b.left > 1<<30 {
		b.left = 20_000 // the second reading fails on the way
	}
	return b.Reader.Seek(offset, whence)
}

// TestImportContinuesAfterACrash interrupts an import at every kind of place:
// between chunks, inside one, and between the reject file and the commit.
func TestImportContinuesAfterACrash(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		r := registriesOn(t, d, clock.NewFake(now))
		file := write(t, "2026-11-01", 60, func(p *feed.Person) {
			if strings.HasSuffix(p.Ref, "9") {
				p.Name = "-" // rejected
			}
		}, nil)
		rejects := filepath.Join(t.TempDir(), "rejects.jsonl")
		config := residence.ImportConfig{Chunk: 16, Rejects: rejects}

		// 1. Stopped after the third chunk.
		ctx, stop := context.WithCancel(t.Context())
		chunks := 0
		stopping := config
		stopping.Progress = func(residence.Progress) {
			if chunks++; chunks == 3 {
				stop()
			}
		}
		if rep, err := r.places.Import(ctx, stopping, bytes.NewReader(file)); !errors.Is(err, context.Canceled) || rep.Lines != 49 {
			t.Fatalf("the interrupted import: %+v, %v", rep, err)
		}
		done := count(t, d, "population_person")
		if done == 0 || done == 108 {
			t.Fatalf("%d people after the interruption", done)
		}
		// 2. The disk goes away in the middle of a chunk.
		if _, err := r.places.Import(t.Context(), config, &broken{bytes.NewReader(file), 1 << 40}); !errors.Is(err, errGone) {
			t.Fatalf("a file that goes away: %v", err)
		}
		// 3. A crash behind the reject file, before the commit: lines too many.
		f, err := os.OpenFile(rejects, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(`{"line":9999,"problem":"left behind by a crash"}` + "\n"); err != nil {
			t.Fatal(err)
		}
		f.Close()
		// 4. Continued to the end.
		rep, err := r.places.Import(t.Context(), config, bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if !rep.Resumed || rep.People != 108 || rep.Rejected != 12 || rep.Households != 60 || rep.Changed+rep.Unchanged != 0 {
			t.Errorf("the report over all runs: %+v", rep)
		}
		if n := count(t, d, "population_person"); n != 108 {
			t.Errorf("%d people, want 108", n)
		}
		b, err := os.ReadFile(rejects)
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(string(b), "\n"); lines != 12 || strings.Contains(string(b), "9999") {
			t.Errorf("%d lines in the reject file, want 12:\n%s", lines, b)
		}
	})
}

func TestRejectsNameLineFieldAndReasonButNoValue(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		r := registriesOn(t, d, clock.NewFake(now))
		lines := strings.SplitAfter(string(write(t, "2026-11-01", 4, nil, nil)), "\n")
		// Lines are counted from 1, the header is the first.
		lines[1] = strings.Replace(lines[1], `"1990-09-02"`, `"1990-02-31"`, 1)
		lines[3] = "{broken\n"
		lines[4] = strings.Replace(lines[4], "001290900002", "001290900001", 1) // the number of p1
		lines[6] = strings.Replace(lines[6], `"00004"`, `"99999"`, 1)           // no such unit
		rejects := filepath.Join(t.TempDir(), "rejects.jsonl")
		rep, err := r.places.Import(t.Context(), residence.ImportConfig{Rejects: rejects, KnownUnit: func(code string, _ clock.Date) bool { return code != "99999" }},
			strings.NewReader(strings.Join(lines, "")))
		if err != nil {
			t.Fatal(err)
		}
		if rep.Rejected != 4 || rep.People != 6 || rep.Households != 2 {
			t.Errorf("the report: %+v", rep)
		}
		b, err := os.ReadFile(rejects)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"line":2,"field":"person.birth_date"`, `"line":4,"problem":`, `"line":5,"field":"person.numbers[0].number","problem":"the number is in force for another person"`,
			`"line":7,"field":"household.address.unit"`} {
			if !strings.Contains(string(b), want) {
				t.Errorf("the reject file lacks %s:\n%s", want, b)
			}
		}
		for _, value := range []string{"001290900001", "001290900002", "02-31", "Lâm", "99999", "broken", "Trần Phú"} {
			if strings.Contains(string(b), value) {
				t.Errorf("the reject file repeats a value (%s):\n%s", value, b)
			}
		}
		if info, err := os.Stat(rejects); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the reject file's mode: %v, %v", info.Mode(), err)
		}
	})
}

func TestLaterDelivery(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		r := registriesOn(t, d, clock.NewFake(now))
		in := func(file []byte) residence.Report {
			t.Helper()
			rep, err := r.places.Import(t.Context(), residence.ImportConfig{Chunk: 16}, bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			return rep
		}
		in(write(t, "2026-11-01", 20, nil, nil))
		var died []id.Person
		r.people.Subscribe(population.Died, func(_ context.Context, e population.Event) error {
			died = append(died, e.Person)
			return nil
		})
		rep := in(write(t, "2026-11-10", 22, func(p *feed.Person) {
			if p.Ref == "p4" {
				p.Died = date(t, "2026-11-05")
			}
		}, func(h *feed.Household) {
			if h.Ref == "h3" { // they moved, and she stayed behind
				h.Address.Text, h.Since, h.Members = "Số 77 đường Láng, Hà Nội", date(t, "2026-11-02"), h.Members[:1]
			}
		}))
		if rep.People != 4 || rep.Households != 2 || rep.Changed != 2 || rep.Unchanged != 39+19+2+2 {
			t.Errorf("the report: %+v", rep)
		}
		if err := r.jobs.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(died) != 1 || died[0] != r.people.PersonID(source, "p4") {
			t.Errorf("news of deaths: %v", died)
		}
		p6 := r.people.PersonID(source, "p6")
		res, err := r.places.FindResidence(t.Context(), look, p6)
		if err != nil || res.Permanent.Text != "Số 77 đường Láng, Hà Nội" || res.PermanentSince != date(t, "2026-11-02") {
			t.Errorf("his residence: %+v, %v", res, err)
		}
		var former string
		if err := d.Read().QueryRowContext(t.Context(), `SELECT text FROM residence_address WHERE household = $1 AND valid_to = '2026-11-10'`, res.Household).Scan(&former); err != nil ||
			former != "Số 3 đường Trần Phú, Phường Ba Đình, Hà Nội" {
			t.Errorf("the earlier address: %q, %v", former, err)
		}
		if res, err = r.places.FindResidence(t.Context(), look, r.people.PersonID(source, "p7")); err != nil || res.Permanent != nil {
			t.Errorf("she still lives there: %+v, %v", res, err)
		}
		// An older delivery undoes nothing.
		old := in(write(t, "2026-11-05", 22, nil, nil))
		if old.Changed+old.People+old.Households != 0 || old.Older != 2 {
			t.Errorf("an older delivery: %+v", old)
		}
	})
}

// TestImportByStrangers is the attack of loading people by whoever is signed in.
func TestImportByStrangers(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		r := registriesOn(t, d, clock.NewFake(now))
		for _, by := range []audit.Actor{audit.Citizen(id.NewPerson(), id.NewPerson()), audit.Partner("bank", "Bank"), audit.Anonymous()} {
			if _, err := r.places.Import(t.Context(), residence.ImportConfig{By: by}, bytes.NewReader(write(t, "2026-11-01", 1, nil, nil))); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s may import: %v", by.Kind, err)
			}
		}
		if _, err := r.places.Import(t.Context(), residence.ImportConfig{}, strings.NewReader("no feed\n")); err == nil {
			t.Error("a file that is no feed is imported")
		}
	})
}
