// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Schema is a room's migrations: files schema/NNNNN_name.sql in goose's format.
type Schema struct {
	Room string
	FS   embed.FS
}

// order is the import list; a room's place in it is the high part of its
// migrations' version numbers, so places are never reassigned.
var order = map[string]int64{
	"seal": 1, "job": 2,
	"audit": 10, "notify": 20, "biometric": 30,
	"unit": 40, "population": 41, "residence": 42, "card": 43, "immigration": 44, "organisation": 45,
	"office": 50, "partner": 60, "account": 70, "provider": 80, "payment": 90, "wallet": 100,
	"enrolment": 110, "procedure": 120, "health": 130, "agency": 140, "web": 150,
}

const perRoom = 100_000

// vocabulary is what one migration text says differently on each engine.
// ${BY_KEY} behind a table of small rows keeps them in the primary key's tree
// instead of in one of their own beside it.
func vocabulary(e Engine) *strings.Replacer {
	if e == PostgreSQL {
		return strings.NewReplacer("${BYTES}", "bytea", "${JSON}", "text", "${C}", `COLLATE "C"`, "${BLOBLEN}", "octet_length", "${BY_KEY}", "")
	}
	return strings.NewReplacer("${BYTES}", "BLOB", "${JSON}", "TEXT", "${C}", "", "${BLOBLEN}", "length", "${BY_KEY}", "WITHOUT ROWID")
}

// Migrate brings the rooms' tables up to date, in the order of the import list.
// It is safe to run by several servers at once and cheap when nothing is to do:
// a fingerprint of all migration texts is kept in the database.
func Migrate(ctx context.Context, d *DB, schemas []Schema) error {
	if len(schemas) == 0 {
		return nil
	}
	files, print, err := collect(d.engine, schemas)
	if err != nil {
		return fmt.Errorf("collect migrations: %w", err)
	}
	var have string
	if err := d.Read().QueryRowContext(ctx, `SELECT fingerprint FROM db_fingerprint WHERE only_row = 1`).Scan(&have); err == nil && have == print {
		return nil
	}
	driver, dsn, dialect := "pgx", d.url, goose.DialectPostgres
	opts := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithAllowOutofOrder(true), goose.WithTableName("db_migration")}
	if d.engine == SQLite {
		driver, dsn, dialect = "sqlite", sqliteDSN(strings.TrimPrefix(d.url, "sqlite:")), goose.DialectSQLite3
	} else {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return fmt.Errorf("migration lock: %w", err)
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		return fmt.Errorf("open for migration: %w", err)
	}
	defer pool.Close()
	p, err := goose.NewProvider(dialect, pool, files, opts...)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := pool.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS db_fingerprint (only_row BIGINT PRIMARY KEY, fingerprint TEXT NOT NULL)`); err != nil {
		return fmt.Errorf("keep the fingerprint: %w", err)
	}
	if _, err := pool.ExecContext(ctx, `INSERT INTO db_fingerprint (only_row, fingerprint) VALUES (1, $1)
		ON CONFLICT (only_row) DO UPDATE SET fingerprint = excluded.fingerprint`, print); err != nil {
		return fmt.Errorf("keep the fingerprint: %w", err)
	}
	return nil
}

func collect(e Engine, schemas []Schema) (folder, string, error) {
	words := vocabulary(e)
	var out folder
	sum := sha256.New()
	for _, s := range schemas {
		place, ok := order[s.Room]
		if !ok {
			return nil, "", fmt.Errorf("room %q has no place in the import list", s.Room)
		}
		names, err := fs.Glob(s.FS, "schema/*.sql")
		if err != nil {
			return nil, "", err
		}
		if len(names) == 0 {
			return nil, "", fmt.Errorf("room %q has no migration", s.Room)
		}
		for _, name := range names {
			text, err := s.FS.ReadFile(name)
			if err != nil {
				return nil, "", err
			}
			base := strings.TrimPrefix(name, "schema/")
			num, rest, _ := strings.Cut(base, "_")
			n, err := strconv.ParseInt(num, 10, 64)
			if err != nil || n < 1 || n >= perRoom {
				return nil, "", fmt.Errorf("%s: the name must be NNNNN_name.sql", name)
			}
			out = append(out, file{
				name: fmt.Sprintf("%08d_%s_%s", place*perRoom+n, s.Room, rest),
				body: []byte(words.Replace(string(text))),
			})
		}
	}
	slices.SortFunc(out, func(a, b file) int { return strings.Compare(a.name, b.name) })
	for i, f := range out {
		if i > 0 && out[i-1].name[:8] == f.name[:8] {
			return nil, "", fmt.Errorf("%s and %s share a number", out[i-1].name, f.name)
		}
		fmt.Fprintf(sum, "%s\x00%d\x00", f.name, len(f.body))
		sum.Write(f.body)
	}
	return out, hex.EncodeToString(sum.Sum(nil)), nil
}

// folder is a read-only file system of the migrations of all rooms.
type folder []file

type file struct {
	name string
	body []byte
}

// Open implements fs.FS.
func (d folder) Open(name string) (fs.File, error) {
	if name == "." {
		return &handle{info: info{name: ".", dir: true}, list: d}, nil
	}
	for _, f := range d {
		if f.name == name {
			return &handle{info: info{name: f.name, size: int64(len(f.body))}, Reader: bytes.NewReader(f.body)}, nil
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

type handle struct {
	info
	*bytes.Reader
	list folder
}

func (h *handle) Stat() (fs.FileInfo, error) { return h.info, nil }
func (h *handle) Size() int64                { return h.info.size }
func (h *handle) Close() error               { return nil }
func (h *handle) Read(p []byte) (int, error) {
	if h.Reader == nil {
		return 0, io.EOF
	}
	return h.Reader.Read(p)
}

// ReadDir implements fs.ReadDirFile.
func (h *handle) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(h.list) == 0 {
		return nil, io.EOF
	}
	var out []fs.DirEntry
	for len(h.list) > 0 && (n <= 0 || len(out) < n) {
		out = append(out, fs.FileInfoToDirEntry(info{name: h.list[0].name, size: int64(len(h.list[0].body))}))
		h.list = h.list[1:]
	}
	return out, nil
}

type info struct {
	name string
	size int64
	dir  bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
