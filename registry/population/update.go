// SPDX-License-Identifier: Apache-2.0

package population

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

type heldPerson struct {
	digest    []byte
	updatedAt int64
}

type holder struct {
	person  id.Person
	inForce bool
}

// sift compares a batch with what is held: unknown people are returned as
// fresh, known ones of whom the source says something else as changed. A
// number that two people would have at once rejects the later record.
func (l *Loader) sift(ctx context.Context, tx *db.Tx, b *Batch, out *Loaded) (fresh, changed []*entry, err error) {
	held, err := l.heldPeople(ctx, tx, b)
	if err != nil {
		return nil, nil, err
	}
	holders, err := l.holders(ctx, tx, b)
	if err != nil {
		return nil, nil, err
	}
	stored := make(map[string]bool, len(holders))
	for blind := range holders {
		stored[blind] = true
	}
	for i := range b.people {
		e := &b.people[i]
		was, known := held[e.id]
		if known && bytes.Equal(was.digest, e.digest) {
			out.Unchanged++
			continue
		}
		if known && was.updatedAt > l.asOf {
			out.Older++
			continue
		}
		if bad := e.claim(holders); bad != nil {
			out.Rejects = append(out.Rejects, *bad)
			continue
		}
		held[e.id] = heldPerson{e.digest, l.asOf}
		if known {
			changed = append(changed, e)
		} else {
			fresh = append(fresh, e)
		}
	}
	// A number may pass from one person to another within the batch: its row in
	// the index is written once, for the last holder.
	for _, e := range slices.Concat(fresh, changed) {
		for i := range e.numbers {
			n := &e.numbers[i]
			switch {
			case holders[string(n.blind)].person != e.id:
				n.put = putLeave
			case stored[string(n.blind)]:
				n.put = putTake
			default:
				n.put = putInsert
			}
		}
	}
	return fresh, changed, nil
}

// claim takes the numbers that are free, or says which is somebody else's.
func (e *entry) claim(holders map[string]holder) *Reject {
	for i := range e.numbers {
		n := &e.numbers[i]
		if h, there := holders[string(n.blind)]; there && h.person != e.id && h.inForce && n.inForce() {
			return &Reject{e.index, "person.numbers[" + strconv.Itoa(i) + "].number", "the number is in force for another person", "end it for one of the two, with to and reason"}
		}
	}
	for i := range e.numbers {
		n := &e.numbers[i]
		h, there := holders[string(n.blind)]
		if !there || h.person == e.id || n.inForce() {
			holders[string(n.blind)] = holder{e.id, n.inForce()}
		}
	}
	return nil
}

// inList is how many keys one look asks for: a fixed number, so that the
// statement stays prepared.
const inList = 400

// inText is the prepared list of inList placeholders.
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

func lookAll(ctx context.Context, tx *db.Tx, query string, keys [][]byte, scan func(*sql.Rows) error) error {
	slices.SortFunc(keys, bytes.Compare)
	for part := range slices.Chunk(keys, inList) {
		args := make([]any, inList)
		for i := range args {
			args[i] = part[min(i, len(part)-1)]
		}
		rows, err := tx.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		for rows.Next() {
			if err := scan(rows); err != nil {
				rows.Close()
				return err
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loader) heldPeople(ctx context.Context, tx *db.Tx, b *Batch) (map[id.Person]heldPerson, error) {
	keys := make([][]byte, len(b.people))
	for i := range b.people {
		keys[i] = b.people[i].id[:]
	}
	held := make(map[id.Person]heldPerson, len(keys))
	err := lookAll(ctx, tx, `SELECT id, digest, updated_at FROM population_person WHERE id IN (`+inText+`)`, keys, func(rows *sql.Rows) error {
		var p id.Person
		var h heldPerson
		err := rows.Scan(&p, &h.digest, &h.updatedAt)
		held[p] = h
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("compare people: %w", err)
	}
	return held, nil
}

func (l *Loader) holders(ctx context.Context, tx *db.Tx, b *Batch) (map[string]holder, error) {
	var keys [][]byte
	for i := range b.people {
		for _, n := range b.people[i].numbers {
			keys = append(keys, n.blind)
		}
	}
	out := make(map[string]holder, len(keys))
	err := lookAll(ctx, tx, `SELECT blind, person, in_force FROM population_number_index WHERE blind IN (`+inText+`)`, keys, func(rows *sql.Rows) error {
		var blind []byte
		var h holder
		err := rows.Scan(&blind, &h.person, &h.inForce)
		out[string(blind)] = h
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("compare numbers: %w", err)
	}
	return out, nil
}

// updateTx brings one known person up to what her source says. It reports
// whether anything changed.
func (l *Loader) updateTx(ctx context.Context, tx *db.Tx, e *entry) (*Reject, bool, error) {
	r := l.r
	s, err := r.storedTx(ctx, tx, e.id)
	if err != nil {
		return nil, false, err
	}
	key, err := r.seal.FindOrMakeTx(ctx, tx, e.id)
	if err != nil {
		return nil, false, err
	}
	if err := e.sealWith(key); err != nil {
		return nil, false, err
	}
	before := map[string]string{}
	set := func(field, have, want string) {
		if have != want {
			before[field] = have
		}
	}
	p := e.p
	set(FieldName, s.name, e.name)
	set(FieldBirthDate, s.birthDate, p.BirthDate.String())
	set(FieldSex, s.sex, p.Sex)
	set(FieldNationality, s.nationality, p.Nationality)
	set(FieldEthnicity, s.ethnicity, p.Ethnicity)
	set(FieldDied, s.diedOn, p.Died.String())
	if p.Origin != nil {
		set(FieldOrigin, s.originText+"|"+s.originUnit+"|"+s.origin, p.Origin.Text+"|"+p.Origin.Unit+"|"+p.Origin.UnitFrom.String())
	}
	if p.BirthPlace != nil {
		set(FieldBirthPlace, s.birthText+"|"+s.birthUnit+"|"+s.birthFrom, p.BirthPlace.Text+"|"+p.BirthPlace.Unit+"|"+p.BirthPlace.UnitFrom.String())
	}
	if len(before) > 0 {
		if err := r.rememberTx(ctx, tx, e.id, l.now, "source:"+l.source, before); err != nil {
			return nil, false, err
		}
	}
	renumbered, err := l.updateNumbersTx(ctx, tx, e)
	if err != nil {
		return nil, false, err
	}
	related, err := l.updateRelationsTx(ctx, tx, e)
	if err != nil {
		return nil, false, err
	}
	row := e.row(l)
	var sets strings.Builder
	for i, c := range personColumns[1:] {
		if i > 0 {
			sets.WriteString(", ")
		}
		sets.WriteString(c + " = $" + strconv.Itoa(i+2))
	}
	if _, err := tx.ExecContext(ctx, `UPDATE population_person SET `+sets.String()+` WHERE id = $1`, row...); err != nil {
		return nil, false, fmt.Errorf("update person: %w", err)
	}
	fields := slices.Sorted(maps.Keys(before))
	if renumbered {
		fields = append(fields, FieldNumbers)
	}
	if related {
		fields = append(fields, FieldRelations)
	}
	if len(fields) == 0 {
		return nil, false, nil
	}
	if err := r.audit.RecordTx(ctx, tx, audit.Entry{Actor: l.by, Action: "population.updated", Subject: e.id, Purpose: "population.purpose.keep",
		Ground: "source:" + l.source, Fields: fields}); err != nil {
		return nil, false, err
	}
	if !s.dead && !p.Died.IsZero() {
		if err := r.publishTx(ctx, tx, Event{Kind: Died, Person: e.id, On: p.Died, Fields: []string{FieldDied}}); err != nil {
			return nil, false, err
		}
	}
	if renumbered {
		if err := r.publishTx(ctx, tx, Event{Kind: NumberChanged, Person: e.id, On: l.day, Fields: []string{FieldNumber}}); err != nil {
			return nil, false, err
		}
	}
	if !s.dead {
		delete(before, FieldDied)
	}
	if len(before) > 0 {
		if err := r.publishTx(ctx, tx, Event{Kind: Corrected, Person: e.id, Fields: slices.Sorted(maps.Keys(before))}); err != nil {
			return nil, false, err
		}
	}
	return nil, true, nil
}

// updateNumbersTx stores the numbers that the source names. A PIN in force
// that it names no more has ended.
func (l *Loader) updateNumbersTx(ctx context.Context, tx *db.Tx, e *entry) (changed bool, err error) {
	type period struct{ kind, from, to, reason string }
	have := map[string]period{}
	rows, err := tx.QueryContext(ctx, `SELECT blind, kind, COALESCE(valid_from, ''), COALESCE(valid_to, ''), COALESCE(reason, '')
		FROM population_number WHERE person = $1`, e.id)
	if err != nil {
		return false, fmt.Errorf("read numbers: %w", err)
	}
	for rows.Next() {
		var blind []byte
		var p period
		if err := rows.Scan(&blind, &p.kind, &p.from, &p.to, &p.reason); err != nil {
			rows.Close()
			return false, fmt.Errorf("read numbers: %w", err)
		}
		have[string(blind)] = p
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return false, fmt.Errorf("read numbers: %w", err)
	}
	pin := false
	for i := range e.numbers {
		n := &e.numbers[i]
		kind := string(Number(n.Number.Number).Kind())
		pin = pin || kind == string(PIN) && n.inForce()
		was, there := have[string(n.blind)]
		delete(have, string(n.blind))
		if there && was == (period{kind, n.From.String(), n.To.String(), n.Reason}) {
			continue
		}
		changed = true
		if _, err := tx.ExecContext(ctx, `INSERT INTO population_number (person, blind, kind, sealed, valid_from, valid_to, reason) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (person, blind) DO UPDATE SET valid_from = excluded.valid_from, valid_to = excluded.valid_to, reason = excluded.reason`,
			e.id, n.blind, kind, n.sealed, n.From, n.To, text(n.Reason)); err != nil {
			return false, fmt.Errorf("store number: %w", err)
		}
		if n.put == putLeave {
			continue
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO population_number_index (blind, person, in_force) VALUES ($1, $2, $3)
			ON CONFLICT (blind) DO UPDATE SET person = excluded.person, in_force = excluded.in_force`, n.blind, e.id, n.inForce()); err != nil {
			return false, fmt.Errorf("store number: %w", err)
		}
	}
	for blind, was := range have {
		if !pin || was.kind != string(PIN) || was.to != "" {
			continue
		}
		changed = true
		if _, err := tx.ExecContext(ctx, `UPDATE population_number SET valid_to = $3, reason = $4 WHERE person = $1 AND blind = $2`,
			e.id, []byte(blind), l.day, string(Replaced)); err != nil {
			return false, fmt.Errorf("end number: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE population_number_index SET in_force = FALSE WHERE blind = $1 AND person = $2`, []byte(blind), e.id); err != nil {
			return false, fmt.Errorf("end number: %w", err)
		}
	}
	return changed, nil
}

// updateRelationsTx ends the relations that the source names no more, on the
// delivery's day, and begins those that it did not name before.
func (l *Loader) updateRelationsTx(ctx context.Context, tx *db.Tx, e *entry) (changed bool, err error) {
	have, err := listRelations(ctx, tx, e.id)
	if err != nil {
		return false, err
	}
	find := func(kind string, other id.Person) (Relation, bool) {
		i, ok := slices.BinarySearchFunc(have, relationRow{kind, other}, func(a Relation, b relationRow) int {
			return cmp.Or(strings.Compare(string(a.Kind), b.kind), bytes.Compare(a.Other[:], b.other[:]))
		})
		if !ok {
			return Relation{}, false
		}
		return have[i], true
	}
	for _, x := range e.related {
		if was, there := find(x.kind, x.other); there && was.To.IsZero() {
			continue
		}
		changed = true
		if _, err := tx.ExecContext(ctx, `INSERT INTO population_relation (person, kind, other, valid_from) VALUES ($1, $2, $3, $4)
			ON CONFLICT (person, kind, other) DO UPDATE SET valid_from = excluded.valid_from, valid_to = NULL`, e.id, x.kind, x.other, l.day); err != nil {
			return false, fmt.Errorf("begin relation: %w", err)
		}
	}
	for _, was := range have {
		if !was.To.IsZero() || slices.Contains(e.related, relationRow{string(was.Kind), was.Other}) {
			continue
		}
		changed = true
		if _, err := tx.ExecContext(ctx, `UPDATE population_relation SET valid_to = $4 WHERE person = $1 AND kind = $2 AND other = $3`,
			e.id, was.Kind, was.Other, clock.Date(l.day)); err != nil {
			return false, fmt.Errorf("end relation: %w", err)
		}
	}
	return changed, nil
}
