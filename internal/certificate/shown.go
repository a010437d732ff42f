// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
)

type shownKey struct{}

// Shown is the certificate that the caller showed in its connection, with what
// it sent after it; empty when it showed none. That the caller holds the key is
// proved; who made the certificate is not.
func Shown(r *http.Request) []*x509.Certificate {
	if c, ok := r.Context().Value(shownKey{}).(*x509.Certificate); ok {
		if c == nil {
			return nil
		}
		return []*x509.Certificate{c}
	}
	if r.TLS == nil {
		return nil
	}
	return r.TLS.PeerCertificates
}

// Forwarded is the request with the certificate that a proxy says it was shown,
// as the value of a header: RFC 9440's byte sequence, or PEM escaped as in
// addresses. It is for requests of trusted proxies only. What cannot be read
// counts as no certificate, and so does the one that the proxy itself may have
// shown: behind it everybody would hold that one.
func Forwarded(r *http.Request, value string) *http.Request {
	var der []byte
	if inner, ok := strings.CutPrefix(value, ":"); ok { // RFC 8941, section 3.3.5
		inner, ok = strings.CutSuffix(inner, ":")
		if raw, err := base64.StdEncoding.DecodeString(inner); ok && err == nil {
			der = raw
		}
	} else if text, err := url.PathUnescape(value); err == nil {
		if b, rest := pem.Decode([]byte(text)); b != nil && b.Type == "CERTIFICATE" && len(strings.TrimSpace(string(rest))) == 0 {
			der = b.Bytes
		}
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		c = nil
	}
	return r.WithContext(context.WithValue(r.Context(), shownKey{}, c))
}
