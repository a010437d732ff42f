// SPDX-License-Identifier: Apache-2.0

package ciba

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/partner"
)

// Everybody, as a client, is every partner.
const Everybody partner.ID = ""

// Unasked is who may not ask her, and why.
type Unasked struct {
	Client partner.ID // Everybody: nobody may
	Why    string     // "refused", "reported", "self"
	Since  time.Time
	Until  time.Time // zero: until she says otherwise
}

// ListUnasked lists who may not ask her at this moment.
func (d *Desk) ListUnasked(ctx context.Context, s account.Session) ([]Unasked, error) {
	if err := may(s); err != nil {
		return nil, err
	}
	var out []Unasked
	err := db.Each(ctx, d.c.DB.Read(), `SELECT client, why, since_at, until_at FROM provider_unasked WHERE account = $1 AND (until_at IS NULL OR until_at > $2) ORDER BY client`,
		[]any{s.Account, clock.Micros(d.c.Clock.Now())}, func(row db.Row) error {
			var u Unasked
			var since int64
			var until sql.NullInt64
			if err := row.Scan(&u.Client, &u.Why, &since, &until); err != nil {
				return fmt.Errorf("list who may not ask: %w", err)
			}
			u.Since = clock.FromMicros(since)
			if until.Valid {
				u.Until = clock.FromMicros(until.Int64)
			}
			out = append(out, u)
			return nil
		})
	return out, err
}

// Stop has a client, or everybody, not ask her any more. What waits of it is over.
func (d *Desk) Stop(ctx context.Context, s account.Session, client partner.ID) error {
	if err := may(s); err != nil {
		return err
	}
	if client != Everybody && d.c.Provider.PartnerName(ctx, string(client), "vi") == "" {
		return fault.New(fault.NotFound, "backchannel.partner")
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := d.standsTx(ctx, tx, s); err != nil {
			return err
		}
		now := d.c.Clock.Now()
		if err := d.barTx(ctx, tx, s.Account, client, "self", now); err != nil {
			return err
		}
		query, args := `UPDATE provider_backchannel SET state = 'refused', answered_at = $2 WHERE account = $1 AND state IN ('asked', 'picked')`, []any{s.Account, clock.Micros(now)}
		if client != Everybody {
			query, args = query+` AND client = $3`, append(args, string(client))
		}
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			return fmt.Errorf("end what waits: %w", err)
		}
		return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "backchannel.stopped", Subject: s.Person, Purpose: "provider.backchannel", Detail: map[string]string{"client": string(client)}})
	})
}

// Allow has a client, or everybody, ask her again.
func (d *Desk) Allow(ctx context.Context, s account.Session, client partner.ID) error {
	if err := may(s); err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := d.standsTx(ctx, tx, s); err != nil {
			return err
		}
		root, err := d.c.Provider.Root(ctx, tx, client)
		if err != nil {
			return err
		}
		done, err := db.Changed(tx.ExecContext(ctx, `DELETE FROM provider_unasked WHERE account = $1 AND client = $2`, s.Account, string(root)))
		if err != nil || !done {
			return err
		}
		return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "backchannel.allowed", Subject: s.Person, Purpose: "provider.backchannel", Detail: map[string]string{"client": string(client)}})
	})
}

// barTx bars a client until she says otherwise, and with it all that stand on
// the same approved client.
func (d *Desk) barTx(ctx context.Context, tx *db.Tx, a account.ID, client partner.ID, why string, now time.Time) error {
	root, err := d.c.Provider.Root(ctx, tx, client)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO provider_unasked (account, client, why, refusals, since_at) VALUES ($1, $2, $3, 0, $4)
		ON CONFLICT (account, client) DO UPDATE SET why = excluded.why, since_at = excluded.since_at, until_at = NULL`, a, string(root), why, clock.Micros(now)); err != nil {
		return fmt.Errorf("bar a client: %w", err)
	}
	return nil
}

// pauseTx silences a client after a no. Each further one within the days that are
// remembered makes the silence four times as long. A bar that stands stays.
func (d *Desk) pauseTx(ctx context.Context, tx *db.Tx, r Request, now time.Time) error {
	root, err := d.c.Provider.Root(ctx, tx, r.Client)
	if err != nil {
		return err
	}
	first, err := d.span(ctx, "backchannel_pause_minutes", time.Minute)
	if err != nil {
		return err
	}
	most, err := d.span(ctx, "backchannel_pause_most", time.Minute)
	if err != nil {
		return err
	}
	days, err := d.c.Accounts.Value(ctx, "backchannel_forget_days")
	if err != nil {
		return err
	}
	var n int
	if err := tx.QueryRowContext(ctx, `INSERT INTO provider_unasked (account, client, why, refusals, since_at, until_at) VALUES ($1, $2, 'refused', 1, $3, $3)
		ON CONFLICT (account, client) DO UPDATE SET refusals = CASE WHEN provider_unasked.since_at < $4 THEN 1 ELSE provider_unasked.refusals + 1 END, since_at = excluded.since_at
		RETURNING refusals`, r.account, string(root), clock.Micros(now), clock.Micros(now.AddDate(0, 0, -days))).Scan(&n); err != nil {
		return fmt.Errorf("count a refusal: %w", err)
	}
	pause := first
	for i := 1; i < n && pause < most; i++ {
		pause *= 4
	}
	if _, err := tx.ExecContext(ctx, `UPDATE provider_unasked SET until_at = $3 WHERE account = $1 AND client = $2 AND until_at IS NOT NULL`,
		r.account, string(root), clock.Micros(now.Add(min(pause, most)))); err != nil {
		return fmt.Errorf("silence a client: %w", err)
	}
	return nil
}
