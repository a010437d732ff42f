// SPDX-License-Identifier: Apache-2.0

package find

import (
	"encoding/json"
	"net/http"
	"strings"

	"danh/internal/page"
	"danh/registry/population"
)

const maxSuggestions = 5

// suggestion is a procedure while the search is being typed, with the part of
// its name that fits.
type suggestion struct {
	Href   string `json:"href"`
	Before string `json:"before"`
	Match  string `json:"match"`
	After  string `json:"after"`
	Note   string `json:"note"`
}

// suggest answers the script beside the search box. It shows what the search
// itself would find, so nothing is lost without it.
func (f *find) suggest(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query().Get("q")
	out := []suggestion{}
	if len(asked) <= 200 {
		list, err := f.desk.Search(r.Context(), asked)
		if err != nil {
			f.journey.Fail(w, r, err)
			return
		}
		lang := page.Language(r)
		for _, p := range list[:min(len(list), maxSuggestions)] {
			i := drawn(p)
			s := suggestion{Href: i.Href, Note: i.Limit.In(lang)}
			s.Before, s.Match, s.After = part(i.Name.In(lang), asked)
			out = append(out, s)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out)
}

// part finds what was asked for in a name, without regard to marks and case;
// without it the whole name comes before.
func part(name, asked string) (before, match, after string) {
	want := population.FoldName(asked)
	if want == "" {
		return name, "", ""
	}
	runes := []rune(name)
	for i := range runes {
		if i > 0 && runes[i-1] != ' ' {
			continue
		}
		for j := i + 1; j <= len(runes); j++ {
			if population.FoldName(string(runes[i:j])) == want && (j == len(runes) || !strings.HasSuffix(string(runes[i:j]), " ")) {
				return string(runes[:i]), string(runes[i:j]), string(runes[j:])
			}
		}
	}
	return name, "", ""
}
