// SPDX-License-Identifier: Apache-2.0

package residence

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
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

type heldRecord struct {
	digest    []byte
	updatedAt int64
}

// inList is how many keys one look asks for: a fixed number, so that the
// statement stays prepared.
const inList = 400

var inText = func() string {
	var b strings.Builder
	for i := range inList {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	return b.String()
}()

func held(ctx context.Context, tx *db.Tx, query string, keys [][]byte) (map[[16]byte]heldRecord, error) {
	slices.SortFunc(keys, bytes.Compare)
	out := make(map[[16]byte]heldRecord, len(keys))
	for part := range slices.Chunk(keys, inList) {
		args := make([]any, inList)
		for i := range args {
			args[i] = part[min(i, len(part)-1)]
		}
		rows, err := tx.QueryContext(ctx, query+inText+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("compare records: %w", err)
		}
		for rows.Next() {
			var k id.Person
			var h heldRecord
			if err := rows.Scan(&k, &h.digest, &h.updatedAt); err != nil {
				rows.Close()
				return nil, fmt.Errorf("compare records: %w", err)
			}
			out[k] = h
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, fmt.Errorf("compare records: %w", err)
		}
	}
	return out, nil
}

// siftHouseholds updates known households that changed and returns the unknown ones.
func (l *loader) siftHouseholds(ctx context.Context, tx *db.Tx, list []household, n *counted) ([]household, error) {
	keys := make([][]byte, len(list))
	for i := range list {
		keys[i] = list[i].id[:]
	}
	was, err := held(ctx, tx, `SELECT id, digest, updated_at FROM residence_household WHERE id IN (`, keys)
	if err != nil {
		return nil, err
	}
	var fresh []household
	at := map[HouseholdID]int{}
	for i := range list {
		h := &list[i]
		old, there := was[h.id]
		j, twice := at[h.id]
		switch {
		case twice:
			fresh[j] = *h // the later line of the batch stands
		case !there:
			at[h.id] = len(fresh)
			fresh = append(fresh, *h)
		case bytes.Equal(old.digest, h.digest):
			n.unchanged++
		case old.updatedAt > l.asOf:
			n.older++
		default:
			if err := l.updateHouseholdTx(ctx, tx, h); err != nil {
				return nil, err
			}
			n.changed++
		}
	}
	return fresh, nil
}

// updateHouseholdTx brings a household up to what the source says. An address
// that the source names no more is kept as an earlier one, a member whom it
// names no more has left on the delivery's day.
func (l *loader) updateHouseholdTx(ctx context.Context, tx *db.Tx, h *household) error {
	list := h.addresses()
	var last feed.Former
	var unit sql.NullString
	err := tx.QueryRowContext(ctx, `SELECT text, unit_code, unit_from, valid_from FROM residence_address WHERE household = $1 AND valid_to IS NULL`, h.id).
		Scan(&last.Address.Text, &unit, &last.Address.UnitFrom, &last.From)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("update household: %w", err)
	}
	if err == nil && !slices.ContainsFunc(list, func(f feed.Former) bool { return f.Address.Text == last.Address.Text }) {
		last.Address.Unit, last.To = unit.String, l.day
		list = slices.Insert(list, len(list)-1, last)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM residence_address WHERE household = $1`, h.id); err != nil {
		return fmt.Errorf("update household: %w", err)
	}
	for i, a := range list {
		if _, err := tx.ExecContext(ctx, `INSERT INTO residence_address (household, place, text, unit_code, unit_from, valid_from, valid_to)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, addressRow(h.id, i, a)...); err != nil {
			return fmt.Errorf("update household: %w", err)
		}
	}
	before, err := readHousehold(ctx, tx, h.id)
	if err != nil {
		return err
	}
	about := slices.Clone(h.who)
	for _, m := range before.Members {
		if slices.Contains(h.who, m.Person) {
			continue
		}
		about = append(about, m.Person)
		if _, err := tx.ExecContext(ctx, `UPDATE residence_member SET valid_to = $3 WHERE person = $1 AND household = $2`, m.Person, h.id, l.day); err != nil {
			return fmt.Errorf("update household: %w", err)
		}
	}
	for i, p := range h.who {
		m := h.h.Members[i]
		since := m.Since
		if since.IsZero() && !slices.ContainsFunc(before.Members, func(b Member) bool { return b.Person == p }) {
			since = l.day
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO residence_member (person, household, relation, valid_from) VALUES ($1, $2, $3, $4)
			ON CONFLICT (person, household) DO UPDATE SET relation = excluded.relation, valid_from = COALESCE(excluded.valid_from, residence_member.valid_from), valid_to = NULL`,
			p, h.id, m.Relation, since); err != nil {
			return fmt.Errorf("update household: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE residence_household SET head = $2, updated_at = $3, source = $4, digest = $5 WHERE id = $1`,
		h.id, h.head, l.asOf, l.source, h.digest); err != nil {
		return fmt.Errorf("update household: %w", err)
	}
	for _, p := range about {
		if err := l.updatedTx(ctx, tx, p, FieldHousehold); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) updatedTx(ctx context.Context, tx *db.Tx, p id.Person, field string) error {
	return l.r.audit.RecordTx(ctx, tx, audit.Entry{Actor: l.by, Action: "residence.updated", Subject: p, Purpose: "residence.purpose.keep",
		Ground: "source:" + l.source, Fields: []string{field}})
}

// siftPeriods updates known periods that changed and returns the unknown ones.
// A disputed stay stays disputed.
func (l *loader) siftPeriods(ctx context.Context, tx *db.Tx, list []period, n *counted) ([]period, error) {
	var temporary, stays [][]byte
	for i := range list {
		if list[i].stay {
			stays = append(stays, list[i].id[:])
		} else {
			temporary = append(temporary, list[i].id[:])
		}
	}
	wasThere, err := held(ctx, tx, `SELECT id, digest, updated_at FROM residence_temporary WHERE id IN (`, temporary)
	if err != nil {
		return nil, err
	}
	wasStay, err := held(ctx, tx, `SELECT id, digest, recorded_at FROM residence_stay WHERE id IN (`, stays)
	if err != nil {
		return nil, err
	}
	var fresh []period
	at := map[[16]byte]int{}
	for i := range list {
		p := &list[i]
		was, field := wasThere, FieldTemporary
		if p.stay {
			was, field = wasStay, FieldStays
		}
		old, there := was[p.id]
		j, twice := at[p.id]
		switch {
		case twice:
			fresh[j] = *p
			continue
		case !there:
			at[p.id] = len(fresh)
			fresh = append(fresh, *p)
			continue
		case bytes.Equal(old.digest, p.digest):
			n.unchanged++
			continue
		case old.updatedAt > l.asOf:
			n.older++
			continue
		}
		key := p.id[:]
		if p.stay {
			_, err = tx.ExecContext(ctx, `UPDATE residence_stay SET text = $2, unit_code = $3, unit_from = $4, valid_from = $5, valid_to = $6, reason = $7,
				recorded_at = $8, digest = $9 WHERE id = $1`, key, p.place.Text, text(p.place.Unit), p.place.UnitFrom, p.from, p.to, p.reason, l.asOf, p.digest)
		} else {
			_, err = tx.ExecContext(ctx, `UPDATE residence_temporary SET text = $2, unit_code = $3, unit_from = $4, valid_from = $5, valid_to = $6,
				updated_at = $7, digest = $8 WHERE id = $1 AND person = $9`, key, p.place.Text, text(p.place.Unit), p.place.UnitFrom, p.from, p.to, l.asOf, p.digest, p.person)
		}
		if err != nil {
			return nil, fmt.Errorf("update record: %w", err)
		}
		if err := l.updatedTx(ctx, tx, p.person, field); err != nil {
			return nil, err
		}
		n.changed++
	}
	return fresh, nil
}
