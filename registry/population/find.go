// SPDX-License-Identifier: Apache-2.0

package population

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// The actions under which look-ups stand in the audit log.
const (
	actionMatch    = "population.match"
	actionRead     = "population.read"
	actionSearched = "population.searched"
)

var matchFields = []string{FieldNumber, FieldName, FieldBirthDate, FieldSex}

// blindScope is the scope of the numbers' blind index.
const blindScope = "population.number"

func (r *Registry) blind(n Number) []byte { return r.seal.Blind(blindScope, string(n)) }

func checkLook(look audit.Look) error {
	if look.By.Kind == "" || look.Purpose == "" || look.Ground == "" {
		return errors.New("population: a look-up names its actor, its purpose and its ground")
	}
	return nil
}

// Match compares what was declared with the registry and answers once the
// audit entry is committed. A number that is unknown costs the same work as a
// known one: the same statement reads somebody's row, a comparison with it is
// made and thrown away, and an entry about nobody is recorded.
func (r *Registry) Match(ctx context.Context, look audit.Look, d Declared) (Match, error) {
	if err := checkLook(look); err != nil {
		return Match{}, err
	}
	m, err := r.lookup(ctx, r.db.Read(), d)
	if err != nil {
		return Match{}, err
	}
	if err := r.audit.Record(ctx, matchEntry(look, m)); err != nil {
		return Match{}, fmt.Errorf("match: %w", err)
	}
	return m, nil
}

// MatchTx is Match within the caller's transaction: the answer may leave it
// only once it has committed.
func (r *Registry) MatchTx(ctx context.Context, tx *db.Tx, look audit.Look, d Declared) (Match, error) {
	if err := checkLook(look); err != nil {
		return Match{}, err
	}
	m, err := r.lookup(ctx, tx, d)
	if err != nil {
		return Match{}, err
	}
	if err := r.audit.RecordTx(ctx, tx, matchEntry(look, m)); err != nil {
		return Match{}, fmt.Errorf("match: %w", err)
	}
	return m, nil
}

func matchEntry(look audit.Look, m Match) audit.Entry {
	e := look.Entry(actionMatch, m.Person)
	e.Fields = matchFields
	if !m.Matched {
		e.Outcome = "not_matched"
	}
	return e
}

// The row of the number's person or, when the number is nobody's, of the decoy.
const matchQuery = `SELECT i.person, i.in_force, p.name, p.birth_date, p.sex, p.died_on, p.updated_at
	FROM (SELECT 1 AS one) o LEFT JOIN population_number_index i ON i.blind = $1
	JOIN population_person p ON p.id = COALESCE(i.person, $2)`

// lookup is Match without its audit entry; only the bench calls it besides.
func (r *Registry) lookup(ctx context.Context, q db.Q, d Declared) (Match, error) {
	decoy, err := r.findDecoy(ctx)
	if err != nil {
		return Match{}, err
	}
	var (
		p       Person
		inForce sql.NullBool
		died    sql.NullString
		updated int64
	)
	err = q.QueryRowContext(ctx, matchQuery, r.blind(d.Number), decoy[:]).
		Scan(&p.ID, &inForce, &p.Name, &p.BirthDate, &p.Sex, &died, &updated)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Match{}, fmt.Errorf("match: %w", err)
	}
	p.Dead, p.UpdatedAt = died.Valid, clock.FromMicros(updated)
	m := Match{Person: p.ID, Number: Equal, Current: inForce.Bool}
	m = m.fields(p, d)
	if p.ID.IsZero() {
		return Match{Number: Unknown, Name: Unknown, BirthDate: Unknown, Sex: Unknown}, nil
	}
	return m, nil
}

// findDecoy finds a person whose row is read in place of an unknown number's.
// Nothing of it leaves lookup.
func (r *Registry) findDecoy(ctx context.Context) (id.Person, error) {
	if p := r.decoy.Load(); p != nil {
		return *p, nil
	}
	var p id.Person
	err := r.db.Read().QueryRowContext(ctx, `SELECT id FROM population_person LIMIT 1`).Scan(&p)
	if errors.Is(err, sql.ErrNoRows) {
		return p, nil // an empty registry has nothing to tell apart
	}
	if err != nil {
		return p, fmt.Errorf("match: %w", err)
	}
	r.decoy.Store(&p)
	return p, nil
}

// Find reads the fields that the look names, or all when it names none, and
// answers once the audit entry is committed.
func (r *Registry) Find(ctx context.Context, look audit.Look, person id.Person) (Person, error) {
	p, e, err := r.find(ctx, r.db.Read(), look, person)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Person{}, err
	}
	if rerr := r.audit.Record(ctx, e); rerr != nil {
		return Person{}, fmt.Errorf("find person: %w", rerr)
	}
	return p, err
}

// FindTx is Find within the caller's transaction: the answer may leave it only
// once it has committed.
func (r *Registry) FindTx(ctx context.Context, tx *db.Tx, look audit.Look, person id.Person) (Person, error) {
	p, e, err := r.find(ctx, tx, look, person)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Person{}, err
	}
	if rerr := r.audit.RecordTx(ctx, tx, e); rerr != nil {
		return Person{}, fmt.Errorf("find person: %w", rerr)
	}
	return p, err
}

// FindByNumber is Find by a number in force or an earlier one. An unknown
// number leaves an entry about nobody.
func (r *Registry) FindByNumber(ctx context.Context, look audit.Look, n Number) (Person, error) {
	person, err := r.whose(ctx, r.db.Read(), n)
	if err != nil {
		return Person{}, err
	}
	return r.Find(ctx, look, person)
}

// FindByNumberTx is FindByNumber within the caller's transaction.
func (r *Registry) FindByNumberTx(ctx context.Context, tx *db.Tx, look audit.Look, n Number) (Person, error) {
	person, err := r.whose(ctx, tx, n)
	if err != nil {
		return Person{}, err
	}
	return r.FindTx(ctx, tx, look, person)
}

func (r *Registry) whose(ctx context.Context, q db.Q, n Number) (id.Person, error) {
	var p id.Person
	err := q.QueryRowContext(ctx, `SELECT person FROM population_number_index WHERE blind = $1`, r.blind(n)).Scan(&p)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return p, fmt.Errorf("find number: %w", err)
	}
	return p, nil
}

var known = []string{FieldNumber, FieldNumbers, FieldName, FieldBirthDate, FieldSex, FieldOrigin, FieldBirthPlace,
	FieldNationality, FieldEthnicity, FieldReligion, FieldMarital, FieldDied}

func (r *Registry) find(ctx context.Context, q db.Q, look audit.Look, person id.Person) (Person, audit.Entry, error) {
	if err := checkLook(look); err != nil {
		return Person{}, audit.Entry{}, err
	}
	if len(look.Fields) == 0 {
		look.Fields = known
	}
	for _, f := range look.Fields {
		if f != FieldAge && !slices.Contains(known, f) {
			return Person{}, audit.Entry{}, fmt.Errorf("population: %q is no field; the fields are %s", f, strings.Join(known, ", "))
		}
	}
	e := look.Entry(actionRead, person)
	p, err := r.read(ctx, q, person, look.Fields)
	if errors.Is(err, sql.ErrNoRows) {
		e.Outcome = "not_found"
		return Person{}, e, fault.New(fault.NotFound, "population.person.not_found")
	}
	if err != nil {
		return Person{}, e, fmt.Errorf("find person: %w", err)
	}
	return p, e, nil
}

const personQuery = `SELECT id, name, birth_date, sex, origin_text, origin_unit, origin_from, birthplace_text, birthplace_unit, birthplace_from,
	nationality, ethnicity, particulars, died_on, updated_at FROM population_person WHERE id = $1`

// read reads the named fields of a person.
func (r *Registry) read(ctx context.Context, q db.Q, person id.Person, fields []string) (Person, error) {
	var (
		p                                Person
		originText, originUnit           sql.NullString
		birthText, birthUnit             sql.NullString
		originFrom, birthFrom            clock.Date
		nationality, ethnicity, diedText sql.NullString
		sealed                           []byte
		updated                          int64
	)
	err := q.QueryRowContext(ctx, personQuery, person).Scan(&p.ID, &p.Name, &p.BirthDate, &p.Sex, &originText, &originUnit, &originFrom,
		&birthText, &birthUnit, &birthFrom, &nationality, &ethnicity, &sealed, &diedText, &updated)
	if err != nil {
		return Person{}, err
	}
	has := func(f string) bool { return slices.Contains(fields, f) }
	p.Dead, p.UpdatedAt = diedText.Valid, clock.FromMicros(updated)
	if !has(FieldName) {
		p.Name = ""
	}
	if !has(FieldBirthDate) && !has(FieldAge) {
		p.BirthDate = clock.Date{}
	}
	if !has(FieldSex) {
		p.Sex = ""
	}
	if has(FieldOrigin) && originText.Valid {
		p.Origin = &Place{originText.String, originUnit.String, originFrom}
	}
	if has(FieldBirthPlace) && birthText.Valid {
		p.BirthPlace = &Place{birthText.String, birthUnit.String, birthFrom}
	}
	if has(FieldNationality) {
		p.Nationality = nationality.String
	}
	if has(FieldEthnicity) {
		p.Ethnicity = ethnicity.String
	}
	if has(FieldDied) && diedText.Valid {
		if err := p.Died.Scan(diedText.String); err != nil {
			return Person{}, err
		}
	}
	if !has(FieldNumber) && !has(FieldNumbers) && !has(FieldReligion) && !has(FieldMarital) {
		return p, nil
	}
	key, err := r.seal.Find(ctx, q, person)
	if err != nil {
		return Person{}, err
	}
	if sealed != nil && (has(FieldReligion) || has(FieldMarital)) {
		c, err := openParticulars(key, sealed)
		if err != nil {
			return Person{}, err
		}
		if has(FieldReligion) {
			p.Religion = c.Religion
		}
		if has(FieldMarital) {
			p.Marital = c.Marital
		}
	}
	if has(FieldNumber) || has(FieldNumbers) {
		all, err := listNumbers(ctx, q, key, person)
		if err != nil {
			return Person{}, err
		}
		for _, n := range all {
			if has(FieldNumber) && n.Number.Kind() == PIN && n.To.IsZero() {
				p.Number = n.Number
			}
		}
		if has(FieldNumbers) {
			p.Numbers = all
		}
	}
	return p, nil
}

// ListRelations lists the person's relations, past ones included, and answers
// once the audit entry is committed. Whose they are is said by key alone: a
// name is a look-up of its own.
func (r *Registry) ListRelations(ctx context.Context, look audit.Look, person id.Person) ([]Relation, error) {
	if err := checkLook(look); err != nil {
		return nil, err
	}
	out, err := listRelations(ctx, r.db.Read(), person)
	if err != nil {
		return nil, err
	}
	e := look.Entry(actionRead, person)
	e.Fields = []string{FieldRelations}
	if err := r.audit.Record(ctx, e); err != nil {
		return nil, fmt.Errorf("list relations: %w", err)
	}
	return out, nil
}

// ListRelationsTx is ListRelations within the caller's transaction: the answer
// may leave it only once it has committed.
func (r *Registry) ListRelationsTx(ctx context.Context, tx *db.Tx, look audit.Look, person id.Person) ([]Relation, error) {
	if err := checkLook(look); err != nil {
		return nil, err
	}
	out, err := listRelations(ctx, tx, person)
	if err != nil {
		return nil, err
	}
	e := look.Entry(actionRead, person)
	e.Fields = []string{FieldRelations}
	if err := r.audit.RecordTx(ctx, tx, e); err != nil {
		return nil, fmt.Errorf("list relations: %w", err)
	}
	return out, nil
}

func listRelations(ctx context.Context, q db.Q, person id.Person) ([]Relation, error) {
	rows, err := q.QueryContext(ctx, `SELECT kind, other, valid_from, valid_to FROM population_relation WHERE person = $1 ORDER BY kind, other`, person)
	if err != nil {
		return nil, fmt.Errorf("list relations: %w", err)
	}
	defer rows.Close()
	var out []Relation
	for rows.Next() {
		var x Relation
		if err := rows.Scan(&x.Kind, &x.Other, &x.From, &x.To); err != nil {
			return nil, fmt.Errorf("list relations: %w", err)
		}
		out = append(out, x)
	}
	return out, rows.Err()
}

// Query asks for people by name and birth date.
type Query struct {
	Name      string     // from the family name on, at least two letters; diacritics and case do not matter
	BirthDate clock.Date // also finds those of whom only its month or year is registered
	Limit     int        // 0 means 20; at most 100
}

// Search finds people by the beginning of the name and the birth date, in the
// order of a Vietnamese list. Each of them gets an audit entry, committed
// before the answer. It answers ID, Name, BirthDate, Sex and Dead.
func (r *Registry) Search(ctx context.Context, look audit.Look, s Query) ([]Person, error) {
	if err := checkLook(look); err != nil {
		return nil, err
	}
	key := FoldName(s.Name)
	if len(key) < 2 || s.BirthDate.IsZero() {
		return nil, fault.New(fault.Invalid, "population.search.narrow").With("name", "population.search.narrow")
	}
	limit := s.Limit
	if limit <= 0 {
		limit = 20
	}
	d := s.BirthDate
	year, month := clock.Date{Year: d.Year}, clock.Date{Year: d.Year, Month: d.Month}
	rows, err := r.db.Read().QueryContext(ctx, `SELECT id, name, birth_date, sex, died_on IS NOT NULL, updated_at FROM population_person
		WHERE birth_date IN ($1, $2, $3) AND name_key >= $4 AND name_key < $5 ORDER BY sort_key, name, id LIMIT $6`,
		d.String(), month.String(), year.String(), key, key+"\U0010FFFF", min(limit, 100))
	if err != nil {
		return nil, fmt.Errorf("search people: %w", err)
	}
	defer rows.Close()
	var out []Person
	for rows.Next() {
		var p Person
		var updated int64
		if err := rows.Scan(&p.ID, &p.Name, &p.BirthDate, &p.Sex, &p.Dead, &updated); err != nil {
			return nil, fmt.Errorf("search people: %w", err)
		}
		p.UpdatedAt = clock.FromMicros(updated)
		out = append(out, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("search people: %w", err)
	}
	e := look.Entry(actionSearched, id.Person{})
	e.Fields = []string{FieldName, FieldBirthDate, FieldSex}
	err = r.db.Write(ctx, func(tx *db.Tx) error {
		if len(out) == 0 {
			e.Outcome = "not_found"
			return r.audit.RecordTx(ctx, tx, e)
		}
		for _, p := range out {
			e.Subject = p.ID
			if err := r.audit.RecordTx(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("search people: %w", err)
	}
	return out, nil
}
