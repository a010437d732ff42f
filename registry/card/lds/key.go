// SPDX-License-Identifier: Apache-2.0

package lds

import (
	"crypto"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"danh/registry/card/cert"
)

var (
	oidActive = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 5} // id-icao-mrtd-security-aaProtocolObject
	oidPlain  = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 1, 1, 4, 1}
)

// plainHashes are the ecdsa-plain signatures of BSI TR-03111, section 5.2.1.1,
// by their last number; SHA-1 (1) is not accepted.
var plainHashes = map[int]crypto.Hash{2: crypto.SHA224, 3: crypto.SHA256, 4: crypto.SHA384, 5: crypto.SHA512}

// MakeDG14 states that the chip answers challenges by plain ECDSA with SHA-256
// (Doc 9303-11, section 9.2.3: ActiveAuthenticationInfo).
func MakeDG14() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidActive)
			b.AddASN1Int64(1)
			b.AddASN1ObjectIdentifier(append(append(asn1.ObjectIdentifier{}, oidPlain...), 3))
		})
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode security infos: %w", err)
	}
	return wrap(tagDG14, der), nil
}

// ParseDG14 gives the digest under which the chip signs challenges.
func ParseDG14(file []byte) (crypto.Hash, error) {
	v, err := only(file, tagDG14)
	if err != nil {
		return 0, err
	}
	in := cryptobyte.String(v)
	var set cryptobyte.String
	if !in.ReadASN1(&set, casn1.SET) || !in.Empty() {
		return 0, ErrForm
	}
	var hash crypto.Hash
	for !set.Empty() {
		var info cryptobyte.String
		var oid, alg asn1.ObjectIdentifier
		var version int
		if !set.ReadASN1(&info, casn1.SEQUENCE) || !info.ReadASN1ObjectIdentifier(&oid) {
			return 0, ErrForm
		}
		if !oid.Equal(oidActive) {
			continue
		}
		if !info.ReadASN1Integer(&version) || version != 1 || !info.ReadASN1ObjectIdentifier(&alg) || !info.Empty() || hash != 0 ||
			len(alg) != len(oidPlain)+1 || !alg[:len(oidPlain)].Equal(oidPlain) {
			return 0, ErrForm
		}
		if hash = plainHashes[alg[len(oidPlain)]]; hash == 0 {
			return 0, ErrForm
		}
	}
	if hash == 0 {
		return 0, ErrForm
	}
	return hash, nil
}

// MakeDG15 writes the chip's public key, a SubjectPublicKeyInfo in DER
// (Doc 9303-11, section 6.1).
func MakeDG15(spki []byte) ([]byte, error) {
	if k, err := cert.ParseKey(spki); err != nil || k.Curve == nil {
		return nil, ErrForm
	}
	return wrap(tagDG15, spki), nil
}

// ParseDG15 reads the chip's public key.
func ParseDG15(file []byte) (cert.Key, error) {
	v, err := only(file, tagDG15)
	if err != nil {
		return cert.Key{}, err
	}
	k, err := cert.ParseKey(v)
	if err != nil {
		return cert.Key{}, fmt.Errorf("%w: %w", ErrForm, err)
	}
	return k, nil
}
