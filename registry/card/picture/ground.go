// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"image"
	"image/color"
	"regexp"
	"strconv"
	"sync"

	"danh/internal/page"
)

// The ground is the one that the pages draw for the same card, read back from
// their SVG: one landscape, one place where it is drawn.
var pathElement = regexp.MustCompile(`<path(?: class="([wx])")?(?: (?:fill|stroke)-opacity="([0-9.]+)") d="([^"]+)"/>`)

var number = regexp.MustCompile(`[MLCVHZ]|-?[0-9.]+`)

type stripe struct {
	class   string
	opacity float64
	path    path
}

// stripes reads the paths of a guilloche; the drawing is 400 units wide.
func stripes(seed uint32) []stripe {
	var out []stripe
	for _, m := range pathElement.FindAllStringSubmatch(string(page.Guilloche(seed)), -1) {
		o, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			continue
		}
		out = append(out, stripe{class: m[1], opacity: o, path: path{segments: parsePath(m[3]), scale: float64(Width) / 400}})
	}
	return out
}

func parsePath(d string) []segment {
	var out []segment
	var kind byte
	var have []float64
	for _, token := range number.FindAllString(d, -1) {
		if c := token[0]; c >= 'A' && c <= 'Z' {
			kind, have = c, nil
			if c == 'Z' {
				out = append(out, segment{kind: 'Z'})
			}
			continue
		}
		v, err := strconv.ParseFloat(token, 64)
		if err != nil {
			return out
		}
		have = append(have, v)
		need := map[byte]int{'M': 2, 'L': 2, 'C': 6}[kind]
		if len(have) != need {
			continue
		}
		s := segment{kind: kind}
		for i := 0; i < need; i += 2 {
			s.p[i/2] = point{have[i], have[i+1]}
		}
		out, have = append(out, s), nil
	}
	return out
}

var (
	indigo = [3]color.RGBA{{0x24, 0x37, 0x6f, 255}, {0x1d, 0x2a, 0x57, 255}, {0x12, 0x41, 0x4a, 255}}
	gold   = color.RGBA{0xe8, 0xd9, 0xae, 255}
	water  = color.RGBA{0x9f, 0xc6, 0xff, 255}
	jade   = color.RGBA{0x8f, 0xd6, 0xc4, 255}
	white  = color.RGBA{255, 255, 255, 255}
	paper  = color.RGBA{0xee, 0xf4, 0xf1, 255}
	ink    = color.RGBA{0x14, 0x20, 0x2a, 255}
)

// ground paints gradient and guilloche; specimen clips what the lines paint
// beyond the corners.
func (c *canvas) ground(seed uint32) {
	c.fillGradient(rounded(0, 0, Width, Height, corner), newGradient(c.Rect, 150, indigo))
	for _, s := range stripes(seed) {
		switch s.class {
		case "w":
			c.fill(s.path, with(water, s.opacity))
		case "x":
			c.stroke(s.path, 2.2, with(jade, s.opacity))
		default:
			c.stroke(s.path, 2.6, with(gold, s.opacity))
		}
	}
}

// cardMask is the shape of the card.
var cardMask = sync.OnceValue(func() *image.Alpha {
	mask := image.NewAlpha(image.Rect(0, 0, Width, Height))
	trace(rounded(0, 0, Width, Height, corner), mask.Rect).Draw(mask, mask.Rect, image.Opaque, image.Point{})
	return mask
})

// clip cuts off what was painted beyond the corners.
func (c *canvas) clip() { cut(c.RGBA, cardMask()) }
