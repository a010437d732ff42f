// SPDX-License-Identifier: Apache-2.0

package residence

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/feed"
	"danh/internal/id"
)

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
