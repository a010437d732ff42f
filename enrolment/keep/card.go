// SPDX-License-Identifier: Apache-2.0

package keep

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"danh/audit"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/card"
)

// keepers say who takes which step on a card that exists. What takes an
// identity paper out of use may be done at once, by whoever meets it; what
// puts one back into use, or ends it for good, is the other officer's.
var keepers = map[card.Step][]office.Role{
	card.Lose:    {office.IntakeOfficer},
	card.Hold:    {office.IntakeOfficer, office.Approver},
	card.Release: {office.Approver},
	card.Revoke:  {office.Approver},
}

// KeepCard takes a step on a card of the person whose visit it is: reported
// lost, taken into custody, given back, revoked. The visit's purpose must be
// one that shows cards. Giving back restores an identity: the person stands
// proved before an officer who did not take it. The authority, the step and
// its news, which lock and unlock what hangs on the card, are one commit; what
// was refused for want of authority stands in her log.
func (d *Desk) KeepCard(ctx context.Context, by audit.Actor, in visit.ID, c card.ID, step card.Step, reason string) error {
	roles, ok := keepers[step]
	if !ok {
		return fault.New(fault.Invalid, "card.step.unknown")
	}
	// The desk records its own refusals, which a step that is undone would undo.
	v, err := d.c.Visits.Require(ctx, by, in)
	if err != nil {
		return err
	}
	parts, err := d.c.Visits.Parts(ctx, by, in)
	if err != nil {
		return err
	}
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if v, err = d.c.Visits.RequireTx(ctx, tx, by, in); err != nil {
			return err
		}
		var staff office.Staff
		for _, r := range roles {
			if staff, err = d.c.Roster.RequireTx(ctx, tx, by, r); err == nil {
				break
			}
			if !fault.Is(err, fault.Forbidden) {
				return err
			}
		}
		switch {
		case err != nil:
			return fault.New(fault.Forbidden, "enrolment.card.not_yours")
		case v.Person == staff.Person:
			return fault.New(fault.Forbidden, "enrolment.card.own")
		case !slices.Contains(parts, visit.PartCards):
			return fault.New(fault.Forbidden, "enrolment.card.purpose")
		}
		ground := ""
		if step == card.Release {
			if err := d.mayGiveBackTx(ctx, tx, v, staff, c); err != nil {
				return err
			}
			ground = "Luật Căn cước 26/2023/QH15, Điều 29"
		}
		if err := d.c.Cards.DecideTx(ctx, tx, by, card.Decision{Person: v.Person, Card: c, Step: step, Reason: reason, Ground: ground}); err != nil {
			return fmt.Errorf("%s a card: %w", step, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO enrolment_card_act (person, id, card, step, officer, officer_person, visit, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			v.Person, id.NewPerson(), c, string(step), by.Account, staff.Person, v.ID, clock.Micros(d.c.Clock.Now())); err != nil {
			return fmt.Errorf("note a card's step: %w", err)
		}
		return nil
	})
	if fault.Is(err, fault.Forbidden) {
		err = errors.Join(err, d.c.Audit.Record(ctx, audit.Entry{Actor: by, Action: "enrolment.card." + string(step), Subject: v.Person, Purpose: purpose, Outcome: "refused"}))
	}
	return err
}

// mayGiveBackTx refuses a release before nobody, and by whoever took the card,
// with this account or another of hers.
func (d *Desk) mayGiveBackTx(ctx context.Context, tx *db.Tx, v visit.Visit, s office.Staff, c card.ID) error {
	if v.Flagged() {
		return fault.New(fault.Forbidden, "enrolment.card.unproved")
	}
	var officer, person id.Person
	err := tx.QueryRowContext(ctx, `SELECT officer, officer_person FROM enrolment_card_act WHERE person = $1 AND card = $2 AND step = $3 ORDER BY at DESC, id DESC LIMIT 1`,
		v.Person, c, string(card.Hold)).Scan(&officer, &person)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // another body took it
	}
	if err != nil {
		return fmt.Errorf("find who took the card: %w", err)
	}
	if officer == s.Account || person == s.Person {
		return fault.New(fault.Forbidden, "enrolment.card.same")
	}
	return nil
}

// CardStep is a step that an officer may take on a card, and for which reasons.
type CardStep struct {
	Step    card.Step
	Reasons []string // keys of the day's list; none for a step that needs no reason
}

// ListCardSteps lists what an officer may do with a card in its state.
func (d *Desk) ListCardSteps(ctx context.Context, by audit.Actor, s card.State) ([]CardStep, error) {
	var out []CardStep
	today := clock.DateOf(d.c.Clock.Now())
	for _, step := range []card.Step{card.Lose, card.Hold, card.Release, card.Revoke} {
		if _, ok := card.Next(s, step); !ok {
			continue
		}
		for _, r := range keepers[step] {
			if _, err := d.c.Roster.Require(ctx, by, r); fault.Is(err, fault.Forbidden) {
				continue
			} else if err != nil {
				return nil, err
			}
			reasons, err := d.c.Cards.ListReasons(ctx, step, today)
			if err != nil {
				return nil, err
			}
			out = append(out, CardStep{Step: step, Reasons: reasons})
			break
		}
	}
	return out, nil
}
