// SPDX-License-Identifier: Apache-2.0

// Package db owns the connection to the one database: SQLite in the data
// folder (the embedded default) or PostgreSQL. Rooms write one set of
// statements for both, in the common subset of docs/decisions/0002.
//
// It refuses long-lived locks and hidden state: a transaction is a function
// that may run again, because serialisation failures are retried here and
// nowhere else. Promise: what Write returned nil for is on disk; what it
// returned an error for left nothing behind.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers "pgx"
	_ "modernc.org/sqlite"             // registers "sqlite"
)

// Engine names the database in use.
type Engine string

// The two engines.
const (
	SQLite     Engine = "sqlite"
	PostgreSQL Engine = "postgresql"
)

// Q is what statements run on: a transaction or the readers.
type Q interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Config says where the data is.
type Config struct {
	URL         string // "sqlite:/path/danh.db" or "postgres://user@host/name"
	Readers     int    // readers' pool; 0 means 4 on SQLite, 16 on PostgreSQL
	Connections int    // PostgreSQL writers' pool; 0 means 16
	Log         *slog.Logger
}

// DB is the database. It is safe for concurrent use.
type DB struct {
	engine Engine
	url    string
	log    *slog.Logger

	readers *sql.DB
	reads   statements // prepared on the readers' pool (SQLite only)

	pool   *sql.DB       // writers
	turn   chan struct{} // SQLite: the one writer's turn
	writer *sql.Conn     // SQLite: the one writer's connection
	writes statements    // prepared on writer, guarded by turn
}

// Open connects and checks that the database answers.
func Open(ctx context.Context, c Config) (*DB, error) {
	d := &DB{url: c.URL, log: c.Log}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	var err error
	switch {
	case strings.HasPrefix(c.URL, "sqlite:"):
		err = d.openSQLite(ctx, c)
	case strings.HasPrefix(c.URL, "postgres://"), strings.HasPrefix(c.URL, "postgresql://"):
		err = d.openPostgreSQL(ctx, c)
	default:
		err = errors.New(`the database address must begin with "sqlite:" or "postgres://"`)
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	return d, nil
}

func sqliteDSN(path string, pragmas ...string) string {
	v := url.Values{"_txlock": {"immediate"}}
	for _, p := range append([]string{
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "cache_size(-4000)",
	}, pragmas...) {
		v.Add("_pragma", p)
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode()
}

func (d *DB) openSQLite(ctx context.Context, c Config) (err error) {
	d.engine = SQLite
	path := strings.TrimPrefix(c.URL, "sqlite:")
	// Made by us the file is the server's alone, and its log beside it takes the
	// same mode: names lie clear in it. One that stands keeps what it was given.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if d.pool, err = sql.Open("sqlite", sqliteDSN(path)); err != nil {
		return err
	}
	d.pool.SetMaxOpenConns(1)
	if err = d.pool.PingContext(ctx); err != nil {
		return err
	}
	d.turn = make(chan struct{}, 1)
	if d.readers, err = sql.Open("sqlite", sqliteDSN(path, "query_only(1)")); err != nil {
		return err
	}
	n := c.Readers
	if n == 0 {
		n = 4
	}
	d.readers.SetMaxOpenConns(n)
	d.readers.SetMaxIdleConns(n)
	d.reads.on = d.readers
	return nil
}

func (d *DB) openPostgreSQL(ctx context.Context, c Config) (err error) {
	d.engine = PostgreSQL
	if d.pool, err = sql.Open("pgx", c.URL); err != nil {
		return err
	}
	n := c.Connections
	if n == 0 {
		n = 16
	}
	d.pool.SetMaxOpenConns(n)
	d.pool.SetMaxIdleConns(n)
	d.pool.SetConnMaxIdleTime(5 * time.Minute)
	if n = c.Readers; n == 0 {
		n = 16
	}
	if d.readers, err = sql.Open("pgx", c.URL); err != nil {
		return err
	}
	d.readers.SetMaxOpenConns(n)
	d.readers.SetMaxIdleConns(n)
	d.readers.SetConnMaxIdleTime(5 * time.Minute)
	return d.pool.PingContext(ctx)
}

// Engine tells which database this is. Rooms have no use for it except in
// bulk loading.
func (d *DB) Engine() Engine { return d.engine }

// Ping checks that the database answers.
func (d *DB) Ping(ctx context.Context) error { return d.readers.PingContext(ctx) }

// Close ends all connections. On SQLite the write-ahead log is folded in.
func (d *DB) Close() error {
	var errs []error
	d.reads.close()
	if d.readers != nil {
		errs = append(errs, d.readers.Close())
	}
	if d.turn != nil {
		d.turn <- struct{}{}
		d.writes.close()
		if d.writer != nil {
			errs = append(errs, d.writer.Close())
			d.writer = nil
		}
		<-d.turn
	}
	if d.pool != nil {
		errs = append(errs, d.pool.Close())
	}
	return errors.Join(errs...)
}

// Read gives the readers' pool: each statement sees the latest commit.
func (d *DB) Read() Q {
	if d.engine == SQLite {
		return traced{&d.reads}
	}
	return traced{d.readers}
}

// Snapshot runs several reads on one snapshot of the data.
func (d *DB) Snapshot(ctx context.Context, fn func(q Q) error) error {
	opts := &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
	if d.engine == SQLite {
		opts = &sql.TxOptions{ReadOnly: true}
	}
	tx, err := d.readers.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("begin snapshot: %w", err)
	}
	defer tx.Rollback()
	return fn(traced{tx})
}

// statements keeps statements prepared, by text. There are as many as the
// rooms have, so it needs no limit.
type statements struct {
	on interface {
		Q
		PrepareContext(context.Context, string) (*sql.Stmt, error)
	}
	mu     sync.RWMutex
	byText map[string]*sql.Stmt
}

func (s *statements) of(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.RLock()
	st := s.byText[query]
	s.mu.RUnlock()
	if st != nil {
		return st, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if st = s.byText[query]; st != nil {
		return st, nil
	}
	st, err := s.on.PrepareContext(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, err
	}
	if s.byText == nil {
		s.byText = map[string]*sql.Stmt{}
	}
	s.byText[query] = st
	return st, nil
}

func (s *statements) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.byText {
		st.Close()
	}
	s.byText = nil
}

func (s *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, err := s.of(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(ctx, args...)
}

func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := s.of(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

func (s *statements) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	st, err := s.of(ctx, query)
	if err != nil {
		return s.on.QueryRowContext(ctx, query, args...) // fails alike, with a Row to carry the error
	}
	return st.QueryRowContext(ctx, args...)
}
