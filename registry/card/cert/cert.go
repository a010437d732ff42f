// SPDX-License-Identifier: Apache-2.0

// Package cert owns the certificates of identity documents: a country's signing
// authority (CSCA) and its document signers, RFC 5280 under the profile of ICAO
// Doc 9303-12, section 7.
//
// It reads them itself because the standard library refuses the real ones:
// brainpool curves with explicit parameters. It verifies and never builds a
// path longer than one step, asks nobody over the network, and refuses SHA-1,
// unknown curves and unknown critical extensions.
package cert

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// The ways in which a certificate is refused.
var (
	ErrForm    = errors.New("certificate: not a version 3 certificate in DER")
	ErrIssuer  = errors.New("certificate: not issued by this authority")
	ErrExpired = errors.New("certificate: not valid at this time")
	ErrUse     = errors.New("certificate: not made for this use")
)

// Certificate is a parsed certificate.
type Certificate struct {
	Raw       []byte
	Serial    *big.Int
	Issuer    []byte // Name in DER, compared byte by byte
	Subject   []byte
	NotBefore time.Time
	NotAfter  time.Time
	SPKI      []byte
	Key       Key
	CA        bool
	PathLen   int  // -1 when not stated
	HasUse    bool // a key usage is stated
	Use       byte // its first eight bits, digitalSignature highest
	KeyID     []byte
	IssuerKey []byte // authority key identifier, nil when not stated

	tbs       []byte
	algorithm Algorithm
	signature []byte
}

// The key usages that matter here (RFC 5280, section 4.2.1.3).
const (
	UseDigitalSignature = 0x80
	UseCertSign         = 0x04
)

// maxSize bounds a certificate; the largest real ones have about 3 KiB.
const maxSize = 16 << 10

// Parse reads one certificate and nothing behind it.
func Parse(der []byte) (*Certificate, error) {
	if len(der) > maxSize {
		return nil, ErrForm
	}
	in := cryptobyte.String(der)
	var seq, tbs, alg, body cryptobyte.String
	var sig asn1.BitString
	if !in.ReadASN1(&seq, casn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1Element(&tbs, casn1.SEQUENCE) ||
		!seq.ReadASN1(&alg, casn1.SEQUENCE) || !seq.ReadASN1BitString(&sig) || !seq.Empty() || sig.BitLength%8 != 0 {
		return nil, ErrForm
	}
	c := &Certificate{Raw: bytes.Clone(der), Serial: new(big.Int), tbs: tbs, signature: sig.Bytes, PathLen: -1}
	if inner := tbs; !inner.ReadASN1(&body, casn1.SEQUENCE) {
		return nil, ErrForm
	}
	var inside, version, issuer, validity, subject, spki, extensions cryptobyte.String
	var v int
	if !body.ReadASN1(&version, casn1.Tag(0).ContextSpecific().Constructed()) || !version.ReadASN1Integer(&v) || v != 2 ||
		!body.ReadASN1Integer(c.Serial) || !body.ReadASN1(&inside, casn1.SEQUENCE) || !bytes.Equal(inside, alg) ||
		!body.ReadASN1Element(&issuer, casn1.SEQUENCE) || !body.ReadASN1(&validity, casn1.SEQUENCE) ||
		!body.ReadASN1Element(&subject, casn1.SEQUENCE) || !body.ReadASN1Element(&spki, casn1.SEQUENCE) {
		return nil, ErrForm
	}
	for _, n := range []uint8{1, 2} { // unique identifiers: never used, told apart from extensions
		if body.PeekASN1Tag(casn1.Tag(n).ContextSpecific()) {
			return nil, ErrForm
		}
	}
	if !body.ReadASN1(&extensions, casn1.Tag(3).ContextSpecific().Constructed()) || !body.Empty() {
		return nil, ErrForm
	}
	c.Issuer, c.Subject, c.SPKI = issuer, subject, spki
	var ok bool
	if c.NotBefore, ok = readTime(&validity); !ok {
		return nil, ErrForm
	}
	if c.NotAfter, ok = readTime(&validity); !ok || !validity.Empty() {
		return nil, ErrForm
	}
	var err error
	if c.algorithm, err = ParseAlgorithm(alg, 0); err != nil {
		return nil, err
	}
	if c.Key, err = ParseKey(spki); err != nil {
		return nil, err
	}
	if err := c.readExtensions(extensions); err != nil {
		return nil, err
	}
	return c, nil
}

func readTime(s *cryptobyte.String) (time.Time, bool) {
	var t time.Time
	switch {
	case s.PeekASN1Tag(casn1.UTCTime):
		return t, s.ReadASN1UTCTime(&t)
	case s.PeekASN1Tag(casn1.GeneralizedTime):
		return t, s.ReadASN1GeneralizedTime(&t)
	}
	return t, false
}

var (
	extKeyID       = asn1.ObjectIdentifier{2, 5, 29, 14}
	extKeyUsage    = asn1.ObjectIdentifier{2, 5, 29, 15}
	extBasic       = asn1.ObjectIdentifier{2, 5, 29, 19}
	extIssuerKeyID = asn1.ObjectIdentifier{2, 5, 29, 35}
	extDocTypes    = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 6, 2} // documentTypeList, Doc 9303-12
	extPolicies    = asn1.ObjectIdentifier{2, 5, 29, 32}
)

func (c *Certificate) readExtensions(s cryptobyte.String) error {
	var list cryptobyte.String
	if !s.ReadASN1(&list, casn1.SEQUENCE) || !s.Empty() {
		return ErrForm
	}
	seen := map[string]bool{}
	for !list.Empty() {
		var ext, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		var critical bool
		if !list.ReadASN1(&ext, casn1.SEQUENCE) || !ext.ReadASN1ObjectIdentifier(&oid) ||
			!readFlag(&ext, &critical) || !ext.ReadASN1(&value, casn1.OCTET_STRING) || !ext.Empty() || seen[oid.String()] {
			return ErrForm
		}
		seen[oid.String()] = true
		ok := true
		switch {
		case oid.Equal(extBasic):
			ok = c.readBasic(value)
		case oid.Equal(extKeyUsage):
			var bits asn1.BitString
			if ok = value.ReadASN1BitString(&bits) && value.Empty(); ok && len(bits.Bytes) > 0 {
				c.HasUse, c.Use = true, bits.Bytes[0]
			}
		case oid.Equal(extKeyID):
			var id cryptobyte.String
			ok = value.ReadASN1(&id, casn1.OCTET_STRING) && value.Empty()
			c.KeyID = id
		case oid.Equal(extIssuerKeyID):
			var seq, id cryptobyte.String
			var there bool
			ok = value.ReadASN1(&seq, casn1.SEQUENCE) && value.Empty() && seq.ReadOptionalASN1(&id, &there, casn1.Tag(0).ContextSpecific())
			if there {
				c.IssuerKey = id
			}
		case oid.Equal(extDocTypes), oid.Equal(extPolicies): // say nothing that is decided here
		default:
			ok = !critical
		}
		if !ok {
			return ErrForm
		}
	}
	return nil
}

// readFlag reads a boolean that is false when it is left out.
func readFlag(s *cryptobyte.String, out *bool) bool {
	return !s.PeekASN1Tag(casn1.BOOLEAN) || s.ReadASN1Boolean(out)
}

func (c *Certificate) readBasic(value cryptobyte.String) bool {
	var seq cryptobyte.String
	if !value.ReadASN1(&seq, casn1.SEQUENCE) || !value.Empty() || !readFlag(&seq, &c.CA) {
		return false
	}
	if !seq.Empty() && (!seq.ReadASN1Integer(&c.PathLen) || c.PathLen < 0) {
		return false
	}
	return seq.Empty()
}

// CheckAuthority checks that a certificate may stand in a trust list: a CSCA's
// own, signed by itself.
func (c *Certificate) CheckAuthority() error {
	if !c.CA || !c.HasUse || c.Use&UseCertSign == 0 {
		return ErrUse
	}
	if !bytes.Equal(c.Issuer, c.Subject) || !c.Key.Verify(c.algorithm, c.tbs, c.signature) {
		return ErrIssuer
	}
	return nil
}

// CheckSigner checks a document signer under an authority at an instant
// (Doc 9303-12, section 7; RFC 5280, section 6, for a path of one step).
func (c *Certificate) CheckSigner(authority *Certificate, at time.Time) error {
	if !bytes.Equal(c.Issuer, authority.Subject) || c.IssuerKey != nil && authority.KeyID != nil && !bytes.Equal(c.IssuerKey, authority.KeyID) {
		return ErrIssuer
	}
	if !authority.CA || !authority.HasUse || authority.Use&UseCertSign == 0 || c.CA || !c.HasUse || c.Use&UseDigitalSignature == 0 {
		return ErrUse
	}
	if !authority.Key.Verify(c.algorithm, c.tbs, c.signature) {
		return ErrIssuer
	}
	if a, b := c.Country(), authority.Country(); a == "" || a != b {
		return ErrIssuer
	}
	for _, x := range []*Certificate{c, authority} {
		if at.Before(x.NotBefore) || at.After(x.NotAfter) {
			return ErrExpired
		}
	}
	return nil
}

var oidCountry = asn1.ObjectIdentifier{2, 5, 4, 6}

// Country is the upper-case country of the subject, "" when it has none or two.
func (c *Certificate) Country() string {
	in := cryptobyte.String(c.Subject)
	var name cryptobyte.String
	if !in.ReadASN1(&name, casn1.SEQUENCE) {
		return ""
	}
	out := ""
	for !name.Empty() {
		var set cryptobyte.String
		if !name.ReadASN1(&set, casn1.SET) {
			return ""
		}
		for !set.Empty() {
			var pair, value cryptobyte.String
			var oid asn1.ObjectIdentifier
			var tag casn1.Tag
			if !set.ReadASN1(&pair, casn1.SEQUENCE) || !pair.ReadASN1ObjectIdentifier(&oid) || !pair.ReadAnyASN1(&value, &tag) {
				return ""
			}
			if oid.Equal(oidCountry) {
				if out != "" {
					return ""
				}
				out = strings.ToUpper(string(value))
			}
		}
	}
	return out
}

// Fingerprint is the SHA-256 of the certificate, in hexadecimal.
func (c *Certificate) Fingerprint() string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
