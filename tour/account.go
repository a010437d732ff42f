// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"danh/internal/browse"
)

var accountTour = Tour{
	Name:  "account",
	Story: "she opens a level-1 account, is refused what must be refused, signs in, and sees who looked",
	steps: func(w *walk) []step {
		t := &accountWalk{walk: w}
		return []step{
			{"the door is ready and says what it speaks", t.ready},
			{"the sandbox hands out a person and her phone", t.become},
			{"a name that is wrong gets a case, not a reason", t.mismatch},
			{"a number that nobody has gets the very same answer", t.unknown},
			{"her own details lead on to her phone", t.declare},
			{"a code arrives with the warning against fraud", t.code},
			{"a wrong code is refused and counted", t.wrongCode},
			{"the right code proves the phone", t.rightCode},
			{"a password with her birth year is refused", t.weakPassword},
			{"a good password opens the account", t.finish},
			{"the first page shows level 1 and what it may do", t.home},
			{"the message that the account is open arrives, also in the inbox", t.told},
			{"a second opening on her number gets the neutral answer, and she is told", t.squat},
			{"signing out ends the session", t.signOut},
			{"a wrong password is refused", t.wrongPassword},
			{"number and password sign her in, and the session is listed", t.signIn},
			{"who looked shows the match with its purpose", t.looked},
			{"the entry's proof can be downloaded", t.proof},
		}
	},
}

type accountWalk struct {
	*walk
	p     person
	page  *browse.Page
	sent  time.Time
	right string
	said  string
	entry string
}

func (t *accountWalk) ready(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Citizen+"/readyz")
	if err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	if strings.TrimSpace(string(p.Body)) != "ready" {
		return errors.New("the door does not say that it is ready")
	}
	if p, err = t.me.Open(ctx, t.env.Citizen+"/.well-known/openid-configuration"); err != nil {
		return err
	}
	var d struct {
		Issuer    string   `json:"issuer"`
		Authorize string   `json:"authorization_endpoint"`
		PAR       string   `json:"pushed_authorization_request_endpoint"`
		PKCE      []string `json:"code_challenge_methods_supported"`
	}
	if err := p.JSON(&d); err != nil {
		return err
	}
	if d.Issuer == "" || !strings.HasPrefix(d.Authorize, d.Issuer+"/") || !strings.HasPrefix(d.PAR, d.Issuer+"/") || len(d.PKCE) != 1 || d.PKCE[0] != "S256" {
		return errors.New("the discovery document is not as promised")
	}
	return nil
}

func (t *accountWalk) become(ctx context.Context) (err error) {
	t.p, err = t.take(ctx, "min=20&max=70&phone=own&exact=1")
	if err == nil {
		t.note["person"] = t.p.Ref
	}
	return err
}

var caseCode = regexp.MustCompile(`[A-Z]{2}-?[0-9A-Z-]{6,}`)

// refused checks the neutral answer and gives its words without the code.
func refused(p *browse.Page) (string, error) {
	if err := at(p, "/open/case", 200); err != nil {
		return "", err
	}
	code := p.Text(".receipt .code")
	if !caseCode.MatchString(code) {
		return "", errors.New("the answer carries no case code")
	}
	main := p.All("main")
	if len(main) != 1 {
		return "", errors.New("the page has no main part")
	}
	text := strings.ReplaceAll(browse.TextOf(main[0]), code, "CODE")
	if len(text) < 80 {
		return "", errors.New("the answer does not say what comes next")
	}
	return regexp.MustCompile(`\d{2}:\d{2}`).ReplaceAllString(text, "TIME"), nil
}

func (t *accountWalk) mismatch(ctx context.Context) error {
	p, err := begin(ctx, t.client(), t.env.Citizen+"/open")
	if err != nil {
		return err
	}
	if p, err = details(ctx, p, t.p.Number, "Người Không Có Thật", t.p.born(), t.p.Sex); err != nil {
		return err
	}
	if p, err = showPortrait(ctx, p); err != nil {
		return err
	}
	t.said, err = refused(p)
	return err
}

func (t *accountWalk) unknown(ctx context.Context) error {
	p, err := begin(ctx, t.client(), t.env.Citizen+"/open")
	if err != nil {
		return err
	}
	// A well-formed number of nobody: its serial is beyond what the sandbox gives out.
	nobody := t.p.Number[:6] + "999999"
	if p, err = details(ctx, p, nobody, t.p.Name, t.p.born(), t.p.Sex); err != nil {
		return err
	}
	if p, err = showPortrait(ctx, p); err != nil {
		return err
	}
	said, err := refused(p)
	if err != nil {
		return err
	}
	if said != t.said {
		return errors.New("the answer differs from the one to a wrong name: it tells which numbers exist")
	}
	return nil
}

func (t *accountWalk) declare(ctx context.Context) error {
	p, err := begin(ctx, t.me, t.env.Citizen+"/open")
	if err != nil {
		return err
	}
	if err := at(p, "/open/details", 200); err != nil {
		return err
	}
	// As people write: lower case, spaces doubled, the number in groups.
	n := t.p.Number
	if p, err = details(ctx, p, inGroups(n), strings.ReplaceAll(strings.ToLower(t.p.Name), " ", "  "), t.p.born(), t.p.Sex); err != nil {
		return err
	}
	if p, err = showPortrait(ctx, p); err != nil {
		return err
	}
	t.page = p
	if err := at(p, "/open/phone", 200); err != nil {
		return err
	}
	_, err = p.Form("phone")
	return err
}

func (t *accountWalk) code(ctx context.Context) (err error) {
	t.sent = time.Now()
	if t.page, err = send(ctx, t.page, "phone", t.p.Phones[0]); err != nil {
		return err
	}
	if err = at(t.page, "/open/code", 200); err != nil {
		return err
	}
	if _, err = t.page.Form("code"); err != nil {
		return err
	}
	t.right, err = t.walk.code(ctx, t.p.Phones[0], t.sent)
	return err
}

func (t *accountWalk) wrongCode(ctx context.Context) error {
	wrong := "000000"
	if t.right == wrong {
		wrong = "000001"
	}
	p, err := send(ctx, t.page, "code", wrong)
	if err != nil {
		return err
	}
	if err := at(p, "/open/code", 422); err != nil {
		return err
	}
	if !p.Says("4") || len(p.All("#code-error, .sum, [aria-invalid=true]")) == 0 {
		return errors.New("the page does not say how many tries are left")
	}
	t.page = p
	return nil
}

func (t *accountWalk) rightCode(ctx context.Context) (err error) {
	if t.page, err = send(ctx, t.page, "code", t.right); err != nil {
		return err
	}
	if err := at(t.page, "/open/email", 200); err != nil {
		return err
	}
	if t.page, err = send(ctx, t.page, "email", ""); err != nil {
		return err
	}
	if err := at(t.page, "/open/password", 200); err != nil {
		return err
	}
	_, err = t.page.Form("password", "again")
	return err
}

func (t *accountWalk) weakPassword(ctx context.Context) error {
	p, err := choose(ctx, t.page, "Hanoi-"+t.p.BirthDate[:4]+strings.ReplaceAll(t.p.BirthDate[5:], "-", ""))
	if err != nil {
		return err
	}
	if err := at(p, "/open/password", 422); err != nil {
		return err
	}
	f, err := p.Form("password", "again")
	if err != nil {
		return err
	}
	if f.Value("password") != "" {
		return errors.New("the page shows the password again")
	}
	t.page = p
	return nil
}

func (t *accountWalk) finish(ctx context.Context) (err error) {
	if t.page, err = choose(ctx, t.page, goodPassword); err != nil {
		return err
	}
	if err := at(t.page, "/open/done", 200); err != nil {
		return err
	}
	if t.page.Says("tạm thời") {
		return errors.New("the account is provisional although the carrier knows the phone as hers")
	}
	if !t.page.Says("mức 1") {
		return errors.New("the page does not name the level")
	}
	return nil
}

func (t *accountWalk) home(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Citizen+"/")
	if err != nil {
		return err
	}
	if err := at(p, "/", 200); err != nil {
		return err
	}
	if len(p.All("main")) != 1 {
		return errors.New("the page has no main part")
	}
	text := strings.ToLower(browse.TextOf(p.All("main")[0]))
	if !strings.Contains(text, strings.ToLower(t.p.Name)) || !strings.Contains(text, "mức 1") {
		return errors.New("the first page shows neither her name nor her level")
	}
	return nil
}

func (t *accountWalk) told(ctx context.Context) error {
	if _, err := t.message(ctx, t.p.Phones[0], "the message that the account is open", t.sent, func(s string) bool {
		return !codeForm.MatchString(s) && strings.Contains(strings.ToLower(s), "tài khoản")
	}); err != nil {
		return err
	}
	return eventually(ctx, 5*time.Second, "the message in the inbox", func() (bool, error) {
		p, err := t.me.Open(ctx, t.env.Citizen+"/inbox")
		if err != nil {
			return false, err
		}
		if err := at(p, "/inbox", 200); err != nil {
			return false, err
		}
		if p.Says(t.right) {
			return false, errors.New("the inbox shows a one-time code")
		}
		return len(p.All(`main a[href^="/inbox/"]`)) > 0, nil
	})
}

func (t *accountWalk) squat(ctx context.Context) error {
	since := time.Now()
	p, err := begin(ctx, t.client(), t.env.Citizen+"/open")
	if err != nil {
		return err
	}
	if p, err = details(ctx, p, t.p.Number, t.p.Name, t.p.born(), t.p.Sex); err != nil {
		return err
	}
	if p, err = showPortrait(ctx, p); err != nil {
		return err
	}
	said, err := refused(p)
	if err != nil {
		return err
	}
	if said != t.said {
		return errors.New("the answer differs from the one to a wrong name: it tells who has an account")
	}
	_, err = t.message(ctx, t.p.Phones[0], "the warning that somebody tried to open an account on her number", since.Add(-2*time.Second), func(s string) bool {
		s = strings.ToLower(s)
		return !codeForm.MatchString(s) && (strings.Contains(s, "có người") || strings.Contains(s, "ai đó"))
	})
	return err
}

func (t *accountWalk) signOut(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Citizen+"/")
	if err != nil {
		return err
	}
	f, err := p.FormTo("/signout")
	if err != nil {
		return err
	}
	if _, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if p, err = t.me.Open(ctx, t.env.Citizen+"/security"); err != nil {
		return err
	}
	return at(p, "/signin", 200)
}

func (t *accountWalk) wrongPassword(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Citizen+"/signin")
	if err != nil {
		return err
	}
	if p, err = signIn(ctx, p, t.p.Number, goodPassword+"x"); err != nil {
		return err
	}
	if p.Status < 400 || p.URL.Path != "/signin" {
		return fmt.Errorf("a wrong password was answered %d at %s", p.Status, p.URL.Path)
	}
	f, err := p.Form("number", "password")
	if err != nil {
		return err
	}
	if f.Value("password") != "" {
		return errors.New("the page shows the password again")
	}
	t.page = p
	return nil
}

func (t *accountWalk) signIn(ctx context.Context) error {
	p, err := t.walk.signIn(ctx, t.page, t.p.Number, goodPassword, t.p.Phones[0])
	if err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	if strings.HasPrefix(p.URL.Path, "/signin") {
		return errors.New("the right password was refused")
	}
	if p, err = t.me.Open(ctx, t.env.Citizen+"/security"); err != nil {
		return err
	}
	if err := at(p, "/security", 200); err != nil {
		return err
	}
	if !p.Says("Máy này") {
		return errors.New("the session is not listed as the one in use")
	}
	return nil
}

func (t *accountWalk) looked(ctx context.Context) error {
	return eventually(ctx, 10*time.Second, "the match at who looked", func() (bool, error) {
		p, err := t.me.Open(ctx, t.env.Citizen+"/looked")
		if err != nil {
			return false, err
		}
		if err := at(p, "/looked", 200); err != nil {
			return false, err
		}
		for _, a := range p.All(`main a[href*="/looked/"]`) {
			t.entry = browse.Attr(a, "href")
		}
		return t.entry != "" && p.Says("mở tài khoản"), nil
	})
}

func (t *accountWalk) proof(ctx context.Context) error {
	return eventually(ctx, 10*time.Second, "the proof", func() (bool, error) {
		p, err := t.me.Open(ctx, t.env.Citizen+t.entry)
		if err != nil {
			return false, err
		}
		if err := p.Want(200); err != nil {
			return false, err
		}
		if p.Header.Get("Content-Type") == "" || !strings.Contains(p.Header.Get("Content-Type"), "json") {
			if err := at(p, t.entry, 200); err != nil {
				return false, err
			}
			href, err := p.Link("proof")
			if err != nil {
				return false, nil // not sealed yet
			}
			if p, err = t.me.Open(ctx, href); err != nil {
				return false, err
			}
			if p.Status == http.StatusServiceUnavailable {
				return false, nil // numbered, and not yet under a checkpoint
			}
		}
		var doc struct {
			Checkpoint string            `json:"checkpoint"`
			Entry      []string          `json:"entry"`
			Inclusion  []json.RawMessage `json:"inclusion"`
		}
		if err := p.JSON(&doc); err != nil {
			return false, err
		}
		if doc.Checkpoint == "" || len(doc.Entry) < 3 {
			return false, errors.New("the proof lacks its checkpoint or its entry")
		}
		return true, nil
	})
}
