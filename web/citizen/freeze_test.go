// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"danh/account"
	. "danh/account/accounttest"
	"danh/internal/webtest"
)

var freezePath = regexp.MustCompile(`/freeze/[a-z2-9]{26}`)

// freezePathIn is the link of the newest message to a phone that says words.
func freezePathIn(t *testing.T, h *House, phone, words string) string {
	t.Helper()
	h.Deliver(t)
	for _, text := range slices.Backward(h.Post.To(phone)) {
		if p := freezePath.FindString(text); p != "" && strings.Contains(text, words) {
			return p
		}
	}
	t.Fatalf("no message says %q with a link: %q", words, h.Post.To(phone))
	return ""
}

func TestSheFreezesWithOneTap(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		c := serve(t, h)
		open(t, h, c, h.Register(t, Lan), phone, "/open")
		stolen := c.Cookie("danh-citizen")
		p := c.Get("/security").Want(200, "Khóa khẩn cấp").Click("Khóa tài khoản").At("/freeze")
		p.Want(200, "Chỉ bạn mở lại được").Submit("Khóa tài khoản").At("/frozen").Want(200, "Tài khoản đã khóa", "công an xã, phường")
		if c.Cookie("danh-citizen") != "" {
			t.Error("the browser keeps its session")
		}
		// The stolen cookie opens no page, and the password none either.
		thief := webtest.New(t, c.Base)
		thief.Header.Set("Cookie", "danh-citizen="+stolen)
		for _, path := range []string{"/", "/security", "/looked", "/consents", "/inbox", "/security/passkeys", "/account"} {
			thief.Get(path).At("/signin")
		}
		c.Get("/signin").Submit("Đăng nhập", "number", h.Register(t, Lan).Declared.Number.Reveal(), "password", string(Password)).Want(422, "chưa khớp").Lacks("đã khóa")
		h.Deliver(t)
		if !strings.Contains(strings.Join(h.Post.To(phone), "\n"), "đã tạm khóa") {
			t.Error("she was not told")
		}
	})
}

func TestALinkInAMessageFreezesWithoutSigningIn(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		c := serve(t, h)
		lan := h.Register(t, Lan)
		open(t, h, c, lan, phone, "/open")
		h.Clock.Advance(time.Minute)
		// Somebody signs in from a browser that was never seen.
		thief := webtest.New(t, c.Base)
		thief.Get("/signin").Submit("Đăng nhập", "number", lan.Declared.Number.Reveal(), "password", string(Password)).At("/")
		path := freezePathIn(t, h, phone, "thiết bị mới")
		c.Forget()
		c.Get(path).Want(200, "Nó chỉ khóa")
		thief.Get("/security").At("/security") // a fetched link locks nobody
		c.Get(path).Submit("Khóa tài khoản").At("/frozen")
		thief.Get("/security").At("/signin")
		c.Get(path).Want(404, "không còn khóa được")
		c.Post(path, url.Values{}).Want(404, "không còn khóa được")
		// Another site cannot send it either, nor a guess.
		c.PostFrom("https://evil.example", "/freeze", url.Values{}).Want(403)
		c.Post("/freeze/"+strings.Repeat("a", 26), url.Values{}).Want(404)
		if p := c.Get("/freeze").Want(200, "113", "không bao giờ hỏi mã"); !p.Has(`a[href="tel:113"]`) {
			t.Error("the hotline cannot be called")
		}
	})
}

func TestSheUnlocksWithPasskeyAndPassword(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		c := serve(t, h)
		lan := h.Register(t, Lan)
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		_, s := h.Open(t, lan, phone)
		key := h.Enlist(t, s, Citizen)
		h.Clock.Advance(80 * time.Hour)
		_, s, err := h.Keeper.SignIn(t.Context(), account.SignIn{Number: lan.Declared.Number.Reveal(), Password: Password, Remote: Remote(), Door: "citizen"})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Keeper.Freeze(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		p := c.Get("/unfreeze").Want(200, "Mở lại tài khoản đã khóa")
		answer, err := key.Assert([]byte(p.Attr("form[data-passkey=get]", "data-options")), Citizen)
		if err != nil {
			t.Fatal(err)
		}
		number := lan.Declared.Number.Reveal()
		p = p.Submit("Xin mở khóa", "number", number, "password", "sai-mật-khẩu-9A", "credential", string(answer)).Want(422, "không khớp")
		if p.Value("password") != "" {
			t.Error("a password was refilled")
		}
		answer, _ = key.Assert([]byte(p.Attr("form[data-passkey=get]", "data-options")), Citizen)
		p.Submit("Xin mở khóa", "number", number, "password", string(Password), "credential", string(answer)).Want(200, "Đã nhận yêu cầu", "báo trên mọi kênh")
		// Until then nothing is open; then she signs in.
		c.Get("/signin").Submit("Đăng nhập", "number", number, "password", string(Password)).Want(422)
		h.Clock.Advance(24*time.Hour + time.Second)
		h.Deliver(t)
		c.Get("/signin").Submit("Đăng nhập", "number", number, "password", string(Password)).At("/")
	})
}
