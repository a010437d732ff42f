// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	FactorPasskey  Factor = "passkey" // bound to one device
	FactorSynced   Factor = "synced"  // a passkey that may be copied between devices
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
// force: 1 when no row speaks of them, because something was used.
func (k *Keeper) assurance(ctx context.Context, q db.Q, factors []Factor) (int, error) {
	words := make([]string, len(factors))
	for i, f := range factors {
		words[i] = string(f)
	}
	slices.Sort(words)
	day := clock.DateOf(k.c.Clock.Now())
	a := 1
	err := q.QueryRowContext(ctx, `SELECT assurance FROM account_assurance WHERE factors = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to >= $2)
		ORDER BY valid_from DESC LIMIT 1`, strings.Join(words, " "), day).Scan(&a)
	if errors.Is(err, sql.ErrNoRows) {
		return 1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the assurance: %w", err)
	}
	return a, nil
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
	for _, synced := range kinds {
		a, err := k.assurance(ctx, k.c.DB.Read(), with(have, passkeyFactor(synced)))
		if err != nil {
			return r, err
		}
		r.Passkey = max(r.Passkey, a)
	}
	if !slices.Contains(have, FactorPassword) {
		if r.Password, err = k.assurance(ctx, k.c.DB.Read(), with(have, FactorPassword)); err != nil {
			return r, err
		}
	}
	return r, nil
}
