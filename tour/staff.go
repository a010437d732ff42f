// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"danh/internal/browse"
)

// Officer is a sample member of staff with the passkey that make run registered
// for her. The passkey is software in a file: it belongs to synthetic people on
// loopback and to nobody else.
type Officer struct {
	Sample
	Role    string          `json:"role"`
	Office  string          `json:"office,omitempty"`
	Passkey *browse.Passkey `json:"passkey"`
}

// ReadStaff reads the sample officers that make run wrote; none is no error.
func ReadStaff(file string) ([]Officer, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Officer
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, fmt.Errorf("%s does not hold sample officers: %w", file, err)
	}
	return out, nil
}

// WriteStaff keeps the sample officers for the tours.
func WriteStaff(file string, all []Officer) error {
	b, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// FindOfficer finds a sample officer who holds a role and has a passkey.
func (e Env) FindOfficer(role string) (*Officer, error) {
	for i := range e.Staff {
		if e.Staff[i].Role == role && e.Staff[i].Passkey != nil {
			return &e.Staff[i], nil
		}
	}
	return nil, fmt.Errorf("there is no sample officer with the role %s and a passkey: make run makes them", role)
}

// MakePasskey registers a software passkey for an account through the pages,
// with the code that was handed to its holder.
func MakePasskey(ctx context.Context, env Env, s Sample, code string) (*browse.Passkey, error) {
	w := &walk{env: env}
	c := w.client()
	page, err := c.Open(ctx, env.Citizen+"/signin?return="+url.QueryEscape("/security/passkeys/new"))
	if err != nil {
		return nil, err
	}
	if page, err = w.signIn(ctx, page, s.Number, s.Password, s.Phone); err != nil {
		return nil, err
	}
	if err := at(page, "/security/passkeys/new", 200); err != nil {
		return nil, err
	}
	form, err := page.Form("code", "label")
	if err != nil {
		return nil, err
	}
	if err := form.Fill(map[string]string{"code": code, "label": "make run"}); err != nil {
		return nil, err
	}
	if page, err = form.Submit(ctx, ""); err != nil {
		return nil, err
	}
	if err := page.Want(200); err != nil {
		return nil, err
	}
	return registers(ctx, c, page)
}

// MakeOwnPasskey registers a software passkey for an account through the pages,
// as its holder does by herself.
func MakeOwnPasskey(ctx context.Context, env Env, s Sample) (*browse.Passkey, error) {
	w := &walk{env: env}
	c := w.client()
	p, err := c.Open(ctx, env.Citizen+"/signin?return="+url.QueryEscape("/security/passkeys/new"))
	if err != nil {
		return nil, err
	}
	if _, err := w.signIn(ctx, p, s.Number, s.Password, s.Phone); err != nil {
		return nil, err
	}
	return w.newPasskey(ctx, c)
}

// SignInStaff opens a page of a staff door in a browser as an officer: password
// in the browser that her passkey was made in or with a code, passkey, and her consent where the door asks for the first time.
func SignInStaff(ctx context.Context, env Env, c *browse.Client, door, path string, o *Officer) (*browse.Page, error) {
	page, err := c.Open(ctx, door+"/signin?sure=yes&return="+url.QueryEscape(path))
	for range 4 {
		if err != nil {
			return nil, err
		}
		switch page.URL.Path {
		case "/signin":
			if o.Passkey != nil {
				beBrowser(c, page, o.Passkey.Browser)
			}
			page, err = (&walk{env: env}).signIn(ctx, page, o.Number, o.Password, o.Phone)
		case "/signin/passkey":
			page, err = usePasskey(ctx, page, o.Passkey)
		case "/consent":
			var form *browse.Form
			if form, err = page.FormTo("/consent"); err == nil {
				page, err = form.Submit(ctx, "answer=yes")
			}
		default:
			if !strings.HasPrefix(page.URL.String(), door+"/") {
				return nil, fmt.Errorf("signing in at the staff door stands at %s: %q", page.URL.Path, page.Heading())
			}
			return page, page.Want(200)
		}
	}
	if err == nil && strings.HasPrefix(page.URL.String(), door+"/") {
		return page, page.Want(200)
	}
	return nil, errors.Join(fmt.Errorf("signing in at the staff door does not end"), err)
}

// browserCookie names the citizen door's long-lived cookie.
func browserCookie(p *browse.Page) string {
	if p.URL.Scheme == "https" {
		return "__Host-danh-citizen-device"
	}
	return "danh-citizen-device"
}

// browserOf reads the cookie by which a door knows a browser again.
func browserOf(c *browse.Client, p *browse.Page) string {
	for _, k := range c.HTTP.Jar.Cookies(p.URL) {
		if k.Name == browserCookie(p) {
			return k.Value
		}
	}
	return ""
}

// beBrowser makes a client the browser that has a cookie: she sits down at her
// own machine.
func beBrowser(c *browse.Client, p *browse.Page, value string) {
	if value != "" {
		c.HTTP.Jar.SetCookies(p.URL, []*http.Cookie{{Name: browserCookie(p), Value: value, Path: "/", HttpOnly: true, Secure: p.URL.Scheme == "https"}})
	}
}

func usePasskey(ctx context.Context, page *browse.Page, key *browse.Passkey) (*browse.Page, error) {
	form, options, err := page.Options("/signin/passkey")
	if err != nil {
		return nil, err
	}
	answer, err := key.Assert(options, page.Origin())
	if err != nil {
		return nil, err
	}
	if err := form.Set("credential", string(answer)); err != nil {
		return nil, err
	}
	return form.Submit(ctx, "")
}
