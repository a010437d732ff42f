// SPDX-License-Identifier: Apache-2.0

package danh_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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
