// SPDX-License-Identifier: Apache-2.0

package card_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"danh/internal/clock"
	"danh/registry/card"
	"danh/registry/population"
)

const printed = "001190999901|012999901|Nguyễn Thị Minh Hà|02091990|Nữ|Số 12, ngõ 34, đường Trần Phú, Phường Ba Đình, Hà Nội|21112026"

func TestPrinted(t *testing.T) {
	p, err := card.ParsePrinted(printed)
	if err != nil || p.Number.Reveal() != "001190999901" || p.OldNumber.Reveal() != "012999901" || p.Name != "Nguyễn Thị Minh Hà" || p.Birth != (clock.Date{Year: 1990, Month: 9, Day: 2}) ||
		p.Sex != population.Female || p.Issued != (clock.Date{Year: 2026, Month: 11, Day: 21}) || p.Extra != nil {
		t.Fatalf("%+v %v", p, err)
	}
	if text, err := p.Text(); err != nil || text != printed {
		t.Fatal(text, err)
	}
	// Cards since 2024 append fields whose order is not known.
	if p, err = card.ParsePrinted(printed + "|Trần Văn Lâm||x\r\n"); err != nil || !reflect.DeepEqual(p.Extra, []string{"Trần Văn Lâm", "", "x"}) {
		t.Fatalf("%+v %v", p, err)
	}
	if p, err = card.ParsePrinted(strings.Replace(strings.Replace(printed, "012999901", "", 1), "02091990", "1942", 1)); err != nil || p.OldNumber != "" || p.Birth.Exact() {
		t.Fatalf("%+v %v", p, err)
	}
	for name, bad := range map[string]string{
		"six fields":   strings.Join(strings.Split(printed, "|")[:6], "|"),
		"letters":      strings.Replace(printed, "0011", "00A1", 1),
		"short number": printed[1:],
		"no such day":  strings.Replace(printed, "02091990", "31021990", 1),
		"sex":          strings.Replace(printed, "Nữ", "?", 1),
		"control":      strings.Replace(printed, "Hà|", "Hà\x00|", 1),
		"huge":         printed + "|" + strings.Repeat("x", 3000),
		"a link":       "https://example.org/?q=" + printed,
		"empty":        "",
	} {
		if _, err := card.ParsePrinted(bad); !errors.Is(err, card.ErrPrinted) {
			t.Errorf("%s went through: %v", name, err)
		}
	}
}

func FuzzParsePrinted(f *testing.F) {
	f.Add(printed)
	f.Add(printed + "|a|b|c")
	f.Add("001190999901||Hà|1942|Nam||01012020")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := card.ParsePrinted(text)
		if err != nil {
			return
		}
		again, err := p.Text()
		if err != nil {
			t.Fatal(err)
		}
		q, err := card.ParsePrinted(again)
		if err != nil || !reflect.DeepEqual(p, q) {
			t.Fatalf("%q became %q: %v", text, again, err)
		}
	})
}
