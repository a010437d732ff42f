// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"danh/account"
	. "danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

// parallel runs fn n times at once.
func parallel(n int, fn func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-start; fn(i) })
	}
	close(start)
	wg.Wait()
}

// Five tries at a code, however many are made at once.
func TestCodeGuessedInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		tok, _ := h.ToPhone(t, lan.Declared)
		_, err := h.Keeper.SendCode(t.Context(), tok, phone)
		ok(t, err)
		right := h.Code(t, phone)
		var wrongs, overs, confirmed atomic.Int64
		parallel(64, func(i int) {
			guess := fmt.Sprintf("%06d", i)
			if guess == right {
				guess = "999999"
			}
			_, err := h.Keeper.ConfirmCode(t.Context(), tok, guess)
			switch f := fault.Of(err); {
			case err == nil:
				confirmed.Add(1)
			case f != nil && f.Key == "account.code.wrong":
				wrongs.Add(1)
			case f != nil && f.Key == "account.code.over":
				overs.Add(1)
			default:
				t.Errorf("%v", err)
			}
		})
		if wrongs.Load() != 4 || overs.Load() != 60 || confirmed.Load() != 0 {
			t.Errorf("%d wrong, %d over, %d confirmed", wrongs.Load(), overs.Load(), confirmed.Load())
		}
		_, err = h.Keeper.ConfirmCode(t.Context(), tok, right)
		wrong(t, err, "account.code.over")
		// Another code opens other tries; there is an end to those too.
		for n := 0; ; n++ {
			h.Clock.Advance(31 * time.Second)
			if _, err = h.Keeper.SendCode(t.Context(), tok, phone); err != nil {
				wrong(t, err, "account.too_many")
				if n != 4 {
					t.Errorf("%d codes more", n)
				}
				break
			}
		}
	})
}

func TestCodeConfirmsOnce(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		tok, _ := h.ToPhone(t, lan.Declared)
		_, err := h.Keeper.SendCode(t.Context(), tok, phone)
		ok(t, err)
		code := h.Code(t, phone)
		var once atomic.Int64
		parallel(32, func(int) {
			if _, err := h.Keeper.ConfirmCode(t.Context(), tok, code); err == nil {
				once.Add(1)
			}
		})
		if once.Load() != 1 {
			t.Errorf("confirmed %d times", once.Load())
		}
	})
}

func TestCodeReplayed(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan, minh := h.Register(t, Lan), h.Register(t, Minh)
		tok, _ := h.ToPhone(t, lan.Declared)
		_, err := h.Keeper.SendCode(t.Context(), tok, phone)
		ok(t, err)
		code := h.Code(t, phone)
		// In another opening it is nobody's code.
		other, _ := h.ToPhone(t, minh.Declared)
		_, err = h.Keeper.SendCode(t.Context(), other, burner)
		ok(t, err)
		if h.Code(t, burner) != code {
			_, err = h.Keeper.ConfirmCode(t.Context(), other, code)
			wrong(t, err, "account.code.wrong")
		}
		// After another one was sent, and after three minutes, it is dead.
		h.Clock.Advance(31 * time.Second)
		_, err = h.Keeper.SendCode(t.Context(), tok, phone)
		ok(t, err)
		if fresh := h.Code(t, phone); fresh != code {
			_, err = h.Keeper.ConfirmCode(t.Context(), tok, code)
			wrong(t, err, "account.code.wrong")
			h.Clock.Advance(3 * time.Minute)
			_, err = h.Keeper.ConfirmCode(t.Context(), tok, fresh)
			wrong(t, err, "account.code.over")
		}
		// Another phone needs another code.
		h.Clock.Advance(time.Minute)
		_, err = h.Keeper.SendCode(t.Context(), tok, phone)
		ok(t, err)
		_ = h.Code(t, phone)
		_, err = h.Keeper.SendCode(t.Context(), tok, "0355555555")
		ok(t, err)
		o, err := h.Keeper.FindOpening(t.Context(), tok)
		ok(t, err)
		if o.Declared.PhoneVerified || o.Declared.Phone != "+84355555555" {
			t.Error("the other phone counts as confirmed")
		}
	})
}

func TestOpeningFinishedInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		tok, _ := h.ToPassword(t, lan.Declared, phone)
		var sessions atomic.Int64
		var accounts sync.Map
		parallel(16, func(int) {
			s, o, err := h.Keeper.SetPassword(t.Context(), tok, Password, Remote())
			if err != nil {
				t.Errorf("%v", err)
				return
			}
			if s != "" {
				sessions.Add(1)
			}
			accounts.Store(o.Account, true)
		})
		n := 0
		accounts.Range(func(any, any) bool { n++; return true })
		if sessions.Load() != 1 || n != 1 {
			t.Errorf("%d sessions, %d accounts", sessions.Load(), n)
		}
		var rows int
		ok(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM account_account`).Scan(&rows))
		if rows != 1 {
			t.Errorf("%d accounts", rows)
		}
	})
}

// Two openings of one person race to the end: one account, one case.
func TestPersonOpenedTwiceInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		phones := []string{"0912345671", "0912345672", "0912345673", "0912345674"}
		var toks []account.Token
		for _, p := range phones {
			h.Carrier.Says(p, lan.Declared.Number, account.Yes)
			tok, _ := h.ToPassword(t, lan.Declared, p)
			toks = append(toks, tok)
		}
		var done, cases atomic.Int64
		parallel(len(toks), func(i int) {
			_, o, err := h.Keeper.SetPassword(t.Context(), toks[i], Password, Remote())
			switch {
			case err != nil:
				t.Errorf("%v", err)
			case o.Step == account.StepDone:
				done.Add(1)
			case o.Step == account.StepCase:
				cases.Add(1)
			}
		})
		if done.Load() != 1 || cases.Load() != 3 {
			t.Errorf("%d accounts, %d cases", done.Load(), cases.Load())
		}
	})
}

// Leaked data and a burner phone: the squatter gets a provisional account in
// which nothing is shown, the true person takes her place, and is told.
func TestSquattedWithLeakedDataAndABurnerPhone(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		h.Carrier.Says(burner, lan.Declared.Number, account.No)
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		squat, s := h.Open(t, lan, burner)
		if !s.Provisional || s.Level != 1 {
			t.Fatalf("the squatter's session: %+v", s)
		}
		// What the doors ask: nothing undeclared, no level-2 and no residence services.
		for _, f := range []string{"identity_shown", "residence_services", "vaccination", "wallet", "transfer"} {
			if err := h.Keeper.Allow(t.Context(), s, f); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s is open to the squatter", f)
			}
		}
		// He declared the 12 digits: the old number, which he may not know, does
		// not sign in and so is not confirmed to him.
		_, _, err := signIn(t, h, lan.Old, Password)
		wrong(t, err, "account.signin.wrong")
		// A second squatter with another burner gets the neutral answer.
		_, o := h.ToPassword(t, lan.Declared, "0377777777")
		if o.Step != account.StepCase {
			t.Errorf("the second squatter stands at %s", o.Step)
		}
		// The true person comes with her own phone.
		_, true1 := h.Open(t, lan, phone)
		if true1.Provisional || true1.Account == s.Account {
			t.Errorf("her session: %+v", true1)
		}
		_, err = h.Keeper.FindSession(t.Context(), squat)
		wrong(t, err, "account.session.none")
		a, err := h.Keeper.Find(t.Context(), s.Account)
		ok(t, err)
		if a.Status != account.Closed {
			t.Errorf("the squatter's account is %s", a.Status)
		}
		h.Deliver(t)
		if got := strings.Join(h.Post.To(burner), "\n"); !strings.Contains(got, "đã đóng") {
			t.Errorf("the burner was told %q", got)
		}
		// From now on a squatter changes nothing, and she hears of it.
		_, o = h.ToPhone(t, lan.Declared)
		if o.Step != account.StepCase {
			t.Errorf("after her opening a squatter stands at %s", o.Step)
		}
		h.Deliver(t)
		if got := strings.Join(h.Post.To(phone), "\n"); !strings.Contains(got, "vừa thử mở tài khoản") {
			t.Errorf("she was told %q", got)
		}
	})
}

// She has closed her account; when somebody opens a provisional one in her
// name, her former phone is told. Proof at a counter evicts it.
func TestOtherChannelsAreTold(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		_, s := h.Open(t, lan, phone)
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
			return h.Keeper.CloseTx(t.Context(), tx, s.Actor(), s.Account, "own_request")
		}))
		squat, _ := h.Open(t, lan, burner)
		h.Deliver(t)
		if got := strings.Join(h.Post.To(phone), "\n"); !strings.Contains(got, "tài khoản định danh tạm thời vừa được mở") {
			t.Errorf("she was told %q", got)
		}
		evict := func(by audit.Actor) (a account.ID, err error) {
			err = h.DB.Write(t.Context(), func(tx *db.Tx) error {
				a, err = h.Keeper.EvictProvisionalTx(t.Context(), tx, by, lan.ID)
				return err
			})
			return a, err
		}
		_, err := evict(audit.Citizen(id.NewPerson(), lan.ID))
		wrong(t, err, "account.evict.forbidden")
		_, err = evict(audit.Officer(id.NewPerson(), id.NewPerson(), "Công an phường"))
		wrong(t, err, "office.staff.no_role")
		a, err := evict(audit.System("test"))
		ok(t, err)
		if a.IsZero() {
			t.Error("nothing was evicted")
		}
		_, err = h.Keeper.FindSession(t.Context(), squat)
		wrong(t, err, "account.session.none")
		if a, err = evict(audit.System("test")); err != nil || !a.IsZero() {
			t.Errorf("evicted again: %v", err)
		}
	})
}

// One account per phone; its subscriber gets it, whoever had it.
func TestPhoneReused(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan, minh := h.Register(t, Lan), h.Register(t, Minh)
		tokMinh, sMinh := h.Open(t, minh, phone) // the carrier does not know it as his
		tok, _ := h.ToPhone(t, lan.Declared)
		_, err := h.Keeper.SendCode(t.Context(), tok, phone)
		ok(t, err) // before she has the code nobody learns that the phone is taken
		_, err = h.Keeper.ConfirmCode(t.Context(), tok, h.Code(t, phone))
		wrong(t, err, "account.phone.taken")
		o, err := h.Keeper.FindOpening(t.Context(), tok)
		ok(t, err)
		if o.Step != account.StepPhone {
			t.Errorf("at %s", o.Step)
		}
		// The carrier knows it as hers: it becomes hers and his account is locked.
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		h.Clock.Advance(time.Minute)
		_, s := h.Open(t, lan, phone)
		if s.Provisional {
			t.Error("provisional")
		}
		_, err = h.Keeper.FindSession(t.Context(), tokMinh)
		wrong(t, err, "account.session.none")
		a, err := h.Keeper.Find(t.Context(), sMinh.Account)
		ok(t, err)
		if a.Status != account.Locked {
			t.Errorf("his account is %s", a.Status)
		}
		// He is told in his inbox; on the phone that is hers now nothing about him arrives.
		h.Deliver(t)
		if got := strings.Join(h.Post.To(phone), "\n"); strings.Contains(got, "đã tạm khóa") {
			t.Errorf("she was told about him: %q", got)
		}
		if n, err := h.Notify.CountUnread(t.Context(), account.Owner(sMinh.Account)); err != nil || n == 0 {
			t.Errorf("%d messages in his inbox, %v", n, err)
		}
	})
}

// Guesses at one account: slowed, then barred, in parallel too; she is told;
// a browser that she has used is not barred by strangers; time heals.
func TestPasswordGuessedInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		h.Open(t, lan, phone)
		home := Remote()
		in := account.SignIn{Number: "001190001234", Password: Password, Remote: home, Door: "citizen"}
		_, _, err := h.Keeper.SignIn(t.Context(), in)
		ok(t, err)
		var tried, barred atomic.Int64
		parallel(100, func(i int) {
			_, _, err := signIn(t, h, "001190001234", account.Password(fmt.Sprintf("Sai-%d-lần", i)))
			switch f := fault.Of(err); {
			case f != nil && f.Key == "account.signin.wrong":
				tried.Add(1)
			case f != nil && f.Kind == fault.TooMany && f.RetryAfter > 0:
				barred.Add(1)
			default:
				t.Errorf("%v", err)
			}
		})
		if tried.Load() != 3 || barred.Load() != 97 {
			t.Errorf("%d tried, %d barred", tried.Load(), barred.Load())
		}
		// Patient guessing ends at the tenth; then even the right password waits.
		for n := 3; ; n++ {
			h.Clock.Advance(25 * time.Minute)
			if _, _, err = signIn(t, h, "001190001234", "Sai-lần-nữa-1"); fault.Is(err, fault.TooMany) {
				if n != 9 {
					t.Errorf("barred after %d", n)
				}
				break
			}
		}
		_, _, err = signIn(t, h, "001190001234", Password)
		wrong(t, err, "account.too_many")
		h.Deliver(t)
		if got := strings.Join(h.Post.To(phone), "\n"); !strings.Contains(got, "đã tạm khóa") {
			t.Errorf("she was told %q", got)
		}
		if _, _, err = h.Keeper.SignIn(t.Context(), in); err != nil {
			t.Errorf("her own browser: %v", err)
		}
		h.Clock.Advance(31 * time.Minute)
		_, _, err = signIn(t, h, "001190001234", Password)
		ok(t, err)
	})
}

// One password tried on many numbers from one network.
func TestPasswordSpraying(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		spray := func(address, number string) error {
			_, _, err := h.Keeper.SignIn(t.Context(), account.SignIn{Number: number, Password: Password, Remote: account.RemoteInfo{Address: address, Device: account.NewToken()}})
			return err
		}
		n := 0
		for ; n < 200; n++ {
			if err := spray(fmt.Sprintf("203.0.113.%d", n), fmt.Sprintf("0010900%05d", n)); fault.Is(err, fault.TooMany) {
				break
			}
		}
		if n != 40 {
			t.Errorf("stopped after %d", n)
		}
		wrong(t, spray("198.51.100.7", "001090099999"), "account.signin.wrong")
		h.Clock.Advance(16 * time.Minute)
		wrong(t, spray("203.0.113.9", "001090099998"), "account.signin.wrong")
	})
}

// Declarations are counted per number and per network.
func TestDeclarationsAreLimited(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		d := lan.Declared
		d.Name = "Nguyễn Thị Lan"
		try := func(r account.RemoteInfo, d account.Declared) error {
			tok, _, err := h.Keeper.StartOpening(t.Context(), "vi", "", r)
			ok(t, err)
			_, err = h.Keeper.Declare(t.Context(), tok, d, r)
			return err
		}
		for range 5 {
			ok(t, try(Remote(), d))
		}
		wrong(t, try(Remote(), d), "account.too_many")
		wrong(t, try(Remote(), lan.Declared), "account.too_many")
		far := account.RemoteInfo{Address: "203.0.113.9", Device: account.NewToken()}
		n := 0
		for ; n < 100; n++ {
			x := d
			x.Number = population.Number(fmt.Sprintf("00119000%04d", n))
			if err := try(far, x); err != nil {
				wrong(t, err, "account.too_many")
				break
			}
		}
		if n != 30 {
			t.Errorf("stopped after %d", n)
		}
	})
}

// A session's token is not in the database, and another account's session
// cannot be ended by its key.
func TestSessionKeysOpenNothing(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		tok, lan := h.Open(t, h.Register(t, Lan), phone)
		_, minh := h.Open(t, h.Register(t, Minh), burner)
		ok(t, h.Keeper.SignOut(t.Context(), minh.Actor(), lan.ID))
		if _, err := h.Keeper.FindSession(t.Context(), tok); err != nil {
			t.Error("a stranger ended her session")
		}
		_, err := h.Keeper.FindSession(t.Context(), account.Token(lan.ID.String()))
		wrong(t, err, "account.session.none")
		var n int
		ok(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM account_session WHERE token_hash = $1`, []byte(tok.Reveal())).Scan(&n))
		if n != 0 {
			t.Error("the token itself is stored")
		}
	})
}

// Leaked data hold the old number beside the new one. Tried in turn, they are
// two numbers like any other two: the tries left do not tell that both lead to
// one account, and so that there is one.
func TestNumbersOfOneAccountAreCountedApart(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		h.Open(t, lan, phone)
		left := func(number string) string {
			_, _, err := signIn(t, h, number, "Sai-mật-khẩu-1")
			return wrong(t, err, "account.signin.wrong").Args["left"]
		}
		hers := []string{left(lan.Declared.Number.Reveal()), left(lan.Old)}
		nobodys := []string{left("079085009999"), left("087654321")}
		if hers[0] != nobodys[0] || hers[1] != nobodys[1] {
			t.Errorf("tries left: %v with her numbers, %v with nobody's", hers, nobodys)
		}
	})
}

// Two people with one phone, which the carrier knows as neither's, finish at
// once: one account, and an office looks at the other opening.
func TestPhoneTakenInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		var toks []account.Token
		for _, p := range []Person{h.Register(t, Lan), h.Register(t, Minh), h.Register(t, Minh2())} {
			tok, o := h.ToPassword(t, p.Declared, phone)
			if o.Step != account.StepPassword {
				t.Fatalf("at %s", o.Step)
			}
			toks = append(toks, tok)
		}
		var done, cases atomic.Int64
		parallel(len(toks), func(i int) {
			s, o, err := h.Keeper.SetPassword(t.Context(), toks[i], Password, Remote())
			switch {
			case err != nil:
				t.Errorf("%v", err)
			case o.Step == account.StepDone && s != "":
				done.Add(1)
			case o.Step == account.StepCase && s == "":
				cases.Add(1)
			}
		})
		var held int
		ok(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM account_account WHERE status = 'active'`).Scan(&held))
		if done.Load() != 1 || cases.Load() != 2 || held != 1 {
			t.Errorf("%d accounts, %d cases; %d rows", done.Load(), cases.Load(), held)
		}
	})
}

// Two openings of hers, both sure, race to put the squatter out.
func TestSquatterPutOutInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		h.Open(t, lan, burner)
		var toks []account.Token
		for _, p := range []string{"0912345671", "0912345672"} {
			h.Carrier.Says(p, lan.Declared.Number, account.Yes)
			tok, _ := h.ToPassword(t, lan.Declared, p)
			toks = append(toks, tok)
		}
		var done, cases atomic.Int64
		parallel(len(toks), func(i int) {
			_, o, err := h.Keeper.SetPassword(t.Context(), toks[i], Password, Remote())
			switch {
			case err != nil:
				t.Errorf("%v", err)
			case o.Step == account.StepDone:
				done.Add(1)
			case o.Step == account.StepCase:
				cases.Add(1)
			}
		})
		if done.Load() != 1 || cases.Load() != 1 {
			t.Errorf("%d accounts, %d cases", done.Load(), cases.Load())
		}
	})
}

// Somebody guesses from the address that thousands share at a mobile carrier.
// The network waits; she, in the browser that she has used, does not.
func TestGuesserDoesNotBarHisNetwork(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		h.Open(t, lan, phone)
		hers := account.RemoteInfo{Address: "203.0.113.9", Label: "Chrome, Android", Device: account.NewToken()}
		try := func(number string, pw account.Password, from account.RemoteInfo) error {
			_, _, err := h.Keeper.SignIn(t.Context(), account.SignIn{Number: number, Password: pw, Remote: from, Door: "citizen"})
			return err
		}
		ok(t, try(lan.Declared.Number.Reveal(), Password, hers))
		for i := range 41 {
			if err := try(fmt.Sprintf("0790850%05d", i), "Sai-mật-khẩu-1", account.RemoteInfo{Address: "203.0.113.77"}); err == nil {
				t.Fatal("he guessed")
			}
		}
		wrong(t, try("079085099999", "Sai-mật-khẩu-1", account.RemoteInfo{Address: "203.0.113.5"}), "account.too_many")
		wrong(t, try(lan.Declared.Number.Reveal(), Password, account.RemoteInfo{Address: "203.0.113.5", Device: account.NewToken()}), "account.too_many")
		ok(t, try(lan.Declared.Number.Reveal(), Password, hers))
	})
}
