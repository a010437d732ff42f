// SPDX-License-Identifier: Apache-2.0

// Package portrait owns how an uploaded portrait is made safe to keep: its
// kind, size and pixels are checked before it is decoded, it is turned upright,
// scaled down and written anew as a JPEG, so that nothing of the upload but
// the picture remains: no place, no camera, no hidden bytes.
//
// It refuses to judge whose face it is: a portrait that comes with an opening
// is never evidence. A few hundred bytes can claim to be a huge picture, so
// only a few are decoded at a time, and the others wait.
package portrait

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	_ "image/png" // reads PNG
	"io"
	"time"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // reads WebP

	"danh/internal/fault"
)

const (
	// MaxBytes is the largest upload: a telephone's photo has 3 to 6 MB.
	MaxBytes  = 12 << 20
	maxPixels = 36_000_000 // up to 15 bytes each while a progressive JPEG is decoded
	minWidth  = 240
	minHeight = 320
	keepSide  = 960
)

const (
	tables   = 2                // decoded at a time
	patience = 10 * time.Second // how long one waits for its turn
)

// Studio prepares uploads. It is safe for concurrent use.
type Studio struct{ tables chan struct{} }

// NewStudio returns a studio.
func NewStudio() *Studio { return &Studio{make(chan struct{}, tables)} }

// Prepare reads an upload and gives the JPEG to keep. A slow upload holds
// nobody up: its turn begins when it is read.
func (s *Studio) Prepare(ctx context.Context, r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, problem("account.portrait.unreadable")
	}
	switch {
	case len(b) == 0:
		return nil, problem("account.portrait.missing")
	case len(b) > MaxBytes:
		return nil, problem("account.portrait.too_large")
	}
	c, kind, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil || kind != "jpeg" && kind != "png" && kind != "webp" {
		return nil, problem("account.portrait.kind")
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxPixels/c.Height {
		return nil, problem("account.portrait.too_large")
	}
	waiting := time.NewTimer(patience)
	defer waiting.Stop()
	select {
	case s.tables <- struct{}{}:
		defer func() { <-s.tables }()
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-waiting.C:
		return nil, fault.New(fault.TooMany, "account.portrait.busy").In(patience).With("portrait", "account.portrait.busy")
	}
	img, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, problem("account.portrait.unreadable")
	}
	turn := 1
	if kind == "jpeg" {
		turn = orientation(b)
	}
	out := upright(scale(img), turn)
	w, h := c.Width, c.Height
	if turn >= 5 {
		w, h = h, w
	}
	if w < minWidth || h < minHeight {
		return nil, problem("account.portrait.too_small")
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, out, &jpeg.Options{Quality: 85}); err != nil {
		return nil, problem("account.portrait.unreadable")
	}
	return buf.Bytes(), nil
}

func problem(key string) error { return fault.New(fault.Invalid, key).With("portrait", key) }

// scale brings the longer side to at most keepSide, over white.
func scale(src image.Image) *image.RGBA {
	b := src.Bounds()
	w, h := b.Dx(), b.Dy()
	if m := max(w, h); m > keepSide {
		w, h = max(w*keepSide/m, 1), max(h*keepSide/m, 1)
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(dst, dst.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(dst, dst.Bounds(), src, b, draw.Over, nil)
	return dst
}

// upright undoes how the camera was held (Exif 2.32, tag 0x0112).
func upright(src *image.RGBA, turn int) *image.RGBA {
	if turn <= 1 || turn > 8 {
		return src
	}
	w, h := src.Bounds().Dx(), src.Bounds().Dy()
	dw, dh := w, h
	if turn >= 5 {
		dw, dh = h, w
	}
	dst := image.NewRGBA(image.Rect(0, 0, dw, dh))
	for y := range h {
		for x := range w {
			dx, dy := x, y
			switch turn {
			case 2:
				dx = w - 1 - x
			case 3:
				dx, dy = w-1-x, h-1-y
			case 4:
				dy = h - 1 - y
			case 5:
				dx, dy = y, x
			case 6:
				dx, dy = h-1-y, x
			case 7:
				dx, dy = h-1-y, w-1-x
			case 8:
				dx, dy = y, w-1-x
			}
			dst.SetRGBA(dx, dy, src.RGBAAt(x, y))
		}
	}
	return dst
}

// orientation finds the orientation in a JPEG's Exif segment; 1 when there is none.
func orientation(b []byte) int {
	for i := 2; i+4 <= len(b) && b[i] == 0xff; {
		marker, n := b[i+1], int(binary.BigEndian.Uint16(b[i+2:]))
		if marker == 0xda || n < 2 || i+2+n > len(b) {
			return 1
		}
		seg := b[i+4 : i+2+n]
		if marker == 0xe1 && bytes.HasPrefix(seg, []byte("Exif\x00\x00")) {
			return tiffOrientation(seg[6:])
		}
		i += 2 + n
	}
	return 1
}

func tiffOrientation(t []byte) int {
	if len(t) < 8 {
		return 1
	}
	var o binary.ByteOrder = binary.BigEndian
	if t[0] == 'I' {
		o = binary.LittleEndian
	}
	at := int(o.Uint32(t[4:]))
	if at < 8 || at+2 > len(t) {
		return 1
	}
	for n, i := int(o.Uint16(t[at:])), 0; i < n; i++ {
		e := at + 2 + 12*i
		if e+12 > len(t) {
			return 1
		}
		if o.Uint16(t[e:]) == 0x0112 {
			if v := int(o.Uint16(t[e+8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
	}
	return 1
}
