// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
)

// Rule says how long entries are kept, by which text of law, over which time.
type Rule struct {
	Years              int
	ValidFrom, ValidTo clock.Date // ValidTo zero: until another rule comes
	Source             string
	Verified           clock.Date // when our sources on it were last consulted
}

// Rules are the retention rules, oldest first.
var Rules = []Rule{
	{
		Years:     5,
		ValidFrom: clock.Date{Year: 2022, Month: 10, Day: 20}, ValidTo: clock.Date{Year: 2024, Month: 7, Day: 1},
		Source:   "Nghị định 59/2022/NĐ-CP, Điều 21",
		Verified: clock.Date{Year: 2026, Month: 11, Day: 21},
	},
	{
		Years:     5,
		ValidFrom: clock.Date{Year: 2024, Month: 7, Day: 1},
		Source:    "Nghị định 69/2024/NĐ-CP, Điều 28",
		Verified:  clock.Date{Year: 2026, Month: 11, Day: 21},
	},
}

// RuleOn is the rule on a day; there is always one from the first rule on.
func RuleOn(d clock.Date) (Rule, bool) {
	for _, r := range slices.Backward(Rules) {
		if !d.Before(r.ValidFrom) && (r.ValidTo.IsZero() || d.Before(r.ValidTo)) {
			return r, true
		}
	}
	return Rule{}, false
}

// erasedAction is the action of the entry that says which entries were erased.
// Such entries are about nobody and stay for good: without them an erasure
// could not be told from a removal.
const erasedAction = "audit.erased"

const eraseBatch = 2000

// Purges erases entries that are older than the law orders to keep: content
// and salt go, number and leaf stay, so that the log can still be proved and
// nobody can tell, not even by guessing, what the leaf was made of. What was
// erased is itself an entry in the same transaction.
func Purges() []db.Purge {
	return []db.Purge{{Name: "audit_retention", Every: time.Minute, Run: erase}}
}

func erase(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	rule, ok := RuleOn(clock.DateOf(now))
	if !ok {
		return 0, nil
	}
	cutoff := clock.Micros(now.In(clock.Vietnam).AddDate(-rule.Years, 0, 0))
	var total int64
	for range 2 { // a moment later it goes on: the writer is not held for long
		n, more, err := eraseSome(ctx, tx, rule, cutoff, now)
		total += n
		if err != nil || !more {
			return total, err
		}
	}
	return total, nil
}

func eraseSome(ctx context.Context, tx *db.Tx, rule Rule, cutoff int64, now time.Time) (erased int64, more bool, err error) {
	var low int64
	if err := tx.QueryRowContext(ctx, `SELECT erased_below FROM audit_sealer WHERE only_row = 1`).Scan(&low); err != nil {
		return 0, false, fmt.Errorf("read how far was erased: %w", err)
	}
	var oldest int64
	err = tx.QueryRowContext(ctx, `SELECT at FROM audit_leaf WHERE seq = $1`, low).Scan(&oldest)
	if errors.Is(err, sql.ErrNoRows) || err == nil && oldest >= cutoff {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("find the oldest entry: %w", err)
	}
	rows, err := tx.QueryContext(ctx, `SELECT l.seq, l.at, CASE WHEN l.erased_at IS NULL THEN COALESCE(e.action, '') ELSE $3 END
		FROM audit_leaf l LEFT JOIN audit_entry e ON e.subject = l.subject AND e.id = l.entry
		WHERE l.seq >= $1 ORDER BY l.seq LIMIT $2`, low, eraseBatch, erasedAction)
	if err != nil {
		return 0, false, fmt.Errorf("list entries to erase: %w", err)
	}
	defer rows.Close()
	var seqs []int64
	next, young, seen := low, false, 0
	for rows.Next() {
		var seq, at int64
		var action string
		if err := rows.Scan(&seq, &at, &action); err != nil {
			return 0, false, fmt.Errorf("list entries to erase: %w", err)
		}
		seen++
		if at >= cutoff {
			young = true // a long transaction may have put an older one behind it
			continue
		}
		if action != erasedAction && action != "" {
			seqs = append(seqs, seq)
		}
		if !young {
			next = seq + 1
		}
	}
	if err := rows.Err(); err != nil {
		return 0, false, fmt.Errorf("list entries to erase: %w", err)
	}
	if err := rows.Close(); err != nil {
		return 0, false, err
	}
	if len(seqs) > 0 {
		if err := eraseThese(ctx, tx, rule, seqs, now); err != nil {
			return 0, false, err
		}
	}
	if next > low {
		if _, err := tx.ExecContext(ctx, `UPDATE audit_sealer SET erased_below = $1 WHERE only_row = 1`, next); err != nil {
			return 0, false, fmt.Errorf("keep how far was erased: %w", err)
		}
	}
	return int64(len(seqs)), seen == eraseBatch && !young, nil
}

func eraseThese(ctx context.Context, tx *db.Tx, rule Rule, seqs []int64, now time.Time) error {
	r := rangesOf(seqs)
	for _, p := range r {
		if _, err := tx.ExecContext(ctx, `DELETE FROM audit_entry WHERE (subject, id) IN
			(SELECT l.subject, l.entry FROM audit_leaf l WHERE l.seq >= $1 AND l.seq <= $2 AND l.erased_at IS NULL)`, p[0], p[1]); err != nil {
			return fmt.Errorf("erase entries: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE audit_leaf SET subject = NULL, entry = NULL, erased_at = $3
			WHERE seq >= $1 AND seq <= $2 AND erased_at IS NULL`, p[0], p[1], clock.Micros(now)); err != nil {
			return fmt.Errorf("erase entries: %w", err)
		}
	}
	return insert(ctx, tx, Entry{
		Actor: System("retention"), Action: erasedAction, Purpose: "audit.purpose.retention", Ground: rule.Source,
		Detail: map[string]string{"entries": r.String(), "count": strconv.Itoa(len(seqs))},
	}, now)
}

// readErasures collects what the log itself says was erased.
func (l *Log) readErasures(ctx context.Context) (ranges, error) {
	var zero [16]byte
	rows, err := l.db.Read().QueryContext(ctx, `SELECT `+entryColumns+` FROM audit_entry e WHERE e.subject = $1 AND e.action = $2 ORDER BY e.id`, zero[:], erasedAction)
	if err != nil {
		return nil, fmt.Errorf("read erasures: %w", err)
	}
	defer rows.Close()
	var out ranges
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			continue // Verify names the entry itself
		}
		if leaf := leafOf(&r); string(leaf[:]) == string(r.Leaf) {
			out = append(out, parseRanges(r.Detail["entries"])...)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read erasures: %w", err)
	}
	slices.SortFunc(out, func(a, b [2]int64) int { return int(a[0] - b[0]) })
	return out, nil
}

// ranges are stretches of numbers, both ends inclusive, in order.
type ranges [][2]int64

func rangesOf(sorted []int64) (out ranges) {
	for _, s := range sorted {
		if n := len(out); n > 0 && out[n-1][1]+1 == s {
			out[n-1][1] = s
			continue
		}
		out = append(out, [2]int64{s, s})
	}
	return out
}

// String writes them as "0-499,502-502".
func (r ranges) String() string {
	var b strings.Builder
	for i, p := range r {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d-%d", p[0], p[1])
	}
	return b.String()
}

func parseRanges(s string) (out ranges) {
	for p := range strings.SplitSeq(s, ",") {
		from, to, _ := strings.Cut(p, "-")
		a, aerr := strconv.ParseInt(from, 10, 64)
		b, berr := strconv.ParseInt(to, 10, 64)
		if aerr == nil && berr == nil && a <= b {
			out = append(out, [2]int64{a, b})
		}
	}
	return out
}

func (r ranges) has(n int64) bool {
	_, found := slices.BinarySearchFunc(r, n, func(p [2]int64, n int64) int {
		switch {
		case p[1] < n:
			return -1
		case p[0] > n:
			return 1
		}
		return 0
	})
	return found
}
