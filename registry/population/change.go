// SPDX-License-Identifier: Apache-2.0

package population

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// mayChange says who may change registry truth: officers, and parts of Danh
// that pass on what a competent source said. A citizen asks by a procedure.
func mayChange(by audit.Actor) error {
	if by.Kind == audit.KindOfficer || by.Kind == audit.KindSystem {
		return nil
	}
	return fault.New(fault.Forbidden, "population.change.forbidden")
}

// stored is what a change starts from.
type stored struct {
	name, birthDate, sex            string
	nationality, ethnicity, diedOn  string
	dead                            bool
	originText, originUnit, origin  string
	birthText, birthUnit, birthFrom string
}

func (r *Registry) storedTx(ctx context.Context, tx *db.Tx, person id.Person) (s stored, err error) {
	var died sql.NullString
	err = tx.QueryRowContext(ctx, `SELECT name, birth_date, sex, COALESCE(nationality, ''), COALESCE(ethnicity, ''), died_on,
		COALESCE(origin_text, ''), COALESCE(origin_unit, ''), COALESCE(origin_from, ''),
		COALESCE(birthplace_text, ''), COALESCE(birthplace_unit, ''), COALESCE(birthplace_from, '')
		FROM population_person WHERE id = $1`, person).
		Scan(&s.name, &s.birthDate, &s.sex, &s.nationality, &s.ethnicity, &died,
			&s.originText, &s.originUnit, &s.origin, &s.birthText, &s.birthUnit, &s.birthFrom)
	if errors.Is(err, sql.ErrNoRows) {
		return s, fault.New(fault.NotFound, "population.person.not_found")
	}
	if err != nil {
		return s, fmt.Errorf("read person: %w", err)
	}
	s.dead, s.diedOn = died.Valid, died.String
	return s, nil
}

// RecordDeathTx records that a person died, with its audit entry and event.
// ground is the law or the deciding document's kind.
func (r *Registry) RecordDeathTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person, on clock.Date, ground string) error {
	if err := mayChange(by); err != nil {
		return err
	}
	s, err := r.storedTx(ctx, tx, person)
	if err != nil {
		return err
	}
	var born clock.Date
	if err := born.Scan(s.birthDate); err != nil {
		return fmt.Errorf("record death: %w", err)
	}
	now := r.clock.Now()
	if on.IsZero() || on.Year < born.Year || on.Exact() && born.Exact() && on.Before(born) || clock.DateOf(now).Before(on) {
		return fault.New(fault.Invalid, "population.death.date").With("died", "population.death.date")
	}
	// The digest is dropped so that the source's next delivery is compared in full.
	var had string
	err = tx.QueryRowContext(ctx, `UPDATE population_person SET died_on = $2, updated_at = $3, digest = NULL
		WHERE id = $1 AND died_on IS NULL RETURNING sex`, person, on, clock.Micros(now)).Scan(&had)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.Conflict, "population.death.recorded_before")
	}
	if err != nil {
		return fmt.Errorf("record death: %w", err)
	}
	if err := r.rememberTx(ctx, tx, person, clock.Micros(now), "death", map[string]string{FieldDied: ""}); err != nil {
		return fmt.Errorf("record death: %w", err)
	}
	if err := r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "population.death_recorded", Subject: person, Purpose: "population.purpose.keep",
		Ground: ground, Fields: []string{FieldDied}}); err != nil {
		return fmt.Errorf("record death: %w", err)
	}
	return r.publishTx(ctx, tx, Event{Kind: Died, Person: person, On: on, Fields: []string{FieldDied}})
}

// ChangeNumberTx re-establishes a person's PIN: the earlier one ends with a
// reason and goes on resolving to her. A number that is in force for anybody
// else is a conflict.
func (r *Registry) ChangeNumberTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person, to Number, reason Reason, from clock.Date, ground string) error {
	if err := mayChange(by); err != nil {
		return err
	}
	if to.Kind() != PIN || len(to) != 12 {
		return fault.New(fault.Invalid, "population.number.form").With("number", "population.number.form")
	}
	if !from.Exact() {
		return fault.New(fault.Invalid, "population.number.from").With("from", "population.number.from")
	}
	if !slices.Contains([]Reason{SexReset, BirthYear, WrongData, Fraud}, reason) {
		return fault.New(fault.Invalid, "population.number.reason").With("reason", "population.number.reason")
	}
	if _, err := r.storedTx(ctx, tx, person); err != nil {
		return err
	}
	key, err := r.seal.FindOrMakeTx(ctx, tx, person)
	if err != nil {
		return fmt.Errorf("change number: %w", err)
	}
	blind := r.blind(to)
	// 1. The PIN in force ends.
	var earlier []byte
	err = tx.QueryRowContext(ctx, `UPDATE population_number SET valid_to = $2, reason = $3
		WHERE person = $1 AND kind = 'pin' AND valid_to IS NULL RETURNING blind`, person, from, string(reason)).Scan(&earlier)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("end number: %w", err)
	}
	if err == nil {
		if string(earlier) == string(blind) {
			return fault.New(fault.Conflict, "population.number.same")
		}
		if _, err := tx.ExecContext(ctx, `UPDATE population_number_index SET in_force = FALSE WHERE blind = $1 AND person = $2`, earlier, person); err != nil {
			return fmt.Errorf("end number: %w", err)
		}
	}
	// 2. The other one is taken, unless it is in force for somebody.
	var holder id.Person
	err = tx.QueryRowContext(ctx, `INSERT INTO population_number_index (blind, person, in_force) VALUES ($1, $2, TRUE)
		ON CONFLICT (blind) DO UPDATE SET person = excluded.person, in_force = TRUE WHERE NOT population_number_index.in_force
		RETURNING person`, blind, person).Scan(&holder)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.Conflict, "population.number.taken").With("number", "population.number.taken")
	}
	if err != nil {
		return fmt.Errorf("take number: %w", err)
	}
	sealed, err := key.Seal(columnNumber, []byte(to.Reveal()))
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO population_number (person, blind, kind, sealed, valid_from) VALUES ($1, $2, 'pin', $3, $4)
		ON CONFLICT (person, blind) DO UPDATE SET valid_from = excluded.valid_from, valid_to = NULL, reason = NULL`, person, blind, sealed, from); err != nil {
		return fmt.Errorf("take number: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE population_person SET updated_at = $2, digest = NULL WHERE id = $1`, person, clock.Micros(r.clock.Now())); err != nil {
		return fmt.Errorf("change number: %w", err)
	}
	// 3. Who did it, and the news of it.
	if err := r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "population.number_changed", Subject: person, Purpose: "population.purpose.keep",
		Ground: ground, Fields: []string{FieldNumber}, Detail: map[string]string{"reason": string(reason)}}); err != nil {
		return fmt.Errorf("change number: %w", err)
	}
	return r.publishTx(ctx, tx, Event{Kind: NumberChanged, Person: person, On: from, Fields: []string{FieldNumber}})
}

// Correction holds the fields to correct; empty ones stay as they are.
type Correction struct {
	Name        string
	BirthDate   clock.Date
	Sex         Sex
	Nationality string
	Ethnicity   string
}

// CorrectTx corrects what is registered about a person and keeps what it said
// before. A correction that changes nothing leaves no trace.
func (r *Registry) CorrectTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person, c Correction, ground string) error {
	if err := mayChange(by); err != nil {
		return err
	}
	s, err := r.storedTx(ctx, tx, person)
	if err != nil {
		return err
	}
	before := map[string]string{}
	set := func(field string, have *string, want string) {
		if want != "" && want != *have {
			before[field], *have = *have, want
		}
	}
	set(FieldName, &s.name, NormaliseName(c.Name))
	set(FieldBirthDate, &s.birthDate, c.BirthDate.String())
	if c.Sex == Male || c.Sex == Female {
		set(FieldSex, &s.sex, string(c.Sex))
	} else if c.Sex != "" {
		return fault.New(fault.Invalid, "population.sex.unknown").With("sex", "population.sex.unknown")
	}
	set(FieldNationality, &s.nationality, c.Nationality)
	set(FieldEthnicity, &s.ethnicity, c.Ethnicity)
	if len(before) == 0 {
		return nil
	}
	now := clock.Micros(r.clock.Now())
	if _, err := tx.ExecContext(ctx, `UPDATE population_person SET name = $2, name_key = $3, sort_key = $4, birth_date = $5, sex = $6,
		nationality = $7, ethnicity = $8, updated_at = $9, digest = NULL WHERE id = $1`,
		person, s.name, FoldName(s.name), SortKey(s.name), s.birthDate, s.sex, s.nationality, s.ethnicity, now); err != nil {
		return fmt.Errorf("correct person: %w", err)
	}
	if err := r.rememberTx(ctx, tx, person, now, "correction", before); err != nil {
		return fmt.Errorf("correct person: %w", err)
	}
	fields := slices.Sorted(maps.Keys(before))
	if err := r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "population.corrected", Subject: person, Purpose: "population.purpose.keep",
		Ground: ground, Fields: fields}); err != nil {
		return fmt.Errorf("correct person: %w", err)
	}
	return r.publishTx(ctx, tx, Event{Kind: Corrected, Person: person, Fields: fields})
}
