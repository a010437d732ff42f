// SPDX-License-Identifier: Apache-2.0

package immigration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"danh/audit"
	"danh/biometric"
	"danh/internal/cardfeed"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/delivery"
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
	digest, err := r.shelf().Digest(b)
	if err != nil {
		return 0, nil, err
	}
	switch state, err := r.shelf().LookTx(ctx, tx, person, digest, h.AsOf); {
	case err != nil:
		return 0, nil, err
	case state == delivery.Known:
		return cardfeed.Unchanged, nil, nil
	case state == delivery.Older:
		return cardfeed.Older, nil, nil
	}
	var problems []cardfeed.LineError
	if p := b.Portrait; p != nil {
		if err := r.shelf().KeepPortraitTx(ctx, tx, person, p.Taken, p.JPEG); err != nil {
			return 0, nil, err
		}
		if err := r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "immigration.portrait_recorded", Subject: person, Purpose: "immigration.purpose.keep",
			Ground: "source:" + h.Source, Fields: []string{"portrait"}}); err != nil {
			return 0, nil, err
		}
	}
	if b.Prints != nil {
		problem, err := bureau.EnrolFeedTx(ctx, tx, by, person, Gallery, *b.Prints)
		if err != nil {
			return 0, nil, err
		}
		if problem != nil {
			problems = append(problems, *problem)
		}
	}
	return cardfeed.Loaded, problems, r.shelf().KeepTx(ctx, tx, person, digest, h.AsOf)
}

func (r *Registry) shelf() delivery.Shelf {
	return delivery.Shelf{Room: "immigration", Seal: r.seal}
}

// FindPortrait finds the latest portrait on record and the day on which it was
// taken. NotFound when there is none.
func (r *Registry) FindPortrait(ctx context.Context, look audit.Look, person id.Person) (jpeg []byte, at clock.Date, err error) {
	if err = checkLook(look, person); err == nil {
		jpeg, at, err = r.shelf().FindPortrait(ctx, r.db.Read(), person)
		if errors.Is(err, sql.ErrNoRows) {
			err = fault.New(fault.NotFound, "immigration.portrait.not_found")
		}
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
