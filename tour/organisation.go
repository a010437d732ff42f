// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"danh/internal/browse"
)

var organisationTour = Tour{
	Name:  "organisation",
	Story: "a company's two representatives open its account, mandate somebody who files a notice in its name, and take the mandate back",
	steps: func(w *walk) []step {
		t := &companyWalk{walk: w}
		return []step{
			{"a legal representative signs in and finds the company; what an earlier walk left is taken back", t.represent},
			{"whoever does not represent the company cannot apply for it", t.stranger},
			{"the representative applies for its account, and the other one must consent", t.apply},
			{"the other one consents, and the account opens at once", t.consent},
			{"a mandate is offered to somebody: to file procedures, for thirty days", t.offer},
			{"he sees what it covers and until when, and accepts", t.accept},
			{"he acts for the company: every page says so, and the rest stays closed", t.act},
			{"the portal signs the company on, and knows nothing of him", t.atPortal},
			{"the form is filled in from the registry of organisations", t.prefilled},
			{"he writes a guest down and sends it in the company's name", t.file},
			{"the receipt names the company and him, and reaches his phone", t.receipt},
			{"the other representative sees the case in the company's name, and not in her own", t.others},
			{"the mandate is taken back, and his next request is refused", t.revoke},
			{"the company's log names who acted", t.looked},
		}
	},
}

// The sample company, which two people represent.
const (
	companyName = "Công ty TNHH Du lịch Mây Trắng"
	companyCode = "0109990034"
	companySeat = "Số 19 đường Quang Trung"
)

type companyWalk struct {
	*walk
	boss, other, clerk *seat
	company            string // path of its page
	guest              person
	page               *browse.Page
	until              string // the mandate's last day, as people write it
	case_, code        string
	sent               time.Time
}

// seat is one of the company's people at a browser of her own.
type seat struct {
	*Officer
	c *browse.Client
}

// reads opens a page that must be there.
func (s *seat) reads(ctx context.Context, door, path string) (*browse.Page, error) {
	p, err := s.c.Open(ctx, door+path)
	if err != nil {
		return nil, err
	}
	return p, at(p, path, 200)
}

// comes signs one of the sample people in at the citizen's door, as surely as
// acting for somebody else takes, and leads to her organisations.
func (t *companyWalk) comes(ctx context.Context, role string) (*seat, *browse.Page, error) {
	o, err := t.env.FindOfficer(role)
	if err != nil {
		return nil, nil, err
	}
	s := &seat{o, t.client()}
	p, err := SignInStaff(ctx, t.env, s.c, t.env.Citizen, "/organisations", o)
	if err != nil {
		return nil, nil, err
	}
	if err := at(p, "/organisations", 200); err != nil {
		return nil, nil, err
	}
	p, err = s.c.Open(ctx, t.env.Citizen+"/stepup?journey=act_for&return=/organisations")
	if err != nil {
		return nil, nil, err
	}
	if p.URL.Path == "/stepup" {
		if p, err = (&signer{passkey: o.Passkey}).prove(ctx, p, "/stepup", ""); err != nil {
			return nil, nil, err
		}
	}
	return s, p, at(p, "/organisations", 200)
}

// represent: whatever an earlier walk left, also one that was cut short, is taken
// back as people would: mandates, offers, the account.
func (t *companyWalk) represent(ctx context.Context) (err error) {
	var p *browse.Page
	if t.boss, p, err = t.comes(ctx, "merchant"); err != nil {
		return err
	}
	if !p.Says(companyName) {
		return errors.New("the company that he represents by law is not listed")
	}
	for _, a := range p.All(`main a[aria-label$="` + companyName + `"]`) {
		t.company = browse.Attr(a, "href")
	}
	if t.company == "" {
		return errors.New("there is no way to the company's page")
	}
	for _, a := range p.All(`main a[href^="/organisations/applications/"]`) {
		if p, err = t.boss.c.Open(ctx, t.env.Citizen+browse.Attr(a, "href")); err != nil {
			return err
		}
		f, err := p.Form("answer")
		if err != nil {
			return err
		}
		if p, err = f.Submit(ctx, "answer=withdraw"); err != nil {
			return err
		}
		if err := p.Want(200); err != nil {
			return err
		}
	}
	for range 20 {
		if p, err = t.boss.c.Open(ctx, t.env.Citizen+t.company); err != nil {
			return err
		}
		if err := at(p, t.company, 200); err != nil {
			return err
		}
		f, err := p.FormTo("/revoke")
		if err != nil {
			f, err = p.FormTo("/withdraw")
		}
		if err != nil {
			break
		}
		if p, err = f.Submit(ctx, ""); err != nil {
			return err
		}
		if err := at(p, t.company, 200); err != nil {
			return err
		}
	}
	if _, err := p.Link(t.company + "/close"); err == nil {
		if p, err = t.boss.c.Open(ctx, t.env.Citizen+t.company+"/close"); err != nil {
			return err
		}
		f, err := p.Form("answer")
		if err != nil {
			return err
		}
		if p, err = f.Submit(ctx, "answer=yes"); err != nil {
			return err
		}
		if err := at(p, "/organisations", 200); err != nil {
			return err
		}
		if p, err = t.boss.c.Open(ctx, t.env.Citizen+t.company); err != nil {
			return err
		}
	}
	if err := at(p, t.company, 200); err != nil {
		return err
	}
	if !p.Says(companyCode) || !p.Says(companySeat) || !p.Says("Chưa mở") || len(p.All("main form")) > 0 {
		return errors.New("the company's page does not show it as the registry knows it, without an account")
	}
	return nil
}

// ask sends the company's code on the page of applications.
func (t *companyWalk) ask(ctx context.Context, s *seat) (*browse.Page, error) {
	p, err := s.reads(ctx, t.env.Citizen, "/organisations/open")
	if err != nil {
		return nil, err
	}
	return send(ctx, p, "number", companyCode)
}

func (t *companyWalk) stranger(ctx context.Context) (err error) {
	var p *browse.Page
	if t.clerk, p, err = t.comes(ctx, "clerk"); err != nil {
		return err
	}
	if p.Says(companyName) {
		return errors.New("somebody who has no mandate any more sees the company")
	}
	if p, err = t.ask(ctx, t.clerk); err != nil {
		return err
	}
	if err := at(p, "/organisations/open", 403); err != nil {
		return err
	}
	if !p.Says("không phải người đại diện") {
		return errors.New("the answer does not say that he does not represent it")
	}
	return nil
}

func (t *companyWalk) apply(ctx context.Context) error {
	p, err := t.ask(ctx, t.boss)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(p.URL.Path, "/organisations/applications/") {
		return fmt.Errorf("applying leads to %s: %q", p.URL.Path, p.Heading())
	}
	if err := at(p, p.URL.Path, 200); err != nil {
		return err
	}
	for _, want := range []string{companyName, "Chờ người đại diện đồng ý", "Đã đồng ý", "Chưa trả lời"} {
		if !p.Says(want) {
			return fmt.Errorf("the application does not say %q", want)
		}
	}
	return nil
}

func (t *companyWalk) consent(ctx context.Context) (err error) {
	var p *browse.Page
	if t.other, p, err = t.comes(ctx, "associate"); err != nil {
		return err
	}
	if !p.Says("Đang chờ bạn đồng ý") {
		return errors.New("the other representative is not asked")
	}
	if p, err = p.Follow(ctx, "/organisations/applications/"); err != nil {
		return err
	}
	f, err := p.Form("answer")
	if err != nil {
		return err
	}
	path := p.URL.Path
	if p, err = f.Submit(ctx, "answer=yes"); err != nil {
		return err
	}
	if err := at(p, path, 200); err != nil {
		return err
	}
	if !p.Says("Đã mở tài khoản") {
		return errors.New("the account does not open although the registry knows them all and all consented")
	}
	return nil
}

func (t *companyWalk) offer(ctx context.Context) error {
	p, err := t.boss.reads(ctx, t.env.Citizen, t.company+"/mandate")
	if err != nil {
		return err
	}
	f, err := p.Form("scope_procedure", "until", "way", "number", "name")
	if err != nil {
		return err
	}
	t.until = time.Now().In(time.FixedZone("ICT", 7*3600)).AddDate(0, 0, 30).Format("02/01/2006")
	if err := f.Fill(map[string]string{"scope_procedure": "yes", "until": t.until, "way": "person", "number": t.clerk.Number, "name": t.clerk.Name}); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, t.company, 200); err != nil {
		return err
	}
	if !p.Says("Đang chờ nhận") || !p.Says(t.clerk.Name) || !p.Says("Nộp hồ sơ, xem hồ sơ") {
		return errors.New("the offer does not wait on the company's page")
	}
	return nil
}

func (t *companyWalk) accept(ctx context.Context) error {
	p, err := t.clerk.reads(ctx, t.env.Citizen, "/organisations")
	if err != nil {
		return err
	}
	if !p.Says(companyName+" ủy quyền cho bạn") || !p.Says("Nộp hồ sơ, xem hồ sơ") || !p.Says(t.until) || p.Says("Thanh toán") {
		return errors.New("the offer does not say whose it is, what it covers and until when")
	}
	f, err := p.FormTo("/organisations/offers")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, "answer=yes"); err != nil {
		return err
	}
	if err := at(p, "/organisations", 200); err != nil {
		return err
	}
	if !p.Says("Bạn đã nhận ủy quyền") || !p.Says(t.until) {
		return errors.New("the mandate is not his")
	}
	_, err = p.FormTo("/acting")
	return err
}
