// SPDX-License-Identifier: Apache-2.0

package curve

import "math/big"

// VerifyBig is the arithmetic of brainpool on any curve.
func (c *Curve) VerifyBig(pub Point, digest []byte, r, s *big.Int) bool {
	return c.verify(pub, digest, r, s)
}
