// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"
	"slices"

	"danh/internal/clock"
	"danh/internal/db"
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
// others by, in the order in which they are told. fpt and face are not among
// them: they would claim what is not known. No value fits a sign-in by QR: its
// word is kept with the session and never told (Published).
var methods = []struct {
	factor Factor
	word   string
	kind   int // what it shows: knowledge, possession
}{
	{FactorPassword, "pwd", knows}, {FactorPasscode, "pin", knows}, {FactorCode, "otp", has}, {FactorDevice, "pop", has},
	{FactorPasskey, "hwk", has}, {FactorSynced, "swk", has}, {FactorQR, wordQR, 0},
}

const (
	knows  = 1
	has    = 2
	wordQR = "qr"
)

// amrOf lists the methods of a sign-in: user is the touch that every passkey
// asks for, mfa that factors of two kinds were used (a passkey is two by itself).
func amrOf(factors []Factor) []string {
	var out []string
	kinds, one := 0, false
	for _, m := range methods {
		if slices.Contains(factors, m.factor) {
			out = append(out, m.word)
			kinds |= m.kind
			one = one || m.factor.passkey()
		}
	}
	if one {
		out = append(out, "user")
	}
	if one || kinds == knows|has {
		out = append(out, "mfa")
	}
	return out
}

// factorsOf reads the factors back from a session's methods.
func factorsOf(amr []string) []Factor {
	var out []Factor
	for _, m := range methods {
		if slices.Contains(amr, m.word) {
			out = append(out, m.factor)
		}
	}
	return out
}

// Published gives the methods of a sign-in that have a value in RFC 8176.
func Published(amr []string) []string {
	return slices.DeleteFunc(slices.Clone(amr), func(w string) bool { return w == wordQR })
}

// Factors lists what a session was signed in and raised by.
func (s Session) Factors() []Factor { return factorsOf(s.AMR) }

func (f Factor) passkey() bool { return f == FactorPasskey || f == FactorSynced }

// with adds a factor; of two passkeys the one used last counts, and an approval
// from afar counts for nothing beside what she proves in the browser itself.
func with(factors []Factor, add Factor) []Factor {
	out := slices.DeleteFunc(slices.Clone(factors), func(f Factor) bool {
		return f == add || f == FactorQR || add.passkey() && f.passkey()
	})
	return append(out, add)
}

func passkeyFactor(synced bool) Factor {
	if synced {
		return FactorSynced
	}
	return FactorPasskey
}

// assured is a dated row: the assurance of a set of factors.
type assured struct {
	factors        []Factor
	from, to       clock.Date
	value          int
	byVerification bool // counts while user verification counts as the biometric factor
}

// assurance is the authentication assurance of the factors: the strongest row
// in force of which all were used, and 1 when no row speaks of them, because
// something was used. Of two rows of one set that overlap the weaker one counts.
func (f inForce) assurance(factors []Factor) int {
	biometric := f.value("uv_biometric") == 1
	out := 1
	for _, rows := range f.book.assures {
		this := 0
		for _, v := range rows {
			if within(f.day, v.from, v.to) && (biometric || !v.byVerification) && subset(v.factors, factors) && (this == 0 || v.value < this) {
				this = v.value
			}
		}
		out = max(out, this)
	}
	return out
}

func subset(of, factors []Factor) bool {
	return !slices.ContainsFunc(of, func(f Factor) bool { return !slices.Contains(factors, f) })
}

// Reach is what a session could become by one more factor.
type Reach struct {
	Passkey  int // the assurance after one of her passkeys; 0 when she has none
	Password int // the assurance after her password; 0 when it was used already
	Most     int // the assurance after her passkey and her passcode together; 0 when nothing is to be added
	Passcode int // the assurance after her passcode; 0 when she has none, it is closed, or it was used already
}

// Reach works out how far a session can be raised.
func (k *Keeper) Reach(ctx context.Context, s Session) (Reach, error) {
	s = s.Holder() // what she proves is hers, for whomever she acts
	var r Reach
	have := factorsOf(s.AMR)
	var kinds []bool
	err := db.Each(ctx, k.c.DB.Read(), `SELECT DISTINCT synced FROM account_passkey WHERE account = $1 AND ended_at IS NULL`, []any{s.Account}, func(row db.Row) error {
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
	all := have
	if len(kinds) > 0 && !slices.ContainsFunc(have, Factor.passkey) {
		all = with(all, passkeyFactor(kinds[0]))
	}
	if !slices.Contains(have, FactorPassword) {
		r.Password = f.assurance(with(have, FactorPassword))
	}
	if s.FromAfar() { // an approval adds to nothing: she signs in anew, and a passkey can follow
		for _, synced := range kinds {
			r.Password = max(r.Password, f.assurance([]Factor{FactorPassword, passkeyFactor(synced)}))
		}
	}
	if !slices.Contains(have, FactorPasscode) {
		p, err := k.FindPasscode(ctx, s.Account)
		if err != nil {
			return r, err
		}
		if p.Set && !p.Closed {
			r.Passcode = f.assurance(with(have, FactorPasscode))
			all = with(all, FactorPasscode)
		}
	}
	if len(all) > len(have) {
		for _, synced := range kinds {
			r.Most = max(r.Most, f.assurance(with(all, passkeyFactor(synced))))
		}
		r.Most = max(r.Most, f.assurance(all))
	}
	return r, nil
}

// AMR lists the methods of a proof as others are told them (RFC 8176).
func (p Proved) AMR() []string { return Published(amrOf(p.Factors)) }
