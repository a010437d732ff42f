// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

type representationKind struct{}

// RepresentationID is the key of a link between two people.
type RepresentationID = id.ID[representationKind]

// ParseRepresentationID reads a link's key.
func ParseRepresentationID(s string) (RepresentationID, error) {
	return id.Parse[representationKind](s)
}

// Representation is that somebody acts for a child or a ward, or supports a
// dependant, as a counter accepted it.
type Representation struct {
	ID             RepresentationID
	Representative id.Person
	Person         id.Person // who is represented
	Relation       string    // what the representative is to her: father, mother, guardian, …
	Proof          string    // the kind of paper that was seen: registry, birth_certificate, guardianship_decision, …
	From, Until    clock.Date
	EndedAt        time.Time
	EndedWhy       string // "age", "date", "capacity", "replaced", "error", "death"

	Confirms  bool       // each use of the person's own account is confirmed by the representative
	Office    string     // that accepted it
	Name      string     // of the other one, as ListRepresentations gives it
	BirthDate clock.Date // of the person; asked of the registry when it is not given
}

// Standing reports whether the link holds on a day.
func (r Representation) Standing(on clock.Date) bool {
	return r.EndedAt.IsZero() && within(on, r.From, r.Until)
}

const representGround = "NĐ 69/2024, Điều 10"

// RepresentTx accepts a link between two people. Relation and proof must go
// together by the dated table, which also says at which age it ends: a day that
// is given may lie earlier, never later. The representative has an own account
// of level 2 where she confirms uses. An account that the person has already
// is confirmed from now on: its sessions end.
func (k *Keeper) RepresentTx(ctx context.Context, tx *db.Tx, by audit.Actor, r Representation) error {
	if r.Person.IsZero() || r.Representative.IsZero() || r.Person == r.Representative {
		return fault.New(fault.Invalid, "account.representation.persons")
	}
	if err := k.officerOnlyTx(ctx, tx, by, r.Person, r.Representative); err != nil {
		return err
	}
	now := k.c.Clock.Now()
	day := clock.DateOf(now)
	if r.From.IsZero() {
		r.From = day
	}
	age, err := k.relationTx(ctx, tx, &r, day)
	if err != nil {
		return err
	}
	if age > 0 {
		if err := k.limitTx(ctx, tx, by, &r, age, day); err != nil {
			return err
		}
	}
	if !r.Until.IsZero() && (r.Until.Before(r.From) || r.Until.Before(day)) {
		return fault.New(fault.Invalid, "account.representation.over").With("until", "account.representation.over")
	}
	if r.Confirms {
		if err := k.mayRepresentTx(ctx, tx, r.Representative); err != nil {
			return err
		}
	}
	// 1. The link. One between the two that stands is a Conflict, unless it is
	// over by its day, or was a dependant's and she now needs to be represented.
	if _, err := k.endDueTx(ctx, tx, now, r.Person); err != nil {
		return err
	}
	if r.Confirms {
		if _, err := tx.ExecContext(ctx, `UPDATE account_representation SET ended_at = $3, ended_why = 'replaced' WHERE person = $1 AND representative = $2 AND ended_at IS NULL AND NOT confirms`,
			r.Person, r.Representative, clock.Micros(now)); err != nil {
			return fmt.Errorf("replace a link: %w", err)
		}
	}
	r.ID = id.New[representationKind]()
	ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO account_representation (person, id, representative, relation, proof, confirms, valid_from, valid_to, accepted_at, accepted_by, office)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
		r.Person, r.ID, r.Representative, r.Relation, r.Proof, r.Confirms, r.From, r.Until, clock.Micros(now), by.Account, by.Name))
	if err != nil {
		return fmt.Errorf("represent: %w", err)
	}
	if !ok {
		return fault.New(fault.Conflict, "account.representation.stands")
	}
	// 2. From here on nobody uses the person's account unconfirmed.
	if r.Confirms {
		if err := k.holdTx(ctx, tx, r.Person, now); err != nil {
			return err
		}
	}
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.represented", Subject: r.Person, Ground: representGround,
		Detail: map[string]string{"relation": r.Relation, "proof": r.Proof, "until": r.Until.String()}}); err != nil {
		return err
	}
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.dependant.accepted", Subject: r.Representative, Ground: representGround,
		Detail: map[string]string{"relation": r.Relation, "proof": r.Proof}}); err != nil {
		return err
	}
	return k.tellPersonTx(ctx, tx, by, r.Representative, "representation_accepted", nil)
}

// mayRepresentTx: a representative acts from an own account of level 2
// (Decree 69/2024, article 10), which nobody confirms for her in turn.
func (k *Keeper) mayRepresentTx(ctx context.Context, tx *db.Tx, person id.Person) error {
	a, err := k.store.ofPerson(ctx, tx, person)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err == nil && a.Level >= 2 && !a.Provisional {
		represented, err := k.representedTx(ctx, tx, a.ID)
		if err != nil || !represented {
			return err
		}
	}
	return fault.New(fault.Conflict, "account.representation.no_account")
}

// linkedTx reports whether somebody stands who confirms what a person's own
// account is used for, whichever account that is.
func (k *Keeper) linkedTx(ctx context.Context, tx *db.Tx, person id.Person) (bool, error) {
	var links int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_representation WHERE person = $1 AND confirms AND ended_at IS NULL`, person).Scan(&links); err != nil {
		return false, fmt.Errorf("look who represents her: %w", err)
	}
	return links > 0, nil
}

// relationTx finds the dated row of a relation and its proof, and the age at
// which it ends; 0 when none.
func (k *Keeper) relationTx(ctx context.Context, tx *db.Tx, r *Representation, day clock.Date) (int, error) {
	var rule sql.NullString
	err := tx.QueryRowContext(ctx, `SELECT until_age, confirms FROM account_relation WHERE relation = $1 AND proof IN ($2, '*') AND valid_from <= $3 AND (valid_to IS NULL OR valid_to >= $3)
		ORDER BY valid_from DESC LIMIT 1`, r.Relation, r.Proof, day).Scan(&rule, &r.Confirms)
	if errors.Is(err, sql.ErrNoRows) || r.Proof == "" || r.Proof == "*" {
		return 0, fault.New(fault.Invalid, "account.representation.proof").With("proof", "account.representation.proof")
	}
	if err != nil {
		return 0, fmt.Errorf("find relation: %w", err)
	}
	if !rule.Valid {
		return 0, nil
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return 0, err
	}
	if f.value(rule.String) == 0 {
		return 0, fmt.Errorf("account: no rule %s is in force", rule.String)
	}
	return f.value(rule.String), nil
}

// limitTx ends the link on the last day before the person's birthday.
func (k *Keeper) limitTx(ctx context.Context, tx *db.Tx, by audit.Actor, r *Representation, age int, day clock.Date) error {
	p, err := k.c.Population.FindTx(ctx, tx, audit.Look{By: by, Purpose: "account.enrolment", Ground: representGround, Fields: []string{population.FieldBirthDate}}, r.Person)
	switch {
	case err == nil && !p.BirthDate.IsZero():
		r.BirthDate = p.BirthDate // the registry's word, not the form's
	case err != nil && !fault.Is(err, fault.NotFound):
		return fmt.Errorf("look at the birth date: %w", err)
	case r.BirthDate.IsZero():
		return fault.New(fault.Invalid, "account.representation.birth").With("birth_date", "account.representation.birth")
	}
	if r.BirthDate.AgeOn(day) >= age {
		return fault.New(fault.Conflict, "account.representation.grown")
	}
	last := lastDayUnder(r.BirthDate, age)
	if r.Until.IsZero() || last.Before(r.Until) {
		r.Until = last
	}
	return nil
}

// lastDayUnder is the last day on which somebody is younger than an age. Where
// day or month are unknown she is as young as she can be (see AgeOn).
func lastDayUnder(birth clock.Date, age int) clock.Date {
	if birth.Month == 0 {
		birth.Month, birth.Day = 12, 31
	} else if birth.Day == 0 {
		birth.Day = 31
	}
	return clock.Date{Year: birth.Year + age, Month: birth.Month, Day: birth.Day}.AddDays(-1)
}

// holdTx has each use of a person's account confirmed, if she has one.
func (k *Keeper) holdTx(ctx context.Context, tx *db.Tx, person id.Person, now time.Time) error {
	a, err := k.store.ofPerson(ctx, tx, person)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE account_account SET represented = TRUE WHERE id = $1`, a.ID); err != nil {
		return fmt.Errorf("hold account: %w", err)
	}
	_, err = k.endTx(ctx, tx, a.ID, SessionID{}, SessionID{}, "represented", now)
	return err
}

// tellPersonTx tells the holder of a person's open account, if there is one.
func (k *Keeper) tellPersonTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person, template string, data map[string]string) error {
	a, err := k.store.ofPerson(ctx, tx, person)
	if fault.Is(err, fault.NotFound) || err == nil && a.Provisional {
		return nil
	}
	if err != nil {
		return err
	}
	return k.tellTx(ctx, tx, by, a.ID, template, data)
}

// EndReasons are why an officer may end a link before its day.
var EndReasons = []string{"replaced", "capacity", "error", "death"}
