// SPDX-License-Identifier: Apache-2.0

package population

import (
	"context"
	"fmt"

	"danh/internal/id"
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

// IsFrom reports whether a person's record is one of a source's: of the
// synthetic people, who may try out what is not for the public yet. It tells
// nothing else of her.
func (r *Registry) IsFrom(ctx context.Context, person id.Person, source string) (bool, error) {
	var is bool
	err := r.db.Read().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM population_person WHERE id = $1 AND source = $2)`, person, source).Scan(&is)
	if err != nil {
		return false, fmt.Errorf("ask for a person's source: %w", err)
	}
	return is, nil
}
