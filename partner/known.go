// SPDX-License-Identifier: Apache-2.0

package partner

import (
	"context"
	"fmt"

	"danh/internal/db"
)

// KnownTx reports whether an identifier was ever given to a client, also to one
// that has ended. Registering it again would bring that one's grants back.
func (d *Directory) KnownTx(ctx context.Context, tx *db.Tx, id ID) (bool, error) {
	var known bool
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM partner_client WHERE id = $1)`, string(id)).Scan(&known); err != nil {
		return false, fmt.Errorf("find client: %w", err)
	}
	return known, nil
}

// FindClientTx gives a client as it stands in a transaction, with the keys that
// have ended in their place, also one whose time is over.
func (d *Directory) FindClientTx(ctx context.Context, tx *db.Tx, id ID) (Client, error) {
	return find(ctx, tx, id)
}
