// SPDX-License-Identifier: Apache-2.0

package population

import (
	"context"
	"fmt"
)

// Holds reports whether the registry holds the record that a source calls ref.
// It tells nothing of the person; start-up asks it about the synthetic samples.
func (r *Registry) Holds(ctx context.Context, source, ref string) (bool, error) {
	var there bool
	err := r.db.Read().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM population_person WHERE id = $1)`, r.PersonID(source, ref)).Scan(&there)
	if err != nil {
		return false, fmt.Errorf("ask for a source's record: %w", err)
	}
	return there, nil
}
