// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"danh/internal/browse"
)

// counter is a walk on both sides of a counter: whoever comes there has her
// own browser, and each officer has hers.
type counter struct {
	spent string // the activation code that was used last; a parent's phone gets the child's as well
	*walk
	p       person
	phone   string
	officer *Officer       // takes in
	desk    *browse.Client // the first officer's browser
	bench   *browse.Client // the second one's
	page    *browse.Page   // where the first officer stands
	visit   string         // path of the visit
	at      string         // path of the dossier
	code    string         // of the dossier
	sent    time.Time      // when something was last asked for that a message answers
}

// impression is a picture of a finger.
type impression struct {
	position int
	image    []byte
}

// staff finds the sample officers of one office: who takes in, and who decides.
func (c *counter) staff() error {
	var err error
	if c.officer, err = c.env.FindOfficer("intake"); err != nil {
		return err
	}
	if len(c.approvers()) == 0 {
		return errors.New("no sample officer may decide a dossier")
	}
	return nil
}

// atWork signs the first officer in and leads to her desk.
func (c *counter) atWork(ctx context.Context) error {
	if err := c.staff(); err != nil {
		return err
	}
	c.desk = c.client()
	p, err := SignInStaff(ctx, c.desk, c.env.Officer, "/desk", c.officer)
	if err != nil {
		return err
	}
	if err := at(p, "/desk", 200); err != nil {
		return err
	}
	c.page = p
	_, err = p.Form("q", "purpose")
	return err
}

// search finds somebody at the desk by her number; the page answers in place.
func (c *counter) search(ctx context.Context, purpose, number string) (*browse.Page, error) {
	p, err := c.desk.Open(ctx, c.env.Officer+"/desk")
	if err != nil {
		return nil, err
	}
	f, err := p.Form("q", "purpose", "birth_date")
	if err != nil {
		return nil, err
	}
	if err := f.Fill(map[string]string{"q": number, "purpose": purpose}); err != nil {
		return nil, err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return nil, err
	}
	if err := at(p, "/desk", 200); err != nil {
		return nil, err
	}
	if p.Says(number) || !p.Says(number[len(number)-4:]) {
		return nil, errors.New("the desk shows no hit, or shows more of its number than four digits")
	}
	return p, nil
}

// came opens a visit that nothing proves.
func (c *counter) came(ctx context.Context, purpose string) error {
	p, err := c.search(ctx, purpose, c.p.Number)
	if err != nil {
		return err
	}
	f, err := p.Form("person", "way")
	if err != nil {
		return err
	}
	c.sent = time.Now()
	if p, err = f.Submit(ctx, "way=typed"); err != nil {
		return err
	}
	if err := c.inVisit(p); err != nil {
		return err
	}
	if !p.Says("Chưa chứng minh") {
		return errors.New("a visit that nothing proves is not flagged")
	}
	return nil
}

func (c *counter) inVisit(p *browse.Page) error {
	if !strings.HasPrefix(p.URL.Path, "/visits/") {
		return fmt.Errorf("no visit was opened, the officer stands at %s: %q", p.URL.Path, p.Heading())
	}
	if err := at(p, p.URL.Path, 200); err != nil {
		return err
	}
	c.page, c.visit = p, p.URL.Path
	return nil
}

// proved opens a visit by somebody's fingers, from files.
func (c *counter) proved(ctx context.Context, purpose, ref, number string, positions ...int) error {
	p, err := c.search(ctx, purpose, number)
	if err != nil {
		return err
	}
	f, err := p.FormTo("/visits/fingers")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, "/visits/fingers", 200); err != nil {
		return err
	}
	if f, err = p.Form("finger2", "finger3"); err != nil {
		return err
	}
	prints, err := c.press(ctx, ref, 1, positions...)
	if err != nil {
		return err
	}
	for _, x := range prints {
		if err := f.Attach(fmt.Sprintf("finger%d", x.position), "print.pgm", x.image); err != nil {
			return err
		}
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := c.inVisit(p); err != nil {
		return err
	}
	if p.Says("Chưa chứng minh") || !p.Says("Vân tay từ tệp") {
		return errors.New("a visit by fingers from files must be proved, and say where they came from")
	}
	return nil
}

// byPhone opens a visit that she approves on her own phone, by the number on
// the officer's screen.
func (c *counter) byPhone(ctx context.Context, purpose, number string, her *browse.Client) error {
	p, err := c.search(ctx, purpose, number)
	if err != nil {
		return err
	}
	f, err := p.Form("person", "way")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, "way=phone"); err != nil {
		return err
	}
	asked := p.URL
	shown := p.Text(".figures dd")
	if !strings.HasPrefix(asked.Path, "/visits/") || p.Status != 200 || len(shown) != 2 {
		return fmt.Errorf("asking on her phone leads to %s: %q", asked.Path, p.Heading())
	}
	if p, err = her.Open(ctx, c.env.Citizen+"/visits"); err != nil {
		return err
	}
	if err := at(p, "/visits", 200); err != nil {
		return err
	}
	if !p.Says("Kim Liên") || len(p.All(`button[name=answer]`)) != 4 {
		return errors.New("her phone does not say who asks, or does not offer three numbers and a no")
	}
	if f, err = p.FormTo(asked.Path); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, "answer="+shown); err != nil {
		return err
	}
	if err := at(p, "/visits", 200); err != nil {
		return err
	}
	if p, err = c.desk.Open(ctx, asked.String()); err != nil {
		return err
	}
	if err := c.inVisit(p); err != nil {
		return err
	}
	if p.Says("Chưa chứng minh") || !p.Says("Chọn phần cần xem") {
		return errors.New("her approval did not open the visit")
	}
	return nil
}

// notTold: a phone was told nothing of what happens at the counter.
func (c *counter) notTold(ctx context.Context, phone string) error {
	all, err := c.messages(ctx, phone)
	if err != nil {
		return err
	}
	for _, m := range all {
		for _, s := range []string{"vừa mở dữ liệu", "Mã kích hoạt", "hồ sơ", "đã lên mức"} {
			if m.At.After(c.sent.Add(-time.Second)) && strings.Contains(m.Text, s) {
				return fmt.Errorf("a phone that is not hers was told of %q", s)
			}
		}
	}
	return nil
}

// press fetches impressions that somebody presents.
func (c *counter) press(ctx context.Context, ref string, nth int, positions ...int) ([]impression, error) {
	var out []impression
	for _, n := range positions {
		p, err := c.client().Open(ctx, fmt.Sprintf("%s/people/%s/prints/%d.pgm?impression=%d", c.env.Sandbox, url.PathEscape(ref), n, nth))
		if err != nil {
			return nil, err
		}
		if p.Status == 410 { // she does not have this finger
			continue
		}
		if err := p.Want(200); err != nil {
			return nil, err
		}
		if !bytes.HasPrefix(p.Body, []byte("P5\n")) {
			return nil, errors.New("the sandbox gives no picture of a finger")
		}
		out = append(out, impression{n, p.Body})
	}
	return out, nil
}

var dossierAt = regexp.MustCompile(`^/dossiers/[0-9a-f-]{36}`)

// begin opens a dossier in the visit; more are further fields of its form.
func (c *counter) begin(ctx context.Context, kind string, more map[string]string) error {
	if _, err := c.page.Link("Lập hồ sơ"); err != nil {
		return err
	}
	p, err := c.desk.Open(ctx, c.env.Officer+c.visit+"/dossiers")
	if err != nil {
		return err
	}
	f, err := p.Form("kind", "language")
	if err != nil {
		return err
	}
	if !p.Says("sổ hộ khẩu") {
		return errors.New("the page does not say that nobody may be asked for the household book")
	}
	if err := f.Set("kind", kind); err != nil {
		return err
	}
	if err := f.Fill(more); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if c.at = dossierAt.FindString(p.URL.Path); c.at == "" {
		return fmt.Errorf("no dossier was opened, the officer stands at %s: %q %s", p.URL.Path, p.Heading(), p.Text(".sum"))
	}
	if err := at(p, c.at+"/applicant", 200); err != nil {
		return err
	}
	if !p.Says("Mục đích xem") {
		return errors.New("the page does not say for what it is looked at")
	}
	c.page = p
	return nil
}

// go opens a part of the dossier.
func (c *counter) part(ctx context.Context, name string) (*browse.Page, error) {
	p, err := c.desk.Open(ctx, c.env.Officer+c.at+"/"+name)
	if err != nil {
		return nil, err
	}
	return p, at(p, c.at+"/"+name, 200)
}

// now fails unless an answer leads to a part of the dossier.
func (c *counter) now(p *browse.Page, part string) error {
	if err := at(p, c.at+"/"+part, 200); err != nil {
		return fmt.Errorf("%w %s", err, p.Text("main"))
	}
	c.page = p
	return nil
}

// known keeps what the registries hold, with no difference left.
func (c *counter) known(ctx context.Context) error {
	f, err := c.page.Form("name", "version")
	if err != nil {
		return err
	}
	if f.Value("name") != c.p.Name {
		return errors.New("the form does not begin with her registered name")
	}
	p, err := f.Submit(ctx, "")
	if err != nil {
		return err
	}
	return c.now(p, "contact")
}

// contact saves a phone and confirms the code that arrives there.
func (c *counter) contact(ctx context.Context, phone, next string) error {
	f, err := c.page.Form("phone", "email")
	if err != nil {
		return err
	}
	if err := f.Fill(map[string]string{"phone": phone, "email": ""}); err != nil {
		return err
	}
	before, err := c.messages(ctx, phone)
	if err != nil {
		return err
	}
	sent := time.Now()
	for _, m := range before { // a code of a moment ago is none for this
		if codeForm.MatchString(m.Text) && !m.At.Before(sent.Truncate(time.Second)) {
			sent = sent.Add(time.Second)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Second):
			}
			break
		}
	}
	p, err := f.Submit(ctx, "act=code")
	if err != nil {
		return err
	}
	if err := c.now(p, "contact"); err != nil {
		return err
	}
	if f, err = p.FormTo("/code"); err != nil {
		return err
	}
	code, err := c.walk.code(ctx, phone, sent)
	if err != nil {
		return err
	}
	if err := f.Set("code", code); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	return c.now(p, next)
}

// portrait takes a picture of whom the sandbox calls ref.
func (c *counter) portrait(ctx context.Context, ref string) error {
	p, err := c.client().Open(ctx, c.env.Sandbox+"/people/"+url.PathEscape(ref)+"/portrait.jpg?shot=2")
	if err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	shot := p.Body
	if p, err = c.part(ctx, "portrait"); err != nil {
		return err
	}
	f, err := p.Form("portrait", "eyes")
	if err != nil {
		return err
	}
	if err := f.Attach("portrait", "camera.jpg", shot); err != nil {
		return err
	}
	if err := f.Set("eyes", "yes"); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	return c.now(p, "fingers")
}

// fingers takes the fingers at some positions, and gives a reason for the others.
func (c *counter) fingers(ctx context.Context, ref string, positions ...int) error {
	prints, err := c.press(ctx, ref, 2, positions...)
	if err != nil {
		return err
	}
	p, err := c.part(ctx, "fingers")
	if err != nil {
		return err
	}
	f, err := p.Form("prints")
	if err != nil {
		return err
	}
	for _, x := range prints {
		if err := f.AttachMore("prints", fmt.Sprintf("%d.pgm", x.position), x.image); err != nil {
			return err
		}
	}
	if p, err = f.Submit(ctx, "act=many"); err != nil {
		return err
	}
	if err := c.now(p, "fingers"); err != nil {
		return err
	}
	for n := 1; n <= 10; n++ {
		if slices.ContainsFunc(prints, func(x impression) bool { return x.position == n }) {
			continue
		}
		if p, err = c.desk.Open(ctx, fmt.Sprintf("%s%s/fingers?finger=%d", c.env.Officer, c.at, n)); err != nil {
			return err
		}
		if f, err = p.Form("why", "finger"); err != nil {
			return err
		}
		if err := f.Set("why", "bandaged"); err != nil {
			return err
		}
		if p, err = f.Submit(ctx, "act=missing"); err != nil {
			return err
		}
		if err := c.now(p, "fingers"); err != nil {
			return err
		}
	}
	if !p.Says("còn 0") {
		return errors.New("not all ten fingers are accounted for")
	}
	return nil
}

// compare has the fingers compared and notes what the officer sees of the
// faces. says is what the page must say of the fingers.
func (c *counter) compare(ctx context.Context, next string, says ...string) error {
	p, err := c.part(ctx, "match")
	if err != nil {
		return err
	}
	f, err := p.FormTo("/match")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := c.now(p, "match"); err != nil {
		return err
	}
	for _, s := range append(says, "danh-afis", "cán bộ quyết định", "Không thấy ai khác") {
		if !p.Says(s) {
			return fmt.Errorf("the comparison does not say %q: %s", s, p.Text("#result"))
		}
	}
	if p, err = c.part(ctx, "face"); err != nil {
		return err
	}
	if f, err = p.FormTo("/face"); err != nil {
		return err
	}
	if err := f.Set("finding", "same"); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	return c.now(p, next)
}

// fee notes what became of the old card, and the receipt of the fee.
func (c *counter) fee(ctx context.Context, old string) error {
	f, err := c.page.Form("old_card", "receipt_number")
	if err != nil {
		return err
	}
	if err := f.Fill(map[string]string{"old_card": old, "receipt_number": "BL-0001"}); err != nil {
		return err
	}
	p, err := f.Submit(ctx, "")
	if err != nil {
		return err
	}
	return c.now(p, "review")
}

// review turns the screen to her: she reads, and says that it is right.
func (c *counter) review(ctx context.Context) error {
	if !c.page.Says(c.p.Name) || c.page.Says(c.officer.Name) {
		return errors.New("the page that is turned to her lacks her name, or shows the officers' own")
	}
	f, err := c.page.FormTo("/review")
	if err != nil {
		return err
	}
	if err := f.Set("right", "yes"); err != nil {
		return err
	}
	p, err := f.Submit(ctx, "")
	if err != nil {
		return err
	}
	return c.now(p, "sign")
}

// sign signs the sheets on the screen, after each was read as PDF.
func (c *counter) sign(ctx context.Context, sheets ...string) error {
	for _, s := range sheets {
		if err := c.pdf(ctx, c.desk, s+"?draft=1"); err != nil {
			return err
		}
	}
	for range 2 * len(sheets) {
		f, err := c.page.Form("signature", "how")
		if err != nil {
			return err
		}
		if err := f.Set("how", "screen"); err != nil {
			return err
		}
		if err := f.Attach("signature", "ink.png", ink()); err != nil {
			return err
		}
		if c.page, err = f.Submit(ctx, ""); err != nil {
			return err
		}
		if !strings.HasPrefix(c.page.URL.Path, c.at+"/") || c.page.Status != 200 {
			return fmt.Errorf("signing leads to %s with %d: %s", c.page.URL.Path, c.page.Status, c.page.Text(".sum"))
		}
	}
	if err := c.now(c.page, "handin"); err != nil {
		return err
	}
	if !c.page.Says("Hồ sơ đã đủ") {
		return errors.New("the dossier is not complete")
	}
	return nil
}

// pdf fetches one of the dossier's documents.
func (c *counter) pdf(ctx context.Context, who *browse.Client, name string) error {
	p, err := who.Open(ctx, c.env.Officer+c.at+"/forms/"+name)
	if err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	if !bytes.HasPrefix(p.Body, []byte("%PDF-")) || !strings.HasPrefix(p.Header.Get("Content-Type"), "application/pdf") {
		return fmt.Errorf("%s is no PDF", name)
	}
	return nil
}

// ink is a signature as the pad on the screen draws it.
func ink() []byte {
	m := image.NewRGBA(image.Rect(0, 0, 300, 100))
	for x := 20; x < 280; x++ {
		m.Set(x, 50+(x%17), color.Black)
		m.Set(x, 51+(x%17), color.Black)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err) // into memory
	}
	return b.Bytes()
}

var dossierCode = regexp.MustCompile(`\b[A-Z]{2}-\d{2}-[0-9A-Z-]+\b`)

// handIn hands the dossier in and takes the receipt.
func (c *counter) handIn(ctx context.Context) error {
	f, err := c.page.FormTo("/handin")
	if err != nil {
		return err
	}
	c.sent = time.Now()
	p, err := f.Submit(ctx, "")
	if err != nil {
		return err
	}
	if err := c.now(p, "receipt"); err != nil {
		return err
	}
	if c.code = dossierCode.FindString(p.Text("body")); c.code == "" || !p.Says("Hẹn trả lời") || !p.Says(c.p.Name) {
		return errors.New("the receipt lacks its code, its deadline or her name")
	}
	c.note["dossier"] = c.code
	return c.pdf(ctx, c.desk, "receipt")
}

// notHers: the officer who took it in cannot decide it, whatever she sends.
func (c *counter) notHers(ctx context.Context) error {
	p, err := c.desk.PostForm(ctx, c.env.Officer+c.at+"/approve", url.Values{"finding": {"same"}})
	if err != nil {
		return err
	}
	if p.Status != 403 && p.Status != 404 && p.Status != 409 {
		return fmt.Errorf("who took a dossier in approves it with %d", p.Status)
	}
	if !strings.Contains(p.Text("title"), "Danh") {
		return errors.New("the refusal is no page of the console")
	}
	return nil
}

// drawn finds the second officer, whom the system drew, and signs her in.
func (c *counter) drawn(ctx context.Context) (*browse.Page, error) {
	for _, o := range c.approvers() {
		c.bench = c.client()
		p, err := SignInStaff(ctx, c.bench, c.env.Officer, "/dossiers?show=decide", o)
		if err != nil {
			return nil, err
		}
		if err := at(p, "/dossiers", 200); err != nil {
			return nil, err
		}
		if !p.Says("Chờ tôi duyệt") {
			return nil, errors.New("the second officer's list is not hers")
		}
		if c.p.Number != "" && p.Says(c.p.Number) {
			return nil, errors.New("the queue shows a whole number")
		}
		if _, err := p.Link(c.code); err == nil {
			return p.Follow(ctx, c.code)
		}
	}
	return nil, errNotDrawn
}

// approve has the second officer look at the evidence and approve.
func (c *counter) approve(ctx context.Context, says ...string) error {
	p, err := c.drawn(ctx)
	if err != nil {
		return err
	}
	if err := at(p, c.at, 200); err != nil {
		return err
	}
	for _, s := range append(says, "Hệ thống bốc bạn", "Quyết định của bạn", c.p.Name) {
		if !p.Says(s) {
			return fmt.Errorf("what the second officer sees lacks %q", s)
		}
	}
	f, err := p.FormTo("/approve")
	if err != nil {
		return err
	}
	if f.Offers("finding") {
		if err := f.Set("finding", "same"); err != nil {
			return err
		}
	}
	c.sent = time.Now()
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, c.at, 200); err != nil {
		return fmt.Errorf("%w %s", err, p.Text(".sum"))
	}
	if !p.Says("Đã duyệt") && !p.Says("Đã xong") {
		return fmt.Errorf("the dossier is not approved: %s", p.Text("main"))
	}
	return nil
}

var activationForm = regexp.MustCompile(`Mã kích hoạt (\d{8})\b`)
var accountNumberForm = regexp.MustCompile(`Số tài khoản của bạn là (\d+)`)

// activate wakes the account with the code that was sent to a phone, in a
// browser of her own, and finds it at its level.
func (c *counter) activate(ctx context.Context, her *browse.Client, phone, number string, level int) (login string, err error) {
	text, err := c.message(ctx, phone, "the activation code", c.sent, activationForm.MatchString)
	if err != nil {
		return "", err
	}
	code := activationForm.FindStringSubmatch(text)[1]
	c.spent = code
	if m := accountNumberForm.FindStringSubmatch(text); m != nil && number == "" {
		number = m[1]
	}
	p, err := her.Open(ctx, c.env.Citizen+"/activate")
	if err != nil {
		return "", err
	}
	f, err := p.Form("number", "code")
	if err != nil {
		return "", err
	}
	if err := f.Fill(map[string]string{"number": number, "code": code}); err != nil {
		return "", err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return "", err
	}
	if err := at(p, "/activate/password", 200); err != nil {
		return "", err
	}
	if p, err = choose(ctx, p, goodPassword); err != nil {
		return "", err
	}
	if err := at(p, "/activate/done", 200); err != nil {
		return "", err
	}
	return number, c.atLevel(ctx, her, level)
}

// atLevel finds her account at a level on her own first page.
func (c *counter) atLevel(ctx context.Context, her *browse.Client, level int) error {
	p, err := her.Open(ctx, c.env.Citizen+"/")
	if err != nil {
		return err
	}
	if err := at(p, "/", 200); err != nil {
		return err
	}
	if !strings.Contains(strings.ToLower(p.Text("main")), fmt.Sprintf("mức %d", level)) || p.Says("Tạm thời") {
		return fmt.Errorf("her first page does not say level %d", level)
	}
	return nil
}

// seen waits until who looked shows her all of these, on however many pages.
func (c *counter) seen(ctx context.Context, her *browse.Client, says ...string) error {
	return eventually(ctx, 10*time.Second, "the officers' looks at who looked", func() (bool, error) {
		left := slices.Clone(says)
		for address := c.env.Citizen + "/looked"; address != ""; {
			p, err := her.Open(ctx, address)
			if err != nil {
				return false, err
			}
			if err := at(p, "/looked", 200); err != nil {
				return false, err
			}
			if len(p.All(`main a[href*="/looked/"]`)) == 0 {
				return false, nil
			}
			if left = slices.DeleteFunc(left, p.Says); len(left) == 0 {
				return true, nil
			}
			address = ""
			for _, a := range p.All(`nav.pages a[rel=next]`) {
				u, err := p.URL.Parse(browse.Attr(a, "href"))
				if err != nil {
					return false, err
				}
				address = u.String()
			}
		}
		return false, nil
	})
}
