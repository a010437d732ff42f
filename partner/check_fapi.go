// SPDX-License-Identifier: Apache-2.0

package partner

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"danh/internal/fault"
)

// checkTLS refuses certificates as credentials that prove nobody.
func (c Client) checkTLS(f *fault.Fault) {
	s := c.Settings
	switch c.AuthMethod {
	case TLSClient:
		// RFC 8705, section 2.1.2: exactly one of the names.
		if (s.TLSSubjectDN == "") == (s.TLSSANDNS == "") {
			f.With("tls_client_auth_subject_dn", "partner.tls.name")
		}
		if _, ok := canonicalDN(s.TLSSubjectDN); s.TLSSubjectDN != "" && !ok {
			f.With("tls_client_auth_subject_dn", "partner.tls.name")
		}
	case SelfSignedTLS:
		if len(c.JWKS.Keys) == 0 || len(c.JWKS.Keys) > 10 || slices.ContainsFunc(c.JWKS.Keys, func(k jose.JSONWebKey) bool { return len(k.Certificates) == 0 || !Strong(k.Key) }) {
			f.With("jwks", "partner.tls.certificate")
		}
	}
}

// checkFAPI holds a client to the rules of the FAPI 2.0 Security Profile,
// section 5.3.3 and 5.4, as far as they are about its registration.
func (c Client) checkFAPI(f *fault.Fault) {
	if c.AuthMethod == SecretBasic {
		f.With("auth_method", "partner.fapi.auth_method")
	}
	if !c.Settings.DPoPBound && !c.Settings.TLSBound {
		f.With("dpop_bound_access_tokens", "partner.fapi.unbound")
	}
	for _, k := range c.JWKS.Keys {
		if !fitsFAPI(k) {
			f.With("jwks", "partner.jwks.weak")
		}
	}
}

// fitsFAPI admits keys of ES256, PS256 and EdDSA (section 5.4.1).
func fitsFAPI(k jose.JSONWebKey) bool {
	fits := func(alg jose.SignatureAlgorithm) bool {
		return k.Algorithm == "" || k.Algorithm == string(alg) || k.Use == "enc"
	}
	switch key := k.Key.(type) {
	case *ecdsa.PublicKey:
		return key.Curve.Params().BitSize == 256 && fits(jose.ES256)
	case *rsa.PublicKey:
		return key.N.BitLen() >= 2048 && fits(jose.PS256)
	case ed25519.PublicKey:
		return fits(jose.EdDSA)
	}
	return false
}

// NamesTLS reports whether a certificate bears the registered name (RFC 8705,
// section 2.1.2). Who made the certificate is the caller's to check.
func (s Settings) NamesTLS(c *x509.Certificate) bool {
	switch {
	case s.TLSSubjectDN != "":
		want, ok1 := canonicalDN(s.TLSSubjectDN)
		have, ok2 := canonicalDN(c.Subject.String())
		return ok1 && ok2 && want == have
	case s.TLSSANDNS != "":
		return slices.ContainsFunc(c.DNSNames, func(n string) bool { return strings.EqualFold(n, s.TLSSANDNS) })
	}
	return false
}

// canonicalDN brings a distinguished name (RFC 4514) to one form: the order of
// its parts stands, types are in capitals, blanks around parts are gone. Values
// are compared as they are written.
func canonicalDN(s string) (string, bool) {
	var out []string
	for _, part := range splitDN(s) {
		kind, value, ok := strings.Cut(part, "=")
		kind, value = strings.ToUpper(strings.TrimSpace(kind)), strings.TrimSpace(value)
		if !ok || kind == "" || value == "" {
			return "", false
		}
		out = append(out, kind+"="+value)
	}
	return strings.Join(out, ","), len(out) > 0
}

// splitDN cuts at commas that are not escaped.
func splitDN(s string) []string {
	var out []string
	from := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case ',':
			out, from = append(out, s[from:i]), i+1
		}
	}
	return append(out, s[from:])
}
