// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
	"danh/registry/card"
	"danh/registry/immigration"
)

const lockLaw = "Luật Căn cước 26/2023/QH15, Điều 34"

// HandleCard tells a person whose card has changed, and locks and unlocks her account.
// It subscribes to the card registry's news. News repeat and may come in
// another order than they happened: what counts is what the registry holds at
// this moment. A held card locks until it is given back, a revoked one until
// another is in force (Law on Identification, article 34); whether a lost or
// expired card does is a dated rule.
func (k *Keeper) HandleCard(ctx context.Context, e card.Event) error {
	if k.c.Cards == nil {
		return nil
	}
	if _, err := k.FindByPerson(ctx, e.Person); fault.Is(err, fault.NotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := k.tellCardTx(ctx, tx, e); err != nil {
			return err
		}
		return k.settleCardsTx(ctx, tx, e.Person)
	})
}

// cardNews is what she is told of her card, by SMS and in her inbox. The card
// that is handed over is in her hand, and of one that expired she is told before.
var cardNews = map[card.EventKind]string{card.WasLost: "card_lost", card.WasHeld: "card_held", card.Released: "card_released", card.WasRevoked: "card_revoked"}

// tellCardTx tells her once of an event, however often it is delivered: the
// mark and the message are one transaction. Nobody is told of the dead, of a
// card that was spoiled before it was hers, and no account that may be somebody
// else's.
func (k *Keeper) tellCardTx(ctx context.Context, tx *db.Tx, e card.Event) error {
	template, ok := cardNews[e.Kind]
	if !ok || e.ID.IsZero() || e.Reason == "death" || e.Reason == "spoiled" {
		return nil
	}
	a, err := k.FindByPersonTx(ctx, tx, e.Person)
	if fault.Is(err, fault.NotFound) || err == nil && a.Provisional {
		return nil
	}
	if err != nil {
		return err
	}
	var dead int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_lock WHERE account = $1 AND ground = $2 AND ended_at IS NULL`, a.ID, string(Death)).Scan(&dead); err != nil {
		return fmt.Errorf("find lock: %w", err)
	}
	if dead > 0 {
		return nil
	}
	marked, err := tx.ExecContext(ctx, `INSERT INTO account_card_news (person, event, told_at) VALUES ($1, $2, $3) ON CONFLICT (person, event) DO NOTHING`,
		e.Person, e.ID, clock.Micros(k.c.Clock.Now()))
	if err != nil {
		return fmt.Errorf("mark card news: %w", err)
	}
	if n, err := marked.RowsAffected(); err != nil || n == 0 {
		return err
	}
	to, err := k.RecipientTx(ctx, tx, a.ID)
	if err != nil {
		return err
	}
	_, err = k.c.Notify.SendTx(ctx, tx, audit.System("account"), notify.Message{To: to, Template: template, Purpose: "account.security",
		Data: map[string]string{"on": e.On.Vietnamese(), "office": e.Office}})
	if err != nil {
		return fmt.Errorf("tell %s: %w", template, err)
	}
	return nil
}

// settleCardsTx brings an account's locks to what the cards of its person call for.
func (k *Keeper) settleCardsTx(ctx context.Context, tx *db.Tx, person id.Person) error {
	if k.c.Cards == nil {
		return nil
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	cards, err := k.c.Cards.ListByPersonTx(ctx, tx, audit.Look{By: audit.System("account"), Purpose: "account.lock", Ground: lockLaw}, person)
	if err != nil {
		return fmt.Errorf("list cards: %w", err)
	}
	return k.settleTx(ctx, tx, person, cardLocks(cards, f))
}

// cardLocks says which locks a person's cards call for.
func cardLocks(cards []card.Card, f inForce) map[Ground]bool {
	locks := map[Ground]bool{CardHeld: false, CardRevoked: false, CardLost: false, CardExpired: false}
	var last card.Card // the one that changed last, while none is in force
	inForce := false
	for _, c := range cards {
		inForce = inForce || c.InForce()
		locks[CardHeld] = locks[CardHeld] || c.State == card.Held
		if c.State != card.Produced && c.State != card.Held && c.State != card.Replaced && !c.StateAt.Before(last.StateAt) {
			last = c
		}
	}
	if !inForce {
		// One that was spoiled before it was handed over was never hers to misuse.
		locks[CardRevoked] = last.State == card.Revoked && last.Reason != "spoiled"
		locks[CardLost] = last.State == card.Lost && f.value("lock_card_lost") > 0
		locks[CardExpired] = last.State == card.Expired && f.value("lock_card_expired") > 0
	}
	return locks
}

// HandleStanding locks the account of a foreigner whose papers ended and
// unlocks it once they count again (Decree 59/2022, article 19). It subscribes
// to the immigration registry's news; deliveries may repeat.
func (k *Keeper) HandleStanding(ctx context.Context, e immigration.Event) error {
	if k.c.Borders == nil {
		return nil
	}
	err := k.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := k.c.Borders.FindStandingTx(ctx, tx, audit.Look{By: audit.System("account"), Purpose: "account.lock", Ground: "NĐ 59/2022, Điều 19"}, e.Person)
		if err != nil {
			return err
		}
		return k.settleTx(ctx, tx, e.Person, map[Ground]bool{StayExpired: !s.OK()})
	})
	if fault.Is(err, fault.NotFound) {
		return nil // not a foreigner, or not any more
	}
	return err
}

// settleTx brings the account's locks on some grounds to what they should be.
func (k *Keeper) settleTx(ctx context.Context, tx *db.Tx, person id.Person, locks map[Ground]bool) error {
	a, err := k.store.ofPerson(ctx, tx, person)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	by := audit.System("account")
	// Locks first, in the order of the list: an account that passes from one
	// ground to another is never open in between.
	for _, g := range Grounds {
		if locks[g] {
			if err := k.LockTx(ctx, tx, by, a.ID, g); err != nil {
				return err
			}
		}
	}
	for _, g := range Grounds {
		want, asked := locks[g]
		if !asked || want {
			continue
		}
		var open int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_lock WHERE account = $1 AND ground = $2 AND ended_at IS NULL`, a.ID, string(g)).Scan(&open); err != nil {
			return fmt.Errorf("find lock: %w", err)
		}
		if open > 0 {
			if err := k.UnlockTx(ctx, tx, by, a.ID, g); err != nil {
				return err
			}
		}
	}
	return nil
}

// papersTx refuses a foreigner whose papers do not count today.
func (k *Keeper) papersTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person) error {
	if k.c.Borders == nil {
		return nil
	}
	s, err := k.c.Borders.FindStandingTx(ctx, tx, audit.Look{By: by, Purpose: "account.enrolment", Ground: "NĐ 69/2024, Điều 11"}, person)
	if err != nil {
		return fmt.Errorf("look at the papers: %w", err)
	}
	if !s.OK() {
		return fault.New(fault.Conflict, "account.proofed.papers")
	}
	return nil
}
