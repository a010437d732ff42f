// SPDX-License-Identifier: Apache-2.0

package webtest

import (
	"context"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"danh/internal/browse"
)

// UsePasskey answers the page's passkey form with a software passkey and sends
// it, as the page's script would.
func (p *Page) UsePasskey(button string, k *browse.Passkey) *Page {
	p.T.Helper()
	answer, err := k.Assert([]byte(p.Attr("form[data-passkey=get][data-options]", "data-options")), p.URL.Scheme+"://"+p.URL.Host)
	if err != nil {
		p.T.Fatalf("%s: %v", p.URL, err)
	}
	return p.Submit(button, "credential", string(answer))
}

// MakePasskey answers the page's form that makes a passkey, and sends it.
func (p *Page) MakePasskey(button string) (*Page, *browse.Passkey) {
	p.T.Helper()
	k, answer, err := browse.RegisterPasskey([]byte(p.Attr("form[data-passkey=create]", "data-options")), p.URL.Scheme+"://"+p.URL.Host)
	if err != nil {
		p.T.Fatalf("%s: %v", p.URL, err)
	}
	return p.Submit(button, "credential", string(answer)), k
}

// Authenticator puts a virtual authenticator into the tab: it keeps passkeys and
// verifies its user without asking; verified false makes the verification fail.
// A software passkey that is given is in it from the start.
func (t *Tab) Authenticator(verified bool, keys ...*browse.Passkey) *Tab {
	t.T.Helper()
	t.must("a virtual authenticator", func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		var none chromedp.Void
		if _, err := cdp.Call(ctx, target, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return none, err
		}
		made, err := cdp.Call(ctx, target, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: verified, AutomaticPresenceSimulation: true}})
		if err != nil {
			return none, err
		}
		for _, k := range keys {
			if _, err := cdp.Call(ctx, target, addCredential, credentialParams{made.AuthenticatorID, credential{k.Credential, true, k.RP, k.Key, k.User, k.Count}}); err != nil {
				return none, err
			}
		}
		return none, nil
	})
	return t
}

// The library's own command also sends what Chromium's authenticator refuses.
var addCredential = cdp.Command[credentialParams, cdp.Empty]{Method: webauthn.CommandAddCredential}

type credentialParams struct {
	AuthenticatorID webauthn.AuthenticatorID `json:"authenticatorId"`
	Credential      credential               `json:"credential"`
}

type credential struct {
	ID       []byte `json:"credentialId"`
	Resident bool   `json:"isResidentCredential"`
	RP       string `json:"rpId"`
	Key      []byte `json:"privateKey"`
	User     []byte `json:"userHandle"`
	Count    uint32 `json:"signCount"`
}
