// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"danh/internal/clock"
)

// Purge deletes rows whose time is over. Every table with such rows has one;
// they all run in every server, so they must be harmless when run twice.
type Purge struct {
	Name  string
	Every time.Duration
	Run   func(ctx context.Context, tx *Tx, now time.Time) (int64, error)
}

// purgeMany rows at once mean that a purge came to the end of its batch and
// has more to do: without going on at once it would fall behind for good.
const purgeMany = 100

// RunPurges runs the purges until the context ends, each at start-up after a
// short pause and then at its own pace.
func RunPurges(ctx context.Context, d *DB, c clock.Clock, log *slog.Logger, purges []Purge) {
	var wg sync.WaitGroup
	for _, p := range purges {
		wg.Go(func() {
			wait := 10 * time.Second
			for {
				select {
				case <-ctx.Done():
					return
				case <-time.After(wait):
				}
				wait = p.Every
				n, err := p.RunOnce(ctx, d, c.Now())
				switch {
				case err != nil && ctx.Err() == nil:
					log.Error("purge failed", "purge", p.Name, "error", err)
				case n > 0:
					log.Info("purged", "purge", p.Name, "rows", n)
				}
				if n >= purgeMany {
					wait = min(time.Second, p.Every)
				}
			}
		})
	}
	wg.Wait()
}

// RunOnce runs the purge in one transaction.
func (p Purge) RunOnce(ctx context.Context, d *DB, now time.Time) (n int64, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		n, err = p.Run(ctx, tx, now)
		return err
	})
	return n, err
}
