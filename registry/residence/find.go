// SPDX-License-Identifier: Apache-2.0

package residence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

const (
	actionRead   = "residence.read"
	actionListed = "residence.listed"
)

// The fields that a look-up can name in audit.Look.Fields. Without any it gets
// all of them; FieldResidence stands for all three.
const (
	FieldPermanent = "permanent"
	FieldTemporary = "temporary"
	FieldHousehold = "household"
	FieldResidence = "residence"
	FieldStays     = "stays"

	// FieldSize is how many live in her household, and not who. It is read only
	// when it is named.
	FieldSize = "household_size"
)

var known = []string{FieldPermanent, FieldTemporary, FieldHousehold}

func checkLook(look audit.Look) error {
	if look.By.Kind == "" || look.Purpose == "" || look.Ground == "" {
		return errors.New("residence: a look-up names its actor, its purpose and its ground")
	}
	return nil
}

// FindResidence says where a person is registered to live and answers once the
// audit entry is committed. Somebody without residence gets an answer without
// addresses.
func (r *Registry) FindResidence(ctx context.Context, look audit.Look, person id.Person) (Residence, error) {
	out, e, err := r.findResidence(ctx, r.db.Read(), look, person)
	if err != nil {
		return Residence{}, err
	}
	if err := r.audit.Record(ctx, e); err != nil {
		return Residence{}, fmt.Errorf("find residence: %w", err)
	}
	return out, nil
}

// FindResidenceTx is FindResidence within the caller's transaction: the answer
// may leave it only once it has committed.
func (r *Registry) FindResidenceTx(ctx context.Context, tx *db.Tx, look audit.Look, person id.Person) (Residence, error) {
	out, e, err := r.findResidence(ctx, tx, look, person)
	if err != nil {
		return Residence{}, err
	}
	if err := r.audit.RecordTx(ctx, tx, e); err != nil {
		return Residence{}, fmt.Errorf("find residence: %w", err)
	}
	return out, nil
}

func (r *Registry) findResidence(ctx context.Context, q db.Q, look audit.Look, person id.Person) (Residence, audit.Entry, error) {
	if err := checkLook(look); err != nil {
		return Residence{}, audit.Entry{}, err
	}
	if len(look.Fields) == 0 || slices.Contains(look.Fields, FieldResidence) {
		look.Fields = known
	}
	for _, f := range look.Fields {
		if f != FieldSize && !slices.Contains(known, f) {
			return Residence{}, audit.Entry{}, fmt.Errorf("residence: %q is no field; the fields are %s", f, strings.Join(known, ", "))
		}
	}
	has := func(f string) bool { return slices.Contains(look.Fields, f) }
	out := Residence{Person: person}
	if has(FieldPermanent) || has(FieldHousehold) || has(FieldSize) {
		if err := readPermanent(ctx, q, &out, has); err != nil {
			return Residence{}, audit.Entry{}, fmt.Errorf("find residence: %w", err)
		}
	}
	if has(FieldSize) && !out.household.IsZero() {
		if err := q.QueryRowContext(ctx, `SELECT COUNT(*) FROM residence_member WHERE household = $1 AND valid_to IS NULL`, out.household).Scan(&out.HouseholdSize); err != nil {
			return Residence{}, audit.Entry{}, fmt.Errorf("find residence: %w", err)
		}
	}
	if has(FieldTemporary) {
		if err := readTemporary(ctx, q, &out, clock.DateOf(r.clock.Now())); err != nil {
			return Residence{}, audit.Entry{}, fmt.Errorf("find residence: %w", err)
		}
	}
	return out, look.Entry(actionRead, person), nil
}

func readPermanent(ctx context.Context, q db.Q, out *Residence, has func(string) bool) error {
	var (
		household          HouseholdID
		relation           string
		updated            int64
		text, unit         sql.NullString
		unitFrom, here, at clock.Date
	)
	err := q.QueryRowContext(ctx, `SELECT m.household, m.relation, m.valid_from, h.updated_at, a.text, a.unit_code, a.unit_from, a.valid_from
		FROM residence_member m JOIN residence_household h ON h.id = m.household
		LEFT JOIN residence_address a ON a.household = m.household AND a.valid_to IS NULL
		WHERE m.person = $1 AND m.valid_to IS NULL ORDER BY h.updated_at DESC LIMIT 1`, out.Person).
		Scan(&household, &relation, &here, &updated, &text, &unit, &unitFrom, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	out.AsOf, out.PermanentAsOf, out.household = clock.FromMicros(updated), clock.FromMicros(updated), household
	if has(FieldHousehold) {
		out.Household, out.Relation = household, relation
	}
	if has(FieldPermanent) && text.Valid {
		out.Permanent, out.PermanentSince = &Address{text.String, unit.String, unitFrom}, at
		if at.IsZero() || at.Before(here) {
			out.PermanentSince = here // she came after the household did
		}
	}
	return nil
}

func readTemporary(ctx context.Context, q db.Q, out *Residence, today clock.Date) error {
	var a Address
	var unit sql.NullString
	var from, until clock.Date
	var updated int64
	err := q.QueryRowContext(ctx, `SELECT text, unit_code, unit_from, valid_from, valid_to, updated_at FROM residence_temporary
		WHERE person = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to >= $2) ORDER BY valid_from DESC LIMIT 1`, out.Person, today.String()).
		Scan(&a.Text, &unit, &a.UnitFrom, &from, &until, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	a.UnitCode = unit.String
	out.Temporary, out.TemporaryFrom, out.TemporaryUntil = &a, from, until
	out.TemporaryAsOf = clock.FromMicros(updated)
	if t := out.TemporaryAsOf; t.After(out.AsOf) {
		out.AsOf = t
	}
	return nil
}

// FindHousehold reads a household with its present members. Each of them gets
// an audit entry, committed before the answer.
func (r *Registry) FindHousehold(ctx context.Context, look audit.Look, household HouseholdID) (Household, error) {
	if err := checkLook(look); err != nil {
		return Household{}, err
	}
	h, err := readHousehold(ctx, r.db.Read(), household)
	if err != nil {
		return Household{}, err
	}
	e := look.Entry(actionListed, id.Person{})
	e.Fields = []string{FieldHousehold}
	err = r.db.Write(ctx, func(tx *db.Tx) error {
		if len(h.Members) == 0 {
			return r.audit.RecordTx(ctx, tx, e)
		}
		for _, m := range h.Members {
			e.Subject = m.Person
			if err := r.audit.RecordTx(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Household{}, fmt.Errorf("find household: %w", err)
	}
	return h, nil
}

func readHousehold(ctx context.Context, q db.Q, household HouseholdID) (Household, error) {
	h := Household{ID: household}
	var text, unit sql.NullString
	var updated int64
	err := q.QueryRowContext(ctx, `SELECT h.head, h.updated_at, a.text, a.unit_code, a.unit_from, a.valid_from
		FROM residence_household h LEFT JOIN residence_address a ON a.household = h.id AND a.valid_to IS NULL WHERE h.id = $1`, household).
		Scan(&h.Head, &updated, &text, &unit, &h.Address.UnitFrom, &h.Since)
	if errors.Is(err, sql.ErrNoRows) {
		return Household{}, fault.New(fault.NotFound, "residence.household.not_found")
	}
	if err != nil {
		return Household{}, fmt.Errorf("find household: %w", err)
	}
	h.Address.Text, h.Address.UnitCode, h.AsOf = text.String, unit.String, clock.FromMicros(updated)
	rows, err := q.QueryContext(ctx, `SELECT person, relation, valid_from FROM residence_member WHERE household = $1 AND valid_to IS NULL ORDER BY person`, household)
	if err != nil {
		return Household{}, fmt.Errorf("find household: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var m Member
		if err := rows.Scan(&m.Person, &m.Relation, &m.Since); err != nil {
			return Household{}, fmt.Errorf("find household: %w", err)
		}
		h.Members = append(h.Members, m)
	}
	// The head comes first.
	slices.SortStableFunc(h.Members, func(a, b Member) int {
		switch {
		case a.Person == h.Head:
			return -1
		case b.Person == h.Head:
			return 1
		}
		return 0
	})
	return h, rows.Err()
}

// rule is the value of a dated rule on a day.
func rule(ctx context.Context, q db.Q, name string, on clock.Date) (int, error) {
	var v int
	err := q.QueryRowContext(ctx, `SELECT value FROM residence_rule WHERE name = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)
		ORDER BY valid_from DESC LIMIT 1`, name, on.String()).Scan(&v)
	if err != nil {
		return 0, fmt.Errorf("rule %s: %w", name, err)
	}
	return v, nil
}

// StayDeadline is until when a stay that begins at an instant must be
// notified: before 23:00 of the same day, and after 23:00 before 08:00 of the
// next (Luật Cư trú 68/2020/QH14, Article 30).
func (r *Registry) StayDeadline(ctx context.Context, arrival time.Time) (time.Time, error) {
	day := clock.DateOf(arrival)
	evening, err := rule(ctx, r.db.Read(), "stay.notice_hour", day)
	if err != nil {
		return time.Time{}, err
	}
	morning, err := rule(ctx, r.db.Read(), "stay.late_notice_hour", day)
	if err != nil {
		return time.Time{}, err
	}
	if t := day.Time().Add(time.Duration(evening) * time.Hour); arrival.Before(t) {
		return t, nil
	}
	return day.AddDays(1).Time().Add(time.Duration(morning) * time.Hour), nil
}
