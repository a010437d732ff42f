// SPDX-License-Identifier: Apache-2.0

package portrait_test

import (
	"bytes"
	"image/jpeg"
	"testing"

	"danh/biometric/portrait"
	"danh/internal/face"
)

// TestDrawnFacesPass: the portraits of sample people are fit for the capture
// that they are used in, as files and in every shot.
func TestDrawnFacesPass(t *testing.T) {
	for seed := range uint64(24) {
		img, err := jpeg.Decode(bytes.NewReader(face.JPEG(face.Look{Seed: seed * 7919, Age: int(6 + seed*3), Female: seed%2 == 0}, int(seed%5))))
		if err != nil {
			t.Fatal(err)
		}
		if r := portrait.Check(img); len(r.Hints) != 0 {
			t.Errorf("face %d: %v, %+v", seed, r.Hints, r.Measures)
		}
	}
}
