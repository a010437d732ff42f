// SPDX-License-Identifier: Apache-2.0

package unit

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/gazetteer"
)

// Directory answers questions about units.
type Directory struct {
	db     *db.DB
	log    *slog.Logger
	mu     sync.Mutex
	loaded atomic.Pointer[facts]
}

// Open returns at once; the first question reads the tables, or Ready does and
// tells whether the reading succeeded. Many starts, of commands above all, ask
// nothing.
func Open(d *db.DB, log *slog.Logger) *Directory {
	r := &Directory{db: d, log: log}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	return r
}

// Compiled answers from the compiled-in facts alone, without a database.
func Compiled() (*Directory, error) {
	g, err := gazetteer.Read()
	if err != nil {
		return nil, err
	}
	r := &Directory{}
	r.loaded.Store(arrange(g))
	return r, nil
}

// Ready waits for the units and says why they cannot be read, if so.
func (r *Directory) Ready(ctx context.Context) error {
	_, err := r.load(ctx)
	return err
}

// Reload reads the tables again, after an operator has added rows.
func (r *Directory) Reload(ctx context.Context) error {
	f, err := read(ctx, r.db)
	if err == nil {
		r.loaded.Store(f)
	}
	return err
}

func (r *Directory) load(ctx context.Context) (*facts, error) {
	if f := r.loaded.Load(); f != nil {
		return f, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.loaded.Load(); f != nil {
		return f, nil
	}
	f, err := read(ctx, r.db)
	if err != nil {
		return nil, err
	}
	r.loaded.Store(f)
	return f, nil
}

// facts gives nothing while the database cannot be read, and tries again with
// the next question; Ready says why.
func (r *Directory) facts() *facts {
	if f := r.loaded.Load(); f != nil {
		return f
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	f, err := r.load(ctx)
	if err != nil {
		r.log.Error("administrative units cannot be read", "error", err)
		return &facts{}
	}
	return f
}

// read takes the units from the compiled-in facts when the tables hold just
// these, which spares half a million small values, and else from the tables.
func read(ctx context.Context, d *db.DB) (*facts, error) {
	var edition string
	var operators int64
	err := d.Read().QueryRowContext(ctx, `SELECT COALESCE((SELECT edition FROM unit_edition WHERE only_row = 1), ''),
		(SELECT count(*) FROM unit_unit WHERE edition = 'operator') + (SELECT count(*) FROM unit_succession WHERE edition = 'operator')
		+ (SELECT count(*) FROM unit_pin_place WHERE edition = 'operator')`).Scan(&edition, &operators)
	if err != nil {
		return nil, fmt.Errorf("read units: %w", err)
	}
	if edition == gazetteer.Edition() && operators == 0 {
		g, err := gazetteer.Read()
		if err != nil {
			return nil, fmt.Errorf("read units: %w", err)
		}
		return arrange(g), nil
	}
	return readTables(ctx, d)
}

func readTables(ctx context.Context, d *db.DB) (*facts, error) {
	g := &gazetteer.Facts{Units: make([]Unit, 0, 14500)}
	words := map[string]string{} // kinds and parents repeat
	same := func(s string) string {
		if w, ok := words[s]; ok {
			return w
		}
		words[s] = s
		return s
	}
	err := d.Snapshot(ctx, func(q db.Q) error {
		rows, err := q.QueryContext(ctx, `SELECT code, valid_from, COALESCE(valid_to, ''), level, kind, name, parent FROM unit_unit`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var u Unit
			var from, to, level string
			if err := rows.Scan(&u.Code, &from, &to, &level, &u.Kind, &u.Name, &u.Parent); err != nil {
				return err
			}
			var ok1, ok2 bool
			u.From, ok1 = day(from)
			u.To, ok2 = day(to)
			if !ok1 || !ok2 || from == "" {
				return fmt.Errorf("unit %s has a validity that is no date", u.Code)
			}
			u.Level, u.Kind, u.Parent = Level(same(level)), same(u.Kind), same(u.Parent)
			g.Units = append(g.Units, u)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		rows, err = q.QueryContext(ctx, `SELECT old_code, on_day, new_code, whole, basis FROM unit_succession`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var s gazetteer.Succession
			var on string
			if err := rows.Scan(&s.Old, &on, &s.New, &s.Whole, &s.Basis); err != nil {
				return err
			}
			s.Old, s.New, s.Basis = same(s.Old), same(s.New), same(s.Basis)
			var ok bool
			if s.On, ok = day(on); !ok {
				return fmt.Errorf("the succession of unit %s has a day that is no date", s.Old)
			}
			g.Successions = append(g.Successions, s)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		rows, err = q.QueryContext(ctx, `SELECT code, kind, name FROM unit_pin_place`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var p Place
			if err := rows.Scan(&p.Code, &p.Kind, &p.Name); err != nil {
				return err
			}
			g.Places = append(g.Places, p)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read units: %w", err)
	}
	if len(g.Units) == 0 {
		return nil, fmt.Errorf("read units: the tables are empty: Load has not run")
	}
	return arrange(g), nil
}

func day(s string) (clock.Date, bool) {
	if s == "" {
		return clock.Date{}, true
	}
	d, err := clock.ParseDate(s)
	return d, err == nil && d.Exact()
}

// Find is the unit that bore the code on a day.
func (r *Directory) Find(code string, at clock.Date) (Unit, bool) { return r.facts().find(code, at) }

// Version is the version of a unit that began on a day, as an address keeps it.
func (r *Directory) Version(code string, from clock.Date) (Unit, bool) {
	for _, u := range r.facts().versions(code) {
		if u.From == from {
			return u, true
		}
	}
	return Unit{}, false
}

// Parents are the units above, the nearest first.
func (r *Directory) Parents(u Unit) []Unit {
	f := r.facts()
	var out []Unit
	for p, ok := f.parent(u); ok; p, ok = f.parent(p) {
		out = append(out, p)
	}
	return out
}

// FullName is the unit with everything above it: "Phường Kim Liên, Thành phố Hà Nội".
func (r *Directory) FullName(u Unit) string {
	var b strings.Builder
	b.WriteString(u.Kind + " " + u.Name)
	for _, p := range r.Parents(u) {
		b.WriteString(", " + p.Kind + " " + p.Name)
	}
	return b.String()
}

// Children are the units directly beneath a code on a day, by name.
func (r *Directory) Children(code string, at clock.Date) []Unit {
	f := r.facts()
	var out []Unit
	for _, i := range f.children[code] {
		if f.units[i].ValidAt(at) {
			out = append(out, f.units[i])
		}
	}
	f.sort(out)
	return out
}

// Provinces are all provinces of a day, by name.
func (r *Directory) Provinces(at clock.Date) []Unit { return r.all(Province, at) }

// Communes are all communes of a day, by code.
func (r *Directory) Communes(at clock.Date) []Unit {
	var out []Unit
	for _, u := range r.facts().units {
		if u.Level == Commune && u.ValidAt(at) {
			out = append(out, u)
		}
	}
	return out
}

func (r *Directory) all(level Level, at clock.Date) []Unit {
	f := r.facts()
	var out []Unit
	for _, u := range f.units {
		if u.Level == level && u.ValidAt(at) {
			out = append(out, u)
		}
	}
	f.sort(out)
	return out
}

func (f *facts) sort(us []Unit) {
	slices.SortFunc(us, func(a, b Unit) int {
		if c := strings.Compare(Fold(a.Name), Fold(b.Name)); c != 0 {
			return c
		}
		return strings.Compare(a.Code, b.Code)
	})
}

// Current tells what is today's of the unit that bore the code on a day: itself,
// its one successor, or several of which each got a part. It is empty when
// the code meant nothing on that day, or when the facts do not say what became
// of it; it never guesses.
func (r *Directory) Current(code string, at clock.Date) []Successor {
	f := r.facts()
	u, ok := f.find(code, at)
	if !ok {
		return nil
	}
	var out []Successor
	open := []Successor{{Unit: u, Whole: true, Basis: "set"}}
	for step := 0; len(open) > 0 && step < 10_000; step++ {
		s := open[0]
		open = open[1:]
		if s.Unit.To.IsZero() {
			if i := slices.IndexFunc(out, func(o Successor) bool { return o.Unit.Code == s.Unit.Code }); i < 0 {
				out = append(out, s)
			}
			continue
		}
		i, _ := slices.BinarySearchFunc(f.successions, s.Unit.Code, func(x gazetteer.Succession, c string) int { return strings.Compare(x.Old, c) })
		for ; i < len(f.successions) && f.successions[i].Old == s.Unit.Code; i++ {
			x := f.successions[i]
			if x.On != s.Unit.To {
				continue
			}
			if next, ok := f.find(x.New, x.On); ok {
				n := Successor{Unit: next, Whole: s.Whole && x.Whole, Basis: s.Basis}
				if x.Basis != "set" {
					n.Basis = x.Basis
				}
				open = append(open, n)
			}
		}
	}
	return out
}

// PinPlace is what the first three digits of a personal identification number
// stand for.
func (r *Directory) PinPlace(code string) (Place, bool) {
	p, ok := r.facts().places[code]
	return p, ok
}

// Last is the last version of a code that ended on a day or earlier.
func (r *Directory) Last(code string, at clock.Date) (Unit, bool) {
	var last Unit
	ok := false
	for _, u := range r.facts().versions(code) {
		if !u.To.IsZero() && !gazetteer.Less(at, u.To) {
			last, ok = u, true
		}
	}
	return last, ok
}

// Since are all versions of a level's units that began on a day or later, by code.
func (r *Directory) Since(level Level, from clock.Date) []Unit {
	var out []Unit
	for _, u := range r.facts().units {
		if u.Level == level && !gazetteer.Less(u.From, from) {
			out = append(out, u)
		}
	}
	return out
}
