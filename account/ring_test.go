// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/internal/db"
)

// inbox counts the messages of a template in an account's inbox.
func inbox(t *testing.T, h *accounttest.House, a account.ID, template string) (n int) {
	t.Helper()
	ok(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM notify_inbox WHERE account = $1 AND template = $2`, account.Owner(a), template).Scan(&n))
	return n
}

// Somebody who knows her number types wrong passwords all day: her telephone rings
// three times, and all of it is in her inbox. The next day it rings again.
func TestPushBombingByWrongPasswords(t *testing.T) {
	accounttest.Run(t, func(t *testing.T, h *accounttest.House) {
		lan := h.Register(t, accounttest.Lan)
		_, s := h.Open(t, lan, "0912345678")
		day := func() {
			for range 8 {
				for range 10 {
					_, _, err := h.Keeper.SignIn(t.Context(), account.SignIn{Number: lan.Declared.Number.Reveal(), Password: "sai-Mật-khẩu-9", Remote: account.RemoteInfo{Address: "127.0.0.1", Label: "curl"}})
					if err == nil {
						t.Fatal("a wrong password signs in")
					}
					h.Clock.Advance(6 * time.Minute)
				}
				h.Deliver(t)
			}
		}
		day()
		if n := told(h, "0912345678", "nhập sai mật khẩu"); n != 3 {
			t.Errorf("her telephone rang %d times", n)
		}
		if n := inbox(t, h, s.Account, "account_locked"); n < 5 { // tries while it is barred are none
			t.Errorf("%d are in her inbox", n)
		}
		h.Clock.Advance(24 * time.Hour)
		day()
		if n := told(h, "0912345678", "nhập sai mật khẩu"); n != 6 {
			t.Errorf("after the second day it rang %d times", n)
		}
	})
}

// Somebody who knows her details tries to open an account in her name, again and
// again, from many networks.
func TestPushBombingByOpenings(t *testing.T) {
	accounttest.Run(t, func(t *testing.T, h *accounttest.House) {
		lan := h.Register(t, accounttest.Lan)
		h.Carrier.Says("0912345678", lan.Declared.Number, account.Yes)
		_, s := h.Open(t, lan, "0912345678")
		tries := 0
		for range 9 {
			tok, _, err := h.Keeper.StartOpening(t.Context(), "vi", "", accounttest.Remote())
			ok(t, err)
			if _, err := h.Keeper.Declare(t.Context(), tok, lan.Declared, accounttest.Remote()); err != nil {
				wrong(t, err, "account.too_many")
				continue
			}
			if _, err := h.Keeper.PutPortrait(t.Context(), tok, bytes.NewReader(accounttest.Portrait())); err != nil {
				t.Fatal(err)
			}
			tries++
		}
		h.Deliver(t)
		if n := told(h, "0912345678", "thử mở tài khoản"); n != 3 {
			t.Errorf("her telephone rang %d times in %d tries", n, tries)
		}
		if n := inbox(t, h, s.Account, "opening_attempt"); n != tries || tries < 4 {
			t.Errorf("%d of %d are in her inbox", n, tries)
		}
	})
}

// Somebody who has her password signs in from one new browser after the other.
func TestPushBombingBySignIns(t *testing.T) {
	accounttest.Run(t, func(t *testing.T, h *accounttest.House) {
		lan := h.Register(t, accounttest.Lan)
		_, s := h.Open(t, lan, "0912345678")
		for i := range 12 {
			_, _, err := h.Keeper.SignIn(t.Context(), account.SignIn{Number: lan.Declared.Number.Reveal(), Password: accounttest.Password,
				Remote: account.RemoteInfo{Address: "127.0.0.1", Label: fmt.Sprint("Trình duyệt ", i), Device: account.NewToken()}})
			ok(t, err)
			h.Clock.Advance(time.Minute)
		}
		h.Deliver(t)
		if n := told(h, "0912345678", "thiết bị mới"); n != 5 {
			t.Errorf("her telephone rang %d times", n)
		}
		if n := inbox(t, h, s.Account, "new_device"); n != 12 {
			t.Errorf("%d of 12 are in her inbox", n)
		}
		// What she must hear at once is not drowned in it.
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
			return h.Keeper.LockTx(t.Context(), tx, s.Actor(), s.Account, account.OwnRequest)
		}))
		h.Deliver(t)
		if n := told(h, "0912345678", "tạm khóa"); n != 1 {
			t.Errorf("she was told %d times that it is locked", n)
		}
	})
}

// Somebody types her phone into openings of others: codes come so often and no more.
func TestPushBombingByCodes(t *testing.T) {
	accounttest.Run(t, func(t *testing.T, h *accounttest.House) {
		sent := 0
		for range 5 {
			p := h.Register(t, accounttest.Minh)
			tok, o := h.ToPhone(t, p.Declared)
			if o.Step != account.StepPhone {
				t.Fatal(o.Step)
			}
			for range 4 {
				if _, err := h.Keeper.SendCode(t.Context(), tok, "0912345678"); err == nil {
					sent++
				} else {
					wrong(t, err, "account.too_many")
				}
				h.Deliver(t)
				h.Clock.Advance(40 * time.Second)
			}
		}
		h.Deliver(t)
		if n := told(h, "0912345678", "là mã xác nhận"); n != 6 || sent != 6 {
			t.Errorf("%d codes came, %d were taken", n, sent)
		}
	})
}
