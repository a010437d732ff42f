// SPDX-License-Identifier: Apache-2.0

package password

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

//go:embed common.txt
var commonText string

// words are the stems that people decorate into a password: our own list of
// habits, one per line, folded to a–z.
var words = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for line := range strings.Lines(commonText) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			m[line] = true
		}
	}
	return m
})

// common reports whether a password is one that guessing begins with: a known
// stem (or two) with usual decoration before or behind, or nothing but
// sequences and repetitions. Four classes alone do not help: Matkhau@123.
func common(s string) bool {
	low := bare(s)
	stem := low
	// Decoration is cut from both ends: what is not a letter.
	cut := func(r rune) bool { return !unicode.IsLetter(r) }
	stem = strings.TrimFunc(stem, cut)
	if usual(strings.Replace(low, stem, "", 1)) {
		// The stem is tried as it is and with signs read as letters (p@ssw0rd).
		for _, c := range []string{onlyLetters(stem), plainLetters(stem), plainLetters(low)} {
			if c == "" || known(c) {
				return true
			}
		}
	}
	return sequence(low)
}

// known reports a stem of the list, doubled, or two stems together.
func known(c string) bool {
	if words()[c] || len(c) <= 3 || sequenceLetters(c) {
		return true
	}
	for i := 2; i < len(c)-1; i++ {
		if words()[c[:i]] && (words()[c[i:]] || len(c)-i <= 2) {
			return true
		}
	}
	return false
}

// usual reports decoration that adds nothing: few signs, and digits that are a
// year, a sequence, a repetition or at most four.
func usual(s string) bool {
	d := digitsOf(s)
	if len([]rune(s))-len(d) > 4 {
		return false
	}
	if len(d) <= 4 || strings.Count(d, d[:1]) == len(d) {
		return true
	}
	half := len(d) / 2
	return runs(d) || d[:half] == d[len(d)-half:] || strings.HasPrefix(d, "19") && len(d) <= 6 || strings.HasPrefix(d, "20") && len(d) <= 6
}

// runs reports digits that mostly go up or down by one or stay.
func runs(d string) bool {
	steps := 0
	for i := 1; i < len(d); i++ {
		if diff := int(d[i]) - int(d[i-1]); diff >= -1 && diff <= 1 {
			steps++
		}
	}
	return steps*4 >= (len(d)-1)*3
}

var rows = []string{"abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qazwsxedcrfvtgbyhnujmikolp", "01234567890", "1qaz2wsx3edc4rfv5tgb6yhn7ujm"}

// sequenceLetters reports letters that walk along the alphabet or the keyboard.
func sequenceLetters(c string) bool { return len(c) >= 3 && steps(c)*4 >= (len(c)-1)*3 }

// sequence reports a whole password that is a walk along the keyboard.
func sequence(s string) bool {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
	return len(s) >= 5 && steps(s)*5 >= (len(s)-1)*4
}

// steps counts neighbours that are equal or next to each other in a row.
func steps(s string) int {
	n := 0
	for i := 1; i < len(s); i++ {
		if s[i] == s[i-1] {
			n++
			continue
		}
		pair, back := s[i-1:i+1], string([]byte{s[i], s[i-1]})
		for _, r := range rows {
			if strings.Contains(r, pair) || strings.Contains(r, back) {
				n++
				break
			}
		}
	}
	return n
}

// bare drops case and diacritics and keeps the rest.
func bare(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(s)) {
		if r == 'đ' {
			r = 'd'
		}
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func onlyLetters(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, s)
}
