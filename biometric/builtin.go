// SPDX-License-Identifier: Apache-2.0

package biometric

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/seal"
)

// AllGalleries searches every gallery (OSIA's reserved word).
const AllGalleries = "ALL"

// builtin is the built-in engine over the bureau's own templates.
type builtin struct{ *Bureau }

func (m builtin) Info() Info { return m.engine.Info() }

// Enrol implements Matcher for a reference that was given to a person before.
func (m builtin) Enrol(ctx context.Context, by audit.Actor, e Encounter) error {
	samples, err := Extracted(ctx, m.engine, e.Samples)
	if err != nil {
		return err
	}
	return m.db.Write(ctx, func(tx *db.Tx) error {
		person, err := findPerson(ctx, tx, e.Reference)
		if err != nil {
			return err
		}
		return m.storeTx(ctx, tx, by, Enrolment{Person: person, Encounter: e.ID, Gallery: e.Gallery, Samples: samples})
	})
}

// Remove implements Matcher.
func (m builtin) Remove(ctx context.Context, by audit.Actor, r Reference) error {
	return m.db.Write(ctx, func(tx *db.Tx) error {
		person, err := findPerson(ctx, tx, r)
		if err != nil {
			return err
		}
		return m.forgetTx(ctx, tx, by, person)
	})
}

// Verify implements Matcher. All encounters of the reference in the gallery are
// tries of the same fingers.
func (m builtin) Verify(ctx context.Context, gallery string, r Reference, probe []Sample) (Comparison, error) {
	if err := checkSamples(probe); err != nil {
		return Comparison{}, err
	}
	if facesOnly(probe) {
		return faceWithoutEngine(m.Info()), nil
	}
	q := m.db.Read()
	person, err := findPerson(ctx, q, r)
	if err != nil {
		return Comparison{}, err
	}
	rows, err := listTemplates(ctx, q, `person = $1 AND ($2 = 'ALL' OR gallery = $2)`, person, gallery)
	if err != nil {
		return Comparison{}, err
	}
	if len(rows) == 0 {
		return Comparison{}, fault.New(fault.NotFound, "biometric.not_found")
	}
	samples, err := m.open(ctx, q, person, rows)
	if err != nil {
		return Comparison{}, err
	}
	return m.compare(ctx, probe, samples)
}

// VerifySamples implements Matcher.
func (m builtin) VerifySamples(ctx context.Context, probe, reference []Sample) (Comparison, error) {
	if err := errors.Join(checkSamples(probe), checkSamples(reference)); err != nil {
		return Comparison{}, err
	}
	if facesOnly(probe) {
		return faceWithoutEngine(m.Info()), nil
	}
	return m.compare(ctx, probe, reference)
}

func (m builtin) compare(ctx context.Context, probe, reference []Sample) (Comparison, error) {
	p, err := prepare(ctx, m.engine, probe)
	if err != nil {
		return Comparison{}, err
	}
	r, err := prepare(ctx, m.engine, reference)
	if err != nil {
		return Comparison{}, err
	}
	return p.comparison(ctx, m.engine, r, m.policies, m.today())
}

// Identify implements Matcher: everybody in the gallery up to GalleryCap is
// compared. A candidate is whoever reaches what an officer should see and would
// be reached by chance in about one search of a hundred in a gallery of this
// size: the more persons, the higher the score that somebody wrong among them
// has. A wrong candidate costs a citizen a decision at another office.
func (m builtin) Identify(ctx context.Context, gallery string, probe []Sample, limit int) (Search, error) {
	out := Search{Engine: m.Info(), Gallery: gallery}
	if err := checkSamples(probe); err != nil {
		return out, err
	}
	if gallery == "" || limit < 1 {
		return out, fault.New(fault.Invalid, "biometric.gallery")
	}
	if facesOnly(probe) {
		return out, fault.New(fault.Invalid, WhyNoFaceEngine)
	}
	p, err := prepare(ctx, m.engine, probe)
	if err != nil {
		return out, err
	}
	people, err := m.listGallery(ctx, gallery)
	if err != nil {
		return out, err
	}
	out.Complete = len(people) <= GalleryCap
	people = people[:min(len(people), GalleryCap)]
	out.Size = len(people)
	least := 10 * math.Log10(100*float64(max(1, len(people))))

	// A comparison takes a quarter of a millisecond per finger: all cores but
	// one, which goes on serving.
	workers := max(1, runtime.GOMAXPROCS(0)-1)
	work, found := make(chan id.Person), make(chan Candidate)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for person := range work {
				c, ok, err := m.candidate(ctx, gallery, person, p, least)
				if err != nil {
					cancel(err)
					return
				}
				if ok {
					select {
					case found <- c:
					case <-ctx.Done():
						return
					}
				}
			}
		})
	}
	go func() {
		defer close(work)
		for _, person := range people {
			select {
			case work <- person:
			case <-ctx.Done():
				return
			}
		}
	}()
	go func() { wg.Wait(); close(found) }()
	for c := range found {
		out.Candidates = append(out.Candidates, c)
	}
	if err := context.Cause(ctx); err != nil {
		return out, fmt.Errorf("search a gallery: %w", err)
	}
	slices.SortFunc(out.Candidates, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), slices.Compare(a.Reference[:], b.Reference[:]))
	})
	out.Candidates = out.Candidates[:min(len(out.Candidates), limit)]
	return out, nil
}

func (m builtin) listGallery(ctx context.Context, gallery string) ([]id.Person, error) {
	rows, err := m.db.Read().QueryContext(ctx, `SELECT DISTINCT person FROM biometric_template
		WHERE ($1 = 'ALL' OR gallery = $1) AND template IS NOT NULL ORDER BY person LIMIT $2`, gallery, GalleryCap+1)
	if err != nil {
		return nil, fmt.Errorf("list a gallery: %w", err)
	}
	defer rows.Close()
	var out []id.Person
	for rows.Next() {
		var p id.Person
		if err := rows.Scan(&p); err != nil {
			return nil, fmt.Errorf("list a gallery: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// candidate compares one person of a gallery. Somebody whose key was destroyed
// in the meantime is nobody's candidate.
func (m builtin) candidate(ctx context.Context, gallery string, person id.Person, probe prepared, least float64) (Candidate, bool, error) {
	q := m.db.Read()
	rows, err := listTemplates(ctx, q, `person = $1 AND ($2 = 'ALL' OR gallery = $2)`, person, gallery)
	if err != nil || len(rows) == 0 {
		return Candidate{}, false, err
	}
	samples, err := m.open(ctx, q, person, rows)
	if errors.Is(err, seal.ErrDestroyed) {
		return Candidate{}, false, nil
	}
	if err != nil {
		return Candidate{}, false, err
	}
	r, err := prepare(ctx, m.engine, samples)
	if err != nil {
		return Candidate{}, false, err
	}
	c, err := probe.comparison(ctx, m.engine, r, m.policies, m.today())
	if err != nil || c.Band == NoMatch || c.Fused < least || len(c.Scores) == 0 {
		return Candidate{}, false, err
	}
	ref, err := findReference(ctx, q, person)
	return Candidate{Reference: ref, Score: c.Fused, Scores: c.Scores}, err == nil, err
}
