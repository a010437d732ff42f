// SPDX-License-Identifier: Apache-2.0

// Package fmr owns the minutiae of fingers and their two serial forms: the
// finger minutiae record of ISO/IEC 19794-2:2005 (format version 2.0), which
// other engines read, and a compact form of Danh's own, which keeps angles
// finer than the record's 1.4 degrees.
//
// It refuses what it could not write back: a record that parses is marshalled
// to the same bytes, extended data included, and anything else is an error.
// Nothing here depends on an engine, and nothing is kept between calls.
package fmr

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Type is the sort of a minutia; the values are those of clause 7.5.1 of the standard.
type Type uint8

// The sorts of minutia.
const (
	Other       Type = 0
	Ending      Type = 1
	Bifurcation Type = 2
)

// Position is a finger; the values are those of ISO/IEC 19794-2:2005, table 2.
type Position uint8

// The fingers.
const (
	Unknown     Position = 0
	RightThumb  Position = 1
	RightIndex  Position = 2
	RightMiddle Position = 3
	RightRing   Position = 4
	RightLittle Position = 5
	LeftThumb   Position = 6
	LeftIndex   Position = 7
	LeftMiddle  Position = 8
	LeftRing    Position = 9
	LeftLittle  Position = 10
)

// Minutia is one ridge ending or bifurcation. X and Y are pixels from the top
// left corner; Angle counts 1/65536 turns counter-clockwise from the positive
// x axis; Quality is 1 to 100, or 0 when it was not judged.
type Minutia struct {
	X, Y    uint16
	Angle   uint16
	Type    Type
	Quality uint8
}

// View is the minutiae of one impression of one finger.
type View struct {
	Position   Position
	Number     uint8 // of several views of one finger, from 0
	Impression uint8 // table 3: 0 live-scan plain, 1 live-scan rolled, 2 and 3 not live, 8 swipe
	Quality    uint8 // 0 to 100
	Minutiae   []Minutia
	Extended   []byte // the extended data areas of clause 7.6, uninterpreted
}

// Record is a finger minutiae record: the views of one image size and resolution.
type Record struct {
	Capture       uint16 // certification bits and equipment id, clause 7.3.5
	Width, Height uint16 // of the image in pixels
	XRes, YRes    uint16 // pixels per centimetre
	Views         []View
}

// ErrRecord says that bytes are no finger minutiae record of version 2.0.
var ErrRecord = errors.New("fmr: not a finger minutiae record")

const (
	headerSize  = 24
	viewSize    = 4
	minutiaSize = 6
	// Max is the size above which nothing is parsed; ten fingers with 255
	// minutiae each and their extended data stay far below.
	Max = 64 << 10
)

var magic = [8]byte{'F', 'M', 'R', 0, ' ', '2', '0', 0}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRecord, fmt.Sprintf(format, args...))
}

// Parse reads a record. Reserved bits that are set are refused: they could not
// be written back.
func Parse(b []byte) (Record, error) {
	var r Record
	switch {
	case len(b) > Max:
		return r, bad("more than %d bytes", Max)
	case len(b) < headerSize || [8]byte(b[:8]) != magic:
		return r, bad("no header of version 2.0")
	case int64(binary.BigEndian.Uint32(b[8:])) != int64(len(b)):
		return r, bad("its length field disagrees with its length")
	case b[23] != 0:
		return r, bad("a reserved byte is set")
	}
	be := binary.BigEndian
	r.Capture, r.Width, r.Height, r.XRes, r.YRes = be.Uint16(b[12:]), be.Uint16(b[14:]), be.Uint16(b[16:]), be.Uint16(b[18:]), be.Uint16(b[20:])
	views := int(b[22])
	rest := b[headerSize:]
	for n := range views {
		var v View
		var err error
		if v, rest, err = parseView(rest, r.Width, r.Height); err != nil {
			return Record{}, fmt.Errorf("view %d: %w", n+1, err)
		}
		r.Views = append(r.Views, v)
	}
	if len(rest) != 0 {
		return Record{}, bad("%d bytes are left over", len(rest))
	}
	return r, nil
}

func parseView(b []byte, width, height uint16) (v View, rest []byte, err error) {
	if len(b) < viewSize {
		return v, nil, bad("truncated")
	}
	// Clause 7.4: finger position; view number (4 bits) and impression type
	// (4 bits); quality; number of minutiae.
	v.Position, v.Number, v.Impression, v.Quality = Position(b[0]), b[1]>>4, b[1]&0x0f, b[2]
	count := int(b[3])
	if v.Position > LeftLittle {
		return v, nil, bad("no such finger")
	}
	b = b[viewSize:]
	if len(b) < count*minutiaSize+2 {
		return v, nil, bad("truncated")
	}
	for range count {
		// Clause 7.5: type (2 bits) and x (14 bits); reserved (2 bits) and y (14
		// bits); angle in 360/256 degrees; quality.
		x, y := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		m := Minutia{X: x & 0x3fff, Y: y & 0x3fff, Angle: uint16(b[4]) << 8, Type: Type(x >> 14), Quality: b[5]}
		switch {
		case m.Type > Bifurcation:
			return v, nil, bad("a minutia of no type")
		case y>>14 != 0:
			return v, nil, bad("reserved bits are set")
		case m.X >= width || m.Y >= height:
			return v, nil, bad("a minutia lies outside the image")
		}
		v.Minutiae = append(v.Minutiae, m)
		b = b[minutiaSize:]
	}
	size := int(binary.BigEndian.Uint16(b))
	b = b[2:]
	if len(b) < size {
		return v, nil, bad("truncated")
	}
	if err := checkExtended(b[:size]); err != nil {
		return v, nil, err
	}
	if size > 0 {
		v.Extended = append([]byte(nil), b[:size]...)
	}
	return v, b[size:], nil
}

// checkExtended walks the areas of clause 7.6: type (2 bytes), length with
// these four bytes (2 bytes), data.
func checkExtended(b []byte) error {
	for len(b) > 0 {
		if len(b) < 4 {
			return bad("truncated extended data")
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if n < 4 || n > len(b) {
			return bad("extended data of a wrong length")
		}
		b = b[n:]
	}
	return nil
}

// Marshal writes the record. Angles are rounded to the record's 360/256 degrees.
func (r Record) Marshal() ([]byte, error) {
	if len(r.Views) > 255 {
		return nil, bad("more than 255 views")
	}
	be := binary.BigEndian
	b := make([]byte, headerSize, 256)
	copy(b, magic[:])
	be.PutUint16(b[12:], r.Capture)
	be.PutUint16(b[14:], r.Width)
	be.PutUint16(b[16:], r.Height)
	be.PutUint16(b[18:], r.XRes)
	be.PutUint16(b[20:], r.YRes)
	b[22] = byte(len(r.Views))
	for _, v := range r.Views {
		switch {
		case len(v.Minutiae) > 255 || v.Number > 15 || v.Impression > 15 || v.Position > LeftLittle || len(v.Extended) > 0xffff:
			return nil, bad("a view does not fit")
		case checkExtended(v.Extended) != nil:
			return nil, bad("a view's extended data is malformed")
		}
		b = append(b, byte(v.Position), v.Number<<4|v.Impression, v.Quality, byte(len(v.Minutiae)))
		for _, m := range v.Minutiae {
			if m.X > 0x3fff || m.Y > 0x3fff || m.X >= r.Width || m.Y >= r.Height || m.Type > Bifurcation {
				return nil, bad("a minutia does not fit")
			}
			b = be.AppendUint16(b, uint16(m.Type)<<14|m.X)
			b = be.AppendUint16(b, m.Y)
			b = append(b, byte((uint32(m.Angle)+0x80)>>8), m.Quality)
		}
		b = be.AppendUint16(b, uint16(len(v.Extended)))
		b = append(b, v.Extended...)
	}
	if len(b) > Max {
		return nil, bad("more than %d bytes", Max)
	}
	be.PutUint32(b[8:], uint32(len(b)))
	return b, nil
}
