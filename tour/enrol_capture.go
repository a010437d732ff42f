// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
)

func (c *counter) portrait(ctx context.Context, ref string) error {
	p, err := c.client().Open(ctx, c.env.Sandbox+"/people/"+url.PathEscape(ref)+"/portrait.jpg?shot=2")
	if err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	shot := p.Body
	if p, err = c.part(ctx, "portrait"); err != nil {
		return err
	}
	f, err := p.Form("portrait", "eyes")
	if err != nil {
		return err
	}
	if err := f.Attach("portrait", "camera.jpg", shot); err != nil {
		return err
	}
	if err := f.Set("eyes", "yes"); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	return c.now(p, "fingers")
}

func (c *counter) fingers(ctx context.Context, ref string, positions ...int) error {
	prints, err := c.press(ctx, ref, 2, positions...)
	if err != nil {
		return err
	}
	p, err := c.part(ctx, "fingers")
	if err != nil {
		return err
	}
	f, err := p.Form("prints")
	if err != nil {
		return err
	}
	for _, x := range prints {
		if err := f.AttachMore("prints", fmt.Sprintf("%d.pgm", x.position), x.image); err != nil {
			return err
		}
	}
	if p, err = f.Submit(ctx, "act=many"); err != nil {
		return err
	}
	if err := c.now(p, "fingers"); err != nil {
		return err
	}
	for n := 1; n <= 10; n++ {
		if slices.ContainsFunc(prints, func(x impression) bool { return x.position == n }) {
			continue
		}
		if p, err = c.desk.Open(ctx, fmt.Sprintf("%s%s/fingers?finger=%d", c.env.Officer, c.at, n)); err != nil {
			return err
		}
		if f, err = p.Form("why", "finger"); err != nil {
			return err
		}
		if err := f.Set("why", "bandaged"); err != nil {
			return err
		}
		if p, err = f.Submit(ctx, "act=missing"); err != nil {
			return err
		}
		if err := c.now(p, "fingers"); err != nil {
			return err
		}
	}
	if !p.Says("còn 0") {
		return errors.New("not all ten fingers are accounted for")
	}
	return nil
}

func (c *counter) compare(ctx context.Context, next string, says ...string) error {
	p, err := c.part(ctx, "match")
	if err != nil {
		return err
	}
	f, err := p.FormTo("/match")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := c.now(p, "match"); err != nil {
		return err
	}
	for _, s := range append(says, "danh-afis", "cán bộ quyết định", "Không thấy ai khác") {
		if !p.Says(s) {
			return fmt.Errorf("the comparison does not say %q: %s", s, p.Text("#result"))
		}
	}
	if p, err = c.part(ctx, "face"); err != nil {
		return err
	}
	if f, err = p.FormTo("/face"); err != nil {
		return err
	}
	if err := f.Set("finding", "same"); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	return c.now(p, next)
}
