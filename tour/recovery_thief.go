// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"danh/internal/browse"
)

func (t *recoveryWalk) swap(ctx context.Context) error {
	p, err := t.client().PostForm(ctx, t.env.Sandbox+"/sim/swap", url.Values{"phone": {t.ada.phone}})
	if err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	if p.Text("table") == "" || strings.Contains(p.Text("table"), "never") {
		return errors.New("the carrier's register does not say that the SIM card was changed")
	}
	began := time.Now()
	if p, err = t.ask(ctx, t.thief, "password", t.ada, nil); err != nil {
		return err
	}
	if p, err = t.proveBy(ctx, p, "otp", "Không đọc mã cho ai"); err != nil {
		return err
	}
	p, err = pressed(ctx, p, "/recover/code", "", nil)
	if p, err = on(p, err, "/recover/course", "Xác nhận mã"); err != nil {
		return err
	}
	if _, err = t.stopLink(ctx, t.ada.phone, began, "SIM của bạn vừa đổi"); err != nil {
		return err
	}
	all, err := t.messages(ctx, t.ada.phone)
	if err != nil {
		return err
	}
	for _, m := range all {
		if codeForm.MatchString(m.Text) && strings.Contains(m.Text, "lấy lại tài khoản") {
			return errors.New("a code went to a SIM card that was changed a moment ago")
		}
	}
	if p, err = pressed(ctx, p, "/recover/confirm", "", map[string]string{"code": "123456"}); err != nil {
		return err
	}
	if p.Status != 422 || !p.Says("Chứng minh là bạn") {
		return fmt.Errorf("a guessed code is answered %d %q", p.Status, p.Heading())
	}
	return nil
}

func (t *recoveryWalk) stopByLink(ctx context.Context) error {
	link, err := t.stopLink(ctx, t.ada.phone, time.Now().Add(-time.Hour), "Có người xin lấy lại")
	if err != nil {
		return err
	}
	anybody := t.client()
	p, err := anybody.Open(ctx, link)
	if err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	if !p.Says("Có người xin đặt lại mật khẩu của bạn") || p.Says(t.ada.Number) {
		return errors.New("the page of a link does not say what it stops, or says whose it is")
	}
	still, err := t.thief.Open(ctx, t.env.Citizen+"/recover/course")
	if _, err = on(still, err, "/recover/course", "Chứng minh là bạn"); err != nil {
		return err
	}
	p, err = pressed(ctx, p, p.URL.Path, "", nil)
	if _, err = on(p, err, "/recover/stopped", "Không có gì thay đổi", "Khóa tài khoản"); err != nil {
		return err
	}
	if p, err = anybody.Open(ctx, link); err != nil {
		return err
	}
	if p.Status != 404 || !p.Says("không còn dừng được gì") {
		return fmt.Errorf("a link that was used is answered %d %q", p.Status, p.Heading())
	}
	p, err = t.thief.Open(ctx, t.env.Citizen+"/recover/course")
	_, err = on(p, err, "/recover/course", "Yêu cầu đã dừng")
	return err
}

// enter signs somebody in in a browser that has not been here.
func (t *recoveryWalk) enter(ctx context.Context, c *browse.Client, who lostOne, path, pass string) (*browse.Page, error) {
	p, err := c.Open(ctx, t.env.Citizen+"/signin?return="+url.QueryEscape(path))
	if _, err = on(p, err, "/signin"); err != nil {
		return nil, err
	}
	p, err = t.signIn(ctx, p, who.Number, pass, who.phone)
	return on(p, err, path)
}

func (t *recoveryWalk) codes(ctx context.Context) error {
	t.ada.own = t.client()
	p, err := t.enter(ctx, t.ada.own, t.ada, "/security/codes", t.ada.pass)
	if _, err = on(p, err, "/security/codes", "Bạn chưa có mã nào"); err != nil {
		return err
	}
	p, err = pressed(ctx, p, "/security/codes", "", nil)
	if _, err = on(p, err, "/security/codes", "Chỉ hiện một lần này"); err != nil {
		return err
	}
	t.made = time.Now()
	t.paper = nil
	for _, n := range p.All("ol.codes code") {
		t.paper = append(t.paper, browse.TextOf(n))
	}
	if len(t.paper) != 10 || t.paper[0] == t.paper[1] {
		return fmt.Errorf("%d codes are shown", len(t.paper))
	}
	p, err = t.ada.own.Open(ctx, t.env.Citizen+"/security/codes")
	if _, err = on(p, err, "/security/codes", "10 / 10"); err != nil {
		return err
	}
	if p.Says(t.paper[0]) {
		return errors.New("codes are shown twice")
	}
	return nil
}

func (t *recoveryWalk) waits(ctx context.Context) error {
	p, err := t.ask(ctx, t.thief, "password", t.bao, nil)
	if err != nil {
		return err
	}
	if p, err = t.proveBy(ctx, p, "otp"); err != nil {
		return err
	}
	p, code, err := t.codeTo(ctx, p, t.bao.phone, nil)
	if err != nil {
		return err
	}
	p, err = pressed(ctx, p, "/recover/confirm", "", map[string]string{"code": code})
	if p, err = on(p, err, "/recover/course", "Đang chờ", "Đã báo mọi kênh"); err != nil {
		return err
	}
	if len(p.All(`input[name="password"]`)) > 0 {
		return errors.New("a password is asked for before the wait is over")
	}
	if p, err = t.thief.PostForm(ctx, t.env.Citizen+"/recover/finish", url.Values{"password": {recoveredPassword}, "again": {recoveredPassword}}); err != nil {
		return err
	}
	if p.Status != 409 || !p.Says("Chưa hết thời gian chờ") {
		return fmt.Errorf("finishing early is answered %d %q", p.Status, p.Heading())
	}
	_, err = t.stopLink(ctx, t.bao.phone, time.Now().Add(-time.Minute), "sẽ xong từ")
	return err
}

func (t *recoveryWalk) stopAtHome(ctx context.Context) error {
	p, err := t.bao.own.Open(ctx, t.env.Citizen+"/")
	if p, err = on(p, err, "/", "Có người xin lấy lại tài khoản của bạn"); err != nil {
		return err
	}
	p, err = p.Follow(ctx, "/recover/requests")
	if p, err = on(p, err, "/recover/requests", "Quên mật khẩu"); err != nil {
		return err
	}
	p, err = pressed(ctx, p, "/stop", "", nil)
	if _, err = on(p, err, "/recover/stopped", "Không có gì thay đổi"); err != nil {
		return err
	}
	if p, err = t.thief.PostForm(ctx, t.env.Citizen+"/recover/finish", url.Values{"password": {recoveredPassword}, "again": {recoveredPassword}}); err != nil {
		return err
	}
	if p.Says("đã dùng được") || p.Status == 200 {
		return errors.New("what was stopped was finished")
	}
	p, err = t.thief.Open(ctx, t.env.Citizen+"/recover/course")
	_, err = on(p, err, "/recover/course", "Yêu cầu đã dừng")
	return err
}
