// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"danh/account"
	"danh/audit"
	"danh/enrolment/visit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
)

// Opening says for what a dossier is opened.
type Opening struct {
	Visit          string // the key of an open visit of this officer
	Kind           Kind
	Cause          string // of a card kind: age, change, lost, stolen, damaged, boundary; "" by the kind's row
	Relation       string // of a child or ward: what the person of the other visit is to her
	Representative string // the key of the representative's own open visit
	Language       string
	Request        string // the key of a request that she sent to this office: kind, cause and relation are its
}

// Open opens a dossier in a visit. A dossier of hers that stands open with the
// same officer for the same purpose goes on in the visit instead.
func (o *Office) Open(ctx context.Context, by audit.Actor, w Opening) (Dossier, error) {
	var f *file
	d, err := o.open(ctx, by, w, &f)
	if err != nil {
		return Dossier{}, errors.Join(fmt.Errorf("open dossier: %w", err), o.noteRefused(ctx, by, f, "opened", err))
	}
	return d, nil
}

func (o *Office) open(ctx context.Context, by audit.Actor, w Opening, whom **file) (Dossier, error) {
	visitID, err := visit.ParseID(w.Visit)
	if err != nil {
		return Dossier{}, fault.New(fault.Invalid, "enrolment.visit.unknown").With("visit", "enrolment.visit.unknown")
	}
	// 1. Who came, and as whom the officer acts. The transaction that follows
	// asks both again.
	staff, err := o.c.Roster.Require(ctx, by, office.IntakeOfficer)
	if err != nil {
		return Dossier{}, err
	}
	came, err := o.c.Visits.Require(ctx, by, visitID)
	if err != nil {
		return Dossier{}, err
	}
	asked, err := o.requested(ctx, by, staff, came.Person, &w)
	if err != nil {
		return Dossier{}, err
	}
	now := o.c.Clock.Now()
	f := &file{person: came.Person, id: id.New[dossierKind](), code: newCode(now), kind: w.Kind, state: Draft, office: staff.Office, officeName: staff.OfficeName,
		intake: by.Account, intakePerson: by.Person, visit: id.Person(visitID), proved: !came.Flagged(), foreigner: came.Foreigner, language: language(w.Language), openedAt: now}
	if !slices.Contains(Kinds, w.Kind) {
		return Dossier{}, fault.New(fault.Invalid, "enrolment.kind.unknown").With("kind", "enrolment.kind.unknown")
	}
	if (w.Kind == Foreigner) != came.Foreigner {
		return Dossier{}, fault.New(fault.Conflict, "enrolment.kind.registry")
	}
	var stated account.Declared
	if asked != nil {
		f.code = asked.Code
		if stated, err = o.declaredOf(ctx, by, asked); err != nil {
			return Dossier{}, err
		}
	}
	*whom = f
	if came.Person == by.Person {
		return Dossier{}, fault.New(fault.Forbidden, "enrolment.own_matter")
	}
	// 2. Her registry says whether she can be what the dossier is for.
	look := audit.Look{By: by, Purpose: purpose, Ground: "Nghị định 69/2024/NĐ-CP, Điều 10"}
	if err := o.identify(ctx, look, f); err != nil {
		return Dossier{}, err
	}
	if f.need, err = needOn(ctx, o.c.DB.Read(), w.Kind, f.Age, o.today()); err != nil {
		return Dossier{}, err
	}
	look.Ground = f.need.ground
	if err := o.competent(ctx, look, f); err != nil {
		return Dossier{}, err
	}
	if err := o.cards(ctx, look, f, w.Cause); err != nil {
		return Dossier{}, err
	}
	if err := o.accountFits(ctx, f); err != nil {
		return Dossier{}, err
	}
	rep, err := o.representative(ctx, by, f, w)
	if err != nil {
		return Dossier{}, err
	}
	// 3. One transaction opens it, or goes on with the one that is open.
	var out Dossier
	err = o.c.DB.Write(ctx, func(tx *db.Tx) error {
		if s, err := o.c.Roster.RequireTx(ctx, tx, by, office.IntakeOfficer); err != nil {
			return err
		} else if s.Office != f.office {
			return fault.New(fault.Conflict, "enrolment.moved")
		}
		if _, err := o.c.Visits.RequireTx(ctx, tx, by, visitID); err != nil {
			return err
		}
		if rep != nil {
			if _, err := o.c.Visits.RequireTx(ctx, tx, by, rep.ID); err != nil {
				return err
			}
		}
		if err := o.notFamilyTx(ctx, tx, by, f, look); err != nil {
			return err
		}
		stands, err := o.openOfTx(ctx, tx, f.person)
		if err != nil {
			return err
		}
		action := "opened"
		if stands != nil {
			if stands.kind != f.kind || stands.intake != by.Account || stands.office != f.office || stands.state != Draft && stands.state != Supplement {
				return fault.New(fault.Conflict, "enrolment.open_already")
			}
			stands.visit, stands.proved = f.visit, f.proved
			if err := o.saveTx(ctx, tx, stands); err != nil {
				return err
			}
			f, action = stands, "resumed"
		} else {
			f.Events = []Event{{At: now, Name: "opened", By: f.officeName}}
			if err := o.insertTx(ctx, tx, f); err != nil {
				return err
			}
			if asked != nil {
				if err := o.takeRequestTx(ctx, tx, by, f, asked, stated); err != nil {
					return err
				}
			}
		}
		if err := o.c.Audit.RecordTx(ctx, tx, f.entry(by, action)); err != nil {
			return err
		}
		out, err = o.showTx(ctx, tx, by, f, first)
		return err
	})
	return out, err
}

func language(s string) string {
	if s == "en" {
		return "en"
	}
	return "vi"
}

// openOfTx is the dossier about a person that stands open, or nil.
func (o *Office) openOfTx(ctx context.Context, tx *db.Tx, person id.Person) (*file, error) {
	f, sealed, err := o.scan(ctx, tx, tx.QueryRowContext(ctx, `UPDATE enrolment_dossier SET revision = revision + 1 WHERE person = $1 AND closed_at IS NULL RETURNING `+columns, person))
	if errors.Is(err, errNotYours) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return f, o.openContent(ctx, tx, f, sealed)
}
