// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"danh/internal/browse"
)

func (c *counter) handIn(ctx context.Context) error {
	f, err := c.page.FormTo("/handin")
	if err != nil {
		return err
	}
	c.sent = time.Now()
	p, err := f.Submit(ctx, "")
	if err != nil {
		return err
	}
	if err := c.now(p, "receipt"); err != nil {
		return err
	}
	if c.code = dossierCode.FindString(p.Text("body")); c.code == "" || !p.Says("Hẹn trả lời") || !p.Says(c.p.Name) {
		return errors.New("the receipt lacks its code, its deadline or her name")
	}
	c.note["dossier"] = c.code
	return c.pdf(ctx, c.desk, "receipt")
}

func (c *counter) notHers(ctx context.Context) error {
	p, err := c.desk.PostForm(ctx, c.env.Officer+c.at+"/approve", url.Values{"finding": {"same"}})
	if err != nil {
		return err
	}
	if p.Status != 403 && p.Status != 404 && p.Status != 409 {
		return fmt.Errorf("who took a dossier in approves it with %d", p.Status)
	}
	if !strings.Contains(p.Text("title"), "Danh") {
		return errors.New("the refusal is no page of the console")
	}
	return nil
}

func (c *counter) drawn(ctx context.Context) (*browse.Page, error) {
	for _, o := range c.approvers() {
		c.bench = c.client()
		p, err := SignInStaff(ctx, c.env, c.bench, c.env.Officer, "/dossiers?show=decide", o)
		if err != nil {
			return nil, err
		}
		if err := at(p, "/dossiers", 200); err != nil {
			return nil, err
		}
		if !p.Says("Chờ tôi duyệt") {
			return nil, errors.New("the second officer's list is not hers")
		}
		if c.p.Number != "" && p.Says(c.p.Number) {
			return nil, errors.New("the queue shows a whole number")
		}
		if _, err := p.Link(c.code); err == nil {
			return p.Follow(ctx, c.code)
		}
	}
	return nil, errNotDrawn
}

func (c *counter) approve(ctx context.Context, says ...string) error {
	p, err := c.drawn(ctx)
	if err != nil {
		return err
	}
	if err := at(p, c.at, 200); err != nil {
		return err
	}
	for _, s := range append(says, "Hệ thống bốc bạn", "Quyết định của bạn", c.p.Name) {
		if !p.Says(s) {
			return fmt.Errorf("what the second officer sees lacks %q", s)
		}
	}
	f, err := p.FormTo("/approve")
	if err != nil {
		return err
	}
	if f.Offers("finding") {
		if err := f.Set("finding", "same"); err != nil {
			return err
		}
	}
	c.sent = time.Now()
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, c.at, 200); err != nil {
		return fmt.Errorf("%w %s", err, p.Text(".sum"))
	}
	if !p.Says("Đã duyệt") && !p.Says("Đã xong") {
		return fmt.Errorf("the dossier is not approved: %s", p.Text("main"))
	}
	return nil
}

var activationForm = regexp.MustCompile(`Mã kích hoạt (\d{8})\b`)

var accountNumberForm = regexp.MustCompile(`Số tài khoản của bạn là (\d+)`)

func (c *counter) activate(ctx context.Context, her *browse.Client, phone, number string, level int) (login string, err error) {
	text, err := c.message(ctx, phone, "the activation code", c.sent, activationForm.MatchString)
	if err != nil {
		return "", err
	}
	code := activationForm.FindStringSubmatch(text)[1]
	c.spent = code
	if m := accountNumberForm.FindStringSubmatch(text); m != nil && number == "" {
		number = m[1]
	}
	p, err := her.Open(ctx, c.env.Citizen+"/activate")
	if err != nil {
		return "", err
	}
	f, err := p.Form("number", "code")
	if err != nil {
		return "", err
	}
	if err := f.Fill(map[string]string{"number": number, "code": code}); err != nil {
		return "", err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return "", err
	}
	if err := at(p, "/activate/password", 200); err != nil {
		return "", err
	}
	if p, err = choose(ctx, p, goodPassword); err != nil {
		return "", err
	}
	if err := at(p, "/activate/done", 200); err != nil {
		return "", err
	}
	return number, c.atLevel(ctx, her, level)
}

func (c *counter) atLevel(ctx context.Context, her *browse.Client, level int) error {
	p, err := her.Open(ctx, c.env.Citizen+"/")
	if err != nil {
		return err
	}
	return saysLevel(p, level)
}

// saysLevel is true of the first page of an account of a level.
func saysLevel(p *browse.Page, level int) error {
	if err := at(p, "/", 200); err != nil {
		return err
	}
	if !strings.Contains(strings.ToLower(p.Text("main")), fmt.Sprintf("mức %d", level)) || p.Says("Tạm thời") {
		return fmt.Errorf("her first page does not say level %d", level)
	}
	return nil
}

func (c *counter) seen(ctx context.Context, her *browse.Client, says ...string) error {
	return c.seenAt(ctx, her, "/looked", says...)
}

// seenAt is seen for one way to narrow the list.
func (c *counter) seenAt(ctx context.Context, her *browse.Client, path string, says ...string) error {
	return eventually(ctx, 10*time.Second, "the officers' looks at who looked", func() (bool, error) {
		left := slices.Clone(says)
		for address := c.env.Citizen + path; address != ""; {
			p, err := her.Open(ctx, address)
			if err != nil {
				return false, err
			}
			if err := at(p, "/looked", 200); err != nil {
				return false, err
			}
			if len(p.All(`main a[href*="/looked/"]`)) == 0 {
				return false, nil
			}
			if left = slices.DeleteFunc(left, p.Says); len(left) == 0 {
				return true, nil
			}
			address = ""
			for _, a := range p.All(`nav.pages a[rel=next]`) {
				u, err := p.URL.Parse(browse.Attr(a, "href"))
				if err != nil {
					return false, err
				}
				address = u.String()
			}
		}
		return false, nil
	})
}
