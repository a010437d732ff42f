// SPDX-License-Identifier: Apache-2.0

package dossier

import "testing"

func TestOnlyDifferingCharactersAreMarked(t *testing.T) {
	for _, c := range []struct{ a, b, wantA, wantB string }{
		{"Số 12 ngõ 8", "Số 21 ngõ 8", "Số <mark>12</mark> ngõ 8", "Số <mark>21</mark> ngõ 8"},
		{"Nguyễn Văn An", "Nguyễn Văn Ân", "Nguyễn Văn <mark>A</mark>n", "Nguyễn Văn <mark>Â</mark>n"},
		{"Nguye\u0302\u0303n", "Nguyễn", "Nguyễn", "Nguyễn"}, // the same in two forms of Unicode
		{"Hà Tây", "Hà Nội", "Hà <mark>Tây</mark>", "Hà <mark>Nội</mark>"},
		{"", "Lan", "", "<mark>Lan</mark>"},
		{"<b>", "<i>", "&lt;<mark>b</mark>&gt;", "&lt;<mark>i</mark>&gt;"},
	} {
		a, b := differ(c.a, c.b)
		if string(a) != c.wantA || string(b) != c.wantB {
			t.Errorf("%q and %q give\n%s\n%s", c.a, c.b, a, b)
		}
	}
}
