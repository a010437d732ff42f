// SPDX-License-Identifier: Apache-2.0

package keep_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/account"
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
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, body func(t *testing.T, h *enrolmenttest.House)) {
	t.Helper()
	t.Parallel()
	enrolmenttest.Run(t, body)
}

func wants(t testing.TB, err error, kind fault.Kind, key string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Kind != kind || f.Key != key {
		t.Fatalf("got %v, not %s %s", err, kind, key)
	}
}

func statusOf(t *testing.T, h *enrolmenttest.House, ref string) account.Status {
	t.Helper()
	a, err := h.Keeper.FindByPerson(t.Context(), h.Person(ref))
	check(t, err)
	return a.Status
}

// issued gives Lam an account that waits for its activation.
func issued(t *testing.T, h *enrolmenttest.House) {
	t.Helper()
	d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
	_, err := h.Office.Approve(t.Context(), h.Second, d.ID, biometric.Same)
	check(t, err)
}

func TestAnAccountIsLockedByOneOfficerAndUnlockedByAnother(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx, v := t.Context(), h.Adult(t)
		// 1. The page: her own account, the phone masked, nothing locked.
		f, err := h.Keep.FindAccount(ctx, h.Intake, v.ID)
		check(t, err)
		if f.Account == nil || f.Account.Level != 2 || f.Account.Status != account.Active || len(f.Locks) != 0 || len(f.Reasons) != 6 || f.Invites {
			t.Fatalf("%+v", f)
		}
		number := strings.TrimPrefix(enrolmenttest.Phone(enrolmenttest.Ha), "0")
		if !strings.HasSuffix(f.Phone, number[len(number)-3:]) || strings.Contains(f.Phone, number[:6]) {
			t.Fatalf("the phone is shown as %s", f.Phone)
		}
		if n := h.Entries(t, "account.read", "", h.Person(enrolmenttest.Ha)); n != 1 {
			t.Fatalf("%d looks are in her log", n)
		}
		// 2. Reasons are those of the day's list, and a body's document is named.
		wants(t, h.Keep.LockAccount(ctx, h.Intake, v.ID, "dislike", ""), fault.Invalid, "enrolment.account.reason")
		wants(t, h.Keep.LockAccount(ctx, h.Intake, v.ID, "court", " "), fault.Invalid, "enrolment.account.words")
		wants(t, h.Keep.LockAccount(ctx, h.Intake, v.ID, "court", strings.Repeat("x", 501)), fault.Invalid, "enrolment.account.words")
		check(t, h.Keep.LockAccount(ctx, h.Intake, v.ID, "device_lost", ""))
		check(t, h.Keep.LockAccount(ctx, h.Intake, v.ID, "court", "Quyết định 12/2026/QĐ-TA"))
		wants(t, h.Keep.LockAccount(ctx, h.Intake, v.ID, "misuse", ""), fault.Conflict, "enrolment.account.locked")
		if s := statusOf(t, h, enrolmenttest.Ha); s != account.Locked {
			t.Fatal(s)
		}
		var kept string
		check(t, h.DB.Read().QueryRowContext(ctx, `SELECT words FROM enrolment_account_act WHERE reason = 'court'`).Scan(&kept))
		if strings.Contains(kept, "12/2026") {
			t.Fatal("the document stands in the clear")
		}
		// 3. The approver, before the person herself, lifts one ground, then the other.
		w := h.Proved(t, h.Second, enrolmenttest.Ha, 30)
		f, err = h.Keep.FindAccount(ctx, h.Second, w.ID)
		check(t, err)
		if len(f.Locks) != 2 || f.Locks[0].Reason != "device_lost" || f.Locks[1].Words != "Quyết định 12/2026/QĐ-TA" || f.Locks[1].Blocked != "" || f.Locks[0].By != h.Here.Name || len(f.Reasons) != 0 {
			t.Fatalf("%+v", f.Locks)
		}
		wants(t, h.Keep.UnlockAccount(ctx, h.Second, w.ID, account.CompetentBody, ""), fault.Invalid, "enrolment.account.words")
		check(t, h.Keep.UnlockAccount(ctx, h.Second, w.ID, account.CompetentBody, "Quyết định 15/2026/QĐ-TA"))
		if s := statusOf(t, h, enrolmenttest.Ha); s != account.Locked {
			t.Fatalf("one ground is left, and it is %s", s)
		}
		check(t, h.Keep.UnlockAccount(ctx, h.Second, w.ID, account.OwnRequest, ""))
		if s := statusOf(t, h, enrolmenttest.Ha); s != account.Active {
			t.Fatal(s)
		}
		wants(t, h.Keep.UnlockAccount(ctx, h.Second, w.ID, account.OwnRequest, ""), fault.Conflict, "account.not_locked")
		if n := h.Entries(t, "enrolment.account.unlock", "", h.Person(enrolmenttest.Ha)); n != 2 {
			t.Fatalf("%d of 2 are in her log", n)
		}
	})
}

// TestAnIdentityIsRestoredByWhoMayNot: by who takes in, by whoever locked it
// under this account or another, without proof, and a ground that hangs on a
// card or a death. Each try stands in her log and moves nothing.
func TestAnIdentityIsRestoredByWhoMayNot(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx, her := t.Context(), h.Person(enrolmenttest.Ha)
		v := h.Adult(t)
		check(t, h.Keep.LockAccount(ctx, h.Intake, v.ID, "asked", ""))
		wants(t, h.Keep.UnlockAccount(ctx, h.Intake, v.ID, account.OwnRequest, ""), fault.Forbidden, "enrolment.account.not_yours")
		h.Also(t, h.Intake, h.Here, office.Approver)
		wants(t, h.Keep.UnlockAccount(ctx, h.Intake, v.ID, account.OwnRequest, ""), fault.Forbidden, "enrolment.account.unlock.same")
		f, err := h.Keep.FindAccount(ctx, h.Intake, v.ID)
		check(t, err)
		if f.Locks[0].Blocked != "enrolment.account.unlock.same" {
			t.Fatalf("%+v", f.Locks)
		}
		twin := audit.Officer(id.NewPerson(), h.Intake.Person, h.Here.Name)
		h.Also(t, twin, h.Here, office.Approver)
		w := h.Proved(t, twin, enrolmenttest.Ha, 30)
		wants(t, h.Keep.UnlockAccount(ctx, twin, w.ID, account.OwnRequest, ""), fault.Forbidden, "enrolment.account.unlock.same")
		typed := h.Typed(t, h.Second, enrolmenttest.Ha)
		wants(t, h.Keep.UnlockAccount(ctx, h.Second, typed.ID, account.OwnRequest, ""), fault.Forbidden, "enrolment.account.unproved")
		wants(t, h.Keep.LockAccount(ctx, h.Second, typed.ID, "asked", ""), fault.Forbidden, "enrolment.account.unproved")
		wants(t, h.Keep.UnlockAccount(ctx, h.Second, v.ID, account.OwnRequest, ""), fault.NotFound, "enrolment.visit.not_found")
		check(t, h.DB.Write(ctx, func(tx *db.Tx) error {
			a, err := h.Keeper.FindByPersonTx(ctx, tx, her)
			if err != nil {
				return err
			}
			return h.Keeper.LockTx(ctx, tx, audit.System("test"), a.ID, account.CardRevoked)
		}))
		x := h.Proved(t, h.Second, enrolmenttest.Ha, 30)
		wants(t, h.Keep.UnlockAccount(ctx, h.Second, x.ID, account.CardRevoked, "ok"), fault.Forbidden, "enrolment.account.unlock.hangs")
		check(t, h.Visits.Close(ctx, h.Second, x.ID))
		if err := h.Keep.UnlockAccount(ctx, h.Second, x.ID, account.OwnRequest, ""); err == nil {
			t.Fatal("after the visit")
		}
		if s := statusOf(t, h, enrolmenttest.Ha); s != account.Locked {
			t.Fatal(s)
		}
		if n := h.Entries(t, "enrolment.account.unlock", "refused", her); n != 5 {
			t.Fatalf("%d of 5 tries are in her log", n)
		}
	})
}

// TestUnlockedTwiceInParallel: of two approvers one lifts it.
func TestUnlockedTwiceInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx, v := t.Context(), h.Adult(t)
		check(t, h.Keep.LockAccount(ctx, h.Intake, v.ID, "asked", ""))
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i, by := range []audit.Actor{h.Second, h.Elsewhere} {
			w := h.Proved(t, by, enrolmenttest.Ha, 30)
			wg.Go(func() { errs[i] = h.Keep.UnlockAccount(ctx, by, w.ID, account.OwnRequest, "") })
		}
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("%v, %v", errs[0], errs[1])
		}
		if n := h.Entries(t, "enrolment.account.unlock", "", h.Person(enrolmenttest.Ha)); n != 1 {
			t.Fatalf("unlocked %d times", n)
		}
	})
}

// TestAnAccountInAVisitThatIsNotForIt: not hers, about herself, by a citizen,
// or in a visit about residence.
func TestAnAccountInAVisitThatIsNotForIt(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx, v := t.Context(), h.Adult(t)
		for name, by := range map[string]audit.Actor{"a colleague": h.Colleague, "another office": h.Stranger, "herself": h.Citizen(t, enrolmenttest.Ha), "nobody": audit.Anonymous(), "the system": audit.System("x")} {
			if _, err := h.Keep.FindAccount(ctx, by, v.ID); err == nil {
				t.Errorf("%s sees it", name)
			}
			if err := h.Keep.LockAccount(ctx, by, v.ID, "asked", ""); err == nil {
				t.Errorf("%s locks it", name)
			}
		}
		her := audit.Officer(id.NewPerson(), h.Person(enrolmenttest.Ha), h.Here.Name)
		h.Also(t, her, h.Here, office.Approver)
		self := h.Proved(t, her, enrolmenttest.Ha, 30)
		wants(t, h.Keep.LockAccount(ctx, her, self.ID, "asked", ""), fault.Forbidden, "enrolment.account.own")
		_, err := h.Keep.FindAccount(ctx, her, self.ID)
		wants(t, err, fault.Forbidden, "enrolment.account.own")
		if s := statusOf(t, h, enrolmenttest.Ha); s != account.Active {
			t.Fatal(s)
		}
		// In a visit about residence neither is shown.
		r, err := h.Visits.Open(ctx, h.Intake, visit.Opening{Way: visit.Typed, Purpose: "residence", Number: h.Known(t, enrolmenttest.Ha).Number})
		check(t, err)
		_, err = h.Keep.FindAccount(ctx, h.Intake, r.ID)
		wants(t, err, fault.Forbidden, "enrolment.account.purpose")
	})
}

// TestTheActivationIsSentAgain after its days, to the same phone, a few times a day.
func TestTheActivationIsSentAgain(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		issued(t, h)
		h.Clock.Advance(8 * 24 * time.Hour)
		for _, p := range h.Keeper.Purges() {
			if p.Name == "account_activation" {
				check(t, h.DB.Write(ctx, func(tx *db.Tx) error { _, err := p.Run(ctx, tx, h.Clock.Now()); return err }))
			}
		}
		if s := statusOf(t, h, enrolmenttest.Lam); s != account.ActivationLapsed {
			t.Fatal(s)
		}
		v := h.Typed(t, h.Intake, enrolmenttest.Lam)
		f, err := h.Keep.FindAccount(ctx, h.Intake, v.ID)
		check(t, err)
		if !f.Invites || f.Account.Status != account.ActivationLapsed {
			t.Fatalf("%+v", f)
		}
		check(t, h.Keep.Reinvite(ctx, h.Intake, v.ID))
		h.Activate(t, enrolmenttest.Lam)
		wants(t, h.Keep.Reinvite(ctx, h.Intake, v.ID), fault.Conflict, "account.activation.not_waiting")
	})
}

// TestActivationsAreSentInAFlood: the count holds, whoever sends them.
func TestActivationsAreSentInAFlood(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		issued(t, h)
		v, w := h.Typed(t, h.Intake, enrolmenttest.Lam), h.Typed(t, h.Colleague, enrolmenttest.Lam)
		sent := 0
		for range 10 {
			if h.Keep.Reinvite(ctx, h.Intake, v.ID) == nil {
				sent++
			}
		}
		err := h.Keep.Reinvite(ctx, h.Colleague, w.ID)
		wants(t, err, fault.TooMany, "account.too_many")
		if most, err := h.Keeper.Value(ctx, "activation_sends"); err != nil || sent != most {
			t.Fatalf("%d were sent, %d may be: %v", sent, most, err)
		}
	})
}

// TestARepresentationEndsAtTheCounter: with its reason, before one of the two
// who is proved to be there; that she acts herself again is the approver's.
func TestARepresentationEndsAtTheCounter(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx, v := t.Context(), h.Adult(t)
		check(t, h.DB.Write(ctx, func(tx *db.Tx) error {
			return h.Keeper.RepresentTx(ctx, tx, h.Second, account.Representation{Representative: h.Person(enrolmenttest.Ha), Person: h.Person(enrolmenttest.Tam), Relation: "guardian", Proof: "guardianship_decision",
				Until: clock.Date{Year: 2030, Month: 1, Day: 1}})
		}))
		f, err := h.Keep.FindAccount(ctx, h.Intake, v.ID)
		check(t, err)
		if len(f.Links) != 1 || f.Links[0].Name != "Hồ Văn Tám" || !slices.Equal(f.Endings, []string{"replaced", "error"}) {
			t.Fatalf("%+v %v", f.Links, f.Endings)
		}
		if n := h.Entries(t, "population.read", "", h.Person(enrolmenttest.Tam)); n == 0 {
			t.Fatal("the ward does not see that his name was read")
		}
		link := f.Links[0].ID
		wants(t, h.Keep.EndRepresentation(ctx, h.Intake, v.ID, link, "death"), fault.Invalid, "account.representation.why")
		wants(t, h.Keep.EndRepresentation(ctx, h.Intake, v.ID, link, "capacity"), fault.Forbidden, "enrolment.account.not_yours")
		// The attacks: unproved, and from a visit of somebody who is not in it.
		typed := h.Typed(t, h.Intake, enrolmenttest.Ha)
		wants(t, h.Keep.EndRepresentation(ctx, h.Intake, typed.ID, link, "replaced"), fault.Forbidden, "enrolment.account.unproved")
		h.Enrol(t, enrolmenttest.Old, "card", 50)
		other := h.Proved(t, h.Intake, enrolmenttest.Old, 50)
		wants(t, h.Keep.EndRepresentation(ctx, h.Intake, other.ID, link, "replaced"), fault.NotFound, "account.representation.none")
		w := h.Proved(t, h.Second, enrolmenttest.Ha, 30)
		check(t, h.Keep.EndRepresentation(ctx, h.Second, w.ID, link, "capacity"))
		wants(t, h.Keep.EndRepresentation(ctx, h.Second, w.ID, link, "capacity"), fault.NotFound, "account.representation.none")
		f, err = h.Keep.FindAccount(ctx, h.Second, w.ID)
		check(t, err)
		if len(f.Links) != 1 || f.Links[0].EndedWhy != "capacity" {
			t.Fatalf("%+v", f.Links)
		}
	})
}

// TestWhatWasSaidOfALockIsForgotten once it was lifted and its time is over; of
// one that stands it is kept, so that whoever locked still cannot unlock.
func TestWhatWasSaidOfALockIsForgotten(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx, v := t.Context(), h.Adult(t)
		check(t, h.Keep.LockAccount(ctx, h.Intake, v.ID, "asked", "mất điện thoại"))
		check(t, h.Keep.LockAccount(ctx, h.Intake, v.ID, "court", "QĐ 1/2026"))
		check(t, h.Keep.UnlockAccount(ctx, h.Second, h.Proved(t, h.Second, enrolmenttest.Ha, 30).ID, account.OwnRequest, ""))
		count := func() (n int) {
			check(t, h.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM enrolment_account_act`).Scan(&n))
			return n
		}
		purge := func() {
			for _, p := range h.Keep.Purges() {
				if p.Name == "enrolment_account_act" {
					check(t, h.DB.Write(ctx, func(tx *db.Tx) error { _, err := p.Run(ctx, tx, h.Clock.Now()); return err }))
				}
			}
		}
		purge()
		if n := count(); n != 3 {
			t.Fatalf("%d are left at once", n)
		}
		h.Clock.Advance(6 * 366 * 24 * time.Hour)
		purge()
		if n := count(); n != 1 {
			t.Fatalf("%d are left", n)
		}
	})
}
