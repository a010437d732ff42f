// SPDX-License-Identifier: Apache-2.0

package enrolment_test

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/biometric"
	"danh/enrolment"
	"danh/enrolment/enrolmenttest"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/card"
	"danh/registry/population"
)

// TestNobodyApprovesHerOwnIntake: with both roles, drawn or not, by another
// account of the same person, or as a colleague.
func TestNobodyApprovesHerOwnIntake(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		h.Also(t, h.Intake, h.Here, office.Approver)
		twin := audit.Officer(id.NewPerson(), h.Intake.Person, h.Here.Name)
		h.Also(t, twin, h.Here, office.Approver)
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		if d.Second != h.Second.Account {
			t.Fatal("the intake officer was drawn for her own dossier")
		}
		for name, by := range map[string]audit.Actor{"the intake officer": h.Intake, "her second account": twin, "an approver elsewhere": h.Elsewhere, "a colleague": h.Colleague,
			"a citizen": audit.Citizen(id.NewPerson(), h.Person(enrolmenttest.Lam)), "the system": audit.System("x"), "nobody": audit.Anonymous()} {
			if _, err := h.Office.Approve(ctx, by, d.ID, biometric.Same); !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := h.Entries(t, "enrolment.decide", "refused", d.Person); n != 7 {
			t.Errorf("%d of 7 attempts are in the log", n)
		}
		if _, err := h.Keeper.FindByPerson(ctx, d.Person); !fault.Is(err, fault.NotFound) {
			t.Fatal("an account came of it")
		}
	})
}

// TestARoleEndedBetweenDrawAndDecision: the role is read in the decision.
func TestARoleEndedBetweenDrawAndDecision(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		_, err := h.Office.Redraw(ctx, h.Intake, d.ID, "she is slow")
		wants(t, err, fault.Conflict, "enrolment.redraw.early")
		check(t, h.Roster.End(ctx, audit.System("test"), h.Second.Account, office.Approver))
		_, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		wants(t, err, fault.Forbidden, "enrolment.forbidden")
		// Nobody else is there: the dossier stays as it is.
		_, err = h.Office.Redraw(ctx, h.Intake, d.ID, "her role ended")
		wants(t, err, fault.Unavailable, "office.staff.none_to_draw")
		third := h.Staff(t, enrolmenttest.Old, h.Here, office.Approver)
		d, err = h.Office.Redraw(ctx, h.Intake, d.ID, "her role ended")
		check(t, err)
		if d.Second != third.Account {
			t.Fatal("not the one who is there")
		}
		_, err = h.Office.Approve(ctx, third, d.ID, biometric.Same)
		check(t, err)
	})
}

// TestApprovedTwiceInParallel: one card, one account.
func TestApprovedTwiceInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() { _, errs[i] = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !fault.Is(err, fault.Conflict) {
				t.Errorf("lost by %v", err)
			}
		}
		held, err := h.Cards.ListByPerson(ctx, look, d.Person)
		check(t, err)
		if won != 1 || len(held) != 1 || h.Entries(t, "account.issued", "", d.Person) != 1 {
			t.Fatalf("%d won, %d cards", won, len(held))
		}
	})
}

// TestADossierOfAClosedVisit: no capture, no signature, no handing in without her.
func TestADossierOfAClosedVisit(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		v := h.Typed(t, h.Intake, enrolmenttest.Lam)
		d, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.FirstCard})
		check(t, err)
		d = h.Complete(t, h.Intake, d, enrolmenttest.Lam, 20)
		check(t, h.Visits.Close(ctx, h.Intake, v.ID))
		_, err = h.Office.PutPortrait(ctx, h.Intake, d.ID, bytes.NewReader(enrolmenttest.Face(9, 1)), true)
		wants(t, err, fault.Conflict, "enrolment.visit.over")
		_, err = h.Office.PutFinger(ctx, h.Intake, d.ID, 1, bytes.NewReader(enrolmenttest.Press(t, 20, 2, 1)), "upload")
		wants(t, err, fault.Conflict, "enrolment.visit.over")
		_, err = h.Office.Sign(ctx, h.Intake, d.ID, "capture", "applicant", "screen", bytes.NewReader(enrolmenttest.Ink()))
		wants(t, err, fault.Conflict, "enrolment.visit.over")
		_, err = h.Office.HandIn(ctx, h.Intake, d.ID)
		wants(t, err, fault.Conflict, "enrolment.visit.over")
		_, err = h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.FirstCard})
		wants(t, err, fault.Conflict, "enrolment.visit.over")
		// In a new visit the same dossier goes on.
		again := h.Begin(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard)
		if again.ID != d.ID {
			t.Fatal("another dossier about the same person")
		}
		_, err = h.Office.HandIn(ctx, h.Intake, d.ID)
		check(t, err)
	})
}

// TestAlteredAfterSigning: whatever is changed asks for another review and
// other signatures, also when it is changed back by hand in the rows.
func TestAlteredAfterSigning(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.Complete(t, h.Intake, h.Begin(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard), enrolmenttest.Lam, 20)
		if !d.Ready() || len(d.Signed) != 4 {
			t.Fatalf("%+v", d.Tasks)
		}
		for name, alter := range map[string]func() (enrolment.Dossier, error){
			"data": func() (enrolment.Dossier, error) {
				a := d.Applicant
				a.Marks = "Sẹo " + a.Marks
				return h.Office.SaveApplicant(ctx, h.Intake, d.ID, d.Version, a)
			},
			"portrait": func() (enrolment.Dossier, error) {
				return h.Office.PutPortrait(ctx, h.Intake, d.ID, bytes.NewReader(enrolmenttest.Face(21, 3)), true)
			},
			"paper": func() (enrolment.Dossier, error) {
				return h.Office.AddPaper(ctx, h.Intake, d.ID, enrolment.Paper{Kind: "driving_licence", Number: "790123456789", For: "integrate"}, nil)
			},
			"finger": func() (enrolment.Dossier, error) { return h.Office.RetakeFinger(ctx, h.Intake, d.ID, 2) },
		} {
			got, err := alter()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got.Ready() || len(got.Signed) != 0 {
				t.Errorf("%s: signatures outlived it", name)
			}
			_, err = h.Office.HandIn(ctx, h.Intake, d.ID)
			wants(t, err, fault.Conflict, "enrolment.incomplete")
			_, err = h.Office.Sign(ctx, h.Intake, d.ID, "capture", "applicant", "screen", bytes.NewReader(enrolmenttest.Ink()))
			wants(t, err, fault.Conflict, "enrolment.sign.unread")
			for _, p := range got.Papers {
				got, err = h.Office.RemovePaper(ctx, h.Intake, d.ID, p.ID)
				check(t, err)
			}
			if name == "portrait" || name == "finger" {
				got = h.Capture(t, h.Intake, got, 20)
			}
			d = h.Signs(t, h.Intake, got)
			if !d.Ready() {
				t.Fatalf("%s: %+v", name, d.Tasks)
			}
		}
	})
}

// TestTheHouseholdBookByAnyName: neither presented nor asked for (C36).
func TestTheHouseholdBookByAnyName(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.Begin(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard)
		for _, kind := range []string{"so_ho_khau", "sổ hộ khẩu", "SỔ HỘ KHẨU", "So Ho Khau", "sổ-hộ-khẩu", "sohokhau", "Sổ tạm trú", "household_book", "bản sao sổ hộ khẩu gia đình", "SHK"} {
			for _, use := range []string{"evidence", "integrate", "dependant"} {
				_, err := h.Office.AddPaper(ctx, h.Intake, d.ID, enrolment.Paper{Kind: kind, Number: "1", For: use}, nil)
				wants(t, err, fault.Invalid, "enrolment.paper.household_book")
				if g := fault.Of(err).Args["ground"]; !strings.Contains(g, "Điều 38") {
					t.Fatalf("%q names no law: %q", kind, g)
				}
			}
		}
		_, err := h.Office.AddPaper(ctx, h.Intake, d.ID, enrolment.Paper{Kind: "something", Number: "1", For: "evidence"}, nil)
		wants(t, err, fault.Invalid, "enrolment.paper.kind")
		d, err = h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Lam, 20).ID)
		check(t, err)
		_, err = h.Office.AskSupplement(ctx, h.Second, d.ID, "Đề nghị mang theo Sổ Hộ Khẩu bản chính")
		wants(t, err, fault.Invalid, "enrolment.paper.household_book")
		_, err = h.Office.Refuse(ctx, h.Second, d.ID, "data_differ", "Không có sổ hộ khẩu")
		wants(t, err, fault.Invalid, "enrolment.paper.household_book")
	})
}

// TestTheClockStandsForASupplement: days of the request do not count, and the
// limit is that of the beginning.
func TestTheClockStandsForASupplement(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		h.Clock.Set(time.Date(2026, 11, 25, 10, 0, 0, 0, clock.Vietnam)) // the first working day counts
		d, err := h.Office.AskSupplement(ctx, h.Second, d.ID, "Ảnh chân dung cần chụp lại")
		check(t, err)
		if d.State != enrolment.Supplement || !d.DueAt.IsZero() || d.Late {
			t.Fatalf("%s, due %s", d.State, d.DueAt)
		}
		_, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		wants(t, err, fault.Conflict, "enrolment.moved")
		h.Clock.Set(time.Date(2026, 12, 7, 9, 0, 0, 0, clock.Vietnam))
		own, err := h.Office.Track(ctx, d.Code, clock.Date{Year: 1988, Month: 1, Day: 2}, "203.0.113.7")
		check(t, err)
		if !own.Stopped || len(own.Asked) != 1 || own.Name != "" || own.Documents != nil {
			t.Fatalf("%+v", own)
		}
		d = h.Begin(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard)
		_, err = h.Office.HandIn(ctx, h.Intake, d.ID) // as it was: nothing changed, and nobody says why
		wants(t, err, fault.Conflict, "enrolment.incomplete")
		d, err = h.Office.HandIn(ctx, h.Intake, h.Signs(t, h.Intake, h.Capture(t, h.Intake, d, 20)).ID)
		check(t, err)
		// Neither the day of the request nor that of the answer counts: seven from the 8th.
		if got := clock.DateOf(d.DueAt.Add(-1)); got != (clock.Date{Year: 2026, Month: 12, Day: 16}) {
			t.Fatalf("due on %s", got)
		}
		h.Clock.Set(time.Date(2026, 12, 17, 9, 0, 0, 0, clock.Vietnam))
		d, err = h.Office.Find(ctx, h.Second, d.ID)
		check(t, err)
		if !d.Late {
			t.Fatal("a deadline that passed is not late")
		}
	})
}

// TestAnotherOfficeOpensADossier: absent to her, and the attempt is recorded.
func TestAnotherOfficeOpensADossier(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.Complete(t, h.Intake, h.Begin(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard), enrolmenttest.Lam, 20)
		for name, by := range map[string]audit.Actor{"another office's": h.Stranger, "a colleague": h.Colleague, "an approver not drawn": h.Elsewhere} {
			if _, err := h.Office.Find(ctx, by, d.ID); !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s reads it: %v", name, err)
			}
			if _, err := h.Office.ShowFaces(ctx, by, d.ID); err == nil {
				t.Errorf("%s sees the faces", name)
			}
			if _, err := h.Office.Preview(ctx, by, d.ID, "enrolment"); err == nil {
				t.Errorf("%s sees the form", name)
			}
			if _, err := h.Office.SaveApplicant(ctx, by, d.ID, d.Version, d.Applicant); err == nil {
				t.Errorf("%s writes", name)
			}
			if _, err := h.Office.HandIn(ctx, by, d.ID); err == nil {
				t.Errorf("%s hands it in", name)
			}
		}
		if n := h.Entries(t, "enrolment.dossier.read", "refused", d.Person); n != 3 {
			t.Errorf("%d of 3 attempts to read are in the log", n)
		}
		// Her officer moved to another office: the dossier stays where it was taken in.
		check(t, h.Roster.End(ctx, audit.System("test"), h.Intake.Account, office.IntakeOfficer))
		h.Also(t, h.Intake, h.There, office.IntakeOfficer)
		_, err := h.Office.Find(ctx, h.Intake, d.ID)
		wants(t, err, fault.Forbidden, "enrolment.forbidden")
	})
}

// TestAnOfficerEnrolsHerselfOrHerFamily is refused and recorded.
func TestAnOfficerEnrolsHerselfOrHerFamily(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		own := h.Typed(t, h.Intake, "p6")
		_, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: own.ID.String(), Kind: enrolment.FirstCard})
		wants(t, err, fault.Forbidden, "enrolment.own_matter")
		mother := h.Typed(t, h.Intake, enrolmenttest.Cuc)
		_, err = h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: mother.ID.String(), Kind: enrolment.FirstCard})
		wants(t, err, fault.Forbidden, "enrolment.own_family")
		if h.Entries(t, "enrolment.opened", "refused", h.Person(enrolmenttest.Cuc)) != 1 || h.Entries(t, "enrolment.opened", "refused", h.Person("p6")) != 1 {
			t.Error("the attempts are not in the log")
		}
		// Nor is anybody drawn for her own family: Ha's mother is the only approver but one.
		check(t, h.Roster.End(ctx, audit.System("test"), h.Second.Account, office.Approver))
		h.Staff(t, enrolmenttest.Ha, h.Here, office.Approver)
		d := h.Complete(t, h.Colleague, h.Begin(t, h.Colleague, enrolmenttest.Cuc, enrolment.FirstCard), enrolmenttest.Cuc, 20)
		_, err = h.Office.HandIn(ctx, h.Colleague, d.ID)
		wants(t, err, fault.Unavailable, "office.staff.none_to_draw")
		got, err := h.Office.Find(ctx, h.Colleague, d.ID)
		check(t, err)
		if got.State != enrolment.Draft || !got.Ready() {
			t.Fatal("the dossier did not stay as it was")
		}
	})
}

// TestALockedAccountIsNotRaised, whether it was locked before or in between.
func TestALockedAccountIsNotRaised(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		p := h.Known(t, enrolmenttest.Ha)
		h.Carrier.Says(phone, p.Number, "yes")
		_, s := h.Open(t, accounttest.Person{ID: p.ID, Declared: declaredOf(p)}, phone)
		h.Holds(t, enrolmenttest.Ha, card.Chip)
		h.Enrol(t, enrolmenttest.Ha, "card", 30)
		v := h.Proved(t, h.Intake, enrolmenttest.Ha, 30)
		d, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.Upgrade})
		check(t, err)
		d, err = h.Office.SaveApplicant(ctx, h.Intake, d.ID, 0, h.Applicant(t, enrolmenttest.Ha, phone))
		check(t, err)
		d, err = h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Ha, 30).ID)
		check(t, err)
		h.Lock(t, s.Account)
		_, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		wants(t, err, fault.Conflict, "account.proofed.not_active")
		_, err = h.Office.Withdraw(ctx, h.Intake, d.ID)
		check(t, err)
		_, err = h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.Upgrade})
		wants(t, err, fault.Conflict, "enrolment.account.locked")
	})
}

// TestADeadPersonAndAChangedNumber are found in the decision itself.
func TestADeadPersonAndAChangedNumber(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		check(t, h.DB.Write(ctx, func(tx *db.Tx) error {
			return h.Population.ChangeNumberTx(ctx, tx, audit.System("test"), d.Person, population.Number("001288999903"), population.SexReset, clock.Date{Year: 2026, Month: 11, Day: 23}, "test")
		}))
		_, err := h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		wants(t, err, fault.Conflict, "enrolment.number_changed")
		check(t, h.DB.Write(ctx, func(tx *db.Tx) error {
			return h.Population.RecordDeathTx(ctx, tx, audit.System("test"), d.Person, clock.Date{Year: 2026, Month: 11, Day: 23}, "test")
		}))
		_, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		wants(t, err, fault.Conflict, "enrolment.dead")
		_, err = h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: "nonsense", Kind: enrolment.FirstCard})
		wants(t, err, fault.Invalid, "enrolment.visit.unknown")
	})
}

// TestAHalfApprovalLeavesNothing: the approval fails after the faces were
// confirmed and before the account, and none of it stands.
func TestAHalfApprovalLeavesNothing(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		// Somebody else's account has the phone by the carrier's word: the account
		// is the last thing that an approval makes.
		p := h.Known(t, enrolmenttest.Ha)
		h.Carrier.Says(enrolmenttest.Phone(enrolmenttest.Lam), p.Number, "yes")
		h.Open(t, accounttest.Person{ID: p.ID, Declared: declaredOf(p)}, enrolmenttest.Phone(enrolmenttest.Lam))
		_, err := h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		wants(t, err, fault.Conflict, "account.phone.taken")
		got, err := h.Office.Find(ctx, h.Second, d.ID)
		check(t, err)
		face := got.Evidence[slices.IndexFunc(got.Evidence, func(e biometric.Evidence) bool { return e.Kind == "face" })]
		held, err := h.Cards.ListByPerson(ctx, look, d.Person)
		check(t, err)
		if got.State != enrolment.Waiting || face.Outcome != "" || len(held) != 0 || h.Entries(t, "biometric.enrolled", "", d.Person) != 0 {
			t.Fatalf("%s, face %q, %d cards: half of an approval stands", got.State, face.Outcome, len(held))
		}
	})
}

// TestTwoOfficersSeeDifferentFaces: it approves nothing, and after a new capture
// another office decides.
func TestTwoOfficersSeeDifferentFaces(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		d, err := h.Office.Approve(ctx, h.Second, d.ID, biometric.Different)
		check(t, err)
		if d.State != enrolment.Waiting || d.Evidence[len(d.Evidence)-1].Outcome != biometric.Disputed {
			t.Fatalf("%s %+v", d.State, d.Evidence)
		}
		_, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		wants(t, err, fault.Conflict, "enrolment.face.settled")
		_, err = h.Office.AskSupplement(ctx, h.Second, d.ID, "Chụp lại ảnh chân dung")
		check(t, err)
		h.Clock.Advance(time.Minute)
		d = h.Begin(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard)
		d, err = h.Office.HandIn(ctx, h.Intake, h.Signs(t, h.Intake, h.Capture(t, h.Intake, d, 20)).ID)
		check(t, err)
		if d.Second != h.Elsewhere.Account {
			t.Fatal("a disputed face stays with the office")
		}
		_, err = h.Office.Approve(ctx, h.Elsewhere, d.ID, biometric.Same)
		check(t, err)
	})
}

// TestFingersOfSomebodyElse: whoever has them in the gallery comes up, and the
// dossier goes to another office, undecided.
func TestFingersOfSomebodyElse(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		h.Enrol(t, enrolmenttest.Ha, "card", 30)
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 30)
		if d.Second != h.Elsewhere.Account || d.State != enrolment.Waiting {
			t.Fatal("fingers of somebody else are decided at the same office")
		}
		if h.Entries(t, "biometric.candidate.searched", "", h.Person(enrolmenttest.Ha)) == 0 {
			t.Fatal("she cannot see that she came up")
		}
		d, err := h.Office.Refuse(ctx, h.Elsewhere, d.ID, "other_identity", "")
		check(t, err)
		if d.State != enrolment.Refused {
			t.Fatal(d.State)
		}
		var left int
		check(t, h.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM enrolment_dossier_finger`).Scan(&left))
		if left != 0 {
			t.Fatal("prints of a refused dossier are kept")
		}
	})
}

// TestACardIsHandedToSomebodyElse: not to another, not unproved, not at another
// office, not twice.
func TestACardIsHandedToSomebodyElse(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		typed := h.Typed(t, h.Intake, enrolmenttest.Lam)
		_, err := h.Office.HandOver(ctx, h.Intake, d.ID, typed.ID.String())
		wants(t, err, fault.Conflict, "enrolment.moved")
		_, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		check(t, err)
		_, err = h.Office.HandOver(ctx, h.Intake, d.ID, typed.ID.String())
		wants(t, err, fault.Conflict, "enrolment.handover.unproved")
		h.Enrol(t, enrolmenttest.Ha, "card", 30)
		other := h.Proved(t, h.Intake, enrolmenttest.Ha, 30)
		_, err = h.Office.HandOver(ctx, h.Intake, d.ID, other.ID.String())
		wants(t, err, fault.Conflict, "enrolment.handover.other")
		his := h.Proved(t, h.Stranger, enrolmenttest.Lam, 20)
		if _, err = h.Office.HandOver(ctx, h.Stranger, d.ID, his.ID.String()); !fault.Is(err, fault.Forbidden) {
			t.Fatal(err)
		}
		if _, err = h.Office.HandOver(ctx, h.Second, d.ID, other.ID.String()); err == nil {
			t.Fatal("the second officer hands over")
		}
		right := h.Proved(t, h.Intake, enrolmenttest.Lam, 20)
		_, err = h.Office.HandOver(ctx, h.Intake, d.ID, right.ID.String())
		check(t, err)
		_, err = h.Office.HandOver(ctx, h.Intake, d.ID, right.ID.String())
		wants(t, err, fault.Conflict, "enrolment.moved")
	})
}

// TestTheCodeIsGuessed: five tries, then another code; a code of another phone
// confirms nothing.
func TestTheCodeIsGuessed(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.Begin(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard)
		_, err := h.Office.SendCode(ctx, h.Intake, d.ID)
		wants(t, err, fault.Invalid, "enrolment.contact.phone")
		d, err = h.Office.SaveApplicant(ctx, h.Intake, d.ID, 0, h.Applicant(t, enrolmenttest.Lam, phone))
		check(t, err)
		_, err = h.Office.SendCode(ctx, h.Intake, d.ID)
		check(t, err)
		right := h.Code(t, phone)
		wrong := "000000"
		if right == wrong {
			wrong = "111111"
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { _, _ = h.Office.ConfirmPhone(ctx, h.Intake, d.ID, wrong) })
		}
		wg.Wait()
		_, err = h.Office.ConfirmPhone(ctx, h.Intake, d.ID, right)
		wants(t, err, fault.Invalid, "enrolment.contact.over")
		// The phone is changed: its code is another's.
		_, err = h.Office.SendCode(ctx, h.Intake, d.ID)
		check(t, err)
		right = h.Code(t, phone)
		a := d.Applicant
		a.Phone = "0955555555"
		d, err = h.Office.SaveApplicant(ctx, h.Intake, d.ID, d.Version, a)
		check(t, err)
		_, err = h.Office.ConfirmPhone(ctx, h.Intake, d.ID, right)
		wants(t, err, fault.Invalid, "enrolment.contact.over")
		for range 4 {
			if _, err = h.Office.SendCode(ctx, h.Intake, d.ID); err != nil {
				break
			}
		}
		if !fault.Is(err, fault.TooMany) {
			t.Fatalf("codes without end: %v", err)
		}
	})
}

// TestTrackingIsGuessed: a wrong birth date and an unknown code are alike, and
// tries are limited.
func TestTrackingIsGuessed(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		birth := clock.Date{Year: 1988, Month: 1, Day: 2}
		_, err := h.Office.Track(ctx, "CC-26-00000-00000", birth, "203.0.113.7")
		wants(t, err, fault.NotFound, "enrolment.track.wrong")
		for range 9 {
			_, err = h.Office.Track(ctx, d.Code, clock.Date{Year: 1988, Month: 1, Day: 3}, "203.0.113.7")
			wants(t, err, fault.NotFound, "enrolment.track.wrong")
		}
		_, err = h.Office.Track(ctx, strings.ToLower(strings.ReplaceAll(d.Code, "-", " ")), birth, "")
		check(t, err)
		_, err = h.Office.Track(ctx, d.Code, birth, "")
		if !fault.Is(err, fault.TooMany) {
			t.Fatalf("tries without end: %v", err)
		}
		if _, err := h.Office.FindOwn(ctx, audit.Citizen(id.NewPerson(), h.Person(enrolmenttest.Ha)), d.Code); !fault.Is(err, fault.NotFound) {
			t.Fatalf("another's dossier: %v", err)
		}
	})
}

// TestARepresentativeWhoIsNone: unproved, without an own account, or nobody to her.
func TestARepresentativeWhoIsNone(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		open := func(rep visit.Visit, relation string) error {
			_, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: h.Typed(t, h.Intake, enrolmenttest.An).ID.String(), Kind: enrolment.Child, Relation: relation, Representative: rep.ID.String()})
			return err
		}
		wants(t, open(visit.Visit{}, "mother"), fault.Invalid, "enrolment.representative.needed")
		h.Enrol(t, enrolmenttest.Ha, "card", 30)
		typed := h.Typed(t, h.Intake, enrolmenttest.Ha)
		wants(t, open(typed, "mother"), fault.Conflict, "enrolment.representative.unproved")
		proved := h.Proved(t, h.Intake, enrolmenttest.Ha, 30)
		wants(t, open(proved, "mother"), fault.Conflict, "enrolment.representative.account")
		wants(t, open(proved, "aunt"), fault.Invalid, "enrolment.representative.relation")
		_, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: typed.ID.String(), Kind: enrolment.Child})
		wants(t, err, fault.Conflict, "enrolment.kind.age")
		_, err = h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: h.Typed(t, h.Intake, "f1").ID.String(), Kind: enrolment.FirstCard})
		wants(t, err, fault.Conflict, "enrolment.kind.registry")
	})
}

// TestWhatIsForgotten: drafts with all files, supplements that never came.
func TestWhatIsForgotten(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.Complete(t, h.Intake, h.Begin(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard), enrolmenttest.Lam, 20)
		purge := func() {
			for _, p := range h.Office.Purges() {
				_, err := p.RunOnce(ctx, h.DB, h.Clock.Now())
				check(t, err)
			}
		}
		purge()
		_, err := h.Office.Find(ctx, h.Intake, d.ID)
		check(t, err)
		h.Clock.Advance(15 * 24 * time.Hour)
		purge()
		if _, err = h.Office.Find(ctx, h.Intake, d.ID); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		for _, table := range []string{"enrolment_dossier", "enrolment_dossier_key", "enrolment_dossier_code", "enrolment_dossier_file", "enrolment_dossier_finger", "enrolment_dossier_otp"} {
			var n int
			check(t, h.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM `+table).Scan(&n))
			if n != 0 {
				t.Errorf("%d rows of a forgotten draft in %s", n, table)
			}
		}
	})
}

// TestBombsAndOtherFiles: what is no picture is refused before it is unpacked.
func TestBombsAndOtherFiles(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.Begin(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard)
		bomb := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xff\xff\x00\x00\xff\xff\x08\x02\x00\x00\x00")
		for name, b := range map[string][]byte{"nothing": {}, "text": []byte("hello"), "bomb": bomb, "large": make([]byte, 11<<20)} {
			if _, err := h.Office.PutPortrait(ctx, h.Intake, d.ID, bytes.NewReader(b), true); !fault.Is(err, fault.Invalid) {
				t.Errorf("portrait, %s: %v", name, err)
			}
			if _, err := h.Office.PutFinger(ctx, h.Intake, d.ID, 1, bytes.NewReader(b), "upload"); !fault.Is(err, fault.Invalid) {
				t.Errorf("finger, %s: %v", name, err)
			}
			if _, err := h.Office.AddPaper(ctx, h.Intake, d.ID, enrolment.Paper{Kind: "birth_certificate", Number: "1", For: "evidence"}, bytes.NewReader(b)); !fault.Is(err, fault.Invalid) {
				t.Errorf("paper, %s: %v", name, err)
			}
		}
		_, err := h.Office.PutFinger(ctx, h.Intake, d.ID, 11, bytes.NewReader(nil), "upload")
		wants(t, err, fault.Invalid, "enrolment.finger.position")
		_, err = h.Office.PutFinger(ctx, h.Intake, d.ID, 1, bytes.NewReader(nil), "a page")
		wants(t, err, fault.Invalid, "enrolment.finger.source")
	})
}

func declaredOf(p population.Person) account.Declared {
	return account.Declared{Number: p.Number, Name: p.Name, BirthDate: p.BirthDate, Sex: p.Sex}
}
