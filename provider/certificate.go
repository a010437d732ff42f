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
	switch worth, end := p.judgeCertificate(client, c, now); worth {
	case partner.Right:
		return client, nil
	case partner.Over:
		return partner.Client{}, ended("the client certificate", end)
	}
	if over, ok := p.over(ctx, err, c.ID); ok {
		if worth, _ := p.judgeCertificate(over, c, now); worth != partner.Wrong {
			return partner.Client{}, ended("the approval of this client", over.ValidUntil)
		}
	}
	return partner.Client{}, errClient
}

// judgeCertificate says what the certificate of the connection is worth for a
// client and, of one that was good, when it ended.
func (p *Provider) judgeCertificate(client partner.Client, c Credentials, now time.Time) (partner.Knowledge, time.Time) {
	cert := c.Certificate
	switch client.AuthMethod {
	case partner.TLSClient:
		if !client.Settings.NamesTLS(cert) {
			return partner.Wrong, time.Time{}
		}
		if p.c.MTLS.vouches(cert, c.Chain, now) {
			return partner.Right, time.Time{}
		}
		if now.After(cert.NotAfter) && p.c.MTLS.vouches(cert, c.Chain, cert.NotAfter) {
			return partner.Over, cert.NotAfter
		}
	case partner.SelfSignedTLS:
		if now.Before(cert.NotBefore) {
			return partner.Wrong, time.Time{}
		}
		if _, ok := holds(client.JWKS.Keys, cert); ok && now.Before(cert.NotAfter) {
			return partner.Right, time.Time{}
		}
		if k, ok := holds(client.Expired, cert); ok {
			return partner.Over, client.KeyEnd(k)
		}
	}
	return partner.Wrong, time.Time{}
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

// holds finds the key of a set that comes with a certificate.
func holds(keys []jose.JSONWebKey, c *x509.Certificate) (jose.JSONWebKey, bool) {
	i := slices.IndexFunc(keys, func(k jose.JSONWebKey) bool {
		return len(k.Certificates) > 0 && bytes.Equal(k.Certificates[0].Raw, c.Raw)
	})
	if i < 0 {
		return jose.JSONWebKey{}, false
	}
	return keys[i], true
}
