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

	"danh/internal/browse"
)

var recoveryTour = Tour{
	Name:  "recovery",
	Story: "four people lose a password, a passcode, a phone and a number and get their accounts back, and two who try it with stolen data are stopped",
	steps: func(w *walk) []step {
		t := &recoveryWalk{counter: counter{walk: w}}
		return []step{
			{"the sandbox hands out four people, who open accounts", t.become},
			{"a thief has a new SIM card for Ada's number: no code goes there, and she hears why", t.swap},
			{"she stops him by the link of the message, which works once; fetching it stops nothing", t.stopByLink},
			{"Ada signs in on another device and makes ten codes on paper, shown once", t.codes},
			{"somebody who knows everything about Bao, and talks a code out of him, waits a week or what stands for it", t.waits},
			{"Bao sees it on his first page and stops it with one tap; nothing has changed", t.stopAtHome},
			{"Chi forgot her password: details and a code, on the browser that she uses, and a wait", t.forgot},
			{"Ada lost her phone: one of the codes on paper proves her, once, and she waits", t.lost},
			{"Bao has a new number: a code goes there, he approves it word for word on his device, the old number is told", t.number},
			{"Dan lost phone and number: the new one is confirmed, and he goes to a counter", t.both},
			{"an officer takes his fingers and vouches for him; alone she confirms nothing", t.vouched},
			{"the second officer, who was drawn, confirms it, and Dan is in at once on his new phone", t.confirmed},
			{"Chi's wait is over: she sets a password and signs in with it; the forgotten one is worth nothing", t.fresh},
			{"Ada's wait is over: her account is on this device, and the lost phone is signed out", t.moved},
			{"Bao's wait is over: his account has the new number", t.changed},
			{"Ada forgot the passcode too: another code on paper, a wait, and it is taken away", t.passcode},
			{"a changed identity number is answered alike for everybody, and on the account's own channels", t.identity},
			{"somebody reports that Chi died: a registrar reads it, nobody is let in, and she says that she is alive", t.death},
		}
	},
}

// lostOne is somebody of the tour: who she is, her phone and her browsers.
type lostOne struct {
	person
	phone string
	own   *browse.Client // that she opened her account with
	other *browse.Client // where she gets it back
	pass  string
}

type recoveryWalk struct {
	counter

	ada, bao, chi, dan lostOne
	thief              *browse.Client
	paper              []string
	made               time.Time // when the codes on paper were
	spareNumber        string    // Bao's new one
	danNumber          string
	request            string // the code of Dan's request
	passkey            *browse.Passkey
}

// recoveredPassword cannot hold anybody's name: Vietnamese has none of its letters.
const recoveredPassword = "Zf-jwqz-93!w"

// on checks where a page is and what it says.
func on(p *browse.Page, err error, path string, says ...string) (*browse.Page, error) {
	if err != nil {
		return nil, err
	}
	if err := at(p, path, 200); err != nil {
		return nil, err
	}
	for _, s := range says {
		if !p.Says(s) {
			return nil, fmt.Errorf("%s does not say %q: %q", path, s, p.Heading())
		}
	}
	return p, nil
}

// press sends one of a page's forms.
func pressed(ctx context.Context, p *browse.Page, to, button string, values map[string]string) (*browse.Page, error) {
	f, err := p.FormTo(to)
	if err != nil {
		return nil, err
	}
	if err := f.Fill(values); err != nil {
		return nil, err
	}
	return f.Submit(ctx, button)
}

func (t *recoveryWalk) become(ctx context.Context) error {
	for _, who := range []struct {
		one  *lostOne
		wish string
	}{{&t.ada, "min=20&max=70&phone=own&exact=1"}, {&t.bao, "min=20&max=70&phone=own&exact=1"}, {&t.chi, "min=20&max=70&phone=own&exact=1"}, {&t.dan, "min=20&phone=own&exact=1&card=cccd_chip&prints=yes"}} {
		p, err := t.take(ctx, who.wish)
		if err != nil {
			return err
		}
		*who.one = lostOne{person: p, phone: p.Phones[0], own: t.client(), other: t.client(), pass: goodPassword}
		page, err := t.openAccount(ctx, who.one.own, p, who.one.phone, t.env.Citizen+"/open")
		if err != nil {
			return err
		}
		if page.Says("tạm thời") || !page.Says("mức 1") {
			return errors.New("the account is provisional, or does not name its level")
		}
	}
	t.thief, t.spareNumber, t.danNumber = t.client(), spare(t.bao.person), spare(t.dan.person)
	return nil
}

// ask begins a request in a browser.
func (t *recoveryWalk) ask(ctx context.Context, c *browse.Client, kind string, who lostOne, more map[string]string) (*browse.Page, error) {
	p, err := c.Open(ctx, t.env.Citizen+"/recover/begin?kind="+kind)
	if p, err = on(p, err, "/recover/begin"); err != nil {
		return nil, err
	}
	in := map[string]string{"number": who.Number, "name": who.Name, "birth_date": who.born()}
	for k, v := range more {
		in[k] = v
	}
	if p, err = pressed(ctx, p, "/recover/begin", "", in); err != nil {
		return nil, err
	}
	if _, err := on(p, nil, "/recover/course"); err != nil {
		return nil, err
	}
	if p.Says(who.Number) || p.Says(who.Name) {
		return nil, errors.New("the page of a request shows whom it is about")
	}
	return p, nil
}

// proveBy chooses a way.
func (t *recoveryWalk) proveBy(ctx context.Context, p *browse.Page, way string, says ...string) (*browse.Page, error) {
	p, err := pressed(ctx, p, "/recover/way", "way="+way, nil)
	return on(p, err, "/recover/course", says...)
}

// texts are the messages that a phone has, to tell those that come later.
func (t *recoveryWalk) texts(ctx context.Context, phone string) (map[string]bool, error) {
	all, err := t.messages(ctx, phone)
	old := map[string]bool{}
	for _, m := range all {
		old[m.Text] = true
	}
	return old, err
}

// codeTo asks for a code by a page's form and reads it at a phone.
func (t *recoveryWalk) codeTo(ctx context.Context, p *browse.Page, phone string, values map[string]string) (*browse.Page, string, error) {
	old, err := t.texts(ctx, phone)
	if err != nil {
		return nil, "", err
	}
	sent := time.Now()
	p, err = pressed(ctx, p, "/recover/code", "", values)
	if p, err = on(p, err, "/recover/course", "Xác nhận mã"); err != nil {
		return nil, "", err
	}
	text, err := t.message(ctx, phone, "the code that recovers", sent, func(s string) bool {
		return !old[s] && codeForm.MatchString(s) && strings.Contains(s, "lấy lại tài khoản") && strings.Contains(s, "không bao giờ gọi")
	})
	if err != nil {
		return nil, "", err
	}
	return p, codeForm.FindStringSubmatch(text)[1], nil
}

var stopForm = regexp.MustCompile(`https?://\S+/recover/stop/[a-z2-9]{26}`)

// stopLink waits for a message with words and gives the link in it.
func (t *recoveryWalk) stopLink(ctx context.Context, phone string, after time.Time, words string) (string, error) {
	text, err := t.message(ctx, phone, "the message with the link that stops", after, func(s string) bool { return strings.Contains(s, words) && stopForm.MatchString(s) })
	return stopForm.FindString(text), err
}

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
	return t.finish(ctx, c, "Mật mã cũ đã bị xoá")
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
	if p, err = on(p, err, "/deaths/"+code, "Con trai, báo nhầm", t.chi.Name); err != nil {
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
