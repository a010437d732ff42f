// SPDX-License-Identifier: Apache-2.0

package immigration

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"danh/audit"
	"danh/biometric"
	"danh/internal/cardfeed"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// Gallery is where foreigners' prints are searched.
const Gallery = "immigration"

// ImportPrints loads portraits and prints of foreigners whom the registry holds
// (docs/card.md, registry "immigration"). Each line is one transaction; what
// was loaded before counts as unchanged.
func (r *Registry) ImportPrints(ctx context.Context, by audit.Actor, bureau *biometric.Bureau, file io.Reader) (cardfeed.Report, error) {
	if err := mayChange(by); err != nil {
		return cardfeed.Report{}, err
	}
	rep, err := cardfeed.Load(file, cardfeed.Immigration, func(h cardfeed.Header, b cardfeed.Bearer) (o cardfeed.Outcome, problems []cardfeed.LineError, err error) {
		err = r.db.Write(ctx, func(tx *db.Tx) error {
			o, problems, err = r.loadBearerTx(ctx, tx, by, bureau, h, b)
			return err
		})
		return o, problems, err
	})
	if err != nil {
		return rep, fmt.Errorf("import prints: %w", err)
	}
	return rep, nil
}

func (r *Registry) loadBearerTx(ctx context.Context, tx *db.Tx, by audit.Actor, bureau *biometric.Bureau, h cardfeed.Header, b cardfeed.Bearer) (cardfeed.Outcome, []cardfeed.LineError, error) {
	person := r.PersonID(h.Source, b.Ref)
	var there bool
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM immigration_person WHERE id = $1)`, person).Scan(&there); err != nil {
		return 0, nil, fmt.Errorf("load bearer: %w", err)
	}
	if !there {
		return cardfeed.LeftOut, []cardfeed.LineError{{Field: "ref", Problem: "the immigration registry does not hold this person"}}, nil
	}
	plain, err := json.Marshal(b)
	if err != nil {
		return 0, nil, err
	}
	digest := r.seal.Blind("immigration.delivery", string(plain))
	var held []byte
	var asOf clock.Date
	err = tx.QueryRowContext(ctx, `SELECT digest, as_of FROM immigration_delivery WHERE person = $1`, person).Scan(&held, &asOf)
	switch {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return 0, nil, fmt.Errorf("load bearer: %w", err)
	case err == nil && bytes.Equal(held, digest):
		return cardfeed.Unchanged, nil, nil
	case err == nil && h.AsOf.Before(asOf):
		return cardfeed.Older, nil, nil
	}
	var problems []cardfeed.LineError
	if p := b.Portrait; p != nil {
		sealed, err := r.seal.SealTx(ctx, tx, person, portraitColumn(p.Taken), p.JPEG)
		if err != nil {
			return 0, nil, err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO immigration_portrait (person, taken_on, jpeg) VALUES ($1, $2, $3)
			ON CONFLICT (person, taken_on) DO UPDATE SET jpeg = excluded.jpeg`, person, p.Taken, sealed); err != nil {
			return 0, nil, fmt.Errorf("keep portrait: %w", err)
		}
		if err := r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "immigration.portrait_recorded", Subject: person, Purpose: "immigration.purpose.keep",
			Ground: "source:" + h.Source, Fields: []string{"portrait"}}); err != nil {
			return 0, nil, err
		}
	}
	if b.Prints != nil {
		samples, err := biometric.FromFeed(*b.Prints)
		if fault.Is(err, fault.Invalid) {
			problems = append(problems, cardfeed.LineError{Field: "prints", Problem: "cannot be used; they were left out"})
		} else if err != nil {
			return 0, nil, err
		} else {
			e := biometric.EncounterID(r.seal.Blind("immigration.encounter", person.String()+"\x00"+string(b.Prints.Record)))
			err := bureau.EnrolTx(ctx, tx, by, biometric.Enrolment{Person: person, Encounter: e, Gallery: Gallery, Samples: samples})
			if err != nil && !fault.Is(err, fault.Conflict) {
				return 0, nil, fmt.Errorf("load prints: %w", err)
			}
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO immigration_delivery (person, digest, as_of) VALUES ($1, $2, $3)
		ON CONFLICT (person) DO UPDATE SET digest = excluded.digest, as_of = excluded.as_of`, person, digest, h.AsOf); err != nil {
		return 0, nil, fmt.Errorf("load bearer: %w", err)
	}
	return cardfeed.Loaded, problems, nil
}

func portraitColumn(taken clock.Date) string {
	return "immigration_portrait.jpeg/" + taken.String()
}

// FindPortrait finds the latest portrait on record and the day on which it was
// taken. NotFound when there is none.
func (r *Registry) FindPortrait(ctx context.Context, look audit.Look, person id.Person) (jpeg []byte, at clock.Date, err error) {
	if err = checkLook(look, person); err == nil {
		jpeg, at, err = r.findPortrait(ctx, person)
	}
	look.Fields = []string{"portrait"}
	e := look.Entry(actionRead, person)
	switch {
	case fault.Is(err, fault.Forbidden):
		e.Outcome = "refused"
	case fault.Is(err, fault.NotFound):
		e.Outcome = "not_found"
	case err != nil:
		return nil, at, err
	}
	if rerr := r.audit.Record(ctx, e); rerr != nil {
		return nil, clock.Date{}, fmt.Errorf("look at a portrait: %w", rerr)
	}
	return jpeg, at, err
}

func (r *Registry) findPortrait(ctx context.Context, person id.Person) (jpeg []byte, at clock.Date, err error) {
	var sealed []byte
	q := r.db.Read()
	err = q.QueryRowContext(ctx, `SELECT taken_on, jpeg FROM immigration_portrait WHERE person = $1 ORDER BY taken_on DESC LIMIT 1`, person).Scan(&at, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, clock.Date{}, fault.New(fault.NotFound, "immigration.portrait.not_found")
	}
	if err != nil {
		return nil, clock.Date{}, fmt.Errorf("find portrait: %w", err)
	}
	if jpeg, err = r.seal.Open(ctx, q, person, portraitColumn(at), sealed); err != nil {
		return nil, clock.Date{}, fmt.Errorf("find portrait: %w", err)
	}
	return jpeg, at, nil
}
