// SPDX-License-Identifier: Apache-2.0

package visit_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"testing"

	"rsc.io/qr"

	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/fault"
)

const printed = "001190999901||Nguyễn Thị Minh Hà|02091990|Nữ|Số 12, ngõ 34, đường Trần Phú, Phường Ba Đình, Hà Nội|21112021"

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
			text, err := visit.ReadSymbol(b.Bytes())
			if err != nil || text != printed {
				t.Errorf("turned by %.1f, %d pixels a module: %q %v", turn, module, text, err)
				continue
			}
			if s, ok := visit.ReadScanned(text, clock.DateOf(monday)); !ok || s.Number != "001190999901" || s.Name != "Nguyễn Thị Minh Hà" {
				t.Errorf("%+v", s)
			}
		}
	}
	var b bytes.Buffer
	check(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 400, 400))))
	_, err := visit.ReadSymbol(b.Bytes())
	wants(t, err, fault.Invalid, "enrolment.visit.no_symbol")
	if _, err := visit.ReadSymbol([]byte("no picture")); !fault.Is(err, fault.Invalid) {
		t.Fatal(err)
	}
}

// FuzzReadSymbol: whatever a picture holds, reading it ends, without a panic.
func FuzzReadSymbol(f *testing.F) {
	for _, turn := range []float64{0, 0.3} {
		var b bytes.Buffer
		check(f, png.Encode(&b, photographed(f, printed, turn, 12)))
		f.Add(b.Bytes())
	}
	code, err := qr.Encode("x", qr.L)
	check(f, err)
	f.Add(code.PNG())
	f.Fuzz(func(t *testing.T, picture []byte) {
		if len(picture) > 1<<16 {
			t.Skip()
		}
		_, err := visit.ReadSymbol(picture)
		if err != nil && fault.Of(err) == nil {
			t.Fatal(err)
		}
	})
}
