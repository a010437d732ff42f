// SPDX-License-Identifier: Apache-2.0

// Package picture owns how an identity card looks: its two faces as PNG, 1586
// by 1000 pixels, in Danh's own drawing.
//
// It never looks like a state's document: no emblem, no flag colours, its own
// name, and "MẪU / SPECIMEN" across both faces and in words. It paints what it
// is given and decides nothing.
package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // portraits
	"image/png"
	"math"
	"strings"

	xdraw "golang.org/x/image/draw"
	"golang.org/x/image/font/opentype"
	"rsc.io/qr"
)

// The size of a face (ratio of ISO/IEC 7810 ID-1).
const (
	Width  = 1586
	Height = 1000
	corner = 84
	margin = 84
)

// Card is what both faces show.
type Card struct {
	Seed      uint32 // of the ground; from an opaque key, never from a number
	Number    string
	Name      string
	Birth     string // as people read it
	Sex       string
	Nation    string
	Origin    string
	Residence string
	Issued    string
	Expires   string
	Portrait  []byte // JPEG
	QR        string // the printed symbol's text
	Zone      [3]string
}

// ErrPortrait says that the portrait is no JPEG of a sane size.
var ErrPortrait = errors.New("picture: the portrait cannot be painted")

// Draw paints both faces.
func Draw(c Card) (front, back []byte, err error) {
	if err := checkPortrait(c.Portrait); err != nil {
		return nil, nil, err
	}
	if front, err = paint(c, (*canvas).front); err != nil {
		return nil, nil, err
	}
	back, err = paint(c, (*canvas).back)
	return front, back, err
}

func paint(c Card, face func(*canvas, Card) error) ([]byte, error) {
	k, err := newCanvas(Width, Height)
	if err != nil {
		return nil, fmt.Errorf("paint card: %w", err)
	}
	defer k.close()
	k.ground(c.Seed)
	if err := face(k, c); err != nil {
		return nil, fmt.Errorf("paint card: %w", err)
	}
	k.specimen()
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, k.RGBA); err != nil {
		return nil, fmt.Errorf("paint card: %w", err)
	}
	return b.Bytes(), nil
}

func (c *canvas) head(title, english string) {
	c.text(c.fonts.bold, 58, margin, 128, white, "Danh")
	x := float64(margin) + c.width(c.fonts.bold, 58, "Danh") + 34
	c.fill(rounded(x, 84, 3, 50, 1), with(gold, .6))
	c.text(c.fonts.bold, 36, x+34, 106, white, title)
	c.text(c.fonts.regular, 26, x+34, 140, gold, english)
}

// field writes a label and its value in at most so many lines, and gives the
// baseline of the last. A value that is too long is set smaller, then cut.
func (c *canvas) field(x, y, wide float64, lines int, size float64, vi, en, value string) float64 {
	c.text(c.fonts.regular, 25, x, y, gold, vi)
	c.text(c.fonts.regular, 25, x+c.width(c.fonts.regular, 25, vi)+14, y, with(gold, .72), en)
	if value == "" {
		value = "—"
	}
	broken := c.wrap(c.fonts.bold, size, wide, value)
	for len(broken) > lines && size > 26 {
		size -= 2
		broken = c.wrap(c.fonts.bold, size, wide, value)
	}
	if len(broken) > lines {
		broken = broken[:lines]
		broken[lines-1] = strings.TrimRight(broken[lines-1], " ,") + " …"
	}
	y += 10
	for _, l := range broken {
		y += size * 1.26
		c.text(c.fonts.bold, size, x, y, white, l)
	}
	return y
}

// wrap breaks a text at spaces.
func (c *canvas) wrap(f *opentype.Font, size, wide float64, s string) []string {
	var out []string
	line := ""
	for _, w := range strings.Fields(s) {
		if next := strings.TrimSpace(line + " " + w); line == "" || c.width(f, size, next) <= wide {
			line = next
			continue
		}
		out, line = append(out, line), w
	}
	return append(out, line)
}

func (c *canvas) front(d Card) error {
	c.head("Thẻ căn cước mẫu", "Specimen identity card")
	if err := c.portrait(d.Portrait, image.Rect(margin, 220, margin+396, 220+528)); err != nil {
		return err
	}
	x, wide := float64(margin+396+64), float64(Width-margin-(margin+396+64))
	c.text(c.fonts.regular, 25, x, 246, gold, "Số định danh cá nhân")
	c.text(c.fonts.regular, 25, x+c.width(c.fonts.regular, 25, "Số định danh cá nhân")+14, 246, with(gold, .72), "Number")
	c.cells(c.fonts.bold, 72, x-6, 328, 56, white, d.Number)
	y := c.field(x, 400, wide, 2, 52, "Họ và tên", "Full name", d.Name)
	y += 66
	half := wide / 2
	c.field(x, y, half-20, 1, 42, "Ngày sinh", "Date of birth", d.Birth)
	c.field(x+half, y, half-20, 1, 42, "Giới tính", "Sex", d.Sex)
	y += 132
	c.field(x, y, half-20, 1, 42, "Quốc tịch", "Nationality", d.Nation)
	c.field(x+half, y, half-20, 1, 42, "Có giá trị đến", "Valid until", d.Expires)
	c.notice()
	return nil
}

func (c *canvas) back(d Card) error {
	c.head("Thẻ căn cước mẫu", "Specimen identity card")
	c.chip(margin, 206)
	if err := c.symbol(d.QR, image.Rect(Width-margin-348, 180, Width-margin, 528)); err != nil {
		return err
	}
	x, wide := float64(margin+230), float64(Width-margin-348-48-(margin+230))
	y := c.field(x, 226, wide, 3, 36, "Nơi cư trú", "Residence", d.Residence)
	c.field(x, max(y+58, 392), wide, 2, 36, "Nơi đăng ký khai sinh, quê quán", "Origin", d.Origin)
	c.field(margin, 560, 400, 1, 36, "Ngày cấp", "Issued", d.Issued)
	c.field(margin+460, 560, 500, 1, 36, "Có giá trị đến", "Valid until", d.Expires)
	c.fill(rounded(margin-24, 668, Width-2*margin+48, 232, 22), paper)
	for i, l := range d.Zone {
		c.cells(c.fonts.mono, 62, margin+4, 736+float64(i)*66, (Width-2*margin-8)/30., ink, l)
	}
	c.notice()
	return nil
}

// notice says in words what the drawing says across the face.
func (c *canvas) notice() {
	const s = "Mẫu, người không có thật, không có giá trị pháp lý  ·  Specimen of an invented person, without legal value"
	c.text(c.fonts.regular, 24, (Width-c.width(c.fonts.regular, 24, s))/2, Height-38, with(white, .86), s)
}

// checkPortrait looks at the header before anything is decoded.
func checkPortrait(jpeg []byte) error {
	h, kind, err := image.DecodeConfig(bytes.NewReader(jpeg))
	if err != nil || kind != "jpeg" || h.Width < 1 || h.Height < 1 || h.Width > 4096 || h.Height > 4096 {
		return ErrPortrait
	}
	return nil
}

func (c *canvas) portrait(jpeg []byte, at image.Rectangle) error {
	m, _, err := image.Decode(bytes.NewReader(jpeg))
	if err != nil {
		return ErrPortrait
	}
	// The largest part of the middle that has the frame's ratio.
	b := m.Bounds()
	w, hh := b.Dx(), b.Dx()*at.Dy()/at.Dx()
	if hh > b.Dy() {
		w, hh = b.Dy()*at.Dx()/at.Dy(), b.Dy()
	}
	crop := image.Rect(0, 0, max(w, 1), max(hh, 1)).Add(image.Pt(b.Min.X+(b.Dx()-w)/2, b.Min.Y+(b.Dy()-hh)/2))
	scaled := image.NewRGBA(at)
	xdraw.CatmullRom.Scale(scaled, scaled.Bounds(), m, crop, xdraw.Src, nil)
	x, y, fw, fh := float64(at.Min.X), float64(at.Min.Y), float64(at.Dx()), float64(at.Dy())
	c.fill(rounded(x-5, y-5, fw+10, fh+10, 45), with(gold, .7))
	c.through(scaled, rounded(x, y, fw, fh, 40))
	return nil
}

// chip draws contacts: not a copy of any real module.
func (c *canvas) chip(x, y float64) {
	const w, h = 176, 140
	c.fillGradient(rounded(x, y, w, h, 26), newGradient(image.Rect(int(x), int(y), int(x+w), int(y+h)), 150, [3]color.RGBA{{0xf3, 0xe6, 0xbe, 255}, {0xd9, 0xbf, 0x7a, 255}, {0xb8, 0x96, 0x4d, 255}}))
	line := color.NRGBA{0x5b, 0x4a, 0x16, 190}
	seg := func(a, b, d, e float64) {
		c.stroke(path{scale: 1, segments: []segment{{'M', [3]point{{x + a, y + b}}}, {'L', [3]point{{x + d, y + e}}}}}, 3, line)
	}
	for _, v := range []float64{h / 3., 2 * h / 3.} {
		seg(0, v, 56, v)
		seg(w-56, v, w, v)
	}
	seg(56, 0, 56, h)
	seg(w-56, 0, w-56, h)
	c.stroke(rounded(x+56, y+30, w-112, h-60, 16), 3, line)
}

// symbol draws the printed QR (ISO/IEC 18004, level M), black on white with its
// quiet zone.
func (c *canvas) symbol(text string, at image.Rectangle) error {
	s, err := qr.Encode(text, qr.M)
	if err != nil {
		return fmt.Errorf("qr: %w", err)
	}
	c.fill(rounded(float64(at.Min.X), float64(at.Min.Y), float64(at.Dx()), float64(at.Dy()), 18), white)
	module := at.Dx() / (s.Size + 8)
	if module < 2 {
		return errors.New("qr: too much text for the symbol's place")
	}
	pad := (at.Dx() - module*s.Size) / 2
	for y := range s.Size {
		for x := range s.Size {
			if s.Black(x, y) {
				r := image.Rect(0, 0, module, module).Add(image.Pt(at.Min.X+pad+x*module, at.Min.Y+pad+y*module))
				xdraw.Draw(c.RGBA, r, image.Black, image.Point{}, xdraw.Src)
			}
		}
	}
	return nil
}

// specimen writes MẪU / SPECIMEN across the face, beneath nothing: whoever cuts
// it out cuts the card.
func (c *canvas) specimen() {
	const size = 190
	mark, err := newCanvas(Width+600, 300)
	if err != nil {
		return
	}
	defer mark.close()
	s := "MẪU  ·  SPECIMEN"
	w := mark.width(mark.fonts.bold, size, s)
	mark.text(mark.fonts.bold, size, (float64(Width+600)-w)/2, 214, with(white, .13), s)
	// Turned about the middle of the card.
	const angle = -24 * math.Pi / 180
	cos, sin := math.Cos(angle), math.Sin(angle)
	mx, my := float64(Width+600)/2, 150.
	m := [6]float64{cos, -sin, Width/2. - cos*mx + sin*my, sin, cos, Height/2. - sin*mx - cos*my}
	xdraw.BiLinear.Transform(c.RGBA, m, mark.RGBA, mark.Rect, xdraw.Over, nil)
	c.clip()
}
