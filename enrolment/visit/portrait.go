// SPDX-License-Identifier: Apache-2.0

package visit

import (
	"context"

	"danh/audit"
	"danh/internal/fault"
)

// portrait is the latest portrait that the card registry holds.
func (d *Desk) portrait(ctx context.Context, look func(...string) audit.Look, f *Folio) (err error) {
	f.Portrait, f.TakenOn, err = d.c.Cards.FindPortrait(ctx, look(), f.Visit.Person)
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "enrolment.visit.no_portrait")
	}
	return err
}
