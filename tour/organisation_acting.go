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

// framed fails unless a page is there, says in whose name it is, and can be left.
func (t *companyWalk) framed(p *browse.Page, path string, status int) error {
	if err := at(p, path, status); err != nil {
		return err
	}
	if p.Text(".acting b") != companyName || !strings.HasPrefix(p.Text("title"), "Thay cho "+companyName+": ") {
		return fmt.Errorf("%s does not say that it is in the company's name", path)
	}
	_, err := p.FormTo("/acting/stop")
	return err
}

// begin has one of the company's people act for it.
func (t *companyWalk) begin(ctx context.Context, s *seat) (*browse.Page, error) {
	p, err := s.reads(ctx, t.env.Citizen, "/organisations")
	if err != nil {
		return nil, err
	}
	id := strings.TrimPrefix(t.company, "/organisation/")
	for _, f := range p.Forms() {
		if f.Value("organisation") == id {
			if p, err = f.Submit(ctx, ""); err != nil {
				return nil, err
			}
			return p, t.framed(p, "/", 200)
		}
	}
	return nil, errors.New("there is no way to act for the company")
}

func (t *companyWalk) act(ctx context.Context) error {
	p, err := t.begin(ctx, t.clerk)
	if err != nil {
		return err
	}
	if !p.Says("Người được ủy quyền") || !p.Says(t.until) || p.Says(t.clerk.Name) {
		return errors.New("the company's first page names him, or not by what he acts and until when")
	}
	for _, x := range []struct {
		path   string
		status int
	}{{"/looked", 200}, {"/acting", 200}, {"/account", 403}, {"/security", 403}, {"/consents", 403}, {"/organisations", 403}} {
		if p, err = t.clerk.c.Open(ctx, t.env.Citizen+x.path); err != nil {
			return err
		}
		if err := t.framed(p, x.path, x.status); err != nil {
			return err
		}
	}
	return nil
}

// enter opens a page of the portal in the company's name, with its consent.
func (t *companyWalk) enter(ctx context.Context, s *seat, path string) (*browse.Page, error) {
	p, err := s.c.Open(ctx, t.env.Portal+"/signin?return="+path)
	if err != nil {
		return nil, err
	}
	if p.URL.Path == "/consent" {
		if err := t.framed(p, "/consent", 200); err != nil {
			return nil, err
		}
		if !p.Says("Bạn đồng ý thay cho "+companyName) || !p.Says(companyCode) || p.Says(s.Name) {
			return nil, errors.New("the consent page does not say for whom the portal is told what")
		}
		f, err := p.FormTo("/consent")
		if err != nil {
			return nil, err
		}
		if p, err = f.Submit(ctx, "answer=yes"); err != nil {
			return nil, err
		}
	}
	return p, t.framed(p, path, 200)
}

func (t *companyWalk) atPortal(ctx context.Context) error {
	p, err := t.enter(ctx, t.clerk, "/me")
	if err != nil {
		return err
	}
	main := p.All("main")
	if len(main) != 1 {
		return errors.New("the page has no main part")
	}
	text := strings.ReplaceAll(browse.TextOf(main[0]), " ", "")
	for _, want := range []string{companyName, companyCode, companySeat, "CSDL đăng ký doanh nghiệp"} {
		if !strings.Contains(text, strings.ReplaceAll(want, " ", "")) {
			return fmt.Errorf("the portal does not know %q", want)
		}
	}
	for _, never := range []string{t.clerk.Name, t.clerk.Number, t.clerk.Phone} {
		if strings.Contains(text, strings.ReplaceAll(never, " ", "")) {
			return errors.New("the portal was told who acts as if it were of the company")
		}
	}
	return nil
}

func (t *companyWalk) prefilled(ctx context.Context) error {
	p, err := t.clerk.c.Open(ctx, t.env.Portal+"/lodging")
	if err != nil {
		return err
	}
	if err := t.framed(p, "/lodging", 200); err != nil {
		return err
	}
	if !p.Says(companyCode) || !p.Says("Trụ sở") || !p.Says("CSDL đăng ký doanh nghiệp") {
		return errors.New("the form does not say what it knows of the company, and from where")
	}
	f, err := p.FormTo("/lodging")
	if err == nil {
		p, err = f.Submit(ctx, "")
	}
	if err != nil {
		return err
	}
	if err := t.framed(p, p.URL.Path, 200); err != nil {
		return err
	}
	if f, err = p.Form("category", "place_name", "address", "commune"); err != nil {
		return err
	}
	if f.Value("category") != "hotel" || f.Value("place_name") != companyName || !strings.Contains(f.Value("address"), companySeat) {
		return errors.New("the place is not filled in as the company and its seat")
	}
	t.page = p
	return nil
}

func (t *companyWalk) file(ctx context.Context) (err error) {
	if t.guest, err = t.take(ctx, "min=20&max=80&exact=1"); err != nil {
		return err
	}
	f, err := t.page.Form("category", "place_name", "address", "commune")
	if err != nil {
		return err
	}
	if err := f.Set("commune", "Phường Cửa Nam, Thành phố Hà Nội"); err != nil {
		return err
	}
	p, err := f.Submit(ctx, "")
	if err != nil {
		return err
	}
	if !strings.HasSuffix(p.URL.Path, "/guest/1") {
		return fmt.Errorf("expected the question about the guest, not %s: %q", p.URL.Path, p.Heading())
	}
	now := time.Now().In(time.FixedZone("ICT", 7*3600))
	if f, err = p.Form("name", "birth_date", "number", "from", "until", "reason"); err != nil {
		return err
	}
	if err := f.Fill(map[string]string{"name": t.guest.Name, "birth_date": t.guest.born(), "document": "pin", "number": t.guest.Number,
		"from": now.Format("2/1/2006"), "time": now.Format("15:04"), "until": now.AddDate(0, 0, 2).Format("2/1/2006"), "reason": "travel"}); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, "then=review"); err != nil {
		return err
	}
	if !strings.HasSuffix(p.URL.Path, "/review") || !p.Says(t.guest.Name) {
		return fmt.Errorf("expected the review, not %s: %q", p.URL.Path, p.Text(".sum, [role=alert]"))
	}
	if f, err = p.FormTo("/review"); err != nil {
		return err
	}
	t.sent = time.Now()
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if !strings.HasPrefix(p.URL.Path, "/cases/") {
		return fmt.Errorf("sending leads to %s: %q", p.URL.Path, p.Heading())
	}
	if err := t.framed(p, p.URL.Path, 200); err != nil {
		return err
	}
	t.case_ = p.URL.Path
	if t.code = lodgingCode.FindString(string(p.Body)); t.code == "" {
		return errors.New("no code was given")
	}
	t.note["code"] = t.code
	return t.names(p)
}

// names fails unless a page of the case names the company and who sent it.
func (t *companyWalk) names(p *browse.Page) error {
	for _, want := range []string{t.code, companyName, companyCode, t.clerk.Name, t.guest.Name} {
		if !p.Says(want) {
			return fmt.Errorf("%s does not say %q", p.Heading(), want)
		}
	}
	return nil
}

func (t *companyWalk) receipt(ctx context.Context) error {
	p, err := t.clerk.c.Open(ctx, t.env.Portal+t.case_+"/receipt")
	if err != nil {
		return err
	}
	if err := t.framed(p, t.case_+"/receipt", 200); err != nil {
		return err
	}
	if err := t.names(p); err != nil {
		return err
	}
	text, err := t.message(ctx, t.clerk.Phone, "the receipt", t.sent, func(s string) bool { return strings.Contains(s, t.code) })
	if err != nil {
		return err
	}
	if strings.Contains(text, t.guest.Name) || strings.Contains(text, t.guest.Number) {
		return errors.New("the receipt tells the phone who the guest is")
	}
	return nil
}

func (t *companyWalk) others(ctx context.Context) error {
	// In her own name there is no such case, and no band.
	p, err := t.other.c.Open(ctx, t.env.Portal+"/signin?return=/cases")
	if err != nil {
		return err
	}
	if p.URL.Path == "/consent" { // the first time that she is there
		f, err := p.FormTo("/consent")
		if err != nil {
			return err
		}
		if p, err = f.Submit(ctx, "answer=yes"); err != nil {
			return err
		}
	}
	if err := at(p, "/cases", 200); err != nil {
		return err
	}
	if p.Says(t.code) || len(p.All(".acting")) > 0 {
		return errors.New("the company's case is among her own")
	}
	if p, err = t.other.c.Open(ctx, t.env.Portal+t.case_); err != nil {
		return err
	}
	if err := at(p, t.case_, 404); err != nil {
		return err
	}
	if _, err := t.begin(ctx, t.other); err != nil {
		return err
	}
	if p, err = t.enter(ctx, t.other, t.case_); err != nil {
		return err
	}
	return t.names(p)
}

func (t *companyWalk) revoke(ctx context.Context) error {
	p, err := t.boss.reads(ctx, t.env.Citizen, t.company)
	if err != nil {
		return err
	}
	f, err := p.FormTo("/revoke")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, t.company, 200); err != nil {
		return err
	}
	if !p.Says("có hiệu lực ngay") || !p.Says("Đã thu hồi") {
		return errors.New("the mandate is not taken back")
	}
	// The portal refuses him, whether it has asked the issuer again by now or not.
	if p, err = t.clerk.c.Open(ctx, t.env.Portal+t.case_); err != nil {
		return err
	}
	if p.Says(t.code) || p.Says(t.guest.Name) || !(p.Status == 403 && p.Says("không còn đại diện") || p.Status == 200 && p.Says("Việc làm thay đã tự kết thúc")) {
		return fmt.Errorf("who has no mandate any more was answered %d at %s: %q", p.Status, p.URL.Path, p.Heading())
	}
	if p, err = t.clerk.c.Open(ctx, t.env.Citizen+"/organisations"); err != nil {
		return err
	}
	if p.URL.Path == "/" { // he is told once
		if !p.Says("Việc làm thay đã tự kết thúc") {
			return errors.New("he is not told that it is over")
		}
		if p, err = t.clerk.c.Open(ctx, t.env.Citizen+"/organisations"); err != nil {
			return err
		}
	}
	if err := at(p, "/organisations", 200); err != nil {
		return err
	}
	if p.Says(companyName) || len(p.All(".acting")) > 0 {
		return errors.New("the company is still among his")
	}
	return nil
}

func (t *companyWalk) looked(ctx context.Context) error {
	if _, err := t.begin(ctx, t.boss); err != nil {
		return err
	}
	p, err := t.boss.c.Open(ctx, t.env.Citizen+"/looked?show=changes")
	if err != nil {
		return err
	}
	if err := t.framed(p, "/looked", 200); err != nil {
		return err
	}
	for _, want := range []string{t.clerk.Name + ", làm thay", t.other.Name + ", làm thay", "Bạn, làm thay"} {
		if !p.Says(want) {
			return fmt.Errorf("the company's log does not say %q", want)
		}
	}
	f, err := p.FormTo("/acting/stop")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, "/organisations", 200); err != nil {
		return err
	}
	if len(p.All(".acting")) > 0 {
		return errors.New("one tap does not stop it")
	}
	return nil
}
