// SPDX-License-Identifier: Apache-2.0

// Package fingerprint owns synthetic ridge patterns: fingers that belong to
// nobody, for sample people, tests and measurements. A finger follows from its
// seed alone, and so does each of its impressions.
//
// A pattern grows as in Cappelli, Maio and Maltoni, "Synthetic
// fingerprint-image generation" (2000): an orientation field with the cores
// and deltas of its class (Sherlock and Monro's zero-pole model), a field of
// ridge distances, and a few spots that Gabor kernels along the field spread
// again and again until ridges cover all, with minutiae where their fronts
// meet. An impression is the pattern turned, shifted, stretched as skin is, pressed, cropped by the area
// of contact and soiled.
//
// Enrolled and presented impressions are drawn from different streams, so that
// no number of either gives an image of the other. It refuses nothing and
// keeps nothing: a Finger is fixed once grown and safe for concurrent use. The
// same seed gives the same image on one kind of processor; another may round
// differently.
package fingerprint

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// DPI is the resolution of all impressions.
const DPI = 500

// Class is the pattern class of a finger (Galton and Henry).
type Class int

// The classes.
const (
	Arch Class = iota
	TentedArch
	LeftLoop
	RightLoop
	Whorl
)

// String names the class.
func (c Class) String() string {
	return [...]string{"arch", "tented arch", "left loop", "right loop", "whorl"}[c]
}

// Finger is the ridge pattern of one finger.
type Finger struct {
	seed  uint64
	class Class
	ridge []float32 // -1 valley to 1 ridge, width×height, at DPI
}

// The pattern's size in pixels: 17.3 by 22.4 mm of skin.
const (
	width  = 340
	height = 440
)

// ClassOf is the class of a seed's finger, drawn as often as it is found on
// hands: arch 4 %, tented arch 3 %, loops 65 %, whorl 28 % (Wilson, Candela and
// Watson 1994).
func ClassOf(seed uint64) Class {
	u := random(seed, 1).Float64()
	switch {
	case u < 0.037:
		return Arch
	case u < 0.066:
		return TentedArch
	case u < 0.404:
		return LeftLoop
	case u < 0.721:
		return RightLoop
	}
	return Whorl
}

// Seed is the seed of one finger (1 to 10, ISO/IEC 19794-2, table 2) of a
// sample person, whatever names her in the sample data.
func Seed(person string, finger int) uint64 {
	h := sha256.Sum256(fmt.Appendf(nil, "danh sample finger\x00%s\x00%d", person, finger))
	return binary.BigEndian.Uint64(h[:8])
}

// New grows the finger of a seed.
func New(seed uint64) *Finger { return NewOf(seed, ClassOf(seed)) }

// NewOf grows the finger of a seed in a class.
func NewOf(seed uint64, c Class) *Finger {
	return &Finger{seed: seed, class: c, ridge: grow(random(seed, 2), c)}
}

// Class is the finger's pattern class.
func (f *Finger) Class() Class { return f.class }

// random is the stream of a seed for one purpose.
func random(seed, purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed*0x9e3779b97f4a7c15+1, purpose*0xbf58476d1ce4e5b9+7))
}

// wave is a smooth random field: a few long sines.
type wave struct{ kx, ky, phase, gain float64 }

type waves []wave

// newWaves draws n sines whose lengths lie between short and long pixels.
func newWaves(r *rand.Rand, n int, gain, short, long float64) waves {
	w := make(waves, n)
	for i := range w {
		k := 2 * math.Pi / (short + (long-short)*r.Float64())
		a := 2 * math.Pi * r.Float64()
		w[i] = wave{k * math.Cos(a), k * math.Sin(a), 2 * math.Pi * r.Float64(), gain * (0.5 + r.Float64()) / math.Sqrt(float64(n))}
	}
	return w
}

func (w waves) at(x, y float64) (v float64) {
	for _, s := range w {
		v += s.gain * math.Sin(s.kx*x+s.ky*y+s.phase)
	}
	return v
}
