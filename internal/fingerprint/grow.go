// SPDX-License-Identifier: Apache-2.0

package fingerprint

import (
	"math"
	"math/rand/v2"
	"sync"
)

// field is what the ridges follow: at each place their direction and distance.
type field struct {
	class        Class
	loops        []singularity
	deltas       []singularity
	arch, centre float64 // how high an arch is, and where
	bend         waves   // what makes each finger its own
	distance     waves
	mean         float64 // mean distance between ridges in pixels
	lean, size   float64 // how the finger stands, and how large it is
}

// singularity is a core or a delta. Around it the angle does not turn evenly
// but by a function of its own (Vizcaya and Gerhardt 1996, here two sines):
// without that all fingers of a class would bend, and break, in the same places.
type singularity struct {
	x, y           float64
	a1, p1, a2, p2 float64
}

func (s singularity) angle(x, y float64) float64 {
	t := math.Atan2(y-s.y, x-s.x)
	return t + s.a1*math.Sin(t+s.p1) + s.a2*math.Sin(2*t+s.p2)
}

// newField places cores and deltas at random around their usual places, in
// pixels of the finished pattern.
func newField(r *rand.Rand, c Class) *field {
	both := func(by float64) float64 { return by * (2*r.Float64() - 1) }
	at := func(x, y float64) singularity {
		return singularity{x: x, y: y, a1: both(0.6), p1: both(math.Pi), a2: both(0.2), p2: both(math.Pi)}
	}
	cx, cy := width/2+both(26), height*0.44+both(44)
	f := &field{class: c, centre: cx, arch: 0.45 + 0.9*r.Float64(), mean: 7.9 + 2.4*r.Float64(),
		lean: both(0.28), size: 0.8 + 0.45*r.Float64()}
	switch c {
	case TentedArch:
		f.loops = []singularity{at(cx, cy)}
		f.deltas = []singularity{at(cx+both(8), cy+60+45*r.Float64())}
	case LeftLoop:
		f.loops = []singularity{at(cx, cy)}
		f.deltas = []singularity{at(cx+50+90*r.Float64(), cy+75+90*r.Float64())}
	case RightLoop:
		f.loops = []singularity{at(cx, cy)}
		f.deltas = []singularity{at(cx-50-90*r.Float64(), cy+75+90*r.Float64())}
	case Whorl:
		d := 9 + 38*r.Float64()
		f.loops = []singularity{at(cx+both(18), cy-d), at(cx+both(18), cy+d)}
		f.deltas = []singularity{at(cx-75-60*r.Float64(), cy+85+75*r.Float64()), at(cx+75+60*r.Float64(), cy+85+75*r.Float64())}
	}
	f.bend = newWaves(r, 7, 0.30, 100, 360)
	f.distance = newWaves(r, 6, 0.16, 80, 280)
	return f
}

// orientation is the ridges' direction at a place, in radians modulo π, with y
// downwards (Sherlock and Monro 1993: half the sum of the angles seen from the
// cores less those seen from the deltas).
func (f *field) orientation(x, y float64) float64 {
	sin, cos := math.Sincos(f.lean)
	u, v := (x-width/2)/f.size, (y-height/2)/f.size
	return f.upright(width/2+u*cos+v*sin, height/2-u*sin+v*cos) + f.lean + f.bend.at(x, y)
}

// upright is the orientation in a finger of the usual size that stands straight.
func (f *field) upright(x, y float64) float64 {
	if f.class == Arch {
		// Ridges run across and rise in the middle, most so at half height.
		h := bell((y - 0.52*height) / (0.26 * height))
		return f.arch * h * math.Sin(2*math.Pi*(x-f.centre)/(0.95*width)) * bell((x-f.centre)/(0.42*width))
	}
	t := 0.0
	for _, s := range f.loops {
		t += s.angle(x, y)
	}
	for _, s := range f.deltas {
		t -= s.angle(x, y)
	}
	// As many deltas as cores: far from all of them the ridges run across.
	return t / 2
}

func sq(v float64) float64   { return v * v }
func bell(v float64) float64 { return math.Exp(-v * v / 2) }

// spacing is the distance between ridges at a place: wider below the core.
func (f *field) spacing(x, y float64) float64 {
	d := f.mean * (1 + f.distance.at(x, y) + 0.10*(y/height-0.45))
	return min(max(d, 6.8), 12.5)
}

const (
	turns    = 32 // directions in the bank of kernels
	scales   = 6  // ridge distances in it
	coarse   = 2  // growth happens at half size: kernels cost a sixteenth
	spots    = 14
	rounds   = 40 // filterings at half size: enough for fronts to cover all
	shortest = 6.8
	longest  = 12.5
)

// grow makes the ridges of a field out of noise.
func grow(r *rand.Rand, c Class) []float32 {
	f := newField(r, c)
	w, h := width/coarse, height/coarse
	img := make([]float32, w*h)
	// Ridges spread from a few spots; minutiae arise where their fronts meet.
	for range spots {
		img[r.IntN(h)*w+r.IntN(w)] = 1
	}
	img = filter(img, w, h, f, coarse, rounds, 2.6)
	img = enlarge(img, w, h)
	// The last filtering leaves the ridges round: pressure thickens them later.
	return filter(img, width, height, f, 1, 1, 0.9)
}

// bank holds the Gabor kernels: an even wave across the ridges under a bell
// that is longer along them, free of a mean.
type bank struct {
	radius int
	kernel [scales][turns][]float32
}

// banks are the kernels by how much smaller than the finished pattern the image is.
var banks = map[float64]func() *bank{
	1:      sync.OnceValue(func() *bank { return newBank(1) }),
	coarse: sync.OnceValue(func() *bank { return newBank(coarse) }),
}

func newBank(shrink float64) *bank {
	b := &bank{radius: int(math.Ceil(longest / shrink * 0.75))}
	n := 2*b.radius + 1
	for s := range scales {
		period := (shortest + (longest-shortest)*(float64(s)+0.5)/scales) / shrink
		across, along := 0.36*period, 0.52*period
		for t := range turns {
			sin, cos := math.Sincos(math.Pi * float64(t) / turns)
			k := make([]float64, n*n)
			plus, minus := 0.0, 0.0
			for y := -b.radius; y <= b.radius; y++ {
				for x := -b.radius; x <= b.radius; x++ {
					u := float64(x)*cos + float64(y)*sin
					v := -float64(x)*sin + float64(y)*cos
					g := math.Exp(-(sq(u/along)+sq(v/across))/2) * math.Cos(2*math.Pi*v/period)
					k[(y+b.radius)*n+x+b.radius] = g
					if g > 0 {
						plus += g
					} else {
						minus -= g
					}
				}
			}
			out := make([]float32, n*n)
			for i, g := range k {
				if g < 0 {
					g *= plus / minus
				}
				out[i] = float32(g / plus)
			}
			b.kernel[s][t] = out
		}
	}
	return b
}

// filter runs the bank over an image, each place with the kernel of its
// direction and distance, and saturates: where ridges agree they sharpen, where
// they cannot a minutia stays.
func filter(img []float32, w, h int, f *field, shrink float64, times int, gain float32) []float32 {
	b := banks[shrink]()
	choice := make([][]float32, w*h)
	for y := range h {
		for x := range w {
			px, py := float64(x)*shrink, float64(y)*shrink
			o := math.Mod(f.orientation(px, py), math.Pi)
			if o < 0 {
				o += math.Pi
			}
			t := int(o/math.Pi*turns+0.5) % turns
			s := int((f.spacing(px, py) - shortest) / (longest - shortest) * scales)
			choice[y*w+x] = b.kernel[min(max(s, 0), scales-1)][t]
		}
	}
	// A border of the kernel's radius spares the inner loop its bounds.
	r := b.radius
	n := 2*r + 1
	stride := w + 2*r
	padded := make([]float32, stride*(h+2*r))
	for range times {
		for y := range h {
			copy(padded[(y+r)*stride+r:], img[y*w:(y+1)*w])
		}
		for y := range h {
			for x := range w {
				k := choice[y*w+x]
				var sum float32
				for j := range n {
					row := padded[(y+j)*stride+x:][:n]
					kr := k[j*n:][:n]
					for i, v := range row {
						sum += v * kr[i]
					}
				}
				img[y*w+x] = saturate(gain * sum)
			}
		}
	}
	return img
}

// saturate is an odd, smooth step to ±1, cheaper than tanh.
func saturate(v float32) float32 {
	switch {
	case v > 3:
		return 1
	case v < -3:
		return -1
	}
	s := v * v
	return v * (27 + s) / (27 + 9*s)
}

// enlarge doubles an image, linearly between its pixels.
func enlarge(img []float32, w, h int) []float32 {
	out := make([]float32, width*height)
	for y := range height {
		y0 := min(y/coarse, h-1)
		y1 := min(y0+y%coarse, h-1)
		for x := range width {
			x0 := min(x/coarse, w-1)
			x1 := min(x0+x%coarse, w-1)
			out[y*width+x] = (img[y0*w+x0] + img[y0*w+x1] + img[y1*w+x0] + img[y1*w+x1]) / 4
		}
	}
	return out
}
