// SPDX-License-Identifier: Apache-2.0

package notify_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestKindsOfNewsAreDocumented holds docs/push.md to the only words that a
// notice carries, and the words to what they must not do.
func TestKindsOfNewsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile("category.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]struct{ VI, EN string }
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../docs/push.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range all {
		if strings.ContainsAny(w.VI+w.EN, "{}0123456789") || strings.Contains(w.VI+w.EN, "http") || len([]rune(w.VI)) > 70 || len([]rune(w.EN)) > 70 {
			t.Errorf("%s: %q and %q are no fixed line that leads nowhere", name, w.VI, w.EN)
		}
		if name != "body" && !strings.Contains(string(doc), "| "+name+" | "+w.VI+" | "+w.EN+" |") {
			t.Errorf("docs/push.md lacks the line of %s", name)
		}
	}
	if len(all) < 5 {
		t.Errorf("only %d kinds", len(all))
	}
	if rows := strings.Count(string(doc), "| Có thông báo mới"); rows != len(all)-1 {
		t.Errorf("docs/push.md has %d kinds, there are %d", rows, len(all)-1)
	}
}
