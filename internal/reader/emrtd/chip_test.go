// SPDX-License-Identifier: Apache-2.0

package emrtd_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"math/big"
	"testing"

	"danh/internal/reader"
	"danh/internal/reader/agent"
	"danh/internal/reader/emrtd"
	"danh/internal/reader/readertest"
)

var access = reader.Access{Document: "999999901", Birth: "900902", Expiry: "300902"}

func file(tag byte, n int) []byte {
	v := make([]byte, n)
	_, _ = rand.Read(v)
	return emrtd.TLV(tag, v)
}

func newChip(t testing.TB) *readertest.Chip {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &readertest.Chip{Access: access, Key: key, Files: map[uint16][]byte{
		0x011E: emrtd.TLV(0x60, append([]byte{0x5F, 0x01, 4, '0', '1', '0', '7'}, emrtd.TLV(0x5C, []byte{0x61, 0x75, 0x63, 0x6D, 0x6F})...)),
		0x011D: file(0x77, 3000), 0x0101: file(0x61, 90), 0x0102: file(0x75, 60_000), 0x0103: file(0x63, 500), 0x010D: file(0x6D, 250), 0x010F: file(0x6F, 120),
	}}
}

var ask = reader.Ask{Want: reader.Want{Kind: reader.Chip}, Challenge: []byte("12345678"), Access: access}

// TestAWholeChip reads a portrait beyond the reach of the plain offset, files
// around the length's steps, and has the chip sign.
func TestAWholeChip(t *testing.T) {
	c := newChip(t)
	got, err := emrtd.Read(t.Context(), c, ask)
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]uint16{"com": 0x011E, "sod": 0x011D, "dg1": 0x0101, "dg2": 0x0102, "dg13": 0x010D, "dg15": 0x010F} {
		if !bytes.Equal(got.Files[name], c.Files[id]) {
			t.Errorf("%s is not what the chip holds", name)
		}
	}
	if len(got.Files) != 6 {
		t.Errorf("read %d files: fingerprints in a chip are not asked for", len(got.Files))
	}
	digest := sha256.Sum256(ask.Challenge)
	if len(got.Answer) != 64 || !ecdsa.Verify(&c.Key.PublicKey, digest[:], new(big.Int).SetBytes(got.Answer[:32]), new(big.Int).SetBytes(got.Answer[32:])) {
		t.Error("the chip's answer does not verify")
	}
	for _, n := range []int{1, 2, 3, 125, 126, 127, 128, 222, 223, 224, 255, 256, 300, 32766, 32767, 32768, 40000} {
		c.Files[0x0101] = file(0x61, n)
		s, err := emrtd.Open(c, access)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := s.ReadFile(t.Context(), 0x0101); err != nil || !bytes.Equal(b, c.Files[0x0101]) {
			t.Errorf("a file of %d octets: %v", n, err)
		}
	}
}

// TestSkimmerWithoutTheZone: who has not seen the card opens nothing.
func TestSkimmerWithoutTheZone(t *testing.T) {
	for _, a := range []reader.Access{{Document: "999999902", Birth: "900902", Expiry: "300902"}, {Document: "999999901", Birth: "900903", Expiry: "300902"}, {Document: "999999901", Birth: "900902", Expiry: "300903"}} {
		x := ask
		x.Access = a
		if _, err := emrtd.Read(t.Context(), newChip(t), x); !errors.Is(err, agent.ErrAccess) {
			t.Errorf("%+v: %v", a, err)
		}
	}
}

// between alters what a chip answers.
type between struct {
	emrtd.Card
	change func(n int, answer []byte) []byte
	n      int
}

func (b *between) Transmit(c []byte) ([]byte, error) {
	a, err := b.Card.Transmit(c)
	b.n++
	return b.change(b.n, bytes.Clone(a)), err
}

// TestMeddlerBetweenReaderAndChip: an altered, a repeated and a bare answer end
// the conversation; no file comes out of it.
func TestMeddlerBetweenReaderAndChip(t *testing.T) {
	var last []byte
	for name, change := range map[string]func(int, []byte) []byte{
		"altered": func(n int, a []byte) []byte {
			if n > 4 {
				a[3] ^= 1
			}
			return a
		},
		"repeated": func(n int, a []byte) []byte {
			if n == 8 {
				return last
			}
			last = a
			return a
		},
		"bare": func(n int, a []byte) []byte {
			if n > 5 {
				return []byte{0x60, 0x01, 0x00, 0x90, 0x00}
			}
			return a
		},
		"empty": func(int, []byte) []byte { return nil },
	} {
		if _, err := emrtd.Read(t.Context(), &between{Card: newChip(t), change: change}, ask); !errors.Is(err, emrtd.ErrMessage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoChipOfAnotherKind(t *testing.T) {
	if _, err := emrtd.Read(t.Context(), &between{Card: newChip(t), change: func(int, []byte) []byte { return []byte{0x6A, 0x82} }}, ask); !errors.Is(err, emrtd.ErrNoDocument) {
		t.Fatal(err)
	}
}
