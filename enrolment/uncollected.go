// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/registry/card"
)

// endUncollected ends dossiers whose card nobody came for: the key of a chip
// that will not be written is forgotten, the card with it, since one that waits
// to be handed over bars her from another, and she is told.
func (o *Office) endUncollected(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	days, err := rule(ctx, tx, "card.collect_days", clock.DateOf(now))
	if err != nil {
		return 0, err
	}
	list, err := due(ctx, tx, `state = 'approved' AND decided_at < $1`, clock.Micros(now.AddDate(0, 0, -days)))
	if err != nil {
		return 0, err
	}
	for _, w := range list {
		f, err := o.takeTx(ctx, tx, w.id)
		if err != nil {
			return 0, err
		}
		f.state, f.closedAt = Done, now
		f.Events = append(f.Events, Event{At: now, Name: "not_collected", By: f.officeName})
		if err := o.dropFileTx(ctx, tx, f, fileChipKey); err != nil {
			return 0, err
		}
		by := audit.System("enrolment")
		err = o.c.Cards.DecideTx(ctx, tx, by, card.Decision{Person: f.person, Card: f.card, Step: card.Revoke, Reason: "spoiled", Ground: "house rule: not collected (card.collect_days)"})
		if err != nil && !fault.Is(err, fault.Conflict) { // it may have been revoked before
			return 0, err
		}
		if c := f.content.Card; err == nil && c != nil {
			part := *c
			part.State = card.Revoked
			f.content.Card = &part
		}
		if err := o.saveTx(ctx, tx, f); err != nil {
			return 0, err
		}
		if err := o.c.Audit.RecordTx(ctx, tx, f.entry(by, "not_collected", "chip")); err != nil {
			return 0, err
		}
		if err := o.tellTx(ctx, tx, by, f, "card_not_collected", map[string]string{}); err != nil {
			return 0, err
		}
	}
	return int64(len(list)), nil
}
