// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"

	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// mayRepresentTx: a representative acts from an own account of level 2
// (Decree 69/2024, article 10).
func (k *Keeper) mayRepresentTx(ctx context.Context, tx *db.Tx, person id.Person) error {
	a, err := k.store.ofPerson(ctx, tx, person)
	if fault.Is(err, fault.NotFound) || err == nil && (a.Level < 2 || a.Provisional) {
		return fault.New(fault.Conflict, "account.representation.no_account")
	}
	return err
}
