// SPDX-License-Identifier: Apache-2.0

package enrolment_test

import (
	"slices"
	"testing"
	"time"

	"danh/audit"
	"danh/biometric"
	"danh/enrolment"
	"danh/enrolment/enrolmenttest"
	"danh/internal/fault"
	"danh/office"
	"danh/registry/card"
)

// TestNoFingerIsReadOfWhomPrintsAreHeld: an impostor's fingers would not match,
// so all of them are said to be bandaged.
func TestNoFingerIsReadOfWhomPrintsAreHeld(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		h.Holds(t, enrolmenttest.Lam, card.Chip)
		h.Enrol(t, enrolmenttest.Lam, "card", 20)
		v := h.Proved(t, h.Intake, enrolmenttest.Lam, 20)
		d, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.AccountOnly})
		check(t, err)
		d = h.Complete(t, h.Intake, d, enrolmenttest.Lam, 21) // somebody else's hand, and face
		for p := 1; p <= 10; p++ {
			_, err := h.Office.MissFinger(ctx, h.Intake, d.ID, p, biometric.Bandaged)
			check(t, err)
		}
		d, err = h.Office.Match(ctx, h.Intake, d.ID)
		check(t, err)
		if d.NothingHeld {
			t.Error("the page says that nothing is held of her")
		}
		_, err = h.Office.ConcludeFace(ctx, h.Intake, d.ID, biometric.Same)
		check(t, err)
		d, err = h.Office.HandIn(ctx, h.Intake, h.Signs(t, h.Intake, d).ID)
		check(t, err)
		if d.Second != h.Elsewhere.Account || !slices.Contains(d.Contested, "unread") {
			t.Fatalf("no finger was compared, and the same office decides: %v", d.Contested)
		}
	})
}

// TestWithdrawnUntilAFriendIsDrawn: who was drawn is not to the first officer's
// liking, so the dossier is withdrawn and begun again, or begun after a refusal.
func TestWithdrawnUntilAFriendIsDrawn(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, h *enrolmenttest.House, d enrolment.Dossier) error{
		"withdrawn": func(t *testing.T, h *enrolmenttest.House, d enrolment.Dossier) error {
			_, err := h.Office.Withdraw(t.Context(), h.Intake, d.ID)
			return err
		},
		"refused": func(t *testing.T, h *enrolmenttest.House, d enrolment.Dossier) error {
			_, err := h.Office.Refuse(t.Context(), h.Second, d.ID, "not_same", "")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, h *enrolmenttest.House) {
				d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
				check(t, end(t, h, d))
				for _, table := range []string{"enrolment_dossier_finger", "enrolment_dossier_file"} {
					where, n := "", 0
					if table == "enrolment_dossier_file" {
						where = ` WHERE name IN ('portrait', 'card')`
					}
					check(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table+where).Scan(&n))
					if n != 0 && (where == "" || name == "withdrawn") {
						t.Errorf("%d rows of what was taken are kept in %s", n, table)
					}
				}
				// A colleague does no better.
				d = h.HandedIn(t, h.Colleague, enrolmenttest.Lam, enrolment.FirstCard, 20)
				if d.Second != h.Elsewhere.Account || !slices.Contains(d.Contested, "retried") {
					t.Fatalf("the same office decides: %v", d.Contested)
				}
				_, err := h.Office.Withdraw(t.Context(), h.Colleague, d.ID)
				check(t, err)
				h.Clock.Advance(35 * 24 * time.Hour)
				d = h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
				if d.Second != h.Second.Account {
					t.Fatalf("for ever: %v", d.Contested)
				}
			})
		})
	}
}

// TestDraftWithdrawnIsNoTry: nobody was drawn for it.
func TestDraftWithdrawnIsNoTry(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		d := h.Begin(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard)
		_, err := h.Office.Withdraw(t.Context(), h.Intake, d.ID)
		check(t, err)
		d = h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		if d.Second != h.Second.Account || d.Contested != nil {
			t.Fatal(d.Contested)
		}
	})
}

// TestAnotherSecondAfterASupplement: whoever asked for more decides; handing in
// again is no other draw. When her role ended another is drawn.
func TestAnotherSecondAfterASupplement(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		for _, ref := range []string{enrolmenttest.Old, enrolmenttest.Tam, enrolmenttest.Ha} {
			h.Staff(t, ref, h.Here, office.Approver) // now four could be drawn
		}
		again := func() {
			t.Helper()
			_, err := h.Office.AskSupplement(ctx, h.Second, d.ID, "Ảnh chân dung cần chụp lại")
			check(t, err)
			d = h.Begin(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard)
		}
		for range 4 {
			again()
			_, err := h.Office.AnswerAsked(ctx, h.Intake, d.ID, "Ảnh đã rõ, không cần chụp lại")
			check(t, err)
			d, err = h.Office.HandIn(ctx, h.Intake, h.Signs(t, h.Intake, d).ID)
			check(t, err)
			if d.Second != h.Second.Account {
				t.Fatal("another one decides after a supplement")
			}
		}
		again()
		check(t, h.Roster.End(ctx, audit.System("test"), h.Second.Account, office.Approver))
		_, err := h.Office.AnswerAsked(ctx, h.Intake, d.ID, "Ảnh đã rõ, không cần chụp lại")
		check(t, err)
		d, err = h.Office.HandIn(ctx, h.Intake, h.Signs(t, h.Intake, d).ID)
		check(t, err)
		if d.Second == h.Second.Account {
			t.Fatal("drawn without the role")
		}
	})
}

// TestRedrawnUntilAFriendIsDrawn: who was drawn stands and is only slow. Another
// office decides then, not the next one of this.
func TestRedrawnUntilAFriendIsDrawn(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		for _, ref := range []string{enrolmenttest.Old, enrolmenttest.Tam} {
			h.Staff(t, ref, h.Here, office.Approver)
		}
		h.Clock.Advance(24 * time.Hour)
		d, err := h.Office.Redraw(ctx, h.Intake, d.ID, "she is slow")
		check(t, err)
		if d.Second != h.Elsewhere.Account || !slices.Contains(d.Contested, "redrawn") {
			t.Fatalf("the same office decides: %v", d.Contested)
		}
		_, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Forbidden) {
			t.Fatal("who was drawn before decides:", err)
		}
	})
}
