// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

// Purges lists what the room forgets, and the reminder that comes before a
// password must be changed.
func (k *Keeper) Purges() []db.Purge {
	plain := func(name string, every time.Duration, query string, before func(inForce, time.Time) time.Time) db.Purge {
		return db.Purge{Name: name, Every: every, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			f, err := k.rules.today(ctx)
			if err != nil {
				return 0, err
			}
			res, err := tx.ExecContext(ctx, query, clock.Micros(before(f, now)))
			if err != nil {
				return 0, fmt.Errorf("purge %s: %w", name, err)
			}
			return res.RowsAffected()
		}}
	}
	at := func(_ inForce, now time.Time) time.Time { return now }
	days := func(rule string) func(inForce, time.Time) time.Time {
		return func(f inForce, now time.Time) time.Time { return now.AddDate(0, 0, -f.value(rule)) }
	}
	return append(k.scams.Purges(), []db.Purge{
		{Name: "account_opening", Every: 15 * time.Minute, Run: k.purgeOpenings},
		plain("account_code", 15*time.Minute, `DELETE FROM account_code WHERE expires_at < $1`, func(_ inForce, now time.Time) time.Time { return now.Add(-24 * time.Hour) }),
		plain("account_limit", time.Hour, `DELETE FROM account_limit WHERE ends_at < $1`, at),
		plain("account_session", time.Hour, `DELETE FROM account_session WHERE ends_at < $1`, days("session_days")),
		plain("account_acting", time.Hour, `DELETE FROM account_acting WHERE ends_at < $1`, days("session_days")),
		plain("account_ceremony", 15*time.Minute, `DELETE FROM account_ceremony WHERE expires_at < $1`, at),
		plain("account_staff_code", time.Hour, `DELETE FROM account_staff_code WHERE expires_at < $1`, at),
		plain("account_passkey", 24*time.Hour, `DELETE FROM account_passkey WHERE ended_at < $1`, days("session_days")),
		// Longer than any delivery is repeated.
		plain("account_card_news", 24*time.Hour, `DELETE FROM account_card_news WHERE told_at < $1`, days("session_days")),
		plain("account_device", 24*time.Hour, `DELETE FROM account_device WHERE seen_at < $1`, days("device_days")),
		plain("account_device_removed", 24*time.Hour, `DELETE FROM account_device WHERE removed_at < $1`, days("session_days")),
		plain("account_freeze_link", time.Hour, `DELETE FROM account_freeze_link WHERE expires_at < $1`, at),
		plain("account_thaw", 24*time.Hour, `DELETE FROM account_thaw WHERE ended_at < $1`, days("hotline_days")),
		{Name: "account_hotline_call", Every: 24 * time.Hour, Run: k.purgeCalls},
		{Name: "account_case", Every: 24 * time.Hour, Run: k.purgeCases},
		plain("account_use", 24*time.Hour, `DELETE FROM account_use WHERE asked_at < $1`, days("use_days")),
		{Name: "account_representation", Every: 15 * time.Minute, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			return k.endDueTx(ctx, tx, now, id.Person{})
		}},
		plain("account_activation_used", 24*time.Hour, `DELETE FROM account_activation WHERE used_at < $1`, days("session_days")),
		{Name: "account_activation", Every: 15 * time.Minute, Run: k.lapseActivations},
		{Name: "account_password_reminder", Every: time.Hour, Run: k.remindOfPasswords},
	}...)
}

const purgeBatch = 500

// purgeOpenings forgets openings that were not finished: their keys go first,
// so that not even a copy of the rows can be read.
func (k *Keeper) purgeOpenings(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	return k.purgeSealed(ctx, tx, `SELECT id FROM account_opening WHERE expires_at < $1 ORDER BY expires_at LIMIT $2`, `DELETE FROM account_opening WHERE id = $1`, now)
}

func (k *Keeper) purgeCases(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return 0, err
	}
	return k.purgeSealed(ctx, tx, `SELECT id FROM account_case WHERE opened_at < $1 ORDER BY opened_at LIMIT $2`, `DELETE FROM account_case WHERE id = $1`, now.AddDate(-f.value("opening_case_years"), 0, 0))
}

func (k *Keeper) purgeCalls(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return 0, err
	}
	return k.purgeSealed(ctx, tx, `SELECT id FROM account_hotline_call WHERE at < $1 ORDER BY at LIMIT $2`, `DELETE FROM account_hotline_call WHERE id = $1`, now.AddDate(0, 0, -f.value("hotline_days")))
}

func (k *Keeper) purgeSealed(ctx context.Context, tx *db.Tx, find, remove string, before time.Time) (int64, error) {
	var gone []id.Person
	err := db.Each(ctx, tx, find, []any{clock.Micros(before), purgeBatch}, func(s db.Row) error {
		var p id.Person
		err := s.Scan(&p)
		gone = append(gone, p)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("list what is to be forgotten: %w", err)
	}
	for _, p := range gone {
		if err := k.c.Seal.DestroyTx(ctx, tx, p); err != nil {
			return 0, err
		}
		if _, err := tx.ExecContext(ctx, remove, p); err != nil {
			return 0, fmt.Errorf("forget: %w", err)
		}
	}
	return int64(len(gone)), nil
}

// remindOfPasswords tells holders once that their password ends soon.
func (k *Keeper) remindOfPasswords(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	f, err := k.rules.today(ctx)
	if err != nil || f.value("password_months") == 0 {
		return 0, err
	}
	set := now.In(clock.Vietnam).AddDate(0, -f.value("password_months"), f.value("password_warn_days"))
	type due struct {
		a   ID
		set int64
	}
	var list []due
	err = db.Each(ctx, tx, `SELECT p.account, p.set_at FROM account_password p JOIN account_account a ON a.id = p.account
		WHERE p.set_at < $1 AND p.warned_at IS NULL AND a.status = 'active' ORDER BY p.set_at LIMIT $2`, []any{clock.Micros(set), purgeBatch}, func(s db.Row) error {
		var d due
		err := s.Scan(&d.a, &d.set)
		list = append(list, d)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("list old passwords: %w", err)
	}
	for _, d := range list {
		if _, err := tx.ExecContext(ctx, `UPDATE account_password SET warned_at = $2 WHERE account = $1`, d.a, clock.Micros(now)); err != nil {
			return 0, fmt.Errorf("mark reminder: %w", err)
		}
		ends := clock.FromMicros(d.set).In(clock.Vietnam).AddDate(0, f.value("password_months"), 0)
		if err := k.tellTx(ctx, tx, audit.System("account"), d.a, "password_expiring", map[string]string{
			"date": ends.Format("02/01/2006"), "days": strconv.Itoa(max(int(ends.Sub(now).Hours()/24), 0))}); err != nil {
			return 0, err
		}
	}
	return int64(len(list)), nil
}
