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

var portalTour = Tour{
	Name:  "portal",
	Story: "she comes for a procedure, opens an account on the way, consents, files a lodging notice, follows it, and sees that the portal looked",
	steps: func(w *walk) []step {
		t := &portalWalk{walk: w}
		return []step{
			{"the sandbox hands out a landlady and a guest", t.become},
			{"a search without marks finds the lodging notice", t.find},
			{"the procedure page says what it takes, under which law", t.procedure},
			{"registering at the portal leads to the opening and back to the procedure", t.register},
			{"signing in there asks for her consent, field by field", t.consent},
			{"refusing gives the portal nothing", t.refuse},
			{"agreeing brings her to the form", t.agree},
			{"her own part is filled in, with its source and date", t.prefilled},
			{"the place of stay is kept as a draft", t.place},
			{"a guest with a bad number is refused, and nothing typed is lost", t.badGuest},
			{"the guest as typed stands on the review page", t.guest},
			{"the draft waits at her cases", t.draft},
			{"sending gives a code", t.send},
			{"a receipt arrives on her phone", t.receipt},
			{"anybody with the code and four digits sees the state and nothing else", t.track},
			{"her case shows the guest to her and to nobody else", t.own},
			{"who looked shows the portal, the fields and the consent", t.looked},
			{"withdrawing the consent ends what the portal has", t.withdraw},
		}
	},
}

type portalWalk struct {
	*walk
	p, guestPerson person
	phone          string
	page           *browse.Page
	asked          *browse.Page // the consent page
	start          string       // of the procedure
	draftAt        string
	caseAt         string
	code           string
	sent           time.Time
}

func (t *portalWalk) become(ctx context.Context) (err error) {
	if t.p, err = t.take(ctx, "min=25&max=70&phone=own&exact=1"); err != nil {
		return err
	}
	if t.guestPerson, err = t.take(ctx, "min=20&max=80&exact=1"); err != nil {
		return err
	}
	t.phone = t.p.Phones[0]
	t.note["landlady"], t.note["guest"] = t.p.Ref, t.guestPerson.Ref
	return nil
}

func (t *portalWalk) find(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Portal+"/")
	if err != nil {
		return err
	}
	if err := at(p, "/", 200); err != nil {
		return err
	}
	f, err := p.Form("q")
	if err != nil {
		return err
	}
	if err := f.Set("q", "thong bao luu tru"); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	t.page = p
	_, err = p.Link("Thông báo lưu trú")
	return err
}

func (t *portalWalk) procedure(ctx context.Context) (err error) {
	if t.page, err = t.page.Follow(ctx, "Thông báo lưu trú"); err != nil {
		return err
	}
	if err := t.page.Want(200); err != nil {
		return err
	}
	for _, s := range []string{"Luật Cư trú 68/2020/QH14", "Điều 30", "mất phí", "Mức độ 1"} {
		if !t.page.Says(s) {
			return fmt.Errorf("the procedure page does not say %q", s)
		}
	}
	t.start, err = t.page.Link("/register")
	return err
}

func (t *portalWalk) register(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.start)
	if err != nil {
		return err
	}
	if err := at(p, "/register", 200); err != nil {
		return err
	}
	open, err := p.Link("/open?return=")
	if err != nil {
		return err
	}
	if p, err = t.openAccount(ctx, t.me, t.p, t.phone, open); err != nil {
		return err
	}
	back, err := p.Link(t.env.Portal)
	if err != nil {
		return err
	}
	if t.page, err = t.me.Open(ctx, back); err != nil {
		return err
	}
	return at(t.page, "/consent", 200)
}

func (t *portalWalk) consent(context.Context) error {
	p := t.page
	if err := at(p, "/consent", 200); err != nil {
		return err
	}
	main := p.All("main")
	if len(main) != 1 || !p.Says(t.p.Name) || !p.Says("Cổng dịch vụ công") || !strings.Contains(strings.ReplaceAll(browse.TextOf(main[0]), " ", ""), t.p.Number) {
		return errors.New("the consent page does not show who asks, or not the real values")
	}
	if len(p.All("input[type=checkbox][checked]")) > 0 {
		return errors.New("something on the consent page is ticked already")
	}
	t.asked = p
	_, err := p.Form("request", "answer")
	return err
}

func (t *portalWalk) refuse(ctx context.Context) error {
	f, err := t.asked.Form("request", "answer")
	if err != nil {
		return err
	}
	p, err := f.Submit(ctx, "answer=no")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(p.URL.String(), t.env.Portal) {
		return errors.New("refusing does not lead back to the portal")
	}
	if p.Says(t.p.Name) {
		return errors.New("the portal knows her name although she refused")
	}
	// Once more, as she would: from the same page.
	again, err := p.Link("/signin")
	if err != nil {
		return err
	}
	if t.asked, err = t.me.Open(ctx, again); err != nil {
		return err
	}
	return at(t.asked, "/consent", 200)
}

func (t *portalWalk) agree(ctx context.Context) error {
	f, err := t.asked.Form("request", "answer")
	if err != nil {
		return err
	}
	p, err := f.Submit(ctx, "answer=yes")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(p.URL.String(), t.env.Portal) || p.Status != 200 {
		return fmt.Errorf("agreeing leads to %s with status %d", p.URL.Path, p.Status)
	}
	if p, err = t.me.Open(ctx, t.env.Portal+"/lodging"); err != nil {
		return err
	}
	t.page = p
	return at(p, "/lodging", 200)
}

var sourceForm = regexp.MustCompile(`dân cư.{0,30}\d{2}/\d{2}/\d{4}`)

func (t *portalWalk) prefilled(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.page.URL.String())
	if err != nil {
		return err
	}
	if !p.Says(t.p.Name) {
		return errors.New("the form does not know her name")
	}
	main := p.All("main")
	if len(main) != 1 || !sourceForm.MatchString(browse.TextOf(main[0])) {
		return errors.New("the form does not say where her data comes from, and as of when")
	}
	t.page = p
	return nil
}

func (t *portalWalk) place(ctx context.Context) error {
	f, err := t.page.FormTo("/lodging")
	if err != nil {
		return err
	}
	p, err := f.Submit(ctx, "")
	if err != nil {
		return err
	}
	if !strings.HasSuffix(p.URL.Path, "/place") || p.Status != 200 {
		return fmt.Errorf("expected the question about the place, not %s with %d", p.URL.Path, p.Status)
	}
	if f, err = p.Form("category", "address", "commune"); err != nil {
		return err
	}
	if err := f.Set("category", "household"); err != nil {
		return err
	}
	if f.Value("address") == "" {
		return errors.New("her own address is not proposed")
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if !strings.Contains(p.URL.Path, "/guest/") || p.Status != 200 {
		return fmt.Errorf("expected the question about the guest, not %s with %d: %q", p.URL.Path, p.Status, p.Heading())
	}
	t.page = p
	_, err = p.Form("name", "birth_date", "number")
	return err
}

func (t *portalWalk) fillGuest(number string) (*browse.Form, error) {
	f, err := t.page.Form("name", "birth_date", "number", "from", "until", "reason")
	if err != nil {
		return nil, err
	}
	now := time.Now().In(time.FixedZone("ICT", 7*3600))
	g := t.guestPerson
	return f, f.Fill(map[string]string{
		"name": g.Name, "birth_date": g.born(), "document": "pin", "number": number,
		"from": now.Format("2/1/2006"), "time": now.Format("15:04"), "until": now.AddDate(0, 0, 2).Format("2/1/2006"), "reason": "family",
	})
}

func (t *portalWalk) badGuest(ctx context.Context) error {
	f, err := t.fillGuest(t.guestPerson.Number[:11])
	if err != nil {
		return err
	}
	p, err := f.Submit(ctx, "then=review")
	if err != nil {
		return err
	}
	if p.Status != 422 {
		return fmt.Errorf("eleven digits were answered %d", p.Status)
	}
	if f, err = p.Form("name", "number"); err != nil {
		return err
	}
	if f.Value("name") != t.guestPerson.Name || f.Value("number") == "" {
		return errors.New("what was typed is lost")
	}
	if len(p.All("[aria-invalid=true]")) != 1 {
		return errors.New("the page does not mark exactly the wrong field")
	}
	t.page = p
	return nil
}

func (t *portalWalk) guest(ctx context.Context) error {
	f, err := t.fillGuest(t.guestPerson.Number)
	if err != nil {
		return err
	}
	p, err := f.Submit(ctx, "then=review")
	if err != nil {
		return err
	}
	if !strings.HasSuffix(p.URL.Path, "/review") || p.Status != 200 {
		return fmt.Errorf("expected the review, not %s with %d: %q", p.URL.Path, p.Status, p.Text(".sum, [role=alert]"))
	}
	if !p.Says(t.guestPerson.Name) {
		return errors.New("the review does not show the guest as typed")
	}
	t.page, t.draftAt = p, p.URL.Path
	return nil
}

func (t *portalWalk) draft(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Portal+"/cases")
	if err != nil {
		return err
	}
	if err := at(p, "/cases", 200); err != nil {
		return err
	}
	if t.page, err = p.Follow(ctx, "/cases/"+strings.Split(t.draftAt, "/")[2]); err != nil {
		return err
	}
	if err := at(t.page, t.draftAt, 200); err != nil {
		return err
	}
	_, err = t.page.FormTo("/review")
	return err
}

var lodgingCode = regexp.MustCompile(`LT-\d{2}-[0-9A-Z]{4}-[0-9A-Z]{4}(-?[0-9A-Z])?`)

func (t *portalWalk) send(ctx context.Context) error {
	var f *browse.Form
	for _, action := range []string{"/review", "/send", "/submit"} {
		if got, err := t.page.FormTo(action); err == nil {
			f = got
			break
		}
	}
	if f == nil {
		return errors.New("the review has no form to send")
	}
	t.sent = time.Now()
	p, err := f.Submit(ctx, "")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(p.URL.Path, "/cases/") || p.Status != 200 {
		return fmt.Errorf("sending leads to %s with %d: %q", p.URL.Path, p.Status, p.Heading())
	}
	t.caseAt = p.URL.Path
	if t.code = lodgingCode.FindString(string(p.Body)); t.code == "" {
		return errors.New("no code was given")
	}
	t.note["code"] = t.code
	return nil
}

func (t *portalWalk) receipt(ctx context.Context) error {
	text, err := t.message(ctx, t.phone, "the receipt", t.sent, func(s string) bool { return strings.Contains(s, t.code) })
	if err != nil {
		return err
	}
	if strings.Contains(text, t.guestPerson.Name) || strings.Contains(text, t.guestPerson.Number) {
		return errors.New("the receipt tells the phone who the guest is")
	}
	return nil
}

func (t *portalWalk) track(ctx context.Context) error {
	c := t.client()
	ask := func(digits string) (*browse.Page, error) {
		p, err := c.Open(ctx, t.env.Portal+"/track")
		if err != nil {
			return nil, err
		}
		f, err := p.Form("code", "digits")
		if err != nil {
			return nil, err
		}
		if err := f.Fill(map[string]string{"code": strings.ToLower(t.code), "digits": digits}); err != nil {
			return nil, err
		}
		return f.Submit(ctx, "")
	}
	last := t.phone[len(t.phone)-4:]
	wrong := "0000"
	if last == wrong {
		wrong = "0001"
	}
	p, err := ask(wrong)
	if err != nil {
		return err
	}
	if p.Status < 400 {
		return errors.New("wrong digits show a case")
	}
	if p, err = ask(last); err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	if p.Says(t.guestPerson.Name) || p.Says(t.p.Name) || p.Says(t.guestPerson.Number) {
		return errors.New("tracking without signing in shows people")
	}
	if len(p.All("ol li")) == 0 {
		return errors.New("tracking shows no course of the case")
	}
	return nil
}

func (t *portalWalk) own(ctx context.Context) error {
	p, err := t.client().Open(ctx, t.env.Portal+t.caseAt)
	if err != nil {
		return err
	}
	if err := at(p, "/signin", 200); err != nil {
		return fmt.Errorf("a stranger who opens the case must be asked to sign in: %w", err)
	}
	if p.Says(t.guestPerson.Name) || p.Says(t.code) {
		return errors.New("a stranger sees the case")
	}
	if p, err = t.me.Open(ctx, t.env.Portal+t.caseAt); err != nil {
		return err
	}
	if err := at(p, t.caseAt, 200); err != nil {
		return err
	}
	if !p.Says(t.guestPerson.Name) || !p.Says(t.code) {
		return errors.New("her case does not show what she sent")
	}
	return nil
}

func (t *portalWalk) looked(ctx context.Context) error {
	return eventually(ctx, 10*time.Second, "the portal at who looked", func() (bool, error) {
		p, err := t.me.Open(ctx, t.env.Citizen+"/looked")
		if err != nil {
			return false, err
		}
		if err := at(p, "/looked", 200); err != nil {
			return false, err
		}
		return p.Says("Cổng dịch vụ công"), nil
	})
}

func (t *portalWalk) withdraw(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Citizen+"/consents")
	if err != nil {
		return err
	}
	if err := at(p, "/consents", 200); err != nil {
		return err
	}
	if p, err = p.Follow(ctx, "Cổng dịch vụ công"); err != nil {
		return err
	}
	if p, err = p.Follow(ctx, "/withdraw"); err != nil {
		return err
	}
	f, err := p.FormTo("/withdraw")
	if err != nil {
		return err
	}
	if _, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	// A stranger's browser with her session at the issuer is asked anew.
	if p, err = t.me.Open(ctx, t.env.Portal+"/signin?return=/"); err != nil {
		return err
	}
	return at(p, "/consent", 200)
}
