// SPDX-License-Identifier: Apache-2.0

package keep_test

import (
	"testing"

	"danh/audit"
	. "danh/enrolment/enrolmenttest"
	"danh/enrolment/visit"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/card"
)

func stateOf(t *testing.T, h *House, c card.Card) card.State {
	t.Helper()
	got, err := h.Cards.Find(t.Context(), audit.Look{By: audit.System("test"), Purpose: "test", Ground: "test"}, c.Person, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	return got.State
}

func TestACardIsHeldByOneOfficerAndGivenBackByAnother(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, h *House) {
		c := h.Holds(t, Lam, card.Chip)
		v := h.Typed(t, h.Intake, Lam)
		ctx := t.Context()
		// 1. The steps offered are those of the role and the state.
		steps, err := h.Keep.ListCardSteps(ctx, h.Intake, card.Delivered)
		if err != nil || len(steps) != 2 || steps[0].Step != card.Lose || steps[1].Step != card.Hold || len(steps[1].Reasons) == 0 {
			t.Fatalf("%+v, %v", steps, err)
		}
		// 2. A reason that no rule of the day lists moves nothing.
		if err := h.Keep.KeepCard(ctx, h.Intake, v.ID, c.ID, card.Hold, "because"); !fault.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
		if err := h.Keep.KeepCard(ctx, h.Intake, v.ID, c.ID, card.Hold, "detention"); err != nil {
			t.Fatal(err)
		}
		if s := stateOf(t, h, c); s != card.Held {
			t.Fatal(s)
		}
		// 3. Whoever takes in may not give it back or end it.
		for _, step := range []card.Step{card.Release, card.Revoke} {
			if err := h.Keep.KeepCard(ctx, h.Intake, v.ID, c.ID, step, "altered"); !fault.Is(err, fault.Forbidden) {
				t.Fatalf("%s by the intake officer: %v", step, err)
			}
		}
		h.Enrol(t, Lam, "card", 20)
		w := h.Proved(t, h.Second, Lam, 20)
		if err := h.Keep.KeepCard(ctx, h.Second, w.ID, c.ID, card.Release, ""); err != nil {
			t.Fatal(err)
		}
		if s := stateOf(t, h, c); s != card.Delivered {
			t.Fatal(s)
		}
	})
}

func TestOfficerWithoutAVisitActsOnACard(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, h *House) {
		c := h.Holds(t, Lam, card.Chip)
		v, ctx := h.Typed(t, h.Intake, Lam), t.Context()
		// A colleague in her visit, an officer in a visit of somebody else, and she herself once it is over.
		if err := h.Keep.KeepCard(ctx, h.Colleague, v.ID, c.ID, card.Lose, "lost"); err == nil {
			t.Error("in a colleague's visit")
		}
		if n := h.Entries(t, "enrolment.visit.read", "refused", c.Person); n != 1 {
			t.Errorf("%d entries of the colleague's attempt", n)
		}
		if err := h.Keep.KeepCard(ctx, h.Intake, h.Typed(t, h.Intake, Old).ID, c.ID, card.Lose, "lost"); !fault.Is(err, fault.NotFound) {
			t.Errorf("in a visit of somebody else: %v", err)
		}
		if err := h.Visits.Close(ctx, h.Intake, v.ID); err != nil {
			t.Fatal(err)
		}
		if err := h.Keep.KeepCard(ctx, h.Intake, v.ID, c.ID, card.Lose, "lost"); err == nil {
			t.Error("after the visit")
		}
		if s := stateOf(t, h, c); s != card.Delivered {
			t.Fatal(s)
		}
	})
}

// TestACardIsGivenBackInSecret: by whoever took it, with her other role or her
// other account; before nobody; in a visit about something else.
func TestACardIsGivenBackInSecret(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, h *House) {
		c, ctx := h.Holds(t, Lam, card.Chip), t.Context()
		h.Enrol(t, Lam, "card", 20)
		h.Also(t, h.Intake, h.Here, office.Approver)
		twin := audit.Officer(id.NewPerson(), h.Intake.Person, h.Here.Name)
		h.Also(t, twin, h.Here, office.Approver)
		if err := h.Keep.KeepCard(ctx, h.Intake, h.Typed(t, h.Intake, Lam).ID, c.ID, card.Hold, "detention"); err != nil {
			t.Fatal(err)
		}
		wants(t, h.Keep.KeepCard(ctx, h.Intake, h.Proved(t, h.Intake, Lam, 20).ID, c.ID, card.Release, ""), fault.Forbidden, "enrolment.card.same")
		wants(t, h.Keep.KeepCard(ctx, twin, h.Proved(t, twin, Lam, 20).ID, c.ID, card.Release, ""), fault.Forbidden, "enrolment.card.same")
		wants(t, h.Keep.KeepCard(ctx, h.Second, h.Typed(t, h.Second, Lam).ID, c.ID, card.Release, ""), fault.Forbidden, "enrolment.card.unproved")
		if n := h.Entries(t, "enrolment.card.release", "refused", c.Person); n != 3 {
			t.Errorf("%d of 3 attempts are in the log", n)
		}
		v, err := h.Visits.Open(ctx, h.Second, visit.Opening{Way: visit.Typed, Purpose: "residence", Person: c.Person})
		if err != nil {
			t.Fatal(err)
		}
		wants(t, h.Keep.KeepCard(ctx, h.Second, v.ID, c.ID, card.Revoke, "altered"), fault.Forbidden, "enrolment.card.purpose")
		if s := stateOf(t, h, c); s != card.Held {
			t.Fatal(s)
		}
		if err := h.Keep.KeepCard(ctx, h.Second, h.Proved(t, h.Second, Lam, 20).ID, c.ID, card.Release, ""); err != nil {
			t.Fatal(err)
		}
	})
}
