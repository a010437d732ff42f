// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"danh/account"
	. "danh/account/accounttest"
	"danh/audit"
	"danh/internal/browse"
	"danh/internal/db"
	"danh/internal/fault"
)

// A sign-in form that was overheard is sent again with its challenge written in
// another way: base64 of the same bytes with a line break, or with other bits
// where nothing is read.
func TestSignInFormReplayedInOtherLetters(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		r := Remote()
		_, s := d.arrive(t, r)
		key := d.keep(t, s, r)
		proof := d.signed(t, key, r)
		if _, s, err := d.tryKey(t, r, proof); err != nil || s.NewDevice {
			t.Fatal(s.NewDevice, err)
		}
		c := proof.Challenge
		last := strings.IndexByte(urlAlphabet, c[len(c)-1])
		for what, again := range map[string]string{"a line break": c[:10] + "\n" + c[10:], "a break at the end": c + "\r\n", "other spare bits": c[:len(c)-1] + string(urlAlphabet[last^1])} {
			proof.Challenge = again
			if _, s, err := d.tryKey(t, r, proof); err == nil && !s.NewDevice {
				t.Errorf("%s: the form signed in twice", what)
			}
		}
	})
}

const urlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// A thief who has her session and its device's cookie, and nothing else, takes
// her passkeys away by calling her device shared: it takes as much as removing
// one of them. A device without any she marks at once.
func TestSharedDeviceTakesHerPasskeysAway(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		r := Remote()
		tok, s := d.arrive(t, r)
		c, err := d.Keeper.BeginPasskey(t.Context(), s, "", r)
		if err != nil {
			t.Fatal(err)
		}
		_, made, err := browse.RegisterPasskey(c.Options, Citizen)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Keeper.FinishPasskey(t.Context(), s, c.Token, made, "", r); err != nil {
			t.Fatal(err)
		}
		d.Clock.Advance(20 * time.Minute)
		s, err = d.Keeper.FindSessionOn(t.Context(), tok, r.Device)
		if err != nil {
			t.Fatal(err)
		}
		list, err := d.Keeper.ListPasskeys(t.Context(), s.Account)
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		if err := d.Keeper.SetPasswordOnly(t.Context(), s, s.Device, true); !fault.Is(err, fault.StepUp) {
			t.Errorf("an old session took her passkeys away: %v", err)
		}
		weak := s
		weak.Assurance, weak.AuthTime = 1, d.Clock.Now()
		if err := d.Keeper.RemovePasskey(t.Context(), weak, list[0].ID); !fault.Is(err, fault.StepUp) {
			t.Errorf("a password alone took her passkey away: %v", err)
		}
		if list, err := d.Keeper.ListPasskeys(t.Context(), s.Account); err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		r2 := Remote()
		_, other := d.arrive(t, r2)
		if err := d.Keeper.SetPasswordOnly(t.Context(), s, other.Device, true); err != nil {
			t.Errorf("a device without passkeys: %v", err)
		}
		s.AuthTime = d.Clock.Now()
		if err := d.Keeper.SetPasswordOnly(t.Context(), s, s.Device, true); err != nil {
			t.Errorf("a fresh, strong sign-in: %v", err)
		}
	})
}

// A sign-in whose password was right a moment before the freeze commits beside
// it: its session opens nothing while the account is locked, and is not there
// when it is unlocked.
func TestSessionThatSlippedInBesideTheFreeze(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		tok, s := d.arrive(t, Remote())
		write := func(do func(tx *db.Tx) error) {
			t.Helper()
			if err := d.DB.Write(t.Context(), do); err != nil {
				t.Fatal(err)
			}
		}
		write(func(tx *db.Tx) error {
			return d.Keeper.LockTx(t.Context(), tx, s.Actor(), s.Account, account.OwnRequest)
		})
		write(func(tx *db.Tx) error { // as it stands when the sign-in commits after the freeze has looked for sessions
			_, err := tx.ExecContext(t.Context(), `UPDATE account_session SET ended_at = NULL, ended_why = NULL WHERE account = $1 AND id = $2`, s.Account, s.ID)
			return err
		})
		if _, err := d.Keeper.FindSession(t.Context(), tok); !fault.Is(err, fault.NotFound) {
			t.Fatalf("while locked: %v", err)
		}
		write(func(tx *db.Tx) error {
			return d.Keeper.UnlockTx(t.Context(), tx, audit.System("test"), s.Account, account.OwnRequest)
		})
		if _, err := d.Keeper.FindSession(t.Context(), tok); !fault.Is(err, fault.NotFound) {
			t.Errorf("it lives again: %v", err)
		}
	})
}

// A thief who knows the password signs in at the very moment in which she
// replaces it: nothing that the former password opened outlives it.
func TestSignInBesideAPasswordChange(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		r := Remote()
		_, s := d.arrive(t, r)
		now := account.Password(Password)
		for i := range 16 {
			next := account.Password(fmt.Sprintf("Nước-%d-chảy-đá-mòn-%d", i, i*i+7))
			fresh, err := d.Keeper.PreparePassword(t.Context(), s.Account, next)
			if err != nil {
				t.Fatal(err)
			}
			var tok account.Token
			var opened, changed error
			parallel(2, func(who int) {
				if who == 0 {
					tok, _, opened = d.Keeper.SignIn(t.Context(), account.SignIn{Number: d.lan.Declared.Number.Reveal(), Password: now, Remote: r, Door: "citizen"})
					return
				}
				time.Sleep(time.Duration(i) * 500 * time.Microsecond)
				changed = d.DB.Write(t.Context(), func(tx *db.Tx) error { return d.Keeper.ResetPasswordTx(t.Context(), tx, audit.System("test"), fresh) })
			})
			if changed != nil {
				t.Fatal(changed)
			}
			if opened == nil {
				if _, err := d.Keeper.FindSession(t.Context(), tok); !fault.Is(err, fault.NotFound) {
					t.Fatalf("round %d: the former password's session lives: %v", i, err)
				}
			}
			now = next
			d.Clock.Advance(time.Second)
		}
	})
}
