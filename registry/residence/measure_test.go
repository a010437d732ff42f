// SPDX-License-Identifier: Apache-2.0

package residence_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/job"
	"danh/internal/seal"
	"danh/registry/population"
	"danh/registry/residence"
)

var schemas = []db.Schema{seal.Schema, job.Schema, audit.Schema, population.Schema, residence.Schema}

// registries is a set of rooms over one database.
type registries struct {
	people *population.Registry
	places *residence.Registry
	seal   *seal.Sealer
	audit  *audit.Log
	jobs   *job.Queue
}

func registriesOn(t testing.TB, d *db.DB, c clock.Clock) registries {
	t.Helper()
	key := make([]byte, 32)
	s, err := seal.New(key, key, c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := audit.New(audit.Config{DB: d, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	q := job.New(d, c, slog.New(slog.DiscardHandler))
	p, err := population.New(population.Config{DB: d, Seal: s, Audit: l, Jobs: q, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	r, err := residence.New(residence.Config{DB: d, Seal: s, Audit: l, Population: p, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	return registries{p, r, s, l, q}
}

// BenchmarkImport loads the feed named by DANH_MEASURE_FEED into the empty
// database named by DANH_MEASURE_DB, which stays behind, and then measures
// matches on it:
//
//	DANH_MEASURE_FEED=1m.jsonl DANH_MEASURE_DB=sqlite:/tmp/1m.db go test ./registry/residence -run - -bench Import -benchtime 1x
func BenchmarkImport(b *testing.B) {
	path, url := os.Getenv("DANH_MEASURE_FEED"), os.Getenv("DANH_MEASURE_DB")
	if path == "" || url == "" {
		b.Skip("DANH_MEASURE_FEED and DANH_MEASURE_DB are not set")
	}
	ctx := context.Background()
	d, err := db.Open(ctx, db.Config{URL: url})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	if err := db.Migrate(ctx, d, schemas); err != nil {
		b.Fatal(err)
	}
	r := registriesOn(b, d, clock.System())
	for b.Loop() {
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		rep, err := r.places.Import(ctx, residence.ImportConfig{Progress: func(p residence.Progress) {
			if p.Lines%200_000 < 20_000 {
				b.Logf("%5.1f %% %9d people, %.0f/s, %v left", p.Fraction*100, p.People, p.Rate, p.Left.Round(time.Second))
			}
		}}, f)
		f.Close()
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("%+v", rep)
		b.ReportMetric(float64(rep.People)/time.Since(began).Seconds(), "people/s")
	}
}

// BenchmarkMatch measures matches on the database that BenchmarkImport left.
func BenchmarkMatch(b *testing.B) {
	url := os.Getenv("DANH_MEASURE_DB")
	if url == "" {
		b.Skip("DANH_MEASURE_DB is not set")
	}
	ctx := context.Background()
	d, err := db.Open(ctx, db.Config{URL: url})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	r := registriesOn(b, d, clock.System())
	for b.Loop() {
		res, err := population.Bench(ctx, population.BenchConfig{DB: d, Seal: r.seal, Audit: r.audit})
		if err != nil {
			b.Fatal(err)
		}
		b.Log(res)
		b.ReportMetric(res.Single, "match/s/core")
		b.ReportMetric(res.AuditedBy, "audited/s")
	}
}
