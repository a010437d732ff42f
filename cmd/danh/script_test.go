// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts plays the commands as an operator types them.
func TestScripts(t *testing.T) {
	exe, err := program()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(exe)+":"+e.Getenv("PATH"))
			e.Setenv("DANH_METRICS", "")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "mode": mode, "spoil": spoil, "grepbytes": grepBytes, "takeoldest": takeOldest,
		},
		RequireUniqueNames: true,
	})
}

// exits N COMMAND… runs a command that must end with the exit code N.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil || len(args) < 2 {
		ts.Fatalf("usage: exits N COMMAND…")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var x *exec.ExitError
		if !errors.As(err, &x) {
			ts.Fatalf("%v", err)
		}
		got = x.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
}

// mode MODE FILE… looks at permission bits; FILE may be a pattern.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	for _, pattern := range args[1:] {
		names, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		if len(names) == 0 {
			ts.Fatalf("there is no %s", pattern)
		}
		for _, n := range names {
			st, err := os.Stat(n)
			ts.Check(err)
			if got := fmt.Sprintf("%o", st.Mode().Perm()); (got == args[0]) == neg {
				ts.Fatalf("%s has the mode %s", n, got)
			}
		}
	}
}

// spoil FROM TO copies a feed as another file whose lines 3 and 5 are bad.
func spoil(ts *testscript.TestScript, _ bool, args []string) {
	all := strings.SplitAfter(ts.ReadFile(args[0]), "\n")
	if len(all) < 10 {
		ts.Fatalf("the feed is too short")
	}
	all[0] = strings.Replace(all[0], `"seed":`, `"seed":1`, 1)
	was := all[2] + all[4]
	all[2] = regexp.MustCompile(`"birth_date":"[^"]*"`).ReplaceAllString(all[2], `"birth_date":"1990-02-31"`)
	all[4] = "{\n"
	if all[2]+all[4] == was {
		ts.Fatalf("nothing was spoilt")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Join(all, "")), 0o600))
}

// grepbytes PATTERN FOLDER looks in every file of a folder.
func grepBytes(ts *testscript.TestScript, neg bool, args []string) {
	re, found, files := regexp.MustCompile(args[0]), false, 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found, files = found || re.Match(b), files+1
		return err
	}))
	if files == 0 || found == neg {
		ts.Fatalf("%d files, found: %v", files, found)
	}
}

// takeOldest PURPOSE removes the key that does not sign any more, as the
// runbook says: by the name that danh keys list gives.
func takeOldest(ts *testscript.TestScript, _ bool, args []string) {
	for l := range strings.Lines(ts.ReadFile("stdout")) {
		if f := strings.Split(l, "\t"); f[0] == args[0] && f[2] != "signs" {
			ts.Check(os.Remove(ts.MkAbs(filepath.Join("var", "keys", f[0]+"."+f[1]+".key"))))
			return
		}
	}
	ts.Fatalf("every key signs")
}

// TestEveryCommandShowsAnExample: help that only lists flags helps nobody who
// does not know the command.
func TestEveryCommandShowsAnExample(t *testing.T) {
	p, err := kong.New(&cli{}, kong.Name("danh"), purposes)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, leaf := range p.Model.Leaves(true) {
		n++
		var path []string
		for at := leaf; at.Type != kong.ApplicationNode; at = at.Parent {
			path = append([]string{at.Name}, path...)
		}
		var out, errs bytes.Buffer
		if code := run(t.Context(), append(path, "--help"), &out, &errs); code != 0 {
			t.Errorf("danh %s --help ends with %d: %s", strings.Join(path, " "), code, errs.String())
		}
		example := out.String()[max(0, strings.Index(out.String(), "Example")):]
		if !strings.Contains(example, "danh "+path[0]) {
			t.Errorf("danh %s --help shows no example", strings.Join(path, " "))
		}
		if leaf.Help == "" {
			t.Errorf("danh %s says nothing of itself", strings.Join(path, " "))
		}
		for _, f := range leaf.Flags {
			if f.Help == "" {
				t.Errorf("danh %s --%s has no help", strings.Join(path, " "), f.Name)
			}
		}
	}
	if n < 12 {
		t.Fatalf("only %d commands were looked at", n)
	}
}
