// SPDX-License-Identifier: Apache-2.0

// Package face owns drawn portraits: faces that belong to nobody, for sample
// people, tests and measurements. A face follows from its seed, and each shot
// of it is another picture: moved, nearer or farther, in another light, with
// its own grain.
//
// It is a drawing and meant to be seen as one. It refuses to look like a
// photograph of anybody, and no engine recognises a person in it. Calls keep
// nothing and are safe for concurrent use.
package face

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
)

// Width and Height are the size of a shot: 3 to 4, above what 3 by 4 cm at 300
// dots per inch need.
const (
	Width  = 480
	Height = 640
)

// Look is what can be told of a person beforehand.
type Look struct {
	Seed   uint64
	Age    int
	Female bool
}

type rgb [3]float64

func (c rgb) mix(o rgb, t float64) rgb {
	for i := range c {
		c[i] += (o[i] - c[i]) * t
	}
	return c
}

// traits are what makes a face this face: parts of the width and the height.
type traits struct {
	skin, hair, cloth, lip, iris, wall rgb
	faceW, faceH, chin                 float64
	eyeW, eyeH, apart, slant           float64
	browY, browH, browTilt             float64
	noseW, noseL                       float64
	mouthW, mouthH, mouthY             float64
	hairTop, hairSide, parting, long   float64
	glasses, mole, collar              bool
	moleX, moleY, lines                float64
}

func (l Look) traits() traits {
	r := rand.New(rand.NewPCG(l.Seed, 0x66616365))
	in := func(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }
	t := traits{
		skin:  rgb{224, 184, 152}.mix(rgb{188, 138, 104}, in(0, 1)),
		hair:  rgb{30, 26, 26}.mix(rgb{82, 56, 44}, in(0, 0.8)),
		cloth: [...]rgb{{38, 78, 128}, {128, 44, 58}, {52, 104, 72}, {92, 70, 118}, {70, 74, 84}, {156, 118, 60}, {30, 96, 104}, {140, 92, 120}}[r.IntN(8)],
		lip:   rgb{176, 96, 90}.mix(rgb{150, 74, 84}, in(0, 1)),
		iris:  rgb{44, 30, 24}.mix(rgb{84, 58, 38}, in(0, 0.7)),
		wall:  rgb{214, 222, 232}.mix(rgb{230, 232, 230}, in(0, 1)),
		faceW: in(0.205, 0.252), faceH: in(0.295, 0.335), chin: in(1.6, 2.7),
		eyeW: in(0.036, 0.050), eyeH: in(0.010, 0.018), apart: in(0.105, 0.128), slant: in(-0.006, 0.010),
		browY: in(0.044, 0.062), browH: in(0.005, 0.011), browTilt: in(-0.012, 0.012),
		noseW: in(0.028, 0.046), noseL: in(0.095, 0.125),
		mouthW: in(0.062, 0.098), mouthH: in(0.010, 0.018), mouthY: in(0.205, 0.235),
		hairTop: in(0.03, 0.075), hairSide: in(0.012, 0.035), parting: in(-0.6, 0.6),
		glasses: r.Float64() < 0.22, mole: r.Float64() < 0.3, collar: r.Float64() < 0.5,
		moleX: in(-0.14, 0.14), moleY: in(0.05, 0.2),
	}
	if l.Female {
		t.long = in(0.10, 0.42)
		t.lip = t.lip.mix(rgb{172, 52, 66}, 0.5)
	}
	if l.Age < 12 {
		t.faceH *= 0.93
		t.eyeH *= 1.25
		t.glasses = false
	}
	if l.Age > 45 {
		t.hair = t.hair.mix(rgb{196, 196, 198}, min(1, float64(l.Age-45)/35))
		t.lines = min(1, float64(l.Age-40)/45)
	}
	return t
}

// ellipse is below 1 inside.
func ellipse(x, y, cx, cy, rx, ry float64) float64 {
	dx, dy := (x-cx)/rx, (y-cy)/ry
	return dx*dx + dy*dy
}

// colour is the face at a place given in parts of the width and the height; ok
// is false for the wall behind it.
func (t *traits) colour(x, y float64) (c rgb, ok bool) {
	const cx, eyeY = 0.5, 0.42
	side := math.Copysign(1, x-cx)
	ax := math.Abs(x - cx)
	cy := eyeY + 0.065
	// A jaw that narrows towards the chin.
	w := t.faceW
	if y > cy {
		w *= 1 - 0.22*math.Pow((y-cy)/t.faceH, t.chin)
	}
	face := ellipse(x, y, cx, cy, w, t.faceH)
	brow := eyeY - t.browY + t.browTilt*(ax-t.apart)*12 + 3.0*(ax-t.apart)*(ax-t.apart)
	switch {
	case face < 1 && ax > 0.03 && ellipse(ax, y, t.apart, eyeY+side*0+t.slant, t.eyeW, t.eyeH) < 1:
		if ellipse(ax, y, t.apart, eyeY+t.slant, t.eyeH*0.62, t.eyeH*0.75) < 1 {
			return rgb{18, 14, 14}, true
		}
		if ellipse(ax, y, t.apart, eyeY+t.slant, t.eyeH*1.05, t.eyeH*1.1) < 1 {
			return t.iris, true
		}
		return rgb{232, 230, 226}, true
	case face < 1 && t.glasses && math.Abs(ellipse(ax, y, t.apart, eyeY, 0.075, 0.043)-1) < 0.13, face < 1 && t.glasses && ax < t.apart-0.07 && math.Abs(y-eyeY+0.008) < 0.004:
		return rgb{46, 44, 48}, true
	case face < 1 && math.Abs(ax-t.apart) < t.eyeW*1.35 && math.Abs(y-brow) < t.browH:
		return t.hair.mix(t.skin, 0.15), true
	case math.Abs(y-(eyeY+t.mouthY)) < t.mouthH && ellipse(x, y, cx, eyeY+t.mouthY, t.mouthW, t.mouthH*1.05) < 1:
		if math.Abs(y-(eyeY+t.mouthY)+0.002) < 0.0022 {
			return t.lip.mix(rgb{60, 20, 24}, 0.7), true
		}
		return t.lip, true
	case ellipse(ax, y, t.noseW*0.6, eyeY+t.noseL, t.noseW*0.34, 0.008) < 1:
		return t.skin.mix(rgb{70, 36, 30}, 0.62), true
	case t.mole && ellipse(x, y, cx+t.moleX, eyeY+t.moleY, 0.0075, 0.0056) < 1 && face < 1:
		return rgb{92, 58, 46}, true
	}
	top := cy - t.faceH + t.hairTop + 0.055*math.Sin((x-cx)/t.faceW*2.2+t.parting*2)
	hair := ellipse(x, y, cx, cy-0.035, t.faceW+t.hairSide, t.faceH+0.028)
	switch {
	case face < 1 && y > top:
		c := t.skin
		if e := ellipse(x, y, cx, eyeY+t.noseL*0.55, t.noseW*0.9, t.noseL*0.62); e < 1 { // the nose's light
			c = c.mix(rgb{250, 226, 204}, 0.26*(1-e))
		}
		if e := ellipse(ax, y, 0.12, eyeY+0.12, 0.07, 0.06); e < 1 { // cheeks
			c = c.mix(rgb{214, 128, 112}, 0.22*(1-e))
		}
		if t.lines > 0 {
			for _, l := range []float64{eyeY - 0.115, eyeY - 0.14, eyeY - 0.165} {
				if math.Abs(y-l-0.01*math.Cos((x-cx)*14)) < 0.0022 && ax < 0.13 {
					c = c.mix(rgb{120, 78, 60}, 0.5*t.lines)
				}
			}
			if d := math.Abs(ax - 0.07 - (y-eyeY-t.noseL)*0.45); y > eyeY+t.noseL && y < eyeY+t.mouthY && d < 0.004 {
				c = c.mix(rgb{120, 78, 60}, 0.55*t.lines)
			}
		}
		return c.mix(rgb{110, 70, 52}, 0.34*face*face), true
	case hair < 1 && (y < eyeY+0.06 || t.long > 0):
		return t.hair.mix(rgb{120, 110, 108}, 0.12*math.Pow(math.Abs(math.Sin(x*90+y*14)), 3)), true
	case t.long > 0 && ax < t.faceW+t.hairSide && ax > t.faceW*0.55 && y > cy && y < eyeY+0.16+t.long:
		return t.hair.mix(rgb{120, 110, 108}, 0.12*math.Pow(math.Abs(math.Sin(x*90)), 3)), true
	case ax < 0.085 && y > cy && y < 0.93:
		return t.skin.mix(rgb{96, 60, 46}, 0.3), true
	case ellipse(x, y, cx, 1.12, 0.50, 0.30) < 1:
		if t.collar && math.Abs(ax-0.05-(0.95-y)*0.5) < 0.02 {
			return rgb{228, 228, 226}, true
		}
		return t.cloth, true
	}
	return rgb{}, false
}

// Draw gives a shot of a face.
func Draw(l Look, shot int) *image.RGBA {
	t := l.traits()
	r := rand.New(rand.NewPCG(l.Seed, 0x73686f74+uint64(shot)))
	in := func(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }
	dx, dy, zoom, turn := in(-0.018, 0.018), in(-0.012, 0.012), in(0.97, 1.03), in(-0.03, 0.03)
	light, gain, slope := in(-9, 9), in(0.96, 1.04), in(-14, 14)
	sin, cos := math.Sincos(turn)
	at := func(px, py float64) (rgb, bool) {
		x, y := px/Width-0.5-dx, py/Height-0.42-dy
		c, ok := t.colour((x*cos+y*sin)/zoom+0.5, (y*cos-x*sin)/zoom+0.42)
		if !ok {
			c = t.wall
		}
		return c, ok
	}
	img := image.NewRGBA(image.Rect(0, 0, Width, Height))
	var above [Width]rgb
	for py := range Height {
		left := t.wall
		for px := range Width {
			c, ok := at(float64(px)+0.5, float64(py)+0.5)
			plain := c
			if edge(c, left) || edge(c, above[px]) { // smooth where two parts meet
				c = rgb{}
				for _, s := range [...][2]float64{{0.2, 0.2}, {0.8, 0.2}, {0.2, 0.8}, {0.8, 0.8}} {
					part, _ := at(float64(px)+s[0], float64(py)+s[1])
					for i := range c {
						c[i] += part[i] / 4
					}
				}
			}
			left, above[px] = plain, plain
			grain := 3.0
			if ok {
				grain = 13
			}
			shade := light + slope*(float64(px)/Width-0.5)*2 + grain*(r.Float64()+r.Float64()-1)
			var out [3]uint8
			for i, v := range c {
				out[i] = uint8(min(max((v-128)*gain+128+shade, 0), 255))
			}
			img.SetRGBA(px, py, color.RGBA{out[0], out[1], out[2], 255})
		}
	}
	return img
}

func edge(a, b rgb) bool {
	return math.Abs(a[0]-b[0])+math.Abs(a[1]-b[1])+math.Abs(a[2]-b[2]) > 16
}

// JPEG gives a shot as a file that fits into a chip (64 KiB).
func JPEG(l Look, shot int) []byte {
	img := Draw(l, shot)
	for q := 82; ; q -= 10 {
		var b bytes.Buffer
		_ = jpeg.Encode(&b, img, &jpeg.Options{Quality: q}) // a buffer takes every byte
		if b.Len() <= 64<<10 || q < 30 {
			return b.Bytes()
		}
	}
}
