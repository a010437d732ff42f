// SPDX-License-Identifier: Apache-2.0

package population

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

// CompareTx compares what somebody states with the record of a known person. No
// value leaves the registry by it, and it makes no entry: whoever asks records,
// in the same transaction, who asked, about which fields and what was answered.
// A person whom nobody knows costs the same reading.
//
// folded is a name as FoldName writes it, for whoever holds names without
// diacritics; its verdict stands beside the match.
func (r *Registry) CompareTx(ctx context.Context, q db.Q, person id.Person, d Declared, folded string) (Match, Verdict, error) {
	decoy, err := r.findDecoy(ctx)
	if err != nil {
		return Match{}, "", err
	}
	var p Person
	var died sql.NullString
	var updated int64
	var number bool
	err = q.QueryRowContext(ctx, `SELECT COALESCE(k.id, $3), p.name, p.birth_date, p.sex, p.died_on, p.updated_at,
			EXISTS (SELECT 1 FROM population_number_index i WHERE i.blind = $2 AND i.person = k.id AND i.in_force)
		FROM (SELECT 1 AS one) o LEFT JOIN population_person k ON k.id = $1 JOIN population_person p ON p.id = COALESCE(k.id, $3)`,
		person, r.blind(d.Number), decoy[:]).Scan(&p.ID, &p.Name, &p.BirthDate, &p.Sex, &died, &updated, &number)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Match{}, "", fmt.Errorf("compare: %w", err)
	}
	p.Dead, p.UpdatedAt = died.Valid, clock.FromMicros(updated)
	m := Match{Person: p.ID, Number: Different}
	if number {
		m.Number, m.Current = Equal, true
	}
	if d.Number == "" {
		m.Number = Unknown
	}
	m = m.fields(p, d)
	f := Different
	if folded == FoldName(p.Name) {
		f = Equal
	}
	if p.ID != person || person.IsZero() {
		return Match{Number: Unknown, Name: Unknown, BirthDate: Unknown, Sex: Unknown}, Unknown, nil
	}
	return m, f, nil
}

// BearerTx finds whose a number in force is, and how old he is on a day: as
// much as it takes to decide whether anything may be answered about him. A
// number that is nobody's costs the same.
func (r *Registry) BearerTx(ctx context.Context, tx *db.Tx, n Number, on clock.Date) (person id.Person, age int, err error) {
	decoy, err := r.findDecoy(ctx)
	if err != nil {
		return person, 0, err
	}
	var inForce sql.NullBool
	var birth clock.Date
	var died sql.NullString
	err = tx.QueryRowContext(ctx, `SELECT i.person, i.in_force, p.birth_date, p.died_on FROM (SELECT 1 AS one) o LEFT JOIN population_number_index i ON i.blind = $1
		JOIN population_person p ON p.id = COALESCE(i.person, $2)`, r.blind(n), decoy[:]).Scan(&person, &inForce, &birth, &died)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return id.Person{}, 0, fmt.Errorf("find bearer: %w", err)
	}
	if !inForce.Bool || died.Valid {
		return id.Person{}, 0, nil
	}
	return person, birth.AgeOn(on), nil
}
