// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"strings"

	"danh/partner"
	"danh/provider/dpop"
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

// Nonce is what DPoP proofs must name next.
func (p *Provider) Nonce() string { return p.nonces.At(p.c.Clock.Now()) }

// checkProof checks a DPoP proof at an endpoint (RFC 9449, sections 4.3, 8 and 9).
func (p *Provider) checkProof(raw, method, endpoint, token string) (dpop.Proof, error) {
	now := p.c.Clock.Now()
	proof, err := dpop.Check(raw, dpop.Expect{Method: method, URLs: p.addresses(endpoint), Token: token, Now: now})
	if err != nil {
		return dpop.Proof{}, refuse(InvalidProof, err.Error())
	}
	if !p.nonces.Fresh(proof.Nonce, now) {
		return dpop.Proof{}, refuse(UseNonce, "the DPoP proof must name the server's nonce")
	}
	return proof, nil
}

// addresses are those under which an endpoint of ours is known: the issuer's and
// that of the listener for certificates (RFC 8705, section 5).
func (p *Provider) addresses(endpoint string) []string {
	all := []string{endpoint}
	if path, ok := strings.CutPrefix(endpoint, p.c.Issuer); ok && p.c.MTLS.Origin != "" {
		all = append(all, p.c.MTLS.Origin+path)
	}
	return all
}

// confirm decides what the tokens of a client are bound to, and refuses a caller
// that has not proved what its client promised to prove.
func confirm(c partner.Client, b Binding) (Binding, error) {
	if c.Settings.DPoPBound && b.JKT == "" {
		return Binding{}, refuse(InvalidProof, "this client's tokens are bound to a key: a DPoP proof is required")
	}
	if !c.Settings.TLSBound {
		b.X5T = "" // RFC 8705, section 3.4: for those that registered it
	} else if b.X5T == "" {
		return Binding{}, refuse("invalid_request", "this client's tokens are bound to its certificate: it must be shown")
	}
	return b, nil
}

// heldBy reports whether a caller holds what something is bound to.
func (b Binding) heldBy(have Binding) bool {
	return (b.JKT == "" || b.JKT == have.JKT) && (b.X5T == "" || b.X5T == have.X5T)
}

// mustHold refuses a token in the hands of somebody who does not prove its keys
// (RFC 9449, section 7.1; RFC 8705, section 3), and uses the proof up.
func (p *Provider) mustHold(ctx context.Context, a Access, t accessClaims, c partner.Client) error {
	bound := t.bound()
	if c.Settings.DPoPBound && bound.JKT == "" || c.Settings.TLSBound && bound.X5T == "" {
		return errToken // from before the client promised it
	}
	if a.DPoP != (bound.JKT != "") {
		return errToken // stolen and brought as a bearer token, or the other way round
	}
	have := Binding{X5T: thumbprint(a.Certificate)}
	var once []onetime
	if a.DPoP {
		if a.Proof == "" {
			return refuse(InvalidProof, "a DPoP proof is required")
		}
		proof, err := p.checkProof(a.Proof, a.Method, a.Endpoint, a.Token)
		if err != nil {
			return err
		}
		have.JKT = proof.JKT
		once = append(once, proofOnce(proof))
	}
	if !bound.heldBy(have) {
		return errToken
	}
	return p.use(ctx, once)
}
