// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"time"

	"danh/internal/browse"
)

// framed fails unless a page is there and its band, its window and its stop say
// for whom the parent acts.
func (t *childWalk) framed(p *browse.Page, path string, status int) error {
	if err := at(p, path, status); err != nil {
		return err
	}
	if p.Text(".acting b") != t.child.Name || !p.Says("Bạn đang làm thay cho") || len(p.All(".acting [role=status]")) != 1 {
		return fmt.Errorf("%s does not say for whom the parent acts", path)
	}
	if title := p.Text("title"); title != "Thay cho "+t.child.Name+": "+p.Heading()+" – Danh" {
		return fmt.Errorf("the window of %s does not say for whom it is", path)
	}
	f, err := p.FormTo("/acting/stop")
	if err != nil || f == nil {
		return fmt.Errorf("%s has no one-tap stop", path)
	}
	return nil
}

// act has the parent act for the child, from her own browser.
func (t *childWalk) act(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Citizen+"/dependants")
	if err != nil {
		return err
	}
	if err := at(p, "/dependants", 200); err != nil {
		return err
	}
	f, err := p.FormTo("/acting")
	if err != nil {
		return err
	}
	own, err := t.me.Open(ctx, t.env.Citizen+"/freeze") // another tab, of her own account
	if err != nil {
		return err
	}
	if err := at(own, "/freeze", 200); err != nil {
		return err
	}
	if t.stale, err = own.FormTo("/freeze"); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := t.framed(p, "/", 200); err != nil {
		return err
	}
	if p.Says(t.mother.Name) || len(p.All(".acting .more")) != 1 {
		return errors.New("the child's first page names the parent, or not until when")
	}
	for _, path := range []string{"/account", "/inbox", "/looked", "/card", "/consents", "/dossiers", "/freeze", "/acting"} {
		if p, err = t.me.Open(ctx, t.env.Citizen+path); err != nil {
			return err
		}
		if err := t.framed(p, path, 200); err != nil {
			return err
		}
	}
	return nil
}

// bounds: what is everybody's own stays closed, and a page that was opened for
// the parent's own account changes nothing in the child's.
func (t *childWalk) bounds(ctx context.Context) error {
	for _, path := range []string{"/security", "/security/password", "/security/passkeys", "/dependants", "/settings"} {
		p, err := t.me.Open(ctx, t.env.Citizen+path)
		if err != nil {
			return err
		}
		if err := t.framed(p, path, 403); err != nil {
			return err
		}
		if !p.Says("Việc này không làm thay được") {
			return fmt.Errorf("%s does not say why it is closed", path)
		}
	}
	p, err := t.stale.Submit(ctx, "")
	if err != nil {
		return err
	}
	if err := t.framed(p, "/freeze", 409); err != nil {
		return err
	}
	if !p.Says("Trang này mở ra cho người khác") {
		return errors.New("a page of the parent's own account was taken for the child's")
	}
	return nil
}

// atPortal: the portal signs the child on, and says who acts.
func (t *childWalk) atPortal(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Portal+"/signin?return=/me")
	if err != nil {
		return err
	}
	if err := t.framed(p, "/consent", 200); err != nil {
		return err
	}
	if !p.Says("Bạn đồng ý thay cho " + t.child.Name) {
		return errors.New("the consent page does not say for whom the parent consents")
	}
	f, err := p.FormTo("/consent")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, "answer=yes"); err != nil {
		return err
	}
	if err := t.framed(p, "/me", 200); err != nil {
		return err
	}
	if p.Says(t.mother.Name) {
		return errors.New("the portal takes the parent for the child")
	}
	if p, err = t.me.Open(ctx, t.env.Portal+"/cases"); err != nil {
		return err
	}
	return t.framed(p, "/cases", 200)
}

// stop: one tap, and it is over everywhere; the child's own browser was not
// touched.
func (t *childWalk) stop(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Citizen+"/looked?show=changes")
	if err != nil {
		return err
	}
	if err := t.framed(p, "/looked", 200); err != nil {
		return err
	}
	if !p.Says("Bạn, làm thay") || !p.Says("Người đại diện bắt đầu làm thay") {
		return errors.New("the child's log does not say who acted")
	}
	f, err := p.FormTo("/acting/stop")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, "/dependants", 200); err != nil {
		return err
	}
	if !p.Says("Bạn đã dừng làm thay") || len(p.All(".acting")) > 0 {
		return errors.New("one tap does not stop it")
	}
	// What the portal had been given ends with it; it asks again after seconds.
	err = eventually(ctx, 15*time.Second, "the end of acting at the portal", func() (bool, error) {
		p, err := t.me.Open(ctx, t.env.Portal+"/guides")
		if err != nil {
			return false, err
		}
		if err := at(p, "/guides", 200); err != nil {
			return false, err
		}
		return len(p.All(".acting")) == 0, nil
	})
	if err != nil {
		return err
	}
	p, err = t.kid.Open(ctx, t.env.Citizen+"/looked?show=changes")
	if err != nil {
		return err
	}
	if err := at(p, "/looked", 200); err != nil {
		return err
	}
	if !p.Says("Người đại diện, làm thay") || !p.Says("Người đại diện dừng làm thay") {
		return errors.New("the child does not see that the parent acted")
	}
	return nil
}
