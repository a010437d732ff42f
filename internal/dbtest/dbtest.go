// SPDX-License-Identifier: Apache-2.0

// Package dbtest gives each test a fresh, migrated database on both engines.
//
// PostgreSQL is the server named by DANH_TEST_POSTGRES (a superuser's address)
// or, without it, a private one started from the installed binaries for this
// test process. Migrations run once per set of schemas into a template that
// every test copies, so tests are honest and may run in parallel.
package dbtest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/internal/db"
	"danh/internal/id"
)

// Seed is data that a template holds beside the tables.
type Seed struct {
	Name string // names the data: the same name must mean the same data
	Load func(ctx context.Context, d *db.DB) error
}

// Run runs the body on SQLite and on PostgreSQL, each with a fresh database.
func Run(t *testing.T, schemas []db.Schema, body func(t *testing.T, d *db.DB), seeds ...Seed) {
	t.Helper()
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		t.Run(string(e), func(t *testing.T) { body(t, Open(t, e, schemas, seeds...)) })
	}
}

// Open gives one fresh database, closed and removed when the test ends.
func Open(t testing.TB, e db.Engine, schemas []db.Schema, seeds ...Seed) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), db.Config{URL: URL(t, e, schemas, seeds...), Readers: 4, Connections: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// URL gives the address of one fresh, migrated database, removed when the test
// ends; for tests that start the program itself.
func URL(t testing.TB, e db.Engine, schemas []db.Schema, seeds ...Seed) string {
	t.Helper()
	ctx := context.Background()
	schemas = distinct(schemas)
	name := fingerprint(t, schemas, seeds)
	if e == db.SQLite {
		raw, err := liteTemplates.of(name, func() ([]byte, error) { return liteTemplate(ctx, schemas, seeds) })
		if err != nil {
			t.Fatalf("prepare SQLite: %v", err)
		}
		path := filepath.Join(t.TempDir(), "danh.db")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return "sqlite:" + path
	}
	server, err := server()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v\nrun make test, which installs it, or set DANH_TEST_POSTGRES", err)
	}
	tpl, err := pgTemplates.of(name, func() (string, error) { return pgTemplate(ctx, server, name, schemas, seeds) })
	if err != nil {
		t.Fatalf("prepare PostgreSQL: %v", err)
	}
	fresh := "t_" + strings.ReplaceAll(id.NewPerson().String(), "-", "")
	if err := admin(ctx, server, "CREATE DATABASE "+fresh+" TEMPLATE "+tpl); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin(ctx, server, "DROP DATABASE IF EXISTS "+fresh+" WITH (FORCE)") })
	return at(server, fresh)
}

type once[T any] struct {
	mu sync.Mutex
	m  map[string]func() (T, error)
}

func (o *once[T]) of(name string, make_ func() (T, error)) (T, error) {
	o.mu.Lock()
	if o.m == nil {
		o.m = map[string]func() (T, error){}
	}
	f := o.m[name]
	if f == nil {
		f = sync.OnceValues(make_)
		o.m[name] = f
	}
	o.mu.Unlock()
	return f()
}

var (
	liteTemplates once[[]byte]
	pgTemplates   once[string]
)

// distinct leaves each room's schema where it stands first: tests furnish houses of
// several rooms, which bring their neighbours along.
func distinct(schemas []db.Schema) []db.Schema {
	var out []db.Schema
	for _, s := range schemas {
		if !slices.ContainsFunc(out, func(o db.Schema) bool { return o.Room == s.Room }) {
			out = append(out, s)
		}
	}
	return out
}

func fingerprint(t testing.TB, schemas []db.Schema, seeds []Seed) string {
	sum := sha256.New()
	for _, s := range schemas {
		fmt.Fprintf(sum, "%s\x00", s.Room)
		err := fs.WalkDir(s.FS, ".", func(p string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := s.FS.ReadFile(p)
			fmt.Fprintf(sum, "%s\x00%d\x00", p, len(b))
			sum.Write(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range seeds {
		// A seed's data is made by the code under test: each process makes its own.
		fmt.Fprintf(sum, "%s\x00%d", s.Name, os.Getpid())
	}
	return hex.EncodeToString(sum.Sum(nil)[:12])
}

func fill(ctx context.Context, url string, schemas []db.Schema, seeds []Seed) error {
	d, err := db.Open(ctx, db.Config{URL: url})
	if err != nil {
		return err
	}
	defer d.Close()
	if err := db.Migrate(ctx, d, schemas); err != nil {
		return err
	}
	for _, s := range seeds {
		if err := s.Load(ctx, d); err != nil {
			return fmt.Errorf("seed %s: %w", s.Name, err)
		}
	}
	return nil
}

func liteTemplate(ctx context.Context, schemas []db.Schema, seeds []Seed) ([]byte, error) {
	dir, err := os.MkdirTemp("", "danh-lite-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "template.db")
	if err := fill(ctx, "sqlite:"+path, schemas, seeds); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

func pgTemplate(ctx context.Context, server, name string, schemas []db.Schema, seeds []Seed) (string, error) {
	tpl, tmp := "tpl_"+name, fmt.Sprintf("tmp_%s_%d", name, os.Getpid())
	pool, err := sql.Open("pgx", server)
	if err != nil {
		return "", err
	}
	defer pool.Close()
	var there bool
	if err := pool.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", tpl).Scan(&there); err != nil {
		return "", err
	}
	if there {
		return tpl, nil
	}
	if _, err := pool.ExecContext(ctx, "CREATE DATABASE "+tmp); err != nil {
		return "", err
	}
	if err := fill(ctx, at(server, tmp), schemas, seeds); err != nil {
		_ = admin(ctx, server, "DROP DATABASE IF EXISTS "+tmp+" WITH (FORCE)")
		return "", err
	}
	// A connection that has just been closed may linger on the server.
	for n := 0; ; n++ {
		_, err = pool.ExecContext(ctx, "ALTER DATABASE "+tmp+" RENAME TO "+tpl)
		if err == nil || n == 50 || !strings.Contains(err.Error(), "55006") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil && strings.Contains(err.Error(), "42P04") { // another process was first
		return tpl, admin(ctx, server, "DROP DATABASE IF EXISTS "+tmp+" WITH (FORCE)")
	}
	return tpl, err
}

func admin(ctx context.Context, server, statement string) error {
	pool, err := sql.Open("pgx", server)
	if err != nil {
		return err
	}
	defer pool.Close()
	for n := 0; ; n++ {
		_, err = pool.ExecContext(ctx, statement)
		if err == nil || n == 50 || !strings.Contains(err.Error(), "55006") { // object_in_use
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func at(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server
	}
	u.Path = "/" + name
	return u.String()
}
