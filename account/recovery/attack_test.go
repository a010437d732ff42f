// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/recovery"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
)

// Somebody who knows everything about her, and to whom she was talked into
// reading a code, waits longest; she is told on the way and stops it by one tap.
func TestRecoveryByWhoKnowsEverything(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		tok := h.begin(t, recovery.Password, h.remote)
		ok(t, h.desk.Choose(t.Context(), tok, recovery.ByOTP))
		h.stands(t, tok, recovery.Proving) // knowing alone proves nothing
		h.confirm(t, tok, "", lanPhone)
		c := h.course(t, tok)
		if c.State != recovery.Waiting || !c.Due.Equal(h.Clock.Now().Add(168*time.Hour)) {
			t.Fatalf("%+v", c)
		}
		link := h.link(t, lanPhone)
		if s, err := h.desk.FindStopLink(t.Context(), link); err != nil || !s.Due.Equal(c.Due) {
			t.Fatalf("%+v, %v", s, err)
		}
		h.stands(t, tok, recovery.Waiting) // showing changes nothing
		k, err := h.desk.StopByLink(t.Context(), link)
		if err != nil || k != recovery.Password {
			t.Fatal(k, err)
		}
		h.Clock.Advance(169 * time.Hour)
		_, err = h.desk.Finish(t.Context(), tok, fresh, h.remote)
		if err == nil {
			t.Fatal("what was stopped was finished")
		}
		if _, err := h.signIn(t, accounttest.Password, h.own); err != nil {
			t.Fatal(err)
		}
	})
}

// What was stopped is asked for again: only a counter proves it for a while, and
// her telephone stays silent.
func TestAskedAgainAfterAStop(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		h.begin(t, recovery.PhoneLost, h.remote)
		_, err := h.desk.StopByLink(t.Context(), h.link(t, lanPhone))
		ok(t, err)
		told := h.told(t, lanPhone, "Có người xin lấy lại")
		tok := h.begin(t, recovery.PhoneLost, h.remote)
		h.stands(t, tok, recovery.Proving)
		wrong(t, h.desk.ProveByPaper(t.Context(), tok, h.paper(t)[0]), "account.recovery.wrong")
		if h.told(t, lanPhone, "Có người xin lấy lại") != told {
			t.Error("she was told again")
		}
		h.Clock.Advance(8 * 24 * time.Hour)
		tok = h.begin(t, recovery.PhoneLost, h.remote)
		ok(t, h.desk.ProveByPaper(t.Context(), tok, h.paper(t)[0]))
	})
}

// The thief has a new SIM card for her number: no code goes there, and she hears
// of it on her other channels.
func TestRecoveryBehindASIMSwap(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		h.Carrier.Swap(lanPhone, h.Clock.Now().Add(-48*time.Hour))
		tok := h.begin(t, recovery.Password, h.remote)
		ok(t, h.desk.Choose(t.Context(), tok, recovery.ByOTP))
		ok(t, h.desk.AskCode(t.Context(), tok, ""))
		h.Deliver(t)
		if h.told(t, lanPhone, "lấy lại tài khoản, hiệu lực") != 0 || h.told(t, lanPhone, "SIM của bạn vừa đổi") != 1 {
			t.Fatalf("%q", h.Post.To(lanPhone))
		}
		err := h.desk.ConfirmCode(t.Context(), tok, "000000")
		wrong(t, err, "account.code.wrong")
		h.stands(t, tok, recovery.Proving)
		// Once the change is old it counts again.
		h.Clock.Advance(6 * 24 * time.Hour)
		tok = h.begin(t, recovery.Password, h.remote)
		ok(t, h.desk.Choose(t.Context(), tok, recovery.ByOTP))
		h.confirm(t, tok, "", lanPhone)
		h.stands(t, tok, recovery.Waiting)
	})
}

// The carrier says that the phone is another's.
func TestRecoveryByAPhoneThatIsAnothers(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		h.Carrier.Says(lanPhone, h.lan.Declared.Number, account.No)
		tok := h.begin(t, recovery.Password, h.remote)
		ok(t, h.desk.Choose(t.Context(), tok, recovery.ByOTP))
		ok(t, h.desk.AskCode(t.Context(), tok, ""))
		if h.told(t, lanPhone, "là mã") != 1 { // the one of her opening
			t.Fatalf("%q", h.Post.To(lanPhone))
		}
	})
}

// A code that she was sent for her own request is typed into the thief's.
func TestOTPRelayedBetweenTwoRecoveries(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		hers, his := h.begin(t, recovery.Password, h.own), h.begin(t, recovery.Password, h.remote)
		ok(t, h.desk.Choose(t.Context(), hers, recovery.ByOTP))
		ok(t, h.desk.Choose(t.Context(), his, recovery.ByOTP))
		ok(t, h.desk.AskCode(t.Context(), his, ""))
		h.Deliver(t)
		ok(t, h.desk.AskCode(t.Context(), hers, ""))
		code := h.Code(t, lanPhone)
		wrong(t, h.desk.ConfirmCode(t.Context(), his, code), "account.code.wrong")
		ok(t, h.desk.ConfirmCode(t.Context(), hers, code))
		err := h.desk.ConfirmCode(t.Context(), hers, code)
		wrong(t, err, "account.recovery.moved")
		h.stands(t, his, recovery.Proving)
	})
}

func TestOTPGuessed(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		tok := h.begin(t, recovery.Password, h.remote)
		ok(t, h.desk.Choose(t.Context(), tok, recovery.ByOTP))
		ok(t, h.desk.AskCode(t.Context(), tok, ""))
		code := h.Code(t, lanPhone)
		other := "000000"
		if code == other {
			other = "000001"
		}
		for range 5 {
			if err := h.desk.ConfirmCode(t.Context(), tok, other); err == nil {
				t.Fatal("a wrong code counts")
			}
		}
		wrong(t, h.desk.ConfirmCode(t.Context(), tok, code), "account.code.over")
	})
}

func TestStopLinkReplayed(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		h.begin(t, recovery.PhoneLost, h.remote)
		link := h.link(t, lanPhone)
		_, err := h.desk.StopByLink(t.Context(), link)
		ok(t, err)
		_, err = h.desk.StopByLink(t.Context(), link)
		wrong(t, err, "account.recovery.link")
		_, err = h.desk.FindStopLink(t.Context(), link)
		wrong(t, err, "account.recovery.link")
		_, err = h.desk.StopByLink(t.Context(), "aaaaaaaaaaaaaaaaaaaaaaaaaa")
		wrong(t, err, "account.recovery.link")
		// The link of one request stops no other.
		h.Clock.Advance(8 * 24 * time.Hour)
		tok := h.begin(t, recovery.PhoneLost, h.remote)
		_, err = h.desk.StopByLink(t.Context(), link)
		wrong(t, err, "account.recovery.link")
		h.stands(t, tok, recovery.Proving)
	})
}

// One code on paper, two requests at once: one is proved.
func TestOnePaperCodeInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		code := h.paper(t)[0]
		toks := []account.Token{h.begin(t, recovery.PhoneLost, h.remote), h.begin(t, recovery.PhoneLost, h.own)}
		errs := make([]error, 2)
		var wg sync.WaitGroup
		for i, tok := range toks {
			wg.Go(func() { errs[i] = h.desk.ProveByPaper(t.Context(), tok, code) })
		}
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("%v, %v", errs[0], errs[1])
		}
		n := 0
		for _, tok := range toks {
			if h.course(t, tok).State == recovery.Waiting {
				n++
			}
		}
		if n != 1 {
			t.Fatalf("%d requests wait", n)
		}
	})
}

// Finishing twice at once sets one password and opens one session.
func TestFinishedInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		tok := h.begin(t, recovery.PhoneLost, h.remote)
		ok(t, h.desk.ProveByPaper(t.Context(), tok, h.paper(t)[0]))
		h.Clock.Advance(25 * time.Hour)
		errs := make([]error, 2)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = h.desk.Finish(t.Context(), tok, fresh, h.remote) })
		}
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("%v, %v", errs[0], errs[1])
		}
	})
}

// Her telephone is not to ring all day: requests about a number are counted,
// known or not, and one that does not agree with the account tells nobody.
func TestRecoveryBombing(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		for range 3 {
			h.begin(t, recovery.Password, h.remote)
		}
		_, err := h.desk.Begin(t.Context(), h.request(recovery.PhoneLost), accounttest.Remote())
		if !fault.Is(err, fault.TooMany) {
			t.Fatal(err)
		}
		if n := h.told(t, lanPhone, "Có người xin lấy lại"); n != 3 {
			t.Errorf("told %d times", n)
		}
		h.Clock.Advance(25 * time.Hour)
		in := h.request(recovery.Password)
		in.Name = "Nguyễn Thị Hoa"
		_, err = h.desk.Begin(t.Context(), in, h.remote)
		ok(t, err)
		if n := h.told(t, lanPhone, "Có người xin lấy lại"); n != 3 {
			t.Errorf("somebody who knows the number alone rang: told %d times", n)
		}
	})
}

// Nothing that a stranger can do tells a number with an account from one without.
func TestUnknownNumberLooksTheSame(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		in := h.request(recovery.Password)
		in.Number, in.Name = "001190007777", "Lê Thị Không"
		nobody, err := h.desk.Begin(t.Context(), in, h.remote)
		ok(t, err)
		somebody, err := h.desk.Begin(t.Context(), h.request(recovery.Password), h.remote)
		ok(t, err)
		h.Deliver(t)
		for _, tok := range []account.Token{nobody, somebody} {
			ok(t, h.desk.Choose(t.Context(), tok, recovery.ByOTP))
			ok(t, h.desk.AskCode(t.Context(), tok, ""))
			h.Deliver(t)
			err := h.desk.ConfirmCode(t.Context(), tok, "999999")
			if f := fault.Of(err); f == nil || f.Key != "account.code.wrong" || f.Args["left"] != "4" {
				t.Fatal(err)
			}
			wrong(t, h.desk.ProveByPaper(t.Context(), tok, "ABCD-2345-EFGH"), "account.recovery.wrong")
			if _, _, err := h.desk.ChipCode(t.Context(), tok); err != nil {
				t.Fatal(err)
			}
		}
		a, b := h.course(t, nobody), h.course(t, somebody)
		a.Code, b.Code = "", ""
		if a.State != b.State || a.Way != b.Way || a.CodeSent != b.CodeSent || !a.CodeEnds.IsZero() && b.CodeEnds.IsZero() {
			t.Errorf("%+v\n%+v", a, b)
		}
	})
}

// A passkey that a thief added a moment ago recovers nothing, nor does one of
// somebody else.
func TestRecoveryByAYoungPasskeyAndAnothers(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		p := h.Enlist(t, h.s, accounttest.Citizen)
		tok := h.begin(t, recovery.PhoneLost, h.remote)
		in := h.assert(t, p, h.remote)
		wrong(t, h.desk.ProveByPasskey(t.Context(), tok, in), "account.recovery.young")
		wrong(t, h.desk.ProveByPasskey(t.Context(), tok, in), "account.passkey.stale") // replayed
		minh := h.Register(t, accounttest.Minh)
		h.Carrier.Says("0987654321", minh.Declared.Number, account.Yes)
		_, his := h.Open(t, minh, "0987654321")
		q := h.Enlist(t, his, accounttest.Citizen)
		h.Clock.Advance(4 * 24 * time.Hour)
		tok = h.begin(t, recovery.PhoneLost, h.remote)
		wrong(t, h.desk.ProveByPasskey(t.Context(), tok, h.assert(t, q, h.remote)), "account.recovery.wrong")
		h.stands(t, tok, recovery.Proving)
	})
}

// She locks her account while a thief's request waits: it cannot be finished.
func TestRecoveryOfALockedAccount(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		tok := h.begin(t, recovery.PhoneLost, h.remote)
		ok(t, h.desk.ProveByPaper(t.Context(), tok, h.paper(t)[0]))
		_, err := h.signIn(t, accounttest.Password, h.own)
		ok(t, err)
		ok(t, h.Keeper.Freeze(t.Context(), h.s))
		h.Clock.Advance(25 * time.Hour)
		_, err = h.desk.Finish(t.Context(), tok, fresh, h.remote)
		wrong(t, err, "account.recovery.locked")
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
			return h.Keeper.UnlockTx(t.Context(), tx, audit.System("test"), h.s.Account, account.OwnRequest)
		}))
		if _, err := h.signIn(t, accounttest.Password, h.own); err != nil {
			t.Fatal(err)
		}
	})
}

// Whoever is signed in stops it by one tap; another's key stops nothing.
func TestStoppedByWhoIsSignedIn(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		tok := h.begin(t, recovery.PhoneLost, h.remote)
		list, err := h.desk.ListOwn(t.Context(), h.s)
		ok(t, err)
		if len(list) != 1 || list[0].Kind != recovery.PhoneLost {
			t.Fatalf("%+v", list)
		}
		minh := h.Register(t, accounttest.Minh)
		_, his := h.Open(t, minh, "0987654321")
		wrong(t, h.desk.StopOwn(t.Context(), his, list[0].ID), "account.recovery.none")
		ok(t, h.desk.StopOwn(t.Context(), h.s, list[0].ID))
		wrong(t, h.desk.StopOwn(t.Context(), h.s, list[0].ID), "account.recovery.moved")
		h.stands(t, tok, recovery.Stopped)
	})
}

// A new phone that is another account's is refused, and a request lapses.
func TestNewPhoneOfAnother(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		minh := h.Register(t, accounttest.Minh)
		h.Carrier.Says("0987654321", minh.Declared.Number, account.Yes)
		h.Open(t, minh, "0987654321")
		tok := h.begin(t, recovery.PhoneAndNumber, h.remote)
		ok(t, h.desk.ProveByPaper(t.Context(), tok, h.paper(t)[0]))
		h.confirm(t, tok, "0987654321", "0987654321")
		h.Clock.Advance(73 * time.Hour)
		_, err := h.desk.Finish(t.Context(), tok, fresh, h.remote)
		wrong(t, err, "account.phone.taken")
		h.stands(t, tok, recovery.Waiting)
		h.Clock.Advance(30 * 24 * time.Hour)
		for _, p := range h.desk.Purges() {
			if p.Name == "account_recovery_lapse" {
				ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { _, err := p.Run(t.Context(), tx, h.Clock.Now()); return err }))
			}
		}
		h.stands(t, tok, recovery.Lapsed)
	})
}

// Nothing of what was typed lies in the clear.
func TestNothingLiesInTheClear(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		h.begin(t, recovery.Password, h.remote)
		var raw []byte
		ok(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT details FROM account_recovery`).Scan(&raw))
		if s := string(raw); strings.Contains(s, h.lan.Declared.Number.Reveal()) || strings.Contains(strings.ToLower(s), "lan") && strings.Contains(s, "1990") {
			t.Error("details are readable")
		}
	})
}
