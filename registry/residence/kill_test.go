// SPDX-License-Identifier: Apache-2.0

package residence_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/feed"
	"danh/registry/residence"
)

// TestImportInAnotherProcess is the process that the next test kills.
func TestImportInAnotherProcess(t *testing.T) {
	path, url := os.Getenv("DANH_KILL_FEED"), os.Getenv("DANH_KILL_DB")
	if path == "" {
		t.Skip("runs only as the process that TestImportKilled starts")
	}
	d, err := db.Open(t.Context(), db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = registriesOn(t, d, clock.System()).places.Import(t.Context(), residence.ImportConfig{Chunk: 50, Rejects: path + ".rejects",
		Progress: func(p residence.Progress) { fmt.Printf("chunk %d\n", p.Lines) }}, f)
	if err != nil {
		t.Fatal(err)
	}
}

// TestImportKilled kills the importing process again and again, at moments of
// the machine's choosing, and asks for every person, once.
func TestImportKilled(t *testing.T) {
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			url := dbtest.URL(t, e, schemas)
			path := filepath.Join(t.TempDir(), "people.jsonl")
			if err := os.WriteFile(path, write(t, "2026-11-01", 1500, func(p *feed.Person) {
				if strings.HasSuffix(p.Ref, "99") {
					p.Name = "-" // rejected
				}
			}, nil), 0o600); err != nil {
				t.Fatal(err)
			}
			kills := 0
			for {
				chunks := 0
				cmd := exec.Command(os.Args[0], "-test.run", "^TestImportInAnotherProcess$")
				cmd.Env = append(os.Environ(), "DANH_KILL_FEED="+path, "DANH_KILL_DB="+url)
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				for s := bufio.NewScanner(out); s.Scan(); {
					if strings.HasPrefix(s.Text(), "chunk ") {
						if chunks++; chunks == 12 && kills < 5 {
							_ = cmd.Process.Kill()
							kills++
						}
					}
				}
				if err := cmd.Wait(); err == nil {
					break
				} else if chunks < 12 {
					t.Fatalf("the import failed of itself after %d chunks: %v", chunks, err)
				}
			}
			if kills < 5 {
				t.Errorf("the process was killed %d times only", kills)
			}
			d, err := db.Open(t.Context(), db.Config{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			for table, n := range map[string]int{"population_person": 2970, "population_number": 2970, "population_number_index": 2970, "population_relation": 2970,
				"seal_key": 2970, "residence_household": 1500, "residence_member": 3000, "residence_temporary": 150, "residence_stay_party": 150} {
				if got := count(t, d, table); got != n {
					t.Errorf("%s has %d rows, want %d", table, got, n)
				}
			}
			b, err := os.ReadFile(path + ".rejects")
			if err != nil || strings.Count(string(b), "\n") != 30 {
				t.Errorf("%d rejects, want 30: %v", strings.Count(string(b), "\n"), err)
			}
		})
	}
}
