// SPDX-License-Identifier: Apache-2.0

// Package chip owns what is asked of a presented chip: passive authentication
// (are these the data that a trusted country signed?) and active
// authentication (is this the chip they were signed for?), ICAO Doc 9303-11,
// sections 5 and 6. Pure functions over the files that a reader delivered.
//
// Neither replaces the other: a copy of all files passes the first, and only
// the answer to a challenge that nobody could foresee betrays it. Neither says
// anything about revocation: that is the registry's.
package chip

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"danh/internal/clock"
	"danh/internal/mrz"
	"danh/registry/card/cert"
	"danh/registry/card/lds"
	"danh/registry/card/sod"
)

// The reasons for which a presented chip is refused.
var (
	ErrForm          = errors.New("chip: a file is not in the form of its standard")
	ErrMissing       = errors.New("chip: a data group that is needed was not presented")
	ErrUnlisted      = errors.New("chip: a data group was presented that the security object does not list")
	ErrTampered      = errors.New("chip: a data group differs from what was signed")
	ErrSignature     = errors.New("chip: the security object's signature is wrong")
	ErrUntrusted     = errors.New("chip: no trusted authority issued the document signer")
	ErrSignerExpired = errors.New("chip: the document signer's certificate is not valid at this time")
	ErrSwapped       = errors.New("chip: the chip does not hold the key that was signed for it")
	ErrDisagree      = errors.New("chip: the zone and the personal data name different people")
)

// Image is what a reader read: the security object and files by number of data
// group. EF.COM is unsigned and not asked for.
type Image struct {
	Security []byte
	Files    map[int][]byte
}

// Content is what an authenticated image says.
type Content struct {
	Zone     mrz.Zone
	Face     *lds.Face     // nil when DG2 was not presented
	Personal *lds.Personal // nil when DG13 was not presented
	Key      *cert.Key     // the chip's, nil when DG15 was not presented
	Hash     crypto.Hash   // under which it signs challenges
	Signer   *cert.Certificate
	Signed   time.Time // as the signer states
}

// TrustList holds the authorities whose document signers are believed.
type TrustList []*cert.Certificate

// Authenticate checks an image at an instant (passive authentication). Every
// presented data group must be listed and unaltered; DG1 must be among them.
func Authenticate(i Image, trusted TrustList, at time.Time) (Content, error) {
	// 1. The signature over the digests, by whoever it is.
	o, err := sod.Parse(i.Security)
	if err != nil {
		return Content{}, fmt.Errorf("%w: %w", ErrForm, err)
	}
	if err := o.Verify(); err != nil {
		return Content{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	// 2. Who it is.
	if err := trusted.check(o.Signer, at); err != nil {
		return Content{}, err
	}
	// 3. The data.
	for _, n := range sorted(i.Files) {
		if o.Digests[n] == nil {
			return Content{}, fmt.Errorf("%w: DG%d", ErrUnlisted, n)
		}
		if !o.Matches(n, i.Files[n]) {
			return Content{}, fmt.Errorf("%w: DG%d", ErrTampered, n)
		}
	}
	if i.Files[1] == nil {
		return Content{}, fmt.Errorf("%w: DG1", ErrMissing)
	}
	c, err := Read(i, at)
	c.Signer, c.Signed = o.Signer, o.Signed
	return c, err
}

// check finds the authority of a signer. An authority renews its key under the
// same name, so a wrong signature by one does not end the search.
func (t TrustList) check(signer *cert.Certificate, at time.Time) error {
	out := ErrUntrusted
	for _, a := range t {
		switch err := signer.CheckSigner(a, at); {
		case err == nil:
			return nil
		case errors.Is(err, cert.ErrExpired):
			out = ErrSignerExpired
		}
	}
	return out
}

// Read reads an image's files without asking for their truth.
func Read(i Image, at time.Time) (Content, error) {
	var c Content
	form := func(n int, err error) error { return fmt.Errorf("%w: DG%d: %w", ErrForm, n, err) }
	var err error
	if c.Zone, err = lds.ParseDG1(i.Files[1], clock.DateOf(at)); err != nil {
		return Content{}, form(1, err)
	}
	if f := i.Files[2]; f != nil {
		face, err := lds.ParseDG2(f)
		if err != nil {
			return Content{}, form(2, err)
		}
		c.Face = &face
	}
	if f := i.Files[13]; f != nil {
		p, err := lds.ParseDG13(f)
		if err != nil {
			return Content{}, form(13, err)
		}
		c.Personal = &p
		if n, err := c.Zone.ReadNumberField(); err != nil || n != p.Number {
			return Content{}, ErrDisagree
		}
	}
	if f := i.Files[15]; f != nil {
		k, err := lds.ParseDG15(f)
		if err != nil {
			return Content{}, form(15, err)
		}
		c.Key = &k
		if c.Hash, err = lds.ParseDG14(i.Files[14]); err != nil {
			return Content{}, form(14, err)
		}
	}
	return c, nil
}

func sorted(files map[int][]byte) []int {
	var out []int
	for n := range files {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// ChallengeSize is the length of a challenge (Doc 9303-11, section 6.1: RND.IFD).
const ChallengeSize = 8

// NewChallenge makes a challenge. Whoever issues it lets it be answered once.
func NewChallenge() []byte {
	c := make([]byte, ChallengeSize)
	rand.Read(c)
	return c
}

// CheckAnswer checks the chip's answer to a challenge (active authentication
// with ECDSA, Doc 9303-11, section 6.1). The content must be authenticated:
// its key is believed.
func CheckAnswer(c Content, challenge, answer []byte) error {
	if c.Key == nil {
		return fmt.Errorf("%w: DG15", ErrMissing)
	}
	if len(challenge) != ChallengeSize || !c.Key.VerifyPlain(c.Hash, challenge, answer) {
		return ErrSwapped
	}
	return nil
}

// Answer is the chip's side: it signs a challenge with its key, r‖s.
func Answer(key *ecdsa.PrivateKey, challenge []byte) ([]byte, error) {
	if key.Curve != elliptic.P256() || len(challenge) != ChallengeSize {
		return nil, errors.New("chip: answers are made on P-256 over eight octets")
	}
	d := sha256.Sum256(challenge)
	r, s, err := ecdsa.Sign(rand.Reader, key, d[:])
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	out := make([]byte, 64)
	new(big.Int).Set(r).FillBytes(out[:32])
	new(big.Int).Set(s).FillBytes(out[32:])
	return out, nil
}

// Order is what a chip is made from.
type Order struct {
	Zone     mrz.Zone
	Portrait []byte // JPEG
	Personal lds.Personal
	Key      crypto.PublicKey // of the key that the chip made and keeps; P-256
	Signer   []byte           // certificate of the document signer
	Sign     crypto.Signer
	At       time.Time
}

// Make makes the image and EF.COM of a chip.
func Make(o Order) (i Image, com []byte, err error) {
	k, ok := o.Key.(*ecdsa.PublicKey)
	if !ok || k.Curve != elliptic.P256() {
		return Image{}, nil, errors.New("chip: its key must lie on P-256")
	}
	spki, err := x509.MarshalPKIXPublicKey(k)
	if err != nil {
		return Image{}, nil, fmt.Errorf("encode the chip's key: %w", err)
	}
	i.Files = map[int][]byte{}
	for n, f := range map[int]func() ([]byte, error){
		1:  func() ([]byte, error) { return lds.MakeDG1(o.Zone) },
		2:  func() ([]byte, error) { return lds.MakeDG2(o.Portrait) },
		13: func() ([]byte, error) { return lds.MakeDG13(o.Personal) },
		14: lds.MakeDG14,
		15: func() ([]byte, error) { return lds.MakeDG15(spki) },
	} {
		if i.Files[n], err = f(); err != nil {
			return Image{}, nil, fmt.Errorf("make DG%d: %w", n, err)
		}
	}
	if i.Security, err = sod.Make(i.Files, o.Signer, o.Sign, o.At); err != nil {
		return Image{}, nil, err
	}
	com, err = lds.MakeCOM(sorted(i.Files))
	return i, com, err
}
