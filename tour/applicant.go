// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"danh/internal/browse"
)

// Applicant is somebody from the sandbox who opens an account in her own
// browser, and who comes back to it when the door was gone in between. Tests
// that stop and kill servers play with many of them.
type Applicant struct {
	Sample
	w       *walk
	p       person
	browser *browse.Client
	sent    time.Time // when she last asked for a code
	waited  bool      // the code that she was promised has not come
	trail   []string  // the pages she was on
}

// applicantPassword cannot hold anybody's name: Vietnamese has none of its letters.
const applicantPassword = "Fz-wjqz-47!w"

// ErrAnswered is an answer that the journey does not foresee, as opposed to
// none at all.
var ErrAnswered = errors.New("not as promised")

// Take makes an applicant of a person whom the sandbox hands out; wish is its
// query, such as "min=20&phone=own&exact=1".
func Take(ctx context.Context, env Env, wish string) (*Applicant, error) {
	// One connection per request: none may outlive the server it was made to.
	w := &walk{env: env, via: &http.Transport{DisableKeepAlives: true, TLSClientConfig: env.tls()}}
	p, err := w.take(ctx, wish)
	if err != nil {
		return nil, err
	}
	if len(p.Phones) == 0 {
		return nil, errors.New("the person has no phone")
	}
	return &Applicant{Sample: Sample{Name: p.Name, Number: p.Number, Password: applicantPassword, Phone: p.Phones[0]}, w: w, p: p, browser: w.client()}, nil
}

// Open goes on from where the door says that she stands. It returns nil once
// the door has told her that the account is open.
func (a *Applicant) Open(ctx context.Context) error {
	p, err := a.browser.Open(ctx, a.w.env.Citizen+"/open")
	for range 12 {
		if err != nil {
			return err
		}
		if p.Status >= 400 {
			return fmt.Errorf("%w: %s answered %d %q after %v", ErrAnswered, p.URL.Path, p.Status, p.Heading(), a.trail)
		}
		a.trail = append(a.trail, p.URL.Path)
		switch p.URL.Path {
		case "/open":
			if len(p.All(`form[action="/open"]`)) == 0 { // she is signed in: the account is open
				return nil
			}
			if href := p.All(`main a[href^="/open/"]:not([href="/open/young"])`); len(href) > 0 {
				p, err = a.browser.Open(ctx, a.w.env.Citizen+browse.Attr(href[0], "href"))
				continue
			}
			p, err = begin(ctx, a.browser, a.w.env.Citizen+"/open")
		case "/open/details":
			p, err = details(ctx, p, a.p.Number, a.p.Name, a.p.born(), a.p.Sex)
		case "/open/portrait":
			p, err = showPortrait(ctx, p)
		case "/open/phone":
			a.sent, a.waited = time.Now(), false
			p, err = send(ctx, p, "phone", a.Phone)
		case "/open/code":
			p, err = a.code(ctx, p)
		case "/open/email":
			p, err = send(ctx, p, "email", "")
		case "/open/password":
			p, err = choose(ctx, p, applicantPassword)
		case "/open/done":
			return nil
		default:
			return fmt.Errorf("%w: the opening ended at %s: %q after %v", ErrAnswered, p.URL.Path, p.Heading(), a.trail)
		}
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: the opening goes round in circles: %v", ErrAnswered, a.trail)
}

// code types the latest code; when the one that was promised has not come, she
// asks for another, as the page offers.
func (a *Applicant) code(ctx context.Context, p *browse.Page) (*browse.Page, error) {
	if a.waited {
		f, err := p.FormTo("/open/code/again")
		if err != nil {
			return nil, err
		}
		asked := time.Now()
		if p, err = f.Submit(ctx, ""); err != nil {
			return nil, err
		}
		if p.Status == http.StatusOK {
			a.sent, a.waited = asked, false
		}
	}
	code, err := a.w.code(ctx, a.Phone, a.sent)
	if err != nil {
		a.waited = true
		return nil, err
	}
	return send(ctx, p, "code", code)
}

// SignIn signs in with a browser that has never been here.
func (a *Applicant) SignIn(ctx context.Context) (*Visit, error) {
	c := a.w.client()
	p, err := c.Open(ctx, a.w.env.Citizen+"/signin")
	if err != nil {
		return nil, err
	}
	if p, err = a.w.signIn(ctx, p, a.Number, a.Password, a.Phone); err != nil {
		return nil, err
	}
	if p.Status != http.StatusOK || strings.HasPrefix(p.URL.Path, "/signin") {
		return nil, fmt.Errorf("the sign-in was answered %d at %s: %q", p.Status, p.URL.Path, p.Heading())
	}
	return &Visit{c, a.w.env}, nil
}

// Texts are the messages that arrived at her phone.
func (a *Applicant) Texts(ctx context.Context) ([]string, error) {
	all, err := a.w.messages(ctx, a.Phone)
	var out []string
	for _, m := range all {
		out = append(out, m.Text)
	}
	return out, err
}

// Visit is a browser in which somebody is signed in.
type Visit struct {
	browser *browse.Client
	env     Env
}

// Page opens a page of the citizen door, which must be there and must not ask
// to sign in.
func (v *Visit) Page(ctx context.Context, path string) (*browse.Page, error) {
	p, err := v.browser.Open(ctx, v.env.Citizen+path)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(path)
	if err != nil {
		return nil, err
	}
	if p.Status != http.StatusOK || p.URL.Path != u.Path {
		return nil, fmt.Errorf("%s was answered %d at %s: %q", u.Path, p.Status, p.URL.Path, p.Heading())
	}
	return p, nil
}

// At is the same browser at another server of the same installation.
func (v *Visit) At(door string) *Visit {
	env := v.env
	env.Citizen = door
	return &Visit{v.browser, env}
}

// SignInAtPortal signs in at the portal, which asks the citizen door, and
// agrees to what the portal asks for. It ends on a page of the portal.
func (a *Applicant) SignInAtPortal(ctx context.Context) (*browse.Page, error) {
	c := a.w.client()
	p, err := c.Open(ctx, a.w.env.Portal+"/signin")
	if err != nil {
		return nil, err
	}
	if err := at(p, "/signin", http.StatusOK); err != nil {
		return nil, err
	}
	if p, err = a.w.signIn(ctx, p, a.Number, a.Password, a.Phone); err != nil {
		return nil, err
	}
	if err := at(p, "/consent", http.StatusOK); err != nil {
		return nil, err
	}
	f, err := p.Form("request", "answer")
	if err != nil {
		return nil, err
	}
	if p, err = f.Submit(ctx, "answer=yes"); err != nil {
		return nil, err
	}
	if p.Status != http.StatusOK || !strings.HasPrefix(p.URL.String(), a.w.env.Portal) {
		return nil, fmt.Errorf("agreeing was answered %d at %s: %q", p.Status, p.URL.Path, p.Heading())
	}
	return p, nil
}

// Move is the same person before other doors.
func (a *Applicant) Move(env Env) *Applicant {
	b := *a
	w := *a.w
	w.env = env
	b.w = &w
	b.browser = w.client()
	return &b
}
