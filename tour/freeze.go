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

var freezeTour = Tour{
	Name:  "freeze",
	Story: "somebody locks her account by the link in an alarm and has it unlocked by passkey and password after a wait that one link stops; the hotline locks and does nothing else; a passkey that is too young unlocks nothing, and no counter does without her",
	steps: func(w *walk) []step {
		t := &freezeWalk{counter: counter{walk: w}}
		return []step{
			{"the sandbox hands out two people", t.become},
			{"one opens an account and is signed in at the portal too", t.open},
			{"a sign-in on another browser alarms her phone: which device, from where, and a link", t.alarm},
			{"there she makes a passkey, and is told of that too", t.makePasskey},
			{"opening the link changes nothing", t.look},
			{"pressing its one button ends every session at once, also the portal's", t.press},
			{"the link locks once; the right password signs in nowhere", t.dead},
			{"passkey without the password unlocks nothing", t.half},
			{"passkey and password begin a wait, and every channel is told", t.ask},
			{"one link stops it: it stays locked after the wait is over", t.stop},
			{"asked again and stopped by nobody, it opens after the wait", t.thaw},
			{"who looked shows her who unlocked it", t.looked},
			{"an officer at the hotline locks it on a caller's word, and sees neither her nor whether a number exists", t.hotline},
			{"to that officer every other place is closed", t.hotlineOnly},
			{"the other one makes a passkey and locks with one tap", t.tap},
			{"her passkey is too young to unlock it", t.young},
			{"prints from a file prove to no counter that she is there: no officer can unlock it", t.atCounter},
		}
	},
}

type freezeWalk struct {
	counter
	other    person
	her      *browse.Client // the other's browser
	computer *browse.Client // the first one's second browser
	key, raw *browse.Passkey
	made     time.Time // the first passkey
	link     string
}

var freezeLink = regexp.MustCompile(`https?://\S+/freeze/[a-z2-9]{26}`)

func (t *freezeWalk) become(ctx context.Context) (err error) {
	if t.env.CoolOff <= 0 {
		return errors.New("the tour needs to know how long an unlocking waits: make run shortens it, or give --cool-off")
	}
	if t.p, err = t.take(ctx, "min=20&max=70&phone=own&exact=1"); err != nil {
		return err
	}
	if t.other, err = t.take(ctx, "min=20&phone=own&exact=1&card=cccd_chip&prints=yes"); err != nil {
		return err
	}
	t.phone = t.p.Phones[0]
	t.note["person"], t.note["other"] = t.p.Ref, t.other.Ref
	return nil
}

func (t *freezeWalk) open(ctx context.Context) error {
	if _, err := t.openAccount(ctx, t.me, t.p, t.phone, t.env.Citizen+"/open"); err != nil {
		return err
	}
	p, err := t.me.Open(ctx, t.env.Portal+"/cases")
	if err != nil {
		return err
	}
	if err := at(p, "/consent", 200); err != nil {
		return err
	}
	f, err := p.Form("request", "answer")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, "answer=yes"); err != nil {
		return err
	}
	if !strings.HasPrefix(p.URL.String(), t.env.Portal) {
		return errors.New("agreeing does not lead back to the portal")
	}
	return at(p, "/cases", 200)
}

// alarmed waits for a message with a link that locks, which was not there before.
func (t *freezeWalk) alarmed(ctx context.Context, phone, what string, since time.Time, says ...string) error {
	text, err := t.message(ctx, phone, what, since, func(s string) bool {
		for _, w := range says {
			if !strings.Contains(s, w) {
				return false
			}
		}
		return freezeLink.MatchString(s)
	})
	t.link = freezeLink.FindString(text)
	return err
}

func (t *freezeWalk) alarm(ctx context.Context) error {
	t.computer, t.sent = t.client(), time.Now()
	p, err := t.computer.Open(ctx, t.env.Citizen+"/signin?return="+url.QueryEscape("/security"))
	if err != nil {
		return err
	}
	if p, err = t.signIn(ctx, p, t.p.Number, goodPassword, t.phone); err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	return t.alarmed(ctx, t.phone, "the alarm of a new device", t.sent, "thiết bị mới", "không rõ từ nơi nào")
}

// passkey makes one in a browser that has just signed in.
func (t *freezeWalk) passkey(ctx context.Context, c *browse.Client) (*browse.Passkey, error) {
	p, err := c.Open(ctx, t.env.Citizen+"/security/passkeys/new")
	if err != nil {
		return nil, err
	}
	if err := at(p, "/security/passkeys/new", 200); err != nil {
		return nil, err
	}
	f, err := p.Form("label")
	if err != nil {
		return nil, err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return nil, err
	}
	if err := p.Want(200); err != nil {
		return nil, err
	}
	f, options, err := p.Options("/security/passkeys")
	if err != nil {
		return nil, err
	}
	key, answer, err := browse.RegisterPasskey(options, p.Origin())
	if err != nil {
		return nil, err
	}
	if err := f.Set("credential", string(answer)); err != nil {
		return nil, err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return nil, err
	}
	return key, at(p, "/security/passkeys", 200)
}

func (t *freezeWalk) makePasskey(ctx context.Context) (err error) {
	t.sent = time.Now()
	if t.key, err = t.passkey(ctx, t.computer); err != nil {
		return err
	}
	t.made = time.Now()
	return t.alarmed(ctx, t.phone, "the alarm of a passkey", t.sent, "khoá đăng nhập")
}

func (t *freezeWalk) look(ctx context.Context) error {
	p, err := t.client().Open(ctx, t.link)
	if err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	if _, err := p.Form(); err != nil {
		return err
	}
	if p.Says(t.p.Name) {
		return errors.New("the page of a link names its holder")
	}
	for _, c := range []*browse.Client{t.me, t.computer} {
		if p, err = c.Open(ctx, t.env.Citizen+"/security"); err != nil {
			return err
		}
		if err := at(p, "/security", 200); err != nil {
			return err
		}
	}
	return nil
}

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

func (t *freezeWalk) press(ctx context.Context) error {
	// The passkey has to be older than the lock by as much as an unlocking waits.
	if err := pause(ctx, t.made.Add(t.env.CoolOff+slack)); err != nil {
		return err
	}
	t.sent = time.Now()
	stranger := t.client()
	p, err := stranger.Open(ctx, t.link)
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
	for _, c := range []*browse.Client{t.me, t.computer} {
		if p, err = c.Open(ctx, t.env.Citizen+"/security"); err != nil {
			return err
		}
		if err := at(p, "/signin", 200); err != nil {
			return fmt.Errorf("a session lives on: %w", err)
		}
	}
	if err := t.portalRefuses(ctx); err != nil {
		return err
	}
	_, err = t.message(ctx, t.phone, "the message that it is locked", t.sent, func(s string) bool { return strings.Contains(s, "tạm khóa") })
	return err
}

// portalRefuses: what she opened at the portal before she locked shows nothing from
// then on, and within the seconds for which the portal believes an answer of the
// issuer it knows nobody.
func (t *freezeWalk) portalRefuses(ctx context.Context) error {
	return eventually(ctx, 20*time.Second, "the end of the portal's session", func() (bool, error) {
		p, err := t.me.Open(ctx, t.env.Portal+"/cases")
		if err != nil {
			return false, err
		}
		if p.URL.Path == "/cases" {
			if err := at(p, "/cases", 403); err != nil {
				return false, fmt.Errorf("the portal's session lives on: %w", err)
			}
			return false, nil
		}
		return true, at(p, "/signin", 200)
	})
}

// refusedSignIn is the answer to the right password of a locked account, which is
// that to a wrong one.
func (t *freezeWalk) refusedSignIn(ctx context.Context, c *browse.Client) error {
	p, err := c.Open(ctx, t.env.Citizen+"/signin")
	if err != nil {
		return err
	}
	if err := at(p, "/signin", 200); err != nil {
		return err
	}
	if p, err = signIn(ctx, p, t.p.Number, goodPassword); err != nil {
		return err
	}
	if p.Status < 400 || p.Status >= 500 || p.URL.Path != "/signin" {
		return fmt.Errorf("the password of a locked account was answered %d at %s", p.Status, p.URL.Path)
	}
	_, err = p.Form("number", "password")
	return err
}

func (t *freezeWalk) dead(ctx context.Context) error {
	p, err := t.client().Open(ctx, t.link)
	if err != nil {
		return err
	}
	if p.Status != 404 || len(p.All(`form[method=post] button.stop, form#main`)) > 0 {
		return fmt.Errorf("a link that was used is answered %d", p.Status)
	}
	if !strings.Contains(p.Text("title"), "Danh") {
		return errors.New("the answer is not this door's")
	}
	return t.refusedSignIn(ctx, t.client())
}

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
	if err := p.Want(200); err != nil {
		return err
	}
	if t.raw, err = t.passkey(ctx, t.her); err != nil {
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

func (t *freezeWalk) looked(ctx context.Context) error {
	return t.seenAt(ctx, t.me, "/looked?show=changes", "Mở khóa tài khoản", "Đăng nhập")
}
