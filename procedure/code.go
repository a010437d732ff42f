// SPDX-License-Identifier: Apache-2.0

package procedure

import (
	"fmt"
	"strings"
	"time"

	"danh/internal/clock"
	"danh/internal/id"
)

const codeLength = 8 // random symbols: 31^8, about 40 bits

// newCode makes a case code such as LT-26-7K3M-9QPD-W: what it is for, the
// year, eight random symbols and a check letter.
func newCode(prefix string, at time.Time) string {
	s := id.NewCode(codeLength)
	head := fmt.Sprintf("%s-%02d", prefix, at.In(clock.Vietnam).Year()%100)
	return head + "-" + s[:4] + "-" + s[4:] + "-" + string(check(head, s))
}

// check is the check letter: the weighted sum of all symbols modulo 31.
func check(head, s string) byte {
	sum, weight := 0, 2
	for _, r := range strings.ReplaceAll(head, "-", "") + s {
		v := strings.IndexRune(id.Symbols, r)
		if v < 0 { // letters of the prefix that are no symbols
			v = int(r) % 31
		}
		sum += v * weight
		weight++
	}
	return id.Symbols[sum%31]
}

// ParseCode reads a case code as people type it: small letters, spaces or no
// dashes, O for 0. It reports false when the check letter says that it was
// mistyped.
func ParseCode(s string) (string, bool) {
	var b strings.Builder
	for _, r := range strings.ToUpper(s) {
		switch {
		case r >= '0' && r <= '9' || r >= 'A' && r <= 'Z':
			b.WriteRune(r)
		case r == '-' || r == ' ' || r == '.' || r == '–' || r == '\u00a0':
		default:
			return "", false
		}
	}
	t := b.String()
	if len(t) != 2+2+codeLength+1 {
		return "", false
	}
	prefix, year, body := t[:2], t[2:4], strings.NewReplacer("O", "0").Replace(t[4:])
	head := prefix + "-" + year
	if check(head, body[:codeLength]) != body[codeLength] {
		return "", false
	}
	return head + "-" + body[:4] + "-" + body[4:8] + "-" + body[8:], true
}
