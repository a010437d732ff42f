// SPDX-License-Identifier: Apache-2.0

// Package raster owns the reading of images that scanners and cameras hand
// over: PGM, PNG, JPEG and bare 8-bit pixels, each behind a cap on bytes and
// on pixels that is checked before anything is unpacked.
//
// It refuses more than it can explain: an image that is too large, truncated or
// of another format is a fault that the officer can be shown. An image's own
// statement of resolution is believed only within what scanners have.
package raster

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math"

	"danh/internal/fault"
)

// The caps. A ten-print slap at 1,000 dpi is below them, a bomb is not.
const (
	MaxBytes  = 8 << 20
	MaxPixels = 8 << 20
	MinSide   = 64
	MaxSide   = 8192
)

// Scanners' resolutions in dots per inch; 500 is the usual one.
const (
	MinDPI     = 250
	MaxDPI     = 1200
	DefaultDPI = 500
)

// Image is a grey image and its resolution.
type Image struct {
	*image.Gray
	DPI int
}

func refuse(key string) error { return fault.New(fault.Invalid, "biometric.image."+key) }

// Read reads a PGM or PNG of a finger. dpi is what the scanner says; 0 means
// what the image says, or 500.
func Read(b []byte, dpi int) (Image, error) {
	switch {
	case len(b) > MaxBytes:
		return Image{}, refuse("too_many_bytes")
	case bytes.HasPrefix(b, []byte("P5")):
		g, err := readPGM(b)
		return finish(g, dpi, 0, err)
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		g, err := decode(b, png.DecodeConfig, png.Decode)
		if err != nil {
			return Image{}, err
		}
		return finish(grey(g), dpi, physical(b), nil)
	}
	return Image{}, refuse("format")
}

// Raw takes bare rows of 8-bit pixels, as scanners' drivers give them.
func Raw(pixels []byte, width, height, dpi int) (Image, error) {
	if err := size(width, height); err != nil {
		return Image{}, err
	}
	if len(pixels) != width*height {
		return Image{}, refuse("truncated")
	}
	return finish(&image.Gray{Pix: pixels, Stride: width, Rect: image.Rect(0, 0, width, height)}, dpi, 0, nil)
}

// Portrait reads a JPEG or PNG from a camera, in its colours.
func Portrait(b []byte) (image.Image, error) {
	switch {
	case len(b) > MaxBytes:
		return nil, refuse("too_many_bytes")
	case bytes.HasPrefix(b, []byte("\xff\xd8")):
		return decode(b, jpeg.DecodeConfig, jpeg.Decode)
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return decode(b, png.DecodeConfig, png.Decode)
	}
	return nil, refuse("format")
}

func size(w, h int) error {
	switch {
	case w < MinSide || h < MinSide:
		return refuse("too_small")
	case w > MaxSide || h > MaxSide || w*h > MaxPixels:
		return refuse("too_many_pixels")
	}
	return nil
}

// decode asks for the size first: a few hundred bytes can claim gigabytes.
func decode(b []byte, config func(io.Reader) (image.Config, error), read func(io.Reader) (image.Image, error)) (image.Image, error) {
	c, err := config(bytes.NewReader(b))
	if err != nil {
		return nil, refuse("damaged")
	}
	if err := size(c.Width, c.Height); err != nil {
		return nil, err
	}
	m, err := read(bytes.NewReader(b))
	if err != nil {
		return nil, refuse("damaged")
	}
	return m, nil
}

func finish(g *image.Gray, dpi, own int, err error) (Image, error) {
	if err != nil {
		return Image{}, err
	}
	if dpi == 0 {
		if dpi = own; dpi < MinDPI || dpi > MaxDPI {
			dpi = DefaultDPI
		}
	}
	if dpi < MinDPI || dpi > MaxDPI {
		return Image{}, refuse("resolution")
	}
	return Image{Gray: g, DPI: dpi}, nil
}

// grey is an image in grey from the origin; transparent is white, as paper is.
func grey(m image.Image) *image.Gray {
	b := m.Bounds()
	if g, ok := m.(*image.Gray); ok && b.Min == (image.Point{}) {
		return g
	}
	out := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := m.At(b.Min.X+x, b.Min.Y+y)
			_, _, _, a := c.RGBA()
			v := uint32(color.Gray16Model.Convert(c).(color.Gray16).Y) + 0xffff - a
			out.Pix[y*out.Stride+x] = uint8(min(v, 0xffff) >> 8)
		}
	}
	return out
}

// physical is the resolution of a PNG's pHYs chunk (PNG, clause 11.3.4.3), or 0.
func physical(b []byte) int {
	for b = b[8:]; len(b) >= 12; {
		n := int64(binary.BigEndian.Uint32(b))
		if n > int64(len(b))-12 || string(b[4:8]) == "IDAT" {
			return 0
		}
		if string(b[4:8]) == "pHYs" && n == 9 {
			x, y := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])
			if x != y || b[16] != 1 { // 1: per metre
				return 0
			}
			return int(math.Round(float64(x) * 0.0254))
		}
		b = b[12+n:]
	}
	return 0
}
