// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"danh/internal/certificate"
	"danh/internal/clock"
	"danh/internal/keys"
	"danh/internal/relyingparty"
	"danh/provider"
)

// tlsFlags say how the citizen door is served over TLS, beside the port on which
// a proxy that ends TLS finds it.
type tlsFlags struct {
	TLSPort         int      `name:"tls-port" help:"Citizen door and OpenID provider over TLS, where clients with certificates are met; 0 turns it off." default:"8443" env:"DANH_TLS_PORT"`
	TLSURL          string   `name:"tls-url" help:"Public address of the TLS port. Without it, the issuer when that has this port, and on this machine https://localhost with it." env:"DANH_TLS_URL" placeholder:"URL"`
	TLSNames        []string `name:"tls-names" help:"Names and addresses that the certificate of the installation's own authority bears, beside those of this machine." env:"DANH_TLS_NAMES" placeholder:"NAME"`
	TLSCert         string   `name:"tls-cert" help:"Certificate of an outside authority, with the chain, instead of the own authority's." env:"DANH_TLS_CERT" placeholder:"FILE"`
	TLSKey          string   `name:"tls-key" help:"Its private key." env:"DANH_TLS_KEY" placeholder:"FILE"`
	ClientCA        string   `name:"client-ca" help:"Authorities whose certificates prove clients of tls_client_auth. Without it there are none." env:"DANH_CLIENT_CA" placeholder:"FILE"`
	TLSClientHeader string   `name:"tls-client-header" help:"Header in which the proxies of --proxies hand on a client's certificate (RFC 9440's form, or escaped PEM). Believed of nobody else." env:"DANH_TLS_CLIENT_HEADER" placeholder:"NAME"`
}

// completeTLS checks the flags; it is called when issuer and host are known.
func (f *serveFlags) completeTLS() error {
	if (f.TLSCert == "") != (f.TLSKey == "") {
		return errors.New("DANH_TLS_CERT and DANH_TLS_KEY go together")
	}
	issuer, err := url.Parse(f.Issuer)
	if err != nil {
		return err
	}
	if f.TLSPort == 0 {
		f.TLSURL = strings.TrimSuffix(f.TLSURL, "/") // of a proxy's listener for certificates, if any
	} else if f.TLSURL == "" {
		switch {
		case issuer.Scheme == "https" && issuer.Port() == strconv.Itoa(f.TLSPort):
			f.TLSURL = f.Issuer
		case loopbackName(issuer.Hostname()):
			f.TLSURL = fmt.Sprintf("https://localhost:%d", f.TLSPort)
		}
	}
	if f.TLSURL = strings.TrimSuffix(f.TLSURL, "/"); f.TLSURL != "" {
		if u, err := url.Parse(f.TLSURL); err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" {
			return fmt.Errorf("%q is no address of a TLS port: it must look like https://mtls.danh.example", f.TLSURL)
		}
	}
	return nil
}

// ownAuthority opens the installation's own authority; nil where the operator
// has a certificate, or TLS is off.
func (f *serveFlags) ownAuthority(k *keys.Store) (*certificate.Authority, error) {
	if f.TLSPort == 0 || f.TLSCert != "" {
		return nil, nil
	}
	return certificate.Open(certificate.Config{Dir: f.tlsFolder(), Keys: k, Clock: clock.System(), Names: f.TLSNames})
}

func (f dataFlags) tlsFolder() string { return filepath.Join(f.Data, "tls") }

// meets is how the provider meets clients with certificates.
func (f *serveFlags) meets() (provider.MTLS, error) {
	var m provider.MTLS
	if f.TLSURL != f.Issuer {
		m.Origin = f.TLSURL
	}
	if f.ClientCA == "" {
		return m, nil
	}
	text, err := os.ReadFile(f.ClientCA)
	if err != nil {
		return m, fmt.Errorf("DANH_CLIENT_CA: %w", err)
	}
	all, err := certificate.Parse(text)
	if err != nil || len(all) == 0 {
		return m, errors.Join(fmt.Errorf("DANH_CLIENT_CA=%s holds no certificates in PEM", f.ClientCA), err)
	}
	m.Roots, m.Between = x509.NewCertPool(), x509.NewCertPool()
	for _, c := range all {
		if c.CheckSignatureFrom(c) == nil {
			m.Roots.AddCert(c)
		} else {
			m.Between.AddCert(c)
		}
	}
	return m, nil
}

// suites are those of TLS 1.2 (FAPI 2.0 Security Profile, section 5.2.1; BCP
// 195); those of TLS 1.3 are all good.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
}

// tlsConfig is how the TLS port speaks. Certificates of clients are asked for and
// not demanded: people's browsers come here too. Whose they are the provider
// finds out, because that depends on the client.
func (f *serveFlags) tlsConfig(own *certificate.Authority) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: suites, ClientAuth: tls.RequestClientCert, NextProtos: []string{"h2", "http/1.1"}}
	if own != nil {
		c.GetCertificate = own.Certificate
	} else {
		pair, err := tls.LoadX509KeyPair(f.TLSCert, f.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("DANH_TLS_CERT and DANH_TLS_KEY: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if people := hostOf(f.Issuer); people != hostOf(f.TLSURL) {
		// A browser whose owner has a certificate of her own would ask her about it.
		quiet := c.Clone()
		quiet.ClientAuth = tls.NoClientCert
		c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			if h.ServerName == people {
				return quiet, nil
			}
			return nil, nil
		}
	}
	return c, nil
}

// toIssuer is the client with which our own doors reach the issuer; nil for the
// ordinary one.
func (f *serveFlags) toIssuer(own *certificate.Authority) *http.Client {
	if own == nil || !strings.HasPrefix(f.Issuer, "https:") {
		return nil
	}
	return relyingparty.HTTP(own.Pool())
}

// withAuthority hands out the certificates to trust.
func withAuthority(own *certificate.Authority, next http.Handler) http.Handler {
	if own == nil {
		return next
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ca.pem", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(own.PEM())
	})
	mux.Handle("/", next)
	return mux
}

// secured are listeners that speak TLS.
func secured(on []net.Listener, c *tls.Config) []net.Listener {
	out := make([]net.Listener, len(on))
	for i, l := range on {
		out[i] = tls.NewListener(l, c)
	}
	return out
}

// trusted are the authorities that an outside client of an installation on this
// machine believes: the system's and the installation's own; nil, the system's
// alone, where there is none.
func trusted(f dataFlags) *x509.CertPool {
	text, err := os.ReadFile(filepath.Join(f.tlsFolder(), "ca.pem"))
	if err != nil {
		return nil // without TLS there is nothing to believe
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(text)
	return pool
}
