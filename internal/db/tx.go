// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Tx is a write transaction. Read all rows of one query before the next
// statement: PostgreSQL has one conversation per connection.
type Tx struct {
	traced
	engine Engine
	conn   *sql.Conn
	after  []func()
}

// After registers what is to happen once the transaction has been committed;
// it does not run when the transaction fails.
func (tx *Tx) After(fn func()) { tx.after = append(tx.after, fn) }

const attempts = 8

// Write runs fn in one transaction and commits it. fn may run several times:
// it must have no effect beyond the transaction except through Tx.After.
// Isolation is read committed on PostgreSQL, so that rooms consume one-time
// things by one conditional UPDATE; on SQLite there is one writer at a time.
func (d *DB) Write(ctx context.Context, fn func(tx *Tx) error) error {
	defer transaction(ctx)()
	for n := 1; ; n++ {
		err := d.writeOnce(ctx, fn)
		if err == nil || n == attempts || !retryable(err) || ctx.Err() != nil {
			return err
		}
		pause := time.Duration(n*n) * 2 * time.Millisecond
		pause += rand.N(pause)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

func (d *DB) writeOnce(ctx context.Context, fn func(tx *Tx) error) error {
	if d.engine == SQLite {
		return d.writeSQLite(ctx, fn)
	}
	conn, err := d.pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("take a connection: %w", err)
	}
	defer conn.Close()
	stx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return notBegun{err}
	}
	defer stx.Rollback()
	tx := &Tx{traced: traced{stx}, engine: d.engine, conn: conn}
	if err := fn(tx); err != nil {
		return err
	}
	if err := stx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	for _, f := range tx.after {
		f()
	}
	return nil
}

// writeSQLite holds the one writer's turn. The transaction is begun and ended
// by statements rather than by database/sql, because only statements prepared
// on the connection itself stay prepared from one transaction to the next.
func (d *DB) writeSQLite(ctx context.Context, fn func(tx *Tx) error) (err error) {
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait for the writer: %w", ctx.Err())
	}
	var after []func()
	defer func() {
		<-d.turn
		if err == nil {
			for _, f := range after {
				f()
			}
		}
	}()
	if d.writer == nil {
		if d.writer, err = d.pool.Conn(ctx); err != nil {
			return fmt.Errorf("take the writer: %w", err)
		}
		d.writes.on = d.writer
	}
	// Once begun, a transaction ends by our COMMIT or ROLLBACK, not by the
	// caller going away in the middle of a statement.
	own := context.WithoutCancel(ctx)
	if _, err = d.writes.ExecContext(own, "BEGIN IMMEDIATE"); err != nil {
		d.dropBrokenWriter(err)
		return fmt.Errorf("begin: %w", err)
	}
	done := false
	defer func() {
		if !done {
			if _, rerr := d.writes.ExecContext(own, "ROLLBACK"); rerr != nil {
				d.dropBrokenWriter(driver.ErrBadConn)
			}
		}
	}()
	tx := &Tx{traced: traced{&d.writes}, engine: SQLite, conn: d.writer}
	if err = fn(tx); err != nil {
		return err
	}
	if err = ctx.Err(); err != nil {
		return err
	}
	if _, err = d.writes.ExecContext(own, "COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	done = true
	after = tx.after
	return nil
}

func (d *DB) dropBrokenWriter(err error) {
	if !errors.Is(err, driver.ErrBadConn) && !errors.Is(err, sql.ErrConnDone) {
		return
	}
	d.writes.close()
	_ = d.writer.Raw(func(any) error { return driver.ErrBadConn })
	d.writer.Close()
	d.writer = nil
}

// retryable says whether running the transaction again can help:
// PostgreSQL 40001 serialization_failure, 40P01 deadlock_detected; SQLITE_BUSY.
// So it can where a connection was found broken before anything was done on
// it: each attempt drops one, and the next is made anew.
func retryable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code()&0xff == sqlite3.SQLITE_BUSY
	}
	return errors.As(err, new(notBegun))
}

// notBegun is a transaction that failed before its first statement.
type notBegun struct{ error }

func (e notBegun) Error() string { return "begin: " + e.error.Error() }
func (e notBegun) Unwrap() error { return e.error }

// IsUnique reports a unique or primary-key violation on either engine.
func IsUnique(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}
