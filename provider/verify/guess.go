// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
)

// digest is a value that was tried, so that only the same value is alike.
func (d *Desk) digest(parts ...string) []byte {
	m := hmac.New(sha256.New, d.secret)
	for _, s := range parts {
		m.Write([]byte(s))
		m.Write([]byte{0})
	}
	return m.Sum(nil)
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b[:9]) }

// tries is a day's wrong values of a partner about a person.
type tries struct {
	d     *Desk
	day   string
	wrong map[string][]string // by claim's field
	told  bool
}

// triesTx reads and holds the row; it makes it when there is none.
func (d *Desk) triesTx(ctx context.Context, tx *db.Tx, q question, now time.Time) (*tries, error) {
	t := &tries{d: d, day: clock.DateOf(now).String(), wrong: map[string][]string{}}
	var tried string
	err := tx.QueryRowContext(ctx, `INSERT INTO provider_verify_try (person, client, day, tried, told, at) VALUES ($1, $2, $3, '{}', FALSE, $4)
		ON CONFLICT (person, client, day) DO UPDATE SET at = excluded.at RETURNING tried, told`, q.subject, string(q.root), t.day, clock.Micros(now)).Scan(&tried, &t.told)
	if err != nil {
		return nil, fmt.Errorf("hold the tries: %w", err)
	}
	if err := json.Unmarshal([]byte(tried), &t.wrong); err != nil {
		return nil, fmt.Errorf("read the tries: %w", err)
	}
	return t, nil
}

func (t *tries) name(q question, claimed string) string {
	return text(t.d.digest(string(q.root), string(q.subject), claimed, q.said.values[claimed]))
}

// over reports whether a value is stated that could be one guess too many. What
// was answered no already may be asked again: it tells nothing.
func (t *tries) over(q question) bool {
	return slices.ContainsFunc(q.said.names(), func(c string) bool {
		wrong := t.wrong[string(fieldOf[c])]
		return len(wrong) >= fieldMost && !slices.Contains(wrong, t.name(q, c))
	})
}

func (t *tries) keepTx(ctx context.Context, tx *db.Tx, q question, out map[string]string, now time.Time) error {
	changed := false
	for _, c := range q.said.names() {
		f, v := string(fieldOf[c]), t.name(q, c)
		if out[c] == No && !slices.Contains(t.wrong[f], v) {
			t.wrong[f], changed = append(t.wrong[f], v), true
		}
	}
	if !changed {
		return nil
	}
	b, err := json.Marshal(t.wrong)
	if err != nil {
		return fmt.Errorf("keep the tries: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE provider_verify_try SET tried = $4 WHERE person = $1 AND client = $2 AND day = $3`, q.subject, string(q.root), t.day, string(b)); err != nil {
		return fmt.Errorf("keep the tries: %w", err)
	}
	return nil
}

func (t *tries) toldTx(ctx context.Context, tx *db.Tx, q question) error {
	_, err := tx.ExecContext(ctx, `UPDATE provider_verify_try SET told = TRUE WHERE person = $1 AND client = $2 AND day = $3`, q.subject, string(q.root), t.day)
	if err != nil {
		return fmt.Errorf("keep that she was told: %w", err)
	}
	return nil
}

// missedOutTx reports whether a partner has asked about too many numbers that
// did not match today.
func (d *Desk) missedOutTx(ctx context.Context, tx *db.Tx, q question, now time.Time) (bool, error) {
	var n int64
	err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(misses), 0) FROM provider_verify_miss WHERE client = $1 AND day = $2`, string(q.root), clock.DateOf(now).String()).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("count the misses: %w", err)
	}
	return n >= missMost, nil
}

// missTx counts one more, and reports whether it is one too many: those that
// came at the same instant wait for each other at the row.
func (d *Desk) missTx(ctx context.Context, tx *db.Tx, q question, now time.Time) (bool, error) {
	var n int64
	err := tx.QueryRowContext(ctx, `INSERT INTO provider_verify_miss (client, day, misses, at) VALUES ($1, $2, 1, $3)
		ON CONFLICT (client, day) DO UPDATE SET misses = provider_verify_miss.misses + 1, at = excluded.at RETURNING misses`,
		string(q.root), clock.DateOf(now).String(), clock.Micros(now)).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("count the misses: %w", err)
	}
	return n > missMost, nil
}
