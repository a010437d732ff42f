// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"fmt"

	"danh/audit"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
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
// lost, taken into custody, given back, revoked. The authority, the step and
// its news, which lock and unlock what hangs on the card, are one commit.
func (o *Office) KeepCard(ctx context.Context, by audit.Actor, in visit.ID, c card.ID, step card.Step, reason string) error {
	roles, ok := keepers[step]
	if !ok {
		return fault.New(fault.Invalid, "card.step.unknown")
	}
	return o.c.DB.Write(ctx, func(tx *db.Tx) error {
		v, err := o.c.Visits.RequireTx(ctx, tx, by, in)
		if err != nil {
			return err
		}
		var staff office.Staff
		for _, r := range roles {
			if staff, err = o.c.Roster.RequireTx(ctx, tx, by, r); err == nil {
				break
			}
			if !fault.Is(err, fault.Forbidden) {
				return err
			}
		}
		if err != nil {
			return fault.New(fault.Forbidden, "enrolment.card.not_yours")
		}
		if v.Person == staff.Person {
			return fault.New(fault.Forbidden, "enrolment.card.own")
		}
		ground := ""
		if step == card.Release {
			ground = "Luật Căn cước 26/2023/QH15, Điều 29"
		}
		if err := o.c.Cards.DecideTx(ctx, tx, by, card.Decision{Person: v.Person, Card: c, Step: step, Reason: reason, Ground: ground}); err != nil {
			return fmt.Errorf("%s a card: %w", step, err)
		}
		return nil
	})
}

// CardStep is a step that an officer may take on a card, and for which reasons.
type CardStep struct {
	Step    card.Step
	Reasons []string // keys of the day's list; none for a step that needs no reason
}

// ListCardSteps lists what an officer may do with a card in its state.
func (o *Office) ListCardSteps(ctx context.Context, by audit.Actor, s card.State) ([]CardStep, error) {
	var out []CardStep
	today := clock.DateOf(o.c.Clock.Now())
	for _, step := range []card.Step{card.Lose, card.Hold, card.Release, card.Revoke} {
		if _, ok := card.Next(s, step); !ok {
			continue
		}
		for _, r := range keepers[step] {
			if _, err := o.c.Roster.Require(ctx, by, r); fault.Is(err, fault.Forbidden) {
				continue
			} else if err != nil {
				return nil, err
			}
			reasons, err := o.c.Cards.ListReasons(ctx, step, today)
			if err != nil {
				return nil, err
			}
			out = append(out, CardStep{Step: step, Reasons: reasons})
			break
		}
	}
	return out, nil
}
