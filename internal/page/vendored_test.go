// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"crypto/sha512"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var vendoredRow = regexp.MustCompile(`(?m)^\| ([a-z0-9./-]+) \| ([0-9a-f]{64}) \|$`)

// TestVendoredFilesAreThoseOfTheTable fails when a vendored file was changed
// by hand, or one was added without a row.
func TestVendoredFilesAreThoseOfTheTable(t *testing.T) {
	for _, c := range []struct {
		dir, files string
		n          int
	}{{".", "asset/font/*.woff2", 7}, {"../webtest", "axe/*.js", 1}} {
		b, err := os.ReadFile(filepath.Join(c.dir, "VENDORED.md"))
		if err != nil {
			t.Fatal(err)
		}
		rows := map[string]string{}
		for _, r := range vendoredRow.FindAllStringSubmatch(string(b), -1) {
			rows[r[1]] = r[2]
		}
		found, err := filepath.Glob(filepath.Join(c.dir, c.files))
		if err != nil || len(found) != c.n || len(rows) != c.n {
			t.Fatalf("%s: %d files, %d rows, want %d (%v)", c.dir, len(found), len(rows), c.n, err)
		}
		for _, f := range found {
			content, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha512.Sum512(content)
			name, err := filepath.Rel(c.dir, f)
			if err != nil {
				t.Fatal(err)
			}
			if rows[filepath.ToSlash(name)] != hex.EncodeToString(sum[:32]) {
				t.Errorf("%s is not the file of the table", f)
			}
		}
	}
}
