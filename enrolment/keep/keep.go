// SPDX-License-Identifier: Apache-2.0

// Package keep owns what officers do, within a visit, with a card or an account
// that exists: a card reported lost, taken into custody, given back, revoked;
// an account shown, locked, unlocked, invited again; a representation ended.
//
// It refuses whoever has no open visit of the person, and everybody about
// herself. What takes an identity out of use may be done by whoever meets it;
// what restores one is another officer's, before the person, who is proved to
// be there. Each act is one transaction with its entry and its news; what was
// refused for want of authority stands in the person's log.
package keep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"danh/account"
	"danh/account/recovery"
	"danh/audit"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/seal"
	"danh/office"
	"danh/registry/card"
)

// Config is what the desk stands on.
type Config struct {
	DB       *db.DB
	Clock    clock.Clock
	Seal     *seal.Sealer
	Audit    *audit.Log
	Roster   *office.Roster
	Visits   *visit.Desk
	Cards    *card.Registry
	Accounts *account.Keeper
	Recovery *recovery.Desk // nil: no account is got back at a counter
}

// Desk keeps cards and accounts. It is safe for concurrent use.
type Desk struct{ c Config }

// New returns a desk.
func New(c Config) (*Desk, error) {
	if c.DB == nil || c.Clock == nil || c.Seal == nil || c.Audit == nil || c.Roster == nil || c.Visits == nil || c.Cards == nil || c.Accounts == nil {
		return nil, errors.New("keep: every room of the configuration is needed")
	}
	return &Desk{c: c}, nil
}

// purpose stands in the entries about what was done.
const purpose = "enrolment.purpose.dossier"

func (d *Desk) today() clock.Date { return clock.DateOf(d.c.Clock.Now()) }

// Purges forgets what was done and said once its time is over.
func (d *Desk) Purges() []db.Purge {
	return []db.Purge{
		{Name: "enrolment_account_act", Every: 24 * time.Hour, Run: d.purgeAccounts},
		{Name: "enrolment_card_act", Every: 24 * time.Hour, Run: d.purgeCards},
	}
}

// keepDays is for how long acts are kept, by the room's dated rule.
func keepDays(ctx context.Context, q db.Q, now time.Time) (int, error) {
	var v int
	err := q.QueryRowContext(ctx, `SELECT value FROM enrolment_rule WHERE name = 'keep.days' AND valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1)
		ORDER BY valid_from DESC LIMIT 1`, clock.DateOf(now).String()).Scan(&v)
	if err != nil {
		return 0, fmt.Errorf("rule keep.days: %w", err)
	}
	return v, nil
}

func affected(res interface{ RowsAffected() (int64, error) }, err error) (int64, error) {
	if err != nil {
		return 0, fmt.Errorf("purge: %w", err)
	}
	return res.RowsAffected()
}

// purgeCards keeps who took a card for as long as nobody gave it back.
func (d *Desk) purgeCards(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	days, err := keepDays(ctx, tx, now)
	if err != nil {
		return 0, err
	}
	return affected(tx.ExecContext(ctx, `DELETE FROM enrolment_card_act WHERE at < $1 AND (step <> 'hold' OR EXISTS (SELECT 1 FROM enrolment_card_act x
		WHERE x.person = enrolment_card_act.person AND x.card = enrolment_card_act.card AND x.step <> 'hold' AND x.at >= enrolment_card_act.at))`,
		clock.Micros(now.AddDate(0, 0, -days))))
}
