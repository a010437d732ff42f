// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"danh/internal/browse"
)

func (t *bankWalk) citizen(ctx context.Context) (err error) {
	if t.p, err = t.take(ctx, "min=20&max=70&phone=own&exact=1"); err != nil {
		return err
	}
	if _, err = t.openAccount(ctx, t.me, t.p, t.p.Phones[0], t.env.Citizen+"/open"); err != nil {
		return err
	}
	t.own, err = t.equip(ctx, t.me)
	return err
}

// verifiedClaims asks for claims with how they were verified (OpenID Connect for
// Identity Assurance 1.0, section 6).
const verifiedClaims = `{"userinfo":{"verified_claims":{"verification":{"trust_framework":{"value":"vn_identification_law"},"time":null,"evidence":[{"type":{"value":"electronic_record"}}]},"claims":{"name":null,"birthdate":null,"personal_number":null}}}}`

func (t *bankWalk) push(ctx context.Context) (err error) {
	if err := t.bank.discover(ctx); err != nil {
		return err
	}
	t.begun, err = t.bank.begin(ctx, t.ear.origin+"/cb", url.Values{"scope": {"openid purpose:" + kycPurpose + " profile number residence"}, "claims": {verifiedClaims}})
	return err
}

// bare sends the same wish in the address, as a bank must not.
func (t *bankWalk) bare(ctx context.Context) error {
	p, err := t.client().Open(ctx, t.bank.at.Authorize+"?"+url.Values{"client_id": {t.bank.id}, "response_type": {"code"}, "redirect_uri": {t.ear.origin + "/cb"}, "scope": {"openid"}, "state": {"s"},
		"code_challenge": {strings.Repeat("x", 43)}, "code_challenge_method": {"S256"}}.Encode())
	if err != nil {
		return err
	}
	brought := p.URL.Query()
	if brought.Get("code") != "" || p.URL.Path == "/signin" {
		return errors.New("a request that was not pushed is taken from a bank")
	}
	if strings.HasPrefix(p.URL.String(), t.ear.origin) {
		if brought.Get("error") != "invalid_request" {
			return fmt.Errorf("the bank was told %q", brought.Get("error"))
		}
		if !p.Says("Cảm ơn") {
			return errors.New("the browser does not come back to the bank")
		}
		return p.Want(200)
	}
	if p.Status < 400 || !p.Says("Danh") {
		return fmt.Errorf("answered %d at %s", p.Status, p.URL.Path)
	}
	return nil
}

func (t *bankWalk) see(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.begun.address)
	if err != nil {
		return err
	}
	if err := at(p, "/consent", 200); err != nil {
		return err
	}
	for _, want := range []string{"Sông Hậu Số", "mở tài khoản thanh toán cho bạn", "Luật Phòng, chống rửa tiền", t.p.Name, "Giữ trong 5 năm"} {
		if !p.Says(want) {
			return fmt.Errorf("the consent page does not say %q", want)
		}
	}
	if len(p.All("input[checked]")) > 0 {
		return errors.New("the consent page has something ticked")
	}
	t.page = p
	return nil
}

func (t *bankWalk) agree(ctx context.Context) error {
	f, err := t.page.Form("request", "answer")
	if err != nil {
		return err
	}
	p, err := f.Submit(ctx, "answer=yes")
	if err != nil {
		return err
	}
	if p, err = t.own.approve(ctx, p, "Sông Hậu Số", "mở tài khoản thanh toán cho bạn", t.p.Name, inGroups(t.p.Number)); err != nil {
		return err
	}
	if p.URL.Path == "/consent" { // the yes goes on by itself where scripts run
		if f, err = p.Form("request", "answer"); err != nil {
			return err
		}
		if p, err = f.Submit(ctx, "answer=yes"); err != nil {
			return err
		}
	}
	if !strings.HasPrefix(p.URL.String(), t.ear.origin+"/cb?") || !p.Says("Cảm ơn") {
		return fmt.Errorf("the browser stands at %s (%q) and not back at the bank", p.URL.Path, p.Heading())
	}
	t.brought = p.URL.Query()
	return nil
}

func (t *bankWalk) redeem(ctx context.Context) (err error) {
	if t.granted, err = t.bank.redeem(ctx, t.begun, t.brought); err != nil {
		return err
	}
	if t.granted.subject == t.p.Number || len(t.granted.subject) < 20 {
		return errors.New("the bank learns a subject that others could know")
	}
	return nil
}

func (t *bankWalk) again(ctx context.Context) error {
	_, err := t.bank.redeem(ctx, t.begun, t.brought)
	var e *refusal
	if !errors.As(err, &e) || e.Code != "invalid_grant" {
		return fmt.Errorf("a used code was answered %v", err)
	}
	// A code that comes twice ends what the first one gave: the bank asks again.
	// What she agreed to stands, and she is not asked.
	if t.begun, err = t.bank.begin(ctx, t.ear.origin+"/cb", url.Values{"scope": {"openid purpose:" + kycPurpose + " profile number residence"}, "claims": {verifiedClaims}}); err != nil {
		return err
	}
	p, err := t.me.Open(ctx, t.begun.address)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(p.URL.String(), t.ear.origin+"/cb?") || !p.Says("Cảm ơn") {
		return fmt.Errorf("what she agreed to is asked again: the browser stands at %s", p.URL.Path)
	}
	before := t.granted.subject
	if t.granted, err = t.bank.redeem(ctx, t.begun, p.URL.Query()); err != nil {
		return err
	}
	if t.granted.subject != before {
		return errors.New("the bank knows her by another name than before")
	}
	return nil
}

func (t *bankWalk) read(ctx context.Context) error {
	info, err := t.bank.userInfo(ctx, t.granted)
	if err != nil {
		return err
	}
	if info["name"] != t.p.Name || info["personal_number"] != t.p.Number {
		return errors.New("the bank does not get the name and number that she agreed to")
	}
	if _, ok := info["phone_number"]; ok {
		return errors.New("the bank gets a telephone number that it did not ask for")
	}
	b, err := json.Marshal(info["verified_claims"])
	if err != nil {
		return err
	}
	var one struct {
		Verification struct {
			Framework string `json:"trust_framework"`
			Time      string `json:"time"`
			Evidence  []struct {
				Type string `json:"type"`
			} `json:"evidence"`
		} `json:"verification"`
		Claims map[string]any `json:"claims"`
	}
	if strings.HasPrefix(string(b), "[") {
		var many []json.RawMessage
		if err := json.Unmarshal(b, &many); err != nil || len(many) == 0 {
			return errors.New("there are no verified claims")
		}
		b = many[0]
	}
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	v := one.Verification
	if v.Framework != "vn_identification_law" || v.Time == "" || len(v.Evidence) == 0 || v.Evidence[0].Type != "electronic_record" || one.Claims["name"] != t.p.Name {
		return fmt.Errorf("the verified claims do not say by which register: %s", b)
	}
	return nil
}

// stolen tries the token with another key, and without any.
func (t *bankWalk) stolen(ctx context.Context) error {
	thief, err := t.newRelying()
	if err != nil {
		return err
	}
	thief.at, thief.id = t.bank.at, t.bank.id
	var e *refusal
	if _, err := thief.userInfo(ctx, t.granted); !errors.As(err, &e) || e.Status != http.StatusUnauthorized || e.Code != "invalid_token" && e.Code != "invalid_dpop_proof" {
		return fmt.Errorf("a stolen token with another key was answered %v", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.bank.at.UserInfo, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+t.granted.Access)
	resp, err := t.bank.http.Do(r)
	if err != nil {
		return err
	}
	if err := read(resp, http.StatusOK, nil); !errors.As(err, &e) || e.Status != http.StatusUnauthorized || e.Code != "invalid_token" {
		return fmt.Errorf("a stolen token as a bearer token was answered %v", err)
	}
	return nil
}

// word is the binding message: it is said on the telephone too.
const word = "SH 4711"

// ring asks on her phone by a signed request (CIBA Core 1.0, section 7.1.1).
func (t *bankWalk) ring(ctx context.Context) error {
	now := time.Now()
	request, err := t.bank.sign(t.bank.key, "JWT", false, map[string]any{"iss": t.bank.id, "aud": t.bank.issuer, "jti": rand.Text(), "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"scope": "openid purpose:" + ringPurpose + " profile", "login_hint": t.granted.subject, "binding_message": word, "client_notification_token": rand.Text() + rand.Text(), "requested_expiry": 120})
	if err != nil {
		return err
	}
	var out struct {
		ID       string `json:"auth_req_id"`
		Expires  int    `json:"expires_in"`
		Interval int    `json:"interval"`
		Match    string `json:"danh_match"`
	}
	if err := t.bank.post(ctx, t.bank.at.CIBA, url.Values{"request": {request}}, http.StatusOK, &out); err != nil {
		return err
	}
	if out.ID == "" || len(out.Match) != 2 || out.Expires <= 0 || out.Interval <= 0 {
		return errors.New("the answer holds no request, or no number")
	}
	t.asked, t.match = out.ID, out.Match
	var e *refusal
	if _, err := t.poll(ctx); !errors.As(err, &e) || e.Code != "authorization_pending" {
		return fmt.Errorf("before she answered the bank was told %v", err)
	}
	return nil
}

func (t *bankWalk) poll(ctx context.Context) (*granted, error) {
	g := &granted{}
	if err := t.bank.post(ctx, t.bank.at.Token, url.Values{"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {t.asked}}, http.StatusOK, g); err != nil {
		return nil, err
	}
	return g, t.bank.check(g)
}

func (t *bankWalk) pick(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Citizen+"/asked")
	if err != nil {
		return err
	}
	if err := at(p, "/asked", 200); err != nil {
		return err
	}
	to := ""
	for _, a := range p.All(`main a[href^="/asked/"]`) {
		to = browse.Attr(a, "href")
	}
	if to == "" {
		return errors.New("nothing asks her")
	}
	if p, err = t.me.Open(ctx, t.env.Citizen+to); err != nil {
		return err
	}
	if err := at(p, to, 200); err != nil {
		return err
	}
	if !p.Says("Sông Hậu Số") || !p.Says(word) || !p.Says("nhận ra bạn khi bạn gọi tổng đài") {
		return errors.New("her phone does not say who asks, the word, and what for")
	}
	f, err := p.FormTo(to)
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, "answer="+t.match); err != nil {
		return err
	}
	if strings.HasPrefix(p.URL.Path, "/asked/") {
		if f, err = p.FormTo(to); err != nil {
			return err
		}
		if p, err = f.Submit(ctx, "answer=yes"); err != nil {
			return err
		}
	}
	if p, err = t.own.approve(ctx, p, "Sông Hậu Số", word); err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	if _, err := t.event(ctx, "/ping", "the bank's ping"); err != nil {
		return err
	}
	return eventually(ctx, 30*time.Second, "the bank's tokens", func() (bool, error) {
		g, err := t.poll(ctx)
		var e *refusal
		if errors.As(err, &e) && (e.Code == "authorization_pending" || e.Code == "slow_down") {
			select {
			case <-time.After(5 * time.Second):
			case <-ctx.Done():
			}
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if g.subject != t.granted.subject || g.claims["urn:openid:params:jwt:claim:auth_req_id"] != nil && g.claims["urn:openid:params:jwt:claim:auth_req_id"] != t.asked {
			return false, errors.New("the tokens are about somebody or something else")
		}
		return true, nil
	})
}

func (t *bankWalk) ledger(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Citizen+"/consents")
	if err != nil {
		return err
	}
	if err := at(p, "/consents", 200); err != nil {
		return err
	}
	for _, a := range p.All(`main a[href^="/consents/"]`) {
		if href := browse.Attr(a, "href"); strings.Count(href, "/") == 2 && !strings.Contains(href, "record") {
			q, err := t.me.Open(ctx, t.env.Citizen+href)
			if err != nil {
				return err
			}
			if err := at(q, href, 200); err != nil {
				return err
			}
			if q.Says("mở tài khoản thanh toán") {
				t.consent = href
			}
		}
	}
	if t.consent == "" {
		return errors.New("her consents do not list the bank's purpose")
	}
	if p, err = t.me.Open(ctx, t.env.Citizen+t.consent+"/handed"); err != nil {
		return err
	}
	if err := at(p, t.consent+"/handed", 200); err != nil {
		return err
	}
	if !p.Says("Số định danh") || !p.Says("Họ và tên") {
		return errors.New("what was handed over is not listed")
	}
	return nil
}

func (t *bankWalk) withdraw(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Citizen+t.consent+"/withdraw")
	if err != nil {
		return err
	}
	if err := at(p, t.consent+"/withdraw", 200); err != nil {
		return err
	}
	f, err := p.FormTo("/withdraw")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := p.Want(200); err != nil {
		return err
	}
	if !p.Says("Sông Hậu Số") {
		return errors.New("she gets no receipt")
	}
	var e *refusal
	if _, err := t.bank.userInfo(ctx, t.granted); !errors.As(err, &e) || e.Code != "invalid_token" {
		return fmt.Errorf("after she withdrew the bank was answered %v", err)
	}
	return nil
}

const consentWithdrawn = "urn:danh:event:consent-withdrawn"

// told verifies the event (RFC 8417; RFC 8935).
func (t *bankWalk) told(ctx context.Context) error {
	if err := t.bank.discover(ctx); err != nil {
		return err
	}
	for {
		h, err := t.event(ctx, "/events", "the event of the withdrawal")
		if err != nil {
			return err
		}
		if h.ContentType != "application/secevent+jwt" {
			return fmt.Errorf("the event came as %q", h.ContentType)
		}
		claims, err := t.bank.verify(h.Body, "secevent+jwt", t.bank.id)
		if err != nil {
			return fmt.Errorf("the event: %w", err)
		}
		events, _ := claims["events"].(map[string]any)
		about, _ := claims["sub_id"].(map[string]any)
		if _, ok := events[consentWithdrawn]; !ok || about["sub"] != t.granted.subject {
			continue // of something or somebody else, which waited for the bank to be there
		}
		for _, never := range []string{t.p.Number, t.p.Name, t.p.Phones[0]} {
			if strings.Contains(h.Body, never) {
				return errors.New("the event carries personal data")
			}
		}
		return nil
	}
}

func (t *bankWalk) leave(ctx context.Context) error {
	p, err := t.me.Open(ctx, t.env.Citizen+"/security/everywhere")
	if err != nil {
		return err
	}
	if err := at(p, "/security/everywhere", 200); err != nil {
		return err
	}
	f, err := p.FormTo("/security/everywhere")
	if err != nil {
		return err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return err
	}
	if err := at(p, "/signin", 200); err != nil {
		return err
	}
	h, err := t.event(ctx, "/logout", "the logout token")
	if err != nil {
		return err
	}
	v, err := url.ParseQuery(h.Body)
	if err != nil {
		return err
	}
	claims, err := t.bank.verify(v.Get("logout_token"), "logout+jwt", t.bank.id)
	if err != nil {
		return fmt.Errorf("the logout token: %w", err)
	}
	events, _ := claims["events"].(map[string]any)
	if _, ok := events["http://schemas.openid.net/event/backchannel-logout"]; !ok || claims["nonce"] != nil {
		return errors.New("the token is no logout token")
	}
	if claims["sub"] != nil && claims["sub"] != t.granted.subject {
		return errors.New("the logout token is about somebody else")
	}
	// The event of it comes too: what nobody takes is kept for the bank, before
	// whatever comes later.
	for {
		h, err := t.event(ctx, "/events", "the event of the session's end")
		if err != nil {
			return err
		}
		claims, err := t.bank.verify(h.Body, "secevent+jwt", t.bank.id)
		if err != nil {
			return fmt.Errorf("the event: %w", err)
		}
		about, _ := claims["sub_id"].(map[string]any)
		if about["format"] == "complex" { // her, and which session (RFC 9493, section 3.2; CAEP 1.0, section 3.1)
			about, _ = about["user"].(map[string]any)
		}
		if events, _ := claims["events"].(map[string]any); events[sessionRevoked] != nil && about["sub"] == t.granted.subject {
			return nil
		}
	}
}

const sessionRevoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
