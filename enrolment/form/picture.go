// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"

	"codeberg.org/go-pdf/fpdf"
	xdraw "golang.org/x/image/draw"

	"danh/internal/fault"
)

// Bounds of pictures that are drawn into a form.
const (
	maxPicture = 8 << 20 // bytes
	maxSide    = 6000    // pixels
	maxPixels  = 24 << 20
)

// picture reads a JPEG or PNG within bounds. What it says about itself is read
// before anything is unpacked.
func picture(b []byte) (image.Image, error) {
	refused := fault.New(fault.Invalid, "form.picture")
	if len(b) > maxPicture {
		return nil, refused
	}
	c, kind, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil || c.Width < 1 || c.Height < 1 || c.Width > maxSide || c.Height > maxSide || c.Width*c.Height > maxPixels || kind != "jpeg" && kind != "png" {
		return nil, refused
	}
	m, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, refused
	}
	return m, nil
}

// put draws a picture into a box, as large as it fits. It is made anew at a
// printable size on white: what else the file held stays out.
func (s *sheet) put(name string, b []byte, x, y, w, h float64, photo bool) {
	m, err := picture(b)
	if err != nil {
		s.err = fmt.Errorf("draw %s: %w", name, err)
		return
	}
	const perMM = 8 // about 200 dpi
	size := m.Bounds().Size()
	scale := min(w*perMM/float64(size.X), h*perMM/float64(size.Y))
	to := image.NewRGBA(image.Rect(0, 0, max(1, int(float64(size.X)*scale)), max(1, int(float64(size.Y)*scale))))
	draw.Draw(to, to.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	xdraw.ApproxBiLinear.Scale(to, to.Bounds(), m, m.Bounds(), draw.Over, nil)
	var out bytes.Buffer
	kind := "PNG"
	if photo {
		kind, err = "JPG", jpeg.Encode(&out, to, &jpeg.Options{Quality: 85})
	} else {
		gray := image.NewGray(to.Bounds())
		draw.Draw(gray, gray.Bounds(), to, image.Point{}, draw.Src)
		err = png.Encode(&out, gray)
	}
	if err != nil {
		s.err = fmt.Errorf("draw %s: %w", name, err)
		return
	}
	options := fpdf.ImageOptions{ImageType: kind}
	s.pdf.RegisterImageOptionsReader(name, options, &out)
	wide, high := float64(to.Bounds().Dx())/perMM, float64(to.Bounds().Dy())/perMM
	s.pdf.ImageOptions(name, x+(w-wide)/2, y+(h-high)/2, wide, high, false, options, 0, "")
}
