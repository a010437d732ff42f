// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Factor is something that was used to sign in.
type Factor string

// The factors. A passkey is always used with user verification; whether that
// was a finger, a face or a PIN nobody outside the device can tell, so the law's
// biometric factor follows from a dated row of account_assurance and from
// nothing else.
const (
	FactorPassword Factor = "password"
	FactorPasskey  Factor = "passkey"  // bound to one device
	FactorSynced   Factor = "synced"   // a passkey that may be copied between devices
	FactorCode     Factor = "otp"      // a code sent to her phone
	FactorDevice   Factor = "device"   // the key that a registered device keeps
	FactorPasscode Factor = "passcode" // six digits that the server checks
	FactorQR       Factor = "qr"       // approved on another device by a code that can be relayed
)

// methods are the values of RFC 8176, section 2, that each factor is told
// others by. fpt and face are not among them: they would claim what is not known.
var methods = map[Factor]string{FactorPassword: "pwd", FactorPasskey: "hwk", FactorSynced: "swk"}

// amrOf lists the methods of a sign-in: user is the touch that every passkey
// asks for, mfa that more than one factor was used (a passkey is two by itself).
func amrOf(factors []Factor) []string {
	var out []string
	passkey := false
	for _, f := range []Factor{FactorPassword, FactorPasskey, FactorSynced} {
		if slices.Contains(factors, f) {
			out = append(out, methods[f])
			passkey = passkey || f != FactorPassword
		}
	}
	if passkey {
		out = append(out, "user", "mfa")
	}
	return out
}

// factorsOf reads the factors back from a session's methods.
func factorsOf(amr []string) []Factor {
	var out []Factor
	for _, f := range []Factor{FactorPassword, FactorPasskey, FactorSynced} {
		if slices.Contains(amr, methods[f]) {
			out = append(out, f)
		}
	}
	return out
}

// with adds a factor; of two passkeys the one used last counts.
func with(factors []Factor, add Factor) []Factor {
	out := slices.DeleteFunc(slices.Clone(factors), func(f Factor) bool {
		return f == add || add != FactorPassword && f != FactorPassword
	})
	return append(out, add)
}

func passkeyFactor(synced bool) Factor {
	if synced {
		return FactorSynced
	}
	return FactorPasskey
}

// assurance is the authentication assurance of the factors by the row in
// force: 1 when no row speaks of them, because something was used. Of two rows
// that overlap the weaker one counts.
func (f inForce) assurance(factors []Factor) int {
	words := make([]string, len(factors))
	for i, w := range factors {
		words[i] = string(w)
	}
	slices.Sort(words)
	out := 0
	for _, v := range f.book.assures[strings.Join(words, " ")] {
		if within(f.day, v.From, v.To) && (out == 0 || v.Value < out) {
			out = v.Value
		}
	}
	return max(out, 1)
}

// Reach is what a session could become by one more factor.
type Reach struct {
	Passkey  int // the assurance after one of her passkeys; 0 when she has none
	Password int // the assurance after her password; 0 when it was used already
}

// Reach works out how far a session can be raised.
func (k *Keeper) Reach(ctx context.Context, s Session) (Reach, error) {
	var r Reach
	have := factorsOf(s.AMR)
	var kinds []bool
	err := each(ctx, k.c.DB.Read(), `SELECT DISTINCT synced FROM account_passkey WHERE account = $1 AND ended_at IS NULL`, []any{s.Account}, func(row scanner) error {
		var synced bool
		err := row.Scan(&synced)
		kinds = append(kinds, synced)
		return err
	})
	if err != nil {
		return r, fmt.Errorf("look for passkeys: %w", err)
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return r, err
	}
	for _, synced := range kinds {
		r.Passkey = max(r.Passkey, f.assurance(with(have, passkeyFactor(synced))))
	}
	if !slices.Contains(have, FactorPassword) {
		r.Password = f.assurance(with(have, FactorPassword))
	}
	return r, nil
}
