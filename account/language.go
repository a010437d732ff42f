// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
)

// SetLanguage says in which language an account's messages are from here on;
// what its pages speak is a matter of each browser.
func (k *Keeper) SetLanguage(ctx context.Context, s Session, language string) error {
	if language != "vi" && language != "en" {
		return fault.New(fault.Invalid, "problem.form")
	}
	if s.Acting != nil {
		return fault.New(fault.Forbidden, "fault.forbidden")
	}
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := standsTx(ctx, tx, s); err != nil {
			return err
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_account SET language = $2 WHERE id = $1 AND language <> $2`, s.Account, language))
		if err != nil {
			return fmt.Errorf("set the language of messages: %w", err)
		}
		if !ok {
			return nil
		}
		return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.language", Subject: s.Person, Purpose: "account.security", Outcome: language})
	})
}
