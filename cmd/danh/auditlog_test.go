// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"danh/audit"
	"danh/internal/browse"
	"danh/internal/db"
	"danh/tour"
)

// TestAuditCommands takes a proof home through the door, checks it with the
// published key, and then alters a row behind the server's back.
func TestAuditCommands(t *testing.T) {
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			s, _ := running(t, e, 300)
			a, err := tour.Take(t.Context(), s.env(), "min=20&max=80&phone=own&exact=1")
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			v, err := a.SignIn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			entry, proof := takeProof(t, v)

			dir := t.TempDir()
			file := func(name, text string) string {
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			exits := func(want int, args ...string) string {
				t.Helper()
				var out bytes.Buffer
				code := 0
				if err := s.self(context.Background(), &out, args...); err != nil {
					code = 1
					if strings.Contains(err.Error(), "exit status 2") {
						code = 2
					}
					out.WriteString(err.Error())
				}
				if code != want {
					t.Errorf("danh %s ends with %d, not %d: %s", strings.Join(args, " "), code, want, out.String())
				}
				return out.String()
			}
			key := file("danh.vkey", exits(0, "audit", "key"))
			if out := exits(0, "audit", "check", file("proof.json", proof), "--key", key); !strings.Contains(out, "proved: entry") || !strings.Contains(out, "id "+entry) {
				t.Errorf("the check says %q", out)
			}
			altered := strings.Replace(proof, "action ", "action x", 1)
			if altered == proof {
				t.Fatal("the proof could not be altered")
			}
			if out := exits(1, "audit", "check", file("altered.json", altered), "--key", key); !strings.Contains(out, "NOT PROVED") {
				t.Errorf("an altered proof: %q", out)
			}
			other := exits(0, "audit", "key", "--data", filepath.Join(dir, "other"), "--database", "sqlite:"+filepath.Join(dir, "other.db"))
			if out := exits(1, "audit", "check", filepath.Join(dir, "proof.json"), "--key", file("other.vkey", other)); !strings.Contains(out, "NOT PROVED") {
				t.Errorf("a proof of another log: %q", out)
			}
			exits(2, "audit", "check", filepath.Join(dir, "proof.json"))

			if err := s.serve.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := s.serve.Wait(); err != nil {
				t.Fatal(err)
			}
			auditVerifies(t, s)
			tamper(t, s, entry)
			if out := exits(1, "audit", "verify"); !strings.Contains(out, "NOT AS WRITTEN") || !strings.Contains(out, entry) {
				t.Errorf("after the alteration, audit verify says %q and not that %s was altered", out, entry)
			}
		})
	}
}

// takeProof downloads the proof of the first look in her list.
func takeProof(t *testing.T, v *tour.Visit) (entry, proof string) {
	t.Helper()
	p, err := v.Page(t.Context(), "/looked")
	if err != nil {
		t.Fatal(err)
	}
	rows := p.All(`li.look a.ask[href^="/looked/"]`)
	if len(rows) == 0 {
		t.Fatal("nobody has looked")
	}
	at := browse.Attr(rows[0], "href")
	if _, err := proved(t.Context(), v, at); err != nil {
		t.Fatal(err)
	}
	if p, err = v.Page(t.Context(), at+"/proof"); err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(at, "/looked/"), string(p.Body)
}

// tamper alters one entry as somebody with the database's password could.
func tamper(t *testing.T, s *stack, entry string) {
	t.Helper()
	id, err := audit.ParseID(entry)
	if err != nil {
		t.Fatal(err)
	}
	d := openData(t, s)
	err = d.Write(t.Context(), func(tx *db.Tx) error {
		var one int
		return tx.QueryRowContext(t.Context(), `UPDATE audit_entry SET action = 'population.unread' WHERE id = $1 RETURNING 1`, id).Scan(&one)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func openData(t *testing.T, s *stack) *db.DB {
	t.Helper()
	d, err := dataFlags{Data: s.dir, Database: s.database}.open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// TestImportInterrupted kills an import in the middle and runs it again: it
// goes on where it was, and nobody is loaded twice.
func TestImportInterrupted(t *testing.T) {
	const people = 30_000
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			s := &stack{dir: t.TempDir(), log: &safeBuffer{}}
			if _, err := program(); err != nil {
				t.Fatal(err)
			}
			if e == db.PostgreSQL {
				s.database = postgres(t)
			}
			feed := filepath.Join(s.dir, "people.jsonl")
			if err := s.self(t.Context(), &bytes.Buffer{}, "sandbox", "people", "--count", "30000", "--seed", "5", "--out", feed); err != nil {
				t.Fatal(err)
			}
			if err := s.self(t.Context(), &bytes.Buffer{}, "migrate"); err != nil {
				t.Fatal(err)
			}
			d := openData(t, s)
			held := func(q string) (n int64) {
				if err := d.Read().QueryRowContext(t.Context(), q).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			}
			cmd, err := s.command("import", "people", feed, "--quiet")
			if err != nil {
				t.Fatal(err)
			}
			if err := start(cmd); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(time.Minute); held(`SELECT COUNT(*) FROM population_person`) == 0; time.Sleep(2 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("nothing is imported")
				}
			}
			_ = cmd.Process.Kill()
			if err := cmd.Wait(); err == nil {
				t.Fatal("the import was over before it could be interrupted: it needs more people")
			}
			before := held(`SELECT COUNT(*) FROM population_person`)
			if before == 0 || before >= people {
				t.Fatalf("%d people were loaded at the interruption", before)
			}
			var out bytes.Buffer
			if err := s.self(t.Context(), &out, "import", "people", feed, "--quiet"); err != nil {
				t.Fatal(err)
			}
			if n := held(`SELECT COUNT(*) FROM population_person`); n != people {
				t.Errorf("%d people are held, not %d", n, people)
			}
			if n := held(`SELECT COUNT(*) FROM residence_import`); n != 1 {
				t.Errorf("%d imports are noted", n)
			}
			if !strings.Contains(out.String(), "30000 people") || !strings.Contains(out.String(), " 0 rejected") {
				t.Errorf("the second run says %q", out.String())
			}
			t.Logf("interrupted after %d people", before)
		})
	}
}
