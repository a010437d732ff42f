// SPDX-License-Identifier: Apache-2.0

package sod

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"danh/registry/card/cert"
)

// Make lists the digests of the data groups and signs them with a P-256 key
// whose certificate is signer.
func Make(files map[int][]byte, signer []byte, key crypto.Signer, at time.Time) ([]byte, error) {
	c, err := cert.Parse(signer)
	if err != nil {
		return nil, err
	}
	if len(files) < 2 { // SIZE (2..16)
		return nil, errors.New("security object: at least two data groups are needed")
	}
	content, err := makeContent(files)
	if err != nil {
		return nil, err
	}
	attrs, err := makeAttributes(content, at)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(attrs)
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign security object: %w", err)
	}
	sha := func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(cert.DigestOID(crypto.SHA256)) })
	}
	var b cryptobyte.Builder
	b.AddASN1(tagSOD, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidSignedData)
			b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
				b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1Int64(3)
					b.AddASN1(casn1.SET, sha)
					b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(oidSecurity)
						b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) })
					})
					b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddBytes(c.Raw) })
					b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) {
						b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
							b.AddASN1Int64(1)
							b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
								b.AddBytes(c.Issuer)
								b.AddASN1BigInt(c.Serial)
							})
							sha(b)
							sent := bytes.Clone(attrs)
							sent[0] = byte(explicit(0))
							b.AddBytes(sent)
							b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidECDSASHA256) })
							b.AddASN1OctetString(signature)
						})
					})
				})
			})
		})
	})
	file, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode security object: %w", err)
	}
	// A card is made once: what does not verify must not leave.
	o, err := Parse(file)
	if err == nil {
		err = o.Verify()
	}
	return file, err
}

func makeContent(files map[int][]byte) ([]byte, error) {
	var numbers []int
	for n := range files {
		if n < 1 || n > 16 {
			return nil, fmt.Errorf("security object: there is no data group %d", n)
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(cert.DigestOID(crypto.SHA256)) })
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, n := range numbers {
				b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
					sum := sha256.Sum256(files[n])
					b.AddASN1Int64(int64(n))
					b.AddASN1OctetString(sum[:])
				})
			}
		})
	})
	return b.Bytes()
}

// makeAttributes writes contentType, messageDigest and signingTime as a sorted
// SET OF (RFC 5652, section 11).
func makeAttributes(content []byte, at time.Time) ([]byte, error) {
	sum := sha256.Sum256(content)
	var list [][]byte
	for _, a := range []func(b *cryptobyte.Builder){
		func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidContentType)
			b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidSecurity) })
		},
		func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidMessageDigest)
			b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) { b.AddASN1OctetString(sum[:]) })
		},
		func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidSigningTime)
			b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) { addTime(b, at.UTC()) })
		},
	} {
		var b cryptobyte.Builder
		b.AddASN1(casn1.SEQUENCE, a)
		der, err := b.Bytes()
		if err != nil {
			return nil, fmt.Errorf("encode attribute: %w", err)
		}
		list = append(list, der)
	}
	slices.SortFunc(list, bytes.Compare)
	var b cryptobyte.Builder
	b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) {
		for _, der := range list {
			b.AddBytes(der)
		}
	})
	return b.Bytes()
}

// addTime writes UTCTime until 2049 and GeneralizedTime afterwards (RFC 5652,
// section 11.3).
func addTime(b *cryptobyte.Builder, at time.Time) {
	if at.Year() < 2050 {
		b.AddASN1UTCTime(at)
		return
	}
	b.AddASN1GeneralizedTime(at)
}
