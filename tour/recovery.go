// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
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
