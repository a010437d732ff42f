// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"danh/internal/browse"
)

var appointmentTour = Tour{
	Name:  "appointment",
	Story: "she finds an office and a time to raise her account, books it, moves it, finds it taken for others, and gives it back",
	steps: func(w *walk) []step {
		t := &appointmentWalk{walk: w}
		return []step{
			{"the sandbox hands out a woman with a phone", t.become},
			{"she opens a level-1 account", t.open},
			{"raising it is done at a counter, and the page leads to appointments", t.procedure},
			{"her commune's police is found without marks, with its next free time", t.where},
			{"the days say what is free, and no Sunday is among them", t.day},
			{"the times of a day are offered", t.times},
			{"confirming asks her to sign in and agree, and keeps what she chose", t.confirm},
			{"booking gives a code", t.book},
			{"the same page sent again books nothing more", t.again},
			{"the confirmation arrives on her phone", t.told},
			{"the time is offered to nobody else", t.taken},
			{"a stranger cannot see the appointment", t.stranger},
			{"she moves it from her cases to another day", t.change},
			{"the old time is free again", t.freed},
			{"she cancels it, and it leaves her cases", t.cancel},
			{"the message about it arrives", t.toldCancelled},
			{"who looked shows what she did", t.looked},
		}
	},
}

type appointmentWalk struct {
	*walk
	p      person
	phone  string
	page   *browse.Page
	office string // its key
	days   []string
	dayAt  string // the address of the chosen day
	at     string // the chosen time, as the form has it
	now    string // the time that it has been moved to
	sent   time.Time
	review *browse.Page // before it is booked
	mine   string       // the path of the appointment
	code   string
}

const raising = "nang-muc-2"

func (t *appointmentWalk) become(ctx context.Context) (err error) {
	if t.p, err = t.take(ctx, "min=25&max=70&phone=own&exact=1"); err != nil {
		return err
	}
	t.phone = t.p.Phones[0]
	t.note["person"] = t.p.Ref
	return nil
}

func (t *appointmentWalk) open(ctx context.Context) error {
	_, err := t.openAccount(ctx, t.me, t.p, t.phone, t.env.Citizen+"/open")
	return err
}

func (t *appointmentWalk) procedure(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Portal+"/procedures/"+raising)
	if err != nil {
		return err
	}
	if err := at(p, "/procedures/"+raising, 200); err != nil {
		return err
	}
	for _, s := range []string{"Nghị định 69/2024", "Làm tại nơi tiếp nhận"} {
		if !p.Says(s) {
			return fmt.Errorf("the procedure page does not say %q", s)
		}
	}
	if t.page, err = p.Follow(ctx, "/booking?procedure="+raising); err != nil {
		return err
	}
	if err := at(t.page, "/booking", 200); err != nil {
		return err
	}
	_, err = t.page.Form("q", "procedure")
	return err
}

func (t *appointmentWalk) where(ctx context.Context) error {
	f, err := t.page.Form("q", "procedure")
	if err != nil {
		return err
	}
	if err := f.Set("q", "cong an phuong kim lien ha noi"); err != nil {
		return err
	}
	p, err := f.Submit(ctx, "")
	if err != nil {
		return err
	}
	if err := at(p, "/booking", 200); err != nil {
		return err
	}
	if !p.Says("Công an phường Kim Liên") || !p.Says("còn chỗ sớm nhất") {
		return errors.New("the office is not found, or not its next free time")
	}
	href, err := p.Link("office=")
	if err != nil {
		return err
	}
	u, err := url.Parse(href)
	if err != nil {
		return err
	}
	if t.office = u.Query().Get("office"); t.office == "" {
		return errors.New("the office has no key")
	}
	t.page = p
	return nil
}

var dayForm = regexp.MustCompile(`day=(\d{4}-\d{2}-\d{2})`)

// freeDays are the days that a page offers.
func freeDays(p *browse.Page) []string {
	var out []string
	for _, a := range p.All(`main a[href*="day="]`) {
		if m := dayForm.FindStringSubmatch(browse.Attr(a, "href")); m != nil {
			out = append(out, m[1])
		}
	}
	return out
}

func (t *appointmentWalk) day(ctx context.Context) error {
	p, err := t.page.Follow(ctx, "office=")
	if err != nil {
		return err
	}
	if err := at(p, "/booking", 200); err != nil {
		return err
	}
	if t.days = freeDays(p); len(t.days) < 4 {
		return fmt.Errorf("only %d days are offered", len(t.days))
	}
	for _, d := range t.days {
		v, err := time.Parse("2006-01-02", d)
		if err != nil {
			return err
		}
		if v.Weekday() == time.Sunday {
			return errors.New("a Sunday is offered")
		}
	}
	if len(p.All("main nav")) == 0 || !p.Says("chỗ") {
		return errors.New("the days do not say what is free")
	}
	t.page = p
	return nil
}

// timesOf are the values of a page's radio buttons for the time.
func timesOf(p *browse.Page) []string {
	var out []string
	for _, n := range p.All(`input[type=radio][name=at]`) {
		out = append(out, browse.Attr(n, "value"))
	}
	return out
}

func (t *appointmentWalk) times(ctx context.Context) error {
	p, err := t.page.Follow(ctx, "day="+t.days[2])
	if err != nil {
		return err
	}
	if err := at(p, "/booking", 200); err != nil {
		return err
	}
	all := timesOf(p)
	if len(all) < 3 {
		return fmt.Errorf("only %d times are offered", len(all))
	}
	for _, v := range all {
		if !strings.HasPrefix(v, t.days[2]+"T") {
			return errors.New("a time of another day is offered")
		}
	}
	t.page, t.dayAt, t.at = p, p.URL.String(), all[len(all)/2]
	return nil
}

func (t *appointmentWalk) confirm(ctx context.Context) error {
	f, err := t.page.Form("at", "procedure", "office")
	if err != nil {
		return err
	}
	if err := f.Set("at", t.at); err != nil {
		return err
	}
	p, err := f.Submit(ctx, "")
	if err != nil {
		return err
	}
	// She has just opened her account: the issuer knows her and asks for her consent only.
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
	if f.Value("at") != t.at || f.Value("office") != t.office || f.Value("procedure") != raising || f.Value("key") == "" {
		return errors.New("what she chose is lost on the way")
	}
	if !p.Says("Mang theo") || !p.Says("Kim Liên") {
		return errors.New("the page does not say where, or what to bring")
	}
	t.review = p
	return nil
}

var appointmentCode = regexp.MustCompile(`LH-[2-9A-Z]{3}-[2-9A-Z]{3}`)

func (t *appointmentWalk) press(ctx context.Context) (*browse.Page, error) {
	f, err := t.review.FormTo("/booking")
	if err != nil {
		return nil, err
	}
	p, err := f.Submit(ctx, "")
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(p.URL.Path, "/appointments/") || p.Status != 200 {
		return nil, fmt.Errorf("booking leads to %s with %d: %q", p.URL.Path, p.Status, p.Heading())
	}
	return p, nil
}

func (t *appointmentWalk) book(ctx context.Context) error {
	t.sent = time.Now()
	p, err := t.press(ctx)
	if err != nil {
		return err
	}
	t.mine = p.URL.Path
	if t.code = appointmentCode.FindString(p.Text(".receipt .code")); t.code == "" {
		return errors.New("no code was given")
	}
	t.note["code"] = t.code
	return nil
}

func (t *appointmentWalk) again(ctx context.Context) error {
	p, err := t.press(ctx)
	if err != nil {
		return err
	}
	if p.URL.Path != t.mine || !p.Says(t.code) {
		return errors.New("the page sent again is another appointment")
	}
	return nil
}

// spoken is a time as messages write it.
func spoken(at string) string {
	v, err := time.Parse("2006-01-02T15:04", at)
	if err != nil {
		return "?"
	}
	return v.Format("15:04 02/01/2006")
}

func (t *appointmentWalk) told(ctx context.Context) error {
	_, err := t.message(ctx, t.phone, "the confirmation", t.sent, func(s string) bool { return strings.Contains(s, t.code) && strings.Contains(s, spoken(t.at)) })
	return err
}

// offered gives the times of the chosen day as somebody else sees them.
func (t *appointmentWalk) offered(ctx context.Context) ([]string, error) {
	p, err := t.client().Open(ctx, t.dayAt)
	if err != nil {
		return nil, err
	}
	if err := at(p, "/booking", 200); err != nil {
		return nil, err
	}
	all := timesOf(p)
	if len(all) == 0 {
		return nil, errors.New("no time of that day is left")
	}
	for _, v := range all {
		if !strings.HasPrefix(v, t.days[2]+"T") {
			return nil, errors.New("a time of another day is offered")
		}
	}
	return all, nil
}

func (t *appointmentWalk) taken(ctx context.Context) error {
	all, err := t.offered(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(all, t.at) {
		return errors.New("the time is still offered")
	}
	return nil
}

func (t *appointmentWalk) stranger(ctx context.Context) error {
	p, err := t.client().Open(ctx, t.env.Portal+t.mine)
	if err != nil {
		return err
	}
	if err := at(p, "/signin", 200); err != nil {
		return fmt.Errorf("a stranger must be asked to sign in: %w", err)
	}
	if p.Says(t.code) {
		return errors.New("a stranger sees the code")
	}
	return nil
}

func (t *appointmentWalk) change(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Portal+"/cases")
	if err != nil {
		return err
	}
	if err := at(p, "/cases", 200); err != nil {
		return err
	}
	for _, next := range []string{t.mine, "/change", "day=" + t.days[3]} {
		if p, err = p.Follow(ctx, next); err != nil {
			return err
		}
		if err := p.Want(200); err != nil {
			return err
		}
	}
	all := timesOf(p)
	if len(all) == 0 {
		return errors.New("no time is offered")
	}
	f, err := p.FormTo("/change")
	if err != nil {
		return err
	}
	t.now = all[len(all)-1]
	if err := f.Set("at", t.now); err != nil {
		return err
	}
	t.sent = time.Now()
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, t.mine, 200); err != nil {
		return err
	}
	if !p.Says(t.code) || !p.Says(spoken(t.now)[:5]) || !p.Says(spoken(t.now)[6:]) {
		return errors.New("the appointment does not stand at its new time")
	}
	return nil
}

func (t *appointmentWalk) freed(ctx context.Context) error {
	all, err := t.offered(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(all, t.at) {
		return errors.New("the time that she gave up is not offered")
	}
	return nil
}

func (t *appointmentWalk) cancel(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Portal+t.mine)
	if err != nil {
		return err
	}
	if err := at(p, t.mine, 200); err != nil {
		return err
	}
	if p, err = p.Follow(ctx, "/cancel"); err != nil {
		return err
	}
	f, err := p.FormTo("/cancel")
	if err != nil {
		return err
	}
	t.sent = time.Now()
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, t.mine, 200); err != nil {
		return err
	}
	if !p.Says("Đã hủy") {
		return errors.New("the page does not say that it is cancelled")
	}
	if p, err = t.me.Open(ctx, t.env.Portal+"/cases"); err != nil {
		return err
	}
	if err := at(p, "/cases", 200); err != nil {
		return err
	}
	if len(p.All(`a[href^="/appointments/"]`)) > 0 || !p.Says("Hồ sơ của tôi") {
		return errors.New("the cancelled appointment still stands among her cases")
	}
	return nil
}

func (t *appointmentWalk) toldCancelled(ctx context.Context) error {
	_, err := t.message(ctx, t.phone, "the message that it is cancelled", t.sent, func(s string) bool { return strings.Contains(s, t.code) && strings.Contains(s, "đã hủy") })
	return err
}

func (t *appointmentWalk) looked(ctx context.Context) error {
	return eventually(ctx, 10*time.Second, "the entries at who looked", func() (bool, error) {
		p, err := t.me.Open(ctx, t.env.Citizen+"/looked?show=changes")
		if err != nil {
			return false, err
		}
		if err := at(p, "/looked", 200); err != nil {
			return false, err
		}
		return len(p.All(`main a[href*="/looked/"]`)) > 0 && p.Says("Lịch hẹn tại nơi làm việc"), nil
	})
}
