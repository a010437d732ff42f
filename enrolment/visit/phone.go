// SPDX-License-Identifier: Apache-2.0

package visit

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
)

// ask asks her phone. The officer's screen shows two digits, hers three numbers
// to pick from: whoever says yes without looking at the counter is wrong in
// two cases of three, and one wrong pick ends it.
func (d *Desk) ask(ctx context.Context, by audit.Actor, v Visit, p Purpose, tie Kind, to notify.Recipient) (Visit, error) {
	var err error
	if v.Choices, err = drawn(3); err != nil {
		return Visit{}, err
	}
	at, err := rand.Int(rand.Reader, big.NewInt(int64(len(v.Choices))))
	if err != nil {
		return Visit{}, fmt.Errorf("draw a number: %w", err)
	}
	v.Matching = v.Choices[at.Int64()]
	return v, d.write(ctx, func(tx *db.Tx) error {
		staff, err := d.staffTx(ctx, tx, by)
		if err != nil {
			return d.refuse(ctx, tx, by, "enrolment.visit.phone_asked", v.Person, err)
		}
		// Nobody wears somebody down with requests.
		wait, err := d.hitTx(ctx, tx, "asked", v.Person, "asked_per_hour", time.Hour)
		if err != nil {
			return err
		}
		if wait > 0 {
			return d.refuse(ctx, tx, by, "enrolment.visit.phone_asked", v.Person, tooMany(wait))
		}
		now := d.c.Clock.Now()
		long, err := span(ctx, tx, "asked_seconds", time.Second, clock.DateOf(now))
		if err != nil {
			return err
		}
		v.State, v.Proved, v.Office, v.OfficeName, v.MadeAt, v.EndsAt = Asked, false, staff.Office, staff.OfficeName, now, now.Add(long)
		if err := d.insert(ctx, tx, v, by.Person); err != nil {
			return err
		}
		if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "enrolment.visit.phone_asked", Subject: v.Person,
			Purpose: "visit." + p.Name, Ground: p.Ground, Detail: map[string]string{"visit": v.ID.String()}}); err != nil {
			return err
		}
		if tie != "" {
			if err := d.reviewTx(ctx, tx, by, v, tie, "", "", nil); err != nil {
				return err
			}
		}
		_, err = d.c.Notify.SendTx(ctx, tx, audit.System("visit"), notify.Message{To: to, Template: "visit_asked", Purpose: "visit.told", Urgent: true, Expires: v.EndsAt,
			Data: map[string]string{"office": v.OfficeName, "purpose": in(to.Language, p.VI, p.EN)}})
		return err
	})
}

// drawn gives different numbers of two digits.
func drawn(n int) ([]int, error) {
	var out []int
	for len(out) < n {
		x, err := rand.Int(rand.Reader, big.NewInt(90))
		if err != nil {
			return nil, fmt.Errorf("draw numbers: %w", err)
		}
		if v := int(x.Int64()) + 10; !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out, nil
}

// herself refuses whoever is not the proofed holder of an account.
func (d *Desk) herself(ctx context.Context, by audit.Actor) error {
	if by.Kind != audit.KindCitizen || by.Account.IsZero() || by.Person.IsZero() || !by.OnBehalfOf.IsZero() {
		return fault.New(fault.Forbidden, "enrolment.visit.not_yours")
	}
	a, err := d.c.Accounts.Find(ctx, account.ID(by.Account))
	if err != nil {
		return err
	}
	if a.Provisional || a.Status != account.Active || a.Person != by.Person {
		return fault.New(fault.Forbidden, "enrolment.visit.not_yours")
	}
	return nil
}

// ListAsked lists what waits for her answer. The number to pick is not in it.
func (d *Desk) ListAsked(ctx context.Context, by audit.Actor) ([]Visit, error) {
	if err := d.herself(ctx, by); err != nil {
		return nil, err
	}
	list, err := d.list(ctx, d.c.DB.Read(), `person = $1 AND account = $2 AND state = 'asked' AND ends_at > $3 ORDER BY made_at, id`,
		by.Person, by.Account, clock.Micros(d.c.Clock.Now()))
	for i := range list {
		list[i].Matching = 0
	}
	return list, err
}

// CountAsked counts what waits for the answer of an account's holder.
func (d *Desk) CountAsked(ctx context.Context, by audit.Actor) (n int, err error) {
	err = d.c.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM enrolment_visit WHERE person = $1 AND account = $2 AND state = 'asked' AND ends_at > $3`,
		by.Person, by.Account, clock.Micros(d.c.Clock.Now())).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count requests: %w", err)
	}
	return n, nil
}

// Answer is her answer: one conditional update, so that of two answers one
// counts. A wrong number is a no, for the person who sees the right one is not
// the person who asked.
func (d *Desk) Answer(ctx context.Context, by audit.Actor, visit ID, matching int, yes bool) error {
	if err := d.herself(ctx, by); err != nil {
		return err
	}
	v, err := d.one(ctx, d.c.DB.Read(), `person = $1 AND id = $2`, by.Person, visit)
	if fault.Is(err, fault.NotFound) {
		return d.strange(ctx, by, visit)
	}
	if err != nil {
		return err
	}
	now := d.c.Clock.Now()
	ends, err := d.endOf(ctx, v.Office, now)
	if err != nil {
		return err
	}
	return d.write(ctx, func(tx *db.Tx) error {
		purpose, err := findPurpose(ctx, tx, v.Purpose, clock.DateOf(now))
		if err != nil {
			return err
		}
		entry := audit.Entry{Actor: by, Subject: v.Person, Purpose: "visit." + v.Purpose, Ground: purpose.Ground, Detail: map[string]string{"visit": v.ID.String()}}
		const waiting = ` WHERE person = $1 AND id = $2 AND account = $3 AND state = 'asked' AND ends_at > $4`
		if yes {
			done, err := db.Changed(tx.ExecContext(ctx, `UPDATE enrolment_visit SET state = 'open', proved = TRUE, opened_at = $4, ends_at = $5`+waiting+` AND matching = $6`,
				v.Person, v.ID, by.Account, clock.Micros(now), clock.Micros(ends), matching))
			if err != nil {
				return fmt.Errorf("answer: %w", err)
			}
			if done {
				entry.Action = "enrolment.visit.approved"
				return d.c.Audit.RecordTx(ctx, tx, entry)
			}
		}
		why := "phone"
		if yes {
			why = "wrong_number"
		}
		done, err := db.Changed(tx.ExecContext(ctx, `UPDATE enrolment_visit SET state = 'declined', closed_at = $4, closed_why = $5`+waiting,
			v.Person, v.ID, by.Account, clock.Micros(now), why))
		if err != nil {
			return fmt.Errorf("answer: %w", err)
		}
		if !done {
			return fault.New(fault.Conflict, "enrolment.visit.answered")
		}
		entry.Action = "enrolment.visit.declined"
		entry.Detail["why"] = why
		if err := d.c.Audit.RecordTx(ctx, tx, entry); err != nil {
			return err
		}
		if yes {
			return keep(fault.New(fault.Conflict, "enrolment.visit.wrong_number").Arg("chosen", strconv.Itoa(matching)))
		}
		return nil
	})
}

// strange records that an account answered what another was asked; to that
// account it is absent.
func (d *Desk) strange(ctx context.Context, by audit.Actor, visit ID) error {
	return d.write(ctx, func(tx *db.Tx) error {
		var whose id.Person
		list, err := d.list(ctx, tx, `id = $1`, visit)
		if err != nil {
			return err
		}
		if len(list) > 0 {
			whose = list[0].Person
		}
		if whose.IsZero() {
			return notFound()
		}
		return d.refuse(ctx, tx, by, "enrolment.visit.approved", whose, notFound())
	})
}
