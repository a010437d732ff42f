// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"slices"
	"time"

	"danh/audit"
	"danh/biometric"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/card"
)

// matchNote is what was compared of fingers and portrait as they are in the
// dossier: whatever is taken anew ends it.
type matchNote struct {
	At                   time.Time
	Held                 bool // there were prints of hers to compare with
	Band                 biometric.Band
	Hit                  bool // somebody else came up
	Unread               bool // prints of hers are held, and none of those taken could be compared with them
	Verify, Search, Face biometric.EvidenceID
	Finding              biometric.Finding
	Settled              bool // the second officer saw somebody else
}

// Match compares the fingers one to one with what the registry's gallery holds
// of her, searches it for somebody else with them, and lays the portrait down
// for the officers. It makes evidence; a match alone decides nothing. Where
// nothing is held of her, the search and the officers' comparison remain.
//
// The comparisons take seconds and are no part of the step: evidence of a crash
// in between stands, and the comparison is made again.
func (o *Office) Match(ctx context.Context, by audit.Actor, d DossierID) (Dossier, error) {
	f, _, err := o.peek(ctx, by, d, actEdit)
	if err != nil {
		return Dossier{}, err
	}
	if !f.need.biometrics {
		return Dossier{}, fault.New(fault.Conflict, "enrolment.biometrics.none")
	}
	if f.Portrait == nil || len(f.Fingers) < 10 {
		return Dossier{}, fault.New(fault.Conflict, "enrolment.match.incomplete")
	}
	q := o.c.DB.Read()
	prints, err := o.samples(ctx, q, f, true)
	if err != nil {
		return Dossier{}, err
	}
	face, err := o.readFile(ctx, q, f, filePortrait)
	if err != nil {
		return Dossier{}, err
	}
	if _, err := o.c.Biometric.Reference(ctx, f.person); err != nil {
		return Dossier{}, err
	}
	n := &matchNote{}
	look := f.look(by, "fingerprints")
	taken := slices.ContainsFunc(prints, func(s biometric.Sample) bool { return s.Missing == "" })
	c := biometric.Case{Person: f.person, Dossier: id.Person(f.id), Gallery: f.need.gallery, Samples: prints}
	if taken {
		e, err := o.c.Biometric.Compare(ctx, look, c)
		switch {
		case fault.Is(err, fault.NotFound): // nothing is held of her
		case err != nil:
			return Dossier{}, err
		default:
			n.Held, n.Band, n.Verify = true, e.Band, e.ID
		}
		if e, err = o.c.Biometric.Search(ctx, look, c, 5); err != nil {
			return Dossier{}, err
		}
		n.Search = e.ID
		n.Hit = slices.ContainsFunc(e.Candidates, func(p id.Person) bool { return p != f.person })
	}
	if !n.Held {
		held, _, err := o.c.Biometric.HeldTx(ctx, q, f.person, f.need.gallery)
		if err != nil {
			return Dossier{}, err
		}
		n.Unread = held > 0
	}
	c.Samples = []biometric.Sample{{Kind: biometric.Face, Portrait: face}}
	look.Fields = []string{"portrait"}
	e, err := o.c.Biometric.Compare(ctx, look, c)
	if fault.Is(err, fault.NotFound) {
		e, err = o.c.Biometric.CompareAside(ctx, look, c)
	}
	if err != nil {
		return Dossier{}, err
	}
	n.Face = e.ID
	n.At = clock.FromMicros(clock.Micros(o.c.Clock.Now()))
	return o.change(ctx, by, d, step{act: actEdit, action: "matched", fields: []string{"fingerprints", "portrait"}, do: func(_ *db.Tx, x *file, _ part, _ office.Staff) error {
		if err := x.same(f); err != nil {
			return err
		}
		x.Match = n
		return nil
	}})
}

// Faces are the two portraits for an officer's comparison. Registered is nil
// when no registry holds one.
type Faces struct {
	Captured, Registered []byte
	RegisteredOn         clock.Date
	Source               string
}

// ShowFaces reads both portraits; the look is recorded.
func (o *Office) ShowFaces(ctx context.Context, by audit.Actor, d DossierID) (Faces, error) {
	var out Faces
	var err error
	if out.Captured, err = o.see(ctx, by, d, filePortrait, "portrait"); err != nil {
		return Faces{}, err
	}
	f, _, err := o.peek(ctx, by, d, actView)
	if err != nil {
		return out, err
	}
	find, source := o.c.Cards.FindPortrait, "source.card"
	if f.foreigner {
		find, source = o.c.Immigration.FindPortrait, "source.immigration"
	}
	registered, on, err := find(ctx, f.look(by, card.FieldPortrait), f.person)
	if fault.Is(err, fault.NotFound) {
		return out, nil
	}
	if err != nil {
		return Faces{}, err
	}
	out.Registered, out.RegisteredOn, out.Source = registered, on, source
	return out, nil
}

// ConcludeFace records what the intake officer saw side by side.
func (o *Office) ConcludeFace(ctx context.Context, by audit.Actor, d DossierID, finding biometric.Finding) (Dossier, error) {
	return o.change(ctx, by, d, step{act: actEdit, action: "face.concluded", fields: []string{"portrait"}, do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		if f.Match == nil {
			return fault.New(fault.Conflict, "enrolment.match.incomplete")
		}
		if f.Match.Finding == finding {
			return nil
		}
		if f.Match.Finding != "" {
			return fault.New(fault.Conflict, "enrolment.face.concluded")
		}
		if err := o.c.Biometric.ConcludeTx(ctx, tx, by, f.person, f.Match.Face, finding); err != nil {
			return err
		}
		f.Match.Finding = finding
		return nil
	}})
}
