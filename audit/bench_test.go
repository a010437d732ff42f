// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"testing"

	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/id"
)

// BenchmarkRecordTx is the share of an entry in a transaction that exists anyway.
func BenchmarkRecordTx(b *testing.B) {
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		b.Run(string(e), func(b *testing.B) {
			f := open(b, dbtest.Open(b, e, schemas))
			her := id.NewPerson()
			for done := 0; done < b.N; {
				err := f.db.Write(b.Context(), func(tx *db.Tx) error {
					for range min(200, b.N-done) {
						if err := f.RecordTx(b.Context(), tx, look(her, done)); err != nil {
							return err
						}
						done++
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRecord is a look-up's entry, with its own commit.
func BenchmarkRecord(b *testing.B) {
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		b.Run(string(e), func(b *testing.B) {
			f := open(b, dbtest.Open(b, e, schemas))
			b.RunParallel(func(p *testing.PB) {
				her := id.NewPerson()
				for p.Next() {
					if err := f.Record(b.Context(), look(her, 1)); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkSeal numbers and appends; per entry.
func BenchmarkSeal(b *testing.B) {
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		b.Run(string(e), func(b *testing.B) {
			f := open(b, dbtest.Open(b, e, schemas))
			for done := 0; done < b.N; {
				n := min(20_000, b.N-done)
				b.StopTimer()
				f.record(b, n)
				b.StartTimer()
				f.seal(b)
				done += n
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	f := open(b, dbtest.Open(b, db.SQLite, schemas))
	f.record(b, 50_000)
	f.seal(b)
	for b.Loop() {
		if r := f.verify(b); !r.OK() {
			b.Fatal(r.Problems)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/50_000, "ns/entry")
}
