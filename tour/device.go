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

var deviceTour = Tour{
	Name:  "device",
	Story: "a second device comes by password and code, signs in by finger, is removed, and a stolen cookie opens nothing",
	steps: func(w *walk) []step {
		t := &deviceWalk{walk: w}
		return []step{
			{"somebody opens an account in her first browser", t.open},
			{"on another browser the password alone waits for a code", t.wait},
			{"a wrong code is counted", t.wrong},
			{"her code typed into a scammer's browser opens nothing", t.relay},
			{"the right code opens, and makes the browser a device of hers", t.right},
			{"she was told, and the device brings a key that stays in it", t.bring},
			{"she makes a passkey on it", t.make},
			{"the passkey signs her in on the same device", t.finger},
			{"without the check of a finger, face or PIN it does not", t.unverified},
			{"the password and the device's key need no code", t.signed},
			{"the password and a copy of the device's cookie do", t.copied},
			{"from her first browser she removes the device", t.remove},
			{"the removed device is a stranger", t.stranger},
			{"her session's cookie in a thief's browser ends the session, and she is told", t.stolen},
		}
	},
}

type deviceWalk struct {
	*walk
	p       person
	second  *browse.Client
	page    *browse.Page
	code    string
	sent    time.Time
	own     *browse.DeviceKey
	passkey *browse.Passkey
	device  string // the address of the second device's page
}

const deviceHome = "/security"

func (t *deviceWalk) open(ctx context.Context) (err error) {
	if t.p, err = t.take(ctx, "min=20&max=70&phone=own&exact=1"); err != nil {
		return err
	}
	_, err = t.openAccount(ctx, t.me, t.p, t.p.Phones[0], t.env.Citizen+"/open")
	return err
}

// password sends number and password from the sign-in page of a browser.
func (t *deviceWalk) password(ctx context.Context, c *browse.Client) (*browse.Page, error) {
	p, err := c.Open(ctx, t.env.Citizen+"/signin?fresh=1&return="+deviceHome)
	if err != nil {
		return nil, err
	}
	if err := at(p, "/signin", 200); err != nil {
		return nil, err
	}
	return signIn(ctx, p, t.p.Number, goodPassword)
}

// newCode waits for the code of a sign-in that was not there before.
func (t *deviceWalk) newCode(ctx context.Context, old map[string]bool) (string, error) {
	text, err := t.message(ctx, t.p.Phones[0], "the message with the code of the sign-in", t.sent, func(s string) bool { return !old[s] && signInCode(s) })
	if err != nil {
		return "", err
	}
	if !strings.Contains(text, "không bao giờ gọi điện hỏi mã") {
		return "", errors.New("the message with the code carries no warning against fraud")
	}
	return codeForm.FindStringSubmatch(text)[1], nil
}

func (t *deviceWalk) seen(ctx context.Context) (map[string]bool, error) {
	all, err := t.messages(ctx, t.p.Phones[0])
	old := map[string]bool{}
	for _, m := range all {
		old[m.Text] = true
	}
	t.sent = time.Now()
	return old, err
}

func (t *deviceWalk) wait(ctx context.Context) error {
	t.second = t.client()
	old, err := t.seen(ctx)
	if err != nil {
		return err
	}
	p, err := t.password(ctx, t.second)
	if err != nil {
		return err
	}
	if err := at(p, "/signin/code", 200); err != nil {
		return err
	}
	if phone := t.p.Phones[0]; p.Says(phone) || !p.Says(phone[len(phone)-3:]) {
		return errors.New("the page of the code does not name the phone as only its holder knows it")
	}
	if t.code, err = t.newCode(ctx, old); err != nil {
		return err
	}
	// Until then it is nobody's session.
	if t.page, err = t.second.Open(ctx, t.env.Citizen+deviceHome); err != nil {
		return err
	}
	if err := at(t.page, "/signin/code", 200); err != nil {
		return err
	}
	f, err := t.page.FormTo("/signin/code")
	if err == nil && f.Value("return") != deviceHome {
		err = errors.New("the page of the code leads elsewhere than where she wanted to go")
	}
	return err
}

func (t *deviceWalk) wrong(ctx context.Context) (err error) {
	wrong := "000000"
	if t.code == wrong {
		wrong = "000001"
	}
	if t.page, err = send(ctx, t.page, "code", wrong); err != nil {
		return err
	}
	if err := at(t.page, "/signin/code", 422); err != nil {
		return err
	}
	if !t.page.Says("Còn 4 lần thử") {
		return errors.New("the page does not say how many tries are left")
	}
	return nil
}

func (t *deviceWalk) relay(ctx context.Context) error {
	scammer := t.client()
	p, err := t.password(ctx, scammer)
	if err != nil {
		return err
	}
	if err := at(p, "/signin/code", 200); err != nil {
		return err
	}
	if p, err = send(ctx, p, "code", t.code); err != nil {
		return err
	}
	if err := at(p, "/signin/code", 422); err != nil {
		return fmt.Errorf("her code in another browser: %w", err)
	}
	if p, err = scammer.Open(ctx, t.env.Citizen+deviceHome); err != nil {
		return err
	}
	return at(p, "/signin/code", 200)
}

func (t *deviceWalk) right(ctx context.Context) (err error) {
	if t.page, err = send(ctx, t.page, "code", t.code); err != nil {
		return err
	}
	if err := at(t.page, "/signin/device", 200); err != nil {
		return err
	}
	if !t.page.Says("vân tay") || !t.page.Says("của người khác") {
		return errors.New("the page offers no finger, or does not warn of other people's")
	}
	return nil
}

// mine opens the page of the device that a browser is.
func (t *deviceWalk) mine(ctx context.Context, c *browse.Client) (*browse.Page, error) {
	p, err := c.Open(ctx, t.env.Citizen+deviceHome)
	if err != nil {
		return nil, err
	}
	if err := at(p, deviceHome, 200); err != nil {
		return nil, err
	}
	for _, a := range p.All(`main a[href^="/security/devices/"]`) {
		if strings.Contains(browse.TextOf(a), "Máy này") {
			t.device = t.env.Citizen + browse.Attr(a, "href")
			return c.Open(ctx, t.device)
		}
	}
	return nil, errors.New("the device is not among hers")
}

func (t *deviceWalk) bring(ctx context.Context) (err error) {
	if _, err := t.message(ctx, t.p.Phones[0], "the word of the device", t.sent, func(s string) bool {
		return strings.Contains(s, "thiết bị mới") && strings.Contains(s, "/freeze/")
	}); err != nil {
		return err
	}
	if t.own, err = browse.NewDeviceKey(); err != nil {
		return err
	}
	if err := t.page.BringDeviceKey(ctx, t.own); err != nil {
		return err
	}
	p, err := t.mine(ctx, t.second)
	if err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	if !p.Says("khoá nằm trong máy") {
		return errors.New("the device's key was not kept")
	}
	return nil
}

// leave signs out in a browser.
func (t *deviceWalk) leave(ctx context.Context, c *browse.Client) error {
	p, err := c.Open(ctx, t.env.Citizen+"/")
	if err != nil {
		return err
	}
	f, err := p.FormTo("/signout")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	return at(p, "/signin", 200)
}

func (t *deviceWalk) remove(ctx context.Context) error {
	t.sent = time.Now()
	p, err := t.me.Open(ctx, t.device+"/remove")
	if err != nil {
		return err
	}
	u, err := url.Parse(t.device)
	if err != nil {
		return err
	}
	if err := at(p, u.Path+"/remove", 200); err != nil {
		return err
	}
	f, err := p.FormTo("/remove")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, deviceHome, 200); err != nil {
		return err
	}
	for _, a := range p.All(`main a[href^="/security/devices/"]`) {
		if t.env.Citizen+browse.Attr(a, "href") == t.device {
			return errors.New("the removed device is still listed")
		}
	}
	_, err = t.message(ctx, t.p.Phones[0], "the word that a device was removed", t.sent, func(s string) bool { return strings.Contains(s, "vừa được gỡ") })
	return err
}

func (t *deviceWalk) stranger(ctx context.Context) error {
	p, err := t.second.Open(ctx, t.env.Citizen+deviceHome)
	if err != nil {
		return err
	}
	if err := at(p, "/signin", 200); err != nil {
		return fmt.Errorf("the removed device is still signed in: %w", err)
	}
	if p, err = t.touch(ctx, t.second); err != nil {
		return err
	}
	if p.Status < 400 || !p.Says("Khoá này không dùng được") {
		return fmt.Errorf("the removed device's passkey was answered %d at %s", p.Status, p.URL.Path)
	}
	if p, err = t.password(ctx, t.second); err != nil {
		return err
	}
	return at(p, "/signin/code", 200)
}

func (t *deviceWalk) stolen(ctx context.Context) error {
	t.sent = time.Now()
	p, err := t.me.Open(ctx, t.env.Citizen+deviceHome)
	if err != nil {
		return err
	}
	if err := at(p, deviceHome, 200); err != nil {
		return err
	}
	thief := t.client()
	for _, k := range t.me.HTTP.Jar.Cookies(p.URL) {
		if strings.HasSuffix(k.Name, "danh-citizen") {
			thief.HTTP.Jar.SetCookies(p.URL, []*http.Cookie{{Name: k.Name, Value: k.Value, Path: "/", Secure: p.URL.Scheme == "https"}})
		}
	}
	if p, err = thief.Open(ctx, t.env.Citizen+deviceHome); err != nil {
		return err
	}
	if err := at(p, "/signin", 200); err != nil {
		return fmt.Errorf("the stolen cookie opens a page: %w", err)
	}
	if p, err = t.me.Open(ctx, t.env.Citizen+deviceHome); err != nil {
		return err
	}
	if err := at(p, "/signin", 200); err != nil {
		return fmt.Errorf("the session whose cookie was stolen lives on: %w", err)
	}
	_, err = t.message(ctx, t.p.Phones[0], "the word that her session was carried away", t.sent, func(s string) bool {
		return strings.Contains(s, "xuất hiện ở một máy khác") && strings.Contains(s, "/freeze/")
	})
	return err
}
