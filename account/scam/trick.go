// SPDX-License-Identifier: Apache-2.0

package scam

import (
	"context"
	"fmt"
	"time"

	"danh/internal/clock"
)

// Trick is a known trick, as the public sees it.
type Trick struct {
	ID       TrickID
	Kind     Kind
	Title    Words
	Words    Words
	Office   string // that put it into words
	Since    time.Time
	Reported int // reports that belong to it
}

// Words are the same in both languages.
type Words struct{ VI, EN string }

// ListTricks lists the known tricks, the latest first.
func (d *Desk) ListTricks(ctx context.Context) ([]Trick, error) {
	rows, err := d.c.DB.Read().QueryContext(ctx, `SELECT t.id, t.kind, t.title_vi, t.title_en, t.words_vi, t.words_en, t.office, t.since,
			(SELECT COUNT(*) FROM account_scam_report r WHERE r.trick = t.id)
		FROM account_scam_trick t WHERE t.ended_at IS NULL ORDER BY t.since DESC, t.id LIMIT 100`)
	if err != nil {
		return nil, fmt.Errorf("list tricks: %w", err)
	}
	defer rows.Close()
	var out []Trick
	for rows.Next() {
		var t Trick
		var since int64
		if err := rows.Scan(&t.ID, &t.Kind, &t.Title.VI, &t.Title.EN, &t.Words.VI, &t.Words.EN, &t.Office, &since, &t.Reported); err != nil {
			return nil, fmt.Errorf("list tricks: %w", err)
		}
		t.Since = clock.FromMicros(since)
		out = append(out, t)
	}
	return out, rows.Err()
}

// Number is a telephone number of an office that may be told.
type Number struct {
	Phone    string
	Name     Words
	For      Words
	From     clock.Date
	Source   string
	Verified bool // read in the source itself
}

// ListNumbers lists the numbers that hold today.
func (d *Desk) ListNumbers(ctx context.Context) ([]Number, error) {
	rows, err := d.c.DB.Read().QueryContext(ctx, `SELECT phone, name_vi, name_en, for_vi, for_en, valid_from, source, verified FROM account_scam_number
		WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to >= $1) ORDER BY position, phone`, clock.DateOf(d.c.Clock.Now()))
	if err != nil {
		return nil, fmt.Errorf("list numbers: %w", err)
	}
	defer rows.Close()
	var out []Number
	for rows.Next() {
		var n Number
		if err := rows.Scan(&n.Phone, &n.Name.VI, &n.Name.EN, &n.For.VI, &n.For.EN, &n.From, &n.Source, &n.Verified); err != nil {
			return nil, fmt.Errorf("list numbers: %w", err)
		}
		out = append(out, n)
	}
	return out, rows.Err()
}
