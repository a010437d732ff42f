// SPDX-License-Identifier: Apache-2.0

package cert

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

// Name is the subject of a certificate. Country must be the one in the zone of
// the documents (Doc 9303-12, section 7.1).
type Name struct {
	Country, Organisation, Common string
}

func (n Name) pkix() pkix.Name {
	return pkix.Name{Country: []string{n.Country}, Organization: []string{n.Organisation}, CommonName: n.Common}
}

// MakeAuthority makes a CSCA's certificate, signed by itself.
func MakeAuthority(name Name, key crypto.Signer, from, to time.Time) ([]byte, error) {
	t, err := template(name, key.Public(), from, to)
	if err != nil {
		return nil, err
	}
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	t.AuthorityKeyId = t.SubjectKeyId
	return create(t, t, key.Public(), key)
}

// MakeSigner makes a document signer's certificate under an authority.
func MakeSigner(name Name, key crypto.PublicKey, authority []byte, issuer crypto.Signer, from, to time.Time) ([]byte, error) {
	parent, err := x509.ParseCertificate(authority)
	if err != nil {
		return nil, fmt.Errorf("read authority: %w", err)
	}
	t, err := template(name, key, from, to)
	if err != nil {
		return nil, err
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	return create(t, parent, key, issuer)
}

func template(name Name, key crypto.PublicKey, from, to time.Time) (*x509.Certificate, error) {
	serial := make([]byte, 16)
	rand.Read(serial)
	serial[0] &= 0x7f // positive, at most 20 octets (RFC 5280, section 4.1.2.2)
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	sum := sha256.Sum256(spki)
	return &x509.Certificate{SerialNumber: new(big.Int).SetBytes(serial), Subject: name.pkix(), NotBefore: from.UTC(), NotAfter: to.UTC(),
		SubjectKeyId: sum[:20], SignatureAlgorithm: x509.ECDSAWithSHA256}, nil
}

func create(t, parent *x509.Certificate, key crypto.PublicKey, issuer crypto.Signer) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key, issuer)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	// What this package could not read back must not be handed out.
	if _, err := Parse(der); err != nil {
		return nil, err
	}
	return der, nil
}
