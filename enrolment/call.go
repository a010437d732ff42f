// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
)

type callKind struct{}

// CallID is the key of an announced call.
type CallID = id.ID[callKind]

// CallReasons are why an officer may have to telephone. None of them takes an
// answer: data and codes are never asked for on the telephone.
var CallReasons = []string{"missing", "appointment", "result", "address"}

// Call is a call that was announced. Whoever calls says the two digits first;
// one who does not know them is no officer.
type Call struct {
	ID            CallID
	Code          string // of the dossier
	Office        string
	Role          string // intake, second
	Reason        string
	Matching      int
	At, Ends      time.Time
	AboutSomebody bool // the dossier is about somebody whom she represents
}

// callable are the states of a dossier in which its officers have something to say.
var callable = []State{Checking, Waiting, Supplement, Approved}

// AnnounceCall says that an officer of an open dossier is about to telephone. Who
// is called sees it in her account at once, before it rings.
func (o *Office) AnnounceCall(ctx context.Context, by audit.Actor, d DossierID, reason string) (Call, error) {
	if !slices.Contains(CallReasons, reason) {
		return Call{}, fault.New(fault.Invalid, "enrolment.call.reason").With("reason", "enrolment.call.reason")
	}
	n, err := rand.Int(rand.Reader, big.NewInt(90))
	if err != nil {
		return Call{}, fmt.Errorf("draw two digits: %w", err)
	}
	var f *file
	c := Call{ID: id.New[callKind](), Reason: reason, Matching: 10 + int(n.Int64())}
	err = o.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if f, err = o.find(ctx, tx, d); err != nil {
			return err
		}
		as, staff, err := o.standTx(ctx, tx, by, f, actView)
		if err != nil {
			return err
		}
		if as == colleague { // only who decides has a reason to call
			return fault.New(fault.Forbidden, "enrolment.forbidden")
		}
		if !slices.Contains(callable, f.state) {
			return fault.New(fault.Conflict, "enrolment.call.closed")
		}
		to, active, err := o.recipientTx(ctx, tx, f)
		if err != nil {
			return err
		}
		if !active { // nobody would see it
			return fault.New(fault.Conflict, "enrolment.call.no_account")
		}
		now := o.c.Clock.Now()
		most, err := rule(ctx, tx, "call.per_day", o.today())
		if err != nil {
			return err
		}
		var made int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM enrolment_call WHERE told = $1 AND dossier = $2 AND announced_at > $3`, f.called(), f.id, clock.Micros(now.Add(-24*time.Hour))).Scan(&made); err != nil {
			return fmt.Errorf("count calls: %w", err)
		}
		if made >= most {
			return fault.New(fault.TooMany, "enrolment.too_many").In(24 * time.Hour)
		}
		minutes, err := rule(ctx, tx, "call.minutes", o.today())
		if err != nil {
			return err
		}
		c.Code, c.Office, c.Role, c.At, c.Ends = f.code, staff.OfficeName, string(as), now, now.Add(time.Duration(minutes)*time.Minute)
		if _, err := tx.ExecContext(ctx, `INSERT INTO enrolment_call (told, id, person, dossier, code, office, role, reason, matching, announced_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			f.called(), c.ID, f.person, f.id, c.Code, c.Office, c.Role, reason, c.Matching, clock.Micros(now), clock.Micros(c.Ends)); err != nil {
			return fmt.Errorf("announce a call: %w", err)
		}
		if err := o.c.Audit.RecordTx(ctx, tx, f.entry(by, "call.announced")); err != nil {
			return err
		}
		// In her account alone: what comes by SMS anybody can imitate.
		_, err = o.c.Notify.SendTx(ctx, tx, by, notify.Message{To: to, Template: "call_announced", Purpose: purpose, Channels: []notify.Channel{notify.Inbox},
			Data: map[string]string{"code": f.code, "office": c.Office, "until": c.Ends.In(clock.Vietnam).Format("15:04")}})
		return err
	})
	if err != nil {
		return Call{}, fmt.Errorf("announce a call: %w", errors.Join(err, o.noteRefused(ctx, by, f, "call.announced", err)))
	}
	return c, nil
}

// called is who is telephoned about a dossier.
func (f *file) called() id.Person {
	if !f.representative.IsZero() {
		return f.representative
	}
	return f.person
}

// ListCalls lists the calls that were announced to her, the latest first: those
// that may still come, and those of the last days to look back at.
func (o *Office) ListCalls(ctx context.Context, by audit.Actor) (coming, past []Call, err error) {
	if err := own(by); err != nil {
		return nil, nil, err
	}
	rows, err := o.c.DB.Read().QueryContext(ctx, `SELECT id, person, code, office, role, reason, matching, announced_at, ends_at FROM enrolment_call WHERE told = $1 ORDER BY announced_at DESC, id LIMIT 50`, by.Person)
	if err != nil {
		return nil, nil, fmt.Errorf("list calls: %w", err)
	}
	defer rows.Close()
	now := o.c.Clock.Now()
	for rows.Next() {
		var c Call
		var about id.Person
		var at, ends int64
		if err := rows.Scan(&c.ID, &about, &c.Code, &c.Office, &c.Role, &c.Reason, &c.Matching, &at, &ends); err != nil {
			return nil, nil, fmt.Errorf("list calls: %w", err)
		}
		c.At, c.Ends, c.AboutSomebody = clock.FromMicros(at), clock.FromMicros(ends), about != by.Person
		if c.Ends.After(now) {
			coming = append(coming, c)
		} else {
			past = append(past, c)
		}
	}
	return coming, past, rows.Err()
}

// CountCalls counts the calls that may come at this moment.
func (o *Office) CountCalls(ctx context.Context, by audit.Actor) (n int, err error) {
	if own(by) != nil {
		return 0, nil
	}
	err = o.c.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM enrolment_call WHERE told = $1 AND ends_at > $2`, by.Person, clock.Micros(o.c.Clock.Now())).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count calls: %w", err)
	}
	return n, nil
}

// purgeCalls forgets calls that nobody looks back at any more.
func (o *Office) purgeCalls(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	days, err := rule(ctx, tx, "call.days", o.today())
	if err != nil {
		return 0, err
	}
	return affected(tx.ExecContext(ctx, `DELETE FROM enrolment_call WHERE ends_at < $1`, clock.Micros(now.AddDate(0, 0, -days))))
}
