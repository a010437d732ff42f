// SPDX-License-Identifier: Apache-2.0

package lds

import (
	"bytes"
	"encoding/binary"
	"image"
	_ "image/jpeg" // portraits
)

// Face is the portrait of DG2: a JPEG image in the smallest facial record of
// ISO/IEC 19794-5:2005, section 5, with no feature points and nothing stated
// about the person.
type Face struct {
	Image         []byte
	Width, Height int
}

// The portrait's bounds: the header is read before anything is decoded.
const (
	maxPortrait = 64 << 10
	maxSide     = 4096
)

const (
	faceHeader = 14 // "FAC\0", "010\0", length, count
	faceInfo   = 20
	faceImage  = 12
)

func size(portrait []byte) (w, h int, err error) {
	if len(portrait) == 0 || len(portrait) > maxPortrait {
		return 0, 0, ErrForm
	}
	c, kind, err := image.DecodeConfig(bytes.NewReader(portrait))
	if err != nil || kind != "jpeg" || c.Width < 1 || c.Height < 1 || c.Width > maxSide || c.Height > maxSide {
		return 0, 0, ErrForm
	}
	return c.Width, c.Height, nil
}

// MakeDG2 writes the portrait (Doc 9303-10, section 4.7.2).
func MakeDG2(portrait []byte) ([]byte, error) {
	w, h, err := size(portrait)
	if err != nil {
		return nil, err
	}
	var r bytes.Buffer
	r.WriteString("FAC\x00010\x00")
	put := func(v ...any) {
		for _, x := range v {
			_ = binary.Write(&r, binary.BigEndian, x)
		}
	}
	put(uint32(faceHeader+faceInfo+faceImage+len(portrait)), uint16(1))
	put(uint32(faceInfo+faceImage+len(portrait)), [16]byte{})                        // no points; sex, colours, features, expression, pose unstated
	put([2]byte{1, 0}, uint16(w), uint16(h), byte(1), byte(0), uint16(0), uint16(0)) // full frontal, JPEG; sRGB 24 bit; source, device, quality unstated
	r.Write(portrait)
	header := wrap(0xa1, wrap(0x80, []byte{1, 1}), wrap(0x81, []byte{2}), wrap(0x87, []byte{1, 1}), wrap(0x88, []byte{0, 8}))
	return wrap(tagDG2, wrap(0x7f61, wrap(0x02, []byte{1}), wrap(0x7f60, header, wrap(0x5f2e, r.Bytes())))), nil
}

// ParseDG2 reads the first portrait. JPEG 2000, which foreign documents use, is
// refused: nothing here could show it.
func ParseDG2(file []byte) (Face, error) {
	v, err := only(file, tagDG2)
	if err != nil {
		return Face{}, err
	}
	if v, err = only(v, 0x7f61); err != nil {
		return Face{}, err
	}
	count, v, err := expect(v, 0x02)
	if err != nil || len(count) != 1 || count[0] < 1 {
		return Face{}, ErrForm
	}
	template, _, err := expect(v, 0x7f60)
	if err != nil {
		return Face{}, err
	}
	_, rest, err := expect(template, 0xa1)
	if err != nil {
		return Face{}, err
	}
	o, rest, err := next(rest)
	if err != nil || len(rest) > 0 || o.tag != 0x5f2e && o.tag != 0x7f2e {
		return Face{}, ErrForm
	}
	return parseRecord(o.value)
}

func parseRecord(r []byte) (Face, error) {
	if len(r) < faceHeader+faceInfo+faceImage || string(r[:8]) != "FAC\x00010\x00" || int(binary.BigEndian.Uint32(r[8:])) != len(r) ||
		binary.BigEndian.Uint16(r[12:]) < 1 {
		return Face{}, ErrForm
	}
	r = r[faceHeader:]
	length := int64(binary.BigEndian.Uint32(r))
	points := int(binary.BigEndian.Uint16(r[4:]))
	skip := faceInfo + 8*points
	if length > int64(len(r)) || length < int64(skip+faceImage) {
		return Face{}, ErrForm
	}
	info, portrait := r[skip:skip+faceImage], r[skip+faceImage:length]
	w, h, err := size(portrait)
	if err != nil || info[1] != 0 || w != int(binary.BigEndian.Uint16(info[2:])) || h != int(binary.BigEndian.Uint16(info[4:])) {
		return Face{}, ErrForm
	}
	return Face{Image: portrait, Width: w, Height: h}, nil
}
