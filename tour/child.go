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

var childTour = Tour{
	Name:  "child",
	Story: "a child of 6 to 13 gets a card and an account through a parent, who confirms each use of it in her own account",
	steps: func(w *walk) []step { return (&childWalk{counter: counter{walk: w}}).steps() },
}

func (t *childWalk) steps() []step {
	return []step{
		{"the sandbox hands out a child, and a parent with a phone", t.become},
		{"an officer signs in with password and passkey", t.atWork},
		{"the parent is enrolled first: a dossier, portrait, fingers", t.parent},
		{"the second officer approves it, and the parent's account is of level 2", t.parentApproved},
		{"at the counter again, the parent approves the visit on her own phone", t.comes},
		{"the child's dossier goes through the parent; the registry proves the relation", t.applicant},
		{"codes and messages go to the parent's phone", t.reach},
		{"the child's portrait and fingers are taken, and compared", t.capture},
		{"the parent reads the turned screen and signs for the child", t.agree},
		{"handed in: a deadline and a receipt", t.handIn},
		{"the second officer approves", t.approved},
		{"the child's account is activated, and waits for the parent at once", t.wake},
		{"the parent sees whom she represents, and confirms the use", t.confirm},
		{"the child is signed in; the next use is refused, and ends", t.refuse},
		{"the parent acts for the child: every page says so", t.act},
		{"what is everybody's own stays closed, and another tab's page is refused", t.bounds},
		{"the portal signs the child on, and says who acts", t.atPortal},
		{"one tap stops it everywhere; the child's log says who acted", t.stop},
		{"who looked shows the parent the officers", t.looked},
	}
}

type childWalk struct {
	counter
	child, mother person
	relation      string
	came2         string // key of the parent's visit
	kid           *browse.Client
	stale         *browse.Form // of the parent's own account, opened before she acted
}

func (t *childWalk) become(ctx context.Context) error {
	for range 40 { // a parent whom nobody has been, and who is no sample officer
		kid, err := t.take(ctx, "min=6&max=13&exact=1&parent=phone")
		if err != nil {
			return err
		}
		for _, x := range []struct{ relation, ref string }{{"mother", kid.Mother}, {"father", kid.Father}} {
			if x.ref == "" {
				continue
			}
			p, err := t.take(ctx, "min=22&phone=own&card=none&prints=no&ref="+url.QueryEscape(x.ref))
			if errors.Is(err, errNobody) {
				continue
			}
			if err != nil {
				return err
			}
			if slices.ContainsFunc(t.env.Staff, func(o Officer) bool { return o.Number == p.Number }) {
				continue
			}
			t.child, t.mother, t.relation, t.phone = kid, p, x.relation, p.Phones[0]
			t.note["child"], t.note["parent"] = kid.Ref, p.Ref
			return nil
		}
	}
	return errors.New("no child of the sandbox has a parent whom nobody has been")
}

// parent takes in whoever will represent the child, in one go.
func (t *childWalk) parent(ctx context.Context) error {
	t.p = t.mother
	for _, do := range []func(context.Context) error{
		func(ctx context.Context) error { return t.came(ctx, "card") },
		func(ctx context.Context) error { return t.begin(ctx, "first_card", nil) },
		t.known,
		func(ctx context.Context) error { return t.contact(ctx, t.phone, "portrait") },
		t.body,
		func(ctx context.Context) error { return t.fee(ctx, "none") },
		t.review,
		func(ctx context.Context) error { return t.sign(ctx, "enrolment", "capture") },
		t.handIn,
	} {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// body takes portrait and fingers, compares them, and leads to the card.
func (t *childWalk) body(ctx context.Context) error {
	if err := t.portrait(ctx, t.p.Ref); err != nil {
		return err
	}
	if err := t.fingers(ctx, t.p.Ref, 2, 7); err != nil {
		return err
	}
	if err := t.compare(ctx, "review", "Chưa có vân tay cũ"); err != nil {
		return err
	}
	var err error
	t.page, err = t.part(ctx, "card")
	return err
}

func (t *childWalk) parentApproved(ctx context.Context) error {
	if err := t.approve(ctx); err != nil {
		return err
	}
	_, err := t.activate(ctx, t.me, t.phone, t.mother.Number, 2)
	return err
}

func (t *childWalk) comes(ctx context.Context) error {
	if err := t.byPhone(ctx, "enrolment", t.mother.Number, t.me); err != nil {
		return err
	}
	t.came2 = strings.TrimPrefix(t.visit, "/visits/")
	t.p = t.child
	return t.came(ctx, "enrolment")
}

func (t *childWalk) applicant(ctx context.Context) error {
	if err := t.begin(ctx, "child", map[string]string{"representative": t.came2, "relation": t.relation}); err != nil {
		return err
	}
	if !t.page.Says(t.mother.Name) {
		return errors.New("the dossier does not say through whom it goes")
	}
	return t.known(ctx)
}

func (t *childWalk) reach(ctx context.Context) error { return t.contact(ctx, t.phone, "portrait") }

func (t *childWalk) capture(ctx context.Context) error {
	if err := t.body(ctx); err != nil {
		return err
	}
	return t.fee(ctx, "none")
}

func (t *childWalk) agree(ctx context.Context) error {
	if !t.page.Says(t.mother.Name) {
		return errors.New("the turned page does not name the parent")
	}
	if err := t.review(ctx); err != nil {
		return err
	}
	return t.sign(ctx, "enrolment", "capture")
}

func (t *childWalk) approved(ctx context.Context) error { return t.approve(ctx, t.mother.Name) }

func (t *childWalk) wake(ctx context.Context) error {
	t.kid = t.client()
	text, err := t.message(ctx, t.phone, "the activation code of the child's account", t.sent, func(s string) bool {
		m := activationForm.FindStringSubmatch(s)
		return m != nil && m[1] != t.spent // the parent's own may have come in the same second
	})
	if err != nil {
		return err
	}
	p, err := t.kid.Open(ctx, t.env.Citizen+"/activate")
	if err != nil {
		return err
	}
	f, err := p.Form("number", "code")
	if err != nil {
		return err
	}
	if err := f.Fill(map[string]string{"number": t.child.Number, "code": activationForm.FindStringSubmatch(text)[1]}); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, "/activate/password", 200); err != nil {
		return err
	}
	if p, err = choose(ctx, p, goodPassword); err != nil {
		return err
	}
	return t.waits(p)
}

// waits fails unless a browser waits for the representative.
func (t *childWalk) waits(p *browse.Page) error {
	if err := p.Want(200); err != nil {
		return err
	}
	if !p.Says("Đang chờ người đại diện xác nhận") || p.Says(t.child.Name) {
		return fmt.Errorf("the child's browser does not wait for the parent, it stands at %s: %q", p.URL.Path, p.Heading())
	}
	return at(p, p.URL.Path, 200)
}

// answer has the parent answer the use that waits.
func (t *childWalk) answer(ctx context.Context, yes string) (*browse.Page, error) {
	p, err := t.me.Open(ctx, t.env.Citizen+"/dependants")
	if err != nil {
		return nil, err
	}
	if err := at(p, "/dependants", 200); err != nil {
		return nil, err
	}
	if !p.Says(t.child.Name) {
		return nil, errors.New("the parent does not see whose account it is")
	}
	f, err := p.FormTo("/dependants/use")
	if err != nil {
		return nil, err
	}
	if p, err = f.Submit(ctx, "answer="+yes); err != nil {
		return nil, err
	}
	return p, at(p, "/dependants", 200)
}

func (t *childWalk) confirm(ctx context.Context) error {
	p, err := t.answer(ctx, "yes")
	if err != nil {
		return err
	}
	for _, s := range []string{"Tôi đại diện hoặc chăm lo cho", "Dữ liệu dân cư", "Từ ngày", "Đến hết ngày", "Công an phường Kim Liên"} {
		if !p.Says(s) {
			return fmt.Errorf("what the parent sees of the child lacks %q", s)
		}
	}
	return nil
}

func (t *childWalk) refuse(ctx context.Context) error {
	p, err := t.kid.Open(ctx, t.env.Citizen+"/")
	if err != nil {
		return err
	}
	if err := at(p, "/", 200); err != nil {
		return err
	}
	if !p.Says(t.child.Name) {
		return errors.New("the child's first page does not name the child")
	}
	other := t.client()
	if p, err = other.Open(ctx, t.env.Citizen+"/signin"); err != nil {
		return err
	}
	t.sent = time.Now()
	if p, err = signIn(ctx, p, t.child.Number, goodPassword); err != nil {
		return err
	}
	if err := t.waits(p); err != nil {
		return err
	}
	if _, err = t.message(ctx, t.phone, "the word that the child signs in", t.sent, func(s string) bool {
		return !codeForm.MatchString(s) && strings.Contains(strings.ToLower(s), "đăng nhập")
	}); err != nil {
		return err
	}
	if _, err = t.answer(ctx, "no"); err != nil {
		return err
	}
	if p, err = other.Open(ctx, t.env.Citizen+"/security"); err != nil {
		return err
	}
	if !strings.Contains(p.Text("title"), "Danh") || !p.Says("Người đại diện đã từ chối") && p.URL.Path != "/signin" {
		return fmt.Errorf("a refused use goes on at %s: %q", p.URL.Path, p.Heading())
	}
	return nil
}

func (t *childWalk) looked(ctx context.Context) error {
	return t.seen(ctx, t.me, "Công an phường Kim Liên", "Làm hồ sơ của bạn tại quầy")
}
