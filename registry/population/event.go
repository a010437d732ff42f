// SPDX-License-Identifier: Apache-2.0

package population

import (
	"context"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

// EventKind names what became true about a person.
type EventKind string

// The events. Deliveries repeat, so handlers are idempotent, and the registry
// is the truth: an event only hastens what would be found anyway.
const (
	Died          EventKind = "population.died"
	NumberChanged EventKind = "population.number_changed"
	Corrected     EventKind = "population.corrected"
)

var eventKinds = []EventKind{Died, NumberChanged, Corrected}

// Event says what became true. It names the fields, never their values.
type Event struct {
	ID     id.Person  `json:"id"` // the event's own key
	Kind   EventKind  `json:"-"`
	Person id.Person  `json:"person"`
	On     clock.Date `json:"on"` // of the death, or from when the number is hers
	Fields []string   `json:"fields,omitempty"`
}

// Subscribe has an event delivered to a higher room. Subscribe before the
// queue runs. A delivery that fails is repeated to every subscriber.
func (r *Registry) Subscribe(kind EventKind, h func(context.Context, Event) error) {
	r.news.Subscribe(kind, h)
}

func (r *Registry) publishTx(ctx context.Context, tx *db.Tx, e Event) error {
	e.ID = id.NewPerson()
	return r.news.PublishTx(ctx, tx, e.Kind, e)
}
