// SPDX-License-Identifier: Apache-2.0

package relyingparty

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"math/big"

	"github.com/go-jose/go-jose/v4"
)

// opaque lets any crypto.Signer (a file, a hardware module) sign ES256.
type opaque struct {
	signer crypto.Signer
	kid    string
}

// Public implements jose.OpaqueSigner.
func (o opaque) Public() *jose.JSONWebKey {
	return &jose.JSONWebKey{Key: o.signer.Public(), KeyID: o.kid, Algorithm: string(jose.ES256), Use: "sig"}
}

// Algs implements jose.OpaqueSigner.
func (o opaque) Algs() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{jose.ES256} }

// SignPayload implements jose.OpaqueSigner: RFC 7518, section 3.4, wants R and S as 32 bytes each.
func (o opaque) SignPayload(payload []byte, _ jose.SignatureAlgorithm) ([]byte, error) {
	pub, ok := o.signer.Public().(*ecdsa.PublicKey)
	if !ok || pub.Curve.Params().BitSize != 256 {
		return nil, errors.New("relyingparty: the client key is not on P-256")
	}
	sum := sha256.Sum256(payload)
	der, err := o.signer.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &rs); err != nil {
		return nil, err
	}
	out := make([]byte, 64)
	rs.R.FillBytes(out[:32])
	rs.S.FillBytes(out[32:])
	return out, nil
}
