// SPDX-License-Identifier: Apache-2.0

package osia

import (
	"cmp"
	"math"
	"slices"

	"danh/internal/fmr"
	wire "danh/internal/osia"
)

// DefaultMatch is the score at which two hands are said to be one. The scale is
// this matcher's own: the percentage of minutiae that agree, the mean over fingers.
const DefaultMatch = 40

// compare gives the mean of the best score of each finger that both sides have.
func compare(a, b map[string][]fmr.View) (mean float64, details []wire.ScoreDetail) {
	for _, finger := range wire.SubTypes[1:] {
		best, tried := 0.0, false
		for _, x := range a[finger] {
			for _, y := range b[finger] {
				best, tried = max(best, overlay(x.Minutiae, y.Minutiae)), true
			}
		}
		if tried {
			details = append(details, wire.ScoreDetail{Score: math.Round(10*best) / 10, BiometricType: wire.TypeFinger, BiometricSubType: finger})
			mean += best
		}
	}
	if len(details) == 0 {
		return 0, nil
	}
	return mean / float64(len(details)), details
}

// Tolerances of one minutia lying on another, in pixels at 500 dpi and 1/65536 turns.
const (
	near  = 12
	angle = 65536 * 15 / 360
)

// overlay is the percentage of minutiae that agree when one set is turned and
// shifted over the other. Each pair of minutiae votes for the movement that
// lays one on the other; the movements with the most votes are tried.
func overlay(a, b []fmr.Minutia) float64 {
	if len(a) < 8 || len(b) < 8 {
		return 0
	}
	const cell, turn = 16, 65536 / 48
	type movement struct{ turn, dx, dy int }
	votes := map[movement]int{}
	for _, p := range a {
		for _, q := range b {
			t := (int(uint16(q.Angle-p.Angle)) + turn/2) / turn % 48
			x, y := moved(p, t*turn)
			votes[movement{t, floor(float64(q.X)-x, cell), floor(float64(q.Y)-y, cell)}]++
		}
	}
	list := make([]movement, 0, len(votes))
	for m := range votes {
		list = append(list, m)
	}
	slices.SortFunc(list, func(x, y movement) int {
		return cmp.Or(cmp.Compare(votes[y], votes[x]), cmp.Compare(x.turn, y.turn), cmp.Compare(x.dx, y.dx), cmp.Compare(x.dy, y.dy))
	})
	best := 0
	for _, m := range list[:min(len(list), 12)] {
		best = max(best, agreeing(a, b, m.turn*turn, float64(m.dx)*cell+cell/2, float64(m.dy)*cell+cell/2))
	}
	return 100 * float64(best) / float64(min(len(a), len(b)))
}

func floor(v, cell float64) int { return int(math.Floor(v / cell)) }

// moved turns a minutia counter-clockwise about the origin; y grows downwards.
func moved(m fmr.Minutia, turn int) (x, y float64) {
	sin, cos := math.Sincos(float64(turn) / 65536 * 2 * math.Pi)
	return float64(m.X)*cos + float64(m.Y)*sin, -float64(m.X)*sin + float64(m.Y)*cos
}

// agreeing counts minutiae of a that lie on one of b each. After the first
// round the movement is corrected by the mean of what still differs.
func agreeing(a, b []fmr.Minutia, turn int, dx, dy float64) (n int) {
	for range 3 {
		used := make([]bool, len(b))
		n = 0
		var ex, ey float64
		for _, p := range a {
			x, y := moved(p, turn)
			x, y = x+dx, y+dy
			found, least := -1, math.Inf(1)
			for j, q := range b {
				if used[j] || math.Abs(float64(int16(q.Angle-p.Angle-uint16(turn)))) > angle {
					continue
				}
				if d := math.Hypot(float64(q.X)-x, float64(q.Y)-y); d < near && d < least {
					found, least = j, d
				}
			}
			if found >= 0 {
				used[found] = true
				n++
				ex, ey = ex+float64(b[found].X)-x, ey+float64(b[found].Y)-y
			}
		}
		if n == 0 {
			return 0
		}
		dx, dy = dx+ex/float64(n), dy+ey/float64(n)
	}
	return n
}
