// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"embed"
	"image"
	"image/color"
	"image/draw"
	"math"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

//go:embed font/*.ttf
var fontFS embed.FS

// A face of a font at a size; glyphs are cached in it, so it is not shared.
type lettering struct{ regular, bold, mono *opentype.Font }

var letters = sync.OnceValues(func() (lettering, error) {
	var l lettering
	for name, to := range map[string]**opentype.Font{"font/be-vietnam-pro-500.ttf": &l.regular, "font/be-vietnam-pro-700.ttf": &l.bold} {
		b, err := fontFS.ReadFile(name)
		if err != nil {
			return l, err
		}
		if *to, err = opentype.Parse(b); err != nil {
			return l, err
		}
	}
	var err error
	l.mono, err = opentype.Parse(gomono.TTF)
	return l, err
})

// canvas is a face of the card while it is painted.
type canvas struct {
	*image.RGBA
	fonts lettering
	faces map[faceKey]font.Face
}

type faceKey struct {
	font *opentype.Font
	size float64
}

func newCanvas(w, h int) (*canvas, error) {
	l, err := letters()
	if err != nil {
		return nil, err
	}
	return &canvas{RGBA: image.NewRGBA(image.Rect(0, 0, w, h)), fonts: l, faces: map[faceKey]font.Face{}}, nil
}

func (c *canvas) close() {
	for _, f := range c.faces {
		f.Close()
	}
}

func (c *canvas) face(f *opentype.Font, size float64) font.Face {
	k := faceKey{f, size}
	if c.faces[k] == nil {
		// NewFace fails on options alone, and these are constant.
		x, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
		if err != nil {
			panic("picture: " + err.Error())
		}
		c.faces[k] = x
	}
	return c.faces[k]
}

// width is how wide a text is.
func (c *canvas) width(f *opentype.Font, size float64, s string) float64 {
	return float64(font.MeasureString(c.face(f, size), s)) / 64
}

// text writes on a baseline.
func (c *canvas) text(f *opentype.Font, size, x, y float64, col color.Color, s string) {
	d := font.Drawer{Dst: c.RGBA, Src: image.NewUniform(col), Face: c.face(f, size), Dot: fixed.Point26_6{X: fixed.Int26_6(x * 64), Y: fixed.Int26_6(y * 64)}}
	d.DrawString(s)
}

// cells writes each sign in the middle of a cell of its own, so that figures
// stand under one another in a font that has no tabular ones.
func (c *canvas) cells(f *opentype.Font, size, x, y, cell float64, col color.Color, s string) {
	for _, r := range s {
		c.text(f, size, x+(cell-c.width(f, size, string(r)))/2, y, col, string(r))
		x += cell
	}
}

// path is a shape in a scale of its own.
type path struct {
	segments []segment
	scale    float64
}

type point struct{ x, y float64 }

// segment is a move (1 point), a line (1) or a cubic Bézier (3); close has none.
type segment struct {
	kind byte
	p    [3]point
}

// bounds is the part of the canvas that a path touches, grown by a line's width:
// painting no more than that is what makes a face cheap.
func (c *canvas) bounds(p path, wide float64) image.Rectangle {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, s := range p.segments {
		for _, q := range s.p[:map[byte]int{'M': 1, 'L': 1, 'C': 3, 'Z': 0}[s.kind]] {
			x0, y0, x1, y1 = min(x0, q.x), min(y0, q.y), max(x1, q.x), max(y1, q.y)
		}
	}
	return image.Rect(int(x0*p.scale-wide)-1, int(y0*p.scale-wide)-1, int(x1*p.scale+wide)+2, int(y1*p.scale+wide)+2).Intersect(c.Rect)
}

// trace gives a rasteriser of a rectangle the outline of a path.
func trace(p path, in image.Rectangle) *vector.Rasterizer {
	r := vector.NewRasterizer(in.Dx(), in.Dy())
	at := func(q point) (float32, float32) {
		return float32(q.x*p.scale - float64(in.Min.X)), float32(q.y*p.scale - float64(in.Min.Y))
	}
	for _, s := range p.segments {
		x, y := at(s.p[0])
		switch s.kind {
		case 'M':
			r.MoveTo(x, y)
		case 'L':
			r.LineTo(x, y)
		case 'C':
			x1, y1 := at(s.p[1])
			x2, y2 := at(s.p[2])
			r.CubeTo(x, y, x1, y1, x2, y2)
		case 'Z':
			r.ClosePath()
		}
	}
	r.ClosePath()
	return r
}

// fill paints the inside of a path in one colour.
func (c *canvas) fill(p path, col color.Color) {
	in := c.bounds(p, 0)
	if in.Empty() {
		return
	}
	trace(p, in).Draw(c.RGBA, in, image.NewUniform(col), image.Point{})
}

// fillGradient paints the inside of a path in a gradient.
func (c *canvas) fillGradient(p path, g gradient) {
	in := c.bounds(p, 0)
	layer := image.NewRGBA(in)
	for y := in.Min.Y; y < in.Max.Y; y++ {
		for x := in.Min.X; x < in.Max.X; x++ {
			layer.SetRGBA(x, y, g.at(x, y))
		}
	}
	c.through(layer, p)
}

// through paints a layer where a path is.
func (c *canvas) through(layer *image.RGBA, p path) {
	in := c.bounds(p, 0).Intersect(layer.Rect)
	mask := image.NewAlpha(in)
	trace(p, in).Draw(mask, in, image.Opaque, image.Point{})
	cut(layer, mask)
	draw.Draw(c.RGBA, in, layer, in.Min, draw.Over)
}

// cut multiplies a picture by a mask of the same place.
func cut(m *image.RGBA, mask *image.Alpha) {
	for y := mask.Rect.Min.Y; y < mask.Rect.Max.Y; y++ {
		for x := mask.Rect.Min.X; x < mask.Rect.Max.X; x++ {
			a := uint32(mask.Pix[mask.PixOffset(x, y)])
			if a == 255 {
				continue
			}
			px := m.Pix[m.PixOffset(x, y):][:4]
			for i := range px {
				px[i] = uint8(uint32(px[i]) * a / 255)
			}
		}
	}
}

// stroke paints a line along a path: a thin quadrilateral per flattened piece,
// all wound the same way, so that where they overlap nothing is cut out.
func (c *canvas) stroke(p path, wide float64, col color.Color) {
	in := c.bounds(p, wide)
	if in.Empty() {
		return
	}
	r := vector.NewRasterizer(in.Dx(), in.Dy())
	var at point
	line := func(to point) {
		ox, oy := float64(in.Min.X), float64(in.Min.Y)
		ax, ay, bx, by := at.x*p.scale-ox, at.y*p.scale-oy, to.x*p.scale-ox, to.y*p.scale-oy
		at = to
		length := math.Hypot(bx-ax, by-ay)
		if length == 0 {
			return
		}
		nx, ny := -(by-ay)/length*wide/2, (bx-ax)/length*wide/2
		r.MoveTo(float32(ax+nx), float32(ay+ny))
		r.LineTo(float32(bx+nx), float32(by+ny))
		r.LineTo(float32(bx-nx), float32(by-ny))
		r.LineTo(float32(ax-nx), float32(ay-ny))
		r.ClosePath()
	}
	for _, s := range p.segments {
		switch s.kind {
		case 'M':
			at = s.p[0]
		case 'L':
			line(s.p[0])
		case 'C':
			from := at
			const n = 6
			for i := 1; i <= n; i++ {
				t := float64(i) / n
				u := 1 - t
				a, b, d, e := u*u*u, 3*u*u*t, 3*u*t*t, t*t*t
				line(point{a*from.x + b*s.p[0].x + d*s.p[1].x + e*s.p[2].x, a*from.y + b*s.p[0].y + d*s.p[1].y + e*s.p[2].y})
			}
		}
	}
	r.Draw(c.RGBA, in, image.NewUniform(col), image.Point{})
}

// rounded is a rectangle with round corners.
func rounded(x, y, w, h, r float64) path {
	const k = 0.5523 // of a quarter circle by one Bézier
	m, l := func(a, b float64) segment { return segment{'M', [3]point{{a, b}}} }, func(a, b float64) segment { return segment{'L', [3]point{{a, b}}} }
	curve := func(a, b, d, e, f, g float64) segment { return segment{'C', [3]point{{a, b}, {d, e}, {f, g}}} }
	return path{scale: 1, segments: []segment{
		m(x+r, y), l(x+w-r, y), curve(x+w-r+k*r, y, x+w, y+r-k*r, x+w, y+r),
		l(x+w, y+h-r), curve(x+w, y+h-r+k*r, x+w-r+k*r, y+h, x+w-r, y+h),
		l(x+r, y+h), curve(x+r-k*r, y+h, x, y+h-r+k*r, x, y+h-r),
		l(x, y+r), curve(x, y+r-k*r, x+r-k*r, y, x+r, y), {kind: 'Z'},
	}}
}

// gradient is a linear one across three colours, at an angle as CSS counts it.
type gradient struct {
	rect  image.Rectangle
	stops [3]color.RGBA
	dx    float64
	dy    float64
	long  float64
}

func newGradient(r image.Rectangle, degrees float64, stops [3]color.RGBA) gradient {
	a := degrees * math.Pi / 180
	g := gradient{rect: r, stops: stops, dx: math.Sin(a), dy: -math.Cos(a)}
	g.long = math.Abs(float64(r.Dx())*g.dx) + math.Abs(float64(r.Dy())*g.dy)
	return g
}

func (g gradient) at(x, y int) color.RGBA {
	cx, cy := float64(x-g.rect.Min.X)-float64(g.rect.Dx())/2, float64(y-g.rect.Min.Y)-float64(g.rect.Dy())/2
	t := min(1, max(0, (cx*g.dx+cy*g.dy)/g.long+.5)) * 2
	a, b := g.stops[0], g.stops[1]
	if t > 1 {
		a, b, t = g.stops[1], g.stops[2], t-1
	}
	mix := func(p, q uint8) uint8 { return uint8(float64(p)*(1-t) + float64(q)*t + .5) }
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 255}
}

// with gives a colour an opacity.
func with(c color.RGBA, opacity float64) color.NRGBA {
	return color.NRGBA{c.R, c.G, c.B, uint8(opacity*255 + .5)}
}
