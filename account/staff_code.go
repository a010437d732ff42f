// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// codeAlphabet is Crockford's: nothing in it is read as something else.
const codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newStaffCode makes a code of 60 random bits, in groups for reading aloud.
func newStaffCode() string {
	s := id.Draw(12, codeAlphabet)
	return s[:4] + "-" + s[4:8] + "-" + s[8:]
}

// plainCode reads a code as it may have been typed.
func plainCode(s string) string {
	return strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(s))
}

func (k *Keeper) staffCodeHash(a ID, code string) []byte {
	return k.c.Seal.Blind("account.staff_code", a.String()+"\x00"+plainCode(code))
}

// IssueStaffCodeTx makes the one-time code with which a member of staff
// registers a passkey: without it a phished password could register one. An
// earlier code ends. The account must be active and of level 2. She is told that
// there is one; the code itself goes from hand to hand.
func (k *Keeper) IssueStaffCodeTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID) (string, error) {
	if by.Kind != audit.KindSystem {
		return "", fault.New(fault.Forbidden, "account.staff_code.forbidden")
	}
	acc, err := k.store.find(ctx, tx, a)
	if err != nil {
		return "", err
	}
	if acc.Status != Active || acc.Provisional || acc.Level < 2 {
		return "", fault.New(fault.Conflict, "account.staff_code.level")
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return "", err
	}
	code := newStaffCode()
	_, err = tx.ExecContext(ctx, `INSERT INTO account_staff_code (account, code_hash, tries, expires_at) VALUES ($1, $2, 0, $3)
		ON CONFLICT (account) DO UPDATE SET code_hash = excluded.code_hash, tries = 0, expires_at = excluded.expires_at, used_at = NULL`,
		a, k.staffCodeHash(a, code), clock.Micros(k.c.Clock.Now().Add(f.duration("staff_code_hours", time.Hour))))
	if err != nil {
		return "", fmt.Errorf("keep a staff code: %w", err)
	}
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.staff_code.issued", Subject: acc.Person}); err != nil {
		return "", err
	}
	return code, k.tellTx(ctx, tx, by, a, "passkey_code", map[string]string{"hours": strconv.Itoa(f.value("staff_code_hours"))})
}

// checkStaffCode counts an attempt before it looks at the code, and gives the
// attempt back when the code is right: a person who cancels her device's
// dialogue has not guessed.
func (k *Keeper) checkStaffCode(ctx context.Context, s Session, code string, f inForce) ([]byte, error) {
	given := k.staffCodeHash(s.Account, code)
	now := clock.Micros(k.c.Clock.Now())
	most := f.value("staff_code_tries")
	right, left := false, 0
	err := k.c.DB.Write(ctx, func(tx *db.Tx) error {
		var have []byte
		var tries int
		err := tx.QueryRowContext(ctx, `UPDATE account_staff_code SET tries = tries + 1 WHERE account = $1 AND used_at IS NULL AND expires_at > $2 AND tries < $3
			RETURNING code_hash, tries`, s.Account, now, most).Scan(&have, &tries)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("count an attempt: %w", err)
		}
		if right = hmac.Equal(have, given); right {
			_, err := tx.ExecContext(ctx, `UPDATE account_staff_code SET tries = tries - 1 WHERE account = $1 AND code_hash = $2`, s.Account, have)
			return err
		}
		left = most - tries
		return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.staff_code.refused", Subject: s.Person, Outcome: "refused"})
	})
	if err != nil {
		return nil, err
	}
	if !right {
		return nil, fault.New(fault.Invalid, "account.passkey.code").With("code", "account.passkey.code").Arg("left", strconv.Itoa(left))
	}
	return given, nil
}

// holdsRole reports whether an account is that of a member of staff.
func (k *Keeper) holdsRole(ctx context.Context, a ID) (bool, error) {
	if k.c.Roster == nil {
		return false, nil
	}
	roles, err := k.c.Roster.RolesOf(ctx, Owner(a), k.c.Clock.Now())
	return len(roles) > 0, err
}
