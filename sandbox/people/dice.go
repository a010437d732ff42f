// SPDX-License-Identifier: Apache-2.0

package people

import "math/bits"

// dice is a small deterministic generator (SplitMix64). It is written out here
// so that a (count, seed, day) gives the same file for ever, whatever the
// standard library's generators become.
type dice struct{ s uint64 }

func (d *dice) next() uint64 {
	d.s += 0x9e3779b97f4a7c15
	return mix(d.s)
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// n is uniform in [0, k).
func (d *dice) n(k int) int {
	hi, _ := bits.Mul64(d.next(), uint64(k))
	return int(hi)
}

// between is uniform in [lo, hi].
func (d *dice) between(lo, hi int) int { return lo + d.n(hi-lo+1) }

// unit is uniform in (0, 1).
func (d *dice) unit() float64 { return (float64(d.next()>>11) + 0.5) / (1 << 53) }

// chance is true with probability p.
func (d *dice) chance(p float64) bool { return d.unit() < p }

// bell is about normal with the mean and spread.
func (d *dice) bell(mean, spread float64) float64 {
	s := d.unit() + d.unit() + d.unit() + d.unit() - 2 // variance 1/3
	return mean + s*1.732*spread
}

// table draws from weighted words in constant time.
type table struct {
	words []string
	slot  [4096]uint16
}

// draw picks a word.
func (t *table) draw(d *dice) string { return t.words[t.slot[d.next()>>52]] }

// weighted makes a table: the weights need not add up to anything.
func weighted(words []string, weights []float64) *table {
	t := &table{words: words}
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	at, i := weights[0], 0
	for s := range t.slot {
		for float64(s)+0.5 > at/sum*float64(len(t.slot)) && i < len(words)-1 {
			i++
			at += weights[i]
		}
		t.slot[s] = uint16(i)
	}
	return t
}

// shuffle is a permutation of [0, a*b): three Feistel rounds in mixed radix. It
// makes serial numbers that look drawn by lot and yet never meet.
func shuffle(key uint64, i, a, b uint32) uint32 {
	l, r := i/b, i%b
	l = (l + uint32(mix(key^uint64(r)<<20)%uint64(a))) % a
	r = (r + uint32(mix(key^uint64(l)<<20^1)%uint64(b))) % b
	l = (l + uint32(mix(key^uint64(r)<<20^2)%uint64(a))) % a
	return l*b + r
}
