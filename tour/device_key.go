// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"danh/internal/browse"
)

func (t *deviceWalk) make(ctx context.Context) error {
	f, err := t.page.FormTo("/security/passkeys/new")
	if err != nil {
		return err
	}
	p, err := f.Submit(ctx, "")
	if err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	form, options, err := p.Options("/security/passkeys")
	if err != nil {
		return err
	}
	key, answer, err := browse.RegisterPasskey(options, p.Origin())
	if err != nil {
		return err
	}
	t.passkey = key
	if err := form.Set("credential", string(answer)); err != nil {
		return err
	}
	if p, err = form.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, deviceHome, 200); err != nil {
		return err
	}
	if p, err = t.second.Open(ctx, t.env.Citizen+"/security/passkeys"); err != nil {
		return err
	}
	if err := at(p, "/security/passkeys", 200); err != nil {
		return err
	}
	if len(p.All(`main a[href^="/security/passkeys/"]:not([href$="/new"])`)) != 1 {
		return errors.New("the passkey is not listed")
	}
	return nil
}

// touch answers the sign-in page's challenge for anybody's passkey.
func (t *deviceWalk) touch(ctx context.Context, c *browse.Client) (*browse.Page, error) {
	p, err := c.Open(ctx, t.env.Citizen+"/signin?return="+deviceHome)
	if err != nil {
		return nil, err
	}
	if err := at(p, "/signin", 200); err != nil {
		return nil, err
	}
	f, err := p.FormTo("/signin/passkey")
	if err != nil {
		return nil, err
	}
	if p, err = c.PostForm(ctx, t.env.Citizen+"/signin/passkey/options", url.Values{}); err != nil {
		return nil, err
	}
	if err := p.Want(200); err != nil {
		return nil, err
	}
	var asked struct {
		Ceremony string     `json:"ceremony"`
		Options  rawOptions `json:"publicKey"`
	}
	if err := p.JSON(&asked); err != nil {
		return nil, err
	}
	answer, err := t.passkey.Assert(asked.Options, p.Origin())
	if err != nil {
		return nil, err
	}
	if err := f.Fill(map[string]string{"ceremony": asked.Ceremony, "credential": string(answer)}); err != nil {
		return nil, err
	}
	return f.Submit(ctx, "")
}

type rawOptions []byte

// UnmarshalJSON implements json.Unmarshaler.
func (o *rawOptions) UnmarshalJSON(b []byte) error { *o = append((*o)[:0], b...); return nil }

func (t *deviceWalk) finger(ctx context.Context) error {
	if err := t.leave(ctx, t.second); err != nil {
		return err
	}
	p, err := t.touch(ctx, t.second)
	if err != nil {
		return err
	}
	if err := at(p, deviceHome, 200); err != nil {
		return err
	}
	if !p.Says("Máy này") {
		return errors.New("the session is not on the device that it was made on")
	}
	return nil
}

func (t *deviceWalk) unverified(ctx context.Context) error {
	if err := t.leave(ctx, t.second); err != nil {
		return err
	}
	t.passkey.Unverified = true
	defer func() { t.passkey.Unverified = false }()
	p, err := t.touch(ctx, t.second)
	if err != nil {
		return err
	}
	if p.Status < 400 || !p.Says("Khoá này không dùng được") {
		return fmt.Errorf("a passkey without user verification was answered %d at %s", p.Status, p.URL.Path)
	}
	return nil
}

func (t *deviceWalk) signed(ctx context.Context) error {
	p, err := t.second.Open(ctx, t.env.Citizen+"/signin?return="+deviceHome)
	if err != nil {
		return err
	}
	if err := at(p, "/signin", 200); err != nil {
		return err
	}
	f, err := p.Form("number", "password")
	if err != nil {
		return err
	}
	if err := t.own.SignIn(f); err != nil {
		return err
	}
	if err := f.Fill(map[string]string{"number": t.p.Number, "password": goodPassword}); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	return at(p, deviceHome, 200)
}

func (t *deviceWalk) copied(ctx context.Context) error {
	thief := t.client()
	p, err := thief.Open(ctx, t.env.Citizen+"/signin")
	if err != nil {
		return err
	}
	if err := at(p, "/signin", 200); err != nil {
		return err
	}
	beBrowser(thief, p, browserOf(t.second, p))
	if p, err = t.password(ctx, thief); err != nil {
		return err
	}
	return at(p, "/signin/code", 200)
}
