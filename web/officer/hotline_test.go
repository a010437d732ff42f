// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/scam"
	"danh/audit"
	"danh/office"
)

// Whoever answers the telephone locks and sees nothing else of the door; the
// page is the same for a number that nobody has.
func TestHotlineOnlyLocks(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		s := c.staff(t)
		c.appoint(t, s, office.Hotline)
		minh := c.Person(accounttest.Minh)
		_, hers := c.Open(t, minh, "0987654321")
		p := c.signIn(t, "/hotline").Want(200, "Đường dây nóng", "Câu trả lời giống nhau")
		p.Submit("Khóa tài khoản", "number", "12", "words", "").Want(422, "12 chữ số", "từ 3 đến 500")
		known := p.Submit("Khóa tài khoản", "number", minh.Declared.Number.Reveal(), "words", "Bị lấy mất điện thoại").At("/hotline").Want(200, "Đã ghi nhận")
		nobody := c.browser.Get("/hotline").Submit("Khóa tài khoản", "number", "001190999999", "words", "Bị lấy mất điện thoại").At("/hotline").Want(200, "Đã ghi nhận")
		if known.Text("main") != nobody.Text("main") {
			t.Error("the page tells whether somebody has an account")
		}
		known.Lacks("Minh").Lacks(minh.Declared.Number.Reveal())
		c.Deliver(t)
		if a, err := c.Keeper.Find(t.Context(), hers.Account); err != nil || a.Status != account.Locked {
			t.Fatal(a.Status, err)
		}
		for _, path := range []string{"/cases", "/scams", "/operations"} {
			c.browser.Get(path).Want(http.StatusForbidden, "Bạn không giữ việc này")
		}
		if strings.Contains(c.browser.Get("/hotline").Text("nav"), "Hồ sơ không khớp") {
			t.Error("a place is shown that ends in a refusal")
		}
		// Her role ends: the open page locks nobody any more.
		if err := c.roster.End(t.Context(), audit.System("test"), account.Owner(s.Account), office.Hotline); err != nil {
			t.Fatal(err)
		}
		c.browser.Post("/hotline", url.Values{"number": {lanNumber}, "words": {"Khóa giúp tôi"}}).Want(http.StatusForbidden)
	})
}

func TestRegistrarIsNoHotline(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		s := c.staff(t)
		c.appoint(t, s, office.Registrar)
		c.signIn(t, "/hotline").Want(http.StatusForbidden, "Bạn không giữ việc này")
		c.browser.Post("/hotline", url.Values{"number": {lanNumber}, "words": {"Khóa giúp tôi"}}).Want(http.StatusForbidden)
		c.Deliver(t)
		if a, err := c.Keeper.Find(t.Context(), s.Account); err != nil || a.Status != account.Active {
			t.Error(a.Status, err)
		}
	})
}

// A report becomes a trick in the registrar's words, once.
func TestReportBecomesATrick(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		s := c.staff(t)
		c.appoint(t, s, office.Registrar)
		const said = "Họ xưng công an phường, đòi tôi đọc mã sáu số, tôi là Nguyễn Thị Kín"
		desk := c.Keeper.Scams()
		code, err := desk.Report(t.Context(), audit.Anonymous(), scam.Report{Kind: "call", Place: "0999 888 777", Words: said}, "203.0.113.9")
		if err != nil {
			t.Fatal(err)
		}
		p := c.signIn(t, "/scams").Want(200, code, "Cuộc gọi")
		p.Lacks("Kín").Lacks("0999")
		p = c.browser.Get("/scams/"+code).Want(200, said, "0999 888 777")
		p.Submit("Công bố", "title_vi", "x").Want(422, "5 đến 120")
		stale := c.browser.Get("/scams/" + code)
		p.Submit("Công bố", "title_vi", "Giả công an xin mã OTP", "words_vi", "Họ gọi, xưng cán bộ và đòi đọc mã.", "title_en", "A false officer asks for a code", "words_en", "They call and ask you to read out a code.").
			At("/scams").Want(200, "Giả công an xin mã OTP")
		stale.Submit("Đóng báo cáo").Want(http.StatusConflict, "người khác xử lý")
		tricks, err := desk.ListTricks(t.Context())
		if err != nil || len(tricks) != 1 || tricks[0].Reported != 1 || strings.Contains(tricks[0].Words.VI, "Kín") {
			t.Fatalf("%+v, %v", tricks, err)
		}
		if got, err := desk.Find(t.Context(), code, "203.0.113.9"); err != nil || got.State != scam.Published {
			t.Errorf("%+v, %v", got, err)
		}
		c.browser.Get("/scams").Submit("Gỡ").At("/scams").Want(200, "Chưa công bố")
	})
}

// Nobody but a registrar reads a report, and a flood from one network ends.
func TestReportsAreSealedAndLimited(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		s := c.staff(t)
		c.appoint(t, s, office.Operator)
		desk := c.Keeper.Scams()
		in := scam.Report{Kind: "site", Place: "http://danh.example.evil", Words: "Trang giống hệt trang thật"}
		for range 10 {
			if _, err := desk.Report(t.Context(), audit.Anonymous(), in, "203.0.113.9"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := desk.Report(t.Context(), audit.Anonymous(), in, "203.0.113.77"); err == nil {
			t.Error("a flood from one network is taken")
		}
		c.signIn(t, "/scams").Want(http.StatusForbidden)
		if _, err := desk.FindFile(t.Context(), s.Actor(), "LD-26-AAAA-AAAA"); err == nil {
			t.Error("a citizen reads reports")
		}
		var clear int
		if err := c.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM account_scam_report WHERE CAST(words AS TEXT) LIKE '%giống%' OR CAST(place AS TEXT) LIKE '%evil%'`).Scan(&clear); err != nil || clear > 0 {
			t.Error(clear, err)
		}
	})
}
