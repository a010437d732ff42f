// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"danh/account"
	. "danh/account/accounttest"
	"danh/account/approval"
	"danh/account/remote"
	"danh/internal/webtest"
	"danh/web/citizen"
)

const phone = "0912345678"

func serve(t *testing.T, h *House) *webtest.Client {
	return webtest.Serve(t, doorOf(h))
}

func doorOf(h *House) http.Handler {
	approvals := approval.New(approval.Config{DB: h.DB, Clock: h.Clock, Seal: h.Seal, Audit: h.Audit, Accounts: h.Keeper})
	codes := remote.New(remote.Config{DB: h.DB, Clock: h.Clock, Audit: h.Audit, Accounts: h.Keeper, Approvals: approvals})
	return citizen.Door(citizen.Config{Accounts: h.Keeper, Approvals: approvals, Remote: codes, Notify: h.Notify, Audit: h.Audit, Clock: h.Clock, Log: h.Log, Portal: "http://localhost:8081"})
}

var picture = map[string]webtest.File{"portrait": {Name: "toi.jpg", Type: "image/jpeg", Data: Portrait()}}

// details fills the first question.
func details(p *webtest.Page, who Person) *webtest.Page {
	return p.Submit("Tiếp tục", "number", who.Declared.Number.Reveal(), "name", who.Declared.Name, "birth_date", who.Declared.BirthDate.Vietnamese(), "sex", string(who.Declared.Sex))
}

// open plays the whole opening.
func open(t *testing.T, h *House, c *webtest.Client, who Person, phone, start string) *webtest.Page {
	t.Helper()
	p := c.Get(start).Want(200, "Mở tài khoản").Submit("Bắt đầu").At("/open/details")
	p = details(p, who).At("/open/portrait").SubmitFiles("Tiếp tục", picture).At("/open/phone")
	p = p.Submit("Gửi mã", "phone", phone).At("/open/code").Want(200, "Đừng đọc mã này cho ai")
	p.Lacks(phone)
	p = p.Submit("Tiếp tục", "code", h.Code(t, phone)).At("/open/email").Submit("Tiếp tục", "email", "").At("/open/password")
	return p.Submit("Mở tài khoản", "password", string(Password), "again", string(Password)).At("/open/done")
}

func TestSheOpensAnAccountAndSignsIn(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		c := serve(t, h)
		open(t, h, c, lan, phone, "/open").Want(200, "Tài khoản đã mở", "Tài khoản mức 1").Lacks("tạm thời")
		p := c.Get("/").Want(200, "Nguyễn Thị Phương Lan", "Mức 1", "02/09/1990").Lacks("tạm thời")
		p.Click("Tài khoản và mức Làm được gì ở mức này, cách lên mức 2").At("/account").Want(200, "Ví giấy tờ", "Sẽ có sau", "Cần mức 2")
		p.Submit("Đăng xuất").At("/signin")
		c.Get("/security").At("/signin").Submit("Đăng nhập", "number", lan.Old, "password", string(Password)).At("/security").Want(200, "Máy này")
		c.English()
		c.Get("/security").Want(200, "Devices and security", "This device")
		c.Get("/").Want(200, "Identity account", "Who looked at your data")
	})
}

func TestSheGoesBackToThePortal(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		c := serve(t, h)
		to := "http://localhost:8081/lodging/new"
		p := open(t, h, c, h.Register(t, Lan), phone, "/open?return="+url.QueryEscape(to))
		if !p.Has(`a[href="` + to + `"]`) {
			t.Error("no way back to her procedure")
		}
		c.Forget()
		p = open(t, h, c, h.Register(t, Minh2()), "0987654321", "/open?return=https://evil.example/")
		if p.Has(`a[href*="evil"]`) {
			t.Error("leads to a stranger")
		}
	})
}

func TestAHalfFinishedOpeningIsResumed(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		c := serve(t, h)
		details(c.Get("/open").Submit("Bắt đầu"), lan).At("/open/portrait")
		c.Get("/open/password").At("/open/portrait") // no step is skipped
		c.Get("/open/done").At("/open/portrait")
		p := c.Get("/open").Want(200, "Bạn đang mở dở một tài khoản").Click("Làm tiếp").At("/open/portrait")
		if got := p.Click("Quay lại").At("/open/details").Value("name"); got != Lan.Name {
			t.Errorf("she finds %q", got)
		}
		// Another browser finds nothing.
		other := webtest.New(t, c.Base)
		other.Get("/open/details").At("/open").Want(200, "Bắt đầu")
	})
}

func TestWrongEntriesAreExplained(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		c := serve(t, h)
		p := c.Get("/open").Submit("Bắt đầu")
		p = p.Submit("Tiếp tục", "number", "00119000123", "name", "", "birth_date", "31/2/1990").Want(422, "Số định danh có 12 chữ số", "Hãy điền họ và tên", "Ngày chưa đúng", "Hãy chọn giới tính")
		p = details(p, lan).At("/open/portrait")
		p = p.SubmitFiles("Tiếp tục", map[string]webtest.File{"portrait": {Name: "x.pdf", Type: "application/pdf", Data: []byte("%PDF-1.7")}}).Want(422, "không phải ảnh")
		p = p.SubmitFiles("Tiếp tục", picture).At("/open/phone").Submit("Gửi mã", "phone", "024 3825 1234").Want(422, "số di động Việt Nam")
		p = p.Submit("Gửi mã", "phone", phone).At("/open/code")
		wrong := "000000"
		if h.Code(t, phone) == wrong {
			wrong = "111111"
		}
		p = p.Submit("Tiếp tục", "code", wrong).Want(422, "Mã chưa đúng. Còn 4 lần thử.")
		p = p.Submit("Tiếp tục", "code", h.Code(t, phone)).At("/open/email").Submit("Tiếp tục", "email", "lan@example.vn").At("/open/password")
		p = p.Submit("Mở tài khoản", "password", "Lan12345", "again", "Lan12345").Want(422, "ký tự đặc biệt")
		if p.Value("password") != "" {
			t.Error("a password was refilled")
		}
		p.Submit("Mở tài khoản", "password", string(Password), "again", "khác").Want(422, "chưa giống nhau").
			Submit("Mở tài khoản", "password", string(Password), "again", string(Password)).At("/open/done").Want(200, "tạm thời")
		c.Get("/").Want(200, "Chỉ hiện những gì bạn tự khai", lan.Declared.Name).Lacks(lan.Old)
	})
}

// A relying party sent her to sign in, and she has no account: once it is open
// she goes on with the same request.
func TestAnOpeningOnTheWayToAPartner(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		c := serve(t, h)
		p := c.Get("/signin?request=abc").Click("Mở tài khoản").At("/open")
		if got := p.Submit("Bắt đầu").At("/open/details"); got.Status != 200 {
			t.Fatal(got.Status)
		}
		o, err := h.Keeper.FindOpening(t.Context(), account.Token(c.Cookie("danh-citizen-opening")))
		if err != nil || o.ReturnTo != "/authorize?request=abc" {
			t.Errorf("returns to %q, %v", o.ReturnTo, err)
		}
	})
}

func TestUnder14AreToldHow(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		c := serve(t, h)
		c.Get("/open").Submit("Bắt đầu").Submit("Tiếp tục", "number", "001212000001", "name", "Trần Bé", "birth_date", "22/11/2012", "sex", "male").
			At("/open/young").Want(200, "Cha, mẹ hoặc người giám hộ")
	})
}

var caseCode = regexp.MustCompile(`MD-26-[2-9A-Z]{4}-[2-9A-Z]{4}`)

// Whatever the reason, the applicant sees one page: the texts are equal to the
// letter once the code is taken out, and so are statuses and the log's entries.
func TestNumberEnumerationByOpening(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		lan, dead, minh := h.Register(t, Lan), h.Register(t, Dead), h.Register(t, Minh)
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		h.Open(t, lan, phone)
		h.Deliver(t)
		unknown := minh
		unknown.Declared.Number = "079085009999"
		wrongName := minh
		wrongName.Declared.Name = "Trần Văn Mình"
		type seen struct {
			page, path      string
			status, entries int
			work            int64
		}
		var first seen
		for i, who := range []Person{lan, dead, unknown, wrongName} {
			c := serve(t, h)
			before, hashes := len(h.Audited(t)), h.Keeper.Hashes()
			p := details(c.Get("/open").Submit("Bắt đầu"), who).At("/open/portrait").SubmitFiles("Tiếp tục", picture)
			s := seen{caseCode.ReplaceAllString(webtest.Words(p.Doc), "CODE"), p.URL.Path, p.Status, len(h.Audited(t)) - before, h.Keeper.Hashes() - hashes}
			if i == 0 {
				first = s
			}
			if s != first {
				t.Errorf("%d: differs:\n%+v\n%+v", i, s, first)
			}
		}
		if first.path != "/open/case" || !strings.Contains(first.page, "CODE") || !strings.Contains(first.page, "23:59") {
			t.Errorf("%+v", first)
		}
		// The one who has an account is told that somebody tried.
		h.Deliver(t)
		if got := strings.Join(h.Post.To(phone), "\n"); !strings.Contains(got, "vừa thử mở tài khoản") {
			t.Errorf("she was told %q", got)
		}
	})
}

func TestACaseIsFollowedByItsCode(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		minh := h.Register(t, Minh)
		minh.Declared.Name = "Trần Văn Mình"
		c := serve(t, h)
		p := details(c.Get("/open").Submit("Bắt đầu"), minh).SubmitFiles("Tiếp tục", picture).At("/open/case").Want(200, "23/11/2026 23:59")
		code := caseCode.FindString(webtest.Words(p.Doc))
		c.Forget()
		c.Get("/case").Submit("Tra cứu", "case", code, "proof", "1/1/1999").Want(404, "Không có hồ sơ nào khớp")
		c.Get("/case").Submit("Tra cứu", "case", "MD-26-ZZZZ-ZZZZ", "proof", "30/1/1985").Want(404, "Không có hồ sơ nào khớp")
		c.Get("/case").Submit("Tra cứu", "case", strings.ToLower(strings.ReplaceAll(code, "-", " ")), "proof", "30/1/1985").Want(200, code, "Đang xem xét").Lacks("Mình", "079085")
	})
}

// Unknown, wrong and locked are answered alike, down to the count of tries.
func TestNumberEnumerationBySignIn(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		h.Open(t, lan, phone)
		_, minh := h.Open(t, h.Register(t, Minh), "0987654321")
		h.Lock(t, minh.Account)
		for try := range 12 {
			type seen struct {
				page, retry string
				status      int
				hashes      int64
			}
			var first seen
			for i, who := range []struct{ number, password string }{{"001190001234", "Sai-mật-khẩu-1"}, {"079085004321", string(Password)}, {"079999999999", "Sai-mật-khẩu-1"}} {
				c := serve(t, h)
				before := h.Keeper.Hashes()
				p := c.Get("/signin").Submit("Đăng nhập", "number", who.number, "password", who.password)
				s := seen{webtest.Words(p.Doc), p.Header.Get("Retry-After"), p.Status, h.Keeper.Hashes() - before}
				if i == 0 {
					first = s
				}
				if s != first {
					t.Fatalf("try %d: %s differs:\n%+v\n%+v", try, who.number, s, first)
				}
			}
		}
	})
}

func TestSignInLeadsOnlyToThisDoor(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		h.Open(t, h.Register(t, Lan), phone)
		for from, want := range map[string]string{
			"/signin?return=/security":                "/security",
			"/signin?return=https://evil.example/":    "/",
			"/signin?return=//evil.example/":          "/",
			"/signin?return=/%5Cevil.example/":        "/",
			"/signin?request=abc%26x":                 "/authorize?request=abc%26x",
			"/signin?request=a&return=//evil.example": "/authorize?request=a",
		} {
			c := serve(t, h)
			p := c.Get(from)
			c.Stop()
			p = p.Submit("Đăng nhập", "number", "001190001234", "password", string(Password))
			if got := p.Header.Get("Location"); p.Status != 303 || got != want {
				t.Errorf("%s: %d %q", from, p.Status, got)
			}
		}
	})
}

// A session that an attacker planted does not become hers.
func TestSessionFixation(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		h.Open(t, lan, phone)
		planted, _ := h.Open(t, h.Register(t, Minh), "0987654321")
		c := serve(t, h)
		c.Header.Set("Cookie", "danh-citizen="+planted.Reveal())
		p := c.Stop().Post("/signin", url.Values{"number": {"001190001234"}, "password": {string(Password)}})
		if p.Status != 303 {
			t.Fatalf("%d", p.Status)
		}
		if got := c.Cookie("danh-citizen"); got == "" || got == planted.Reveal() {
			t.Error("the planted token was taken over")
		}
		if s, err := h.Keeper.FindSession(t.Context(), planted); err == nil {
			t.Errorf("the planted session lives, for %v", s.Person == lan.ID)
		}
		cookie := p.Header.Values("Set-Cookie")
		for _, want := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
			if !strings.Contains(strings.Join(cookie, "\n"), want) {
				t.Errorf("cookie lacks %s", want)
			}
		}
	})
}

func TestCrossSitePostsAreRefused(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		h.Open(t, lan, phone)
		c := serve(t, h)
		c.Get("/signin").Submit("Đăng nhập", "number", "001190001234", "password", string(Password)).At("/")
		for _, path := range []string{"/signout", "/signin", "/open", "/security/everywhere", "/security/password", "/account/carrier", "/security/end"} {
			c.PostFrom("https://evil.example", path, url.Values{"number": {"001190001234"}, "password": {string(Password)}}).Want(403)
		}
		c.Get("/security").Want(200, "Máy này")
	})
}

func TestAnOldPasswordMustBeChanged(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		h.Open(t, lan, phone)
		h.Clock.Advance(170 * 24 * time.Hour)
		for range 2 {
			for _, p := range h.Keeper.Purges() {
				if _, err := p.RunOnce(t.Context(), h.DB, h.Clock.Now()); err != nil {
					t.Fatal(err)
				}
			}
		}
		h.Deliver(t)
		c := serve(t, h)
		c.Get("/signin").Submit("Đăng nhập", "number", "001190001234", "password", string(Password)).At("/").Want(200, "Sắp đến hạn đổi mật khẩu")
		h.Clock.Advance(20 * 24 * time.Hour)
		c = serve(t, h)
		c.Get("/signin?return=/consents").Submit("Đăng nhập", "number", "001190001234", "password", string(Password)).At("/security/password").Want(200, "quá 6 tháng")
		c.Get("/inbox").At("/security/password")
		c.Get("/").At("/security/password")
		p := c.Get("/security/password?return=/security")
		p = p.Submit("Đổi mật khẩu", "old", string(Password), "password", string(Password), "again", string(Password)).Want(422, "đã dùng mật khẩu này gần đây")
		p = p.Submit("Đổi mật khẩu", "old", "sai", "password", "Mưa-rào-8-giờ", "again", "Mưa-rào-8-giờ").Want(422, "Mật khẩu hiện tại chưa đúng")
		p.Submit("Đổi mật khẩu", "old", string(Password), "password", "Mưa-rào-8-giờ", "again", "Mưa-rào-8-giờ").At("/security")
		c.Get("/").At("/").Want(200, "Nguyễn Thị Phương Lan")
		h.Deliver(t)
		if got := strings.Join(h.Post.To(phone), "\n"); !strings.Contains(got, "Mật khẩu tài khoản của bạn vừa được đổi") {
			t.Error("she was not told")
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		h.Open(t, h.Register(t, Lan), phone)
		signIn := func() *webtest.Client {
			c := serve(t, h)
			c.Header.Set("User-Agent", "Mozilla/5.0 (iPhone) Safari/605")
			c.Get("/signin").Submit("Đăng nhập", "number", "001190001234", "password", string(Password)).At("/")
			return c
		}
		a, b, d := signIn(), signIn(), signIn()
		a.Get("/security").Want(200, "Safari, iPhone", "Firefox trên Linux").Submit("Kết thúc").At("/security")
		alive := func(c *webtest.Client) bool { return c.Get("/security").URL.Path == "/security" }
		if got := []bool{alive(a), alive(b), alive(d)}; !got[0] || !got[1] && !got[2] {
			t.Errorf("alive %v", got)
		}
		a.Get("/security/everywhere").Submit("Đăng xuất").At("/signin")
		if alive(a) || alive(b) || alive(d) {
			t.Error("a session lives on")
		}
		e := signIn()
		h.Clock.Advance(29 * time.Minute)
		if !alive(e) {
			t.Error("ended early")
		}
		h.Clock.Advance(31 * time.Minute)
		if alive(e) {
			t.Error("idle and alive")
		}
		f := signIn()
		for range 30 {
			h.Clock.Advance(25 * time.Minute)
			alive(f)
		}
		if alive(f) {
			t.Error("in use for twelve hours and alive")
		}
	})
}
