// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

// State is where a delivery stands.
type State string

// The states. Expired, Failed and Dead are ends without success; Sent is an end for carriers without receipts.
const (
	Queued    State = "queued"
	Sending   State = "sending" // claimed by a worker, or left by one that died
	Sent      State = "sent"    // the carrier acknowledged it
	Delivered State = "delivered"
	Expired   State = "expired" // not worth sending any more
	Failed    State = "failed"  // refused, or undeliverable by the carrier's receipt
	Dead      State = "dead"    // given up after the last attempt
)

type messageRow struct {
	owner        id.Person
	id           MessageID
	template     string
	language     string
	purpose      string
	urgent       bool
	data, secret []byte
	created      time.Time
	expires      time.Time
}

func insertMessage(ctx context.Context, q db.Q, m messageRow) error {
	_, err := q.ExecContext(ctx, `INSERT INTO notify_message (owner, id, template, language, purpose, urgent, data, secret, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		m.owner, m.id, m.template, m.language, m.purpose, m.urgent, m.data, m.secret, clock.Micros(m.created), clock.Micros(m.expires))
	if err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return nil
}

func findMessage(ctx context.Context, q db.Q, owner id.Person, message MessageID) (messageRow, error) {
	m := messageRow{owner: owner, id: message}
	var created, expires int64
	err := q.QueryRowContext(ctx, `SELECT template, language, purpose, urgent, data, secret, created_at, expires_at
		FROM notify_message WHERE owner = $1 AND id = $2`, owner, message).
		Scan(&m.template, &m.language, &m.purpose, &m.urgent, &m.data, &m.secret, &created, &expires)
	if err != nil {
		return m, fmt.Errorf("read message: %w", err)
	}
	m.created, m.expires = clock.FromMicros(created), clock.FromMicros(expires)
	return m, nil
}

func insertDelivery(ctx context.Context, q db.Q, owner id.Person, message MessageID, channel Channel, address []byte, now time.Time) error {
	_, err := q.ExecContext(ctx, `INSERT INTO notify_delivery (owner, message, channel, address, state, changed_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		owner, message, string(channel), address, string(Queued), clock.Micros(now))
	if err != nil {
		return fmt.Errorf("write delivery: %w", err)
	}
	return nil
}

func insertInbox(ctx context.Context, q db.Q, account id.Person, message MessageID, template string, data []byte, now time.Time) error {
	_, err := q.ExecContext(ctx, `INSERT INTO notify_inbox (account, id, template, data, at) VALUES ($1, $2, $3, $4, $5)`,
		account, message, template, data, clock.Micros(now))
	if err != nil {
		return fmt.Errorf("write inbox item: %w", err)
	}
	return nil
}

// claimed is a delivery that this worker alone may send.
type claimed struct {
	address  []byte
	doubtful int
	claim    id.Person
}

// claimTx takes a queued delivery, or one whose worker must be dead. A repeat
// of what a dead worker may have sent counts as doubtful.
func claimTx(ctx context.Context, tx *db.Tx, e errand, now time.Time) (claimed, bool, error) {
	c := claimed{claim: id.NewPerson()}
	err := tx.QueryRowContext(ctx, `UPDATE notify_delivery SET claim = $4, attempts = attempts + 1, changed_at = $5,
			doubtful = doubtful + CASE WHEN state = 'sending' THEN 1 ELSE 0 END, state = 'sending'
		WHERE owner = $1 AND message = $2 AND channel = $3 AND (state = 'queued' OR state = 'sending' AND changed_at < $6)
		RETURNING address, doubtful`,
		e.Owner, e.Message, string(e.Channel), c.claim, clock.Micros(now), clock.Micros(now.Add(-claimLife))).Scan(&c.address, &c.doubtful)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("claim delivery: %w", err)
	}
	return c, true, nil
}

func findState(ctx context.Context, q db.Q, e errand) (State, error) {
	var s string
	err := q.QueryRowContext(ctx, `SELECT state FROM notify_delivery WHERE owner = $1 AND message = $2 AND channel = $3`,
		e.Owner, e.Message, string(e.Channel)).Scan(&s)
	if err != nil {
		return "", fmt.Errorf("read delivery: %w", err)
	}
	return State(s), nil
}

// settleTx ends a claim in a state; it reports false when the claim is no longer ours.
func settleTx(ctx context.Context, tx *db.Tx, e errand, c claimed, to State, code string, doubtful bool, now time.Time) (bool, error) {
	more := 0
	if doubtful {
		more = 1
	}
	r, err := tx.ExecContext(ctx, `UPDATE notify_delivery SET state = $5, code = $6, doubtful = doubtful + $7, changed_at = $8, claim = NULL
		WHERE owner = $1 AND message = $2 AND channel = $3 AND state = 'sending' AND claim = $4`,
		e.Owner, e.Message, string(e.Channel), c.claim, string(to), code, more, clock.Micros(now))
	if err != nil {
		return false, fmt.Errorf("settle delivery: %w", err)
	}
	n, err := r.RowsAffected()
	if err != nil || n == 0 {
		return false, err
	}
	if to == Queued {
		return true, nil
	}
	// The code is of no more use once no delivery of the message is open.
	_, err = tx.ExecContext(ctx, `UPDATE notify_message SET secret = NULL WHERE owner = $1 AND id = $2 AND secret IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM notify_delivery WHERE owner = $1 AND message = $2 AND state IN ('queued', 'sending'))`, e.Owner, e.Message)
	if err != nil {
		return false, fmt.Errorf("erase the code: %w", err)
	}
	return true, nil
}

// keepPartTx joins a carrier's reference to its delivery, whether or not the
// receipt came first. The primary key orders the two.
func keepPartTx(ctx context.Context, tx *db.Tx, e errand, ref string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO notify_part (channel, ref, owner, message, state, at) VALUES ($1, $2, $3, $4, 'sent', $5)
		ON CONFLICT (channel, ref) DO UPDATE SET owner = excluded.owner, message = excluded.message WHERE notify_part.owner IS NULL`,
		string(e.Channel), ref, e.Owner, e.Message, clock.Micros(now))
	if err != nil {
		return fmt.Errorf("keep part: %w", err)
	}
	return nil
}

// receiptTx keeps what became of a part. The errand is zero while the part's message is not yet known.
func receiptTx(ctx context.Context, tx *db.Tx, channel Channel, r Receipt, to State, now time.Time) (errand, error) {
	e := errand{Channel: channel}
	err := tx.QueryRowContext(ctx, `INSERT INTO notify_part (channel, ref, state, code, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (channel, ref) DO UPDATE SET code = CASE WHEN notify_part.state = 'sent' THEN excluded.code ELSE notify_part.code END,
			state = CASE WHEN notify_part.state = 'sent' THEN excluded.state ELSE notify_part.state END
		RETURNING owner, message`, string(channel), r.Ref, string(to), r.Code, clock.Micros(now)).Scan(&e.Owner, &e.Message)
	if err != nil {
		return e, fmt.Errorf("keep receipt: %w", err)
	}
	return e, nil
}

// sumUpTx sets a delivery by its parts: failed when one failed, delivered when
// all were. It first takes the delivery's row, so that two receipts at once are counted one after the other.
func sumUpTx(ctx context.Context, tx *db.Tx, e errand, now time.Time) error {
	r, err := tx.ExecContext(ctx, `UPDATE notify_delivery SET changed_at = $4 WHERE owner = $1 AND message = $2 AND channel = $3 AND state = 'sent'`,
		e.Owner, e.Message, string(e.Channel), clock.Micros(now))
	if err != nil {
		return fmt.Errorf("take delivery: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return err
	}
	var parts, open, failed int
	var code string
	err = tx.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN state = 'sent' THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN state = 'failed' THEN 1 ELSE 0 END), 0), COALESCE(MAX(CASE WHEN state = 'failed' THEN code END), '')
		FROM notify_part WHERE owner = $1 AND message = $2 AND channel = $3`, e.Owner, e.Message, string(e.Channel)).Scan(&parts, &open, &failed, &code)
	if err != nil {
		return fmt.Errorf("count parts: %w", err)
	}
	to := Delivered
	switch {
	case failed > 0:
		to = Failed
	case open > 0 || parts == 0:
		return nil
	}
	_, err = tx.ExecContext(ctx, `UPDATE notify_delivery SET state = $4, code = $5 WHERE owner = $1 AND message = $2 AND channel = $3 AND state = 'sent'`,
		e.Owner, e.Message, string(e.Channel), string(to), code)
	if err != nil {
		return fmt.Errorf("settle delivery by receipts: %w", err)
	}
	return nil
}
