// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	. "danh/account/accounttest"
	"danh/account/approval"
	"danh/account/recovery"
	"danh/internal/webtest"
	"danh/web/citizen"
)

var stopPath = regexp.MustCompile(`/recover/stop/[a-z2-9]{26}`)

// withRecovery is the door with a desk of recoveries.
func withRecovery(t *testing.T, h *House) *webtest.Client {
	t.Helper()
	a := approval.New(approval.Config{DB: h.DB, Clock: h.Clock, Seal: h.Seal, Audit: h.Audit, Accounts: h.Keeper})
	d := recovery.New(recovery.Config{Approvals: a, DB: h.DB, Clock: h.Clock, Log: h.Log, Seal: h.Seal, Jobs: h.Jobs, Audit: h.Audit, Notify: h.Notify, Accounts: h.Keeper, Carrier: h.Carrier, Citizen: Citizen})
	return webtest.Serve(t, citizen.Door(citizen.Config{Accounts: h.Keeper, Approvals: a, Recovery: d, Notify: h.Notify, Audit: h.Audit, Clock: h.Clock, Log: h.Log, Portal: "http://localhost:8081"}))
}

func stopPathTo(t *testing.T, h *House, phone string) string {
	t.Helper()
	h.Deliver(t)
	for _, text := range slices.Backward(h.Post.To(phone)) {
		if p := stopPath.FindString(text); p != "" {
			return p
		}
	}
	t.Fatalf("no link in %q", h.Post.To(phone))
	return ""
}

func TestSheGetsHerAccountBackByACodeOnPaper(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		c := withRecovery(t, h)
		lan := h.Register(t, Lan)
		h.Carrier.Says(phone, lan.Declared.Number, "yes")
		open(t, h, c, lan, phone, "/open")
		c.Get("/security/codes").Want(200, "Bạn chưa có mã nào").Submit("Tạo mã khôi phục").At("/stepup")
		key := h.Enlist(t, signed(t, h, c), Citizen)
		p := c.Get("/security/codes").Submit("Tạo mã khôi phục").At("/stepup")
		p = p.Submit(byPasskey, "credential", answered(t, p, key)).At("/security/codes").Submit("Tạo mã khôi phục").Want(200, "Chỉ hiện một lần này")
		codes := p.Texts("ol.codes code")
		if len(codes) != 10 {
			t.Fatalf("%d codes are shown", len(codes))
		}
		c.Get("/security/codes").Want(200, "10 / 10").Lacks(codes[0])
		c.Get("/security").Want(200, "Còn 10 trên 10 mã").Lacks(codes[0])
		h.Clock.Advance(73 * time.Hour) // younger codes recover nothing
		c.Get("/signin").Submit("Đăng nhập", "number", lan.Declared.Number.Reveal(), "password", string(Password)).At("/")
		b := webtest.New(t, c.Base)
		b.Get("/recover/begin?kind=phone_lost").Submit("Tiếp tục", "number", lan.Declared.Number.Reveal(), "name", lan.Declared.Name, "birth_date", "02/09/1990")
		h.Deliver(t)
		b.Get("/recover/course").Submit("Mã khôi phục in trên giấy").Submit("Dùng mã này", "paper", codes[4]).Want(200, "Đang chờ", "Mã khôi phục in trên giấy")
		h.Clock.Advance(24 * time.Hour)
		c.Get("/signin").Submit("Đăng nhập", "number", lan.Declared.Number.Reveal(), "password", string(Password)).At("/")
		p = b.Get("/recover/course").Want(200, "Đã đến lúc hoàn tất")
		p.Submit("Lấy lại tài khoản", "password", "Gió-lạ-8-suối", "again", "khác").Want(422, "Hai lần nhập khác nhau").Lacks("Gió-lạ")
		p.Submit("Lấy lại tài khoản", "password", "ngắn", "again", "ngắn").Want(422)
		p.Submit("Lấy lại tài khoản", "password", "Gió-lạ-8-suối", "again", "Gió-lạ-8-suối").Want(200, "Tài khoản đã chuyển sang máy này")
		b.Get("/security").At("/security")
		c.Get("/security").At("/signin")
	})
}

func TestAThiefWaitsAndSheStopsHim(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		c := withRecovery(t, h)
		lan := h.Register(t, Lan)
		h.Carrier.Says(phone, lan.Declared.Number, "yes")
		open(t, h, c, lan, phone, "/open")
		c.Get("/security").Want(200, "Chưa có mã nào dùng được")
		thief := webtest.New(t, c.Base)
		p := thief.Get("/signin").Click("Quên mật khẩu hay mất điện thoại?").At("/recover").Click("Quên mật khẩu Vẫn còn điện thoại và số").At("/recover/begin")
		p.Submit("Tiếp tục", "number", "12", "name", "", "birth_date", "31/02/1990").Want(422, "chữ số", "Điền họ và tên")
		p = p.Submit("Tiếp tục", "number", lan.Declared.Number.Reveal(), "name", lan.Declared.Name, "birth_date", lan.Declared.BirthDate.Vietnamese()).At("/recover/course")
		p.Want(200, "Chứng minh là bạn", "Chip thẻ căn cước").Lacks(lan.Declared.Number.Reveal())
		h.Deliver(t)
		p = thief.Get("/recover/course").Submit("Mã gửi tới số đã đăng ký").At("/recover/course").Want(200, "Không đọc mã cho ai")
		p = p.Submit("Gửi mã")
		p.Want(200, "Xác nhận mã").Submit("Xác nhận mã", "code", "000000").Want(422, "không")
		h.Deliver(t)
		p = thief.Get("/recover/course").Submit("Xác nhận mã", "code", h.Code(t, phone)).Want(200, "Đang chờ", "Đã báo mọi kênh")
		if p.Has(`input[name="password"]`) {
			t.Error("the password is asked for before its time")
		}
		thief.Post("/recover/finish", url.Values{"password": {"Gió-lạ-8-suối"}, "again": {"Gió-lạ-8-suối"}}).Want(409, "Chưa hết thời gian chờ")
		// She is told at home too, and by a link that shows what it stops.
		c.Get("/").Want(200, "Có người xin lấy lại tài khoản của bạn").Click("Xem và dừng").Want(200, "Quên mật khẩu", "Dừng lại, không phải tôi")
		path := stopPathTo(t, h, phone)
		reader := webtest.New(t, c.Base)
		reader.Get(path).Want(200, "Có người xin đặt lại mật khẩu của bạn", "trên máy lạ", "Một chạm là dừng ngay")
		thief.Get("/recover/course").Want(200, "Đang chờ")
		reader.PostFrom("https://evil.example", path, url.Values{}).Want(403)
		reader.Get(path).Submit("Dừng lại, không phải tôi").At("/recover/stopped").Want(200, "Không có gì thay đổi", "Khóa tài khoản")
		reader.Get(path).Want(404, "không còn dừng được gì")
		thief.Get("/recover/course").Want(200, "Yêu cầu đã dừng")
		h.Clock.Advance(8 * 24 * time.Hour)
		thief.Post("/recover/finish", url.Values{"password": {"Gió-lạ-8-suối"}, "again": {"Gió-lạ-8-suối"}}).Lacks("Tài khoản đã chuyển")
		c.Forget()
		c.Get("/signin").Submit("Đăng nhập", "number", lan.Declared.Number.Reveal(), "password", string(Password)).At("/")
	})
}

// Another phone: a code to the new one, and her approval, word for word, on her device.
func TestSheChangesHerPhoneOnHerDevice(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		c := withRecovery(t, h)
		lan := h.Register(t, Lan)
		h.Carrier.Says(phone, lan.Declared.Number, "yes")
		open(t, h, c, lan, phone, "/open")
		key := h.Enlist(t, signed(t, h, c), Citizen)
		const other = "0977123456"
		p := c.Get("/recover").Click("Đổi số điện thoại Vẫn còn máy đã đăng nhập").Submit("Tiếp tục").At("/recover/course").Want(200, "Số mới của bạn")
		p = p.Submit("Gửi mã", "phone", other)
		p = p.Submit("Xác nhận mã", "code", h.Code(t, other)).Want(200, "Số mới đã xác nhận").Submit("Xác nhận trên máy này").Submit("Xem và xác nhận").Want(200, "Đổi số điện thoại của tài khoản", "0977 123 456")
		p.Submit("Xác nhận", "credential", answered(t, p, key)).At("/recover/course").Want(200, "Đang chờ")
		h.Deliver(t)
		if !strings.Contains(strings.Join(h.Post.To(phone), "\n"), "đổi số điện thoại") {
			t.Errorf("the earlier phone was told %q", h.Post.To(phone))
		}
		h.Clock.Advance(24 * time.Hour)
		c.Get("/recover/course").Submit("Dùng số mới").Want(200, "Số mới đã dùng được")
		h.Deliver(t)
		if all := h.Post.To(other); !strings.Contains(all[len(all)-1], "Số điện thoại của tài khoản vừa được đổi") {
			t.Errorf("the new phone was told %q", all)
		}
	})
}

// A number that nobody has gets every page that somebody's gets.
func TestPagesTellNothing(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		c := withRecovery(t, h)
		lan := h.Register(t, Lan)
		h.Open(t, lan, phone)
		pages := func(number string) []string {
			b := webtest.New(t, c.Base)
			var out []string
			add := func(p *webtest.Page) *webtest.Page {
				out = append(out, strings.Join(p.Texts("h1, h2, p, b, button"), "|"))
				return p
			}
			add(b.Get("/recover/begin?kind=password").Submit("Tiếp tục", "number", number, "name", lan.Declared.Name, "birth_date", "02/09/1990"))
			h.Deliver(t)
			add(b.Get("/recover/course"))
			add(b.Get("/recover/course").Submit("Mã gửi tới số đã đăng ký"))
			add(b.Get("/recover/course").Submit("Gửi mã"))
			h.Deliver(t)
			add(b.Get("/recover/course").Submit("Xác nhận mã", "code", "123456"))
			add(b.Get("/recover/course").Submit("Mã khôi phục in trên giấy"))
			add(b.Get("/recover/course").Submit("Dùng mã này", "paper", "ABCD-2345-EFGH").Want(422, "không khớp"))
			return out
		}
		if a, b := pages(lan.Declared.Number.Reveal()), pages("001190005555"); !slices.Equal(a, b) {
			for i := range a {
				if a[i] != b[i] {
					t.Errorf("page %d tells them apart:\n%s\n%s", i, a[i], b[i])
				}
			}
		}
	})
}

func TestRecoveryLooks(t *testing.T) {
	if testing.Short() {
		t.Skip("draws pages")
	}
	Run(t, func(t *testing.T, h *House) {
		if strings.HasSuffix(t.Name(), "postgresql") {
			t.Skip("pages look the same on both")
		}
		b := webtest.Chromium(t)
		c := withRecovery(t, h)
		lan := h.Register(t, Lan)
		h.Carrier.Says(phone, lan.Declared.Number, "yes")
		h.Open(t, lan, phone)
		shots := os.Getenv("DANH_SHOTS")
		see := func(tab *webtest.Tab, name string) {
			tab.Accessible()
			if n := tab.Overflow(); n > 0 {
				t.Errorf("%s is %d px too wide", name, n)
			}
			if shots != "" {
				tab.Shot(filepath.Join(shots, "recover-"+name+".png"))
			}
		}
		for _, dark := range []bool{false, true} {
			suffix := map[bool]string{false: "", true: "-dark"}[dark]
			tab := b.Tab(360, dark)
			see(tab.Go(c.Base+"/recover"), "choose"+suffix)
			see(tab.Go(c.Base+"/recover/begin?kind=password"), "ask"+suffix)
			tab.Fill("Số định danh cá nhân", lan.Declared.Number.Reveal()).Fill("Họ và tên", lan.Declared.Name).Fill("Ngày sinh", "02/09/1990").Click("Tiếp tục").Want("Chứng minh là bạn")
			h.Deliver(t)
			see(tab, "prove"+suffix)
			tab.Click("Mã gửi tới số đã đăng ký").Want("Không đọc mã cho ai").Click("Gửi mã").Want("Xác nhận mã")
			code := h.Code(t, phone)
			see(tab, "code"+suffix)
			webtest.Eval[bool](tab, `(document.querySelector('input[name=code]').value = "`+code+`", true)`)
			tab.Click("Xác nhận mã").Want("Đã báo mọi kênh")
			see(tab, "course"+suffix)
			other := b.Tab(360, dark)
			see(other.Go(c.Base+stopPathTo(t, h, phone)), "stop"+suffix)
			h.Clock.Advance(24 * time.Hour)
		}
	})
}
