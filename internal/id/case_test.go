// SPDX-License-Identifier: Apache-2.0

package id_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"danh/internal/id"
)

// The year is Vietnam's: there it is 2027 while London still has 2026.
func TestACaseCodeSaysKindAndYear(t *testing.T) {
	form := regexp.MustCompile(`^KP-27-[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}$`)
	seen := map[string]bool{}
	for range 100 {
		c := id.NewCaseCode("KP", time.Date(2026, 12, 31, 20, 0, 0, 0, time.UTC))
		if !form.MatchString(c) || seen[c] {
			t.Fatalf("a code is %q", c)
		}
		seen[c] = true
	}
}

func TestEveryLetterIsDrawn(t *testing.T) {
	for _, letters := range []string{id.CodeLetters, id.LinkLetters} {
		if len(letters) != 32 {
			t.Fatalf("%q has %d letters", letters, len(letters))
		}
		s := id.Draw(3200, letters)
		for _, l := range letters {
			if n := strings.Count(s, string(l)); n < 50 || n > 160 {
				t.Errorf("%q came %d times of some 100", l, n)
			}
		}
	}
}
