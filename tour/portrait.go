// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
)

// portrait draws nobody: a head and shoulders before a plain wall.
func portrait() []byte {
	const w, h = 600, 800
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	inside := func(x, y, cx, cy, rx, ry float64) bool {
		dx, dy := (x-cx)/rx, (y-cy)/ry
		return dx*dx+dy*dy < 1
	}
	for y := range h {
		for x := range w {
			fx, fy := float64(x), float64(y)
			shade := uint8(218 + 12*math.Sin(fx/90)*math.Cos(fy/140))
			c := color.RGBA{shade, shade, shade - 6, 255}
			switch {
			case inside(fx, fy, 255, 370, 16, 9), inside(fx, fy, 345, 370, 16, 9):
				c = color.RGBA{40, 30, 26, 255}
			case inside(fx, fy, 300, 470, 46, 12):
				c = color.RGBA{160, 78, 72, 255}
			case inside(fx, fy, 300, 400, 128, 168):
				c = color.RGBA{226 - uint8(fy/40), 180, 150, 255}
			case inside(fx, fy, 300, 350, 150, 190):
				c = color.RGBA{34, 28, 28, 255}
			case inside(fx, fy, 300, 830, 260, 260):
				c = color.RGBA{30, 90, 96, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, m, &jpeg.Options{Quality: 85}) // a buffer takes every byte
	return b.Bytes()
}
