// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"fmt"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

// paperCodes are made at once; each has 60 random bits.
const (
	paperCodes  = 10
	paperLength = 12
)

func (d *Desk) paperHash(a account.ID, code string) []byte {
	return d.c.Seal.Blind("account.recovery.paper", a.String()+tidy(code))
}

// MakeCodes makes ten codes and shows them this once. Earlier ones end with it,
// and her channels are told.
func (d *Desk) MakeCodes(ctx context.Context, s account.Session) ([]string, error) {
	s = s.Holder()
	if err := s.OwnOnly(); err != nil {
		return nil, err
	}
	if err := d.c.Accounts.Meet(ctx, s, "recovery_codes"); err != nil {
		return nil, err
	}
	if err := d.c.Accounts.Calm(ctx, s); err != nil {
		return nil, err
	}
	out := make([]string, paperCodes)
	for i := range out {
		c := id.Draw(paperLength, id.CodeLetters)
		out[i] = c[:4] + "-" + c[4:8] + "-" + c[8:]
	}
	return out, d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := d.c.Accounts.RiskTx(ctx, tx, s); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM account_recovery_code WHERE account = $1`, s.Account); err != nil {
			return fmt.Errorf("end the earlier codes: %w", err)
		}
		now := clock.Micros(d.c.Clock.Now())
		for _, c := range out {
			if _, err := tx.ExecContext(ctx, `INSERT INTO account_recovery_code (account, code_hash, made_at) VALUES ($1, $2, $3)`, s.Account, d.paperHash(s.Account, c), now); err != nil {
				return fmt.Errorf("keep a code: %w", err)
			}
		}
		if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.recovery.codes", Subject: s.Person, Purpose: Purpose}); err != nil {
			return err
		}
		return d.c.Accounts.TellTx(ctx, tx, s.Actor(), s.Account, "recovery_codes", nil)
	})
}

// Codes is what she may know of her codes: how many are left, and since when.
type Codes struct {
	Left int
	Made time.Time
}

// CountCodes says how many of her codes are left.
func (d *Desk) CountCodes(ctx context.Context, s account.Session) (Codes, error) {
	s = s.Holder()
	var c Codes
	var made int64
	if err := d.c.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(MAX(made_at), 0) FROM account_recovery_code WHERE account = $1 AND used_at IS NULL`, s.Account).Scan(&c.Left, &made); err != nil {
		return c, fmt.Errorf("count codes: %w", err)
	}
	if made > 0 {
		c.Made = clock.FromMicros(made)
	}
	return c, nil
}
