// SPDX-License-Identifier: Apache-2.0

package portal_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"danh/account/accounttest"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/procedure/proceduretest"
)

var bookingCode = regexp.MustCompile(`LH-[2-9A-Z]{3}-[2-9A-Z]{3}`)

// follow opens the link that a selector finds.
func follow(t *testing.T, c *webtest.Client, p *webtest.Page, selector string) *webtest.Page {
	t.Helper()
	href := p.Attr(selector, "href")
	if href == "" {
		t.Fatalf("%s has no link %s", p.URL, selector)
	}
	return c.Get(href)
}

// TestSheBooksAnAppointment: it is Saturday noon, 21/11/2026; Tuesday is Culture Day.
func TestSheBooksAnAppointment(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		w.SignInLan(t, true)
		c := webtest.New(t, w.Portal.URL)

		// Anybody looks for a time; from the procedure, without marks.
		p := said(t, c.Get("/procedures/nang-muc-2").Want(200).Click("Đặt lịch hẹn").Want(200, "Bạn muốn đến nơi nào?", "Nơi nào cũng được"))
		p = said(t, p.Submit("Tìm", "q", "kim lien ha noi").Want(200, "Công an phường Kim Liên", "Đang nghỉ", "còn chỗ sớm nhất 07:30, Thứ Hai, 23/11/2026"))
		if p.Submit("Tìm", "q", "kim lien ha noi", "open", "yes").Has("main a[href*='office=']") {
			t.Error("a closed office passes for open")
		}
		p = said(t, follow(t, c, p, "main a[href*='office=']").Want(200, "Bạn đến ngày nào?", "Thứ Hai, 23/11/2026", "24 chỗ", "Không đến 2 lần trong 90 ngày thì tạm ngừng đặt trên mạng 30 ngày", "Thứ Ba, 24/11/2026", "Nghỉ: ")).Lacks("22/11/2026")
		if p.Has("main a[href*='day=2026-11-24']") {
			t.Error("a holiday can be chosen")
		}
		times := said(t, follow(t, c, p, "main a[href*='day=2026-11-25']").Want(200, "Bạn đến lúc mấy giờ?", "Thứ Tư, 25/11/2026", "07:30–07:50", "13:30–13:50"))

		// Confirming needs somebody; the choice is still there after the sign-in.
		p = times.Submit("Đi tiếp", "at", "2026-11-25T08:10").At("/signin").Submit("Đăng nhập", "number", lanNumber, "password", string(accounttest.Password)).At("/consent").Submit("Đồng ý")
		p = said(t, p.Want(200, "Xem lại trước khi đặt", "08:10, Thứ Tư, 25/11/2026", "Công an phường Kim Liên", "Mang theo", "Thẻ căn cước còn hạn").At("/booking/confirm"))
		times.Submit("Đi tiếp").Want(422, "Hãy chọn")
		confirm := p
		p = said(t, p.Submit("Đặt lịch hẹn này").Want(200, "Đã đặt lịch hẹn", "Mã lịch hẹn", "Thẻ căn cước còn hạn"))
		code, mine := bookingCode.FindString(p.Body), p.URL.Path
		if code == "" {
			t.Fatal("no code is shown")
		}
		// The same page sent again shows the same appointment.
		confirm.Submit("Đặt lịch hẹn này").Want(200, code).At(mine)
		w.Deliver(t)
		if sms := strings.Join(w.Post.To(proceduretest.LanPhone), "\n"); !strings.Contains(sms, code) || !strings.Contains(sms, "08:10 25/11/2026") {
			t.Errorf("no confirmation by SMS: %q", sms)
		}
		// A second one for the same is refused, with everything still there.
		again := c.Get("/booking/confirm?" + url.Values{"procedure": {"nang-muc-2"}, "office": {times.Attr("input[name=office]", "value")}, "at": {"2026-11-26T08:10"}}.Encode()).Want(200)
		again.Submit("Đặt lịch hẹn này").Want(409, "Bạn đã có lịch hẹn cho việc này", "08:10, Thứ Năm, 26/11/2026")

		// Somebody else finds the time taken, and cannot see hers.
		w.Minh(t, true)
		other := webtest.New(t, w.Portal.URL)
		arrive(t, other, mine, minhNumber).Want(404).Lacks(code)
		if other.Get(times.URL.String()).Want(200).Has("input[value='2026-11-25T08:10']") {
			t.Error("a taken time is offered")
		}
		q := other.Get("/booking/confirm?" + url.Values{"procedure": {"nang-muc-2"}, "office": {times.Attr("input[name=office]", "value")}, "at": {"2026-11-25T08:10"}}.Encode()).Want(200)
		q.Submit("Đặt lịch hẹn này").Want(422, "Giờ này vừa có người đặt", "Bạn đến lúc mấy giờ?")
		for _, path := range []string{mine + "/change", mine + "/cancel", mine + "/change?day=2026-11-26"} {
			other.Get(path).Want(404).Lacks(code)
		}
		other.Post(mine+"/cancel", url.Values{}).Want(404)
		other.Post(mine+"/change", url.Values{"at": {"2026-11-26T08:10"}}).Want(404)
		if p := c.PostFrom("https://evil.example", mine+"/cancel", url.Values{}); p.Status != 403 {
			t.Errorf("another site cancels: %d", p.Status)
		}

		// From "my cases": another time, then not at all.
		p = said(t, c.Get("/cases").Want(200, "Lịch hẹn sắp tới", "Nâng tài khoản lên mức độ 2"))
		p = follow(t, c, p, "main a[href^='/appointments/']").Want(200, code, "Đã đặt").At(mine)
		p = said(t, p.Click("Đổi giờ hẹn").Want(200, "Đang hẹn lúc 08:10 25/11/2026"))
		p = said(t, follow(t, c, p, "main a[href*='day=2026-11-26']").Want(200, "Thứ Năm, 26/11/2026"))
		p.Submit("Đổi sang giờ này").Want(422, "Hãy chọn")
		p = said(t, p.Submit("Đổi sang giờ này", "at", "2026-11-26T13:30").Want(200, "Đã đổi giờ hẹn", "13:30, Thứ Năm, 26/11/2026", code).At(mine))
		p = said(t, p.Click("Hủy lịch hẹn").Want(200, "Chỗ của bạn sẽ dành cho người khác"))
		p = said(t, p.Submit("Hủy lịch hẹn này").Want(200, "Đã hủy lịch hẹn", "Đã hủy").At(mine))
		if p.Has("a[href$='/cancel']") {
			t.Error("it can be cancelled twice")
		}
		c.Get("/cases").Want(200).Lacks("Lịch hẹn sắp tới")
		c.Get(mine + "/cancel").Want(200).At(mine)
		for _, action := range []string{"office.appointment.booked", "office.appointment.changed", "office.appointment.cancelled"} {
			if !strings.Contains(strings.Join(w.Audited(t), " "), action) {
				t.Errorf("%s is not in the log", action)
			}
		}
	})
}

func TestBookingFromTheOfficeAndInEnglish(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		c := webtest.New(t, w.Portal.URL).English()
		p := follow(t, c, c.Get("/offices?q=kim+lien+ha+noi").Want(200), "main a[href^='/offices/']")
		p = said(t, p.Click("Book an appointment").Want(200, "What do you come for?", "Raise the account to level 2")).Lacks("Lodging notice")
		p = said(t, follow(t, c, p, "main a[href*='procedure=dang-ky-tam-tru']").Want(200, "Which day?", "Monday, 23/11/2026", "64 free", "Only where you live or move to"))
		said(t, follow(t, c, p, "main a[href*='day=2026-11-23']").Want(200, "What time?", "07:30–07:45"))
		said(t, c.Get("/booking").Want(200, "What do you come for?"))
		said(t, c.Get("/booking?procedure=tach-ho&q=khongcothat").Want(200, "No office found"))
		// What is not done at a desk, or no more, or nowhere.
		for _, path := range []string{"/booking?procedure=thong-bao-luu-tru", "/booking?procedure=mo-tai-khoan-muc-1", "/booking?procedure=nothing", "/booking?office=nothing",
			"/booking?office=00000000-0000-0000-0000-000000000000"} {
			said(t, c.Get(path).Want(404))
		}
		old, err := w.Offices.Search(t.Context(), "dong van cong", clock.Date{Year: 2023, Month: 5, Day: 5}, 1)
		if err != nil || len(old) != 1 {
			t.Fatal(old, err)
		}
		said(t, c.Get("/booking?procedure=nang-muc-2&office="+old[0].ID.String()).Want(404))
		c.Get("/offices/" + old[0].ID.String()).Want(200).Lacks("/booking?")
		said(t, c.Get("/booking?office="+old[0].ID.String()).Want(200, "This office takes no appointments"))
		anyone := webtest.New(t, w.Portal.URL)
		anyone.Get("/appointments/00000000-0000-0000-0000-000000000000").At("/signin")
		anyone.Post("/booking", url.Values{}).At("/signin")
	})
}

// TestTwoTakeTheLastTimeAtThePortal: both look at the same page and press at once.
func TestTwoTakeTheLastTimeAtThePortal(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		w.SignInLan(t, true)
		w.Minh(t, true)
		list, err := w.Offices.Search(t.Context(), "kim lien ha noi", clock.DateOf(w.Clock.Now()), 1)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		path := "/booking/confirm?" + url.Values{"procedure": {"nang-muc-2"}, "office": {list[0].ID.String()}, "at": {"2026-11-25T08:10"}}.Encode()
		var pages []*webtest.Page
		for _, number := range []string{lanNumber, minhNumber} {
			pages = append(pages, arrive(t, webtest.New(t, w.Portal.URL), path, number).Want(200, "Xem lại trước khi đặt"))
		}
		status := make([]int, 2)
		var wg sync.WaitGroup
		for i, p := range pages {
			wg.Go(func() { status[i] = p.Submit("Đặt lịch hẹn này").Status })
		}
		wg.Wait()
		if status[0]+status[1] != 200+422 {
			t.Errorf("the two were answered %v", status)
		}
	})
}

// TestBookingInTheBrowser walks the journey in Chromium, and once without scripts.
func TestBookingInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	w := open(t, dbtest.Open(t, db.SQLite, proceduretest.Schemas, proceduretest.Facts))
	w.SignInLan(t, true)
	shots := os.Getenv("DANH_SHOTS")
	b := webtest.Chromium(t)
	for i, x := range []struct {
		name   string
		width  int
		dark   bool
		silent bool
	}{{"1280-light", 1280, false, false}, {"360-dark", 360, true, false}, {"360-plain", 360, false, true}} {
		tab := b.Tab(x.width, x.dark)
		look := func(name string) {
			t.Helper()
			if !x.silent {
				tab.Accessible()
				if n := tab.Overflow(); n > 0 {
					t.Errorf("%s at %s: %d px wider than the window", name, x.name, n)
				}
			}
			for _, p := range tab.Problems() {
				if !strings.Contains(p, "status of 422") {
					t.Errorf("%s at %s: %v", name, x.name, p)
				}
			}
			if shots != "" {
				tab.Shot(filepath.Join(shots, "booking-"+name+"-"+x.name+".png"))
			}
		}
		tab.Go(w.Portal.URL + "/booking").Want("Bạn đến để làm việc gì?")
		look("what")
		tab.Go(w.Portal.URL + "/booking?procedure=nang-muc-2&q=kim+lien+ha+noi").Want("Công an phường Kim Liên")
		look("where")
		href := webtest.Eval[string](tab, `document.querySelector("main a[href*='office=']").href`)
		tab.Go(href).Want("Bạn đến ngày nào?")
		look("day")
		tab.Go(href + "&day=2026-11-25").Want("Bạn đến lúc mấy giờ?")
		look("time")
		if x.silent {
			tab.WithoutScripts()
			tab.Go(href + "&day=2026-11-25")
		}
		tab.Click("Đi tiếp")
		if i == 0 || strings.Contains(tab.URL(), "/signin") {
			tab.Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập")
			if strings.Contains(tab.URL(), "/consent") {
				tab.Click("Đồng ý")
			}
		}
		tab.Want("Hãy chọn")
		look("time-wrong")
		tab.Click([]string{"08:10–08:30", "08:50–09:10", "09:30–09:50"}[i]).Click("Đi tiếp").Want("Xem lại trước khi đặt")
		look("confirm")
		tab.Click("Đặt lịch hẹn này").Want("Đã đặt lịch hẹn", "Mã lịch hẹn")
		look("receipt")
		mine := strings.TrimSuffix(tab.URL(), "?booked=1")
		tab.Go(w.Portal.URL + "/cases").Want("Lịch hẹn sắp tới")
		look("cases")
		tab.Go(mine + "/change").Want("Đang hẹn lúc")
		look("change")
		tab.Go(mine + "/cancel").Want("Chỗ của bạn sẽ dành cho người khác")
		look("cancel")
		tab.Click("Hủy lịch hẹn này").Want("Đã hủy")
		look("cancelled")
	}
}
