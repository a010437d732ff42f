// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"danh/internal/db"
)

// News carries a room's typed events from the transaction in which they became
// true to the rooms above that subscribed. Deliveries repeat, so handlers are
// idempotent; the room remains the truth. It is safe for concurrent use.
type News[K ~string, E any] struct {
	queue *Queue
	stamp func(*E, K)

	mu       sync.RWMutex
	handlers map[K][]func(context.Context, E) error
}

// NewNews registers the kinds of event on the queue. An event travels without
// its kind; stamp puts it back.
func NewNews[K ~string, E any](q *Queue, stamp func(*E, K), kinds ...K) *News[K, E] {
	n := &News[K, E]{queue: q, stamp: stamp, handlers: map[K][]func(context.Context, E) error{}}
	for _, k := range kinds {
		q.Handle(string(k), func(ctx context.Context, j Job) error { return n.deliver(ctx, k, j) })
	}
	return n
}

// Subscribe has an event delivered to a higher room. Subscribe before the
// queue runs. A delivery that fails is repeated to every subscriber.
func (n *News[K, E]) Subscribe(kind K, h func(context.Context, E) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handlers[kind] = append(n.handlers[kind], h)
}

// PublishTx promises an event within the caller's transaction.
func (n *News[K, E]) PublishTx(ctx context.Context, tx *db.Tx, kind K, e E) error {
	return n.queue.EnqueueTx(ctx, tx, string(kind), e)
}

func (n *News[K, E]) deliver(ctx context.Context, kind K, j Job) error {
	var e E
	if err := j.Decode(&e); err != nil {
		return fmt.Errorf("read event: %w: %w", err, ErrGiveUp)
	}
	n.stamp(&e, kind)
	n.mu.RLock()
	handlers := n.handlers[kind]
	n.mu.RUnlock()
	var errs []error
	for _, h := range handlers {
		errs = append(errs, h(ctx, e))
	}
	return errors.Join(errs...)
}
