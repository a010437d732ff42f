// SPDX-License-Identifier: Apache-2.0

package emrtd

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"math/bits"
)

// Keys are a pair of two-key triple-DES keys.
type Keys struct{ Enc, Mac []byte }

// DeriveKeys derives a pair from a seed (Doc 9303-11, section 9.7.1).
func DeriveKeys(seed []byte) Keys {
	derive := func(c byte) []byte {
		sum := sha1.Sum(append(bytes.Clone(seed), 0, 0, 0, c))
		k := sum[:16]
		for i, b := range k { // odd parity
			if bits.OnesCount8(b)%2 == 0 {
				k[i] = b ^ 1
			}
		}
		return k
	}
	return Keys{derive(1), derive(2)}
}

func triple(key []byte) cipher.Block {
	b, err := des.NewTripleDESCipher(append(bytes.Clone(key), key[:8]...))
	if err != nil {
		panic(err) // the length is ours
	}
	return b
}

// Encrypt and Decrypt are triple DES in CBC with a zero vector (section 9.8.6.1).
func Encrypt(key, plain []byte) []byte {
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(triple(key), make([]byte, 8)).CryptBlocks(out, plain)
	return out
}

// Decrypt is the inverse of Encrypt.
func Decrypt(key, secret []byte) []byte {
	out := make([]byte, len(secret))
	cipher.NewCBCDecrypter(triple(key), make([]byte, 8)).CryptBlocks(out, secret)
	return out
}

// Pad and Unpad are ISO/IEC 9797-1, padding method 2.
func Pad(b []byte) []byte {
	b = append(bytes.Clone(b), 0x80)
	return append(b, make([]byte, (8-len(b)%8)%8)...)
}

var errPad = errors.New("emrtd: padding")

// Unpad takes the padding off.
func Unpad(b []byte) ([]byte, error) {
	i := bytes.LastIndexByte(b, 0x80)
	if i < 0 || len(b)-i > 8 || len(bytes.Trim(b[i+1:], "\x00")) > 0 {
		return nil, errPad
	}
	return b[:i], nil
}

// MAC is ISO/IEC 9797-1, algorithm 3 (retail MAC) over a padded message
// (section 9.8.6.2).
func MAC(key, padded []byte) []byte {
	one, err := des.NewCipher(key[:8])
	if err != nil {
		panic(err)
	}
	two, err := des.NewCipher(key[8:16])
	if err != nil {
		panic(err)
	}
	y := make([]byte, 8)
	for i := 0; i+8 <= len(padded); i += 8 {
		for j := range y {
			y[j] ^= padded[i+j]
		}
		one.Encrypt(y, y)
	}
	two.Decrypt(y, y)
	one.Encrypt(y, y)
	return y
}

// Counter is the send sequence counter (section 9.8.2).
type Counter [8]byte

// Next counts one up.
func (c *Counter) Next() []byte {
	binary.BigEndian.PutUint64(c[:], binary.BigEndian.Uint64(c[:])+1)
	return bytes.Clone(c[:])
}

// TLV writes an object with a short tag (ISO/IEC 7816-4, section 5.2.2).
func TLV(tag byte, value []byte) []byte {
	out := []byte{tag}
	switch n := len(value); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	default:
		out = append(out, 0x82, byte(n>>8), byte(n))
	}
	return append(out, value...)
}

var errTLV = errors.New("emrtd: an object is cut short")

// Next reads one object with a short tag and gives what follows it.
func Next(b []byte) (tag byte, value, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, nil, errTLV
	}
	n, head, ok := length(b[1:])
	if !ok || len(b) < 1+head+n {
		return 0, nil, nil, errTLV
	}
	return b[0], b[1+head : 1+head+n], b[1+head+n:], nil
}

// length reads a length and how many octets it takes.
func length(b []byte) (n, octets int, ok bool) {
	switch {
	case len(b) >= 1 && b[0] < 0x80:
		return int(b[0]), 1, true
	case len(b) >= 2 && b[0] == 0x81:
		return int(b[1]), 2, true
	case len(b) >= 3 && b[0] == 0x82:
		return int(b[1])<<8 | int(b[2]), 3, true
	case len(b) >= 4 && b[0] == 0x83:
		return int(b[1])<<16 | int(b[2])<<8 | int(b[3]), 4, true
	}
	return 0, 0, false
}
