// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/internal/browse"
)

var bankTour = Tour{
	Name:  "bank",
	Story: "a bank applies, two officers approve it, and by the FAPI 2.0 profile it opens an account, asks on the phone, and is told when she withdraws",
	steps: func(w *walk) []step {
		t := &bankWalk{walk: w}
		return []step{
			{"the bank's representative signs in at the partner door and finds her organisation", t.represent},
			{"she says how the bank connects: addresses, profile, contacts", t.profile},
			{"a purpose that asks for the household book is refused, and residence is named instead", t.book},
			{"she states two purposes, each with its fields and legal ground", t.purposes},
			{"she registers a key and proves that the bank has its private part", t.key},
			{"she hands the application in", t.submit},
			{"one officer checks it", t.check},
			{"the same officer cannot approve it", t.same},
			{"the other officer approves it", t.approveParty},
			{"somebody opens an account, with a passkey and a passcode", t.citizen},
			{"the bank reads the issuer's description and pushes a request", t.push},
			{"without the pushed request the authorization endpoint gives the bank nothing", t.bare},
			{"she sees what the bank would read, and for what, with nothing ticked", t.see},
			{"she signs it with passkey and passcode", t.agree},
			{"the bank exchanges the code, for tokens bound to its key", t.redeem},
			{"the same code again gives nothing", t.again},
			{"the bank reads verified claims with their evidence", t.read},
			{"the token without the bank's key reads nothing", t.stolen},
			{"she rings the bank: it asks on her phone, with a number and a word", t.ring},
			{"she picks the number and signs; the bank is told and fetches its tokens", t.pick},
			{"she sees what was handed over", t.ledger},
			{"she withdraws, and the bank's token is good for nothing", t.withdraw},
			{"the bank is told of it, by an event that it can verify", t.told},
			{"she signs out everywhere, and the bank's session ends too", t.leave},
		}
	},
}

type bankWalk struct {
	*walk
	boss, clerk *browse.Client // the representative's browser, an officer's
	party       string         // path of the party's pages
	code        string         // of the application
	checker     *Officer
	bank        *relying
	ear         *listener
	p           person
	own         *signer
	begun       begun
	page        *browse.Page
	granted     *granted
	brought     url.Values
	asked       string // auth_req_id
	match       string
	consent     string // path of the consent's page
}

// Purposes of the tour's bank.
const (
	kycPurpose  = "mo_tai_khoan"
	ringPurpose = "tong_dai"
)

// represent signs the representative in at the partner door. make run raised her
// account to level 2 at the counter.
func (t *bankWalk) represent(ctx context.Context) (err error) {
	head, err := t.env.FindOfficer("representative")
	if err != nil {
		return err
	}
	if t.ear, err = listen(ctx); err != nil {
		return err
	}
	if t.bank, err = t.newRelying(); err != nil {
		return err
	}
	t.boss = t.client()
	if t.party, err = OpenParty(ctx, t.env, t.boss, head, bankName); err != nil {
		return err
	}
	p, err := t.at(ctx, "")
	if err != nil {
		return err
	}
	if !p.Says(bankName) {
		return errors.New("the page is not the organisation's")
	}
	return nil
}

const bankName = "Ngân hàng Sông Hậu"

// at opens one of the party's pages.
func (t *bankWalk) at(ctx context.Context, path string) (*browse.Page, error) {
	p, err := t.boss.Open(ctx, t.env.Partner+t.party+path)
	if err != nil {
		return nil, err
	}
	where, _, _ := strings.Cut(path, "?")
	return p, at(p, t.party+where, 200)
}

func (t *bankWalk) profile(ctx context.Context) error {
	p, err := t.at(ctx, "")
	if err != nil {
		return err
	}
	// An application that an earlier walk left open is taken back first.
	if f, err := p.FormTo("/withdraw"); err == nil {
		if p, err = f.Submit(ctx, ""); err != nil {
			return err
		}
		if err := p.Want(200); err != nil {
			return err
		}
	}
	if p, err = t.at(ctx, "/profile"); err != nil {
		return err
	}
	f, err := p.Form("name_vi", "profile", "redirects")
	if err != nil {
		return err
	}
	if err := f.Fill(map[string]string{"name_vi": "Sông Hậu Số", "name_en": "Song Hau Digital", "about_vi": "Ngân hàng trên điện thoại", "about_en": "Banking on a phone",
		"profile": "fapi2", "auth": "private_key_jwt", "redirects": t.ear.origin + "/cb", "logout": t.ear.origin + "/logout", "events": t.ear.origin + "/events",
		"mode": "ping", "ping": t.ear.origin + "/ping", "tech_name": "Tổ kỹ thuật", "tech_mail": "it@songhau.example", "dpo_name": "Lâm Thanh Vy", "dpo_mail": "dpo@songhau.example", "dpo_tel": "0900000417"}); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, t.party+"/profile", 200); err != nil {
		return err
	}
	if f, err = p.Form("name_vi", "redirects"); err != nil {
		return err
	}
	if f.Value("redirects") != t.ear.origin+"/cb" {
		return errors.New("what she filled in is not kept")
	}
	return nil
}

// state fills in a purpose; an earlier walk's is changed.
func (t *bankWalk) state(ctx context.Context, code string, fields map[string]string) (*browse.Page, error) {
	path := "/purposes/" + code
	p, err := t.boss.Open(ctx, t.env.Partner+t.party+path)
	if err != nil {
		return nil, err
	}
	if p.URL.Path == t.party+"/purposes" { // not there yet
		if p, err = t.at(ctx, "/purposes/new"); err != nil {
			return nil, err
		}
	}
	f, err := p.Form("code", "ground", "text_vi")
	if err != nil {
		return nil, err
	}
	fields["code"] = code
	if err := f.Fill(fields); err != nil {
		return nil, err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return nil, err
	}
	return p, nil
}

func (t *bankWalk) book(ctx context.Context) error {
	p, err := t.state(ctx, kycPurpose, map[string]string{"text_vi": "xem sổ hộ khẩu của bạn", "text_en": "see your household book", "ground": "aml_kyc", "field_name": "read"})
	if err != nil {
		return err
	}
	if p.Status != http.StatusUnprocessableEntity || !p.Says("Không được hỏi sổ hộ khẩu") || !p.Says("Nơi cư trú") {
		return fmt.Errorf("a purpose that asks for the household book was answered %d at %s, and residence is not named instead", p.Status, p.URL.Path)
	}
	f, err := p.Form("code", "text_vi")
	if err != nil {
		return err
	}
	if f.Value("text_vi") != "xem sổ hộ khẩu của bạn" {
		return errors.New("what she filled in did not survive")
	}
	return nil
}

func (t *bankWalk) purposes(ctx context.Context) error {
	p, err := t.state(ctx, kycPurpose, map[string]string{"text_vi": "mở tài khoản thanh toán cho bạn", "text_en": "open a payment account for you", "ground": "aml_kyc", "keep": "P5Y",
		"field_name": "read", "field_personal_number": "read", "field_birthdate": "read", "field_address": "read"})
	if err != nil {
		return err
	}
	if err := at(p, t.party+"/purposes/"+kycPurpose, 200); err != nil {
		return err
	}
	if p, err = t.state(ctx, ringPurpose, map[string]string{"text_vi": "nhận ra bạn khi bạn gọi tổng đài", "text_en": "recognise you when you ring", "ground": "consent", "keep": "P1M", "field_name": "read"}); err != nil {
		return err
	}
	if err := at(p, t.party+"/purposes/"+ringPurpose, 200); err != nil {
		return err
	}
	if p, err = t.at(ctx, "/purposes"); err != nil {
		return err
	}
	if !p.Says("Luật Phòng, chống rửa tiền") {
		return errors.New("the purposes do not name their legal ground")
	}
	return nil
}

func (t *bankWalk) key(ctx context.Context) error {
	p, err := t.at(ctx, "/keys")
	if err != nil {
		return err
	}
	challenge := p.Text("#challenge")
	if challenge == "" {
		return errors.New("the page gives no text to sign")
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: t.bank.key}, nil)
	if err != nil {
		return err
	}
	o, err := s.Sign([]byte(challenge))
	if err != nil {
		return err
	}
	proof, err := o.CompactSerialize()
	if err != nil {
		return err
	}
	public, err := t.bank.public()
	if err != nil {
		return err
	}
	f, err := p.Form("key", "until", "proof")
	if err != nil {
		return err
	}
	if err := f.Fill(map[string]string{"key": string(public), "until": time.Now().AddDate(1, 0, 0).Format("02/01/2006"), "proof": proof}); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, t.party+"/keys", 200); err != nil {
		return err
	}
	if !p.Says(t.bank.key.KeyID) {
		return errors.New("the key is not listed")
	}
	// Keys of earlier walks, which stand before it, are taken away.
	for len(p.All(`form[action$="/keys/retire"]`)) > 1 {
		if f, err = p.FormTo("/keys/retire"); err != nil {
			return err
		}
		if p, err = f.Submit(ctx, ""); err != nil {
			return err
		}
		if err := at(p, t.party+"/keys", 200); err != nil {
			return err
		}
	}
	if !p.Says(t.bank.key.KeyID) {
		return errors.New("the new key went with the old ones")
	}
	return nil
}

func (t *bankWalk) submit(ctx context.Context) error {
	p, err := t.at(ctx, "/submit")
	if err != nil {
		return err
	}
	f, err := p.Form("true")
	if err != nil {
		return err
	}
	if err := f.Set("true", "yes"); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	if t.code = applicationCode.FindString(string(p.Body)); t.code == "" {
		return fmt.Errorf("%s shows no code of the application", p.URL.Path)
	}
	t.note["application"] = t.code
	return nil
}

// desk signs an officer in at the officers' queue of partners and opens the
// application.
func (t *bankWalk) desk(ctx context.Context, o *Officer) (*browse.Page, error) {
	t.clerk = t.client()
	p, err := SignInStaff(ctx, t.env, t.clerk, t.env.Officer, "/partners/"+t.code, o)
	if err != nil {
		return nil, err
	}
	if err := at(p, "/partners/"+t.code, 200); err != nil {
		return nil, err
	}
	if !p.Says(bankName) || !p.Says("mở tài khoản thanh toán") {
		return nil, errors.New("the officer does not see who applies and for what")
	}
	return p, nil
}

func (t *bankWalk) check(ctx context.Context) (err error) {
	if t.checker, err = t.env.FindOfficer("registrar"); err != nil {
		return err
	}
	p, err := t.desk(ctx, t.checker)
	if err != nil {
		return err
	}
	f, err := p.Form("words")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, "do=check"); err != nil {
		return err
	}
	t.page = p
	return at(p, "/partners/"+t.code, 200)
}

func (t *bankWalk) same(ctx context.Context) error {
	p, err := t.clerk.Open(ctx, t.env.Officer+"/partners/"+t.code)
	if err != nil {
		return err
	}
	if err := at(p, "/partners/"+t.code, 200); err != nil {
		return err
	}
	if strings.Contains(string(p.Body), `value="approve"`) {
		return errors.New("whoever checked is offered the approval")
	}
	return nil
}

func (t *bankWalk) approveParty(ctx context.Context) error {
	o, err := t.env.FindOfficer("approver")
	if err != nil {
		return err
	}
	p, err := t.desk(ctx, o)
	if err != nil {
		return err
	}
	f, err := p.Form("words", "years")
	if err != nil {
		return err
	}
	if err := f.Set("years", "1"); err != nil {
		return err
	}
	if p, err = f.Submit(ctx, "do=approve"); err != nil {
		return err
	}
	if err := at(p, "/partners/"+t.code, 200); err != nil {
		return err
	}
	if p, err = t.at(ctx, ""); err != nil {
		return err
	}
	if t.bank.id = p.Text("#client"); t.bank.id == "" {
		return errors.New("the party's page does not name its client")
	}
	t.note["client"] = t.bank.id
	return nil
}

// event reads the next thing that the bank was told at a path.
func (t *bankWalk) event(ctx context.Context, path, what string) (heard, error) {
	select {
	case h := <-t.ear.at(path):
		return h, nil
	case <-time.After(30 * time.Second):
		return heard{}, fmt.Errorf("%s did not come within 30 s", what)
	case <-ctx.Done():
		return heard{}, ctx.Err()
	}
}
