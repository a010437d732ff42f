// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/id"
	"danh/internal/keys"
)

// TestMain plays the server that is killed when the parent test asks for it.
func TestMain(m *testing.M) {
	if url := os.Getenv("AUDIT_TEST_VICTIM"); url != "" {
		if err := victim(url, os.Getenv("AUDIT_TEST_DIR")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// victim records as fast as it can and writes to its output, line by line,
// whose entry has been acknowledged.
func victim(url, dir string) error {
	ctx := context.Background()
	d, err := db.Open(ctx, db.Config{URL: url})
	if err != nil {
		return err
	}
	k, err := keys.Open(keys.Config{Dir: filepath.Join(dir, "keys"), Clock: clock.System()})
	if err != nil {
		return err
	}
	l, err := audit.New(audit.Config{DB: d, Clock: clock.System(), Dir: filepath.Join(dir, "audit"), Keys: k})
	if err != nil {
		return err
	}
	go func() { _ = l.RunSealer(ctx) }()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				p := id.NewPerson()
				if err := l.Record(ctx, look(p, i)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				mu.Lock()
				fmt.Println(p)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return nil
}

func TestKillDashNineLosesNothing(t *testing.T) {
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		t.Run(string(e), func(t *testing.T) {
			url, dir := dbtest.URL(t, e, schemas), t.TempDir()
			var acknowledged []string
			rounds := 5
			if testing.Short() {
				rounds = 2
			}
			for round := range rounds {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), "AUDIT_TEST_VICTIM="+url, "AUDIT_TEST_DIR="+dir)
				var complaints strings.Builder
				cmd.Stderr = &complaints
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				lines := make(chan []string)
				go func() {
					var got []string
					for s := bufio.NewScanner(out); s.Scan(); {
						if len(s.Text()) == 36 {
							got = append(got, s.Text())
						}
					}
					lines <- got
				}()
				time.Sleep(time.Duration(500+170*round) * time.Millisecond)
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				got := <-lines
				_ = cmd.Wait()
				if len(got) == 0 {
					t.Fatalf("the victim did nothing: %s", &complaints)
				}
				acknowledged = append(acknowledged, got...)
			}
			d, err := db.Open(t.Context(), db.Config{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			f := openAt(t, d, dir)
			if r := f.verify(t); !r.OK() { // as the crash left it
				t.Fatalf("%v", r.Problems)
			}
			f.clock.Set(time.Now().Add(time.Minute)) // the dead server's lease is over
			f.seal(t)
			r := f.verify(t)
			if !r.OK() || r.Waiting != 0 || int64(r.Size) < int64(len(acknowledged)) {
				t.Fatalf("%d acknowledged: %+v", len(acknowledged), r)
			}
			sealed := map[string]bool{}
			rows, err := d.Read().QueryContext(t.Context(), `SELECT subject FROM audit_entry WHERE seq IS NOT NULL`)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			for rows.Next() {
				var p id.Person
				if err := rows.Scan(&p); err != nil {
					t.Fatal(err)
				}
				sealed[p.String()] = true
			}
			for _, a := range acknowledged {
				if !sealed[a] {
					t.Fatalf("an acknowledged entry is missing: %s", a)
				}
			}
			t.Logf("%d acknowledged, %d in the log, %d former checkpoints", len(acknowledged), r.Size, r.Checkpoints)
		})
	}
}
