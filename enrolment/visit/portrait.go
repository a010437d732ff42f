// SPDX-License-Identifier: Apache-2.0

package visit

import (
	"context"

	"danh/audit"
	"danh/internal/fault"
)

// portrait is the latest portrait that her registry holds.
func (d *Desk) portrait(ctx context.Context, look func(...string) audit.Look, f *Folio) (err error) {
	find := d.c.Cards.FindPortrait
	if f.Visit.Foreigner {
		find = d.c.Immigration.FindPortrait
	}
	f.Portrait, f.TakenOn, err = find(ctx, look(), f.Visit.Person)
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "enrolment.visit.no_portrait")
	}
	return err
}
