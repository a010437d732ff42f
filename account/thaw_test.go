// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/browse"
	"danh/internal/db"
	"danh/internal/fault"
)

// askThaw answers a fresh challenge with a passkey and a password.
func (d *desk) askThaw(t *testing.T, p *browse.Passkey, number string, pw account.Password) (time.Time, error) {
	t.Helper()
	c, err := d.Keeper.BeginPasskeySignIn(t.Context(), nil, d.remote)
	ok(t, err)
	answer, err := p.Assert(c.Options, accounttest.Citizen)
	ok(t, err)
	return d.Keeper.AskThaw(t.Context(), account.ThawRequest{Number: number, Password: pw, Ceremony: c.Token, Answer: answer, Remote: d.remote})
}

// frozen is Lan with a passkey of four days, frozen a moment ago.
func frozen(t *testing.T, d *desk) *browse.Passkey {
	t.Helper()
	p := d.register(t, d.code)
	d.Clock.Advance(4 * 24 * time.Hour)
	d.token = ""
	d.signIn(t)
	ok(t, d.Keeper.Freeze(t.Context(), d.s))
	return p
}

func TestThawTakesPasskeyPasswordAndTheWait(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p, number := frozen(t, d), d.lan.Declared.Number.Reveal()
		due, err := d.askThaw(t, p, number, accounttest.Password)
		ok(t, err)
		if want := d.Clock.Now().Add(24 * time.Hour); !due.Equal(want) {
			t.Errorf("due %s, want %s", due, want)
		}
		again, err := d.askThaw(t, p, number, accounttest.Password) // does not begin anew
		if err != nil || !again.Equal(due) {
			t.Errorf("asked again: %s, %v", again, err)
		}
		d.Clock.Advance(24*time.Hour - time.Minute)
		d.Deliver(t)
		if got := status(t, d.House, d.s.Account); got != account.Locked {
			t.Fatalf("before its time it is %s", got)
		}
		d.Clock.Advance(2 * time.Minute)
		d.Deliver(t)
		if got := status(t, d.House, d.s.Account); got != account.Active {
			t.Fatalf("after its time it is %s", got)
		}
		if told(d.House, deskPhone, "xin mở khóa") != 1 || told(d.House, deskPhone, "đã được mở khóa") != 1 {
			t.Errorf("she was told %q", d.Post.To(deskPhone))
		}
		_, err = d.askThaw(t, p, number, accounttest.Password)
		wrong(t, err, "account.not_locked")
	})
}

// A thief who has everything but her phone's messages waits, and one link stops
// him, as often as he tries.
func TestThawIsStoppedByOneLink(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p, number := frozen(t, d), d.lan.Declared.Number.Reveal()
		for range 2 {
			_, err := d.askThaw(t, p, number, accounttest.Password)
			ok(t, err)
			ok(t, d.Keeper.FreezeByLink(t.Context(), link(t, d.House, deskPhone, "xin mở khóa")))
			d.Clock.Advance(25 * time.Hour)
			d.Deliver(t)
			if got := status(t, d.House, d.s.Account); got != account.Locked {
				t.Fatalf("stopped, and it is %s", got)
			}
		}
		if n := told(d.House, deskPhone, "đã được dừng"); n != 2 {
			t.Errorf("told %d times that it was stopped", n)
		}
	})
}

func TestThawByHalfTheProof(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p, number := frozen(t, d), d.lan.Declared.Number.Reveal()
		_, err := d.askThaw(t, p, number, "sai-mật-khẩu-9A")
		wrong(t, err, "account.thaw.wrong")
		// Her passkey with somebody else's number and password.
		minh := d.Register(t, accounttest.Minh)
		d.Open(t, minh, "0987654321")
		_, err = d.askThaw(t, p, minh.Declared.Number.Reveal(), accounttest.Password)
		wrong(t, err, "account.thaw.wrong")
		// Her password with a passkey that nobody registered.
		c, err := d.Keeper.BeginPasskeySignIn(t.Context(), nil, d.remote)
		ok(t, err)
		stranger, _, err := browse.RegisterPasskey([]byte(`{"rp":{"id":"localhost"},"user":{"id":"AA"},"challenge":"AA","pubKeyCredParams":[{"alg":-7}]}`), accounttest.Citizen)
		ok(t, err)
		answer, err := stranger.Assert(c.Options, accounttest.Citizen)
		ok(t, err)
		in := account.ThawRequest{Number: number, Password: accounttest.Password, Ceremony: c.Token, Answer: answer, Remote: d.remote}
		_, err = d.Keeper.AskThaw(t.Context(), in)
		wrong(t, err, "account.passkey.refused")
		// A replayed answer.
		_, err = d.Keeper.AskThaw(t.Context(), in)
		wrong(t, err, "account.passkey.stale")
		d.Clock.Advance(48 * time.Hour)
		d.Deliver(t)
		if got := status(t, d.House, d.s.Account); got != account.Locked {
			t.Errorf("it is %s", got)
		}
		if told(d.House, deskPhone, "xin mở khóa") != 0 {
			t.Error("a wait began")
		}
	})
}

// A passkey that a thief added before she froze does not bring it back.
func TestThawByAYoungPasskey(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p, number := d.register(t, d.code), d.lan.Declared.Number.Reveal()
		d.Clock.Advance(time.Hour)
		d.token = ""
		d.signIn(t)
		ok(t, d.Keeper.Freeze(t.Context(), d.s))
		d.Clock.Advance(30 * 24 * time.Hour) // waiting makes it no older before the lock
		_, err := d.askThaw(t, p, number, accounttest.Password)
		wrong(t, err, "account.thaw.young")
	})
}

// What an authority locked is not hers to unlock.
func TestThawOfAnotherGround(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p, number := frozen(t, d), d.lan.Declared.Number.Reveal()
		d.Lock(t, d.s.Account)
		_, err := d.askThaw(t, p, number, accounttest.Password)
		if !fault.Is(err, fault.Forbidden) {
			t.Errorf("%v", err)
		}
		// A ground that comes while she waits stays.
		ok(t, d.DB.Write(t.Context(), func(tx *db.Tx) error {
			return d.Keeper.UnlockTx(t.Context(), tx, audit.System("test"), d.s.Account, account.CompetentBody)
		}))
		_, err = d.askThaw(t, p, number, accounttest.Password)
		ok(t, err)
		d.Lock(t, d.s.Account)
		d.Clock.Advance(25 * time.Hour)
		d.Deliver(t)
		if got := status(t, d.House, d.s.Account); got != account.Locked {
			t.Errorf("it is %s", got)
		}
	})
}
