// SPDX-License-Identifier: Apache-2.0

package bearer

import (
	"bytes"
	"fmt"
	"image"
	"math"
	"slices"
	"sync"

	"danh/internal/fingerprint"
	"danh/internal/fmr"
)

// Hands draws fingers and remembers the last ones: to grow a finger takes a
// tenth of a second, to press it half of that. It is safe for concurrent use
// and draws two at a time at most.
type Hands struct {
	slots chan struct{}
	mu    sync.Mutex
	grown []grown // the latest last
}

type grown struct {
	seed   uint64
	finger *fingerprint.Finger
}

// kept is how many grown fingers are remembered, two megabytes each.
const kept = 10

// NewHands returns hands that remember nothing yet.
func NewHands() *Hands { return &Hands{slots: make(chan struct{}, 2)} }

// Presented is the nth impression that a person gives of a finger. Most are
// fair, as with somebody who is shown how: the cleanest of those that the
// finger could give. Every fourth is a poor one, for a counter must bear that too.
func (h *Hands) Presented(ref string, at fmr.Position, n int) *image.Gray {
	h.slots <- struct{}{}
	defer func() { <-h.slots }()
	f := h.finger(ref, at)
	return f.Presented(chosen(f, n))
}

// outOf is from how many impressions of a finger each presented one is chosen.
const outOf = 24

// chosen is which of a finger's impressions is its nth presented one.
func chosen(f *fingerprint.Finger, n int) int {
	first := outOf*(n-1) + 1
	if n%4 == 0 {
		return poorest(f, first)
	}
	best, least := first, math.Inf(1)
	for m := first; m < first+outOf; m++ {
		if x := spoiled(f.WayOf(m)); x < least {
			best, least = m, x
		}
	}
	return best
}

// poorest is the poorer of two, so that it can still be one that an engine reads.
func poorest(f *fingerprint.Finger, m int) int {
	if spoiled(f.WayOf(m+1)) > spoiled(f.WayOf(m)) {
		return m + 1
	}
	return m
}

// spoiled is how far a way is from a clean impression, by its worst side: dirt,
// a small area, too much or too little pressure. Up to 1 an engine has nothing to say.
func spoiled(w fingerprint.Way) float64 {
	return max(w.Noise/0.4, (1-w.Contact)/0.3, math.Abs(w.Pressure)/0.5)
}

// Enrolled is the impression that was taken when she got her card.
func (h *Hands) Enrolled(ref string, at fmr.Position) *image.Gray {
	h.slots <- struct{}{}
	defer func() { <-h.slots }()
	return h.finger(ref, at).Enrolled(0)
}

func (h *Hands) finger(ref string, at fmr.Position) *fingerprint.Finger {
	seed := fingerprint.Seed(ref, int(at))
	find := func() *fingerprint.Finger {
		h.mu.Lock()
		defer h.mu.Unlock()
		if i := slices.IndexFunc(h.grown, func(g grown) bool { return g.seed == seed }); i >= 0 {
			g := h.grown[i]
			h.grown = append(slices.Delete(h.grown, i, i+1), g)
			return g.finger
		}
		return nil
	}
	if f := find(); f != nil {
		return f
	}
	f := fingerprint.New(seed)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.grown = append(h.grown, grown{seed, f}); len(h.grown) > kept {
		h.grown = slices.Delete(h.grown, 0, 1)
	}
	return f
}

// PGM writes a picture as a portable greymap.
func PGM(g *image.Gray) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "P5\n%d %d\n255\n", g.Rect.Dx(), g.Rect.Dy())
	for y := range g.Rect.Dy() {
		b.Write(g.Pix[y*g.Stride : y*g.Stride+g.Rect.Dx()])
	}
	return b.Bytes()
}
