// SPDX-License-Identifier: Apache-2.0

package job_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/job"
)

type kind string

type event struct {
	Kind kind   `json:"-"`
	What string `json:"what"`
}

const (
	born kind = "test.born"
	died kind = "test.died"
)

func TestNewsReachEverySubscriberAgainWhenOneFails(t *testing.T) {
	dbtest.Run(t, []db.Schema{job.Schema}, func(t *testing.T, d *db.DB) {
		c := clock.NewFake(time.Date(2026, 11, 21, 9, 0, 0, 0, clock.Vietnam))
		q := job.New(d, c, slog.New(slog.DiscardHandler))
		news := job.NewNews(q, func(e *event, k kind) { e.Kind = k }, born, died)
		var mu sync.Mutex
		var first, second []event
		fail := true
		news.Subscribe(born, func(_ context.Context, e event) error {
			mu.Lock()
			defer mu.Unlock()
			first = append(first, e)
			return nil
		})
		news.Subscribe(born, func(_ context.Context, e event) error {
			mu.Lock()
			defer mu.Unlock()
			if fail {
				fail = false
				return errors.New("not yet")
			}
			second = append(second, e)
			return nil
		})
		publish := func(k kind, undo bool) {
			t.Helper()
			back := errors.New("undone")
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				if err := news.PublishTx(t.Context(), tx, k, event{What: "x"}); err != nil {
					return err
				}
				if undo {
					return back
				}
				return nil
			})
			if undo != errors.Is(err, back) {
				t.Fatal(err)
			}
		}
		publish(born, false)
		publish(born, true) // what did not become true is no news
		publish(died, false)
		for range 2 {
			if err := q.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.Advance(time.Minute)
		}
		want := event{Kind: born, What: "x"}
		if len(first) != 2 || len(second) != 1 || first[0] != want || second[0] != want {
			t.Fatalf("%v %v", first, second)
		}
		if s, err := q.Stats(t.Context()); err != nil || s.Due+s.Waiting+s.Dead != 0 {
			t.Fatalf("%+v %v", s, err)
		}
	})
}

func TestNewsThatCannotBeReadLieDead(t *testing.T) {
	dbtest.Run(t, []db.Schema{job.Schema}, func(t *testing.T, d *db.DB) {
		q := job.New(d, clock.System(), slog.New(slog.DiscardHandler))
		news := job.NewNews(q, func(e *event, k kind) { e.Kind = k }, born)
		news.Subscribe(born, func(context.Context, event) error { t.Error("delivered"); return nil })
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return q.EnqueueTx(t.Context(), tx, string(born), "no object") }); err != nil {
			t.Fatal(err)
		}
		if err := q.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, err := q.Stats(t.Context()); err != nil || s.Dead != 1 {
			t.Fatalf("%+v %v", s, err)
		}
	})
}
