// SPDX-License-Identifier: Apache-2.0

package db_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
)

var schemas = []db.Schema{seal.Schema, job.Schema}

func count(t *testing.T, q db.Q, query string, args ...any) int {
	t.Helper()
	var n int
	if err := q.QueryRowContext(context.Background(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func insert(ctx context.Context, tx *db.Tx, owner id.Person) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO seal_key (owner, wrapped, created_at) VALUES ($1, $2, $3)`, owner, []byte{1, 2}, int64(7))
	return err
}

func TestWriteIsAllOrNothing(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		stop := errors.New("stop")
		ran := false
		err := d.Write(ctx, func(tx *db.Tx) error {
			tx.After(func() { ran = true })
			if err := insert(ctx, tx, id.NewPerson()); err != nil {
				return err
			}
			return stop
		})
		if !errors.Is(err, stop) || ran {
			t.Fatalf("got %v, after ran: %v", err, ran)
		}
		if n := count(t, d.Read(), `SELECT count(*) FROM seal_key`); n != 0 {
			t.Fatalf("a failed transaction left %d rows", n)
		}
		if err := d.Write(ctx, func(tx *db.Tx) error {
			tx.After(func() { ran = true })
			return insert(ctx, tx, id.NewPerson())
		}); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d.Read(), `SELECT count(*) FROM seal_key`); n != 1 || !ran {
			t.Fatalf("rows %d, after ran: %v", n, ran)
		}
	})
}

// TestBadStatementLeavesTheWriterUsable: a statement that cannot be prepared
// must not poison what comes after it.
func TestBadStatementLeavesTheWriterUsable(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		err := d.Write(ctx, func(tx *db.Tx) error {
			return tx.QueryRowContext(ctx, `SELECT nothing FROM nowhere`).Scan(new(int))
		})
		if err == nil {
			t.Fatal("an impossible statement succeeded")
		}
		if err := d.Write(ctx, func(tx *db.Tx) error { return insert(ctx, tx, id.NewPerson()) }); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCallerGoneMidTransaction(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(context.Background())
		err := d.Write(ctx, func(tx *db.Tx) error {
			if err := insert(ctx, tx, id.NewPerson()); err != nil {
				return err
			}
			cancel()
			return nil
		})
		if err == nil {
			t.Fatal("a transaction of a caller that had gone was acknowledged")
		}
		if n := count(t, d.Read(), `SELECT count(*) FROM seal_key`); n != 0 {
			t.Fatalf("%d rows stayed", n)
		}
		if err := d.Write(context.Background(), func(tx *db.Tx) error { return insert(context.Background(), tx, id.NewPerson()) }); err != nil {
			t.Fatal(err)
		}
	})
}

func TestUniqueViolationIsKnown(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx, p := context.Background(), id.NewPerson()
		put := func() error { return d.Write(ctx, func(tx *db.Tx) error { return insert(ctx, tx, p) }) }
		if err := put(); err != nil {
			t.Fatal(err)
		}
		if err := put(); !db.IsUnique(err) {
			t.Fatalf("got %v", err)
		}
	})
}

// TestOneConditionalUpdateWins: 64 in parallel consume one thing; one does.
func TestOneConditionalUpdateWins(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx, p := context.Background(), id.NewPerson()
		if err := d.Write(ctx, func(tx *db.Tx) error { return insert(ctx, tx, p) }); err != nil {
			t.Fatal(err)
		}
		var won atomic.Int64
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				err := d.Write(ctx, func(tx *db.Tx) error {
					var at int64
					err := tx.QueryRowContext(ctx, `UPDATE seal_key SET destroyed_at = 1 WHERE owner = $1 AND destroyed_at IS NULL RETURNING created_at`, p).Scan(&at)
					return err
				})
				if err == nil {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d of 64 consumed it", won.Load())
		}
	})
}

func TestCopyIn(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		rows := func(n int, fail error) iter.Seq2[[]any, error] {
			return func(yield func([]any, error) bool) {
				for i := range n {
					if !yield([]any{id.NewPerson(), []byte{byte(i)}, int64(i), nil}, nil) {
						return
					}
				}
				if fail != nil {
					yield(nil, fail)
				}
			}
		}
		cols := []string{"owner", "wrapped", "created_at", "destroyed_at"}
		var n int64
		if err := d.Write(ctx, func(tx *db.Tx) (err error) {
			n, err = db.CopyIn(ctx, tx, "seal_key", cols, rows(1003, nil))
			return err
		}); err != nil || n != 1003 {
			t.Fatalf("copied %d: %v", n, err)
		}
		bad := errors.New("bad row")
		if err := d.Write(ctx, func(tx *db.Tx) error {
			_, err := db.CopyIn(ctx, tx, "seal_key", cols, rows(500, bad))
			return err
		}); !errors.Is(err, bad) {
			t.Fatalf("got %v", err)
		}
		if got := count(t, d.Read(), `SELECT count(*) FROM seal_key`); got != 1003 {
			t.Fatalf("%d rows", got)
		}
	})
}

func TestMigrateTwiceAndFingerprint(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		for range 2 {
			if err := db.Migrate(context.Background(), d, schemas); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestSealedFieldIsBoundToOwnerAndColumn(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		s, err := seal.New(make([]byte, 32), make([]byte, 32), clock.System())
		if err != nil {
			t.Fatal(err)
		}
		a, b := id.NewPerson(), id.NewPerson()
		var sealed []byte
		if err := d.Write(ctx, func(tx *db.Tx) (err error) {
			if sealed, err = s.SealTx(ctx, tx, a, "x.phone", []byte("0912345678")); err != nil {
				return err
			}
			_, err = s.SealTx(ctx, tx, b, "x.phone", []byte("0912345679"))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Open(ctx, d.Read(), a, "x.phone", sealed)
		if err != nil || string(got) != "0912345678" {
			t.Fatalf("%q %v", got, err)
		}
		if _, err := s.Open(ctx, d.Read(), b, "x.phone", sealed); !errors.Is(err, seal.ErrOpen) {
			t.Fatalf("opened for another owner: %v", err)
		}
		if _, err := s.Open(ctx, d.Read(), a, "x.email", sealed); !errors.Is(err, seal.ErrOpen) {
			t.Fatalf("opened for another column: %v", err)
		}
		if err := d.Write(ctx, func(tx *db.Tx) error { return s.DestroyTx(ctx, tx, a) }); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Open(ctx, d.Read(), a, "x.phone", sealed); !errors.Is(err, seal.ErrDestroyed) {
			t.Fatalf("opened after its key was destroyed: %v", err)
		}
		err = d.Write(ctx, func(tx *db.Tx) error { _, err := s.SealTx(ctx, tx, a, "x.phone", []byte("1")); return err })
		if !errors.Is(err, seal.ErrDestroyed) {
			t.Fatalf("a destroyed owner was given a fresh key: %v", err)
		}
	})
}

func TestJobs(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		c := clock.NewFake(time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC))
		q := job.New(d, c, quiet)
		var done []string
		fail := 2
		q.Handle("greet", func(_ context.Context, j job.Job) error {
			var name string
			if err := j.Decode(&name); err != nil {
				return err
			}
			if name == "flaky" && fail > 0 {
				fail--
				return errors.New("not today")
			}
			if name == "hopeless" {
				panic("never")
			}
			done = append(done, fmt.Sprint(name, j.Attempt))
			return nil
		})
		enqueue := func(name string, opts ...job.Option) {
			if err := d.Write(ctx, func(tx *db.Tx) error { return q.EnqueueTx(ctx, tx, "greet", name, opts...) }); err != nil {
				t.Fatal(err)
			}
		}
		enqueue("once", job.Key("k"))
		enqueue("once", job.Key("k"))
		enqueue("flaky")
		enqueue("hopeless", job.MaxAttempts(2))
		enqueue("later", job.At(c.Now().Add(time.Hour)))
		for range 4 {
			if err := q.Drain(ctx); err != nil {
				t.Fatal(err)
			}
			c.Advance(10 * time.Second)
		}
		if got := fmt.Sprint(done); got != "[once1 flaky3]" {
			t.Fatalf("done %s", got)
		}
		s, err := q.Stats(ctx)
		if err != nil || s.Dead != 1 || s.Waiting != 1 || s.Due != 0 {
			t.Fatalf("%+v %v", s, err)
		}
		dead, err := q.ListDead(ctx, 10)
		if err != nil || len(dead) != 1 || dead[0].Attempts != 2 {
			t.Fatalf("%+v %v", dead, err)
		}
		c.Advance(time.Hour)
		if err := q.Drain(ctx); err != nil || len(done) != 3 {
			t.Fatalf("%v %v", done, err)
		}
	})
}

// TestJobLeaseOfDeadWorker: a job whose worker died is run again, and the dead
// worker's late mark does not count.
func TestJobLeaseOfDeadWorker(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		c := clock.NewFake(time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC))
		first, second := job.New(d, c, quiet), job.New(d, c, quiet)
		runs := 0
		first.Handle("x", func(context.Context, job.Job) error {
			runs++
			c.Advance(3 * time.Minute) // beyond the lease: taken for dead
			return second.Drain(ctx)
		})
		second.Handle("x", func(context.Context, job.Job) error { runs++; return errors.New("still busy") })
		if err := d.Write(ctx, func(tx *db.Tx) error { return first.EnqueueTx(ctx, tx, "x", 1) }); err != nil {
			t.Fatal(err)
		}
		if err := first.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		if runs != 2 {
			t.Fatalf("ran %d times", runs)
		}
		if n := count(t, d.Read(), `SELECT count(*) FROM job_item WHERE done_at IS NULL AND attempts = 2`); n != 1 {
			t.Fatal("the dead worker's mark was taken")
		}
	})
}

// Others on the machine cannot read names out of the file or its log, whatever
// the mode of the folder.
func TestFilesAreTheServersAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), db.Config{URL: "sqlite:" + dir + "/danh.db"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := db.Migrate(t.Context(), d, schemas); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(dir + "/danh.db*")
	if err != nil || len(files) < 2 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, f := range files {
		st, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o", filepath.Base(f), st.Mode().Perm())
		}
	}
}
