// SPDX-License-Identifier: Apache-2.0

package population_test

import (
	"testing"

	"danh/internal/clock"
	"danh/internal/id"
	"danh/registry/population"
)

func date(t testing.TB, s string) clock.Date {
	t.Helper()
	if s == "" {
		return clock.Date{}
	}
	d, err := clock.ParseDate(s)
	if err != nil {
		t.Fatalf("date %q: %v", s, err)
	}
	return d
}

const (
	eq, near, other, none = population.Equal, population.Close, population.Different, population.Unknown
)

func TestCompareNames(t *testing.T) {
	for _, c := range []struct {
		what                 string
		registered, declared string
		want                 population.Verdict
	}{
		{"the same", "Nguyễn Thị Minh Hà", "Nguyễn Thị Minh Hà", eq},
		{"capitals", "Nguyễn Thị Minh Hà", "NGUYỄN THỊ MINH HÀ", eq},
		{"small letters", "NGUYỄN THỊ MINH HÀ", "nguyễn thị minh hà", eq},
		{"decomposed (NFD)", "Nguyễn Thị Minh Hà", "Nguye\u0302\u0303n Thi\u0323 Minh Ha\u0300", eq},
		{"spaces", "Nguyễn Thị Minh Hà", "  Nguyễn\u00a0 Thị\tMinh  Hà ", eq},
		{"zero-width space", "Nguyễn Thị Minh Hà", "Nguyễn Thị\u200b Minh Hà", eq},
		{"eth for đ", "Đỗ Đức Anh", "Ðỗ Ðức Anh", eq},
		{"tone on the other vowel", "Hoà", "Hòa", eq},
		{"tone on the other vowel, uy", "Nguyễn Thị Thuý", "Nguyễn Thị Thúy", eq},
		{"typographic apostrophe", "H'Hen Niê", "H’Hen Niê", eq},
		{"without diacritics", "Nguyễn Thị Minh Hà", "Nguyen Thi Minh Ha", near},
		{"one tone missing", "Nguyễn Thị Minh Hà", "Nguyễn Thị Minh Ha", near},
		{"another tone", "Hà", "Hạ", near},
		{"d for đ", "Đỗ Đức Anh", "Do Duc Anh", near},
		{"another mark", "Trần Văn Lâm", "Trần Văn Lam", near},
		{"y for i", "Lý Thị Mỹ", "Lí Thị Mĩ", near},
		{"quy for qui", "Nguyễn Ngọc Quý", "Nguyễn Ngọc Quí", near},
		{"one word for two", "Lê Lan Anh", "Lê Lananh", near},
		{"apostrophe left out", "H'Hen Niê", "HHen Niê", near},
		{"Hoàng is not Huỳnh", "Hoàng Văn An", "Huỳnh Văn An", other},
		{"Vũ is not Võ", "Vũ Văn An", "Võ Văn An", other},
		{"Mai is not May", "Lê Thị Mai", "Lê Thị May", other},
		{"middle name missing", "Nguyễn Thị Minh Hà", "Nguyễn Minh Hà", other},
		{"order", "Nguyễn Thị Minh Hà", "Hà Nguyễn Thị Minh", other},
		{"another letter", "Nguyễn Văn Nam", "Nguyễn Văn Nan", other},
		{"nothing declared", "Nguyễn Văn Nam", "  ", none},
		{"nothing registered", "", "Nguyễn Văn Nam", none},
	} {
		t.Run(c.what, func(t *testing.T) {
			if got := population.CompareNames(c.registered, c.declared); got != c.want {
				t.Errorf("declared against registered: %s, want %s", got, c.want)
			}
			if got := population.CompareNames(c.declared, c.registered); got != c.want {
				t.Errorf("the other way round: %s, want %s", got, c.want)
			}
		})
	}
}

func TestCompareBirthDates(t *testing.T) {
	for _, c := range []struct {
		what, registered, declared string
		want                       population.Verdict
	}{
		{"the same", "1990-09-02", "2/9/1990", eq},
		{"only the year registered", "1942", "3/4/1942", eq},
		{"only the year on both sides", "1942", "1942", eq},
		{"only the year registered, another year", "1942", "3/4/1943", other},
		{"month registered", "1942-04", "3/4/1942", eq},
		{"month registered, another month", "1942-04", "3/5/1942", other},
		{"less declared than registered: year", "1990-09-02", "1990", near},
		{"less declared than registered: month", "1990-09-02", "9/1990", near},
		{"month registered, year declared", "1942-04", "1942", near},
		{"year alone, another", "1990-09-02", "1991", other},
		{"day and month exchanged", "1990-09-02", "9/2/1990", near},
		{"another day", "1990-09-02", "3/9/1990", other},
		{"another year", "1990-09-02", "2/9/1991", other},
		{"nothing declared", "1990-09-02", "", none},
		{"nothing registered", "", "2/9/1990", none},
	} {
		t.Run(c.what, func(t *testing.T) {
			if got := population.CompareBirthDates(date(t, c.registered), date(t, c.declared)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestCompare(t *testing.T) {
	person := population.Person{ID: id.NewPerson(), Number: "001190999901", Name: "Nguyễn Thị Minh Hà", BirthDate: date(t, "1990-09-02"), Sex: population.Female,
		Numbers: []population.NumberPeriod{
			{Number: "012999901", From: date(t, "2006-04-12"), To: date(t, "2017-05-10"), Reason: population.Replaced},
			{Number: "001190999911", From: date(t, "2017-05-10"), To: date(t, "2020-01-01"), Reason: population.WrongData},
			{Number: "001190999901", From: date(t, "2020-01-01")},
		}}
	declared := func(change func(*population.Declared)) population.Declared {
		d := population.Declared{Number: "001190999901", Name: "NGUYỄN THỊ MINH HÀ", BirthDate: date(t, "1990-09-02"), Sex: population.Female}
		if change != nil {
			change(&d)
		}
		return d
	}
	dead := person
	dead.Dead = true
	uncle := person
	uncle.Number, uncle.Numbers = "", []population.NumberPeriod{{Number: "012999901", From: date(t, "1976-04-12")}}
	for _, c := range []struct {
		what     string
		person   population.Person
		declared population.Declared
		want     population.Match
	}{
		{"all equal", person, declared(nil), population.Match{Number: eq, Name: eq, BirthDate: eq, Sex: eq, Current: true, Matched: true}},
		{"an earlier PIN", person, declared(func(d *population.Declared) { d.Number = "001190999911" }),
			population.Match{Number: eq, Name: eq, BirthDate: eq, Sex: eq, Matched: true}},
		{"the old 9 digits", person, declared(func(d *population.Declared) { d.Number = "012999901" }),
			population.Match{Number: eq, Name: eq, BirthDate: eq, Sex: eq, Matched: true}},
		{"only an old number, in force", uncle, declared(func(d *population.Declared) { d.Number = "012999901" }),
			population.Match{Number: eq, Name: eq, BirthDate: eq, Sex: eq, Current: true, Matched: true}},
		{"another number", person, declared(func(d *population.Declared) { d.Number = "001190999902" }),
			population.Match{Number: other, Name: eq, BirthDate: eq, Sex: eq}},
		{"no number", person, declared(func(d *population.Declared) { d.Number = "" }),
			population.Match{Number: none, Name: eq, BirthDate: eq, Sex: eq}},
		{"no number registered", population.Person{Name: person.Name, BirthDate: person.BirthDate, Sex: person.Sex}, declared(nil),
			population.Match{Number: none, Name: eq, BirthDate: eq, Sex: eq}},
		{"a close name does not match", person, declared(func(d *population.Declared) { d.Name = "Nguyen Thi Minh Ha" }),
			population.Match{Number: eq, Name: near, BirthDate: eq, Sex: eq, Current: true}},
		{"another name", person, declared(func(d *population.Declared) { d.Name = "Trần Văn Lâm" }),
			population.Match{Number: eq, Name: other, BirthDate: eq, Sex: eq, Current: true}},
		{"another sex", person, declared(func(d *population.Declared) { d.Sex = population.Male }),
			population.Match{Number: eq, Name: eq, BirthDate: eq, Sex: other, Current: true}},
		{"no sex", person, declared(func(d *population.Declared) { d.Sex = "" }),
			population.Match{Number: eq, Name: eq, BirthDate: eq, Sex: none, Current: true}},
		{"another birth date", person, declared(func(d *population.Declared) { d.BirthDate = date(t, "1991-09-02") }),
			population.Match{Number: eq, Name: eq, BirthDate: other, Sex: eq, Current: true}},
		{"the dead do not match", dead, declared(nil), population.Match{Number: eq, Name: eq, BirthDate: eq, Sex: eq, Current: true, Dead: true}},
		{"nothing declared", person, population.Declared{}, population.Match{Number: none, Name: none, BirthDate: none, Sex: none}},
	} {
		t.Run(c.what, func(t *testing.T) {
			c.want.Person, c.want.SourceTime = c.person.ID, c.person.UpdatedAt
			if got := population.Compare(c.person, c.declared); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestFoldName(t *testing.T) {
	for in, want := range map[string]string{
		"Nguyễn Thị Minh Hà": "nguyen thi minh ha",
		"ĐỖ  Đức\tAnh":       "do duc anh",
		"H’Hen Niê":          "hhen nie",
		"Y-Bih Êban":         "y bih eban",
		"Ksor Hʼ Lan":        "ksor h lan",
		"José Müller":        "jose muller",
		" - ":                "",
	} {
		if got := population.FoldName(in); got != want {
			t.Errorf("a name folds to %q, want %q", got, want)
		}
	}
}

func TestSortKeyFollowsTheVietnameseAlphabet(t *testing.T) {
	list := []string{"Trần Văn An", "Lê Thị Ánh", "Bùi Ăn", "Cao Ân", "Ngô Bình", "Vũ Dung", "Hồ Đan", "Trần Văn Đan", "Phan Giang", "Lý Oanh", "Lý Ôn", "Lý Ơn", "Mai Uyên", "Mai Ưng"}
	for i := 1; i < len(list); i++ {
		a, b := population.SortKey(list[i-1]), population.SortKey(list[i])
		if a >= b {
			t.Errorf("%s does not come before %s (%q, %q)", list[i-1], list[i], a, b)
		}
	}
}

func FuzzNormaliseName(f *testing.F) {
	for _, s := range []string{"Nguyễn Thị Minh Hà", "H’Hen  Niê", "\u00d0o", "a\u0301\u0323", "\xff\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := population.NormaliseName(s)
		if again := population.NormaliseName(n); again != n {
			t.Errorf("normalising twice differs: %q, %q", n, again)
		}
		if k := population.FoldName(s); k != population.FoldName(n) || population.FoldName(k) != k {
			t.Errorf("the key of the kept form differs, or folding is not final: %q", k)
		}
	})
}
