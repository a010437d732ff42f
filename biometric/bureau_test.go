// SPDX-License-Identifier: Apache-2.0

package biometric_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"danh/audit"
	"danh/biometric"
	"danh/biometric/afis"
	"danh/biometric/matchertest"
	"danh/biometric/raster"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/fingerprint"
	"danh/internal/fmr"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
)

var schemas = []db.Schema{seal.Schema, job.Schema, audit.Schema, biometric.Schema}

type room struct {
	*biometric.Bureau
	t     *testing.T
	d     *db.DB
	clock *clock.Fake
	seal  *seal.Sealer
	audit *audit.Log
	jobs  *job.Queue
}

func open(t *testing.T, d *db.DB, outside biometric.Matcher) *room {
	t.Helper()
	c := clock.NewFake(time.Date(2026, 11, 21, 9, 0, 0, 0, clock.Vietnam))
	s, err := seal.New(make([]byte, 32), make([]byte, 32), c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := audit.New(audit.Config{DB: d, Clock: c, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	q := job.New(d, c, nil)
	b, err := biometric.New(biometric.Config{DB: d, Seal: s, Audit: l, Clock: c, Engine: afis.New(), Outside: outside, Jobs: q})
	if err != nil {
		t.Fatal(err)
	}
	return &room{Bureau: b, t: t, d: d, clock: c, seal: s, audit: l, jobs: q}
}

var (
	first  = audit.Officer(id.NewPerson(), id.NewPerson(), "Công an phường Bến Thành")
	second = audit.Officer(id.NewPerson(), id.NewPerson(), "Công an phường Bến Thành")
	look   = audit.Look{By: first, Purpose: "purpose.proofing", Ground: "Luật Căn cước, Điều 23"}
	good   = fingerprint.Way{Turn: 0.1, DX: 5, DY: 4, Stretch: 2, Contact: 0.95, Noise: 0.1}
	hands  = sync.OnceValue(func() (out []hand) {
		for n := range uint64(3) {
			out = append(out, hand{fingerprint.New(500 + 2*n), fingerprint.New(501 + 2*n)})
		}
		return out
	})
)

type hand struct{ thumb, index *fingerprint.Finger }

// pressed keeps the samples that were extracted before: both databases' tests use the same.
var pressed sync.Map

type pressing struct {
	hand hand
	seed uint64
}

func (h hand) samples(t *testing.T, seed uint64) []biometric.Sample {
	t.Helper()
	if s, ok := pressed.Load(pressing{h, seed}); ok {
		return slices.Clone(s.([]biometric.Sample))
	}
	var s []biometric.Sample
	for i, f := range []*fingerprint.Finger{h.thumb, h.index} {
		s = append(s, biometric.Sample{Kind: biometric.Finger, Position: fmr.RightThumb + fmr.Position(i),
			Image: raster.Image{Gray: f.Press(seed, good), DPI: fingerprint.DPI}})
	}
	s, err := biometric.Extracted(context.Background(), afis.New(), s)
	if err != nil {
		t.Fatal(err)
	}
	pressed.Store(pressing{h, seed}, slices.Clone(s))
	return s
}

func (r *room) enrol(person id.Person, gallery string, samples []biometric.Sample) biometric.EncounterID {
	r.t.Helper()
	e := biometric.NewEncounter()
	err := r.d.Write(context.Background(), func(tx *db.Tx) error {
		return r.EnrolTx(context.Background(), tx, first, biometric.Enrolment{Person: person, Encounter: e, Gallery: gallery, Samples: samples})
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return e
}

func (r *room) count(query string, args ...any) (n int) {
	r.t.Helper()
	if err := r.d.Read().QueryRowContext(context.Background(), query, args...).Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n
}

func TestBuiltinConforms(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		r := open(t, d, nil)
		matchertest.Run(t, matchertest.Harness{Matcher: r.Builtin(), Engine: r.Engine(), Name: func(t *testing.T) biometric.Reference {
			ref, err := r.Reference(context.Background(), id.NewPerson())
			if err != nil {
				t.Fatal(err)
			}
			return ref
		}})
	})
}

func TestComparisonLeavesEvidenceAndEntry(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		r := open(t, d, nil)
		anh, binh := hands()[0], hands()[1]
		person, dossier := id.NewPerson(), id.NewPerson()
		r.enrol(person, "card", anh.samples(t, 1))

		e, err := r.Compare(ctx, look, biometric.Case{Person: person, Dossier: dossier, Gallery: "card", Samples: anh.samples(t, 2)})
		if err != nil || e.Band != biometric.Match {
			t.Fatalf("%+v, %v", e, err)
		}
		back, err := r.Find(ctx, look, person, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		c := back.Detail.Comparison
		if back.Engine != afis.New().Info() || back.Dossier != dossier || back.By.Account != first.Account || c == nil || len(c.Scores) != 2 ||
			c.Fused != e.Detail.Comparison.Fused || len(back.Detail.Samples) != 2 || len(back.Detail.Samples[0].SHA256) != 64 || back.Policy == "" {
			t.Fatalf("%+v", back)
		}
		wrong, err := r.Compare(ctx, look, biometric.Case{Person: person, Gallery: "card", Samples: binh.samples(t, 2)})
		if err != nil || wrong.Band != biometric.NoMatch {
			t.Fatalf("another hand: %+v, %v", wrong, err)
		}
		if n := r.count(`SELECT COUNT(*) FROM audit_entry WHERE subject = $1 AND action = 'biometric.matched'`, person); n != 2 {
			t.Fatalf("%d entries of two comparisons", n)
		}
		if n := r.count(`SELECT COUNT(*) FROM audit_entry WHERE subject = $1 AND action = 'biometric.evidence.read'`, person); n != 1 {
			t.Fatalf("%d entries of one look", n)
		}
	})
}

func TestSearchNamesItsGalleryAndItsCandidates(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		r := open(t, d, nil)
		anh, binh, chi := hands()[0], hands()[1], hands()[2]
		a, b := id.NewPerson(), id.NewPerson()
		r.enrol(a, "card", anh.samples(t, 1))
		r.enrol(b, "card", binh.samples(t, 1))
		dossier := id.NewPerson()
		e, err := r.Search(ctx, look, biometric.Case{Person: dossier, Gallery: "card", Samples: binh.samples(t, 3)}, 5)
		if err != nil || e.Band != biometric.OfficerComparison || len(e.Candidates) != 1 || e.Candidates[0] != b {
			t.Fatalf("%+v, %v", e, err)
		}
		if s := e.Detail.Search; s.Size != 2 || s.Gallery != "card" || !s.Complete {
			t.Fatalf("%+v", s)
		}
		if n := r.count(`SELECT COUNT(*) FROM audit_entry WHERE subject = $1 AND action = 'biometric.candidate.searched'`, b); n != 1 {
			t.Fatal("the candidate cannot see that she came up")
		}
		e, err = r.Search(ctx, look, biometric.Case{Person: dossier, Gallery: "card", Samples: chi.samples(t, 3)}, 5)
		if err != nil || e.Band != biometric.NoMatch || len(e.Candidates) != 0 {
			t.Fatalf("somebody new: %+v, %v", e, err)
		}
	})
}

func TestOfficerCannotConfirmHerOwnFinding(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		r := open(t, d, nil)
		person := id.NewPerson()
		r.enrol(person, "card", hands()[0].samples(t, 1))
		compare := func() biometric.EvidenceID {
			e, err := r.Compare(ctx, look, biometric.Case{Person: person, Gallery: "card", Samples: hands()[0].samples(t, 2)})
			if err != nil {
				t.Fatal(err)
			}
			return e.ID
		}
		e := compare()
		if _, err := r.Confirm(ctx, second, person, e, biometric.Same); !fault.Is(err, fault.Conflict) {
			t.Errorf("confirmed before anything was found: %v", err)
		}
		if err := r.Conclude(ctx, audit.Citizen(id.NewPerson(), person), person, e, biometric.Same); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a citizen concluded: %v", err)
		}
		if err := r.Conclude(ctx, audit.Officer(id.NewPerson(), person, "x"), person, e, biometric.Same); !fault.Is(err, fault.Forbidden) {
			t.Errorf("an officer concluded in her own matter: %v", err)
		}
		if err := r.Conclude(ctx, first, person, e, biometric.Same); err != nil {
			t.Fatal(err)
		}
		if err := r.Conclude(ctx, first, person, e, biometric.Different); !fault.Is(err, fault.Conflict) {
			t.Errorf("a finding was changed: %v", err)
		}
		if _, err := r.Confirm(ctx, first, person, e, biometric.Same); !fault.Is(err, fault.Forbidden) {
			t.Errorf("an officer confirmed her own finding: %v", err)
		}
		another := first
		another.Account = id.NewPerson()
		if _, err := r.Confirm(ctx, another, person, e, biometric.Same); !fault.Is(err, fault.Forbidden) {
			t.Errorf("an officer confirmed her own finding under another account: %v", err)
		}
		// Two second officers at once: one of them decides.
		third := audit.Officer(id.NewPerson(), id.NewPerson(), "Công an phường Sài Gòn")
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i, by := range []audit.Actor{second, third} {
			wg.Go(func() { _, errs[i] = r.Confirm(ctx, by, person, e, biometric.Same) })
		}
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) || !fault.Is(errors.Join(errs...), fault.Conflict) {
			t.Fatalf("confirmed twice in parallel: %v", errs)
		}
		back, err := r.Find(ctx, look, person, e)
		if err != nil || back.Outcome != biometric.Same || back.FoundBy.Account != first.Account || back.DecidedBy.Account == first.Account {
			t.Fatalf("%+v, %v", back, err)
		}
		e = compare()
		if err := r.Conclude(ctx, first, person, e, biometric.Same); err != nil {
			t.Fatal(err)
		}
		if o, err := r.Confirm(ctx, second, person, e, biometric.Different); err != nil || o != biometric.Disputed {
			t.Fatalf("two officers saw two things: %s, %v", o, err)
		}
		if _, err := r.Find(ctx, look, id.NewPerson(), e); !fault.Is(err, fault.NotFound) {
			t.Errorf("evidence was found under another owner: %v", err)
		}
	})
}

func TestTemplatesAreSealedAndGoWithTheKey(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		r := open(t, d, nil)
		a, b := id.NewPerson(), id.NewPerson()
		samples := append(hands()[0].samples(t, 1), biometric.Sample{Kind: biometric.Finger, Position: fmr.LeftRing, Missing: biometric.Amputated})
		r.enrol(a, "card", samples)
		r.enrol(b, "card", hands()[1].samples(t, 1))
		if n := r.count(`SELECT COUNT(*) FROM biometric_template WHERE person = $1 AND missing = 'amputated' AND template IS NULL`, a); n != 1 {
			t.Fatalf("%d rows say that a finger is missing", n)
		}
		raw, err := samples[0].Template.MarshalCompact()
		if err != nil {
			t.Fatal(err)
		}
		if n := r.count(`SELECT COUNT(*) FROM biometric_template WHERE template = $1`, raw); n != 0 {
			t.Fatal("a template lies open in the table")
		}
		// A thief moves her template to another person's row.
		if err := d.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE biometric_template SET template = (SELECT template FROM biometric_template WHERE person = $1 AND position = 1) WHERE person = $2 AND position = 1`, a, b)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Compare(ctx, look, biometric.Case{Person: b, Gallery: "card", Samples: hands()[0].samples(t, 2)}); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("a moved template was compared: %v", err)
		}
		if err := d.Write(ctx, func(tx *db.Tx) error {
			if err := r.RemoveTx(ctx, tx, first, b); err != nil {
				return err
			}
			return r.seal.DestroyTx(ctx, tx, a)
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Compare(ctx, look, biometric.Case{Person: a, Gallery: "card", Samples: hands()[0].samples(t, 2)}); !errors.Is(err, seal.ErrDestroyed) {
			t.Errorf("compared with templates whose key was destroyed: %v", err)
		}
		e, err := r.Search(ctx, look, biometric.Case{Person: id.NewPerson(), Gallery: "card", Samples: hands()[0].samples(t, 2)}, 5)
		if err != nil || len(e.Candidates) != 0 {
			t.Errorf("who was erased came up in a search: %+v, %v", e, err)
		}
	})
}

func TestWhatIsOverIsPurged(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		r := open(t, d, nil)
		stays, goes := id.NewPerson(), id.NewPerson()
		r.enrol(stays, "card", hands()[0].samples(t, 1))
		if err := d.Write(ctx, func(tx *db.Tx) error {
			return r.EnrolTx(ctx, tx, first, biometric.Enrolment{Person: goes, Encounter: biometric.NewEncounter(), Gallery: "counter",
				Samples: hands()[1].samples(t, 1), KeepUntil: r.clock.Now().AddDate(0, 1, 0)})
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Compare(ctx, look, biometric.Case{Person: stays, Gallery: "card", Samples: hands()[0].samples(t, 2)}); err != nil {
			t.Fatal(err)
		}
		purge := func() {
			for _, p := range r.Purges() {
				if _, err := p.RunOnce(ctx, d, r.clock.Now()); err != nil {
					t.Fatal(err)
				}
			}
		}
		rows := func() [2]int {
			return [2]int{r.count(`SELECT COUNT(*) FROM biometric_template`), r.count(`SELECT COUNT(*) FROM biometric_evidence`)}
		}
		for _, c := range []struct {
			days int
			want [2]int
		}{{0, [2]int{4, 1}}, {32, [2]int{2, 1}}, {5 * 366, [2]int{2, 0}}} {
			r.clock.Advance(time.Duration(c.days) * 24 * time.Hour)
			purge()
			if got := rows(); got != c.want {
				t.Fatalf("after %d more days there are %v templates and pieces of evidence, want %v", c.days, got, c.want)
			}
		}
	})
}

func TestReferenceIsOneAndSaysNothing(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		r := open(t, d, nil)
		person := id.NewPerson()
		var wg sync.WaitGroup
		refs := make([]biometric.Reference, 8)
		for i := range refs {
			wg.Go(func() {
				var err error
				if refs[i], err = r.Reference(context.Background(), person); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, x := range refs {
			if x != refs[0] || id.Person(x) == person || x[6]>>4 != 4 {
				t.Fatalf("references %v of one person", refs)
			}
		}
	})
}
