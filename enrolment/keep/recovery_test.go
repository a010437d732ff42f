// SPDX-License-Identifier: Apache-2.0

package keep_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/recovery"
	"danh/audit"
	"danh/enrolment/enrolmenttest"
	"danh/enrolment/visit"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/card"
	"danh/registry/card/chip"
)

const freshPassword = account.Password("Suối-trong-9-đá")

// lost is a request of Ha's in a browser that nobody knows.
func lost(t *testing.T, h *enrolmenttest.House, k recovery.Kind) (account.Token, account.RemoteInfo) {
	t.Helper()
	remote := accounttest.Remote()
	tok, err := h.Recovery.Begin(t.Context(), recovery.Request{Kind: k, Number: "001190999901", Name: "Nguyễn Thị Minh Hà", BirthDate: "2/9/1990", Language: "vi"}, remote)
	check(t, err)
	h.Deliver(t)
	return tok, remote
}

func course(t *testing.T, h *enrolmenttest.House, tok account.Token) recovery.Course {
	t.Helper()
	c, err := h.Recovery.Find(t.Context(), tok)
	check(t, err)
	return c
}

// Lost phone and number: two officers, fingers, and no wait.
func TestTwoOfficersGiveAnAccountBack(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx, v := t.Context(), h.Adult(t)
		tok, remote := lost(t, h, recovery.PhoneAndNumber)
		code := course(t, h, tok).Code
		wants(t, h.Keep.VouchRecovery(ctx, h.Intake, v.ID, code), fault.Conflict, "account.recovery.phone_first")
		check(t, h.Recovery.AskCode(ctx, tok, "0977000222"))
		check(t, h.Recovery.ConfirmCode(ctx, tok, h.Code(t, "0977000222")))
		wants(t, h.Keep.VouchRecovery(ctx, h.Intake, v.ID, "KP-26-2222-2222"), fault.NotFound, "account.recovery.code")
		check(t, h.Keep.VouchRecovery(ctx, h.Intake, v.ID, code))
		if c := course(t, h, tok); c.State != recovery.Proving || c.ByOffice != h.Here.Name {
			t.Fatalf("%+v", c)
		}
		list, err := h.Recovery.ListAsked(ctx, h.Second)
		check(t, err)
		if len(list) != 1 || list[0].Code != code {
			t.Fatalf("%+v", list)
		}
		check(t, h.Recovery.Confirm(ctx, h.Second, code, true))
		c := course(t, h, tok)
		if !c.Ready(h.Clock.Now()) {
			t.Fatalf("%+v", c)
		}
		session, err := h.Recovery.Finish(ctx, tok, freshPassword, remote)
		check(t, err)
		if s, err := h.Keeper.FindSession(ctx, session); err != nil || s.Person != h.Person(enrolmenttest.Ha) {
			t.Fatal(s, err)
		}
		a, err := h.Keeper.FindByPerson(ctx, h.Person(enrolmenttest.Ha))
		check(t, err)
		to, err := h.Keeper.Recipient(ctx, a.ID)
		check(t, err)
		if to.Phone != "+84977000222" {
			t.Fatal("the phone is the earlier one")
		}
	})
}

// One officer, with both roles, under another account, for somebody who is not
// there, or for a request of somebody else: nothing comes of it.
func TestOneOfficerAloneGivesNothingBack(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx, v := t.Context(), h.Adult(t)
		tok, remote := lost(t, h, recovery.PhoneLost)
		code := course(t, h, tok).Code
		typed := h.Typed(t, h.Intake, enrolmenttest.Ha)
		wants(t, h.Keep.VouchRecovery(ctx, h.Intake, typed.ID, code), fault.Forbidden, "enrolment.account.biometrics")
		wants(t, h.Recovery.Confirm(ctx, h.Second, code, true), fault.Conflict, "account.recovery.moved") // nobody vouched
		check(t, h.Keep.VouchRecovery(ctx, h.Intake, v.ID, code))
		h.Also(t, h.Intake, h.Here, office.Approver)
		wants(t, h.Recovery.Confirm(ctx, h.Intake, code, true), fault.Forbidden, "account.recovery.not_drawn")
		twin := audit.Officer(id.NewPerson(), h.Intake.Person, h.Here.Name)
		h.Also(t, twin, h.Here, office.Approver)
		wants(t, h.Recovery.Confirm(ctx, twin, code, true), fault.Forbidden, "account.recovery.not_drawn")
		wants(t, h.Recovery.Confirm(ctx, h.Elsewhere, code, true), fault.Forbidden, "account.recovery.not_drawn")
		if c := course(t, h, tok); c.State != recovery.Proving {
			t.Fatalf("%+v", c)
		}
		if n := h.Entries(t, "account.recovery.proved", "refused", h.Person(enrolmenttest.Ha)); n != 3 {
			t.Errorf("%d of 3 tries are in her log", n)
		}
		// The second officer says no, and it is over.
		check(t, h.Recovery.Confirm(ctx, h.Second, code, false))
		if c := course(t, h, tok); c.State != recovery.Refused {
			t.Fatalf("%+v", c)
		}
		if _, err := h.Recovery.Finish(ctx, tok, freshPassword, remote); err == nil {
			t.Fatal("a refused request was finished")
		}
		// Another's request in her visit.
		in := recovery.Request{Kind: recovery.PhoneLost, Number: "001088999903", Name: "Trần Văn Lâm", BirthDate: "2/1/1988", Language: "vi"}
		other, err := h.Recovery.Begin(ctx, in, accounttest.Remote())
		check(t, err)
		h.Deliver(t)
		wants(t, h.Keep.VouchRecovery(ctx, h.Intake, v.ID, course(t, h, other).Code), fault.NotFound, "account.recovery.code")
		check(t, h.Visits.Close(ctx, h.Intake, v.ID))
		again, _ := lost(t, h, recovery.Password)
		if err := h.Keep.VouchRecovery(ctx, h.Intake, v.ID, course(t, h, again).Code); err == nil {
			t.Fatal("after the visit")
		}
	})
}

// A first officer who does not like whom the lot fell on asks again, and the
// browser changes the phone behind what he vouched for: neither gets anywhere.
func TestWhatWasVouchedForStays(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx, v := t.Context(), h.Adult(t)
		third := h.Staff(t, enrolmenttest.Lam, h.Here, office.Approver)
		tok, _ := lost(t, h, recovery.PhoneAndNumber)
		code := course(t, h, tok).Code
		check(t, h.Recovery.AskCode(ctx, tok, "0977000222"))
		check(t, h.Recovery.ConfirmCode(ctx, tok, h.Code(t, "0977000222")))
		check(t, h.Keep.VouchRecovery(ctx, h.Intake, v.ID, code))
		drawn := func(by audit.Actor) bool {
			list, err := h.Recovery.ListAsked(ctx, by)
			check(t, err)
			return len(list) == 1
		}
		first := drawn(h.Second)
		for range 12 { // one of them would fall on the other officer
			wants(t, h.Keep.VouchRecovery(ctx, h.Intake, v.ID, code), fault.Conflict, "account.recovery.moved")
			if drawn(h.Second) != first || drawn(third) == first {
				t.Fatal("the second officer was drawn anew")
			}
		}
		h.Clock.Advance(5 * time.Minute)
		wants(t, h.Recovery.AskCode(ctx, tok, "0977000333"), fault.Conflict, "account.recovery.moved")
		// A day later the request has lapsed, whether or not anybody tidied up.
		h.Clock.Advance(25 * time.Hour)
		for _, by := range []audit.Actor{h.Second, third} {
			if err := h.Recovery.Confirm(ctx, by, code, true); err == nil {
				t.Error("a request that has lapsed was confirmed")
			}
		}
	})
}

// Prints that came as files: the second officer is one of another office.
func TestUploadedPrintsGoToAnotherOffice(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		h.Adult(t)
		v, err := h.Visits.Open(ctx, h.Intake, visit.Opening{Way: visit.Finger, Purpose: "enrolment", Number: "001190999901", Samples: enrolmenttest.Prints(t, 30, 3), Uploaded: true})
		check(t, err)
		tok, _ := lost(t, h, recovery.PhoneLost)
		code := course(t, h, tok).Code
		check(t, h.Keep.VouchRecovery(ctx, h.Intake, v.ID, code))
		wants(t, h.Recovery.Confirm(ctx, h.Second, code, true), fault.Forbidden, "account.recovery.not_drawn")
		check(t, h.Recovery.Confirm(ctx, h.Elsewhere, code, true))
	})
}

// chipOf makes Ha a card of this installation with a chip whose key is known.
func chipOf(t *testing.T, h *enrolmenttest.House, ref string, cause card.Cause) (chip.Image, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	k, err := h.Cards.Issue(t.Context(), h.Second, card.Order{Person: h.Person(ref), Cause: cause, Portrait: accounttest.Portrait(), ChipKey: key.Public()})
	check(t, err)
	check(t, h.Cards.Decide(t.Context(), h.Second, card.Decision{Person: h.Person(ref), Card: k.ID, Step: card.HandOver, Ground: "test"}))
	i, _, err := h.Cards.ReadChip(t.Context(), audit.Look{By: h.Second, Purpose: "test", Ground: "test"}, h.Person(ref), k.ID)
	check(t, err)
	return chip.Image{Security: i.Security, Files: map[int][]byte{1: i.Files[1], 14: i.Files[14], 15: i.Files[15]}}, key
}

// present answers a request's challenge with a chip.
func present(t *testing.T, h *enrolmenttest.House, code string, i chip.Image, key *ecdsa.PrivateKey) error {
	t.Helper()
	ask, err := h.Recovery.BeginChip(t.Context(), code, accounttest.Remote())
	check(t, err)
	answer, err := chip.Answer(key, ask.Challenge.Nonce)
	check(t, err)
	return h.Recovery.ProveByChip(t.Context(), code, card.Presented{Image: i, Challenge: ask.Challenge.ID, Answer: answer})
}

// The chip of her card proves her at home; a copy of its files, another's card,
// an answer to another request's challenge and a replayed one do not.
func TestTheChipOfHerCard(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		h.Adult(t)
		hers, key := chipOf(t, h, enrolmenttest.Ha, card.Change)
		his, hisKey := chipOf(t, h, enrolmenttest.Lam, card.First)
		tok, remote := lost(t, h, recovery.PhoneLost)
		code, _, err := h.Recovery.ChipCode(ctx, tok)
		check(t, err)
		thief, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		check(t, err)
		wants(t, present(t, h, code, hers, thief), fault.Invalid, "card.chip.swapped")
		wants(t, present(t, h, code, his, hisKey), fault.Invalid, "account.recovery.wrong")
		// A challenge of another request.
		other, _ := lost(t, h, recovery.PhoneLost)
		otherCode, _, err := h.Recovery.ChipCode(ctx, other)
		check(t, err)
		ask, err := h.Recovery.BeginChip(ctx, otherCode, remote)
		check(t, err)
		answer, err := chip.Answer(key, ask.Challenge.Nonce)
		check(t, err)
		wants(t, h.Recovery.ProveByChip(ctx, code, card.Presented{Image: hers, Challenge: ask.Challenge.ID, Answer: answer}), fault.Conflict, "card.chip.challenge")
		check(t, present(t, h, code, hers, key))
		c := course(t, h, tok)
		if c.State != recovery.Waiting || !c.Due.Equal(h.Clock.Now().Add(24*time.Hour)) {
			t.Fatalf("%+v", c)
		}
		if _, err := h.Recovery.BeginChip(ctx, code, remote); !fault.Is(err, fault.NotFound) {
			t.Fatalf("the code works twice: %v", err)
		}
		h.Clock.Advance(24 * time.Hour)
		_, err = h.Recovery.Finish(ctx, tok, freshPassword, remote)
		check(t, err)
	})
}
