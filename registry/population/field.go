// SPDX-License-Identifier: Apache-2.0

package population

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/seal"
)

// The sealed columns.
const (
	columnNumber      = "population_number.sealed"
	columnParticulars = "population_person.particulars"
	columnHistory     = "population_history.before"
)

// particulars are the sensitive fields that nothing searches.
type particulars struct {
	Religion string `json:"religion,omitempty"`
	Marital  string `json:"marital,omitempty"`
}

func (c particulars) seal(key seal.Key) ([]byte, error) {
	if c == (particulars{}) {
		return nil, nil
	}
	b, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return key.Seal(columnParticulars, b)
}

func openParticulars(key seal.Key, sealed []byte) (c particulars, err error) {
	b, err := key.Open(columnParticulars, sealed)
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(b, &c)
}

// listNumbers opens all numbers of a person, oldest first, the one in force last.
func listNumbers(ctx context.Context, q db.Q, key seal.Key, person id.Person) ([]NumberPeriod, error) {
	rows, err := q.QueryContext(ctx, `SELECT sealed, valid_from, valid_to, reason FROM population_number WHERE person = $1`, person)
	if err != nil {
		return nil, fmt.Errorf("list numbers: %w", err)
	}
	defer rows.Close()
	var out []NumberPeriod
	for rows.Next() {
		var n NumberPeriod
		var sealed []byte
		var reason sql.NullString
		if err := rows.Scan(&sealed, &n.From, &n.To, &reason); err != nil {
			return nil, fmt.Errorf("list numbers: %w", err)
		}
		plain, err := key.Open(columnNumber, sealed)
		if err != nil {
			return nil, fmt.Errorf("list numbers: %w", err)
		}
		n.Number, n.Reason = Number(plain), Reason(reason.String)
		out = append(out, n)
	}
	slices.SortStableFunc(out, func(a, b NumberPeriod) int {
		switch {
		case a.To.IsZero() != b.To.IsZero():
			if a.To.IsZero() {
				return 1
			}
			return -1
		case a.Number.Kind() != b.Number.Kind():
			if a.Number.Kind() == PIN {
				return 1
			}
			return -1
		case a.From != b.From && a.From.Before(b.From):
			return -1
		case a.From != b.From:
			return 1
		}
		return 0
	})
	return out, rows.Err()
}

// remember keeps what a record said before a change, sealed.
func (r *Registry) rememberTx(ctx context.Context, tx *db.Tx, person id.Person, at int64, cause string, before map[string]string) error {
	names := make([]string, 0, len(before))
	for f := range before {
		names = append(names, f)
	}
	slices.Sort(names)
	fields, err := json.Marshal(names)
	if err != nil {
		return err
	}
	b, err := json.Marshal(before)
	if err != nil {
		return err
	}
	sealed, err := r.seal.SealTx(ctx, tx, person, columnHistory, b)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO population_history (person, id, changed_at, cause, fields, before) VALUES ($1, $2, $3, $4, $5, $6)`,
		person, id.NewPerson(), at, cause, string(fields), sealed); err != nil {
		return fmt.Errorf("keep history: %w", err)
	}
	return nil
}
