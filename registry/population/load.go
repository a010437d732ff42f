// SPDX-License-Identifier: Apache-2.0

package population

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"iter"
	"slices"
	"strconv"
	"strings"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/feed"
	"danh/internal/id"
	"danh/internal/seal"
)

// Derive is the key of a thing that a source names by its own ref. It is the
// same at every delivery, so records may point at each other in any order. It
// is keyed: whoever knows it cannot try out refs, which may be numbers.
//
// Refs that are counted up share their first bytes in blocks of 64, so that a
// file is loaded into neighbouring pages. A ref with more than 8 digits at its
// end might be an identity number and gets no block.
func (r *Registry) Derive(kind, source, ref string) [16]byte {
	var out [16]byte
	copy(out[:], r.seal.Blind("population.derive "+kind+" "+source, ref))
	digits := len(ref)
	for digits > 0 && ref[digits-1] >= '0' && ref[digits-1] <= '9' {
		digits--
	}
	var block [8]byte
	if n, err := strconv.ParseUint(ref[digits:], 10, 64); err == nil && len(ref)-digits <= 8 {
		binary.BigEndian.PutUint64(block[:], n>>6)
	}
	copy(out[:6], block[2:])
	out[6] = out[6]&0x0f | 0x80 // RFC 9562, section 5.8: version 8
	out[8] = out[8]&0x3f | 0x80
	return out
}

// PersonID is the key of the person whom a source names by its ref.
func (r *Registry) PersonID(source, ref string) id.Person {
	return id.Person(r.Derive("person", source, ref))
}

// Loader loads what one source delivered, batch by batch.
type Loader struct {
	r      *Registry
	by     audit.Actor
	source string
	day    clock.Date
	asOf   int64
	now    int64
	met    map[string]id.Person // keys derived lately: families name each other
}

// PersonID is Registry.PersonID for the loader's source. It belongs to the
// goroutine that prepares.
func (l *Loader) PersonID(ref string) id.Person {
	p, ok := l.met[ref]
	if !ok {
		if len(l.met) > 20_000 {
			clear(l.met)
		}
		p = l.r.PersonID(l.source, ref)
		l.met[ref] = p
	}
	return p
}

// NewLoader returns a loader for one delivery, true on the day of asOf.
func (r *Registry) NewLoader(by audit.Actor, source string, asOf clock.Date) *Loader {
	return &Loader{r: r, by: by, source: source, day: asOf, asOf: clock.Micros(asOf.Time()), now: clock.Micros(r.clock.Now()), met: map[string]id.Person{}}
}

// Reject says why a record was not loaded. It carries none of its values.
type Reject struct {
	Index                int // in the batch
	Field, Problem, Mend string
}

// Loaded counts what became of a batch.
type Loaded struct {
	Inserted, Changed, Unchanged int64
	Older                        int64 // left out: what is held is more recent than the delivery
	Rejects                      []Reject
}

// Batch is people made ready for loading.
type Batch struct {
	people  []entry
	rejects []Reject
}

// Len is the number of people in the batch.
func (b *Batch) Len() int { return len(b.people) }

// entry is one person ready to be stored.
type entry struct {
	index   int
	id      id.Person
	p       *feed.Person
	name    string
	digest  []byte
	numbers []numberRow
	related []relationRow

	// After sealing:
	wrapped     []byte
	particulars []byte
}

type numberRow struct {
	feed.Number
	blind  []byte
	sealed []byte
	put    put
}

// put says what happens to a number's row in the index.
type put byte

const (
	putInsert put = iota
	putTake       // the row exists and becomes hers
	putLeave      // somebody else has the number: only her history names it
)

func (n numberRow) inForce() bool { return n.To.IsZero() }

type relationRow struct {
	kind  string
	other id.Person
}

// Prepare makes people ready: keys, indexes, digests and, when seal is set,
// the sealed fields. It uses no database and may run beside LoadTx, by one goroutine.
func (l *Loader) Prepare(people []*feed.Person, sealed bool) (*Batch, error) {
	b := &Batch{people: make([]entry, 0, len(people))}
	for i, p := range people {
		e, bad := l.prepare(i, p)
		if bad != nil {
			b.rejects = append(b.rejects, *bad)
			continue
		}
		if sealed {
			if err := l.seal(&e); err != nil {
				return nil, err
			}
		}
		b.people = append(b.people, e)
	}
	return b, nil
}

func (l *Loader) prepare(i int, p *feed.Person) (entry, *Reject) {
	e := entry{index: i, p: p, id: l.PersonID(p.Ref), name: NormaliseName(p.Name)}
	if FoldName(e.name) == "" {
		return e, &Reject{i, "person.name", "the name has no letter", "give the full name as registered"}
	}
	e.numbers = make([]numberRow, 0, len(p.Numbers))
	for j, n := range p.Numbers {
		for _, m := range e.numbers {
			if m.Number.Number == n.Number {
				return e, &Reject{i, "person.numbers[" + strconv.Itoa(j) + "].number", "the number stands twice", "give it once, with its from and to"}
			}
		}
		e.numbers = append(e.numbers, numberRow{Number: n, blind: l.r.blind(Number(n.Number))})
	}
	e.related = make([]relationRow, 0, len(p.Relations))
	for _, x := range p.Relations {
		row := relationRow{x.Kind, l.PersonID(x.Ref)}
		if !slices.Contains(e.related, row) {
			e.related = append(e.related, row)
		}
	}
	slices.SortFunc(e.related, func(a, b relationRow) int {
		return cmp.Or(strings.Compare(a.kind, b.kind), bytes.Compare(a.other[:], b.other[:]))
	})
	e.digest = l.r.digest(p)
	return e, nil
}

// digest tells whether a source says the same of a person as before. It is
// keyed, because a record could be guessed.
func (r *Registry) digest(p *feed.Person) []byte {
	b := make([]byte, 0, 768)
	put := func(parts ...string) {
		for _, s := range parts {
			b = append(append(b, s...), 0x1f)
		}
		b = append(b, 0x1e)
	}
	place := func(a *feed.Place) {
		if a == nil {
			put()
			return
		}
		put(a.Text, a.Unit, a.UnitFrom.String())
	}
	put(p.Name, p.BirthDate.String(), p.Sex, p.Nationality, p.Ethnicity, p.Religion, p.Marital, p.Died.String())
	place(p.Origin)
	place(p.BirthPlace)
	for _, n := range p.Numbers {
		put(n.Number, n.From.String(), n.To.String(), n.Reason)
	}
	for _, x := range p.Relations {
		put(x.Kind, x.Ref)
	}
	return r.seal.Blind("population.record", string(b))
}

// seal seals an entry's fields under a data key of its own.
func (l *Loader) seal(e *entry) error {
	wrapped, key, err := l.r.seal.NewKey(e.id)
	if err != nil {
		return err
	}
	e.wrapped = wrapped
	return e.sealWith(key)
}

func (e *entry) sealWith(key seal.Key) (err error) {
	for i := range e.numbers {
		if e.numbers[i].sealed, err = key.Seal(columnNumber, []byte(e.numbers[i].Number.Number)); err != nil {
			return err
		}
	}
	e.particulars, err = particulars{e.p.Religion, e.p.Marital}.seal(key)
	return err
}

// LoadTx loads a batch. Without care it takes everybody for unknown and is
// fast; the error is then a unique violation (db.IsUnique) when somebody or
// some number was known after all, and the batch must be loaded again, in
// another transaction, with care. With care, known people are compared, and
// what changed is updated with its history, audit entry and event.
func (l *Loader) LoadTx(ctx context.Context, tx *db.Tx, b *Batch, care bool) (Loaded, error) {
	out := Loaded{Rejects: slices.Clone(b.rejects)}
	fresh := make([]*entry, 0, len(b.people))
	var changed []*entry
	if !care {
		for i := range b.people {
			fresh = append(fresh, &b.people[i])
		}
	} else {
		var err error
		if fresh, changed, err = l.sift(ctx, tx, b, &out); err != nil {
			return out, err
		}
	}
	if err := l.insertTx(ctx, tx, fresh); err != nil {
		return out, err
	}
	out.Inserted = int64(len(fresh))
	for _, e := range changed {
		bad, did, err := l.updateTx(ctx, tx, e)
		switch {
		case err != nil:
			return out, err
		case bad != nil:
			out.Rejects = append(out.Rejects, *bad)
		case did:
			out.Changed++
		default:
			out.Unchanged++
		}
	}
	return out, nil
}

func (l *Loader) insertTx(ctx context.Context, tx *db.Tx, fresh []*entry) error {
	if len(fresh) == 0 {
		return nil
	}
	for _, e := range fresh {
		if e.wrapped == nil {
			if err := l.seal(e); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(fresh, func(a, b *entry) int { return bytes.Compare(a.id[:], b.id[:]) })
	type indexRow struct {
		n *numberRow
		e *entry
	}
	var index []indexRow
	for _, e := range fresh {
		for i := range e.numbers {
			if n := &e.numbers[i]; n.put == putInsert {
				index = append(index, indexRow{n, e})
			} else if n.put == putTake {
				if _, err := tx.ExecContext(ctx, `UPDATE population_number_index SET person = $2, in_force = $3 WHERE blind = $1`, n.blind, e.id, n.inForce()); err != nil {
					return err
				}
			}
		}
	}
	// In the order of the index, so that each page is touched once a batch.
	slices.SortFunc(index, func(a, b indexRow) int { return bytes.Compare(a.n.blind, b.n.blind) })
	at := l.now
	steps := []struct {
		table   string
		columns []string
		rows    iter.Seq2[[]any, error]
	}{
		{"population_person", personColumns, each(fresh, func(yield func(...any) bool, e *entry) bool {
			return yield(e.row(l)...)
		})},
		{"population_number_index", []string{"blind", "person", "in_force"}, each(index, func(yield func(...any) bool, x indexRow) bool {
			return yield(x.n.blind, x.e.id[:], x.n.inForce())
		})},
		{"seal_key", []string{"owner", "wrapped", "created_at"}, each(fresh, func(yield func(...any) bool, e *entry) bool {
			return yield(e.id[:], e.wrapped, at)
		})},
		{"population_number", numberColumns, each(fresh, func(yield func(...any) bool, e *entry) bool {
			for i := range e.numbers {
				n := &e.numbers[i]
				if !yield(e.id[:], n.blind, string(Number(n.Number.Number).Kind()), n.sealed, day(n.From), day(n.To), text(n.Reason)) {
					return false
				}
			}
			return true
		})},
		{"population_relation", []string{"person", "kind", "other"}, each(fresh, func(yield func(...any) bool, e *entry) bool {
			for i := range e.related {
				if !yield(e.id[:], e.related[i].kind, e.related[i].other[:]) {
					return false
				}
			}
			return true
		})},
	}
	for _, s := range steps {
		if _, err := db.CopyIn(ctx, tx, s.table, s.columns, s.rows); err != nil {
			return err
		}
	}
	return nil
}

// each is the rows of a list, one or several for each element.
func each[T any](list []T, rows func(yield func(...any) bool, x T) bool) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, x := range list {
			if !rows(func(row ...any) bool { return yield(row, nil) }, x) {
				return
			}
		}
	}
}

var (
	personColumns = []string{"id", "name", "name_key", "sort_key", "birth_date", "sex", "origin_text", "origin_unit", "origin_from",
		"birthplace_text", "birthplace_unit", "birthplace_from", "nationality", "ethnicity", "particulars", "died_on", "updated_at", "source", "ref", "digest"}
	numberColumns = []string{"person", "blind", "kind", "sealed", "valid_from", "valid_to", "reason"}
)

func (e *entry) row(l *Loader) []any {
	p := e.p
	row := make([]any, 0, len(personColumns))
	row = append(row, e.id[:], e.name, FoldName(e.name), SortKey(e.name), p.BirthDate.String(), p.Sex)
	for _, a := range []*feed.Place{p.Origin, p.BirthPlace} {
		if a == nil {
			row = append(row, nil, nil, nil)
		} else {
			row = append(row, text(a.Text), text(a.Unit), day(a.UnitFrom))
		}
	}
	return append(row, text(p.Nationality), text(p.Ethnicity), e.particulars, day(p.Died), l.asOf, l.source, p.Ref, e.digest)
}

// text and day give NULL for what is absent.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func day(d clock.Date) any {
	if d.IsZero() {
		return nil
	}
	return d.String()
}
