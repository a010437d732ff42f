// SPDX-License-Identifier: Apache-2.0

package main

import (
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/image/draw"
)

// screen is one window in the README's picture.
type screen struct {
	name          string
	width, height int
	scale         float64
}

// pictured are the windows of docs/image/danh.png from left to right. The
// picture is made anew with
//
//	DANH_SHOTS=/tmp/shots go test ./cmd/danh -run TestBrowserJourney
//	cp /tmp/shots/danh.png docs/image/
var pictured = []screen{{"home", phoneWidth, 800, 1}, {"consent", phoneWidth, 800, 1}, {"guest-filled", deskWidth, 1111, .72}, {"looked", phoneWidth, 800, 1}}

// compose sets the windows side by side on paper, with round corners and a
// soft shadow.
func compose(t *testing.T, dir string) {
	t.Helper()
	const gap, radius = 36, 18
	width, height := gap, 0
	for _, s := range pictured {
		width += int(float64(s.width)*s.scale) + gap
		height = max(height, int(float64(s.height)*s.scale)+2*gap)
	}
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(out, out.Bounds(), image.NewUniform(color.RGBA{0xE2, 0xEC, 0xE7, 255}), image.Point{}, draw.Src)
	x := gap
	for _, s := range pictured {
		f, err := os.Open(filepath.Join(dir, "picture", s.name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		shot, err := png.Decode(f)
		f.Close()
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		at := image.Rect(x, gap, x+int(float64(s.width)*s.scale), gap+int(float64(s.height)*s.scale))
		for y := at.Min.Y - 30; y < at.Max.Y+30; y++ {
			for x := at.Min.X - 30; x < at.Max.X+30; x++ {
				if d := outside(x, y-8, at, radius); d > 0 && d < 24 {
					c, k := out.RGBAAt(x, y), 1-.13*math.Pow(1-d/24, 2)
					out.SetRGBA(x, y, color.RGBA{uint8(float64(c.R) * k), uint8(float64(c.G) * k), uint8(float64(c.B) * k), 255})
				}
			}
		}
		scaled := image.NewRGBA(at)
		draw.CatmullRom.Scale(scaled, at, shot, shot.Bounds(), draw.Src, nil)
		mask := image.NewAlpha(at)
		for y := at.Min.Y; y < at.Max.Y; y++ {
			for x := at.Min.X; x < at.Max.X; x++ {
				mask.SetAlpha(x, y, color.Alpha{uint8(255 * min(1, max(0, .5-outside(x, y, at, radius))))})
			}
		}
		draw.DrawMask(out, at, scaled, at.Min, mask, at.Min, draw.Over)
		x = at.Max.X + gap
	}
	f, err := os.Create(filepath.Join(dir, "danh.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(f, out); err != nil {
		t.Fatal(err)
	}
}

// outside is how far a pixel lies outside a rectangle with round corners;
// within it is negative.
func outside(x, y int, r image.Rectangle, radius float64) float64 {
	px, py := float64(x)+.5, float64(y)+.5
	dx := max(float64(r.Min.X)+radius-px, px-float64(r.Max.X)+radius)
	dy := max(float64(r.Min.Y)+radius-py, py-float64(r.Max.Y)+radius)
	return math.Hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - radius
}
