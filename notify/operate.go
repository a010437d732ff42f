// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
)

// Trouble is a delivery that did not succeed, as operators see it: no address, no text.
type Trouble struct {
	Owner    id.Person
	Message  MessageID
	Channel  Channel
	Template string
	State    State
	Code     string
	Attempts int
	At       time.Time
}

// ListFailed lists failed and dead deliveries, latest first, before an instant (zero for the latest).
func (s *Sender) ListFailed(ctx context.Context, before time.Time, limit int) ([]Trouble, error) {
	bound := int64(1) << 62
	if !before.IsZero() {
		bound = clock.Micros(before)
	}
	rows, err := s.c.DB.Read().QueryContext(ctx, `SELECT d.owner, d.message, d.channel, m.template, d.state, d.code, d.attempts, d.changed_at
		FROM notify_delivery d JOIN notify_message m ON m.owner = d.owner AND m.id = d.message
		WHERE d.state IN ('failed', 'dead') AND d.changed_at < $1 ORDER BY d.changed_at DESC LIMIT $2`, bound, limit)
	if err != nil {
		return nil, fmt.Errorf("list failed messages: %w", err)
	}
	defer rows.Close()
	var out []Trouble
	for rows.Next() {
		var t Trouble
		var at int64
		if err := rows.Scan(&t.Owner, &t.Message, (*string)(&t.Channel), &t.Template, (*string)(&t.State), &t.Code, &t.Attempts, &at); err != nil {
			return nil, fmt.Errorf("list failed messages: %w", err)
		}
		t.At = clock.FromMicros(at)
		out = append(out, t)
	}
	return out, rows.Err()
}

// Count is a number of deliveries of a channel in a state.
type Count struct {
	Channel Channel
	State   State
	N       int64
}

// CountStates counts deliveries by channel and state, for metrics.
func (s *Sender) CountStates(ctx context.Context) ([]Count, error) {
	rows, err := s.c.DB.Read().QueryContext(ctx, `SELECT channel, state, COUNT(*) FROM notify_delivery GROUP BY channel, state
		UNION ALL SELECT 'push', CASE WHEN serial > told THEN 'queued' ELSE 'sent' END, COUNT(*) FROM notify_notice GROUP BY 2 ORDER BY 1, 2`)
	if err != nil {
		return nil, fmt.Errorf("count messages: %w", err)
	}
	defer rows.Close()
	var out []Count
	for rows.Next() {
		var c Count
		if err := rows.Scan((*string)(&c.Channel), (*string)(&c.State), &c.N); err != nil {
			return nil, fmt.Errorf("count messages: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// RetryTx sends a failed or dead delivery again. Messages with an erased code or past their time are refused.
func (s *Sender) RetryTx(ctx context.Context, tx *db.Tx, by audit.Actor, t Trouble) error {
	if by.Kind != audit.KindOfficer && by.Kind != audit.KindSystem {
		return fault.New(fault.Forbidden, "message.retry.forbidden")
	}
	m, err := findMessage(ctx, tx, t.Owner, t.Message)
	if err != nil {
		return err
	}
	tpl, err := findTemplate(m.template)
	if err != nil {
		return err
	}
	now := s.c.Clock.Now()
	if len(tpl.Secret) > 0 || !m.expires.IsZero() && !now.Before(m.expires) {
		return fault.New(fault.Conflict, "message.retry.expired")
	}
	r, err := tx.ExecContext(ctx, `UPDATE notify_delivery SET state = 'queued', doubtful = 0, code = '', changed_at = $4
		WHERE owner = $1 AND message = $2 AND channel = $3 AND state IN ('failed', 'dead')`, t.Owner, t.Message, string(t.Channel), clock.Micros(now))
	if err != nil {
		return fmt.Errorf("queue again: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault.New(fault.Conflict, "message.retry.moved"))
	}
	// Receipts of the earlier sending must not decide about this one.
	if _, err := tx.ExecContext(ctx, `DELETE FROM notify_part WHERE owner = $1 AND message = $2 AND channel = $3`, t.Owner, t.Message, string(t.Channel)); err != nil {
		return fmt.Errorf("forget earlier parts: %w", err)
	}
	if err := s.c.Jobs.EnqueueTx(ctx, tx, jobDeliver, errand{Owner: t.Owner, Message: t.Message, Channel: t.Channel}, job.MaxAttempts(attempts)); err != nil {
		return err
	}
	return s.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "message.retried", Purpose: m.purpose,
		Detail: map[string]string{"template": m.template, "channels": string(t.Channel)}})
}

// How long rows are kept: what was sent for 90 days, the inbox for a year.
const (
	keepSent  = 90 * 24 * time.Hour
	keepInbox = 365 * 24 * time.Hour
	keepPush  = 365 * 24 * time.Hour // a subscription that nothing was heard of
)

// Purges erases codes whose time is over, and rows past their retention.
func Purges() []db.Purge {
	statement := func(sql string, keep time.Duration) func(context.Context, *db.Tx, time.Time) (int64, error) {
		return func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			r, err := tx.ExecContext(ctx, sql, clock.Micros(now.Add(-keep)))
			if err != nil {
				return 0, err
			}
			return r.RowsAffected()
		}
	}
	return []db.Purge{
		{Name: "notify.code", Every: 10 * time.Minute, Run: statement(`UPDATE notify_message SET secret = NULL
			WHERE secret IS NOT NULL AND expires_at > 0 AND expires_at < $1`, 0)},
		{Name: "notify.message", Every: time.Hour, Run: statement(`DELETE FROM notify_message WHERE (owner, id) IN
			(SELECT owner, id FROM notify_message WHERE created_at < $1 ORDER BY created_at LIMIT 5000)`, keepSent)},
		{Name: "notify.part", Every: time.Hour, Run: statement(`DELETE FROM notify_part WHERE (channel, ref) IN
			(SELECT channel, ref FROM notify_part WHERE at < $1 ORDER BY at LIMIT 5000)`, keepSent)},
		{Name: "notify.inbox", Every: time.Hour, Run: statement(`DELETE FROM notify_inbox WHERE (account, id) IN
			(SELECT account, id FROM notify_inbox WHERE at < $1 ORDER BY at LIMIT 5000)`, keepInbox)},
		{Name: "notify.subscription", Every: 24 * time.Hour, Run: forgetSilent},
	}
}
