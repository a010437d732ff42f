// SPDX-License-Identifier: Apache-2.0

package smpp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// data_coding values (section 5.2.19).
const (
	CodingDefault = 0x00 // the carrier's default alphabet: GSM 03.38, one septet an octet
	CodingIA5     = 0x01
	CodingLatin1  = 0x03
	CodingUCS2    = 0x08
)

// gsm7 is the default alphabet of GSM 03.38 (3GPP TS 23.038, section 6.2.1) in code order; 0x1B escapes to the extension.
var gsm7 = []rune("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà")

// gsm7Extension is its extension table (section 6.2.1.1).
var gsm7Extension = map[rune]byte{'\f': 0x0A, '^': 0x14, '{': 0x28, '}': 0x29, '\\': 0x2F, '[': 0x3C, '~': 0x3D, ']': 0x3E, '|': 0x40, '€': 0x65}

func gsm7Code(r rune) ([]byte, bool) {
	if r != 0x1B {
		for i, c := range gsm7 {
			if c == r {
				return []byte{byte(i)}, true
			}
		}
	}
	if c, ok := gsm7Extension[r]; ok {
		return []byte{0x1B, c}, true
	}
	return nil, false
}

// encodeRunes gives each character's octets in the narrowest coding that holds
// the whole text. Vietnamese with its marks needs UCS-2. Characters outside
// the basic plane go as surrogate pairs, as handsets expect.
func encodeRunes(text string) (coding uint8, units [][]byte) {
	for _, r := range text {
		c, ok := gsm7Code(r)
		if !ok {
			return CodingUCS2, ucs2Units(text)
		}
		units = append(units, c)
	}
	return CodingDefault, units
}

func ucs2Units(text string) [][]byte {
	var units [][]byte
	for _, r := range text {
		var b []byte
		for _, u := range utf16.Encode([]rune{r}) {
			b = binary.BigEndian.AppendUint16(b, u)
		}
		units = append(units, b)
	}
	return units
}

// maxSegments is what the one-octet count of the concatenation header could
// hold divided by what a person will read.
const maxSegments = 16

// ErrTooLong says that a text needs more segments than are sent.
var ErrTooLong = errors.New("smpp: text too long")

// Segments turns a text into the short messages that carry it: one of at most
// 140 octets (160 septets), else several with a concatenation header (3GPP TS
// 23.040, section 9.2.3.24.1) under the reference. A character is never cut.
// The same text and reference give the same segments, so that a handset which
// gets a repeat puts it over the first.
func Segments(text string, reference uint8) (coding uint8, esmClass uint8, segments [][]byte, err error) {
	if !utf8.ValidString(text) {
		return 0, 0, nil, errors.New("smpp: text is not UTF-8")
	}
	text = norm.NFC.String(text)
	coding, units := encodeRunes(text)
	single, part := 160, 153 // septets, one an octet
	if coding == CodingUCS2 {
		single, part = 140, 134
	}
	total := 0
	for _, u := range units {
		total += len(u)
	}
	if total <= single {
		whole := make([]byte, 0, total)
		for _, u := range units {
			whole = append(whole, u...)
		}
		return coding, 0, [][]byte{whole}, nil
	}
	var parts [][]byte
	var current []byte
	for _, u := range units {
		if len(current)+len(u) > part {
			parts = append(parts, current)
			current = nil
		}
		current = append(current, u...)
	}
	parts = append(parts, current)
	if len(parts) > maxSegments {
		return 0, 0, nil, fmt.Errorf("%w: %d segments", ErrTooLong, len(parts))
	}
	for i, p := range parts {
		header := []byte{5, 0, 3, reference, uint8(len(parts)), uint8(i + 1)}
		segments = append(segments, append(header, p...))
	}
	return coding, ClassUDH, segments, nil
}

// Part tells where a segment belongs. A message in one piece has Count 1.
type Part struct {
	Reference uint16
	Count     int
	Number    int // from 1
}

// Text reads the text of a message and its place among its segments.
// Unknown codings are an error: guessing would show people nonsense.
func (m *Message) Text() (string, Part, error) {
	raw := m.Short
	if payload, ok := m.Param(TagMessagePayload); ok && len(raw) == 0 {
		raw = payload
	}
	part := Part{Count: 1, Number: 1}
	if m.ESMClass&ClassUDH != 0 {
		if len(raw) == 0 || len(raw) < 1+int(raw[0]) {
			return "", part, fmt.Errorf("%w: user data header", ErrMalformed)
		}
		header := raw[1 : 1+int(raw[0])]
		raw = raw[1+int(raw[0]):]
		for len(header) >= 2 && len(header) >= 2+int(header[1]) {
			iei, value := header[0], header[2:2+int(header[1])]
			switch {
			case iei == 0x00 && len(value) == 3:
				part = Part{Reference: uint16(value[0]), Count: int(value[1]), Number: int(value[2])}
			case iei == 0x08 && len(value) == 4: // 16-bit reference (section 9.2.3.24.8)
				part = Part{Reference: binary.BigEndian.Uint16(value), Count: int(value[2]), Number: int(value[3])}
			}
			header = header[2+int(header[1]):]
		}
	}
	switch m.DataCoding {
	case CodingDefault:
		return decodeGSM7(raw), part, nil
	case CodingIA5, CodingLatin1:
		out := make([]rune, len(raw))
		for i, c := range raw {
			out[i] = rune(c)
		}
		return string(out), part, nil
	case CodingUCS2:
		if len(raw)%2 != 0 {
			return "", part, fmt.Errorf("%w: odd UCS-2 length", ErrMalformed)
		}
		u := make([]uint16, len(raw)/2)
		for i := range u {
			u[i] = binary.BigEndian.Uint16(raw[2*i:])
		}
		return string(utf16.Decode(u)), part, nil
	}
	return "", part, fmt.Errorf("%w: data coding 0x%02X", ErrMalformed, m.DataCoding)
}

func decodeGSM7(raw []byte) string {
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		c := raw[i] & 0x7F
		if c == 0x1B && i+1 < len(raw) {
			i++
			if r, ok := extensionRune(raw[i]); ok {
				b.WriteRune(r)
			} else {
				b.WriteRune(gsm7[raw[i]&0x7F]) // an unknown escape shows the plain character (3GPP TS 23.038, section 6.2.1.1)
			}
			continue
		}
		b.WriteRune(gsm7[c])
	}
	return b.String()
}

func extensionRune(c byte) (rune, bool) {
	for r, code := range gsm7Extension {
		if code == c {
			return r, true
		}
	}
	return 0, false
}
