// SPDX-License-Identifier: Apache-2.0

package population

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// NormaliseName brings a name into the one form in which names are kept: NFC,
// one space between words, none at the ends, typographic apostrophes and
// hyphens as plain ones, invisible characters dropped. Case stays.
func NormaliseName(s string) string {
	if plainName(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range norm.NFC.String(s) {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case r == '\u200b' || r == '\u200c' || r == '\u200d' || r == '\u2060' || r == '\ufeff' || r == '\u00ad' || unicode.IsControl(r):
			continue
		case r == '\u2018' || r == '\u2019' || r == '\u02bc' || r == '`' || r == '\u00b4':
			r = '\''
		case r == '\u2010' || r == '\u2011' || r == '\u2012' || r == '\u2013':
			r = '-'
		case r == 'ð': // eth: legacy code pages show it for đ
			r = 'đ'
		case r == 'Ð' || r == 'Ɖ':
			r = 'Đ'
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// plainName reports whether a name is in the kept form already, as registry
// data nearly always is.
func plainName(s string) bool {
	last := ' '
	for _, r := range s {
		switch {
		case r == ' ':
			if last == ' ' {
				return false
			}
		case r < 0x80:
			if r < ' ' || r == '`' || r == 0x7f {
				return false
			}
		case r == 'ð' || r == 'Ð' || r == 'Ɖ' || r == 0xad || r == 0xb4 || !unicode.IsLetter(r) || r == '\u02bc' || unicode.IsControl(r):
			return false
		}
		last = r
	}
	return last != ' ' && norm.NFC.IsNormalString(s)
}

// letter is what a Vietnamese letter is made of: its plain letter, its mark
// (breve, circumflex, horn, stroke) and its tone.
type letter struct {
	plain rune
	mark  byte // 0, or '{' for the second and '|' for the third letter of the alphabet on the same base
	tone  byte // 0 level, else a letter: grave, hook, tilde, acute, dot below
}

var letters = func() map[rune]letter {
	rows := []struct {
		plain rune
		mark  byte
		all   string // level, huyền, hỏi, ngã, sắc, nặng
	}{
		{'a', 0, "aàảãáạ"}, {'a', '{', "ăằẳẵắặ"}, {'a', '|', "âầẩẫấậ"},
		{'e', 0, "eèẻẽéẹ"}, {'e', '{', "êềểễếệ"}, {'i', 0, "iìỉĩíị"},
		{'o', 0, "oòỏõóọ"}, {'o', '{', "ôồổỗốộ"}, {'o', '|', "ơờởỡớợ"},
		{'u', 0, "uùủũúụ"}, {'u', '{', "ưừửữứự"}, {'y', 0, "yỳỷỹýỵ"}, {'d', '{', "đ"},
	}
	m := map[rune]letter{}
	for _, r := range rows {
		for i, c := range []rune(r.all) {
			l := letter{plain: r.plain, mark: r.mark, tone: byte(i)}
			m[c] = l
			m[unicode.ToUpper(c)] = l
		}
	}
	return m
}()

// FoldName is the search key of a name: lower case, without any diacritic, đ
// as d, apostrophes dropped, every other run of signs one space.
func FoldName(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := false
	put := func(r rune) {
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	for _, r := range NormaliseName(s) {
		if l, ok := letters[r]; ok {
			put(l.plain)
			continue
		}
		switch {
		case r < utf8.RuneSelf && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9'):
			put(r)
		case r >= 'A' && r <= 'Z':
			put(r + 'a' - 'A')
		case r == '\'':
		case unicode.IsLetter(r):
			for _, d := range norm.NFD.String(string(r)) {
				if !unicode.Is(unicode.Mn, d) {
					put(unicode.ToLower(d))
				}
			}
		default:
			space = b.Len() > 0
		}
	}
	return b.String()
}

// SortKey orders people as a Vietnamese list does: by given name, then family
// name, then what is between, letter by letter in the Vietnamese alphabet
// (a ă â … d đ …), tones aside. Compare keys bytewise, then the names.
func SortKey(name string) string {
	words := strings.Fields(strings.ToLower(NormaliseName(name)))
	if n := len(words); n > 1 {
		words = append([]string{words[n-1]}, words[:n-1]...)
	}
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		for _, r := range w {
			l, ok := letters[r]
			if !ok {
				b.WriteRune(r)
				continue
			}
			b.WriteRune(l.plain)
			if l.mark != 0 {
				b.WriteByte(l.mark)
			}
		}
	}
	return b.String()
}

// exactKey is the form in which two spellings of one name are equal: case
// folded, and each word's tone taken from where it is written to the word's
// end, because "Hoà" and "Hòa" are one spelling by two typing habits.
func exactKey(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 8)
	var tone byte
	end := func() {
		if tone != 0 {
			b.WriteByte('0' + tone)
			tone = 0
		}
	}
	for _, r := range NormaliseName(s) {
		l, ok := letters[r]
		switch {
		case ok:
			b.WriteRune(l.plain)
			if l.mark != 0 {
				b.WriteByte(l.mark)
			}
			if l.tone != 0 {
				tone = l.tone
			}
		case r == ' ' || r == '-':
			end()
			b.WriteRune(r)
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	end()
	return b.String()
}

// closeKey is the form in which two names are close: without diacritics,
// spaces and signs, and with i for y where the two spell one sound ("Lý" and
// "Lí", "Quý" and "Quí", never "Mai" and "May").
func closeKey(s string) string {
	f := FoldName(s)
	b := make([]byte, 0, len(f))
	for i := 0; i < len(f); i++ {
		c := f[i]
		if c == ' ' {
			continue
		}
		if c == 'y' {
			first := i == 0 || f[i-1] == ' '
			last := i == len(f)-1 || f[i+1] == ' '
			afterQu := i > 1 && f[i-1] == 'u' && f[i-2] == 'q'
			if first && last || !first && (afterQu || !vowel(f[i-1])) {
				c = 'i'
			}
		}
		b = append(b, c)
	}
	return string(b)
}

func vowel(c byte) bool {
	return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y'
}
