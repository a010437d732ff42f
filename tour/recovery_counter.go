// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

var requestCode = regexp.MustCompile(`KP-\d\d-[0-9A-Z]{4}-[0-9A-Z]{4}`)

func (t *recoveryWalk) both(ctx context.Context) error {
	p, err := t.ask(ctx, t.dan.other, "phone_and_number", t.dan, nil)
	if err != nil {
		return err
	}
	p, code, err := t.codeTo(ctx, p, t.danNumber, map[string]string{"phone": t.danNumber})
	if err != nil {
		return err
	}
	p, err = pressed(ctx, p, "/recover/confirm", "", map[string]string{"code": code})
	if p, err = on(p, err, "/recover/course", "Số mới đã xác nhận"); err != nil {
		return err
	}
	if p, err = t.proveBy(ctx, p, "counter", "Mang thẻ căn cước và mã này đến quầy"); err != nil {
		return err
	}
	if t.request = requestCode.FindString(p.Text(".receipt .code")); t.request == "" {
		return errors.New("the page shows no code to bring")
	}
	t.note["request"] = t.request
	return nil
}

func (t *recoveryWalk) vouched(ctx context.Context) error {
	if err := t.atWork(ctx); err != nil {
		return err
	}
	t.p = t.dan.person
	if err := t.proved(ctx, "enrolment", t.dan.Ref, t.dan.Number, 2, 3); err != nil {
		return err
	}
	p, err := t.desk.Open(ctx, t.env.Officer+t.visit+"/recovery")
	if p, err = on(p, err, t.visit+"/recovery", "Người này xin lấy lại tài khoản"); err != nil {
		return err
	}
	p, err = pressed(ctx, p, p.URL.Path, "", map[string]string{"code": t.request})
	if _, err = on(p, err, t.visit+"/recovery", "Cán bộ thứ hai đã được rút thăm"); err != nil {
		return err
	}
	// She cannot do the second part herself.
	if p, err = t.desk.PostForm(ctx, t.env.Officer+"/recoveries/"+t.request, url.Values{"answer": {"yes"}}); err != nil {
		return err
	}
	if p.Status != 403 {
		return fmt.Errorf("one officer alone is answered %d", p.Status)
	}
	p, err = t.dan.other.Open(ctx, t.env.Citizen+"/recover/course")
	_, err = on(p, err, "/recover/course", "Chờ cán bộ thứ hai xác nhận")
	return err
}

func (t *recoveryWalk) confirmed(ctx context.Context) error {
	found := false
	for _, o := range t.approvers() {
		bench := t.client()
		p, err := SignInStaff(ctx, t.env, bench, t.env.Officer, "/recoveries", o)
		if p, err = on(p, err, "/recoveries", "Bạn được rút thăm làm cán bộ thứ hai"); err != nil {
			return err
		}
		if !p.Says(t.request) {
			continue
		}
		found = true
		p, err = pressed(ctx, p, "/recoveries/"+t.request, "answer=yes", nil)
		if _, err = on(p, err, "/recoveries", "Đã xác nhận"); err != nil {
			return err
		}
		break
	}
	if !found {
		return errors.New("the request waits for no sample officer")
	}
	began := time.Now()
	if err := t.finish(ctx, t.dan.other, "Tài khoản đã chuyển sang máy và số này"); err != nil {
		return err
	}
	if _, err := t.message(ctx, t.dan.phone, "the word to the earlier number", began, func(s string) bool {
		return strings.Contains(s, "đã được lấy lại") && strings.Contains(s, "/freeze/")
	}); err != nil {
		return err
	}
	t.dan.phone = t.danNumber
	p, err := t.dan.other.Open(ctx, t.env.Citizen+"/security")
	_, err = on(p, err, "/security")
	return err
}
