// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"danh/internal/browse"
)

var squatterTour = Tour{
	Name:  "squatter",
	Story: "somebody opens a provisional account on another's number; at the counter number and account fall to whom they belong, and the stranger hears nothing",
	steps: func(w *walk) []step {
		t := &squatterWalk{counter: counter{walk: w}}
		return []step{
			{"the sandbox hands out somebody who has no account", t.become},
			{"a stranger who knows her data opens a provisional account with a phone of nobody's", t.squat},
			{"she comes to the counter; an officer signs in", t.atWork},
			{"a visit is opened; the stranger's phone hears nothing of it", t.comes},
			{"a dossier begins with what the registries hold, not with what the stranger said", t.applicant},
			{"her own phone is confirmed", t.reach},
			{"portrait and fingers are taken", t.capture},
			{"fingers are searched, faces are compared", t.judge},
			{"she reads the turned screen and signs both forms", t.agree},
			{"handed in: a deadline and a receipt", t.handIn},
			{"the second officer approves", t.approved},
			{"the stranger's session has ended, and that password opens nothing", t.gone},
			{"she activates her own account, of level 2", t.wake},
			{"the stranger's phone was told nothing", t.silent},
			{"who looked shows her the officers", t.looked},
		}
	},
}

type squatterWalk struct {
	counter
	stranger *browse.Client
	spare    string
	before   int // messages at the stranger's phone before the counter
}

// strangersPassword is not the one that she chooses.
const strangersPassword = "Zwolf-Fjord-62?"

func (t *squatterWalk) become(ctx context.Context) (err error) {
	if t.p, err = t.take(ctx, "min=25&max=70&phone=own&exact=1&card=none&prints=no"); err != nil {
		return err
	}
	t.phone, t.spare = t.p.Phones[0], spare(t.p)
	t.stranger = t.client()
	t.note["person"] = t.p.Ref
	return nil
}

func (t *squatterWalk) squat(ctx context.Context) error {
	p, err := t.openAccountWith(ctx, t.stranger, t.p, t.spare, t.env.Citizen+"/open", strangersPassword)
	if err != nil {
		return err
	}
	if !p.Says("tạm thời") {
		return errors.New("the stranger's account is not provisional")
	}
	if p, err = t.stranger.Open(ctx, t.env.Citizen+"/"); err != nil {
		return err
	}
	if err := at(p, "/", 200); err != nil {
		return err
	}
	if !p.Says("tạm thời") {
		return errors.New("the stranger is not told that the account is provisional")
	}
	all, err := t.messages(ctx, t.spare)
	t.before = len(all)
	return err
}

func (t *squatterWalk) comes(ctx context.Context) error {
	if err := t.came(ctx, "card"); err != nil {
		return err
	}
	return t.notTold(ctx, t.spare)
}

func (t *squatterWalk) applicant(ctx context.Context) error {
	if err := t.begin(ctx, "first_card", nil); err != nil {
		return err
	}
	f, err := t.page.Form("phone")
	if err == nil && f.Value("phone") == t.spare || t.page.Says(t.spare) {
		return errors.New("the dossier begins with the stranger's phone")
	}
	return t.known(ctx)
}

func (t *squatterWalk) reach(ctx context.Context) error {
	if t.page.Says(t.spare) {
		return errors.New("the dossier shows the stranger's phone")
	}
	return t.contact(ctx, t.phone, "portrait")
}

func (t *squatterWalk) capture(ctx context.Context) error {
	if err := t.portrait(ctx, t.p.Ref); err != nil {
		return err
	}
	return t.fingers(ctx, t.p.Ref, 2, 7)
}

func (t *squatterWalk) judge(ctx context.Context) error {
	if err := t.compare(ctx, "review", "Chưa có vân tay cũ"); err != nil {
		return err
	}
	var err error
	if t.page, err = t.part(ctx, "card"); err != nil {
		return err
	}
	return t.fee(ctx, "none")
}

func (t *squatterWalk) agree(ctx context.Context) error {
	if err := t.review(ctx); err != nil {
		return err
	}
	return t.sign(ctx, "enrolment", "capture")
}

func (t *squatterWalk) approved(ctx context.Context) error { return t.approve(ctx, "Vừa chụp") }

func (t *squatterWalk) gone(ctx context.Context) error {
	p, err := t.stranger.Open(ctx, t.env.Citizen+"/security")
	if err != nil {
		return err
	}
	if err := at(p, "/signin", 200); err != nil {
		return fmt.Errorf("the stranger is still signed in: %w", err)
	}
	if p, err = signIn(ctx, p, t.p.Number, strangersPassword); err != nil {
		return err
	}
	if p.URL.Path != "/signin" || p.Status < 400 {
		return fmt.Errorf("the stranger's password was answered %d at %s", p.Status, p.URL.Path)
	}
	_, err = p.Form("number", "password")
	return err
}

func (t *squatterWalk) wake(ctx context.Context) error {
	_, err := t.activate(ctx, t.me, t.phone, t.p.Number, 2)
	return err
}

func (t *squatterWalk) silent(ctx context.Context) error {
	if err := t.notTold(ctx, t.spare); err != nil {
		return err
	}
	all, err := t.messages(ctx, t.spare)
	if err != nil {
		return err
	}
	if len(all) < t.before {
		return errors.New("the sandbox has forgotten messages")
	}
	if slices.ContainsFunc(all, func(m sms) bool { return activationForm.MatchString(m.Text) }) {
		return errors.New("the activation code went to the stranger")
	}
	return nil
}

func (t *squatterWalk) looked(ctx context.Context) error {
	return t.seen(ctx, t.me, "Công an phường Kim Liên", "Làm hồ sơ của bạn tại quầy")
}
