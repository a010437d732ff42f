// SPDX-License-Identifier: Apache-2.0

package portrait_test

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"danh/biometric/portrait"
)

// drawn is a face that nobody has: an oval with hair, eyes, a mouth and grain.
type drawn struct {
	w, h      int
	dx        float64 // the head's place from the middle, in parts of the width
	light     float64 // added everywhere
	gain      float64 // of contrast
	side      float64 // light from one side
	backNoise float64
	nobody    bool
}

func usual() drawn { return drawn{w: 600, h: 800, gain: 1} }

func (d drawn) image() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, d.w, d.h))
	r := rand.New(rand.NewPCG(1, 1))
	in := func(x, y, cx, cy, rx, ry float64) bool {
		return math.Pow((x-cx-d.dx)/rx, 2)+math.Pow((y-cy)/ry, 2) < 1
	}
	for py := range d.h {
		for px := range d.w {
			x, y := float64(px)/float64(d.w), float64(py)/float64(d.h)
			c := [3]float64{222, 226, 230}
			if d.backNoise > 0 {
				s := d.backNoise * math.Sin(x*40) * math.Sin(y*31)
				c = [3]float64{222 + s, 226 + s, 230 + s}
			}
			if !d.nobody {
				switch {
				case in(x, y, 0.38, 0.42, 0.035, 0.016), in(x, y, 0.62, 0.42, 0.035, 0.016):
					c = [3]float64{40, 30, 28}
				case in(x, y, 0.38, 0.365, 0.06, 0.008), in(x, y, 0.62, 0.365, 0.06, 0.008):
					c = [3]float64{50, 42, 40}
				case in(x, y, 0.5, 0.66, 0.09, 0.016):
					c = [3]float64{150, 80, 80}
				case in(x, y, 0.5, 0.53, 0.03, 0.05):
					c = [3]float64{186, 142, 118}
				case in(x, y, 0.5, 0.5, 0.26, 0.34):
					c = [3]float64{206, 164, 140}
				case in(x, y, 0.5, 0.44, 0.30, 0.36):
					c = [3]float64{44, 38, 36}
				case in(x, y, 0.5, 1.1, 0.5, 0.32):
					c = [3]float64{60, 80, 120}
				}
				if y > 0.15 && c[0] != 222 {
					for i := range c {
						c[i] += 9 * r.NormFloat64()
					}
				}
			}
			var out [3]uint8
			for i := range c {
				v := (c[i]-140)*d.gain + 140 + d.light + d.side*(x-0.5)*2
				out[i] = uint8(min(max(v, 0), 255))
			}
			img.SetRGBA(px, py, color.RGBA{out[0], out[1], out[2], 255})
		}
	}
	return img
}

// blurred is a picture out of focus.
func blurred(m *image.RGBA, radius int) *image.RGBA {
	for range 2 {
		out := image.NewRGBA(m.Rect)
		for y := range m.Rect.Dy() {
			for x := range m.Rect.Dx() {
				var s [3]int
				n := 0
				for k := -radius; k <= radius; k++ {
					for _, p := range []image.Point{{x + k, y}, {x, y + k}} {
						if p.In(m.Rect) {
							c := m.RGBAAt(p.X, p.Y)
							s[0], s[1], s[2] = s[0]+int(c.R), s[1]+int(c.G), s[2]+int(c.B)
							n++
						}
					}
				}
				out.SetRGBA(x, y, color.RGBA{uint8(s[0] / n), uint8(s[1] / n), uint8(s[2] / n), 255})
			}
		}
		m = out
	}
	return m
}

func TestGoodPortraitHasNoHints(t *testing.T) {
	for _, size := range [][2]int{{600, 800}, {354, 472}, {1200, 1600}} {
		d := usual()
		d.w, d.h = size[0], size[1]
		if r := portrait.Check(d.image()); len(r.Hints) != 0 {
			t.Errorf("%v: %+v", size, r)
		}
	}
}

func TestEachFaultHasItsHint(t *testing.T) {
	with := func(change func(*drawn)) *image.RGBA {
		d := usual()
		change(&d)
		return d.image()
	}
	for hint, m := range map[string]image.Image{
		portrait.HintSmall:      with(func(d *drawn) { d.w, d.h = 240, 320 }),
		portrait.HintShape:      with(func(d *drawn) { d.w = 800 }),
		portrait.HintBlurred:    blurred(usual().image(), 7),
		portrait.HintDark:       with(func(d *drawn) { d.light = -95 }),
		portrait.HintBright:     with(func(d *drawn) { d.light = 105 }),
		portrait.HintFlat:       with(func(d *drawn) { d.gain = 0.12 }),
		portrait.HintUneven:     with(func(d *drawn) { d.side = 110 }),
		portrait.HintBackground: with(func(d *drawn) { d.backNoise = 60 }),
		portrait.HintEmpty:      with(func(d *drawn) { d.nobody = true }),
		portrait.HintOffCentre:  with(func(d *drawn) { d.dx = 0.18 }),
	} {
		if r := portrait.Check(m); !slices.Contains(r.Hints, hint) {
			t.Errorf("%s: %+v", hint, r)
		}
	}
}

func TestTinyPictureIsOnlySmall(t *testing.T) {
	r := portrait.Check(image.NewRGBA(image.Rect(0, 0, 9, 9)))
	if !slices.Equal(r.Hints, []string{portrait.HintSmall}) {
		t.Fatalf("%+v", r)
	}
}

// TestPictureNeedNotBeginAtTheOrigin: a crop keeps its place in the camera's picture.
func TestPictureNeedNotBeginAtTheOrigin(t *testing.T) {
	m := usual().image()
	moved := &image.RGBA{Pix: m.Pix, Stride: m.Stride, Rect: m.Rect.Add(image.Pt(50, -20))}
	if a, b := portrait.Check(m), portrait.Check(moved); a.Measures != b.Measures {
		t.Fatalf("%+v and %+v", a, b)
	}
}

func TestEyesMustLieOnTheirLine(t *testing.T) {
	f := portrait.Guide(600, 800)
	l, r := image.Pt(f.Left, f.EyeLine), image.Pt(f.Right, f.EyeLine)
	if !portrait.EyesFit(600, 800, l, r) {
		t.Fatal("eyes on the line do not fit")
	}
	for name, e := range map[string][2]image.Point{
		"too high":     {l.Sub(image.Pt(0, 90)), r.Sub(image.Pt(0, 90))},
		"tilted":       {l.Sub(image.Pt(0, 20)), r.Add(image.Pt(0, 20))},
		"too close":    {l.Add(image.Pt(30, 0)), r.Sub(image.Pt(30, 0))},
		"too far away": {l.Sub(image.Pt(60, 0)), r.Add(image.Pt(60, 0))},
		"off centre":   {l.Add(image.Pt(60, 0)), r.Add(image.Pt(60, 0))},
		"swapped":      {r, l},
	} {
		if portrait.EyesFit(600, 800, e[0], e[1]) {
			t.Errorf("%s: fits", name)
		}
	}
}
