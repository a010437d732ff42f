// SPDX-License-Identifier: Apache-2.0

// Package curve owns the elliptic curves that identity documents are signed
// on: the NIST primes and brainpool's random ones (RFC 5639), by name or by
// explicit parameters.
//
// Explicit parameters are matched as a whole against this list and are
// otherwise refused: a forger who may choose the generator can sign for any
// key (CVE-2020-0601). The arithmetic is math/big over public data. It
// verifies only; a secret never enters it, for its running time tells.
package curve

import (
	"crypto/elliptic"
	"encoding/asn1"
	"errors"
	"math/big"
)

// Curve is y² = x³ + ax + b over a prime field, with a generator of prime
// order and cofactor 1.
type Curve struct {
	Name          string
	OID           asn1.ObjectIdentifier
	P, A, B, X, Y *big.Int // field, coefficients, generator
	N             *big.Int // order
	Size          int      // bytes of a coordinate
	standard      elliptic.Curve
}

// ErrUnknown says that a curve is not on the list.
var ErrUnknown = errors.New("curve: not one of the known curves")

// ErrPoint says that a public key is no point of its curve.
var ErrPoint = errors.New("curve: not a point of the curve")

func define(name string, oid asn1.ObjectIdentifier, std elliptic.Curve, p, a, b, x, y, n string) *Curve {
	h := func(s string) *big.Int {
		v, ok := new(big.Int).SetString(s, 16)
		if !ok {
			panic("curve: " + name)
		}
		return v
	}
	c := &Curve{Name: name, OID: oid, P: h(p), A: h(a), B: h(b), X: h(x), Y: h(y), N: h(n), standard: std}
	c.Size = (c.P.BitLen() + 7) / 8
	return c
}

func brainpool(n int) asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 3, 36, 3, 3, 2, 8, 1, 1, n}
}

// List returns the known curves: SEC 2 version 2, sections 2.3 to 2.6, and
// RFC 5639, section 3.
func List() []*Curve { return list }

var list = []*Curve{
	define("P-224", asn1.ObjectIdentifier{1, 3, 132, 0, 33}, elliptic.P224(),
		"ffffffffffffffffffffffffffffffff000000000000000000000001",
		"fffffffffffffffffffffffffffffffefffffffffffffffffffffffe",
		"b4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4",
		"b70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21",
		"bd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34",
		"ffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3d"),
	define("P-256", asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}, elliptic.P256(),
		"ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
		"ffffffff00000001000000000000000000000000fffffffffffffffffffffffc",
		"5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
		"6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
		"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
		"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
	define("P-384", asn1.ObjectIdentifier{1, 3, 132, 0, 34}, elliptic.P384(),
		"fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
		"fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000fffffffc",
		"b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
		"aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
		"3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"),
	define("P-521", asn1.ObjectIdentifier{1, 3, 132, 0, 35}, elliptic.P521(),
		"1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc",
		"51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
		"c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
		"11839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
		"1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"),
	define("brainpoolP224r1", brainpool(5), nil,
		"d7c134aa264366862a18302575d1d787b09f075797da89f57ec8c0ff",
		"68a5e62ca9ce6c1c299803a6c1530b514e182ad8b0042a59cad29f43",
		"2580f63ccfe44138870713b1a92369e33e2135d266dbb372386c400b",
		"d9029ad2c7e5cf4340823b2a87dc68c9e4ce3174c1e6efdee12c07d",
		"58aa56f772c0726f24c6b89e4ecdac24354b9e99caa3f6d3761402cd",
		"d7c134aa264366862a18302575d0fb98d116bc4b6ddebca3a5a7939f"),
	define("brainpoolP256r1", brainpool(7), nil,
		"a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377",
		"7d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b44f330b5d9",
		"26dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b6",
		"8bd2aeb9cb7e57cb2c4b482ffc81b7afb9de27e1e3bd23c23a4453bd9ace3262",
		"547ef835c3dac4fd97f8461a14611dc9c27745132ded8e545c1d54c72f046997",
		"a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7"),
	define("brainpoolP320r1", brainpool(9), nil,
		"d35e472036bc4fb7e13c785ed201e065f98fcfa6f6f40def4f92b9ec7893ec28fcd412b1f1b32e27",
		"3ee30b568fbab0f883ccebd46d3f3bb8a2a73513f5eb79da66190eb085ffa9f492f375a97d860eb4",
		"520883949dfdbc42d3ad198640688a6fe13f41349554b49acc31dccd884539816f5eb4ac8fb1f1a6",
		"43bd7e9afb53d8b85289bcc48ee5bfe6f20137d10a087eb6e7871e2a10a599c710af8d0d39e20611",
		"14fdd05545ec1cc8ab4093247f77275e0743ffed117182eaa9c77877aaac6ac7d35245d1692e8ee1",
		"d35e472036bc4fb7e13c785ed201e065f98fcfa5b68f12a32d482ec7ee8658e98691555b44c59311"),
	define("brainpoolP384r1", brainpool(11), nil,
		"8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71874700133107ec53",
		"7bc382c63d8c150c3c72080ace05afa0c2bea28e4fb22787139165efba91f90f8aa5814a503ad4eb04a8c7dd22ce2826",
		"4a8c7dd22ce28268b39b55416f0447c2fb77de107dcd2a62e880ea53eeb62d57cb4390295dbc9943ab78696fa504c11",
		"1d1c64f068cf45ffa2a63a81b7c13f6b8847a3e77ef14fe3db7fcafe0cbd10e8e826e03436d646aaef87b2e247d4af1e",
		"8abe1d7520f9c2a45cb1eb8e95cfd55262b70b29feec5864e19c054ff99129280e4646217791811142820341263c5315",
		"8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b31f166e6cac0425a7cf3ab6af6b7fc3103b883202e9046565"),
	define("brainpoolP512r1", brainpool(13), nil,
		"aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca703308717d4d9b009bc66842aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3",
		"7830a3318b603b89e2327145ac234cc594cbdd8d3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94ca",
		"3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94cadc083e67984050b75ebae5dd2809bd638016f723",
		"81aee4bdd82ed9645a21322e9c4c6a9385ed9f70b5d916c1b43b62eef4d0098eff3b1f78e2d0d48d50d1687b93b97d5f7c6d5047406a5e688b352209bcb9f822",
		"7dde385d566332ecc0eabfa9cf7822fdf209f70024a57b1aa000c55b881f8111b2dcde494a5f485e5bca4bd88a2763aed1ca2b2fa8f0540678cd1e0f3ad80892",
		"aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330870553e5c414ca92619418661197fac10471db1d381085ddaddb58796829ca90069"),
}

// Find finds a curve by its object identifier.
func Find(oid asn1.ObjectIdentifier) (*Curve, error) {
	for _, c := range list {
		if c.OID.Equal(oid) {
			return c, nil
		}
	}
	return nil, ErrUnknown
}

// Standard is the standard library's implementation, or nil for brainpool.
func (c *Curve) Standard() elliptic.Curve { return c.standard }

// Point is a point in affine coordinates.
type Point struct{ X, Y *big.Int }

// On reports whether a point satisfies the curve's equation within its field.
func (c *Curve) On(p Point) bool {
	if p.X == nil || p.Y == nil || p.X.Sign() < 0 || p.Y.Sign() < 0 || p.X.Cmp(c.P) >= 0 || p.Y.Cmp(c.P) >= 0 {
		return false
	}
	left := new(big.Int).Mul(p.Y, p.Y)
	return left.Sub(left, c.right(p.X)).Mod(left, c.P).Sign() == 0
}

// right is x³ + ax + b modulo p.
func (c *Curve) right(x *big.Int) *big.Int {
	r := new(big.Int).Mul(x, x)
	r.Add(r, c.A).Mul(r, x).Add(r, c.B)
	return r.Mod(r, c.P)
}

// ParsePoint reads an uncompressed or compressed point (SEC 1, section 2.3.4).
// The point at infinity is refused; with cofactor 1 every other point has the
// full order.
func (c *Curve) ParsePoint(b []byte) (Point, error) {
	switch {
	case len(b) == 1+2*c.Size && b[0] == 4:
		p := Point{new(big.Int).SetBytes(b[1 : 1+c.Size]), new(big.Int).SetBytes(b[1+c.Size:])}
		if c.On(p) {
			return p, nil
		}
	case len(b) == 1+c.Size && (b[0] == 2 || b[0] == 3):
		x := new(big.Int).SetBytes(b[1:])
		if x.Cmp(c.P) >= 0 {
			break
		}
		y := new(big.Int).ModSqrt(c.right(x), c.P)
		if y == nil {
			break
		}
		if y.Bit(0) != uint(b[0]&1) {
			y.Sub(c.P, y)
		}
		if p := (Point{x, y}); c.On(p) {
			return p, nil
		}
	}
	return Point{}, ErrPoint
}

// Marshal writes the uncompressed form.
func (c *Curve) Marshal(p Point) []byte {
	out := make([]byte, 1+2*c.Size)
	out[0] = 4
	p.X.FillBytes(out[1 : 1+c.Size])
	p.Y.FillBytes(out[1+c.Size:])
	return out
}
