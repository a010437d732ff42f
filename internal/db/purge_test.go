// SPDX-License-Identifier: Apache-2.0

package db_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
)

// A purge that comes to the end of its batch goes on at once: a table that
// fills faster than one batch per turn would grow for ever.
func TestFullBatchGoesOn(t *testing.T) {
	d, err := db.Open(t.Context(), db.Config{URL: "sqlite:" + t.TempDir() + "/danh.db"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(context.Background())
		left, runs := atomic.Int64{}, atomic.Int64{}
		left.Store(1750)
		done := make(chan struct{})
		go func() {
			defer close(done)
			db.RunPurges(ctx, d, clock.System(), slog.New(slog.DiscardHandler), []db.Purge{{Name: "test", Every: time.Hour,
				Run: func(context.Context, *db.Tx, time.Time) (int64, error) {
					runs.Add(1)
					n := min(left.Load(), 500)
					left.Add(-n)
					return n, nil
				}}})
		}()
		time.Sleep(time.Minute)
		if left.Load() != 0 {
			t.Errorf("%d rows are left after a minute", left.Load())
		}
		had := runs.Load()
		time.Sleep(30 * time.Minute)
		if n := runs.Load() - had; n != 0 {
			t.Errorf("with nothing to do it ran %d times more before its time", n)
		}
		stop()
		<-done
	})
}
