// SPDX-License-Identifier: Apache-2.0

package right

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/job"
)

// watched names a request in the queue.
type watched struct {
	Account account.ID `json:"account"`
	ID      rightID    `json:"id"`
}

// watch looks at a request on one of its days: it reminds the party, and when the
// answer is late puts it before officers and tells her. It decides from what is
// stored, so it may come late, early or twice.
func (d *Desk) watch(ctx context.Context, j job.Job) error {
	var w watched
	if err := j.Decode(&w); err != nil {
		return errors.Join(job.ErrGiveUp, err)
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		c, _, _, err := scan(tx.QueryRowContext(ctx, `SELECT `+columns+` FROM provider_right WHERE account = $1 AND id = $2`, w.Account, w.ID))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("watch a request: %w", err)
		}
		now := d.c.Clock.Now()
		if !c.Open() {
			return nil
		}
		by := audit.System("right")
		if c.Overdue(now) {
			return d.overdueTx(ctx, tx, by, c, now)
		}
		what := ""
		switch {
		case now.After(c.Due.Add(-49 * time.Hour)):
			what = "due"
		case c.Unacknowledged(now):
			what = "acknowledge"
		default:
			return nil
		}
		if first, err := d.onceTx(ctx, tx, c, what, now); err != nil || !first {
			return err
		}
		client, err := d.c.Partners.FindClient(ctx, c.Client)
		if fault.Is(err, fault.NotFound) {
			return nil // asked of Danh, or retired since: officers see it in their queue
		}
		if err != nil {
			return err
		}
		return d.tellPartyTx(ctx, tx, by, c, client, "partner_request_due")
	})
}

// overdueTx puts a late request before officers, once, and tells her and the
// party.
func (d *Desk) overdueTx(ctx context.Context, tx *db.Tx, by audit.Actor, c Case, now time.Time) error {
	changed, err := db.Changed(tx.ExecContext(ctx, `UPDATE provider_right SET escalated_at = $3, late = TRUE WHERE account = $1 AND id = $2 AND ended_at IS NULL AND escalated_at IS NULL`,
		c.account, c.id, clock.Micros(now)))
	if err != nil || !changed {
		return err
	}
	if err := d.noteTx(ctx, tx, by, "overdue", c); err != nil {
		return err
	}
	if client, err := d.c.Partners.FindClient(ctx, c.Client); err == nil {
		if err := d.tellPartyTx(ctx, tx, by, c, client, "partner_request_due"); err != nil {
			return err
		}
	} else if !fault.Is(err, fault.NotFound) {
		return err
	}
	return d.tellHerTx(ctx, tx, by, c, "consent_request_overdue")
}

// onceTx reports whether a reminder is the first of its kind.
func (d *Desk) onceTx(ctx context.Context, tx *db.Tx, c Case, what string, now time.Time) (bool, error) {
	return db.Changed(tx.ExecContext(ctx, `INSERT INTO provider_right_notice (account, id, what, sent_at) VALUES ($1, $2, $3, $4) ON CONFLICT (account, id, what) DO NOTHING`,
		c.account, c.id, what, clock.Micros(now)))
}

// retention is how long an ended request is kept, as the history of use is.
const retention = 5 * 365 * 24 * time.Hour

// Purges deletes requests that ended long ago.
func Purges() []db.Purge {
	del := func(statement string) func(context.Context, *db.Tx, time.Time) (int64, error) {
		return func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			res, err := tx.ExecContext(ctx, statement, clock.Micros(now.Add(-retention)))
			if err != nil {
				return 0, err
			}
			return res.RowsAffected()
		}
	}
	const ended = `IN (SELECT account, id FROM provider_right WHERE ended_at < $1 LIMIT 5000)`
	return []db.Purge{
		{Name: "provider_right_notice", Every: 24 * time.Hour, Run: del(`DELETE FROM provider_right_notice WHERE (account, id) ` + ended)},
		{Name: "provider_right_code", Every: 24 * time.Hour, Run: del(`DELETE FROM provider_right_code WHERE (account, id) ` + ended)},
		{Name: "provider_right", Every: 24 * time.Hour, Run: del(`DELETE FROM provider_right WHERE (account, id) ` + ended + `
			AND NOT EXISTS (SELECT 1 FROM provider_right_code c WHERE c.account = provider_right.account AND c.id = provider_right.id)`)},
	}
}
