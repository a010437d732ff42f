// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"

	"danh/partner"
)

// Binding names the keys that a caller has proved to hold. In a token it is the
// confirmation (RFC 7800, section 3.1): whoever brings the token must prove them
// again.
type Binding struct {
	JKT string `json:"jkt,omitempty"`      // thumbprint of a DPoP key (RFC 9449, section 6.1)
	X5T string `json:"x5t#S256,omitempty"` // SHA-256 of a certificate (RFC 8705, section 3.1)
}

// confirmation is the binding as a claim; nil when there is none.
func (b Binding) confirmation() *Binding {
	if b == (Binding{}) {
		return nil
	}
	return &b
}

// tokenType is how the token is to be used (RFC 9449, section 5).
func (b Binding) tokenType() string {
	if b.JKT != "" {
		return "DPoP"
	}
	return "Bearer"
}

// bound is the binding that a token carries.
func (a accessClaims) bound() Binding {
	if a.Bound == nil {
		return Binding{}
	}
	return *a.Bound
}

// Caller is a client that has proved itself, with the keys that it holds.
type Caller struct {
	partner.Client
	Binding Binding
}

// Access is an access token as it reached a resource, with whatever proves that
// its bearer may use it.
type Access struct {
	Token       string
	DPoP        bool   // by the scheme DPoP rather than Bearer (RFC 9449, section 7.1)
	Proof       string // the DPoP header
	Method      string // of the request
	Endpoint    string // its address, without query
	Certificate *x509.Certificate
}

// thumbprint is the confirmation of a certificate (RFC 8705, section 3.1).
func thumbprint(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	sum := sha256.Sum256(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
