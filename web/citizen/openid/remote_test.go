// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/internal/db"
	"danh/internal/webtest"
)

const passcode = "730418"

// phone is her phone, signed in, with a passcode. There are no passkeys at an
// address of numbers; so that the passcode alone is enough, it is worth more here
// than it is.
func (d *door) phone(t *testing.T) *webtest.Client {
	t.Helper()
	c := webtest.New(t, d.Issuer)
	c.Get("/signin").Submit("Đăng nhập", "number", number, "password", string(accounttest.Password))
	s, err := d.Keeper.FindSession(t.Context(), account.Token(c.Cookie("danh-citizen")))
	ok(t, err)
	ok(t, d.DB.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE account_assurance SET assurance = 2 WHERE factors = 'passcode'`)
		return err
	}))
	d.Clock.Advance(2 * time.Minute) // the rows are read again
	s.Assurance = 2                  // how she comes to that is the step-up's own test
	ok(t, d.Keeper.SetPasscode(t.Context(), s, "", passcode))
	return c
}

// approve does on her phone what the computer's page says.
func (d *door) approve(t *testing.T, phone *webtest.Client, computer *webtest.Page, service string) {
	t.Helper()
	p := phone.Get("/q").Submit("Tiếp tục", "code", computer.Text(".spoken .n")).Want(200, "Một máy tính muốn vào tài khoản của bạn", service, "Ai gửi cho bạn mã này là lừa đảo")
	number := computer.Text(".match .n")
	p = p.Submit("Số "+number).Want(200, "Cho máy tính này vào tài khoản?", service, computer.Text(".spoken .n"), number)
	p.Submit("Xác nhận", "passcode", passcode).Want(200, "Đã duyệt")
}

// A bank sends her to sign in on a computer, and her phone answers.
func TestSheSignsInElsewhereByHerPhone(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		phone := d.phone(t)
		v := d.request("openid profile")
		p := d.Browser.Get("/authorize?"+v.Encode()).At("/signin").Submit("Đăng nhập bằng mã QR").Want(200, "Đăng nhập bằng điện thoại", "Ngân hàng Lúa Vàng")
		if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' "+d.Party.URL) {
			t.Errorf("the form could not lead back: %s", csp)
		}
		// The page's script asks and learns one word.
		state := func() string {
			var v map[string]string
			if err := json.Unmarshal([]byte(d.Browser.Get(p.Attr("[data-remote]", "data-remote")).Body), &v); err != nil || len(v) != 1 {
				t.Fatalf("%v: %v", v, err)
			}
			return v["state"]
		}
		if got := state(); got != "asked" {
			t.Errorf("the state is %s", got)
		}
		p.Submit("Tiếp tục").Want(http.StatusConflict, "Điện thoại chưa duyệt")
		d.approve(t, phone, p, "Ngân hàng Lúa Vàng")
		if got := state(); got != "approved" {
			t.Errorf("the state is %s", got)
		}
		p = d.Browser.Get(p.URL.Path).Want(200, "Điện thoại đã duyệt").Submit("Tiếp tục")
		p.At("/consent").Want(200, "Ngân hàng Lúa Vàng").Submit("Đồng ý").Want(200, "Cảm ơn")
		tok := d.redeem(t, d.Party.Got().Get("code"))
		var claims map[string]any
		ok(t, json.Unmarshal([]byte(decode(t, tok["id_token"].(string))), &claims))
		if claims["acr"] != "urn:danh:acr:l1:a2" || claims["amr"] != nil {
			t.Errorf("the bank is told acr %v, amr %v", claims["acr"], claims["amr"])
		}
		d.Browser.Get("/signin?fresh=1").Want(200)
	})
}

// A bank that needs assurance 3 gets nothing from a session that a phone
// approved. (Whoever has a passkey is sent to sign in anew: see account.Reach.)
func TestAQRCodeDoesNotReachAssurance3(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		phone := d.phone(t)
		v := d.request("openid profile")
		d.byPhone(t, phone, v)
		v.Set("claims", `{"id_token":{"acr":{"essential":true,"value":"urn:danh:acr:l1:a3"}}}`)
		d.Browser.Get("/authorize?" + v.Encode())
		if got := d.Party.Got(); got.Get("error") != "unmet_authentication_requirements" || got.Get("code") != "" {
			t.Errorf("the bank got %v", got)
		}
		// Nor may she try it by a code once more.
		p := d.Browser.Get("/signin?request=abc").Want(200, "Mã QR không đủ cho việc này")
		if p.Has(`form[action="/signin/qr"]`) {
			t.Error("a code is offered to who has one")
		}
	})
}

// byPhone signs her in at the bank on the computer, by her phone.
func (d *door) byPhone(t *testing.T, phone *webtest.Client, v url.Values) {
	t.Helper()
	p := d.Browser.Get("/authorize?" + v.Encode()).Submit("Đăng nhập bằng mã QR")
	d.approve(t, phone, p, "Ngân hàng Lúa Vàng")
	if p = d.Browser.Get(p.URL.Path).Submit("Tiếp tục"); p.Has(`form[action="/consent"]`) {
		p = p.Submit("Đồng ý")
	}
	p.Want(200, "Cảm ơn")
}

// What somebody else's browser knows of a request opens nothing there, and a
// request that another site has her browser make is not made.
func TestAnotherBrowserWaitsForHerPhone(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		phone := d.phone(t)
		p := d.Browser.Get("/signin").Submit("Đăng nhập bằng mã QR").Want(200, "Đăng nhập bằng điện thoại")
		p.Lacks(number, "Phương Lan")
		thief := webtest.New(t, d.Issuer)
		thief.Get("/signin")
		thief.Get(p.URL.Path).At("/signin").Lacks(p.Text(".spoken .n"))
		if got := thief.Get(p.Attr("[data-remote]", "data-remote")).Body; !strings.Contains(got, "replaced") {
			t.Errorf("another browser is told %s", got)
		}
		d.approve(t, phone, p, "Tài khoản định danh của bạn")
		thief.Post(p.URL.Path, url.Values{}).At("/signin")
		d.Browser.PostFrom("https://evil.example", p.URL.Path, url.Values{}).Want(403)
		d.Browser.PostFrom("https://evil.example", "/signin/qr", url.Values{}).Want(403)
		phone.PostFrom("https://evil.example", "/q/"+strings.ReplaceAll(p.Text(".spoken .n"), "-", ""), url.Values{"answer": {"yes"}}).Want(403)
		d.Browser.Get(p.URL.Path).Submit("Tiếp tục").At("/")
		// The computer's session approves nothing itself.
		other := webtest.New(t, d.Issuer).Get("/signin").Submit("Đăng nhập bằng mã QR")
		d.Browser.Get("/q").Submit("Tiếp tục", "code", other.Text(".spoken .n")).Want(403, "Phiên này không duyệt được cho máy khác")
	})
}

func TestTheWrongNumberOnThePhone(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		phone := d.phone(t)
		p := d.Browser.Get("/signin?return=/security").Submit("Đăng nhập bằng mã QR")
		q := phone.Get("/q/"+strings.ToLower(p.Text(".spoken .n"))).Want(200, "Trên màn hình máy tính là số nào?")
		for _, one := range q.Texts(".picks button") {
			if one != p.Text(".match .n") {
				q.Submit("Số "+one).Want(200, "Số chưa đúng, mã đã bị hủy")
				break
			}
		}
		// Both ends say so, and the computer begins anew where it was.
		p = d.Browser.Get(p.URL.Path).Want(200, "Điện thoại đã chọn sai số").Submit("Mã mới").Want(200, "Đăng nhập bằng điện thoại")
		code := p.Text(".spoken .n")
		phone.Get("/q/"+code).Submit("Từ chối").Want(200, "Không có gì được mở")
		p = d.Browser.Get(p.URL.Path).Want(200, "Điện thoại đã từ chối").Submit("Mã mới")
		d.approve(t, phone, p, "Tài khoản định danh của bạn")
		d.Browser.Get(p.URL.Path).Submit("Tiếp tục").At("/security")
		phone.Get("/q").Submit("Tiếp tục", "code", "7K3M").Want(422, "Mã có tám chữ và số")
		phone.Get("/q").Submit("Tiếp tục", "code", "22222222").Want(404, "Không có mã này")
		webtest.New(t, d.Issuer).Get("/q/" + code).At("/signin")
	})
}

// What she refuses on the last page is refused; and who has nothing to prove
// herself by is told what to do, while nothing is approved.
func TestThePhoneIsNotSure(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		phone := webtest.New(t, d.Issuer)
		phone.Get("/signin").Submit("Đăng nhập", "number", number, "password", string(accounttest.Password))
		p := d.Browser.Get("/signin").Submit("Đăng nhập bằng mã QR")
		code := "/q/" + p.Text(".spoken .n")
		q := phone.Get(code).Submit("Số "+p.Text(".match .n")).Want(200, "chưa đủ để xác nhận", "Tạo khoá đăng nhập")
		d.Browser.Get(p.URL.Path).Want(200, "Duyệt trên điện thoại").Submit("Tiếp tục").Want(409, "Điện thoại chưa duyệt")
		q.Submit("Từ chối").Want(200, "Bạn đã từ chối")
		// The code's own page still asks; there she ends it for both.
		phone.Get(code).Want(200, "Cho máy tính này vào tài khoản?").Submit("Từ chối").Want(200, "Không có gì được mở")
		d.Browser.Get(p.URL.Path).Want(200, "Điện thoại đã từ chối")
		phone.Get(code + "?approval=nonsense&in=vi").Want(404)
	})
}

// What she answers in person is not answered by a session that a code opened:
// it signs in in this browser first.
func TestAnswersInPersonAreNotGivenFromAfar(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		phone := d.phone(t)
		p := d.Browser.Get("/signin").Submit("Đăng nhập bằng mã QR")
		d.approve(t, phone, p, "Tài khoản định danh của bạn")
		d.Browser.Get(p.URL.Path).Submit("Tiếp tục")
		d.Browser.Post("/here", url.Values{}).At("/signin").Want(200, "Mật khẩu", "Mã QR không đủ cho việc này")
		phone.Post("/here", url.Values{}).Want(204)
	})
}

// Both ends speak the reader's language, and what she approves is bound to it.
func TestBothEndsInEnglish(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		phone := d.phone(t)
		phone.English()
		d.Browser.English()
		p := d.Browser.Get("/signin").Submit("Sign in by QR code").Want(200, "Sign in with your phone", "Scan it with your own phone only", "The phone will ask for this number")
		number := p.Text(".match .n")
		q := phone.Get("/q/"+p.Text(".spoken .n")).Want(200, "A computer wants to open your account", "Whoever sent you this code is a fraud", "An unknown place")
		q = q.Submit("Number "+number).Want(200, "Let this computer open my account?", "Your identity account", "an unknown place", number)
		q.Submit("Approve", "passcode", passcode).Want(200, "Approved")
		d.Browser.Get(p.URL.Path).Want(200, "The phone has approved").Submit("Continue").At("/")
	})
}
