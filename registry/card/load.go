// SPDX-License-Identifier: Apache-2.0

package card

import (
	"context"
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
	"danh/registry/population"
)

// Gallery is where the prints of card holders are searched.
const Gallery = "card"

// Import loads a feed of earlier cards with portraits and prints
// (docs/card.md). Each line is one transaction; after a crash the file is
// loaded again, and what was loaded counts as unchanged.
func (r *Registry) Import(ctx context.Context, by audit.Actor, bureau *biometric.Bureau, file io.Reader) (cardfeed.Report, error) {
	if by.Kind != audit.KindOfficer && by.Kind != audit.KindSystem {
		return cardfeed.Report{}, fault.New(fault.Forbidden, "card.issue.forbidden")
	}
	rep, err := cardfeed.Load(file, cardfeed.Population, func(h cardfeed.Header, b cardfeed.Bearer) (o cardfeed.Outcome, problems []cardfeed.LineError, err error) {
		err = r.db.Write(ctx, func(tx *db.Tx) error {
			o, problems, err = r.loadTx(ctx, tx, by, bureau, h, b)
			return err
		})
		return o, problems, err
	})
	if err != nil {
		return rep, fmt.Errorf("import cards: %w", err)
	}
	return rep, nil
}

func (r *Registry) loadTx(ctx context.Context, tx *db.Tx, by audit.Actor, bureau *biometric.Bureau, h cardfeed.Header, b cardfeed.Bearer) (cardfeed.Outcome, []cardfeed.LineError, error) {
	// 1. Whose line it is.
	person, problem, err := r.whoseTx(ctx, tx, by, h, b)
	if err != nil || problem != nil {
		return cardfeed.LeftOut, problem, err
	}
	// 2. Whether it says anything that was not known.
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
	// 3. Cards, portrait, prints.
	ground := "source:" + h.Source
	problems, err := r.loadCardsTx(ctx, tx, by, person, ground, b.Cards)
	if err != nil {
		return 0, nil, err
	}
	if p := b.Portrait; p != nil {
		if err := r.shelf().KeepPortraitTx(ctx, tx, person, p.Taken, p.JPEG); err != nil {
			return 0, nil, err
		}
		if err := r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "card.portrait_recorded", Subject: person, Purpose: "card.purpose.keep", Ground: ground, Fields: []string{FieldPortrait}}); err != nil {
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

func (r *Registry) whoseTx(ctx context.Context, tx *db.Tx, by audit.Actor, h cardfeed.Header, b cardfeed.Bearer) (id.Person, []cardfeed.LineError, error) {
	look := audit.Look{By: by, Purpose: "card.purpose.keep", Ground: "source:" + h.Source, Fields: []string{population.FieldNumber}}
	if b.Ref != "" {
		person := r.people.PersonID(h.Source, b.Ref)
		there, err := r.people.Holds(ctx, h.Source, b.Ref)
		if err != nil {
			return person, nil, err
		}
		if !there {
			return person, []cardfeed.LineError{{Field: "ref", Problem: "the population registry does not hold this person"}}, nil
		}
		return person, nil, nil
	}
	p, err := r.people.FindByNumberTx(ctx, tx, look, population.Number(b.Number))
	if fault.Is(err, fault.NotFound) {
		return id.Person{}, []cardfeed.LineError{{Field: "number", Problem: "the population registry does not hold this person"}}, nil
	}
	return p.ID, nil, err
}

// loadCardsTx records the cards that are not held yet. One that would be in
// force beside another is left out and reported: what was decided here counts.
func (r *Registry) loadCardsTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person, ground string, cards []cardfeed.Card) (problems []cardfeed.LineError, err error) {
	if len(cards) == 0 {
		return nil, nil
	}
	held, err := r.list(ctx, tx, person)
	if err != nil {
		return nil, err
	}
	today := clock.DateOf(r.clock.Now())
next:
	for _, c := range cards {
		counts := c.Expires.IsZero() || !c.Expires.Before(today)
		for _, h := range held {
			if h.Kind == Kind(c.Kind) && h.Number == population.Number(c.Number) && h.IssuedOn == c.Issued {
				continue next
			}
			if counts && (h.State == Delivered || h.State == Held) {
				problems = append(problems, cardfeed.LineError{Field: "cards", Problem: "another card is in force; this one was left out"})
				continue next
			}
		}
		made, err := r.RecordEarlierTx(ctx, tx, by, Earlier{Person: person, Kind: Kind(c.Kind), Number: population.Number(c.Number), IssuedOn: c.Issued, ExpiresOn: c.Expires, Ground: ground})
		if fault.Is(err, fault.Invalid) {
			problems = append(problems, cardfeed.LineError{Field: "cards", Problem: "cannot be recorded; it was left out"})
			continue
		}
		if err != nil {
			return nil, err
		}
		held = append(held, made)
	}
	return problems, nil
}
