// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/id"
)

// Show narrows a list of entries.
type Show string

// What can be shown.
const (
	ShowAll     Show = ""
	ShowLooks   Show = "looks"   // reads only
	ShowChanges Show = "changes" // whatever is no read
	ShowStopped Show = "stopped" // what got nothing: see Stopped
)

// stops are the outcomes of looks and changes that got nothing.
var stops = []string{"refused", "not_matched"}

const stopList = `('refused', 'not_matched')`

// Stopped reports whether an entry's outcome says that nothing was seen or changed.
func Stopped(outcome string) bool { return slices.Contains(stops, outcome) }

// Query asks for one page of a person's entries, latest first.
type Query struct {
	Subject id.Person
	Before  ID // the last entry of the page before; zero for the first page
	Limit   int
	Show    Show
	Kinds   []Kind    // by these kinds of actor; empty for all
	From    time.Time // inclusive; zero for no bound
	To      time.Time // exclusive; zero for no bound
	Account id.Person // only what was done in this account; zero for all
	Ground  string    // only on this ground, such as "consent:<id>"; "" for all
}

// ListBySubject lists what was done with one person's data. next is zero after
// the last page.
func (l *Log) ListBySubject(ctx context.Context, q Query) (out []Recorded, next ID, err error) {
	if q.Limit < 1 || q.Limit > 500 {
		q.Limit = 50
	}
	where, args := []string{"e.subject = $1"}, []any{q.Subject[:]}
	if !q.Before.IsZero() {
		args = append(args, q.Before)
		where = append(where, fmt.Sprintf("e.id < $%d", len(args)))
	}
	where, args = q.narrow(where, args)
	args = append(args, q.Limit+1)
	rows, err := l.db.Read().QueryContext(ctx, `SELECT `+entryColumns+` FROM audit_entry e WHERE `+strings.Join(where, " AND ")+
		fmt.Sprintf(` ORDER BY e.id DESC LIMIT $%d`, len(args)), args...)
	if err != nil {
		return nil, ID{}, fmt.Errorf("list entries: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, ID{}, fmt.Errorf("list entries: %w", err)
		}
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, ID{}, fmt.Errorf("list entries: %w", err)
	}
	if len(out) > q.Limit {
		out = out[:q.Limit]
		next = out[q.Limit-1].ID
	}
	return out, next, nil
}

func (q Query) narrow(where []string, args []any) ([]string, []any) {
	looks := make([]string, len(lookEndings))
	for i, e := range lookEndings {
		looks[i] = "e.action LIKE '%." + e + "'"
	}
	look := "(" + strings.Join(looks, " OR ") + ")"
	switch q.Show {
	case ShowLooks:
		where = append(where, look)
	case ShowChanges:
		where = append(where, "NOT "+look)
	case ShowStopped:
		where = append(where, "e.outcome IN "+stopList)
	}
	if len(q.Kinds) > 0 {
		marks := make([]string, len(q.Kinds))
		for i, k := range q.Kinds {
			args = append(args, string(k))
			marks[i] = fmt.Sprintf("$%d", len(args))
		}
		where = append(where, "e.actor_kind IN ("+strings.Join(marks, ", ")+")")
	}
	if !q.Account.IsZero() {
		args = append(args, q.Account)
		where = append(where, fmt.Sprintf("e.actor_account = $%d", len(args)))
	}
	if q.Ground != "" {
		args = append(args, q.Ground)
		where = append(where, fmt.Sprintf("e.ground = $%d", len(args)))
	}
	if !q.From.IsZero() {
		args = append(args, clock.Micros(q.From))
		where = append(where, fmt.Sprintf("e.at >= $%d", len(args)))
	}
	if !q.To.IsZero() {
		args = append(args, clock.Micros(q.To))
		where = append(where, fmt.Sprintf("e.at < $%d", len(args)))
	}
	return where, args
}

// Day is how often a person's data was looked at or changed on one day.
type Day struct {
	Date    clock.Date
	Done    int64
	Stopped int64
}

// CountByDay counts a person's entries by Vietnamese calendar day; days
// without any are absent. Before, Limit are ignored.
func (l *Log) CountByDay(ctx context.Context, q Query) ([]Day, error) {
	const day, shift = int64(24 * time.Hour / time.Microsecond), int64(7 * time.Hour / time.Microsecond)
	where, args := q.narrow([]string{"e.subject = $1"}, []any{q.Subject[:]})
	rows, err := l.db.Read().QueryContext(ctx, fmt.Sprintf(`SELECT (e.at + %d) / %d AS day,
		SUM(CASE WHEN e.outcome IN %s THEN 0 ELSE 1 END), SUM(CASE WHEN e.outcome IN %s THEN 1 ELSE 0 END)
		FROM audit_entry e WHERE %s GROUP BY (e.at + %d) / %d ORDER BY day`, shift, day, stopList, stopList, strings.Join(where, " AND "), shift, day), args...)
	if err != nil {
		return nil, fmt.Errorf("count entries: %w", err)
	}
	defer rows.Close()
	var out []Day
	for rows.Next() {
		var n int64
		var d Day
		if err := rows.Scan(&n, &d.Done, &d.Stopped); err != nil {
			return nil, fmt.Errorf("count entries: %w", err)
		}
		d.Date = clock.DateOf(time.UnixMicro(n * day))
		out = append(out, d)
	}
	return out, rows.Err()
}

// Find finds one entry about a person.
func (l *Log) Find(ctx context.Context, subject id.Person, entry ID) (Recorded, error) {
	r, err := scan(l.db.Read().QueryRowContext(ctx, `SELECT `+entryColumns+` FROM audit_entry e WHERE e.subject = $1 AND e.id = $2`, subject[:], entry))
	if errors.Is(err, sql.ErrNoRows) {
		return Recorded{}, fault.New(fault.NotFound, "audit.entry.not_found")
	}
	if err != nil {
		return Recorded{}, fmt.Errorf("find entry: %w", err)
	}
	return r, nil
}

// Search asks for one page of the whole log, latest first, for oversight.
type Search struct {
	Below  int64 // entries with lower numbers; 0 for the latest
	Limit  int
	Action string // an action, or a prefix that ends in a dot
	Kind   Kind
	From   time.Time
	To     time.Time
}

// Found is a page of a search. A search reads a bounded stretch of the log at
// a time: Next may be set though the page is short or empty.
type Found struct {
	Entries []Recorded
	Next    int64 // where to go on; 0 at the end
}

const searchStretch = 20_000

// Search lists sealed entries. Subjects and actors are surrogate keys: the
// door that shows them leaves them out.
func (l *Log) Search(ctx context.Context, q Search) (Found, error) {
	if q.Limit < 1 || q.Limit > 500 {
		q.Limit = 50
	}
	top := q.Below
	if top == 0 {
		if err := l.db.Read().QueryRowContext(ctx, `SELECT next_seq FROM audit_sealer WHERE only_row = 1`).Scan(&top); err != nil {
			return Found{}, fmt.Errorf("search: %w", err)
		}
	}
	if !q.To.IsZero() {
		before, err := l.firstAt(ctx, q.To, top)
		if err != nil {
			return Found{}, err
		}
		top = before
	}
	bottom := max(0, top-searchStretch)
	where, args := []string{"l.seq < $1", "l.seq >= $2"}, []any{top, bottom}
	add := func(cond string, v any) {
		args = append(args, v)
		where = append(where, fmt.Sprintf(cond, len(args)))
	}
	if a, prefix := strings.CutSuffix(q.Action, "."); prefix {
		add("e.action >= $%d", a+".")
		add("e.action < $%d", a+"/") // the byte after the dot
	} else if q.Action != "" {
		add("e.action = $%d", q.Action)
	}
	if q.Kind != "" {
		add("e.actor_kind = $%d", string(q.Kind))
	}
	if !q.From.IsZero() {
		add("l.at >= $%d", clock.Micros(q.From))
	}
	if !q.To.IsZero() {
		add("l.at < $%d", clock.Micros(q.To))
	}
	args = append(args, q.Limit+1)
	rows, err := l.db.Read().QueryContext(ctx, `SELECT `+entryColumns+` FROM audit_leaf l JOIN audit_entry e ON e.subject = l.subject AND e.id = l.entry
		WHERE `+strings.Join(where, " AND ")+fmt.Sprintf(` ORDER BY l.seq DESC LIMIT $%d`, len(args)), args...)
	if err != nil {
		return Found{}, fmt.Errorf("search: %w", err)
	}
	defer rows.Close()
	out := Found{Next: bottom}
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return Found{}, fmt.Errorf("search: %w", err)
		}
		out.Entries = append(out.Entries, r)
	}
	if err := rows.Err(); err != nil {
		return Found{}, fmt.Errorf("search: %w", err)
	}
	if len(out.Entries) > q.Limit {
		out.Entries = out.Entries[:q.Limit]
		out.Next = out.Entries[q.Limit-1].Seq
	} else if !q.From.IsZero() && bottom > 0 {
		var at int64
		err := l.db.Read().QueryRowContext(ctx, `SELECT at FROM audit_leaf WHERE seq = $1`, bottom).Scan(&at)
		if err == nil && at < clock.Micros(q.From.Add(-time.Hour)) {
			out.Next = 0
		}
	}
	return out, nil
}

// firstAt finds by halving the first number whose entry is surely later than
// an instant: numbers follow time but for the length of a transaction.
func (l *Log) firstAt(ctx context.Context, t time.Time, top int64) (int64, error) {
	want := clock.Micros(t.Add(time.Hour))
	lo, hi := int64(0), top
	for lo < hi {
		mid := lo + (hi-lo)/2
		var at int64
		if err := l.db.Read().QueryRowContext(ctx, `SELECT at FROM audit_leaf WHERE seq = $1`, mid).Scan(&at); err != nil {
			return 0, fmt.Errorf("search by time: %w", err)
		}
		if at < want {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, nil
}
