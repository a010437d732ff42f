// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
)

// appIcon is the mark of Danh as a picture for a phone's screen: three contour
// lines, nobody's emblem. It is drawn when somebody asks for it.
type appIcon struct {
	name     string
	side     int
	maskable bool // fills the square; the lines stay within the inner 80 %, which no mask cuts
}

var appIcons = []appIcon{
	{"icon-192.png", 192, false}, {"icon-512.png", 512, false},
	{"icon-192-maskable.png", 192, true}, {"icon-512-maskable.png", 512, true},
	{"apple-touch-icon.png", 180, true}, // iOS rounds the corners itself
}

// The mark is 32 units wide; see mark.svg.
const (
	markSide   = 32.0
	markRadius = 9.0
	markStroke = 2.3
	maskScale  = .84
)

var (
	markGround = color.NRGBA{0x0F, 0x4A, 0x47, 0xFF}
	markLine   = color.NRGBA{0xE8, 0xD9, 0xAE, 0xFF}
)

// markLines are the three contours of mark.svg as short straight pieces.
func markLines() (pieces [][2]point) {
	for _, y := range []float64{22.5, 16.8, 11} {
		a, b, c, d := point{6, y}, point{11, y - 5}, point{14, y + 2}, point{26, y - 3}
		last := a
		for k := 1; k <= 24; k++ {
			t := float64(k) / 24
			u := 1 - t
			p := point{u*u*u*a.x + 3*u*u*t*b.x + 3*u*t*t*c.x + t*t*t*d.x, u*u*u*a.y + 3*u*u*t*b.y + 3*u*t*t*c.y + t*t*t*d.y}
			pieces = append(pieces, [2]point{last, p})
			last = p
		}
	}
	return pieces
}

// png draws the icon. Every pixel is judged by its distance from the shapes,
// which gives soft edges without a rasteriser.
func (i appIcon) png() []byte {
	img := image.NewNRGBA(image.Rect(0, 0, i.side, i.side))
	pieces := markLines()
	unit := markSide / float64(i.side)
	scale := 1.0
	if i.maskable {
		scale = maskScale
	}
	for y := range i.side {
		for x := range i.side {
			at := point{(float64(x) + .5) * unit, (float64(y) + .5) * unit}
			ground := markGround
			if !i.maskable {
				ground.A = uint8(255 * cover(-roundedSquare(at), unit))
			}
			in := point{(at.x-markSide/2)/scale + markSide/2, (at.y-markSide/2)/scale + markSide/2}
			near := math.Inf(1)
			for _, p := range pieces {
				near = min(near, distance(in, p[0], p[1]))
			}
			line := cover(markStroke/2-math.Sqrt(near), unit/scale)
			img.SetNRGBA(x, y, mixed(ground, markLine, line))
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, img) // a buffer takes everything, and no such picture is too large
	return b.Bytes()
}

// cover is how much of a pixel lies inside, from its middle's depth within the shape.
func cover(depth, unit float64) float64 { return min(1, max(0, depth/unit+.5)) }

// roundedSquare is the signed distance from the mark's ground, negative inside.
func roundedSquare(p point) float64 {
	dx, dy := math.Abs(p.x-markSide/2)-(markSide/2-markRadius), math.Abs(p.y-markSide/2)-(markSide/2-markRadius)
	return math.Hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - markRadius
}

// distance is the square of how far a point is from a straight piece.
func distance(p, a, b point) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	t := min(1, max(0, ((p.x-a.x)*dx+(p.y-a.y)*dy)/(dx*dx+dy*dy)))
	ex, ey := p.x-a.x-t*dx, p.y-a.y-t*dy
	return ex*ex + ey*ey
}

func mixed(a, b color.NRGBA, part float64) color.NRGBA {
	if part == 0 {
		return a
	}
	mix := func(x, y uint8) uint8 { return uint8(math.Round(float64(x)*(1-part) + float64(y)*part)) }
	return color.NRGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), mix(a.A, b.A)}
}
