// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"danh/internal/browse"
)

// carryOn presses the computer's button.
func (t *qrWalk) carryOn(ctx context.Context) (*browse.Page, error) {
	f, err := t.screen.FormTo(t.screen.URL.Path)
	if err != nil {
		return nil, err
	}
	return f.Submit(ctx, "")
}

func (t *qrWalk) goOn(ctx context.Context) error {
	p, err := t.carryOn(ctx)
	if err != nil {
		return err
	}
	if err := at(p, "/consent", http.StatusOK); err != nil {
		return err
	}
	f, err := p.Form("request", "answer")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, "answer=yes"); err != nil {
		return err
	}
	if err := p.Want(http.StatusOK); err != nil {
		return err
	}
	if !strings.HasPrefix(p.URL.String(), t.env.Portal+"/") {
		return fmt.Errorf("agreeing led to %s", p.URL.Path)
	}
	return says(p, t.p.Name)
}

func (t *qrWalk) twice(ctx context.Context) error {
	p, err := t.carryOn(ctx)
	if err != nil {
		return err
	}
	if err := at(p, t.screen.URL.Path, http.StatusConflict); err != nil {
		return err
	}
	return says(p, "Mã này đã dùng xong")
}

func (t *qrWalk) chain(ctx context.Context) error {
	other := t.client()
	p, err := other.Open(ctx, t.env.Portal+"/signin")
	if err != nil {
		return err
	}
	f, err := p.FormTo("/signin/qr")
	if err != nil {
		return err
	}
	was := *t
	if err := t.read(f.Submit(ctx, "")); err != nil {
		return err
	}
	p, err = t.typed(ctx, t.computer)
	t.screen, t.code, t.number = was.screen, was.code, was.number
	if err != nil {
		return err
	}
	if err := p.Want(http.StatusForbidden); err != nil {
		return err
	}
	return says(p, "Phiên này không duyệt được cho máy khác")
}

func (t *qrWalk) raise(ctx context.Context) error {
	p, err := t.computer.Open(ctx, t.env.Citizen+"/stepup?journey=passcode_change&return=/security")
	if err != nil {
		return err
	}
	if err := at(p, "/stepup", http.StatusOK); err != nil {
		return err
	}
	if _, err := p.FormTo("/stepup"); err == nil {
		return errors.New("a session that a code opened is offered a step up")
	}
	return says(p, "mật khẩu")
}

func (t *qrWalk) told(ctx context.Context) error {
	text, err := t.message(ctx, t.phone, "the message about the sign-in", t.begun, func(text string) bool { return strings.Contains(text, "bằng mã QR") })
	if err != nil {
		return err
	}
	if !strings.Contains(text, t.env.Citizen+"/freeze/") {
		return errors.New("the message brings no link that locks")
	}
	return nil
}

func (t *qrWalk) end(ctx context.Context) error {
	p, err := t.mobile.Open(ctx, t.env.Citizen+"/security")
	if err != nil {
		return err
	}
	if err := at(p, "/security", http.StatusOK); err != nil {
		return err
	}
	which := ""
	for _, n := range p.All(`main input[name="session"]`) {
		row := n.Parent
		for row.Parent != nil && !strings.Contains(browse.Attr(row, "class"), "row") {
			row = row.Parent
		}
		if strings.Contains(browse.TextOf(row), "đăng nhập bằng mã QR") {
			which = browse.Attr(n, "value")
		}
	}
	if which == "" {
		return errors.New("the session by code is not listed as one")
	}
	f, err := p.FormTo("/security/end")
	if err != nil {
		return err
	}
	if err := f.Set("session", which); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, "/security", http.StatusOK); err != nil {
		return err
	}
	if p.Says("đăng nhập bằng mã QR") {
		return errors.New("the session is still there")
	}
	if p, err = t.computer.Open(ctx, t.env.Citizen+"/security"); err != nil {
		return err
	}
	if err := at(p, "/signin", http.StatusOK); err != nil {
		return err
	}
	return says(p, "Mật khẩu")
}

func (t *qrWalk) looked(ctx context.Context) error {
	return eventually(ctx, 15*time.Second, "the entry about her approval", func() (bool, error) {
		p, err := t.mobile.Open(ctx, t.env.Citizen+"/looked?show=changes")
		if err != nil {
			return false, err
		}
		if err := at(p, "/looked", http.StatusOK); err != nil {
			return false, err
		}
		return p.Says("Duyệt một lần đăng nhập trên máy tính"), nil
	})
}
