// SPDX-License-Identifier: Apache-2.0

// Package sod owns the document security object of a chip, EF.SOD: digests of
// its data groups, signed by a document signer (ICAO Doc 9303-10, section
// 4.6.2; CMS SignedData, RFC 5652).
//
// It reads strict DER with exactly one signer and refuses everything else.
// What it verifies is the data; whether the chip that shows them is the one
// they were written to takes a challenge of its own.
package sod

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"errors"
	"maps"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"danh/registry/card/cert"
)

var (
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidSecurity      = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 1} // id-icao-mrtd-security-ldsSecurityObject
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	oidECDSASHA256   = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
)

// tagSOD is the file's outer tag, application 23.
const tagSOD = casn1.Tag(0x77)

// maxSize bounds a security object; real ones have 2 to 4 KiB.
const maxSize = 64 << 10

// The ways in which a security object is refused.
var (
	ErrForm      = errors.New("security object: not a document security object in DER")
	ErrSignature = errors.New("security object: its signature is wrong")
)

// Object is a parsed security object.
type Object struct {
	Raw     []byte // the file
	Hash    crypto.Hash
	Digests map[int][]byte // by number of data group
	Signer  *cert.Certificate
	Signed  time.Time // as the signer states; zero when it does not

	content   []byte // the signed content
	attrs     []byte // as a SET OF, the form that is signed
	digest    crypto.Hash
	algorithm cert.Algorithm
	signature []byte
}

func explicit(n uint8) casn1.Tag { return casn1.Tag(n).ContextSpecific().Constructed() }

// Parse reads the file EF.SOD.
func Parse(file []byte) (*Object, error) {
	if len(file) > maxSize {
		return nil, ErrForm
	}
	o := &Object{Raw: bytes.Clone(file), Digests: map[int][]byte{}}
	in := cryptobyte.String(file)
	var outer, info, wrapped, sd, algs, encap, eContent, content, certs, crls, infos cryptobyte.String
	var oid asn1.ObjectIdentifier
	var version int
	if !in.ReadASN1(&outer, tagSOD) || !in.Empty() || !outer.ReadASN1(&info, casn1.SEQUENCE) || !outer.Empty() ||
		!info.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidSignedData) || !info.ReadASN1(&wrapped, explicit(0)) || !info.Empty() ||
		!wrapped.ReadASN1(&sd, casn1.SEQUENCE) || !wrapped.Empty() {
		return nil, ErrForm
	}
	// RFC 5652, section 5.1: the version is 3 because the content is not id-data.
	var hasCRLs bool
	if !sd.ReadASN1Integer(&version) || version != 3 || !sd.ReadASN1(&algs, casn1.SET) ||
		!sd.ReadASN1(&encap, casn1.SEQUENCE) || !encap.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidSecurity) ||
		!encap.ReadASN1(&eContent, explicit(0)) || !encap.Empty() || !eContent.ReadASN1(&content, casn1.OCTET_STRING) || !eContent.Empty() ||
		!sd.ReadASN1(&certs, explicit(0)) || !sd.ReadOptionalASN1(&crls, &hasCRLs, explicit(1)) || !sd.ReadASN1(&infos, casn1.SET) || !sd.Empty() {
		return nil, ErrForm
	}
	o.content = content
	if err := o.readContent(content); err != nil {
		return nil, err
	}
	return o, o.readSigner(infos, certs)
}

// readContent reads LDSSecurityObject (Doc 9303-10, section 4.6.2.3).
func (o *Object) readContent(s cryptobyte.String) error {
	var seq, alg, list cryptobyte.String
	var version int
	if !s.ReadASN1(&seq, casn1.SEQUENCE) || !s.Empty() || !seq.ReadASN1Integer(&version) || version < 0 || version > 1 ||
		!seq.ReadASN1(&alg, casn1.SEQUENCE) || !seq.ReadASN1(&list, casn1.SEQUENCE) || version == 0 && !seq.Empty() {
		return ErrForm
	}
	var err error
	if o.Hash, err = cert.ParseDigest(alg); err != nil {
		return err
	}
	for !list.Empty() {
		var pair, digest cryptobyte.String
		var n int
		if !list.ReadASN1(&pair, casn1.SEQUENCE) || !pair.ReadASN1Integer(&n) || !pair.ReadASN1(&digest, casn1.OCTET_STRING) || !pair.Empty() ||
			n < 1 || n > 16 || o.Digests[n] != nil || len(digest) != o.Hash.Size() {
			return ErrForm
		}
		o.Digests[n] = digest
	}
	if len(o.Digests) == 0 {
		return ErrForm
	}
	return nil
}

// readSigner reads the only SignerInfo and finds its certificate.
func (o *Object) readSigner(infos, certs cryptobyte.String) error {
	var si, sid, alg, attrs, sigAlg, signature cryptobyte.String
	var version int
	if !infos.ReadASN1(&si, casn1.SEQUENCE) || !infos.Empty() || !si.ReadASN1Integer(&version) {
		return ErrForm
	}
	byKey := si.PeekASN1Tag(casn1.Tag(0).ContextSpecific())
	switch {
	case byKey && (version != 3 || !si.ReadASN1(&sid, casn1.Tag(0).ContextSpecific())),
		!byKey && (version != 1 || !si.ReadASN1(&sid, casn1.SEQUENCE)):
		return ErrForm
	}
	if !si.ReadASN1(&alg, casn1.SEQUENCE) || !si.ReadASN1Element(&attrs, explicit(0)) || !si.ReadASN1(&sigAlg, casn1.SEQUENCE) ||
		!si.ReadASN1(&signature, casn1.OCTET_STRING) || !si.Empty() {
		return ErrForm
	}
	var err error
	if o.digest, err = cert.ParseDigest(alg); err != nil {
		return err
	}
	if o.algorithm, err = cert.ParseAlgorithm(sigAlg, o.digest); err != nil {
		return err
	}
	o.signature = signature
	// RFC 5652, section 5.4: signed is the DER of a SET OF, not the [0] that is sent.
	o.attrs = bytes.Clone(attrs)
	o.attrs[0] = byte(casn1.SET)
	return o.findCertificate(certs, sid, byKey)
}

func (o *Object) findCertificate(certs, sid cryptobyte.String, byKey bool) error {
	var issuer cryptobyte.String
	serial := asn1Int{}
	if !byKey && (!sid.ReadASN1Element(&issuer, casn1.SEQUENCE) || !sid.ReadASN1Element(&serial.String, casn1.INTEGER) || !sid.Empty()) {
		return ErrForm
	}
	for n := 0; !certs.Empty(); n++ {
		var der cryptobyte.String
		if n == 8 || !certs.ReadASN1Element(&der, casn1.SEQUENCE) {
			return ErrForm
		}
		c, err := cert.Parse(der)
		if err != nil {
			return err
		}
		if byKey && bytes.Equal(c.KeyID, sid) || !byKey && bytes.Equal(c.Issuer, issuer) && serial.equal(c) {
			if o.Signer != nil {
				return ErrForm // which of two signed must not be a matter of luck
			}
			o.Signer = c
		}
	}
	if o.Signer == nil {
		return ErrForm
	}
	return nil
}

type asn1Int struct{ cryptobyte.String }

func (i asn1Int) equal(c *cert.Certificate) bool {
	var b cryptobyte.Builder
	b.AddASN1BigInt(c.Serial)
	der, err := b.Bytes()
	return err == nil && bytes.Equal(der, i.String)
}

// Verify checks the signer's signature over the digests (RFC 5652, sections
// 5.4 and 5.6). Who the signer is, is the certificate's matter.
func (o *Object) Verify() error {
	in := cryptobyte.String(o.attrs)
	var set cryptobyte.String
	if !in.ReadASN1(&set, casn1.SET) || !in.Empty() {
		return ErrForm
	}
	seen := map[string]bool{}
	var former []byte
	for !set.Empty() {
		var element, attr, values cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !set.ReadASN1Element(&element, casn1.SEQUENCE) {
			return ErrForm
		}
		if bytes.Compare(former, element) >= 0 { // DER: a set is sorted
			return ErrForm
		}
		former = element
		if !element.ReadASN1(&attr, casn1.SEQUENCE) || !attr.ReadASN1ObjectIdentifier(&oid) || !attr.ReadASN1(&values, casn1.SET) || !attr.Empty() || seen[oid.String()] {
			return ErrForm
		}
		seen[oid.String()] = true
		switch {
		case oid.Equal(oidContentType):
			var what asn1.ObjectIdentifier
			if !values.ReadASN1ObjectIdentifier(&what) || !values.Empty() || !what.Equal(oidSecurity) {
				return ErrSignature
			}
		case oid.Equal(oidMessageDigest):
			var d cryptobyte.String
			h := o.digest.New()
			h.Write(o.content)
			if !values.ReadASN1(&d, casn1.OCTET_STRING) || !values.Empty() || !bytes.Equal(d, h.Sum(nil)) {
				return ErrSignature
			}
		case oid.Equal(oidSigningTime):
			if values.PeekASN1Tag(casn1.UTCTime) && !values.ReadASN1UTCTime(&o.Signed) || values.PeekASN1Tag(casn1.GeneralizedTime) && !values.ReadASN1GeneralizedTime(&o.Signed) || !values.Empty() {
				return ErrForm
			}
		}
	}
	if !seen[oidContentType.String()] || !seen[oidMessageDigest.String()] {
		return ErrForm
	}
	if !o.Signer.Key.Verify(o.algorithm, o.attrs, o.signature) {
		return ErrSignature
	}
	return nil
}

// Listed are the numbers of the data groups in ascending order.
func (o *Object) Listed() []int { return slices.Sorted(maps.Keys(o.Digests)) }

// Matches reports whether a data group's file has the listed digest.
func (o *Object) Matches(n int, file []byte) bool {
	want := o.Digests[n]
	if want == nil {
		return false
	}
	h := o.Hash.New()
	h.Write(file)
	return bytes.Equal(h.Sum(nil), want)
}

// Content is what was signed, LDSSecurityObject in DER.
func (o *Object) Content() []byte { return bytes.Clone(o.content) }
