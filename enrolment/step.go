// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"errors"
	"fmt"

	"danh/audit"
	"danh/biometric"
	"danh/enrolment/visit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
)

const purpose = "enrolment.purpose.dossier"

// look is what a dossier's look-ups are recorded with.
func (f *file) look(by audit.Actor, fields ...string) audit.Look {
	return audit.Look{By: by, Purpose: purpose, Ground: f.need.ground, Fields: fields}
}

func (f *file) entry(by audit.Actor, action string, fields ...string) audit.Entry {
	return audit.Entry{Actor: by, Action: "enrolment." + action, Subject: f.person, Purpose: purpose, Ground: f.need.ground, Fields: fields,
		Detail: map[string]string{"dossier": f.id.String(), "kind": string(f.kind)}}
}

// step is a change of a dossier.
type step struct {
	act     act
	action  string   // of the entry
	fields  []string // of the entry
	present bool     // she stands before the officer: the visit must still be open
	do      func(tx *db.Tx, f *file, as part, s office.Staff) error
}

// change takes one step: authority, change, entry and commit are one
// transaction. An attempt without authority is recorded by itself.
func (o *Office) change(ctx context.Context, by audit.Actor, d DossierID, w step) (Dossier, error) {
	var out Dossier
	var f *file
	err := o.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if f, err = o.takeTx(ctx, tx, d); err != nil {
			return err
		}
		as, staff, err := o.standTx(ctx, tx, by, f, w.act)
		if err != nil {
			return err
		}
		if w.present {
			if _, err := o.c.Visits.RequireTx(ctx, tx, by, visit.ID(f.visit)); err != nil {
				return err
			}
		}
		if err := w.do(tx, f, as, staff); err != nil {
			return err
		}
		if err := o.saveTx(ctx, tx, f); err != nil {
			return err
		}
		if err := o.c.Audit.RecordTx(ctx, tx, f.entry(by, w.action, w.fields...)); err != nil {
			return err
		}
		out, err = o.showTx(ctx, tx, by, f, as)
		return err
	})
	if err != nil {
		return Dossier{}, errors.Join(fmt.Errorf("%s: %w", w.action, err), o.noteRefused(ctx, by, f, w.action, err))
	}
	return out, nil
}

// noteRefused records that somebody tried what is not hers to do.
func (o *Office) noteRefused(ctx context.Context, by audit.Actor, f *file, action string, err error) error {
	if f == nil || !fault.Is(err, fault.Forbidden) && !errors.Is(err, errNotYours) {
		return nil
	}
	e := f.entry(by, action)
	e.Outcome = "refused"
	return o.c.Audit.Record(ctx, e)
}

// Find finds a dossier: for its intake officer, its drawn second one, and for
// handing over at its office. The look is recorded.
func (o *Office) Find(ctx context.Context, by audit.Actor, d DossierID) (Dossier, error) {
	var out Dossier
	var f *file
	err := o.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if f, err = o.find(ctx, tx, d); err != nil {
			return err
		}
		as, _, err := o.standTx(ctx, tx, by, f, actView)
		if err != nil {
			return err
		}
		if err := o.c.Audit.RecordTx(ctx, tx, f.entry(by, "dossier.read", "dossier")); err != nil {
			return err
		}
		out, err = o.showTx(ctx, tx, by, f, as)
		return err
	})
	if err != nil {
		return Dossier{}, errors.Join(err, o.noteRefused(ctx, by, f, "dossier.read", err))
	}
	return out, nil
}

// peek reads a dossier for work that is too slow for a transaction, after the
// authority check of the step that will follow; the step checks again.
func (o *Office) peek(ctx context.Context, by audit.Actor, d DossierID, a act) (*file, part, error) {
	var f *file
	var as part
	err := o.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if f, err = o.find(ctx, tx, d); err != nil {
			return err
		}
		as, _, err = o.standTx(ctx, tx, by, f, a)
		return err
	})
	if err != nil {
		return nil, "", errors.Join(err, o.noteRefused(ctx, by, f, string(a), err))
	}
	return f, as, nil
}

// same refuses when a dossier changed since it was peeked at: what was made of
// it meanwhile is of something else.
func (f *file) same(peeked *file) error {
	if f.revision != peeked.revision+1 {
		return fault.New(fault.Conflict, "enrolment.moved")
	}
	return nil
}

// showTx is a dossier as an officer sees it.
func (o *Office) showTx(ctx context.Context, q db.Q, by audit.Actor, f *file, as part) (Dossier, error) {
	now := o.c.Clock.Now()
	d := Dossier{ID: f.id, Code: f.code, Kind: f.kind, State: f.state, Office: f.office, OfficeName: f.officeName, Intake: f.intake, Second: f.second, Person: f.person,
		Foreign: f.foreigner, Proved: f.proved, Representative: f.content.Representative, Language: f.language, Version: f.version, Applicant: f.Applicant,
		PhoneState: f.PhoneState, Carrier: f.content.Carrier, Differences: f.Differences, Papers: f.Papers, Dependants: f.Dependants,
		HasPortrait: f.Portrait != nil, Fingers: f.Fingers, GivesLevel: f.need.level, OpenedAt: f.openedAt, CompleteAt: f.completeAt, DueAt: f.dueAt,
		Late: f.late(now), Asked: f.Asked, Answer: f.Answer, RefusedReason: f.RefusedReason, RefusedWords: f.RefusedWords, Events: f.Events, Tasks: f.tasks(), Contested: f.content.Contested}
	if f.Portrait != nil {
		d.PortraitHints, d.EyesConfirmed = f.Portrait.Hints, f.Portrait.Eyes
	}
	if f.Match != nil {
		d.FaceFinding, d.NothingHeld = f.Match.Finding, !f.Match.Held && !f.Match.Unread
	}
	d.Online = f.content.Online
	for _, s := range f.Signatures {
		if s.Digest == f.digest() {
			d.Signed = append(d.Signed, s.Signed)
		}
	}
	all, err := o.c.Biometric.ListTx(ctx, q, f.person)
	if err != nil {
		return d, err
	}
	for _, e := range all {
		if e.Dossier == id.Person(f.id) {
			d.Evidence = append(d.Evidence, e)
		}
	}
	if f.MakesCard {
		c := *f.content.Card
		d.Card = &c
	}
	d.Mine = "view"
	switch {
	case as == first && (f.state == Draft || f.state == Checking || f.state == Supplement):
		d.Mine = "intake"
	case as == second && f.state == Waiting:
		d.Mine = "second"
	case f.state == Approved && as != second:
		d.Mine = "handover"
	}
	return d, nil
}

func (f *file) evidenceOf(list []biometric.Evidence, key biometric.EvidenceID) (biometric.Evidence, bool) {
	for _, e := range list {
		if e.ID == key && e.Dossier == id.Person(f.id) {
			return e, true
		}
	}
	return biometric.Evidence{}, false
}
