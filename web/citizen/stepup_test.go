// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"strings"
	"testing"
	"time"

	"danh/account"
	. "danh/account/accounttest"
	"danh/internal/browse"
	"danh/internal/db"
	"danh/internal/webtest"
)

// signed is the session of a client's browser.
func signed(t *testing.T, h *House, c *webtest.Client) account.Session {
	t.Helper()
	s, err := h.Keeper.FindSession(t.Context(), account.Token(c.Cookie("danh-citizen")))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// answered is what her passkey answers to a page's form.
func answered(t *testing.T, p *webtest.Page, key *browse.Passkey) string {
	t.Helper()
	answer, err := key.Assert([]byte(p.Attr("form[data-proof]", "data-options")), Citizen)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

const byPasskey = "Dùng vân tay hoặc khuôn mặt"

func TestSheStepsUpAndSetsAPasscode(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		c := serve(t, h)
		open(t, h, c, lan, phone, "/open")
		// A password alone is not enough, and she has nothing else: she is told what to do.
		c.Get("/security").Click("Mã passcode 6 chữ số để ký những việc quan trọng").At("/stepup").Want(200, "Đặt hoặc đổi mã passcode cần mức xác thực 2", "Ở máy này chưa làm được", "công an xã, phường bất kỳ")
		key := h.Enlist(t, signed(t, h, c), Citizen)
		before := c.Cookie("danh-citizen")
		p := c.Get("/security/passcode").At("/stepup").Want(200, byPasskey).Lacks("chưa đủ cho việc này")
		// An answer to another challenge.
		old := answered(t, p, key)
		p = c.Get("/security/passcode").At("/stepup")
		p = p.Submit(byPasskey, "credential", old).Want(422, "Xác nhận không hợp lệ")
		p = p.Submit(byPasskey, "credential", answered(t, p, key)).At("/security/passcode").Want(200, "Đặt mã passcode")
		if now := c.Cookie("danh-citizen"); now == before {
			t.Error("the session's token is the one from before")
		}
		if s := signed(t, h, c); s.Assurance != 3 {
			t.Errorf("%+v", s)
		}
		p = p.Submit("Lưu mã passcode", "passcode", "020990", "again", "020990").Want(422, "ngày sinh của bạn").Lacks("020990")
		p = p.Submit("Lưu mã passcode", "passcode", "730418", "again", "730419").Want(422, "chưa giống nhau")
		p.Submit("Lưu mã passcode", "passcode", "730418", "again", "730418").At("/security").Want(200, "Đã lưu mã passcode")
		// Changing it asks for the old one, and for a fresh sign-in.
		p = c.Get("/security/passcode").Want(200, "Đổi mã passcode", "Quên mã passcode?")
		p.Submit("Lưu mã passcode", "old", "111222", "passcode", "482915", "again", "482915").Want(422, "Còn 9 lần thử")
		h.Clock.Advance(11 * time.Minute)
		// What she makes for something leads back to it, through the step-up too.
		p = c.Get("/security/passcode?return=/inbox").At("/stepup").Want(200, byPasskey)
		p = p.Submit(byPasskey, "credential", answered(t, p, key)).At("/security/passcode")
		p.Submit("Lưu mã passcode", "old", "730418", "passcode", "482915", "again", "482915").At("/inbox").Want(200, "Đã lưu mã passcode")
		if to := c.Get("/security/passkeys/new?return=/inbox").Submit("Tiếp tục").Attr(`form[data-passkey] input[name="return"]`, "value"); to != "/inbox" {
			t.Errorf("a new passkey leads to %q", to)
		}
		for _, page := range []string{"/security/passcode", "/security/passkeys/new"} {
			if p := c.Get(page + "?return=//evil.example").Want(200); p.Has(`#main input[name="return"]`) {
				t.Errorf("%s leads to another site", page)
			}
		}
	})
}

// Whoever has nothing but a password is told what to do next, and nothing that
// she is offered leads her back to where she stands.
func TestStepUpLeadsOutOfADeadEnd(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		h.AskCodes(t)
		lan := h.Register(t, Lan)
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		c := withRecovery(t, h)
		open(t, h, c, lan, phone, "/open")
		s := signed(t, h, c)
		become := func(set string) { // as an account is that was activated by a slip, or that somebody confirms
			t.Helper()
			if err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
				if _, err := tx.ExecContext(t.Context(), `UPDATE account_account SET phone_at = NULL, represented = `+set+` WHERE id = $1`, s.Account); err != nil {
					return err
				}
				_, err := tx.ExecContext(t.Context(), `UPDATE account_session SET assurance = 1, amr = 'pwd' WHERE account = $1`, s.Account)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		become("FALSE")
		for _, page := range []string{"/security/passkeys/new", "/security/passcode", "/stepup?journey=phone_change&return=/security", "/stepup?journey=consent_sensitive&return=/"} {
			p := c.Get(page).At("/stepup").Want(200, "chưa có số điện thoại nhận mã", "Thêm số điện thoại")
			ways := p.All("main nav.rows a")
			if len(ways) == 0 {
				t.Errorf("%s: no way out", page)
			}
			for _, a := range ways {
				if to := c.Get(browse.Attr(a, "href")).Want(200); to.URL.Path == "/stepup" {
					t.Errorf("%s: %q leads back", page, webtest.Words(a))
				}
			}
		}
		c.Get("/stepup?journey=phone_change&return=/security").Click("Thêm số điện thoại Sau đó mã đến máy bạn, và bạn tạo được khoá đăng nhập").At("/recover/begin")
		c.English().Get("/security/passkeys/new").At("/stepup").Want(200, "Your account has no phone that gets codes", "Add a phone number")
		// A child's account: there is nothing that the child could do about it.
		become("TRUE")
		p := c.Get("/security/passkeys/new").At("/stepup").Want(200, "Your representative does this for you")
		if p.Has("main nav.rows") {
			t.Error("a represented account is sent somewhere")
		}
	})
}

func TestStepUpLeadsNowhereElse(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		c := serve(t, h)
		open(t, h, c, h.Register(t, Lan), phone, "/open")
		for _, to := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)"} {
			c.Get("/stepup?journey=freeze&return=" + to).At("/")
			if html := c.Get("/stepup?journey=passcode_change&return=" + to).Want(200).Text("body"); strings.Contains(html, "evil") {
				t.Error(to)
			}
		}
		c.Get("/stepup?journey=transfer").Want(403, "mức 2")
		c.Forget()
		c.Get("/stepup?journey=passcode_change&return=/security").At("/signin")
		c.Get("/demands").Want(200, "Chuyển tiền", "Tài khoản mức 2 · xác thực mức 4", "không quá 10 phút trước")
	})
}
