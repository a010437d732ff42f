// SPDX-License-Identifier: Apache-2.0

package immigration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

// The actions under which look-ups stand in the audit log.
const (
	actionRead  = "immigration.read"
	actionMatch = "immigration.match"
)

const (
	columnNumber  = "immigration_document.number"
	columnAddress = "immigration_person.address"
	blindScope    = "immigration.document"
)

// allFields are what a look-up answers.
var allFields = []string{"name", "birth_date", "sex", "nationality", "address", "documents"}

func (r *Registry) blind(k Kind, country, number string) []byte {
	return r.seal.Blind(blindScope, string(k)+"\x00"+country+"\x00"+number)
}

// checkLook refuses a look without actor, purpose or ground, and a citizen's at
// somebody else.
func checkLook(look audit.Look, person id.Person) error {
	if look.By.Kind == "" || look.Purpose == "" || look.Ground == "" {
		return errors.New("immigration: a look-up names its actor, its purpose and its ground")
	}
	own := !person.IsZero() && (look.By.Person == person && look.By.OnBehalfOf.IsZero() || look.By.OnBehalfOf == person)
	if look.By.Kind == audit.KindAnonymous || look.By.Kind == audit.KindCitizen && !own {
		return fault.New(fault.Forbidden, "immigration.read.forbidden")
	}
	return nil
}

// Find reads a person and answers once the audit entry is committed.
func (r *Registry) Find(ctx context.Context, look audit.Look, person id.Person) (f Foreigner, err error) {
	var refused error
	err = r.db.Write(ctx, func(tx *db.Tx) error {
		f, err = r.FindTx(ctx, tx, look, person)
		if refused = err; fault.Of(err) != nil {
			return nil // its entry stands
		}
		return err
	})
	return f, errors.Join(err, faultOnly(refused))
}

func faultOnly(err error) error {
	if fault.Of(err) != nil {
		return err
	}
	return nil
}

// FindTx is Find within the caller's transaction: the answer may leave it only
// once it has committed.
func (r *Registry) FindTx(ctx context.Context, tx *db.Tx, look audit.Look, person id.Person) (Foreigner, error) {
	f, err := Foreigner{}, checkLook(look, person)
	if err == nil {
		f, err = r.read(ctx, tx, person)
	}
	look.Fields = allFields
	e := look.Entry(actionRead, person)
	switch {
	case fault.Is(err, fault.Forbidden):
		e.Outcome = "refused"
	case fault.Is(err, fault.NotFound):
		e.Outcome = "not_found"
	case err != nil:
		return Foreigner{}, err
	}
	if rerr := r.audit.RecordTx(ctx, tx, e); rerr != nil {
		return Foreigner{}, fmt.Errorf("find foreigner: %w", rerr)
	}
	return f, err
}

// FindByDocument is Find by a passport or residence card. An unknown one leaves
// an entry about nobody.
func (r *Registry) FindByDocument(ctx context.Context, look audit.Look, k Kind, country, number string) (Foreigner, error) {
	person, err := r.whose(ctx, r.db.Read(), k, country, number)
	if err != nil {
		return Foreigner{}, err
	}
	return r.Find(ctx, look, person)
}

func (r *Registry) whose(ctx context.Context, q db.Q, k Kind, country, number string) (p id.Person, err error) {
	err = q.QueryRowContext(ctx, `SELECT person FROM immigration_document_index WHERE blind = $1`, r.blind(k, country, number)).Scan(&p)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return p, fmt.Errorf("find document: %w", err)
	}
	return p, nil
}

// FindStandingTx says whether somebody's papers count today, within the
// caller's transaction.
func (r *Registry) FindStandingTx(ctx context.Context, tx *db.Tx, look audit.Look, person id.Person) (Standing, error) {
	f, err := r.FindTx(ctx, tx, look, person)
	if err != nil {
		return Standing{}, err
	}
	return f.StandingOn(clock.DateOf(r.clock.Now())), nil
}

// Declared is what somebody says of herself, with her passport.
type Declared struct {
	Country   string // of the passport
	Number    string
	Name      string
	BirthDate clock.Date
	Sex       population.Sex
}

// Match is how a declaration compares with the registry, field by field.
type Match struct {
	Person                       id.Person // zero when the passport is unknown
	Number, Name, BirthDate, Sex population.Verdict
	Standing                     Standing
	Matched                      bool // all equal
	Lapsed                       bool // the passport shown is cancelled or out of date
}

// Match compares a declaration with the person of the passport and answers once
// the audit entry is committed.
func (r *Registry) Match(ctx context.Context, look audit.Look, d Declared) (m Match, err error) {
	if look.By.Kind == "" || look.Purpose == "" || look.Ground == "" {
		return Match{}, errors.New("immigration: a look-up names its actor, its purpose and its ground")
	}
	person, err := r.whose(ctx, r.db.Read(), Passport, d.Country, d.Number)
	if err != nil {
		return Match{}, err
	}
	m = Match{Number: population.Unknown, Name: population.Unknown, BirthDate: population.Unknown, Sex: population.Unknown}
	if !person.IsZero() {
		f, err := r.read(ctx, r.db.Read(), person)
		if err != nil {
			return Match{}, err
		}
		m = f.compare(d, clock.DateOf(r.clock.Now()))
	}
	look.Fields = []string{"documents", "name", "birth_date", "sex"}
	e := look.Entry(actionMatch, m.Person)
	if !m.Matched {
		e.Outcome = "not_matched"
	}
	if err := r.audit.Record(ctx, e); err != nil {
		return Match{}, fmt.Errorf("match: %w", err)
	}
	return m, nil
}

func (f Foreigner) compare(d Declared, on clock.Date) Match {
	c := population.Compare(population.Person{Name: f.Name, BirthDate: f.BirthDate, Sex: f.Sex}, population.Declared{Name: d.Name, BirthDate: d.BirthDate, Sex: d.Sex})
	m := Match{Person: f.ID, Number: population.Equal, Name: c.Name, BirthDate: c.BirthDate, Sex: c.Sex, Standing: f.StandingOn(on)}
	if f.Sex == "" && d.Sex == "" {
		m.Sex = population.Equal
	}
	for _, x := range f.Documents {
		if x.Kind == Passport && x.Country == d.Country && x.Number == d.Number {
			m.Lapsed = !x.Counts(on)
		}
	}
	m.Matched = m.Name == population.Equal && m.BirthDate == population.Equal && m.Sex == population.Equal && !m.Lapsed
	return m
}

func (r *Registry) read(ctx context.Context, q db.Q, person id.Person) (Foreigner, error) {
	f := Foreigner{ID: person}
	var address []byte
	var updated int64
	err := q.QueryRowContext(ctx, `SELECT name, birth_date, sex, nationality, address, updated_at FROM immigration_person WHERE id = $1`, person).
		Scan(&f.Name, &f.BirthDate, &f.Sex, &f.Nationality, &address, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return Foreigner{}, fault.New(fault.NotFound, "immigration.person.not_found")
	}
	if err != nil {
		return Foreigner{}, fmt.Errorf("find foreigner: %w", err)
	}
	f.UpdatedAt = clock.FromMicros(updated)
	key, err := r.seal.Find(ctx, q, person)
	if err != nil {
		return Foreigner{}, fmt.Errorf("find foreigner: %w", err)
	}
	plain, err := key.Open(columnAddress, address)
	if err != nil {
		return Foreigner{}, fmt.Errorf("find foreigner: %w", err)
	}
	f.Address = string(plain)
	rows, err := q.QueryContext(ctx, `SELECT kind, country, number, category, issued_on, expires_on, cancelled_on FROM immigration_document WHERE person = $1 ORDER BY issued_on DESC, blind`, person)
	if err != nil {
		return Foreigner{}, fmt.Errorf("find foreigner: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d Document
		var sealed []byte
		var category sql.NullString
		if err := rows.Scan(&d.Kind, &d.Country, &sealed, &category, &d.IssuedOn, &d.ExpiresOn, &d.Cancelled); err != nil {
			return Foreigner{}, fmt.Errorf("find foreigner: %w", err)
		}
		number, err := key.Open(columnNumber, sealed)
		if err != nil {
			return Foreigner{}, fmt.Errorf("find foreigner: %w", err)
		}
		d.Number, d.Category = string(number), category.String
		f.Documents = append(f.Documents, d)
	}
	return f, rows.Err()
}
