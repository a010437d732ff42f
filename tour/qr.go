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

var qrTour = Tour{
	Name:  "qr",
	Story: "she signs in at the portal on a computer by a code that her phone approves, and the code is worth nothing beyond that",
	steps: func(w *walk) []step {
		t := &qrWalk{walk: w}
		return []step{
			{"the sandbox hands out a person and her phone", t.become},
			{"she opens an account at home", t.open},
			{"her phone is signed in by password and code, and makes a passkey", t.equip},
			{"the portal has a computer sign in, and a code stands there for her phone", t.ask},
			{"another browser that knows the address sees neither code nor number", t.stranger},
			{"her phone is told who asks, from where, and to beware", t.shown},
			{"a wrong number voids the code on both screens", t.wrong},
			{"the right number of a new code leads to what she approves, word for word", t.right},
			{"her passkey approves it", t.approve},
			{"the computer goes on to the portal", t.goOn},
			{"the code opens nothing twice", t.twice},
			{"the computer's session approves no other computer", t.chain},
			{"the computer's session is not raised to what takes more", t.raise},
			{"she is told at once, with a link that locks her account", t.told},
			{"her phone names the session as what it is, and ends it", t.end},
			{"who looked shows that she approved it", t.looked},
		}
	},
}

type qrWalk struct {
	*walk
	p            person
	phone        string
	mobile       *browse.Client
	key          *browse.Passkey
	computer     *browse.Client
	screen       *browse.Page // the computer's
	page         *browse.Page // the phone's
	code, number string
	begun        time.Time // before the code that is approved
}

func (t *qrWalk) become(ctx context.Context) (err error) {
	if t.p, err = t.take(ctx, "min=25&max=70&phone=own&exact=1"); err != nil {
		return err
	}
	t.phone = t.p.Phones[0]
	t.note["person"] = t.p.Ref
	return nil
}

func (t *qrWalk) open(ctx context.Context) error {
	_, err := t.openAccount(ctx, t.me, t.p, t.phone, t.env.Citizen+"/open")
	return err
}

func (t *qrWalk) equip(ctx context.Context) error {
	t.mobile = t.client()
	p, err := t.mobile.Open(ctx, t.env.Citizen+"/signin?return=/security/passkeys/new")
	if err != nil {
		return err
	}
	if p, err = t.signIn(ctx, p, t.p.Number, goodPassword, t.phone); err != nil {
		return err
	}
	if err := at(p, "/security/passkeys/new", http.StatusOK); err != nil {
		return err
	}
	f, err := p.Form("label")
	if err != nil {
		return err
	}
	if err := f.Set("label", "Điện thoại"); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := p.Want(http.StatusOK); err != nil {
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
	t.key = key
	if err := f.Set("credential", string(answer)); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, "/security/passkeys", http.StatusOK); err != nil {
		return err
	}
	return says(p, "Điện thoại")
}

// says fails unless a page shows all the words.
func says(p *browse.Page, words ...string) error {
	for _, w := range words {
		if !p.Says(w) {
			return fmt.Errorf("%s (%q) does not say %q", p.URL.Path, p.Heading(), w)
		}
	}
	return nil
}

// read reads what the computer's screen shows.
func (t *qrWalk) read(p *browse.Page, err error) error {
	if err != nil {
		return err
	}
	if err := p.Want(http.StatusOK); err != nil {
		return err
	}
	if !strings.HasPrefix(p.URL.Path, "/signin/qr/") {
		return fmt.Errorf("the code should stand at /signin/qr/…, not %s", p.URL.Path)
	}
	t.screen = p
	t.code, t.number = p.Text(".spoken .n"), p.Text(".match .n")
	if len(t.code) != 9 || t.code[4] != '-' || len(t.number) != 2 {
		return errors.New("the computer shows no code and number")
	}
	for _, secret := range append([]string{t.p.Number, t.p.Name}, t.p.Phones...) {
		if strings.Contains(string(p.Body), secret) {
			return errors.New("the computer's page tells whom it waits for")
		}
	}
	return says(p, "Đăng nhập bằng điện thoại", "Chỉ quét bằng điện thoại của chính bạn", "Cổng dịch vụ công")
}

func (t *qrWalk) ask(ctx context.Context) error {
	t.computer = t.client()
	p, err := t.computer.Open(ctx, t.env.Portal+"/signin")
	if err != nil {
		return err
	}
	if err := at(p, "/signin", http.StatusOK); err != nil {
		return err
	}
	f, err := p.FormTo("/signin/qr")
	if err != nil {
		return err
	}
	return t.read(f.Submit(ctx, ""))
}

func (t *qrWalk) stranger(ctx context.Context) error {
	p, err := t.client().Open(ctx, t.screen.URL.String())
	if err != nil {
		return err
	}
	if err := at(p, "/signin", http.StatusOK); err != nil {
		return err
	}
	if p.Says(t.code) {
		return errors.New("another browser is shown the code")
	}
	return says(p, "Mật khẩu")
}

// typed types the code in a browser.
func (t *qrWalk) typed(ctx context.Context, c *browse.Client) (*browse.Page, error) {
	p, err := c.Open(ctx, t.env.Citizen+"/q")
	if err != nil {
		return nil, err
	}
	if err := at(p, "/q", http.StatusOK); err != nil {
		return nil, err
	}
	return send(ctx, p, "code", strings.ToLower(t.code))
}

func (t *qrWalk) shown(ctx context.Context) (err error) {
	if t.page, err = t.typed(ctx, t.mobile); err != nil {
		return err
	}
	if err := at(t.page, "/q/"+strings.ReplaceAll(t.code, "-", ""), http.StatusOK); err != nil {
		return err
	}
	if err := says(t.page, "Cổng dịch vụ công", "Máy và trình duyệt", "Từ đâu", "Ai gửi cho bạn mã này là lừa đảo", "hôm nay"); err != nil {
		return err
	}
	if n := len(t.page.All(".picks button")); n != 3 {
		return fmt.Errorf("%d numbers stand there, not three", n)
	}
	return says(t.page, t.number)
}

// press presses one of the numbers.
func (t *qrWalk) press(ctx context.Context, number string) (*browse.Page, error) {
	f, err := t.page.FormTo("/q/" + strings.ReplaceAll(t.code, "-", ""))
	if err != nil {
		return nil, err
	}
	return f.Submit(ctx, "answer="+number)
}

func (t *qrWalk) wrong(ctx context.Context) error {
	other := ""
	for _, b := range t.page.All(".picks button") {
		if n := browse.Attr(b, "value"); n != t.number {
			other = n
		}
	}
	p, err := t.press(ctx, other)
	if err != nil {
		return err
	}
	if err := says(p, "Số chưa đúng, mã đã bị hủy"); err != nil {
		return err
	}
	if p, err = t.computer.Open(ctx, t.screen.URL.String()); err != nil {
		return err
	}
	if err := at(p, t.screen.URL.Path, http.StatusOK); err != nil {
		return err
	}
	t.screen = p
	return says(p, "Điện thoại đã chọn sai số")
}

func (t *qrWalk) right(ctx context.Context) error {
	t.begun = time.Now()
	f, err := t.screen.FormTo("/signin/qr")
	if err != nil {
		return err
	}
	if err := t.read(f.Submit(ctx, "")); err != nil {
		return err
	}
	if err := t.shown(ctx); err != nil {
		return err
	}
	if t.page, err = t.press(ctx, t.number); err != nil {
		return err
	}
	if err := t.page.Want(http.StatusOK); err != nil {
		return err
	}
	if !strings.HasPrefix(t.page.URL.Path, "/approve/") {
		return fmt.Errorf("the right number led to %s (%q)", t.page.URL.Path, t.page.Heading())
	}
	return says(t.page, "Cho máy tính này vào tài khoản?", "Cổng dịch vụ công", t.code, t.number, "Từ chối")
}

func (t *qrWalk) approve(ctx context.Context) error {
	f, options, err := t.page.Options(t.page.URL.Path)
	if err != nil {
		return err
	}
	answer, err := t.key.Assert(options, t.page.Origin())
	if err != nil {
		return err
	}
	if err := f.Set("credential", string(answer)); err != nil {
		return err
	}
	p, err := f.Submit(ctx, "by=passkey")
	if err != nil {
		return err
	}
	if err := at(p, "/q/"+strings.ReplaceAll(t.code, "-", ""), http.StatusOK); err != nil {
		return err
	}
	return says(p, "Đã duyệt", "rồi tự đăng xuất")
}
