// SPDX-License-Identifier: Apache-2.0

package id

import (
	"crypto/rand"
	"time"

	"danh/internal/clock"
)

// Alphabets of 32 letters, so that a random byte gives each of them alike: none
// has a letter that is taken for another of the same alphabet.
const (
	CodeLetters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ" // on paper and in cases
	LinkLetters = "abcdefghijkmnpqrstuvwxyz23456789" // in links
)

// Draw draws n random letters of an alphabet of 32, five bits each.
func Draw(n int, letters string) string {
	b := make([]byte, n)
	rand.Read(b)
	for i := range b {
		b[i] = letters[b[i]%32]
	}
	return string(b)
}

// NewCaseCode is KP-26-XXXX-XXXX: what kind of case, the year in Vietnam, and 40
// random bits. It names a case and opens nothing.
func NewCaseCode(prefix string, now time.Time) string {
	s := Draw(8, CodeLetters)
	return prefix + "-" + now.In(clock.Vietnam).Format("06") + "-" + s[:4] + "-" + s[4:]
}
