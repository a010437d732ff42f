// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"danh/internal/browse"
)

type impression struct {
	position int
	image    []byte
}

func (c *counter) search(ctx context.Context, purpose, number string) (*browse.Page, error) {
	p, err := c.desk.Open(ctx, c.env.Officer+"/desk")
	if err != nil {
		return nil, err
	}
	f, err := p.Form("q", "purpose", "birth_date")
	if err != nil {
		return nil, err
	}
	if err := f.Fill(map[string]string{"q": number, "purpose": purpose}); err != nil {
		return nil, err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return nil, err
	}
	if err := at(p, "/desk", 200); err != nil {
		return nil, err
	}
	if p.Says(number) || !p.Says(number[len(number)-4:]) {
		return nil, errors.New("the desk shows no hit, or shows more of its number than four digits")
	}
	return p, nil
}

func (c *counter) came(ctx context.Context, purpose string) error {
	p, err := c.search(ctx, purpose, c.p.Number)
	if err != nil {
		return err
	}
	f, err := p.Form("person", "way")
	if err != nil {
		return err
	}
	c.sent = time.Now()
	if p, err = f.Submit(ctx, "way=typed"); err != nil {
		return err
	}
	if err := c.inVisit(p); err != nil {
		return err
	}
	if !p.Says("Chưa chứng minh") {
		return errors.New("a visit that nothing proves is not flagged")
	}
	return nil
}

func (c *counter) inVisit(p *browse.Page) error {
	if !strings.HasPrefix(p.URL.Path, "/visits/") {
		return fmt.Errorf("no visit was opened, the officer stands at %s: %q", p.URL.Path, p.Heading())
	}
	if err := at(p, p.URL.Path, 200); err != nil {
		return err
	}
	c.page, c.visit = p, p.URL.Path
	return nil
}

func (c *counter) proved(ctx context.Context, purpose, ref, number string, positions ...int) error {
	p, err := c.search(ctx, purpose, number)
	if err != nil {
		return err
	}
	f, err := p.FormTo("/visits/fingers")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, "/visits/fingers", 200); err != nil {
		return err
	}
	if f, err = p.Form("finger2", "finger3"); err != nil {
		return err
	}
	prints, err := c.press(ctx, ref, 1, positions...)
	if err != nil {
		return err
	}
	for _, x := range prints {
		if err := f.Attach(fmt.Sprintf("finger%d", x.position), "print.pgm", x.image); err != nil {
			return err
		}
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := c.inVisit(p); err != nil {
		return err
	}
	if p.Says("Chưa chứng minh") || !p.Says("Vân tay từ tệp") {
		return errors.New("a visit by fingers from files must be proved, and say where they came from")
	}
	return nil
}

func (c *counter) byPhone(ctx context.Context, purpose, number string, her *browse.Client) error {
	p, err := c.search(ctx, purpose, number)
	if err != nil {
		return err
	}
	f, err := p.Form("person", "way")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, "way=phone"); err != nil {
		return err
	}
	asked := p.URL
	shown := p.Text(".figures dd")
	if !strings.HasPrefix(asked.Path, "/visits/") || p.Status != 200 || len(shown) != 2 {
		return fmt.Errorf("asking on her phone leads to %s: %q", asked.Path, p.Heading())
	}
	if p, err = her.Open(ctx, c.env.Citizen+"/visits"); err != nil {
		return err
	}
	if err := at(p, "/visits", 200); err != nil {
		return err
	}
	if !p.Says("Kim Liên") || len(p.All(`button[name=answer]`)) != 4 {
		return errors.New("her phone does not say who asks, or does not offer three numbers and a no")
	}
	if f, err = p.FormTo(asked.Path); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, "answer="+shown); err != nil {
		return err
	}
	if err := at(p, "/visits", 200); err != nil {
		return err
	}
	if p, err = c.desk.Open(ctx, asked.String()); err != nil {
		return err
	}
	if err := c.inVisit(p); err != nil {
		return err
	}
	if p.Says("Chưa chứng minh") || !p.Says("Chọn phần cần xem") {
		return errors.New("her approval did not open the visit")
	}
	return nil
}

func (c *counter) notTold(ctx context.Context, phone string) error {
	all, err := c.messages(ctx, phone)
	if err != nil {
		return err
	}
	for _, m := range all {
		for _, s := range []string{"vừa mở dữ liệu", "Mã kích hoạt", "hồ sơ", "đã lên mức"} {
			if m.At.After(c.sent.Add(-time.Second)) && strings.Contains(m.Text, s) {
				return fmt.Errorf("a phone that is not hers was told of %q", s)
			}
		}
	}
	return nil
}

func (c *counter) press(ctx context.Context, ref string, nth int, positions ...int) ([]impression, error) {
	var out []impression
	for _, n := range positions {
		p, err := c.client().Open(ctx, fmt.Sprintf("%s/people/%s/prints/%d.pgm?impression=%d", c.env.Sandbox, url.PathEscape(ref), n, nth))
		if err != nil {
			return nil, err
		}
		if p.Status == 410 { // she does not have this finger
			continue
		}
		if err := p.Want(200); err != nil {
			return nil, err
		}
		if !bytes.HasPrefix(p.Body, []byte("P5\n")) {
			return nil, errors.New("the sandbox gives no picture of a finger")
		}
		out = append(out, impression{n, p.Body})
	}
	return out, nil
}
