// SPDX-License-Identifier: Apache-2.0

// Package symbol reads the QR symbol of a card from a camera's picture.
//
// Pictures come from outside: they are judged by size before anything is
// unpacked, and whatever the decoder trips over is a picture without a symbol.
// It refuses to believe what it reads: a symbol is printed text and proves
// nothing. It keeps nothing and is safe for concurrent use.
package symbol

import (
	"fmt"
	"image"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"golang.org/x/image/draw"

	"danh/biometric/raster"
	"danh/internal/fault"
)

// sides are the widths in which a picture is searched: a symbol that fills the
// picture is found in a small one, a small symbol in a large one.
var sides = []int{640, 1280}

// Read finds the QR symbol in a picture of a card, JPEG or PNG, and gives
// its text. Like everything printed it proves nothing.
func Read(picture []byte) (text string, err error) {
	img, err := raster.Portrait(picture)
	if err != nil {
		return "", err
	}
	none := fault.New(fault.Invalid, "enrolment.visit.no_symbol").With("photo", "enrolment.visit.no_symbol")
	defer func() {
		if p := recover(); p != nil {
			text, err = "", fmt.Errorf("%w: the decoder stopped at the picture", none)
		}
	}()
	for _, side := range sides {
		bits, err := gozxing.NewBinaryBitmapFromImage(scaled(img, side))
		if err != nil {
			continue
		}
		hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true, gozxing.DecodeHintType_CHARACTER_SET: "UTF-8"}
		if found, err := qrcode.NewQRCodeReader().Decode(bits, hints); err == nil {
			return found.GetText(), nil
		}
		if img.Bounds().Dx() <= side {
			break
		}
	}
	return "", none
}

// scaled makes a picture no wider than a side.
func scaled(img image.Image, side int) image.Image {
	b := img.Bounds()
	if b.Dx() <= side {
		return img
	}
	out := image.NewGray(image.Rect(0, 0, side, max(1, b.Dy()*side/b.Dx())))
	draw.ApproxBiLinear.Scale(out, out.Bounds(), img, b, draw.Src, nil)
	return out
}
