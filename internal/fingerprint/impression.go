// SPDX-License-Identifier: Apache-2.0

package fingerprint

import (
	"image"
	"math"
	"math/rand/v2"
)

// Way is how a finger lies on the glass in one impression.
type Way struct {
	Turn     float64 // radians
	DX, DY   float64 // pixels
	Stretch  float64 // the greatest displacement of the skin in pixels
	Pressure float64 // -1 dry and thin to 1 wet and thick
	Contact  float64 // the part of the pattern that touches: 1 all of it
	Noise    float64 // 0 clean to 1 soiled
}

// Enrolled is the nth impression taken when a person was enrolled, with an
// officer's help: well placed and clean.
func (f *Finger) Enrolled(n int) *image.Gray {
	r := random(f.seed, 1_000_003+2*uint64(n))
	return f.Press(r.Uint64(), drawWay(r, 0.10, 10, 2.5, 0.35, 0.93, 0.25))
}

// Presented is the nth impression that a person gives later: turned, shifted,
// pressed and soiled as it happens, from good to hardly usable.
func (f *Finger) Presented(n int) *image.Gray {
	r := random(f.seed, 2_000_006+2*uint64(n))
	return f.Press(r.Uint64(), drawWay(r, 0.5, 44, 14, 1, 0.4, 1))
}

// WayOf is how the nth presented impression is given.
func (f *Finger) WayOf(n int) Way {
	r := random(f.seed, 2_000_006+2*uint64(n))
	r.Uint64()
	return drawWay(r, 0.5, 44, 14, 1, 0.4, 1)
}

func drawWay(r *rand.Rand, turn, shift, stretch, pressure, contact, noise float64) Way {
	both := func(by float64) float64 { return by * (2*r.Float64() - 1) }
	return Way{
		Turn: both(turn), DX: both(shift), DY: both(shift), Stretch: stretch * r.Float64(),
		Pressure: both(pressure), Contact: contact + (1-contact)*r.Float64(), Noise: noise * r.Float64(),
	}
}

// Width and Height are the size of an impression in pixels.
const (
	Width  = 360
	Height = 460
)

// Press gives the impression of a way; the seed draws stretch, grain and dirt.
func (f *Finger) Press(seed uint64, w Way) *image.Gray {
	r := random(seed, 3)
	sin, cos := math.Sincos(w.Turn)
	sx, sy := newWaves(r, 3, w.Stretch, 180, 460), newWaves(r, 3, w.Stretch, 180, 460)
	edge := newWaves(r, 5, 0.04, 40, 120)
	patches := append(newWaves(r, 8, 0.8*w.Noise, 40, 160), newWaves(r, 16, 1.1*w.Noise, 9, 26)...)
	// The area of contact is an oval that lies about the middle of the pattern.
	ox, oy := width/2+14*(2*r.Float64()-1), height*0.47+20*(2*r.Float64()-1)
	ax, ay := 0.47*width*w.Contact, 0.47*height*w.Contact
	scratches := make([][3]float64, int(4*w.Noise*r.Float64()+0.5))
	for i := range scratches {
		a := math.Pi * r.Float64()
		s, c := math.Sincos(a)
		scratches[i] = [3]float64{s, -c, s*width*r.Float64() - c*height*r.Float64()}
	}
	img := image.NewGray(image.Rect(0, 0, Width, Height))
	for y := range Height {
		for x := range Width {
			// From the glass back to the skin: shift, turn, stretch.
			u, v := float64(x)-Width/2-w.DX, float64(y)-Height/2-w.DY
			px := u*cos + v*sin + width/2
			py := -u*sin + v*cos + height/2
			px, py = px+sx.at(px, py), py+sy.at(px, py)
			ink := -1.0
			in := 1 - math.Sqrt(sq((px-ox)/ax)+sq((py-oy)/ay)) + edge.at(px, py)
			if in > 0 {
				// Towards the edge the finger presses less.
				press := 0.55*w.Pressure + patches.at(px, py) - 0.5*max(0, 0.12-in)/0.12
				ink = math.Tanh(2.2 * (f.at(px, py) + press + 0.5*w.Noise*r.NormFloat64()))
				for _, s := range scratches {
					if d := math.Abs(s[0]*px + s[1]*py - s[2]); d < 1.6 {
						ink = -1
					}
				}
				ink = -1 + (ink+1)*min(1, in/0.03)
			}
			g := 138 - 98*ink + (3+5*w.Noise)*r.NormFloat64()
			img.Pix[y*img.Stride+x] = uint8(min(max(g, 0), 255))
		}
	}
	return img
}

// at is the pattern between its pixels; beyond it there is no skin.
func (f *Finger) at(x, y float64) float64 {
	x0, y0 := int(math.Floor(x)), int(math.Floor(y))
	if x0 < 0 || y0 < 0 || x0 >= width-1 || y0 >= height-1 {
		return -1
	}
	fx, fy := float32(x-float64(x0)), float32(y-float64(y0))
	p := f.ridge[y0*width+x0:]
	return float64((p[0]*(1-fx)+p[1]*fx)*(1-fy) + (p[width]*(1-fx)+p[width+1]*fx)*fy)
}
