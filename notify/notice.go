// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
)

const (
	jobPush = "notify.push"
	// pushWorkers are a lane of their own: push services that hang keep no
	// worker from SMS and mail.
	pushWorkers = 4
	// pushAttempts with their growing pauses last about an hour and a half.
	pushAttempts = 13
	pushTime     = 15 * time.Second
	// maxFailures in a row end a subscription that its service refuses without saying that it is gone.
	maxFailures = 10
)

// The least time between two notices of one kind on one device. What comes
// in between is in the one that follows, so a flood of messages rings no more
// often than this, and none of them is lost in the inbox.
const (
	gap      = 10 * time.Minute
	gapAlarm = time.Minute
)

// ring is a job: tell one subscription about one kind of news.
type ring struct {
	Account      id.Person      `json:"account"`
	Subscription SubscriptionID `json:"subscription"`
	Category     string         `json:"category"`
}

func sealEndpoint(key seal.Key, e Endpoint) (endpoint, keys []byte, err error) {
	if endpoint, err = key.Seal("notify_subscription.endpoint", []byte(e.URL)); err != nil {
		return nil, nil, err
	}
	keys, err = key.Seal("notify_subscription.keys", append(append([]byte{}, e.Key...), e.Auth...))
	return endpoint, keys, err
}

func sameSecret(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// noticeTx promises a notice to each of the account's browsers. While one of
// the same kind waits, it stands for this message as well; only an alarm gets a
// job of its own, because the other may be waiting for the end of quiet hours.
func (s *Sender) noticeTx(ctx context.Context, tx *db.Tx, m messageRow, account id.Person, channels []Channel) (int, error) {
	if s.c.Push == nil {
		return 0, nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT id FROM notify_subscription WHERE account = $1`, account)
	if err != nil {
		return 0, fmt.Errorf("find subscriptions: %w", err)
	}
	defer rows.Close()
	var list []SubscriptionID
	for rows.Next() {
		var v SubscriptionID
		if err := rows.Scan(&v); err != nil {
			return 0, fmt.Errorf("find subscriptions: %w", err)
		}
		list = append(list, v)
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	category, now := categoryOf(m), clock.Micros(m.created)
	for _, v := range list {
		var serial, since int64
		err := tx.QueryRowContext(ctx, `INSERT INTO notify_notice (account, subscription, category, message, rousing, urgency, serial, waits_from, waiting_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, 1, 1, $7, $8)
			ON CONFLICT (account, subscription, category) DO UPDATE SET message = excluded.message, serial = notify_notice.serial + 1,
				rousing = CASE WHEN notify_notice.serial > notify_notice.told AND notify_notice.rousing THEN notify_notice.rousing ELSE excluded.rousing END,
				urgency = CASE WHEN notify_notice.serial > notify_notice.told AND notify_notice.rousing THEN notify_notice.urgency ELSE excluded.urgency END,
				expires_at = CASE WHEN notify_notice.serial > notify_notice.told AND notify_notice.expires_at > excluded.expires_at THEN notify_notice.expires_at ELSE excluded.expires_at END,
				waits_from = CASE WHEN notify_notice.serial > notify_notice.told AND notify_notice.waiting_at > $9 THEN notify_notice.waits_from ELSE notify_notice.serial + 1 END,
				waiting_at = CASE WHEN notify_notice.serial > notify_notice.told AND notify_notice.waiting_at > $9 THEN notify_notice.waiting_at ELSE excluded.waiting_at END
			RETURNING serial, waits_from`,
			account, v, category, m.id, m.rouses(), string(urgencyOf(m, channels)), now, clock.Micros(noticeEnds(m)), clock.Micros(m.created.Add(-24*time.Hour))).
			Scan(&serial, &since)
		if err != nil {
			return 0, fmt.Errorf("promise a notice: %w", err)
		}
		if serial != since && !m.rouses() {
			continue
		}
		if err := s.c.Jobs.EnqueueTx(ctx, tx, jobPush, ring{account, v, category}, job.MaxAttempts(pushAttempts)); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// slot is what waits to be told.
type slot struct {
	message      MessageID
	rousing      bool
	urgency      Urgency
	serial, told int64
	toldAt, ends time.Time
	claim        id.Person
}

func findSlot(ctx context.Context, q db.Q, r ring) (slot, error) {
	var v slot
	var at, ends int64
	err := q.QueryRowContext(ctx, `SELECT message, rousing, urgency, serial, told, told_at, expires_at FROM notify_notice
		WHERE account = $1 AND subscription = $2 AND category = $3`, r.Account, r.Subscription, r.Category).
		Scan(&v.message, &v.rousing, (*string)(&v.urgency), &v.serial, &v.told, &at, &ends)
	if err != nil {
		return v, fmt.Errorf("read notice: %w", err)
	}
	v.toldAt, v.ends = clock.FromMicros(at), clock.FromMicros(ends)
	return v, nil
}

// push tells one subscription, or puts that off: to the end of quiet hours, or
// until the last notice of its kind is old enough. Steps as in deliver; a
// repeat bears the same id and the same topic, and rings only once.
func (s *Sender) push(ctx context.Context, j job.Job) error {
	var r ring
	if err := j.Decode(&r); err != nil {
		return fmt.Errorf("read ring: %w: %w", err, job.ErrGiveUp)
	}
	now := s.c.Clock.Now()
	v, err := findSlot(ctx, s.c.DB.Read(), r)
	switch {
	case errors.Is(err, sql.ErrNoRows): // the subscription ended
		return nil
	case err != nil:
		return err
	case v.serial == v.told:
		return nil
	}
	until, err := s.noticeWaits(ctx, r.Account, v, now)
	if err != nil {
		return err
	}
	if !until.IsZero() {
		return s.putOff(ctx, r, v, until)
	}
	mine := false
	err = s.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		v, mine, err = claimSlotTx(ctx, tx, r, now)
		return err
	})
	switch {
	case err != nil:
		return err
	case !mine:
		if v, err := findSlot(ctx, s.c.DB.Read(), r); err != nil || v.serial == v.told {
			return ignoreGone(err)
		}
		return errors.New("another worker is telling this")
	case !now.Before(v.ends):
		return s.told(ctx, r, v, "expired", false)
	case s.c.Push == nil:
		return s.told(ctx, r, v, "no_carrier", false)
	}
	to, lang, err := s.findEndpoint(ctx, s.c.DB.Read(), r.Account, r.Subscription)
	switch {
	case errors.Is(err, sql.ErrNoRows): // it ended just when this was promised
		return s.c.DB.Write(ctx, func(tx *db.Tx) error { return forgetNoticesTx(ctx, tx, r.Account, r.Subscription) })
	case errors.Is(err, seal.ErrDestroyed):
		return s.drop(ctx, r)
	case err != nil:
		return s.pushLater(ctx, j, r, v, err)
	}
	words, err := wordNotice(r.Category, lang, v.message)
	if err != nil {
		return s.pushLater(ctx, j, r, v, err)
	}
	sending, cancel := context.WithTimeout(ctx, pushTime)
	err = s.c.Push.Push(sending, to, Notice{Payload: words, Life: v.ends.Sub(now), Urgency: v.urgency, Topic: r.Category})
	cancel()
	switch {
	case err == nil:
		return s.told(ctx, r, v, "", true)
	case errors.Is(err, ErrGone):
		s.c.Log.Info("a subscription to notices has ended", "code", codeOf(err))
		return s.drop(ctx, r)
	case errors.Is(err, ErrRefused):
		s.c.Log.Warn("notice refused", "code", codeOf(err))
		return s.told(ctx, r, v, codeOf(err), false)
	}
	return s.pushLater(ctx, j, r, v, err)
}

func ignoreGone(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// noticeWaits says until when a notice has to wait; zero: it goes at once.
func (s *Sender) noticeWaits(ctx context.Context, account id.Person, v slot, now time.Time) (time.Time, error) {
	pause := gap
	if v.rousing {
		pause = gapAlarm
	}
	until := v.toldAt.Add(pause)
	if !now.Before(until) {
		until = time.Time{}
	}
	if v.rousing {
		return until, nil
	}
	quiet, err := findQuiet(ctx, s.c.DB.Read(), account)
	if err != nil {
		return until, err
	}
	if end := quiet.Until(now); end.After(until) && end.Before(v.ends) { // what would not outlive the quiet goes at once
		until = end
	}
	return until, nil
}

// putOff promises the same job for later, once for each instant and state.
func (s *Sender) putOff(ctx context.Context, r ring, v slot, until time.Time) error {
	return s.c.DB.Write(ctx, func(tx *db.Tx) error { return s.putOffTx(ctx, tx, r, v.told, until) })
}

func (s *Sender) putOffTx(ctx context.Context, tx *db.Tx, r ring, told int64, until time.Time) error {
	key := fmt.Sprintf("%s %s %s %d %d", r.Account, r.Subscription, r.Category, told, clock.Micros(until))
	return s.c.Jobs.EnqueueTx(ctx, tx, jobPush, r, job.MaxAttempts(pushAttempts), job.At(until), job.Key(key))
}

// claimSlotTx takes what waits for this worker alone, or from one that must be dead.
func claimSlotTx(ctx context.Context, tx *db.Tx, r ring, now time.Time) (slot, bool, error) {
	v := slot{claim: id.NewPerson()}
	var at, ends int64
	err := tx.QueryRowContext(ctx, `UPDATE notify_notice SET claim = $4, claimed_at = $5
		WHERE account = $1 AND subscription = $2 AND category = $3 AND serial > told AND (claim IS NULL OR claimed_at < $6)
		RETURNING message, rousing, urgency, serial, told, told_at, expires_at`,
		r.Account, r.Subscription, r.Category, v.claim, clock.Micros(now), clock.Micros(now.Add(-claimLife))).
		Scan(&v.message, &v.rousing, (*string)(&v.urgency), &v.serial, &v.told, &at, &ends)
	if errors.Is(err, sql.ErrNoRows) {
		return v, false, nil
	}
	if err != nil {
		return v, false, fmt.Errorf("claim notice: %w", err)
	}
	v.toldAt, v.ends = clock.FromMicros(at), clock.FromMicros(ends)
	return v, true, nil
}

// told ends a claim: she was told, or it is no longer worth telling. What came
// meanwhile gets a job of its own.
func (s *Sender) told(ctx context.Context, r ring, v slot, code string, well bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	now := s.c.Clock.Now()
	return s.c.DB.Write(ctx, func(tx *db.Tx) error {
		at := clock.Micros(now)
		if !well {
			at = clock.Micros(v.toldAt)
		}
		var serial int64
		err := tx.QueryRowContext(ctx, `UPDATE notify_notice SET told = $5, told_at = $6, code = $7, waits_from = serial, waiting_at = $8, claim = NULL
			WHERE account = $1 AND subscription = $2 AND category = $3 AND claim = $4 RETURNING serial`,
			r.Account, r.Subscription, r.Category, v.claim, v.serial, at, code, clock.Micros(now)).Scan(&serial)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("settle notice: %w", err)
		}
		if serial > v.serial {
			if err := s.putOffTx(ctx, tx, r, v.serial, now); err != nil {
				return err
			}
		}
		if well {
			_, err = tx.ExecContext(ctx, `UPDATE notify_subscription SET told_at = $3, seen_at = $3, failures = 0 WHERE account = $1 AND id = $2`, r.Account, r.Subscription, at)
			return err
		}
		if code == "expired" || code == "no_carrier" { // not the subscription's fault
			return nil
		}
		var failures int
		err = tx.QueryRowContext(ctx, `UPDATE notify_subscription SET failures = failures + 1 WHERE account = $1 AND id = $2 RETURNING failures`, r.Account, r.Subscription).Scan(&failures)
		if err != nil || failures < maxFailures {
			return ignoreGone(err)
		}
		return s.dropTx(ctx, tx, r)
	})
}

// drop ends a subscription that its push service no longer knows.
func (s *Sender) drop(ctx context.Context, r ring) error {
	return s.c.DB.Write(ctx, func(tx *db.Tx) error { return s.dropTx(ctx, tx, r) })
}

func (s *Sender) dropTx(ctx context.Context, tx *db.Tx, r ring) error {
	n, err := forgetTx(ctx, tx, r.Account, `id = $2`, r.Subscription)
	if err != nil || n == 0 {
		return err
	}
	return s.recordPushTx(ctx, tx, audit.System("push"), "gone")
}

// pushLater gives the claim back for another attempt, at the hour that the push
// service named where it did; after the last one it is no longer worth telling.
func (s *Sender) pushLater(ctx context.Context, j job.Job, r ring, v slot, cause error) error {
	if j.Last {
		if err := s.told(ctx, r, v, codeOf(cause), false); err != nil {
			return err
		}
		return fmt.Errorf("push: %s", codeOf(cause))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	pause := pauseOf(cause)
	err := s.c.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE notify_notice SET claim = NULL, code = $5 WHERE account = $1 AND subscription = $2 AND category = $3 AND claim = $4`,
			r.Account, r.Subscription, r.Category, v.claim, codeOf(cause)); err != nil {
			return fmt.Errorf("give a notice back: %w", err)
		}
		if pause == 0 {
			return nil
		}
		return s.putOffTx(ctx, tx, r, v.told, s.c.Clock.Now().Add(pause))
	})
	if err != nil || pause > 0 {
		return err
	}
	return fmt.Errorf("push: %s", codeOf(cause))
}
