// SPDX-License-Identifier: Apache-2.0

package danh_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)

// walkFiles visits the files of this module, leaving out what is made or fetched.
func walkFiles(t *testing.T, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if n := e.Name(); path != "." && (n == ".git" || n == "node_modules" || n == "var" || n == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		visit(path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDocsLinksLeadSomewhere(t *testing.T) {
	docs, links := 0, 0
	walkFiles(t, func(path string) {
		if !strings.HasSuffix(path, ".md") {
			return
		}
		docs++
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") || strings.HasPrefix(m[1], "/") {
				continue
			}
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			}
		}
	})
	if docs < 10 || links < 10 {
		t.Fatalf("only %d documents with %d links were looked at", docs, links)
	}
}

// TestDocsSourcesNameTheirLicence: every Go file says under which licence it is.
func TestDocsSourcesNameTheirLicence(t *testing.T) {
	n := 0
	walkFiles(t, func(path string) {
		if !strings.HasSuffix(path, ".go") {
			return
		}
		n++
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		head := string(text[:min(len(text), 200)])
		if !strings.Contains(head, "SPDX-License-Identifier: Apache-2.0") && !strings.HasPrefix(head, "// Code generated") {
			t.Errorf("%s does not begin with its SPDX line", path)
		}
	})
	if n < 40 {
		t.Fatalf("only %d files were looked at", n)
	}
}

var (
	plan  = regexp.MustCompile("(?m)^`([a-z0-9-]+-plan[a-z0-9-]*)`")
	tried = regexp.MustCompile("`([a-z]+(?:/[a-z]+)*) (Test\\w+)(?:/([^`]+))?`")
	alone = regexp.MustCompile("`(Test\\w+)`")
)

// testsOf reads the tests of a folder, each with the texts that stand in it:
// cases are named by them.
func testsOf(t *testing.T, dir string) map[string]map[string]bool {
	t.Helper()
	out := map[string]map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Test") {
				continue
			}
			texts := map[string]bool{}
			ast.Inspect(fn, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					if s, err := strconv.Unquote(l.Value); err == nil {
						texts[s] = true
					}
				}
				return true
			})
			out[fn.Name.Name] = texts
		}
	}
	return out
}

// TestDocsConformanceNamesTestsThatExist: every row of docs/conformance.md names
// a test and a case that are there, or says that there is none.
func TestDocsConformanceNamesTestsThatExist(t *testing.T) {
	b, err := os.ReadFile("docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]map[string]map[string]bool{} // by folder
	any := map[string]bool{}
	for _, m := range tried.FindAllStringSubmatch(string(b), -1) {
		dir, name, of := m[1], m[2], m[3]
		if known[dir] == nil {
			known[dir] = testsOf(t, dir)
			for n := range known[dir] {
				any[n] = true
			}
		}
		texts, ok := known[dir][name]
		if !ok || of != "" && !texts[of] {
			t.Errorf("there is no %s", m[0])
		}
	}
	for _, m := range alone.FindAllStringSubmatch(string(b), -1) {
		if !any[m[1]] {
			t.Errorf("there is no %s", m[0])
		}
	}
	least := map[string]int{"oidcc-basic-certification-test-plan": 35, "fapi2-security-profile-final-test-plan": 50, "fapi2-message-signing-final-test-plan": 20,
		"fapi-ciba-id1-test-plan": 40, "ekyc-test-plan-oidccore": 12, "oidcc-backchannel-rp-initiated-logout-certification-test-plan": 2}
	plans := plan.FindAllStringSubmatchIndex(string(b), -1)
	if len(plans) != len(least) {
		t.Errorf("%d plans", len(plans))
	}
	for i, at := range plans {
		name, end := string(b[at[2]:at[3]]), len(b)
		if i+1 < len(plans) {
			end = plans[i+1][0]
		}
		covered := 0
		for line := range strings.Lines(string(b[at[1]:end])) {
			cell := strings.Split(line, "|")
			switch {
			case !strings.HasPrefix(line, "| `"):
			case len(cell) != 5:
				t.Errorf("%s: a row of %d columns: %s", name, len(cell)-2, line)
			case strings.TrimSpace(cell[2]) == "not covered":
				if strings.TrimSpace(cell[3]) == "" {
					t.Errorf("%s: no reason: %s", name, line)
				}
			case tried.FindString(cell[2]) != strings.TrimSpace(cell[2]):
				t.Errorf("%s: no test: %s", name, line)
			default:
				covered++
			}
		}
		if covered < least[name] {
			t.Errorf("%s: only %d modules are covered", name, covered)
		}
	}
}
