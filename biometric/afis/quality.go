// SPDX-License-Identifier: Apache-2.0

package afis

import (
	"math"

	"danh/biometric"
	"danh/biometric/raster"
)

// judge scores an impression from 0 to 100 and says how to take a better one.
// It is a measure of this engine's own, not NFIQ: the area in which ridges run
// clearly, how clearly they run, and how many minutiae were found.
func judge(img raster.Image, minutiae int) biometric.Quality {
	s := survey(img)
	q := biometric.Quality{Minutiae: minutiae}
	hint := func(when bool, key string) {
		if when {
			q.Hints = append(q.Hints, key)
		}
	}
	if s.ridged < 0.4 {
		q.Hints = []string{biometric.HintEmpty}
		return q
	}
	// A whole fingertip is 2.4 cm² or more and has some 45 minutiae.
	area := min(1, s.ridged/2.4)
	clear := min(max((s.coherence-0.5)/0.4, 0), 1)
	number := min(1, float64(minutiae)/45)
	even := 1 - min(1, 4*max(0, 0.39-s.dark, s.dark-0.52)) // far too dry and far too wet lose ridges
	q.Score = int(math.Round(100 * math.Sqrt(area) * (0.25 + 0.75*clear) * math.Sqrt(number) * even))
	hint(s.dark < 0.36, biometric.HintDry)
	hint(s.dark > 0.555, biometric.HintWet)
	hint(area < 0.55, biometric.HintSmall)
	hint(s.ridged >= 0.4 && math.Hypot(s.dx, s.dy) > 0.22, biometric.HintOffCentre)
	hint(clear < 0.4, biometric.HintSmudged)
	hint(minutiae < 12, biometric.HintFew)
	return q
}

type findings struct {
	ridged    float64 // cm² of clear ridges
	coherence float64 // 0 to 1: how much the ridges of a block agree
	dark      float64 // the part of the ridged area that is dark
	dx, dy    float64 // where its middle lies from the image's, in parts of its size
}

// survey looks at blocks of 0.8 mm: a block is ridged when it has contrast and
// its gradients agree on a direction (the structure tensor's coherence).
func survey(img raster.Image) (f findings) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	side := max(8, img.DPI*16/500)
	blocks, total := 0, 0.0
	darkness, sx, sy := 0.0, 0.0, 0.0
	for by := 1; by+side < h; by += side {
		for bx := 1; bx+side < w; bx += side {
			var sum, square, gxx, gyy, gxy float64
			low, high := 255.0, 0.0
			for y := by; y < by+side; y++ {
				for x := bx; x < bx+side; x++ {
					p := y*img.Stride + x
					v := float64(img.Pix[p])
					sum, square = sum+v, square+v*v
					low, high = min(low, v), max(high, v)
					gx := float64(img.Pix[p+1]) - float64(img.Pix[p-1])
					gy := float64(img.Pix[p+img.Stride]) - float64(img.Pix[p-img.Stride])
					gxx, gyy, gxy = gxx+gx*gx, gyy+gy*gy, gxy+gx*gy
				}
			}
			n := float64(side * side)
			if deviation := math.Sqrt(max(0, square/n-sum*sum/n/n)); deviation < 22 || gxx+gyy == 0 {
				continue
			}
			c := math.Hypot(gxx-gyy, 2*gxy) / (gxx + gyy)
			if c < 0.25 {
				continue
			}
			dark := 0
			for y := by; y < by+side; y++ {
				for x := bx; x < bx+side; x++ {
					if float64(img.Pix[y*img.Stride+x]) < (low+high)/2 {
						dark++
					}
				}
			}
			blocks++
			total += c
			darkness += float64(dark) / n
			sx += float64(bx+side/2)/float64(w) - 0.5
			sy += float64(by+side/2)/float64(h) - 0.5
		}
	}
	if blocks == 0 {
		return f
	}
	n := float64(blocks)
	cm := float64(side) / float64(img.DPI) * 2.54
	return findings{ridged: n * cm * cm, coherence: total / n, dark: darkness / n, dx: sx / n, dy: sy / n}
}
