// SPDX-License-Identifier: Apache-2.0

package office

import (
	"context"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/residence"
	"danh/registry/unit"
)

// Areas finds the commune and province to whose staff a person's affairs go.
type Areas struct {
	Residence *residence.Registry
	Units     *unit.Directory
	Clock     clock.Clock
}

// AreaTx gives the codes of the commune and the province, as they are today, in
// which a person is registered to live: the temporary residence before the
// permanent one. Both are "" when she lives abroad, is not registered, or her
// commune was divided, so that nobody can tell. The look is recorded.
func (a Areas) AreaTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person) (commune, province string, err error) {
	r, err := a.Residence.FindResidenceTx(ctx, tx, audit.Look{By: by, Purpose: "office.area", Ground: "NĐ 69/2024, Điều 10", Fields: []string{residence.FieldResidence}}, person)
	if fault.Is(err, fault.NotFound) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	at := r.Current()
	if at == nil || at.UnitCode == "" {
		return "", "", nil
	}
	if err := a.Units.Ready(ctx); err != nil {
		return "", "", err
	}
	next := a.Units.Current(at.UnitCode, at.UnitFrom)
	if len(next) != 1 || next[0].Unit.Level != unit.Commune {
		return "", "", nil
	}
	return next[0].Unit.Code, next[0].Unit.Parent, nil
}
