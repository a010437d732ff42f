// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"strings"
)

var upgradeTour = Tour{
	Name:  "upgrade",
	Story: "somebody with a card and an account of level 1 has her fingers compared at the counter, and her account is raised to level 2",
	steps: func(w *walk) []step {
		t := &upgradeWalk{counter: counter{walk: w}}
		return []step{
			{"the sandbox hands out somebody with a card, whose prints are on record", t.become},
			{"with an own phone the account is of level 1", t.open},
			{"an officer signs in with password and passkey", t.atWork},
			{"the fingers prove who came; as they came as files, she is told at once", t.proves},
			{"a dossier to raise the account begins with what the registries hold", t.applicant},
			{"the phone is confirmed", t.reach},
			{"portrait and fingers are taken", t.capture},
			{"the fingers match those on record, and the faces are compared", t.judge},
			{"the turned screen is read, the form is signed", t.agree},
			{"handed in: a deadline and a receipt", t.handIn},
			{"the officer who took it in cannot approve it", t.notHers},
			{"the second officer sees the match and approves", t.approved},
			{"a message says so, and the account is of level 2, with the same password", t.raised},
			{"who looked shows the officers, each with a purpose", t.looked},
		}
	},
}

type upgradeWalk struct{ counter }

func (t *upgradeWalk) become(ctx context.Context) (err error) {
	if t.p, err = t.take(ctx, "min=20&phone=own&exact=1&card=cccd_chip&prints=yes"); err != nil {
		return err
	}
	t.phone = t.p.Phones[0]
	t.note["person"] = t.p.Ref
	return nil
}

func (t *upgradeWalk) open(ctx context.Context) error {
	p, err := t.openAccount(ctx, t.me, t.p, t.phone, t.env.Citizen+"/open")
	if err != nil {
		return err
	}
	if p.Says("tạm thời") || !p.Says("mức 1") {
		return errors.New("the account is provisional, or does not name its level")
	}
	return nil
}

func (t *upgradeWalk) proves(ctx context.Context) error {
	if err := t.proved(ctx, "enrolment", t.p.Ref, t.p.Number, 2, 3); err != nil {
		return err
	}
	_, err := t.message(ctx, t.phone, "the word that an officer opened the data", t.sent, func(s string) bool {
		return strings.Contains(s, "vừa mở dữ liệu của bạn") && strings.Contains(s, "Kim Liên")
	})
	return err
}

func (t *upgradeWalk) applicant(ctx context.Context) error {
	if err := t.begin(ctx, "upgrade", nil); err != nil {
		return err
	}
	return t.known(ctx)
}

func (t *upgradeWalk) reach(ctx context.Context) error { return t.contact(ctx, t.phone, "portrait") }

func (t *upgradeWalk) capture(ctx context.Context) error {
	if err := t.portrait(ctx, t.p.Ref); err != nil {
		return err
	}
	return t.fingers(ctx, t.p.Ref, 2, 3)
}

func (t *upgradeWalk) judge(ctx context.Context) error { return t.compare(ctx, "review", "Khớp") }

func (t *upgradeWalk) agree(ctx context.Context) error {
	if err := t.review(ctx); err != nil {
		return err
	}
	return t.sign(ctx, "enrolment")
}

func (t *upgradeWalk) approved(ctx context.Context) error {
	return t.approve(ctx, "Khớp", "Vừa chụp")
}

func (t *upgradeWalk) raised(ctx context.Context) error {
	if _, err := t.message(ctx, t.phone, "the message that the account was raised", t.sent, func(s string) bool {
		return strings.Contains(s, "đã lên mức 2") && !activationForm.MatchString(s)
	}); err != nil {
		return err
	}
	p, err := t.client().Open(ctx, t.env.Citizen+"/signin")
	if err != nil {
		return err
	}
	if p, err = t.signIn(ctx, p, t.p.Number, goodPassword, t.phone); err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	if !p.Says("Mức 2") {
		return errors.New("the first page after signing in does not say level 2")
	}
	return t.atLevel(ctx, t.me, 2)
}

func (t *upgradeWalk) looked(ctx context.Context) error {
	return t.seen(ctx, t.me, "Công an phường Kim Liên", "Làm hồ sơ của bạn tại quầy", "Bạn đến quầy: làm tài khoản định danh")
}
