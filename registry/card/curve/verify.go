// SPDX-License-Identifier: Apache-2.0

package curve

import (
	"crypto/ecdsa"
	"math/big"
)

// Verify checks an ECDSA signature over a digest (SEC 1, section 4.1.4). On
// NIST's curves the standard library does it.
func (c *Curve) Verify(pub Point, digest []byte, r, s *big.Int) bool {
	if r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(c.N) >= 0 || s.Cmp(c.N) >= 0 || !c.On(pub) {
		return false
	}
	if c.standard != nil {
		key, err := ecdsa.ParseUncompressedPublicKey(c.standard, c.Marshal(pub))
		return err == nil && ecdsa.Verify(key, digest, r, s)
	}
	return c.verify(pub, digest, r, s)
}

// verify is Verify by math/big on any of the curves.
func (c *Curve) verify(pub Point, digest []byte, r, s *big.Int) bool {
	e := new(big.Int).SetBytes(digest)
	if extra := len(digest)*8 - c.N.BitLen(); extra > 0 {
		e.Rsh(e, uint(extra))
	}
	w := new(big.Int).ModInverse(s, c.N)
	if w == nil {
		return false
	}
	u := e.Mul(e, w)
	u.Mod(u, c.N)
	v := w.Mul(r, w)
	v.Mod(v, c.N)
	x, ok := c.combine(u, v, pub)
	return ok && x.Mod(x, c.N).Cmp(r) == 0
}

// combine gives the x-coordinate of u·G + v·Q by Shamir's trick; false at
// infinity.
func (c *Curve) combine(u, v *big.Int, q Point) (*big.Int, bool) {
	g := jacobian{c.X, c.Y, big.NewInt(1)}
	k := jacobian{q.X, q.Y, big.NewInt(1)}
	sum := c.add(g, k)
	acc := jacobian{big.NewInt(1), big.NewInt(1), new(big.Int)}
	for i := max(u.BitLen(), v.BitLen()) - 1; i >= 0; i-- {
		acc = c.double(acc)
		switch u.Bit(i)<<1 | v.Bit(i) {
		case 1:
			acc = c.add(acc, k)
		case 2:
			acc = c.add(acc, g)
		case 3:
			acc = c.add(acc, sum)
		}
	}
	if acc.z.Sign() == 0 {
		return nil, false
	}
	z := new(big.Int).ModInverse(acc.z, c.P)
	z.Mul(z, z)
	x := z.Mul(z, acc.x)
	return x.Mod(x, c.P), true
}

// jacobian is (x/z², y/z³); z = 0 is the point at infinity.
type jacobian struct{ x, y, z *big.Int }

func (c *Curve) mul(a, b *big.Int) *big.Int {
	r := new(big.Int).Mul(a, b)
	return r.Mod(r, c.P)
}

func (c *Curve) sub(a, b *big.Int) *big.Int {
	r := new(big.Int).Sub(a, b)
	return r.Mod(r, c.P)
}

func (c *Curve) double(p jacobian) jacobian {
	if p.z.Sign() == 0 || p.y.Sign() == 0 {
		return jacobian{big.NewInt(1), big.NewInt(1), new(big.Int)}
	}
	yy := c.mul(p.y, p.y)
	s := c.mul(p.x, yy)
	s.Lsh(s, 2)
	zz := c.mul(p.z, p.z)
	m := c.mul(p.x, p.x)
	m.Add(new(big.Int).Lsh(m, 1), m)
	m.Add(m, c.mul(c.A, c.mul(zz, zz))).Mod(m, c.P)
	x := c.sub(c.mul(m, m), new(big.Int).Lsh(s, 1))
	y := c.sub(c.mul(m, c.sub(s, x)), new(big.Int).Lsh(c.mul(yy, yy), 3))
	z := c.mul(p.y, p.z)
	return jacobian{x, y, z.Lsh(z, 1).Mod(z, c.P)}
}

func (c *Curve) add(p, q jacobian) jacobian {
	if p.z.Sign() == 0 {
		return q
	}
	if q.z.Sign() == 0 {
		return p
	}
	pz, qz := c.mul(p.z, p.z), c.mul(q.z, q.z)
	u1, u2 := c.mul(p.x, qz), c.mul(q.x, pz)
	s1, s2 := c.mul(p.y, c.mul(qz, q.z)), c.mul(q.y, c.mul(pz, p.z))
	h, r := c.sub(u2, u1), c.sub(s2, s1)
	if h.Sign() == 0 {
		if r.Sign() == 0 {
			return c.double(p)
		}
		return jacobian{big.NewInt(1), big.NewInt(1), new(big.Int)}
	}
	hh := c.mul(h, h)
	hhh := c.mul(h, hh)
	v := c.mul(u1, hh)
	x := c.sub(c.sub(c.mul(r, r), hhh), new(big.Int).Lsh(v, 1))
	y := c.sub(c.mul(r, c.sub(v, x)), c.mul(s1, hhh))
	return jacobian{x, y, c.mul(h, c.mul(p.z, q.z))}
}
