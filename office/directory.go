// SPDX-License-Identifier: Apache-2.0

package office

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/registry/unit"
)

// Directory finds offices.
type Directory struct {
	db    *db.DB
	units *unit.Directory
	cal   atomic.Pointer[Calendar]
}

// Open makes the directory; it reads nothing yet.
func Open(d *db.DB, units *unit.Directory) *Directory { return &Directory{db: d, units: units} }

func (r *Directory) calendar(ctx context.Context) (*Calendar, error) {
	if c := r.cal.Load(); c != nil {
		return c, nil
	}
	c, err := OpenCalendar(ctx, r.db)
	if err == nil {
		r.cal.Store(c)
	}
	return c, err
}

const columns = `id, kind, name, address, address_verified, unit_code, unit_from, phone, valid_from, COALESCE(valid_to, ''), source`

func (r *Directory) list(ctx context.Context, where string, args ...any) ([]Office, error) {
	rows, err := r.db.Read().QueryContext(ctx, `SELECT `+columns+` FROM office_office WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read offices: %w", err)
	}
	defer rows.Close()
	var out []Office
	for rows.Next() {
		var o Office
		if err := rows.Scan(&o.ID, &o.Kind, &o.Name, &o.Address, &o.AddressVerified, &o.UnitCode, &o.UnitFrom, &o.Phone, &o.From, &o.To, &o.Source); err != nil {
			return nil, fmt.Errorf("read offices: %w", err)
		}
		out = append(out, o)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read offices: %w", err)
	}
	return out, nil
}

// Find is the office with the key.
func (r *Directory) Find(ctx context.Context, key ID) (Office, error) {
	list, err := r.list(ctx, `id = $1`, key)
	if err != nil {
		return Office{}, err
	}
	if len(list) == 0 {
		return Office{}, fault.New(fault.NotFound, "office.not_found")
	}
	return list[0], nil
}

// FindCommunePolice gives today's commune police for the commune that bore the
// code on a day: one, or several when that commune has been divided since; then
// the code alone cannot tell and the person must be asked. A code that meant
// nothing on the day is read as it was meant last before it.
func (r *Directory) FindCommunePolice(ctx context.Context, code string, at clock.Date) ([]Office, error) {
	next := r.units.Current(code, at)
	if len(next) == 0 {
		if u, ok := r.units.Last(code, at); ok {
			next = r.units.Current(code, u.From)
		}
	}
	var out []Office
	for _, s := range next {
		if s.Unit.Level != unit.Commune {
			continue
		}
		list, err := r.list(ctx, `unit_code = $1 AND kind = $2 AND valid_to IS NULL`, s.Unit.Code, string(CommunePolice))
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	if len(out) == 0 {
		return nil, fault.New(fault.NotFound, "office.no_commune")
	}
	return out, nil
}

// Search finds offices of a day by name or commune, without regard to
// diacritics. An old commune's name leads to the offices of what became of it.
func (r *Directory) Search(ctx context.Context, text string, at clock.Date, limit int) ([]Office, error) {
	if limit <= 0 || len(text) > 200 {
		return nil, nil
	}
	rest := unit.Fold(text)
	for _, w := range []string{"tru so ", "cong an ", "ca "} {
		rest = strings.TrimPrefix(rest, w)
	}
	var out []Office
	have := map[ID]bool{}
	add := func(list []Office) {
		for _, o := range list {
			if !have[o.ID] && len(out) < limit {
				have[o.ID] = true
				out = append(out, o)
			}
		}
	}
	// 1. Offices that are not one to a commune: few, searched by name and address.
	others, err := r.list(ctx, `kind <> $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2) ORDER BY name`, string(CommunePolice), at.String())
	if err != nil {
		return nil, err
	}
	words := strings.Fields(rest)
	others = slices.DeleteFunc(others, func(o Office) bool {
		full := " " + unit.Fold(o.Name+" "+o.Address)
		return len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(full, " "+w) })
	})
	// 2. The communes of the day.
	for _, u := range r.units.Search(rest, at, limit, unit.Commune) {
		list, err := r.list(ctx, `unit_code = $1 AND kind = $2 AND valid_from <= $3 AND (valid_to IS NULL OR valid_to > $3)`, u.Code, string(CommunePolice), at.String())
		if err != nil {
			return nil, err
		}
		add(list)
	}
	add(others)
	// 3. Communes of before the merger, by what became of them.
	if len(out) < limit && !at.Before(clock.Date{Year: 2025, Month: 7, Day: 1}) {
		old := clock.Date{Year: 2025, Month: 6, Day: 30}
		for _, u := range r.units.Search(rest, old, limit, unit.Commune) {
			list, err := r.FindCommunePolice(ctx, u.Code, old)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return nil, err
			}
			add(list)
		}
	}
	return out, nil
}

// edition tells which facts the tables hold; "" when none.
func edition(ctx context.Context, q db.Q) (string, error) {
	var have string
	err := q.QueryRowContext(ctx, `SELECT edition FROM office_edition WHERE only_row = 1`).Scan(&have)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return have, err
}
