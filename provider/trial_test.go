// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/url"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
)

func change(t *testing.T, h *House, id partner.ID, f func(*partner.Client)) {
	t.Helper()
	c := h.Client(t, id)
	f(&c)
	ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), c) }))
}

// TestTrialClientUsedByThePublic: a trial that somebody points at the public is
// answered with a page, never with a code; a silent request with an error.
func TestTrialClientUsedByThePublic(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		change(t, h, "bank", func(c *partner.Client) { c.Trial, c.Party = true, "DT-0401" })
		bank := h.Client(t, "bank")
		v := provider.Visit{Handle: h.Push(t, bank, Request("openid profile")), Browser: Browser, Session: &s}
		d, err := h.Provider.Continue(t.Context(), v)
		if !fault.Is(err, fault.Forbidden) || fault.Of(err).Key != "provider.trial" || d.Answer != nil {
			t.Errorf("answered %+v, %v", d.Answer, err)
		}
		if _, err := h.Provider.Ask(t.Context(), v); !provider.Elsewhere(err) {
			t.Errorf("the consent page is drawn: %v", err)
		}
		if _, err := h.Provider.Approve(t.Context(), v, nil); err == nil {
			t.Error("a yes is taken")
		}
		silent := Request("openid profile")
		silent.Set("prompt", "none")
		v.Handle = h.Push(t, bank, silent)
		d, err = h.Provider.Continue(t.Context(), v)
		if err != nil || d.Answer == nil || d.Answer.Values.Get("error") != "access_denied" || d.Answer.Values.Has("code") {
			t.Errorf("%+v %v", d.Answer, err)
		}
		// Those whom it is for come in, and a representative of one of them does not.
		h.Reopen(t, func(c *provider.Config) {
			c.Admit = func(_ context.Context, c partner.Client, who account.Session) (bool, error) {
				return who.Account == s.Account, nil
			}
		})
		v.Handle = h.Push(t, bank, Request("openid profile"))
		if d, err = h.Provider.Continue(t.Context(), v); err != nil || d.Kind != provider.AskConsent {
			t.Errorf("%s %v", d.Kind, err)
		}
		other := s
		other.Acting = &account.Acting{}
		if in, err := h.Provider.Admits(t.Context(), bank, other); in || err != nil {
			t.Error("whoever acts for one of them is let in", err)
		}
	})
}

// TestExpiredKeySaysSoToItsHolderAlone: whoever proves to be the client learns
// why it is refused; anybody else learns nothing, and people read that the
// service cannot connect.
func TestExpiredKeySaysSoToItsHolderAlone(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		change(t, h, "clinic", func(c *partner.Client) {
			c.KeyEnds = map[string]time.Time{partner.Thumbprint(c.JWKS.Keys[0]): h.Clock.Now().Add(time.Hour)}
		})
		call := func(assertion string) error {
			_, err := h.Provider.Authenticate(t.Context(), provider.Credentials{AssertionType: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", Assertion: assertion})
			return err
		}
		ok(t, call(h.Assertion(t, nil)))
		h.Clock.Advance(2 * time.Hour)
		err := call(h.Assertion(t, nil))
		if e, is := err.(*provider.Error); !is || e.Code != provider.InvalidClient || !strings.Contains(e.Description, "the registered key c1 expired on 2026-11-21") {
			t.Errorf("told %v", err)
		}
		broken := []byte(h.Assertion(t, nil))
		broken[len(broken)-10] ^= 1
		if err := call(string(broken)); err == nil || strings.Contains(err.Error(), "expired") {
			t.Errorf("a stranger is told %v", err)
		}
		v := url.Values{"response_type": {"code"}, "client_id": {"clinic"}, "redirect_uri": {ClinicRedirect}, "scope": {"openid"}}
		if _, _, err := h.Provider.Begin(t.Context(), v, Browser); !fault.Is(err, fault.Unavailable) || fault.Of(err).Key != "provider.client.resting" {
			t.Errorf("her page says %v", err)
		}
		// Nobody else is touched.
		if _, err := h.Provider.Authenticate(t.Context(), provider.Credentials{ID: "bank", Secret: Secret, Basic: true}); err != nil {
			t.Error(err)
		}
	})
}

// TestExpiredCertificateSaysSoToItsHolderAlone: so it is with certificates, one
// that is registered itself and one of an authority's for a registered name.
func TestExpiredCertificateSaysSoToItsHolderAlone(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		ours, theirs := Authority(t, "State Bank CA", h.Clock.Now()), Authority(t, "State Bank CA", h.Clock.Now())
		roots := x509.NewCertPool()
		roots.AddCert(ours.Leaf)
		h.Meets(t, provider.MTLS{Roots: roots})
		name := pkix.Name{CommonName: "client-1"}
		own := h.Sends(t, "own", SelfSigned(t))
		vouched := h.Sends(t, "vouched", func(s *Sender, c *partner.Client) {
			s.TLS, c.AuthMethod, c.JWKS.Keys = Certify(t, ours, name, h.Clock.Now(), func(c *x509.Certificate) { c.NotAfter = h.Clock.Now().Add(time.Hour) }), partner.TLSClient, nil
			c.Settings = partner.Settings{TLSBound: true, TLSSubjectDN: "CN=client-1"}
		})
		call := func(f *Sender, cert *x509.Certificate) string {
			c := f.Credentials(t, provider.TokenPath)
			c.Certificate = cert
			_, err := h.Provider.Authenticate(t.Context(), c)
			if e, is := err.(*provider.Error); err != nil && (!is || e.Code != provider.InvalidClient) {
				t.Error(err)
			} else if is {
				return "refused: " + e.Description
			}
			return ""
		}
		strangers := map[*Sender]*x509.Certificate{
			own:     Certify(t, nil, pkix.Name{CommonName: "own"}, h.Clock.Now()).Leaf,
			vouched: Certify(t, theirs, name, h.Clock.Now(), func(c *x509.Certificate) { c.NotAfter = h.Clock.Now().Add(time.Hour) }).Leaf,
		}
		for f := range strangers {
			if said := call(f, f.TLS.Leaf); said != "" {
				t.Errorf("%s: %s", f.ID, said)
			}
		}
		h.Clock.Advance(23*time.Hour + 59*time.Minute)
		if said := call(own, own.TLS.Leaf); said != "" {
			t.Error("before its end:", said)
		}
		h.Clock.Advance(time.Minute)
		for f, stranger := range strangers {
			if said := call(f, f.TLS.Leaf); !strings.Contains(said, "the client certificate expired on 2026-11-2") {
				t.Errorf("%s is told %q", f.ID, said)
			}
			if said := call(f, stranger); said == "" || strings.Contains(said, "expired") {
				t.Errorf("a stranger to %s is told %q", f.ID, said)
			}
		}
		// What ended is the approval, when that is over as well.
		change(t, h, "own", func(c *partner.Client) { c.ValidUntil = h.Clock.Now() })
		if said := call(own, own.TLS.Leaf); !strings.Contains(said, "the approval of this client expired on") {
			t.Errorf("told %q", said)
		}
		if said := call(own, strangers[own]); said == "" || strings.Contains(said, "expired") {
			t.Errorf("a stranger is told %q", said)
		}
		// Nobody else is touched.
		if _, err := h.Provider.Authenticate(t.Context(), provider.Credentials{ID: "bank", Secret: Secret, Basic: true}); err != nil {
			t.Error(err)
		}
	})
}

// TestOverApprovalIsNoClient: once its time is over a client is refused
// everywhere, and told why once it has proved to be itself.
func TestOverApprovalIsNoClient(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		bank := h.Client(t, "bank")
		handle := h.Push(t, bank, Request("openid profile"))
		change(t, h, "bank", func(c *partner.Client) { c.ValidUntil = h.Clock.Now().Add(time.Minute) })
		h.Clock.Advance(time.Minute)
		_, err := h.Provider.Authenticate(t.Context(), provider.Credentials{ID: "bank", Secret: Secret, Basic: true})
		if err == nil || !strings.Contains(err.Error(), "the approval of this client expired on") {
			t.Errorf("told %v", err)
		}
		if _, err = h.Provider.Authenticate(t.Context(), provider.Credentials{ID: "bank", Secret: "x", Basic: true}); err == nil || strings.Contains(err.Error(), "expired") {
			t.Errorf("a stranger is told %v", err)
		}
		for name, do := range map[string]func() error{
			"begun": func() error { _, _, err := h.Provider.Begin(t.Context(), Request("openid"), Browser); return err },
			"went on": func() error {
				_, err := h.Provider.Continue(t.Context(), provider.Visit{Handle: handle, Browser: Browser, Session: &s})
				return err
			},
		} {
			if err := do(); fault.Of(err) == nil || fault.Of(err).Key != "provider.client.resting" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
