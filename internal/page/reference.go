// SPDX-License-Identifier: Apache-2.0

package page

import (
	"context"
	"crypto/rand"
)

type referenceKey struct{}

// Reference is the short id of a request that a person can read out on the
// telephone; the same id stands in the log line. It is "" outside Wrap.
func Reference(ctx context.Context) string {
	s, _ := ctx.Value(referenceKey{}).(string)
	return s
}

// plainLetters are 32 signs that are not mistaken for one another when read
// aloud or copied by hand: no I, L, O, U.
const plainLetters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newReference makes one like "K7QM-3XPA": random, telling nothing.
func newReference() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails (Go 1.24)
	out := make([]byte, 0, 9)
	for i, c := range b {
		if i == 4 {
			out = append(out, '-')
		}
		out = append(out, plainLetters[c&31])
	}
	return string(out)
}
