// SPDX-License-Identifier: Apache-2.0

package procedure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// The steps of a draft.
const (
	StepPlace  = "place"
	StepGuest  = "guest"
	StepReview = "review"
)

// OpenLodging opens a draft of a lodging notice. What the notifier's account
// released is kept with its source; place is her registered residence as a
// proposal, or empty. A draft that was opened and never written into is taken
// up again instead of a second one.
func (d *Desk) OpenLodging(ctx context.Context, a Applicant, n Notifier, place Place) (Case, error) {
	p, err := d.FindProcedure(ctx, Lodging)
	if err != nil {
		return Case{}, err
	}
	if !p.Open {
		return Case{}, fault.New(fault.Unavailable, "case.switched_off")
	}
	if err := d.allow(ctx, a, p.Feature); err != nil {
		return Case{}, err
	}
	if place.Category == "" {
		place.Category = Household
	}
	filer, err := d.filer(ctx, a)
	if err != nil {
		return Case{}, err
	}
	var out CaseID
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		now := d.c.Clock.Now()
		r, err := rules(ctx, tx, clock.DateOf(now))
		if err != nil {
			return err
		}
		var drafts int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM procedure_case WHERE account = $1 AND procedure = $2 AND state = 'draft' AND version > 0 AND expires_at > $3`,
			a.Account.ID, p.Code, clock.Micros(now)).Scan(&drafts); err != nil {
			return fmt.Errorf("count drafts: %w", err)
		}
		if drafts >= r.MaxDrafts {
			return fault.New(fault.Conflict, "lodging.drafts_many").Arg("max", fmt.Sprint(r.MaxDrafts))
		}
		expires := clock.Micros(now.AddDate(0, 0, r.DraftDays))
		out = id.New[caseKind]()
		_, err = tx.ExecContext(ctx, `INSERT INTO procedure_case (account, id, procedure, state, step, version, unit_code, office_name, guests, late,
			created_at, updated_at, expires_at) SELECT $1, $2, $3, 'draft', 'place', 0, '', '', 0, $6, $4, $4, $5
			WHERE NOT EXISTS (SELECT 1 FROM procedure_case WHERE account = $1 AND procedure = $3 AND state = 'draft' AND version = 0 AND expires_at > $4)`,
			a.Account.ID, out, p.Code, clock.Micros(now), expires, false)
		if err != nil {
			return fmt.Errorf("open draft: %w", err)
		}
		err = tx.QueryRowContext(ctx, `SELECT id FROM procedure_case WHERE account = $1 AND procedure = $2 AND state = 'draft' AND version = 0
			AND expires_at > $3 ORDER BY id LIMIT 1`, a.Account.ID, p.Code, clock.Micros(now)).Scan(&out)
		if err != nil {
			return fmt.Errorf("open draft: %w", err)
		}
		sealed, err := d.sealNotice(ctx, tx, out, Notice{Notifier: n, Place: place, Filer: filer.Name})
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE procedure_case SET payload = $3 WHERE account = $1 AND id = $2 AND version = 0`, a.Account.ID, out, sealed); err != nil {
			return fmt.Errorf("open draft: %w", err)
		}
		return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: a.By, Action: "procedure.draft_opened", Subject: a.Account.Person,
			Purpose: "purpose.lodging", Ground: ground, Detail: map[string]string{"procedure": p.Code}})
	})
	if err != nil {
		return Case{}, err
	}
	return d.Find(ctx, a, out)
}

// ground is the law under which a lodging notice is taken.
const ground = "Luật Cư trú 68/2020/QH14, Điều 30"

func (d *Desk) sealNotice(ctx context.Context, tx *db.Tx, c CaseID, n Notice) ([]byte, error) {
	plain, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("write notice: %w", err)
	}
	return d.c.Seal.SealTx(ctx, tx, id.Person(c), sealedColumn, plain)
}

// errMoved says that another request changed the draft meanwhile.
var errMoved = errors.New("procedure: the draft moved on")

// edit changes a draft: read, change and write are one transaction that fails
// when another one came between, and is then tried again on what is there.
func (d *Desk) edit(ctx context.Context, a Applicant, c CaseID, step string, change func(*Notice, Rules) error) error {
	filer, err := d.filer(ctx, a)
	if err != nil {
		return err
	}
	var problem error
	for range 4 {
		problem = nil
		err := d.c.DB.Write(ctx, func(tx *db.Tx) error {
			problem = nil
			have, err := d.find(ctx, tx, a.Account.ID, c)
			if err != nil {
				return err
			}
			now := d.c.Clock.Now()
			if have.State != Draft {
				return fault.New(fault.Conflict, "case.sent_already")
			}
			if !have.ExpiresAt.After(now) {
				return errNoCase
			}
			r, err := rules(ctx, tx, clock.DateOf(now))
			if err != nil {
				return err
			}
			n := have.Notice
			// What is wrong is told, and what was typed is kept all the same.
			problem = change(&n, r)
			n.Filer = filer.Name
			if problem != nil && fault.Of(problem) == nil {
				return problem
			}
			if problem == nil {
				have.Step = step
			}
			sealed, err := d.sealNotice(ctx, tx, c, n)
			if err != nil {
				return err
			}
			res, err := tx.ExecContext(ctx, `UPDATE procedure_case SET payload = $3, step = $4, guests = $5, version = version + 1, updated_at = $6, expires_at = $7
				WHERE account = $1 AND id = $2 AND state = 'draft' AND version = $8`,
				a.Account.ID, c, sealed, have.Step, len(n.Guests), clock.Micros(now), clock.Micros(now.AddDate(0, 0, r.DraftDays)), have.version)
			if err != nil {
				return fmt.Errorf("save draft: %w", err)
			}
			if k, err := res.RowsAffected(); err != nil || k == 0 {
				return errors.Join(errMoved, err)
			}
			return nil
		})
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil {
			return err
		}
		return problem
	}
	return fault.New(fault.Conflict, "case.other_tab")
}

// typed keeps what was typed in a step until it stands.
func (n *Notice) typed(step string, values map[string]string, err error) {
	if err == nil {
		delete(n.Typed, step)
		return
	}
	if n.Typed == nil {
		n.Typed = map[string]map[string]string{}
	}
	n.Typed[step] = values
}

// SavePlace saves the place of stay. What was typed is kept even when the
// fault says that it must be mended.
func (d *Desk) SavePlace(ctx context.Context, a Applicant, c CaseID, p Place, typed map[string]string) error {
	return d.edit(ctx, a, c, StepGuest, func(n *Notice, _ Rules) error {
		err := checkPlace(p)
		if err == nil {
			err = d.checkUnit(p)
		}
		if err == nil {
			n.Place = p
		}
		n.typed(StepPlace, typed, err)
		return err
	})
}

// checkUnit refuses a commune that does not exist today: the notice goes to
// the police of a living one.
func (d *Desk) checkUnit(p Place) error {
	if _, ok := d.c.Units.Find(p.Address.UnitCode, d.Today()); !ok {
		return fault.New(fault.Invalid, "lodging.invalid").With("commune", "lodging.commune.gone")
	}
	return nil
}

// SaveGuest saves guest number ordinal, counted from 1; one past the last adds
// a guest.
func (d *Desk) SaveGuest(ctx context.Context, a Applicant, c CaseID, ordinal int, g Guest, typed map[string]string) error {
	step := fmt.Sprintf("%s-%d", StepGuest, ordinal)
	return d.edit(ctx, a, c, StepReview, func(n *Notice, r Rules) error {
		if ordinal < 1 || ordinal > len(n.Guests)+1 {
			return errNoCase
		}
		if ordinal > r.MaxGuests {
			return fault.New(fault.Invalid, "lodging.too_many").Arg("max", fmt.Sprint(r.MaxGuests))
		}
		others := n.Guests
		if ordinal <= len(n.Guests) {
			others = without(n.Guests, ordinal-1)
		}
		err := checkGuest(g, n.Notifier, n.Place.Category, others, r, d.Today())
		if err == nil {
			n.Guests = slices.Clone(n.Guests)
			if ordinal <= len(n.Guests) {
				n.Guests[ordinal-1] = g
			} else {
				n.Guests = append(n.Guests, g)
			}
		}
		n.typed(step, typed, err)
		return err
	})
}

// RemoveGuest takes a guest out of the draft.
func (d *Desk) RemoveGuest(ctx context.Context, a Applicant, c CaseID, ordinal int) error {
	return d.edit(ctx, a, c, StepReview, func(n *Notice, _ Rules) error {
		if ordinal < 1 || ordinal > len(n.Guests) {
			return errNoCase
		}
		n.Guests = without(n.Guests, ordinal-1)
		n.Typed = nil
		return nil
	})
}

// Discard throws a draft away; what was written is unreadable at once.
func (d *Desk) Discard(ctx context.Context, a Applicant, c CaseID) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM procedure_case WHERE account = $1 AND id = $2 AND state = 'draft'`, a.Account.ID, c)
		if err != nil {
			return fmt.Errorf("discard draft: %w", err)
		}
		if k, err := res.RowsAffected(); err != nil || k == 0 {
			return errors.Join(errNoCase, err)
		}
		if err := d.c.Seal.DestroyTx(ctx, tx, id.Person(c)); err != nil {
			return err
		}
		return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: a.By, Action: "procedure.draft_discarded", Subject: a.Account.Person, Purpose: "purpose.lodging", Ground: ground})
	})
}
