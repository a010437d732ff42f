// SPDX-License-Identifier: Apache-2.0

package office

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/internal/clock"
	"danh/internal/fault"
)

// Limit is how many working days an authority has, and on what ground.
type Limit struct {
	Name string
	Days int
	Rule Rule
}

// FindLimit gives the limit that holds on a day: the day on which the dossier
// was complete, so that a dossier keeps the limit of its beginning when the law
// changes in between.
func (r *Directory) FindLimit(ctx context.Context, name string, at clock.Date) (Limit, error) {
	l := Limit{Name: name}
	err := r.db.Read().QueryRowContext(ctx, `SELECT days, valid_from, COALESCE(valid_to, ''), source, verified FROM office_time_limit
		WHERE name = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)`, name, at.String()).
		Scan(&l.Days, &l.Rule.From, &l.Rule.To, &l.Rule.Source, &l.Rule.Verified)
	if errors.Is(err, sql.ErrNoRows) {
		return Limit{}, fault.New(fault.NotFound, "office.no_limit")
	}
	if err != nil {
		return Limit{}, fmt.Errorf("read the limit: %w", err)
	}
	return l, nil
}

// Stop is a time in which a clock stands: a supplement request stops it, the
// answer lets it go on.
type Stop struct {
	From, To time.Time // To zero while it stands
}

// Deadline is the end of the n-th working day after a dossier was complete,
// leaving out every day on which the clock stood: neither the day of the request
// nor that of the answer counts, as the day of the beginning does not (Civil
// Code 2015, article 147(2), taken over for stops). While the clock stands
// there is no deadline, and it reports false. A stop after the deadline changes
// nothing: what was late stays late.
func (c *Calendar) Deadline(complete time.Time, n int, stops ...Stop) (time.Time, bool) {
	day := clock.DateOf(complete)
	for {
		if n <= 0 && c.IsWorkingDay(day) {
			return endOf(day), true
		}
		day = day.AddDays(1)
		for _, s := range stops {
			if s.To.IsZero() && s.From.Before(day.AddDays(1).Time()) {
				return time.Time{}, false
			}
		}
		if c.IsWorkingDay(day) && !stood(day, stops) {
			n--
		}
	}
}

// stood reports whether a clock that goes again stood at some time of a day.
func stood(day clock.Date, stops []Stop) bool {
	begin, end := day.Time(), day.AddDays(1).Time()
	for _, s := range stops {
		if s.From.Before(end) && !s.To.Before(begin) {
			return true
		}
	}
	return false
}
