// SPDX-License-Identifier: Apache-2.0

package residence

import (
	"context"
	"fmt"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/registry/population"
)

// Claimed is an address as somebody states it: its text, the code of its unit,
// or both.
type Claimed struct {
	Text     string
	UnitCode string
}

// FieldCurrent is the address where somebody is registered to live, in a
// comparison.
const FieldCurrent = "current"

// CompareTx compares stated addresses with the registered ones, by field:
// FieldCurrent, FieldPermanent, FieldTemporary. Texts are compared without case,
// marks and punctuation; codes as same decides. Unknown means that nothing is
// registered.
//
// No value leaves the registry by it, and it makes no entry: whoever asks
// records, in the same transaction, who asked, about which fields and what was
// answered.
func (r *Registry) CompareTx(ctx context.Context, q db.Q, person id.Person, stated map[string]Claimed, same func(Address, string) bool) (map[string]population.Verdict, error) {
	at := Residence{Person: person}
	if err := readPermanent(ctx, q, &at, func(f string) bool { return f == FieldPermanent }); err != nil {
		return nil, fmt.Errorf("compare residence: %w", err)
	}
	if err := readTemporary(ctx, q, &at, clock.DateOf(r.clock.Now())); err != nil {
		return nil, fmt.Errorf("compare residence: %w", err)
	}
	out := map[string]population.Verdict{}
	for field, c := range stated {
		have := at.Current()
		switch field {
		case FieldPermanent:
			have = at.Permanent
		case FieldTemporary:
			have = at.Temporary
		}
		switch {
		case have == nil:
			out[field] = population.Unknown
		case c.UnitCode != "" && !same(*have, c.UnitCode), c.Text != "" && population.FoldName(c.Text) != population.FoldName(have.Text):
			out[field] = population.Different
		default:
			out[field] = population.Equal
		}
	}
	return out, nil
}
