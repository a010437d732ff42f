// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"danh/internal/browse"
)

// goodPassword meets the composition rule, and cannot hold a name: Vietnamese
// has no f, j or w.
const goodPassword = "Fjord-Wolf-26!"

// details fills in who somebody is and sends it.
func details(ctx context.Context, at *browse.Page, number, name, born, sex string) (*browse.Page, error) {
	f, err := at.Form("number", "name", "birth_date", "sex")
	if err != nil {
		return nil, err
	}
	if err := f.Fill(map[string]string{"number": number, "name": name, "birth_date": born, "sex": sex}); err != nil {
		return nil, err
	}
	return f.Submit(ctx, "")
}

// begin starts an opening in a browser and leads to the first question.
func begin(ctx context.Context, c *browse.Client, address string) (*browse.Page, error) {
	p, err := c.Open(ctx, address)
	if err != nil {
		return nil, err
	}
	if err := p.Want(200); err != nil {
		return nil, err
	}
	f, err := p.FormTo("/open")
	if err != nil {
		return nil, err
	}
	return f.Submit(ctx, "")
}

// at fails unless a page stands at a path.
func at(p *browse.Page, path string, status int) error {
	if p.URL.Path != path {
		return fmt.Errorf("expected %s, but the journey stands at %s: %q", path, p.URL.Path, p.Heading())
	}
	if err := p.Want(status); err != nil {
		return err
	}
	if title := p.Text("title"); !strings.Contains(title, "Danh") {
		return fmt.Errorf("%s does not carry the name of the platform in its title", path)
	}
	return nil
}

// send fills one field of a page's form and sends it.
func send(ctx context.Context, p *browse.Page, field, value string) (*browse.Page, error) {
	f, err := p.Form(field)
	if err != nil {
		return nil, err
	}
	if err := f.Set(field, value); err != nil {
		return nil, err
	}
	return f.Submit(ctx, "")
}

// showPortrait uploads a picture where the journey asks for one; the rule that
// asks for it has dates.
func showPortrait(ctx context.Context, p *browse.Page) (*browse.Page, error) {
	if p.URL.Path != "/open/portrait" {
		return p, nil
	}
	f, err := p.Form("portrait")
	if err != nil {
		return nil, err
	}
	if err := f.Attach("portrait", "me.jpg", portrait()); err != nil {
		return nil, err
	}
	return f.Submit(ctx, "")
}

// choose sends a new password twice.
func choose(ctx context.Context, p *browse.Page, password string) (*browse.Page, error) {
	f, err := p.Form("password", "again")
	if err != nil {
		return nil, err
	}
	if err := f.Fill(map[string]string{"password": password, "again": password}); err != nil {
		return nil, err
	}
	return f.Submit(ctx, "")
}

// openAccount goes through a whole opening without looking left or right.
func (w *walk) openAccount(ctx context.Context, c *browse.Client, p person, phone, address string) (*browse.Page, error) {
	return w.openAccountWith(ctx, c, p, phone, address, goodPassword)
}

// openAccountWith is openAccount with a password of somebody's own.
func (w *walk) openAccountWith(ctx context.Context, c *browse.Client, p person, phone, address, password string) (*browse.Page, error) {
	page, err := begin(ctx, c, address)
	if err != nil {
		return nil, err
	}
	if page, err = details(ctx, page, p.Number, p.Name, p.born(), p.Sex); err != nil {
		return nil, err
	}
	if page, err = showPortrait(ctx, page); err != nil {
		return nil, err
	}
	if err := at(page, "/open/phone", 200); err != nil {
		return nil, err
	}
	sent := time.Now()
	if page, err = send(ctx, page, "phone", phone); err != nil {
		return nil, err
	}
	if err := at(page, "/open/code", 200); err != nil {
		return nil, err
	}
	code, err := w.code(ctx, phone, sent)
	if err != nil {
		return nil, err
	}
	if page, err = send(ctx, page, "code", code); err != nil {
		return nil, err
	}
	if err := at(page, "/open/email", 200); err != nil {
		return nil, err
	}
	if page, err = send(ctx, page, "email", ""); err != nil {
		return nil, err
	}
	if page, err = choose(ctx, page, password); err != nil {
		return nil, err
	}
	return page, at(page, "/open/done", 200)
}

// signInCode is the message with the code of a first sign-in on a device.
func signInCode(text string) bool {
	return codeForm.MatchString(text) && (strings.Contains(text, "để đăng nhập") || strings.Contains(text, "to sign in"))
}

// signIn signs in at the citizen door's own page. In a browser that has not been
// here before the door asks for the code that it sent to her phone, and the page
// after it is what the sign-in was for.
func (w *walk) signIn(ctx context.Context, p *browse.Page, number, password, phone string) (*browse.Page, error) {
	// Codes of the same second cannot be told apart by their time.
	old := map[string]bool{}
	if phone != "" {
		before, err := w.messages(ctx, phone)
		if err != nil {
			return nil, err
		}
		for _, m := range before {
			old[m.Text] = true
		}
	}
	sent := time.Now()
	p, err := signIn(ctx, p, number, password)
	if err != nil || p.URL.Path != "/signin/code" {
		return p, err
	}
	if err := at(p, "/signin/code", 200); err != nil {
		return nil, err
	}
	text, err := w.message(ctx, phone, "the message with the code of the sign-in", sent, func(text string) bool { return !old[text] && signInCode(text) })
	if err != nil {
		return nil, err
	}
	if p, err = send(ctx, p, "code", codeForm.FindStringSubmatch(text)[1]); err != nil {
		return nil, err
	}
	return later(ctx, p)
}

// later leaves the page that offers finger or face after a first sign-in.
func later(ctx context.Context, p *browse.Page) (*browse.Page, error) {
	if p.URL.Path != "/signin/device" {
		return p, nil
	}
	if err := at(p, "/signin/device", 200); err != nil {
		return nil, err
	}
	f, err := p.FormTo("/signin/device")
	if err != nil {
		return nil, err
	}
	return f.Submit(ctx, "choice=later")
}

// SignInAt signs in from a sign-in page in whatever browser it was opened in.
func SignInAt(ctx context.Context, env Env, p *browse.Page, s Sample) (*browse.Page, error) {
	w := &walk{env: env}
	return w.signIn(ctx, p, s.Number, s.Password, s.Phone)
}

// SignInCode waits for the code of a first sign-in on a device, which was asked
// for after an instant.
func SignInCode(ctx context.Context, env Env, phone string, after time.Time) (string, error) {
	w := &walk{env: env}
	text, err := w.message(ctx, phone, "the message with the code of the sign-in", after, signInCode)
	if err != nil {
		return "", err
	}
	return codeForm.FindStringSubmatch(text)[1], nil
}

// inGroups writes a personal number as pages show it and as people type it.
func inGroups(n string) string { return n[:3] + " " + n[3:6] + " " + n[6:9] + " " + n[9:] }

// signIn sends a number and a password.
func signIn(ctx context.Context, p *browse.Page, number, password string) (*browse.Page, error) {
	f, err := p.Form("number", "password")
	if err != nil {
		return nil, err
	}
	if err := f.Fill(map[string]string{"number": number, "password": password}); err != nil {
		return nil, err
	}
	return f.Submit(ctx, "")
}

// Sample is an account that make run has opened for a tester.
type Sample struct {
	Name, Number, Password, Phone string
}

// OpenSample opens an account for one of the documented sample people, or
// signs in when she has one already, and says how to sign in.
func OpenSample(ctx context.Context, env Env, ref, phone string) (Sample, error) {
	w := &walk{env: env}
	c := w.client()
	list, err := c.Open(ctx, env.Sandbox+"/people.json?ref="+url.QueryEscape(ref))
	if err != nil {
		return Sample{}, err
	}
	var found []person
	if err := list.JSON(&found); err != nil {
		return Sample{}, err
	}
	if len(found) != 1 {
		return Sample{}, fmt.Errorf("the sandbox does not know the sample %s", ref)
	}
	p := found[0]
	if phone == "" && len(p.Phones) > 0 {
		phone = p.Phones[0]
	}
	s := Sample{Name: p.Name, Number: p.Number, Password: goodPassword, Phone: phone}
	page, err := c.Open(ctx, env.Citizen+"/signin")
	if err != nil {
		return s, err
	}
	if page, err = signIn(ctx, page, p.Number, goodPassword); err != nil {
		return s, err
	}
	// She has an account: this browser is let in, or asked for a code.
	if page.Status == 200 && page.URL.Path != "/signin" || page.Status == http.StatusTooManyRequests {
		return s, nil
	}
	_, err = w.openAccount(ctx, w.client(), p, phone, env.Citizen+"/open")
	return s, err
}
