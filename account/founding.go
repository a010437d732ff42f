// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
)

// FoundTx raises the accounts of an installation's first two officers to level
// 2, once: somebody has to prove the next ones. Everybody after them is proofed
// at a counter. Both accounts are active, of two people, and not provisional.
func (k *Keeper) FoundTx(ctx context.Context, tx *db.Tx, by audit.Actor, first, second ID) error {
	if by.Kind != audit.KindSystem {
		return fault.New(fault.Forbidden, "account.founding.forbidden")
	}
	now := clock.Micros(k.c.Clock.Now())
	one, err := k.store.find(ctx, tx, first)
	if err != nil {
		return err
	}
	two, err := k.store.find(ctx, tx, second)
	if err != nil {
		return err
	}
	if one.ID == two.ID || one.Person == two.Person {
		return fault.New(fault.Invalid, "account.founding.two_people")
	}
	ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO account_founding (only_one, first, second, founded_at) VALUES (1, $1, $2, $3) ON CONFLICT DO NOTHING`, first, second, now))
	if err != nil {
		return fmt.Errorf("found: %w", err)
	}
	if !ok {
		return fault.New(fault.Conflict, "account.founding.done")
	}
	for _, a := range []Account{one, two} {
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_account SET level = 2, proof_how = 'founding', proof_strength = 'in_person', proof_at = $2
			WHERE id = $1 AND status = 'active' AND NOT provisional`, a.ID, now))
		if err != nil {
			return fmt.Errorf("raise a founder: %w", err)
		}
		if !ok {
			return fault.New(fault.Conflict, "account.founding.standing")
		}
		if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.founded", Subject: a.Person, Purpose: "office.staff",
			Detail: map[string]string{"level": "2"}}); err != nil {
			return err
		}
	}
	return nil
}
