// SPDX-License-Identifier: Apache-2.0

package fingerprint_test

import (
	"bytes"
	"image"
	"math"
	"testing"

	"danh/internal/fingerprint"
)

func same(a, b *image.Gray) bool { return bytes.Equal(a.Pix, b.Pix) }

func TestSeedDecidesFingerAndImpressions(t *testing.T) {
	a, b, other := fingerprint.New(41), fingerprint.New(41), fingerprint.New(42)
	if a.Class() != b.Class() {
		t.Fatal("one seed gave two classes")
	}
	if !same(a.Enrolled(1), b.Enrolled(1)) || !same(a.Presented(3), b.Presented(3)) {
		t.Fatal("one seed gave two images")
	}
	if same(a.Enrolled(1), other.Enrolled(1)) {
		t.Fatal("two seeds gave one image")
	}
}

// TestPresentedIsNeverTheEnrolledImage: a system that compared a picture with
// itself would always match.
func TestPresentedIsNeverTheEnrolledImage(t *testing.T) {
	f := fingerprint.NewOf(5, fingerprint.Whorl)
	var all []*image.Gray
	for n := range 6 {
		all = append(all, f.Enrolled(n), f.Presented(n))
	}
	for i, a := range all {
		for _, b := range all[:i] {
			if same(a, b) {
				t.Fatal("two impressions share an image")
			}
		}
	}
}

// TestRidgesHaveTheDistanceOfSkin counts ridges along the columns of a clean
// impression of an arch, whose ridges run across: 0.3 to 0.65 mm apart.
func TestRidgesHaveTheDistanceOfSkin(t *testing.T) {
	for seed := range uint64(3) {
		img := fingerprint.NewOf(seed, fingerprint.Arch).Press(1, fingerprint.Way{Contact: 1})
		crossings, length := 0, 0
		for x := 150; x < 210; x += 5 {
			dark := false
			for y := 130; y < 330; y++ {
				if d := img.GrayAt(x, y).Y < 128; d != dark {
					dark = d
					crossings++
				}
			}
			length += 200
		}
		mm := float64(length) / (float64(crossings) / 2) / fingerprint.DPI * 25.4
		if mm < 0.3 || mm > 0.65 {
			t.Errorf("seed %d: ridges are %.2f mm apart", seed, mm)
		}
	}
}

func TestClassesAppearAsOnHands(t *testing.T) {
	const n = 10_000
	count := map[fingerprint.Class]int{}
	for seed := range uint64(n) {
		count[fingerprint.ClassOf(seed)]++
	}
	loops := float64(count[fingerprint.LeftLoop]+count[fingerprint.RightLoop]) / n
	if math.Abs(loops-0.655) > 0.02 || math.Abs(float64(count[fingerprint.Whorl])/n-0.279) > 0.02 {
		t.Fatalf("classes of %d fingers: %v", n, count)
	}
}

func TestPressureThickensRidges(t *testing.T) {
	f := fingerprint.NewOf(9, fingerprint.LeftLoop)
	dark := func(pressure float64) (n int) {
		for _, p := range f.Press(4, fingerprint.Way{Contact: 1, Pressure: pressure}).Pix {
			if p < 128 {
				n++
			}
		}
		return n
	}
	if dry, usual, wet := dark(-0.8), dark(0), dark(0.8); dry >= usual || usual >= wet {
		t.Fatalf("dark pixels: dry %d, usual %d, wet %d", dry, usual, wet)
	}
}

func TestEveryFingerOfEverySamplePersonIsItsOwn(t *testing.T) {
	seen := map[uint64]bool{}
	for _, person := range []string{"001090000001", "001090000002", ""} {
		for finger := 1; finger <= 10; finger++ {
			s := fingerprint.Seed(person, finger)
			if seen[s] || s != fingerprint.Seed(person, finger) {
				t.Fatalf("finger %d of %q has another's seed, or two", finger, person)
			}
			seen[s] = true
		}
	}
}
