// SPDX-License-Identifier: Apache-2.0

package biometric

import (
	"context"
	"fmt"

	"danh/audit"
	"danh/internal/cardfeed"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/fmr"
	"danh/internal/id"
)

// FromFeed gives the prints of a feed as samples. Their engine is the one that
// the source names: it stands beside every score that they lead to.
func FromFeed(p cardfeed.Prints) ([]Sample, error) {
	var out []Sample
	if len(p.Record) > 0 {
		r, err := fmr.Parse(p.Record)
		if err != nil {
			return nil, fmt.Errorf("read prints: %w", err)
		}
		prints, err := r.Prints()
		if err != nil {
			return nil, fmt.Errorf("read prints: %w", err)
		}
		for _, x := range prints {
			out = append(out, Sample{Kind: Finger, Position: x.Position, Template: &Template{Print: x, Engine: Info{Name: p.Engine, Version: p.Version}}})
		}
	}
	for _, m := range p.Missing {
		out = append(out, Sample{Kind: Finger, Position: m.Position, Missing: Missing(m.Reason)})
	}
	return out, checkSamples(out)
}

// EnrolFeedTx keeps the prints of a feed. The same prints are the same
// encounter, however often they are delivered. A problem is one of the line.
func (b *Bureau) EnrolFeedTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person, gallery string, p cardfeed.Prints) (problem *cardfeed.LineError, err error) {
	samples, err := FromFeed(p)
	if fault.Is(err, fault.Invalid) {
		return &cardfeed.LineError{Field: "prints", Problem: "cannot be used; they were left out"}, nil
	}
	if err != nil {
		return nil, err
	}
	encounter := EncounterID(b.seal.Blind("biometric.encounter", gallery+"\x00"+person.String()+"\x00"+string(p.Record)))
	err = b.EnrolTx(ctx, tx, by, Enrolment{Person: person, Encounter: encounter, Gallery: gallery, Samples: samples})
	if err != nil && !fault.Is(err, fault.Conflict) {
		return nil, fmt.Errorf("enrol prints of a feed: %w", err)
	}
	return nil, nil
}
