// SPDX-License-Identifier: Apache-2.0

package visit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
	"danh/office"
)

const batch = 200

// Purges ends what is over, tells those who were to be told later, calls waiting
// reviews to mind, and forgets visits whose time is over.
func (d *Desk) Purges() []db.Purge {
	return []db.Purge{
		{Name: "visits that are over", Every: time.Minute, Run: d.end},
		{Name: "looks to be told", Every: time.Minute, Run: d.tellLater},
		{Name: "reviews that wait", Every: 15 * time.Minute, Run: d.remind},
		{Name: "visit limits", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			res, err := tx.ExecContext(ctx, `DELETE FROM enrolment_visit_limit WHERE ends_at <= $1`, clock.Micros(now))
			if err != nil {
				return 0, fmt.Errorf("forget attempts: %w", err)
			}
			return res.RowsAffected()
		}},
		{Name: "past visits", Every: 24 * time.Hour, Run: d.forget},
	}
}

// end writes down what every reader already takes for over.
func (d *Desk) end(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	res, err := tx.ExecContext(ctx, `UPDATE enrolment_visit SET state = CASE WHEN state = 'asked' THEN 'lapsed' ELSE 'closed' END, closed_at = ends_at, closed_why = 'time'
		WHERE closed_at IS NULL AND ends_at <= $1 AND state IN ('asked', 'open')`, clock.Micros(now))
	if err != nil {
		return 0, fmt.Errorf("end visits: %w", err)
	}
	return res.RowsAffected()
}

// pending is a review's row as a job needs it.
type pending struct {
	person, officer id.Person
	review          ReviewID
	visit           ID
	reason, place   string
	at              office.ID
	made            int64
}

func listPending(ctx context.Context, tx *db.Tx, where string, args ...any) (out []pending, err error) {
	err = db.Each(ctx, tx, `SELECT person, officer_person, id, visit, reason, office_name, office, made_at FROM enrolment_visit_review WHERE `+where, args, func(s db.Row) error {
		var p pending
		err := s.Scan(&p.person, &p.officer, &p.review, &p.visit, &p.reason, &p.place, &p.at, &p.made)
		out = append(out, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list reviews: %w", err)
	}
	return out, nil
}

// tellLater tells those whose reason's row put it off.
func (d *Desk) tellLater(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	list, err := listPending(ctx, tx, `told_at IS NULL AND tell_at <= $1 ORDER BY tell_at LIMIT $2`, clock.Micros(now), batch)
	if err != nil {
		return 0, err
	}
	for _, p := range list {
		at := clock.FromMicros(p.made)
		r, err := findReason(ctx, tx, p.reason, clock.DateOf(at))
		if err != nil {
			return 0, err
		}
		_, to, err := d.reach(ctx, p.person)
		if err != nil {
			return 0, err
		}
		if err := d.tellBrokenTx(ctx, tx, p.person, p.visit, p.place, at, r, to); err != nil {
			return 0, err
		}
	}
	return int64(len(list)), nil
}

// remind calls a waiting review to the mind of an approver elsewhere, drawn anew
// each time.
func (d *Desk) remind(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	every, err := span(ctx, tx, "remind_hours", time.Hour, clock.DateOf(now))
	if err != nil {
		return 0, err
	}
	list, err := listPending(ctx, tx, `reviewed_at IS NULL AND COALESCE(reminded_at, made_at) <= $1 ORDER BY due_at LIMIT $2`, clock.Micros(now.Add(-every)), batch)
	if err != nil {
		return 0, err
	}
	var n int64
	for _, p := range list {
		switch err := d.remindOne(ctx, tx, p, now); {
		case errors.Is(err, errNobody):
			d.c.Log.WarnContext(ctx, "a look without a visit waits for a review and there is no approver at another office")
		case err != nil:
			return n, err
		default:
			n++
		}
	}
	return n, nil
}

func (d *Desk) remindOne(ctx context.Context, tx *db.Tx, p pending, now time.Time) error {
	s, err := d.c.Roster.DrawTx(ctx, tx, office.Approver, office.Draw{Office: p.at, Elsewhere: true, Not: []id.Person{p.officer, p.person}})
	if fault.Is(err, fault.Unavailable) {
		return errNobody
	}
	if err != nil {
		return err
	}
	to, err := d.c.Accounts.Recipient(ctx, account.ID(s.Account))
	if err != nil {
		return err
	}
	done, err := db.Changed(tx.ExecContext(ctx, `UPDATE enrolment_visit_review SET reminded_at = $3 WHERE person = $1 AND id = $2 AND reviewed_at IS NULL`, p.person, p.review, clock.Micros(now)))
	if err != nil || !done {
		return err
	}
	_, err = d.c.Notify.SendTx(ctx, tx, audit.System("visit"), notify.Message{To: to, Template: "review_waiting", Purpose: "visit.review",
		Data: map[string]string{"office": p.place, "at": moment(clock.FromMicros(p.made))}})
	return err
}

// forget deletes visits past their retention, with what hangs on them.
func (d *Desk) forget(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	days, err := rule(ctx, tx, "keep_days", clock.DateOf(now))
	if err != nil {
		return 0, err
	}
	type key struct {
		person id.Person
		visit  ID
	}
	var old []key
	err = db.Each(ctx, tx, `SELECT person, id FROM enrolment_visit WHERE ends_at < $1 ORDER BY ends_at LIMIT $2`, []any{clock.Micros(now.AddDate(0, 0, -days)), batch}, func(s db.Row) error {
		var k key
		err := s.Scan(&k.person, &k.visit)
		old = append(old, k)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("list past visits: %w", err)
	}
	for _, k := range old {
		for _, q := range []string{`DELETE FROM enrolment_visit_look WHERE person = $1 AND visit = $2`, `DELETE FROM enrolment_visit_review WHERE person = $1 AND visit = $2`,
			`DELETE FROM enrolment_visit WHERE person = $1 AND id = $2`} {
			if _, err := tx.ExecContext(ctx, q, k.person, k.visit); err != nil {
				return 0, fmt.Errorf("forget visits: %w", err)
			}
		}
	}
	return int64(len(old)), nil
}
