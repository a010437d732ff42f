// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"fmt"
	"strings"
	"time"

	"danh/internal/clock"
	"danh/internal/id"
)

const codeLength = 10

// newCode makes a dossier's code such as CC-26-7K3M9-QPD2X: the year and ten
// random symbols, some 49 bits.
func newCode(at time.Time) string {
	s := id.NewCode(codeLength)
	return fmt.Sprintf("CC-%02d-%s-%s", at.In(clock.Vietnam).Year()%100, s[:5], s[5:])
}

// ParseCode reads a dossier's code as people type it: small letters, spaces or
// no dashes, O for 0. It reports false when it has not the form of one.
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
	if len(t) != 4+codeLength || t[:2] != "CC" {
		return "", false
	}
	body := strings.ReplaceAll(t[4:], "O", "0")
	for _, r := range body {
		if !strings.ContainsRune(id.Symbols, r) {
			return "", false
		}
	}
	return "CC-" + strings.ReplaceAll(t[2:4], "O", "0") + "-" + body[:5] + "-" + body[5:], true
}
