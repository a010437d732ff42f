// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"danh/internal/browse"
)

// finish waits until a request can be finished, and does.
func (t *recoveryWalk) finish(ctx context.Context, c *browse.Client, says string) error {
	var p *browse.Page
	err := eventually(ctx, 60*time.Second, "the end of the wait", func() (ok bool, err error) {
		if p, err = c.Open(ctx, t.env.Citizen+"/recover/course"); err != nil {
			return false, err
		}
		if err := at(p, "/recover/course", 200); err != nil {
			return false, err
		}
		if p.Says("Đã đến lúc hoàn tất") {
			return true, nil
		}
		if !p.Says("Đang chờ") {
			return false, fmt.Errorf("the request stands at %q", p.Heading())
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	values := map[string]string{}
	if len(p.All(`input[name="password"]`)) > 0 {
		values = map[string]string{"password": recoveredPassword, "again": recoveredPassword}
	}
	p, err = pressed(ctx, p, "/recover/finish", "", values)
	_, err = on(p, err, "/recover/course", says)
	return err
}

func (t *recoveryWalk) fresh(ctx context.Context) error {
	if err := t.finish(ctx, t.chi.own, "Mật khẩu mới đã dùng được"); err != nil {
		return err
	}
	p, err := t.client().Open(ctx, t.env.Citizen+"/signin")
	if _, err = on(p, err, "/signin"); err != nil {
		return err
	}
	if p, err = signIn(ctx, p, t.chi.Number, t.chi.pass); err != nil {
		return err
	}
	if p.Status != 422 {
		return fmt.Errorf("the forgotten password is answered %d", p.Status)
	}
	t.chi.pass = recoveredPassword
	_, err = t.enter(ctx, t.client(), t.chi, "/security", t.chi.pass)
	return err
}

func (t *recoveryWalk) moved(ctx context.Context) error {
	if err := t.finish(ctx, t.ada.other, "Tài khoản đã chuyển sang máy này"); err != nil {
		return err
	}
	t.ada.pass = recoveredPassword
	p, err := t.ada.other.Open(ctx, t.env.Citizen+"/security")
	if _, err = on(p, err, "/security"); err != nil {
		return err
	}
	p, err = t.ada.own.Open(ctx, t.env.Citizen+"/security")
	_, err = on(p, err, "/signin")
	return err
}

func (t *recoveryWalk) changed(ctx context.Context) error {
	began := time.Now()
	if err := t.finish(ctx, t.bao.other, "Số mới đã dùng được"); err != nil {
		return err
	}
	for _, phone := range []string{t.bao.phone, t.spareNumber} {
		if _, err := t.message(ctx, phone, "the word that the phone was changed", began, func(s string) bool {
			return strings.Contains(s, "Số điện thoại của tài khoản vừa được đổi")
		}); err != nil {
			return err
		}
	}
	t.bao.phone = t.spareNumber
	return nil
}

func (t *recoveryWalk) passcode(ctx context.Context) error {
	c := t.client()
	p, err := t.ask(ctx, c, "passcode", t.ada, nil)
	if err != nil {
		return err
	}
	if p, err = t.proveBy(ctx, p, "codes"); err != nil {
		return err
	}
	if p, err = pressed(ctx, p, "/recover/paper", "", map[string]string{"paper": t.paper[2]}); err != nil {
		return err
	}
	if p.Status != 422 || !p.Says("không khớp") {
		return fmt.Errorf("a code that was used is answered %d %q", p.Status, p.Heading())
	}
	p, err = pressed(ctx, p, "/recover/paper", "", map[string]string{"paper": t.paper[7]})
	if _, err = on(p, err, "/recover/course", "Đang chờ"); err != nil {
		return err
	}
	return t.finish(ctx, c, "Mã passcode cũ đã bị xoá")
}

func (t *recoveryWalk) identity(ctx context.Context) error {
	began := time.Now()
	said := ""
	for _, who := range []lostOne{t.bao, {person: person{Number: "001199999999", Name: "Không Có Ai", BirthDate: t.bao.BirthDate}}} {
		p, err := t.ask(ctx, t.client(), "number_changed", who, map[string]string{"new_number": "001190999998"})
		if _, err = on(p, err, "/recover/course", "Trả lời tới kênh của bạn"); err != nil {
			return err
		}
		if now := p.Heading() + p.Text(".lede"); said != "" && now != said {
			return errors.New("the answer tells a number with an account from one without")
		} else {
			said = now
		}
	}
	_, err := t.message(ctx, t.bao.phone, "the answer on his own phone", began, func(s string) bool { return strings.Contains(s, "chưa có trong") })
	return err
}

func (t *recoveryWalk) death(ctx context.Context) error {
	began := time.Now()
	relative := t.client()
	p, err := t.ask(ctx, relative, "death", t.chi, map[string]string{"words": "Con trai, báo nhầm"})
	if p, err = on(p, err, "/recover/course", "Đã nhận tin báo"); err != nil {
		return err
	}
	code := requestCode.FindString(p.Text(".receipt .code"))
	if code == "" || len(p.All(`input[name="password"]`)) > 0 {
		return errors.New("a report has no code, or asks for a password")
	}
	link, err := t.stopLink(ctx, t.chi.phone, began, "báo với chúng tôi rằng bạn đã mất")
	if err != nil {
		return err
	}
	registrar, err := t.env.FindOfficer("registrar")
	if err != nil {
		return err
	}
	bench := t.client()
	p, err = SignInStaff(ctx, t.env, bench, t.env.Officer, "/deaths/"+code, registrar)
	if _, err = on(p, err, "/deaths/"+code, "Con trai, báo nhầm", t.chi.Name); err != nil {
		return err
	}
	p, err = t.chi.own.Open(ctx, t.env.Citizen+"/security")
	if _, err = on(p, err, "/security"); err != nil {
		return err
	}
	if p, err = t.client().Open(ctx, link); err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	p, err = pressed(ctx, p, p.URL.Path, "", nil)
	if _, err = on(p, err, "/recover/stopped", "Đã ghi nhận"); err != nil {
		return err
	}
	p, err = bench.Open(ctx, t.env.Officer+"/deaths/"+code)
	_, err = on(p, err, "/deaths/"+code, "mình vẫn sống")
	return err
}
