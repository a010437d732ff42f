// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"bytes"
	"io"
	"testing"

	"danh/account"
	. "danh/account/accounttest"
	"danh/internal/db"
	"danh/internal/fault"
)

// during runs something while it is being read.
type during struct {
	io.Reader
	do func()
}

func (d *during) Read(b []byte) (int, error) {
	if d.do != nil {
		d.do()
		d.do = nil
	}
	return d.Reader.Read(b)
}

// The details are exchanged between the match and its use: leaked data pass
// the match, and the thief's own data, to which her carrier says yes, stand in
// the opening that goes on. The account would be another's and look proofed.
func TestDetailsSwappedBehindTheMatch(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan, minh := h.Register(t, Lan), h.Register(t, Minh)
		h.Carrier.Says(burner, minh.Declared.Number, account.Yes)
		tok, _, err := h.Keeper.StartOpening(t.Context(), "vi", "", Remote())
		ok(t, err)
		_, err = h.Keeper.Declare(t.Context(), tok, lan.Declared, Remote())
		ok(t, err)
		o, err := h.Keeper.PutPortrait(t.Context(), tok, &during{bytes.NewReader(Portrait()), func() {
			_, err := h.Keeper.Declare(t.Context(), tok, minh.Declared, Remote())
			ok(t, err)
		}})
		if f := fault.Of(err); f == nil || f.Key != "account.opening.moved" {
			t.Errorf("a match of details that had been replaced led to %s (%v)", o.Step, err)
		}
		// She starts over with the portrait, and is matched by what stands there.
		o, err = h.Keeper.PutPortrait(t.Context(), tok, bytes.NewReader(Portrait()))
		ok(t, err)
		_, err = h.Keeper.SendCode(t.Context(), tok, burner)
		ok(t, err)
		_, err = h.Keeper.ConfirmCode(t.Context(), tok, h.Code(t, burner))
		ok(t, err)
		_, err = h.Keeper.SetEmail(t.Context(), tok, "")
		ok(t, err)
		_, o, err = h.Keeper.SetPassword(t.Context(), tok, Password, Remote())
		ok(t, err)
		a, err := h.Keeper.Find(t.Context(), o.Account)
		ok(t, err)
		if a.Person != minh.ID {
			t.Errorf("an account of another person was opened; provisional: %v", a.Provisional)
		}
	})
}

// The phone is exchanged while the carrier is being asked about the one before.
func TestPhoneSwappedBehindTheCarriersAnswer(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		tok, _ := h.ToPhone(t, lan.Declared)
		_, err := h.Keeper.SendCode(t.Context(), tok, phone)
		ok(t, err)
		h.Carrier.During = func() {
			ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
				_, err := tx.ExecContext(t.Context(), `UPDATE account_opening SET step = 'phone', phone_at = NULL WHERE step = 'email'`)
				return err
			}))
			_, err := h.Keeper.SendCode(t.Context(), tok, burner)
			ok(t, err)
		}
		_, _ = h.Keeper.ConfirmCode(t.Context(), tok, h.Code(t, phone))
		var carrier string
		ok(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT carrier FROM account_opening`).Scan(&carrier))
		if carrier != "" {
			t.Errorf("the answer %q about one phone stands beside another", carrier)
		}
	})
}

// What is no code at all is not counted: it would be counted for everybody, and
// ten slips in an hour would close the page to the next person who slips.
func TestMalformedCaseCodeCountsForNobody(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		for range 12 {
			_, err := h.Keeper.FindCase(t.Context(), "MD-26-ABC", "02/09/1990", Remote())
			if !fault.Is(err, fault.NotFound) {
				t.Fatalf("%v", err)
			}
		}
	})
}
