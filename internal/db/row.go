// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"database/sql"
)

// Row is a row that can be read: one of many, or the only one.
type Row interface{ Scan(dest ...any) error }

// Each reads all rows of a query, and ends with the first error of fn.
func Each(ctx context.Context, q Q, query string, args []any, fn func(Row) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Changed reports whether a statement touched a row: what a conditional update
// is decided by.
func Changed(res sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
