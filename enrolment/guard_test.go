// SPDX-License-Identifier: Apache-2.0

package enrolment_test

import (
	"slices"
	"testing"

	"danh/biometric"
	"danh/enrolment"
	"danh/enrolment/enrolmenttest"
	"danh/enrolment/visit"
	"danh/internal/fault"
	"danh/registry/card"
)

// filed is a visit on prints that the officer brought as files.
func filed(t *testing.T, h *enrolmenttest.House, ref string, hand uint64) visit.Visit {
	t.Helper()
	v, err := h.Visits.Open(t.Context(), h.Intake, visit.Opening{Way: visit.Finger, Purpose: "enrolment", Number: h.Known(t, ref).Number, Samples: enrolmenttest.Prints(t, hand, 3), Uploaded: true})
	check(t, err)
	return v
}

// TestPicturesOfFingersStandForNobody: prints that an officer brings as files
// open no dossier that is decided in her own house, and collect no card.
func TestPicturesOfFingersStandForNobody(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		h.Holds(t, enrolmenttest.Ha, card.Chip)
		h.Enrol(t, enrolmenttest.Ha, "card", 30)
		d, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: filed(t, h, enrolmenttest.Ha, 30).ID.String(), Kind: enrolment.Renewal})
		check(t, err)
		if d.Proved {
			t.Fatal("files prove that she is there")
		}
		d, err = h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Ha, 30).ID)
		check(t, err)
		if d.Second != h.Elsewhere.Account || !slices.Contains(d.Contested, "unproved") {
			t.Fatalf("%v", d.Contested)
		}
		_, err = h.Office.Approve(ctx, h.Elsewhere, d.ID, biometric.Same)
		check(t, err)
		_, err = h.Office.HandOver(ctx, h.Intake, d.ID, filed(t, h, enrolmenttest.Ha, 30).ID.String())
		wants(t, err, fault.Conflict, "enrolment.handover.unproved")
		_, err = h.Office.HandOver(ctx, h.Intake, d.ID, h.Proved(t, h.Intake, enrolmenttest.Ha, 30).ID.String())
		check(t, err)
	})
}
