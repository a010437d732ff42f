// SPDX-License-Identifier: Apache-2.0

package enrolment_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"danh/audit"
	"danh/biometric"
	"danh/enrolment"
	"danh/enrolment/enrolmenttest"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/card"
)

// TestTheAuthorityTableIsTheDocumentedOne goes through role × action × state.
func TestTheAuthorityTableIsTheDocumentedOne(t *testing.T) {
	text, err := os.ReadFile("../docs/enrolment.md")
	check(t, err)
	documented := map[string]bool{}
	rows := regexp.MustCompile(`(?m)^\| ([a-z_]+) \| (intake|second|handover) \| ([a-z, ]+) \|$`).FindAllStringSubmatch(string(text), -1)
	if len(rows) != 17 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, r := range rows {
		for _, s := range strings.Split(r[3], ", ") {
			documented[r[1]+" "+r[2]+" "+s] = true
		}
	}
	for _, action := range []string{"view", "edit", "hand_in", "withdraw", "decide", "refuse", "supplement", "redraw", "hand_over", "take_up"} {
		for _, part := range []string{"intake", "second", "handover", "citizen"} {
			for _, s := range []enrolment.State{enrolment.Draft, enrolment.Received, enrolment.Checking, enrolment.Waiting, enrolment.Supplement, enrolment.Approved, enrolment.Done, enrolment.Refused, enrolment.Withdrawn} {
				if got, want := enrolment.May(action, part, s), documented[action+" "+part+" "+string(s)]; got != want {
					t.Errorf("%s by %s in %s: %v, documented %v", action, part, s, got, want)
				}
			}
		}
	}
}

// TestARenewalKeepsTheAccountOut: a card without an account, for nothing at the age for it.
func TestARenewalKeepsTheAccountOut(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		h.Holds(t, enrolmenttest.Ha, card.Chip)
		h.Enrol(t, enrolmenttest.Ha, "card", 30)
		v := h.Proved(t, h.Intake, enrolmenttest.Ha, 30)
		_, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.FirstCard})
		wants(t, err, fault.Conflict, "enrolment.kind.has_card")
		_, err = h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.Renewal, Cause: "lost"})
		wants(t, err, fault.Invalid, "enrolment.card.cause")
		d, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.Renewal})
		check(t, err)
		if d.Card.Fee != 0 || d.Card.Cause != card.Age || d.GivesLevel != 0 {
			t.Fatalf("%+v", d.Card)
		}
		_, err = h.Office.SetCard(ctx, h.Intake, d.ID, "collected", "because", "")
		wants(t, err, fault.Invalid, "enrolment.card.exemption")
		a := h.Applicant(t, enrolmenttest.Ha, "")
		d, err = h.Office.SaveApplicant(ctx, h.Intake, d.ID, 0, a)
		check(t, err)
		d = h.Capture(t, h.Intake, d, 30)
		d, err = h.Office.SetCard(ctx, h.Intake, d.ID, "collected", "", "")
		check(t, err)
		d, err = h.Office.HandIn(ctx, h.Intake, h.Signs(t, h.Intake, d).ID)
		check(t, err)
		if d.Second != h.Second.Account || d.NothingHeld || d.Contested != nil {
			t.Fatalf("%v %v", d.NothingHeld, d.Contested)
		}
		d, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		check(t, err)
		if _, err := h.Keeper.FindByPerson(ctx, d.Person); !fault.Is(err, fault.NotFound) {
			t.Fatal("a renewal opened an account")
		}
		_, err = h.Office.HandOver(ctx, h.Intake, d.ID, v.ID.String())
		check(t, err)
	})
}

// TestAnOfficeThatIsNotCompetentOpensNothing, by the row of the day.
func TestAnOfficeThatIsNotCompetentOpensNothing(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		v := h.Typed(t, h.Intake, enrolmenttest.Lam)
		check(t, h.DB.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE office_competence SET valid_to = '2026-11-23' WHERE procedure = 'cap-the-can-cuoc' AND kind = 'commune_police'`)
			return err
		}))
		_, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.FirstCard})
		wants(t, err, fault.Conflict, "enrolment.office.not_competent")
	})
}

// TestFingersUnlikeThoseHeld: a mismatch refuses nothing by itself and is
// another office's to decide.
func TestFingersUnlikeThoseHeld(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		h.Holds(t, enrolmenttest.Ha, card.Chip)
		h.Enrol(t, enrolmenttest.Ha, "card", 30)
		d := h.Begin(t, h.Intake, enrolmenttest.Ha, enrolment.AccountOnly)
		d, err := h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Ha, 20).ID)
		check(t, err)
		if d.Second != h.Elsewhere.Account || !slices.Contains(d.Contested, "no_match") || !slices.Contains(d.Contested, "unproved") {
			t.Fatalf("%v", d.Contested)
		}
		d, err = h.Office.Refuse(ctx, h.Elsewhere, d.ID, "not_same", "Vân tay không khớp")
		check(t, err)
		pdf, err := h.Office.Document(ctx, h.Elsewhere, d.ID, "refusal")
		if err != nil || len(pdf) == 0 {
			t.Fatal(err)
		}
		_, err = h.Office.Refuse(ctx, h.Elsewhere, d.ID, "not_same", "")
		wants(t, err, fault.Conflict, "enrolment.moved")
	})
}

// TestTheQueueShowsNobodyElsesWork: each list is an officer's own or her office's.
func TestTheQueueShowsNobodyElsesWork(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.Begin(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard)
		q, err := h.Office.List(ctx, h.Intake, enrolment.Filter{})
		check(t, err)
		if len(q.Rows) != 1 || q.Rows[0].Name != "Trần Văn Lâm" || q.Rows[0].Tail != "9903" || q.Rows[0].Missing == 0 {
			t.Fatalf("%+v", q.Rows)
		}
		q, err = h.Office.List(ctx, h.Colleague, enrolment.Filter{Show: "office"})
		check(t, err)
		if len(q.Rows) != 1 || q.Rows[0].Mine != "" {
			t.Fatalf("%+v", q.Rows)
		}
		for _, show := range []string{"mine", "decide", "office", "handover", "closed"} {
			q, err = h.Office.List(ctx, h.Stranger, enrolment.Filter{Show: show})
			check(t, err)
			if len(q.Rows) != 0 {
				t.Errorf("%s: another office sees her", show)
			}
		}
		q, err = h.Office.List(ctx, h.Stranger, enrolment.Filter{Code: d.Code})
		check(t, err)
		if len(q.Rows) != 0 {
			t.Error("a code opens another office's list")
		}
		if _, err = h.Office.List(ctx, audit.Citizen(id.NewPerson(), h.Person(enrolmenttest.Ha)), enrolment.Filter{}); !fault.Is(err, fault.Forbidden) {
			t.Error("a citizen reads the queue")
		}
	})
}
