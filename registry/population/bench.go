// SPDX-License-Identifier: Apache-2.0

package population

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/job"
	"danh/internal/seal"
)

// BenchConfig says on what to measure matches. The database holds people
// already; it is read, and gains audit entries.
type BenchConfig struct {
	DB       *db.DB
	Seal     *seal.Sealer
	Audit    *audit.Log
	Duration time.Duration // of each part; 0 means 5 s
	Sample   int           // people of whom declarations are made; 0 means 20,000
}

// BenchResult is what was measured.
type BenchResult struct {
	People    int64   // in the database
	Cores     int     // that the measurement could use
	Compare   float64 // comparisons alone, per second on one core
	Single    float64 // look-up and comparison, per second on one core
	Parallel  float64 // look-up and comparison, per second on all cores
	Audited   float64 // with the audit entry committed, per second, one after the other
	AuditedBy float64 // the same by 64 at once
	Median    time.Duration
	P99       time.Duration // of an audited match, one after the other
}

func (b BenchResult) String() string {
	return fmt.Sprintf("%d people: comparison alone %.0f/s per core; look-up and comparison %.0f/s on one core, %.0f/s on %d; audited %.0f/s one by one (median %v, p99 %v), %.0f/s by 64 at once",
		b.People, b.Compare, b.Single, b.Parallel, b.Cores, b.Audited, b.Median.Round(time.Microsecond), b.P99.Round(time.Microsecond), b.AuditedBy)
}

// Bench measures level-1 matches: half of the declarations are right, a
// quarter has a name without diacritics and a quarter an unknown number.
func Bench(ctx context.Context, c BenchConfig) (BenchResult, error) {
	if c.Duration <= 0 {
		c.Duration = 5 * time.Second
	}
	if c.Sample <= 0 {
		c.Sample = 20_000
	}
	// The queue carries events; a measurement makes none.
	jobs := job.New(c.DB, clock.System(), slog.New(slog.DiscardHandler))
	r, err := New(Config{DB: c.DB, Seal: c.Seal, Audit: c.Audit, Jobs: jobs, Clock: clock.System()})
	if err != nil {
		return BenchResult{}, err
	}
	out := BenchResult{Cores: runtime.GOMAXPROCS(0)}
	if err := c.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM population_person`).Scan(&out.People); err != nil {
		return out, fmt.Errorf("bench: %w", err)
	}
	people, declared, err := r.sample(ctx, c.Sample)
	if err != nil {
		return out, err
	}
	look := audit.Look{By: audit.System("bench"), Purpose: "population.purpose.bench", Ground: "bench"}

	out.Compare, err = rate(ctx, 1, min(c.Duration, time.Second), func(n int) error {
		Compare(people[n%len(people)], declared[n%len(declared)])
		return nil
	})
	if err != nil {
		return out, err
	}
	lookup := func(n int) error {
		_, err := r.lookup(ctx, c.DB.Read(), declared[n%len(declared)])
		return err
	}
	if out.Single, err = rate(ctx, 1, c.Duration, lookup); err != nil {
		return out, err
	}
	if out.Parallel, err = rate(ctx, out.Cores, c.Duration, lookup); err != nil {
		return out, err
	}
	var took []time.Duration
	if out.Audited, err = rate(ctx, 1, c.Duration, func(n int) error {
		began := time.Now()
		_, err := r.Match(ctx, look, declared[n%len(declared)])
		took = append(took, time.Since(began))
		return err
	}); err != nil {
		return out, err
	}
	slices.Sort(took)
	out.Median, out.P99 = took[len(took)/2], took[len(took)*99/100]
	out.AuditedBy, err = rate(ctx, 64, c.Duration, func(n int) error {
		_, err := r.Match(ctx, look, declared[n%len(declared)])
		return err
	})
	return out, err
}

// sample opens people spread over the whole registry and makes declarations.
func (r *Registry) sample(ctx context.Context, n int) (people []Person, declared []Declared, err error) {
	rows, err := r.db.Read().QueryContext(ctx, `SELECT p.id, p.name, p.birth_date, p.sex, n.sealed FROM population_person p
		JOIN population_number n ON n.person = p.id AND n.kind = 'pin' AND n.valid_to IS NULL
		WHERE p.died_on IS NULL ORDER BY p.digest LIMIT $1`, n)
	if err != nil {
		return nil, nil, fmt.Errorf("sample people: %w", err)
	}
	defer rows.Close()
	var sealed [][]byte
	for rows.Next() {
		var p Person
		var s []byte
		if err := rows.Scan(&p.ID, &p.Name, &p.BirthDate, &p.Sex, &s); err != nil {
			return nil, nil, fmt.Errorf("sample people: %w", err)
		}
		people, sealed = append(people, p), append(sealed, s)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, nil, fmt.Errorf("sample people: %w", err)
	}
	if len(people) == 0 {
		return nil, nil, errors.New("bench: the registry is empty; import people first")
	}
	for i := range people {
		plain, err := r.seal.Open(ctx, r.db.Read(), people[i].ID, columnNumber, sealed[i])
		if err != nil {
			return nil, nil, fmt.Errorf("sample people: %w", err)
		}
		people[i].Number = Number(plain)
		d := Declared{Number: people[i].Number, Name: people[i].Name, BirthDate: people[i].BirthDate, Sex: people[i].Sex}
		switch i % 4 {
		case 1:
			d.Name = FoldName(d.Name)
		case 3:
			d.Number = Number(fmt.Sprintf("999%09d", i))
		}
		declared = append(declared, d)
	}
	return people, declared, nil
}

// rate runs work by several at once and counts how often a second it is done.
func rate(ctx context.Context, by int, during time.Duration, work func(n int) error) (float64, error) {
	began := time.Now()
	until := began.Add(during)
	var count atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, by)
	for w := range by {
		wg.Go(func() {
			for n := w; time.Now().Before(until) && ctx.Err() == nil; n += by {
				if errs[w] = work(n); errs[w] != nil {
					return
				}
				count.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(count.Load()) / time.Since(began).Seconds(), errors.Join(append(errs, ctx.Err())...)
}
