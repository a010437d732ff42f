// SPDX-License-Identifier: Apache-2.0

package gazetteer_test

import (
	"testing"

	"golang.org/x/text/unicode/norm"

	"danh/internal/clock"
	"danh/internal/gazetteer"
)

func TestCountsBeforeAndAfterTheMergerOf2025(t *testing.T) {
	f, err := gazetteer.Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		on                          string
		provinces, districts, commu int
		kinds                       map[string]int
	}{
		{"2025-06-30", 63, 696, 10035, map[string]int{"Phường": 1726, "Thị trấn": 617, "Xã": 7692}},
		{"2025-07-01", 34, 0, 3321, map[string]int{"Phường": 687, "Xã": 2621, "Đặc khu": 13}},
		{"2026-11-21", 34, 0, 3321, map[string]int{"Phường": 697, "Xã": 2611, "Đặc khu": 13}},
	} {
		on, err := clock.ParseDate(c.on)
		if err != nil {
			t.Fatal(err)
		}
		n, kinds := map[gazetteer.Level]int{}, map[string]int{}
		seen := map[string]bool{}
		for _, u := range f.Units {
			if !u.ValidAt(on) {
				continue
			}
			if seen[u.Code] {
				t.Errorf("%s: code %s is valid twice", c.on, u.Code)
			}
			seen[u.Code] = true
			n[u.Level]++
			if u.Level == gazetteer.Commune {
				kinds[u.Kind]++
			}
			if !norm.NFC.IsNormalString(u.Name) || u.Name == "" || u.Kind == "" {
				t.Errorf("%s: unit %s has a name that is not as promised", c.on, u.Code)
			}
		}
		for _, u := range f.Units {
			if u.ValidAt(on) && (u.Parent != "" && !seen[u.Parent] || (u.Parent == "") != (u.Level == gazetteer.Province)) {
				t.Errorf("%s: unit %s has no valid parent", c.on, u.Code)
			}
		}
		if n[gazetteer.Province] != c.provinces || n[gazetteer.District] != c.districts || n[gazetteer.Commune] != c.commu {
			t.Errorf("%s: %v", c.on, n)
		}
		for k, want := range c.kinds {
			if kinds[k] != want {
				t.Errorf("%s: %d of kind %s, want %d", c.on, kinds[k], k, want)
			}
		}
	}
}

func TestEveryOldCommuneWentSomewhereAndEveryNewOneCameFromSomewhere(t *testing.T) {
	f, err := gazetteer.Read()
	if err != nil {
		t.Fatal(err)
	}
	july := clock.Date{Year: 2025, Month: 7, Day: 1}
	old, young := map[string]bool{}, map[string]bool{}
	for _, u := range f.Units {
		if u.Level != gazetteer.District {
			if u.To == july {
				old[u.Code] = true
			} else if u.From == july {
				young[u.Code] = true
			}
		}
	}
	gone, come, parts := map[string]bool{}, map[string]bool{}, map[string]int{}
	for _, s := range f.Successions {
		if s.On != july {
			if s.Old != s.New {
				t.Errorf("%s: a change of kind must keep the code", s.Old)
			}
			continue
		}
		gone[s.Old], come[s.New] = true, true
		if !young[s.New] {
			t.Errorf("succession to %s, which does not begin on that day", s.New)
		}
		if s.Whole && parts[s.Old] > 0 {
			t.Errorf("%s went wholly and also elsewhere", s.Old)
		}
		parts[s.Old]++
	}
	for c := range old {
		if !gone[c] {
			t.Errorf("old unit %s has no successor", c)
		}
	}
	for c := range young {
		if !come[c] {
			t.Errorf("unit %s has no predecessor", c)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := gazetteer.Read(); err != nil {
			b.Fatal(err)
		}
	}
}
