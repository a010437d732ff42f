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

// pause waits until an instant.
func pause(ctx context.Context, until time.Time) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(until)):
		return nil
	}
}

// slack is what clocks and jobs may add to a wait.
const slack = 1500 * time.Millisecond

// unfreeze asks for an unlocking by a passkey and a password.
func (t *freezeWalk) unfreeze(ctx context.Context, number, password string, key *browse.Passkey) (*browse.Page, error) {
	p, err := t.client().Open(ctx, t.env.Citizen+"/unfreeze")
	if err != nil {
		return nil, err
	}
	if err := at(p, "/unfreeze", 200); err != nil {
		return nil, err
	}
	f, options, err := p.Options("/unfreeze")
	if err != nil {
		return nil, err
	}
	answer, err := key.Assert(options, p.Origin())
	if err != nil {
		return nil, err
	}
	if err := f.Fill(map[string]string{"number": number, "password": password, "credential": string(answer)}); err != nil {
		return nil, err
	}
	return f.Submit(ctx, "")
}

func (t *freezeWalk) half(ctx context.Context) error {
	p, err := t.unfreeze(ctx, t.p.Number, goodPassword+"x", t.key)
	if err != nil {
		return err
	}
	if err := at(p, "/unfreeze", 422); err != nil {
		return err
	}
	if !p.Says("Mật khẩu không khớp") {
		return errors.New("the page does not say what does not fit")
	}
	return nil
}

func (t *freezeWalk) ask(ctx context.Context) error {
	t.sent = time.Now()
	p, err := t.unfreeze(ctx, t.p.Number, goodPassword, t.key)
	if err != nil {
		return err
	}
	if err := at(p, "/unfreeze", 200); err != nil {
		return err
	}
	if !p.Says("nếu không ai dừng") {
		return errors.New("the page does not say until when it can be stopped")
	}
	return t.alarmed(ctx, t.phone, "the message that somebody asks to unlock", t.sent, "xin mở khóa")
}

func (t *freezeWalk) stop(ctx context.Context) error {
	asked := t.sent
	p, err := t.client().Open(ctx, t.link)
	if err != nil {
		return err
	}
	f, err := p.Form()
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, "/frozen", 200); err != nil {
		return err
	}
	if _, err := t.message(ctx, t.phone, "the message that it was stopped", asked, func(s string) bool { return strings.Contains(s, "đã được dừng") }); err != nil {
		return err
	}
	if err := pause(ctx, asked.Add(t.env.CoolOff+2*slack)); err != nil {
		return err
	}
	return t.refusedSignIn(ctx, t.client())
}

func (t *freezeWalk) thaw(ctx context.Context) error {
	if err := t.ask(ctx); err != nil {
		return err
	}
	asked := t.sent
	if err := pause(ctx, asked.Add(t.env.CoolOff)); err != nil {
		return err
	}
	if _, err := t.message(ctx, t.phone, "the message that it is unlocked", asked, func(s string) bool { return strings.Contains(s, "đã được mở khóa") }); err != nil {
		return err
	}
	// What she had opened before stays closed: she may have locked because of it.
	if err := t.portalRefuses(ctx); err != nil {
		return err
	}
	p, err := t.me.Open(ctx, t.env.Citizen+"/signin?return="+url.QueryEscape("/security"))
	if err != nil {
		return err
	}
	if p, err = t.signIn(ctx, p, t.p.Number, goodPassword, t.phone); err != nil {
		return err
	}
	return at(p, "/security", 200)
}

func (t *freezeWalk) young(ctx context.Context) error {
	p, err := t.unfreeze(ctx, t.other.Number, goodPassword, t.raw)
	if err != nil {
		return err
	}
	if err := at(p, "/unfreeze", 403); err != nil {
		return err
	}
	if !p.Says("chưa đủ lâu") {
		return errors.New("the page does not say that the passkey is too young")
	}
	return nil
}

func (t *freezeWalk) atCounter(ctx context.Context) error {
	o, err := t.env.FindOfficer("approver")
	if err != nil {
		return err
	}
	t.officer, t.desk = o, t.client()
	if _, err := SignInStaff(ctx, t.env, t.desk, t.env.Officer, "/desk", o); err != nil {
		return err
	}
	if err := t.proved(ctx, "account", t.other.Ref, t.other.Number, 2, 3); err != nil {
		return err
	}
	p, err := t.desk.Open(ctx, t.env.Officer+t.visit+"/account")
	if err != nil {
		return err
	}
	if err := at(p, t.visit+"/account", 200); err != nil {
		return err
	}
	if !p.Says("Theo yêu cầu của chủ tài khoản") || !p.Says("Cần chứng minh người ấy có mặt") {
		return errors.New("the page does not say why it is locked, or why it cannot be unlocked")
	}
	if _, err := p.FormTo("/account/unlock"); err == nil {
		return errors.New("an unlocking is offered although nobody knows that she is there")
	}
	// The button that she is not offered is refused too.
	if p, err = t.desk.PostForm(ctx, t.env.Officer+t.visit+"/account/unlock", url.Values{"key": {"own_request"}}); err != nil {
		return err
	}
	if p.Status != 403 {
		return fmt.Errorf("unlocking without her was answered %d", p.Status)
	}
	if p, err = t.her.Open(ctx, t.env.Citizen+"/security"); err != nil {
		return err
	}
	return at(p, "/signin", 200)
}
