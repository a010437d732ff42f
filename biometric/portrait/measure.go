// SPDX-License-Identifier: Apache-2.0

package portrait

import (
	"image"
	"math"
)

// tall is the height at which all pictures are measured, so that sharpness
// means the same for every camera.
const tall = 480

// picture is a grey picture of that height.
type picture struct {
	w, h int
	v    []float64
}

// shrink averages a picture down to the height of measurement.
func shrink(img image.Image) picture {
	b := img.Bounds()
	h := min(tall, b.Dy())
	w := max(1, b.Dx()*h/b.Dy())
	p := picture{w: w, h: h, v: make([]float64, w*h)}
	for y := range h {
		y0, y1 := b.Min.Y+y*b.Dy()/h, b.Min.Y+(y+1)*b.Dy()/h
		for x := range w {
			x0, x1 := b.Min.X+x*b.Dx()/w, b.Min.X+(x+1)*b.Dx()/w
			sum, n := 0.0, 0
			for yy := y0; yy < max(y1, y0+1); yy++ {
				for xx := x0; xx < max(x1, x0+1); xx++ {
					r, g, bl, _ := img.At(xx, yy).RGBA()
					sum += (0.299*float64(r) + 0.587*float64(g) + 0.114*float64(bl)) / 257 // ITU-R BT.601
					n++
				}
			}
			p.v[y*w+x] = sum / float64(n)
		}
	}
	return p
}

// oval reports whether a place lies in the frame's head.
func (p picture) oval(x, y int) bool {
	f := Guide(p.w, p.h).Head
	cx, cy := float64(f.Min.X+f.Max.X)/2, float64(f.Min.Y+f.Max.Y)/2
	return sq((float64(x)-cx)/(float64(f.Dx())/2))+sq((float64(y)-cy)/(float64(f.Dy())/2)) <= 1
}

func sq(v float64) float64 { return v * v }

// beside reports whether a place lies in the strips beside the head, above the
// shoulders.
func (p picture) beside(x, y int) bool {
	return y < p.h*45/100 && (x < p.w*15/100 || x >= p.w*85/100)
}

type tally struct{ n, sum, square float64 }

func (t *tally) add(v float64) { t.n, t.sum, t.square = t.n+1, t.sum+v, t.square+v*v }
func (t tally) mean() float64  { return t.sum / max(1, t.n) }
func (t tally) spread() float64 {
	return math.Sqrt(max(0, t.square/max(1, t.n)-sq(t.mean())))
}

func (p picture) measure(m *Measures) {
	var head, laplace, left, right, back, corner tally
	clipped := 0.0
	for y := 1; y < p.h-1; y++ {
		for x := 1; x < p.w-1; x++ {
			v := p.v[y*p.w+x]
			if p.beside(x, y) {
				back.add(v)
				if y < p.h*12/100 { // where no head comes, however badly it is placed
					corner.add(v)
				}
			}
			if !p.oval(x, y) {
				continue
			}
			head.add(v)
			laplace.add(4*v - p.v[y*p.w+x-1] - p.v[y*p.w+x+1] - p.v[(y-1)*p.w+x] - p.v[(y+1)*p.w+x])
			if v < 6 || v > 249 {
				clipped++
			}
			if x < p.w/2 {
				left.add(v)
			} else {
				right.add(v)
			}
		}
	}
	m.Brightness, m.Contrast = head.mean(), head.spread()
	m.Clipped = clipped / max(1, head.n)
	m.Imbalance = left.mean() - right.mean()
	m.Sharpness = sq(laplace.spread())
	m.Background = back.spread()
	m.Figure, m.Offset = p.figure(corner.mean())
}

// figure finds what stands out from the background in the upper half, where a
// head is alone: by how much, and how far from the middle it is.
func (p picture) figure(background float64) (stands, offset float64) {
	var weight, moment float64
	var inside tally
	for y := p.h * 15 / 100; y < p.h*60/100; y++ {
		for x := range p.w {
			d := math.Abs(p.v[y*p.w+x] - background)
			if p.oval(x, y) {
				inside.add(d)
			}
			if d > 14 {
				weight++
				moment += float64(x)
			}
		}
	}
	if weight == 0 {
		return inside.mean(), 0
	}
	return inside.mean(), math.Abs(moment/weight/float64(p.w) - 0.5)
}
