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

func (t *recoveryWalk) forgot(ctx context.Context) error {
	t.chi.other = t.chi.own // the browser that she uses, signed out
	p, err := t.chi.own.Open(ctx, t.env.Citizen+"/")
	if p, err = on(p, err, "/"); err != nil {
		return err
	}
	p, err = pressed(ctx, p, "/signout", "", nil)
	if p, err = on(p, err, "/signin"); err != nil {
		return err
	}
	p, err = p.Follow(ctx, "/recover")
	if _, err = on(p, err, "/recover", "Quên mật khẩu"); err != nil {
		return err
	}
	if p, err = t.ask(ctx, t.chi.own, "password", t.chi, nil); err != nil {
		return err
	}
	if p, err = t.proveBy(ctx, p, "otp"); err != nil {
		return err
	}
	p, code, err := t.codeTo(ctx, p, t.chi.phone, nil)
	if err != nil {
		return err
	}
	p, err = pressed(ctx, p, "/recover/confirm", "", map[string]string{"code": code})
	_, err = on(p, err, "/recover/course", "Đang chờ")
	return err
}

func (t *recoveryWalk) lost(ctx context.Context) error {
	// Younger codes recover nothing: a thief may have made them.
	if err := pause(ctx, t.made.Add(t.env.CoolOff+slack)); err != nil {
		return err
	}
	p, err := t.ask(ctx, t.ada.other, "phone_lost", t.ada, nil)
	if err != nil {
		return err
	}
	if len(p.All(`button[value="otp"]`)) > 0 {
		return errors.New("a code to the lost phone is offered")
	}
	if p, err = t.proveBy(ctx, p, "codes", "Mã khôi phục"); err != nil {
		return err
	}
	if p, err = pressed(ctx, p, "/recover/paper", "", map[string]string{"paper": "ABCD-2345-EFGH"}); err != nil {
		return err
	}
	if p.Status != 422 || !p.Says("không khớp") {
		return fmt.Errorf("a code that nobody made is answered %d %q", p.Status, p.Heading())
	}
	p, err = pressed(ctx, p, "/recover/paper", "", map[string]string{"paper": strings.ToLower(t.paper[2])})
	_, err = on(p, err, "/recover/course", "Đang chờ", "Mã khôi phục in trên giấy")
	return err
}

func (t *recoveryWalk) number(ctx context.Context) error {
	t.bao.other = t.client()
	p, err := t.enter(ctx, t.bao.other, t.bao, "/security/passkeys/new", t.bao.pass)
	if err != nil {
		return err
	}
	if p, err = pressed(ctx, p, "/security/passkeys/new", "", map[string]string{"label": "tour"}); err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	f, options, err := p.Options("/security/passkeys")
	if err != nil {
		return err
	}
	key, answer, err := browse.RegisterPasskey(options, p.Origin())
	if err != nil {
		return err
	}
	t.passkey = key
	if err := f.Set("credential", string(answer)); err != nil {
		return err
	}
	p, err = f.Submit(ctx, "")
	if _, err = on(p, err, "/security/passkeys"); err != nil {
		return err
	}
	p, err = t.bao.other.Open(ctx, t.env.Citizen+"/recover/begin?kind=phone_number")
	if p, err = on(p, err, "/recover/begin"); err != nil {
		return err
	}
	p, err = pressed(ctx, p, "/recover/begin", "", nil)
	if p, err = on(p, err, "/recover/course", "Số mới của bạn"); err != nil {
		return err
	}
	p, code, err := t.codeTo(ctx, p, t.spareNumber, map[string]string{"phone": t.spareNumber})
	if err != nil {
		return err
	}
	p, err = pressed(ctx, p, "/recover/confirm", "", map[string]string{"code": code})
	if p, err = on(p, err, "/recover/course", "Số mới đã xác nhận"); err != nil {
		return err
	}
	if p, err = t.proveBy(ctx, p, "device", "Bạn xem lại số mới"); err != nil {
		return err
	}
	if p, err = pressed(ctx, p, "/recover/device", "", nil); err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	if !p.Says(t.spareNumber[:4]+" "+t.spareNumber[4:7]+" "+t.spareNumber[7:]) || !p.Says("Đổi số điện thoại") {
		return errors.New("the page does not show the number that is approved")
	}
	if f, options, err = p.Options(p.URL.Path); err != nil {
		return err
	}
	signed, err := key.Assert(options, p.Origin())
	if err != nil {
		return err
	}
	if err := f.Set("credential", string(signed)); err != nil {
		return err
	}
	old := time.Now()
	p, err = f.Submit(ctx, "by=passkey")
	if _, err = on(p, err, "/recover/course", "Đang chờ"); err != nil {
		return err
	}
	_, err = t.stopLink(ctx, t.bao.phone, old, "đổi số điện thoại")
	return err
}
