// SPDX-License-Identifier: Apache-2.0

package office

import (
	"context"
	"fmt"
	"slices"

	"danh/internal/clock"
	"danh/registry/unit"
)

// Area says which offices of a kind are competent.
type Area string

// The areas.
const (
	Own Area = "own" // the office of the place that it is about
	Any Area = "any" // whichever, wherever one lives
)

// Competence is a dated rule: offices of a kind may do a procedure.
type Competence struct {
	Procedure string
	Kind      Kind
	Area      Area
	Rule      Rule
}

// Competent is a rule together with the offices that it makes competent for a
// place; under Any they are the nearest and every other one is as good.
type Competent struct {
	Competence
	Offices []Office
}

func (r *Directory) competences(ctx context.Context, where string, args ...any) ([]Competence, error) {
	rows, err := r.db.Read().QueryContext(ctx, `SELECT procedure, kind, area, valid_from, COALESCE(valid_to, ''), source, verified FROM office_competence
		WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1) AND `+where+` ORDER BY procedure, kind`, args...)
	if err != nil {
		return nil, fmt.Errorf("read competences: %w", err)
	}
	defer rows.Close()
	var out []Competence
	for rows.Next() {
		var c Competence
		if err := rows.Scan(&c.Procedure, &c.Kind, &c.Area, &c.Rule.From, &c.Rule.To, &c.Rule.Source, &c.Rule.Verified); err != nil {
			return nil, fmt.Errorf("read competences: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Competent tells which offices may do a procedure on a day for the commune of
// a code, with the ground of each. None is no error: nobody did it then, or
// not at a desk.
func (r *Directory) Competent(ctx context.Context, procedure, code string, at clock.Date) ([]Competent, error) {
	rules, err := r.competences(ctx, `procedure = $2`, at.String(), procedure)
	if err != nil {
		return nil, err
	}
	var out []Competent
	for _, c := range rules {
		list, err := r.of(ctx, c.Kind, code, at)
		if err != nil {
			return nil, err
		}
		out = append(out, Competent{c, list})
	}
	return out, nil
}

// Serves lists what an office may do on a day.
func (r *Directory) Serves(ctx context.Context, o Office, at clock.Date) ([]Competence, error) {
	if at.Before(o.From) || !o.To.IsZero() && !at.Before(o.To) {
		return nil, nil
	}
	return r.competences(ctx, `kind = $2`, at.String(), string(o.Kind))
}

// may reports whether an office may do a procedure on a day.
func (r *Directory) may(ctx context.Context, o Office, procedure string, at clock.Date) (bool, error) {
	list, err := r.Serves(ctx, o, at)
	return slices.ContainsFunc(list, func(c Competence) bool { return c.Procedure == procedure }), err
}

// merged is the day since which communes' police is in the table; before it
// they follow from the communes of the time.
var merged = clock.Date{Year: 2025, Month: 7, Day: 1}

// of gives a kind's offices for a unit of a day.
func (r *Directory) of(ctx context.Context, k Kind, code string, at clock.Date) ([]Office, error) {
	u, ok := r.units.Find(code, at)
	if !ok {
		return nil, nil
	}
	const valid = `kind = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)`
	if k == CommunePolice {
		if u.Level == unit.Commune && at.Before(merged) {
			return []Office{generate(r.units, k, u, u.To)}, nil
		}
		return r.list(ctx, valid+` AND unit_code = $3`, string(k), at.String(), u.Code)
	}
	level := unit.Province
	if k == DistrictPolice {
		level = unit.District
	}
	whose := ""
	for _, p := range append([]unit.Unit{u}, r.units.Parents(u)...) {
		if p.Level == level {
			whose = p.Code
		}
	}
	list, err := r.list(ctx, valid+` ORDER BY name`, string(k), at.String())
	return slices.DeleteFunc(list, func(o Office) bool {
		// A district's office may be known by the ward in which it stands.
		ward, ok := r.units.Find(o.UnitCode, at)
		return whose == "" || o.UnitCode != whose && !(ok && level == unit.District && ward.Parent == whose)
	}), err
}
