// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// Passcode is six digits as they were typed. It prints redacted.
type Passcode string

// String hides the passcode.
func (Passcode) String() string { return "[redacted]" }

// GoString hides the passcode.
func (Passcode) GoString() string { return "[redacted]" }

// LogValue hides the passcode.
func (Passcode) LogValue() slog.Value { return slog.StringValue("[redacted]") }

const passcodeLen = 6

// PasscodeState is what may be said of an account's passcode.
type PasscodeState struct {
	Set    bool
	SetAt  time.Time
	Closed bool      // too many wrong attempts: only recovery opens it again
	Until  time.Time // no attempt is taken before
	Left   int       // attempts until it closes
}

// FindPasscode tells whether an account has a passcode and whether it can be used.
func (k *Keeper) FindPasscode(ctx context.Context, a ID) (PasscodeState, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return PasscodeState{}, err
	}
	var set, until int64
	var tries int
	err = k.c.DB.Read().QueryRowContext(ctx, `SELECT set_at, tries, until FROM account_passcode WHERE account = $1`, a).Scan(&set, &tries, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return PasscodeState{}, nil
	}
	if err != nil {
		return PasscodeState{}, fmt.Errorf("find a passcode: %w", err)
	}
	left := max(f.value("passcode_close_after")-tries, 0)
	return PasscodeState{Set: true, SetAt: clock.FromMicros(set), Closed: left == 0, Until: clock.FromMicros(until), Left: left}, nil
}

// keyed is what is hashed in the passcode's place: a million passcodes are tried
// in no time, and without the index key not one of them.
func (k *Keeper) keyed(a ID, p Passcode) Password {
	return Password(base64.RawURLEncoding.EncodeToString(k.c.Seal.Blind("account.passcode", a.String()+"\x00"+string(p))))
}

var (
	errPasscodeNone   = fault.New(fault.Conflict, "account.passcode.none")
	errPasscodeClosed = fault.New(fault.Forbidden, "account.passcode.closed")
)

// checkPasscode counts an attempt before it looks at the passcode, under the
// account alone: attempts in parallel, from however many sessions and devices,
// share one count. It gives the hash that fitted, for passedTx.
func (k *Keeper) checkPasscode(ctx context.Context, s Session, p Passcode) (string, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return "", err
	}
	most := f.value("passcode_close_after")
	now := k.c.Clock.Now()
	var hash string
	var tries int
	var refused error
	// 1. Counted. A crash from here on has counted an attempt and done nothing else.
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		refused = nil
		err := tx.QueryRowContext(ctx, `UPDATE account_passcode SET tries = tries + 1 WHERE account = $1 AND tries < $2 AND until <= $3 RETURNING hash, tries`,
			s.Account, most, clock.Micros(now)).Scan(&hash, &tries)
		if errors.Is(err, sql.ErrNoRows) {
			refused, err = barredTx(ctx, tx, s.Account, most, now)
			return err
		}
		if err != nil {
			return fmt.Errorf("count an attempt: %w", err)
		}
		if over := tries - f.value("passcode_slow_after"); over >= 0 {
			until := now.Add(f.duration("passcode_slow_seconds", time.Second) << min(over, 10))
			if _, err := tx.ExecContext(ctx, `UPDATE account_passcode SET until = $2 WHERE account = $1`, s.Account, clock.Micros(until)); err != nil {
				return fmt.Errorf("slow attempts: %w", err)
			}
		}
		return nil
	})
	if err = errors.Join(err, refused); err != nil {
		return "", err
	}
	// 2. Looked at.
	ok, _, err := k.hasher.Check(ctx, hash, k.keyed(s.Account, p))
	if err != nil {
		if fault.Is(err, fault.TooMany) { // not looked at: not counted
			err = errors.Join(err, k.c.DB.Write(ctx, func(tx *db.Tx) error {
				_, err := tx.ExecContext(ctx, `UPDATE account_passcode SET tries = tries - 1, until = 0 WHERE account = $1 AND hash = $2 AND tries > 0`, s.Account, hash)
				return err
			}))
		}
		return "", err
	}
	if ok {
		return hash, nil
	}
	// 3. Wrong: written down, and told when it was the one too many.
	left := most - tries
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.passcode.refused", Subject: s.Person, Outcome: "refused"}); err != nil {
			return err
		}
		if left > 0 {
			return nil
		}
		return k.tellTx(ctx, tx, s.Actor(), s.Account, "passcode_closed", nil)
	})
	if err != nil {
		return "", err
	}
	if left <= 0 {
		return "", errPasscodeClosed
	}
	return "", fault.New(fault.Invalid, "account.passcode.wrong").With("passcode", "account.passcode.wrong").Arg("left", strconv.Itoa(left))
}

// barredTx says why no attempt is taken.
func barredTx(ctx context.Context, tx *db.Tx, a ID, most int, now time.Time) (refused, err error) {
	var tries int
	var until int64
	err = tx.QueryRowContext(ctx, `SELECT tries, until FROM account_passcode WHERE account = $1`, a).Scan(&tries, &until)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return errPasscodeNone, nil
	case err != nil:
		return nil, fmt.Errorf("read a bar: %w", err)
	case tries >= most:
		return errPasscodeClosed, nil
	}
	return tooMany(clock.FromMicros(until).Sub(now)), nil
}

// passedTx begins the count anew after a passcode that was right, unless it was
// changed meanwhile.
func passedTx(ctx context.Context, tx *db.Tx, a ID, hash string) error {
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_passcode SET tries = 0, until = 0 WHERE account = $1 AND hash = $2`, a, hash))
	if err != nil {
		return fmt.Errorf("forgive attempts: %w", err)
	}
	if !ok {
		return fault.New(fault.Conflict, "account.passcode.moved")
	}
	return nil
}

// SetPasscode sets the first passcode of an account, or changes it when the old
// one is given. Either takes the sign-in that the journey passcode_change asks.
func (k *Keeper) SetPasscode(ctx context.Context, s Session, old, p Passcode) error {
	s = s.Holder()
	if err := s.OwnOnly(); err != nil {
		return err
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	if err := f.demand("passcode_change").Meet(s, k.c.Clock.Now()); err != nil {
		return err
	}
	if err := k.Calm(ctx, s); err != nil {
		return err
	}
	d, err := k.store.declared(ctx, k.c.DB.Read(), s.Account)
	if err != nil {
		return err
	}
	if problem := f.passcodeProblem(p, d); problem != "" {
		return fault.New(fault.Invalid, "account.passcode.weak").With("passcode", problem)
	}
	state, err := k.FindPasscode(ctx, s.Account)
	if err != nil {
		return err
	}
	had := ""
	if state.Set {
		if had, err = k.checkPasscode(ctx, s, old); err != nil {
			if ft := fault.Of(err); ft != nil && len(ft.Fields) > 0 {
				return fault.New(ft.Kind, ft.Key).With("old", ft.Key).Arg("left", ft.Args["left"])
			}
			return err
		}
		if old == p {
			return fault.New(fault.Invalid, "account.passcode.weak").With("passcode", "account.passcode.same")
		}
	}
	hash, err := k.hasher.Hash(ctx, k.keyed(s.Account, p))
	if err != nil {
		return err
	}
	now := clock.Micros(k.c.Clock.Now())
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := standsTx(ctx, tx, s); err != nil {
			return err
		}
		if err := k.riskTx(ctx, tx, s, f); err != nil {
			return err
		}
		var ok bool
		var err error
		if had == "" {
			ok, err = db.Changed(tx.ExecContext(ctx, `INSERT INTO account_passcode (account, hash, set_at, tries, until) VALUES ($1, $2, $3, 0, 0) ON CONFLICT DO NOTHING`, s.Account, hash, now))
		} else {
			ok, err = db.Changed(tx.ExecContext(ctx, `UPDATE account_passcode SET hash = $2, set_at = $3, tries = 0, until = 0 WHERE account = $1 AND hash = $4`, s.Account, hash, now, had))
		}
		if err != nil {
			return fmt.Errorf("keep a passcode: %w", err)
		}
		if !ok {
			return fault.New(fault.Conflict, "account.passcode.moved")
		}
		if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.passcode.set", Subject: s.Person}); err != nil {
			return err
		}
		return k.tellTx(ctx, tx, s.Actor(), s.Account, "passcode_set", nil)
	})
}

// ResetPasscodeTx takes an account's passcode away, so that its holder sets
// another by the sign-in that a first one takes. Whoever calls has proved what
// recovery asks; she is told.
func (k *Keeper) ResetPasscodeTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID) error {
	var person id.Person
	err := tx.QueryRowContext(ctx, `SELECT person FROM account_account WHERE id = $1`, a).Scan(&person)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "account.not_found")
	}
	if err != nil {
		return fmt.Errorf("find whose passcode: %w", err)
	}
	ok, err := db.Changed(tx.ExecContext(ctx, `DELETE FROM account_passcode WHERE account = $1`, a))
	if err != nil {
		return fmt.Errorf("take a passcode away: %w", err)
	}
	if !ok {
		return nil
	}
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.passcode.reset", Subject: person}); err != nil {
		return err
	}
	return k.tellTx(ctx, tx, by, a, "passcode_reset", nil)
}

// passcodeProblem says why a passcode may not be used, "" when it may: it is
// what somebody who knows her, or knows people, would try first.
func (f inForce) passcodeProblem(p Passcode, d Declared) string {
	s := string(p)
	if len(s) != passcodeLen || strings.Trim(s, "0123456789") != "" {
		return "account.passcode.form"
	}
	if run(s) {
		return "account.passcode.run"
	}
	if repeats(s) {
		return "account.passcode.repeats"
	}
	for _, b := range dates(d.BirthDate) {
		if s == b {
			return "account.passcode.birth_date"
		}
	}
	for _, n := range []string{d.Number.Reveal(), d.Phone, "0" + strings.TrimPrefix(d.Phone, "+84")} {
		if strings.Contains(n, s) {
			return "account.passcode.number"
		}
	}
	for _, v := range f.book.common[s] {
		if within(f.day, v.From, v.To) {
			return "account.passcode.common"
		}
	}
	return ""
}

// run reports digits that go up or down by one the whole way; 0 follows 9.
func run(s string) bool {
	up, down := true, true
	for i := 1; i < len(s); i++ {
		a, b := int(s[i-1]-'0'), int(s[i]-'0')
		up = up && b == (a+1)%10
		down = down && a == (b+1)%10
	}
	return up || down
}

// repeats reports a piece of one, two or three digits said over and over, a
// piece mirrored, doubled digits, and fewer than three different ones.
func repeats(s string) bool {
	for _, n := range []int{1, 2, 3} {
		if strings.Repeat(s[:n], len(s)/n) == s {
			return true
		}
	}
	seen := map[byte]bool{}
	mirrored, doubled := true, true
	for i := range len(s) {
		seen[s[i]] = true
		mirrored = mirrored && s[i] == s[len(s)-1-i]
		doubled = doubled && s[i] == s[i&^1]
	}
	return mirrored || doubled || len(seen) < 3
}

// dates lists how a date is written with six digits, in any order of its parts,
// with two or four digits of the year, and every six digits within eight.
func dates(d clock.Date) []string {
	if d.Year == 0 {
		return nil
	}
	y, yy := fmt.Sprintf("%04d", d.Year), fmt.Sprintf("%02d", d.Year%100)
	month, day := "", ""
	if d.Month > 0 {
		month = fmt.Sprintf("%02d", d.Month)
	}
	if d.Day > 0 {
		day = fmt.Sprintf("%02d", d.Day)
	}
	var out []string
	for _, whole := range []string{day + month + yy, day + yy + month, month + day + yy, month + yy + day, yy + month + day, yy + day + month,
		day + month + y, month + day + y, y + month + day, y + day + month, month + y, y + month, day + y, y + day} {
		for i := 0; i+passcodeLen <= len(whole); i++ {
			out = append(out, whole[i:i+passcodeLen])
		}
	}
	return out
}
