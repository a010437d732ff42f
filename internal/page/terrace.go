// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// The drawing of rice terraces: contour lines that bunch on ridges and open
// into paddies. A seed gives one landscape, always the same. Nothing carries a
// style attribute, for the pages' policy forbids them.

type point struct{ x, y float64 }

// contour is line k of a landscape. Neighbours share the land and drift in
// phase; the drift of both waves together stays below the step, which is why
// lines never cross.
func contour(seed float64, k, step, width, top, amp float64) []point {
	var p []point
	for x := -20.0; x <= width+40; x += 20 {
		y := top + k*step + amp*(18*math.Sin(x/72+seed+k*.30)+9*math.Sin(x/31-seed*1.7+k*.22)+3*math.Sin(x/17+seed*3))
		p = append(p, point{x, y})
	}
	return p
}

// smooth draws a Catmull–Rom curve through the points as cubic Béziers.
func smooth(p []point) string {
	b := make([]byte, 0, 32*len(p))
	b = p[0].append(append(b, 'M'))
	for k := 0; k+1 < len(p); k++ {
		a, s, e, n := p[max(k-1, 0)], p[k], p[k+1], p[min(k+2, len(p)-1)]
		b = point{s.x + (e.x-a.x)/6, s.y + (e.y-a.y)/6}.append(append(b, 'C'))
		b = point{e.x - (n.x-s.x)/6, e.y - (n.y-s.y)/6}.append(append(b, ' '))
		b = e.append(append(b, ' '))
	}
	return string(b)
}

func (p point) append(b []byte) []byte { return appendCoord(append(appendCoord(b, p.x), ' '), p.y) }

// appendCoord writes a length with one decimal at most. A page holds thousands
// of them, and the general way of writing a float was a third of such a page.
func appendCoord(b []byte, v float64) []byte {
	tenths := int64(math.Round(v * 10))
	if tenths < 0 {
		b, tenths = append(b, '-'), -tenths
	}
	b = strconv.AppendInt(b, tenths/10, 10)
	if tenths%10 != 0 {
		b = append(b, '.', byte('0'+tenths%10))
	}
	return b
}

func coord(v float64) string { return string(appendCoord(nil, v)) }

func reversed(p []point) []point {
	out := make([]point, len(p))
	for i, q := range p {
		out[len(p)-1-i] = q
	}
	return out
}

// landscape says how one field of contours is drawn.
type landscape struct {
	seed          float64
	width, height float64
	step          float64
	faint, bold   float64 // stroke opacity at the top and at the foot
	water         []int   // flooded paddies between line k and k+1
	line, flood   string  // colours; empty where CSS gives them
}

// paths gives the inner of an SVG.
func (l landscape) paths() string {
	var b strings.Builder
	n := int((l.height + 80) / l.step)
	paint := func(kind, colour string) string {
		if colour == "" {
			return ""
		}
		if kind == "fill" {
			return ` fill="` + colour + `"`
		}
		return ` fill="none" stroke="` + colour + `" stroke-width=".9" vector-effect="non-scaling-stroke"`
	}
	for _, k := range l.water {
		up := smooth(contour(l.seed, float64(k), l.step, l.width, -40, 1))
		down := smooth(reversed(contour(l.seed, float64(k+1), l.step, l.width, -40, 1)))
		fmt.Fprintf(&b, `<path class="w" fill-opacity=".07"%s d="%sL%sZ"/>`, paint("fill", l.flood), up, down[1:])
	}
	for k := range n {
		o := l.faint + (l.bold-l.faint)*float64(k)/float64(n)
		fmt.Fprintf(&b, `<path stroke-opacity="%.2f"%s d="%s"/>`, o, paint("stroke", l.line), smooth(contour(l.seed, float64(k), l.step, l.width, -40, 1)))
	}
	return b.String()
}

// terraceKinds are the headers' landscapes. They are files of their own, the
// same for all, so that a browser fetches each once; colours are fixed because
// a header is dark in both themes.
var terraceKinds = map[string]landscape{
	"phone": {width: 400, height: 240, step: 13, faint: .08, bold: .22, water: []int{5, 11, 12, 17, 18}},
	"tall":  {width: 400, height: 844, step: 13, faint: .08, bold: .16, water: []int{5, 11, 12, 44, 45, 52, 53, 58}},
	"slim":  {width: 400, height: 120, step: 11, faint: .08, bold: .22, water: []int{4, 5, 8}},
	"desk":  {width: 1280, height: 420, step: 15, faint: .10, bold: .22, water: []int{6, 13, 14, 22}},
	"strip": {width: 1280, height: 96, step: 13, faint: .10, bold: .22, water: []int{4, 7}},
}

var terraceOrder = []string{"phone", "tall", "slim", "desk", "strip"}

// terraceName reads "terrace/phone-7.svg"; only the exact form that Frame.Terrace
// writes is taken, so that the drawings kept are few.
func terraceName(name string) (kind string, seed int, ok bool) {
	for _, kind := range terraceOrder {
		for seed := range terraceSeeds {
			if name == terracePath(kind, seed) {
				return kind, seed, true
			}
		}
	}
	return "", 0, false
}

func terracePath(kind string, seed int) string { return fmt.Sprintf("terrace/%s-%d.svg", kind, seed) }

// terraceSeeds bounds the landscapes that a site can be asked for.
const terraceSeeds = 24

func seedValue(n int) float64 { return .7 + float64(n%terraceSeeds)*.61 }

// terraceFile is the SVG file of a header's landscape, or "" for an unknown kind.
func terraceFile(kind string, seed int) string {
	l, ok := terraceKinds[kind]
	if !ok || seed < 0 || seed >= terraceSeeds {
		return ""
	}
	l.seed, l.line, l.flood = seedValue(seed), "#E8D9AE", "#9FE0CF"
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" preserveAspectRatio="xMidYMid slice">%s</svg>`, l.width, l.height, l.paths())
}

// edgeBands are the three paddies and the paper that a header steps down to:
// class and how far down the edge each begins.
var edgeBands = []struct {
	class string
	from  float64
}{{"a", .12}, {"b", .42}, {"c", .66}, {"d", .86}}

// Edge draws the foot of a header: stepped paddies down to the paper, never a
// straight line. Its colours are tokens, for they change with the theme.
func Edge(width, height int, seed float64) template.HTML {
	var b strings.Builder
	w, h := float64(width), float64(height)
	fmt.Fprintf(&b, `<svg class="edge" viewBox="0 0 %d %d" preserveAspectRatio="none" aria-hidden="true" focusable="false">`, width, height)
	for n, band := range edgeBands {
		p := edgeLine(w, h, band.from, seed, n)
		fmt.Fprintf(&b, `<path class="%s" d="%sV%sH-20Z"/>`, band.class, smooth(p), coord(h+2))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

func edgeLine(w, h, from, seed float64, n int) []point {
	stretch := 1.0
	if w > 600 {
		stretch = 2.2 // wide headers have longer hills
	}
	var p []point
	for x := -20.0; x <= w+40; x += 20 * stretch {
		p = append(p, point{x, h*from + h*.11*math.Sin(x/(62*stretch)+seed+float64(n)*.75) + h*.05*math.Sin(x/(27*stretch)-seed+float64(n)*.5)})
	}
	return p
}

// Guilloche draws the ground of one card: its own landscape and a second
// family of lines across it. The seed is personal and comes from an opaque
// key, never from a number that it could give away.
func Guilloche(seed uint32) template.HTML {
	s := float64(seed%6283) / 1000
	l := landscape{seed: s, width: 400, height: 252, step: 11, faint: .10, bold: .30, water: []int{6, 13, 14, 20}}
	var b strings.Builder
	b.WriteString(`<svg class="gui" viewBox="0 0 400 252" preserveAspectRatio="xMidYMid slice" aria-hidden="true" focusable="false">`)
	b.WriteString(l.paths())
	for k := 0.0; k < 12; k++ {
		var p []point
		for x := -20.0; x <= 440; x += 20 {
			p = append(p, point{x, 150 + k*7 + 26*math.Sin(x/90-s*2+k*.17) + 8*math.Sin(x/37+s+k*.1)})
		}
		fmt.Fprintf(&b, `<path class="x" stroke-opacity="%.2f" d="%s"/>`, .05+.012*k, smooth(p))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// Seal draws the rosette of a card or a receipt.
func Seal(seed uint32) template.HTML {
	s := float64(seed%6283) / 1000
	var b strings.Builder
	b.WriteString(`<svg class="seal" viewBox="-50 -50 100 100" aria-hidden="true" focusable="false">`)
	for k := 0.0; k < 9; k++ {
		radius := 46 - k*3.4
		var p []point
		for t := 0.0; t <= 360; t += 6 {
			a := t * math.Pi / 180
			r := radius * (.86 + .14*math.Cos(9*a+k*.52+s))
			p = append(p, point{r * math.Cos(a), r * math.Sin(a)})
		}
		fmt.Fprintf(&b, `<path d="%s"/>`, smooth(p))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// Swatch is the small piece of a card's ground in a list of papers.
func Swatch(seed uint32) template.HTML {
	s := float64(seed%6283) / 1000
	var b strings.Builder
	b.WriteString(`<svg viewBox="0 0 52 34" preserveAspectRatio="xMidYMid slice" aria-hidden="true" focusable="false">`)
	for k := 0.0; k < 8; k++ {
		var p []point
		for x := -4.0; x <= 60; x += 8 {
			p = append(p, point{x, -6 + k*6 + 3.4*math.Sin(x/11+s+k*.4)})
		}
		fmt.Fprintf(&b, `<path d="%s"/>`, smooth(p))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}
