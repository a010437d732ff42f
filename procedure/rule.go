// SPDX-License-Identifier: Apache-2.0

package procedure

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
)

// Rules are what the law says about lodging on one day.
type Rules struct {
	Cutoff    time.Duration // time of day before which a stay is notified on its first day
	LateUntil time.Duration // time of day, the day after, for arrivals at or after Cutoff
	MaxDays   int           // longest stay in days
	AheadDays int           // how long before the arrival a notice is taken
	BackDays  int           // how long after the arrival a late notice is still taken here
	DraftDays int           // how long a draft is kept
	MaxGuests int           // guests in one notice
	MaxDaily  int           // notices of one account within 24 hours
	MaxDrafts int           // drafts of one account at once
	Source    string        // of the deadline
	Verified  bool
}

// rules reads the rows in force on a day.
func rules(ctx context.Context, q db.Q, on clock.Date) (Rules, error) {
	rows, err := q.QueryContext(ctx, `SELECT name, value, source, verified FROM procedure_rule
		WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to >= $1)`, on.String())
	if err != nil {
		return Rules{}, fmt.Errorf("read the rules: %w", err)
	}
	defer rows.Close()
	values := map[string]string{}
	var r Rules
	for rows.Next() {
		var name, value, source string
		var verified bool
		if err := rows.Scan(&name, &value, &source, &verified); err != nil {
			return Rules{}, fmt.Errorf("read the rules: %w", err)
		}
		values[name] = value
		if name == "lodging.cutoff" {
			r.Source, r.Verified = source, verified
		}
	}
	if err := rows.Err(); err != nil {
		return Rules{}, fmt.Errorf("read the rules: %w", err)
	}
	for name, p := range map[string]*time.Duration{"lodging.cutoff": &r.Cutoff, "lodging.late_until": &r.LateUntil} {
		if *p, err = timeOfDay(values[name]); err != nil {
			return Rules{}, fmt.Errorf("rule %s: %w", name, err)
		}
	}
	for name, p := range map[string]*int{"lodging.max_days": &r.MaxDays, "lodging.ahead_days": &r.AheadDays, "lodging.back_days": &r.BackDays,
		"lodging.draft_days": &r.DraftDays, "lodging.max_guests": &r.MaxGuests, "lodging.max_daily": &r.MaxDaily,
		"lodging.max_drafts": &r.MaxDrafts} {
		if *p, err = strconv.Atoi(values[name]); err != nil {
			return Rules{}, fmt.Errorf("rule %s: no number", name)
		}
	}
	return r, nil
}

// timeOfDay reads "23:00" as the time since midnight.
func timeOfDay(s string) (time.Duration, error) {
	h, m, ok := strings.Cut(s, ":")
	hh, err1 := strconv.Atoi(h)
	mm, err2 := strconv.Atoi(m)
	if !ok || err1 != nil || err2 != nil || hh < 0 || hh > 23 || mm < 0 || mm > 59 {
		return 0, fmt.Errorf("no time of day")
	}
	return time.Duration(hh)*time.Hour + time.Duration(mm)*time.Minute, nil
}

// Deadline is the instant before which a stay that begins at arrival must be
// notified: the cut-off of the arrival's own calendar day, or, for arrivals at
// or after the cut-off, the morning after (Law on Residence, article 30).
//
// The law speaks of the day on which the stay begins, so an arrival after
// midnight belongs to the day that has begun: its cut-off is that evening.
func (r Rules) Deadline(arrival time.Time) time.Time {
	a := arrival.In(clock.Vietnam)
	midnight := clock.DateOf(a).Time()
	if a.Sub(midnight) < r.Cutoff {
		return midnight.Add(r.Cutoff)
	}
	return clock.DateOf(a).AddDays(1).Time().Add(r.LateUntil)
}

// Late reports whether a notice sent at an instant misses the deadline: "before
// 23:00" ends with the last instant of 22:59.
func (r Rules) Late(arrival, sent time.Time) bool { return !sent.Before(r.Deadline(arrival)) }

// LastDay is the last day that a stay beginning on a day may have.
func (r Rules) LastDay(from clock.Date) clock.Date { return from.AddDays(r.MaxDays) }

// Channel is a way in which a procedure may be done on a day.
type Channel struct {
	Name     string // in_person, phone, website, email, portal, software
	Source   string
	Verified bool
}

// ListChannels lists the channels of a procedure on a day.
func (d *Desk) ListChannels(ctx context.Context, procedure string, on clock.Date) ([]Channel, error) {
	rows, err := d.c.DB.Read().QueryContext(ctx, `SELECT channel, source, verified FROM procedure_channel
		WHERE procedure = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to >= $2) ORDER BY channel`, procedure, on.String())
	if err != nil {
		return nil, fmt.Errorf("list channels: %w", err)
	}
	defer rows.Close()
	var out []Channel
	for rows.Next() {
		var c Channel
		if err := rows.Scan(&c.Name, &c.Source, &c.Verified); err != nil {
			return nil, fmt.Errorf("list channels: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Rules gives the rules of lodging in force on a day.
func (d *Desk) Rules(ctx context.Context, on clock.Date) (Rules, error) {
	return rules(ctx, d.c.DB.Read(), on)
}
