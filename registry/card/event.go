// SPDX-License-Identifier: Apache-2.0

package card

import (
	"context"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

// EventKind names what became true about a card.
type EventKind string

// The events. Deliveries repeat, so handlers are idempotent, and the registry
// is the truth: an event only hastens what would be found anyway.
const (
	HandedOver EventKind = "card.delivered"
	WasLost    EventKind = "card.lost"
	WasHeld    EventKind = "card.held"
	Released   EventKind = "card.released"
	WasRevoked EventKind = "card.revoked"
	HasExpired EventKind = "card.expired"
)

var eventKinds = []EventKind{HandedOver, WasLost, WasHeld, Released, WasRevoked, HasExpired}

// Event says what became true. It names the card, never its number.
type Event struct {
	ID     id.Person  `json:"id"` // the event's own key
	Kind   EventKind  `json:"-"`
	Person id.Person  `json:"person"`
	Card   ID         `json:"card"`
	On     clock.Date `json:"on"`
	Reason string     `json:"reason,omitempty"`
	Office string     `json:"office,omitempty"` // the public name under which an officer took the step
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
