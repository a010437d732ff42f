// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/internal/db"
	"danh/internal/dbtest"
)

// TestBackupAndRestore takes a backup as docs/operate.md says, while people
// open accounts, restores it elsewhere, and holds the restored server to what
// had been acknowledged before the backup began.
func TestBackupAndRestore(t *testing.T) {
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			s, log := running(t, e, 2000)
			c := openAccounts(t, s)
			c.await(t, 6)
			known := c.list()

			// 1. The keys and the tree first, the database last.
			back := t.TempDir()
			shell(t, "cp", "-a", filepath.Join(s.dir, "keys"), filepath.Join(s.dir, "audit"), filepath.Join(s.dir, "sandbox"), back)
			c.await(t, 3)
			restored := ""
			if e == db.SQLite {
				shell(t, "sqlite3", filepath.Join(s.dir, "danh.db"), "VACUUM INTO '"+filepath.Join(back, "danh.db")+"'")
			} else {
				bin, err := dbtest.Binaries()
				if err != nil {
					t.Fatal(err)
				}
				restored = dbtest.URL(t, e, nil)
				dump := filepath.Join(back, "danh.dump")
				shell(t, filepath.Join(bin, "pg_dump"), "--format=custom", "--file="+dump, s.database)
				shell(t, filepath.Join(bin, "pg_restore"), "--no-owner", "--dbname="+restored, dump)
			}
			c.finish(t)
			s.stop()

			// 2. Elsewhere: the tree is made to agree, the log is proved, the server starts.
			p, err := freePorts()
			if err != nil {
				t.Fatal(err)
			}
			n := &stack{dir: back, database: restored, ports: p, log: log}
			var out bytes.Buffer
			if err := n.self(t.Context(), &out, "audit", "rebuild"); err != nil {
				t.Fatalf("audit rebuild: %v", err)
			}
			auditVerifies(t, n)
			t.Cleanup(n.stop)
			if err := n.startSandbox(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := n.startServe(t.Context()); err != nil {
				t.Fatalf("%v\n%s", err, tail(log.String()))
			}
			for i, r := range known {
				if _, err := r.Move(n.env()).SignIn(t.Context()); err != nil {
					t.Errorf("account %d was acknowledged before the backup and is not in it: %v", i, err)
				}
			}
			for end := time.Now().Add(20 * time.Second); !strings.Contains(metrics(t, n), "danh_audit_waiting 0\n"); time.Sleep(time.Second) {
				if time.Now().After(end) {
					t.Fatal("the restored server does not seal its log")
				}
			}
			auditVerifies(t, n)
		})
	}
}

func shell(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(name), err, out)
	}
}
