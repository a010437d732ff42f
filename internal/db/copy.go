// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// CopyIn loads rows into a table within the transaction: by COPY on
// PostgreSQL, by prepared inserts of many rows on SQLite. It returns how many
// rows went in; an error from the sequence ends the load.
func CopyIn(ctx context.Context, tx *Tx, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error) {
	if tx.engine == PostgreSQL {
		next, stop := iter.Pull2(rows)
		defer stop()
		var n int64
		src := &source{next: next}
		err := tx.conn.Raw(func(dc any) error {
			var err error
			n, err = dc.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{table}, columns, src)
			return err
		})
		if src.err != nil {
			return n, src.err
		}
		if err != nil {
			return n, fmt.Errorf("copy into %s: %w", table, err)
		}
		return n, nil
	}
	const limit = 900 // bound values in one statement
	per := max(1, limit/len(columns))
	full := insertText(table, columns, per)
	args := make([]any, 0, per*len(columns))
	var total int64
	for row, err := range rows {
		if err != nil {
			return total, err
		}
		if len(row) != len(columns) {
			return total, fmt.Errorf("copy into %s: a row has %d values for %d columns", table, len(row), len(columns))
		}
		args = append(args, row...)
		if len(args) == per*len(columns) {
			if _, err := tx.ExecContext(ctx, full, args...); err != nil {
				return total, fmt.Errorf("insert into %s: %w", table, err)
			}
			total += int64(per)
			args = args[:0]
		}
	}
	one := insertText(table, columns, 1)
	for len(args) > 0 {
		if _, err := tx.ExecContext(ctx, one, args[:len(columns)]...); err != nil {
			return total, fmt.Errorf("insert into %s: %w", table, err)
		}
		total++
		args = args[len(columns):]
	}
	return total, nil
}

// insertText is the insert of several rows, for SQLite alone. Its placeholders
// have no numbers: for each value the driver looks a named placeholder up in a
// list, which takes half of the time of a load.
func insertText(table string, columns []string, rows int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", table, strings.Join(columns, ", "))
	for i := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for j := range columns {
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteByte('?')
		}
		b.WriteByte(')')
	}
	return b.String()
}

type source struct {
	next func() ([]any, error, bool)
	row  []any
	err  error
}

func (s *source) Next() bool {
	if s.err != nil {
		return false
	}
	var ok bool
	s.row, s.err, ok = s.next()
	return ok && s.err == nil
}

func (s *source) Values() ([]any, error) { return s.row, nil }
func (s *source) Err() error             { return s.err }
