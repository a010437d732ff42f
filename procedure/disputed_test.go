// SPDX-License-Identifier: Apache-2.0

package procedure_test

import (
	"testing"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/procedure/proceduretest"
)

// TestRegistrarSeesWhatHerOfficesGuestsContradicted: another office sees nothing
// of it, and whoever is no registrar is refused.
func TestRegistrarSeesWhatHerOfficesGuestsContradicted(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx := t.Context()
		lan, minh := h.Lan(t), h.Minh(t, true)
		c := h.Draft(t, lan, h.Guest())
		if _, err := h.Desk.Submit(ctx, lan, c.ID, "vi"); err != nil {
			t.Fatal(err)
		}
		h.Deliver(t)
		told, err := h.Desk.ListTold(ctx, minh)
		if err != nil || len(told) != 1 {
			t.Fatal(told, err)
		}
		if err := h.Desk.Dispute(ctx, minh, told[0].ID, "not_there"); err != nil {
			t.Fatal(err)
		}
		roster := office.OpenRoster(h.DB, h.Clock, h.Audit)
		at := func(name string, role office.Role) audit.Actor {
			t.Helper()
			list, err := h.Offices.Search(ctx, name, clock.DateOf(h.Clock.Now()), 1)
			if err != nil || len(list) == 0 {
				t.Fatal(name, err)
			}
			a := audit.Officer(id.NewPerson(), id.NewPerson(), list[0].Name)
			if _, err := roster.Appoint(ctx, audit.System("test"), office.Appointment{Account: a.Account, Person: a.Person, Role: role, Office: list[0].ID}); err != nil {
				t.Fatal(err)
			}
			return a
		}
		got, err := h.Desk.ListDisputed(ctx, at("Kim Liên", office.Registrar))
		if err != nil || len(got) != 1 {
			t.Fatalf("%+v %v", got, err)
		}
		mine, err := h.Desk.Find(ctx, lan, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		if x := got[0]; x.Code != mine.Code || x.Reason != "not_there" || !x.Fits || x.Guests != 1 || x.DisputedAt.IsZero() {
			t.Errorf("%+v", x)
		}
		if got, err := h.Desk.ListDisputed(ctx, at("Ba Đình", office.Registrar)); err != nil || len(got) != 0 {
			t.Errorf("another office sees %+v %v", got, err)
		}
		if _, err := h.Desk.ListDisputed(ctx, at("Kim Liên", office.IntakeOfficer)); !fault.Is(err, fault.Forbidden) {
			t.Errorf("who is no registrar: %v", err)
		}
	})
}
