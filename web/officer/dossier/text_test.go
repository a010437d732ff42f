// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// keysOf are the keys by which a room speaks to people: of faults, their fields,
// tasks and hints.
var keysOf = regexp.MustCompile(`(?:fault\.New\(\s*fault\.\w+,\s*|\.With\((?:"[a-z_.]*"|\w+),\s*|Task\{"[a-z_]+", (?:true|false), |todo\("[a-z_]+", [^"]*, |Hint\w+\s*= |Why\w+\s*= )"([a-z_.0-9]+)"`)

// TestEveryWordOfTheRoomsIsThere: whatever a room says on these pages has both
// languages, here, in the room or among the door's texts.
func TestEveryWordOfTheRoomsIsThere(t *testing.T) {
	root := "../../.."
	have := map[string]bool{}
	for _, pattern := range []string{"*.text.json", "../*.text.json", "../*/*.text.json", root + "/internal/page/text/*.json", root + "/enrolment/*/*.text.json", root + "/registry/*/*.text.json", root + "/account/*.text.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no texts in %s: %v", pattern, err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			var m map[string][2]string
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			for k := range m {
				have[k] = true
			}
		}
	}
	found := 0
	for _, room := range []string{"enrolment", "enrolment/visit", "enrolment/counter", "enrolment/form", "biometric", "biometric/portrait", "biometric/afis", "registry/card", "registry/immigration"} {
		files, err := filepath.Glob(filepath.Join(root, room, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", room, err)
		}
		for _, f := range files {
			if n := filepath.Base(f); strings.HasSuffix(n, "_test.go") || strings.HasPrefix(n, "request") {
				continue // cards and accounts that are kept, and what citizens ask for at home, have pages of their own
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range keysOf.FindAllStringSubmatch(string(b), -1) {
				found++
				if key := m[1]; !have[key] && !strings.HasPrefix(key, "enrolment.answer.") && !strings.HasSuffix(key, ".") && strings.Contains(key, ".") {
					t.Errorf("%s says %s, which has no text", filepath.Base(f), key)
				}
			}
		}
	}
	if found < 200 {
		t.Fatalf("only %d keys were found", found)
	}
}
