// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"danh/internal/browse"
)

var foreignerTour = Tour{
	Name:  "foreigner",
	Story: "a foreigner with passport and residence card is enrolled from the immigration registry, and her account gets a number of its own",
	steps: func(w *walk) []step {
		t := &foreignerWalk{counter: counter{walk: w}}
		return []step{
			{"the sandbox hands out a foreigner whose papers count", t.become},
			{"an officer signs in with password and passkey", t.atWork},
			{"the passport finds its bearer; the visit shows papers and stay", t.arrives},
			{"a dossier begins with what the immigration registry holds", t.applicant},
			{"the phone is confirmed", t.reach},
			{"portrait and fingers are taken", t.capture},
			{"fingers and faces are compared", t.judge},
			{"the turned screen is read, the form is signed", t.agree},
			{"handed in: a deadline and a receipt", t.handIn},
			{"the officer who took it in cannot approve it", t.notHers},
			{"the second officer approves", t.approved},
			{"the account, of level 2, is activated by its own number", t.wake},
			{"one signs in again with that number", t.again},
			{"who looked shows the officers", t.looked},
		}
	},
}

type foreignerWalk struct {
	counter
	paper  paper
	prints bool // the border holds some
	login  string
}

// paper is a passport or a residence card.
type paper struct {
	Kind    string `json:"kind"`
	Country string `json:"country"`
	Number  string `json:"number"`
}

func (t *foreignerWalk) become(ctx context.Context) error {
	var p *browse.Page
	for _, wish := range []string{"?prints=yes", ""} { // those of whom prints are on record first
		var err error
		if p, err = t.client().PostForm(ctx, t.env.Sandbox+"/foreigners/take"+wish, url.Values{}); err != nil {
			return err
		}
		if p.Status == 200 {
			break
		}
	}
	if err := p.Want(200); err != nil {
		return fmt.Errorf("the sandbox hands out no foreigner: %s", strings.TrimSpace(string(p.Body)))
	}
	var f struct {
		Ref       string  `json:"ref"`
		Name      string  `json:"name"`
		Documents []paper `json:"documents"`
		Prints    bool    `json:"prints"`
	}
	if err := p.JSON(&f); err != nil {
		return err
	}
	i := slices.IndexFunc(f.Documents, func(x paper) bool { return x.Kind == "passport" })
	if f.Ref == "" || f.Name == "" || i < 0 || len(f.Documents[i].Number) < 5 {
		return errors.New("the sandbox handed out half a foreigner")
	}
	t.p = person{Ref: f.Ref, Name: f.Name}
	t.paper, t.prints = f.Documents[len(f.Documents)-1], f.Prints
	if t.paper.Kind != "passport" {
		t.paper = f.Documents[i]
	}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, t.paper.Number) + "0000000"
	t.phone = "077" + digits[:7]
	t.note["person"] = f.Ref
	return nil
}

func (t *foreignerWalk) arrives(ctx context.Context) error {
	f, err := t.page.Form("document", "country", "purpose")
	if err != nil {
		return err
	}
	if err := f.Fill(map[string]string{"document": t.paper.Number, "country": t.paper.Country, "purpose": "enrolment"}); err != nil {
		return err
	}
	p, err := f.Submit(ctx, "")
	if err != nil {
		return err
	}
	if err := at(p, "/desk", 200); err != nil {
		return err
	}
	if !p.Says(t.p.Name) || !p.Says("Người nước ngoài") {
		return errors.New("the passport does not find its bearer")
	}
	if f, err = p.Form("person", "way"); err != nil {
		return err
	}
	t.sent = time.Now()
	if p, err = f.Submit(ctx, "way=typed"); err != nil {
		return err
	}
	if err := t.inVisit(p); err != nil {
		return err
	}
	if p, err = p.Follow(ctx, "see=cards"); err != nil {
		return err
	}
	if err := at(p, t.visit, 200); err != nil {
		return err
	}
	if !p.Says("Hộ chiếu") || p.Says(t.paper.Number) || !p.Says(t.paper.Number[len(t.paper.Number)-4:]) {
		return errors.New("the visit does not show the passport by its last four characters")
	}
	return nil
}

func (t *foreignerWalk) applicant(ctx context.Context) error {
	if err := t.begin(ctx, "foreigner", map[string]string{"language": "vi"}); err != nil {
		return err
	}
	return t.known(ctx)
}

func (t *foreignerWalk) reach(ctx context.Context) error { return t.contact(ctx, t.phone, "portrait") }

func (t *foreignerWalk) capture(ctx context.Context) error {
	if err := t.portrait(ctx, t.p.Ref); err != nil {
		return err
	}
	return t.fingers(ctx, t.p.Ref, 2, 3, 7)
}

func (t *foreignerWalk) judge(ctx context.Context) error {
	says := "Chưa có vân tay cũ"
	if t.prints {
		says = "Khớp"
	}
	t.note["fingers"] = strings.ToLower(says)
	return t.compare(ctx, "review", says)
}

func (t *foreignerWalk) agree(ctx context.Context) error {
	if err := t.review(ctx); err != nil {
		return err
	}
	return t.sign(ctx, "enrolment")
}

func (t *foreignerWalk) approved(ctx context.Context) error { return t.approve(ctx, "Vừa chụp") }

func (t *foreignerWalk) wake(ctx context.Context) (err error) {
	t.login, err = t.activate(ctx, t.me, t.phone, "", 2)
	return err
}

func (t *foreignerWalk) again(ctx context.Context) error {
	her := t.client()
	p, err := her.Open(ctx, t.env.Citizen+"/signin")
	if err != nil {
		return err
	}
	if p, err = t.signIn(ctx, p, t.login, goodPassword, t.phone); err != nil {
		return err
	}
	if err := saysLevel(p, 2); err != nil {
		return err
	}
	return t.atLevel(ctx, her, 2)
}

func (t *foreignerWalk) looked(ctx context.Context) error {
	return t.seen(ctx, t.me, "Công an phường Kim Liên", "Làm hồ sơ của bạn tại quầy")
}
