// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"html/template"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// longest bounds the comparison of two texts; longer ones are shown unmarked.
const longest = 400

// differ gives two texts with the parts marked in which they differ, and only
// those: the longest common subsequence of their characters stays plain. A
// single common letter between two marks would read as noise, and a number is
// read as a whole: these are marked too.
func differ(a, b string) (template.HTML, template.HTML) {
	x, y := []rune(norm.NFC.String(a)), []rune(norm.NFC.String(b))
	if len(x) > longest || len(y) > longest {
		return html(template.HTMLEscapeString(a)), html(template.HTMLEscapeString(b))
	}
	long := make([][]int, len(x)+1) // of the common subsequence of the tails
	for i := range long {
		long[i] = make([]int, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				long[i][j] = long[i+1][j+1] + 1
			} else {
				long[i][j] = max(long[i+1][j], long[i][j+1])
			}
		}
	}
	inX, inY := make([]bool, len(x)), make([]bool, len(y)) // common
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch {
		case x[i] == y[j]:
			inX[i], inY[j] = true, true
			i, j = i+1, j+1
		case long[i+1][j] >= long[i][j+1]:
			i++
		default:
			j++
		}
	}
	return marked(x, inX), marked(y, inY)
}

func marked(r []rune, common []bool) template.HTML {
	for i := 1; i+1 < len(r); i++ { // an island of one letter
		if common[i] && !common[i-1] && !common[i+1] && !unicode.IsSpace(r[i]) {
			common[i] = false
		}
	}
	for i := 0; i < len(r); i++ { // a number is read as a whole
		if !unicode.IsDigit(r[i]) {
			continue
		}
		end, differs := i, false
		for ; end < len(r) && unicode.IsDigit(r[end]); end++ {
			differs = differs || !common[end]
		}
		for j := i; differs && j < end; j++ {
			common[j] = false
		}
		i = end
	}
	var b strings.Builder
	for i, c := range r {
		if !common[i] && (i == 0 || common[i-1]) {
			b.WriteString("<mark>")
		}
		b.WriteString(template.HTMLEscapeString(string(c)))
		if !common[i] && (i == len(r)-1 || common[i+1]) {
			b.WriteString("</mark>")
		}
	}
	return html(b.String())
}
