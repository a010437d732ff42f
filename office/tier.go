// SPDX-License-Identifier: Apache-2.0

package office

import (
	"context"
	"fmt"

	"danh/internal/clock"
	"danh/registry/unit"
)

// Tier is a level of the police in one time.
type Tier struct {
	Kind         Kind // of its offices
	Name, NameEn string
	Rule         Rule
}

// Tiers lists the tiers of a day: three until 28/2/2025, two since.
func (r *Directory) Tiers(ctx context.Context, at clock.Date) ([]Tier, error) {
	rows, err := r.db.Read().QueryContext(ctx, `SELECT kind, name_vi, name_en, valid_from, COALESCE(valid_to, ''), source, verified FROM office_tier
		WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1) ORDER BY kind`, at.String())
	if err != nil {
		return nil, fmt.Errorf("read tiers: %w", err)
	}
	defer rows.Close()
	var out []Tier
	for rows.Next() {
		var t Tier
		if err := rows.Scan(&t.Kind, &t.Name, &t.NameEn, &t.Rule.From, &t.Rule.To, &t.Rule.Source, &t.Rule.Verified); err != nil {
			return nil, fmt.Errorf("read tiers: %w", err)
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// districtsEnd is the first day without district police.
var districtsEnd = clock.Date{Year: 2025, Month: 3, Day: 1}

// higher makes the police of provinces and, until they ended, of districts,
// but for those whose offices are known.
func higher(units *unit.Directory, known []Office) []Office {
	begin := clock.Date{Year: 1900, Month: 1, Day: 1}
	have := map[string]bool{}
	for _, o := range known {
		if u, ok := units.Find(o.UnitCode, o.From); ok {
			have[u.Parent] = true
		}
	}
	var out []Office
	for _, u := range units.Since(unit.Province, begin) {
		out = append(out, generate(units, ProvincePolice, u, u.To))
	}
	for _, u := range units.Since(unit.District, begin) {
		if !have[u.Code] {
			out = append(out, generate(units, DistrictPolice, u, districtsEnd))
		}
	}
	return out
}

// generate is the office of which only the unit is known.
func generate(units *unit.Directory, k Kind, u unit.Unit, to clock.Date) Office {
	o := Office{Kind: k, Name: "Công an " + lower(u.Kind) + " " + u.Name, Address: units.FullName(u), UnitCode: u.Code, UnitFrom: u.From, From: u.From, To: to, Source: generated}
	o.ID = key(o.Kind, o.UnitCode, o.UnitFrom, "")
	return o
}
