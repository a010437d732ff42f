// SPDX-License-Identifier: Apache-2.0

package symbol_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"testing"

	"rsc.io/qr"

	"danh/enrolment/visit/symbol"
	"danh/internal/fault"
)

const printed = "001190999901||Nguyễn Thị Minh Hà|02091990|Nữ|Số 12, ngõ 34, đường Trần Phú, Phường Ba Đình, Hà Nội|21112021"

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// photographed is a card's symbol as a camera sees it: turned, small, on a table.
func photographed(t testing.TB, text string, turn float64, module int) image.Image {
	t.Helper()
	code, err := qr.Encode(text, qr.M)
	check(t, err)
	img := image.NewGray(image.Rect(0, 0, 1600, 1200))
	sin, cos := math.Sincos(turn)
	for y := range 1200 {
		for x := range 1600 {
			dx, dy := float64(x-800), float64(y-600)
			u, v := dx*cos+dy*sin, dy*cos-dx*sin
			at := func(f float64) int { return int(math.Floor(f/float64(module))) + code.Size/2 }
			c := color.Gray{Y: 150} // the table
			if a, b := at(u), at(v); a >= -4 && b >= -4 && a < code.Size+4 && b < code.Size+4 {
				c.Y = 225
				if code.Black(a, b) {
					c.Y = 40
				}
			}
			img.SetGray(x, y, c)
		}
	}
	return img
}

func TestSymbolIsReadFromAPicture(t *testing.T) {
	for _, turn := range []float64{0, 0.3, 1.9, math.Pi} {
		for _, module := range []int{5, 12} {
			var b bytes.Buffer
			check(t, jpeg.Encode(&b, photographed(t, printed, turn, module), &jpeg.Options{Quality: 70}))
			text, err := symbol.Read(b.Bytes())
			if err != nil || text != printed {
				t.Errorf("turned by %.1f, %d pixels a module: %q %v", turn, module, text, err)
			}
		}
	}
	var b bytes.Buffer
	check(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 400, 400))))
	_, err := symbol.Read(b.Bytes())
	if f := fault.Of(err); f == nil || f.Key != "enrolment.visit.no_symbol" {
		t.Fatal(err)
	}
	if _, err := symbol.Read([]byte("no picture")); !fault.Is(err, fault.Invalid) {
		t.Fatal(err)
	}
}

// FuzzRead: whatever a picture holds, reading it ends, without a panic.
func FuzzRead(f *testing.F) {
	const side = 96
	for _, text := range []string{"x", "001190999901||Ha|02091990"} {
		code, err := qr.Encode(text, qr.M)
		check(f, err)
		pixels := bytes.Repeat([]byte{230}, side*side)
		for y := range code.Size * 3 {
			for x := range code.Size * 3 {
				if code.Black(x/3, y/3) && x+8 < side && y+8 < side {
					pixels[(y+8)*side+x+8] = 20
				}
			}
		}
		f.Add(pixels)
	}
	f.Fuzz(func(t *testing.T, pixels []byte) {
		img := image.NewGray(image.Rect(0, 0, side, side))
		copy(img.Pix, pixels)
		var b bytes.Buffer
		check(t, png.Encode(&b, img))
		if _, err := symbol.Read(b.Bytes()); err != nil && fault.Of(err) == nil {
			t.Fatal(err)
		}
	})
}

// BenchmarkNoSymbol is what a camera costs while nothing is held before it.
func BenchmarkNoSymbol(b *testing.B) {
	img := image.NewGray(image.Rect(0, 0, 1280, 960))
	for i := range img.Pix {
		img.Pix[i] = byte(i*i>>9) ^ byte(i>>4)
	}
	var buf bytes.Buffer
	check(b, jpeg.Encode(&buf, img, nil))
	for b.Loop() {
		if _, err := symbol.Read(buf.Bytes()); err == nil {
			b.Fatal("there is none")
		}
	}
}
