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
	"regexp"
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
	p, err := SignInStaff(ctx, c.env, c.desk, c.env.Officer, "/desk", c.officer)
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

// came opens a visit that nothing proves.

// proved opens a visit by somebody's fingers, from files.

// byPhone opens a visit that she approves on her own phone, by the number on

// the officer's screen.

// notTold: a phone was told nothing of what happens at the counter.

// press fetches impressions that somebody presents.

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

// fingers takes the fingers at some positions, and gives a reason for the others.

// compare has the fingers compared and notes what the officer sees of the

// faces. says is what the page must say of the fingers.

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

// notHers: the officer who took it in cannot decide it, whatever she sends.

// drawn finds the second officer, whom the system drew, and signs her in.

// approve has the second officer look at the evidence and approve.

// activate wakes the account with the code that was sent to a phone, in a

// browser of her own, and finds it at its level.

// atLevel finds her account at a level on her own first page.

// seen waits until who looked shows her all of these, on however many pages.
