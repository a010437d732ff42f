// SPDX-License-Identifier: Apache-2.0

package danh_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// house is the import list of docs/decisions/0001: a package imports only what
// stands earlier in the list or beneath itself.
var house = []string{
	"internal", "audit", "notify", "biometric",
	"registry/unit", "registry/population", "registry/residence", "registry/card", "registry/immigration", "registry/organisation",
	"office", "partner", "account", "provider", "payment", "wallet", "enrolment", "procedure", "health", "agency", "web", "cmd",
}

// outside is the world beyond the product.
var outside = []string{"sandbox", "tour"}

func place(pkg string) int {
	for i, room := range house {
		if pkg == room || strings.HasPrefix(pkg, room+"/") {
			return i
		}
	}
	return -1
}

func within(pkg string, roots []string) bool {
	for _, r := range roots {
		if pkg == r || strings.HasPrefix(pkg, r+"/") {
			return true
		}
	}
	return false
}

// journey splits web/citizen/signin into its door and its journey; the door's
// own package has no journey.
func journey(pkg string) (door, name string) {
	parts := strings.Split(pkg, "/")
	switch {
	case len(parts) < 2 || parts[0] != "web":
		return "", ""
	case len(parts) == 2:
		return parts[1], ""
	}
	return parts[1], parts[2]
}

// shared are packages inside a door that belong to all of its journeys.
var shared = map[string]bool{"session": true}

// breach says why from must not import to, or "".
func breach(from, to string) string {
	switch {
	case from == "" || within(to, []string{from}):
		return ""
	case within(from, outside):
		if !within(to, []string{"internal"}) && !within(to, []string{strings.Split(from, "/")[0]}) {
			return "the outside world speaks to the product over sockets only; what it could import, it could bypass"
		}
		return ""
	case within(to, outside) && !within(from, []string{"cmd"}):
		return "the product must not be able to tell a sandbox neighbour from the real one"
	case within(from, []string{"internal"}) && !within(to, []string{"internal"}):
		return "internal is what only a programmer would name; it knows no room"
	case within(from, []string{"web"}) && within(to, []string{"internal/db"}):
		return "a door opens no transaction: a step that must be whole lives in a room"
	}
	if d, j := journey(from); d != "" {
		if d2, j2 := journey(to); d2 == d && j2 != j && j != "" && !shared[j2] {
			return "journeys of a door do not know each other; they meet at the door or in a room"
		}
		if d2, _ := journey(to); d2 != "" && d2 != d {
			return "doors are separate programs to the people who use them"
		}
	}
	pf, pt := place(from), place(to)
	switch {
	case pf < 0 && !within(from, outside):
		return "the importing package has no place in the house; give it one by a decision record"
	case pt < 0 && !within(to, outside):
		return "the imported package has no place in the house; give it one by a decision record"
	case pt > pf && !within(to, outside):
		return "calls go down, news goes up: a lower room sends an event through the outbox instead"
	}
	return ""
}

func TestImportsFollowTheHouse(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if name := e.Name(); path != "." && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" || name == "var" || name == "bin") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != "." {
				return filepath.SkipDir // a nested module uses public libraries only
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || filepath.Dir(path) == "." {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files++
		from := filepath.ToSlash(filepath.Dir(path))
		for _, im := range f.Imports {
			to, err := strconv.Unquote(im.Path.Value)
			if err != nil {
				return err
			}
			to, ours := strings.CutPrefix(to, "danh/")
			if !ours {
				continue
			}
			if strings.HasSuffix(path, "_test.go") && testMay(from, to) {
				continue
			}
			if why := breach(from, to); why != "" {
				t.Errorf("%s imports danh/%s: %s", path, to, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 40 {
		t.Fatalf("only %d files were looked at: the walk is broken", files)
	}
}

// testMay lists what tests may reach for beyond their package's rule: a door's
// test sets up a database, and every room may be tested against the sandbox.
func testMay(from, to string) bool {
	return within(to, []string{"internal/db", "internal/dbtest", "internal/webtest", "sandbox"}) ||
		within(from, []string{"sandbox", "tour"}) || within(from, []string{"web"})
}

func TestTheFenceHolds(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"account", "audit", true},
		{"account", "internal/db", true},
		{"audit", "account", false},
		{"registry/unit", "registry/population", false},
		{"registry/residence", "registry/population", true},
		{"internal/db", "internal/id", true},
		{"internal/db", "audit", false},
		{"web/citizen/signin", "internal/db", false},
		{"web/citizen/signin", "account", true},
		{"web/citizen/signin", "web/citizen/consent", false},
		{"web/citizen/signin", "web/citizen/session", true},
		{"web/citizen", "web/citizen/signin", true},
		{"web/portal", "web/citizen/session", false},
		{"web/citizen/session", "web/citizen/signin", false},
		{"web/portal", "procedure", true},
		{"sandbox/carrier", "internal/smpp", true},
		{"sandbox/carrier", "notify", false},
		{"tour", "account", false},
		{"notify", "sandbox/carrier", false},
		{"cmd/danh", "sandbox/carrier", true},
		{"cmd/danh", "web/portal", true},
		{"helper", "internal/id", false},
	} {
		if got := breach(c.from, c.to) == ""; got != c.ok {
			t.Errorf("%s imports %s: allowed %v, want %v (%s)", c.from, c.to, got, c.ok, breach(c.from, c.to))
		}
	}
}
