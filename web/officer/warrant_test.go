// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/warrant"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/office"
	"danh/registry/population"
	"danh/web/citizen"
	"danh/web/officer"
)

// bailiffs is a console with a desk for requests, and another officer, Minh, who
// holds every role.
func bailiffs(t *testing.T, d *db.DB) (c *console, desk *warrant.Desk, other audit.Actor) {
	t.Helper()
	c = open(t, d, func(c *console, _ *citizen.Config, o *officer.Config) {
		calendar := must[*office.Calendar](t)(office.OpenCalendar(t.Context(), d))
		desk = warrant.New(warrant.Config{DB: d, Clock: c.Clock, Seal: c.Seal, Audit: c.Audit, Roster: c.roster, Calendar: calendar, Accounts: c.Keeper})
		o.Warrants = desk
	})
	_, s := c.Open(t, c.Person(accounttest.Minh), "0987654321")
	c.appoint(t, s, office.IntakeOfficer)
	c.appoint(t, s, office.Approver)
	return c, desk, audit.Officer(account.Owner(s.Account), s.Person, "Công an phường Kim Liên")
}

// wanted is whose account is asked for.
var wanted = accounttest.Minh2()

// An officer takes a request in and passes it on; another approves it.
func TestWarrantThroughTheDoor(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		c, desk, other := bailiffs(t, d)
		_, hers := c.Open(t, c.Register(t, wanted), "0977000111")
		s := c.staff(t)
		c.appoint(t, s, office.Registrar)
		p := c.signIn(t, "/warrants").Want(200, "Chưa có yêu cầu nào").Click("Tiếp nhận yêu cầu")
		p = p.Want(200, "Nghị định 69/2024/NĐ-CP, Điều 30", "1 ngày làm việc").Submit("Tiếp nhận", "number", "12", "body", "x")
		p = p.Want(422, "Hãy chọn một căn cứ", "12 chữ số", "Ghi số văn bản", "3 đến 200")
		day := clock.DateOf(c.Clock.Now()).AddDays(-1)
		p = p.Submit("Tiếp nhận", "ground", "proceedings", "number", wanted.Numbers[0].Number, "body", "Cơ quan Cảnh sát điều tra", "document", "7/YC", "day", day.String())
		p = p.Want(200, "Đã tiếp nhận", "Hạn chuyển", "Chuyển cho người quyết định").Submit("Chuyển")
		p.Want(200, "Đã chuyển", "Hạn quyết định", "Chờ cán bộ khác").Lacks("Từ chối")
		list, err := desk.List(t.Context(), other, 1)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		code := list[0].Code
		// She is no approver: the button that she is not offered is refused too.
		c.browser.Post("/warrants/"+code+"/decide", map[string][]string{"answer": {"yes"}}).Want(http.StatusForbidden)
		c.appoint(t, s, office.Approver)
		c.browser.Get("/warrants/"+code).Want(200, "Chờ cán bộ khác")
		c.browser.Post("/warrants/"+code+"/decide", map[string][]string{"answer": {"yes"}}).Want(http.StatusForbidden, "bước trước không được quyết định")
		if err := desk.Approve(t.Context(), other, code); err != nil {
			t.Fatal(err)
		}
		if a, err := c.Keeper.Find(t.Context(), hers.Account); err != nil || a.Status != account.Locked {
			t.Fatal(a.Status, err)
		}
		p = c.browser.Get("/warrants/"+code).Want(200, "Đang khóa", "Hết căn cứ khóa")
		p.Submit("Ghi và chuyển xác nhận", "ending", "x").Want(422, "3 đến 500")
		p.Submit("Ghi và chuyển xác nhận", "ending", "Quyết định 9/QĐ").Want(200, "Chờ xác nhận hết căn cứ", "Quyết định 9/QĐ", "Chờ cán bộ khác")
		if err := desk.ConfirmEnd(t.Context(), other, code, true); err != nil {
			t.Fatal(err)
		}
		c.browser.Get("/warrants/"+code).Want(200, "Có văn bản chấm dứt")
		c.browser.Get("/warrants").Want(200, code, "Đã hết căn cứ").Lacks("Cảnh sát điều tra").Lacks(wanted.Numbers[0].Number)
	}, offices)
}

// An approver decides on the page what another took in.
func TestWarrantIsDecidedOnThePage(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		c, desk, other := bailiffs(t, d)
		c.Open(t, c.Register(t, wanted), "0977000111")
		c.appoint(t, c.staff(t), office.Approver)
		in := warrant.Request{Ground: "competent", Number: population.Number(wanted.Numbers[0].Number), Body: "Thanh tra", Document: "8", Day: clock.DateOf(c.Clock.Now())}
		var codes []string
		for range 2 {
			code, err := desk.Receive(t.Context(), other, in)
			if err != nil {
				t.Fatal(err)
			}
			if err := desk.Forward(t.Context(), other, code); err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
		p := c.signIn(t, "/warrants/"+codes[0]).Want(200, "Thanh tra", "Đang dùng", "Khóa tài khoản").Lacks("Bảo")
		c.browser.Get("/warrants/new").Want(http.StatusForbidden)
		p.Submit("Từ chối").Want(422, "Hãy chọn lý do")
		p.Submit("Từ chối", "why", "form").Want(200, "Đã từ chối", "không đúng thể thức")
		c.browser.Get("/warrants/"+codes[1]).Submit("Khóa tài khoản").Want(200, "Chủ tài khoản được báo ngay", "Đang khóa")
		if err := desk.AskEnd(t.Context(), other, codes[1], "Quyết định 9/QĐ"); err != nil {
			t.Fatal(err)
		}
		c.browser.Get("/warrants/"+codes[1]).Submit("Không, giữ khóa").Want(200, "Khóa được giữ nguyên")
		if err := desk.AskEnd(t.Context(), other, codes[1], "Quyết định 9/QĐ"); err != nil {
			t.Fatal(err)
		}
		c.browser.Get("/warrants/"+codes[1]).Submit("Xác nhận, mở khóa").Want(200, "Đã hết căn cứ")
	}, offices)
}

// The hotline sees no request.
func TestWarrantsAreNotTheHotlines(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		c, _, _ := bailiffs(t, d)
		c.appoint(t, c.staff(t), office.Hotline)
		c.signIn(t, "/warrants").Want(http.StatusForbidden, "Bạn không giữ việc này")
		c.browser.Get("/warrants/new").Want(http.StatusForbidden)
		if strings.Contains(c.browser.Get("/hotline").Text("nav"), "Yêu cầu khóa") {
			t.Error("a place is shown that ends in a refusal")
		}
	}, offices)
}

// TestWarrantsInTheBrowser looks at the pages in Chromium. With DANH_SHOTS=folder
// it leaves pictures there.
func TestWarrantsInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	c, desk, other := bailiffs(t, dbtest.Open(t, db.SQLite, schemas, offices))
	c.Open(t, c.Register(t, wanted), "0977000111")
	s := c.staff(t)
	for _, r := range []office.Role{office.Registrar, office.Approver} {
		c.appoint(t, s, r)
	}
	var codes []string
	for range 3 {
		code, err := desk.Receive(t.Context(), other, warrant.Request{Ground: "proceedings", Number: population.Number(wanted.Numbers[0].Number), Body: "Cơ quan Cảnh sát điều tra Công an Thành phố Hà Nội", Document: "15/YC-CSĐT", Day: clock.DateOf(c.Clock.Now())})
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, code)
	}
	late := clock.Micros(c.Clock.Now().Add(-30 * time.Hour))
	err := c.DB.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE account_warrant SET forward_due = $1 WHERE code <> $2`, late, codes[2])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := desk.Forward(t.Context(), other, codes[0]); err != nil {
		t.Fatal(err)
	}
	b := webtest.Chromium(t)
	first := b.Tab(1280, false).Go(c.door + "/")
	first.Click("Đăng nhập").Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập").Want("Dùng khoá đăng nhập của bạn")
	first.Authenticator(true, c.key).Click("Dùng khoá đăng nhập").Want("Bàn làm việc cán bộ").Click("Đồng ý").Want("Hồ sơ không khớp")
	for _, size := range []struct {
		width int
		dark  bool
	}{{1280, false}, {360, false}, {360, true}} {
		tab := b.Tab(size.width, size.dark)
		for name, path := range map[string]string{"warrants": "/warrants", "warrant": "/warrants/" + codes[0], "warrant-new": "/warrants/new"} {
			tab.Go(c.door + path).Want("Yêu cầu khóa")
			tab.Accessible()
			for _, p := range tab.Problems() {
				t.Errorf("%s: %s", name, p)
			}
			if dir := os.Getenv("DANH_SHOTS"); dir != "" {
				tab.Shot(filepath.Join(dir, "officer-"+name+"-"+map[bool]string{true: "dark", false: "light"}[size.dark]+"-"+map[int]string{1280: "wide", 360: "phone"}[size.width]+".png"))
			}
		}
	}
}
