// SPDX-License-Identifier: Apache-2.0

package id

import (
	"crypto/rand"
	"strings"
)

// Symbols are 31 letters and digits that nobody confuses when a code is read
// out: no I, L, O, U and no 1. 31 is prime, which is what lets a check letter
// find every single wrong symbol and every swap of neighbours.
const Symbols = "023456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewCode makes a code of n random symbols for people to read out and to type;
// each symbol is worth 4.95 bits.
func NewCode(n int) string {
	var b strings.Builder
	for b.Len() < n {
		var r [24]byte
		rand.Read(r[:])
		for _, v := range r {
			if v < 248 && b.Len() < n { // the largest multiple of 31 in a byte: no symbol is likelier
				b.WriteByte(Symbols[v%31])
			}
		}
	}
	return b.String()
}

// ReadCode reads a code of n symbols as people type it: small letters, spaces,
// dots and dashes, O for 0. It reports false when it has not the form of one.
func ReadCode(s string, n int) (string, bool) {
	s = strings.NewReplacer(" ", "", "-", "", ".", "", "–", "", "\u00a0", "", "O", "0").Replace(strings.ToUpper(s))
	if len(s) != n || strings.Trim(s, Symbols) != "" {
		return "", false
	}
	return s, true
}
