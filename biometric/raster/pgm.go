// SPDX-License-Identifier: Apache-2.0

package raster

import (
	"image"
)

// readPGM reads a binary PGM (Netpbm, "PGM format specification"): "P5",
// width, height and greatest value in decimal, parted by white space and
// comments, one white space, then the pixels. Only 8-bit images are taken.
func readPGM(b []byte) (*image.Gray, error) {
	rest := b[2:]
	var head [3]int
	for i := range head {
		var ok bool
		if head[i], rest, ok = number(rest); !ok {
			return nil, refuse("damaged")
		}
	}
	w, h, top := head[0], head[1], head[2]
	if err := size(w, h); err != nil {
		return nil, err
	}
	if top < 1 || top > 255 || len(rest) == 0 || !space(rest[0]) {
		return nil, refuse("damaged")
	}
	rest = rest[1:]
	switch {
	case len(rest) < w*h:
		return nil, refuse("truncated")
	case len(rest) > w*h:
		return nil, refuse("damaged")
	}
	g := image.NewGray(image.Rect(0, 0, w, h))
	for i, v := range rest {
		if int(v) > top {
			return nil, refuse("damaged")
		}
		g.Pix[i] = uint8((int(v)*255 + top/2) / top)
	}
	return g, nil
}

func space(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// number skips white space and comments and reads up to six digits.
func number(b []byte) (n int, rest []byte, ok bool) {
	for len(b) > 0 && (space(b[0]) || b[0] == '#') {
		if b[0] == '#' {
			for len(b) > 0 && b[0] != '\n' {
				b = b[1:]
			}
			continue
		}
		b = b[1:]
	}
	digits := 0
	for len(b) > 0 && b[0] >= '0' && b[0] <= '9' && digits < 6 {
		n = n*10 + int(b[0]-'0')
		b = b[1:]
		digits++
	}
	return n, b, digits > 0
}
