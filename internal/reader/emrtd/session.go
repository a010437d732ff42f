// SPDX-License-Identifier: Apache-2.0

// Package emrtd owns the conversation with a card's chip: Basic Access Control,
// secure messaging, reading its files, and having it sign a challenge (ICAO Doc
// 9303-10 and 9303-11, edition 8; ISO/IEC 7816-4).
//
// It reads and judges nothing: whether files and answer are genuine is asked of
// a server that holds the trust list and made the challenge. It refuses answers
// that do not verify under the session, and a chip that opens by PACE alone.
package emrtd

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"errors"
	"fmt"

	"danh/internal/mrz"
	"danh/internal/reader"
)

// Card transmits a command to a chip and gives its answer with the status word.
type Card interface {
	Transmit(command []byte) ([]byte, error)
}

// The ways in which a conversation fails.
var (
	ErrNoDocument = errors.New("emrtd: no electronic document answers")
	ErrAccess     = errors.New("emrtd: the chip refuses these fields of the zone")
	ErrMessage    = errors.New("emrtd: an answer does not verify under the session")
)

// StatusError is a status word other than success (ISO/IEC 7816-4, section 5.1.3).
type StatusError uint16

func (s StatusError) Error() string { return fmt.Sprintf("emrtd: status %04X", uint16(s)) }

// The document's application and files (Doc 9303-10, section 3.2 and 4.6).
var application = []byte{0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}

const (
	fileCOM = 0x011E
	fileSOD = 0x011D
	fileDG  = 0x0100
)

// Seed is the key seed of Basic Access Control: the first 16 octets of SHA-1
// over document number, birth and expiry with their check digits (Doc 9303-11,
// section 4.3.3, appendix D.2).
func Seed(a reader.Access) []byte {
	document := a.Document
	for len(document) < 9 {
		document += "<"
	}
	text := ""
	for _, field := range []string{document, a.Birth, a.Expiry} {
		text += field + string(mrz.Check(field))
	}
	sum := sha1.Sum([]byte(text))
	return sum[:16]
}

// Session is an open chip.
type Session struct {
	card Card
	keys Keys
	ssc  Counter
}

// Open selects the application and opens it by Basic Access Control.
func Open(c Card, a reader.Access) (*Session, error) {
	if _, err := plain(c, append([]byte{0x00, 0xA4, 0x04, 0x0C, byte(len(application))}, application...)); err != nil {
		if s := StatusError(0); errors.As(err, &s) {
			return nil, fmt.Errorf("%w: %w", ErrNoDocument, err)
		}
		return nil, err
	}
	return Authenticate(c, DeriveKeys(Seed(a)), func(b []byte) { _, _ = rand.Read(b) })
}

// Authenticate is section 4.3 of Doc 9303-11. random fills the reader's two
// random values; only published examples bring their own.
func Authenticate(c Card, k Keys, random func([]byte)) (*Session, error) {
	// 1. The chip's challenge.
	rndIC, err := plain(c, []byte{0x00, 0x84, 0x00, 0x00, 0x08})
	if err != nil {
		return nil, fmt.Errorf("get challenge: %w", err)
	}
	if len(rndIC) != 8 {
		return nil, fmt.Errorf("get challenge: %w", ErrMessage)
	}
	// 2. Both challenges and the reader's half of the key, under the zone's keys.
	rndIFD, kIFD := make([]byte, 8), make([]byte, 16)
	random(rndIFD)
	random(kIFD)
	secret := Encrypt(k.Enc, bytes.Join([][]byte{rndIFD, rndIC, kIFD}, nil))
	command := append([]byte{0x00, 0x82, 0x00, 0x00, 0x28}, secret...)
	command = append(append(command, MAC(k.Mac, Pad(secret))...), 0x28)
	answer, err := plain(c, command)
	if err != nil {
		if s := StatusError(0); errors.As(err, &s) {
			return nil, fmt.Errorf("%w: %w", ErrAccess, err)
		}
		return nil, err
	}
	// 3. The chip's half, if it is an answer to our challenge.
	if len(answer) != 40 || subtle.ConstantTimeCompare(MAC(k.Mac, Pad(answer[:32])), answer[32:]) != 1 {
		return nil, fmt.Errorf("authenticate: %w", ErrMessage)
	}
	r := Decrypt(k.Enc, answer[:32])
	if !bytes.Equal(r[:8], rndIC) || !bytes.Equal(r[8:16], rndIFD) {
		return nil, fmt.Errorf("authenticate: %w", ErrMessage)
	}
	seed := make([]byte, 16)
	subtle.XORBytes(seed, kIFD, r[16:])
	s := &Session{card: c, keys: DeriveKeys(seed)}
	copy(s.ssc[:4], rndIC[4:])
	copy(s.ssc[4:], rndIFD[4:])
	return s, nil
}

func plain(c Card, command []byte) ([]byte, error) {
	answer, err := c.Transmit(command)
	if err != nil {
		return nil, fmt.Errorf("transmit: %w", err)
	}
	return status(answer)
}

func status(answer []byte) ([]byte, error) {
	if len(answer) < 2 {
		return nil, ErrMessage
	}
	n := len(answer) - 2
	if sw := StatusError(uint16(answer[n])<<8 | uint16(answer[n+1])); sw != 0x9000 {
		return nil, sw
	}
	return answer[:n], nil
}

// command is a command before its protection.
type command struct {
	ins, p1, p2 byte
	data        []byte
	le          int // 0: no answer is expected; up to 256
}

// transmit protects a command, sends it and takes the answer's protection off
// (Doc 9303-11, section 9.8.4).
func (s *Session) transmit(c command) ([]byte, error) {
	head := []byte{0x0C, c.ins, c.p1, c.p2}
	var body []byte
	if len(c.data) > 0 {
		secret := Encrypt(s.keys.Enc, Pad(c.data))
		if c.ins%2 == 1 { // an odd instruction's data are objects
			body = TLV(0x85, secret)
		} else {
			body = TLV(0x87, append([]byte{0x01}, secret...))
		}
	}
	if c.le > 0 {
		body = append(body, TLV(0x97, []byte{byte(c.le)})...)
	}
	mac := MAC(s.keys.Mac, Pad(bytes.Join([][]byte{s.ssc.Next(), Pad(head), body}, nil)))
	body = append(body, TLV(0x8E, mac)...)
	answer, err := s.card.Transmit(append(append(append(head, byte(len(body))), body...), 0x00))
	if err != nil {
		return nil, fmt.Errorf("transmit: %w", err)
	}
	return s.open(answer)
}

func (s *Session) open(answer []byte) ([]byte, error) {
	objects, err := status(answer)
	if err != nil {
		return nil, err // a chip that lost the session answers without protection
	}
	var secret, sw, mac []byte
	var signed int
	for rest := objects; len(rest) > 0; {
		tag, value, after, err := Next(rest)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMessage, err)
		}
		switch tag {
		case 0x87:
			if len(value) < 1 || value[0] != 0x01 {
				return nil, ErrMessage
			}
			secret = value[1:]
		case 0x85:
			secret = value
		case 0x99:
			sw = value
		case 0x8E:
			mac = value
		default:
			return nil, ErrMessage
		}
		if tag != 0x8E {
			signed = len(objects) - len(after)
		}
		rest = after
	}
	want := MAC(s.keys.Mac, Pad(append(s.ssc.Next(), objects[:signed]...)))
	if len(mac) != 8 || subtle.ConstantTimeCompare(want, mac) != 1 || len(sw) != 2 || len(secret)%8 != 0 {
		return nil, ErrMessage
	}
	if _, err := status(sw); err != nil {
		return nil, err
	}
	if len(secret) == 0 {
		return nil, nil
	}
	out, err := Unpad(Decrypt(s.keys.Enc, secret))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return out, nil
}
