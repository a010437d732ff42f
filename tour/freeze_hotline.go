// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"
)

// call writes a caller's words down and gives what the officer sees.
func (t *freezeWalk) call(ctx context.Context, number string) (string, error) {
	p, err := t.desk.Open(ctx, t.env.Officer+"/hotline")
	if err != nil {
		return "", err
	}
	f, err := p.Form("number", "words")
	if err != nil {
		return "", err
	}
	if err := f.Fill(map[string]string{"number": number, "words": "Người gọi nói bị lấy mất điện thoại"}); err != nil {
		return "", err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return "", err
	}
	if err := at(p, "/hotline", 200); err != nil {
		return "", err
	}
	if !p.Says("Đã ghi nhận") {
		return "", errors.New("the page does not say that the call was taken")
	}
	return p.Text("main"), nil
}

func (t *freezeWalk) hotline(ctx context.Context) error {
	o, err := t.env.FindOfficer("hotline")
	if err != nil {
		return err
	}
	t.desk = t.client()
	p, err := SignInStaff(ctx, t.env, t.desk, t.env.Officer, "/hotline", o)
	if err != nil {
		return err
	}
	if err := at(p, "/hotline", 200); err != nil {
		return err
	}
	t.sent = time.Now()
	hers, err := t.call(ctx, t.p.Number)
	if err != nil {
		return err
	}
	// A well-formed number of nobody: its serial is beyond what the sandbox gives out.
	nobodys, err := t.call(ctx, t.p.Number[:6]+"999998")
	if err != nil {
		return err
	}
	if hers != nobodys || strings.Contains(hers, t.p.Name) {
		return errors.New("the page tells the officer who has an account")
	}
	if _, err := t.message(ctx, t.phone, "the message that the hotline locked it", t.sent, func(s string) bool {
		return strings.Contains(s, "tạm khóa") && strings.Contains(s, "đường dây nóng")
	}); err != nil {
		return err
	}
	if p, err = t.me.Open(ctx, t.env.Citizen+"/security"); err != nil {
		return err
	}
	return at(p, "/signin", 200)
}

func (t *freezeWalk) hotlineOnly(ctx context.Context) error {
	for _, path := range []string{"/desk", "/cases", "/dossiers", "/signals", "/warrants", "/scams", "/operations"} {
		p, err := t.desk.Open(ctx, t.env.Officer+path)
		if err != nil {
			return err
		}
		if err := at(p, path, 403); err != nil {
			return err
		}
	}
	return nil
}

func (t *freezeWalk) tap(ctx context.Context) error {
	phone := t.other.Phones[0]
	if _, err := t.openAccount(ctx, t.client(), t.other, phone, t.env.Citizen+"/open"); err != nil {
		return err
	}
	t.her = t.client()
	p, err := t.her.Open(ctx, t.env.Citizen+"/signin?return="+url.QueryEscape("/security"))
	if err != nil {
		return err
	}
	if p, err = t.signIn(ctx, p, t.other.Number, goodPassword, phone); err != nil {
		return err
	}
	if err := onSecurity(p); err != nil {
		return err
	}
	if t.raw, err = t.newPasskey(ctx, t.her); err != nil {
		return err
	}
	t.sent = time.Now()
	if p, err = t.her.Open(ctx, t.env.Citizen+"/freeze"); err != nil {
		return err
	}
	if err := at(p, "/freeze", 200); err != nil {
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
	if p, err = t.her.Open(ctx, t.env.Citizen+"/security"); err != nil {
		return err
	}
	return at(p, "/signin", 200)
}
