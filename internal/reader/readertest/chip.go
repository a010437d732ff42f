// SPDX-License-Identifier: Apache-2.0

// Package readertest owns a simulated chip for tests: it speaks APDUs over the
// files of a card that was made for the test, behind Basic Access Control and
// secure messaging, and signs challenges with a key.
//
// It is the chip's side written from the standard, not the reader's code turned
// around; what both share is the cipher. No program of the product links it but
// those built with the tag replay.
package readertest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"

	"danh/internal/reader"
	"danh/internal/reader/emrtd"
)

// Chip is a simulated chip. Its fields may be changed between two readings.
type Chip struct {
	Access reader.Access
	Files  map[uint16][]byte // by file identifier: 011E EF.COM, 011D EF.SOD, 0101 DG1 …
	Key    *ecdsa.PrivateKey // of the chip; nil: it does not know how to sign

	rnd      []byte
	open     bool
	keys     emrtd.Keys
	ssc      emrtd.Counter
	selected []byte
	app      bool
}

// Status words.
var (
	done      = []byte{0x90, 0x00}
	notOpen   = []byte{0x69, 0x82}
	notFound  = []byte{0x6A, 0x82}
	wrong     = []byte{0x69, 0x88}
	refused   = []byte{0x63, 0x00}
	notKnown  = []byte{0x6D, 0x00}
	pastEnd   = []byte{0x6B, 0x00}
	wrongForm = []byte{0x67, 0x00}
)

// Transmit implements emrtd.Card.
func (c *Chip) Transmit(apdu []byte) ([]byte, error) {
	if len(apdu) < 4 {
		return wrongForm, nil
	}
	if apdu[0] == 0x0C {
		return c.protected(apdu), nil
	}
	switch apdu[1] {
	case 0xA4:
		if apdu[2] == 0x04 && bytes.HasSuffix(apdu, []byte{0xA0, 0, 0, 2, 0x47, 0x10, 1}) {
			c.app, c.open, c.selected = true, false, nil
			return done, nil
		}
		if !c.app {
			return notFound, nil
		}
		return notOpen, nil
	case 0x84:
		if !c.app {
			return notOpen, nil
		}
		c.rnd = make([]byte, 8)
		_, _ = rand.Read(c.rnd)
		return append(bytes.Clone(c.rnd), done...), nil
	case 0x82:
		return c.authenticate(apdu), nil
	default:
		return notOpen, nil
	}
}

func (c *Chip) authenticate(apdu []byte) []byte {
	k := emrtd.DeriveKeys(emrtd.Seed(c.Access))
	if len(apdu) != 5+40+1 || c.rnd == nil {
		return wrongForm
	}
	secret, mac := apdu[5:37], apdu[37:45]
	rnd := c.rnd
	c.rnd = nil // one try per challenge
	if !bytes.Equal(emrtd.MAC(k.Mac, emrtd.Pad(secret)), mac) {
		return refused
	}
	s := emrtd.Decrypt(k.Enc, secret)
	if !bytes.Equal(s[8:16], rnd) {
		return refused
	}
	half := make([]byte, 16)
	_, _ = rand.Read(half)
	seed := make([]byte, 16)
	for i := range seed {
		seed[i] = s[16+i] ^ half[i]
	}
	c.keys, c.open, c.selected = emrtd.DeriveKeys(seed), true, nil
	copy(c.ssc[:4], rnd[4:])
	copy(c.ssc[4:], s[4:8])
	answer := emrtd.Encrypt(k.Enc, bytes.Join([][]byte{rnd, s[:8], half}, nil))
	return append(append(answer, emrtd.MAC(k.Mac, emrtd.Pad(answer))...), done...)
}

// protected takes a command's protection off, carries it out and protects the answer.
func (c *Chip) protected(apdu []byte) []byte {
	if !c.open || len(apdu) < 6 || int(apdu[4]) != len(apdu)-6 {
		c.open = false
		return notOpen
	}
	var data, mac []byte
	le := 0
	body := apdu[5 : len(apdu)-1]
	signed := 0
	for rest := body; len(rest) > 0; {
		tag, v, after, err := emrtd.Next(rest)
		if err != nil {
			c.open = false
			return wrong
		}
		switch tag {
		case 0x87:
			data = v[1:]
		case 0x85:
			data = v
		case 0x97:
			if le = int(v[0]); le == 0 {
				le = 256
			}
		case 0x8E:
			mac = v
		}
		if tag != 0x8E {
			signed = len(body) - len(after)
		}
		rest = after
	}
	want := emrtd.MAC(c.keys.Mac, emrtd.Pad(bytes.Join([][]byte{c.ssc.Next(), emrtd.Pad(apdu[:4]), body[:signed]}, nil)))
	if !bytes.Equal(mac, want) {
		c.open = false
		return wrong
	}
	if data != nil {
		d, err := emrtd.Unpad(emrtd.Decrypt(c.keys.Enc, data))
		if err != nil {
			c.open = false
			return wrong
		}
		data = d
	}
	out, sw := c.do(apdu[1], apdu[2], apdu[3], data, le)
	var answer []byte
	if len(out) > 0 {
		secret := emrtd.Encrypt(c.keys.Enc, emrtd.Pad(out))
		if apdu[1]%2 == 1 {
			answer = emrtd.TLV(0x85, secret)
		} else {
			answer = emrtd.TLV(0x87, append([]byte{1}, secret...))
		}
	}
	answer = append(answer, emrtd.TLV(0x99, sw)...)
	answer = append(answer, emrtd.TLV(0x8E, emrtd.MAC(c.keys.Mac, emrtd.Pad(append(c.ssc.Next(), answer...))))...)
	if len(answer) > 256 {
		return wrongForm // no chip answers longer to a short command
	}
	return append(answer, done...)
}

func (c *Chip) do(ins, p1, p2 byte, data []byte, le int) (out, sw []byte) {
	switch ins {
	case 0xA4:
		if len(data) != 2 {
			return nil, wrongForm
		}
		f, ok := c.Files[uint16(data[0])<<8|uint16(data[1])]
		if !ok {
			return nil, notFound
		}
		c.selected = f
		return nil, done
	case 0xB0:
		return c.part(int(p1)<<8|int(p2), le)
	case 0xB1:
		tag, v, _, err := emrtd.Next(data)
		if err != nil || tag != 0x54 || len(v) > 3 {
			return nil, wrongForm
		}
		at := 0
		for _, b := range v {
			at = at<<8 | int(b)
		}
		part, sw := c.part(at, le-4)
		if part != nil {
			part = emrtd.TLV(0x53, part)
		}
		return part, sw
	case 0x88:
		if len(data) != 8 {
			return nil, wrongForm
		}
		key := c.Key
		if key == nil {
			return nil, notKnown
		}
		digest := sha256.Sum256(data)
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			return nil, wrong
		}
		out = make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out, done
	}
	return nil, notKnown
}

func (c *Chip) part(at, n int) (out, sw []byte) {
	if c.selected == nil {
		return nil, notOpen
	}
	if at >= len(c.selected) || n < 1 {
		return nil, pastEnd
	}
	return c.selected[at:min(len(c.selected), at+n)], done
}
