// SPDX-License-Identifier: Apache-2.0

package unit

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"danh/internal/clock"
)

// Fold makes the search key of a text: marks dropped, đ as d, small letters,
// anything but letters and digits a single space.
func Fold(s string) string {
	b := make([]byte, 0, len(s))
	gap := false
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r >= utf8.RuneSelf {
			switch {
			case r == 'đ' || r == 'Đ' || r == 'Ð' || r == 'ð': // old fonts wrote Đ as the Icelandic letter
				r = 'd'
			case unicode.Is(unicode.Mn, r):
				i += size
				continue
			default:
				if whole := norm.NFD.PropertiesString(s[i:]).Decomposition(); whole != nil {
					r, _ = utf8.DecodeRune(whole) // the letter without its marks
				}
				r = unicode.ToLower(r)
			}
		} else if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		i += size
		if r < utf8.RuneSelf && (r < 'a' || r > 'z') && (r < '0' || r > '9') || r >= utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			gap = len(b) > 0
			continue
		}
		if gap {
			b, gap = append(b, ' '), false
		}
		b = utf8.AppendRune(b, r)
	}
	return string(b)
}

// long writes out what people abbreviate.
func long(w string) string {
	switch w {
	case "tp":
		return "thanh pho"
	case "hcm":
		return "ho chi minh"
	case "tphcm":
		return "thanh pho ho chi minh"
	case "hn":
		return "ha noi"
	case "tx":
		return "thi xa"
	case "tt":
		return "thi tran"
	case "dk":
		return "dac khu"
	}
	return w
}

// bareName takes the kind off the front of a folded text.
func bareName(s string) string {
	for _, k := range [...]string{"thanh pho ", "thi tran ", "dac khu ", "phuong ", "thi xa ", "huyen ", "tinh ", "quan ", "xa "} {
		if rest, ok := strings.CutPrefix(s, k); ok {
			return rest
		}
	}
	return s
}

// Search finds the units of a day whose name, or name and province, begin word
// by word as the text does; diacritics do not matter. The best come first: the
// exact name, then names that begin so, then the rest. No levels means all.
func (r *Directory) Search(text string, at clock.Date, limit int, levels ...Level) []Unit {
	if len(text) > 200 {
		return nil
	}
	tokens := strings.Fields(Fold(text))
	for i, w := range tokens {
		tokens[i] = long(w)
	}
	if len(tokens) == 0 || limit <= 0 {
		return nil
	}
	query := strings.Join(tokens, " ")
	bare := bareName(query)
	for i, w := range tokens {
		tokens[i] = " " + w
	}
	f := r.facts()
	type hit struct {
		rank int
		at   int32
	}
	var hits []hit
	day := number(at)
next:
	for i := range f.folds {
		o := &f.folds[i]
		if day < o.from || day >= o.to || len(levels) > 0 && !slices.Contains(levels, f.units[i].Level) {
			continue
		}
		for _, w := range tokens {
			if !strings.Contains(o.full, w) {
				continue next
			}
		}
		h := hit{rank: 5, at: int32(i)}
		switch {
		case o.full[1:] == query: // kind and all
			h.rank = 0
		case o.name == bare || o.name == query:
			h.rank = 1
		case strings.HasPrefix(bare, o.name+" "): // name, then what is above it
			h.rank = 2
		case strings.HasPrefix(o.name, bare):
			h.rank = 3
		case strings.Contains(" "+o.name, tokens[len(tokens)-1]):
			h.rank = 4
		}
		hits = append(hits, h)
	}
	slices.SortFunc(hits, func(a, b hit) int {
		x, y := &f.units[a.at], &f.units[b.at]
		return cmp.Or(a.rank-b.rank, len(x.Code)-len(y.Code), strings.Compare(f.folds[a.at].name, f.folds[b.at].name), strings.Compare(x.Code, y.Code))
	})
	out := make([]Unit, 0, min(limit, len(hits)))
	for _, h := range hits[:min(limit, len(hits))] {
		out = append(out, f.units[h.at])
	}
	return out
}
