// SPDX-License-Identifier: Apache-2.0

package remote_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/account"
	. "danh/account/accounttest"
	"danh/account/approval"
	"danh/account/remote"
	"danh/audit"
	"danh/internal/browse"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

const phone = "0912345678"

const passcode account.Passcode = "730418"

// scene is a desk, a computer that nobody has signed in on, and her phone.
type scene struct {
	*House
	desk     *remote.Desk
	approve  *approval.Desk
	computer account.RemoteInfo
	mobile   account.RemoteInfo
	her      account.Session // on the phone, by a passkey
	key      *browse.Passkey
	who      Person
}

func play(t *testing.T, body func(t *testing.T, s *scene)) {
	t.Helper()
	Run(t, func(t *testing.T, h *House) {
		s := &scene{House: h, computer: Remote(), mobile: Remote()}
		s.computer.Label = "Firefox, Windows"
		s.approve = approval.New(approval.Config{DB: h.DB, Clock: h.Clock, Seal: h.Seal, Audit: h.Audit, Accounts: h.Keeper})
		s.desk = remote.New(remote.Config{DB: h.DB, Clock: h.Clock, Audit: h.Audit, Accounts: h.Keeper, Approvals: s.approve})
		s.who = h.Register(t, Lan)
		h.Carrier.Says(phone, s.who.Declared.Number, account.Yes)
		_, first := h.Open(t, s.who, phone)
		s.key = h.Enlist(t, first, Citizen)
		s.her = s.byPasskey(t, s.mobile)
		if err := h.Keeper.SetPasscode(t.Context(), s.her, "", passcode); err != nil {
			t.Fatal(err)
		}
		body(t, s)
	})
}

// byPasskey signs her in in a browser.
func (s *scene) byPasskey(t *testing.T, r account.RemoteInfo) account.Session {
	t.Helper()
	c, err := s.Keeper.BeginPasskeySignIn(t.Context(), nil, r)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.key.Assert(c.Options, Citizen)
	if err != nil {
		t.Fatal(err)
	}
	tok, _, err := s.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: c.Token, Answer: answer, Remote: r, Door: "citizen"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Keeper.FindSessionOn(t.Context(), tok, r.Device)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (s *scene) ask(t *testing.T) remote.Request {
	t.Helper()
	q, err := s.desk.Ask(t.Context(), remote.Asking{Service: remote.Service{VI: "Ngân hàng Thử", EN: "Test Bank"}, Handle: "abc", Remote: s.computer})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// proof is her yes on the page that shows what she approves, not yet acted on.
func (s *scene) proof(t *testing.T, q remote.Request) approval.ID {
	t.Helper()
	a, err := s.desk.AskApproval(t.Context(), s.her, q.Code, "vi", "/q/"+q.Code)
	if err != nil {
		t.Fatal(err)
	}
	// She is shown no more time than the code has.
	now, err := s.desk.Find(t.Context(), s.her, q.Code, "")
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := s.approve.Find(t.Context(), s.her, a); err != nil || shown.ExpiresAt.After(now.ExpiresAt) {
		t.Errorf("her answer is waited for until %s, the code ends at %s: %v", shown.ExpiresAt, now.ExpiresAt, err)
	}
	c, err := s.approve.Begin(t.Context(), s.her, a, s.mobile)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.key.Assert(c.Options, Citizen)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.approve.Approve(t.Context(), s.her, a, account.Proof{Ceremony: c.Token, Answer: answer, Passcode: passcode, Remote: s.mobile}); err != nil {
		t.Fatal(err)
	}
	return a
}

// finish acts on her yes.
func (s *scene) finish(t *testing.T, her account.Session, q remote.Request, a approval.ID) error {
	t.Helper()
	return s.desk.Approve(t.Context(), her, q.Code, "vi", a)
}

// approved takes a request as far as the phone can.
func (s *scene) approved(t *testing.T) remote.Request {
	t.Helper()
	q := s.ask(t)
	if err := s.desk.Pick(t.Context(), s.her, q.Code, q.Number, s.mobile.Address); err != nil {
		t.Fatal(err)
	}
	if err := s.finish(t, s.her, q, s.proof(t, q)); err != nil {
		t.Fatal(err)
	}
	return q
}

func (s *scene) redeem(t *testing.T, q remote.Request, r account.RemoteInfo) (account.Token, account.Session, error) {
	t.Helper()
	tok, got, _, err := s.desk.Redeem(t.Context(), q.ID, r, "")
	return tok, got, err
}

// refused wants a fault of a kind.
func refused(t *testing.T, what string, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("%s: %v, want %s", what, err, kind)
	}
}

// state is how far the computer sees its request.
func (s *scene) state(t *testing.T, q remote.Request) remote.State {
	t.Helper()
	got, err := s.desk.FindOwn(t.Context(), q.ID, s.computer.Device)
	if err != nil {
		t.Fatal(err)
	}
	return got.State
}

func TestAPhoneSignsAComputerIn(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		q := s.ask(t)
		if q.Number < 10 || q.Number > 99 || !slices.Contains(q.Choices, q.Number) || len(q.Choices) != 3 {
			t.Errorf("number %d among %v", q.Number, q.Choices)
		}
		seen, err := s.desk.Find(t.Context(), s.her, strings.ToLower(q.Spoken()), s.mobile.Address)
		if err != nil {
			t.Fatal(err)
		}
		if seen.Number != 0 || seen.Label != "Firefox, Windows" || seen.Service.In("vi") != "Ngân hàng Thử" || !seen.AskedAt.Equal(q.AskedAt) || !slices.Equal(seen.Choices, q.Choices) {
			t.Errorf("the phone is shown %+v", seen)
		}
		if _, _, err := s.redeem(t, q, s.computer); !fault.Is(err, fault.Conflict) {
			t.Errorf("before anything was approved: %v", err)
		}
		if err := s.desk.Pick(t.Context(), s.her, q.Code, q.Number, s.mobile.Address); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.redeem(t, q, s.computer); !fault.Is(err, fault.Conflict) || s.state(t, q) != remote.Picked {
			t.Errorf("before it was approved: %v", err)
		}
		if err := s.finish(t, s.her, q, s.proof(t, q)); err != nil {
			t.Fatal(err)
		}
		tok, got, err := s.redeem(t, q, s.computer)
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.Keeper.FindSession(t.Context(), tok)
		if err != nil {
			t.Fatal(err)
		}
		if found.Account != s.her.Account || !found.FromAfar() || found.Assurance != 2 || found.Label != "Firefox, Windows" || !found.Passkey.IsZero() || found.ID != got.ID || found.ID == s.her.ID {
			t.Errorf("the session: %+v", found)
		}
		if told := account.Published(found.AMR); len(told) != 0 {
			t.Errorf("others are told of the methods %v", told)
		}
		if s.state(t, q) != remote.Used {
			t.Error("the request is not used")
		}
		// It is hers to see, and to end.
		list, err := s.Keeper.ListSessions(t.Context(), s.her.Account)
		if err != nil || !slices.ContainsFunc(list, func(x account.Session) bool { return x.ID == found.ID && x.FromAfar() }) {
			t.Errorf("it is not listed as what it is: %v", err)
		}
		devices, err := s.Keeper.ListDevices(t.Context(), s.her.Account)
		if err != nil || slices.ContainsFunc(devices, func(d account.Device) bool { return d.Label == "Firefox, Windows" }) {
			t.Errorf("the computer is one of her devices: %v", err)
		}
		s.Deliver(t)
		if all := strings.Join(s.Post.To(phone), "\n"); !strings.Contains(all, "bằng mã QR") || !strings.Contains(all, "Firefox, Windows") || !strings.Contains(all, "/freeze/") {
			t.Error("she was not told, or cannot lock her account from there")
		}
		for _, want := range []string{"account.remote.approved", "account.signed_in"} {
			if !slices.Contains(s.Audited(t), want) {
				t.Errorf("the log does not say %s", want)
			}
		}
		// And it ends by itself, however much it is used.
		for range 5 {
			s.Clock.Advance(11 * time.Minute)
			if _, err := s.Keeper.FindSession(t.Context(), tok); err != nil {
				t.Fatalf("it ended early: %v", err)
			}
		}
		s.Clock.Advance(6 * time.Minute)
		if _, err := s.Keeper.FindSession(t.Context(), tok); !fault.Is(err, fault.NotFound) {
			t.Errorf("after an hour: %v", err)
		}
	})
}

// A code that somebody saw over her shoulder, or her own request's address,
// opens nothing in another browser.
func TestTheCodeOfOneBrowserUsedByAnother(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		q := s.approved(t)
		thief := Remote()
		_, _, err := s.redeem(t, q, thief)
		refused(t, "another browser", err, fault.NotFound)
		_, _, err = s.redeem(t, q, account.RemoteInfo{Address: "127.0.0.1"})
		refused(t, "a browser without cookies", err, fault.NotFound)
		if _, err := s.desk.FindOwn(t.Context(), q.ID, thief.Device); !fault.Is(err, fault.NotFound) {
			t.Errorf("another browser sees the number: %v", err)
		}
		if _, _, err = s.redeem(t, q, s.computer); err != nil {
			t.Errorf("the browser itself: %v", err)
		}
	})
}

// Of approvals, numbers and uses that come at the same time one of each counts.
func TestEverythingTwiceInParallel(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		race := func(what string, do func() error) {
			t.Helper()
			var mu sync.Mutex
			won := 0
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if do() == nil {
						mu.Lock()
						won++
						mu.Unlock()
					}
				})
			}
			all.Wait()
			if won != 1 {
				t.Errorf("%s: %d of eight won", what, won)
			}
		}
		q := s.ask(t)
		race("picking", func() error { return s.desk.Pick(t.Context(), s.her, q.Code, q.Number, s.mobile.Address) })
		yes := s.proof(t, q)
		race("approving", func() error { return s.finish(t, s.her, q, yes) })
		race("using", func() error { _, _, err := s.redeem(t, q, s.computer); return err })
		list, err := s.Keeper.ListSessions(t.Context(), s.her.Account)
		n := 0
		for _, x := range list {
			if x.FromAfar() {
				n++
			}
		}
		if err != nil || n != 1 {
			t.Errorf("%d sessions came of one approval: %v", n, err)
		}
	})
}

func TestAWrongNumberEndsTheRequest(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		q := s.ask(t)
		wrong := q.Choices[0]
		if wrong == q.Number {
			wrong = q.Choices[1]
		}
		refused(t, "a wrong number", s.desk.Pick(t.Context(), s.her, q.Code, wrong, s.mobile.Address), fault.Conflict)
		refused(t, "the right one afterwards", s.desk.Pick(t.Context(), s.her, q.Code, q.Number, s.mobile.Address), fault.Conflict)
		_, err := s.desk.AskApproval(t.Context(), s.her, q.Code, "vi", "/")
		refused(t, "asking to approve", err, fault.Conflict)
		refused(t, "approving", s.finish(t, s.her, q, approval.ID{}), fault.Conflict)
		_, _, err = s.redeem(t, q, s.computer)
		refused(t, "using", err, fault.Conflict)
		if s.state(t, q) != remote.Wrong || !slices.Contains(s.Audited(t), "account.remote.wrong_number") {
			t.Error("the computer or the log is not told")
		}
	})
}

// Looking again shows the same three numbers: whoever could have them drawn
// anew would see which one stays.
func TestTheNumbersStay(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		q := s.ask(t)
		for range 5 {
			if got, err := s.desk.Find(t.Context(), s.her, q.Code, s.mobile.Address); err != nil || !slices.Equal(got.Choices, q.Choices) {
				t.Fatalf("%v, %v", got.Choices, err)
			}
		}
	})
}

func TestEverythingExpires(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		q := s.ask(t)
		s.Clock.Advance(2 * time.Minute)
		refused(t, "a number too late", s.desk.Pick(t.Context(), s.her, q.Code, q.Number, s.mobile.Address), fault.Conflict)
		if s.state(t, q) != remote.Expired {
			t.Error("the computer's page does not say so")
		}
		q = s.ask(t)
		if err := s.desk.Pick(t.Context(), s.her, q.Code, q.Number, s.mobile.Address); err != nil {
			t.Fatal(err)
		}
		yes := s.proof(t, q)
		s.Clock.Advance(3 * time.Minute)
		refused(t, "an approval too late", s.finish(t, s.her, q, yes), fault.Conflict)
		q = s.approved(t)
		s.Clock.Advance(time.Minute)
		_, _, err := s.redeem(t, q, s.computer)
		refused(t, "a use too late", err, fault.Conflict)
		// Nothing of it is kept.
		s.Clock.Advance(25 * time.Hour)
		for _, p := range s.desk.Purges() {
			if _, err := p.RunOnce(t.Context(), s.DB, s.Clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
		var left int
		if err := s.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM account_remote`).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d requests are kept: %v", left, err)
		}
	})
}

// Whoever freezes between two steps has stopped the next one, and what was
// approved before stays dead after the account is opened again.
func TestFrozenInBetween(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		freeze := func() {
			t.Helper()
			if err := s.Keeper.Freeze(t.Context(), s.her); err != nil {
				t.Fatal(err)
			}
		}
		thaw := func() {
			t.Helper()
			err := s.DB.Write(t.Context(), func(tx *db.Tx) error {
				return s.Keeper.UnlockTx(t.Context(), tx, audit.System("test"), s.her.Account, account.OwnRequest)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		q := s.ask(t)
		freeze()
		refused(t, "a number while frozen", s.desk.Pick(t.Context(), s.her, q.Code, q.Number, s.mobile.Address), fault.Forbidden)
		thaw()
		s.her = s.byPasskey(t, s.mobile)
		if err := s.desk.Pick(t.Context(), s.her, q.Code, q.Number, s.mobile.Address); err != nil {
			t.Fatal(err)
		}
		yes := s.proof(t, q)
		freeze()
		refused(t, "approving while frozen", s.finish(t, s.her, q, yes), fault.Forbidden)
		thaw()
		refused(t, "approving with the session of before", s.finish(t, s.her, q, yes), fault.Forbidden)
		s.her = s.byPasskey(t, s.mobile)
		q = s.approved(t)
		freeze()
		_, _, err := s.redeem(t, q, s.computer)
		refused(t, "using while frozen", err, fault.Conflict)
		thaw()
		_, _, err = s.redeem(t, q, s.computer)
		refused(t, "using after it was opened again", err, fault.Conflict)
		// A session that is open already ends with the lock.
		s.her = s.byPasskey(t, s.mobile)
		tok, _, err := s.redeem(t, s.approved(t), s.computer)
		if err != nil {
			t.Fatal(err)
		}
		freeze()
		if _, err := s.Keeper.FindSession(t.Context(), tok); !fault.Is(err, fault.NotFound) {
			t.Errorf("it goes on: %v", err)
		}
	})
}

// A session that came of a code approves no further one, proves nothing, and
// adds nothing to what is proved beside it.
func TestItIsWorthNothingForAStepUp(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		tok, afar, err := s.redeem(t, s.approved(t), s.computer)
		if err != nil {
			t.Fatal(err)
		}
		q, err := s.desk.Ask(t.Context(), remote.Asking{Remote: Remote()})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.desk.Find(t.Context(), afar, q.Code, s.computer.Address)
		refused(t, "looking at another code", err, fault.Forbidden)
		refused(t, "picking", s.desk.Pick(t.Context(), afar, q.Code, q.Number, s.computer.Address), fault.Forbidden)
		refused(t, "approving", s.finish(t, afar, q, approval.ID{}), fault.Forbidden)
		refused(t, "refusing", s.desk.Refuse(t.Context(), afar, q.Code, s.computer.Address), fault.Forbidden)
		if _, err := s.Keeper.BeginProof(t.Context(), afar, make([]byte, 32), s.computer); !fault.Is(err, fault.Forbidden) {
			t.Errorf("it may prove something: %v", err)
		}
		if r, err := s.Keeper.Reach(t.Context(), afar); err != nil || r.Passkey != 2 || r.Passcode > 1 || r.Password != 3 { // signed in anew by the password, and then by the passkey
			t.Errorf("it reaches %+v: %v", r, err)
		}
		// Her password beside it is worth what a password is.
		_, got, err := s.Keeper.SignIn(t.Context(), account.SignIn{Number: s.who.Declared.Number.Reveal(), Password: Password, Remote: s.computer, Former: tok, Door: "citizen"})
		if err != nil || got.Assurance != 1 || got.FromAfar() {
			t.Errorf("with the password it is %d, %v: %v", got.Assurance, got.AMR, err)
		}
		// A passkey in that very browser is worth a passkey, and the session stays short.
		tok, afar, err = s.redeem(t, s.approved(t), s.computer)
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.Keeper.BeginPasskeySignIn(t.Context(), &afar, s.computer)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := s.key.Assert(c.Options, Citizen)
		if err != nil {
			t.Fatal(err)
		}
		raised, got, err := s.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: c.Token, Answer: answer, Remote: s.computer, Session: &afar, Former: tok, Door: "citizen"})
		if err != nil || got.Assurance != 2 || got.FromAfar() {
			t.Errorf("raised it is %d, %v: %v", got.Assurance, got.AMR, err)
		}
		for range 3 {
			s.Clock.Advance(21 * time.Minute)
			_, err = s.Keeper.FindSession(t.Context(), raised)
		}
		refused(t, "raised, after an hour", err, fault.NotFound)
	})
}

// A phone that she takes off her devices takes with it whom it signed in
// elsewhere: whoever stole it has nothing left.
func TestAStolenPhoneSignsAComputerIn(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		tok, _, err := s.redeem(t, s.approved(t), s.computer)
		if err != nil {
			t.Fatal(err)
		}
		waiting := s.approved(t)
		other := s.byPasskey(t, Remote())
		if err := s.Keeper.RemoveDevice(t.Context(), other, s.her.Device); err != nil {
			t.Fatal(err)
		}
		_, err = s.Keeper.FindSession(t.Context(), tok)
		refused(t, "the computer of the thief", err, fault.NotFound)
		_, _, err = s.redeem(t, waiting, s.computer)
		refused(t, "an approval from before", err, fault.Conflict)
	})
}

// The cookie of the session that came of a code is worth nothing in another
// browser.
func TestTheComputersCookieIsCarriedAway(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		tok, _, err := s.redeem(t, s.approved(t), s.computer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Keeper.FindSessionOn(t.Context(), tok, s.computer.Device); err != nil {
			t.Fatal(err)
		}
		_, err = s.Keeper.FindSessionOn(t.Context(), tok, Remote().Device)
		refused(t, "in another browser", err, fault.NotFound)
		_, err = s.Keeper.FindSessionOn(t.Context(), tok, s.computer.Device)
		refused(t, "afterwards", err, fault.NotFound)
	})
}

// A session on a browser that is no device of hers, and one that is used for
// somebody else, approve nothing.
func TestWhoMayAnswer(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		q := s.ask(t)
		for name, change := range map[string]func(*account.Session){
			"no device":      func(x *account.Session) { x.Device = id.Person{} },
			"a lent browser": func(x *account.Session) { x.Once = true },
			"acting":         func(x *account.Session) { x.Acting = &account.Acting{} },
			"locked":         func(x *account.Session) { x.Status = account.Locked },
		} {
			x := s.her
			change(&x)
			_, err := s.desk.Find(t.Context(), x, q.Code, s.mobile.Address)
			refused(t, name+" looks", err, fault.Forbidden)
			refused(t, name+" picks", s.desk.Pick(t.Context(), x, q.Code, q.Number, s.mobile.Address), fault.Forbidden)
			refused(t, name+" approves", s.finish(t, x, q, approval.ID{}), fault.Forbidden)
			_, err = s.desk.AskApproval(t.Context(), x, q.Code, "vi", "/")
			refused(t, name+" asks", err, fault.Forbidden)
		}
	})
}

// A former session's password adds nothing to a code.
func TestACodeAfterAPassword(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		former, _, err := s.Keeper.SignIn(t.Context(), account.SignIn{Number: s.who.Declared.Number.Reveal(), Password: Password, Remote: s.computer, Door: "citizen"})
		if err != nil {
			t.Fatal(err)
		}
		q := s.approved(t)
		_, got, _, err := s.desk.Redeem(t.Context(), q.ID, s.computer, former)
		if err != nil || got.Assurance != 2 || !slices.Equal(got.AMR, []string{"qr"}) {
			t.Errorf("%d, %v: %v", got.Assurance, got.AMR, err)
		}
		if _, err := s.Keeper.FindSession(t.Context(), former); !fault.Is(err, fault.NotFound) {
			t.Errorf("the former session goes on: %v", err)
		}
	})
}

// The cap holds whatever the rows say.
func TestTheCapDoesNotHangOnTheRows(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		err := s.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE account_assurance SET assurance = 4 WHERE factors = 'qr'`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(2 * time.Minute) // the rows are read again
		if _, got, err := s.redeem(t, s.approved(t), s.computer); err != nil || got.Assurance != 2 {
			t.Errorf("assurance %d: %v", got.Assurance, err)
		}
	})
}

// The proof is to this very request, as it is shown, and as strong as the
// journey demands: whatever else she has approved opens nothing.
func TestAnotherApprovalIsNone(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		first := s.ask(t)
		if err := s.desk.Pick(t.Context(), s.her, first.Code, first.Number, s.mobile.Address); err != nil {
			t.Fatal(err)
		}
		yes := s.proof(t, first)
		refused(t, "in other words", s.desk.Approve(t.Context(), s.her, first.Code, "en", yes), fault.Conflict)
		refused(t, "none", s.finish(t, s.her, first, approval.ID{}), fault.Conflict)
		second := s.ask(t)
		if err := s.desk.Pick(t.Context(), s.her, second.Code, second.Number, s.mobile.Address); err != nil {
			t.Fatal(err)
		}
		refused(t, "the request before", s.finish(t, s.her, second, yes), fault.Conflict)
		// Somebody swapped the rows' words in between: it is another document.
		good := s.proof(t, second)
		alter := func(label string) {
			t.Helper()
			if err := s.DB.Write(t.Context(), func(tx *db.Tx) error {
				_, err := tx.ExecContext(t.Context(), `UPDATE account_remote SET label = $2 WHERE id = $1`, second.ID, label)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		alter("Chrome, Android")
		refused(t, "another computer", s.finish(t, s.her, second, good), fault.Conflict)
		alter(second.Label)
		if err := s.finish(t, s.her, second, good); err != nil {
			t.Fatal(err)
		}
		refused(t, "twice", s.finish(t, s.her, second, good), fault.Conflict)
		// Another session of hers does not finish what this one began.
		third := s.ask(t)
		if err := s.desk.Pick(t.Context(), s.her, third.Code, third.Number, s.mobile.Address); err != nil {
			t.Fatal(err)
		}
		refused(t, "by another session", s.finish(t, s.byPasskey(t, s.mobile), third, s.proof(t, third)), fault.NotFound)
	})
}

// A passcode alone is assurance 1: whoever saw her type it approves nothing.
func TestAPasscodeAloneApprovesNothing(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		q := s.ask(t)
		if err := s.desk.Pick(t.Context(), s.her, q.Code, q.Number, s.mobile.Address); err != nil {
			t.Fatal(err)
		}
		a, err := s.desk.AskApproval(t.Context(), s.her, q.Code, "vi", "/")
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.approve.Begin(t.Context(), s.her, a, s.mobile)
		if err != nil {
			t.Fatal(err)
		}
		err = s.approve.Approve(t.Context(), s.her, a, account.Proof{Ceremony: c.Token, Passcode: passcode, Remote: s.mobile})
		refused(t, "the passcode alone", err, fault.Invalid)
		refused(t, "acting on it", s.finish(t, s.her, q, a), fault.Conflict)
	})
}

// One account tries codes until it meets somebody's: it is stopped long before,
// at whatever pace, and codes that do exist do not count.
func TestGuessingCodes(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		q := s.ask(t)
		for range 30 {
			if _, err := s.desk.Find(t.Context(), s.her, q.Code, s.mobile.Address); err != nil {
				t.Fatalf("a code that exists counts: %v", err)
			}
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		kinds := map[fault.Kind]int{}
		for range 40 {
			all.Go(func() {
				_, err := s.desk.Find(t.Context(), s.her, "22222222", s.mobile.Address)
				mu.Lock()
				defer mu.Unlock()
				kinds[fault.Of(err).Kind]++
			})
		}
		all.Wait()
		if kinds[fault.NotFound] != 10 || kinds[fault.TooMany] != 30 {
			t.Errorf("of 40 guesses: %v", kinds)
		}
		_, err := s.desk.Find(t.Context(), s.her, q.Code, s.mobile.Address)
		refused(t, "even the right one", err, fault.TooMany)
		s.Clock.Advance(time.Hour + time.Second)
		_, err = s.desk.Find(t.Context(), s.her, "not a code", s.mobile.Address)
		refused(t, "no code at all", err, fault.NotFound)
	})
}

// A network with many accounts guesses no faster.
func TestANetworkOfAccountsGuessesCodes(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		const network = "203.0.113.7"
		for n := range 100 {
			if n%9 == 0 { // as if by another account
				if err := s.DB.Write(t.Context(), func(tx *db.Tx) error {
					_, err := tx.ExecContext(t.Context(), `DELETE FROM account_limit WHERE scope = 'qr.code'`)
					return err
				}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.desk.Find(t.Context(), s.her, "22222222", network); !fault.Is(err, fault.NotFound) {
				t.Fatalf("guess %d: %v", n, err)
			}
		}
		_, err := s.desk.Find(t.Context(), s.her, "22222222", network)
		refused(t, "the hundred and first", err, fault.TooMany)
		if _, err := s.desk.Find(t.Context(), s.her, s.ask(t).Code, "198.51.100.1"); err != nil {
			t.Errorf("another network: %v", err)
		}
	})
}

// What one account answers is nobody else's: a thief who saw the code cannot
// sign her computer in to his own account, nor stop what she is about.
func TestAnotherAccountAnswersToo(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		_, thief := s.Open(t, s.Register(t, Minh), "0987654321")
		q := s.ask(t)
		if err := s.desk.Pick(t.Context(), s.her, q.Code, q.Number, s.mobile.Address); err != nil {
			t.Fatal(err)
		}
		_, err := s.desk.Find(t.Context(), thief, q.Code, "127.0.0.1")
		refused(t, "looking", err, fault.NotFound)
		refused(t, "picking", s.desk.Pick(t.Context(), thief, q.Code, q.Number, "127.0.0.1"), fault.NotFound)
		yes := s.proof(t, q)
		refused(t, "approving", s.finish(t, thief, q, yes), fault.NotFound)
		refused(t, "refusing", s.desk.Refuse(t.Context(), thief, q.Code, "127.0.0.1"), fault.NotFound)
		if err := s.finish(t, s.her, q, yes); err != nil {
			t.Fatal(err)
		}
		if _, got, err := s.redeem(t, q, s.computer); err != nil || got.Account != s.her.Account {
			t.Errorf("%v", err)
		}
	})
}

// What she refuses is over, even after she approved; and a browser that asks
// anew has one request.
func TestSheRefusesAndTheComputerAsksAnew(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		q := s.approved(t)
		if err := s.desk.Refuse(t.Context(), s.her, q.Code, s.mobile.Address); err != nil {
			t.Fatal(err)
		}
		_, _, err := s.redeem(t, q, s.computer)
		refused(t, "using what was refused", err, fault.Conflict)
		first := s.approved(t)
		second := s.ask(t)
		_, _, err = s.redeem(t, first, s.computer)
		refused(t, "using what was replaced", err, fault.Conflict)
		refused(t, "refusing what is over", s.desk.Refuse(t.Context(), s.her, first.Code, s.mobile.Address), fault.Conflict)
		if s.state(t, first) != remote.Replaced || s.state(t, second) != remote.Asked {
			t.Error("the states are not as they should be")
		}
	})
}

// A network that has codes made without end waits, and the code names nobody.
func TestCodesWithoutEnd(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		r := s.computer
		r.Address = "203.0.113.9"
		for n := range 600 {
			if _, err := s.desk.Ask(t.Context(), remote.Asking{Remote: r}); err != nil {
				t.Fatalf("%d: %v", n, err)
			}
		}
		_, err := s.desk.Ask(t.Context(), remote.Asking{Remote: r})
		refused(t, "the six hundred and first", err, fault.TooMany)
		_, err = s.desk.Ask(t.Context(), remote.Asking{Remote: account.RemoteInfo{Address: "198.51.100.1"}})
		refused(t, "without cookies", err, fault.Invalid)
	})
}
