// SPDX-License-Identifier: Apache-2.0

package emrtd_test

import (
	"testing"

	"danh/internal/reader/emrtd"
)

// BenchmarkChip is a whole chip with a portrait of 60 kB: our own arithmetic,
// both sides of it; a card adds its radio.
func BenchmarkChip(b *testing.B) {
	c := newChip(b)
	for b.Loop() {
		if _, err := emrtd.Read(b.Context(), c, ask); err != nil {
			b.Fatal(err)
		}
	}
}
