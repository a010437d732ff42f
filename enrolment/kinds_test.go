// SPDX-License-Identifier: Apache-2.0

package enrolment_test

import (
	"bytes"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/biometric"
	"danh/enrolment"
	"danh/enrolment/enrolmenttest"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/registry/card"
)

// TestACardHolderGetsAnAccount: fingers equal to the card's are the evidence.
func TestACardHolderGetsAnAccount(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		h.Adult(t)
		a, err := h.Keeper.FindByPerson(t.Context(), h.Person(enrolmenttest.Ha))
		check(t, err)
		if a.Level != 2 || a.Status != account.Active || a.Proofing.What != "fingerprint" {
			t.Fatalf("%+v", a)
		}
		// A second dossier for the same is refused before anything is captured.
		v := h.Proved(t, h.Intake, enrolmenttest.Ha, 30)
		_, err = h.Office.Open(t.Context(), h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.AccountOnly})
		wants(t, err, fault.Conflict, "enrolment.account.stands")
	})
}

// TestALevelOneAccountIsRaised keeps password and sessions.
func TestALevelOneAccountIsRaised(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		p := h.Known(t, enrolmenttest.Ha)
		h.Carrier.Says(phone, p.Number, account.Yes)
		tok, s := h.Open(t, accounttest.Person{ID: p.ID, Declared: account.Declared{Number: p.Number, Name: p.Name, BirthDate: p.BirthDate, Sex: p.Sex}}, phone)
		h.Holds(t, enrolmenttest.Ha, card.Chip)
		h.Enrol(t, enrolmenttest.Ha, "card", 30)
		v := h.Proved(t, h.Intake, enrolmenttest.Ha, 30)
		d, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.Upgrade})
		check(t, err)
		d, err = h.Office.SaveApplicant(ctx, h.Intake, d.ID, 0, h.Applicant(t, enrolmenttest.Ha, phone))
		check(t, err)
		d, err = h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Ha, 30).ID)
		check(t, err)
		if got := clock.DateOf(d.DueAt.Add(-1)); got != (clock.Date{Year: 2026, Month: 11, Day: 27}) {
			t.Fatalf("three working days end on %s", got)
		}
		_, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		check(t, err)
		got, err := h.Keeper.FindSession(ctx, tok)
		check(t, err)
		if got.ID != s.ID || got.Level != 2 {
			t.Fatalf("%+v", got)
		}
	})
}

// TestASquatterFalls: whoever opened an account on her number loses it to her.
func TestASquatterFalls(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		p := h.Known(t, enrolmenttest.Lam)
		tok, s := h.Open(t, accounttest.Person{ID: p.ID, Declared: account.Declared{Number: p.Number, Name: p.Name, BirthDate: p.BirthDate, Sex: p.Sex}}, "0977000111")
		if !s.Provisional {
			t.Fatal("the squatter's account must be provisional")
		}
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		_, err := h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		check(t, err)
		if _, err := h.Keeper.FindSession(ctx, tok); !fault.Is(err, fault.NotFound) {
			t.Fatalf("the squatter's session stands: %v", err)
		}
		a, err := h.Keeper.FindByPerson(ctx, p.ID)
		check(t, err)
		if a.ID == s.Account || a.Level != 2 {
			t.Fatalf("%+v", a)
		}
	})
}

// TestAChildThroughHerMother: the mother signs, has her own account, and confirms.
func TestAChildThroughHerMother(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		mother := h.Adult(t)
		open := func(ref, relation string) (enrolment.Dossier, error) {
			return h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: h.Typed(t, h.Intake, ref).ID.String(), Kind: enrolment.Child, Relation: relation, Representative: mother.ID.String()})
		}
		// An is 13: with portrait and fingers, a card and level 2.
		d, err := open(enrolmenttest.An, "mother")
		check(t, err)
		if d.Card == nil || d.GivesLevel != 2 || d.Representative.Proof != "registry" {
			t.Fatalf("%+v", d)
		}
		d, err = h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.An, 20).ID)
		check(t, err)
		_, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		check(t, err)
		a, err := h.Keeper.FindByPerson(ctx, h.Person(enrolmenttest.An))
		check(t, err)
		if a.Level != 2 {
			t.Fatalf("%+v", a)
		}
		list, err := h.Keeper.ListRepresentations(ctx, h.Citizen(t, enrolmenttest.Ha))
		check(t, err)
		if len(list) != 1 || list[0].Relation != "mother" || list[0].Proof != "registry" || !list[0].Confirms {
			t.Fatalf("%+v", list)
		}
		own, err := h.Office.ListOwn(ctx, h.Citizen(t, enrolmenttest.Ha))
		check(t, err)
		if len(own) != 2 {
			t.Fatalf("her own and her daughter's: %d", len(own))
		}
		// Once the link has ended, what came of it is her daughter's affair alone.
		check(t, h.DB.Write(ctx, func(tx *db.Tx) error {
			return h.Keeper.EndRepresentationTx(ctx, tx, h.Second, h.Person(enrolmenttest.Ha), h.Person(enrolmenttest.An), "error")
		}))
		own, err = h.Office.ListOwn(ctx, h.Citizen(t, enrolmenttest.Ha))
		check(t, err)
		if len(own) != 1 {
			t.Errorf("who represents her no more sees her dossier")
		}
		for _, name := range []string{"enrolment", "capture"} {
			_, err = h.Office.OwnDocument(ctx, h.Citizen(t, enrolmenttest.Ha), d.Code, name)
			wants(t, err, fault.NotFound, "enrolment.not_found")
		}
		_, err = h.Office.OwnDocument(ctx, h.Citizen(t, enrolmenttest.An), d.Code, "capture")
		check(t, err)
		// Bi is 4 and her mother is not registered: a birth certificate proves it, and nothing is captured of her.
		d, err = open(enrolmenttest.Bi, "mother")
		check(t, err)
		if d.Card != nil || d.GivesLevel != 1 || d.Representative.Proof != "" {
			t.Fatalf("%+v", d)
		}
		_, err = h.Office.PutPortrait(ctx, h.Intake, d.ID, bytes.NewReader(enrolmenttest.Face(1, 1)), true)
		wants(t, err, fault.Conflict, "enrolment.biometrics.none")
		d, err = h.Office.AddPaper(ctx, h.Intake, d.ID, enrolment.Paper{Kind: "birth_certificate", Number: "12/2022", For: "evidence"}, nil)
		check(t, err)
		d, err = h.Office.SeePaper(ctx, h.Intake, d.ID, d.Papers[0].ID)
		check(t, err)
		if d.Representative.Proof != "birth_certificate" {
			t.Fatalf("%+v", d.Representative)
		}
		d, err = h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Bi, 0).ID)
		check(t, err)
		d, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		check(t, err)
		if d.State != enrolment.Done {
			t.Fatal(d.State)
		}
	})
}

// TestAWardByDecision: only a guardianship decision that was seen makes it.
func TestAWardByDecision(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		guardian := h.Adult(t)
		d, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: h.Typed(t, h.Intake, enrolmenttest.Tam).ID.String(), Kind: enrolment.Ward, Relation: "guardian", Representative: guardian.ID.String()})
		check(t, err)
		_, err = h.Office.HandIn(ctx, h.Intake, d.ID)
		wants(t, err, fault.Conflict, "enrolment.incomplete")
		d, err = h.Office.AddPaper(ctx, h.Intake, d.ID, enrolment.Paper{Kind: "guardianship_decision", Number: "05/2024/QĐST", For: "evidence"}, nil)
		check(t, err)
		_, err = h.Office.SeePaper(ctx, h.Intake, d.ID, d.Papers[0].ID)
		check(t, err)
		d, err = h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Tam, 20).ID)
		check(t, err)
		d, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		check(t, err)
		// The guardian collects the card.
		d, err = h.Office.HandOver(ctx, h.Intake, d.ID, guardian.ID.String())
		check(t, err)
		if d.State != enrolment.Done {
			t.Fatal(d.State)
		}
	})
}

// TestAForeignerByHerPapers: no card, and only while her papers count.
func TestAForeignerByHerPapers(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, "f1", enrolment.Foreigner, 20)
		if d.Card != nil || d.GivesLevel != 2 {
			t.Fatalf("%+v", d)
		}
		h.Clock.Set(time.Date(2027, 3, 1, 9, 0, 0, 0, clock.Vietnam))
		_, err := h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		wants(t, err, fault.Conflict, "enrolment.stay_ended")
		h.Clock.Set(enrolmenttest.Monday.Add(time.Hour))
		d, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		check(t, err)
		a, err := h.Keeper.FindByPerson(ctx, h.Person("f1"))
		check(t, err)
		if d.State != enrolment.Done || a.Level != 2 {
			t.Fatalf("%s %+v", d.State, a)
		}
	})
}

// TestALostCardIsDecidedElsewhere: it is lost from the moment of handing in,
// and another office decides.
func TestALostCardIsDecidedElsewhere(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		old := h.Holds(t, enrolmenttest.Ha, card.Chip)
		h.Enrol(t, enrolmenttest.Ha, "card", 30)
		v := h.Proved(t, h.Intake, enrolmenttest.Ha, 30)
		d, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.Reissue, Cause: "lost"})
		check(t, err)
		if d.Card.Fee != 35000 || d.Card.OldCard != "lost" || d.GivesLevel != 0 {
			t.Fatalf("%+v", d.Card)
		}
		d, err = h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Ha, 30).ID)
		check(t, err)
		if d.Second != h.Elsewhere.Account {
			t.Fatal("an identity is restored by its own office")
		}
		c, err := h.Cards.Find(ctx, look, old.Person, old.ID)
		check(t, err)
		if c.State != card.Lost {
			t.Fatal(c.State)
		}
		d, err = h.Office.Approve(ctx, h.Elsewhere, d.ID, biometric.Same)
		check(t, err)
		if _, err := h.Keeper.FindByPerson(ctx, h.Person(enrolmenttest.Ha)); !fault.Is(err, fault.NotFound) {
			t.Fatal("a card alone opened an account")
		}
		_, err = h.Office.HandOver(ctx, h.Intake, d.ID, h.Proved(t, h.Intake, enrolmenttest.Ha, 30).ID.String())
		check(t, err)
	})
}

// TestAnOldPaperGivesWay: the 9-digit card is collected, the chip card and the
// account come together, decided elsewhere.
func TestAnOldPaperGivesWay(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		old := h.Holds(t, enrolmenttest.Old, card.OldPaper)
		v := h.Typed(t, h.Intake, enrolmenttest.Old)
		_, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.AccountOnly})
		wants(t, err, fault.Conflict, "enrolment.kind.needs_card")
		d, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.Conversion})
		check(t, err)
		d, err = h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Old, 20).ID)
		check(t, err)
		d, err = h.Office.Approve(ctx, h.Elsewhere, d.ID, biometric.Same)
		check(t, err)
		_, err = h.Office.HandOver(ctx, h.Intake, d.ID, h.Proved(t, h.Intake, enrolmenttest.Old, 20).ID.String())
		check(t, err)
		c, err := h.Cards.Find(ctx, look, old.Person, old.ID)
		check(t, err)
		if c.State != card.Replaced {
			t.Fatal(c.State)
		}
	})
}

// TestADeclaredCorrectionIsWrittenByTheApprover: what a paper proved stands in
// the registry, and on the card, once the second officer approves.
func TestADeclaredCorrectionIsWrittenByTheApprover(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.Begin(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard)
		a := h.Applicant(t, enrolmenttest.Lam, phone)
		a.Name, a.Ethnicity = "Trần Văn Lam", "Tày"
		d, err := h.Office.SaveApplicant(ctx, h.Intake, d.ID, 0, a)
		check(t, err)
		if len(d.Differences) != 2 || d.Differences[0].Registered != "Trần Văn Lâm" {
			t.Fatalf("%+v", d.Differences)
		}
		_, err = h.Office.Resolve(ctx, h.Intake, d.ID, "name", "declared", enrolment.PaperID{}, "she says so")
		wants(t, err, fault.Invalid, "enrolment.difference.paper")
		d, err = h.Office.AddPaper(ctx, h.Intake, d.ID, enrolment.Paper{Kind: "birth_certificate", Number: "7/1988", For: "evidence"}, bytes.NewReader(accounttest.Portrait()))
		check(t, err)
		_, err = h.Office.Resolve(ctx, h.Intake, d.ID, "name", "declared", d.Papers[0].ID, "")
		wants(t, err, fault.Invalid, "enrolment.difference.paper")
		_, err = h.Office.SeePaper(ctx, h.Intake, d.ID, d.Papers[0].ID)
		check(t, err)
		d, err = h.Office.Resolve(ctx, h.Intake, d.ID, "name", "declared", d.Papers[0].ID, "")
		check(t, err)
		d = h.Complete(t, h.Intake, d, enrolmenttest.Lam, 20)
		// Saving the same again keeps what was settled; a stale version does not.
		if d.Differences[0].Keep != "declared" || d.Differences[1].Keep != "registered" {
			t.Fatalf("%+v", d.Differences)
		}
		_, err = h.Office.SaveApplicant(ctx, h.Intake, d.ID, 0, a)
		wants(t, err, fault.Conflict, "enrolment.version")
		d, err = h.Office.HandIn(ctx, h.Intake, d.ID)
		check(t, err)
		if got := h.Known(t, enrolmenttest.Lam); got.Name != "Trần Văn Lâm" {
			t.Fatal("corrected before the approval")
		}
		_, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		check(t, err)
		got := h.Known(t, enrolmenttest.Lam)
		if got.Name != "Trần Văn Lam" || got.Ethnicity != "Kinh" {
			t.Fatalf("%s, %s", got.Name, got.Ethnicity)
		}
	})
}

// TestDependantsAppearInHerAccount: a registered relation is its own proof,
// another takes a paper, and somebody else's data fit nobody.
func TestDependantsAppearInHerAccount(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.Begin(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard)
		bi := h.Known(t, enrolmenttest.Bi)
		x := enrolment.Dependant{Name: bi.Name, Number: bi.Number, Birth: bi.BirthDate, Relation: "child"}
		_, err := h.Office.AddDependant(ctx, h.Intake, d.ID, x)
		wants(t, err, fault.Invalid, "enrolment.dependant.paper")
		wrong := x
		wrong.Birth = clock.Date{Year: 2021, Month: 1, Day: 1}
		_, err = h.Office.AddDependant(ctx, h.Intake, d.ID, wrong)
		wants(t, err, fault.Invalid, "enrolment.dependant.differs")
		d, err = h.Office.AddPaper(ctx, h.Intake, d.ID, enrolment.Paper{Kind: "birth_certificate", Number: "9/2022", For: "evidence"}, nil) // whatever it was brought for
		check(t, err)
		x.Paper = d.Papers[0].ID
		_, err = h.Office.AddDependant(ctx, h.Intake, d.ID, x)
		wants(t, err, fault.Invalid, "enrolment.dependant.paper") // nobody saw its original
		_, err = h.Office.SeePaper(ctx, h.Intake, d.ID, d.Papers[0].ID)
		check(t, err)
		d, err = h.Office.AddDependant(ctx, h.Intake, d.ID, x)
		check(t, err)
		if d.Dependants[0].Person != bi.ID || d.Dependants[0].Until != (clock.Date{Year: 2040, Month: 3, Day: 4}) {
			t.Fatalf("%+v", d.Dependants)
		}
		d, err = h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Lam, 20).ID)
		check(t, err)
		_, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		check(t, err)
		list, err := h.Keeper.ListRepresentations(ctx, h.Citizen(t, enrolmenttest.Lam))
		check(t, err)
		if len(list) != 1 || list[0].Person != bi.ID || list[0].Confirms {
			t.Fatalf("%+v", list)
		}
	})
}
