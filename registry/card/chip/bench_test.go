// SPDX-License-Identifier: Apache-2.0

package chip_test

import (
	"testing"

	"danh/registry/card/cert"
	"danh/registry/card/chip"
	"danh/registry/card/sod"
)

// BenchmarkAuthenticate measures passive authentication: of our own chips, and
// of the slowest real chain, brainpoolP512r1 by math/big.
func BenchmarkAuthenticate(b *testing.B) {
	vn := settled(b)
	i, _ := vn.card(b)
	b.Run("P-256", func(b *testing.B) {
		trust := vn.trust(b)
		for b.Loop() {
			if _, err := chip.Authenticate(i, trust, now); err != nil {
				b.Fatal(err)
			}
		}
	})
	o, err := sod.Parse(i.Security)
	if err != nil {
		b.Fatal(err)
	}
	csca, security := foreign(b, 0, o.Content())
	a, err := cert.Parse(csca)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("brainpoolP512r1", func(b *testing.B) {
		at := wallClock()
		for b.Loop() {
			if _, err := chip.Authenticate(chip.Image{Security: security, Files: i.Files}, chip.TrustList{a}, at); err != nil {
				b.Fatal(err)
			}
		}
	})
}
