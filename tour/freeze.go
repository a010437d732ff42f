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
	if err := onSecurity(p); err != nil {
		return err
	}
	return t.alarmed(ctx, t.phone, "the alarm of a new device", t.sent, "thiết bị mới", "không rõ từ nơi nào")
}

func (t *freezeWalk) makePasskey(ctx context.Context) (err error) {
	t.sent = time.Now()
	if t.key, err = t.newPasskey(ctx, t.computer); err != nil {
		return err
	}
	t.made = time.Now()
	return t.alarmed(ctx, t.phone, "the alarm of a passkey", t.sent, "khoá đăng nhập")
}

// onSecurity is true of the page on which her devices stand.
func onSecurity(p *browse.Page) error {
	if err := at(p, "/security", 200); err != nil {
		return err
	}
	if p.Heading() != "Thiết bị và bảo mật" || !p.Says("Máy này") {
		return errors.New("the page of her devices does not name this one")
	}
	return nil
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

func (t *freezeWalk) looked(ctx context.Context) error {
	return t.seenAt(ctx, t.me, "/looked?show=changes", "Mở khóa tài khoản", "Đăng nhập")
}
