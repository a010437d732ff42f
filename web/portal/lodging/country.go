// SPDX-License-Identifier: Apache-2.0

package lodging

import (
	"slices"
	"sync"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"danh/internal/page"
)

// countries are the countries of passports, by ISO 3166-1 alpha-3 code, with
// their names in the reader's language, Vietnam first.
func countries(lang string) []page.Choice {
	if lang == page.English {
		return countriesEN()
	}
	return countriesVI()
}

var (
	countriesVI = sync.OnceValue(func() []page.Choice { return listCountries(language.Vietnamese) })
	countriesEN = sync.OnceValue(func() []page.Choice { return listCountries(language.English) })
)

func listCountries(tag language.Tag) []page.Choice {
	names := display.Regions(tag)
	var out []page.Choice
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			r, err := language.ParseRegion(string([]rune{a, b}))
			if err != nil || !r.IsCountry() || r.IsPrivateUse() || r.ISO3() == "ZZZ" || r.Canonicalize() != r || r.String() != string([]rune{a, b}) {
				continue
			}
			if n := names.Name(r); n != "" {
				out = append(out, page.Choice{Value: r.ISO3(), Text: page.Raw(n)})
			}
		}
	}
	c := collate.New(tag)
	slices.SortFunc(out, func(x, y page.Choice) int {
		if (x.Value == "VNM") != (y.Value == "VNM") {
			if x.Value == "VNM" {
				return -1
			}
			return 1
		}
		return c.CompareString(string(x.Text.(page.Raw)), string(y.Text.(page.Raw)))
	})
	return append([]page.Choice{{Text: page.Text{VI: "Chọn nước", EN: "Choose a country"}}}, out...)
}
