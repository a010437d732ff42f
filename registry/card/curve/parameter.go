// SPDX-License-Identifier: Apache-2.0

package curve

import (
	"encoding/asn1"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var primeField = asn1.ObjectIdentifier{1, 2, 840, 10045, 1, 1}

// ParseParameters reads the parameters of an id-ecPublicKey algorithm: a named
// curve, or explicit ones (SEC 1, section C.2) that equal a known curve in
// field, coefficients, generator, order and cofactor.
func ParseParameters(der []byte) (*Curve, error) {
	in := cryptobyte.String(der)
	if in.PeekASN1Tag(casn1.OBJECT_IDENTIFIER) {
		var oid asn1.ObjectIdentifier
		if !in.ReadASN1ObjectIdentifier(&oid) || !in.Empty() {
			return nil, ErrUnknown
		}
		return Find(oid)
	}
	var seq, field, coefficients, seed, a, b, base cryptobyte.String
	var oid asn1.ObjectIdentifier
	var version int
	p, n, cofactor := new(big.Int), new(big.Int), big.NewInt(1)
	var hasSeed bool
	if !in.ReadASN1(&seq, casn1.SEQUENCE) || !in.Empty() ||
		!seq.ReadASN1Integer(&version) || version < 1 || version > 3 ||
		!seq.ReadASN1(&field, casn1.SEQUENCE) || !field.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(primeField) || !field.ReadASN1Integer(p) || !field.Empty() ||
		!seq.ReadASN1(&coefficients, casn1.SEQUENCE) || !coefficients.ReadASN1(&a, casn1.OCTET_STRING) || !coefficients.ReadASN1(&b, casn1.OCTET_STRING) ||
		!coefficients.ReadOptionalASN1(&seed, &hasSeed, casn1.BIT_STRING) || !coefficients.Empty() ||
		!seq.ReadASN1(&base, casn1.OCTET_STRING) || !seq.ReadASN1Integer(n) {
		return nil, ErrUnknown
	}
	if seq.PeekASN1Tag(casn1.INTEGER) && !seq.ReadASN1Integer(cofactor) {
		return nil, ErrUnknown
	}
	// SEC 1 version 2 appends an optional hash algorithm; it is not met and not taken.
	if !seq.Empty() || cofactor.Cmp(big.NewInt(1)) != 0 {
		return nil, ErrUnknown
	}
	for _, c := range list {
		if c.P.Cmp(p) != 0 || c.N.Cmp(n) != 0 || c.A.Cmp(new(big.Int).SetBytes(a)) != 0 || c.B.Cmp(new(big.Int).SetBytes(b)) != 0 {
			continue
		}
		g, err := c.ParsePoint(base)
		if err == nil && g.X.Cmp(c.X) == 0 && g.Y.Cmp(c.Y) == 0 {
			return c, nil
		}
	}
	return nil, ErrUnknown
}
