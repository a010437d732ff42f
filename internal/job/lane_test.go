// SPDX-License-Identifier: Apache-2.0

package job_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/job"
)

// TestLaneHoldsNobodyUp: a kind of job that hangs fills its own lane and no
// other; the others' backlog does not stop it either.
func TestLaneHoldsNobodyUp(t *testing.T) {
	dbtest.Run(t, []db.Schema{job.Schema}, func(t *testing.T, d *db.DB) {
		q := job.New(d, clock.System(), slog.New(slog.DiscardHandler))
		hang := make(chan struct{})
		var slow, most, quick atomic.Int64
		q.Handle("slow", func(context.Context, job.Job) error {
			n := slow.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			<-hang
			slow.Add(-1)
			return nil
		})
		q.Handle("quick", func(context.Context, job.Job) error { quick.Add(1); return nil })
		q.Lane("slow", 3)
		enqueue := func(kind string, n int) {
			t.Helper()
			if err := d.Write(t.Context(), func(tx *db.Tx) error {
				for range n {
					if err := q.EnqueueTx(t.Context(), tx, kind, struct{}{}); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		enqueue("slow", 40)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = q.Run(ctx) }()
		wait := func(what string, ok func() bool) {
			t.Helper()
			for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal(what)
				}
			}
		}
		wait("the lane does not begin", func() bool { return slow.Load() == 3 })
		enqueue("quick", 50)
		wait("the hanging lane holds the others up", func() bool { return quick.Load() == 50 })
		close(hang)
		wait("the lane does not go on", func() bool {
			s, err := q.Stats(t.Context())
			return err == nil && s.Due+s.Running == 0
		})
		stop()
		<-done
		if most.Load() != 3 {
			t.Errorf("%d at once in a lane of 3", most.Load())
		}
	})
}
