// SPDX-License-Identifier: Apache-2.0

// Package lds owns the logical data structure of a chip (ICAO Doc 9303-10):
// EF.COM and the data groups that Vietnamese cards carry: DG1 the machine-
// readable zone, DG2 the face, DG13 the personal data in Vietnamese, DG14 and
// DG15 the chip's own key.
//
// It reads and writes files byte for byte alike and knows nothing of their
// truth: every file is a claim until a security object that lists it verifies.
package lds

import (
	"errors"
)

// ErrForm says that a file is not what its tag promises.
var ErrForm = errors.New("data group: not in the form of its standard")

// MaxFile bounds a file; a chip's memory has less.
const MaxFile = 128 << 10

// The tags of the files (Doc 9303-10, table 38).
const (
	tagCOM  = 0x60
	tagDG1  = 0x61
	tagDG2  = 0x75
	tagDG13 = 0x6d
	tagDG14 = 0x6e
	tagDG15 = 0x6f
)

// Tag is the outer tag of a data group's file, 0 for a number that is none.
func Tag(n int) byte {
	tags := [17]byte{0, 0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70}
	if n < 1 || n > 16 {
		return 0
	}
	return tags[n]
}

// Number is the data group of an outer tag, 0 when there is none.
func Number(tag byte) int {
	for n := 1; n <= 16; n++ {
		if Tag(n) == tag {
			return n
		}
	}
	return 0
}

// object is one data object of ISO/IEC 7816-4, section 6.3: tag of one or two
// octets, length in the shortest form, value.
type object struct {
	tag   int
	value []byte
}

// next reads one object and gives what follows it.
func next(b []byte) (object, []byte, error) {
	if len(b) < 2 {
		return object{}, nil, ErrForm
	}
	o := object{tag: int(b[0])}
	b = b[1:]
	if o.tag&0x1f == 0x1f {
		if b[0]&0x80 != 0 { // 5F01 would be one octet in ASN.1; interindustry tags keep two
			return object{}, nil, ErrForm
		}
		o.tag = o.tag<<8 | int(b[0])
		b = b[1:]
	}
	if len(b) == 0 {
		return object{}, nil, ErrForm
	}
	n := int(b[0])
	b = b[1:]
	if n >= 0x80 {
		octets := n & 0x7f
		if octets < 1 || octets > 3 || len(b) < octets || b[0] == 0 {
			return object{}, nil, ErrForm
		}
		n = 0
		for _, c := range b[:octets] {
			n = n<<8 | int(c)
		}
		b = b[octets:]
		if n < 0x80 {
			return object{}, nil, ErrForm
		}
	}
	if n > len(b) {
		return object{}, nil, ErrForm
	}
	o.value = b[:n]
	return o, b[n:], nil
}

// only reads one object with a tag and nothing behind it.
func only(b []byte, tag int) ([]byte, error) {
	o, rest, err := next(b)
	if err != nil || len(rest) > 0 || o.tag != tag || len(b) > MaxFile {
		return nil, ErrForm
	}
	return o.value, nil
}

// expect reads the next object, which must have the tag.
func expect(b []byte, tag int) (value, rest []byte, err error) {
	o, rest, err := next(b)
	if err != nil || o.tag != tag {
		return nil, nil, ErrForm
	}
	return o.value, rest, nil
}

// wrap writes an object.
func wrap(tag int, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	var out []byte
	if tag > 0xff {
		out = append(out, byte(tag>>8))
	}
	out = append(out, byte(tag))
	switch {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	case n < 0x10000:
		out = append(out, 0x82, byte(n>>8), byte(n))
	default:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}
