// SPDX-License-Identifier: Apache-2.0

package visit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
	"danh/office"
	"danh/registry/population"
)

type reviewKind struct{}

// ReviewID is the key of a review.
type ReviewID = id.ID[reviewKind]

// ParseReviewID reads a review's key.
func ParseReviewID(s string) (ReviewID, error) { return id.Parse[reviewKind](s) }

// Kind is why another office looks at it afterwards.
type Kind string

// The kinds.
const (
	Glass  Kind = "broken" // somebody looked without a visit
	Self   Kind = "self"   // the officer had herself before her
	Family Kind = "family" // or one of her family
)

// Review is something that another office looks at afterwards.
type Review struct {
	ID         ReviewID
	Visit      ID
	Kind       Kind
	Reason     Reason // of a broken glass
	Words      string // the officer's own
	Officer    id.Person
	OfficeName string
	NumberTail string // of the person who was looked at; no name
	MadeAt     time.Time
	DueAt      time.Time
	Late       bool
	Looked     []Part // what was looked at
	Reviewed   time.Time
	ReviewedBy string // the office
	Justified  bool
	Said       string
	person     id.Person
}

const (
	sealWords = "enrolment_visit_review.words"
	sealSaid  = "enrolment_visit_review.said"
	leastWord = 20
	mostWord  = 1000
)

// OpenBroken breaks the glass: an officer looks at somebody who is not before
// her, for a reason of the dated list and in her own words. It lasts minutes,
// opens no dossier, and goes to another office for review. The person is told
// at once unless the reason's row says later; her log shows it in any case.
func (d *Desk) OpenBroken(ctx context.Context, by audit.Actor, reason, words string, number population.Number) (Visit, error) {
	r, err := findReason(ctx, d.c.DB.Read(), reason, d.today())
	if err != nil {
		return Visit{}, err
	}
	words = strings.TrimSpace(words)
	if n := utf8.RuneCountInString(words); n < leastWord || n > mostWord {
		return Visit{}, fault.New(fault.Invalid, "enrolment.visit.words").With("words", "enrolment.visit.words")
	}
	if number.IsZero() {
		return Visit{}, fault.New(fault.Invalid, "enrolment.visit.whose").With("number", "enrolment.visit.whose")
	}
	if _, err := d.enter(ctx, by, "enrolment.glass.broken", "broken", "broken_per_day", 24*time.Hour); err != nil {
		return Visit{}, err
	}
	p, err := d.c.Population.FindByNumber(ctx, audit.Look{By: by, Purpose: "visit.broken." + r.Name, Ground: r.Ground,
		Fields: []string{population.FieldNumber, population.FieldName, population.FieldBirthDate}}, number)
	if err != nil {
		return Visit{}, err
	}
	s := citizen(p)
	_, told, err := d.reach(ctx, s.person)
	if err != nil {
		return Visit{}, err
	}
	v := Visit{ID: id.New[visitKind](), Way: Broken, State: Open, Purpose: r.Name, Person: s.person, Officer: by.Account, Name: s.name, NumberTail: s.tail}
	return v, d.write(ctx, func(tx *db.Tx) error {
		staff, err := d.staffTx(ctx, tx, by)
		if err != nil {
			return d.refuse(ctx, tx, by, "enrolment.glass.broken", s.person, err)
		}
		now := d.c.Clock.Now()
		long, err := span(ctx, tx, "broken_minutes", time.Minute, clock.DateOf(now))
		if err != nil {
			return err
		}
		v.Office, v.OfficeName, v.MadeAt, v.OpenedAt, v.EndsAt = staff.Office, staff.OfficeName, now, now, now.Add(long)
		if err := d.insert(ctx, tx, v, by.Person); err != nil {
			return err
		}
		if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "enrolment.glass.broken", Subject: v.Person, Purpose: "visit.broken." + r.Name, Ground: r.Ground,
			Detail: map[string]string{"visit": v.ID.String()}}); err != nil {
			return err
		}
		tell := now.Add(r.Tell)
		if err := d.reviewTx(ctx, tx, by, v, Glass, r.Name, words, &tell); err != nil {
			return err
		}
		if r.Tell > 0 {
			return nil
		}
		return d.tellBrokenTx(ctx, tx, v.Person, v.ID, v.OfficeName, now, r, told)
	})
}

// tellBrokenTx tells her that somebody looked; without an account there is
// nobody to tell, and her log says it when she opens one.
func (d *Desk) tellBrokenTx(ctx context.Context, tx *db.Tx, person id.Person, visit ID, officeName string, at time.Time, r Reason, to *notify.Recipient) error {
	done, err := db.Changed(tx.ExecContext(ctx, `UPDATE enrolment_visit_review SET told_at = $3 WHERE person = $1 AND visit = $2 AND told_at IS NULL`,
		person, visit, clock.Micros(d.c.Clock.Now())))
	if err != nil || !done || to == nil {
		return err
	}
	_, err = d.c.Notify.SendTx(ctx, tx, audit.System("visit"), notify.Message{To: *to, Template: "glass_broken", Purpose: "visit.told", Urgent: true,
		Data: map[string]string{"office": officeName, "at": moment(at), "reason": in(to.Language, r.VI, r.EN)}})
	return err
}

// reviewTx puts something before another office.
func (d *Desk) reviewTx(ctx context.Context, tx *db.Tx, by audit.Actor, v Visit, kind Kind, reason, words string, tell *time.Time) error {
	now := d.c.Clock.Now()
	long, err := span(ctx, tx, "review_hours", time.Hour, clock.DateOf(now))
	if err != nil {
		return err
	}
	var sealed, tellAt, told any
	if words != "" {
		if sealed, err = d.c.Seal.SealTx(ctx, tx, v.Person, sealWords, []byte(words)); err != nil {
			return err
		}
	}
	if tell != nil {
		tellAt = clock.Micros(*tell)
	} else {
		told = clock.Micros(now)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO enrolment_visit_review (person, id, visit, kind, reason, words, officer, officer_person, office, office_name, made_at, due_at, tell_at, told_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		v.Person, id.New[reviewKind](), v.ID, string(kind), reason, sealed, by.Account, by.Person, v.Office, v.OfficeName, clock.Micros(now), clock.Micros(now.Add(long)), tellAt, told)
	if err != nil {
		return fmt.Errorf("ask for a review: %w", err)
	}
	return nil
}

// reviewerTx is under which appointment somebody reviews: approvers do, and
// never what happened at their own office.
func (d *Desk) reviewerTx(ctx context.Context, tx *db.Tx, by audit.Actor, action string) (office.Staff, error) {
	s, err := d.c.Roster.RequireTx(ctx, tx, by, office.Approver)
	if err != nil {
		return s, d.refuse(ctx, tx, by, action, id.Person{}, err)
	}
	return s, nil
}

const reviewColumns = `person, id, visit, kind, reason, words, officer, office_name, made_at, due_at, COALESCE(reviewed_at, 0), review_office, COALESCE(justified, FALSE), said`

type reviewRow struct {
	Review
	reason      string
	words, said []byte
}

func (d *Desk) listReviews(ctx context.Context, q db.Q, where string, args ...any) ([]Review, error) {
	now := d.c.Clock.Now()
	var rows []reviewRow
	err := db.Each(ctx, q, `SELECT `+reviewColumns+` FROM enrolment_visit_review WHERE `+where, args, func(s db.Row) error {
		var r reviewRow
		var made, due, reviewed int64
		err := s.Scan(&r.person, &r.ID, &r.Visit, &r.Kind, &r.reason, &r.words, &r.Officer, &r.OfficeName, &made, &due, &reviewed, &r.ReviewedBy, &r.Justified, &r.said)
		r.MadeAt, r.DueAt, r.Reviewed = clock.FromMicros(made), clock.FromMicros(due), zero(reviewed)
		r.Late = r.Reviewed.IsZero() && !now.Before(r.DueAt)
		rows = append(rows, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read reviews: %w", err)
	}
	out := make([]Review, len(rows))
	for i, r := range rows {
		if err := d.fill(ctx, q, &r); err != nil {
			return nil, err
		}
		out[i] = r.Review
	}
	return out, nil
}

func (d *Desk) fill(ctx context.Context, q db.Q, r *reviewRow) error {
	for _, x := range []struct {
		column string
		sealed []byte
		into   *string
	}{{sealWords, r.words, &r.Words}, {sealSaid, r.said, &r.Said}} {
		plain, err := d.c.Seal.Open(ctx, q, r.person, x.column, x.sealed)
		if err != nil {
			return fmt.Errorf("open a review's words: %w", err)
		}
		*x.into = string(plain)
	}
	v, err := d.one(ctx, q, `person = $1 AND id = $2`, r.person, r.Visit)
	if err != nil {
		return err
	}
	r.NumberTail = v.NumberTail
	if r.reason != "" {
		if r.Reason, err = findReason(ctx, q, r.reason, clock.DateOf(r.MadeAt)); err != nil {
			return err
		}
	}
	return db.Each(ctx, q, `SELECT part FROM enrolment_visit_look WHERE person = $1 AND visit = $2 ORDER BY part`, []any{r.person, r.Visit}, func(s db.Row) error {
		var p Part
		err := s.Scan(&p)
		r.Looked = append(r.Looked, p)
		return err
	})
}

// ListBroken lists what waits for a review by the approver who asks: of other
// offices than hers, and not about herself. The most urgent comes first.
func (d *Desk) ListBroken(ctx context.Context, by audit.Actor) (out []Review, err error) {
	err = d.write(ctx, func(tx *db.Tx) error {
		s, err := d.reviewerTx(ctx, tx, by, "enrolment.review.listed")
		if err != nil {
			return err
		}
		if out, err = d.listReviews(ctx, tx, `reviewed_at IS NULL AND office <> $1 AND officer_person <> $2 AND person <> $2 ORDER BY due_at, id LIMIT 200`, s.Office, by.Person); err != nil {
			return err
		}
		for _, r := range out {
			if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "enrolment.review.listed", Subject: r.person, Purpose: "visit.review"}); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// Review says whether it was justified: one conditional update, so that of two
// reviewers one decides. What was not justified stands so in her log.
func (d *Desk) Review(ctx context.Context, by audit.Actor, review ReviewID, justified bool, words string) error {
	words = strings.TrimSpace(words)
	if n := utf8.RuneCountInString(words); n > mostWord || !justified && n < leastWord {
		return fault.New(fault.Invalid, "enrolment.review.words").With("words", "enrolment.review.words")
	}
	return d.write(ctx, func(tx *db.Tx) error {
		staff, err := d.reviewerTx(ctx, tx, by, "enrolment.review.decided")
		if err != nil {
			return err
		}
		var person, who id.Person
		var at office.ID
		var state int64
		found := 0
		err = db.Each(ctx, tx, `SELECT person, officer_person, office, COALESCE(reviewed_at, 0) FROM enrolment_visit_review WHERE id = $1`, []any{review}, func(s db.Row) error {
			found++
			return s.Scan(&person, &who, &at, &state)
		})
		switch {
		case err != nil:
			return fmt.Errorf("find review: %w", err)
		case found == 0:
			return fault.New(fault.NotFound, "enrolment.review.not_found")
		case at == staff.Office || who == by.Person || person == by.Person:
			return d.refuse(ctx, tx, by, "enrolment.review.decided", person, fault.New(fault.Forbidden, "enrolment.review.own"))
		}
		var said any
		if words != "" {
			if said, err = d.c.Seal.SealTx(ctx, tx, person, sealSaid, []byte(words)); err != nil {
				return err
			}
		}
		done, err := db.Changed(tx.ExecContext(ctx, `UPDATE enrolment_visit_review SET reviewer = $3, review_office = $4, reviewed_at = $5, justified = $6, said = $7
			WHERE person = $1 AND id = $2 AND reviewed_at IS NULL`, person, review, by.Account, staff.OfficeName, clock.Micros(d.c.Clock.Now()), justified, said))
		if err != nil {
			return fmt.Errorf("review: %w", err)
		}
		if !done {
			return fault.New(fault.Conflict, "enrolment.review.decided")
		}
		e := audit.Entry{Actor: by, Action: "enrolment.review.decided", Subject: person, Purpose: "visit.review", Detail: map[string]string{"review": review.String(), "justified": fmt.Sprint(justified)}}
		if !justified {
			e.Action = "enrolment.review.objected"
		}
		return d.c.Audit.RecordTx(ctx, tx, e)
	})
}

// errNobody says that there is nobody elsewhere who could review.
var errNobody = errors.New("visit: no approver of another office")
