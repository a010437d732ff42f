// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/recovery"
	"danh/audit"
	"danh/internal/browse"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/registry/population"
)

const (
	lanPhone = "0912345678"
	newPhone = "0977000111"
	fresh    = account.Password("Suối-trong-9-đá")
)

// house is an account room with a desk of recoveries, and Lan, who has an account
// that is surely hers.
type house struct {
	*accounttest.House
	desk   *recovery.Desk
	lan    accounttest.Person
	own    account.RemoteInfo // the browser that she uses
	s      account.Session
	remote account.RemoteInfo // another
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wrong(t testing.TB, err error, key string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Key != key {
		t.Fatalf("got %v, want %s", err, key)
	}
}

func run(t *testing.T, body func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel()
	dbtest.Run(t, accounttest.Schemas, func(t *testing.T, d *db.DB) {
		h := &house{House: accounttest.New(t, d), own: accounttest.Remote(), remote: accounttest.Remote()}
		h.desk = recovery.New(recovery.Config{DB: d, Clock: h.Clock, Log: h.Log, Seal: h.Seal, Jobs: h.Jobs, Audit: h.Audit, Notify: h.Notify, Accounts: h.Keeper, Carrier: h.Carrier, Citizen: accounttest.Citizen})
		h.Population.Subscribe(population.Died, h.desk.HandleDeath)
		h.lan = h.Register(t, accounttest.Lan)
		h.Carrier.Says(lanPhone, h.lan.Declared.Number, account.Yes)
		_, h.s = h.Open(t, h.lan, lanPhone)
		_, err := h.signIn(t, accounttest.Password, h.own)
		ok(t, err)
		body(t, h)
	})
}

func (h *house) signIn(t testing.TB, pw account.Password, r account.RemoteInfo) (account.Session, error) {
	t.Helper()
	_, s, err := h.Keeper.SignIn(t.Context(), account.SignIn{Number: h.lan.Declared.Number.Reveal(), Password: pw, Remote: r, Door: "citizen"})
	if err == nil {
		h.s = s
	}
	return s, err
}

// request is what somebody types who knows everything about Lan.
func (h *house) request(k recovery.Kind) recovery.Request {
	return recovery.Request{Kind: k, Number: h.lan.Declared.Number.Reveal(), Name: strings.ToLower(h.lan.Declared.Name), BirthDate: h.lan.Declared.BirthDate.Vietnamese(), Language: "vi"}
}

func (h *house) begin(t testing.TB, k recovery.Kind, r account.RemoteInfo) account.Token {
	t.Helper()
	tok, err := h.desk.Begin(t.Context(), h.request(k), r)
	ok(t, err)
	h.Deliver(t)
	return tok
}

func (h *house) course(t testing.TB, tok account.Token) recovery.Course {
	t.Helper()
	c, err := h.desk.Find(t.Context(), tok)
	ok(t, err)
	return c
}

func (h *house) stands(t testing.TB, tok account.Token, s recovery.State) {
	t.Helper()
	if c := h.course(t, tok); c.State != s {
		t.Fatalf("the request stands at %s, not %s", c.State, s)
	}
}

// told counts the messages to a phone that hold a text.
func (h *house) told(t testing.TB, phone, text string) (n int) {
	t.Helper()
	h.Deliver(t)
	for _, m := range h.Post.To(phone) {
		if strings.Contains(m, text) {
			n++
		}
	}
	return n
}

var stopLink = regexp.MustCompile(`/recover/stop/([a-z0-9]{26})`)

// link is the stop link of the latest message to a phone that has one.
func (h *house) link(t testing.TB, phone string) account.Token {
	t.Helper()
	h.Deliver(t)
	for _, m := range slices.Backward(h.Post.To(phone)) {
		if g := stopLink.FindStringSubmatch(m); g != nil {
			return account.Token(g[1])
		}
	}
	t.Fatal("no message has a stop link")
	return ""
}

// confirm asks for a code and types it in.
func (h *house) confirm(t testing.TB, tok account.Token, to, phone string) {
	t.Helper()
	ok(t, h.desk.AskCode(t.Context(), tok, to))
	ok(t, h.desk.ConfirmCode(t.Context(), tok, h.Code(t, phone)))
}

// paper are codes that she made long enough ago to recover by.
func (h *house) paper(t testing.TB) []string {
	t.Helper()
	codes := h.justMade(t)
	ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE account_recovery_code SET made_at = made_at - $2 WHERE account = $1`, h.s.Account, (8 * 24 * time.Hour).Microseconds())
		return err
	}))
	return codes
}

func (h *house) justMade(t testing.TB) []string {
	t.Helper()
	s := h.s
	s.Assurance, s.AuthTime = 4, h.Clock.Now()
	codes, err := h.desk.MakeCodes(t.Context(), s)
	ok(t, err)
	if len(codes) != 10 {
		t.Fatalf("%d codes", len(codes))
	}
	return codes
}

func TestEveryTransition(t *testing.T) {
	may := map[recovery.State][]recovery.State{
		recovery.Begun:   {recovery.Proving, recovery.Waiting, recovery.Done, recovery.Stopped, recovery.Lapsed, recovery.Refused},
		recovery.Proving: {recovery.Waiting, recovery.Stopped, recovery.Lapsed, recovery.Refused},
		recovery.Waiting: {recovery.Done, recovery.Stopped, recovery.Lapsed, recovery.Refused},
	}
	for _, from := range recovery.States {
		for _, to := range recovery.States {
			if got, want := from.MayBecome(to), slices.Contains(may[from], to); got != want {
				t.Errorf("%s to %s: %v", from, to, got)
			}
		}
		if from.Over() != (len(may[from]) == 0) {
			t.Errorf("%s is over: %v", from, from.Over())
		}
	}
}

func TestForgottenPasswordOnAKnownBrowser(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		codes := h.paper(t)
		tok := h.begin(t, recovery.Password, h.own)
		if h.told(t, lanPhone, "Có người xin lấy lại tài khoản") != 1 {
			t.Fatalf("she was told %q", h.Post.To(lanPhone))
		}
		ok(t, h.desk.Choose(t.Context(), tok, recovery.ByOTP))
		h.confirm(t, tok, "", lanPhone)
		c := h.course(t, tok)
		if c.State != recovery.Waiting || !c.Due.Equal(h.Clock.Now().Add(72*time.Hour)) {
			t.Fatalf("%+v", c)
		}
		_, err := h.desk.Finish(t.Context(), tok, fresh, h.own)
		wrong(t, err, "account.recovery.early")
		for _, d := range []time.Duration{48*time.Hour + time.Minute, 23 * time.Hour, time.Hour} {
			h.Clock.Advance(d)
			h.Deliver(t)
		}
		if n := h.told(t, lanPhone, "sẽ xong từ"); n != 3 { // at once, a day and an hour before
			t.Errorf("told %d times of the deadline", n)
		}
		_, err = h.desk.Finish(t.Context(), tok, fresh, h.remote)
		wrong(t, err, "account.recovery.none")
		_, err = h.desk.Finish(t.Context(), tok, accounttest.Password, h.own)
		wrong(t, err, "account.password.weak") // the forgotten one is none of the last few either
		session, err := h.desk.Finish(t.Context(), tok, fresh, h.own)
		ok(t, err)
		s, err := h.Keeper.FindSession(t.Context(), session)
		ok(t, err)
		if s.Person != h.lan.ID || s.Assurance != 1 {
			t.Errorf("%+v", s)
		}
		_, err = h.desk.Finish(t.Context(), tok, "Một-lần-nữa-8", h.own)
		wrong(t, err, "account.recovery.moved")
		_, err = h.signIn(t, accounttest.Password, h.own)
		wrong(t, err, "account.signin.wrong")
		_, err = h.signIn(t, fresh, h.own)
		ok(t, err)
		// Weak evidence: risky acts wait.
		_, err = h.desk.BeginSigned(t.Context(), h.s, recovery.PhoneNumber, "vi", h.own)
		wrong(t, err, "account.recovery.quiet")
		tok = h.begin(t, recovery.PhoneLost, h.own)
		ok(t, h.desk.Choose(t.Context(), tok, recovery.ByCodes))
		wrong(t, h.desk.ProveByPaper(t.Context(), tok, codes[0]), "account.recovery.wrong")
	})
}

func TestLostPhoneByACodeOnPaper(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		codes := h.paper(t)
		tok := h.begin(t, recovery.PhoneLost, h.remote)
		wrong(t, h.desk.ProveByPaper(t.Context(), tok, "ABCD-2345-EFGH"), "account.recovery.wrong")
		wrong(t, h.desk.ProveByPaper(t.Context(), tok, "kurz"), "account.recovery.paper")
		ok(t, h.desk.ProveByPaper(t.Context(), tok, strings.ToLower(strings.ReplaceAll(codes[3], "-", " "))))
		h.stands(t, tok, recovery.Waiting)
		h.Clock.Advance(24 * time.Hour)
		before, err := h.signIn(t, accounttest.Password, h.own)
		ok(t, err)
		_, err = h.desk.Finish(t.Context(), tok, fresh, h.remote)
		ok(t, err)
		if stands, err := h.Keeper.SessionStands(t.Context(), before.Account, before.ID); err != nil || stands {
			t.Errorf("the old phone's session: %v, %v", stands, err)
		}
		devices, err := h.Keeper.ListDevices(t.Context(), before.Account)
		ok(t, err)
		if len(devices) != 1 || devices[0].Label != h.remote.Label {
			t.Errorf("%+v", devices)
		}
		left, err := h.desk.CountCodes(t.Context(), h.s)
		ok(t, err)
		if left.Left != 9 {
			t.Errorf("%d codes are left", left.Left)
		}
	})
}

func TestNewCodesEndTheOld(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		old := h.paper(t)
		h.paper(t)
		tok := h.begin(t, recovery.PhoneLost, h.remote)
		wrong(t, h.desk.ProveByPaper(t.Context(), tok, old[0]), "account.recovery.wrong")
		if h.told(t, lanPhone, "Mười mã khôi phục mới") != 2 {
			t.Error("she was not told of both")
		}
	})
}

func TestForgottenPasscodeByAPasskey(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		p := h.Enlist(t, h.s, accounttest.Citizen)
		h.Clock.Advance(4 * 24 * time.Hour)
		tok := h.begin(t, recovery.Passcode, h.remote)
		wrong(t, h.desk.Choose(t.Context(), tok, recovery.ByOTP), "account.recovery.way")
		ok(t, h.desk.ProveByPasskey(t.Context(), tok, h.assert(t, p, h.remote)))
		c := h.course(t, tok)
		if c.State != recovery.Waiting || !c.Due.Equal(h.Clock.Now().Add(24*time.Hour)) {
			t.Fatalf("%+v", c)
		}
		h.Clock.Advance(24 * time.Hour)
		session, err := h.desk.Finish(t.Context(), tok, "", h.remote)
		ok(t, err)
		if session != "" {
			t.Error("a passcode signs nobody in")
		}
		h.stands(t, tok, recovery.Done)
	})
}

func (h *house) assert(t testing.TB, p *browse.Passkey, r account.RemoteInfo) account.PasskeySignIn {
	t.Helper()
	c, err := h.Keeper.BeginPasskeySignIn(t.Context(), nil, r)
	ok(t, err)
	answer, err := p.Assert(c.Options, accounttest.Citizen)
	ok(t, err)
	return account.PasskeySignIn{Ceremony: c.Token, Answer: answer, Remote: r}
}

func TestLostPhoneAndNumberByACodeOnPaper(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		codes := h.paper(t)
		tok := h.begin(t, recovery.PhoneAndNumber, h.remote)
		ok(t, h.desk.ProveByPaper(t.Context(), tok, codes[0]))
		h.stands(t, tok, recovery.Proving) // the new phone is not yet confirmed
		h.confirm(t, tok, newPhone, newPhone)
		h.stands(t, tok, recovery.Waiting)
		h.Clock.Advance(72 * time.Hour)
		_, err := h.desk.Finish(t.Context(), tok, fresh, h.remote)
		ok(t, err)
		to, err := h.Keeper.Recipient(t.Context(), h.s.Account)
		ok(t, err)
		if to.Phone != "+84"+newPhone[1:] {
			t.Error("the account kept its phone")
		}
		if h.told(t, lanPhone, "Tài khoản của bạn đã được lấy lại") != 1 || h.told(t, newPhone, "lấy lại tài khoản") == 0 {
			t.Errorf("old %q, new %q", h.Post.To(lanPhone), h.Post.To(newPhone))
		}
	})
}

func TestChangedIdentityNumber(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		in := h.request(recovery.NumberChanged)
		in.NewNumber = h.lan.Old // one that signs in too stands for what the registry knows
		known, err := h.desk.Begin(t.Context(), in, h.remote)
		ok(t, err)
		in.NewNumber = "001190009999"
		unknown, err := h.desk.Begin(t.Context(), in, h.remote)
		ok(t, err)
		if h.course(t, known).State != h.course(t, unknown).State {
			t.Error("the answer tells the two apart")
		}
		h.Deliver(t)
		if h.told(t, lanPhone, "đã có số định danh mới") != 1 || h.told(t, lanPhone, "chưa có trong") != 1 {
			t.Errorf("%q", h.Post.To(lanPhone))
		}
	})
}

func TestDeathIsTheRegistrysToSay(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		in := h.request(recovery.Death)
		in.Words = "Con trai, 0987654321"
		tok, err := h.desk.Begin(t.Context(), in, h.remote)
		ok(t, err)
		h.Deliver(t)
		h.stands(t, tok, recovery.Waiting)
		h.Clock.Advance(time.Minute)
		_, err = h.desk.Finish(t.Context(), tok, fresh, h.remote)
		if err == nil {
			t.Fatal("a report let somebody in")
		}
		if _, err := h.signIn(t, accounttest.Password, h.own); err != nil {
			t.Fatalf("a report alone locked the account: %v", err)
		}
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
			return h.Population.RecordDeathTx(t.Context(), tx, audit.System("test"), h.lan.ID, accounttest.Lan.BirthDate.AddDays(13000), "test")
		}))
		h.Deliver(t)
		h.stands(t, tok, recovery.Done)
		if _, err := h.signIn(t, accounttest.Password, h.own); err == nil {
			t.Fatal("the dead sign in")
		}
	})
}

func TestSheIsAlive(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		in := h.request(recovery.Death)
		in.Words = "hàng xóm"
		tok, err := h.desk.Begin(t.Context(), in, h.remote)
		ok(t, err)
		if _, err := h.desk.StopByLink(t.Context(), h.link(t, lanPhone)); err != nil {
			t.Fatal(err)
		}
		h.stands(t, tok, recovery.Stopped)
	})
}
