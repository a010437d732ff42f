// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"sync"
	"testing"
	"time"

	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
)

// A certificate that nobody handed in is remembered when a client proved itself
// by it, once, and no other is: not one that was refused, and of two in turn the
// newer.
func TestCertificateIsRemembered(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		now := h.Clock.Now()
		ours, theirs := Authority(t, "State Bank CA", now), Authority(t, "State Bank CA", now)
		roots := x509.NewCertPool()
		roots.AddCert(ours.Leaf)
		h.Meets(t, provider.MTLS{Roots: roots})
		name := pkix.Name{CommonName: "client-1"}
		from := func(d time.Duration) func(*x509.Certificate) {
			return func(c *x509.Certificate) { c.NotBefore = now.Add(d) }
		}
		first, second := Certify(t, ours, name, now, from(-3*time.Hour)), Certify(t, ours, name, now, from(-2*time.Hour))
		f := h.Sends(t, "credit", func(f *Sender, c *partner.Client) {
			f.TLS, c.AuthMethod, c.JWKS.Keys = first, partner.TLSClient, nil
			c.Settings = partner.Settings{TLSBound: true, TLSSubjectDN: "CN=client-1"}
		})
		own := h.Sends(t, "insurer", SelfSigned(t))
		call := func(c *tls.Certificate) error {
			x := f.Credentials(t, provider.TokenPath)
			x.Certificate = c.Leaf
			_, err := h.Provider.Authenticate(t.Context(), x)
			return err
		}
		written := func() (n int) {
			t.Helper()
			ok(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE action = 'partner.certificate'`).Scan(&n))
			return n
		}
		is := func(c *tls.Certificate, entries int) {
			t.Helper()
			s := h.Client(t, "credit").Seen
			if c == nil && s != (partner.Seen{}) || c != nil && (!s.Until.Equal(c.Leaf.NotAfter) || !s.From.Equal(c.Leaf.NotBefore) || s.Name != "CN=client-1") {
				t.Errorf("remembered %+v", s)
			}
			if n := written(); n != entries {
				t.Errorf("written %d times, want %d", n, entries)
			}
		}
		for _, c := range []*tls.Certificate{Certify(t, theirs, name, now), Certify(t, nil, name, now), Certify(t, ours, pkix.Name{CommonName: "client-2"}, now),
			Certify(t, ours, name, now, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Minute) })} {
			refused(t, call(c), "invalid_client")
		}
		is(nil, 0)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := call(first); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		is(first, 1)
		h.Clock.Advance(time.Minute) // what a server knows of a client is seconds old at most
		ok(t, call(first))
		is(first, 1)
		for range 2 { // one of its servers has the former one still
			ok(t, call(second))
			ok(t, call(first))
		}
		is(second, 2)
		// One that is registered itself is watched as such.
		_, err := h.Provider.Authenticate(t.Context(), own.Credentials(t, provider.TokenPath))
		ok(t, err)
		if s := h.Client(t, "insurer").Seen; s != (partner.Seen{}) || written() != 2 {
			t.Errorf("remembered %+v", s)
		}
		// Registered anew under the same name it stays, with another method not.
		f.TLS = nil
		h.Sends(t, "credit", func(_ *Sender, c *partner.Client) {
			c.AuthMethod, c.JWKS.Keys, c.Settings = partner.TLSClient, nil, partner.Settings{TLSBound: true, TLSSubjectDN: "CN=client-1"}
		})
		is(second, 2)
		h.Sends(t, "credit")
		is(nil, 2)
	})
}
