// SPDX-License-Identifier: Apache-2.0

package procedure_test

import (
	"testing"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/procedure"
	"danh/procedure/proceduretest"
)

func limit(t *testing.T, h *proceduretest.House, name, value string) {
	t.Helper()
	if err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE procedure_rule SET value = $2 WHERE name = $1`, name, value)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// TestNoticesInMasses: an account that floods the registry, or somebody's
// inbox, with notices. It is stopped, and only for a day.
func TestNoticesInMasses(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		limit(t, h, "lodging.max_daily", "5")
		lan, minh := h.Lan(t), h.Minh(t, true)
		send := func() error {
			_, err := h.Desk.Submit(t.Context(), lan, h.Draft(t, lan, h.Guest()).ID, "vi")
			return err
		}
		for range 5 {
			if err := send(); err != nil {
				t.Fatal(err)
			}
		}
		if err := send(); !fault.Is(err, fault.TooMany) || fault.Of(err).RetryAfter <= 0 {
			t.Fatalf("the sixth in a day: %v", err)
		}
		h.Deliver(t)
		told, err := h.Desk.ListTold(t.Context(), minh)
		if err != nil || len(told) != 5 {
			t.Errorf("%d notices name him: %v", len(told), err)
		}
		if n := messages(t, h, minh)["stay_guest_told"]; n != 5 {
			t.Errorf("%d messages in his inbox", n)
		}
		h.Clock.Advance(24*time.Hour + time.Minute)
		if err := send(); err != nil {
			t.Errorf("the next day: %v", err)
		}
	})
}

// TestDraftsInMasses: drafts are sealed and kept for weeks, so nobody may have
// any number of them.
func TestDraftsInMasses(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		limit(t, h, "lodging.max_drafts", "3")
		lan := h.Lan(t)
		var first procedure.Case
		for i := range 3 {
			if c := h.Draft(t, lan, h.Guest()); i == 0 {
				first = c
			}
		}
		_, err := h.Desk.OpenLodging(t.Context(), lan, proceduretest.Notifier(), procedure.Place{})
		if f := fault.Of(err); f == nil || f.Key != "lodging.drafts_many" {
			t.Fatalf("a fourth draft: %v", err)
		}
		if err := h.Desk.Discard(t.Context(), lan, first.ID); err != nil {
			t.Fatal(err)
		}
		h.Draft(t, lan, h.Guest())
		h.Clock.Advance(15 * 24 * time.Hour) // the others have ended, though they are not yet purged
		g := h.Guest()
		g.From, g.Until = clock.DateOf(h.Clock.Now()), clock.DateOf(h.Clock.Now()).AddDays(1)
		h.Draft(t, lan, g)
	})
}
