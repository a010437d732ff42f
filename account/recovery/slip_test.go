// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/recovery"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
)

// A thief begins several requests at once: the one tap that stops one of them
// stops all of their kind, however far each had come.
func TestOneStopEndsAllThatWereBegunAtOnce(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		codes := h.paper(t)
		proved, proving := h.begin(t, recovery.PhoneLost, h.remote), h.begin(t, recovery.PhoneLost, accounttest.Remote())
		link := h.link(t, lanPhone)
		ok(t, h.desk.ProveByPaper(t.Context(), proved, codes[0]))
		h.stands(t, proved, recovery.Waiting)
		another := h.begin(t, recovery.Password, h.own) // a number is asked about three times a day
		list, err := h.desk.ListOwn(t.Context(), h.s)
		ok(t, err)
		if len(list) != 3 {
			t.Fatalf("%d requests", len(list))
		}
		_, err = h.desk.StopByLink(t.Context(), link)
		ok(t, err)
		for _, tok := range []account.Token{proved, proving} {
			h.stands(t, tok, recovery.Stopped)
		}
		h.stands(t, another, recovery.Proving) // what is another thing she stops by its own link
		h.Clock.Advance(25 * time.Hour)
		if _, err := h.desk.Finish(t.Context(), proved, fresh, h.remote); err == nil {
			t.Fatal("a request beside the one that she stopped was finished")
		}
	})
}

// She answers the alarm of a thief's request by locking her account, which ends
// the request too: it does not wait for the day on which she unlocks it.
func TestARequestFromBeforeTheFreezeIsNotFinishedAfterIt(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		codes := h.paper(t)
		tok := h.begin(t, recovery.PhoneLost, h.remote)
		ok(t, h.desk.ProveByPaper(t.Context(), tok, codes[0]))
		_, err := h.signIn(t, accounttest.Password, h.own)
		ok(t, err)
		ok(t, h.Keeper.Freeze(t.Context(), h.s))
		h.Clock.Advance(25 * time.Hour)
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
			return h.Keeper.UnlockTx(t.Context(), tx, audit.System("test"), h.s.Account, account.OwnRequest)
		}))
		_, err = h.desk.Finish(t.Context(), tok, fresh, h.remote)
		wrong(t, err, "account.recovery.locked")
		_, err = h.signIn(t, accounttest.Password, h.own)
		ok(t, err)
	})
}

// A thief at her open session makes codes on paper and recovers by them at once:
// they are too young, as a passkey would be, and are not used up by the try.
func TestRecoveryByCodesThatAThiefHasJustMade(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		codes := h.justMade(t)
		h.Clock.Advance(71 * time.Hour)
		tok := h.begin(t, recovery.PhoneLost, h.remote)
		wrong(t, h.desk.ProveByPaper(t.Context(), tok, codes[0]), "account.recovery.young")
		h.stands(t, tok, recovery.Proving)
		h.Clock.Advance(2 * time.Hour)
		wrong(t, h.desk.ProveByPaper(t.Context(), tok, codes[0]), "account.recovery.young") // waiting at the page makes them no older
		tok = h.begin(t, recovery.PhoneLost, h.remote)
		ok(t, h.desk.ProveByPaper(t.Context(), tok, codes[0]))
		h.stands(t, tok, recovery.Waiting)
	})
}

// After weak evidence got the account back, whoever did it changes nothing by
// which she signs in for three days; she herself, by a passkey from before, may.
func TestAfterWeakEvidenceNothingRiskyIsDone(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		h.Enlist(t, h.s, accounttest.Citizen)
		h.Clock.Advance(4 * 24 * time.Hour)
		_, err := h.signIn(t, accounttest.Password, h.own)
		ok(t, err)
		device := h.s.Device
		tok := h.begin(t, recovery.Password, h.own)
		ok(t, h.desk.Choose(t.Context(), tok, recovery.ByOTP))
		h.confirm(t, tok, "", lanPhone)
		h.Clock.Advance(72 * time.Hour)
		got, err := h.desk.Finish(t.Context(), tok, fresh, h.own)
		ok(t, err)
		s, err := h.Keeper.FindSession(t.Context(), got)
		ok(t, err)
		s.Assurance, s.AMR, s.Level = 2, []string{"pwd", "otp", "mfa"}, 2
		keys, err := h.Keeper.ListPasskeys(t.Context(), s.Account)
		ok(t, err)
		risky := map[string]func(account.Session) error{
			"codes":          func(s account.Session) error { _, err := h.desk.MakeCodes(t.Context(), s); return err },
			"passcode":       func(s account.Session) error { return h.Keeper.SetPasscode(t.Context(), s, "", "730418") },
			"passkey":        func(s account.Session) error { _, err := h.Keeper.BeginPasskey(t.Context(), s, "", h.own); return err },
			"device removed": func(s account.Session) error { return h.Keeper.RemoveDevice(t.Context(), s, device) },
			"passkey gone":   func(s account.Session) error { return h.Keeper.RemovePasskey(t.Context(), s, keys[0].ID) },
		}
		for what, do := range risky {
			if f := fault.Of(do(s)); f == nil || f.Key != "account.recovery.quiet" {
				t.Errorf("%s: %v", what, f)
			}
		}
		hers := s
		hers.Passkey, hers.AMR = keys[0].ID, []string{"pwd", "hwk", "user", "mfa"}
		ok(t, risky["passcode"](hers))
		h.Clock.Advance(73 * time.Hour)
		s.AuthTime = h.Clock.Now()
		if err := risky["device removed"](s); err != nil && fault.Of(err) != nil && fault.Of(err).Key == "account.recovery.quiet" {
			t.Error("it is quiet for ever")
		}
	})
}

// Somebody who knows nothing but her number uses up the requests of each day, so
// that she cannot get her account back: those do not count as hers. Whoever
// knows everything is counted however he writes it.
func TestSomebodyUsesUpHerRequests(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		in := h.request(recovery.Password)
		in.Name, in.BirthDate = "Không Biết Tên", "1/1/1980"
		for range 3 {
			_, err := h.desk.Begin(t.Context(), in, accounttest.Remote())
			ok(t, err)
		}
		if _, err := h.desk.Begin(t.Context(), in, accounttest.Remote()); !fault.Is(err, fault.TooMany) {
			t.Errorf("a fourth of the same: %v", err)
		}
		h.begin(t, recovery.Password, h.own)
		name := h.request(recovery.Password).Name
		for i, way := range []string{strings.ToUpper(name), "  " + strings.ReplaceAll(name, " ", "   "), norm.NFD.String(name)} {
			in := h.request(recovery.Password)
			in.Name = way
			if _, err := h.desk.Begin(t.Context(), in, accounttest.Remote()); fault.Is(err, fault.TooMany) != (i == 2) {
				t.Errorf("%d: %v", i, err)
			}
		}
	})
}
