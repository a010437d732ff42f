// SPDX-License-Identifier: Apache-2.0

package cert

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha256" // the digests of documents
	_ "crypto/sha512"
	"encoding/asn1"
	"errors"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"danh/registry/card/curve"
)

var (
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidRSA         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidPSS         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidMGF1        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
)

// ErrKey says that a public key is of no accepted kind, or weak.
var ErrKey = errors.New("certificate: its public key is not accepted")

// ErrAlgorithm says that a signature or digest algorithm is not accepted;
// SHA-1 is not.
var ErrAlgorithm = errors.New("certificate: an algorithm is not accepted")

// Key is a public key of a document's chain.
type Key struct {
	Curve *curve.Curve // nil for RSA
	Point curve.Point
	RSA   *rsa.PublicKey
}

// ParseKey reads a SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7; RFC 3279
// for explicit curve parameters).
func ParseKey(spki []byte) (Key, error) {
	in := cryptobyte.String(spki)
	var seq, alg, parameters cryptobyte.String
	var oid asn1.ObjectIdentifier
	var bits asn1.BitString
	if !in.ReadASN1(&seq, casn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1(&alg, casn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&oid) ||
		!seq.ReadASN1BitString(&bits) || !seq.Empty() || bits.BitLength%8 != 0 {
		return Key{}, ErrKey
	}
	parameters = alg
	switch {
	case oid.Equal(oidECPublicKey):
		c, err := curve.ParseParameters(parameters)
		if err != nil {
			return Key{}, err
		}
		p, err := c.ParsePoint(bits.Bytes)
		return Key{Curve: c, Point: p}, err
	case oid.Equal(oidRSA):
		return parseRSA(bits.Bytes)
	}
	return Key{}, ErrKey
}

func parseRSA(der []byte) (Key, error) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	n := new(big.Int)
	var e int
	if !in.ReadASN1(&seq, casn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1Integer(n) || !seq.ReadASN1Integer(&e) || !seq.Empty() {
		return Key{}, ErrKey
	}
	if n.Sign() <= 0 || n.BitLen() < 2048 || n.BitLen() > 8192 || e < 3 || e%2 == 0 || e > 1<<31-1 {
		return Key{}, ErrKey
	}
	return Key{RSA: &rsa.PublicKey{N: n, E: e}}, nil
}

// Algorithm is how something was signed.
type Algorithm struct {
	Hash crypto.Hash
	kind kind
	salt int // of PSS
}

type kind int

const (
	ecdsaKind kind = iota + 1
	pkcs1Kind
	pssKind
)

var signatureKinds = []struct {
	oid  asn1.ObjectIdentifier
	hash crypto.Hash
	kind kind
}{
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 1}, crypto.SHA224, ecdsaKind},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, crypto.SHA256, ecdsaKind},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}, crypto.SHA384, ecdsaKind},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}, crypto.SHA512, ecdsaKind},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, crypto.SHA256, pkcs1Kind},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}, crypto.SHA384, pkcs1Kind},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}, crypto.SHA512, pkcs1Kind},
}

var digests = []struct {
	oid  asn1.ObjectIdentifier
	hash crypto.Hash
}{
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 4}, crypto.SHA224},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512},
}

// ParseDigest reads a digest's AlgorithmIdentifier contents.
func ParseDigest(alg cryptobyte.String) (crypto.Hash, error) {
	var oid asn1.ObjectIdentifier
	if !alg.ReadASN1ObjectIdentifier(&oid) {
		return 0, ErrAlgorithm
	}
	if !alg.Empty() && string(alg) != "\x05\x00" {
		return 0, ErrAlgorithm
	}
	for _, d := range digests {
		if d.oid.Equal(oid) {
			return d.hash, nil
		}
	}
	return 0, ErrAlgorithm
}

// DigestOID is the identifier of a digest, nil when it is not accepted.
func DigestOID(h crypto.Hash) asn1.ObjectIdentifier {
	for _, d := range digests {
		if d.hash == h {
			return d.oid
		}
	}
	return nil
}

// ParseAlgorithm reads a signature's AlgorithmIdentifier contents. digest is
// the digest stated elsewhere, for CMS's bare rsaEncryption; 0 where there is none.
func ParseAlgorithm(alg cryptobyte.String, digest crypto.Hash) (Algorithm, error) {
	var oid asn1.ObjectIdentifier
	if !alg.ReadASN1ObjectIdentifier(&oid) {
		return Algorithm{}, ErrAlgorithm
	}
	if oid.Equal(oidPSS) {
		return parsePSS(alg)
	}
	if !alg.Empty() && string(alg) != "\x05\x00" {
		return Algorithm{}, ErrAlgorithm
	}
	for _, k := range signatureKinds {
		if k.oid.Equal(oid) {
			return Algorithm{Hash: k.hash, kind: k.kind}, nil
		}
	}
	if oid.Equal(oidRSA) && digest != 0 {
		return Algorithm{Hash: digest, kind: pkcs1Kind}, nil
	}
	return Algorithm{}, ErrAlgorithm
}

// parsePSS reads RSASSA-PSS-params (RFC 4055, section 3.1). Its defaults are
// SHA-1, so digest and mask must be stated, and be the same.
func parsePSS(alg cryptobyte.String) (Algorithm, error) {
	var seq, hash, mgf, inner cryptobyte.String
	var hasSalt bool
	var oid asn1.ObjectIdentifier
	tag := func(n uint8) casn1.Tag { return casn1.Tag(n).ContextSpecific().Constructed() }
	read := func(n uint8, out *cryptobyte.String) bool {
		var outer cryptobyte.String
		return seq.ReadASN1(&outer, tag(n)) && outer.ReadASN1(out, casn1.SEQUENCE) && outer.Empty()
	}
	if !alg.ReadASN1(&seq, casn1.SEQUENCE) || !alg.Empty() || !read(0, &hash) || !read(1, &mgf) ||
		!mgf.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidMGF1) || !mgf.ReadASN1(&inner, casn1.SEQUENCE) || !mgf.Empty() {
		return Algorithm{}, ErrAlgorithm
	}
	h, err := ParseDigest(hash)
	if err != nil {
		return Algorithm{}, err
	}
	if m, err := ParseDigest(inner); err != nil || m != h {
		return Algorithm{}, ErrAlgorithm
	}
	salt := 20
	var wrapped cryptobyte.String
	if !seq.ReadOptionalASN1(&wrapped, &hasSalt, tag(2)) || hasSalt && (!wrapped.ReadASN1Integer(&salt) || !wrapped.Empty()) || !seq.Empty() || salt < 20 || salt > 512 {
		return Algorithm{}, ErrAlgorithm
	}
	return Algorithm{Hash: h, kind: pssKind, salt: salt}, nil
}

// Verify reports whether the key signed the message.
func (k Key) Verify(a Algorithm, message, signature []byte) bool {
	if a.Hash == 0 || !a.Hash.Available() {
		return false
	}
	h := a.Hash.New()
	h.Write(message)
	digest := h.Sum(nil)
	switch {
	case a.kind == ecdsaKind && k.Curve != nil:
		r, s, ok := parseECDSA(signature)
		return ok && k.Curve.Verify(k.Point, digest, r, s)
	case a.kind == pkcs1Kind && k.RSA != nil:
		return rsa.VerifyPKCS1v15(k.RSA, a.Hash, digest, signature) == nil
	case a.kind == pssKind && k.RSA != nil:
		return rsa.VerifyPSS(k.RSA, a.Hash, digest, signature, &rsa.PSSOptions{SaltLength: a.salt}) == nil
	}
	return false
}

// VerifyPlain checks an ECDSA signature written as r‖s (BSI TR-03111, section
// 5.2.1), as a chip answers a challenge.
func (k Key) VerifyPlain(h crypto.Hash, message, signature []byte) bool {
	if k.Curve == nil || !h.Available() {
		return false
	}
	size := (k.Curve.N.BitLen() + 7) / 8
	if len(signature) != 2*size {
		return false
	}
	d := h.New()
	d.Write(message)
	return k.Curve.Verify(k.Point, d.Sum(nil), new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:]))
}

func parseECDSA(der []byte) (r, s *big.Int, ok bool) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	r, s = new(big.Int), new(big.Int)
	ok = in.ReadASN1(&seq, casn1.SEQUENCE) && in.Empty() && seq.ReadASN1Integer(r) && seq.ReadASN1Integer(s) && seq.Empty()
	return r, s, ok
}
