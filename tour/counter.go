// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"danh/internal/browse"
)

var counterTour = Tour{
	Name:  "counter",
	Story: "somebody without a card books a time, is enrolled at the counter by one officer and approved by another, and leaves with a card and an account of level 2",
	steps: func(w *walk) []step { return (&counterWalk{counter: counter{walk: w}}).steps() },
}

func (t *counterWalk) steps() []step {
	return []step{
		{"the sandbox hands out somebody without a card", t.become},
		{"with a phone that is not in her name she gets a provisional account, and books a time with it", t.book},
		{"an officer signs in with password and passkey", t.atWork},
		{"a visit on a typed number is flagged; a phone that may not be hers hears nothing of it", t.typed},
		{"a dossier begins with what the registries hold; a wrong relative is a difference, and is settled", t.applicant},
		{"her own phone is confirmed; the household book is refused", t.reach},
		{"portrait and ten fingers are taken", t.capture},
		{"fingers are searched, faces are compared, fee and old card are noted", t.judge},
		{"she reads the turned screen and signs both forms", t.agree},
		{"handed in: a deadline and a receipt", t.handIn},
		{"the officer who took it in cannot approve it", t.notHers},
		{"the second officer, whom the system drew, sees the evidence and approves", t.approved},
		{"the provisional account has given way; she activates hers, of level 2", t.wake},
		{"the card is handed over, against her approval on her phone", t.handOver},
		{"who looked shows her the officers, each with a purpose", t.looked},
	}
}

type counterWalk struct {
	counter
	spare string // the phone that is not in her name
}

func (t *counterWalk) become(ctx context.Context) (err error) {
	if t.p, err = t.take(ctx, "min=25&max=70&phone=own&exact=1&card=none&prints=no"); err != nil {
		return err
	}
	t.phone, t.spare = t.p.Phones[0], spare(t.p)
	t.note["person"] = t.p.Ref
	return nil
}

// spare is a phone that no carrier knows as somebody's.
func spare(p person) string { return "0889" + p.Number[6:12] }

func (t *counterWalk) book(ctx context.Context) error {
	p, err := t.openAccount(ctx, t.me, t.p, t.spare, t.env.Citizen+"/open")
	if err != nil {
		return err
	}
	if !p.Says("tạm thời") {
		return errors.New("an account on a phone of nobody's is not provisional")
	}
	return t.appointment(ctx, "cap-the-can-cuoc")
}

// appointment books the first free time at the officers' office.
func (t *counterWalk) appointment(ctx context.Context, procedure string) error {
	if err := t.staff(); err != nil {
		return err
	}
	p, err := t.me.Open(ctx, t.env.Portal+"/booking?procedure="+procedure+"&q="+url.QueryEscape(t.officer.Office))
	if err != nil {
		return err
	}
	for _, next := range []string{"office=", "day="} {
		if err := at(p, "/booking", 200); err != nil {
			return err
		}
		if p, err = p.Follow(ctx, next); err != nil {
			return err
		}
	}
	all := timesOf(p)
	if len(all) == 0 {
		return errors.New("no time is offered")
	}
	f, err := p.Form("at", "procedure", "office")
	if err != nil {
		return err
	}
	if err := f.Set("at", all[0]); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, "/consent", 200); err != nil {
		return err
	}
	if f, err = p.Form("request", "answer"); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, "answer=yes"); err != nil {
		return err
	}
	if err := at(p, "/booking/confirm", 200); err != nil {
		return err
	}
	if f, err = p.FormTo("/booking"); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if t.code = appointmentCode.FindString(p.Text(".receipt .code")); t.code == "" || !strings.HasPrefix(p.URL.Path, "/appointments/") {
		return fmt.Errorf("booking leads to %s: %q", p.URL.Path, p.Heading())
	}
	t.note["appointment"] = t.code
	return at(p, p.URL.Path, 200)
}

func (t *counterWalk) typed(ctx context.Context) error {
	if err := t.came(ctx, "card"); err != nil {
		return err
	}
	p, err := t.page.Follow(ctx, "see=residence")
	if err != nil {
		return err
	}
	if err := at(p, t.visit, 200); err != nil {
		return err
	}
	if !p.Says("Không ai được hỏi sổ hộ khẩu") || !p.Says("Mục đích xem") {
		return errors.New("the residence does not say for what it is looked at, or that it stands for the household book")
	}
	return t.notTold(ctx, t.spare)
}

func (t *counterWalk) applicant(ctx context.Context) error {
	if err := t.begin(ctx, "first_card", nil); err != nil {
		return err
	}
	f, err := t.page.Form("name", "father_name", "version")
	if err != nil {
		return err
	}
	if f.Value("name") != t.p.Name || f.Value("nationality") == "" {
		return errors.New("the form does not begin with what is registered")
	}
	field, wrong := "ethnicity", "Tày"
	for _, r := range []string{"father_name", "mother_name", "spouse_name"} {
		if f.Value(r) != "" {
			field, wrong = r, "Đoàn Thị Không Phải"
			break
		}
	}
	right := f.Value(field)
	t.note["differs"] = field
	if right == wrong {
		wrong = "Mường"
	}
	if err := f.Set(field, wrong); err != nil {
		return err
	}
	p, err := f.Submit(ctx, "")
	if err != nil {
		return err
	}
	if err := t.now(p, "applicant"); err != nil {
		return err
	}
	if !p.Says("1 chỗ cần chọn") || !strings.Contains(squeezed(p.Text("#differences")), squeezed(right)) {
		return errors.New("the difference does not stand beside what is registered")
	}
	if f, err = p.FormTo("/resolve"); err != nil {
		return err
	}
	if err := f.Set("keep", "registered"); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	return t.now(p, "contact")
}

// squeezed leaves the spaces out: marked letters stand in elements of their own.
func squeezed(s string) string { return strings.ReplaceAll(s, " ", "") }

func (t *counterWalk) reach(ctx context.Context) error {
	if err := t.contact(ctx, t.phone, "portrait"); err != nil {
		return err
	}
	p, err := t.part(ctx, "papers")
	if err != nil {
		return err
	}
	for _, o := range p.All("option") {
		if strings.Contains(strings.ToLower(browse.TextOf(o)), "hộ khẩu") {
			return errors.New("the household book is offered")
		}
	}
	if p, err = t.desk.PostForm(ctx, t.env.Officer+t.at+"/papers", url.Values{"kind": {"Sổ hộ khẩu"}, "use": {"evidence"}, "paper_number": {"12"}}); err != nil {
		return err
	}
	if p.Status != 422 || !p.Says("Không được hỏi hay nhận sổ hộ khẩu") {
		return fmt.Errorf("the household book is answered with %d", p.Status)
	}
	return nil
}

func (t *counterWalk) capture(ctx context.Context) error {
	if err := t.portrait(ctx, t.p.Ref); err != nil {
		return err
	}
	return t.fingers(ctx, t.p.Ref, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
}

func (t *counterWalk) judge(ctx context.Context) error {
	if err := t.compare(ctx, "review", "Chưa có vân tay cũ"); err != nil {
		return err
	}
	var err error
	if t.page, err = t.part(ctx, "card"); err != nil {
		return err
	}
	return t.fee(ctx, "none")
}

func (t *counterWalk) agree(ctx context.Context) error {
	if err := t.review(ctx); err != nil {
		return err
	}
	return t.sign(ctx, "enrolment", "capture")
}

func (t *counterWalk) approved(ctx context.Context) error {
	if err := t.approve(ctx, "Vừa chụp", "Tìm người khác"); err != nil {
		return err
	}
	for _, s := range []string{"enrolment", "capture"} { // sealed by now
		if err := t.pdf(ctx, t.bench, s); err != nil {
			return err
		}
	}
	return nil
}

func (t *counterWalk) wake(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Citizen+"/security")
	if err != nil {
		return err
	}
	if err := at(p, "/signin", 200); err != nil {
		return fmt.Errorf("the provisional account still stands: %w", err)
	}
	_, err = t.activate(ctx, t.me, t.phone, t.p.Number, 2)
	return err
}

func (t *counterWalk) handOver(ctx context.Context) error {
	if err := t.byPhone(ctx, "card", t.p.Number, t.me); err != nil {
		return err
	}
	p, err := t.desk.Open(ctx, t.env.Officer+"/dossiers?show=handover")
	if err != nil {
		return err
	}
	if err := at(p, "/dossiers", 200); err != nil {
		return err
	}
	if p, err = p.Follow(ctx, t.code); err != nil {
		return err
	}
	f, err := p.FormTo("/handover")
	if err != nil {
		return err
	}
	if err := f.Set("visit", strings.TrimPrefix(t.visit, "/visits/")); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, "/dossiers", 200); err != nil {
		return err
	}
	if !p.Says("Đã ghi việc trao thẻ") {
		return errors.New("the handing over is not noted")
	}
	if p, err = t.me.Open(ctx, t.env.Citizen+"/card"); err != nil {
		return err
	}
	if err := at(p, "/card", 200); err != nil {
		return err
	}
	if !strings.Contains(squeezed(p.Text("main")), t.p.Number) || len(p.All("figure.face img")) != 2 {
		return fmt.Errorf("her card does not stand in her account with both faces, but %d: %s", len(p.All("figure img")), p.Text("main .tag"))
	}
	return nil
}

func (t *counterWalk) looked(ctx context.Context) error {
	return t.seen(ctx, t.me, "Công an phường Kim Liên", "Làm hồ sơ của bạn tại quầy", "Bạn đến quầy: cấp, đổi hoặc trả thẻ căn cước")
}
