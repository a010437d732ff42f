// SPDX-License-Identifier: Apache-2.0

package residence

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/feed"
	"danh/internal/id"
	"danh/registry/population"
)

// loader loads the residence records of one delivery, batch by batch.
type loader struct {
	r      *Registry
	people *population.Loader
	by     audit.Actor
	source string
	day    clock.Date
	asOf   int64
	now    int64
}

// batch is residence records made ready for loading.
type batch struct {
	households []household
	periods    []period // temporary residences and stays
}

type household struct {
	id     HouseholdID
	h      *feed.Household
	head   id.Person
	who    []id.Person // the members', in their order
	digest []byte
}

// period is a temporary residence or a stay.
type period struct {
	id       [16]byte
	stay     bool
	person   id.Person
	ref      string
	place    *feed.Place
	from, to clock.Date
	reason   string
	digest   []byte
}

func (l *loader) digest(parts ...string) []byte {
	return l.r.seal.Blind("residence.record", strings.Join(parts, "\x1f"))
}

func (l *loader) household(h *feed.Household) household {
	out := household{id: HouseholdID(l.r.people.Derive("household", l.source, h.Ref)), h: h}
	parts := []string{h.Head, h.Address.Text, h.Address.Unit, h.Address.UnitFrom.String(), h.Since.String()}
	for _, f := range h.Former {
		parts = append(parts, f.Address.Text, f.Address.Unit, f.Address.UnitFrom.String(), f.From.String(), f.To.String())
	}
	parts = append(parts, "\x1e")
	for _, m := range h.Members {
		p := l.people.PersonID(m.Ref)
		out.who = append(out.who, p)
		if m.Ref == h.Head {
			out.head = p
		}
		parts = append(parts, m.Ref, m.Relation, m.Since.String())
	}
	out.digest = l.digest(parts...)
	return out
}

func (l *loader) temporary(t *feed.Temporary) period {
	return l.period(period{id: l.r.people.Derive("temporary", l.source, t.Ref), ref: t.Ref, place: &t.Address, from: t.From, to: t.To}, t.Person)
}

func (l *loader) stay(s *feed.Stay) period {
	return l.period(period{id: l.r.people.Derive("stay", l.source, s.Ref), stay: true, ref: s.Ref, place: &s.Address, from: s.From, to: s.To, reason: s.Reason}, s.Person)
}

func (l *loader) period(p period, ref string) period {
	p.person = l.people.PersonID(ref)
	p.digest = l.digest(ref, p.place.Text, p.place.Unit, p.place.UnitFrom.String(), p.from.String(), p.to.String(), p.reason)
	return p
}

// counted is what became of a batch.
type counted struct {
	households, temporary, stays int64 // inserted
	changed, unchanged, older    int64
}

// loadTx loads a batch, without care or with it as population.Loader.LoadTx.
func (l *loader) loadTx(ctx context.Context, tx *db.Tx, b *batch, care bool) (counted, error) {
	var n counted
	households, periods := b.households, b.periods
	if care {
		var err error
		if households, err = l.siftHouseholds(ctx, tx, b.households, &n); err != nil {
			return n, err
		}
		if periods, err = l.siftPeriods(ctx, tx, b.periods, &n); err != nil {
			return n, err
		}
	}
	if err := l.insertHouseholdsTx(ctx, tx, households); err != nil {
		return n, err
	}
	n.households = int64(len(households))
	for _, p := range periods {
		if p.stay {
			n.stays++
		} else {
			n.temporary++
		}
	}
	return n, l.insertPeriodsTx(ctx, tx, periods)
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

func day(d clock.Date) any {
	if d.IsZero() {
		return nil
	}
	return d.String()
}

var addressColumns = []string{"household", "place", "text", "unit_code", "unit_from", "valid_from", "valid_to"}

// addresses are the rows of a household's addresses, the present one last.
func (h *household) addresses() []feed.Former {
	return append(slices.Clone(h.h.Former), feed.Former{Address: h.h.Address, From: h.h.Since})
}

func addressRow(household HouseholdID, place int, a feed.Former) []any {
	return []any{household[:], int64(place), a.Address.Text, text(a.Address.Unit), day(a.Address.UnitFrom), day(a.From), day(a.To)}
}

func (l *loader) insertHouseholdsTx(ctx context.Context, tx *db.Tx, list []household) error {
	if len(list) == 0 {
		return nil
	}
	type memberRow struct {
		person, household []byte
		m                 *feed.Member
	}
	var members []memberRow
	for i := range list {
		for j := range list[i].who {
			members = append(members, memberRow{list[i].who[j][:], list[i].id[:], &list[i].h.Members[j]})
		}
	}
	slices.SortFunc(members, func(a, b memberRow) int {
		return cmp.Or(bytes.Compare(a.person, b.person), bytes.Compare(a.household, b.household))
	})
	_, err := db.CopyIn(ctx, tx, "residence_household", []string{"id", "head", "updated_at", "source", "ref", "digest"},
		each(list, func(yield func(...any) bool, h household) bool {
			var head any
			if !h.head.IsZero() {
				head = h.head[:]
			}
			return yield(h.id[:], head, l.asOf, l.source, h.h.Ref, h.digest)
		}))
	if err != nil {
		return err
	}
	_, err = db.CopyIn(ctx, tx, "residence_address", addressColumns, each(list, func(yield func(...any) bool, h household) bool {
		for i, a := range h.addresses() {
			if !yield(addressRow(h.id, i, a)...) {
				return false
			}
		}
		return true
	}))
	if err != nil {
		return err
	}
	_, err = db.CopyIn(ctx, tx, "residence_member", []string{"person", "household", "relation", "valid_from"},
		each(members, func(yield func(...any) bool, m memberRow) bool {
			return yield(m.person, m.household, m.m.Relation, day(m.m.Since))
		}))
	return err
}

func (l *loader) insertPeriodsTx(ctx context.Context, tx *db.Tx, list []period) error {
	var temporary, stays []period
	for _, p := range list {
		if p.stay {
			stays = append(stays, p)
		} else {
			temporary = append(temporary, p)
		}
	}
	if len(temporary) > 0 {
		_, err := db.CopyIn(ctx, tx, "residence_temporary", []string{"person", "id", "text", "unit_code", "unit_from", "valid_from", "valid_to", "updated_at", "source", "ref", "digest"},
			each(temporary, func(yield func(...any) bool, p period) bool {
				return yield(p.person[:], p.id[:], p.place.Text, text(p.place.Unit), day(p.place.UnitFrom), day(p.from), day(p.to), l.asOf, l.source, p.ref, p.digest)
			}))
		if err != nil {
			return err
		}
	}
	if len(stays) == 0 {
		return nil
	}
	_, err := db.CopyIn(ctx, tx, "residence_stay", []string{"id", "guest_person", "text", "unit_code", "unit_from", "arrival", "valid_from", "valid_to",
		"reason", "channel", "reference", "state", "recorded_at", "source", "digest"},
		each(stays, func(yield func(...any) bool, p period) bool {
			return yield(p.id[:], p.person[:], p.place.Text, text(p.place.Unit), day(p.place.UnitFrom), clock.Micros(p.from.Time()), day(p.from), day(p.to),
				p.reason, string(Feed), p.ref, string(StayRecorded), l.asOf, l.source, p.digest)
		}))
	if err != nil {
		return err
	}
	_, err = db.CopyIn(ctx, tx, "residence_stay_party", []string{"person", "role", "stay"}, each(stays, func(yield func(...any) bool, p period) bool {
		return yield(p.person[:], roleGuest, p.id[:])
	}))
	return err
}
