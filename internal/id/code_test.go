// SPDX-License-Identifier: Apache-2.0

package id_test

import (
	"strings"
	"testing"

	"danh/internal/id"
)

func TestACodeIsReadAsPeopleTypeIt(t *testing.T) {
	for _, one := range []struct {
		typed, want string
		ok          bool
	}{
		{"7K3M9QPD", "7K3M9QPD", true},
		{" 7k3m-9qpd ", "7K3M9QPD", true},
		{"7k3m.9qpo", "7K3M9QP0", true},
		{"7K3M\u00a0–9QPD", "7K3M9QPD", true},
		{"7K3M9QP", "", false},
		{"7K3M9QPDD", "", false},
		{"7K3M9QP1", "", false}, // no code has a 1
		{"7K3M9QPĐ", "", false},
		{"../../..", "", false},
		{"", "", false},
	} {
		if got, ok := id.ReadCode(one.typed, 8); got != one.want || ok != one.ok {
			t.Errorf("%q is read as %q, %v", one.typed, got, ok)
		}
	}
}

// Every symbol comes, in every place about as often.
func TestCodesAreEven(t *testing.T) {
	count := map[rune]int{}
	const rounds = 31 * 400
	for range rounds / 31 {
		c := id.NewCode(31)
		if got, ok := id.ReadCode(c, 31); !ok || got != c {
			t.Fatalf("%q is not read back", c)
		}
		for _, r := range c {
			count[r]++
		}
	}
	for _, r := range id.Symbols {
		if n := count[r]; n < 280 || n > 520 { // 400 each, six sigma
			t.Errorf("%c came %d times", r, n)
		}
	}
	if strings.ContainsAny(id.Symbols, "1ILOU") {
		t.Error("symbols that are confused")
	}
}
