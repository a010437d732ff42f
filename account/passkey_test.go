// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/browse"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
)

const deskPhone = "0912345678"

// desk is Lan with a level-2 account, her browser and a code for a passkey.
type desk struct {
	*accounttest.House
	lan    accounttest.Person
	remote account.RemoteInfo
	token  account.Token
	s      account.Session
	code   string
}

func seat(t *testing.T, h *accounttest.House) *desk {
	t.Helper()
	d := &desk{House: h, lan: h.Register(t, accounttest.Lan), remote: accounttest.Remote()}
	h.Carrier.Says(deskPhone, d.lan.Declared.Number, account.Yes)
	_, s := h.Open(t, d.lan, deskPhone)
	d.code = h.Raise(t, s.Account)
	d.signIn(t)
	return d
}

func (d *desk) signIn(t *testing.T) {
	t.Helper()
	var err error
	if d.token, d.s, err = d.Keeper.SignIn(t.Context(), account.SignIn{Number: d.lan.Declared.Number.Reveal(), Password: accounttest.Password, Remote: d.remote, Former: d.token, Door: "citizen"}); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) register(t *testing.T, code string) *browse.Passkey {
	t.Helper()
	c, err := d.Keeper.BeginPasskey(t.Context(), d.s, code, d.remote)
	if err != nil {
		t.Fatal(err)
	}
	p, answer, err := browse.RegisterPasskey(c.Options, accounttest.Citizen)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Keeper.FinishPasskey(t.Context(), d.s, c.Token, answer, "Máy ở bàn", d.remote); err != nil {
		t.Fatal(err)
	}
	return p
}

// raise uses the passkey in the session.
func (d *desk) raise(t *testing.T, p *browse.Passkey) error {
	t.Helper()
	c, err := d.Keeper.BeginPasskeySignIn(t.Context(), &d.s, d.remote)
	if err != nil {
		return err
	}
	answer, err := p.Assert(c.Options, accounttest.Citizen)
	if err != nil {
		t.Fatal(err)
	}
	return d.finish(t, c.Token, answer)
}

func (d *desk) finish(t *testing.T, ceremony account.Token, answer []byte) error {
	t.Helper()
	token, s, err := d.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: ceremony, Answer: answer, Remote: d.remote, Session: &d.s, Former: d.token, Door: "citizen"})
	if err == nil {
		d.token, d.s = token, s
	}
	return err
}

func wantFault(t *testing.T, err error, key string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Key != key {
		t.Fatalf("%v, want %s", err, key)
	}
}

func runDesk(t *testing.T, body func(t *testing.T, d *desk)) {
	t.Helper()
	t.Parallel()
	accounttest.Run(t, func(t *testing.T, h *accounttest.House) { body(t, seat(t, h)) })
}

func TestPasskeyRaisesThePasswordsSession(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		if got := strings.Join(d.s.AMR, " "); got != "pwd" || d.s.Assurance != 1 {
			t.Fatalf("%s %d", got, d.s.Assurance)
		}
		if r, err := d.Keeper.Reach(t.Context(), d.s); err != nil || r != (account.Reach{}) {
			t.Fatalf("%+v %v", r, err)
		}
		p := d.register(t, strings.ToLower(strings.ReplaceAll(d.code, "-", " ")))
		if r, err := d.Keeper.Reach(t.Context(), d.s); err != nil || r.Passkey != 3 || r.Password != 0 {
			t.Fatalf("%+v %v", r, err)
		}
		before, key := d.token, d.s.ID
		if err := d.raise(t, p); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(d.s.AMR, " "); got != "pwd hwk user mfa" || d.s.Assurance != 3 || d.s.ID != key {
			t.Fatalf("%s %d %v", got, d.s.Assurance, d.s.ID == key)
		}
		if _, err := d.Keeper.FindSession(t.Context(), before); !fault.Is(err, fault.NotFound) {
			t.Fatalf("the token from before still opens the session: %v", err)
		}
		s, err := d.Keeper.FindSession(t.Context(), d.token)
		if err != nil || s.Assurance != 3 || s.Passkey.IsZero() || !slices.Equal(s.AMR, d.s.AMR) {
			t.Fatalf("%+v %v", s, err)
		}
		list, err := d.Keeper.ListPasskeys(t.Context(), s.Account)
		if err != nil || len(list) != 1 || list[0].Label != "Máy ở bàn" || list[0].UsedAt.IsZero() || list[0].Synced {
			t.Fatalf("%+v %v", list, err)
		}
		d.Deliver(t)
		if all := strings.Join(d.Post.To(deskPhone), "\n"); !strings.Contains(all, "thêm một khoá đăng nhập") || !strings.Contains(all, "mã dùng một lần") || strings.Contains(all, d.code) {
			t.Fatalf("she was told %q", all)
		}
		if a := d.Audited(t); !slices.Contains(a, "account.passkey.registered") || !slices.Contains(a, "account.staff_code.issued") {
			t.Fatalf("%v", a)
		}
		// A second one takes no code, because the first was used.
		d.register(t, "")
		if list, err := d.Keeper.ListPasskeys(t.Context(), s.Account); err != nil || len(list) != 2 {
			t.Fatalf("%+v %v", list, err)
		}
	})
}

func TestPasskeyAloneAndThenThePassword(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := d.register(t, d.code)
		d.Clock.Advance(20 * time.Minute) // the password's session is no longer young
		anybody, err := d.Keeper.BeginPasskeySignIn(t.Context(), nil, d.remote)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.Assert(anybody.Options, accounttest.Citizen)
		if err != nil {
			t.Fatal(err)
		}
		token, s, err := d.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: anybody.Token, Answer: answer, Remote: d.remote, Former: d.token, Door: "citizen"})
		if err != nil || s.Account != d.s.Account || s.Assurance != 2 || strings.Join(s.AMR, " ") != "hwk user mfa" {
			t.Fatalf("%+v %v", s, err)
		}
		if r, err := d.Keeper.Reach(t.Context(), s); err != nil || r.Password != 3 {
			t.Fatalf("%+v %v", r, err)
		}
		d.token = token
		d.signIn(t)
		if d.s.Assurance != 3 || d.s.Passkey.IsZero() {
			t.Fatalf("%+v", d.s)
		}
	})
}

func TestAssuranceFollowsTheRowInForce(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := d.register(t, d.code)
		err := d.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO account_assurance (factors, valid_from, assurance, source, verified) VALUES ('passkey password', $1, 2, 'test', FALSE)`, clock.DateOf(d.Clock.Now()))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		d.Clock.Advance(2 * time.Minute) // rows are read anew every minute
		if err := d.raise(t, p); err != nil || d.s.Assurance != 2 {
			t.Fatalf("%d %v", d.s.Assurance, err)
		}
	})
}

func TestReplayedAssertion(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := d.register(t, d.code)
		c, err := d.Keeper.BeginPasskeySignIn(t.Context(), &d.s, d.remote)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.Assert(c.Options, accounttest.Citizen)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.finish(t, c.Token, answer); err != nil {
			t.Fatal(err)
		}
		wantFault(t, d.finish(t, c.Token, answer), "account.passkey.stale")
		// The same answer to a challenge of its own.
		other, err := d.Keeper.BeginPasskeySignIn(t.Context(), &d.s, d.remote)
		if err != nil {
			t.Fatal(err)
		}
		wantFault(t, d.finish(t, other.Token, answer), "account.passkey.refused")
	})
}

func TestOneAssertionInParallelGetsThroughOnce(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := d.register(t, d.code)
		c, err := d.Keeper.BeginPasskeySignIn(t.Context(), &d.s, d.remote)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.Assert(c.Options, accounttest.Citizen)
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		through := 0
		for range 8 {
			wg.Go(func() {
				_, _, err := d.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: c.Token, Answer: answer, Remote: d.remote, Session: &d.s, Former: d.token})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					through++
				} else if f := fault.Of(err); f == nil || f.Key != "account.passkey.stale" {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if through != 1 {
			t.Fatalf("%d got through", through)
		}
	})
}

func TestChallengeOfAnotherSessionOrBrowser(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := d.register(t, d.code)
		c, err := d.Keeper.BeginPasskeySignIn(t.Context(), &d.s, d.remote)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.Assert(c.Options, accounttest.Citizen)
		if err != nil {
			t.Fatal(err)
		}
		// A thief with another browser, one who relays it into a session of his own
		// making, and one who presents it as nobody's.
		thief := account.PasskeySignIn{Ceremony: c.Token, Answer: answer, Remote: accounttest.Remote(), Session: &d.s, Former: d.token}
		_, _, err = d.Keeper.SignInWithPasskey(t.Context(), thief)
		wantFault(t, err, "account.passkey.stale")
		other := d.s
		if other.ID, err = account.ParseSessionID("0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee"); err != nil {
			t.Fatal(err)
		}
		thief.Remote, thief.Session = d.remote, &other
		_, _, err = d.Keeper.SignInWithPasskey(t.Context(), thief)
		wantFault(t, err, "account.passkey.stale")
		thief.Session = nil
		_, _, err = d.Keeper.SignInWithPasskey(t.Context(), thief)
		wantFault(t, err, "account.passkey.stale")
		// A sign-in's challenge registers nothing.
		reg, err := d.Keeper.BeginPasskeySignIn(t.Context(), nil, d.remote)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Keeper.FinishPasskey(t.Context(), d.s, reg.Token, answer, "x", d.remote)
		wantFault(t, err, "account.passkey.stale")
		// None of them used hers up.
		if err := d.finish(t, c.Token, answer); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAssertionsThatAreNotGoodEnough(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := d.register(t, d.code)
		try := func(change func(o []byte) ([]byte, string)) error {
			t.Helper()
			c, err := d.Keeper.BeginPasskeySignIn(t.Context(), &d.s, d.remote)
			if err != nil {
				t.Fatal(err)
			}
			options, origin := change(c.Options)
			answer, err := p.Assert(options, origin)
			if err != nil {
				t.Fatal(err)
			}
			return d.finish(t, c.Token, answer)
		}
		p.Unverified = true
		wantFault(t, try(func(o []byte) ([]byte, string) { return o, accounttest.Citizen }), "account.passkey.refused")
		p.Unverified = false
		p.Synced = true // what was bound to one device says that it can be copied
		wantFault(t, try(func(o []byte) ([]byte, string) { return o, accounttest.Citizen }), "account.passkey.refused")
		p.Synced = false
		for _, origin := range []string{"http://localhost:9999", "https://localhost:8080", "http://localhost.evil.example:8080", ""} {
			wantFault(t, try(func(o []byte) ([]byte, string) { return o, origin }), "account.passkey.refused")
		}
		p.RP = "evil.example"
		wantFault(t, try(func(o []byte) ([]byte, string) {
			return []byte(strings.ReplaceAll(string(o), `"rpId":"localhost"`, `"rpId":"evil.example"`)), accounttest.Citizen
		}), "account.passkey.refused")
		p.RP = "localhost"
		user := p.User
		p.User = []byte("somebody else")
		wantFault(t, try(func(o []byte) ([]byte, string) { return o, accounttest.Citizen }), "account.passkey.refused")
		p.User = user
		for _, garbage := range []string{"", "{}", "[]", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`, strings.Repeat("x", 1<<20)} {
			c, err := d.Keeper.BeginPasskeySignIn(t.Context(), &d.s, d.remote)
			if err != nil {
				t.Fatal(err)
			}
			wantFault(t, d.finish(t, c.Token, []byte(garbage)), "account.passkey.refused")
		}
		// A challenge that is too old.
		c, err := d.Keeper.BeginPasskeySignIn(t.Context(), &d.s, d.remote)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.Assert(c.Options, accounttest.Citizen)
		if err != nil {
			t.Fatal(err)
		}
		d.Clock.Advance(5 * time.Minute)
		wantFault(t, d.finish(t, c.Token, answer), "account.passkey.stale")
		if err := d.raise(t, p); err != nil { // none of this harmed her own
			t.Fatal(err)
		}
	})
}

func TestClonedPasskeyEndsWithItsSessions(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := d.register(t, d.code)
		clone := *p
		if err := d.raise(t, p); err != nil {
			t.Fatal(err)
		}
		if err := d.raise(t, p); err != nil {
			t.Fatal(err)
		}
		wantFault(t, d.raise(t, &clone), "account.passkey.refused") // its count is behind
		if _, err := d.Keeper.FindSession(t.Context(), d.token); !fault.Is(err, fault.NotFound) {
			t.Fatalf("the session that the passkey opened lives: %v", err)
		}
		d.signIn(t)
		if list, err := d.Keeper.ListPasskeys(t.Context(), d.s.Account); err != nil || len(list) != 0 {
			t.Fatalf("%+v %v", list, err)
		}
		wantFault(t, d.raise(t, p), "account.passkey.none")
		d.Deliver(t)
		if all := strings.Join(d.Post.To(deskPhone), "\n"); !strings.Contains(all, "được gỡ khỏi tài khoản") {
			t.Fatalf("she was told %q", all)
		}
	})
}

func TestRemovedPasskeyOpensNothing(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := d.register(t, d.code)
		if err := d.raise(t, p); err != nil {
			t.Fatal(err)
		}
		raised := d.token
		c, err := d.Keeper.BeginPasskeySignIn(t.Context(), nil, d.remote) // under way while it is removed
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.Assert(c.Options, accounttest.Citizen)
		if err != nil {
			t.Fatal(err)
		}
		list, err := d.Keeper.ListPasskeys(t.Context(), d.s.Account)
		if err != nil {
			t.Fatal(err)
		}
		stranger := d.s
		stranger.Account = account.ID{1}
		wantFault(t, d.Keeper.RemovePasskey(t.Context(), stranger, list[0].ID), "account.session.none")
		wantFault(t, d.Keeper.RenamePasskey(t.Context(), stranger, list[0].ID, "Của tôi"), "account.session.none")
		if err := d.Keeper.RenamePasskey(t.Context(), d.s, list[0].ID, "  Khoá   cũ "); err != nil {
			t.Fatal(err)
		}
		d.Clock.Advance(11 * time.Minute)
		wantFault(t, d.Keeper.RemovePasskey(t.Context(), d.s, list[0].ID), "account.passkey.sign_in_again")
		if err := d.raise(t, p); err != nil {
			t.Fatal(err)
		}
		if err := d.Keeper.RemovePasskey(t.Context(), d.s, list[0].ID); err != nil {
			t.Fatal(err)
		}
		for _, tok := range []account.Token{raised, d.token} {
			if _, err := d.Keeper.FindSession(t.Context(), tok); !fault.Is(err, fault.NotFound) {
				t.Fatalf("a session that the passkey opened lives: %v", err)
			}
		}
		_, _, err = d.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: c.Token, Answer: answer, Remote: d.remote})
		if f := fault.Of(err); f == nil || f.Key != "account.passkey.refused" && f.Key != "account.passkey.stale" {
			t.Fatal(err)
		}
		d.signIn(t)
		c, err = d.Keeper.BeginPasskeySignIn(t.Context(), nil, d.remote)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err = p.Assert(c.Options, accounttest.Citizen); err != nil {
			t.Fatal(err)
		}
		_, _, err = d.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: c.Token, Answer: answer, Remote: d.remote})
		wantFault(t, err, "account.passkey.refused")
	})
}

func TestPhishedPasswordRegistersNothing(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		begin := func(code string) error {
			_, err := d.Keeper.BeginPasskey(t.Context(), d.s, code, d.remote)
			return err
		}
		wantFault(t, begin(""), "account.demand.step_up") // by a password alone, whoever she is
		wantFault(t, begin("0000-0000-0000"), "account.passkey.code")
		// The right one counts no attempt, however often the dialogue is cancelled.
		for range 7 {
			if err := begin(d.code); err != nil {
				t.Fatal(err)
			}
		}
		for range 4 {
			wantFault(t, begin("1111-1111-1111"), "account.passkey.code")
		}
		wantFault(t, begin(d.code), "account.passkey.code") // five guesses: the code is spent
		d.code = d.Raise(t, d.s.Account)
		d.register(t, d.code)
		wantFault(t, begin(d.code), "account.passkey.code") // used
		later := d.Raise(t, d.s.Account)
		d.Clock.Advance(24 * time.Hour)
		d.signIn(t)
		wantFault(t, begin(later), "account.passkey.code") // expired
		first, second := d.Raise(t, d.s.Account), d.Raise(t, d.s.Account)
		wantFault(t, begin(first), "account.passkey.code") // replaced
		d.Clock.Advance(11 * time.Minute)
		wantFault(t, begin(second), "account.passkey.sign_in_again") // an open browser that somebody finds
	})
}

func TestOneCodeRegistersOnePasskey(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		var tokens []account.Token
		var answers [][]byte
		for range 2 {
			c, err := d.Keeper.BeginPasskey(t.Context(), d.s, d.code, d.remote)
			if err != nil {
				t.Fatal(err)
			}
			_, answer, err := browse.RegisterPasskey(c.Options, accounttest.Citizen)
			if err != nil {
				t.Fatal(err)
			}
			tokens, answers = append(tokens, c.Token), append(answers, answer)
		}
		if _, err := d.Keeper.FinishPasskey(t.Context(), d.s, tokens[0], answers[0], "", d.remote); err != nil {
			t.Fatal(err)
		}
		_, err := d.Keeper.FinishPasskey(t.Context(), d.s, tokens[1], answers[1], "", d.remote)
		wantFault(t, err, "account.passkey.stale")
		list, err := d.Keeper.ListPasskeys(t.Context(), d.s.Account)
		if err != nil || len(list) != 1 || list[0].Label != d.remote.Label {
			t.Fatalf("%+v %v", list, err)
		}
	})
}

func TestPasskeyOfALevelOneOrLockedAccount(t *testing.T) {
	t.Parallel()
	accounttest.Run(t, func(t *testing.T, h *accounttest.House) {
		minh := h.Register(t, accounttest.Minh)
		h.Carrier.Says("0912000111", minh.Declared.Number, account.Yes)
		_, s := h.Open(t, minh, "0912000111")
		err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := h.Keeper.IssueStaffCodeTx(t.Context(), tx, audit.System("test"), s.Account)
			return err
		})
		wantFault(t, err, "account.staff_code.level")
		_, err = h.Keeper.BeginPasskey(t.Context(), s, "ABCD-ABCD-ABCD", accounttest.Remote())
		wantFault(t, err, "account.passkey.level")
		err = h.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := h.Keeper.IssueStaffCodeTx(t.Context(), tx, s.Actor(), s.Account)
			return err
		})
		wantFault(t, err, "account.staff_code.forbidden")
		d := seat(t, h)
		p := d.register(t, d.code)
		c, err := h.Keeper.BeginPasskeySignIn(t.Context(), nil, d.remote)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.Assert(c.Options, accounttest.Citizen)
		if err != nil {
			t.Fatal(err)
		}
		h.Lock(t, d.s.Account)
		_, _, err = h.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: c.Token, Answer: answer, Remote: d.remote})
		wantFault(t, err, "account.passkey.refused")
	})
}

func TestFoundingHappensOnce(t *testing.T) {
	t.Parallel()
	accounttest.Run(t, func(t *testing.T, h *accounttest.House) {
		open := func(p accounttest.Person, phone string, certain bool) account.ID {
			if certain {
				h.Carrier.Says(phone, p.Declared.Number, account.Yes)
			}
			_, s := h.Open(t, p, phone)
			return s.Account
		}
		lan, minh := open(h.Register(t, accounttest.Lan), deskPhone, true), open(h.Register(t, accounttest.Minh), "0912000111", true)
		squatted := open(h.Register(t, accounttest.Minh2()), "0912000222", false)
		found := func(by audit.Actor, first, second account.ID) error {
			return h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Keeper.FoundTx(t.Context(), tx, by, first, second) })
		}
		wantFault(t, found(audit.Citizen(account.Owner(lan), account.Owner(lan)), lan, minh), "account.founding.forbidden")
		wantFault(t, found(audit.System("test"), lan, lan), "account.founding.two_people")
		wantFault(t, found(audit.System("test"), lan, squatted), "account.founding.standing") // and nothing of it stays
		if a, err := h.Keeper.Find(t.Context(), lan); err != nil || a.Level != 1 {
			t.Fatalf("%+v %v", a, err)
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		done := 0
		for range 4 {
			wg.Go(func() {
				err := found(audit.System("test"), lan, minh)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					done++
				} else if f := fault.Of(err); f == nil || f.Key != "account.founding.done" {
					t.Error(errors.Join(err))
				}
			})
		}
		wg.Wait()
		if done != 1 {
			t.Fatalf("founded %d times", done)
		}
		for _, a := range []account.ID{lan, minh} {
			if got, err := h.Keeper.Find(t.Context(), a); err != nil || got.Level != 2 || got.Proofing.How != "founding" {
				t.Fatalf("%+v %v", got, err)
			}
		}
	})
}
