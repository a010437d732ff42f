// SPDX-License-Identifier: Apache-2.0

package mrz

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold writes a name in the letters of a zone: marks dropped, Đ as D, case
// raised, apostrophes left out, hyphens and anything else a space
// (Doc 9303-3, sections 4.6 and 6).
func Fold(name string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(name) {
		r = unicode.ToUpper(r)
		switch {
		case r >= 'A' && r <= 'Z':
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r), r == '\'', r == '’', r == '.':
		case r == 'Đ' || r == 'Ð':
			b.WriteByte('D')
		case r == 'Æ':
			b.WriteString("AE")
		case r == 'Ø':
			b.WriteString("OE")
		case r == 'Þ':
			b.WriteString("TH")
		case r == 'ß' || r == 'ẞ':
			b.WriteString("SS")
		case r == 'Ł':
			b.WriteByte('L')
		case r == 'İ' || r == 'ı':
			b.WriteByte('I')
		default:
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// SplitVietnamese parts a Vietnamese name into family name and the rest, as its
// cards write it: NGUYEN<<THI<MINH<HA.
func SplitVietnamese(name string) (primary, secondary string) {
	primary, secondary, _ = strings.Cut(Fold(name), " ")
	return primary, secondary
}

// writeName fills a name field. A name that is too long loses the ends of its
// last words, never the first letter of one (Doc 9303-4, section 4.2.3).
func writeName(primary, secondary string, n int) (string, error) {
	p, s := strings.Fields(primary), strings.Fields(secondary)
	if len(p) == 0 {
		return "", ErrTransform
	}
	for _, w := range append(append([]string{}, p...), s...) {
		if !letters(w, false) {
			return "", ErrTransform
		}
	}
	join := func() string {
		out := strings.Join(p, "<")
		if len(s) > 0 {
			out += "<<" + strings.Join(s, "<")
		}
		return out
	}
	for len(join()) > n {
		if !shorten(s) && !shorten(p) {
			return join()[:n], nil
		}
	}
	return pad(join(), n), nil
}

// shorten takes a letter from the last word that has two.
func shorten(words []string) bool {
	for i := len(words) - 1; i >= 0; i-- {
		if len(words[i]) > 1 {
			words[i] = words[i][:len(words[i])-1]
			return true
		}
	}
	return false
}

func (z *Zone) readName(field string) error {
	p, s, _ := strings.Cut(field, "<<")
	z.Truncated = !strings.HasSuffix(field, "<")
	z.Primary = strings.ReplaceAll(trim(p), "<", " ")
	z.Secondary = strings.ReplaceAll(trim(s), "<", " ")
	for _, w := range strings.Fields(z.Primary + " " + z.Secondary) {
		if !letters(w, false) {
			return ErrField
		}
	}
	if z.Primary == "" || strings.HasPrefix(field, "<") || strings.Contains(z.Secondary, "  ") || strings.HasPrefix(z.Secondary, " ") {
		return ErrField
	}
	return nil
}
