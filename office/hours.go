// SPDX-License-Identifier: Apache-2.0

package office

import (
	"context"
	"fmt"
	"slices"
	"time"

	"danh/internal/clock"
)

// Span is a stretch of a day in minutes from midnight, Closes exclusive.
type Span struct {
	Opens, Closes int
	Rule          Rule
}

// String is the span as people read it: 07:30–11:30.
func (s Span) String() string {
	return fmt.Sprintf("%02d:%02d–%02d:%02d", s.Opens/60, s.Opens%60, s.Closes/60, s.Closes%60)
}

// Hours are an office's opening hours from a day on, holidays considered.
type Hours struct {
	Week [7][]Span // Monday first
	cal  *Calendar
}

// On lists the spans of a day: none on holidays, and the whole week's fullest
// day on a weekend day that is worked instead of another.
func (h Hours) On(day clock.Date) []Span {
	spans := h.Week[(int(weekday(day))+6)%7]
	if h.cal == nil {
		return spans
	}
	if h.cal.Off(day) {
		return nil
	}
	if x, ok := h.cal.Holiday(day); ok && x.Kind == Working {
		for _, w := range h.Week[:5] {
			if len(w) > len(spans) {
				spans = w
			}
		}
	}
	return spans
}

// Open reports whether somebody is there at an instant.
func (h Hours) Open(t time.Time) bool {
	_, ok := h.Until(t)
	return ok
}

// Until is when an office that is open now closes.
func (h Hours) Until(t time.Time) (time.Time, bool) {
	day := clock.DateOf(t)
	at := int(t.Sub(day.Time()) / time.Minute)
	for _, s := range h.On(day) {
		if at >= s.Opens && at < s.Closes {
			return day.Time().Add(time.Duration(s.Closes) * time.Minute), true
		}
	}
	return time.Time{}, false
}

// Next is when the office opens next after an instant, within thirty days;
// zero when it does not.
func (h Hours) Next(t time.Time) time.Time {
	day := clock.DateOf(t)
	for range 30 {
		for _, s := range h.On(day) {
			if at := day.Time().Add(time.Duration(s.Opens) * time.Minute); at.After(t) {
				return at
			}
		}
		day = day.AddDays(1)
	}
	return time.Time{}
}

// Hours are the opening hours of an office as they hold on a day: its own, or
// else those of its kind.
func (r *Directory) Hours(ctx context.Context, o Office, on clock.Date) (Hours, error) {
	cal, err := r.calendar(ctx)
	if err != nil {
		return Hours{}, err
	}
	rows, err := r.db.Read().QueryContext(ctx, `SELECT office, weekday, opens, closes, valid_from, COALESCE(valid_to, ''), source, verified
		FROM office_hours WHERE kind = $1 AND (office = '' OR office = $2) AND valid_from <= $3 AND (valid_to IS NULL OR valid_to > $3)
		ORDER BY weekday, opens`, string(o.Kind), o.ID.String(), on.String())
	if err != nil {
		return Hours{}, fmt.Errorf("read opening hours: %w", err)
	}
	defer rows.Close()
	var own, general Hours
	found := false
	for rows.Next() {
		var whose string
		var day int
		var s Span
		if err := rows.Scan(&whose, &day, &s.Opens, &s.Closes, &s.Rule.From, &s.Rule.To, &s.Rule.Source, &s.Rule.Verified); err != nil {
			return Hours{}, fmt.Errorf("read opening hours: %w", err)
		}
		if day < 1 || day > 7 {
			return Hours{}, fmt.Errorf("read opening hours: weekday %d", day)
		}
		if whose == "" {
			general.Week[day-1] = append(general.Week[day-1], s)
		} else {
			own.Week[day-1] = append(own.Week[day-1], s)
			found = true
		}
	}
	if err := rows.Err(); err != nil {
		return Hours{}, fmt.Errorf("read opening hours: %w", err)
	}
	if !found {
		own = general
	}
	own.cal = cal
	return own, nil
}

// Lines puts days of equal hours together for display: days first to last
// (1 = Monday), then their spans. Closed days are left out.
func (h Hours) Lines() []HoursLine {
	var out []HoursLine
	for d := 0; d < 7; d++ {
		if len(h.Week[d]) == 0 {
			continue
		}
		same := func(a, b Span) bool { return a.Opens == b.Opens && a.Closes == b.Closes }
		if n := len(out); n > 0 && out[n-1].Last == d && slices.EqualFunc(out[n-1].Spans, h.Week[d], same) {
			out[n-1].Last = d + 1
			continue
		}
		out = append(out, HoursLine{First: d + 1, Last: d + 1, Spans: h.Week[d]})
	}
	return out
}

// HoursLine is one line of an opening-hours table.
type HoursLine struct {
	First, Last int // weekdays, 1 = Monday
	Spans       []Span
}
