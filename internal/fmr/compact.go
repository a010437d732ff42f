// SPDX-License-Identifier: Apache-2.0

package fmr

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The compact form holds one view:
//
//	offset 0  "DF", then the form's version (1)
//	3         finger position
//	4         quality, 0 to 100
//	5         width, height of the image, 2 bytes each
//	9         resolution in dots per inch, 2 bytes
//	11        number of minutiae
//	12        per minutia: type (2 bits) and x (14 bits), y (2 bytes), angle in 1/65536 turns (2 bytes)
//
// Numbers are big-endian. Qualities of single minutiae are not kept.
const (
	compactHead    = 12
	compactMinutia = 6
)

// Print is one view with the size and the resolution of its image.
type Print struct {
	View
	Width, Height uint16 // pixels
	DPI           uint16 // dots per inch
}

// ErrCompact says that bytes are no print in the compact form.
var ErrCompact = errors.New("fmr: not a compact print")

// ParseCompact reads a print; only what MarshalCompact writes is accepted.
func ParseCompact(b []byte) (Print, error) {
	var p Print
	if len(b) < compactHead || b[0] != 'D' || b[1] != 'F' || b[2] != 1 {
		return p, ErrCompact
	}
	be := binary.BigEndian
	p.Position, p.Quality = Position(b[3]), b[4]
	p.Width, p.Height, p.DPI = be.Uint16(b[5:]), be.Uint16(b[7:]), be.Uint16(b[9:])
	n := int(b[11])
	if len(b) != compactHead+n*compactMinutia || p.Position > LeftLittle || p.Quality > 100 || p.DPI == 0 {
		return Print{}, ErrCompact
	}
	for b := b[compactHead:]; len(b) > 0; b = b[compactMinutia:] {
		x := be.Uint16(b)
		m := Minutia{X: x & 0x3fff, Y: be.Uint16(b[2:]), Angle: be.Uint16(b[4:]), Type: Type(x >> 14)}
		if m.Type > Bifurcation || m.X >= p.Width || m.Y >= p.Height {
			return Print{}, ErrCompact
		}
		p.Minutiae = append(p.Minutiae, m)
	}
	return p, nil
}

// MarshalCompact writes the print.
func (p Print) MarshalCompact() ([]byte, error) {
	if len(p.Minutiae) > 255 || p.Position > LeftLittle || p.Quality > 100 || p.DPI == 0 {
		return nil, fmt.Errorf("%w: it does not fit", ErrCompact)
	}
	be := binary.BigEndian
	b := append(make([]byte, 0, compactHead+len(p.Minutiae)*compactMinutia), 'D', 'F', 1, byte(p.Position), p.Quality)
	b = be.AppendUint16(b, p.Width)
	b = be.AppendUint16(b, p.Height)
	b = be.AppendUint16(b, p.DPI)
	b = append(b, byte(len(p.Minutiae)))
	for _, m := range p.Minutiae {
		if m.X > 0x3fff || m.X >= p.Width || m.Y >= p.Height || m.Type > Bifurcation {
			return nil, fmt.Errorf("%w: a minutia does not fit", ErrCompact)
		}
		b = be.AppendUint16(b, uint16(m.Type)<<14|m.X)
		b = be.AppendUint16(b, m.Y)
		b = be.AppendUint16(b, m.Angle)
	}
	return b, nil
}

// Record is the print as a record of one view.
func (p Print) Record() Record {
	perCM := uint16((uint32(p.DPI)*100 + 127) / 254)
	return Record{Width: p.Width, Height: p.Height, XRes: perCM, YRes: perCM, Views: []View{p.View}}
}

// Prints are the record's views, one print each. A record whose pixels are not
// square is refused: distances within it would mean two things.
func (r Record) Prints() ([]Print, error) {
	if r.XRes != r.YRes || r.XRes == 0 {
		return nil, bad("a resolution that cannot be used")
	}
	dpi := (uint32(r.XRes)*254 + 50) / 100
	if dpi > 0xffff {
		return nil, bad("a resolution that cannot be used")
	}
	out := make([]Print, 0, len(r.Views))
	for _, v := range r.Views {
		if v.Quality > 100 {
			v.Quality = 0
		}
		out = append(out, Print{View: v, Width: r.Width, Height: r.Height, DPI: uint16(dpi)})
	}
	return out, nil
}
