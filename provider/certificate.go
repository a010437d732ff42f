// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"bytes"
	"context"
	"crypto/x509"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/internal/fault"
	"danh/partner"
)

// MTLS is how clients with certificates are met (RFC 8705).
type MTLS struct {
	Origin  string         // of the listener that asks for certificates, when that is not the issuer
	Roots   *x509.CertPool // whose certificates prove a client; nil: none do, only registered ones
	Between *x509.CertPool // intermediate certificates beside those that are sent
}

// authenticateCertificate checks the certificate of the connection: one that an
// authority of the operator's made for the registered name (RFC 8705, section
// 2.1), or one that is registered itself (section 2.2).
func (p *Provider) authenticateCertificate(ctx context.Context, c Credentials) (partner.Client, error) {
	if c.Certificate == nil || c.ID == "" {
		return partner.Client{}, errClient
	}
	client, err := p.findClient(ctx, partner.ID(c.ID))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return partner.Client{}, err
	}
	now := p.c.Clock.Now()
	good := false
	switch client.AuthMethod {
	case partner.TLSClient:
		good = p.c.MTLS.vouches(c.Certificate, c.Chain, now) && client.Settings.NamesTLS(c.Certificate)
	case partner.SelfSignedTLS:
		good = holds(client, c.Certificate) && !now.Before(c.Certificate.NotBefore) && now.Before(c.Certificate.NotAfter)
	}
	if !good {
		return partner.Client{}, errClient
	}
	return client, nil
}

// vouches reports whether an authority of the operator's stands behind a
// certificate of a client.
func (m MTLS) vouches(c *x509.Certificate, chain []*x509.Certificate, now time.Time) bool {
	if m.Roots == nil {
		return false
	}
	between := x509.NewCertPool()
	if m.Between != nil {
		between = m.Between.Clone()
	}
	for _, b := range chain {
		between.AddCert(b)
	}
	_, err := c.Verify(x509.VerifyOptions{Roots: m.Roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return err == nil
}

// holds reports whether a certificate stands in the client's key set.
func holds(client partner.Client, c *x509.Certificate) bool {
	return slices.ContainsFunc(client.JWKS.Keys, func(k jose.JSONWebKey) bool {
		return len(k.Certificates) > 0 && bytes.Equal(k.Certificates[0].Raw, c.Raw)
	})
}
