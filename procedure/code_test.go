// SPDX-License-Identifier: Apache-2.0

package procedure_test

import (
	"regexp"
	"strings"
	"testing"

	"danh/procedure"
)

var form = regexp.MustCompile(`^LT-26-[02-9A-HJKMNP-TV-Z]{4}-[02-9A-HJKMNP-TV-Z]{4}-[02-9A-HJKMNP-TV-Z]$`)

func TestCodesAreReadableAndDiffer(t *testing.T) {
	now := at(t, "2026-11-21 12:00")
	seen := map[string]bool{}
	for range 20_000 {
		c := procedure.NewCode("LT", now)
		if !form.MatchString(c) {
			t.Fatalf("%s is not of the form", c)
		}
		if seen[c] {
			t.Fatalf("%s came twice", c)
		}
		seen[c] = true
		for _, typed := range []string{c, strings.ToLower(c), strings.ReplaceAll(c, "-", ""), strings.ReplaceAll(c, "-", " "), " " + c + " "} {
			if got, ok := procedure.ParseCode(typed); !ok || got != c {
				t.Fatalf("%q is read as %q", typed, got)
			}
		}
	}
}

func TestMistypedCodesAreNoticed(t *testing.T) {
	const symbols = "023456789ABCDEFGHJKMNPQRSTVWXYZ"
	now := at(t, "2026-11-21 12:00")
	for range 200 {
		c := procedure.NewCode("LT", now)
		for i := len("LT-26-"); i < len(c); i++ {
			if c[i] == '-' {
				continue
			}
			for _, s := range symbols { // one wrong symbol
				wrong := c[:i] + string(s) + c[i+1:]
				if _, ok := procedure.ParseCode(wrong); ok && wrong != c {
					t.Fatalf("%s passes for %s", wrong, c)
				}
			}
			j := i + 1
			if j < len(c) && c[j] == '-' {
				j++
			}
			if j < len(c) && j < len(c)-1 && c[i] != c[j] { // two neighbours swapped
				b := []byte(c)
				b[i], b[j] = b[j], b[i]
				if _, ok := procedure.ParseCode(string(b)); ok {
					t.Fatalf("%s passes for %s", b, c)
				}
			}
		}
	}
	for _, bad := range []string{"", "LT", "LT-26-AAAA-AAAA", "LT-26-AAAA-AAAA-AA", "<script>", "LT_26_AAAA_AAAA_A", strings.Repeat("A", 500)} {
		if c, ok := procedure.ParseCode(bad); ok {
			t.Errorf("%q is read as %s", bad, c)
		}
	}
}

func FuzzParseCode(f *testing.F) {
	f.Add("LT-26-7K3M-9QPD-W")
	f.Add("lt26 7k3m 9qpd w")
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := procedure.ParseCode(s)
		if !ok {
			return
		}
		if again, ok := procedure.ParseCode(c); !ok || again != c {
			t.Errorf("%q is read as %q, and that as %q", s, c, again)
		}
	})
}
