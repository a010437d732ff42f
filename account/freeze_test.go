// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/office"
)

var freezeLink = regexp.MustCompile(`/freeze/([a-z2-9]{26})`)

// link is the newest link that a phone got in a message that says words.
func link(t *testing.T, h *accounttest.House, phone, words string) account.Token {
	t.Helper()
	h.Deliver(t)
	for _, text := range slices.Backward(h.Post.To(phone)) {
		if m := freezeLink.FindStringSubmatch(text); m != nil && strings.Contains(text, words) {
			return account.Token(m[1])
		}
	}
	t.Fatalf("no message says %q with a link: %q", words, h.Post.To(phone))
	return ""
}

func status(t *testing.T, h *accounttest.House, a account.ID) account.Status {
	t.Helper()
	acc, err := h.Keeper.Find(t.Context(), a)
	ok(t, err)
	return acc.Status
}

func told(h *accounttest.House, phone, words string) int {
	n := 0
	for _, text := range h.Post.To(phone) {
		if strings.Contains(text, words) {
			n++
		}
	}
	return n
}

// A stolen cookie is worth nothing from the moment that she freezes, and the
// password opens nothing either.
func TestStolenSessionYieldsNothingAfterAFreeze(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		thief := d.token
		other := accounttest.Remote()
		_, phoneSession, err := d.Keeper.SignIn(t.Context(), account.SignIn{Number: d.lan.Declared.Number.Reveal(), Password: accounttest.Password, Remote: other, Door: "citizen"})
		ok(t, err)
		ok(t, d.Keeper.Freeze(t.Context(), phoneSession))
		_, err = d.Keeper.FindSession(t.Context(), thief)
		wrong(t, err, "account.session.none")
		if stands, err := d.Keeper.SessionStands(t.Context(), d.s.Account, d.s.ID); err != nil || stands {
			t.Error("the session stands", err)
		}
		_, _, err = d.Keeper.SignIn(t.Context(), account.SignIn{Number: d.lan.Declared.Number.Reveal(), Password: accounttest.Password, Remote: d.remote, Door: "citizen"})
		wrong(t, err, "account.signin.wrong")
		d.Deliver(t)
		if told(d.House, deskPhone, "đã tạm khóa") != 1 {
			t.Errorf("she was told %q", d.Post.To(deskPhone))
		}
		// A second tap, of a page that was open still, changes nothing.
		ok(t, d.Keeper.Freeze(t.Context(), phoneSession))
		d.Deliver(t)
		if told(d.House, deskPhone, "đã tạm khóa") != 1 {
			t.Error("she was told twice")
		}
	})
}

func TestFreezeByAStranger(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		_, lan := b.Open(t, b.lan, deskPhone)
		_, minh := b.Open(t, b.minh, "0987654321")
		for name, by := range map[string]audit.Actor{"citizen": minh.Actor(), "anonymous": audit.Anonymous(), "partner": audit.Partner("bank", "Bank"), "hotline": b.officer(t, office.Hotline)} {
			err := b.DB.Write(t.Context(), func(tx *db.Tx) error { return b.Keeper.LockTx(t.Context(), tx, by, lan.Account, account.OwnRequest) })
			if !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s: %v", name, err)
			}
		}
		wrong(t, b.Keeper.FreezeByLink(t.Context(), account.Token(strings.Repeat("a", 26))), "account.freeze.link")
		wrong(t, b.Keeper.FreezeByLink(t.Context(), ""), "account.freeze.link")
		if status(t, b.House, lan.Account) != account.Active {
			t.Error("a stranger froze her")
		}
	})
}

// The link in a message locks once, from any browser, and opens nothing.
func TestFreezeLinkLocksOnceAndNothingElse(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		_, s := b.Open(t, b.lan, deskPhone)
		_, _, err := signIn(t, b.House, b.lan.Declared.Number.Reveal(), accounttest.Password) // a browser not seen before
		ok(t, err)
		l := link(t, b.House, deskPhone, "thiết bị mới")
		ok(t, b.Keeper.FindFreezeLink(t.Context(), l)) // a program that fetches links locks nobody
		if status(t, b.House, s.Account) != account.Active {
			t.Fatal("looking locked it")
		}
		var locked atomic.Int64
		parallel(16, func(int) {
			if b.Keeper.FreezeByLink(t.Context(), l) == nil {
				locked.Add(1)
			}
		})
		if locked.Load() != 1 || status(t, b.House, s.Account) != account.Locked {
			t.Fatalf("used %d times, the account is %s", locked.Load(), status(t, b.House, s.Account))
		}
		wrong(t, b.Keeper.FindFreezeLink(t.Context(), l), "account.freeze.link")
		if _, err := b.Keeper.FindSession(t.Context(), l); !fault.Is(err, fault.NotFound) {
			t.Error("the link is a session", err)
		}
		// What is in the inbox shows no link.
		items, _, err := b.Notify.ListInbox(t.Context(), account.Owner(s.Account), "vi", [16]byte{}, 20)
		ok(t, err)
		for _, it := range items {
			if freezeLink.MatchString(it.Text) {
				t.Errorf("the inbox shows the link of %s", it.Template)
			}
		}
	})
}

func TestFreezeLinkIsOverAfterItsDays(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		_, s := b.Open(t, b.lan, deskPhone)
		_, _, err := signIn(t, b.House, b.lan.Declared.Number.Reveal(), accounttest.Password)
		ok(t, err)
		l := link(t, b.House, deskPhone, "thiết bị mới")
		b.Clock.Advance(7*24*time.Hour + time.Second)
		wrong(t, b.Keeper.FreezeByLink(t.Context(), l), "account.freeze.link")
		if status(t, b.House, s.Account) != account.Active {
			t.Error("locked")
		}
	})
}

// The hotline locks on a caller's word; whoever is at it learns nothing and can
// neither unlock nor see.
func TestHotlineLocksAndLearnsNothing(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		_, s := b.Open(t, b.lan, deskPhone)
		hot := b.officer(t, office.Hotline)
		n := b.lan.Declared.Number.Reveal()
		ok(t, b.Keeper.FreezeByCall(t.Context(), hot, n, "Mất điện thoại ở bến xe"))
		ok(t, b.Keeper.FreezeByCall(t.Context(), hot, "001190999999", "Mất điện thoại ở bến xe")) // nobody's: the same answer
		b.Deliver(t)
		if status(t, b.House, s.Account) != account.Locked || told(b.House, deskPhone, "đường dây nóng") != 1 {
			t.Fatalf("%s, told %q", status(t, b.House, s.Account), b.Post.To(deskPhone))
		}
		ok(t, b.Keeper.FreezeByCall(t.Context(), hot, n, "Gọi lại lần nữa")) // locked already: the same answer
		b.Deliver(t)
		if told(b.House, deskPhone, "đường dây nóng") != 1 {
			t.Error("she was told twice")
		}
		for _, g := range account.Grounds {
			err := b.DB.Write(t.Context(), func(tx *db.Tx) error { return b.Keeper.UnlockTx(t.Context(), tx, hot, s.Account, g) })
			if !fault.Is(err, fault.Forbidden) {
				t.Errorf("the hotline unlocked %s: %v", g, err)
			}
			err = b.DB.Write(t.Context(), func(tx *db.Tx) error { return b.Keeper.LockTx(t.Context(), tx, hot, s.Account, g) })
			if !fault.Is(err, fault.Forbidden) {
				t.Errorf("the hotline locked on %s: %v", g, err)
			}
		}
		if _, _, err := account.NewCaseDesk(b.Keeper, b.roster).ListWaiting(t.Context(), hot, 1); !fault.Is(err, fault.Forbidden) {
			t.Errorf("the hotline reads cases: %v", err)
		}
		// Her log says that an officer locked it, and under which office's name.
		list, _, err := b.Audit.ListBySubject(t.Context(), audit.Query{Subject: b.lan.ID})
		ok(t, err)
		if !slices.ContainsFunc(list, func(e audit.Recorded) bool {
			return e.Action == "account.locked" && e.Actor.Name == b.office.Name && e.Detail["via"] == "hotline"
		}) {
			t.Errorf("her log does not say who locked it: %+v", list)
		}
	})
}

func TestHotlineImpersonated(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		_, s := b.Open(t, b.lan, deskPhone)
		n := b.lan.Declared.Number.Reveal()
		hot := b.officer(t, office.Hotline)
		forged := hot
		forged.Person = b.minh.ID
		for name, by := range map[string]audit.Actor{"intake": b.intake, "approver": b.by, "herself": s.Actor(), "anonymous": audit.Anonymous(),
			"nobody": audit.Officer(b.minh.ID, b.minh.ID, "Công an"), "another person on the account": forged, "system": audit.System("hotline")} {
			if err := b.Keeper.FreezeByCall(t.Context(), by, n, "Tôi là công an"); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s: %v", name, err)
			}
		}
		ok(t, b.roster.End(t.Context(), audit.System("test"), hot.Account, office.Hotline))
		if err := b.Keeper.FreezeByCall(t.Context(), hot, n, "Hôm qua tôi còn làm"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("after her role ended: %v", err)
		}
		b.Deliver(t)
		if status(t, b.House, s.Account) != account.Active {
			t.Error("locked")
		}
	})
}

// Somebody who calls again and again to keep her locked out is told to wait,
// alike for a number that nobody has.
func TestHotlineIsLimited(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		hot := b.officer(t, office.Hotline)
		for _, n := range []string{b.lan.Declared.Number.Reveal(), "001190999999"} {
			for range 3 {
				ok(t, b.Keeper.FreezeByCall(t.Context(), hot, n, "Khóa giúp tôi"))
			}
			wrong(t, b.Keeper.FreezeByCall(t.Context(), b.officer(t, office.Hotline), n, "Khóa giúp tôi"), "account.too_many")
		}
		wrong(t, b.Keeper.FreezeByCall(t.Context(), hot, "12", "x"), "account.hotline.form")
	})
}
