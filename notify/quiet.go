// SPDX-License-Identifier: Apache-2.0

package notify

import (
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
	"danh/internal/job"
)

// Quiet is the hours of every day in which SMS, e-mail and notices wait for their end.
// The inbox never waits, and neither does what is urgent.
type Quiet struct {
	From, To int // minutes after midnight in Vietnam; alike: no quiet hours
}

// The longest quiet is MaxQuiet: nobody, whoever holds the phone for a minute,
// can make an account silent for good.
const (
	minutesOfDay = 24 * 60
	MaxQuiet     = 12 * time.Hour
)

// rousing are the templates that tell of something done to the account. They
// pass whatever the hour is: what she did not do herself must reach her before
// it is over, and an intruder must not be able to put it off.
var rousing = map[string]bool{
	"opening_attempt": true, "account_opened": true, "account_issued": true, "account_raised": true, "account_closed": true, "account_unlocked": true,
	"evicted": true, "new_device": true, "qr_signed_in": true, "passkey_added": true, "passkey_removed": true, "passkey_code": true, "passcode_set": true, "passcode_reset": true, "passcode_closed": true, "password_changed": true,
	"signin_slowed": true, "sessions_ended": true, "phone_changed": true, "email_changed": true, "acts_herself": true,
	"session_moved": true, "device_removed": true,
	"travel_noticed": true, "signal_warned": true,
	"recovery_number_known": true, "recovery_number_counter": true,
}

// IsZero reports whether there are no quiet hours.
func (q Quiet) IsZero() bool { return q.From == q.To }

// Length is how long they last.
func (q Quiet) Length() time.Duration {
	return time.Duration((q.To-q.From+minutesOfDay)%minutesOfDay) * time.Minute
}

// Until is when the quiet that holds at an instant ends; zero when none does.
// The first minute is quiet, the last is not.
func (q Quiet) Until(now time.Time) time.Time {
	if q.IsZero() {
		return time.Time{}
	}
	now = now.In(clock.Vietnam)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, clock.Vietnam)
	for day := -1; day <= 0; day++ {
		from := midnight.AddDate(0, 0, day).Add(time.Duration(q.From) * time.Minute)
		to := from.Add(q.Length())
		if !now.Before(from) && now.Before(to) {
			return to
		}
	}
	return time.Time{}
}

// FindQuiet is an account's quiet hours, zero when it has none.
func (s *Sender) FindQuiet(ctx context.Context, account id.Person) (Quiet, error) {
	return findQuiet(ctx, s.c.DB.Read(), account)
}

func findQuiet(ctx context.Context, q db.Q, account id.Person) (quiet Quiet, err error) {
	err = q.QueryRowContext(ctx, `SELECT from_minute, to_minute FROM notify_quiet WHERE account = $1`, account).Scan(&quiet.From, &quiet.To)
	if errors.Is(err, sql.ErrNoRows) {
		return Quiet{}, nil
	}
	if err != nil {
		return Quiet{}, fmt.Errorf("read quiet hours: %w", err)
	}
	return quiet, nil
}

// SetQuiet sets an account's quiet hours, or ends them when they are zero;
// only her own account may.
func (s *Sender) SetQuiet(ctx context.Context, by audit.Actor, account id.Person, q Quiet) error {
	switch {
	case by.Account != account:
		return fault.New(fault.Forbidden, "inbox.other")
	case q.From < 0 || q.To < 0 || q.From >= minutesOfDay || q.To >= minutesOfDay:
		return fault.New(fault.Invalid, "quiet.hours").With("from", "quiet.hours")
	case q.Length() > MaxQuiet:
		return fault.New(fault.Invalid, "quiet.long").With("to", "quiet.long")
	}
	return s.c.DB.Write(ctx, func(tx *db.Tx) error {
		outcome := "set"
		if q.IsZero() {
			outcome = "ended"
			if _, err := tx.ExecContext(ctx, `DELETE FROM notify_quiet WHERE account = $1`, account); err != nil {
				return fmt.Errorf("end quiet hours: %w", err)
			}
		} else if _, err := tx.ExecContext(ctx, `INSERT INTO notify_quiet (account, from_minute, to_minute, changed_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (account) DO UPDATE SET from_minute = excluded.from_minute, to_minute = excluded.to_minute, changed_at = excluded.changed_at`,
			account, q.From, q.To, clock.Micros(s.c.Clock.Now())); err != nil {
			return fmt.Errorf("set quiet hours: %w", err)
		}
		return s.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "message.quiet", Subject: by.Person, Purpose: "message.quiet", Outcome: outcome})
	})
}

// rouses reports whether a message passes quiet hours: a code, what is urgent,
// and what tells of something done to the account.
func (m messageRow) rouses() bool { return m.urgent || m.secret != nil || rousing[m.template] }

// waits says until when a message of an account has to wait; zero: it goes at
// once. A code, a message that is urgent or tells of something done to the
// account, and one that would not outlive the quiet go at once.
func waits(ctx context.Context, q db.Q, account id.Person, m messageRow, now time.Time) (time.Time, error) {
	if account.IsZero() || m.rouses() {
		return time.Time{}, nil
	}
	quiet, err := findQuiet(ctx, q, account)
	if err != nil {
		return time.Time{}, err
	}
	until := quiet.Until(now)
	if !m.expires.IsZero() && !until.Before(m.expires) {
		return time.Time{}, nil
	}
	return until, nil
}

// later puts a delivery off when quiet hours have begun since it was promised.
// The job that follows is promised before this one ends, so a crash between
// them leaves two, of which the first takes the delivery.
func (s *Sender) later(ctx context.Context, e errand) (bool, error) {
	if e.Account.IsZero() {
		return false, nil
	}
	now := s.c.Clock.Now()
	m, err := findMessage(ctx, s.c.DB.Read(), e.Owner, e.Message)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	until, err := waits(ctx, s.c.DB.Read(), e.Account, m, now)
	if err != nil || until.IsZero() {
		return false, err
	}
	err = s.c.DB.Write(ctx, func(tx *db.Tx) error {
		return s.c.Jobs.EnqueueTx(ctx, tx, jobDeliver, e, job.MaxAttempts(attempts), job.At(until))
	})
	return err == nil, err
}
