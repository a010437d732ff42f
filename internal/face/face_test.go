// SPDX-License-Identifier: Apache-2.0

package face_test

import (
	"bytes"
	"image/jpeg"
	"math"
	"testing"

	"danh/internal/face"
)

// apart is the mean difference of two pictures' brightness, after both were
// made coarse so that grain does not count.
func apart(a, b face.Look, shotA, shotB int) float64 {
	x, y := face.Draw(a, shotA), face.Draw(b, shotB)
	sum, n := 0.0, 0
	for cy := 0; cy < face.Height; cy += 16 {
		for cx := 0; cx < face.Width; cx += 16 {
			d := 0.0
			for py := cy; py < cy+16; py++ {
				for px := cx; px < cx+16; px++ {
					p, q := x.RGBAAt(px, py), y.RGBAAt(px, py)
					d += float64(p.G) - float64(q.G)
				}
			}
			sum, n = sum+math.Abs(d/256), n+1
		}
	}
	return sum / float64(n)
}

func TestShotsOfAFaceDifferLessThanFaces(t *testing.T) {
	l := face.Look{Seed: 7, Age: 36, Female: true}
	other := face.Look{Seed: 8, Age: 36, Female: true}
	if bytes.Equal(face.JPEG(l, 0), face.JPEG(l, 1)) {
		t.Error("two shots are one picture")
	}
	if !bytes.Equal(face.JPEG(l, 1), face.JPEG(l, 1)) {
		t.Error("one shot is two pictures")
	}
	same, different := apart(l, l, 0, 1), apart(l, other, 0, 0)
	if same >= different {
		t.Errorf("shots of one face differ by %.1f, two faces by %.1f", same, different)
	}
}

func TestFitsIntoAChip(t *testing.T) {
	for seed := range uint64(12) {
		b := face.JPEG(face.Look{Seed: seed, Age: int(seed * 7), Female: seed%2 == 0}, int(seed))
		c, err := jpeg.DecodeConfig(bytes.NewReader(b))
		if err != nil || c.Width != face.Width || c.Height != face.Height || len(b) > 64<<10 {
			t.Errorf("seed %d: %d bytes, %dx%d, %v", seed, len(b), c.Width, c.Height, err)
		}
	}
}
