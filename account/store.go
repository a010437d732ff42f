// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/seal"
	"danh/registry/population"
)

// store is the room's rows about accounts themselves.
type store struct{ seal *seal.Sealer }

const (
	sealDeclared = "account_account.declared"
	sealPhone    = "account_account.phone"
	sealEmail    = "account_account.email"
	sealPortrait = "account_portrait.image"
)

// declaration is the sealed form of what she typed. Numbers refuse to be
// encoded by accident, so the form has its own fields.
type declaration struct {
	Number    string     `json:"number"`
	Name      string     `json:"name"`
	BirthDate clock.Date `json:"birth_date"`
	Sex       string     `json:"sex"`
}

func packDeclared(d Declared) []byte {
	b, err := json.Marshal(declaration{d.Number.Reveal(), d.Name, d.BirthDate, string(d.Sex)})
	if err != nil {
		panic("account: a declaration is plain data: " + err.Error())
	}
	return b
}

func unpackDeclared(b []byte, d *Declared) error {
	var v declaration
	if err := json.Unmarshal(b, &v); err != nil {
		return errors.New("account: a sealed declaration does not parse")
	}
	d.Number, d.Name, d.BirthDate, d.Sex = population.Number(v.Number), v.Name, v.BirthDate, population.Sex(v.Sex)
	return nil
}

// blinds: each scope is its own, so that indexes of two tables do not meet.
func (s store) numberIndex(n population.Number) []byte {
	return s.seal.Blind("account.number", n.Reveal())
}
func (s store) phoneIndex(phone string) []byte { return s.seal.Blind("account.phone", phone) }

const accountColumns = `id, person, level, status, provisional, proof_what, proof_how, proof_strength, proof_at, carrier, language, email IS NOT NULL, opened_at, organisation`

func scanAccount(row db.Row) (Account, error) {
	var a Account
	var proofAt, opened int64
	err := row.Scan(&a.ID, &a.Person, &a.Level, &a.Status, &a.Provisional, &a.Proofing.What, &a.Proofing.How, &a.Proofing.Strength,
		&proofAt, &a.Proofing.Carrier, &a.Language, &a.HasEmail, &opened, &a.Organisation)
	a.Proofing.At, a.OpenedAt = clock.FromMicros(proofAt), clock.FromMicros(opened)
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, fault.New(fault.NotFound, "account.not_found")
	}
	if err != nil {
		return Account{}, fmt.Errorf("find account: %w", err)
	}
	return a, nil
}

func (s store) find(ctx context.Context, q db.Q, a ID) (Account, error) {
	return scanAccount(q.QueryRowContext(ctx, `SELECT `+accountColumns+` FROM account_account WHERE id = $1`, a))
}

// ofPerson finds the account that is open for a person.
func (s store) ofPerson(ctx context.Context, q db.Q, p id.Person) (Account, error) {
	return scanAccount(q.QueryRowContext(ctx, `SELECT `+accountColumns+` FROM account_account
		WHERE id = (SELECT account FROM account_person WHERE person = $1)`, p))
}

// ofNumber finds the account that a number signs in to.
func (s store) ofNumber(ctx context.Context, q db.Q, n population.Number) (Account, error) {
	return scanAccount(q.QueryRowContext(ctx, `SELECT `+accountColumns+` FROM account_account
		WHERE id = (SELECT account FROM account_login WHERE number_index = $1)`, s.numberIndex(n)))
}

// channels is how an account is reached.
type channels struct {
	person                 id.Person
	Phone, Email, Language string
}

// channels opens an account's phone and e-mail; closed accounts keep theirs, so
// that a person can still be told what happens under her name.
func (s store) channels(ctx context.Context, q db.Q, a ID) (channels, error) {
	var c channels
	var phone, email []byte
	err := q.QueryRowContext(ctx, `SELECT person, phone, email, language FROM account_account WHERE id = $1`, a).Scan(&c.person, &phone, &email, &c.Language)
	if errors.Is(err, sql.ErrNoRows) {
		return c, fault.New(fault.NotFound, "account.not_found")
	}
	if err != nil {
		return c, fmt.Errorf("find contact: %w", err)
	}
	key, err := s.seal.Find(ctx, q, Owner(a))
	if err != nil {
		return c, err
	}
	p, err1 := key.Open(sealPhone, phone)
	e, err2 := key.Open(sealEmail, email)
	c.Phone, c.Email = string(p), string(e)
	return c, errors.Join(err1, err2)
}

func (s store) declared(ctx context.Context, q db.Q, a ID) (Declared, error) {
	var d Declared
	var declared, phone, email []byte
	var at int64
	var phoneAt, emailAt sql.NullInt64
	err := q.QueryRowContext(ctx, `SELECT declared, declared_at, phone, phone_at, email, email_at FROM account_account WHERE id = $1`, a).
		Scan(&declared, &at, &phone, &phoneAt, &email, &emailAt)
	if errors.Is(err, sql.ErrNoRows) {
		return d, fault.New(fault.NotFound, "account.not_found")
	}
	if err != nil {
		return d, fmt.Errorf("find declaration: %w", err)
	}
	key, err := s.seal.Find(ctx, q, Owner(a))
	if err != nil {
		return d, err
	}
	plain, err1 := key.Open(sealDeclared, declared)
	p, err2 := key.Open(sealPhone, phone)
	e, err3 := key.Open(sealEmail, email)
	if err := errors.Join(err1, err2, err3); err != nil {
		return d, err
	}
	if err := unpackDeclared(plain, &d); err != nil {
		return d, err
	}
	d.Phone, d.Email, d.PhoneVerified, d.EmailVerified, d.At = string(p), string(e), phoneAt.Valid, emailAt.Valid, clock.FromMicros(at)
	return d, nil
}

// moveTx changes an account's state; false when it was not in the state before.
func (s store) moveTx(ctx context.Context, tx *db.Tx, a ID, from, to Status, at int64) (bool, error) {
	if !from.MayBecome(to) {
		return false, fmt.Errorf("account: %s cannot become %s", from, to)
	}
	return db.Changed(tx.ExecContext(ctx, `UPDATE account_account SET status = $3, status_at = $4 WHERE id = $1 AND status = $2`, a, string(from), string(to), at))
}
