// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"danh/internal/browse"
)

// signer is what somebody signs with: a passkey and her passcode.
type signer struct {
	passkey  *browse.Passkey
	passcode string
}

// goodPasscode is no date and no run.
const goodPasscode = "805271"

// equip makes a passkey and a passcode in the browser in which somebody has just
// opened her account.
func (w *walk) equip(ctx context.Context, c *browse.Client) (*signer, error) {
	key, err := w.newPasskey(ctx, c)
	if err != nil {
		return nil, err
	}
	s := &signer{passkey: key, passcode: goodPasscode}
	// The first passcode takes the passkey just made.
	p, err := c.Open(ctx, w.env.Citizen+"/security/passcode")
	if err != nil {
		return nil, err
	}
	if p.URL.Path == "/stepup" {
		if p, err = s.prove(ctx, p, "/stepup", ""); err != nil {
			return nil, err
		}
	}
	if err := at(p, "/security/passcode", 200); err != nil {
		return nil, err
	}
	f, err := p.Form("passcode", "again")
	if err != nil {
		return nil, err
	}
	if err := f.Fill(map[string]string{"passcode": s.passcode, "again": s.passcode}); err != nil {
		return nil, err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return nil, err
	}
	return s, at(p, p.URL.Path, 200)
}

// newPasskey makes a passkey in a browser that is signed in.
func (w *walk) newPasskey(ctx context.Context, c *browse.Client) (*browse.Passkey, error) {
	p, err := c.Open(ctx, w.env.Citizen+"/security/passkeys/new")
	if err != nil {
		return nil, err
	}
	if err := at(p, "/security/passkeys/new", 200); err != nil {
		return nil, err
	}
	f, err := p.Form("label")
	if err != nil {
		return nil, err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return nil, err
	}
	if err := p.Want(200); err != nil {
		return nil, err
	}
	return registers(ctx, c, p)
}

// registers answers the page that makes a passkey, as its script does.
func registers(ctx context.Context, c *browse.Client, p *browse.Page) (*browse.Passkey, error) {
	form, options, err := p.Options("/security/passkeys")
	if err != nil {
		return nil, err
	}
	key, answer, err := browse.RegisterPasskey(options, p.Origin())
	if err != nil {
		return nil, err
	}
	key.Still, key.Browser = true, browserOf(c, p)
	if err := form.Set("credential", string(answer)); err != nil {
		return nil, err
	}
	if p, err = form.Submit(ctx, ""); err != nil {
		return nil, err
	}
	return key, at(p, "/security/passkeys", 200)
}

// prove answers the form of a page that asks for a proof, as its script does.
func (s *signer) prove(ctx context.Context, p *browse.Page, path, passcode string) (*browse.Page, error) {
	forms := p.All("form[data-proof]")
	if !strings.HasPrefix(p.URL.Path, path) || len(forms) == 0 {
		return nil, fmt.Errorf("%s (%q) asks for no proof", p.URL.Path, p.Heading())
	}
	f, err := p.Form("ceremony", "credential")
	if err != nil {
		return nil, err
	}
	options := browse.Attr(forms[0], "data-options")
	if options == "" {
		return nil, errors.New("the page offers no passkey")
	}
	answer, err := s.passkey.Assert([]byte(options), p.Origin())
	if err != nil {
		return nil, err
	}
	if err := f.Set("credential", string(answer)); err != nil {
		return nil, err
	}
	if passcode != "" {
		if err := f.Set("passcode", passcode); err != nil {
			return nil, err
		}
	}
	return f.Submit(ctx, "by=passkey")
}

// approve signs what a page shows in full, once it shows all of it.
func (s *signer) approve(ctx context.Context, p *browse.Page, shown ...string) (*browse.Page, error) {
	if err := p.Want(200); err != nil {
		return nil, err
	}
	for _, want := range shown {
		if !p.Says(want) {
			return nil, fmt.Errorf("what she signs does not say %q", want)
		}
	}
	return s.prove(ctx, p, "/approve/", s.passcode)
}
