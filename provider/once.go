// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"errors"
	"fmt"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/provider/dpop"
)

// onetime is something that counts once: a row that only one of many can put in.
type onetime struct {
	statement string // an INSERT that does nothing when the row is there
	args      []any
	replayed  error // the answer to whoever comes second
}

// use uses everything up, in one transaction, or nothing.
func (p *Provider) use(ctx context.Context, all []onetime) error {
	if len(all) == 0 {
		return nil
	}
	return p.c.DB.Write(ctx, func(tx *db.Tx) error {
		for _, o := range all {
			res, err := tx.ExecContext(ctx, o.statement, o.args...)
			if err != nil {
				return fmt.Errorf("use up what counts once: %w", err)
			}
			if n, err := res.RowsAffected(); err != nil || n != 1 {
				return errors.Join(o.replayed, err)
			}
		}
		return nil
	})
}

func proofOnce(proof dpop.Proof) onetime {
	return onetime{`INSERT INTO provider_proof (name, expires_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`,
		[]any{proof.Name, clock.Micros(proof.Until)}, refuse(InvalidProof, "the DPoP proof was used before")}
}
