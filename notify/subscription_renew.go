// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// RemoveDeviceTx ends the subscription of a device that was removed from its
// account, in the transaction that removes it. That entry in the log is the room's above.
func (s *Sender) RemoveDeviceTx(ctx context.Context, tx *db.Tx, account, device id.Person) error {
	if device.IsZero() {
		return nil
	}
	_, err := forgetTx(ctx, tx, account, `device = $2`, device)
	return err
}

// RemoveAccountTx ends all subscriptions of an account.
func (s *Sender) RemoveAccountTx(ctx context.Context, tx *db.Tx, account id.Person) error {
	_, err := forgetTx(ctx, tx, account, `TRUE`)
	return err
}

// forgetTx deletes those of an account's subscriptions that meet a condition,
// with what they were still to be told.
func forgetTx(ctx context.Context, tx *db.Tx, account id.Person, condition string, args ...any) (int, error) {
	rows, err := tx.QueryContext(ctx, `DELETE FROM notify_subscription WHERE account = $1 AND `+condition+` RETURNING id`, append([]any{account}, args...)...)
	if err != nil {
		return 0, fmt.Errorf("end subscriptions: %w", err)
	}
	defer rows.Close()
	var gone []SubscriptionID
	for rows.Next() {
		var v SubscriptionID
		if err := rows.Scan(&v); err != nil {
			return 0, fmt.Errorf("end subscriptions: %w", err)
		}
		gone = append(gone, v)
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("end subscriptions: %w", err)
	}
	for _, v := range gone {
		if err := forgetNoticesTx(ctx, tx, account, v); err != nil {
			return 0, err
		}
	}
	return len(gone), nil
}

func forgetNoticesTx(ctx context.Context, tx *db.Tx, account id.Person, subscription SubscriptionID) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM notify_notice WHERE account = $1 AND subscription = $2`, account, subscription); err != nil {
		return fmt.Errorf("forget notices: %w", err)
	}
	return nil
}

// Renew puts a new endpoint in the place of one that a browser has given up
// (W3C Push API, pushsubscriptionchange). Nobody needs to be signed in for it:
// whoever has the former endpoint with its secret is that browser. It answers
// alike whether or not there was such a subscription.
func (s *Sender) Renew(ctx context.Context, former string, auth []byte, to Endpoint) error {
	if err := s.check(to); err != nil {
		return err
	}
	if len(former) > maxEndpoint || len(auth) != 16 {
		return fault.New(fault.Invalid, "push.invalid")
	}
	to.KID, _ = s.c.Push.Key()
	rows, err := s.c.DB.Read().QueryContext(ctx, `SELECT account, id FROM notify_subscription WHERE mark = $1 LIMIT 100`, s.mark(former))
	if err != nil {
		return fmt.Errorf("find subscription: %w", err)
	}
	defer rows.Close()
	type found struct {
		account id.Person
		id      SubscriptionID
	}
	var list []found
	for rows.Next() {
		var f found
		if err := rows.Scan(&f.account, &f.id); err != nil {
			return fmt.Errorf("find subscription: %w", err)
		}
		list = append(list, f)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, f := range list {
		if err := s.renew(ctx, f.account, f.id, auth, to); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sender) renew(ctx context.Context, account id.Person, subscription SubscriptionID, auth []byte, to Endpoint) error {
	return s.c.DB.Write(ctx, func(tx *db.Tx) error {
		old, _, err := s.findEndpoint(ctx, tx, account, subscription)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if !sameSecret(old.Auth, auth) {
			return nil
		}
		key, err := s.c.Seal.Find(ctx, tx, account)
		if err != nil {
			return fmt.Errorf("subscription key: %w", err)
		}
		endpoint, keys, err := sealEndpoint(key, to)
		if err != nil {
			return err
		}
		mark := s.mark(to.URL)
		// The page may have been quicker than the worker.
		if _, err := forgetTx(ctx, tx, account, `mark = $2 AND id <> $3`, mark, subscription); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE notify_subscription SET mark = $3, endpoint = $4, keys = $5, kid = $6, seen_at = $7, failures = 0 WHERE account = $1 AND id = $2`,
			account, subscription, mark, endpoint, keys, to.KID, clock.Micros(s.c.Clock.Now()))
		if err != nil {
			return fmt.Errorf("renew subscription: %w", err)
		}
		return s.recordPushTx(ctx, tx, audit.System("push"), "renewed")
	})
}

// findEndpoint opens a subscription, with the language that its notices speak.
func (s *Sender) findEndpoint(ctx context.Context, q db.Q, account id.Person, subscription SubscriptionID) (e Endpoint, lang string, err error) {
	var endpoint, keys []byte
	err = q.QueryRowContext(ctx, `SELECT endpoint, keys, kid, language FROM notify_subscription WHERE account = $1 AND id = $2`, account, subscription).
		Scan(&endpoint, &keys, &e.KID, &lang)
	if err != nil {
		return e, "", fmt.Errorf("read subscription: %w", err)
	}
	key, err := s.c.Seal.Find(ctx, q, account)
	if err != nil {
		return e, "", fmt.Errorf("subscription key: %w", err)
	}
	address, err := key.Open("notify_subscription.endpoint", endpoint)
	if err != nil {
		return e, "", err
	}
	secret, err := key.Open("notify_subscription.keys", keys)
	if err != nil {
		return e, "", err
	}
	if len(secret) != 65+16 {
		return e, "", errors.New("notify: a subscription's keys are broken")
	}
	e.URL, e.Key, e.Auth = string(address), bytes.Clone(secret[:65]), bytes.Clone(secret[65:])
	return e, lang, nil
}

// forgetSilent purges subscriptions that nothing was heard of for keepPush.
func forgetSilent(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	rows, err := tx.QueryContext(ctx, `SELECT DISTINCT account FROM (SELECT account, seen_at FROM notify_subscription WHERE seen_at < $1 ORDER BY seen_at LIMIT 1000) s`, clock.Micros(now.Add(-keepPush)))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var accounts []id.Person
	for rows.Next() {
		var a id.Person
		if err := rows.Scan(&a); err != nil {
			return 0, err
		}
		accounts = append(accounts, a)
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	var total int64
	for _, a := range accounts {
		n, err := forgetTx(ctx, tx, a, `seen_at < $2`, clock.Micros(now.Add(-keepPush)))
		if err != nil {
			return total, err
		}
		total += int64(n)
	}
	return total, nil
}
