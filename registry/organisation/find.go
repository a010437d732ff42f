// SPDX-License-Identifier: Apache-2.0

package organisation

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// The actions under which look-ups stand in the audit log.
const (
	actionRead            = "organisation.read"
	actionRepresentatives = "organisation.representatives.read"
	actionRepresented     = "organisation.represented.read"
	actionMandates        = "organisation.mandates.read"
)

// The fields that entries name.
const (
	FieldOrganisation    = "organisation"    // what is public of it
	FieldRepresentatives = "representatives" // who represents it by law
	FieldMandates        = "mandates"
)

var allFields = []string{FieldOrganisation, FieldRepresentatives}

// checkLook refuses a look without actor, purpose or ground, and one of nobody.
func checkLook(look audit.Look) error {
	if look.By.Kind == "" || look.Purpose == "" || look.Ground == "" {
		return errors.New("organisation: a look-up names its actor, its purpose and its ground")
	}
	if look.By.Kind == audit.KindAnonymous {
		return fault.New(fault.Forbidden, "organisation.read.forbidden")
	}
	return nil
}

// entryTx writes a look down; an error that is no fault has no entry.
func (r *Registry) entryTx(ctx context.Context, tx *db.Tx, look audit.Look, action string, subject id.Person, fields []string, err error) error {
	look.Fields = fields
	e := look.Entry(action, subject)
	switch {
	case fault.Is(err, fault.Forbidden):
		e.Outcome = "refused"
	case fault.Is(err, fault.NotFound):
		e.Outcome = "not_found"
	case err != nil:
		return err
	}
	if rerr := r.audit.RecordTx(ctx, tx, e); rerr != nil {
		return fmt.Errorf("look at an organisation: %w", rerr)
	}
	return err
}

// looked runs a look-up in a transaction that commits also when its answer is a
// fault: the entry of a refused look stands.
func looked[T any](ctx context.Context, r *Registry, find func(*db.Tx) (T, error)) (out T, err error) {
	var said error
	err = r.db.Write(ctx, func(tx *db.Tx) error {
		out, said = find(tx)
		if fault.Of(said) != nil {
			return nil
		}
		return said
	})
	if err == nil {
		err = said
	}
	return out, err
}

const organisationColumns = `o.id, o.number, o.name, o.name_en, o.kind, o.status, o.status_from, o.registered_on, o.address, o.unit, o.unit_from, o.successor, o.source, o.as_of, o.updated_at`

func scanOrganisation(s db.Row, more ...any) (Organisation, error) {
	var o Organisation
	var unit sql.NullString
	var updated int64
	err := s.Scan(append([]any{&o.ID, &o.Number, &o.Name, &o.NameEN, &o.Kind, &o.Status, &o.StatusFrom, &o.Registered, &o.Address, &unit, &o.UnitFrom, &o.Successor, &o.Source, &o.AsOf, &updated}, more...)...)
	o.UnitCode, o.UpdatedAt = unit.String, clock.FromMicros(updated)
	return o, err
}

func (r *Registry) read(ctx context.Context, q db.Q, where string, arg any) (Organisation, error) {
	o, err := scanOrganisation(q.QueryRowContext(ctx, `SELECT `+organisationColumns+` FROM organisation_organisation o WHERE `+where, arg))
	if errors.Is(err, sql.ErrNoRows) {
		return Organisation{}, fault.New(fault.NotFound, "organisation.not_found")
	}
	if err != nil {
		return Organisation{}, fmt.Errorf("find organisation: %w", err)
	}
	return o, nil
}

const byID, byNumber = "o.id = $1", "o.id = (SELECT n.organisation FROM organisation_number n WHERE n.number = $1)"

// Find finds an organisation: what is public by law, and nobody's personal
// data. It answers once the audit entry is committed.
func (r *Registry) Find(ctx context.Context, look audit.Look, o ID) (Organisation, error) {
	return looked(ctx, r, func(tx *db.Tx) (Organisation, error) { return r.FindTx(ctx, tx, look, o) })
}

// FindTx is Find within the caller's transaction: the answer may leave it only
// once it has committed.
func (r *Registry) FindTx(ctx context.Context, tx *db.Tx, look audit.Look, o ID) (Organisation, error) {
	return r.findTx(ctx, tx, look, byID, o)
}

// FindByNumber is Find by enterprise code. An unknown one leaves an entry about nobody.
func (r *Registry) FindByNumber(ctx context.Context, look audit.Look, n Number) (Organisation, error) {
	return looked(ctx, r, func(tx *db.Tx) (Organisation, error) { return r.FindByNumberTx(ctx, tx, look, n) })
}

// FindByNumberTx is FindByNumber within the caller's transaction.
func (r *Registry) FindByNumberTx(ctx context.Context, tx *db.Tx, look audit.Look, n Number) (Organisation, error) {
	return r.findTx(ctx, tx, look, byNumber, n)
}

func (r *Registry) findTx(ctx context.Context, tx *db.Tx, look audit.Look, where string, arg any) (o Organisation, err error) {
	if err = checkLook(look); err == nil {
		o, err = r.read(ctx, tx, where, arg)
	}
	subject := id.Person{}
	if err == nil {
		subject = o.Subject()
	}
	err = r.entryTx(ctx, tx, look, actionRead, subject, []string{FieldOrganisation}, err)
	return o, err
}

// Representatives lists who represents an organisation by law today. Each of
// them finds an entry in her own log.
func (r *Registry) Representatives(ctx context.Context, look audit.Look, o ID) ([]Representative, error) {
	return looked(ctx, r, func(tx *db.Tx) ([]Representative, error) { return r.RepresentativesTx(ctx, tx, look, o) })
}

// RepresentativesTx is Representatives within the caller's transaction.
func (r *Registry) RepresentativesTx(ctx context.Context, tx *db.Tx, look audit.Look, o ID) ([]Representative, error) {
	err := checkLook(look)
	if err == nil && look.By.Kind == audit.KindCitizen {
		// A person sees them who may act for it, and nobody else.
		a, aerr := r.AuthorityTx(ctx, tx, look.By.Person, o)
		if aerr != nil {
			return nil, aerr
		}
		if a.Relation == "" {
			err = fault.New(fault.Forbidden, "organisation.read.forbidden")
		}
	}
	var list []Representative
	if err == nil {
		list, err = r.representatives(ctx, tx, o)
	}
	if err = r.entryTx(ctx, tx, look, actionRepresentatives, Subject(o), []string{FieldRepresentatives}, err); err != nil {
		return nil, err
	}
	for _, p := range list {
		if p.Person.IsZero() || p.Person == look.By.Person {
			continue
		}
		if err := r.entryTx(ctx, tx, look, actionRepresentatives, p.Person, []string{FieldRepresentatives}, nil); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (r *Registry) representatives(ctx context.Context, q db.Q, o ID) ([]Representative, error) {
	var list []Representative
	var sealed [][]byte
	err := db.Each(ctx, q, `SELECT person, declared, position, valid_from, valid_to FROM organisation_representative
		WHERE organisation = $1 AND ended_on IS NULL AND valid_from <= $2 AND (valid_to IS NULL OR valid_to >= $2) ORDER BY valid_from, blind`, []any{o, r.today()}, func(s db.Row) error {
		var p Representative
		var b []byte
		err := s.Scan(&p.Person, &b, &p.Position, &p.From, &p.Until)
		list, sealed = append(list, p), append(sealed, b)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list representatives: %w", err)
	}
	if len(list) == 0 {
		return nil, nil
	}
	key, err := r.seal.Find(ctx, q, Subject(o))
	if err != nil {
		return nil, fmt.Errorf("list representatives: %w", err)
	}
	for i := range list {
		plain, err := key.Open(columnDeclared, sealed[i])
		if err != nil {
			return nil, fmt.Errorf("list representatives: %w", err)
		}
		var d declared
		if err := json.Unmarshal(plain, &d); err != nil {
			return nil, fmt.Errorf("list representatives: %w", err)
		}
		list[i].Name = d.Name
	}
	return list, nil
}

// RepresentedBy lists what a person represents by law today, whatever its status.
func (r *Registry) RepresentedBy(ctx context.Context, look audit.Look, person id.Person) ([]Representation, error) {
	return looked(ctx, r, func(tx *db.Tx) ([]Representation, error) { return r.RepresentedByTx(ctx, tx, look, person) })
}

// RepresentedByTx is RepresentedBy within the caller's transaction.
func (r *Registry) RepresentedByTx(ctx context.Context, tx *db.Tx, look audit.Look, person id.Person) ([]Representation, error) {
	err := checkPersonal(look, person)
	var out []Representation
	if err == nil {
		err = db.Each(ctx, tx, `SELECT `+organisationColumns+`, p.position, p.valid_from, p.valid_to FROM organisation_representative p JOIN organisation_organisation o ON o.id = p.organisation
			WHERE p.person = $1 AND p.ended_on IS NULL AND p.valid_from <= $2 AND (p.valid_to IS NULL OR p.valid_to >= $2) ORDER BY o.name, o.id`, []any{person, r.today()}, func(s db.Row) error {
			var x Representation
			var err error
			x.Organisation, err = scanOrganisation(s, &x.Position, &x.From, &x.Until)
			out = append(out, x)
			return err
		})
		if err != nil {
			err = fmt.Errorf("list what she represents: %w", err)
		}
	}
	return out, r.entryTx(ctx, tx, look, actionRepresented, person, []string{FieldRepresentatives}, err)
}

// checkPersonal is checkLook for what is about a person: a citizen sees her own.
func checkPersonal(look audit.Look, person id.Person) error {
	if err := checkLook(look); err != nil {
		return err
	}
	if look.By.Kind == audit.KindCitizen && look.By.Person != person || look.By.Kind == audit.KindPartner {
		return fault.New(fault.Forbidden, "organisation.read.forbidden")
	}
	return nil
}
