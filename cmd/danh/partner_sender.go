// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/internal/certificate"
	"danh/internal/clock"
	"danh/partner"
)

// senderFlags are those of clients whose tokens are bound to their keys.
type senderFlags struct {
	Profile     string `help:"Rules that it is held to: oidc, or fapi2 (FAPI 2.0 Security Profile), which takes keys or certificates and bound tokens." default:"oidc" enum:"oidc,fapi2"`
	DPoP        bool   `name:"dpop" help:"Its tokens are bound to a key that it proves with each request (RFC 9449)."`
	MTLS        bool   `name:"mtls" help:"Its tokens are bound to its certificate (RFC 8705)."`
	Certificate string `help:"Its self-signed certificate in PEM, with which it proves itself (self_signed_tls_client_auth), instead of a secret." type:"existingfile" placeholder:"FILE" xor:"credential"`
	TLSDN       string `name:"tls-dn" help:"Subject of its certificates of an authority of DANH_CLIENT_CA (tls_client_auth), as in 'CN=client,O=Bank,C=VN'." placeholder:"DN" xor:"credential"`
	TLSDNS      string `name:"tls-dns" help:"DNS name in them, instead of the subject." placeholder:"NAME" xor:"credential"`
	PAR         bool   `name:"par" help:"Its requests must be pushed; with fapi2 they must anyway."`
}

// apply registers the flags; it reports whether they hold the credential.
func (f senderFlags) apply(c *partner.Client) (bool, error) {
	c.Profile = partner.Profile(f.Profile)
	c.Settings.DPoPBound, c.Settings.TLSBound, c.Settings.RequirePushed = f.DPoP, f.MTLS, f.PAR
	c.Settings.TLSSubjectDN, c.Settings.TLSSANDNS = f.TLSDN, f.TLSDNS
	switch {
	case f.TLSDN != "" || f.TLSDNS != "":
		c.AuthMethod = partner.TLSClient
		return true, nil
	case f.Certificate != "":
		text, err := os.ReadFile(f.Certificate)
		if err != nil {
			return false, err
		}
		all, err := certificate.Parse(text)
		if err != nil || len(all) != 1 {
			return false, fmt.Errorf("%s must hold one certificate in PEM", f.Certificate)
		}
		c.AuthMethod = partner.SelfSignedTLS
		c.JWKS = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: all[0].PublicKey, KeyID: all[0].SerialNumber.Text(16), Certificates: all}}}
		return true, nil
	}
	return false, nil
}

type partnerCertificateCommand struct {
	Name string        `arg:"" help:"Common name in the certificate, such as the client identifier."`
	Out  string        `help:"Files to write: this with .pem and .key behind it." required:"" placeholder:"PREFIX"`
	For  time.Duration `help:"How long the certificate holds." default:"8760h"`
}

// Help implements kong.HelpProvider.
func (partnerCertificateCommand) Help() string {
	return `Makes a key and a certificate that signs itself, for trying out a client with
certificates; danh partner add --certificate registers it. The key is the
partner's: in production it makes its own.

Example:
  danh partner certificate bank --out bank
  danh partner add --id bank … --profile fapi2 --certificate bank.pem --mtls
  curl --cert bank.pem --key bank.key --cacert var/tls/ca.pem https://localhost:8443/token …`
}

func (c *partnerCertificateCommand) Run(w *world) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	now := clock.System().Now()
	t := &x509.Certificate{SerialNumber: n, Subject: pkix.Name{CommonName: c.Name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(c.For),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		b    pem.Block
	}{{c.Out + ".key", pem.Block{Type: "PRIVATE KEY", Bytes: private}}, {c.Out + ".pem", pem.Block{Type: "CERTIFICATE", Bytes: der}}} {
		at, err := os.OpenFile(f.name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%s is there already", f.name)
		}
		if err != nil {
			return err
		}
		if err := errors.Join(pem.Encode(at, &f.b), at.Close()); err != nil {
			return err
		}
	}
	fmt.Fprintf(w.out, "%s.pem\t%s.key\n", c.Out, c.Out)
	return nil
}
