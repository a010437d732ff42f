// SPDX-License-Identifier: Apache-2.0

package bearer_test

import (
	"testing"

	"danh/biometric/afis"
	"danh/biometric/raster"
	"danh/internal/fingerprint"
	"danh/internal/fmr"
	"danh/sandbox/bearer"
	"danh/sandbox/people"
)

// TestMostPresentedImpressionsAreFair: a tester who presents a finger is seldom
// asked to press again, and every fourth impression is a poor one.
func TestMostPresentedImpressionsAreFair(t *testing.T) {
	h, engine := bearer.NewHands(), afis.New()
	good, poor := 0, 0
	for at := fmr.RightThumb; at <= fmr.RightLittle; at++ {
		for n := 1; n <= 4; n++ {
			_, q, err := engine.Extract(t.Context(), at, raster.Image{Gray: h.Presented(people.Owner, at, n), DPI: fingerprint.DPI})
			if n == 4 {
				if err != nil || len(q.Hints) > 0 {
					poor++
				}
				continue
			}
			if err == nil && len(q.Hints) == 0 {
				good++
			}
		}
	}
	t.Logf("%d of 15 without a hint, %d of 5 poor ones", good, poor)
	if good < 11 || poor < 2 {
		t.Errorf("%d of 15 are good and %d of 5 poor", good, poor)
	}
}
