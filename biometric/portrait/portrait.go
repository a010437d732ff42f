// SPDX-License-Identifier: Apache-2.0

// Package portrait owns the checks of a portrait at capture: size, sharpness,
// exposure, background and where head and eyes should be. They are functions
// of the pixels alone, fit for live hints and for the record.
//
// It refuses to recognise anybody: nothing here compares faces or scores a
// likeness, and whether it is her in the picture is for an officer to say.
// Where the eyes are is not found but asked for: a frame is laid over the
// camera's picture, and an officer confirms it.
package portrait

import (
	"image"
	"math"
)

// Hints are keys of the officer's texts.
const (
	HintSmall      = "biometric.portrait.small"
	HintShape      = "biometric.portrait.shape"
	HintBlurred    = "biometric.portrait.blurred"
	HintDark       = "biometric.portrait.dark"
	HintBright     = "biometric.portrait.bright"
	HintFlat       = "biometric.portrait.flat"
	HintUneven     = "biometric.portrait.uneven"
	HintBackground = "biometric.portrait.background"
	HintEmpty      = "biometric.portrait.empty"
	HintOffCentre  = "biometric.portrait.off_centre"
)

// MinWidth and MinHeight are the least pixels of a portrait of 3 by 4 cm at 300 dpi.
const (
	MinWidth  = 354
	MinHeight = 472
)

// Measures are what was measured, each with the bounds that hints come from.
type Measures struct {
	Width, Height int
	Sharpness     float64 // variance of the Laplacian over the head's area, brightness 0 to 255
	Brightness    float64 // mean over the head's area
	Contrast      float64 // standard deviation over the head's area
	Clipped       float64 // part of the head's area that is black or white
	Imbalance     float64 // difference of brightness between the face's sides
	Background    float64 // standard deviation over the strips beside the head
	Figure        float64 // how far the head's area stands out from the background
	Offset        float64 // of the figure from the middle, in parts of the width
}

// Report is the outcome of all checks.
type Report struct {
	Measures Measures
	Hints    []string // nothing: it may be taken
}

// The bounds. They are choices for a counter's camera, tried on synthetic
// pictures; none is from a law.
const (
	minSharpness  = 28
	minBrightness = 70
	maxBrightness = 205
	minContrast   = 18
	maxClipped    = 0.12
	maxImbalance  = 45
	maxBackground = 16
	minFigure     = 12
	maxOffset     = 0.08
	minRatio      = 0.70 // width to height; 3:4 is 0.75
	maxRatio      = 0.82
)

// Check measures a portrait.
func Check(img image.Image) Report {
	b := img.Bounds()
	r := Report{Measures: Measures{Width: b.Dx(), Height: b.Dy()}}
	hint := func(when bool, key string) {
		if when {
			r.Hints = append(r.Hints, key)
		}
	}
	hint(b.Dx() < MinWidth || b.Dy() < MinHeight, HintSmall)
	if b.Dx() < 60 || b.Dy() < 80 {
		return r
	}
	ratio := float64(b.Dx()) / float64(b.Dy())
	hint(ratio < minRatio || ratio > maxRatio, HintShape)
	m := &r.Measures
	p := shrink(img)
	p.measure(m)
	hint(m.Figure < minFigure, HintEmpty)
	hint(m.Sharpness < minSharpness, HintBlurred)
	hint(m.Brightness < minBrightness, HintDark)
	hint(m.Brightness > maxBrightness || m.Clipped > maxClipped, HintBright)
	hint(m.Contrast < minContrast, HintFlat)
	hint(math.Abs(m.Imbalance) > maxImbalance, HintUneven)
	hint(m.Background > maxBackground, HintBackground)
	hint(m.Figure >= minFigure && m.Offset > maxOffset, HintOffCentre)
	return r
}

// Frame is where head and eyes belong in a picture of a size: the oval of the
// head and the line of the eyes, after ISO/IEC 19794-5 (head 60 to 90 % of the
// height, eyes 50 to 70 % above the lower edge).
type Frame struct {
	Head            image.Rectangle // around the oval, chin to crown
	EyeTop, EyeLine int             // the band in which the eyes must lie, and its middle
	EyeBottom       int
	Left, Right     int // the eyes' places on the line
}

// Guide gives the frame of a picture.
func Guide(width, height int) Frame {
	w, h := float64(width), float64(height)
	at := func(v float64) int { return int(math.Round(v)) }
	return Frame{
		Head:   image.Rect(at(w*0.22), at(h*0.12), at(w*0.78), at(h*0.84)),
		EyeTop: at(h * 0.36), EyeLine: at(h * 0.42), EyeBottom: at(h * 0.48),
		Left: at(w * 0.38), Right: at(w * 0.62),
	}
}

// EyesFit reports whether eyes that an officer marked lie in the frame: both in
// the band, level within eight degrees, apart as in a face that fills it.
func EyesFit(width, height int, left, right image.Point) bool {
	f := Guide(width, height)
	dx, dy := float64(right.X-left.X), float64(right.Y-left.Y)
	in := func(p image.Point) bool { return p.Y >= f.EyeTop && p.Y <= f.EyeBottom }
	apart := dx / float64(width)
	middle := (float64(left.X+right.X)/2)/float64(width) - 0.5
	return in(left) && in(right) && math.Abs(dy) <= dx*math.Tan(8*math.Pi/180) && apart >= 0.17 && apart <= 0.34 && math.Abs(middle) <= 0.06
}
