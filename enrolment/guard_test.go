// SPDX-License-Identifier: Apache-2.0

package enrolment_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"danh/audit"
	"danh/biometric"
	"danh/enrolment"
	"danh/enrolment/enrolmenttest"
	"danh/enrolment/visit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/office"
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

// TestAClosedDossierIsBrowsed: thirty days after it is done its officers know no
// more of her than anybody else, by key, by code or by the list.
func TestAClosedDossierIsBrowsed(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		_, err := h.Office.Refuse(ctx, h.Second, d.ID, "not_same", "x")
		check(t, err)
		rows := func(by audit.Actor, f enrolment.Filter) int {
			q, err := h.Office.List(ctx, by, f)
			check(t, err)
			return len(q.Rows)
		}
		for _, days := range []int{29, 2} {
			h.Clock.Advance(time.Duration(days) * 24 * time.Hour)
			gone := days == 2
			for name, by := range map[string]audit.Actor{"intake": h.Intake, "second": h.Second} {
				_, err := h.Office.Find(ctx, by, d.ID)
				if gone != fault.Is(err, fault.NotFound) || !gone && err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if _, err := h.Office.Document(ctx, by, d.ID, "refusal"); gone != fault.Is(err, fault.NotFound) || !gone && err != nil {
					t.Errorf("%s, a paper: %v", name, err)
				}
				if n := rows(by, enrolment.Filter{Show: "closed"}); gone == (n > 0) {
					t.Errorf("%s: %d in the list", name, n)
				}
				if n := rows(by, enrolment.Filter{Code: d.Code}); gone == (n > 0) {
					t.Errorf("%s: %d by code", name, n)
				}
			}
		}
		if n := h.Entries(t, "enrolment.dossier.read", "refused", d.Person); n != 2 {
			t.Fatalf("%d of 2 attempts are in the log", n)
		}
	})
}

// TestADossierIsLeftLying: nobody takes a dossier from the officer who checks it,
// and when she has gone or let it lie a colleague of the office has it.
func TestADossierIsLeftLying(t *testing.T) {
	for name, leave := range map[string]func(t *testing.T, h *enrolmenttest.House){
		"she has gone": func(t *testing.T, h *enrolmenttest.House) {
			check(t, h.Roster.End(t.Context(), audit.System("test"), h.Intake.Account, office.IntakeOfficer))
		},
		"she let it lie": func(_ *testing.T, h *enrolmenttest.House) { h.Clock.Advance(4 * 24 * time.Hour) }, // from Monday to Friday three working days: the 24th is none
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, h *enrolmenttest.House) {
				ctx := t.Context()
				lost(t, h, holder(t, h, enrolmenttest.Ha, 11))
				key := queued(t, h, h.Intake, "online")[0].ID
				d, err := h.Office.TakeUp(ctx, h.Intake, key)
				check(t, err)
				_, err = h.Office.TakeUp(ctx, h.Colleague, key)
				wants(t, err, fault.Forbidden, "enrolment.forbidden")
				if rows := queued(t, h, h.Colleague, "office"); len(rows) != 1 || rows[0].Abandoned {
					t.Fatalf("%+v", rows)
				}
				leave(t, h)
				if rows := queued(t, h, h.Colleague, "office"); len(rows) != 1 || !rows[0].Abandoned {
					t.Fatalf("%+v", rows)
				}
				if _, err = h.Office.TakeUp(ctx, h.Stranger, key); err == nil {
					t.Fatal("another office has it")
				}
				d, err = h.Office.TakeUp(ctx, h.Colleague, key)
				check(t, err)
				if d.Intake != h.Colleague.Account || h.Entries(t, "enrolment.taken_up", "", d.Person) != 2 {
					t.Fatalf("%+v", d.Intake)
				}
				if _, err = h.Office.HandIn(ctx, h.Intake, key); err == nil {
					t.Fatal("the one who left it still hands it in")
				}
				_, err = h.Office.HandIn(ctx, h.Colleague, key)
				check(t, err)
			})
		})
	}
}

// TestACardThatNobodyCollects: its key is not kept for ever, and its dossier ends.
func TestACardThatNobodyCollects(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		_, err := h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		check(t, err)
		h.Deliver(t)
		h.Activate(t, enrolmenttest.Lam)
		keys := func() (n int) {
			check(t, h.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM enrolment_dossier_file WHERE name = 'chip_key'`).Scan(&n))
			return n
		}
		purge := func() {
			for _, p := range h.Office.Purges() {
				check(t, h.DB.Write(ctx, func(tx *db.Tx) error {
					_, err := p.Run(ctx, tx, h.Clock.Now())
					return err
				}))
			}
		}
		h.Clock.Advance(364 * 24 * time.Hour)
		purge()
		if keys() != 1 {
			t.Fatal("the key is gone in the year")
		}
		h.Clock.Advance(2 * 24 * time.Hour)
		purge()
		purge()
		if n := keys(); n != 0 {
			t.Fatalf("%d keys are kept", n)
		}
		_, err = h.Office.HandOver(ctx, h.Intake, d.ID, h.Proved(t, h.Intake, enrolmenttest.Lam, 20).ID.String())
		wants(t, err, fault.Conflict, "enrolment.moved")
		d, err = h.Office.Find(ctx, h.Intake, d.ID)
		check(t, err)
		if d.State != enrolment.Done || d.Events[len(d.Events)-1].Name != "not_collected" || h.Entries(t, "enrolment.not_collected", "", d.Person) != 1 {
			t.Fatalf("%s %+v", d.State, d.Events)
		}
		held, err := h.Cards.ListByPerson(ctx, look, d.Person)
		check(t, err)
		if len(held) != 1 || held[0].State != card.Revoked {
			t.Fatalf("%+v", held)
		}
		// It does not bar her from another card.
		_, err = h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: h.Typed(t, h.Intake, enrolmenttest.Lam).ID.String(), Kind: enrolment.Reissue, Cause: "lost"})
		check(t, err)
		h.Deliver(t)
		if told := h.Post.To(enrolmenttest.Phone(enrolmenttest.Lam)); !slices.ContainsFunc(told, func(m string) bool { return strings.Contains(m, "không có người nhận") }) {
			t.Fatalf("she was told %q", told)
		}
	})
}
