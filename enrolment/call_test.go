// SPDX-License-Identifier: Apache-2.0

package enrolment_test

import (
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/enrolment"
	"danh/enrolment/enrolmenttest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/card"
)

// Only the officers of an open dossier announce a call, only who is called sees
// it, and a caller who does not know the digits is no officer.
func TestOnlyTheDossiersOfficersAnnounceCalls(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		p := h.Known(t, enrolmenttest.Ha)
		h.Carrier.Says(phone, p.Number, account.Yes)
		h.Open(t, accounttest.Person{ID: p.ID, Declared: account.Declared{Number: p.Number, Name: p.Name, BirthDate: p.BirthDate, Sex: p.Sex}}, phone)
		h.Holds(t, enrolmenttest.Ha, card.Chip)
		h.Enrol(t, enrolmenttest.Ha, "card", 30)
		d, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: h.Proved(t, h.Intake, enrolmenttest.Ha, 30).ID.String(), Kind: enrolment.Upgrade})
		check(t, err)
		if _, err := h.Office.AnnounceCall(ctx, h.Intake, d.ID, "missing"); !fault.Is(err, fault.Conflict) {
			t.Errorf("a call about a draft: %v", err)
		}
		d, err = h.Office.SaveApplicant(ctx, h.Intake, d.ID, 0, h.Applicant(t, enrolmenttest.Ha, phone))
		check(t, err)
		d, err = h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Ha, 30).ID)
		check(t, err)
		who := h.Citizen(t, enrolmenttest.Ha)
		for name, by := range map[string]audit.Actor{"a colleague": h.Colleague, "another office": h.Stranger, "nobody at that office": audit.Officer(id.NewPerson(), id.NewPerson(), h.Here.Name), "she herself": who,
			"nobody": audit.Anonymous(), "the system": audit.System("x")} {
			if _, err := h.Office.AnnounceCall(t.Context(), by, d.ID, "missing"); !fault.Is(err, fault.Forbidden) && !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := h.Office.AnnounceCall(t.Context(), h.Intake, d.ID, "code"); !fault.Is(err, fault.Invalid) {
			t.Errorf("a call for another reason: %v", err)
		}
		c, err := h.Office.AnnounceCall(t.Context(), h.Intake, d.ID, "missing")
		if err != nil {
			t.Fatal(err)
		}
		coming, past, err := h.Office.ListCalls(t.Context(), who)
		if err != nil || len(coming) != 1 || len(past) != 0 || coming[0].Matching != c.Matching || coming[0].Code != d.Code || coming[0].Office != h.Here.Name || c.Matching < 10 || c.Matching > 99 {
			t.Fatalf("%+v %+v %v", coming, past, err)
		}
		// Another citizen sees nothing of it.
		stranger := audit.Citizen(id.NewPerson(), id.NewPerson())
		if coming, past, err := h.Office.ListCalls(t.Context(), stranger); err != nil || len(coming)+len(past) > 0 {
			t.Errorf("a stranger sees %+v %+v %v", coming, past, err)
		}
		if _, _, err := h.Office.ListCalls(t.Context(), h.Intake); !fault.Is(err, fault.Forbidden) {
			t.Errorf("an officer reads a citizen's page: %v", err)
		}
		// It is over by itself.
		h.Clock.Advance(31 * time.Minute)
		if coming, past, err := h.Office.ListCalls(t.Context(), who); err != nil || len(coming) != 0 || len(past) != 1 {
			t.Errorf("%+v %+v %v", coming, past, err)
		}
		if n, err := h.Office.CountCalls(t.Context(), who); err != nil || n != 0 {
			t.Error(n, err)
		}
		// Nor is she rung all day.
		for range 4 {
			if _, err := h.Office.AnnounceCall(t.Context(), h.Intake, d.ID, "result"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.Office.AnnounceCall(t.Context(), h.Intake, d.ID, "result"); !fault.Is(err, fault.TooMany) {
			t.Errorf("a sixth call in a day: %v", err)
		}
	})
}
