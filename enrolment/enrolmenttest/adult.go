// SPDX-License-Identifier: Apache-2.0

package enrolmenttest

import (
	"testing"

	"danh/biometric"
	"danh/enrolment"
	"danh/enrolment/visit"
	"danh/registry/card"
)

// Adult gives Ha a card, prints and an active account of level 2, so that she
// can act for others, and a proved visit.
func (h *House) Adult(t testing.TB) visit.Visit {
	t.Helper()
	ctx := t.Context()
	h.Holds(t, Ha, card.Chip)
	h.Enrol(t, Ha, "card", 30)
	v := h.Proved(t, h.Intake, Ha, 30)
	d, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.AccountOnly})
	check(t, err)
	d = h.Complete(t, h.Intake, d, Ha, 30)
	d, err = h.Office.HandIn(ctx, h.Intake, d.ID)
	check(t, err)
	if d.Second != h.Second.Account {
		t.Fatal("a proved visit with equal fingers is no case for another office")
	}
	d, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
	check(t, err)
	if d.State != enrolment.Done {
		t.Fatalf("an account without a card is done when it is approved, not %s", d.State)
	}
	h.Activate(t, Ha)
	return v
}
