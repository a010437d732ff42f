// SPDX-License-Identifier: Apache-2.0

package organisation

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"danh/audit"
	"danh/internal/business"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

// mayChange says who may change registry truth: officers, and parts of Danh
// that pass on what a competent source said.
func mayChange(by audit.Actor) error {
	if by.Kind == audit.KindOfficer || by.Kind == audit.KindSystem {
		return nil
	}
	return fault.New(fault.Forbidden, "organisation.change.forbidden")
}

// Report counts what an import did.
type Report struct {
	Source        string
	AsOf          clock.Date
	Organisations int // lines that were loaded or left as they were
	Changed       int
	Unchanged     int
	Older         int // left out: what is held is more recent
	Unknown       int // representatives whom the population registry does not know by that name and number
	Rejected      []*business.LineError
}

// chunk is how many organisations are loaded in one transaction.
const chunk = 200

// Import reads a feed (docs/organisations.md). Each chunk is one transaction;
// after a crash the file is imported again, and what was loaded counts as
// unchanged. A file may be imported again at any time: representatives whom the
// population registry did not know may be there by then.
func (r *Registry) Import(ctx context.Context, by audit.Actor, file io.Reader) (Report, error) {
	if err := mayChange(by); err != nil {
		return Report{}, err
	}
	f, err := business.NewReader(io.LimitReader(file, 4<<30))
	if err != nil {
		return Report{}, fmt.Errorf("import: %w", err)
	}
	rep := Report{Source: f.Header().Source, AsOf: f.Header().AsOf}
	for end := false; !end; {
		list, wrong, over, err := f.Some(chunk)
		rep.Rejected, end = append(rep.Rejected, wrong...), over
		if err != nil {
			return rep, fmt.Errorf("import: %w", err)
		}
		var done Report
		err = r.db.Write(ctx, func(tx *db.Tx) error {
			done = rep
			done.Rejected = append([]*business.LineError(nil), rep.Rejected...)
			for _, o := range list {
				if err := r.loadTx(ctx, tx, by, &done, o.Said, o.Line); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return rep, fmt.Errorf("import: %w", err)
		}
		rep = done
	}
	return rep, nil
}

func (r *Registry) loadTx(ctx context.Context, tx *db.Tx, by audit.Actor, rep *Report, o business.Organisation, at int) error {
	org := r.OrganisationID(rep.Source, o.Ref)
	plain, err := json.Marshal(o)
	if err != nil {
		return err
	}
	// Keyed, so that nobody finds the representatives' numbers by trying.
	digest := r.seal.Blind("organisation.digest", string(plain))
	var held []byte
	var asOf clock.Date
	var was Status
	var unknown int
	err = tx.QueryRowContext(ctx, `SELECT digest, as_of, status, (SELECT COUNT(*) FROM organisation_representative p WHERE p.organisation = o.id AND p.person IS NULL AND p.ended_on IS NULL)
		FROM organisation_organisation o WHERE id = $1`, org).Scan(&held, &asOf, &was, &unknown)
	fresh := errors.Is(err, sql.ErrNoRows)
	if err != nil && !fresh {
		return fmt.Errorf("load: %w", err)
	}
	same := !fresh && bytes.Equal(held, digest)
	switch {
	case !fresh && rep.AsOf.Before(asOf):
		rep.Organisations++
		rep.Older++
		return nil
	case same && unknown == 0:
		rep.Organisations++
		rep.Unchanged++
		return nil
	}
	// 1. The code is nobody else's. A source that gives it to another one is wrong.
	var whose ID
	if err := tx.QueryRowContext(ctx, `INSERT INTO organisation_number (number, organisation) VALUES ($1, $2)
		ON CONFLICT (number) DO UPDATE SET number = excluded.number RETURNING organisation`, o.Number, org).Scan(&whose); err != nil {
		return fmt.Errorf("load number: %w", err)
	}
	if whose != org {
		rep.Rejected = append(rep.Rejected, &business.LineError{Line: at, Field: "number", Problem: "is another organisation's"})
		return nil
	}
	// 2. The organisation.
	var successor any
	if o.Successor != "" {
		successor = r.OrganisationID(rep.Source, o.Successor)
	}
	from := o.StatusFrom
	if from.IsZero() {
		from = o.Registered
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO organisation_organisation (id, number, name, name_en, kind, status, status_from, registered_on, address, unit, unit_from, successor, updated_at, as_of, source, digest)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT (id) DO UPDATE SET number = excluded.number, name = excluded.name, name_en = excluded.name_en,
		kind = excluded.kind, status = excluded.status, status_from = excluded.status_from, registered_on = excluded.registered_on, address = excluded.address, unit = excluded.unit,
		unit_from = excluded.unit_from, successor = excluded.successor, updated_at = excluded.updated_at, as_of = excluded.as_of, digest = excluded.digest`,
		org, o.Number, population.NormaliseName(o.Name), o.NameEN, o.Kind, o.Status, from, o.Registered, o.Address, sql.NullString{String: o.Unit, Valid: o.Unit != ""}, o.UnitFrom, successor,
		clock.Micros(r.clock.Now()), rep.AsOf, rep.Source, digest); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	// 3. Who represents it.
	changed, missing, err := r.loadRepresentativesTx(ctx, tx, by, org, o.Representatives, rep)
	if err != nil {
		return err
	}
	rep.Unknown += missing
	rep.Organisations++
	if same && !changed {
		rep.Unchanged++
		return nil
	}
	rep.Changed++
	if err := r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "organisation.loaded", Subject: Subject(org), Purpose: "organisation.purpose.keep", Ground: "source:" + rep.Source, Fields: allFields}); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	// 4. The news.
	if fresh {
		return nil
	}
	if changed {
		if err := r.publishTx(ctx, tx, RepresentativesChanged, org, rep.AsOf); err != nil {
			return err
		}
	}
	k := Corrected
	if now := Status(o.Status); now != was {
		k = map[Status]EventKind{Active: HasResumed, Suspended: WasSuspended, Dissolved: WasDissolved}[now]
		if now == Dissolved { // the principal of every mandate is gone (Civil Code 2015, article 140)
			if _, err := r.EndMandatesTx(ctx, tx, audit.System("organisation"), org, "dissolved"); err != nil {
				return err
			}
		}
	}
	return r.publishTx(ctx, tx, k, org, from)
}

const columnDeclared = "organisation_representative.declared"

// declared is what the source says of a representative.
type declared struct {
	Number string `json:"number"`
	Name   string `json:"name"`
}

// loadRepresentativesTx makes the representatives those of the line: whom it
// leaves out ceased to be one. A number that the population registry does not
// know, or knows under another name, gives nobody any power.
func (r *Registry) loadRepresentativesTx(ctx context.Context, tx *db.Tx, by audit.Actor, org ID, list []business.Representative, rep *Report) (changed bool, unknown int, err error) {
	type row struct {
		person      id.Person
		from, until clock.Date
		position    string
		blind       []byte
	}
	held := map[string]row{}
	err = db.Each(ctx, tx, `SELECT blind, person, valid_from, valid_to, position FROM organisation_representative WHERE organisation = $1 AND ended_on IS NULL`, []any{org}, func(s db.Row) error {
		var x row
		err := s.Scan(&x.blind, &x.person, &x.from, &x.until, &x.position)
		held[string(x.blind)] = x
		return err
	})
	if err != nil {
		return false, 0, fmt.Errorf("load representatives: %w", err)
	}
	key, err := r.seal.FindOrMakeTx(ctx, tx, Subject(org))
	if err != nil {
		return false, 0, fmt.Errorf("load representatives: %w", err)
	}
	for _, p := range list {
		blind := r.seal.Blind("organisation.representative", p.Number)
		person, err := r.personTx(ctx, tx, by, p, rep.Source)
		if err != nil {
			return false, 0, err
		}
		if person.IsZero() {
			unknown++
		}
		had, there := held[string(blind)]
		delete(held, string(blind))
		if there && had.person == person && had.from == p.From && had.until == p.Until && had.position == p.Position {
			continue
		}
		changed = true
		plain, err := json.Marshal(declared{p.Number, population.NormaliseName(p.Name)})
		if err != nil {
			return false, 0, err
		}
		sealed, err := key.Seal(columnDeclared, plain)
		if err != nil {
			return false, 0, err
		}
		var who any
		if !person.IsZero() {
			who = person
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO organisation_representative (organisation, blind, person, declared, position, valid_from, valid_to) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (organisation, blind) DO UPDATE SET person = excluded.person, declared = excluded.declared, position = excluded.position, valid_from = excluded.valid_from, valid_to = excluded.valid_to, ended_on = NULL`,
			org, blind, who, sealed, p.Position, p.From, p.Until); err != nil {
			return false, 0, fmt.Errorf("load representative: %w", err)
		}
		if err := r.toldTx(ctx, tx, by, person, org, "organisation.representative.recorded", rep.Source); err != nil {
			return false, 0, err
		}
	}
	for _, x := range held {
		changed = true
		if _, err := tx.ExecContext(ctx, `UPDATE organisation_representative SET ended_on = $3 WHERE organisation = $1 AND blind = $2`, org, x.blind, rep.AsOf); err != nil {
			return false, 0, fmt.Errorf("end representative: %w", err)
		}
		if err := r.toldTx(ctx, tx, by, x.person, org, "organisation.representative.ended", rep.Source); err != nil {
			return false, 0, err
		}
	}
	return changed, unknown, nil
}

// toldTx writes into a person's own log what became of her office.
func (r *Registry) toldTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person, org ID, action, source string) error {
	if person.IsZero() {
		return nil
	}
	return r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: action, Subject: person, Purpose: "organisation.purpose.keep", Ground: "source:" + source,
		Fields: []string{FieldRepresentatives}, Detail: map[string]string{"organisation": org.String()}})
}

// personTx is whom the source names, when the population registry knows her by
// that number and name; nobody otherwise.
func (r *Registry) personTx(ctx context.Context, tx *db.Tx, by audit.Actor, p business.Representative, source string) (id.Person, error) {
	found, err := r.people.FindByNumberTx(ctx, tx, audit.Look{By: by, Purpose: "organisation.purpose.keep", Ground: "source:" + source,
		Fields: []string{population.FieldNumber, population.FieldName}}, population.Number(p.Number))
	if fault.Is(err, fault.NotFound) {
		return id.Person{}, nil
	}
	if err != nil {
		return id.Person{}, fmt.Errorf("find representative: %w", err)
	}
	if found.Dead || population.FoldName(found.Name) != population.FoldName(p.Name) {
		return id.Person{}, nil
	}
	return found.ID, nil
}
