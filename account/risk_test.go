// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/place"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/sandbox"
)

// pausing runs a test in a house that knows the sandbox's places and asks for the
// pause after a risky change.
func pausing(t *testing.T, body func(t *testing.T, h *accounttest.House)) {
	t.Helper()
	book, err := place.Parse(strings.NewReader(string(sandbox.Places)))
	ok(t, err)
	dbtest.Run(t, accounttest.Schemas, func(t *testing.T, d *db.DB) {
		h := accounttest.New(t, d, func(c *account.Config) { c.Places = book })
		ok(t, d.Write(t.Context(), func(tx *db.Tx) error {
			return h.Keeper.SetRuleTx(t.Context(), tx, audit.System("test"), account.Rule{Name: "risk_hours", From: clock.DateOf(h.Clock.Now()), Value: 24, Source: "test"})
		}))
		body(t, h)
	})
}

// on signs in with a password on a browser at an address.
func on(t *testing.T, h *accounttest.House, number string, pw account.Password, address string, device account.Token) account.Session {
	t.Helper()
	tok, _, err := h.Keeper.SignIn(t.Context(), account.SignIn{Number: number, Password: pw, Remote: account.RemoteInfo{Address: address, Label: "Firefox", Device: device}})
	ok(t, err)
	s, err := h.Keeper.FindSession(t.Context(), tok)
	ok(t, err)
	return s
}

const second, third, fourth = account.Password("Gió-lùa-8-khe-nữa"), account.Password("Nắng-xiên-9-thềm"), account.Password("Mưa-dầm-10-phên-tre")

// A thief with her password and her code takes the account over on his browser:
// one change goes through and alarms her, the next waits a day. Her own browser
// is not held back.
func TestTakeoverFromANewBrowserPauses(t *testing.T) {
	pausing(t, func(t *testing.T, h *accounttest.House) {
		lan := h.Register(t, accounttest.Lan)
		_, hers := h.Open(t, lan, "0912345678")
		n, ctx := lan.Declared.Number.Reveal(), t.Context()
		h.Clock.Advance(30 * 24 * time.Hour)
		thief := account.NewToken()
		s := on(t, h, n, accounttest.Password, "127.0.0.1", thief)
		ok(t, h.Keeper.ChangePassword(ctx, s, accounttest.Password, second))
		wrong(t, h.Keeper.ChangePassword(ctx, s, second, third), "account.risky")
		h.Clock.Advance(23 * time.Hour)
		s = on(t, h, n, second, "127.0.0.1", thief) // signing in anew makes the browser no older
		wrong(t, h.Keeper.ChangePassword(ctx, s, second, third), "account.risky")
		// Another new browser has no pause of its own.
		other := on(t, h, n, second, "127.0.0.1", account.NewToken())
		wrong(t, h.Keeper.ChangePassword(ctx, other, second, third), "account.risky")
		hers.AuthTime = h.Clock.Now()
		ok(t, h.Keeper.ChangePassword(ctx, hers, second, third))
		h.Deliver(t)
		if told(h, "0912345678", "Mật khẩu") < 1 {
			t.Errorf("she was told %q", h.Post.To("0912345678"))
		}
		h.Clock.Advance(2 * time.Hour)
		s = on(t, h, n, third, "127.0.0.1", thief) // a day old by now
		ok(t, h.Keeper.ChangePassword(ctx, s, third, fourth))
	})
}

// A thief with her password and her code makes one change; the passcode that
// would open what matters most is the next.
func TestTakeoverSetsNoPasscode(t *testing.T) {
	pausing(t, func(t *testing.T, h *accounttest.House) {
		lan := h.Register(t, accounttest.Lan)
		h.Open(t, lan, "0912345678")
		n, ctx, old := lan.Declared.Number.Reveal(), t.Context(), account.NewToken()
		on(t, h, n, accounttest.Password, "127.0.0.1", old)
		h.Clock.Advance(30 * 24 * time.Hour)
		s := on(t, h, n, accounttest.Password, "127.0.0.1", account.NewToken())
		ok(t, h.Keeper.ChangePassword(ctx, s, accounttest.Password, second))
		s.Assurance = 2
		wrong(t, h.Keeper.SetPasscode(ctx, s, "", "493817"), "account.risky")
		hers := on(t, h, n, second, "127.0.0.1", old)
		hers.Assurance = 2
		ok(t, h.Keeper.SetPasscode(ctx, hers, "", "493817"))
	})
}

// Her browser's cookie is copied and used in another town: that is as new as a
// new browser. A town in which another browser of hers has been is none.
func TestTakeoverFromANewTownPauses(t *testing.T) {
	pausing(t, func(t *testing.T, h *accounttest.House) {
		lan := h.Register(t, accounttest.Lan)
		h.Open(t, lan, "0912345678")
		n, ctx := lan.Declared.Number.Reveal(), t.Context()
		phone, laptop := account.NewToken(), account.NewToken()
		on(t, h, n, accounttest.Password, "127.0.1.5", phone)
		on(t, h, n, accounttest.Password, "127.0.2.5", laptop)
		h.Clock.Advance(30 * 24 * time.Hour)
		s := on(t, h, n, accounttest.Password, "127.0.2.9", phone) // her phone, where her laptop is
		ok(t, h.Keeper.ChangePassword(ctx, s, accounttest.Password, second))
		ok(t, h.Keeper.ChangePassword(ctx, s, second, third))
		h.Clock.Advance(time.Hour)
		s = on(t, h, n, third, "127.0.4.9", phone)
		ok(t, h.Keeper.ChangePassword(ctx, s, third, fourth))
		wrong(t, h.Keeper.ChangePassword(ctx, s, fourth, account.Password("Sương-giăng-11-ngõ")), "account.risky")
	})
}

// Who has just opened her account does as she likes on the browser she did it on,
// and a password that must be changed is changed.
func TestFirstBrowserIsNoRisk(t *testing.T) {
	pausing(t, func(t *testing.T, h *accounttest.House) {
		lan := h.Register(t, accounttest.Lan)
		_, s := h.Open(t, lan, "0912345678")
		ok(t, h.Keeper.ChangePassword(t.Context(), s, accounttest.Password, second))
		ok(t, h.Keeper.ChangePassword(t.Context(), s, second, third))
		s = on(t, h, lan.Declared.Number.Reveal(), third, "127.0.0.1", account.NewToken())
		ok(t, h.Keeper.ChangePassword(t.Context(), s, third, fourth))
		s.MustChangePassword = true
		ok(t, h.Keeper.ChangePassword(t.Context(), s, fourth, account.Password("Sương-giăng-11-ngõ")))
	})
}
