// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"strings"
	"testing"
	"time"

	"danh/account"
	. "danh/account/accounttest"
	"danh/internal/browse"
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
		c.Get("/security").Click("Mã passcode 6 chữ số để ký những việc quan trọng").At("/stepup").Want(200, "Đặt hoặc đổi mã passcode cần mức xác thực 2", "Những gì bạn có chưa đủ", "Tạo khoá đăng nhập")
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
